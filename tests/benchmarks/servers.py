"""The two servers that are compared, on the same snapshot, and the load generator."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

BIN = Path(sys.executable).parent
LUA = Path(__file__).with_name("load.lua")
ACCEPT = "application/sparql-results+json, application/n-triples;q=0.9"
START_S = 60.0
SETTLE_S = 120.0
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    Attributes:
        base: its address.
        sparql: path of its SPARQL endpoint.
        default_graph: the graph to be asked, of a server whose default graph is all graphs.
        name: what the peer's benchmarks are called after.
        session: session of its processes.
    """

    base: str
    sparql: str
    default_graph: str = ""
    name: str = "sparql"
    session: int = 0

    def path(self, query: str) -> str:
        """Return the path of a query."""
        graph = f"default-graph-uri={quote(self.default_graph, safe='')}&" if self.default_graph else ""
        return f"{self.sparql}?{graph}query={quote(query, safe='')}"

    def ask(self, query: str) -> bytes:
        """Return the answer, as JSON results or N-Triples."""
        request = urllib.request.Request(self.base + self.path(query), headers={"Accept": ACCEPT})
        with urllib.request.urlopen(request, timeout=120) as answer:
            body: bytes = answer.read()
        return body


@contextmanager
def hub(settings: Path, log: Path) -> Iterator[Server]:
    """Serve with the hub, as an operator does."""
    port = free_port()
    command = [str(BIN / "hub"), "serve", "--config", str(settings), "--port", str(port)]
    with running(command, f"http://127.0.0.1:{port}", "/sparql?query=ASK%7B%7D", log) as session:
        yield Server(f"http://127.0.0.1:{port}", "/sparql", name="hub", session=session)


@contextmanager
def oxigraph(graph: Path, log: Path) -> Iterator[Server]:
    """Serve with the bare engine."""
    port = free_port()
    command = [str(BIN / "oxigraph"), "serve-read-only", "--location", str(graph), "--bind", f"127.0.0.1:{port}"]
    with running(command, f"http://127.0.0.1:{port}", "/query?query=ASK%7B%7D", log) as session:
        yield Server(f"http://127.0.0.1:{port}", "/query", session=session)


@contextmanager
def running(command: list[str], base: str, probe: str, log: Path, start_s: float = START_S) -> Iterator[int]:
    """Run a server until the block ends and yield its session; RuntimeError if it does not answer in time."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")}
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environ, start_new_session=True)
    try:
        _wait(process, base + probe, log, start_s)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path, start_s: float) -> None:
    until = time.monotonic() + start_s
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            answer.read()
            return
        time.sleep(0.05)
    raise RuntimeError(f"no answer at {url}: {log.read_text(errors='replace')[-2000:]}")


def free_port() -> int:
    """Return a port of the loopback address that nobody uses, below those that the system gives to clients."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port between 20000 and 32000 is free")


def cpu_s(session: int) -> float:
    """Return the processor time, in seconds, that the processes of a session and their ended children have taken.

    Source: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = file.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def settle(session: int, most_s: float = SETTLE_S) -> None:
    """Wait until a server rests: one that cannot cancel goes on with queries whose clients have left."""
    until, taken = time.monotonic() + most_s, cpu_s(session)
    while time.monotonic() < until:
        time.sleep(_LOOK_S)
        before, taken = taken, cpu_s(session)
        if taken - before < _LOOK_S / 10:
            return


# --- load ---------------------------------------------------------------------------------------------------------


def check_wrk() -> None:
    """Say what to do when the load generator is missing."""
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is not installed: apt-get install wrk (https://github.com/wg/wrk)")


def load(
    base: str,
    paths: Path,
    seconds: float,
    *,
    nonce: str = "-",
    once: bool = False,
    accept: str = ACCEPT,
    clients: int = 8,
) -> Any:
    """Ask the paths of a file with keep-alive clients; what wrk counted, RuntimeError for any failed request."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:.0f}s", "--timeout", "60s", "-H", f"Accept: {accept}"]
    command += ["-s", str(LUA), base, "--", str(paths), nonce, "once" if once else "loop"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"wrk: {done.stdout}{done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    if said["errors"] or not said["requests"]:
        raise RuntimeError(f"{base}: failed requests: {done.stdout}")
    return said


def rate(said: Any) -> float:
    """Return requests per second."""
    return float(said["requests"]) / float(said["seconds"])
