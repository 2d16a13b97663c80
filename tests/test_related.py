"""Related datasets and what points at a dataset: reasons, order, bounds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub import related
from hub.published import Publication
from hub.workers import WorkerPool
from tests.entity_hub import ADA, built
from tests.support import BASE

FIRST = f"{BASE}dataset/bia/S-BIAD9001"


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    publication = Publication(built(tmp_path_factory.mktemp("related")))
    yield publication().pages
    publication.close()


def test_datasets_of_one_person_are_related_with_the_reason(pool: WorkerPool) -> None:
    found = related.of(pool, BASE, FIRST)
    assert [one.dataset.accession for one in found] == ["S-BIAD9002", "S-BIAD9003"]
    assert [(r.kind, r.words, r.thing) for r in found[0].reasons] == [("person", "same person", ADA)]


def test_what_the_page_tells_elsewhere_is_left_out(pool: WorkerPool) -> None:
    found = related.of(pool, BASE, FIRST, {f"{BASE}dataset/bia/S-BIAD9002"})
    assert [one.dataset.accession for one in found] == ["S-BIAD9003"]


def test_organism_and_method_together_are_the_weakest_reason(pool: WorkerPool) -> None:
    found = related.of(pool, BASE, f"{BASE}dataset/ssbd/187")
    assert 0 < len(found) <= related.SHOWN
    assert {reason.kind for one in found for reason in one.reasons} == {"kind"}
    assert "Homo sapiens" in found[0].reasons[0].name
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)


def test_what_many_share_is_not_looked_at(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(related, "MOST_ROWS", 2)
    assert related.of(pool, BASE, FIRST) == []


def test_a_dataset_without_anything_in_common_has_none(pool: WorkerPool) -> None:
    assert related.of(pool, BASE, f"{BASE}dataset/bia/S-BIAD0") == []
    assert related.backlinks(pool, FIRST) == []
