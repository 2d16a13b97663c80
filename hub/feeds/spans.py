"""Spans of the log: changes that are told together, such as those of one page. A full span stays as it is."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from hub.feeds.journal import Journal
from hub.log import versions


@dataclass(frozen=True, slots=True)
class Span:
    """Changes that are told together.

    Attributes:
        number: of the span, from 0: it has the changes after ``number * size``, up to ``(number + 1) * size``.
        first: number of its first change.
        last: number of its last change.
        is_full: whether no further change comes in.
    """

    number: int
    first: int
    last: int
    is_full: bool


def spans(journal: Journal, size: int, after: int = 0, to: int | None = None) -> list[Span]:
    """Return the spans of a size that have visible changes, of those with numbers after one and up to another."""
    last = journal.until if to is None else min(to, journal.until)
    number = ((versions.c.sequence - 1) // size).label("number")
    query = sa.select(number, sa.func.min(versions.c.sequence), sa.func.max(versions.c.sequence))
    query = query.where(versions.c.sequence > after, versions.c.sequence <= last).group_by(number).order_by(number)
    with journal.log.engine.connect() as db:
        return [
            Span(int(which), first, end, journal.until >= (which + 1) * size) for which, first, end in db.execute(query)
        ]
