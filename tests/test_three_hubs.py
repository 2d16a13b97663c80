"""Three hubs that mirror each other while lines break, processes are killed and one hub lies: all hold the same."""

import json
import random

import pytest

from tests.federation import OWNERS, Federation

SEED = 20


@pytest.fixture(scope="module")
def federation(tmp_path_factory):
    with Federation(tmp_path_factory.mktemp("three"), random.Random(SEED)) as made:
        made.each(made.harvest)
        made.each(lambda hub: hub.start())
        disturb(made)
        yield made


def disturb(made):
    """Kill, part, change and withdraw; then heal."""
    made.trouble(0.3)
    for line in made.lines.values():
        line.kinds = ("cut", "busy", "double", "reverse", "lose", "stale")
    made.lines["eu", "asia"].is_cut = True
    made.each(lambda hub: hub.killed(1.8, "mirror"))
    first = sorted(made.hubs["eu"].documents.iterdir())
    first[0].unlink()
    first[1].write_text(first[1].read_text().replace("microscopy", "imaging"))
    made.hubs["us"].stop()
    made.harvest(made.hubs["eu"])
    made.hubs["us"].start()
    made.each(lambda hub: hub.run("mirror"))
    made.trouble(0.0)
    for _ in range(2):
        made.each(lambda hub: hub.run("mirror"))


def test_all_hold_the_same_and_can_prove_it(federation):
    assert all(told.startswith("identical at ") for told in federation.verified()), federation.verified()


def test_nothing_is_lost_and_nothing_comes_back(federation):
    for hub in federation.hubs.values():
        told = {owner["name"]: owner["records"] for owner in hub.told("/federation")["owners"]}
        own = {name: len(list(federation.hubs[name].documents.iterdir())) for name in OWNERS}
        assert told == {**own, "eu": own["eu"] + 1, "liar": 1}
    found = [
        {(one["accession"], one["state"]) for one in _records(hub) if one["hub"] == "eu"}
        for hub in federation.hubs.values()
    ]
    assert found[0] == found[1] == found[2]
    assert [state for _, state in found[0]].count("withdrawn") == 1


def _records(hub):
    names = [f"{number:02x}" for number in range(256)]
    for start in range(0, 256, 16):
        yield from hub.told(f"/federation/records?bucket={','.join(names[start : start + 16])}")["records"]


def test_the_liar_is_named_at_every_hub_and_no_lie_of_it_stands(federation):
    for hub in federation.hubs.values():
        told = hub.told("/federation")
        kinds = {one["kind"] for one in told["refused"] if one["peer"] == "liar"}
        assert kinds >= {"foreign-owner", "malformed", "fork"}
        assert {one["peer"] for one in told["refused"]} == {"liar"}
        titles = {json.loads(one["statement"])["title"] for one in hub.told("/changes?limit=1000")["changes"]}
        assert titles.isdisjoint({"Forged", "Another history"})


def test_two_owners_of_one_dataset_are_told_of_and_the_one_that_is_trusted_more_is_shown(federation):
    for hub in federation.hubs.values():
        (conflict,) = hub.told("/federation")["disagreements"]
        shown = hub.told(conflict["dataset"].removeprefix("https://hub.example.org"))
        assert shown["name"] != "One history"
        assert conflict["source"].endswith("~liar")
