"""ldes-client copies a hub's event stream and holds what the hub holds. Skipped where ``tests/ldes`` is not installed.

``npm ci --ignore-scripts`` in that folder installs it. Members that could be seen from the same second on come in any
order, for the client sorts by ``ldes:timestampPath`` only; ``ldes:sequencePath`` puts them in order.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import RdfFormat, parse

from hub.feeds.ldes import AT, NUMBER, VERSION_OF, A
from hub.ingest import harvest
from hub.peers import standing
from ontology import iris
from tests import feeds_hub
from tests.support import BASE, served

FOLDER = Path(__file__).with_name("ldes")
DELETE = "https://www.w3.org/ns/activitystreams#Delete"

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules" / "ldes-client").is_dir(),
        reason="ldes-client is not installed: cd tests/ldes && npm ci --ignore-scripts",
    ),
]


def replicate(address: str, state: Path) -> list[dict[str, Any]]:
    """Return the members that a client emits which remembers in a folder what it has had, in the stream's order."""
    command = ["node", str(FOLDER / "replicate.mjs"), address, str(state)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    members = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return sorted(members, key=lambda member: int(member["said"][NUMBER.value][0]))


def applied(members: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the hash of each record that stands after the members, by its IRI."""
    found: dict[str, str] = {}
    for member in members:
        record = member["said"][VERSION_OF.value][0]
        if DELETE in member["said"][A.value]:
            found.pop(record, None)
        else:
            lines = sorted({f"{quad.triple} .\n" for quad in parse(member["text"], format=RdfFormat.N_TRIPLES)})
            found[record] = hashlib.sha256("".join(lines).encode()).hexdigest()
    return found


def test_a_copy_holds_what_owners_signed_and_follows(tmp_path: Path) -> None:
    settings = feeds_hub.build(tmp_path)
    with served(settings) as address:
        first = replicate(f"{address}/ldes", tmp_path / "state")
        assert [member["said"][AT.value][0] for member in first][-1] == feeds_hub.SECOND
        assert_is_all(settings, first)
        feeds_hub.rename(tmp_path, 0, "Renamed twice")
        feeds_hub.remove(tmp_path, 1)
        harvest(settings, ["idr"])
        more = replicate(f"{address}/ldes", tmp_path / "state")
        assert len(more) == 2
        assert_is_all(settings, [*first, *more])


def assert_is_all(settings: Any, members: list[dict[str, Any]]) -> None:
    """Check that members are all changes of a hub, and what stands after them is what owners signed."""
    with feeds_hub.reading(settings) as journal:
        assert [m["id"] for m in members] == [f"{BASE}change/hub/{n}" for n in range(1, journal.until + 1)]
        stand = [each for each in standing.everything(journal.log, journal.until) if each.state == "active"]
    assert applied(members) == {iris.record(BASE, each.source, each.accession): each.sha256 for each in stand}
