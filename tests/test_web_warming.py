"""Warming: what readers ask first stands in the caches before they come, and readers never wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub import gallery, snapshots
from hub.config import Settings
from hub.errors import NotPublishedError
from hub.ingest import harvest
from hub.log import now as moment
from hub.search.index import SearchIndex
from hub.store import GraphStore
from hub.web.app import Hub
from hub.web.warming import Warmer
from ontology import archives
from tests.support import demo_settings

WAIT_S = 60.0
PAUSE_S = 0.01


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    found = demo_settings(tmp_path_factory.mktemp("warm"))
    harvest(found, list(found.sources))
    return found


def until(holds: Callable[[], bool]) -> None:
    """Return when it holds; fail when it never does."""
    tick = threading.Event()
    for _ in range(int(WAIT_S / 0.02)):
        if holds():
            return
        tick.wait(0.02)
    pytest.fail("it never held")


@pytest.fixture
def hub(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr("hub.web.warming.PAUSE_S", PAUSE_S)
    made = Hub(settings)
    yield made
    made.close()


def held(hub: Hub) -> int:
    return len(hub.sparql.answers.cache._answers)


def queries(hub: Hub) -> int:
    now = hub.publication()
    return int(now.pool.stats()["queries"]) + int(now.pages.stats()["queries"])


def republish(settings: Settings) -> None:
    with GraphStore(settings.store_dir) as store:
        index = SearchIndex.of(settings).checkpoint
        snapshots.publish(store, settings.snapshots_dir, settings.base_iri, moment(), 3, anew=True, search=index)


def test_the_first_reader_is_answered_from_memory(hub: Hub, settings: Settings) -> None:
    hub.warm()
    count = len(gallery.questions())
    until(lambda: held(hub) == count)
    first = hub.publication().version
    republish(settings)
    until(lambda: hub.sparql.answers.cache.version not in (None, first) and held(hub) == count)
    asked = queries(hub)
    client = Client(hub, Response)
    for name, question in gallery.questions().items():
        assert client.get(f"/q/{name}").status_code == 200
        assert client.get(f"/q/{name}.json", headers={"Accept-Encoding": "gzip"}).status_code == 200
        assert client.get("/sparql?query=" + quote(gallery.bound(question))).status_code == 200
    for accept in ("text/html", "application/json"):
        assert client.get("/", headers={"Accept": accept}).status_code == 200
        assert client.get("/charts", headers={"Accept": accept}).status_code == 200
    assert queries(hub) == asked


def test_the_hub_s_description_is_counted_without_a_reader(hub: Hub, settings: Settings) -> None:
    republish(settings)
    hub.warm()
    until(lambda: (hub.publication().snapshot.path / "void.json").is_file())


def test_nothing_is_asked_before_the_start(hub: Hub) -> None:
    assert queries(hub) == 0


# ── one part at a time ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Site:
    """What is served, workers whose state a test decides, and applications that count."""

    version: str = "000001"
    idle: int = 2
    waiting: int = 0
    asked: list[str] = field(default_factory=list)
    on_ask: Callable[[], object] = lambda: None

    @property
    def pool(self) -> Site:
        return self

    def stats(self) -> dict[str, int]:
        return {"idle": self.idle, "waiting": self.waiting, "workers": 2}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.asked.append(environ["PATH_INFO"])
        self.on_ask()
        start_response("200 OK", [])
        return [b"x" * 100]


def warmer(site: Site, most_bytes: int = 10**6, published: Callable[[], Any] | None = None) -> Warmer:
    return Warmer(published or (lambda: site), site, site, most_bytes, pause_s=PAUSE_S)


PAGES = [
    *["/", "/search", "/charts"] * 2,
    "/sitemap.xml",
    "/catalog",
    *(f"/archive/{name}" for name in archives.ARCHIVES),
]


def test_pages_that_take_long_and_every_question_are_asked_for() -> None:
    site = Site()
    warmer(site).warm(site)  # type: ignore[arg-type]
    assert site.asked == PAGES + ["/sparql"] * len(gallery.questions())


def test_the_rest_of_the_cache_is_the_readers() -> None:
    site = Site()
    assert warmer(site, most_bytes=250).warm(site) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("busy", [{"idle": 1}, {"waiting": 1}])
def test_readers_go_first(busy: dict[str, int]) -> None:
    site = Site(**busy)
    looked = threading.Semaphore(0)

    def published() -> Site:
        looked.release()
        return site

    made = warmer(site, published=published)
    made.start()
    for _ in range(5):
        assert looked.acquire(timeout=WAIT_S)
    assert site.asked == []
    site.idle, site.waiting = 2, 0
    until(lambda: len(site.asked) == len(PAGES) + len(gallery.questions()))
    made.close()


def test_a_newer_snapshot_ends_the_old_one_s() -> None:
    site, old = Site(), Site()
    site.version = "000002"
    assert warmer(site).warm(old) == 0  # type: ignore[arg-type]


def test_closing_ends_it() -> None:
    site = Site()
    made = warmer(site)
    site.on_ask = made._closing.set
    made.start()
    until(lambda: not made._thread.is_alive())
    assert site.asked == ["/"]
    made.close()


def test_nothing_published_is_waited_for() -> None:
    site, tries = Site(), iter(range(3))

    def published() -> Site:
        if next(tries, None) is not None:
            raise NotPublishedError("nothing is published yet")
        return site

    made = warmer(site, published=published)
    made.start()
    until(lambda: len(site.asked) > 2)
    made.close()
