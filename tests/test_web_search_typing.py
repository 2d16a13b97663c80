"""Suggestions while typing in a headless Chromium: a combobox for keyboard, pointer and screen reader."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect, sync_playwright
from werkzeug.serving import make_server

from hub.ingest import harvest
from hub.web.app import Hub
from tests.support import demo_settings

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = demo_settings(tmp_path_factory.mktemp("typing"))
    harvest(settings, list(settings.sources))
    hub = Hub(settings)
    server = make_server("127.0.0.1", 0, hub, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    hub.close()


@pytest.fixture(scope="module")
def shared(address: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page(base_url=address)
        browser.close()


@pytest.fixture
def page(shared: Page) -> Page:
    shared.goto("/search")
    return shared


def options(page: Page, **said: Any) -> Locator:
    return page.get_by_role("listbox", name="Suggestions").get_by_role("option", **said)


def begin(page: Page, words: str) -> None:
    page.get_by_role("combobox", name="Words, gene").press_sequentially(words)
    expect(options(page).first).to_be_visible()


def test_a_suggestion_is_taken_by_the_keyboard(page: Page) -> None:
    box = page.get_by_role("combobox", name="Words, gene")
    expect(box).to_have_attribute("aria-expanded", "false")
    begin(page, "mus m")
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("ArrowDown")
    chosen = options(page, selected=True)
    expect(chosen).to_contain_text("Mus musculus")
    expect(box).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "")
    box.press("Enter")
    expect(page.get_by_role("link", name="Remove Organism: Mus musculus")).to_be_visible()


def test_escape_closes_and_enter_searches_what_was_typed(page: Page) -> None:
    begin(page, "mous")
    box = page.get_by_role("combobox", name="Words, gene")
    box.press("Escape")
    expect(options(page)).to_have_count(0)
    expect(box).to_have_value("mous")
    box.press("Enter")
    page.wait_for_url("**/search?q=mous", timeout=10_000)


def test_arrows_go_round_and_a_word_is_taken_by_the_pointer(page: Page) -> None:
    begin(page, "micros")
    box = page.get_by_role("combobox", name="Words, gene")
    box.press("ArrowUp")
    expect(options(page).last).to_have_attribute("aria-selected", "true")
    box.press("ArrowDown")
    expect(options(page, selected=True)).to_have_count(0)
    options(page).get_by_text("microscope", exact=True).click()
    page.wait_for_url("**/search?q=microscope", timeout=10_000)


def test_open_list_has_no_fault_that_axe_finds(page: Page) -> None:
    begin(page, "mus")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
