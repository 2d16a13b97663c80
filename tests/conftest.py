"""What all tests share: no network but loopback, the corpus when it is there, a throw-away PostgreSQL."""

from __future__ import annotations

import contextlib
import importlib.util
import ipaddress
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings

# Continuous integration tries the same examples each time, so that it is red for a change and not by chance;
# everywhere else each run looks for new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "search")

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked ``corpus`` where the corpus is absent, and unless it is asked for: they take minutes."""
    if CORPUS.is_dir() and os.environ.get("CORPUS") == "all":
        return
    skip = pytest.mark.skip(reason="CORPUS=all reads the corpus" if CORPUS.is_dir() else "../shared is absent")
    for item in items:
        if item.get_closest_marker("corpus"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of the corpus of real documents; tests that use it are to be marked ``corpus``."""
    if not CORPUS.is_dir():
        pytest.skip("../shared is absent")
    return CORPUS


class NetworkBlockedError(RuntimeError):
    """A test tried to leave the machine. No OSError: code that tolerates a dead network must not hide it."""


def _is_local(family: int, address: Any) -> bool:
    if family == socket.AF_UNIX:
        return True
    if family not in (socket.AF_INET, socket.AF_INET6):
        return False
    host = address[0].decode() if isinstance(address[0], bytes) else address[0]
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Let this process and its forks connect to loopback and Unix sockets only; other programs are not held."""

    def guarded(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
        def guard(self: socket.socket, address: Any) -> Any:
            if not _is_local(self.family, address):
                self.close()
                raise NetworkBlockedError(f"tests reach no network but loopback: {address!r}")
            return connect(self, address)

        return guard

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))
        yield


def _postgres_bin() -> Path | None:
    """Folder of initdb and pg_ctl: from PATH, else Debian's newest; None when there is none."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(installed, key=lambda initdb: float(initdb.parts[4]), default=None)
    return newest.parent if newest else None


def _unprivileged() -> dict[str, Any]:
    """Arguments of subprocess.run that drop root, which PostgreSQL refuses to run as; none for another user."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """SQLAlchemy URL of a PostgreSQL that lives as long as the test session; all its tests share it."""
    programs = _postgres_bin()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (no initdb on PATH or in /usr/lib/postgresql)")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed (extra `postgres`)")
    identity = _unprivileged()
    home = Path(tempfile.mkdtemp(prefix="hub-postgres-"))
    if identity:
        os.chown(home, identity["user"], identity["group"])

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), "-D", str(home / "data"), *arguments]
        done = subprocess.run(
            command, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **identity
        )
        if done.returncode:
            log = home / "log"
            said = done.stdout + done.stderr + (log.read_text() if log.exists() else "")
            pytest.fail(f"{program}: {said}", pytrace=False)

    try:
        run("initdb", "-U", "hub", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        port = _free_port()
        with (home / "data" / "postgresql.conf").open("a") as conf:
            conf.write(f"\nlisten_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nfsync = off\n")
        run("pg_ctl", "-l", str(home / "log"), "-w", "-t", "60", "start")
        try:
            yield f"postgresql+psycopg://hub@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """SQLAlchemy URL of a PostgreSQL database that holds nothing: whatever earlier tests left there is dropped."""
    engine = sa.create_engine(postgres_server)
    with engine.begin() as db:
        db.execute(sa.text("DROP SCHEMA public CASCADE"))
        db.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    return postgres_server
