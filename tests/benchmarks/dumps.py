"""How fast dumps are made and checked: ``python -m tests.benchmarks.dumps [RECORDS] [FOLDER]``.

Builds a hub of so many synthetic records (10,000 by default), makes a dump and checks it.
Prints a JSON object: seconds and records per second of each, bytes, and the peak memory of making and checking.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from hub import config, ingest, records
from hub.config import Settings
from hub.dumps import layout, make
from hub.dumps.verify import verify
from hub.log import Batch, Log, RecordRow
from hub.peers import keys
from hub.store import write_lock
from tests.benchmarks.corpus import BASE
from tests.benchmarks.synthetic import CREATED, datasets

BATCH = 500
SOURCES = "".join(
    f'[sources.{name}]\nharvester = "crates"\narchive = "{name}"\nurl = "{name}"\n'
    for name in ("bia", "idr", "ssbd", "empiar")
)


def main(count: int, home: Path) -> dict[str, Any]:
    """Run everything and return what was measured."""
    home.mkdir(parents=True, exist_ok=True)
    file = home / "hub.toml"
    file.write_text(f'data_dir = "data"\nbase_iri = "{BASE}"\nhub_name = "eu"\n{SOURCES}', encoding="utf-8")
    settings = config.load(str(file), environ={})
    if not settings.snapshots_dir.exists():
        build_s, _ = _timed(lambda: _build(settings, count))
        print(f"built in {build_s:.0f} s", file=sys.stderr)
    make_s, made = _timed(lambda: make.make(settings))
    peak_mb = _peak_mb()
    verify_s, verdict = _timed(lambda: verify(made.path, keys.own(settings.key_file).public))
    assert verdict.is_sound, verdict.problems
    return {
        "records": made.manifest["records"],
        "statements": made.manifest["statements"],
        "make_s": round(make_s, 1),
        "make_records_per_s": round(count / make_s),
        "make_peak_mb": peak_mb,
        "verify_s": round(verify_s, 1),
        "verify_records_per_s": round(count / verify_s),
        "verify_peak_mb": _peak_mb(),
        "bytes": {one.name: one.bytes for one in made.files},
        "bytes_in_all": made.bytes,
        "dumps": len(layout.standing(layout.folder(settings))),
    }


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = run()
    return time.perf_counter() - started, result


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _build(settings: Settings, count: int) -> None:
    made = islice(datasets(), count)
    with write_lock(settings.data_dir):
        log = Log(settings.database)
        try:
            run = log.start_run("bia")
            while part := list(_rows(islice(made, BATCH), run)):
                log.commit(Batch(records=[("create", row) for row in part]), run)
            ingest.publish(settings, log)
        finally:
            log.close()


def _rows(made: Iterator[Any], run: int) -> Iterator[RecordRow]:
    for dataset in made:
        archive = dataset.id.removeprefix(f"{BASE}dataset/").partition("/")[0]
        yield RecordRow(
            source=archive,
            accession=dataset.accession,
            iri=dataset.id,
            state="active",
            title=dataset.name or dataset.accession,
            record=records.to_json(dataset),
            findings="[]",
            withdrawal=None,
            payload_sha256="0" * 64,
            source_url=None,
            harvester="crates/1",
            first_seen=CREATED,
            changed=CREATED,
            run=run,
        )


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    if len(sys.argv) > 2:
        print(json.dumps(main(number, Path(sys.argv[2])), indent=1))
    else:
        folder = Path(tempfile.mkdtemp(prefix="hub-dumps-"))
        try:
            print(json.dumps(main(number, folder), indent=1))
        finally:
            shutil.rmtree(folder)
