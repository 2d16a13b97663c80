"""What every harvester promises, whatever its archive; a new module in ``harvesters/`` is tested here by being there."""

from __future__ import annotations

import builtins
import importlib
import json
import pkgutil
import random
import re
import socket
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pyoxigraph import NamedNode

import harvesters
from harvesters.contract import Context, Entry, Finding, Harvested, Harvester, RecordError, Source
from harvesters.http import Manners, PoliteSession
from hub import config, records
from linkml_schemas.generated.model import Dataset
from ontology import text

DEMO = Path(__file__).parents[1] / "hub" / "demo"
BASE = "https://hub.example/"


def declared() -> dict[str, Harvester]:
    modules = (importlib.import_module(f"harvesters.{m.name}") for m in pkgutil.iter_modules(harvesters.__path__))
    return {m.__name__.rpartition(".")[2]: m.HARVESTER for m in modules if hasattr(m, "HARVESTER")}


HARVESTERS = declared()
SOURCES = {s.harvester: s for s in reversed(config.load(str(DEMO / "hub.toml"), {}).sources.values())}
Case = tuple[Harvester, Source]


@pytest.fixture(params=sorted(HARVESTERS))
def case(request: pytest.FixtureRequest) -> Case:
    if request.param not in SOURCES:
        pytest.skip(f"the demonstration has no source for {request.param}")
    return HARVESTERS[request.param], SOURCES[request.param]


@pytest.fixture
def http() -> Iterator[PoliteSession]:
    with PoliteSession(Manners(interval_s=0, retries=0)) as session:
        yield session


def transformed(case: Case, http: PoliteSession) -> Iterator[tuple[bytes, Entry, Harvested]]:
    """Every entry of the demonstration that is published."""
    harvester, source = case
    for entry in harvester.entries(http, source):
        raw = harvester.fetch(http, source, entry)
        try:
            yield raw, entry, harvester.transform(raw, entry, Context(BASE, source))
        except RecordError as err:
            assert err.reasons
            assert all(err.reasons)


def test_every_harvester_has_demonstration_data() -> None:
    assert sorted(SOURCES) == sorted(HARVESTERS)


@pytest.mark.parametrize("name", sorted(HARVESTERS))
def test_declaration(name: str) -> None:
    harvester = HARVESTERS[name]
    assert harvester.name == name
    assert harvester.title
    assert harvester.homepage.startswith("https://")
    assert harvester.licence is None or harvester.licence.startswith("https://")
    assert harvester.version >= 1
    assert harvester.listing in ("full", "partial")


def test_listing_is_sorted_unique_and_repeatable(case: Case, http: PoliteSession) -> None:
    harvester, source = case
    listed = list(harvester.entries(http, source))
    keys = [e.key for e in listed]
    assert keys
    assert keys == sorted(set(keys))
    with PoliteSession() as another:
        assert [(e.key, e.url) for e in harvester.entries(another, source)] == [(e.key, e.url) for e in listed]


def test_fetch_gives_the_same_bytes(case: Case, http: PoliteSession) -> None:
    harvester, source = case
    for entry in harvester.entries(http, source):
        raw = harvester.fetch(http, source, entry)
        assert isinstance(raw, bytes)
        assert raw
        assert harvester.fetch(http, source, entry) == raw


def test_transform_is_pure(case: Case, http: PoliteSession, monkeypatch: pytest.MonkeyPatch) -> None:
    harvester, source = case
    warm = list(transformed(case, http))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("transform reached for a file, a socket or the clock")

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "open", refuse)
        patch.setattr(Path, "open", refuse)
        patch.setattr(socket, "socket", refuse)
        for clock in ("time", "time_ns", "monotonic", "localtime", "gmtime"):
            patch.setattr(time, clock, refuse)
        state = random.getstate()
        again = [harvester.transform(raw, entry, Context(BASE, source)) for raw, entry, _ in warm]
        assert random.getstate() == state
    assert again == [harvested for *_, harvested in warm]


def test_record_is_valid(case: Case, http: PoliteSession) -> None:
    schema = json.loads(files("linkml_schemas.generated").joinpath("schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)({**schema, "$ref": "#/$defs/Dataset"})
    for _, entry, harvested in transformed(case, http):
        record = records.canonical(harvested.record)
        assert Dataset.model_validate(record.model_dump()) == record
        assert not list(validator.iter_errors(json.loads(records.to_json(record)))), entry.key


def test_record_comes_round(case: Case, http: PoliteSession) -> None:
    for _, _, harvested in transformed(case, http):
        record = records.canonical(harvested.record)
        assert records.from_quads(records.to_quads(record), record.id) == record
        assert records.from_jsonld(records.to_jsonld(record), record.id) == record
        assert records.from_json(records.to_json(record)) == record


def test_iris_are_absolute(case: Case, http: PoliteSession) -> None:
    for _, _, harvested in transformed(case, http):
        assert harvested.record.id.startswith(f"{BASE}dataset/{case[1].archive}/") or case[1].archive == "bia"
        for quad in records.to_quads(records.canonical(harvested.record)):
            for term in (quad.subject, quad.object):
                if isinstance(term, NamedNode):
                    assert re.fullmatch(r"https?://[^\s<>\"{}|\\^`]+", term.value), term


def test_no_email_anywhere(case: Case, http: PoliteSession) -> None:
    for _, entry, harvested in transformed(case, http):
        said = records.to_json(harvested.record) + "".join(f.value + f.message for f in harvested.findings)
        assert not text.has_email(said), entry.key
        assert "example.org" not in said.replace("https://example.org", ""), entry.key


def test_findings_say_what_is_wrong(case: Case, http: PoliteSession) -> None:
    for _, _, harvested in transformed(case, http):
        for finding in harvested.findings:
            assert isinstance(finding, Finding)
            assert finding.field
            assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", finding.rule), finding
            assert len(finding.message) > 0
            assert len(finding.value) <= 200
            f"{finding.field}{finding.value}{finding.message}".encode()


GARBAGE: list[Any] = [
    b"", b"null", b"[]", b"{}", b"[{}]", b'{"@graph": {}}', b'"x"', b"7", b"NaN", b"\xff\xfe\x00", b"<xml/>", b"PK\x03\x04",
    b"[" * 50_000, b'{"a":' * 50_000, b"1" * 50_000, b"\x00" * 100, random.Random(1).randbytes(5000),
]  # fmt: skip


@pytest.mark.parametrize("raw", GARBAGE, ids=lambda raw: repr(raw[:12]))
def test_garbage_is_a_record_error(case: Case, raw: bytes) -> None:
    harvester, source = case
    for key in ("x", "x.json", "x.tsv", "x.xlsx", "EMPIAR-10001", "x-ro-crate-metadata.json"):
        with pytest.raises(RecordError) as refused:
            harvester.transform(raw, Entry(key), Context(BASE, source))
        assert refused.value.reasons


def test_cut_payloads_are_record_errors(case: Case, http: PoliteSession) -> None:
    harvester, source = case
    for raw, entry, _ in list(transformed(case, http))[:3]:
        for length in range(1, len(raw) - 3, max(1, len(raw) // 25)):
            try:
                harvester.transform(raw[:length], entry, Context(BASE, source))
            except RecordError:
                continue
