"""Comunica federates over two hubs, with SERVICE and without. Skipped where ``tests/comunica`` is not installed.

Its version is the last that declares no need of Node.js 22; ``npm ci --ignore-scripts`` in that folder installs it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.sparql_server import loopback, serving

FOLDER = Path(__file__).with_name("comunica")
IMAGES = """PREFIX : <http://e/> INSERT DATA {
  :d1 :shows :mouse ; :name "one" . :d2 :shows :fly ; :name "two" . :d3 :shows :yeast ; :name "three, \\"quoted\\"" }"""
# No languages: Comunica 4.5 writes such texts into VALUES as "…"^^undefined:undefined.
TAXA = """PREFIX : <http://e/> INSERT DATA {
  :mouse :in :mammals . :fly :in :insects . :rat :in :mammals .
  :mammals :label "Mammalia" . :insects :label "Insecta" }"""
ROWS = [{"name": "one", "label": "Mammalia"}, {"name": "two", "label": "Insecta"}]

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules" / "@comunica" / "query-sparql").is_dir(),
        reason="Comunica is not installed: cd tests/comunica && npm ci --ignore-scripts",
    ),
]


@pytest.fixture(scope="module")
def hubs() -> Iterator[list[str]]:
    """Addresses of two endpoints."""
    with ExitStack() as stack:
        served = [stack.enter_context(serving(federation=loopback())) for _ in range(2)]
        for address, update in zip(served, (IMAGES, TAXA), strict=True):
            requests.post(f"{address}/update", data={"update": update}, timeout=20).raise_for_status()
        yield [f"{address}/sparql" for address in served]


def comunica(query: str, *endpoints: str) -> list[dict[str, str]]:
    command = ["node", str(FOLDER / "ask.mjs"), f"PREFIX : <http://e/> {query}", *endpoints]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, str]] = json.loads(done.stdout)
    return sorted(rows, key=lambda row: sorted(row.items()))


def expected(*rows: dict[str, str]) -> list[dict[str, str]]:
    return sorted(rows, key=lambda row: sorted(row.items()))


def test_one_hub(hubs: list[str]) -> None:
    rows = comunica("SELECT ?name { ?d :name ?name }", hubs[0])
    assert rows == expected({"name": "one"}, {"name": "two"}, {"name": 'three, "quoted"'})


def test_two_hubs_without_service(hubs: list[str]) -> None:
    query = "SELECT ?name ?label { ?d :name ?name ; :shows ?taxon . ?taxon :in ?group . ?group :label ?label }"
    assert comunica(query, *hubs) == expected(*ROWS)


def test_two_hubs_with_service(hubs: list[str]) -> None:
    query = "SELECT ?name ?label {{ ?d :name ?name ; :shows ?taxon SERVICE <{}> {{ ?taxon :in/:label ?label }} }}"
    assert comunica(query.format(hubs[1]), hubs[0]) == expected(*ROWS)


def test_what_is_nowhere_else_stays(hubs: list[str]) -> None:
    query = (
        "SELECT ?name ?group { ?d :name ?name ; :shows ?taxon OPTIONAL { ?taxon :in ?group } FILTER(!BOUND(?group)) }"
    )
    assert comunica(query, *hubs) == [{"name": 'three, "quoted"'}]


def test_the_hub_itself_gives_the_same(hubs: list[str]) -> None:
    remote = f"SERVICE <{hubs[1]}> {{ ?taxon :in/:label ?label }}"
    query = f"PREFIX : <http://e/> SELECT ?name ?label {{ ?d :name ?name ; :shows ?taxon {remote} }}"
    found = requests.post(hubs[0], data={"query": query}, timeout=20).json()["results"]["bindings"]
    assert expected(*({k: v["value"] for k, v in row.items()} for row in found)) == expected(*ROWS)
