"""What an owner takes back is taken back at its mirrors, and what a mirror's operator took back stays so."""

import json
from contextlib import closing
from dataclasses import replace

import pytest

from hub import cutting, erasure, ingest, redactions
from hub.log import Batch, Log, now
from hub.peers import mirror, statements, verify
from hub.redactions import Action, Decision
from tests.peers_support import held, hub_of, served, with_peer
from tests.support import BASE, demo_settings

GONE = "idr0004"


@pytest.fixture(scope="module")
def eu(tmp_path_factory):
    return hub_of(tmp_path_factory.mktemp("eu"), "eu", ("idr",))


@pytest.fixture(scope="module")
def asia(eu, tmp_path_factory):
    plain = demo_settings(tmp_path_factory.mktemp("asia"), (), hub_name="asia", harvest_interval_s=0.001)
    with served(eu) as (url, _):
        (first,) = mirror.mirror(settings := with_peer(plain, eu, url), ["eu"])
        assert first.agreed == {"eu": "identical"}
        yield settings


def again(settings):
    (outcome,) = mirror.mirror(settings, ["eu"])
    assert (outcome.error, outcome.refused) == (None, [])
    return outcome


def decide(settings, action, accession, source=None, cut=None):
    iri = f"{BASE}dataset/idr/{accession}"
    told = Decision(0, now(), "operator", action, iri, source, "a person asked for it", cut=cut)
    return erasure.decide(settings, told, ingest.publish)


def everything_of(settings, accession):
    """All that a catalogue says of a record: its row, its versions and their statements."""
    with closing(Log(settings.database)) as log:
        rows = log.having_accession(accession)
        return rows, [version for row in rows for version in log.versions_of(row.iri)]


def test_a_record_that_its_owner_erased_is_erased_at_the_mirror(eu, asia):
    title = everything_of(asia, GONE)[0][0].title
    decide(eu, Action.REDACT, GONE)
    assert again(asia).agreed == {"eu": "identical"}
    (row,), versions = everything_of(asia, GONE)
    assert (row.state, row.record, row.title) == ("redacted", "", GONE)
    assert {version.record for version in versions} == {None}
    assert title not in repr((row, versions))
    assert held(asia) == held(eu)


def test_a_new_mirror_learns_of_the_erasure_without_the_record(eu, asia, tmp_path):
    fresh = replace(asia, data_dir=tmp_path / "fresh", hub_name="us")
    assert again(fresh).agreed == {"eu": "identical"}
    (row,), _ = everything_of(fresh, GONE)
    assert (row.state, row.record) == ("redacted", "")


def test_what_the_owner_took_out_of_a_record_goes_from_every_version_at_the_mirror(eu, asia):
    accession = "idr0015"
    (row,), _ = everything_of(asia, accession)
    name = json.loads(row.record)["author"][0]["name"]
    with closing(Log(eu.database)) as log:
        cut = cutting.of_value(redactions.secret(log, eu), "author", [name], is_person=True)
    decide(eu, Action.REDACT, accession, cut=json.dumps(cut.to_json()))
    assert again(asia).agreed == {"eu": "identical"}
    (row,), versions = everything_of(asia, accession)
    assert row.state == "active"
    assert name not in repr((row, versions))


def test_what_the_mirror_s_operator_hid_stays_hidden_and_both_still_agree(eu, asia):
    decide(asia, Action.SUPPRESS, "idr0016", "idr~eu")
    (row,), _ = everything_of(asia, "idr0016")
    assert row.state == "suppressed"
    assert again(asia).agreed == {"eu": "identical"}


def test_what_the_mirror_s_operator_erased_does_not_come_back(eu, asia):
    decide(asia, Action.REDACT, "idr0043", "idr~eu")
    with closing(Log(eu.database)) as log:
        row = log.record("idr", "idr0043")
        log.commit(Batch(records=[("update", replace(row, changed=now()))]), row.run)
        statements.update(log, eu)
    for _ in range(2):
        outcome = again(asia)
    (row,), _ = everything_of(asia, "idr0043")
    assert (row.state, row.record) == ("redacted", "")
    assert outcome.agreed == {"eu": "differs"}
    assert verify.verify(asia, ["eu"]).count == 1
