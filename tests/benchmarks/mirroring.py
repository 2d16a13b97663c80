"""Benchmarks of mirroring: a first mirror against copying the dump alone, and the bytes of catching up.

Generated records, on loopback; the graph is not built, for it is the same work for a record of any origin. Bytes are
those on the wire, after compression; seconds are processor time of both sides together.

``python -m tests.benchmarks.mirroring [--records 10000] [--changes 1000]``
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from harvesters.http import PoliteSession
from hub import records
from hub.config import Peer, Settings
from hub.dumps import records as dumped
from hub.log import Batch, Log, RecordRow
from hub.peers import documents, dump, hello, keys, mirror, pages, statements
from hub.snapshots import Snapshot
from hub.web import coding
from tests.benchmarks import synthetic
from tests.benchmarks.corpus import BASE
from tests.support import listening

AT = "2026-01-01T00:00:00Z"
BATCH = 500


@dataclass
class Served:
    """A hub's answers to other hubs, and how many bytes they came to."""

    settings: Settings
    log: Log
    dumps: Path
    sequence: int = 0
    sent: int = 0

    def answer(self, path: str, asked: dict[str, list[str]]) -> bytes | Path | None:
        """Return what is answered; a file as its path."""
        if path == "/.well-known/hub":
            snapshot = Snapshot(self.dumps, self.sequence, AT, BASE, 0)
            return _json(hello.document(self.log, self.settings, snapshot))
        if path == "/changes":
            since, limit = int(asked["since"][0]), int(asked.get("limit", ["500"])[0])
            return _json(pages.changes(self.log, BASE, "eu", self.sequence, since, limit, set()))
        if path == "/dumps/":
            return _json({"dumps": [{"name": str(self.sequence), "sequence": self.sequence}]})
        file = self.dumps / path.rpartition("/")[2]
        return file if path.startswith("/dumps/") and file.is_file() else None


def _json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


@contextmanager
def serving(served: Served) -> Iterator[str]:
    """Serve on loopback; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            found = served.answer(parts.path, parse_qs(parts.query))
            code = ""
            if isinstance(found, bytes):
                code = coding.choose(self.headers.get("Accept-Encoding", ""))
                found = coding.encode(found, code)
            body = found.read_bytes() if isinstance(found, Path) else found or b""
            self.send_response(404 if found is None else 200)
            if code:
                self.send_header("Content-Encoding", code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            served.sent += len(body)

        def log_message(self, *_: Any) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with listening(server) as address:
        yield address


def rows(count: int) -> Iterator[RecordRow]:
    """Yield generated records."""
    for made in itertools.islice(synthetic.datasets(), count):
        archive, number = made.id.removeprefix(f"{BASE}dataset/").split("/")
        text = records.to_json(records.canonical(made.model_copy(update={"accession": number})))
        yield RecordRow(
            source=archive,
            accession=number,
            iri=made.id,
            state="active",
            title=made.name,
            record=text,
            findings="[]",
            withdrawal=None,
            payload_sha256="0" * 64,
            source_url=None,
            harvester="made/1",
            first_seen=AT,
            changed=AT,
            run=1,
        )


def fill(log: Log, settings: Settings, made: Iterator[RecordRow], action: str) -> None:
    """Write records to a catalogue and sign them."""
    while part := list(itertools.islice(made, BATCH)):
        log.commit(Batch(records=[(action, row) for row in part]), 1)
    statements.update(log, settings)


def write_dump(served: Served) -> int:
    """Write the dump that a mirror starts from; return its bytes."""
    dumped.write(served.log, served.settings, served.sequence, served.dumps)
    file = served.dumps / dump.RECORDS
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    told = {"hub": "eu", "base": BASE, "sequence": served.sequence, "files": [{"name": dump.RECORDS, "sha256": sha256}]}
    (served.dumps / dump.MANIFEST).write_bytes(_json(documents.signed(told, keys.own(served.settings.key_file))))
    return file.stat().st_size


def mirrored(settings: Settings, served: Served, expected: int) -> tuple[float, int]:
    """Mirror once; return the seconds of processor time on both sides, and the bytes."""
    served.sent, begun = 0, time.process_time()
    (outcome,) = mirror.mirror(settings, ["eu"])
    took = time.process_time() - begun
    taken = outcome.report.new + outcome.report.changed
    if outcome.error or outcome.agreed != {"eu": "identical"} or taken != expected:
        raise RuntimeError(f"the mirror failed: {outcome}")
    return took, served.sent


def measure(home: Path, count: int, changes: int) -> dict[str, float]:
    """Return what a first mirror and a catching up came to."""
    own = Settings(data_dir=home / "eu", base_iri=BASE, hub_name="eu")
    (home / "dump").mkdir()
    with closing(Log(own.database)) as log, patch("hub.ingest.publish"):
        served = Served(own, log, home / "dump")
        fill(log, own, rows(count), "create")
        served.sequence = log.last_sequence()
        size = write_dump(served)
        with serving(served) as url:
            peer = Peer("eu", url, keys.own(own.key_file).public, is_private=True)
            other = Settings(
                data_dir=home / "us", base_iri=BASE, hub_name="us", peers={"eu": peer}, harvest_interval_s=0.001
            )
            copied = copy(url, count)
            first_s, first_bytes = mirrored(other, served, count)
            fill(log, own, map(changed, rows(changes)), "update")
            served.sequence = log.last_sequence()
            catch_s, catch_bytes = mirrored(other, served, changes)
    return {
        "records": count,
        "dump_bytes": size,
        "copy_s": copied,
        "first_s": first_s,
        "first_records_per_s": count / first_s,
        "first_bytes": first_bytes,
        "catch_up_changes": changes,
        "catch_up_s": catch_s,
        "catch_up_bytes": catch_bytes,
        "catch_up_share": catch_bytes / size,
    }


def copy(url: str, sequence: int) -> float:
    """Return the seconds of processor time of copying the dump, by the session that mirrors use."""
    begun = time.process_time()
    with PoliteSession(private=[url]) as http:
        kept = http.download(f"{url}/dumps/{sequence}/{dump.RECORDS}")
        with http.open(kept.sha256) as file:
            while file.read(1 << 20):
                pass
    return time.process_time() - begun


def changed(row: RecordRow) -> RecordRow:
    """Return a record with another title."""
    title = f"{row.title}, revised"
    return replace(row, title=title, record=row.record.replace(json.dumps(row.title), json.dumps(title), 1))


def main(argv: list[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description="Measure mirroring.")
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=1000)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="hub-mirroring-") as folder:
        for name, value in measure(Path(folder), args.records, args.changes).items():
            print(f"{name}: {value:,.4g}" if value < 1000 else f"{name}: {value:,.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
