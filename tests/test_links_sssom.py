"""The mapping set in SSSOM: what is in it, and that the standard's own reader and schemas take it."""

from __future__ import annotations

import csv
import io
import json
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvesters.references import crossreferences
from harvesters.references.contract import Reference
from hub.config import Settings
from hub.ingest import harvest
from hub.links import sssom
from hub.links.catalogue import LinkRow, Links
from hub.links.rules.sameness import SAME_STUDY
from hub.log import Log
from tests.support import BASE, demo_settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it sets an option of pandas that pandas 3 does not need any more
    from sssom.parsers import parse_sssom_table
    from sssom.util import MappingSetDataFrame
    from sssom.validators import validate

BIA, IDR = f"{BASE}dataset/bia/S-BIAD595", f"{BASE}dataset/idr/idr0015"
REASON = {
    "kind": "value",
    "field": "publication",
    "value": "https://doi.org/10.1/a",
    "matched": "https://doi.org/10.1/a",
    "weight": 0.7,
}
RULES = [{"name": "sameness", "version": '[1, "abc"]', "justification": "semapv:CompositeMatching"}]


def link(**more: Any) -> LinkRow:
    time = "2026-11-20T10:00:00Z"
    values: dict[str, Any] = {
        "id": "0" * 16, "rule": "sameness", "kind": "link", "subject": BIA, "predicate": SAME_STUDY, "object": IDR,
        "symmetric": True, "confidence": 0.88, "status": "fact", "evidence": json.dumps([REASON]), "records": "[]",
        "attributed_to": None, "first_seen": time, "last_seen": time, "sequence": 1,
    }  # fmt: skip
    return LinkRow(**{**values, **more})


def text_of(*links: LinkRow, label: str | None = "A title") -> str:
    return "".join(sssom.table(links, BASE, version="12", date="2026-11-20", rules=RULES, labels=lambda _: label))


def rows_of(text: str) -> list[dict[str, str]]:
    lines = [line for line in io.StringIO(text) if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


def checked(text: str) -> MappingSetDataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mapping_set = parse_sssom_table(io.StringIO(text))
        reports = validate(mapping_set, fail_on_error=False)
    assert reports
    for kind, report in reports.items():
        assert report.results == [], kind
    return mapping_set


def test_a_fact_is_a_mapping_with_its_reasons() -> None:
    text = text_of(link())
    mapping_set = checked(text)
    assert mapping_set.metadata["license"] == sssom.LICENCE
    assert mapping_set.metadata["mapping_set_version"] == "12"
    [row] = rows_of(text)
    assert {name: value for name, value in row.items() if value} == {
        "subject_id": "bia:S-BIAD595",
        "subject_label": "A title",
        "predicate_id": "hub:sameStudyAs",
        "object_id": "idr:idr0015",
        "object_label": "A title",
        "mapping_justification": "semapv:CompositeMatching",
        "subject_source": "bioimagehub:archive/bia",
        "object_source": "bioimagehub:archive/idr",
        "mapping_tool": "bioimage hub, rule sameness",
        "mapping_tool_version": "1",
        "mapping_date": "2026-11-20",
        "confidence": "0.88",
        "comment": "publication https://doi.org/10.1/a (+0.7)",
    }


def test_compact_iris_expand_to_the_iris() -> None:
    iris = [
        BIA,
        IDR,
        "http://purl.obolibrary.org/obo/CL_0000540",
        f"{BASE}record/idr/idr0015#person%201",
        "https://example.org/a?b#c",
        f"{BASE}dataset/hub/HUB-1",
    ]
    prefixes = sssom.namespaces(BASE)
    for iri in iris:
        prefix, _, local = sssom.curie(iri, prefixes).partition(":")
        assert prefixes[prefix] + local == iri
    checked(text_of(*(link(object=iri) for iri in iris)))


def test_what_is_no_mapping_is_left_out() -> None:
    others = [
        link(status="candidate"),
        link(status="gone"),
        link(status="rejected"),
        link(predicate="http://schema.org/mentions"),
        link(kind="finding"),
    ]
    assert rows_of(text_of(*others)) == []
    checked(text_of(*others, link()))


def test_curators_are_named_and_their_rejections_told() -> None:
    orcid = "https://orcid.org/0000-0002-1825-0097"
    text = text_of(
        link(status="rejected", attributed_to=orcid), link(rule="curated", attributed_to="A Curator", confidence=None)
    )
    checked(text)
    rejected, added = rows_of(text)
    assert (rejected["predicate_modifier"], rejected["author_id"]) == ("Not", "orcid:0000-0002-1825-0097")
    assert (added["author_label"], added["mapping_tool"]) == ("A Curator", "")
    assert {row["mapping_justification"] for row in (rejected, added)} == {"semapv:ManualMappingCuration"}
    assert {row["confidence"] for row in (rejected, added)} == {""}, "a rule's confidence is not the curator's"


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_title_and_quote_stay_in_their_cells(title: str, quote: str) -> None:
    reason = {**REASON, "matched": "", "quote": quote}
    [row] = rows_of(text_of(link(evidence=json.dumps([reason])), label=title))
    assert row["subject_label"].split() == title.split()
    assert " ".join(quote.split()) in row["comment"]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    found = demo_settings(tmp_path_factory.mktemp("sssom"), ("bia", "idr"))
    harvest(found, list(found.sources))
    return found


def test_a_hub_s_mapping_set_is_valid_and_another_hub_can_read_it(settings: Settings) -> None:
    log = Log(settings.database)
    text = "".join(sssom.export(log, Links(log), settings.base_iri))
    log.close()
    checked(text)
    same = {(row["subject_id"], row["object_id"]) for row in rows_of(text) if row["predicate_id"] == "hub:sameStudyAs"}
    assert ("bia:S-BIAD595", "idr:idr0015") in same
    assert all(
        row["subject_label"] and row["comment"] for row in rows_of(text) if row["predicate_id"].startswith("hub:")
    )
    reference = Reference("peer", "crossreferences", "sssom", "peer.sssom.tsv")
    read = crossreferences.read_sssom(io.BytesIO(text.encode()), reference)
    assert ("bia/S-BIAD595", "idr/idr0015") in {values[1:3] for _, values in read}


def test_a_hub_without_links_has_an_empty_set(tmp_path: Any) -> None:
    log = Log(f"sqlite:///{tmp_path}/empty.sqlite")
    text = "".join(sssom.export(log, Links(log), BASE))
    log.close()
    assert rows_of(text) == []
