"""What a hub signs of its changes: read back, checked, refused when it is anything else."""

import json
import stat
from dataclasses import replace

import pytest

from hub.config import Settings
from hub.errors import ConfigError, StoreError
from hub.log import Batch, Log
from hub.peers import keys, statements
from hub.peers.statements import Statement
from tests.links_support import commit, row
from tests.support import BASE

SAID = Statement(
    hub="eu",
    sequence=7,
    at="2026-11-20T12:00:00Z",
    action="create",
    source="idr",
    accession="idr0001",
    iri=f"{BASE}dataset/idr/idr0001",
    state="active",
    title="Zellkörper",
    sha256="a" * 64,
)


@pytest.fixture
def key(tmp_path):
    return keys.own(tmp_path / "keys" / "hub.pem")


def test_a_key_is_made_once_and_is_nobody_else_s_to_read(tmp_path, key):
    file = tmp_path / "keys" / "hub.pem"
    assert keys.own(file).public == key.public
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["hub.pem"]


@pytest.mark.parametrize("content", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_key_is_named_and_not_replaced(tmp_path, content):
    file = tmp_path / "hub.pem"
    file.write_text(content)
    with pytest.raises(StoreError, match=r"hub\.pem"):
        keys.own(file)
    assert file.read_text() == content


def test_a_signed_statement_is_read_back_and_checked(key):
    signed = statements.sign(SAID, key)
    assert Statement.read(signed.statement) == SAID
    assert keys.is_signed(signed.statement, signed.signature, key.public)


def test_another_word_another_key_and_another_signature_are_noticed(tmp_path, key):
    signed = statements.sign(SAID, key)
    other = keys.own(tmp_path / "other.pem")
    assert not keys.is_signed(replace(SAID, title="x").text(), signed.signature, key.public)
    assert not keys.is_signed(signed.statement, signed.signature, other.public)
    for forged in ("", "é", "AAAA", signed.signature[:-4], other.sign(signed.statement)):
        assert not keys.is_signed(signed.statement, forged, key.public)


@pytest.mark.parametrize("public", ["", "ed25519:AAAA", "rsa:x", "ed25519:é"])
def test_what_is_no_public_key_is_an_error_that_says_where_to_have_one(key, public):
    with pytest.raises(ConfigError, match="hub peers key"):
        keys.is_signed("x", key.sign("x"), public)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "exactly accession"),
        (json.dumps({"hub": "eu"}), "exactly accession"),
        (SAID.text().replace('"sequence":7', '"sequence":"7"'), "sequence"),
        (SAID.text().replace('"sequence":7', '"sequence":true'), "sequence"),
        (SAID.text().replace('"withdrawal":null', '"withdrawal":"x"'), "withdrawal"),
        (SAID.text().replace(",", ", "), "without spaces"),
    ],
)
def test_what_is_no_statement_is_refused_by_name(text, message):
    with pytest.raises(ValueError, match=message):
        Statement.read(text)


def test_own_changes_are_signed_once_and_in_order(tmp_path, key):
    settings = Settings(base_iri=BASE, hub_name="eu", data_dir=tmp_path)
    log = Log(settings.database)
    record = json.dumps(
        {
            "id": f"{BASE}dataset/bia/A",
            "accession": "A",
            "name": "T",
            "archive": {"id": f"{BASE}archive/bia", "name": "BIA"},
        }
    )
    commit(log, row("A", "T", record=record))
    commit(log, row("A", "T", record=record, state="withdrawn", withdrawal='{"reason": "gone"}'))
    assert statements.update(log, settings) == 2
    assert statements.update(log, settings) == 0
    said = [Statement.read(v.signed.statement) for v in log.versions_since(0, 10)]
    assert [(s.hub, s.sequence, s.state, s.withdrawal) for s in said] == [
        ("eu", 1, "active", None),
        ("eu", 2, "withdrawn", {"reason": "gone"}),
    ]
    assert all(keys.is_signed(v.signed.statement, v.signed.signature, key.public) for v in log.versions_since(0, 10))
    assert log.hub_sequences() == {"eu": 2}
    log.close()


def test_what_came_from_another_hub_keeps_its_signature_and_is_not_signed_again(tmp_path, key):
    settings = Settings(base_iri=BASE, hub_name="asia", data_dir=tmp_path)
    log = Log(settings.database)
    signed = replace(statements.sign(SAID, key), hops=("eu",))
    came = row("idr0001", "T", source="idr~eu")
    log.commit(Batch(records=[("create", came)], signed={("idr~eu", "idr0001"): signed}), 1)
    assert statements.update(log, settings) == 0
    assert log.version(1).signed == signed
    assert log.hub_sequences() == {"eu": 7}
    log.close()
