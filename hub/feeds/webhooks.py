"""Webhooks: what changed is sent to subscribers, in order and at least once, without holding up anybody.

Each subscriber has a place in the log of its own, kept in the catalogue, which moves on when it has taken what was
sent. What cannot be sent is sent later; who takes nothing for days is not tried any more.
"""

from __future__ import annotations

import fcntl
import logging
import pickle
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from harvesters.contract import SourceError
from harvesters.polite.pace import retry_after_s
from hub import guarded, snapshots
from hub.config import Settings
from hub.errors import ConfigError, HubError
from hub.feeds import cloudevents
from hub.feeds.journal import Journal
from hub.feeds.subscribers import Subscriber, Subscribers
from hub.feeds.webhook_settings import Webhook
from hub.log import Log, now
from hub.peers import keys

logger = logging.getLogger(__name__)
TIMEOUT_S: Final = 15.0
STAY_S: Final = 60.0
"""Pauses up to this long are waited for; a longer one is left to the next pass."""
# Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability
PAUSES_S: Final = (5, 30, 300, 1800, 7200, 18_000, 36_000)
MOST_PAUSE_S: Final = 86_400.0
GONE: Final = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a pass came to for one subscriber.

    Attributes:
        name: of the subscriber.
        events: changes that it took.
        cursor: its place in the log.
        behind: changes that it has yet to be told of, or to pass over.
        error: why it is not told of all, or None.
    """

    name: str
    events: int
    cursor: int
    behind: int
    error: str | None = None


# --- starting ----------------------------------------------------------------------------------------------------


def after_publication(settings: Settings) -> None:
    """Start to send what was published, in a process of its own; what goes wrong is logged, not raised."""
    if not settings.webhooks:
        return
    try:
        command = [sys.executable, "-m", "hub.feeds.delivering"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        assert process.stdin is not None
        with process.stdin as told:
            told.write(pickle.dumps(settings))
        threading.Thread(target=process.wait, daemon=True).start()
    except OSError as err:
        logger.warning("webhooks: nothing is sent now: %s", err)


def attend(settings: Settings) -> list[Outcome]:
    """Send what is due, and wait for the first retries; each subscriber by itself."""
    return _each(settings, sorted(settings.webhooks), partial(_attended, settings))


def deliver(settings: Settings, names: Iterable[str] = ()) -> list[Outcome]:
    """Send now what subscribers have not taken yet, also to those that are to be tried later.

    Args:
        settings: the hub's settings.
        names: of subscribers; all when none is named.

    Raises:
        ConfigError: there is no such subscriber.
    """
    wanted = [_webhook(settings, name).name for name in names] or sorted(settings.webhooks)
    return _each(settings, wanted, lambda name: _delivered(settings, name, is_due_only=False)[0])


def _each(settings: Settings, names: list[str], work: Any) -> list[Outcome]:
    if not names:
        return []
    keys.own(settings.key_file)
    with ThreadPoolExecutor(len(names)) as threads:
        return list(threads.map(work, names))


def _attended(settings: Settings, name: str) -> Outcome:
    while True:
        outcome, pause_s = _delivered(settings, name, is_due_only=True)
        if pause_s is None or pause_s > STAY_S:
            return outcome
        time.sleep(pause_s)


def _webhook(settings: Settings, name: str) -> Webhook:
    if name not in settings.webhooks:
        known = ", ".join(sorted(settings.webhooks)) or "none"
        raise ConfigError(f"{name}: no such webhook in the settings; there are {known}")
    return settings.webhooks[name]


# --- one subscriber ----------------------------------------------------------------------------------------------


def _delivered(settings: Settings, name: str, *, is_due_only: bool) -> tuple[Outcome, float | None]:
    """Send to one subscriber; return what came of it, and after how many seconds it can be tried again, if ever."""
    hook = settings.webhooks[name]
    with closing(Log(settings.database)) as log:
        delivery = _Delivery(settings, log, hook)
        while True:
            with _line(settings, name) as is_free:
                if not is_free:
                    return delivery.outcome("another process sends to it"), None
                error = delivery.run(is_due_only=is_due_only)
            # Who could not get the line has left; what was published meanwhile is sent here.
            if error is not None or not delivery.has_more():
                return delivery.outcome(error), delivery.pause_s()


@contextmanager
def _line(settings: Settings, name: str) -> Iterator[bool]:
    """Hold the only line to a subscriber, so that what is sent comes in order; yield whether it was free."""
    folder = settings.data_dir / "webhooks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


class _Delivery:
    """One pass over what one subscriber has not taken yet."""

    def __init__(self, settings: Settings, log: Log, hook: Webhook) -> None:
        self.settings, self.hook = settings, hook
        self.log, self.subscribers = log, Subscribers(log)
        self.state = self.subscribers.get(hook.name, self.served())
        self.events = 0

    def served(self) -> int:
        """Return the last sequence number that readers can see."""
        snapshot = snapshots.current_or_none(self.settings.snapshots_dir)
        return snapshot.sequence if snapshot else 0

    def has_more(self) -> bool:
        return self.state.cursor < self.served()

    def pause_s(self) -> float | None:
        """Return after how many seconds the subscriber can be tried again; None when that is not needed."""
        if self.state.next_try is None or self.state.stopped is not None:
            return None
        return max(0.0, (_moment(self.state.next_try) - datetime.now(UTC)).total_seconds())

    def outcome(self, error: str | None) -> Outcome:
        behind = max(0, self.served() - self.state.cursor)
        return Outcome(self.hook.name, self.events, self.state.cursor, behind, error)

    def run(self, *, is_due_only: bool) -> str | None:
        """Send page after page until nothing is left; return why that did not come about, or None."""
        self.state = self.subscribers.get(self.hook.name, self.served())
        if self.state.stopped is not None:
            return f"it is not tried since {self.state.stopped}: `hub webhooks resume {self.hook.name}`"
        if is_due_only and self.pause_s():
            return self.state.error
        self._put(self.state)
        while page := Journal(self.log, self.served()).since(self.state.cursor, self.hook.batch):
            wanted = [v for v in page if cloudevents.is_wanted(self.settings.base_iri, self.hook, v)]
            error = self._send([self._event(v) for v in wanted], self.state.cursor + 1, page[-1].sequence)
            if error is not None:
                return error
        return None

    def _event(self, version: Any) -> dict[str, Any]:
        return cloudevents.event(self.settings.base_iri, self.settings.hub_name, version)

    def _send(self, events: list[dict[str, Any]], first: int, last: int) -> str | None:
        """Send the changes of a page of the log, and move on behind it when they were taken."""
        if events:
            error, status, asked_s = send(self.settings, self.hook, f"{first}-{last}", events)
            if error is not None:
                self._failed(error, status, asked_s)
                return self.state.error
        self.events += len(events)
        delivered = now() if events else self.state.delivered
        self._put(Subscriber(self.hook.name, last, delivered=delivered))
        return None

    def _failed(self, error: str, status: int | None, asked_s: float | None) -> None:
        since = self.state.failing_since or now()
        pause_s = PAUSES_S[min(self.state.tries, len(PAUSES_S) - 1)] * random.uniform(1.0, 1.2)
        pause_s = min(max(pause_s, asked_s or 0.0), MOST_PAUSE_S)
        is_over = datetime.now(UTC) - _moment(since) >= timedelta(days=self.settings.webhook_days)
        told = replace(self.state, tries=self.state.tries + 1, failing_since=since, error=error)
        next_try = (datetime.now(UTC) + timedelta(seconds=pause_s)).isoformat(timespec="milliseconds")
        stopped = now() if is_over or status == GONE else None
        self._put(replace(told, next_try=None if stopped else next_try, stopped=stopped))
        logger.warning("webhook %s: %s%s", self.hook.name, error, "; it is not tried any more" if stopped else "")

    def _put(self, state: Subscriber) -> None:
        self.state = state
        self.subscribers.put(state)


def send(
    settings: Settings, hook: Webhook, place: str, events: list[dict[str, Any]]
) -> tuple[str | None, int | None, float | None]:
    """Send events once; return what went wrong, the status, and the seconds that the subscriber asks to wait.

    Args:
        settings: the hub's settings.
        hook: whom to send to.
        place: of the events in the log; names the request, also when it is sent again.
        events: what to send.
    """
    sent = cloudevents.body(events)
    name = f"{settings.hub_name}-{place}"
    headers = cloudevents.headers(hook, keys.own(settings.key_file), name, int(time.time()), sent)
    asked = guarded.Request("POST", hook.url, headers, sent, is_private=hook.is_private, timeout_s=TIMEOUT_S)
    try:
        reply = guarded.ask(settings, asked)
    except SourceError as err:
        return str(err), None, None
    if 200 <= reply.status < 300:
        return None, reply.status, None
    return f"it answers {reply.status}", reply.status, retry_after_s(reply.headers.get("Retry-After", ""))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- what an operator asks and does ------------------------------------------------------------------------------


def trial(settings: Settings, name: str) -> str | None:
    """Send a subscriber an event that tells of no change; return what went wrong, or None.

    Raises:
        ConfigError: there is no such subscriber.
    """
    at = now()
    event = cloudevents.trial(settings.base_iri, settings.hub_name, at)
    return send(settings, _webhook(settings, name), f"test-{int(time.time())}", [event])[0]


def overview(settings: Settings, log: Log) -> list[dict[str, Any]]:
    """Return how far each configured subscriber has come, by name: the fields of Subscriber, and ``behind``."""
    snapshot = snapshots.current_or_none(settings.snapshots_dir)
    served, known = snapshot.sequence if snapshot else 0, Subscribers(log)
    states = [known.get(name, served) for name in sorted(settings.webhooks)]
    return [{**asdict(state), "behind": max(0, served - state.cursor)} for state in states]


def notices(settings: Settings, log: Log) -> list[dict[str, Any]]:
    """Return the subscribers that take nothing: ``name``, ``failing_since`` and ``stopped``; no address, no error."""
    if not settings.webhooks:
        return []
    shown = ("name", "failing_since", "stopped")
    return [{key: one[key] for key in shown} for one in overview(settings, log) if one["failing_since"]]


def resume(settings: Settings, name: str, since: int | None = None) -> Subscriber:
    """Let a subscriber be tried again, from its place in the log or from another one.

    Args:
        settings: the hub's settings.
        name: of the subscriber.
        since: number of the change after which to begin; None for where it was.

    Raises:
        ConfigError: there is no such subscriber, or no such change.
        HubError: something is being sent to it.
    """
    _webhook(settings, name)
    with closing(Log(settings.database)) as log, _line(settings, name) as is_free:
        if not is_free:
            raise HubError(f"{name}: another process sends to it: try again in a moment")
        last = log.last_sequence()
        if since is not None and not 0 <= since <= last:
            raise ConfigError(f"--since: {since} is not a number from 0 to {last}, the log's last change")
        known = Subscribers(log)
        snapshot = snapshots.current_or_none(settings.snapshots_dir)
        before = known.get(name, snapshot.sequence if snapshot else 0)
        after = Subscriber(name, before.cursor if since is None else since, delivered=before.delivered)
        known.put(after)
        return after


def is_any_due(settings: Settings) -> bool:
    """Tell whether a subscriber has something to take, and may be tried now."""
    try:
        with closing(Log(settings.database)) as log:
            moment = datetime.now(UTC)
            return any(
                one["behind"] and one["stopped"] is None and (not one["next_try"] or _moment(one["next_try"]) <= moment)
                for one in overview(settings, log)
            )
    except (HubError, sa.exc.SQLAlchemyError) as err:
        logger.warning("webhooks: %s", err)
        return False


def look_after(settings: Settings) -> None:
    """Start to send if something is due; what the timetable calls every minute."""
    if settings.webhooks and is_any_due(settings):
        after_publication(settings)
