"""``/openapi.json``: valid, of routes that exist, and true of what they answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub.ingest import harvest
from hub.search.asking import PARAMETERS
from hub.web import openapi
from hub.web.app import Hub
from tests.support import demo_settings, get


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    settings = demo_settings(tmp_path_factory.mktemp("openapi"))
    harvest(settings, list(settings.sources))
    made = Hub(settings)
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(hub: Hub) -> Client:
    return Client(hub, Response)


@pytest.fixture(scope="module")
def document(client: Client) -> dict[str, Any]:
    answer = get(client, "/openapi.json")
    assert answer.content_type == "application/json"
    return json.loads(answer.text)


def test_description_is_valid(document) -> None:
    validate(document)


def test_every_path_exists_with_its_methods(document, hub) -> None:
    rules: dict[str, set[str]] = {"/sparql": {"GET"}}
    for rule in hub.flask.url_map.iter_rules():
        rules.setdefault(openapi.path_of(rule.rule), set()).update(rule.methods or ())
    for path, operations in document["paths"].items():
        assert {name.upper() for name in operations} <= rules[path], path
        in_path = {p["name"] for o in operations.values() for p in o.get("parameters", []) if p["in"] == "path"}
        assert in_path == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_what_is_not_there_is_not_described() -> None:
    assert list(openapi.document("http://localhost", {"/status"})["paths"]) == ["/status"]


def test_parameters_of_a_search_are_those_that_it_takes(document) -> None:
    named = [parameter["name"] for parameter in document["paths"]["/search"]["get"]["parameters"]]
    assert sorted(named) == sorted([*PARAMETERS, "asOf", "format", "peers"])


SAMPLES = [
    ("/search", "/search?q=cell"),
    ("/search", "/search?q=cell&archive=idr&per_page=2&page=2&size_bytes_min=1"),
    ("/search", "/search?q=zzzzzz&exact=1"),
    ("/search/suggest", "/search/suggest?q=mus"),
    ("/search/suggest", "/search/suggest?q="),
    ("/resolve", "/resolve?id=idr0004"),
    ("/links", "/links?limit=2"),
    ("/status", "/status"),
    ("/healthz", "/healthz"),
]


@pytest.mark.parametrize(("path", "sample"), SAMPLES)
def test_answers_are_as_described(client, document, path, sample) -> None:
    answer = get(client, sample, "application/json")
    assert answer.status_code == 200, answer.text
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    check(schema, answer.text, document)


@pytest.mark.parametrize("sample", ["/search?page=0", "/search?sort=best", "/search/suggest?limit=0", "/resolve"])
def test_errors_are_as_described(client, document, sample) -> None:
    answer = get(client, sample, "application/json")
    assert answer.status_code == 400
    problem = document["paths"]["/search"]["get"]["responses"]["400"]["content"]["application/problem+json"]
    check(problem["schema"], answer.text, document)


def test_many_identifiers_are_answered_as_described(client, document) -> None:
    answer = client.post("/resolve", json=["idr0001", "nothing", "10.1234/x"])
    said = document["paths"]["/resolve"]["post"]["responses"]["200"]["content"]["application/json"]
    check(said["schema"], answer.text, document)


def test_media_types_of_a_search_are_those_that_it_gives(client, document) -> None:
    for media_type in document["paths"]["/search"]["get"]["responses"]["200"]["content"]:
        answer = get(client, "/search?q=cell", media_type)
        assert (answer.status_code, answer.content_type.partition(";")[0]) == (200, media_type)


def check(schema: dict[str, Any], text: str, document: dict[str, Any]) -> None:
    whole = {**schema, "components": document["components"]}
    Draft202012Validator(whole).validate(json.loads(text))
