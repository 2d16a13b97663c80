"""The link tables: an append-only stream and verdicts, in SQLite and in PostgreSQL."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from hub.errors import StoreError
from hub.links import catalogue
from hub.links.catalogue import Links
from hub.log import Log
from tests.links_support import MENTIONS, clear, commit, iri, row, update


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request, tmp_path):
    url = f"sqlite:///{tmp_path / 'c.sqlite'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    found = Log(url)
    yield found
    clear(found)
    found.close()


STATEMENT = (iri("A"), MENTIONS, "https://e.org/x")


def test_the_last_verdict_counts_and_one_taken_back_does_not(log):
    links = Links(log)
    assert links.last_verdict(STATEMENT) is None
    links.give_verdict(STATEMENT, "accept", "Ada", "why")
    links.give_verdict(STATEMENT, "reject", "Bea")
    assert (links.last_verdict(STATEMENT).verdict, links.last_verdict(STATEMENT).note) == ("reject", None)
    links.give_verdict(STATEMENT, "withdraw", "Bea")
    assert links.last_verdict(STATEMENT) is None
    assert [(v.number, v.verdict) for v in links.verdicts_on(STATEMENT)] == [
        (1, "accept"),
        (2, "reject"),
        (3, "withdraw"),
    ]


def test_verdicts_given_at_once_are_numbered_one_after_another(log):
    links = Links(log)
    threads = [threading.Thread(target=links.give_verdict, args=(STATEMENT, "accept", f"C{n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [v.number for v in links.verdicts_on(STATEMENT)] == list(range(1, 9))


def test_rows_are_put_in_place_of_those_with_their_key(log):
    Links(log)
    with log.engine.begin() as db:
        catalogue.put(db, catalogue.large_blocks, [{"rule": "r", "key": "k", "members": n} for n in (1, 2)])
        catalogue.put(db, catalogue.large_blocks, [{"rule": "r", "key": "k", "members": 3}])
        catalogue.put(db, catalogue.todo, [{"rule": "r", "key": "k"}])
        catalogue.put(db, catalogue.todo, [{"rule": "r", "key": "k"}])
        assert db.execute(sa.select(catalogue.large_blocks.c.members)).all() == [(3,)]
        catalogue.remove(db, catalogue.todo, ("rule", "key"), [("r", "k")])
        assert db.execute(sa.select(catalogue.todo)).all() == []


def test_links_are_found_by_thing_by_record_and_page_by_page(log, monkeypatch):
    monkeypatch.setattr(catalogue, "CHUNK", 2)
    links = Links(log)
    commit(log, *(row(f"A_{n}", "actin | TP53") for n in range(4)))
    update(log, links)
    everything = list(links.all_links())
    assert len(everything) == len({r.id for r in everything}) == 4 + 6
    assert len(links.about(iri("A_1"))) == 4
    assert {r.id for r in links.resting_on("bia", "A_1")} == {r.id for r in links.about(iri("A_1"))}
    assert links.resting_on("bia", "A%1") == []
    assert len(links.about("https://identifiers.org/ncbigene/TP53")) == 4
    told = {c["rule"]: (c["facts"], c["candidates"], c["waiting"]) for c in links.counts()}
    assert told == {"genes-in-text": (4, 0, 0), "share": (6, 0, 0)}


def test_a_catalogue_that_cannot_hold_links_says_so(tmp_path):
    log = Log(f"sqlite:///{tmp_path / 'c.sqlite'}")
    with log.engine.begin() as db:
        db.execute(sa.text("CREATE TABLE link_keys_of_record (x INTEGER)"))
    with pytest.raises(StoreError, match="cannot hold links"):
        Links(log)
    log.close()
