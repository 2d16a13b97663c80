"""Run the SPARQL benchmarks: ``python -m tests.benchmarks.sparql [--triples N] [--rounds N] [--check N] [--keep DIR]``.

Query mixes, several servers side by side on the statements of one snapshot: the corpus, or so many generated
statements (``tests/benchmarks/synthetic.py``) without rdflib-endpoint, which cannot hold them.

A name is ``<peer>_<mix>_<clients>``: requests per second, the peer ``sparql`` being the bare Oxigraph server. With
``_p50`` or ``_p95`` at its end it is a latency, with ``_cpu`` the server's processor time for one request, in
milliseconds. The result is ``build/bench-sparql.json`` or ``build/bench-sparql-<N>.json``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from hub import config, snapshots
from tests.benchmarks import answers, harvesting, peers, report, servers, synthetic
from tests.benchmarks import stage as stages
from tests.benchmarks.corpus import ROOT, prepare
from tests.benchmarks.measure import Result, in_turn, less_is_better, more_is_better
from tests.benchmarks.queries import HEAVY, HEAVY_AT_SCALE, LIGHT, Mixes
from tests.benchmarks.servers import Server
from tests.benchmarks.stage import Stage

MIXES = ("point", "light", "repeat", "mixed", "cold")
PEERS = ("sparql", "virtuoso", "rdflib")
PEERS_AT_SCALE = ("sparql", "virtuoso")
SECONDS = {8: 4, 1: 2}
SECONDS_AT_SCALE = {8: 6, 1: 3}
WARM_UP_S = 1
KEPT_WARM_UP_S = 8
QUERIES = 20_000
REPEATED = 200
CHECKED = 5
TIMES = ("p50", "p95", "cpu")
RATES = tuple(f"{peer}_{mix}_{clients}" for clients in SECONDS for peer in PEERS for mix in MIXES)
NAMES = tuple(f"{rate}{suffix}" for rate in RATES for suffix in ("", *(f"_{part}" for part in TIMES)))
_OTHERS = {"virtuoso": peers.virtuoso, "rdflib": peers.rdflib_endpoint}


class Measured(NamedTuple):
    """What came out.

    Attributes:
        results: the figures.
        answers: of every query that was compared its name, text, rows, digest, and how alike each peer answered.
    """

    results: list[Result]
    answers: list[dict[str, Any]]


class Plan(NamedTuple):
    """What is asked.

    Attributes:
        heavy: the heavy queries by name.
        seconds: how long one measurement takes, by the number of clients.
        checked: how many texts of every query are compared before.
    """

    heavy: dict[str, str] = HEAVY
    seconds: dict[int, int] = SECONDS
    checked: int = CHECKED


def main(argv: list[str] | None = None) -> int:
    """Run the benchmarks asked for and return the exit status."""
    parser = argparse.ArgumentParser(description="Measure the hub's SPARQL endpoint against other servers.")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(RATES))
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all servers in turn (3)")
    parser.add_argument("--check", type=int, default=CHECKED, help=f"texts of every query to compare ({CHECKED})")
    parser.add_argument("--triples", type=int, help="generate so many statements instead of harvesting the corpus")
    parser.add_argument("--keep", type=Path, help="folder that keeps generated statements for the next run")
    args = parser.parse_args(argv)
    servers.check_wrk()
    at_scale = args.triples is not None
    names = args.only or [n for n in NAMES if not at_scale or n.startswith(PEERS_AT_SCALE)]
    output = ROOT / "build" / (f"bench-sparql-{args.triples}.json" if at_scale else "bench-sparql.json")
    plan = Plan(HEAVY_AT_SCALE, SECONDS_AT_SCALE, args.check) if at_scale else Plan(checked=args.check)
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        home = Path(folder)
        ground = _generated(home, args.keep, args.triples, args.rounds) if at_scale else _corpus(home, args.rounds)
        measured = run(ground, names, plan)
    about = report.about()
    about["versions"] |= peers.versions()
    said = {"about": about, "results": report.plain(measured.results), "answers": measured.answers}
    report.write(output, said)
    report.show(measured.results, output)
    return 0


def _corpus(folder: Path, rounds: int) -> Stage:
    """Return the stage of a hub that has harvested the corpus."""
    corpus = prepare(folder / "corpus", None)
    harvesting.run(corpus, folder, 1, set(), report.say)
    return stages.of(folder, rounds, report.say)


def _generated(folder: Path, keep: Path | None, triples: int, rounds: int) -> Stage:
    begun = time.perf_counter()
    file = make((keep or folder) / f"hub-{triples}", triples)
    snapshot = snapshots.current(config.load(str(file), environ={}).snapshots_dir)
    report.say(f"{snapshot.quads:,} statements after {time.perf_counter() - begun:.0f} s")
    return Stage(folder, file, snapshot.graph, rounds, report.say, file.parent if keep else None)


def make(home: Path, triples: int) -> Path:
    """Return the ``hub.toml`` of a hub with so many statements, made now or kept from a run before."""
    file = home / "hub.toml"
    if (home / "data" / "snapshots" / "current").exists():
        return file
    return synthetic.publish(home, triples)


# --- one run ------------------------------------------------------------------------------------------------------


def run(stage: Stage, names: Iterable[str], plan: Plan | None = None) -> Measured:
    """Measure the names asked for; of a peer that is not installed nothing is measured.

    Args:
        stage: where and how often.
        names: names out of ``NAMES``; others are passed over.
        plan: what is asked; by default what suits the corpus.

    Raises:
        RuntimeError: two servers answer a query differently.
    """
    wanted, plan = set(names) & set(NAMES), plan or Plan()
    if not wanted:
        return Measured([], [])
    mixes, log = Mixes(stage.graph, heavy=plan.heavy), stage.home / "servers.log"
    results = []
    with ExitStack() as stack:
        ours = stack.enter_context(servers.hub(stage.settings, log))
        others = [stack.enter_context(servers.oxigraph(stage.graph, log))]
        others += _start_others(stage, stack, {name.partition("_")[0] for name in wanted})
        checked = check(stage, mixes, plan.checked, ours, others)
        for mix in MIXES:
            for clients, seconds in plan.seconds.items():
                asked = [p for p in others if any(n.startswith(f"{p.name}_{mix}_{clients}") for n in wanted)]
                if asked:
                    try:
                        results += measure(stage, mixes, mix, (clients, seconds), ours, asked)
                    except RuntimeError as error:
                        stage.say(f"not measured: {mix}, {clients} clients: {error}")
    return Measured([result for result in results if result.name in wanted], checked)


def _start_others(stage: Stage, stack: ExitStack, wanted: set[str]) -> list[Server]:
    started = []
    for name, start in ((n, s) for n, s in _OTHERS.items() if n in wanted):
        begun = time.perf_counter()
        try:
            started.append(
                stack.enter_context(start(stage.graph, stage.kept or stage.home, stage.home / f"{name}.log"))
            )
            stage.say(f"{name} serves after {time.perf_counter() - begun:.0f} s")
        except peers.PeerMissingError as error:
            stage.say(f"left out: {error}")
    return started


def check(stage: Stage, mixes: Mixes, texts: int, ours: Server, others: list[Server]) -> list[dict[str, Any]]:
    """Compare the answers to so many texts of every query, and return what was found.

    Raises:
        RuntimeError: two servers answer a query differently, or a query finds nothing.
    """
    found: list[dict[str, Any]] = []
    for name, query in _texts(mixes, texts):
        mine, theirs = answers.digest(ours, query), [answers.digest(peer, query) for peer in others]
        alike = {peer.name: answers.compare(mine, digest) for peer, digest in zip(others, theirs, strict=True)}
        rows, terms = (mine.rows, mine.terms) if mine else (None, "")
        found.append({"query": name, "text": query, "rows": rows, "digest": terms, "alike": alike})
    for peer in others:
        said = Counter(entry["alike"][peer.name] for entry in found)
        kinds = f"{said['terms']} the same, {said['values']} with other datatypes, {said['']} different"
        kinds += f", {said['unanswered']} not answered in time by one of the two" if said["unanswered"] else ""
        stage.say(f"answers of {peer.name} to {len(found)} queries: {kinds}")
    refuse(found)
    return found


def _texts(mixes: Mixes, count: int) -> list[tuple[str, str]]:
    """Names and texts of queries to compare, none twice."""
    kinds = [(kind, name) for kind in (LIGHT, mixes.heavy_ones) for name in kind]
    return list(dict.fromkeys((name, mixes.draw(kind, name)) for kind, name in kinds for _ in range(count)))


def refuse(found: list[dict[str, Any]]) -> None:
    """Refuse to measure servers that answer differently, or queries that find nothing.

    Raises:
        RuntimeError: either of the two.
    """
    differ = [f"{peer}: {entry['text']}" for entry in found for peer, how in entry["alike"].items() if not how]
    empty = {entry["query"] for entry in found} - {entry["query"] for entry in found if entry["rows"] != 0}
    if differ:
        raise RuntimeError(f"{len(differ)} answers differ from the hub's, such as that of {differ[0]}")
    if empty:
        raise RuntimeError(f"these queries find nothing: {', '.join(sorted(empty))}")


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
        rate = results[-1 - len(TIMES)]
        stage.say(f"{rate.name}: {rate.ours} against {rate.peer} requests/s, rounds {rate.spread}")
    return results


def compare(name: str, mine: list[Any], theirs: list[Any]) -> list[Result]:
    """Return the rate, the latencies and the processor time of what was counted."""
    results = [more_is_better(name, list(map(servers.rate, mine)), list(map(servers.rate, theirs)), "requests/s")]
    for part in TIMES:
        a, b = ([said[f"{part}_ms"] for said in side] for side in (mine, theirs))
        results.append(less_is_better(f"{name}_{part}", a, b, "ms"))
    return results


def asked(paths: Path, server: Server, lines: list[tuple[str, bool]], clients: int, seconds: int) -> Callable[[], Any]:
    """Write the paths of queries to a file and return what asks a server for them."""
    text = "\n".join(("!" if kept else "") + server.path(query) for query, kept in lines)
    paths.write_text(text + "\n", encoding="utf-8")

    def once(for_seconds: int = seconds) -> Any:
        begun = servers.cpu_s(server.session)
        said = servers.load(server.base, paths, for_seconds, nonce=uuid.uuid4().hex[:12], clients=clients)
        taken = servers.cpu_s(server.session) - begun
        servers.settle(server.session)
        return said | {"cpu_ms": taken * 1000 / said["requests"]}

    is_mixed = len({kept for _, kept in lines}) == 2
    once(KEPT_WARM_UP_S if is_mixed else WARM_UP_S)
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
    return [(mixes.heavy(), mix == "mixed") if h else (mixes.light(), False) for h in heavy]


if __name__ == "__main__":
    raise SystemExit(main())
