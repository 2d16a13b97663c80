"""Changes on their way from hub to hub: the same record comes out, and whatever was touched is noticed."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import digests, records
from hub.log import Batch, Log
from hub.peers import keys, statements, wire
from hub.peers.statements import Statement
from ontology import iris
from tests.support import BASE

HERE = iris.record(BASE, "idr", "idr0001")
RECORD = records.to_json(
    records.canonical(
        records.from_json(
            json.dumps(
                {
                    "id": f"{BASE}dataset/idr/idr0001",
                    "accession": "idr0001",
                    "name": f"Cells of {HERE}#s1 é",
                    "archive": {"id": f"{BASE}archive/idr", "name": "IDR"},
                    "about": [{"id": f"{HERE}#s1", "type": "schema:BioSample", "name": "a sample"}],
                }
            )
        )
    )
)
SAID = Statement(
    hub="eu",
    sequence=7,
    at="2026-11-20T12:00:00Z",
    action="create",
    source="idr",
    accession="idr0001",
    iri=f"{BASE}dataset/idr/idr0001",
    state="active",
    title="T",
    sha256=digests.of_record(RECORD),
)


@pytest.fixture
def key(tmp_path):
    return keys.own(tmp_path / "hub.pem")


@pytest.fixture
def change(key):
    return wire.Change(3, statements.sign(SAID, key), RECORD)


def test_a_change_comes_as_it_went_with_one_hop_more(change, key):
    told = json.loads(json.dumps(wire.to_json(change, "eu")))
    found = wire.from_json(told)
    assert found.signed == replace(change.signed, hops=("eu",))
    assert json.loads(found.record) == json.loads(RECORD)
    wire.check(found, key.public)


def test_nodes_of_a_record_follow_it_into_the_mirror_and_back():
    kept = wire.taken_in(BASE, "eu", "idr", "idr0001", RECORD)
    assert json.loads(kept)["about"][0]["id"] == f"{BASE}record/idr~eu/idr0001#s1"
    assert f"Cells of {HERE}#s1" in kept
    assert wire.given_out(BASE, "idr~eu", "idr0001", kept) == RECORD
    assert wire.given_out(BASE, "idr", "idr0001", RECORD) == RECORD


@pytest.mark.parametrize(
    "touched",
    [
        {"statement": replace(SAID, title="other").text()},
        {"statement": replace(SAID, state="withdrawn").text()},
        {"signature": "AAAA"},
        {"record": {**json.loads(RECORD), "name": "other"}},
    ],
)
def test_whatever_was_touched_is_noticed_and_named(change, key, touched):
    found = wire.from_json({**wire.to_json(change, "eu"), **touched})
    with pytest.raises(ValueError, match=r"idr0001: .* eu"):
        wire.check(found, key.public)


def test_an_erased_record_still_has_a_checkable_statement(change, key):
    wire.check(replace(change, record=None), key.public)


@pytest.mark.parametrize(
    ("touched", "message"),
    [
        ({"number": 0}, "number"),
        ({"number": "3"}, "number"),
        ({"signature": None}, "signature"),
        ({"statement": 1}, "statement"),
        ({"statement": "{}"}, "statement"),
        ({"hops": ["eu"] * 17}, "hops"),
        ({"hops": "eu"}, "hops"),
        ({"record": []}, "record"),
    ],
)
def test_what_is_no_change_is_refused_by_name(change, touched, message):
    with pytest.raises(ValueError, match=message):
        wire.from_json({**wire.to_json(change, "eu"), **touched})


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_no_json_is_taken_for_a_change(told):
    with pytest.raises(ValueError, match="expected"):
        wire.from_json(told)


def test_a_kept_row_is_passed_on_as_it_came(tmp_path, change, key):
    log = Log(f"sqlite:///{tmp_path / 'c.sqlite'}")
    row = wire.to_row(change, BASE, "2026-11-21T00:00:00Z", None, 1)
    assert (row.source, row.iri, row.state) == ("idr~eu", SAID.iri, "active")
    log.commit(_batch(row, change), 1)
    passed = wire.of_version(BASE, log.version(1))
    assert passed == wire.Change(1, change.signed, RECORD)
    log.close()


def _batch(row, change):
    return Batch(records=[("create", row)], signed={(row.source, row.accession): change.signed})


def test_what_nobody_signed_is_not_passed_on(tmp_path, change):
    log = Log(f"sqlite:///{tmp_path / 'c.sqlite'}")
    batch = _batch(wire.to_row(change, BASE, "2026-11-21T00:00:00Z", None, 1), change)
    log.commit(replace(batch, signed={}), 1)
    with pytest.raises(ValueError, match="change 1 is not signed"):
        wire.of_version(BASE, log.version(1))
    log.close()
