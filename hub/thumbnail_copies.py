"""The write side of thumbnails: which addresses there are, when each is asked next, and the copies of what came.

After a harvest a bounded pass asks the addresses that are due: new ones first, good ones again after a month, with the
server's own ETag or date, dead ones after a day, then two, four … up to a month. robots.txt is obeyed.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from harvesters.contract import Source, SourceError
from harvesters.http import Manners, PoliteSession
from harvesters.keep import Keep
from hub.config import Settings
from hub.errors import LockedError
from hub.log import Log, RecordRow
from hub.store import write_lock
from hub.thumbnail_images import small
from hub.thumbnails import folder, link_path

logger = logging.getLogger(__name__)
metadata = sa.MetaData()
addresses = sa.Table(
    "thumbnails",
    metadata,
    sa.Column("address", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("next_try", sa.String, nullable=False, index=True),
    sa.Column("tried", sa.String),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("sha256", sa.String),
    sa.Column("etag", sa.String),
    sa.Column("last_modified", sa.String),
)
# Name of the remembered change up to which addresses are listed.
LISTED: Final = "thumbnails_listed"
CHUNK: Final = 500
MAX_ADDRESSES_OF_RECORD: Final = 20
MAX_BYTES: Final = 20 << 20
DEADLINE_S: Final = 30.0
AGAIN: Final = timedelta(days=30)
FIRST_PAUSE: Final = timedelta(days=1)
UNCHANGED: Final = 304


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of one address.

    Attributes:
        state: ``new``, ``ok`` or ``dead``; a dead one may still have the copy of a better day.
        next_try: ISO 8601 time before which it is not asked.
        failures: how often in a row it could not be had.
        sha256: of the copy.
    """

    address: str
    state: str = "new"
    next_try: str = ""
    tried: str | None = None
    failures: int = 0
    reason: str | None = None
    sha256: str | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(slots=True)
class Pass:
    """What one pass came to: addresses asked, copies made or confirmed, addresses that are dead."""

    asked: int = 0
    copied: int = 0
    unchanged: int = 0
    dead: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """Addresses by state, dead ones that still have a copy, addresses due now, and the commonest reasons."""

    states: dict[str, int]
    kept: int
    due: int
    reasons: list[tuple[str, int]] = field(default_factory=list)


def after_harvest(settings: Settings, manners: Manners, hosts: Callable[[Source], Iterable[str]]) -> Pass | None:
    """Make the copies that are due, where the settings want copies; whatever fails, the harvest stands.

    Args:
        settings: the hub's settings.
        manners: how the hub behaves towards archives.
        hosts: gives the addresses of a source whose hosts may be private.
    """
    if settings.thumbnails != "on":
        return None
    private = [address for source in settings.sources.values() for address in hosts(source)]
    try:
        return update(settings, manners, private, settings.thumbnails_per_run)
    except LockedError:
        logger.info("thumbnails: another process makes copies")
    except Exception:
        logger.exception("thumbnails: no copies are made this time")
    return None


def update(
    settings: Settings,
    manners: Manners,
    private: Iterable[str],
    limit: int,
    progress: Callable[[int], object] = lambda _: None,
) -> Pass:
    """Ask at most ``limit`` addresses that are due and keep copies of their images.

    Args:
        settings: the hub's settings.
        manners: how the hub behaves towards archives.
        private: URLs of the hosts that may have private addresses; of no other host, and after no redirect.
        limit: most addresses to ask.
        progress: told the number of addresses asked so far.

    Raises:
        LockedError: another process makes copies.
        StoreError: the catalogue cannot be used.
    """
    manners = replace(manners, max_bytes=MAX_BYTES, deadline_s=DEADLINE_S, retries=1, patience_s=DEADLINE_S)
    with write_lock(folder(settings)):
        log = Log(settings.database)
        try:
            known = Addresses(log)
            known.list_new()
            return _pass(known, folder(settings), PoliteSession(manners, private=private), limit, progress)
        finally:
            log.close()


def status(settings: Settings) -> Status:
    """Return how the copies are."""
    log = Log(settings.database)
    try:
        return Addresses(log).status()
    finally:
        log.close()


def _pass(known: Addresses, home: Path, http: PoliteSession, limit: int, progress: Callable[[int], object]) -> Pass:
    done = Pass()
    with http:
        for asked in known.due(limit):
            outcome = _ask(http, home, asked)
            known.put(outcome)
            done.asked += 1
            done.dead += outcome.state == "dead"
            done.unchanged += outcome.state == "ok" and outcome.sha256 == asked.sha256
            done.copied += outcome.state == "ok" and outcome.sha256 != asked.sha256
            progress(done.asked)
    done.left = known.status().due
    return done


def _ask(http: PoliteSession, home: Path, asked: Asked) -> Asked:
    """Return what is known of an address after asking it."""
    headers = {"If-None-Match": asked.etag} if asked.etag else {}
    if not headers and asked.last_modified:
        headers = {"If-Modified-Since": asked.last_modified}
    try:
        if not http.allowed(asked.address):
            return _dead(asked, "robots.txt forbids it, or cannot be read")
        copy = small(http.get(asked.address, headers=headers if asked.sha256 else None))
    except SourceError as err:
        return _good(asked) if err.status == UNCHANGED and asked.sha256 else _dead(asked, _reason(err, asked.address))
    except ValueError as err:
        return _dead(asked, str(err))
    sha256 = Keep(home / "copies").put([copy]).sha256
    _point(link_path(home, asked.address), sha256)
    learnt = http.validators.pop(asked.address, None)
    etag, last_modified = (learnt.etag, learnt.last_modified) if learnt else (None, None)
    return _good(replace(asked, sha256=sha256, etag=etag, last_modified=last_modified))


def _good(asked: Asked) -> Asked:
    return replace(asked, state="ok", failures=0, reason=None, tried=_time(), next_try=_time(AGAIN))


def _dead(asked: Asked, reason: str) -> Asked:
    """Return an address that could not be had, with a pause that doubles each time; its copy stays."""
    pause = min(FIRST_PAUSE * 2 ** min(asked.failures, 10), AGAIN)
    told = {"reason": reason, "tried": _time(), "next_try": _time(pause)}
    return replace(asked, state="dead", failures=asked.failures + 1, **told)


def _reason(err: SourceError, address: str) -> str:
    return f"status {err.status}" if err.status else str(err).replace(address, "the address")[:200]


def _time(later: timedelta = timedelta()) -> str:
    return (datetime.now(UTC) + later).strftime("%Y-%m-%dT%H:%M:%SZ")


def _point(link: Path, sha256: str) -> None:
    """Let the link of an address lead to another copy, in one step."""
    link.parent.mkdir(parents=True, exist_ok=True)
    part = link.with_name(f"{link.name}.part-{os.getpid()}")
    part.unlink(missing_ok=True)
    part.symlink_to(Path("../../copies") / sha256[:2] / sha256)
    part.replace(link)


class Addresses:
    """The addresses of all records' images in the catalogue."""

    def __init__(self, log: Log) -> None:
        log.add_tables(metadata, "thumbnails")
        self._log = log

    def list_new(self) -> int:
        """Add the addresses of records that changed since the last time; return the number of new ones."""
        added, sequence = 0, int(self._log.setting(LISTED) or 0)
        while changes := self._log.changes_since(sequence, CHUNK):
            sequence = changes[-1].sequence
            rows = self._log.records_of((change.source, change.accession) for change in changes)
            added += self._add(dict.fromkeys(address for row in rows for address in images_of(row)))
            self._log.set_setting(LISTED, str(sequence))
        return added

    def _add(self, found: Iterable[str]) -> int:
        wanted = list(found)
        with self._log.engine.begin() as db:
            known: set[str] = set()
            for place in range(0, len(wanted), CHUNK):
                some = addresses.c.address.in_(wanted[place : place + CHUNK])
                known |= set(db.scalars(sa.select(addresses.c.address).where(some)))
            rows = [_row(Asked(address)) for address in wanted if address not in known]
            if rows:
                db.execute(sa.insert(addresses), rows)
        return len(rows)

    def due(self, limit: int) -> list[Asked]:
        """Return at most so many addresses that may be asked now, those never asked first."""
        query = sa.select(addresses).where(addresses.c.next_try <= _time())
        with self._log.engine.connect() as db:
            rows = db.execute(query.order_by(addresses.c.next_try, addresses.c.address).limit(limit)).mappings()
            return [Asked(**row) for row in rows]

    def put(self, asked: Asked) -> None:
        """Write what is known of an address."""
        with self._log.engine.begin() as db:
            db.execute(sa.update(addresses).where(addresses.c.address == asked.address).values(_row(asked)))

    def status(self) -> Status:
        """Return numbers of addresses."""
        count = sa.func.count()
        dead = addresses.c.state == "dead"
        with self._log.engine.connect() as db:
            states = {str(s): int(n) for s, n in db.execute(sa.select(addresses.c.state, count).group_by("state"))}
            kept = db.scalar(sa.select(count).where(dead & addresses.c.sha256.is_not(None))) or 0
            due = db.scalar(sa.select(count).where(addresses.c.next_try <= _time())) or 0
            rows = db.scalars(sa.select(addresses.c.reason).where(dead))
            reasons = Counter(str(reason) for reason in rows).most_common(5)
        return Status(states, int(kept), int(due), reasons)


def _row(asked: Asked) -> dict[str, Any]:
    return {name: getattr(asked, name) for name in asked.__slots__}


def images_of(row: RecordRow) -> Iterator[str]:
    """Yield the addresses of a current record's own images and of its parts', at most twenty."""
    if row.state != "active":
        return
    record = json.loads(row.record)
    found = [*(record.get("thumbnail") or ())]
    found += [address for part in record.get("has_part") or () for address in part.get("thumbnail") or ()]
    yield from (a for a in found[:MAX_ADDRESSES_OF_RECORD] if a.startswith(("http://", "https://")))
