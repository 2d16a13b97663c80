"""A copy of the catalogue that can be given away: one SQLite file, without what only the hub itself needs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

from hub.log import Log

ROWS: Final = 500
PRIVATE: Final = frozenset({"entries", "validators", "memory", "peer_refusals", "decisions", "erasures", "webhooks"})
"""Tables that are left empty: what a hub remembers for its next harvest, what it holds against its peers, and what its
operator had taken out of records."""


def copy(log: Log, target: Path) -> None:
    """Write the catalogue into a new SQLite file, whatever database it is in."""
    known = sa.MetaData()
    event.listen(known, "column_reflect", _generic)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)  # of indexes on expressions: they only make things faster
        known.reflect(log.engine)
    other = sa.create_engine(f"sqlite:///{target}")
    try:
        known.create_all(other)
        with log.engine.connect() as source, other.begin() as sink:
            for table in known.sorted_tables:
                if table.name not in PRIVATE:
                    _copy_table(table, source, sink)
    finally:
        other.dispose()


def _copy_table(table: sa.Table, source: sa.Connection, sink: sa.Connection) -> None:
    for part in source.execute(sa.select(table)).mappings().partitions(ROWS):
        sink.execute(sa.insert(table), [dict(row) for row in part])


def _generic(_inspector: Any, _table: Any, column: Any) -> None:
    """Read types as any database has them, and no value that one database makes by itself.

    Source: https://docs.sqlalchemy.org/en/20/core/reflection.html#reflecting-with-database-agnostic-types
    """
    column |= {"type": column["type"].as_generic(), "default": None}
    column.pop("identity", None)
