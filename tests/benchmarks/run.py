"""Run the benchmarks: ``python -m tests.benchmarks.run [--only NAME…] [--rounds N] [--corpus DIR]``; ``make bench``.

Every figure is taken side by side with its peer, in turn and in one run, so that the ratio holds on a noisy machine.
The result is ``build/bench.json``; ``docs/benchmarks.md`` tells what each name measures.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks import harvesting, quads, report, servers, serving, sparql
from tests.benchmarks import stage as stages
from tests.benchmarks.corpus import ROOT, prepare
from tests.benchmarks.measure import Result
from tests.benchmarks.report import say

NAMES = (*harvesting.NAMES, *quads.NAMES, *sparql.NAMES, *serving.NAMES)
_HELP = (
    f"{', '.join((*harvesting.NAMES, *quads.NAMES, *sparql.RATES, *serving.NAMES))}; rates also with _p50, _p95, _cpu"
)
OUTPUT = ROOT / "build" / "bench.json"


def main(argv: list[str] | None = None) -> int:
    """Run the benchmarks asked for and return the exit status."""
    parser = argparse.ArgumentParser(description="Measure the hub against its peers.")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help=_HELP)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of ours and peer in turn (3)")
    parser.add_argument("--corpus", type=Path, help="folder with bia, idr and ssbd-2026-03-10")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        results = measure(Path(folder), set(args.only or NAMES), args.rounds, args.corpus)
    report.write(OUTPUT, report.plain(results))
    report.show(results, OUTPUT)
    return 0


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
        results += sparql.run(stage, names).results
        results += serving.run(stage, names)
    return results


if __name__ == "__main__":
    raise SystemExit(main())
