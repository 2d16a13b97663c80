"""``asOf``: search, SPARQL and pages of an older snapshot that is kept, and of no other."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub import retained, snapshots
from hub.config import Settings
from hub.errors import NotFoundError, QueryBusyError
from hub.web.app import Hub
from tests.history_hub import BY_NC, CHANGED, TIMES, built
from tests.support import BASE, get, told

LICENCE = f"SELECT ?o WHERE {{ <{BASE}dataset/bia/S-BIAD824> <http://schema.org/license> ?o }}"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return built(tmp_path_factory.mktemp("asof"), keep_snapshots=3)


@pytest.fixture(scope="module")
def hub(settings: Settings) -> Iterator[Hub]:
    found = Hub(settings)
    yield found
    found.close()


@pytest.fixture(scope="module")
def client(hub: Hub) -> Client:
    return Client(hub, Response)


@pytest.fixture(scope="module")
def kept(settings: Settings) -> list[int]:
    return sorted(each.sequence for each in retained.kept(settings.snapshots_dir))


def licences(answer: Response) -> list[str]:
    assert answer.status_code == 200, answer.data
    return [row["o"]["value"] for row in json.loads(answer.data)["results"]["bindings"]]


def ask(client: Client, as_of: object = None, **more: object) -> Response:
    pinned = "" if as_of is None else f"&asOf={quote(str(as_of))}"
    return client.get(f"/sparql?query={quote(LICENCE)}&format=json{pinned}", **more)


def test_sparql_answers_from_the_newest_snapshot_not_after_a_number(client: Client, kept: list[int]) -> None:
    for number, expected, sequence in (
        (kept[0], [BY_NC], kept[0]),
        (kept[1], [BY_NC], kept[1]),
        (kept[2] - 1, [BY_NC], kept[1]),
        (kept[2], [], kept[2]),
        (kept[2] + 100, [], kept[2]),
    ):
        answer = ask(client, number)
        assert (licences(answer), answer.headers["X-Hub-Sequence"]) == (expected, str(sequence))
    assert licences(ask(client)) == []


@pytest.mark.parametrize(
    ("moment", "place"),
    [
        (TIMES[1], 0), ("2026-02-28", 0), ("2026-03-01", 1), ("2026-03-01T11:00:00+01:00", 1),
        ("2026-03-01T09:59:59", 0), ("2026-11-20", 2),
    ],
)  # fmt: skip
def test_sparql_answers_as_of_a_time(client: Client, kept: list[int], moment: str, place: int) -> None:
    assert ask(client, moment).headers["X-Hub-Sequence"] == str(kept[place])


def test_sparql_takes_the_field_of_a_form(client: Client, kept: list[int]) -> None:
    answer = client.post("/sparql", data={"query": LICENCE, "asOf": str(kept[0]), "format": "json"})
    assert (licences(answer), answer.headers["X-Hub-Sequence"]) == ([BY_NC], str(kept[0]))
    answer = client.post(f"/sparql?asOf={kept[0]}&format=json", data=LICENCE, content_type="application/sparql-query")
    assert licences(answer) == [BY_NC]


def test_answers_of_snapshots_are_not_mixed(client: Client, kept: list[int]) -> None:
    for _ in range(2):
        found = [licences(ask(client, number)) for number in (None, kept[0], None, kept[1])]
        assert found == [[], [BY_NC], [], [BY_NC]]
    tags = [ask(client, number).headers["ETag"] for number in (None, kept[0], kept[1], kept[2])]
    assert len({tags[0], tags[1], tags[2]}) == 3
    assert tags[3] == tags[0]
    assert ask(client, kept[0], headers={"If-None-Match": tags[1]}).status_code == 304
    assert ask(client, kept[0], headers={"If-None-Match": tags[0]}).status_code == 200


def test_what_is_too_old_is_not_found_and_told_what_there_is(client: Client, kept: list[int]) -> None:
    for path in (f"/sparql?query={quote(LICENCE)}&asOf=1", "/search?q=cells&asOf=1", f"{CHANGED}?asOf=2025-12-31"):
        detail = told(client, path, 404)["detail"]
        assert detail.startswith("asOf: no snapshot of ")
        assert f"{kept[0]} ({TIMES[1]}), {kept[1]} ({TIMES[2]}), {kept[2]} ({TIMES[3]})" in detail
        assert detail.endswith("see /snapshots")


@pytest.mark.parametrize("text", ["yesterday", "", "-1", "2026-13-01", "1e3", "99999999"])
def test_a_moment_that_is_none_is_refused(client: Client, text: str) -> None:
    for path in (f"/sparql?query={quote(LICENCE)}&asOf={text}", f"/search?q=cells&asOf={text}"):
        assert told(client, path, 400)["detail"].startswith("asOf: ")


def test_routes_that_tell_of_the_catalogue_do_not_offer_it(client: Client, kept: list[int]) -> None:
    for path in ("/links", "/status", "/whats-new", f"{CHANGED}/versions"):
        assert told(client, f"{path}?asOf={kept[0]}", 400)["detail"].startswith("asOf is not offered at ")
    assert get(client, f"/sparql?asOf={kept[0]}").status_code == 400


def test_search_finds_what_was_there(client: Client, kept: list[int]) -> None:
    def found(path: str) -> tuple[list[str], int]:
        answer = told(client, path)
        titles = ["".join(piece["text"] for piece in hit["title"]) for hit in answer["hits"]]
        return titles, answer["sequence"]

    assert found("/search?q=%22another+title%22") == ([], kept[2])
    assert found(f"/search?q=%22another+title%22&asOf={kept[1]}") == (["Another title"], kept[1])
    assert found("/search?q=%22another+title%22") == ([], kept[2])
    assert found(f"/search?q=%22another+title%22&asOf={TIMES[1]}") == (["Another title"], kept[0])


def test_a_search_stays_in_its_snapshot(client: Client, kept: list[int]) -> None:
    answer = told(client, f"/search?per_page=2&asOf={kept[0]}")
    assert f"asOf={kept[0]}" in answer["links"]["next"]
    assert answer["gaps"] == [
        f"This is as of change no. {kept[0]}, published at {TIMES[1]}. What came later is not in it."
    ]
    page = get(client, f"/search?per_page=2&asOf={kept[0]}", "text/html")
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert f'name="asOf" value="{kept[0]}"' in page.text
    assert f"as of change no. {kept[0]}" in page.text
    assert "asOf" not in get(client, "/search?per_page=2", "text/html").text


def test_all_results_are_those_of_the_snapshot(client: Client, kept: list[int]) -> None:
    old, new = (get(client, f"/search?q=title&format=jsonl{more}") for more in (f"&asOf={kept[1]}", ""))
    assert (old.headers["X-Hub-Sequence"], new.headers["X-Hub-Sequence"]) == (str(kept[1]), str(kept[2]))
    assert old.headers["ETag"] != new.headers["ETag"]
    assert "Another title" in old.text
    assert "Another title" not in new.text


def test_pages_are_those_of_the_snapshot(client: Client, kept: list[int]) -> None:
    path = f"{CHANGED}?asOf={kept[1]}"
    page = get(client, path, "text/html")
    assert (page.status_code, page.headers["X-Hub-Sequence"]) == (200, str(kept[1]))
    assert "Another title" in page.text
    assert f"<{BY_NC}>" in get(client, path, "text/turtle").text
    assert get(client, CHANGED, "text/html").status_code == 410
    assert get(client, path, "text/html").headers["ETag"] == page.headers["ETag"]
    before = told(client, f"/?asOf={kept[1]}")
    assert (before["sequence"], before["published"]) == (kept[1], TIMES[2])


def test_what_is_kept_is_listed(client: Client, settings: Settings, kept: list[int]) -> None:
    listed = told(client, "/snapshots")
    assert listed["keep"] == 3
    assert [(each["sequence"], each["created"], each["current"]) for each in listed["snapshots"]] == [
        (kept[2], TIMES[3], True), (kept[1], TIMES[2], False), (kept[0], TIMES[1], False),
    ]  # fmt: skip
    page = get(client, "/snapshots.html")
    assert f'href="/search?asOf={kept[0]}"' in page.text


# --- workers on older snapshots


class Workers:
    """Stands in for workers: tells on which snapshot it is and whether it was ended."""

    running = 0
    most = 0

    def __init__(self, snapshot: snapshots.Snapshot) -> None:
        self.version = snapshot.path.name
        self.ended = threading.Event()
        Workers.running += 1
        Workers.most = max(Workers.most, Workers.running)

    def close(self) -> None:
        Workers.running -= 1
        self.ended.set()


@pytest.fixture
def older(settings: Settings) -> list[snapshots.Snapshot]:
    Workers.running = Workers.most = 0
    return retained.kept(settings.snapshots_dir)[1:]


def make(**more: float) -> retained.Retained[Workers]:
    start: Callable[[snapshots.Snapshot], Workers] = Workers
    return retained.Retained(start, **{"wait_s": 0.05, **more})


def test_one_older_snapshot_is_asked_at_a_time(older: list[snapshots.Snapshot]) -> None:
    found = make()
    with found.of(older[0]) as one, found.of(older[0]) as same:
        assert one is same
        with pytest.raises(QueryBusyError, match="another older snapshot"), found.of(older[1]):
            pass
    with found.of(older[1]) as other:
        assert other.version == older[1].path.name
    assert Workers.most == 1
    found.close()
    assert Workers.running == 0


def test_who_waits_gets_the_workers_when_the_others_are_done(older: list[snapshots.Snapshot]) -> None:
    found = make(wait_s=30)
    got: list[str] = []

    def wait() -> None:
        with found.of(older[1]) as other:
            got.append(other.version)

    with found.of(older[0]):
        thread = threading.Thread(target=wait)
        thread.start()
    thread.join(30)
    assert got == [older[1].path.name]
    found.close()


def test_workers_end_when_nobody_asks(older: list[snapshots.Snapshot]) -> None:
    found = make(idle_s=0.01)
    with found.of(older[0]) as workers:
        pass
    assert workers.ended.wait(30)
    assert Workers.running == 0
    found.close()


def test_an_error_of_who_asks_gives_the_workers_back(older: list[snapshots.Snapshot]) -> None:
    found = make()
    with pytest.raises(NotFoundError), found.of(older[0]):
        raise NotFoundError("no such thing")
    with found.of(older[1]):
        pass
    found.close()


def test_a_process_has_workers_on_an_older_snapshot_only_when_asked(settings: Settings, kept: list[int]) -> None:
    hub = Hub(settings)
    client = Client(hub, Response)
    running = []
    for number in (None, kept[2], kept[0]):
        ask(client, number)
        running.append(hub.publication.retained.is_running)
    hub.close()
    assert [*running, hub.publication.retained.is_running] == [False, False, True, False]


def test_a_damaged_manifest_is_passed_over(settings: Settings) -> None:
    oldest = retained.kept(settings.snapshots_dir)[-1]
    text = (oldest.path / "manifest.json").read_text(encoding="utf-8")
    (oldest.path / "manifest.json").write_text("{", encoding="utf-8")
    try:
        with pytest.raises(NotFoundError, match="asOf: no snapshot"):
            retained.newest_until(settings.snapshots_dir, oldest.sequence)
    finally:
        (oldest.path / "manifest.json").write_text(text, encoding="utf-8")
