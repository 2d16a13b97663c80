"""Every kind of page in a headless Chromium: for everybody, on any screen, in any light, and from no other server."""

from __future__ import annotations

import csv
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from hub import config
from hub.cli import build_demo
from hub.ingest import harvest
from tests.support import served

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")]

PHONE = {"width": 360, "height": 780}
DESK = {"width": 1280, "height": 900}
GRAVE = ("serious", "critical")
# WCAG 2.2 AA and what axe calls good practice. Source: https://www.deque.com/axe/core-documentation/api-documentation/
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# What another scheme or another width can break; the rest is the same HTML.
COLOURS = {"type": "rule", "values": ["color-contrast"]}
SIZES = {"type": "rule", "values": ["target-size", "scrollable-region-focusable", "summary-name", "link-name"]}
BIG = "/dataset/idr/idr0094"
PAGES = {
    "home": "/",
    "search": "/search?q=microscopy",
    "search without hits": "/search?q=qqqqqq",
    "dataset": BIG,
    "dataset of a map": "/dataset/empiar/EMPIAR-10934",
    "gene": "/gene/PCNA",
    "taxon": "/taxon/9606",
    "term": "/term/FBbi_00000251",
    "person": "/person/0000-0001-9064-4085",
    "paper": "/paper/10.7554/eLife.26066",
    "organisation": "/organisation/057zh3y96",
    "archive": "/archive/idr",
    "record": "/record/empiar/EMPIAR-10934",
    "status": "/status",
    "quality": "/quality",
    "quality of an archive": "/quality/idr",
    "coverage": "/quality/idr/coverage",
    "questions": "/questions",
    "answer": "/questions/coverage?run=1",
    "editor": "/sparql/editor",
    "links": "/links?limit=20",
    "files of links": "/exports/",
    "basket": "/basket",
    "full basket": "/basket?d=idr/idr0094&d=empiar/EMPIAR-10934",
    "charts": "/charts",
    "chart": "/charts/growth",
}
FAILURES = {"nothing there": ("/nothing-is-here", 404), "tombstone": ("/dataset/empiar/EMPIAR-19999", 410)}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = config.load(str(build_demo(tmp_path_factory.mktemp("demo"))), environ={})
    harvest(settings, sorted(settings.sources))
    with served(settings) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens pages of the hub; afterwards none of them has asked another server or complained of anything."""
    contexts, asked, said = [], [], []

    def begin(path: str, status: int = 200, **options: Any) -> Page:
        context = chromium.new_context(**{"base_url": address, "viewport": DESK, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == status, path
        return page

    yield begin
    for context in contexts:
        context.close()
    assert set(asked) == {urlsplit(address).netloc}
    assert [text for text in said if not text.startswith("Failed to load resource")] == []


def grave(page: Page, rules: dict[str, Any] = RULES) -> list[str]:
    """Return what axe-core finds serious or critical, each with the elements."""
    found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {[node['html'][:160] for node in one['nodes'][:4]]}" for one in found if one["impact"] in GRAVE
    ]


def is_too_wide(page: Page) -> list[str]:
    """Return what makes a page wider than its window."""
    script = """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
        .filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth && !e.closest(".scroll, pre"))
        .map(e => e.outerHTML.slice(0, 120))"""
    found: list[str] = page.evaluate(script)
    return found


def check(page: Page) -> None:
    """Look at a page in light, in darkness and on a phone."""
    assert page.locator("h1").count() == 1
    assert grave(page) == [], "light"
    page.emulate_media(color_scheme="dark")
    assert grave(page, COLOURS) == [], "dark"
    page.set_viewport_size(PHONE)
    assert is_too_wide(page) == []
    assert grave(page, SIZES) == [], "phone"


def follow(page: Page, press: Callable[[], None]) -> None:
    """Press something and wait until the page that it leads to is there."""
    with page.expect_navigation():
        press()


@pytest.mark.parametrize("path", list(PAGES.values()), ids=list(PAGES))
def test_page_is_for_everybody(opened: Callable[..., Page], path: str) -> None:
    check(opened(path))


@pytest.mark.parametrize(("path", "status"), list(FAILURES.values()), ids=list(FAILURES))
def test_page_of_a_failure_is_for_everybody(opened: Callable[..., Page], path: str, status: int) -> None:
    check(opened(path, status))


def test_keyboard_reaches_content_and_search_first(opened: Callable[..., Page]) -> None:
    page = opened("/charts")
    focused = "document.activeElement.id || document.activeElement.textContent.trim()"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Skip to content"
    assert page.get_by_role("link", name="Skip to content").bounding_box()["x"] >= 0
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "site-search"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_focus_can_be_seen(opened: Callable[..., Page]) -> None:
    page = opened("/")
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2")


def test_menu_folds_on_phones_without_scripts(opened: Callable[..., Page]) -> None:
    page = opened("/charts", viewport=PHONE, java_script_enabled=False)
    menu = page.get_by_role("navigation", name="Main menu")
    assert not menu.is_visible()
    page.get_by_text("Menu", exact=True).click()
    follow(page, menu.get_by_role("link", name="Questions").click)
    assert urlsplit(page.url).path == "/questions"
    wide = opened("/charts")
    assert wide.get_by_role("navigation", name="Main").is_visible()
    assert not wide.get_by_text("Menu", exact=True).is_visible()


def test_chart_has_its_numbers_and_its_question(opened: Callable[..., Page]) -> None:
    page = opened("/charts/organisms", java_script_enabled=False)
    assert page.get_by_role("img", name="Organisms and where they are").is_visible()
    page.get_by_text("The numbers").click()
    rows = page.get_by_role("table").get_by_role("row")
    assert rows.filter(has_text="Homo sapiens").is_visible()
    follow(page, page.get_by_role("link", name="Ask this yourself").click)
    assert page.get_by_role("table").get_by_role("row").filter(has_text="Homo sapiens").count() > 0


def test_charts_are_on_paper(opened: Callable[..., Page]) -> None:
    page = opened("/charts/growth", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("svg.chart").is_visible()
    assert not page.get_by_role("navigation", name="Main", exact=True).is_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


# --- ways through the hub ----------------------------------------------------------------------------------------


def saved(page: Page, press: Callable[[], None]) -> Path:
    """Return the file that is downloaded when something is pressed."""
    with page.expect_download() as waiting:
        press()
    return Path(waiting.value.path())


def search(page: Page, words: str) -> None:
    """Type words in the search box and press Enter."""
    page.get_by_role("searchbox").fill(words)
    follow(page, lambda: page.keyboard.press("Enter"))


def total(page: Page) -> int:
    """Return how many studies a page of hits says that there are."""
    return int(re.sub(r"\D", "", page.locator("#results").inner_text()))


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
def test_from_search_to_the_manifest(opened: Callable[..., Page], has_scripts: bool) -> None:
    page = opened("/", java_script_enabled=has_scripts)
    search(page, "fluorescence microscopy")
    every = total(page)
    follow(page, page.get_by_role("complementary").get_by_role("link", name=re.compile("^Mus musculus")).first.click)
    assert 0 < total(page) < every
    chosen = page.get_by_role("list", name="Chosen")
    assert chosen.get_by_role("link", name=re.compile("Mus musculus")).is_visible()
    hit = page.locator(".hit").first
    title = hit.get_by_role("heading").inner_text()
    accession = hit.locator(".badge").inner_text().split()[-1]
    follow(page, hit.get_by_role("heading").get_by_role("link").click)
    assert page.get_by_role("heading", level=1).inner_text().startswith(title[:40])
    page.go_back()
    follow(page, page.locator(".hit").first.get_by_role("button", name="Add to basket").click)
    assert urlsplit(page.url).path == "/basket"
    assert page.locator(".menu-wide .number-of-basket").inner_text().startswith("1")
    table = saved(page, page.locator('a[href*="datasets.csv"]').first.click)
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["accession"] for row in rows] == [accession]
    everything = saved(page, page.get_by_role("link", name="All files (ZIP)").click)
    with zipfile.ZipFile(everything) as files:
        assert {"croissant.json", "ro-crate-metadata.json", "ATTRIBUTION.md"} <= {
            Path(n).name for n in files.namelist()
        }
    follow(page, page.get_by_role("button", name=re.compile("Remove")).first.click)
    assert page.get_by_text("It is empty.").is_visible()


def test_filter_that_is_set_can_be_taken_back(opened: Callable[..., Page]) -> None:
    page = opened("/search?q=microscopy")
    every = total(page)
    archive = re.compile("^Image Data Resource")
    follow(page, page.get_by_role("complementary").get_by_role("link", name=archive).first.click)
    assert total(page) < every
    follow(page, page.get_by_role("list", name="Chosen").get_by_role("link").last.click)
    assert total(page) == every


def test_results_become_a_file(opened: Callable[..., Page]) -> None:
    page = opened("/search?q=zebrafish", java_script_enabled=False)
    count = total(page)
    table = saved(page, page.get_by_role("link", name="CSV", exact=True).click)
    assert len(list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))) == count
    follow(page, page.get_by_role("link", name="JSON", exact=True).click)
    assert json.loads(page.locator("body").inner_text())["total"] == count


def test_search_becomes_a_query(opened: Callable[..., Page]) -> None:
    page = opened("/search?q=zebrafish")
    follow(page, page.locator(".pills").get_by_role("link", name="SPARQL", exact=True).click)
    assert urlsplit(page.url).path == "/sparql/editor"
    page.get_by_role("button", name="Run").click()
    page.locator("#view table.answer tbody tr").first.wait_for()


def test_identifier_leads_to_its_page(opened: Callable[..., Page]) -> None:
    page = opened("/")
    search(page, "EMPIAR-10934")
    assert urlsplit(page.url).path == "/dataset/empiar/EMPIAR-10934"


def test_keyboard_reaches_the_first_result(opened: Callable[..., Page]) -> None:
    page = opened("/search?q=zebrafish")
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.hit-title') !== null"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/dataset/*/*")


def test_choices_are_folded_on_phones_only(opened: Callable[..., Page]) -> None:
    phone, desk = opened("/search?q=microscopy", viewport=PHONE), opened("/search?q=microscopy")
    name = re.compile("^Image Data Resource")
    assert not phone.get_by_role("link", name=name).first.is_visible()
    phone.get_by_text("Narrow the search").click()
    assert phone.get_by_role("link", name=name).first.is_visible()
    assert desk.get_by_role("link", name=name).first.is_visible()
