"""How the hub survives abuse: ``python -m tests.benchmarks.abuse [--subjects N]``.

First the abuse table of the engines' comparison: status, seconds, whether a light query is answered right after. Then
what another client notices: its light queries while the hub is quiet, and while one client, then several, abuse it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests import abuse
from tests.abuse import ALL, Hub

TIMEOUT_S = 2.0
MEMORY_BYTES = 1024**3
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


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Abuse a hub of made-up statements.")
    parser.add_argument("--subjects", type=int, default=500_000, help="two statements are made of each")
    args = parser.parse_args()
    limits: dict[str, Any] = {"query_timeout_s": TIMEOUT_S, "query_memory_bytes": MEMORY_BYTES}
    with (
        tempfile.TemporaryDirectory(prefix="hub-abuse-") as folder,
        abuse.serving(Path(folder), args.subjects, **limits) as hub,
    ):
        print(f"{2 * args.subjects} statements; at most {TIMEOUT_S:g} s and {MEMORY_BYTES >> 20} MiB for one query\n")
        table(hub)
        bystander(hub)
    return 0


def table(hub: Hub) -> None:
    """Each row of the comparison, alone."""
    print("| abuse | status | what it is told | seconds | answered right after |\n|---|---|---|---|---|")
    for name, text in ROWS:
        status, body, seconds = hub.ask(text)
        told = body.partition(b'"title": "')[2].partition(b'"')[0].decode() if status != 200 else f"{len(body)} bytes"
        print(f"| {name} | {status} | {told} | {seconds:.2f} | {'yes' if hub.is_well() else 'NO'} |")


def bystander(hub: Hub) -> None:
    """Light queries of one client beside others' abuse."""
    print("\n| beside | p50 ms | p95 ms | max ms | errors | memory MiB | answers to the abuse |")
    print("|---|---|---|---|---|---|---|")
    for name, addresses in (
        ("nobody", ()),
        (f"{ABUSERS} connections of 1 client", ("127.0.0.2",) * ABUSERS),
        (f"{ABUSERS} connections of its own address", ("127.0.0.1",) * ABUSERS),
        (f"{ABUSERS} clients", tuple(f"127.0.1.{n + 1}" for n in range(ABUSERS))),
        ("nobody", ()),
    ):
        print(measured(hub, name, addresses), flush=True)


def measured(hub: Hub, name: str, addresses: tuple[str, ...]) -> str:
    """One line of the second table."""
    ended, told, memory = threading.Event(), Counter[int](), [0]
    threads = [threading.Thread(target=keep_abusing, args=(hub, address, ended, told)) for address in addresses]
    threads.append(threading.Thread(target=sample, args=(hub, ended, memory)))
    for thread in threads:
        thread.start()
    times, errors = [], 0
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        began = time.perf_counter()
        errors += not hub.is_well()
        times.append((time.perf_counter() - began) * 1000)
    ended.set()
    for thread in threads:
        thread.join()
    p95 = statistics.quantiles(times, n=20)[18]
    answers = ", ".join(f"{count} × {status}" for status, count in sorted(told.items())) or "–"
    numbers = f"{statistics.median(times):.1f} | {p95:.1f} | {max(times):.0f} | {errors} of {len(times)}"
    return f"| {name} | {numbers} | {memory[0] >> 20} | {answers} |"


def sample(hub: Hub, ended: threading.Event, memory: list[int]) -> None:
    """Keep the most memory that the hub has."""
    while not ended.wait(1):
        memory[0] = max(memory[0], hub.memory())


def keep_abusing(hub: Hub, address: str, ended: threading.Event, told: Counter[int]) -> None:
    """Send every row again and again."""
    while not ended.is_set():
        for _, text in ROWS:
            if ended.is_set():
                return
            told[hub.ask(text, address)[0]] += 1


if __name__ == "__main__":
    sys.exit(main())
