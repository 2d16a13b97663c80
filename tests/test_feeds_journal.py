"""The visible part of the log: each dataset once, by its last visible change, dated by when it could be seen."""

import pytest
import sqlalchemy as sa

from hub import log as log_module
from hub.feeds.journal import Journal
from hub.log import Log, publications
from tests.links_support import commit, iri, row


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request, tmp_path):
    found = Log(
        f"sqlite:///{tmp_path / 'c.sqlite'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    for accession in ("A", "B", "C"):
        commit(found, row(accession, "T"))
    commit(found, row("A", "new"), row("C", "T", state="withdrawn"))
    published(found, {3: "2026-01-02T00:00:00Z", 5: "2026-01-03T00:00:00Z"})
    yield found
    log_module.metadata.drop_all(found.engine)
    found.close()


def published(log, times):
    with log.engine.begin() as db:
        db.execute(sa.insert(publications), [{"sequence": number, "at": at} for number, at in times.items()])


def told(found):
    return [(each.iri.rpartition("/")[2], each.sequence, each.state) for each in found]


def test_each_dataset_is_told_once_by_its_last_change(log):
    assert told(Journal(log, 5).latest(0, 10)) == [("B", 2, "active"), ("A", 4, "active"), ("C", 5, "withdrawn")]
    assert told(Journal(log, 5).latest(2, 1)) == [("A", 4, "active")]


def test_what_is_not_published_is_not_there(log):
    assert told(Journal(log, 3).latest(0, 10)) == [("A", 1, "active"), ("B", 2, "active"), ("C", 3, "active")]
    assert [v.sequence for v in Journal(log, 3).since(1, 10)] == [2, 3]
    assert Journal(log, 0).latest(0, 10) == []
    assert Journal(log, 0).earliest() is None


def test_a_change_is_dated_by_when_it_could_be_seen(log):
    journal = Journal(log, 5)
    assert {each.iri: each.at for each in journal.latest(0, 10)} == {
        iri("B"): "2026-01-02T00:00:00Z",
        iri("A"): "2026-01-03T00:00:00Z",
        iri("C"): "2026-01-03T00:00:00Z",
    }
    assert journal.seen_at([1, 4]) == {1: "2026-01-02T00:00:00Z", 4: "2026-01-03T00:00:00Z"}
    assert journal.earliest() == "2026-01-02T00:00:00Z"
    assert told(journal.latest(0, 9, at_least="2026-01-03T00:00:00Z")) == [("A", 4, "active"), ("C", 5, "withdrawn")]
    assert told(journal.latest(0, 9, at_most="2026-01-02T00:00:00Z")) == [("B", 2, "active")]


def test_a_change_before_the_first_publication_is_dated_by_itself(log):
    with log.engine.begin() as db:
        db.execute(sa.delete(publications))
    assert Journal(log, 5).seen_at([1]) == {1: "2026-01-01T00:00:00Z"}


def test_a_dataset_stands_while_one_of_its_records_does(log):
    commit(log, row("EMD-1", "map", source="emdb", iri=iri("C")))
    (found,) = Journal(log, 6).latest(5, 10)
    assert (found.iri, found.state, found.sources) == (iri("C"), "active", ("emdb",))


def test_datasets_of_an_archive_or_one_alone(log):
    journal = Journal(log, 5)
    assert told(journal.latest(0, 10, below=iri("A"))) == [("A", 4, "active")]
    assert told(journal.latest(0, 10, iri=iri("C"))) == [("C", 5, "withdrawn")]
    assert journal.latest(0, 10, below="https://hub.example.org/dataset/b%") == []


def test_a_publication_is_noted_once(log):
    log.note_publication(5)
    log.note_publication(4)
    log.note_publication(6)
    with log.engine.connect() as db:
        assert [n for (n,) in db.execute(sa.select(publications.c.sequence).order_by("sequence"))] == [3, 5, 6]
