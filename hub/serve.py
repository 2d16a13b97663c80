"""`hub serve`: the web processes, and the scheduler that harvests in its own processes.

The reader and the writer share nothing but the data folder: a harvest is a process of its own, so that it can fail,
be killed or grow without touching a single page.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from hub import config
from hub.config import Settings
from hub.errors import BUNDLE, ConfigError
from hub.overview import overview
from hub.peers.overview import mirror_runs
from hub.schedule import Timetable

logger = logging.getLogger(__name__)
CONFIG_VARIABLE = "HUB_CONFIG"
# A request holds a thread until its last byte has come, so there are twice as many as /sparql may take.
BLOCKING_THREADS = 32


def application() -> Any:
    """Return the WSGI application; called once in each web process."""
    from hub.web.app import Hub

    hub = Hub(config.load(os.environ.get(CONFIG_VARIABLE)))
    hub.warm()
    atexit.register(hub.close)
    return hub


def serve(settings: Settings, config_file: str | None, host: str, port: int) -> None:
    """Serve pages and SPARQL on one port and harvest by timetable, until interrupted.

    Raises:
        ConfigError: the port cannot be had, or a schedule is wrong.
    """
    _check_port(host, port)
    if config_file is not None:
        os.environ[CONFIG_VARIABLE] = str(Path(config_file).resolve())
    timetable = Timetable(settings, os.environ.get(CONFIG_VARIABLE), last_ended(settings))
    server = Granian(
        "hub.serve:application",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=settings.web_workers,
        blocking_threads=BLOCKING_THREADS,
        websockets=False,
        log_access=False,
        log_level=LogLevels.error,
        http1_settings=HTTP1Settings(header_read_timeout=15_000),
        respawn_failed_workers=True,
    )
    timetable.start()
    logger.info("serving %s on http://%s:%d/ (Ctrl-C to stop)", settings.data_dir, host, port)
    try:
        server.serve()
    finally:
        timetable.stop()


def last_ended(settings: Settings) -> dict[str, str]:
    """Return when each source's last run ended, by the source's name; of a hub in one file nothing is known."""
    if (settings.data_dir / BUNDLE).exists():
        return {}
    runs = {s["name"]: s["last_run"] for s in overview(settings)["sources"]} | mirror_runs(settings)
    return {name: run["ended"] for name, run in runs.items() if run and run["ended"]}


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as err:
            raise ConfigError(f"--host {host} --port {port}: {err.strerror}; choose another with --port") from err
