"""One query from the command line, with the same guard, workers, limits and SERVICE as the web."""

from __future__ import annotations

from collections.abc import Iterator

from hub import formats, snapshots, sparql_guard, sparql_scope
from hub.config import Settings
from hub.federation import Federation
from hub.workers import WorkerPool


def ask(settings: Settings, text: str, fmt: str) -> Iterator[bytes]:
    """Yield the answer to a query over the published graph, piece by piece.

    Args:
        settings: the hub's settings.
        text: a SPARQL query.
        fmt: short name of a format; empty for CSV or Turtle, whichever fits.

    Raises:
        QueryError: refused, failed or took too long.
        NotAcceptableError: no such format.
    """
    form = sparql_guard.check(text, allow_service=True)
    sparql_scope.check(text)
    kind: formats.Kind = "results" if form in ("SELECT", "ASK") else "graph"
    default = "csv" if form == "SELECT" else "json" if form == "ASK" else "turtle"
    media_type = formats.named(fmt or default, kind).media_type
    snapshot = snapshots.current(settings.snapshots_dir)
    pool = WorkerPool(
        snapshot.graph,
        workers=1,
        spares=0,
        timeout_s=settings.query_timeout_s,
        memory_bytes=settings.query_memory_bytes,
        max_result_bytes=settings.max_result_bytes,
    )
    try:
        yield from Federation.of(settings).query(pool, text, media_type, snapshot=snapshot)
    finally:
        pool.close()
