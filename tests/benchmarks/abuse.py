"""How the hub and the bare engine survive abuse: ``python -m tests.benchmarks.abuse [--subjects N]``.

First the abuse table of the engines' comparison, each row alone. Then what another client notices: its light queries
while the hub is quiet, and while one client, then several, abuse it; each time is compared with the quiet one before.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests import abuse
from tests.abuse import ALL, Hub
from tests.benchmarks import servers

TIMEOUT_S = 2.0
MEMORY_BYTES = 1024**3
PEER_WAIT_S = 20.0
PEER_BYTES = 4 * 1024**3
ABUSERS = 8
SECONDS = 20
ROWS = (
    ("long COUNT join", f"SELECT (COUNT(*) AS ?n) {{ {ALL} FILTER(?c < ?f) }}"),
    ("ORDER BY all", "SELECT * { ?s ?p ?o } ORDER BY DESC(?o) ?s"),
    ("cross join ORDER BY", f"SELECT * {{ {ALL} }} ORDER BY ?c ?f"),
    ("300-pattern BGP", f"SELECT * {{ {abuse.chain(300)} }}"),
    ("20,000 parentheses", "SELECT (" + "(" * 20_000 + "1" + ")" * 20_000 + " AS ?x) {}"),
    ("braces of 2 kB", "SELECT * WHERE " + "{" * 1000 + "}" * 1000),
    ("SERVICE to a silent host", f"SELECT * {{ SERVICE <http://127.0.0.1:{abuse.PORT}/silent> {{ ?s ?p ?o }} }}"),
    ("endless stream", f"SELECT * {{ {ALL} }}"),
    ("string doubling", abuse.doubling(36)),
)


class Outcome(NamedTuple):
    """What became of a query: what it was told, seconds, bytes of memory meanwhile, whether a light one is answered."""

    told: str
    seconds: float
    memory: int
    is_well: bool

    def cells(self, limit_s: float) -> str:
        """Return the cells of a table."""
        over = f"{self.seconds - limit_s:+.2f}" if self.seconds > limit_s else "–"
        return f"{self.told} | {over} | {self.memory >> 20} | {'yes' if self.is_well else 'NO'}"


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Abuse a hub of made-up statements.")
    parser.add_argument("--subjects", type=int, default=500_000, help="two statements are made of each")
    args = parser.parse_args()
    limits: dict[str, Any] = {"query_timeout_s": TIMEOUT_S, "query_memory_bytes": MEMORY_BYTES}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-abuse-")))
        silent = stack.enter_context(listening())
        hub = stack.enter_context(abuse.serving(folder, args.subjects, silent, **limits))
        print(f"{2 * args.subjects} statements; at most {TIMEOUT_S:g} s and {MEMORY_BYTES >> 20} MiB for one query")
        print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
        table(hub, folder / "data" / "snapshots" / "current" / "graph", folder)
        bystander(hub)
    return 0


@contextmanager
def listening() -> Iterator[int]:
    """Yield the port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield int(server.getsockname()[1])


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────


def table(hub: Hub, graph: Path, folder: Path) -> None:
    """Each row of the comparison, alone: the hub, then an engine that was started for it."""
    print("| abuse | hub: answer | s over limit | MiB more | well after ", end="")
    print("| oxigraph: answer | s over limit | MiB more | well after |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, text in ROWS:
        ours = measured(partial(hub_told, hub, text), hub.is_well, hub.memory)
        peer = with_peer(graph, folder, text.replace(abuse.PORT, str(hub.canary)))
        print(f"| {name} | {ours.cells(TIMEOUT_S)} | {peer.cells(TIMEOUT_S)} |", flush=True)


def measured(ask: Callable[[], str], is_well: Callable[[], bool], memory: Callable[[], int]) -> Outcome:
    """Ask, and look at the memory meanwhile."""
    before, peak, ended = memory(), [0], threading.Event()
    thread = threading.Thread(target=sample, args=(memory, ended, peak, 0.2))
    thread.start()
    began = time.monotonic()
    answer = ask()
    seconds = time.monotonic() - began
    ended.set()
    thread.join()
    return Outcome(answer, seconds, max(0, peak[0] - before), is_well())


def hub_told(hub: Hub, text: str) -> str:
    """Ask the hub; what it says in a few words."""
    status, body, _ = hub.ask(text)
    title = body.partition(b'"title": "')[2].partition(b'"')[0].decode()
    return f"{status} {title or f'{len(body)} bytes'}"


def with_peer(graph: Path, folder: Path, text: str) -> Outcome:
    """Ask an engine that is started for this query alone, with the same deadline and bounded address space."""
    port = servers.free_port()
    command = [str(servers.BIN / "oxigraph"), "serve-read-only", "--location", str(graph)]
    command += ["--bind", f"127.0.0.1:{port}", "--timeout-s", f"{TIMEOUT_S:g}"]
    if prlimit := shutil.which("prlimit"):
        command = [prlimit, f"--as={PEER_BYTES}", *command]
    base = f"http://127.0.0.1:{port}"
    with servers.running(command, base, "/query?query=ASK%7B%7D", folder / "oxigraph.log") as pid:
        return measured(
            lambda: peer_told(port, text, PEER_WAIT_S),
            lambda: peer_told(port, "ASK {}", 2.0).startswith("200"),
            lambda: abuse.memory_of(pid),
        )


def peer_told(port: int, text: str, wait_s: float) -> str:
    """Ask the bare engine; what it says in a few words."""
    connection = HTTPConnection("127.0.0.1", port, timeout=wait_s)
    until, size = time.monotonic() + wait_s, 0
    try:
        connection.request("POST", "/query", urlencode({"query": text}), {"Content-Type": abuse.FORM})
        answer = connection.getresponse()
        last = b""
        while piece := answer.read1(1 << 20):
            size, last = size + len(piece), piece
            if time.monotonic() > until:
                return f"{answer.status} goes on after {size >> 20} MiB"
        return f"{answer.status} {'whole' if last.rstrip().endswith(b'}') else 'broken'}, {size} bytes"
    except TimeoutError:
        return f"nothing within {wait_s:g} s"
    except HTTPException:
        return f"broken off after {size >> 20} MiB"
    except OSError:
        return "server died"
    finally:
        connection.close()


# ── bystanders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def bystander(hub: Hub) -> None:
    """Light queries of one client beside others' abuse; ratios to those beside nobody just before."""
    print("\n| beside | p50 ms | p95 ms | p95 quiet ms | ratio | errors | memory MiB | answers to the abuse |")
    print("|---|---|---|---|---|---|---|---|")
    for name, addresses in (
        ("1 connection of 1 client", ("127.0.0.2",)),
        (f"{ABUSERS} connections of 1 client", ("127.0.0.2",) * ABUSERS),
        (f"{ABUSERS} connections of its own address", ("127.0.0.1",) * ABUSERS),
        (f"{ABUSERS} clients", tuple(f"127.0.1.{n + 1}" for n in range(ABUSERS))),
    ):
        quiet = p95(light(hub, SECONDS / 2)[0])
        print(beside(hub, name, addresses, quiet), flush=True)


def beside(hub: Hub, name: str, addresses: tuple[str, ...], quiet: float) -> str:
    """One line of the second table."""
    ended, answers, memory = threading.Event(), Counter[int](), [0]
    threads = [threading.Thread(target=keep_abusing, args=(hub, address, ended, answers)) for address in addresses]
    threads.append(threading.Thread(target=sample, args=(hub.memory, ended, memory, 2)))
    for thread in threads:
        thread.start()
    times, errors = light(hub, SECONDS)
    ended.set()
    for thread in threads:
        thread.join()
    counted = ", ".join(f"{count} × {status}" for status, count in sorted(answers.items())) or "–"
    numbers = f"{statistics.median(times):.1f} | {p95(times):.1f} | {quiet:.1f} | {p95(times) / quiet:.1f}"
    return f"| {name} | {numbers} | {errors} of {len(times)} | {memory[0] >> 20} | {counted} |"


def light(hub: Hub, seconds: float) -> tuple[list[float], int]:
    """Ask light queries, one after the other: milliseconds of each, and how many were not answered."""
    times, errors = [], 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        errors += not hub.is_well()
        times.append((time.perf_counter() - began) * 1000)
    return times, errors


def p95(times: list[float]) -> float:
    """Return what 19 of 20 keep below."""
    return statistics.quantiles(times, n=20)[18]


def sample(memory: Callable[[], int], ended: threading.Event, peak: list[int], seconds: float) -> None:
    """Keep the most memory."""
    while not ended.wait(seconds):
        with contextlib.suppress(OSError):
            peak[0] = max(peak[0], memory())


def keep_abusing(hub: Hub, address: str, ended: threading.Event, answers: Counter[int]) -> None:
    """Send every row again and again."""
    while not ended.is_set():
        for _, text in ROWS:
            if ended.is_set():
                return
            answers[hub.ask(text, address)[0]] += 1


if __name__ == "__main__":
    sys.exit(main())
