"""The question gallery over WSGI: pages, forms, RDF, REST, and a real browser."""

from __future__ import annotations

import csv
import html
import io
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
import rdflib
from werkzeug.test import Client
from werkzeug.test import TestResponse as Answer
from werkzeug.wrappers import Response

from hub import formats, gallery
from hub.ingest import harvest
from hub.web import gallery as web
from hub.web.app import Hub
from tests.support import BASE, demo_settings, serving

QUESTIONS = gallery.questions()
BROWSER_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
EVIL = '"><script>alert(1)</script>'
RESULTS = formats.of_kind("results")
SH = rdflib.Namespace("http://www.w3.org/ns/shacl#")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    settings = demo_settings(tmp_path_factory.mktemp("gallery"), ("bia", "idr", "empiar", "submissions"))
    harvest(settings, list(settings.sources))
    made = Hub(settings)
    yield made
    made.publication.close()


@pytest.fixture
def client(hub: Hub) -> Client:
    return Client(hub, Response)


def get(client: Client, path: str, accept: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers={"Accept": accept} | named, buffered=True)


def text(client: Client, path: str) -> str:
    answer = get(client, path, BROWSER_ACCEPT)
    assert answer.status_code == 200, answer.text
    return answer.text


def asked_of(hub: Hub) -> int:
    now = hub.publication()
    return int(now.pool.stats()["queries"]) + int(now.pages.stats()["queries"])


class Form(HTMLParser):
    """Inputs of the page's own form by name, the labels that they have, and the button."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.labels: set[str | None] = set()
        self.ids: set[str | None] = set()
        self.buttons: list[dict[str, str | None]] = []
        self._is_header = False
        self.feed(page)

    def handle_endtag(self, tag: str) -> None:
        self._is_header &= tag != "header"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids.add(found.get("id"))
        self._is_header |= tag == "header"
        if self._is_header:
            return
        if tag == "input":
            self.inputs[str(found["name"])] = found
        elif tag == "label":
            self.labels.add(found["for"])
        elif tag == "button":
            self.buttons.append(found)


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_list_leads_to_every_question(client: Client) -> None:
    page = text(client, "/questions")
    assert all(f'<a href="/questions/{name}">' in page for name in QUESTIONS)
    assert 'href="/questions"' in text(client, "/")
    for keyword in gallery.keywords():
        found = set(re.findall(r'href="/questions/([a-z-]+)"', text(client, f"/questions?keyword={quote(keyword)}")))
        assert found == {name for name, asked in QUESTIONS.items() if keyword in asked.keywords}


def test_no_question_about_that(client: Client) -> None:
    answer = get(client, "/questions?keyword=%3Cb%3E", BROWSER_ACCEPT)
    assert answer.status_code == 404
    assert "<b>" not in answer.text


@pytest.mark.parametrize("offer", web.RDF, ids=lambda offer: offer.name)
@pytest.mark.parametrize("path", ["/questions", "/questions/funders"])
def test_rdf_is_had_in_three_ways(client: Client, path: str, offer: formats.Format) -> None:
    ways = [
        get(client, path + offer.suffix),
        get(client, f"{path}?format={offer.name}"),
        get(client, path, offer.media_type),
    ]
    assert [answer.status_code for answer in ways] == [200] * 3
    assert {answer.content_type for answer in ways} == {offer.content_type}
    assert len({answer.get_data() for answer in ways}) == 1
    names = {"turtle": "turtle", "nt": "nt", "rdfxml": "xml", "jsonld": "json-ld"}
    graph = rdflib.Graph().parse(data=ways[0].get_data(), format=names[offer.name])
    found = {str(one) for one in graph.subjects(rdflib.RDF.type, SH.SPARQLSelectExecutable)}
    assert found == {f"{BASE}questions/{name}" for name in (QUESTIONS if path == "/questions" else ["funders"])}


def test_a_question_s_iri_leads_to_it_and_its_query_is_that_of_the_page(client: Client) -> None:
    path = "/questions/datasets-by-organism"
    graph = rdflib.Graph().parse(data=get(client, path, "text/turtle").text, format="turtle")
    query = graph.value(rdflib.URIRef(BASE + path[1:]), SH.select)
    assert html.escape(str(query), quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in text(
        client, path
    )
    assert get(client, "/sparql?" + urlencode({"query": str(query)})).status_code == 200


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", QUESTIONS)
def test_page_has_a_labelled_form_and_runs_nothing(hub: Hub, client: Client, name: str) -> None:
    before = asked_of(hub)
    page = text(client, f"/questions/{name}")
    assert asked_of(hub) == before
    form = Form(page)
    assert set(form.inputs) == {parameter.name for parameter in QUESTIONS[name].parameters}
    for field, found in form.inputs.items():
        assert found["id"] in form.labels
        assert found["aria-describedby"] in form.ids
        assert found["value"] == next(p.default for p in QUESTIONS[name].parameters if p.name == field)
    assert [button["name"] for button in form.buttons] == ["run"]
    assert "<script" not in page
    assert "<table" not in page
    assert [href for href in re.findall(r'href="([^"]*)"', page) if BASE in href] == []
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("name", QUESTIONS)
def test_form_gives_the_answer_as_a_table(client: Client, name: str) -> None:
    page = text(client, f"/questions/{name}?run=1")
    answered = get(client, f"/q/{name}?format=json").json
    total = len(answered["results"]["bindings"])
    assert f"{total:,} row" in page
    assert 'content="noindex"' in page
    if total:
        assert page.count("<caption>") == 1
        assert page.count("<tr>") == 1 + min(total, web.MAX_SHOWN)
        assert page.count('scope="col"') == len(answered["head"]["vars"])
    else:
        assert "The hub knows none." in page


def test_table_links_to_pages_of_the_hub(client: Client) -> None:
    page = text(client, "/questions/datasets-by-paper?publication=10.7554%2FeLife.26066&run=1")
    assert '<a href="/dataset/idr/idr0015">dataset/idr/idr0015</a>' in page
    assert get(client, "/dataset/idr/idr0015").status_code == 200
    people = text(client, "/questions/people-by-organism?run=1")
    assert re.search(r'<a href="https://orcid\.org/([\dX-]+)">ORCID:\1</a>', people)
    assert '<td class="number">' in people
    slots = text(client, "/questions/coverage?run=1")
    assert '<a href="http://schema.org/author">schema:author</a>' in slots


def test_long_answers_are_shown_in_part_and_say_so(client: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MAX_SHOWN", 3)
    monkeypatch.setitem(hub.flask.config, "HUB_PAGES", type(hub.flask.config["HUB_PAGES"])(1 << 20))
    page = text(client, "/questions/methods-by-year?run=1")
    assert page.count("<tr>") == 4
    assert "The first 3 rows" in page
    body = b'{"head":{"vars":["x"]},"results":{"bindings":[%s]}}' % b",".join([b"{}"] * 1000)
    with hub.flask.app_context():
        assert web._table(QUESTIONS["funders"], body).is_cut
        assert not web._table(QUESTIONS["coauthors"], body).is_cut


def test_permalink_fills_the_form_and_runs_nothing(hub: Hub, client: Client) -> None:
    run = text(client, "/questions/datasets-by-organism?organism=baker%27s+yeast&run=1")
    links = {html.unescape(link) for link in re.findall(r'href="([^"]*)"', run)}
    (permalink,) = [link for link in links if link.startswith("/questions/datasets-by-organism?")]
    assert parse_qs(urlsplit(permalink).query) == {"organism": ["baker's yeast"]}
    before = asked_of(hub)
    page = text(client, permalink)
    assert asked_of(hub) == before
    assert Form(page).inputs["organism"]["value"] == "baker's yeast"
    assert "NCBITaxon_4932&gt;" in page
    for offer in RESULTS:
        (file,) = [link for link in links if link.startswith("/q/") and link.endswith(f"format={offer.name}")]
        assert get(client, file).mimetype == offer.media_type


def test_wrong_value_is_told_beside_its_field(hub: Hub, client: Client) -> None:
    before = asked_of(hub)
    answer = get(client, "/questions/datasets-by-author?" + urlencode({"person": EVIL, "run": 1}), BROWSER_ACCEPT)
    assert answer.status_code == 400
    assert answer.headers["Cache-Control"] == "no-store"
    assert asked_of(hub) == before
    form = Form(answer.text)
    assert form.inputs["person"]["value"] == EVIL
    assert form.inputs["person"]["aria-invalid"] == "true"
    assert form.inputs["person"]["aria-errormessage"] in form.ids
    assert 'role="alert">person: ' in answer.text
    assert "<script" not in answer.text


@pytest.mark.parametrize("path", ["/questions/funders", "/questions/coauthors"])
def test_unknown_parameter_is_told(client: Client, path: str) -> None:
    answer = get(client, f"{path}?person_name=x", BROWSER_ACCEPT)
    assert answer.status_code == 400
    assert "person_name: there is no such parameter" in answer.text


def test_page_validators(client: Client) -> None:
    for path in ("/questions", "/questions/funders", "/questions/funders?run=1", "/questions/funders.ttl"):
        first = get(client, path, BROWSER_ACCEPT)
        assert first.headers["Cache-Control"] == "public, max-age=60"
        assert get(client, path, BROWSER_ACCEPT, If_None_Match=first.headers["ETag"]).status_code == 304


def test_compressed_or_known_answers_do_not_confuse_the_page(client: Client) -> None:
    etag = get(client, "/q/funders?format=json").headers["ETag"]
    answer = get(client, "/questions/funders?run=1", BROWSER_ACCEPT, Accept_Encoding="gzip, zstd", If_None_Match=etag)
    assert answer.status_code == 200


def test_links_carry_the_mount_point(client: Client) -> None:
    for path in ("/questions", "/questions/datasets-by-paper?run=1"):
        page = client.get(path, headers={"Accept": "text/html"}, environ_overrides={"SCRIPT_NAME": "/hub"}).text
        assert all(href.startswith(("/hub/", "http", "#")) for href in re.findall(r'(?:href|action)="([^"]*)"', page))


# ── REST ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("offer", RESULTS, ids=lambda offer: offer.name)
def test_answers_are_those_of_the_endpoint(client: Client, offer: formats.Format) -> None:
    query = gallery.bound(QUESTIONS["datasets-by-paper"])
    direct = get(client, "/sparql?" + urlencode({"query": query, "format": offer.name}))
    ways = [
        get(client, f"/q/datasets-by-paper?format={offer.name}"),
        get(client, f"/q/datasets-by-paper.{offer.name}?publication=https://doi.org/10.7554/ELIFE.26066"),
        get(client, "/q/datasets-by-paper", offer.media_type),
    ]
    for answer in ways:
        assert answer.status_code == 200
        assert answer.get_data() == direct.get_data()
        same = ("Content-Type", "ETag", "Last-Modified", "Cache-Control", "X-Hub-Sequence", "Vary", "Content-Length")
        assert {name: answer.headers[name] for name in same} == {name: direct.headers[name] for name in same}
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        known = get(client, ways[0].request.path + "?format=" + offer.name, If_None_Match=answer.headers["ETag"])
        assert (known.status_code, known.get_data()) == (304, b"")


def test_head_is_get_without_body(client: Client) -> None:
    full, head = get(client, "/q/funders.csv"), client.head("/q/funders.csv")
    assert head.get_data() == b""
    assert head.headers["Content-Length"] == full.headers["Content-Length"] == str(len(full.get_data()))


def test_every_question_as_csv(client: Client) -> None:
    for name, asked in QUESTIONS.items():
        head = next(csv.reader(io.StringIO(get(client, f"/q/{name}.csv").text)))
        assert head == re.findall(r"\?(\w+)", asked.returns)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/q/nope", 404, "there is no question 'nope'"),
        ("/questions/nope", 404, "there is no question 'nope'"),
        ("/questions/nope.ttl", 404, "there is no question 'nope'"),
        ("/q/..%2Fdescribe%2Fdataset", 404, ""),
        ("/q/datasets-by-author?person=x", 400, "person: 'x' is not an ORCID iD: expected"),
        ("/q/datasets-by-author?orcid=x", 400, "orcid: there is no such parameter; use person"),
        ("/q/coauthors?person=a&person=b", 400, "person: this parameter is given 2 times: give it once"),
        ("/q/funders?format=docx", 406, "docx"),
        ("/q/funders.turtle", 406, "turtle"),
        ("/questions/funders?format=docx", 406, "docx"),
    ],
)
def test_errors_name_the_parameter_and_the_fix(client: Client, path: str, status: int, words: str) -> None:
    answer = get(client, path)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert words in answer.json["detail"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert get(client, path, BROWSER_ACCEPT).status_code == status


@pytest.mark.parametrize(
    "value",
    ['" } . ?s ?p ?o #', '" } SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } #', "\\u0022 } #", "x\ny", "\x00", "\x1b[31m"],
)
@pytest.mark.parametrize("name", ["datasets-by-gene", "datasets-by-author", "biggest-datasets", "datasets-by-organism"])
def test_injections_change_nothing(client: Client, name: str, value: str) -> None:
    (parameter,) = QUESTIONS[name].parameters
    answer = get(client, f"/q/{name}?" + urlencode({parameter.name: value}))
    if parameter.kind == "text" and value.isprintable():
        assert answer.json["results"]["bindings"] == []
    else:
        assert answer.status_code == 400
        assert answer.json["detail"].startswith(f"{parameter.name}: ")


def test_what_the_endpoint_refuses_is_passed_on(client: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps(
        {"type": "about:blank", "title": "Busy", "status": 503, "detail": "try again in a moment"}
    ).encode()

    def busy(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("503 Service Unavailable", [("Content-Type", "application/problem+json"), ("Retry-After", "5")])
        return [body]

    monkeypatch.setitem(hub.flask.config, "HUB_SPARQL", busy)
    page = "/questions/datasets-by-strain?strain_name=nobody+asked+this&run=1"
    for path, accept in (("/q/strains", ""), (page, ""), (page, "text/html")):
        answer = get(client, path, accept)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "try again in a moment" in answer.text
    assert get(client, "/questions/strains", "text/html").status_code == 200
    monkeypatch.undo()
    assert get(client, page, "text/html").status_code == 200


# ── a browser ────────────────────────────────────────────────────────────────────────────────────────────────────────

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM_OPTIONS = """--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update
    --disable-sync --no-first-run --enable-logging=stderr --dump-dom""".split()


@pytest.fixture(scope="module")
def address(hub: Hub) -> Iterator[str]:
    with serving(hub) as found:
        yield found


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
@pytest.mark.parametrize("path", ["/questions", "/questions/datasets-by-organism?organism=human&run=1#answer"])
def test_browser_has_no_complaint(address: str, path: str, tmp_path: Path) -> None:
    command = [str(CHROMIUM), *CHROMIUM_OPTIONS, f"--user-data-dir={tmp_path}", address + path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    assert "· Bioimage Hub</title>" in done.stdout
    assert done.stdout.count("<h1") == 1
    assert "run=1" not in path or "<caption>Datasets of one organism</caption>" in done.stdout
