"""The harvest timetable: each source on its own schedule, one harvest at a time.

``schedule = "hourly"``, ``"daily"``, ``"weekly"``, or five cron fields (``"30 3 * * *"``); times are UTC.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from hub.config import Settings
from hub.copies.upkeep import Upkeep
from hub.errors import ConfigError
from hub.feeds import webhooks
from hub.peers.overview import place

logger = logging.getLogger(__name__)
NAMED_HOURS = {"hourly": 1, "daily": 24, "weekly": 7 * 24}
# Sources of one schedule do not start in the same second.
JITTER_S = 300
GRACE_S = 3600
START_S = 10


def trigger(name: str, schedule: str, table: str = "sources") -> BaseTrigger:
    """Return when a source is harvested, or a peer mirrored.

    Args:
        name: its name in the settings.
        schedule: what the settings say.
        table: the table of the settings that it is in.

    Raises:
        ConfigError: the schedule cannot be read.
    """
    if schedule in NAMED_HOURS:
        return IntervalTrigger(hours=NAMED_HOURS[schedule], jitter=JITTER_S, timezone="UTC")
    try:
        return CronTrigger.from_crontab(schedule, timezone="UTC")
    except ValueError as err:
        known = ", ".join(NAMED_HOURS)
        raise ConfigError(f"[{table}.{name}] schedule: {schedule!r} is neither {known} nor a cron line") from err


def first_run(when: BaseTrigger, last_ended: str | None) -> datetime | None:
    """Return when a source is first harvested after a start.

    A source that is harvested every so many hours counts from its last run, or starts soon when it never ran or is
    overdue, so that restarts of the hub do not put it off for ever.
    """
    now = datetime.now(UTC)
    soon = now + timedelta(seconds=START_S)
    if not isinstance(when, IntervalTrigger):
        fires: datetime | None = when.get_next_fire_time(None, now)
        return fires
    return max(soon, datetime.fromisoformat(last_ended) + when.interval) if last_ended else soon


class Timetable:
    """Starts a harvest process for every source when its time has come.

    Args:
        settings: the hub's settings.
        config_file: the settings file that the harvest processes read.
        last_ended: ISO 8601 time at which each source's last run ended, by the source's name.
    """

    def __init__(self, settings: Settings, config_file: str | None, last_ended: Mapping[str, str]) -> None:
        self._config_file = config_file
        self._one_at_a_time = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self._upkeep = Upkeep(self._scheduler, settings, config_file)
        if settings.webhooks:
            self._scheduler.add_job(webhooks.look_after, IntervalTrigger(minutes=1), args=[settings], coalesce=True)
        for name, schedule in settings.schedules.items():
            self._scheduler.add_job(
                self.harvest,
                trigger(name, schedule),
                args=[name],
                id=name,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=GRACE_S,
                next_run_time=first_run(trigger(name, schedule), last_ended.get(name)),
            )

        for name, schedule in settings.mirror_schedules.items():
            when, last = trigger(name, schedule, "peers"), last_ended.get(place(name))
            self._scheduler.add_job(
                self.mirror,
                when,
                args=[name],
                id=place(name),
                max_instances=1,
                coalesce=True,
                misfire_grace_time=GRACE_S,
                next_run_time=first_run(when, last),
            )

    def start(self) -> None:
        """Begin to watch the clock."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop watching, and end a harvest that runs; the next one goes on where it was."""
        self._stopped = True
        self._scheduler.shutdown(wait=False)
        self._upkeep.stop()
        running = self._running
        if running is not None:
            running.terminate()

    def harvest(self, source: str) -> int:
        """Harvest one source in a process of its own and return its exit status."""
        return self._run("harvest", source)

    def mirror(self, peer: str) -> int:
        """Mirror one peer in a process of its own and return its exit status."""
        return self._run("mirror", peer)

    def _run(self, what: str, name: str) -> int:
        command = [sys.executable, "-m", "hub.cli", what, name, "--json"]
        if self._config_file:
            command += ["--config", self._config_file]
        with self._one_at_a_time:
            if self._stopped:
                return 0
            self._running = subprocess.Popen(command, stdout=subprocess.PIPE)
            output, _ = self._running.communicate()
            status = self._running.returncode
            self._running = None
        logger.info("scheduled %s of %s ended with %d: %s", what, name, status, output.decode(errors="replace").strip())
        return status
