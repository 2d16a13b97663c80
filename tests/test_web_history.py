"""Versions of a dataset over HTTP: the list, each as it stood, what differs, and Memento."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import pytest
import sqlalchemy as sa
from pyoxigraph import RdfFormat, parse
from werkzeug.http import parse_options_header
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub.config import Settings
from hub.formats import Format
from hub.log import Log, versions
from hub.web.app import Hub
from hub.web.offers import DATASET
from tests.history_hub import BY_NC, CC0, CHANGED, TIMES, built
from tests.support import get, told

HERE = "http://localhost"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return built(tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub, Response)
    hub.close()


@pytest.fixture(scope="module")
def numbers(client: Client) -> list[int]:
    return [each["sequence"] for each in told(client, f"{CHANGED}/versions")["versions"]][::-1]


def at(client: Client, when: str, path: str = CHANGED) -> Response:
    return client.get(path, headers={"Accept-Datetime": when})


def links(response: Response) -> dict[str, tuple[str, dict[str, str]]]:
    """Target and parameters by relation of a Link header, read as RFC 8288 has it."""
    found = {}
    for target, rest in re.findall(r'<([^>]*)>((?:\s*;\s*[\w-]+="[^"]*")*)', response.headers["Link"]):
        parameters = parse_options_header(f"link{rest}")[1]
        for relation in parameters.pop("rel").split():
            found[relation] = (target, parameters)
    return found


# --- the list


def test_every_version_is_told_with_when_it_could_be_seen_and_what_happened(client: Client) -> None:
    found = told(client, f"{CHANGED}/versions")
    shown = [(each["action"], each["source"], each["seen"]) for each in found["versions"]]
    assert shown == [
        ("withdraw", "second", TIMES[3]),
        ("withdraw", "bia", TIMES[3]),
        ("create", "second", TIMES[2]),
        ("update", "bia", TIMES[1]),
        ("create", "bia", TIMES[0]),
    ]
    assert found["versions"][3]["summary"] == "Title changed; Licence: CC0 1.0 became CC BY-NC 4.0"
    assert (found["total"], found["next"], found["timemap"]) == (5, None, f"{HERE}/timemap{CHANGED}")


def test_the_list_is_a_page_and_a_feed_too(client: Client) -> None:
    page = get(client, f"{CHANGED}/versions", "text/html")
    assert page.status_code == 200
    assert "5 versions" in page.text
    assert "Licence: CC0 1.0 became CC BY-NC 4.0" in page.text
    feed = get(client, f"{CHANGED}/versions.atom")
    assert feed.mimetype == "application/atom+xml"
    assert feed.text.count("<entry>") == 5
    assert f"<updated>{TIMES[3]}</updated>" in feed.text


def test_what_there_never_was_has_no_versions(client: Client) -> None:
    for path in ("/dataset/bia/S-BIAD1/versions", "/timemap/dataset/bia/S-BIAD1", "/dataset/bia/S-BIAD1/versions/4"):
        assert get(client, path).status_code == 404
    assert told(client, f"{CHANGED}/versions?page=2", 404)["detail"].endswith("the last one is 1")
    assert told(client, f"{CHANGED}/versions?page=x", 400)["detail"].startswith("page:")


def test_the_form_leads_to_the_comparison(client: Client, numbers: list[int]) -> None:
    answer = get(client, f"{CHANGED}/versions?from={numbers[0]}&to={numbers[1]}")
    assert (answer.status_code, answer.location) == (303, f"{HERE}{CHANGED}/versions/{numbers[0]}..{numbers[1]}")


# --- one version


def test_a_dataset_stands_as_it_stood(client: Client, numbers: list[int]) -> None:
    licences = [f"{CHANGED}/versions/{number}.ttl" for number in numbers[:4]]
    said = [re.search(r"schema:license <([^>]*)>", get(client, path).text)[1] for path in licences]  # type: ignore[index]
    assert said == [CC0, BY_NC, BY_NC, CC0]


@pytest.mark.parametrize("offer", DATASET, ids=lambda offer: offer.name)
def test_a_version_is_had_in_every_format_of_a_dataset(client: Client, numbers: list[int], offer: Format) -> None:
    answer = get(client, f"{CHANGED}/versions/{numbers[2]}{offer.suffix}")
    assert (answer.status_code, answer.mimetype) == (200, offer.media_type)
    assert "Another title" in answer.text or offer.name.startswith("linkset")
    assert parsedate_to_datetime(answer.headers["Memento-Datetime"]).isoformat() == "2026-03-01T10:00:00+00:00"


def test_who_says_what_is_told_of_every_record_that_stood(client: Client, numbers: list[int]) -> None:
    body = get(client, f"{CHANGED}/versions/{numbers[2]}.nq").data
    graphs = {quad.graph_name.value for quad in parse(body, RdfFormat.N_QUADS)}
    assert {graph.rpartition("graph/")[2].partition("/S-")[0] for graph in graphs} == {
        "source/bia", "source/second", "record/bia", "record/second",
    }  # fmt: skip


def test_the_page_of_a_version_says_that_it_is_old_and_leads_on(client: Client, numbers: list[int]) -> None:
    page = get(client, f"{CHANGED}/versions/{numbers[1]}", "text/html")
    assert page.status_code == 200
    assert "This is how it stood" in page.text
    assert f'The present version is <a href="{HERE}{CHANGED}">no. {numbers[-1]}</a>' in page.text
    assert f'href="{HERE}{CHANGED}/versions/{numbers[1]}.ttl"' in page.text
    assert f'href="{CHANGED}.ttl"' not in page.text
    assert page.headers["X-Robots-Tag"] == "noindex"


def test_a_number_between_two_changes_leads_to_what_was_current(client: Client, numbers: list[int]) -> None:
    answer = get(client, f"{CHANGED}/versions/{numbers[0] + 1}.ttl?x=1")
    assert (answer.status_code, answer.location) == (303, f"{HERE}{CHANGED}/versions/{numbers[0]}.ttl?x=1")
    assert get(client, f"{CHANGED}/versions/{numbers[0] - 1}").status_code == 404
    assert get(client, f"{CHANGED}/versions/999999").status_code == 404
    assert get(client, f"{CHANGED}/versions/newest").status_code == 404
    assert get(client, f"{CHANGED}/versions/{numbers[0]}.xyz").status_code == 406


def test_a_version_in_which_nothing_stood_says_why(client: Client, numbers: list[int]) -> None:
    problem = told(client, f"{CHANGED}/versions/{numbers[-1]}.ttl", 410)
    assert [record["reason"] for record in problem["records"]] == [
        "bia does not list it any more", "second does not list it any more",
    ]  # fmt: skip
    page = get(client, f"{CHANGED}/versions/{numbers[-1]}", "text/html")
    assert (page.status_code, "Memento-Datetime" in page.headers) == (410, True)
    assert "second does not list it any more" in page.text


def test_what_was_erased_shows_as_erased_with_its_hash(settings: Settings, client: Client, numbers: list[int]) -> None:
    log = Log(settings.database)
    idr = "/dataset/idr/idr0094"
    (number,) = [each["sequence"] for each in told(client, f"{idr}/versions")["versions"]]
    own = versions.c.sequence == number
    with log.engine.begin() as db:
        before = db.scalar(sa.select(versions.c.content).where(own))
        db.execute(sa.update(versions).where(own).values(content=None))
    hub = Hub(settings)
    fresh = Client(hub, Response)
    (entry,) = told(fresh, f"{idr}/versions")["versions"]
    assert (entry["is_erased"], entry["title"]) == (True, "")
    assert entry["sha256"] in entry["summary"]
    page = get(fresh, f"{idr}/versions/{number}", "text/html")
    assert page.status_code == 410
    assert entry["sha256"] in page.text
    assert told(fresh, f"{idr}/versions/{number}.jsonld", 410)["records"][0]["sha256"] == entry["sha256"]
    hub.close()
    with log.engine.begin() as db:
        db.execute(sa.update(versions).where(own).values(content=before))
    log.close()


# --- differences


def test_a_difference_is_told_in_words_and_statements(client: Client, numbers: list[int]) -> None:
    found = told(client, f"{CHANGED}/versions/{numbers[0]}..{numbers[1]}")
    title, licence = found["changes"]
    assert licence["text"] == "Licence: CC0 1.0 became CC BY-NC 4.0"
    assert title["pieces"][-1] == {"kind": "inserted", "text": "Another title"}
    assert found["counts"] == {"removed": len(found["removed"]), "added": len(found["added"])}
    assert any(f"<{BY_NC}>" in line for line in found["added"])
    assert found["truncated"] is False


def test_a_patch_makes_one_version_of_the_other(client: Client, numbers: list[int]) -> None:
    answer = get(client, f"{CHANGED}/versions/{numbers[0]}..{numbers[1]}.rdfp")
    assert answer.mimetype == "application/rdf-patch"
    told_lines = answer.text.splitlines()
    assert told_lines[2] == "TX ."
    assert told_lines[-1] == "TC ."
    bodies = [get(client, f"{CHANGED}/versions/{number}.nq").data for number in numbers[:2]]
    first, second = (
        {str(quad.triple) for quad in parse(body, RdfFormat.N_QUADS) if "/source/" in str(quad.graph_name)}
        for body in bodies
    )
    rows = {mark: {line[2:].removesuffix(" .") for line in told_lines if line.startswith(f"{mark} ")} for mark in "AD"}
    assert (first - rows["D"]) | rows["A"] == second


def test_the_page_of_a_difference_marks_words(client: Client, numbers: list[int]) -> None:
    page = get(client, f"{CHANGED}/versions/{numbers[0]}..{numbers[1]}", "text/html").text
    assert "<ins>Another title</ins>" in page
    assert "<del>Estimating phenotypic traits" in page


def test_a_difference_with_what_did_not_stand_is_all_its_statements(client: Client, numbers: list[int]) -> None:
    found = told(client, f"{CHANGED}/versions/{numbers[3]}..{numbers[4]}")
    assert (found["changes"], found["added"], found["stood"]) == ([], [], {"from": True, "to": False})
    assert found["counts"]["removed"] > 50
    assert "no record of it stood" in get(client, f"{CHANGED}/versions/{numbers[3]}..{numbers[4]}", "text/html").text


def test_a_difference_of_numbers_between_changes_leads_on(client: Client, numbers: list[int]) -> None:
    answer = get(client, f"{CHANGED}/versions/{numbers[0] + 1}..{numbers[1]}.json")
    assert (answer.status_code, answer.location) == (303, f"{HERE}{CHANGED}/versions/{numbers[0]}..{numbers[1]}.json")


# --- Memento


@pytest.mark.parametrize(
    ("when", "place"),
    [
        ("Thu, 01 Jan 2026 10:00:00 GMT", 0),
        ("Sun, 01 Feb 2026 09:59:59 GMT", 0),
        ("Sun, 01 Feb 2026 10:00:00 GMT", 1),
        ("Sun, 15 Mar 2026 00:00:00 GMT", 2),
        ("Fri, 20 Nov 2026 00:00:00 GMT", 4),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
    ],
)
def test_the_timegate_leads_to_what_was_seen_then(client: Client, numbers: list[int], when: str, place: int) -> None:
    answer = at(client, when)
    assert (answer.status_code, answer.location) == (302, f"{HERE}{CHANGED}/versions/{numbers[place]}")
    assert "accept-datetime" in {name.lower() for name in answer.vary}
    assert "Memento-Datetime" not in answer.headers
    found = links(answer)
    assert found["original"][0] == found["timegate"][0] == f"{HERE}{CHANGED}"
    assert found["timemap"][0] == f"{HERE}/timemap{CHANGED}"


def test_the_timegate_keeps_the_format(client: Client, numbers: list[int]) -> None:
    answer = at(client, "Thu, 01 Jan 2026 10:00:00 GMT", f"{CHANGED}.nt")
    assert answer.location == f"{HERE}{CHANGED}/versions/{numbers[0]}.nt"


@pytest.mark.parametrize("when", ["yesterday", "2026-01-01T00:00:00Z", "Thu, 01 Jan 2026 10:00:00 CET", ""])
def test_a_time_that_is_none_is_refused(client: Client, when: str) -> None:
    assert at(client, when).status_code == 400


def test_a_memento_knows_its_place(client: Client, numbers: list[int]) -> None:
    answer = get(client, f"{CHANGED}/versions/{numbers[1]}.nt")
    found = links(answer)
    uri = f"{HERE}{CHANGED}/versions/{{}}".format
    assert answer.headers["Memento-Datetime"] == "Sun, 01 Feb 2026 10:00:00 GMT"
    assert [found[name][0] for name in ("first", "prev", "next", "last")] == [
        uri(numbers[place]) for place in (0, 0, 2, 4)
    ]
    assert found["first"][1]["datetime"] == "Thu, 01 Jan 2026 10:00:00 GMT"
    assert found["original"][0] == found["timegate"][0] == f"{HERE}{CHANGED}"
    assert found["timemap"][1]["type"] == "application/link-format"


def test_the_timemap_lists_every_memento(client: Client, numbers: list[int]) -> None:
    answer = get(client, f"/timemap{CHANGED}")
    assert answer.mimetype == "application/link-format"
    rows = answer.text.rstrip().split(",\n")
    assert rows[0] == f'<{HERE}{CHANGED}>; rel="original timegate"'
    assert 'rel="self"' in rows[1]
    assert [re.findall(r"versions/(\d+)>", row) for row in rows[2:]] == [[str(number)] for number in numbers]
    assert 'rel="first memento"; datetime="Thu, 01 Jan 2026 10:00:00 GMT"' in rows[2]
    listed = told(client, f"/timemap{CHANGED}.json")["mementos"]["list"]
    assert [each["datetime"] for each in listed] == [TIMES[0], TIMES[1], TIMES[2], TIMES[3], TIMES[3]]


@pytest.mark.parametrize(("path", "status"), [("/dataset/idr/idr0094", 200), (CHANGED, 410)])
def test_the_page_of_a_dataset_leads_to_its_timemap(client: Client, path: str, status: int) -> None:
    for accept in ("text/html", "text/turtle"):
        answer = get(client, path, accept)
        assert answer.status_code == status
        assert urljoin(HERE, links(answer)["timemap"][0]) == f"{HERE}/timemap{path}"
        assert urljoin(HERE, links(answer)["timegate"][0]) == f"{HERE}{path}"
        assert "accept-datetime" in {name.lower() for name in answer.vary}
