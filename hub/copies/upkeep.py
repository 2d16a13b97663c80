"""The copies' own timetable: every hour a process that checks, looks through and mends some of them."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading

from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.interval import IntervalTrigger

from hub.config import Settings

logger = logging.getLogger(__name__)
JITTER_S = 600
JOB = "upkeep of copies"


class Upkeep:
    """Starts `hub host upkeep` when its time has come, where the settings want it.

    Args:
        scheduler: the clock.
        settings: the hub's settings.
        config_file: the settings file that the process reads.
    """

    def __init__(self, scheduler: BaseScheduler, settings: Settings, config_file: str | None) -> None:
        self._config_file = config_file
        self._stopped = threading.Event()
        self._running: subprocess.Popen[bytes] | None = None
        if settings.hosting == "on":
            every = IntervalTrigger(hours=1, jitter=JITTER_S, timezone="UTC")
            scheduler.add_job(self.run, every, id=JOB, max_instances=1, coalesce=True)

    def run(self) -> int:
        """Run one pass in a process of its own and return its exit status."""
        if self._stopped.is_set():
            return 0
        command = [sys.executable, "-m", "hub.cli", "host", "upkeep", "--json"]
        if self._config_file:
            command += ["--config", self._config_file]
        self._running = subprocess.Popen(command, stdout=subprocess.PIPE)
        output, _ = self._running.communicate()
        logger.info("%s ended with %d: %s", JOB, self._running.returncode, output.decode(errors="replace").strip())
        return self._running.returncode

    def stop(self) -> None:
        """Start no more, and end the pass that runs; the next one goes on where it was."""
        self._stopped.set()
        if self._running is not None:
            self._running.terminate()
