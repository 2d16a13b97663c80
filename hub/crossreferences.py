"""What reference tables say about which datasets of two archives are the same study."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from hub import references
from hub.config import Settings

QUERY = (
    "SELECT other, written, place FROM pair WHERE one = ?1 UNION SELECT one, written, place FROM pair WHERE other = ?1"
)


@dataclass(frozen=True, slots=True)
class CrossReferences:
    """The tables of kind ``crossreferences``.

    Attributes:
        tables: name and open file of each.
    """

    tables: tuple[tuple[str, sqlite3.Connection], ...]

    @classmethod
    def of(cls, settings: Settings) -> CrossReferences:
        """Open the tables that the settings name and that were read."""
        return cls.over(references.of_kind(settings, "crossreferences"))

    @classmethod
    def over(cls, tables: Iterable[tuple[str, sqlite3.Connection]]) -> CrossReferences:
        """Return a reader of open tables."""
        return cls(tuple(tables))

    def twins(self, dataset: str) -> list[tuple[str, str, str]]:
        """Return the datasets that tables say are the same study as this one.

        Args:
            dataset: archive and name, as in the dataset's IRI, e.g. ``idr/idr0054``.

        Returns:
            for each the other's archive and name, how the table writes the pair's second half, and the table with the
            column that says so; sorted.
        """
        return sorted(
            (other, written, f"{name} {place}")
            for name, db in self.tables
            for other, written, place in db.execute(QUERY, (dataset,))
        )
