"""``/search``: pages, data, feeds and files of one search; identifiers lead to their pages; nothing typed breaks it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

import pytest
import sqlalchemy as sa
from lxml import html
from pyoxigraph import QueryResultsFormat, Store, parse_query_results
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub import records
from hub.config import Settings
from hub.ingest import harvest
from hub.log import Log, Report
from hub.published import Publication
from hub.search.asking import asked_of
from hub.search.contract import FACETS, Asked, Count, Found, Hit, Member
from hub.search_exports import AT_ONCE, EXPORTS, Asking, cited, csv_lines
from hub.search_sources import Covered, Feed, Sources
from hub.web import search
from hub.web.app import Hub
from hub.web.search_page import MOST, _choices, is_bare
from hub.web.search_sparql import query
from hub.web.search_told import Answer, as_atom
from hub.workers import WorkerPool
from linkml_schemas.generated.model import Archive, Dataset, Person
from tests.support import BASE, demo_settings, get, told

ATOM = "{http://www.w3.org/2005/Atom}"
OPENSEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"
MOUSE = "http://purl.obolibrary.org/obo/NCBITaxon_10090"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = demo_settings(tmp_path_factory.mktemp("search"), ("bia", "idr", "ssbd", "empiar"))
    harvest(made, list(made.sources))
    return made


@pytest.fixture(scope="module")
def hub(settings: Settings) -> Iterator[Hub]:
    made = Hub(settings)
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(hub: Hub) -> Client:
    return Client(hub, Response)


def page(client: Client, path: str) -> html.HtmlElement:
    answer = get(client, path, "text/html")
    assert answer.status_code == 200, answer.text
    return html.document_fromstring(answer.text)


def texts(tree: html.HtmlElement, path: str) -> list[str]:
    return [" ".join(found.text_content().split()) for found in tree.xpath(path)]


def everything(client: Client, asked: str) -> list[str]:
    """Follow the pages of a search and return the studies."""
    found, address = [], f"/search?{asked}&format=json"
    while address:
        answer = told(client, address)
        found += [hit["study"] for hit in answer["hits"]]
        address = answer["links"].get("next", "").removeprefix("http://localhost")
    return found


# --- the page


def test_page_shows_studies_facets_and_what_is_chosen(client) -> None:
    tree = page(client, "/search?q=cell&archive=idr&size_bytes_min=1GB")
    (total,) = texts(tree, '//h2[@id="results"]')
    hits = tree.xpath('//ol[@class="hits"]/li')
    assert total == f"{len(hits)} studies"
    assert all("idr" in badge for badge in texts(tree, '//li[@class="hit"]//span[contains(@class, "badge")]'))
    assert texts(tree, '//ul[@class="chips"]/li') == [
        "Remove Words: cell",
        "Remove Archive: Image Data Resource",
        "Remove Size: from 1.0 GB",
    ]
    assert texts(tree, '//h3[@class="hit-title"]//mark')
    assert tree.xpath('//input[@name="archive" and @type="hidden"]/@value') == ["idr"]
    assert tree.xpath('//input[@name="size_bytes_min"]/@value') == ["1000000000"]
    assert [e.text_content() for e in tree.xpath('//a[@aria-current="true"]/span[1]')] == ["Image Data Resource"]


def test_every_choice_is_an_address_that_gives_as_many_studies_as_it_says(client) -> None:
    tree = page(client, "/search?q=cell")
    links = tree.xpath('//aside//ul[@class="choices"]/li/a')
    assert len(links) > 20
    for link in links[::6]:
        number = int(link.xpath('string(span[@class="count"]/text())').replace(",", ""))
        assert told(client, link.get("href"))["total"] == number, link.get("href")


def test_removing_a_chip_or_choosing_again_takes_a_filter_away(client) -> None:
    tree = page(client, f"/search?q=cell&organism={quote(MOUSE, safe='')}&page=1")
    assert "/search?q=cell" in tree.xpath('//a[@class="chip"]/@href')
    assert tree.xpath('//aside//a[@aria-current="true"]/@href')[0] == "/search?q=cell"


def test_a_term_takes_the_place_of_the_broader_one(client) -> None:
    whole = "http://purl.obolibrary.org/obo/NCBITaxon_2759"
    tree = page(client, "/search?" + urlencode({"organism": whole}))
    narrower = [link for link in tree.xpath("//aside//a/@href") if "NCBITaxon_10090" in link]
    assert narrower
    assert not any("NCBITaxon_2759" in link for link in narrower)


def test_a_page_has_room_for_the_largest_terms_and_for_what_is_chosen(hub) -> None:
    rare = [Count(f"{BASE}x/{n}", f"Species {n}", n % 7, is_chosen=n == 0) for n in range(3000)]
    groups = tuple(Count(f"{BASE}g/{n}", f"Genus {n}", 9, narrower=tuple(rare[n::30])) for n in range(30))
    found = Found(Asked(), 1, 1, (), {"organism": groups})
    with hub.flask.test_request_context("/search"):
        made = _choices(next(facet for facet in FACETS if facet.name == "organism"), found)
    drawn = [one for group in made.tree for one in (group, *group.narrower)]
    assert len(made.tree) == 30
    assert len(drawn) + made.left == 3030
    assert len(drawn) == MOST
    assert [one.label for one in drawn if one.is_chosen] == ["Species 0"]
    assert made.tree[0].is_open


def test_page_loads_only_files_of_the_hub_and_has_nothing_inline(client) -> None:
    answer = get(client, "/search?q=cell", "text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    tree = html.document_fromstring(answer.text)
    assert not tree.xpath("//*[@style or @onclick] | //style | //script[not(@src)]")
    assert all(src.startswith("/") for src in tree.xpath("//@src"))
    assert get(client, "/static/search.js").status_code == 200


def test_each_study_can_go_into_the_basket_and_all_of_them(client) -> None:
    tree = page(client, "/search?q=cell&archive=idr&page=1")
    forms = tree.xpath('//li[@class="hit"]//form[@method="post"]')
    assert {form.get("action") for form in forms} == {"/basket"}
    assert {value.partition("/")[0] for value in tree.xpath('//input[@name="dataset"]/@value')} == {"idr"}
    assert tree.xpath('//a[starts-with(@href, "/basket?")]/@href') == ["/basket?q=cell&archive=idr"]


def test_thumbnails_are_the_hubs_own(client) -> None:
    images = page(client, "/search?has=thumbnail").xpath('//li[@class="hit"]/img')
    assert images
    assert all(image.get("src").startswith("/thumbnail/") and image.get("alt") for image in images)


def test_nothing_found_suggests_what_would_be(client) -> None:
    tree = page(client, "/search?q=mitosis&organism=10090&archive=ssbd&year=1999")
    assert texts(tree, '//h2[@id="results"]') == ["0 studies"]
    links = tree.xpath("//section//li/a/@href")
    assert "/search?q=mitosis" in links
    assert "/search" in links


def test_similar_words_are_searched_for_and_said_so(client) -> None:
    answer = told(client, "/search?q=microscopyy")
    assert answer["instead"]
    assert answer["total"] > 0
    assert "was searched for" in get(client, "/search?q=microscopyy", "text/html").text
    assert told(client, "/search?q=microscopyy&exact=1")["instead"] == ""


def test_a_page_that_there_is_not_leads_to_the_last(client) -> None:
    tree = page(client, "/search?q=cell&page=400")
    assert "page 400" in tree.xpath("string(//section)")
    assert told(client, "/search?q=cell&page=400")["hits"] == []


def test_usual_order_is_best_match_with_words_and_newest_without(client) -> None:
    def orders(path: str) -> list[tuple[str, str]]:
        return [(one.get("value"), one.text) for one in page(client, path).xpath('//select[@name="sort"]/option')]

    assert orders("/search?q=cell")[:2] == [("", "Best match"), ("newest", "Newest")]
    assert orders("/search")[:2] == [("", "Newest"), ("oldest", "Oldest")]
    chosen = page(client, "/search?q=cell&sort=title").xpath('//select[@name="sort"]/option[@selected]/@value')
    assert chosen == ["title"]


def test_fields_that_a_form_leaves_empty_are_taken_out_of_the_address(client) -> None:
    answer = get(client, "/search?q=cell&archive=idr&size_bytes_min=&sort=relevance&search=1", "text/html")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/search?q=cell&archive=idr&search=1")
    assert told(client, "/search?q=cell&size_bytes_min=")["total"] > 0


# --- identifiers


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        *((name, "/dataset/empiar/EMPIAR-10310") for name in (
            "EMPIAR-10310", " empiar-10310 ", "empiar:10310", "10.6019/EMPIAR-10310",
            "https://www.ebi.ac.uk/empiar/EMPIAR-10310/", f"{BASE}dataset/empiar/EMPIAR-10310",
        )),
        ("idr0015", "/dataset/idr/idr0015"),
        ("https://doi.org/10.7554/eLife.26066", "/paper/"),
        ("NCBITaxon:10090", ""),
    ],
)  # fmt: skip
def test_an_identifier_leads_to_its_page(client, asked, place) -> None:
    answer = get(client, "/search?" + urlencode({"q": asked}), "text/html")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(place)
    assert answer.headers["Location"].startswith("/")


@pytest.mark.parametrize(
    "asked",
    [
        {"q": "EMPIAR-10310", "search": "1"},
        {"q": '"EMPIAR-10310"'},
        {"q": "EMPIAR-10310", "archive": "empiar"},
        {"q": "EMPIAR-99999"},
        {"q": "10.1234/never-heard-of"},
        {"q": "https://evil.example.org/"},
        {"q": "//evil.example.org"},
        {"q": "2016"},
        {"q": "cell"},
        {"q": "mouse embryo"},
    ],
)
def test_what_is_no_known_identifier_is_searched(client, asked) -> None:
    assert get(client, "/search?" + urlencode(asked), "text/html").status_code == 200


def test_programs_are_never_led_elsewhere(client) -> None:
    assert told(client, "/search?q=EMPIAR-10310")["hits"][0]["dataset"]["accession"] == "EMPIAR-10310"


def test_search_goes_on_without_the_catalogue(client, monkeypatch) -> None:
    def broken() -> None:
        raise sa.exc.OperationalError("select", {}, Exception("no such file"))

    monkeypatch.setattr(search, "catalogue", broken)
    assert get(client, "/search?q=idr0015", "text/html").status_code == 200


def test_a_name_is_told_with_its_page(client) -> None:
    (banner,) = texts(page(client, "/search?q=mus+musculus"), '//div[@class="notice"]')
    assert banner == "Mus musculus is an organism: see its page."


# --- JSON


def test_pages_neither_repeat_nor_leave_out_a_study(client) -> None:
    for sort in ("relevance", "newest", "title"):
        found = everything(client, f"q=cell&per_page=7&sort={sort}")
        assert len(found) == len(set(found)) == told(client, "/search?q=cell")["total"]


def test_json_tells_what_was_asked_and_of_what_it_is_complete(client, settings) -> None:
    answer = told(client, "/search?sort=newest&archive=idr&q=cell&pixel_nm_max=500nm&per_page=2")
    assert answer["asked"]["q"] == "cell"
    assert answer["asked"]["ranges"] == {"pixel_nm": {"min": None, "max": 500}}
    assert {one["archive"] for one in answer["sources"]} == {"bia", "idr", "ssbd", "empiar"}
    assert all(one["as_of"].startswith("20") for one in answer["sources"])
    assert "Other archives are not searched." in answer["completeness"]
    assert answer["sequence"] == Publication(settings)().sequence
    assert all(hit["dataset"]["page"].startswith("http://localhost/dataset/") for hit in answer["hits"])


def test_total_bytes_and_datasets_are_those_of_all_results(client) -> None:
    answer = told(client, "/search?archive=ssbd&per_page=200")
    sizes = [hit["dataset"]["size_bytes"] for hit in answer["hits"]]
    assert answer["total"] == len(answer["hits"])
    assert answer["datasets"] == sum(1 + len(hit["also_in"]) for hit in answer["hits"])
    assert answer["total_bytes"] >= sum(size or 0 for size in sizes) > 0


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ("page=0", "page"),
        ("page=x", "page"),
        ("per_page=201", "per_page"),
        ("page=1000&per_page=200", "beyond"),
        ("sort=best", "sort"),
        ("size_bytes_min=big", "size_bytes_min"),
        ("pixel_nm_min=9&pixel_nm_max=1", "pixel_nm"),
        ("orgnism=mouse", "organism"),
        ("q=" + "a+" * 5000, "q is"),
        ("q=" + "+".join(f"w{n}" for n in range(200)), "words"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_named(client, asked, word) -> None:
    assert word in told(client, f"/search?{asked}", 400)["detail"]


def test_a_format_that_there_is_not_is_refused(client) -> None:
    assert get(client, "/search?q=cell&format=pdf").status_code == 406


# --- headers


def test_headers_lead_around_and_answers_are_kept(client) -> None:
    answer = get(client, "/search?per_page=5&q=cell&page=2", "text/html")
    link = answer.headers["Link"]
    assert '</search?q=cell&per_page=5>; rel="prev"' in link
    assert '</search?q=cell&per_page=5&page=3>; rel="next"' in link
    assert '</search?q=cell&page=2&per_page=5>; rel="canonical"' in link
    assert "Accept" in answer.headers["Vary"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert int(answer.headers["X-Hub-Sequence"]) > 0
    other = client.get("/search?page=2&q=cell&per_page=5&sort=relevance", headers={"Accept": "text/html"})
    assert other.headers["ETag"] == answer.headers["ETag"]
    again = client.get("/search?page=2&q=cell&per_page=5", headers={"If-None-Match": other.headers["ETag"]})
    assert again.status_code == 304


def test_a_long_search_has_a_header_that_servers_take(client) -> None:
    answer = get(client, "/search?" + urlencode({"q": "é" * 1900, "per_page": 2}), "text/html")
    assert answer.status_code == 200
    assert len(answer.headers.get("Link", "")) < 8000


def test_two_processes_give_the_same_etag(client, settings) -> None:
    second = Hub(settings)
    try:
        answers = [get(one, "/search?q=cell&format=json") for one in (client, Client(second, Response))]
    finally:
        second.close()
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]


@pytest.mark.parametrize(
    ("asked", "is_listed"),
    [
        (Asked(), True),
        (Asked(filters={"archive": ("idr",)}), True),
        (Asked(page=3), True),
        (Asked(words="cell"), False),
        (Asked(filters={"archive": ("idr", "bia")}), False),
        (Asked(filters={"archive": ("idr",), "year": ("2016",)}), False),
        (Asked(ranges={"channels": (2, None)}), False),
        (Asked(sort="title"), False),
    ],
)
def test_search_engines_list_no_combinations(asked, is_listed) -> None:
    assert is_bare(asked) is is_listed


def test_what_is_not_to_be_listed_says_so(client) -> None:
    assert "X-Robots-Tag" not in get(client, "/search?archive=idr", "text/html").headers
    answer = get(client, "/search?archive=idr&year=2016", "text/html")
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert html.document_fromstring(answer.text).xpath('//meta[@name="robots"]')


# --- what somebody hostile types

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE records; --",
    "{{ 7*7 }}${7*7}{% raw %}",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "</textarea></title><svg onload=alert(1)>",
    "a\x00b",
    "\u202egnp.exe",
    "title:cell AND (",
    'cell") } SERVICE <http://127.0.0.1:1/> { ?s ?p ?o',
    "*",
    "-",
    '"',
    "a" * 3999,
    "\\",
    "%%%",
    "[* TO *]",
    "\ufffe\uffff",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_nothing_typed_breaks_or_enters_the_page(client, words) -> None:
    answer = get(client, "/search?" + urlencode({"q": words, "search": "1"}), "text/html")
    assert answer.status_code in (200, 400), answer.text[:500]
    assert "49" not in answer.text.partition("<h1>")[2].partition("</form>")[0]
    tree = html.document_fromstring(answer.text)
    assert not tree.xpath("//script[not(@src)] | //*[@onerror or @onload] | //svg[@onload] | //iframe")
    assert not [href for href in tree.xpath("//@href | //@src | //@action") if not href.startswith(("/", "#", "http"))]


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("form", ["json", "atom", "csv", "ro-crate"])
def test_nothing_typed_breaks_the_other_forms(client, words, form) -> None:
    answer = get(client, "/search?" + urlencode({"q": words, "format": form}))
    assert answer.status_code in (200, 400), answer.text[:500]
    if answer.status_code == 200 and form == "atom":
        ET.fromstring(answer.data)
    if answer.status_code == 200 and form in ("json", "ro-crate"):
        json.loads(answer.data)


@pytest.mark.parametrize("raw", ["q=%ff%fe", "q=%ed%a0%80", "q=%C0%AE", "%ff=1", "q=" + "a" * 100_000, "organism=%00"])
def test_bytes_that_are_no_text_are_no_error_of_the_server(client, raw) -> None:
    assert get(client, f"/search?{raw}").status_code in (200, 400, 414)
    assert get(client, f"/search/suggest?{raw}").status_code in (200, 400, 414)


def test_titles_of_records_are_escaped(client, hub) -> None:
    with hub.flask.test_request_context("/search"):
        nasty = Member(f"{BASE}dataset/idr/x", "idr", "x", "<script>alert(1)</script>", url="javascript:alert(1)")
        found = Found(Asked(), 1, 1, (Hit(nasty.iri, 0.0, nasty),), {})
        coverage = search._coverage()
        answer = Answer(found, coverage, "http://localhost", BASE, "2026-11-20T00:00:00Z", 1)
        text = search.render_template("search.html", now=search._now(), **search.known(answer, ()))
    assert "<script>alert" not in text
    assert 'href="javascript' not in text


# --- suggestions


def test_suggestions_are_those_of_opensearch_with_kinds(client) -> None:
    answer = get(client, "/search/suggest?q=mus&limit=5")
    assert answer.content_type == "application/x-suggestions+json"
    words, names, counted, addresses, kinds = json.loads(answer.text)
    assert words == "mus"
    assert len(names) == len(counted) == len(addresses) == len(kinds) <= 5
    mouse = next(one for one in kinds if one["text"] == "Mus musculus")
    assert (mouse["kind"], mouse["iri"]) == ("organism", MOUSE)
    path = mouse["page"].removeprefix("http://localhost")
    assert told(client, path)["total"] == mouse["studies"]
    assert json.loads(get(client, "/search/suggest?q=").text)[1] == []
    assert get(client, "/search/suggest?q=a&limit=99").status_code == 400


def test_browsers_are_told_how_to_search(client) -> None:
    tree = ET.fromstring(get(client, "/opensearch.xml").data)
    urls = {(url.get("type"), url.get("rel")): url.get("template") for url in tree.iter(f"{OPENSEARCH}Url")}
    template = urls["text/html", None].removeprefix("http://localhost")
    filled = template.replace("{searchTerms}", "cell").replace("{startPage?}", "2").replace("{count?}", "5")
    assert get(client, filled).status_code == 200
    assert urls["application/x-suggestions+json", "suggestions"].endswith("/search/suggest?q={searchTerms}")


# --- Atom


def test_feed_is_newest_first_with_stable_ids_and_links(client) -> None:
    feed = ET.fromstring(get(client, "/search?q=cell&per_page=5&page=2", "application/atom+xml").data)
    assert feed.findtext(f"{ATOM}id") == f"{BASE}search?q=cell&sort=newest&per_page=5"
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 5
    dates = [entry.findtext(f"{ATOM}published") or "" for entry in entries]
    assert dates == sorted(dates, reverse=True)
    assert all(entry.findtext(f"{ATOM}id").startswith(f"{BASE}dataset/") for entry in entries)
    assert all(len(entry.findtext(f"{ATOM}updated")) == 20 for entry in entries)
    assert feed.findtext(f"{ATOM}updated") == max(entry.findtext(f"{ATOM}updated") for entry in entries)
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    assert {"self", "alternate", "search", "first", "previous", "next", "last"} <= links.keys()
    assert "sort=newest" in links["next"]
    assert "page=3" in links["next"]
    assert int(feed.findtext(f"{OPENSEARCH}totalResults")) == told(client, "/search?q=cell")["total"]


def test_feed_holds_no_characters_that_xml_does_not_have(client, hub) -> None:
    odd = Member(f"{BASE}dataset/idr/x", "idr", "x", "bell \x07", authors=("A \x00",), organisms=("\ufffe",))
    found = Found(Asked(words="\x0b"), 1, 1, (Hit(odd.iri, 0.0, odd),), {})
    with hub.flask.test_request_context("/search"):
        answer = Answer(found, search._coverage(), "http://localhost", BASE, "2026-11-20T00:00:00Z", 1)
    entry = ET.fromstring(as_atom(answer, {})).find(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == "bell \ufffd"
    assert entry.findtext(f"{ATOM}updated") == "1970-01-01T00:00:00Z"


# --- files of all results


def test_csv_has_a_row_for_each_dataset_of_all_pages(client) -> None:
    answer = get(client, "/search?q=cell&per_page=3&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    told_ = told(client, "/search?q=cell")
    assert len(rows) == told_["datasets"] > 20
    assert len({row["study"] for row in rows}) == told_["total"]
    assert all(row["page"].startswith("http://localhost/dataset/") for row in rows)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="search.csv"'
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    again = client.get("/search?q=cell&per_page=3&format=csv", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def asking(pool: WorkerPool | None = None) -> Asking:
    return Asking(pool, "All", "https://hub.example.org/search", "2026-11-20T00:00:00Z", str)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ['=HYPERLINK("http://e.org")', "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1"])
def test_csv_holds_no_formula(text) -> None:
    one = Member("https://hub.example.org/dataset/idr/x", "idr", "x", text, authors=(text,))
    (row,) = csv.DictReader(io.StringIO("".join(csv_lines([Hit(one.iri, 0.0, one)], asking()))))
    assert row["title"] == row["authors"] == f"'{text}"


def test_citations_are_those_of_the_studies_in_their_order(client) -> None:
    accessions = [hit["dataset"]["accession"] for hit in told(client, "/search?q=cell&per_page=200")["hits"]]
    bibtex = get(client, "/search?q=cell&format=bibtex").text
    ris = get(client, "/search?q=cell&format=ris").text
    items = json.loads(get(client, "/search?q=cell&format=csl").text)
    lines = get(client, "/search?q=cell&format=jsonl").text.splitlines()
    assert bibtex.count("@misc{") == ris.count("TY  - DATA") == len(accessions)
    assert [item["number"] for item in items] == accessions
    assert [json.loads(line)["dataset"]["accession"] for line in lines] == accessions
    assert any(item["author"] for item in items)


def test_citation_of_a_search_is_that_of_the_dataset(client) -> None:
    (item,) = json.loads(get(client, "/search?q=idr0015&archive=idr&format=csl").text)
    record = told(client, "/dataset/idr/idr0015?format=jsonld")
    assert item["title"] == record["name"]
    assert len(item["author"]) == len(record["author"])


def test_crate_lists_the_datasets(client) -> None:
    answer = get(client, "/search?q=cell&format=ro-crate")
    graph = {node["@id"]: node for node in json.loads(answer.text)["@graph"]}
    root = graph[graph["ro-crate-metadata.json"]["about"]["@id"]]
    parts = [graph[part["@id"]] for part in root["hasPart"]]
    assert len(parts) == told(client, "/search?q=cell")["total"]
    assert all({"name", "description", "datePublished", "license"} <= part.keys() for part in [root, *parts])
    assert all(part["license"]["@id"] in graph for part in parts)


@pytest.mark.parametrize("form", EXPORTS)
def test_nothing_found_is_an_empty_file(client, form) -> None:
    answer = get(client, f"/search?q=idr0015&archive=ssbd&format={form}")
    assert answer.status_code == 200
    if "json" in answer.content_type and form != "jsonl":
        json.loads(answer.text)


def test_more_than_a_file_may_hold_is_refused(client, monkeypatch) -> None:
    monkeypatch.setitem(EXPORTS, "bibtex", replace(EXPORTS["bibtex"], most=3))
    said = told(client, "/search?q=cell&format=bibtex", 413)["detail"]
    assert "at most 3 studies" in said


def test_exports_wait_for_a_place_and_say_so(client, monkeypatch) -> None:
    monkeypatch.setattr(search, "WAIT_S", 0.01)
    for _ in range(search.EXPORTS_AT_ONCE):
        search._places.acquire()
    try:
        assert get(client, "/search?q=cell&format=csv").status_code == 503
    finally:
        for _ in range(search.EXPORTS_AT_ONCE):
            search._places.release()
    assert get(client, "/search?q=cell&format=csv").status_code == 200


def test_five_hundred_citations_take_few_queries(tmp_path: Path, monkeypatch) -> None:
    archive = Archive(id=f"{BASE}archive/idr", name="Image Data Resource")
    quads = []
    for n in range(500):
        iri = f"{BASE}dataset/idr/idr{n:04}"
        author = Person(id=f"{iri}#author", name=f"Ada {n}", family_name=str(n))
        record = Dataset(id=iri, accession=f"idr{n:04}", name=f"Study {n}", archive=archive, author=[author])
        quads += records.to_quads(record)
    store = Store(str(tmp_path))
    store.bulk_extend(quads)
    store.flush()
    del store
    hits = [
        Hit(iri, 0.0, Member(iri, "idr", "", ""))
        for n in reversed(range(500))
        for iri in [f"{BASE}dataset/idr/idr{n:04}"]
    ]
    pool = WorkerPool(tmp_path, workers=1)
    asked: list[str] = []
    run = pool.query
    monkeypatch.setattr(pool, "query", lambda text, *rest: asked.append(text) or run(text, *rest))
    try:
        found = list(cited(iter(hits), pool))
    finally:
        pool.close()
    assert [record.id for record in found] == [hit.study for hit in hits]
    assert found[0].author[0].family_name == "499"
    assert len(asked) == -(-500 // AT_ONCE) == 3


# --- the same in SPARQL


@pytest.mark.parametrize(
    ("asked", "unsaid"),
    [
        ("q=cell&archive=idr", ""),
        ("organism=mouse&method=confocal+microscopy", ""),
        ("year=2016&year=2017&licence=CC-BY-4.0&size=<1GB", ""),
        ("has=genes&has=ome-zarr&pixel_nm_max=3&files_min=2", "has ome-zarr"),
        ("gene=no+such+gene&phenotype=x+y", "gene no such gene"),
        ('q="a\\" } SERVICE <http://127.0.0.1:1/> { ?s ?p ?o', ""),
    ],
)
def test_query_can_be_asked(hub, client, asked, unsaid) -> None:
    text = query(asked_of(pair.split("=", 1) for pair in asked.replace("+", " ").split("&")), BASE)
    answer = client.post("/sparql", data={"query": text}, headers={"Accept": "text/csv"})
    assert answer.status_code == 200, (text, answer.text)
    assert (f"# not asked here: {unsaid}" in text) if unsaid else ("# not asked" not in text)


def test_query_finds_what_the_filters_find(client) -> None:
    asked = asked_of([("organism", MOUSE), ("archive", "idr")])
    answer = client.post(
        "/sparql", data={"query": query(asked, BASE)}, headers={"Accept": "application/sparql-results+json"}
    )
    rows = parse_query_results(answer.data, format=QueryResultsFormat.JSON)
    hits = told(client, f"/search?organism={quote(MOUSE, safe='')}&archive=idr&per_page=200")["hits"]
    assert {row["dataset"].value for row in rows} == {hit["dataset"]["iri"] for hit in hits} != set()


# --- sources


def test_what_is_known_to_lack_is_said(settings: Settings) -> None:
    log = Log(settings.database)
    log.finish_run(log.start_run("idr"), Report(), "SourceError: the archive does not answer")
    log.close()
    publication = Publication(settings)
    coverage = Sources(settings).of(publication())
    publication.close()
    (idr,) = [archive for archive in coverage.archives if archive.name == "idr"]
    assert [feed.state for feed in idr.feeds if feed.source == "idr"] == ["failed"]
    assert any("The last run of idr failed: what is here of it is as of 20" in gap for gap in coverage.gaps)
    assert coverage.oldest
    assert "known to lack" in coverage.statement


def test_without_the_catalogue_nothing_is_claimed_of_age(settings: Settings, tmp_path: Path) -> None:
    publication = Publication(settings)
    (tmp_path / "catalogue.sqlite").write_bytes(b"no database at all, but more than its header long" * 40)
    blind = replace(settings, database_url=f"sqlite:///{tmp_path}/catalogue.sqlite")
    coverage = Sources(blind).of(publication())
    publication.close()
    assert {feed.state for archive in coverage.archives for feed in archive.feeds} == {"unknown"}
    assert coverage.oldest == ""
    assert "harvest" not in coverage.statement
    assert "cannot be read" in coverage.gaps[0]
    assert coverage.datasets > 0


def test_sources_are_read_anew_after_a_while(settings: Settings) -> None:
    publication = Publication(settings)
    times = iter([0.0, 30.0, 100.0, 100.0])
    sources = Sources(settings, clock=lambda: next(times))
    first = sources.of(publication())
    assert sources.of(publication()) is first
    assert sources.of(publication()) is not first
    publication.close()


def test_age_of_an_archive_is_that_of_its_oldest_feed() -> None:
    feeds = (Feed("a", 1, "done", "2026-01-01T00:00:00Z"), Feed("b", 1, "failed", "2026-02-01T00:00:00Z"))
    assert Covered("x", "X", "https://e.org/x", 2, feeds).as_of == "2026-01-01T00:00:00Z"
    assert Covered("x", "X", "https://e.org/x", 2, (*feeds, Feed("c", 1, "never"))).as_of == ""
    assert Covered("x", "X", "https://e.org/x", 2).as_of == ""
