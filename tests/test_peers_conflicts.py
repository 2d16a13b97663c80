"""Two owners of one dataset: both records are kept, one is shown, the other is a finding; and settings of peers."""

import json
from dataclasses import replace

import pytest

from harvesters.building import property_iri
from hub import config, routes
from hub.config import Settings
from hub.errors import ConfigError
from hub.routes import Precedence
from ontology import iris
from tests.links_support import row
from tests.support import BASE

KEY = "ed25519:" + "A" * 43 + "="
NAME = property_iri("name")


def record(source, title, accession="idr0001"):
    iri = f"{BASE}dataset/idr/{accession}"
    archive = {"id": f"{BASE}archive/idr", "name": "IDR"}
    text = json.dumps({"id": iri, "accession": accession, "name": title, "archive": archive})
    return replace(row(accession, title, record=text, source=source), iri=iri)


def first(order, *sources, slot=NAME):
    graphs = {iris.source_graph(BASE, source, "idr0001"): source for source in sources}
    return graphs[min(graphs, key=lambda graph: order.rank(f"{BASE}dataset/idr/idr0001", graph, slot))]


@pytest.mark.parametrize(
    ("declared", "sources", "shown"),
    [
        ({}, ("idr~eu", "idr"), "idr"),
        ({}, ("idr~eu", "datacite"), "datacite"),
        ({}, ("idr~us", "idr~eu"), "idr~eu"),
        ({}, ("datacite~eu", "idr~eu"), "idr~eu"),
        ({"default": ("idr~us",)}, ("idr~eu", "idr~us", "idr"), "idr~us"),
        ({"default": ("idr", "idr~us")}, ("idr~eu", "idr~us"), "idr~us"),
        ({NAME: ("idr~eu",), "default": ("idr",)}, ("idr", "idr~eu"), "idr~eu"),
    ],
)
def test_the_declared_source_is_shown_then_the_own_one_then_that_of_the_first_hub(declared, sources, shown):
    order = Precedence(BASE, {"idr": "idr", "datacite": "datacite"}, {"datacite": 3}, declared)
    assert first(order, *sources) == shown


def test_a_second_owner_is_a_finding_on_its_record_and_so_is_what_it_says_otherwise():
    order = Precedence(BASE, {"idr": "idr"})
    notes = routes.disagreements([record("idr", "One"), record("idr~eu", "Another")], order)
    assert list(notes) == [("idr~eu", "idr0001")]
    assert [(note.field, note.rule) for note in notes["idr~eu", "idr0001"]] == [
        ("accession", "owners-disagree"),
        ("name", "owners-disagree"),
    ]
    assert "this hub's own" in notes["idr~eu", "idr0001"][0].message


def test_several_routes_of_one_owner_are_no_conflict_of_owners():
    order = Precedence(BASE, {})
    notes = routes.disagreements([record("idr~eu", "One"), record("idr-studies~eu", "Another")], order)
    assert {note.rule for found in notes.values() for note in found} == {"routes-disagree"}


def settings_of(tmp_path, text):
    file = tmp_path / "hub.toml"
    file.write_text(text, encoding="utf-8")
    return config.load(str(file), environ={})


def test_peers_are_read_from_the_settings(tmp_path):
    text = f'hub_name = "us"\n[peers.eu]\nurl = "http://127.0.0.1:8080/"\nkey = "{KEY}"\nschedule = "hourly"\n'
    found: Settings = settings_of(tmp_path, text + 'owners = ["eu", "asia"]\ntransitive = true\n')
    peer = found.peers["eu"]
    assert (peer.url, peer.key, peer.owners) == ("http://127.0.0.1:8080", KEY, ("eu", "asia"))
    assert (peer.is_transitive, peer.is_private, found.mirror_schedules) == (True, True, {"eu": "hourly"})


def test_sources_of_other_hubs_have_a_place_in_the_precedence(tmp_path):
    assert settings_of(tmp_path, '[precedence]\ndefault = ["idr~eu"]\n').precedence == {"default": ("idr~eu",)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("peers = 1\n", "one table"),
        ('[peers.hub]\nurl = "https://x.example"\n', "not this hub's own"),
        ('[peers.EU]\nurl = "https://x.example"\n', "hub_name"),
        ("[peers.eu]\n", "write url"),
        ('[peers.eu]\nurl = "https://x.example"\nkye = ""\n', "write url"),
        ('[peers.eu]\nurl = "https://x.example"\n', "hub peers key"),
        ('[peers.eu]\nurl = "https://x.example"\nkey = "abc"\n', "hub peers key"),
        ('[peers.eu]\nurl = "ftp://x.example"\ntrust_on_first_use = true\n', "no http or https"),
        ('[peers.eu]\nurl = "https://x.example"\ntrust_on_first_use = "yes"\n', "not a bool"),
        ('[peers.eu]\nurl = "https://x.example"\ntrust_on_first_use = true\nowners = [1]\n', "names of hubs"),
        ('[precedence]\ndefault = ["idr~EU"]\n', "idr~eu"),
    ],
)
def test_settings_of_peers_that_are_wrong_are_named(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        settings_of(tmp_path, text)
