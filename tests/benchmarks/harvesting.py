"""Benchmarks of the write side: first harvest, unchanged re-harvest, one changed file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.corpus import ROOT, SUFFIX, Corpus, write_settings
from tests.benchmarks.measure import Result, in_turn, less_is_better

NAMES = ("harvest_first", "harvest_unchanged", "harvest_memory", "publish_one")
# The hub does not trust the time stamp of a file that was changed just before it was read (harvesters.files.RACY_NS).
SETTLE_S = 2.5
Say = Callable[[str], object]


@dataclass(slots=True)
class Figures:
    """What the rounds came to, in seconds and megabytes."""

    wall: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)


def run(corpus: Corpus, home: Path, rounds: int, names: set[str], say: Say) -> list[Result]:
    """Measure the names asked for; the last hub stays in ``home/hub`` for others to serve."""
    ours, peer = Figures(), Figures()
    time.sleep(SETTLE_S)
    if names & {"harvest_first", "harvest_memory"}:
        in_turn(rounds, lambda: first(corpus, home, ours), lambda: plain(corpus, home, peer))
    else:
        first(corpus, home, ours)
    say(f"first harvest in the process: {ours.inside}; plain way: {peer.wall}")
    results = []
    if "harvest_first" in names:
        results.append(less_is_better("harvest_first", ours.wall, peer.wall, "s"))
    if "harvest_memory" in names:
        results.append(less_is_better("harvest_memory", ours.memory, peer.memory, "MB"))
    if "harvest_unchanged" in names:
        again = [harvest(home)["seconds"] for _ in range(max(3, rounds))]
        results.append(less_is_better("harvest_unchanged", again, ours.inside, "s"))
    if "publish_one" in names:
        one = [publish_one(corpus, home, number) for number in range(max(3, rounds))]
        results.append(less_is_better("publish_one", one, ours.inside, "s"))
    return results


def first(corpus: Corpus, home: Path, figures: Figures) -> float:
    """Harvest everything into an empty data folder; seconds of the whole process."""
    shutil.rmtree(home / "hub", ignore_errors=True)
    write_settings(corpus, home / "hub")
    begun = time.perf_counter()
    said = harvest(home)
    figures.wall.append(time.perf_counter() - begun)
    figures.memory.append(said["peak_mb"])
    figures.inside.append(said["seconds"])
    listed = sum(r["listed"] for r in said["reports"])
    assert listed == corpus.files, f"{listed} of {corpus.files} files were listed"
    return figures.wall[-1]


def plain(corpus: Corpus, home: Path, figures: Figures) -> float:
    """The same files the plain way; seconds of the whole process."""
    output = home / "plain.nq"
    output.unlink(missing_ok=True)
    begun = time.perf_counter()
    said = _process("tests.benchmarks.plain", corpus.context, output, *corpus.folders.values())
    figures.wall.append(time.perf_counter() - begun)
    figures.memory.append(said["peak_mb"])
    assert said["statements"] > 10 * corpus.files, said
    return figures.wall[-1]


def harvest(home: Path, *names: str) -> Any:
    """Harvest in a process of its own; what it says."""
    return _process("tests.benchmarks.once", home / "hub" / "hub.toml", *names)


def publish_one(corpus: Corpus, home: Path, number: int) -> float:
    """Change one file of the largest source and harvest that; seconds inside the process until it is published."""
    path = min(corpus.folders["bia"].rglob(f"*{SUFFIX}"))
    crate = json.loads(path.read_text(encoding="utf-8"))
    root = next(n for n in crate["@graph"] if "Dataset" in str(n.get("@type")) and "name" in n)
    root["name"] = f"{root['name']} (revised {number})"
    path.write_text(json.dumps(crate), encoding="utf-8")
    said = harvest(home, "bia")
    assert said["reports"][0]["changed"] == 1, said
    return float(said["seconds"])


def _process(module: str, *arguments: object) -> Any:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
