"""What a measurement is: rounds that take turns, and medians."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One line of ``bench.json``; ``ratio`` above 1 is better for the hub."""

    name: str
    ours: float
    peer: float
    unit: str
    ratio: float


def less_is_better(name: str, ours: list[float], peer: list[float], unit: str) -> Result:
    """Return the result of times or sizes."""
    a, b = statistics.median(ours), statistics.median(peer)
    return Result(name, round(a, 4), round(b, 4), unit, round(b / a, 3))


def more_is_better(name: str, ours: list[float], peer: list[float], unit: str) -> Result:
    """Return the result of rates."""
    a, b = statistics.median(ours), statistics.median(peer)
    return Result(name, round(a, 1), round(b, 1), unit, round(a / b, 3))


def in_turn(rounds: int, ours: Callable[[], float], peer: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Run both sides in turn, the first of a round being ours and the peer by turns; return their figures."""
    mine: list[float] = []
    theirs: list[float] = []
    for number in range(rounds):
        sides = [(mine, ours), (theirs, peer)]
        for figures, side in sides if number % 2 == 0 else reversed(sides):
            figures.append(side())
    return mine, theirs
