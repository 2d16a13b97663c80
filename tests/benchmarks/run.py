"""Run the benchmarks: ``python -m tests.benchmarks.run [--only NAME…] [--rounds N] [--corpus DIR]``; ``make bench``.

Every figure is taken side by side with its peer, in turn and in one run, so that the ratio holds on a noisy machine.
The result is ``build/bench.json``; ``docs/benchmarks.md`` tells what each name measures.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import harvesting, quads, servers, serving, sparql
from tests.benchmarks import stage as stages
from tests.benchmarks.corpus import ROOT, prepare
from tests.benchmarks.measure import Result

NAMES = (*harvesting.NAMES, *quads.NAMES, *sparql.NAMES, *serving.NAMES)
# Least ratio aimed at; harvest_memory aims at a size instead.
AIMS = {
    "harvest_first": 5.0,
    "harvest_unchanged": 50.0,
    "to_quads": 15.0,
    "sparql_point_8": 0.5,
    "sparql_light_8": 0.8,
    "sparql_mixed_8": 1.3,
    "sparql_mixed_8_p95": 3.0,
    "sparql_repeat_8": 5.0,
    "rdflib_point_8": 10.0,
    "rdflib_light_8": 10.0,
    "rdflib_mixed_8": 10.0,
    "rdflib_repeat_8": 10.0,
}
AIM_MEMORY_MB = 300.0
_HELP = f"{', '.join((*harvesting.NAMES, *quads.NAMES, *sparql.RATES, *serving.NAMES))}; rates also with _p50, _p95"
OUTPUT = ROOT / "build" / "bench.json"
console = Console(width=120)


def main(argv: list[str] | None = None) -> int:
    """Run the benchmarks asked for and return the exit status."""
    parser = argparse.ArgumentParser(description="Measure the hub against its peers.")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help=_HELP)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of ours and peer in turn (3)")
    parser.add_argument("--corpus", type=Path, help="folder with bia, idr and ssbd-2026-03-10")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        results = measure(Path(folder), set(args.only or NAMES), args.rounds, args.corpus)
    report(results, OUTPUT)
    return 0


def report(results: list[Result], output: Path) -> None:
    """Write the results to a file and show them."""
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n", encoding="utf-8")
    console.print(table(results))
    console.print(f"{output}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", highlight=False)


def measure(home: Path, names: set[str], rounds: int, real: Path | None) -> list[Result]:
    """Take every measurement asked for, the write side first: it makes the hub that the others read."""
    corpus = prepare(home / "corpus", real)
    say(corpus.kind)
    results = harvesting.run(corpus, home, rounds if names & set(harvesting.NAMES) else 1, names, say)
    if names & set(quads.NAMES):
        say("records to RDF")
        results += quads.run(home, rounds)
    if names & {*sparql.NAMES, *serving.NAMES}:
        servers.check_wrk()
        say("servers")
        stage = stages.of(home, rounds, say)
        results += sparql.run(stage, names)
        results += serving.run(stage, names)
    return results


def say(what: str) -> None:
    """Tell what was done, or comes next."""
    console.print(f"· {what}", style="dim", highlight=False, soft_wrap=True)


def table(results: list[Result]) -> Table:
    """Return the results as people read them."""
    made = Table("name", "ours", "peer", "unit", "ratio", "rounds", "aim")
    for r in results:
        aim, met = _aim(r)
        rounds = "–".join(f"{ratio:.2f}" for ratio in r.spread)
        colour = "green" if met else "red"
        made.add_row(r.name, f"{r.ours:g}", f"{r.peer:g}", r.unit, f"[{colour}]{r.ratio:.2f}[/]", rounds, aim)
    return made


def _aim(result: Result) -> tuple[str, bool]:
    if result.name == "harvest_memory":
        return f"≤ {AIM_MEMORY_MB:g} MB", result.ours <= AIM_MEMORY_MB
    least = AIMS.get(result.name)
    return (f"≥ {least:g}", result.ratio >= least) if least else ("-", True)


if __name__ == "__main__":
    raise SystemExit(main())
