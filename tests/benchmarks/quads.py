"""Benchmark of records to RDF: ``hub.records.to_quads`` against LinkML's own ``rdflib_dumper``.

Both get the same pydantic objects. LinkML's dumper writes things in slots of several possible classes (``any_of``) as
one string of their fields, so the peer gets a schema in which these slots have the common ancestor as their range:
then it says what ours says, except for the second predicates and types (``exact_mappings``) and the authors' order.
"""

from __future__ import annotations

import gc
import logging
import time
from pathlib import Path
from typing import Any

from hub import config, records
from hub.log import Log
from tests.benchmarks.corpus import ROOT
from tests.benchmarks.measure import Result, in_turn, more_is_better

NAMES = ("to_quads",)
SAMPLE = 300


def run(home: Path, rounds: int) -> list[Result]:
    """Convert a sample of the harvested records both ways."""
    logging.getLogger("rdflib").setLevel(logging.CRITICAL)  # it logs a trace for every date that is no full date
    things, schema = sample(home), fair_schema()
    compare(things[:20], schema)
    gc.collect()
    gc.freeze()  # or the collector walks LinkML's own modules in the middle of both measurements
    mine, theirs = in_turn(rounds, lambda: ours(things), lambda: peer(things, schema))
    return [more_is_better("to_quads", mine, theirs, "records/s")]


def sample(home: Path) -> list[Any]:
    """Records of the hub that was harvested, evenly spread."""
    log = Log(config.load(str(home / "hub" / "hub.toml"), environ={}).database)
    try:
        rows = [row.record for row in log.all_records()]
    finally:
        log.close()
    return [records.from_json(text) for text in rows[:: max(1, len(rows) // SAMPLE)]]


def fair_schema() -> Any:
    """The model with a plain range for slots of several classes."""
    from linkml_runtime.utils.schemaview import SchemaView

    view = SchemaView(str(ROOT / "linkml_schemas" / "bioimage.yaml"))
    for slot in view.schema.slots.values():
        if slot.any_of:
            slot.range, slot.any_of = "Thing", []
    view.set_modified()
    return view


def compare(things: list[Any], schema: Any) -> None:
    """Check that every statement of the peer is one of ours."""
    from linkml_runtime.dumpers import rdflib_dumper

    for thing in things:
        theirs = {(str(s), str(p), str(o)) for s, p, o in rdflib_dumper.as_rdf_graph(thing, schema)}
        mine = {(q.subject.value, q.predicate.value, q.object.value) for q in records.to_quads(thing)}
        assert theirs <= mine, sorted(theirs - mine)[:3]


def ours(things: list[Any]) -> float:
    """Records a second; several passes, so that a round is long enough to be told."""
    begun = time.perf_counter()
    for _ in range(5):
        for thing in things:
            records.to_quads(thing)
    return 5 * len(things) / (time.perf_counter() - begun)


def peer(things: list[Any], schema: Any) -> float:
    """Records a second."""
    from linkml_runtime.dumpers import rdflib_dumper

    begun = time.perf_counter()
    for thing in things:
        rdflib_dumper.as_rdf_graph(thing, schema)
    return len(things) / (time.perf_counter() - begun)
