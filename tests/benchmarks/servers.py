"""The two servers that are compared, on the same snapshot, and the load generator."""

from __future__ import annotations

import contextlib
import json
import os
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
START_S = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    Attributes:
        base: its address.
        sparql: path of its SPARQL endpoint.
        default_graph: the graph to be asked, of a server whose default graph is all graphs.
        name: what the peer's benchmarks are called after.
    """

    base: str
    sparql: str
    default_graph: str = ""
    name: str = "sparql"

    def path(self, query: str) -> str:
        """Return the path of a query."""
        graph = f"default-graph-uri={quote(self.default_graph, safe='')}&" if self.default_graph else ""
        return f"{self.sparql}?{graph}query={quote(query, safe='')}"

    def ask(self, query: str) -> list[Any]:
        """Return the rows or triples of the answer."""
        request = urllib.request.Request(self.base + self.path(query), headers={"Accept": ACCEPT})
        with urllib.request.urlopen(request, timeout=120) as answer:
            body = answer.read()
        if body.lstrip().startswith(b"{"):
            return list(json.loads(body)["results"]["bindings"])
        return [line for line in body.splitlines() if line.strip()]


@contextmanager
def hub(settings: Path, log: Path) -> Iterator[Server]:
    """Serve with the hub, as an operator does."""
    port = free_port()
    command = [str(BIN / "hub"), "serve", "--config", str(settings), "--port", str(port)]
    with running(command, f"http://127.0.0.1:{port}", "/", log):
        yield Server(f"http://127.0.0.1:{port}", "/sparql")


@contextmanager
def oxigraph(graph: Path, log: Path) -> Iterator[Server]:
    """Serve with the bare engine."""
    port = free_port()
    command = [str(BIN / "oxigraph"), "serve-read-only", "--location", str(graph), "--bind", f"127.0.0.1:{port}"]
    with running(command, f"http://127.0.0.1:{port}", "/query?query=ASK%7B%7D", log):
        yield Server(f"http://127.0.0.1:{port}", "/query")


@contextmanager
def running(command: list[str], base: str, probe: str, log: Path, start_s: float = START_S) -> Iterator[None]:
    """Run a server until the block ends; RuntimeError if it does not answer in time."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")}
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environ, start_new_session=True)
    try:
        _wait(process, base + probe, log, start_s)
        yield
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
    """Return a port of the loopback address that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
