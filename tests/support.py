"""What several tests need: a small hub on disk, and random records made from the model itself."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from werkzeug.serving import make_server
from werkzeug.test import Client, TestResponse

from harvesters.contract import Source
from hub import records
from hub.config import Settings
from hub.records import ClassTable, Slot
from hub.web.app import Hub

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "hub" / "demo"
BASE = "https://hub.example.org/"
DEMO_SOURCES = {
    "bia": ("crates", "bia"),
    "idr": ("crates", "idr"),
    "ssbd": ("crates", "ssbd"),
    "empiar": ("empiar", "empiar"),
    "submissions": ("submissions", "hub"),
}


def demo_settings(folder: Path, names: tuple[str, ...] = ("bia", "idr"), **more: Any) -> Settings:
    """Return the settings of a hub in a folder, its sources copies of the bundled sample."""
    sources = {}
    for name in names:
        harvester, archive = DEMO_SOURCES[name]
        shutil.copytree(DEMO / name, folder / name, dirs_exist_ok=True)
        sources[name] = Source(name=name, harvester=harvester, archive=archive, url=str(folder / name))
    return Settings(**{"data_dir": folder / "data", "base_iri": BASE, "sources": sources, "query_workers": 2, **more})


def things(cls: str, depth: int = 3) -> st.SearchStrategy[Any]:
    """Return a strategy of random things of a class, made from the compiled model."""
    return _thing(records.tables()[cls], depth)


def _thing(table: ClassTable, depth: int) -> st.SearchStrategy[Any]:
    fields: dict[str, st.SearchStrategy[Any]] = {
        "id": st.integers(0, 6).map(lambda n: f"https://example.org/{table.name}/{n}")
    }
    for slot in table.slots:
        required = table.cls.model_fields[slot.name].is_required()
        if slot.kind == "node" and depth == 0 and not required:
            continue
        one = _value(table, slot, depth)
        value = st.lists(one, max_size=3) if slot.many else one
        fields[slot.name] = value if required else st.none() | value
    return st.fixed_dictionaries(fields).map(lambda values: table.cls(**values))


def _value(table: ClassTable, slot: Slot, depth: int) -> st.SearchStrategy[Any]:
    if slot.kind == "node":
        return st.one_of([_thing(records.tables()[c], max(0, depth - 1)) for c in slot.classes])
    if slot.kind == "iri":
        return st.integers(0, 9).map(lambda n: f"https://example.org/iri/{n}")
    return _literal(table, slot)


def _literal(table: ClassTable, slot: Slot) -> st.SearchStrategy[Any]:
    annotation = str(table.cls.model_fields[slot.name].annotation)
    if "RecordState" in annotation:
        return st.sampled_from(["active", "withdrawn"])
    if "ReagentKind" in annotation:
        return st.sampled_from(["sirna", "antibody"])
    if "GeneRole" in annotation:
        return st.sampled_from(["perturbed", "tagged"])
    if slot.name in ("payload_sha256", "sha256", "md5"):
        return st.just("0" * (32 if slot.name == "md5" else 64))
    match slot.datatype:
        case "partial-date":
            return st.sampled_from(["2016", "2016-04", "2016-04-27"])
        case str(d) if d.endswith("integer"):
            return st.integers(0, 10**15)
        case str(d) if d.endswith("decimal"):
            return st.integers(0, 10**6).map(lambda n: Decimal(n) / 10**6)
        case str(d) if d.endswith("boolean"):
            return st.booleans()
        case str(d) if d.endswith("dateTime"):
            return st.just("2026-11-20T12:00:00Z")
    return st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)


@contextmanager
def listening(server: Any) -> Iterator[str]:
    """Let a server answer in a thread, and give its address."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def serving(app: Any) -> AbstractContextManager[str]:
    """Serve a WSGI application on loopback, and give its address."""
    return listening(make_server("127.0.0.1", 0, app, threaded=True))


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Serve a whole hub on loopback, and give its address."""
    hub = Hub(settings)
    try:
        with serving(hub) as address:
            yield address
    finally:
        hub.close()


def get(client: Client, path: str, accept: str = "") -> TestResponse:
    """Ask for a page."""
    return client.get(path, headers={"Accept": accept})


def told(client: Client, path: str, status: int = 200) -> Any:
    """Ask for a page as JSON and return what it says."""
    answer = get(client, path, "application/json")
    assert answer.status_code == status, answer.text
    return json.loads(answer.text)
