"""The SPARQL editor page: over WSGI, and in a headless Chromium with and without scripts."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from markupsafe import escape
from playwright.sync_api import Browser, sync_playwright
from werkzeug.test import Client
from werkzeug.test import TestResponse as Answer
from werkzeug.wrappers import Response

from hub import formats, gallery
from hub.config import Settings
from hub.ingest import harvest
from hub.web.app import Hub, create_app
from hub.web.editor import START, TITLES
from tests.support import BASE, ROOT, demo_settings, serving

EDITOR = "/sparql/editor"
EVIL = '</textarea><script>alert("x")</script>'
NAMES = """PREFIX schema: <http://schema.org/>
SELECT ?dataset ?name WHERE { ?dataset a schema:Dataset ; schema:name ?name } ORDER BY ?dataset LIMIT 5"""
COUNTS = """SELECT ?type (COUNT(*) AS ?n) WHERE { ?s a ?type } GROUP BY ?type ORDER BY DESC(?n)"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    settings = demo_settings(tmp_path_factory.mktemp("editor"), ("bia", "idr"))
    harvest(settings, list(settings.sources))
    made = Hub(settings)
    assert made.flask.config["HUB_COUNTER"].get(made.publication().snapshot, wait_s=120) is not None
    yield made
    made.publication.close()


@pytest.fixture
def client(hub: Hub) -> Client:
    return Client(hub, Response)


def get(client: Client, path: str, **headers: str) -> Answer:
    return client.get(path, headers=headers, buffered=True)


def asked_of(hub: Hub) -> int:
    now = hub.publication()
    return int(now.pool.stats()["queries"]) + int(now.pages.stats()["queries"])


def in_area(page: str) -> str:
    (found,) = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.S)
    return html.unescape(found)


# ── without a browser ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (EDITOR, START),
        (f"{EDITOR}?{urlencode({'query': EVIL})}", EVIL),
        (f"{EDITOR}?question=coverage", gallery.bound(gallery.question("coverage"))),
        (f"{EDITOR}?question=datasets-by-organism", gallery.bound(gallery.question("datasets-by-organism"))),
        (f"{EDITOR}?question=coverage&{urlencode({'query': NAMES})}", NAMES),
    ],
)
def test_text_area_holds_the_query_and_nothing_runs(hub: Hub, client: Client, path: str, query: str) -> None:
    before = asked_of(hub)
    answer = get(client, path)
    assert answer.status_code == 200
    assert in_area(answer.text) == query
    assert "<script>" not in answer.text
    assert asked_of(hub) == before


def test_form_sends_the_query_to_the_endpoint(client: Client) -> None:
    page = get(client, EDITOR).text
    assert '<form id="editor" method="get" action="/sparql"' in page
    assert '<textarea id="query" name="query"' in page
    offered = re.findall(r'<option value="(\w*)" data-kind', page)
    assert offered == [f.name for kind in ("results", "graph") for f in formats.of_kind(kind)]
    for name in offered[:4]:
        answer = get(client, f"/sparql?{urlencode({'query': NAMES, 'format': name})}", Accept="text/html")
        assert answer.status_code == 200
        assert answer.mimetype == formats.named(name, "results").media_type


def test_every_format_has_a_title() -> None:
    assert set(TITLES) == {f.name for kind in ("results", "graph") for f in formats.of_kind(kind)}


def test_every_question_is_offered(client: Client) -> None:
    page = get(client, EDITOR).text
    for name, asked in gallery.questions().items():
        assert f'<option value="{name}">{escape(asked.title)}</option>' in page
    assert '<option value="coverage" selected>' in get(client, f"{EDITOR}?question=coverage").text


def test_unknown_question_is_not_found(client: Client) -> None:
    assert get(client, f"{EDITOR}?question=nothing").status_code == 404


def test_policy_lets_the_page_load_and_ask_the_hub_only(client: Client) -> None:
    policy = get(client, EDITOR).headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == "'none'"
    assert {rules.pop(name) for name in ("script-src", "connect-src", "img-src", "style-src", "form-action")} == {
        "'self'"
    }
    assert {rules.pop(name) for name in ("frame-ancestors", "base-uri")} == {"'none'"}
    assert rules.keys() == {"style-src-attr"}
    assert re.fullmatch(r"'unsafe-hashes' 'sha256-[\w+/]{43}='", rules["style-src-attr"])
    assert "script-src 'none'" in get(client, "/").headers["Content-Security-Policy"]


def test_page_and_terms_are_conditional(client: Client) -> None:
    for path in (EDITOR, f"{EDITOR}/terms.json"):
        first = get(client, path)
        assert get(client, path, If_None_Match=first.headers["ETag"]).status_code == 304


def test_page_needs_no_published_snapshot(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path))
    assert app.test_client().get(EDITOR).status_code == 200
    assert app.test_client().get(f"{EDITOR}/terms.json").status_code == 503


def test_terms_are_those_of_the_data_with_counts(client: Client) -> None:
    answer = get(client, f"{EDITOR}/terms.json")
    assert answer.mimetype == "application/json"
    terms = answer.json
    assert terms["prefixes"]["schema"] == "http://schema.org/"
    classes = {term["iri"]: term for term in terms["classes"]}
    rows = json.loads(get(client, f"/sparql?{urlencode({'query': COUNTS})}").text)["results"]["bindings"]
    assert {iri: term["count"] for iri, term in classes.items()} == {
        row["type"]["value"]: int(row["n"]["value"]) for row in rows
    }
    assert classes["http://schema.org/Dataset"]["label"] == "Dataset"
    assert "http://schema.org/name" in classes["http://schema.org/Dataset"]["properties"]
    counts = [term["count"] for term in terms["properties"]]
    assert counts == sorted(counts, reverse=True)


def test_terms_are_those_of_the_model_while_the_data_are_counted(client: Client, monkeypatch: Any, hub: Hub) -> None:
    monkeypatch.setitem(hub.flask.config, "HUB_COUNTER", None)
    terms = get(client, f"{EDITOR}/terms.json").json
    classes = {term["iri"]: term for term in terms["classes"]}
    assert "count" not in classes["http://schema.org/Dataset"]
    assert "http://schema.org/name" in classes["http://schema.org/Dataset"]["properties"]
    assert {"iri": "http://schema.org/datePublished", "label": "date published"} in terms["properties"]


def test_built_files_are_of_the_sources() -> None:
    folder = ROOT / "editor"
    names = ["build.mjs", "package-lock.json", "package.json", "tsconfig.json"]
    names += [f"{part}/{file.name}" for part in ("src", "licences") for file in (folder / part).iterdir()]
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(f"{name}\n".encode() + (folder / name).read_bytes())
    for file in ("editor.js", "editor.css"):
        start = (ROOT / "hub/web/static/editor" / file).read_text(encoding="utf-8")[:300]
        assert f"sha256-{digest.hexdigest()}" in start, "the sources have changed: run make editor, commit the result"


def test_licences_of_what_is_built_in_are_told(client: Client) -> None:
    notices = get(client, "/static/editor/LICENCES.txt").text
    for package in ("@zazuko/yasqe", "codemirror", "lodash-es", "dompurify"):
        assert f"\n{package} (" in notices


# ── in a browser ─────────────────────────────────────────────────────────────────────────────────────────────────────

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ROWS = "#view table.answer tbody tr"


def in_browser(test: Callable[..., None]) -> Callable[..., None]:
    return pytest.mark.browser(pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")(test))


@pytest.fixture(scope="module")
def address(hub: Hub) -> Iterator[str]:
    with serving(hub) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page in a browser window of its own, with what it asked for and what it complained of."""

    def __init__(self, chromium: Browser, address: str, **options: Any) -> None:
        self.address = address
        self.asked: list[str] = []
        self.said: list[str] = []
        self.context = chromium.new_context(base_url=address, **options)
        self.context.set_default_timeout(60_000)
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def open(self, path: str) -> None:
        self.page.goto(path, wait_until="networkidle")

    @property
    def queries(self) -> list[str]:
        """What the endpoint was asked by GET."""
        parts = [urlsplit(url) for url in self.asked]
        return [parse_qs(part.query)["query"][0] for part in parts if part.path == "/sparql"]

    @property
    def written(self) -> str:
        return str(self.page.evaluate("document.querySelector('.CodeMirror').CodeMirror.getValue()"))

    def write(self, query: str) -> None:
        """Type a query in the place of what is there; the editor indents and completes, so it comes at once."""
        self.page.locator(".CodeMirror-lines").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(query)

    def run(self, query: str) -> None:
        self.write(query)
        self.page.get_by_role("button", name="Run").click()
        self.page.locator("#view > *").first.wait_for()


@pytest.fixture
def visit(chromium: Browser, address: str) -> Iterator[Callable[..., Visit]]:
    """Makes visits; afterwards none of them has left the hub or complained of anything but an answer's status."""
    made: list[Visit] = []

    def begin(path: str = EDITOR, **options: Any) -> Visit:
        made.append(Visit(chromium, address, **options))
        made[-1].open(path)
        return made[-1]

    yield begin
    for each in made:
        each.context.close()
        assert {urlsplit(url).netloc for url in each.asked} == {urlsplit(address).netloc}
        assert [text for text in each.said if not text.startswith("Failed to load resource")] == []


@in_browser
def test_browser_runs_nothing_on_load(visit: Callable[..., Visit]) -> None:
    for path in (EDITOR, f"{EDITOR}?{urlencode({'query': NAMES})}", f"{EDITOR}?question=coverage"):
        seen = visit(path)
        assert seen.queries == []
        assert seen.written == in_area(seen.page.request.get(path).text())
        assert seen.page.locator("#answer").is_hidden()
        assert seen.page.locator("textarea#query").is_hidden()


@in_browser
def test_browser_shows_rows_and_follows_a_link_of_the_hub(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.run(NAMES)
    assert seen.queries == [NAMES]
    assert seen.page.locator(ROWS).count() == 5
    assert re.fullmatch(r"5 rows in [0-9.]+ s, true of change no\. [0-9]+", seen.page.locator("#summary").inner_text())
    link = seen.page.locator(ROWS).first.get_by_role("link").first
    assert link.inner_text().startswith("dataset/")
    assert link.get_attribute("title") == BASE + link.inner_text()
    link.click()
    seen.page.wait_for_url("**/dataset/*/*")
    assert urlsplit(seen.page.url).netloc == urlsplit(seen.address).netloc
    assert seen.page.locator("h1").count() == 1
    seen.page.go_back()
    assert seen.written == NAMES
    assert seen.queries == [NAMES]


@in_browser
def test_browser_goes_from_the_keyboard(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.write(NAMES)
    seen.page.keyboard.press("Control+Enter")
    seen.page.locator(ROWS).first.wait_for()
    focused = "document.activeElement.id || document.activeElement.textContent"
    assert seen.page.evaluate(focused) == ""  # the editor's own field
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate(focused) == "run"
    seen.page.keyboard.press("Shift+Tab")
    assert seen.page.get_by_role("textbox", name="Query").evaluate("field => field === document.activeElement")
    assert seen.written == NAMES


@in_browser
def test_browser_loads_a_question_and_does_not_run_it(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.page.get_by_label("Question").select_option("coverage")
    seen.page.get_by_role("button", name="Load").click()
    seen.page.wait_for_url("**question=coverage")
    seen.page.locator(".CodeMirror").wait_for()
    assert seen.written == gallery.bound(gallery.question("coverage"))
    assert seen.queries == []


@in_browser
def test_browser_has_every_view_and_file(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.run(COUNTS)
    views, view = seen.page.locator("#views"), seen.page.locator("#view")
    assert views.get_by_role("button").all_inner_texts() == ["Table", "Chart", "Raw"]
    assert view.locator("td.number").first.inner_text().isdecimal()
    views.get_by_role("button", name="Chart").click()
    widths = view.locator(".bar").evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().width)")
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[-1] > 0
    views.get_by_role("button", name="Raw").click()
    assert json.loads(view.inner_text())["head"]["vars"] == ["type", "n"]
    files = seen.page.locator("#files a")
    assert files.all_inner_texts() == ["JSON", "XML", "CSV", "TSV"]
    with seen.page.expect_download() as waiting:
        files.nth(2).click()
    assert waiting.value.suggested_filename == "answer.csv"
    assert Path(waiting.value.path()).read_text().splitlines()[0] == "type,n"


@in_browser
def test_browser_sorts_by_a_column(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.run(COUNTS)
    numbers = seen.page.locator(f"{ROWS} td.number")
    down = [int(text) for text in numbers.all_inner_texts()]
    seen.page.get_by_role("columnheader", name="n").get_by_role("button").click()
    assert [int(text) for text in numbers.all_inner_texts()] == sorted(down)
    assert seen.page.get_by_role("columnheader", name="n").get_attribute("aria-sort") == "ascending"


@in_browser
def test_browser_shows_long_answers_piece_by_piece(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.run("SELECT * WHERE { ?s ?p ?o } LIMIT 1200")
    more = seen.page.get_by_role("button", name="Show more rows")
    for count in (500, 1000, 1200):
        assert seen.page.locator(ROWS).count() == count
        if count < 1200:
            more.click()
    assert more.is_hidden()


@in_browser
def test_browser_shows_graphs_and_truths(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.run("CONSTRUCT { ?d a ?t } WHERE { ?d a ?t . FILTER(CONTAINS(STR(?d), '/dataset/')) }")
    assert seen.page.locator("#view pre a").first.get_attribute("href").startswith("/dataset/")
    kinds = seen.page.locator("#files a").all_inner_texts()
    assert kinds == ["Turtle", "N-Triples", "RDF/XML", "JSON-LD", "N-Quads", "TriG"]
    seen.run("ASK {}")
    seen.page.locator("#summary", has_text="Yes").wait_for()
    assert seen.page.locator("#files a").all_inner_texts() == ["JSON", "XML"]


@in_browser
def test_browser_shows_what_data_say_as_text(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.run(
        "SELECT * { VALUES (?a ?b) { ('<img src=x onerror=alert(1)> {{b}}' <javascript:alert(2)>) "
        "('Zelle'@de <https://example.org/x%22%3E>) } }"
    )
    first, second = seen.page.locator(ROWS).all()
    assert first.locator("td").all_inner_texts() == ["<img src=x onerror=alert(1)> {{b}}", "javascript:alert(2)"]
    assert first.get_by_role("link").count() == 0
    assert second.locator("td[lang=de]").inner_text() == "Zelle @de"
    assert second.get_by_role("link").get_attribute("href") == "https://example.org/x%22%3E"


@in_browser
def test_browser_tells_where_a_query_is_wrong(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.write("SELECT * WHERE {\n ?s ?p ?o\n} LIMT 10")
    assert seen.page.locator("#complaint").inner_text().startswith("Line 3 does not look like SPARQL 1.1.")
    seen.page.locator(".parseErrorIcon").hover()
    seen.page.locator(".yasqe_tooltip").wait_for()
    seen.page.get_by_role("button", name="Run").click()
    seen.page.get_by_role("alert").wait_for()
    assert "line 3, column" in seen.page.get_by_role("alert").inner_text()
    assert seen.page.locator("#answer").is_hidden()
    seen.run(NAMES)
    assert seen.page.locator("#complaint").inner_text() == ""
    assert seen.page.get_by_role("alert").is_hidden()


@in_browser
def test_browser_completes_with_what_the_hub_has(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.write("SELECT * WHERE {\n  ?s a ")
    seen.page.keyboard.type("schema:Datas")
    hints = seen.page.locator(".CodeMirror-hint")
    hints.first.wait_for()
    assert re.fullmatch(r"schema:Dataset  [0-9,]+", hints.first.inner_text())
    assert seen.page.get_by_role("listbox", name="Suggestions").is_visible()
    seen.page.keyboard.press("Enter")
    assert seen.written == "PREFIX schema: <http://schema.org/>\nSELECT * WHERE {\n  ?s a schema:Dataset"
    seen.page.keyboard.type(" ; publ")
    seen.page.locator(".CodeMirror-hint", has_text="schema:datePublished").click()
    assert seen.written.endswith("?s a schema:Dataset ; schema:datePublished")
    assert seen.page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0


@in_browser
def test_browser_stops_a_query(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.page.route("**/sparql?*", lambda route: None)  # never answered
    seen.write(NAMES)
    seen.page.get_by_role("button", name="Run").click()
    seen.page.get_by_role("button", name="Stop").click()
    seen.page.locator("#summary", has_text="Stopped.").wait_for()
    seen.page.unroute_all(behavior="ignoreErrors")
    seen.page.get_by_role("button", name="Run").click()
    seen.page.locator(ROWS).first.wait_for()


@in_browser
def test_browser_link_brings_the_query_back(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.write(NAMES)
    seen.page.get_by_role("link", name="Link to this query").click()
    seen.page.wait_for_url("**query=*")
    seen.page.locator(".CodeMirror").wait_for()
    assert seen.written == NAMES
    assert seen.queries == []


@in_browser
@pytest.mark.parametrize("words", [2_000, 15_000])
def test_browser_posts_what_is_too_long_for_an_address(visit: Callable[..., Visit], words: int) -> None:
    seen = visit()
    seen.run(f"# {'long ' * words}\n{NAMES}")
    seen.page.locator(ROWS).first.wait_for()
    assert [urlsplit(url).query for url in seen.asked if urlsplit(url).path == "/sparql"] == [""]
    can_link = words == 2_000
    assert seen.page.get_by_role("link", name="Link to this query").is_visible() == can_link
    assert seen.page.locator("#files a").count() == (4 if can_link else 0)
    assert (len(seen.page.url) > 1000) == can_link


@in_browser
def test_browser_without_scripts_has_the_form(visit: Callable[..., Visit]) -> None:
    seen = visit(java_script_enabled=False)
    assert seen.page.locator(".CodeMirror").count() == 0
    seen.page.get_by_label("Query").fill(NAMES)
    seen.page.get_by_label("Answer as").select_option("json")
    seen.page.get_by_role("button", name="Run").click()
    seen.page.wait_for_url("**/sparql?query=*")
    assert len(json.loads(seen.page.locator("body").inner_text())["results"]["bindings"]) == 5


@in_browser
@pytest.mark.parametrize("options", [{"viewport": {"width": 390, "height": 844}}, {"color_scheme": "dark"}])
def test_browser_fits_phones_and_dark_rooms(visit: Callable[..., Visit], options: dict[str, Any]) -> None:
    seen = visit(**options)
    seen.run(NAMES.replace("LIMIT", "# an-endless-word-" + "x" * 200 + "\nLIMIT"))
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ground, text = (
        seen.page.locator(".CodeMirror").evaluate(f"(box) => getComputedStyle(box).{name}")
        for name in ("backgroundColor", "color")
    )
    assert (ground, text) == tuple(
        seen.page.locator("body").evaluate(f"(box) => getComputedStyle(box).{name}")
        for name in ("backgroundColor", "color")
    )
