"""Versions of a dataset from the log: which there are, how it stood, what differs in words and statements."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from harvesters.contract import Source
from hub import differences, digests, records
from hub import history as history_module
from hub import log as log_module
from hub.config import Settings
from hub.differences import edits, words
from hub.errors import NotFoundError
from hub.history import History
from hub.log import Log, publications, versions
from linkml_schemas.generated.model import (
    Archive,
    Dataset,
    Gene,
    GeneAnnotation,
    Organization,
    Person,
    Phenotype,
)
from tests.links_support import commit, row
from tests.support import BASE

IRI = f"{BASE}dataset/bia/S-BIAD1"
CC_BY, CC0 = "https://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/publicdomain/zero/1.0/"
SETTINGS = Settings(
    base_iri=BASE,
    sources={
        name: Source(name=name, harvester="crates", archive=archive, url="x")
        for name, archive in (("bia", "bia"), ("second", "other-archive"))
    },
)


def person(name: str, iri: str = "", **more: Any) -> Person:
    return Person(id=iri or f"{BASE}record/bia/S-BIAD1#person-{name.lower()}", name=name, **more)


def dataset(**more: Any) -> Dataset:
    archive = Archive(id=f"{BASE}archive/bia", name="BioImage Archive")
    values = {"id": IRI, "accession": "S-BIAD1", "name": "Cells", "archive": archive, "license": CC_BY}
    return records.canonical(Dataset(**{**values, **more}))


def texts(before: Dataset, after: Dataset) -> list[str]:
    return [edit.text for edit in edits(before, after)]


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Log]:
    found = Log(
        f"sqlite:///{tmp_path / 'c.sqlite'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    yield found
    log_module.metadata.drop_all(found.engine)
    found.close()


def told(log: Log, record: Dataset, **more: Any) -> None:
    commit(log, row("S-BIAD1", record.name, record=records.to_json(record), iri=IRI, **more))


def published(log: Log, times: dict[int, str]) -> None:
    with log.engine.begin() as db:
        db.execute(sa.insert(publications), [{"sequence": number, "at": at} for number, at in times.items()])


# --- versions


def test_versions_are_told_up_to_what_is_published(log: Log) -> None:
    told(log, dataset())
    told(log, dataset(license=CC0))
    published(log, {1: "2026-01-02T00:00:00Z", 2: "2026-01-03T00:00:00Z"})
    assert [entry.sequence for entry in History(log, SETTINGS, IRI, 1).entries] == [1]
    found = History(log, SETTINGS, IRI, 2)
    assert [(entry.sequence, entry.seen) for entry in found.entries] == [
        (1, "2026-01-02T00:00:00Z"), (2, "2026-01-03T00:00:00Z"),
    ]  # fmt: skip
    with pytest.raises(NotFoundError, match="there is no dataset dataset/bia/S-BIAD1"):
        History(log, SETTINGS, IRI, 0)


def test_the_version_of_a_number_or_a_time_is_the_last_one_until_then(log: Log) -> None:
    told(log, dataset())
    commit(log, row("S-BIAD2", "another"))
    told(log, dataset(license=CC0))
    published(log, {2: "2026-01-02T00:00:00Z", 3: "2026-01-03T00:00:00Z"})
    found = History(log, SETTINGS, IRI, 3)
    assert [found.at(number).sequence for number in (1, 2, 3, 9)] == [1, 1, 3, 3]
    moments = ("2025-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-02T23:59:59Z", "2026-01-03T00:00:00+00:00")
    assert [found.at_time(datetime.fromisoformat(moment)).sequence for moment in moments] == [1, 1, 1, 3]
    with pytest.raises(NotFoundError, match="the first version of this dataset is 1"):
        found.at(0)


def test_a_dataset_stood_as_its_records_of_then_are_merged_by_precedence(log: Log) -> None:
    told(log, dataset(license=CC0), source="second")
    told(log, dataset(description="Nuclei."))
    found = History(log, SETTINGS, IRI, 2)
    first, second = (found.stood(entry) for entry in found.entries)
    assert first.record == dataset(license=CC0)
    assert second.record == dataset(description="Nuclei.")
    assert second.found is not None
    assert {source.source_name for source in second.found.sources} == {"bia", "second"}
    assert [finding.field_path for finding in second.found.findings] == ["license"]


def test_where_nothing_stood_there_is_a_note(log: Log) -> None:
    told(log, dataset())
    told(log, dataset(), state="withdrawn", withdrawal='{"reason": "retracted", "date": "2026-01-01"}')
    found = History(log, SETTINGS, IRI, 2)
    gone = found.stood(found.entries[1])
    assert (gone.found, gone.record) == (None, None)
    assert [(entry.state, entry.reason) for entry in gone.gone] == [("withdrawn", "retracted")]
    assert found.summaries(found.entries) == {1: "first version", 2: "withdrawn: retracted"}
    removed = found.difference(*found.entries)
    assert (removed.removed, removed.added, removed.edits) == (digests.lines(dataset()), [], [])


def test_what_was_erased_is_told_as_erased(log: Log) -> None:
    told(log, dataset())
    told(log, dataset(license=CC0))
    with log.engine.begin() as db:
        db.execute(sa.update(versions).where(versions.c.sequence == 1).values(content=None))
    found = History(log, SETTINGS, IRI, 2)
    assert [(entry.is_erased, entry.title) for entry in found.entries] == [(True, ""), (False, "Cells")]
    assert found.stood(found.entries[0]).found is None
    assert found.stood(found.entries[1]).record == dataset(license=CC0)
    assert found.summaries(found.entries) == {
        1: "first version: erased; SHA-256 of what it said: not known", 2: "see the comparison",
    }  # fmt: skip


def test_summaries_say_what_each_change_did_to_its_own_record(log: Log) -> None:
    told(log, dataset())
    told(log, dataset(name="Nuclei"), source="second")
    told(log, dataset(license=CC0))
    told(log, dataset(license=CC0))
    found = History(log, SETTINGS, IRI, 4)
    assert found.summaries(found.entries) == {
        1: "first version", 2: "first record of source second",
        3: "Licence: CC BY 4.0 became CC0 1.0", 4: "nothing that the record says",
    }  # fmt: skip


def test_summaries_read_no_more_than_they_may(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "MOST_READ_CHARS", 1)
    told(log, dataset())
    told(log, dataset(license=CC0))
    found = History(log, SETTINGS, IRI, 2)
    assert found.summaries(found.entries[1:]) == {2: "see the comparison"}


def test_a_page_holds_the_first_of_many_genes(log: Log) -> None:
    told(log, dataset(gene_annotation=genes(range(500))))
    found = History(log, SETTINGS, IRI, 1)
    stood = found.stood(found.entries[0], brief=True)
    assert stood.found is not None
    assert stood.found.totals["gene_annotation"] == 500
    assert len(stood.found.record.gene_annotation or []) == 200
    assert len(found.stood(found.entries[0]).record.gene_annotation or []) == 500  # type: ignore[union-attr]


# --- in words


def test_single_values_say_what_they_became() -> None:
    before = dataset(size_bytes=1000, is_accessible_for_free=False, date_published="2026-01")
    after = dataset(size_bytes=2000, is_accessible_for_free=True, license=CC0, image_count=7)
    assert texts(before, after) == [
        "Publication date removed: 2026-01", "Licence: CC BY 4.0 became CC0 1.0", "Access: restricted became free",
        "Size: 1,000 bytes became 2,000 bytes", "Number of images added: 7",
    ]  # fmt: skip


def test_lists_say_what_was_added_removed_and_changed() -> None:
    house = Organization(id=f"{BASE}record/bia/S-BIAD1#house", name="House")
    ada, bob, cyd = person("Ada", "https://orcid.org/0000-0002-1825-0097"), person("Bob"), person("Cyd")
    moved = person("Ada", "https://orcid.org/0000-0002-1825-0097", affiliation=[house])
    assert texts(dataset(author=[ada, bob]), dataset(author=[moved, cyd, person("Dan")])) == [
        "2 authors added: Cyd, Dan", "1 author removed: Bob", "1 author changed: Ada (affiliation)",
    ]  # fmt: skip
    assert texts(dataset(author=[ada, bob]), dataset(author=[bob, ada])) == ["Order of authors changed"]
    assert texts(dataset(keyword=list("abcdefg")), dataset()) == ["7 keywords removed: a, b, c, d, e and 2 more"]


def test_a_node_of_a_record_is_known_by_its_name() -> None:
    renumbered = person("Bob", f"{BASE}record/bia/S-BIAD1#person-7")
    assert texts(dataset(author=[person("Bob")]), dataset(author=[renumbered])) == ["1 author changed: Bob"]
    twins = [person("Bob"), person("Bob", f"{BASE}record/bia/S-BIAD1#person-8")]
    assert texts(dataset(author=twins), dataset(author=twins[:1])) == ["1 author removed: Bob"]


def test_a_text_is_compared_word_by_word() -> None:
    (edit,) = edits(dataset(description="Red cells were fixed."), dataset(description="Red nuclei were fixed twice."))
    assert edit.text == "Description changed"
    assert [(piece.kind, piece.text) for piece in edit.pieces] == [
        ("same", "Red"), ("deleted", "cells"), ("inserted", "nuclei"), ("same", "were"),
        ("deleted", "fixed."), ("inserted", "fixed twice."),
    ]  # fmt: skip


def test_long_texts_stay_bounded() -> None:
    long = " ".join(f"w{n}" for n in range(300))
    kinds = [(piece.kind, len(piece.text.split())) for piece in words(f"{long} a {long}", f"{long} b {long}")]
    assert kinds == [
        ("left out", 1), ("same", 20), ("deleted", 1), ("inserted", 1), ("same", 20), ("left out", 1),
    ]  # fmt: skip
    many = [" ".join(f"{mark}{n}" for n in range(5000)) for mark in "ab"]
    assert [piece.kind for piece in words(*many)] == ["deleted", "inserted"]
    assert [piece.text for piece in words("same", "same")] == ["same"]


def test_nothing_differs_from_itself_and_nothing_is_compared_with_nothing() -> None:
    assert edits(dataset(), dataset()) == []
    assert edits(None, dataset()) == []
    assert differences.statements(None, None) == ([], [])


# --- in statements


def genes(numbers: Any, name: str = "round") -> list[GeneAnnotation]:
    shape = Phenotype(id="http://www.ebi.ac.uk/cmpo/CMPO_0000001", name=name)
    return [
        GeneAnnotation(
            id=f"{BASE}record/bia/S-BIAD1#gene-{n}",
            gene=Gene(id=f"https://identifiers.org/ncbigene:{n}", symbol=f"G{n}"),
            phenotype=[shape],
        )
        for n in numbers
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (dataset(gene_annotation=genes(range(5))), dataset(gene_annotation=genes(range(2, 7)), license=CC0)),
        (dataset(gene_annotation=genes(range(5))), dataset(gene_annotation=genes(range(5), "long"))),
        (dataset(gene_annotation=genes(range(2))), dataset()),
        (dataset(author=[person("Ada"), person("Bob")]), dataset(author=[person("Bob"), person("Ada")])),
        (dataset(contact=[person("Ada")], author=[person("Ada"), person("Bob")]), dataset(contact=[person("Ada")])),
        (dataset(contact=[person("Ada"), person("Bob")]), dataset(contact=[person("Ada")], author=[person("Ada")])),
    ],
)
def test_what_is_left_out_beforehand_makes_no_difference(before: Dataset, after: Dataset) -> None:
    ours, theirs = set(digests.lines(before)), set(digests.lines(after))
    assert differences.statements(before, after) == (sorted(ours - theirs), sorted(theirs - ours))
