"""What a measurement is: rounds that take turns, and medians."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """One line of ``bench.json``; ``ratio`` above 1 is better for the hub.

    Attributes:
        name: what was measured.
        ours: median of the hub's figures.
        peer: median of the peer's figures.
        unit: unit of both.
        ratio: of the two medians.
        spread: lowest and highest ratio of a round; empty where ours and the peer's were not taken in rounds.
    """

    name: str
    ours: float
    peer: float
    unit: str
    ratio: float
    spread: tuple[float, ...] = ()


def less_is_better(name: str, ours: Sequence[float], peer: Sequence[float], unit: str) -> Result:
    """Return the result of times or sizes."""
    a, b = statistics.median(ours), statistics.median(peer)
    return Result(name, round(a, 4), round(b, 4), unit, round(b / a, 3), _spread(peer, ours))


def more_is_better(name: str, ours: Sequence[float], peer: Sequence[float], unit: str) -> Result:
    """Return the result of rates."""
    a, b = statistics.median(ours), statistics.median(peer)
    return Result(name, round(a, 1), round(b, 1), unit, round(a / b, 3), _spread(ours, peer))


def _spread(above: Sequence[float], below: Sequence[float]) -> tuple[float, ...]:
    if len(above) != len(below):
        return ()
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return round(min(ratios), 3), round(max(ratios), 3)


def in_turn(rounds: int, *sides: Callable[[], T]) -> list[list[T]]:
    """Run the sides in turn, forwards and backwards by turns; return the figures of each."""
    figures: list[list[T]] = [[] for _ in sides]
    for number in range(rounds):
        order = list(zip(figures, sides, strict=True))
        for taken, side in order if number % 2 == 0 else reversed(order):
            taken.append(side())
    return figures
