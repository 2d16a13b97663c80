"""Find links among generated datasets: ``python -m tests.benchmarks.linking [--datasets N] [--own]``.

Prints what computing every link takes, what one changed record takes after that, and the most memory that the process
had. It uses the rules that the hub has, and two small ones so that there are always links: datasets by the same person
and in the same year, and a dataset's genes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hub import records
from hub.config import Settings
from hub.links import engine, view
from hub.links.catalogue import Links
from hub.links.contract import Evidence, Found, Member, Membership, Record, References, Rule
from hub.links.tables import Tables
from hub.log import Batch, Log, RecordRow
from hub.routes import Precedence
from hub.store import GraphStore
from linkml_schemas.generated.model import Dataset
from tests.benchmarks.corpus import BASE
from tests.benchmarks.synthetic import datasets

RELATED, MENTIONS = "http://purl.org/dc/terms/relation", "http://schema.org/mentions"
CHANGES = 5
BATCH = 500


def main(argv: list[str] | None = None) -> int:
    """Take the measurements and print them as JSON."""
    parser = argparse.ArgumentParser(description="Measure the finding of links.")
    parser.add_argument("--datasets", type=int, default=100_000, help="how many to generate (100000)")
    parser.add_argument("--own", action="store_true", help="only the two rules of the benchmark")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="hub-links-") as folder:
        print(json.dumps(measure(Path(folder), args.datasets, own=args.own), indent=1))
    return 0


def measure(home: Path, count: int, *, own: bool = False) -> dict[str, Any]:
    """Return seconds of a full computation and of one changed record, their ratio, and the most memory in MB."""
    settings = Settings(data_dir=home, base_iri=BASE)
    log = Log(settings.database)
    links, tables, precedence = Links(log), Tables(settings), Precedence.of(settings)
    found = {} if own else engine.discover()[0]
    rules = {**found, PEOPLE.name: PEOPLE, GENES.name: GENES}
    last = _fill(log, count)
    before_mb = _peak_mb()
    with GraphStore(home / "store") as store:

        def compute() -> engine.Outcome:
            done = engine.update(log, links, tables, settings, known=rules)
            view.catch_up(links, store, precedence)
            return done

        full_s, full = _timed(compute)
        changed = []
        for number, row in enumerate(last[:CHANGES]):
            dataset = records.from_json(row.record)
            dataset.name, dataset.description = f"{dataset.name} {number}", f"Again {dataset.description}"
            dataset.author = (dataset.author or [])[:1]
            log.commit(Batch(records=[("update", replace(row, record=records.to_json(dataset)))]), 2)
            changed.append(_timed(compute)[0])
        changed_s = sum(changed) / len(changed)
        counts = {c["rule"]: {k: c[k] for k in ("facts", "candidates", "too_large_blocks")} for c in links.counts()}
        quads = len(store)
    log.close()
    return {
        "datasets": count,
        "full_s": round(full_s, 2),
        "changed_record_s": round(changed_s, 4),
        "ratio": round(changed_s / full_s, 6),
        "blocks": full.blocks,
        "errors": full.errors,
        "quads": quads,
        "peak_mb": round(_peak_mb()),
        "peak_before_mb": round(before_mb),
        "rules": counts,
    }


def _timed(work: Callable[[], engine.Outcome]) -> tuple[float, engine.Outcome]:
    started = time.perf_counter()
    done = work()
    return time.perf_counter() - started, done


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _fill(log: Log, count: int) -> list[RecordRow]:
    """Write so many records, and return the last of them."""
    made: Iterator[Dataset] = itertools.islice(datasets(), count)
    rows: list[RecordRow] = []
    while part := list(itertools.islice(made, BATCH)):
        rows = [_row(dataset) for dataset in part]
        log.commit(Batch(records=[("create", row) for row in rows]), 1)
    return rows


def _row(dataset: Dataset) -> RecordRow:
    at = "2026-01-01T00:00:00Z"
    return RecordRow(
        source=dataset.archive.name,
        accession=dataset.accession,
        iri=dataset.id,
        state="active",
        title=dataset.name,
        record=records.to_json(dataset),
        findings="[]",
        withdrawal=None,
        payload_sha256="0" * 64,
        source_url=None,
        harvester="crates/1",
        first_seen=at,
        changed=at,
        run=1,
    )


# --- two rules ---------------------------------------------------------------------------------------------------


def _people(record: Record, references: References) -> Membership:
    year = (record.dataset.date_published or "")[:4]
    authors = [person.id for person in record.dataset.author or []]
    return Membership(frozenset(f"{author} {year}" for author in authors), authors)


def _same_people(key: str, members: Sequence[Member], references: References) -> Iterator[Found]:
    for one, other in itertools.combinations(members, 2):
        shared = sorted(set(one.features) & set(other.features))
        evidence = tuple(Evidence("value", "author", person, person, weight=0.4) for person in shared)
        sure = min(1.0, 0.4 * len(shared))
        yield Found(one.dataset, RELATED, other.dataset, sure, evidence, (one.record, other.record))


def _genes(record: Record, references: References) -> Membership:
    genes = sorted({note.gene.id for note in record.dataset.gene_annotation or []})
    return Membership(frozenset({record.own_key}), genes) if genes else Membership(frozenset())


def _mentioned(key: str, members: Sequence[Member], references: References) -> Iterator[Found]:
    for member in members:
        for gene in member.features:
            yield Found(member.dataset, MENTIONS, gene, 1.0, (Evidence("record", "gene", gene),), (member.record,))


PEOPLE = Rule("bench-people", "by the same people", 1, (RELATED,), _people, _same_people, is_symmetric=True)
GENES = Rule("bench-genes", "genes of a dataset", 1, (MENTIONS,), _genes, _mentioned)


if __name__ == "__main__":
    raise SystemExit(main())
