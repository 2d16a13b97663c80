"""How much of the model each source fills: ``python -m tests.benchmarks.coverage [CORPUS]``.

Harvests real documents into a throw-away hub and prints, as the tables of ``docs/archives.md``, how many records of
each source fill each slot, and which findings they have.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from harvesters.contract import Source
from hub import ingest, records
from hub.config import Settings
from hub.log import Log
from linkml_schemas.generated.model import Dataset
from tests.benchmarks.corpus import BASE, ROOT

CORPUS = ROOT.parent / "shared" / "corpus"
# Name of the source → harvester, archive, folder of the corpus, options.
SOURCES: dict[str, tuple[str, str, str, Mapping[str, object]]] = {
    "bia": ("crates", "bia", "crates/bia", {}),
    "idr": ("crates", "idr", "crates/idr", {}),
    "ssbd": ("crates", "ssbd", "crates/ssbd-2026-03-10", {}),
    "empiar": ("empiar", "empiar", "empiar/api_json", {}),
    "empiar-test": ("empiar", "empiar", "empiar/api_json_anonymised", {}),
    "idr-studies": ("idr", "idr", "idr", {}),
    "ssbd-rdf": ("ssbd", "ssbd", "ssbd/ontology", {}),
    "ssbd-rest": ("ssbd", "ssbd", "ssbd/rest-api/v3-recorded", {}),
    "biostudies": ("biostudies", "bia", "biostudies/pagetab-json", {"name": "original.json"}),
}
SKIPPED = ("id", "type", "accession", "archive", "name")


def sources(corpus: Path) -> dict[str, Source]:
    """Return every source that the corpus can stand for."""
    return {
        name: Source(name, harvester, archive, str(corpus / folder), options)
        for name, (harvester, archive, folder, options) in SOURCES.items()
    }


def coverage(settings: Settings) -> Iterator[tuple[str, int, Counter[str], Counter[str]]]:
    """Yield of each source: its name, number of records, records that fill each slot, findings by rule."""
    log = Log(settings.database)
    rows = [row for row in log.all_records() if row.state == "active"]
    log.close()
    for name in settings.sources:
        filled: Counter[str] = Counter()
        rules: Counter[str] = Counter()
        own = [row for row in rows if row.source == name]
        for row in own:
            record: Dataset = records.from_json(row.record)
            filled.update(slot for slot in Dataset.model_fields if getattr(record, slot) not in (None, []))
            rules.update(finding["rule"] for finding in json.loads(row.findings))
        yield name, len(own), filled, rules


def tables(settings: Settings) -> Iterator[str]:
    """Yield the lines of the tables of coverage and of findings, as Markdown."""
    found = list(coverage(settings))
    yield "| slot | " + " | ".join(f"`{name}`" for name, *_ in found) + " |"
    yield "|---|" + "---:|" * len(found)
    yield "| records | " + " | ".join(str(count) for _, count, *_ in found) + " |"
    for slot in Dataset.model_fields:
        counts = [filled[slot] for _, _, filled, _ in found]
        if slot not in SKIPPED and any(counts):
            yield f"| `{slot}` | " + " | ".join(str(count or "") for count in counts) + " |"
    yield ""
    yield "| source | findings |"
    yield "|---|---|"
    for name, _, _, rules in found:
        yield f"| `{name}` | " + ", ".join(f"`{rule}` {count}" for rule, count in rules.most_common()) + " |"


def main(argv: list[str]) -> int:
    """Print the tables; return the exit status."""
    corpus = Path(argv[0]) if argv else CORPUS
    if not corpus.is_dir():
        print(f"{corpus}: no such folder of real documents", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="hub-coverage-") as folder:
        settings = Settings(data_dir=Path(folder), base_iri=BASE, sources=sources(corpus))
        for outcome in ingest.harvest(settings, list(settings.sources)):
            print(outcome.source, outcome.report, outcome.error or "", file=sys.stderr)
        print("\n".join(tables(settings)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
