"""What every measurement of a server needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hub import config, snapshots

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where files go, which snapshot, how often.

    Attributes:
        home: folder for the benchmark's files.
        settings: the hub's ``hub.toml``.
        graph: the published snapshot's store.
        rounds: rounds of all sides in turn.
        say: tells what was done.
        kept: folder that keeps what peers have loaded for the next run, if any does.
    """

    home: Path
    settings: Path
    graph: Path
    rounds: int
    say: Say
    kept: Path | None = None


def of(home: Path, rounds: int, say: Say) -> Stage:
    """Return the stage of the hub in ``home/hub``."""
    file = home / "hub" / "hub.toml"
    settings = config.load(str(file), environ={})
    return Stage(home, file, snapshots.current(settings.snapshots_dir).graph, rounds, say)
