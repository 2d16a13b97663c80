"""Hashes: a record's is that of its canonical N-Quads, a set's does not depend on the order."""

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyld import jsonld
from pyoxigraph import RdfFormat, serialize

from hub import digests, records
from hub.digests import SetHash
from tests.support import things

RECORD = json.dumps(
    {
        "id": "https://hub.example.org/dataset/bia/S-BIAD1",
        "accession": "S-BIAD1",
        "name": 'A "title" with\\signs\né😀',
        "archive": {"id": "https://hub.example.org/archive/bia", "name": "BioImage Archive"},
    }
)


def canonical(thing):
    """The canonical N-Quads by another implementation of RDFC-1.0."""
    options = {"algorithm": "URDNA2015", "inputFormat": "application/n-quads", "format": "application/n-quads"}
    return jsonld.normalize(serialize(records.to_quads(thing), format=RdfFormat.N_QUADS).decode(), options)


def test_a_record_is_hashed_as_another_implementation_of_the_standard_writes_it():
    text = canonical(records.from_json(RECORD))
    assert digests.of_record(RECORD) == hashlib.sha256(text.encode()).hexdigest()


@settings(max_examples=30)
@given(things("Dataset", 2))
def test_every_record_is_written_as_by_another_implementation(record):
    assert "".join(f"{line}\n" for line in digests.lines(records.canonical(record))) == canonical(
        records.canonical(record)
    )


def test_control_characters_are_escaped_as_the_standard_has_it():
    """URDNA2015, of which RDFC-1.0 was made, left these as they are.

    Source: https://www.w3.org/TR/rdf-canon/#canonical-quads
    """
    record = records.from_json(json.dumps({**json.loads(RECORD), "name": "a\tb\x08c\x0cd\x7fe"}))
    assert r'"a\tb\bc\fd\u007Fe" .' in "\n".join(digests.lines(record))


def test_a_changed_word_is_another_hash_and_another_order_of_keys_is_not():
    said = json.loads(RECORD)
    turned = json.dumps(dict(reversed(said.items())))
    assert digests.of_record(turned) == digests.of_record(RECORD)
    assert digests.of_record(json.dumps({**said, "name": "B"})) != digests.of_record(RECORD)


def test_what_is_no_record_is_an_error():
    with pytest.raises(ValueError, match="accession"):
        digests.of_record("{}")


def set_of(members):
    return SetHash(members).hexdigest()


@given(st.sets(st.binary(max_size=8), max_size=12), st.randoms(use_true_random=False))
def test_the_order_does_not_count(members, chance):
    shuffled = sorted(members)
    chance.shuffle(shuffled)
    assert set_of(shuffled) == set_of(sorted(members))


@given(st.sets(st.binary(max_size=8), min_size=1, max_size=12))
def test_every_member_counts_and_can_be_taken_back(members):
    whole = sorted(members)
    fewer = SetHash(whole)
    fewer.remove(whole[0])
    assert fewer.hexdigest() == set_of(whole[1:]) != set_of(whole)


def test_a_member_in_another_state_or_of_another_hub_is_another_member():
    said = ("eu", "idr", "idr0001", "active", "a" * 64)
    others = [(*said[:n], "x", *said[n + 1 :]) for n in range(len(said))]
    assert len({set_of([digests.member(*each)]) for each in [said, *others]}) == 6
