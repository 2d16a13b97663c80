"""Run the SPARQL benchmarks at scale: ``python -m tests.benchmarks.scale [--triples N] [--rounds N] [--keep DIR]``.

Synthetic datasets (``tests/benchmarks/synthetic.py``) instead of the corpus, the same query mixes, the same peers but
rdflib-endpoint, which would take hours to load them. The result is ``build/bench-scale.json``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from hub import config, snapshots
from tests.benchmarks import run, servers, sparql, synthetic
from tests.benchmarks.corpus import ROOT
from tests.benchmarks.measure import Result
from tests.benchmarks.queries import HEAVY_AT_SCALE
from tests.benchmarks.stage import Stage

OUTPUT = ROOT / "build" / "bench-scale.json"
TRIPLES = 10_000_000
NAMES = tuple(name for name in sparql.NAMES if not name.startswith("rdflib"))
SECONDS = {8: 8, 1: 4}


def main(argv: list[str] | None = None) -> int:
    """Make the data, run the benchmarks asked for and return the exit status."""
    parser = argparse.ArgumentParser(description="Measure the hub against its peers on synthetic datasets.")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all servers in turn (3)")
    parser.add_argument("--triples", type=int, default=TRIPLES, help=f"statements ({TRIPLES:,})")
    parser.add_argument("--keep", type=Path, help="folder that keeps the data for the next run")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        results = measure(Path(folder), args.keep or Path(folder), args.triples, args.rounds, args.only or NAMES)
    run.report(results, OUTPUT)
    return 0


def measure(home: Path, data: Path, triples: int, rounds: int, names: tuple[str, ...] | list[str]) -> list[Result]:
    """Measure the names asked for on so many statements."""
    servers.check_wrk()
    begun = time.perf_counter()
    file = make(data / f"hub-{triples}", triples)
    snapshot = snapshots.current(config.load(str(file), environ={}).snapshots_dir)
    run.say(f"{snapshot.quads:,} statements after {time.perf_counter() - begun:.0f} s")
    return sparql.run(Stage(home, file, snapshot.graph, rounds, run.say), names, HEAVY_AT_SCALE, SECONDS)


def make(home: Path, triples: int) -> Path:
    """Return the ``hub.toml`` of a hub with so many statements, made now or kept from a run before."""
    file = home / "hub.toml"
    if (home / "data" / "snapshots" / "current").exists():
        return file
    return synthetic.publish(home, triples)


if __name__ == "__main__":
    raise SystemExit(main())
