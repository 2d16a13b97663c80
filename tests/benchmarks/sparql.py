"""Benchmarks of the SPARQL endpoint: query mixes, several servers side by side on the statements of one snapshot.

A name is ``<peer>_<mix>_<clients>``: requests per second, the peer ``sparql`` being the bare Oxigraph server. With
``_p50`` or ``_p95`` at its end it is a latency in milliseconds.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.benchmarks import peers, servers
from tests.benchmarks.measure import Result, in_turn, less_is_better, more_is_better
from tests.benchmarks.queries import HEAVY, LIGHT, Mixes
from tests.benchmarks.servers import Server
from tests.benchmarks.stage import Stage

MIXES = ("point", "light", "mixed", "repeat")
PEERS = ("sparql", "virtuoso", "rdflib")
SECONDS = {8: 4, 1: 2}
WARM_UP_S = 1
QUERIES = 20_000
REPEATED = 200
LATENCIES = ("p50", "p95")
RATES = tuple(f"{peer}_{mix}_{clients}" for clients in SECONDS for peer in PEERS for mix in MIXES)
NAMES = tuple(f"{rate}{suffix}" for rate in RATES for suffix in ("", *(f"_{part}" for part in LATENCIES)))
_OTHERS = {"virtuoso": peers.virtuoso, "rdflib": peers.rdflib_endpoint}


def run(
    stage: Stage, names: Iterable[str], heavy: dict[str, str] = HEAVY, seconds: dict[int, int] = SECONDS
) -> list[Result]:
    """Measure the names asked for; of a peer that is not installed nothing is measured.

    Args:
        stage: where and how often.
        names: names out of ``NAMES``; others are passed over.
        heavy: the heavy queries by name.
        seconds: how long one measurement takes, by the number of clients.
    """
    wanted = set(names) & set(NAMES)
    if not wanted:
        return []
    mixes, log = Mixes(stage.graph, heavy=heavy), stage.home / "servers.log"
    results = []
    with ExitStack() as stack:
        ours = stack.enter_context(servers.hub(stage.settings, log))
        others = [stack.enter_context(servers.oxigraph(stage.graph, log))]
        others += _start_others(stage, stack, {name.partition("_")[0] for name in wanted})
        for peer in others:
            stage.say(f"{check(mixes, ours, peer)} queries: the same number of rows from the hub and {peer.name}")
        for clients in seconds:
            for mix in MIXES:
                asked = [p for p in others if any(n.startswith(f"{p.name}_{mix}_{clients}") for n in wanted)]
                if asked:
                    results += measure(stage, mixes, mix, (clients, seconds[clients]), ours, asked)
    return [result for result in results if result.name in wanted]


def _start_others(stage: Stage, stack: ExitStack, wanted: set[str]) -> list[Server]:
    started = []
    for name, start in ((n, s) for n, s in _OTHERS.items() if n in wanted):
        try:
            started.append(stack.enter_context(start(stage.graph, stage.home, stage.home / f"{name}.log")))
        except peers.PeerMissingError as error:
            stage.say(f"left out: {error}")
    return started


def check(mixes: Mixes, ours: Server, peer: Server) -> int:
    """Compare the answers to a sample of every query."""
    kinds = [(kind, name) for kind in (LIGHT, mixes.heavy_ones) for name in kind]
    for kind, name in kinds:
        found = 0
        for _ in range(5):
            query = mixes.draw(kind, name)
            mine, theirs = len(ours.ask(query)), len(peer.ask(query))
            assert mine == theirs, f"{mine} rows, {theirs} from {peer.name}: {query}"
            found += mine
        assert found, f"{name} finds nothing"
    return 5 * len(kinds)


def measure(
    stage: Stage, mixes: Mixes, mix: str, load: tuple[int, int], ours: Server, others: list[Server]
) -> list[Result]:
    """One mix, all servers in turn, with so many clients for so many seconds; a warm-up of each is not counted."""
    lines = lines_of(mix, mixes)
    sides = [asked(stage.home / f"{mix}-{n}.txt", server, lines, *load) for n, server in enumerate((ours, *others))]
    mine, *theirs = in_turn(stage.rounds, *sides)
    results = []
    for peer, figures in zip(others, theirs, strict=True):
        results += compare(f"{peer.name}_{mix}_{load[0]}", mine, figures)
        rate = results[-1 - len(LATENCIES)]
        stage.say(f"{rate.name}: {rate.ours} against {rate.peer} requests/s, rounds {rate.spread}")
    return results


def compare(name: str, mine: list[Any], theirs: list[Any]) -> list[Result]:
    """Return the rate and the latencies of what wrk counted."""
    results = [more_is_better(name, list(map(servers.rate, mine)), list(map(servers.rate, theirs)), "requests/s")]
    for part in LATENCIES:
        a, b = ([said[f"{part}_ms"] for said in side] for side in (mine, theirs))
        results.append(less_is_better(f"{name}_{part}", a, b, "ms"))
    return results


def asked(paths: Path, server: Server, lines: list[tuple[str, bool]], clients: int, seconds: int) -> Callable[[], Any]:
    """Write the paths of queries to a file and return what asks a server for them."""
    text = "\n".join(("!" if kept else "") + server.path(query) for query, kept in lines)
    paths.write_text(text + "\n", encoding="utf-8")

    def once(for_seconds: int = seconds) -> Any:
        return servers.load(server.base, paths, for_seconds, nonce=uuid.uuid4().hex[:12], clients=clients)

    once(WARM_UP_S)
    return once


def lines_of(mix: str, mixes: Mixes) -> list[tuple[str, bool]]:
    """Return the queries of a mix, each with whether its text is kept (else it gets a comment never seen before)."""
    if mix == "point":
        return [(q, False) for q in mixes.many(mixes.point, QUERIES)]
    if mix == "light":
        return [(q, False) for q in mixes.many(mixes.light, QUERIES)]
    if mix == "repeat":
        return [(q, True) for q in mixes.many(mixes.light, REPEATED)]
    heavy = (n % 10 == 9 for n in range(QUERIES))
    return [(mixes.heavy(), True) if h else (mixes.light(), False) for h in heavy]
