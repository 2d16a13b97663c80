"""Spans of the log, and which parts of it have records that are public, on both databases."""

import pytest

from hub import log as log_module
from hub.feeds.events import Measures
from hub.feeds.journal import Journal
from hub.feeds.resourcesync import Lists
from hub.feeds.spans import Span, spans
from hub.log import Log
from tests.links_support import commit, row
from tests.support import BASE


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request, tmp_path):
    found = Log(
        f"sqlite:///{tmp_path / 'c.sqlite'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    for accession in ("A", "B", "C", "A"):
        commit(found, row(accession, "T"))
    commit(found, row("C", "T", state="withdrawn"))
    yield found
    log_module.metadata.drop_all(found.engine)
    found.close()


def test_spans_of_the_log(log):
    assert spans(Journal(log, 5), 2) == [Span(0, 1, 2, True), Span(1, 3, 4, True), Span(2, 5, 5, False)]
    assert spans(Journal(log, 4), 2) == [Span(0, 1, 2, True), Span(1, 3, 4, True)]
    assert spans(Journal(log, 5), 2, 2, 4) == [Span(1, 3, 4, True)]
    assert spans(Journal(log, 0), 2) == []


def test_index_lists_the_parts_that_have_resources(log):
    def parts(until):
        document = Lists(Journal(log, until), BASE, "http://h", Measures(), part=2).resource_index().decode()
        return [piece.partition(".xml")[0] for piece in document.split(f"http://h/resourcelist/{until}/")[1:]]

    assert parts(5) == ["000000", "000001"]  # B; the second A; C went
    assert parts(1) == ["000000"]
    assert parts(0) == []
