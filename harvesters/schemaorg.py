"""Web sites whose pages describe their datasets in schema.org's words (Google's and Bioschemas' Dataset, as JSON-LD).

The pages are found through the site's sitemap. ``url`` is the site's address (its robots.txt names the sitemaps, else
``/sitemap.xml``), or that of a sitemap; or a folder, zip or repository that holds the pages, with their sitemap or
without. Pages that robots.txt closes to the hub are not read and left out of the listing.

Microdata and RDFa are not read. Contexts are never fetched: schema.org's and Bioschemas' are pinned, others are left
aside and reported. E-mail and postal addresses are never read.
Source: https://schema.org/Dataset, https://bioschemas.org/profiles/Dataset and
https://developers.google.com/search/docs/appearance/structured-data/dataset
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from lxml import etree, html

from harvesters import files, jsonld, sitemaps
from harvesters.building import Builder, slug
from harvesters.contract import Context, Entry, Harvested, Harvester, Http, RecordError, Source, SourceError
from linkml_schemas.generated.model import (
    BioSample,
    Dataset,
    DefinedTerm,
    Distribution,
    Grant,
    Organization,
    Person,
    Publication,
    Taxon,
)
from ontology import archives, dates, identifiers, licences, sizes, terms, text

logger = logging.getLogger(__name__)

Node = dict[str, Any]
Place = tuple[str, Any]
Problem = tuple[str, str, str, str]
T = TypeVar("T")

PACKED: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
PAGE_SUFFIXES: Final = (".html", ".htm", ".jsonld")
SITEMAP_NAMES: Final = ("sitemap.xml", "sitemap.xml.gz", "sitemap_index.xml", "sitemap.txt")
ACCEPT: Final = {"Accept": "text/html, application/xhtml+xml, application/ld+json;q=0.9, */*;q=0.1"}
ABSENT: Final = frozenset({404, 410})
MAX_PAGES: Final = 50_000
MAX_PAGE_BYTES: Final = 20_000_000
MAX_JSON_LD_CHARS: Final = 2_000_000
MAX_ACCESSION_CHARS: Final = 100
BLANKS: Final = b"\xef\xbb\xbf \t\r\n"
# What stands round JSON-LD that hides from old browsers or from XML, and a semicolon behind it.
WRAPPING: Final = re.compile(
    r"^\s*(?:(?://|/\*)\s*)?(?:<!--|<!\[CDATA\[)(?:\s*\*/)?|(?:(?://|/\*)\s*)?(?:-->|\]\]>)(?:\s*\*/)?\s*$"
)
ACCESSION: Final = re.compile(r"\w[\w.:-]*", re.ASCII)
DOI: Final = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/[^\s\"<>,;]+)", re.IGNORECASE)
LISTED: Final = re.compile(r"\s*[,;]\s*")
# Kinds of schema.org's Organization whose name does not say so.
ORGANIZATIONS: Final = frozenset({
    "CollegeOrUniversity", "Consortium", "Corporation", "FundingAgency", "FundingScheme", "Hospital", "Library", "NGO",
    "Project", "ResearchProject",
})  # fmt: skip
MD5: Final = "http://mlcommons.org/croissant/md5"
TRUTH: Final = {"true": True, "http://schema.org/true": True, "false": False, "http://schema.org/false": False}


# --- listing and fetching ------------------------------------------------------------------------------------------


def entries(http: Http, source: Source) -> Iterator[Entry]:
    """Yield one entry for each page that the sitemaps list and that the hub may read.

    Raises:
        SourceError: a sitemap is refused or damaged, an option is wrong, or no page, or too many, are left.
    """
    return _live(http, source) if _is_live(source) else _filed(http, source)


def fetch(http: Http, source: Source, entry: Entry) -> bytes:
    """Return the bytes of one page."""
    if _is_live(source):
        return http.get(entry.key, headers=ACCEPT)
    found = _file_of(entry.key, _files(http, source))
    if found is None:
        raise SourceError(f"{source.url} holds no file for {entry.key}")
    return files.fetch(http, source, found)


def _is_live(source: Source) -> bool:
    url = source.url
    return url.startswith(("http://", "https://")) and not url.endswith(PACKED) and not files.GITHUB.fullmatch(url)


@dataclass(frozen=True, slots=True)
class Choice:
    """The options of a source: which of the listed pages are wanted, and what tells their accession."""

    include: re.Pattern[str]
    exclude: re.Pattern[str] | None
    accession: re.Pattern[str] | None
    max_pages: int

    @classmethod
    def of(cls, source: Source) -> Choice:
        """Read the options.

        Raises:
            SourceError: one is no regular expression, or no whole number.
        """
        include, exclude, accession = (_pattern(source, name) for name in ("include", "exclude", "accession"))
        if accession is not None and accession.groups < 1:
            raise SourceError(f"[sources.{source.name}] accession: put the accession's part into round brackets")
        most = source.options.get("max_pages", MAX_PAGES)
        if type(most) is not int or most < 1:
            raise SourceError(f"[sources.{source.name}] max_pages: {most!r} is not a whole number above zero")
        return cls(include or re.compile(""), exclude, accession, most)

    def wants(self, url: str) -> bool:
        """Tell whether a page is wanted."""
        return bool(self.include.search(url)) and not (self.exclude and self.exclude.search(url))


def _pattern(source: Source, name: str) -> re.Pattern[str] | None:
    value = source.options.get(name)
    try:
        return None if value is None else re.compile(value)
    except (re.error, TypeError) as err:
        raise SourceError(f"[sources.{source.name}] {name}: {value!r} is no regular expression: {err}") from err


def _live(http: Http, source: Source) -> Iterator[Entry]:
    listing = sitemaps.read(http.get, _starts(http, source))
    below = "" if sitemaps.is_sitemap(source.url) else source.url
    wanted = {url: changed for url, changed in _wanted(source, listing).items() if url.startswith(below)}
    open_pages = [url for url in sorted(wanted) if http.allowed(url)]
    closed = sorted(wanted.keys() - set(open_pages))
    if closed:
        logger.warning("%s: robots.txt closes %d pages to the hub, e.g. %s", source.name, len(closed), closed[0])
    if not open_pages:
        raise SourceError(
            f"{source.url}: of {len(listing.pages)} listed pages {len(wanted)} are wanted, and robots.txt opens none"
        )
    yield from (Entry(url, wanted[url], url) for url in open_pages)


def _starts(http: Http, source: Source) -> list[str]:
    """Return the addresses of the site's sitemaps."""
    if sitemaps.is_sitemap(source.url):
        return [source.url]
    robots = urljoin(source.url, "/robots.txt")
    try:
        named = sitemaps.named_in(http.get(robots), robots)
    except SourceError as err:
        if err.status not in ABSENT:
            raise
        named = []
    host = urlsplit(source.url).netloc.casefold()
    own = [url for url in named if urlsplit(url).netloc.casefold() == host]
    if named and not own:
        raise SourceError(f"{robots} names only {named[0]}, of another host: write that as url if it is meant")
    return own or [urljoin(source.url, "/sitemap.xml")]


def _wanted(source: Source, listing: sitemaps.Listing) -> dict[str, str | None]:
    choice = Choice.of(source)
    if listing.strays:
        example = listing.strays[0][:200]
        logger.warning("%s: %d addresses are no pages of this host, e.g. %s", source.name, len(listing.strays), example)
    wanted = {url: changed for url, changed in listing.pages.items() if choice.wants(url)}
    if len(wanted) > choice.max_pages:
        raise SourceError(
            f"{source.url} lists {len(wanted)} wanted pages, more than max_pages = {choice.max_pages}: "
            "narrow them with include and exclude, or allow more"
        )
    return wanted


def _files(http: Http, source: Source) -> Mapping[str, Entry]:
    """Return path → file of everything in the folder; read once in a run."""

    def listed() -> dict[str, Entry]:
        return {entry.key: entry for entry in files.entries(http, source, "")}

    return http.once(f"schemaorg:{source.name}:{source.url}", listed)


def _filed(http: Http, source: Source) -> Iterator[Entry]:
    known = _files(http, source)
    start = next((name for name in SITEMAP_NAMES if name in known), None)
    if start is None:
        pages = sitemaps.Listing({path: None for path in known if path.endswith(PAGE_SUFFIXES)})
    else:
        pages = sitemaps.read(lambda address: _sitemap_file(http, source, address), [start])
    wanted = _wanted(source, pages)
    if not wanted:
        raise SourceError(
            f"{source.url} holds no wanted page ({', '.join(PAGE_SUFFIXES)}, or listed in {SITEMAP_NAMES[0]})"
        )
    for key in sorted(wanted):
        found = _file_of(key, known)
        yield replace(found, key=key) if found else Entry(key, None, key)


def _sitemap_file(http: Http, source: Source, address: str) -> bytes:
    found = _file_of(address, _files(http, source))
    if found is None:
        raise SourceError(f"{source.url} holds no file for {address}")
    return files.fetch(http, source, found)


def _file_of(key: str, known: Mapping[str, Entry]) -> Entry | None:
    """Return the file that stands for a page's address: of the longest end of its path."""
    if key in known:
        return known[key]
    segments = unquote(urlsplit(key).path).strip("/").split("/")
    for first in range(len(segments)):
        end = "/".join(segments[first:])
        names = (end, *(end + suffix for suffix in PAGE_SUFFIXES), f"{end}/index.html".lstrip("/"))
        if found := next((known[name] for name in names if name in known), None):
            return found
    return None


# --- one page ------------------------------------------------------------------------------------------------------


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    """Return the dataset that a page describes.

    Raises:
        RecordError: no HTML or JSON-LD, no dataset, several of which none is the page's own, or no accession.
    """
    reading = Reading(raw, entry)
    root = reading.dataset()
    page = Page(ctx, _accession(reading, root, ctx), reading, root)
    return Harvested(page.dataset(), tuple(page.findings))


class Reading:
    """What the JSON-LD of a page holds.

    Attributes:
        address: the page's address; None when a file does not tell.
        nodes: id → node.
        problems: what could not be read, as arguments of `Builder.find`.
    """

    def __init__(self, raw: bytes, entry: Entry) -> None:
        if len(raw) > MAX_PAGE_BYTES:
            raise RecordError(f"{entry.key} is longer than {MAX_PAGE_BYTES} bytes")
        self.key = entry.key
        self.nodes: dict[str, Node] = {}
        self.problems: list[Problem] = []
        scripts, canonical = _scripts(raw, entry.key)
        self.address = entry.key if entry.key.startswith(("http://", "https://")) else canonical
        for number, (place, words) in enumerate(scripts, 1):
            self._add(place, words, f"{number}-")

    def _add(self, place: str, words: str, label: str) -> None:
        words = WRAPPING.sub("", WRAPPING.sub("", words)).strip("\ufeff \t\r\n;")
        if not words:
            return
        try:
            if len(words) > MAX_JSON_LD_CHARS:
                raise ValueError(f"it is longer than {MAX_JSON_LD_CHARS} characters")
            document = json.loads(words, strict=False)
            nodes, foreign = jsonld.schema_nodes(document, self.address or jsonld.BASE, label)
        except (ValueError, RecursionError, RecordError) as err:
            self.problems.append((place, "json-ld-broken", words[:80], f"the JSON-LD cannot be read: {err}"[:300]))
            return
        if '"@context"' not in words:
            message = "the JSON-LD names no context; its terms are taken for schema.org's"
            self.problems.append((place, "context-missing", "", message))
        for context in foreign:
            message = "contexts are never fetched, and this one is not known: its terms are taken for schema.org's"
            self.problems.append((f"{place}.@context", "context-unknown", context, message))
        for node in nodes:
            self._merge(node)

    def _merge(self, node: Node) -> None:
        known = self.nodes.setdefault(node["@id"], {"@id": node["@id"]})
        for name, values in node.items():
            if name != "@id":
                known[name] = [*known.get(name, []), *(v for v in values if v not in known.get(name, []))]

    def dataset(self) -> Node:
        """Return the node of the dataset that the page is about.

        Raises:
            RecordError: there is none, or none of several is the page's own.
        """
        found = [node for node in self.nodes.values() if "Dataset" in node["@type"]]
        if not found:
            raise RecordError(f"{self.key}: the page has no schema.org Dataset", *(p[3] for p in self.problems))
        main, named = self._referred("mainEntity"), self._referred()
        ranks: tuple[Callable[[Node], bool], ...] = (
            self._is_the_page,
            lambda node: node["@id"] in main,
            lambda node: node["@id"] not in named,  # no part of another dataset or of a catalogue
        )
        for rank in ranks:
            ranked = [node for node in found if rank(node)]
            if len(ranked) == 1:
                return ranked[0]
        if len(found) == 1:
            return found[0]
        raise RecordError(
            f"{self.key}: the page has {len(found)} datasets and none is its own: state the page's address as the "
            "url of one of them, or leave the page out (option exclude) where each has a page of its own"
        )

    def _is_the_page(self, node: Node) -> bool:
        page = _bare(self.address or "")
        said = [node["@id"], *(_plain(value) for name in ("url", "mainEntityOfPage") for value in node.get(name, ()))]
        return bool(page) and any(_bare(_absolute(self.address or "", str(value))) == page for value in said)

    def _referred(self, *names: str) -> set[str]:
        """Return the ids that nodes refer to in some fields, or in any."""
        values = (value for node in self.nodes.values() for name in names or node for value in node.get(name, ()))
        return {value["@id"] for value in values if isinstance(value, dict)}


def _scripts(raw: bytes, key: str) -> tuple[list[Place], str | None]:
    """Return place and text of each piece of JSON-LD, and the canonical address that the page states."""
    if raw.lstrip(BLANKS)[:1] in (b"{", b"["):
        return [("document", raw.decode("utf-8-sig", "replace"))], None
    root = _html(raw, key)
    found = [script for script in root.iter("script") if _is_json_ld(script)]
    links = (link.get("href") for link in root.iter("link") if (link.get("rel") or "").casefold() == "canonical")
    canonical = next((href for href in links if href and href.startswith(("http://", "https://"))), None)
    return [(f"script[{number}]", script.text or "") for number, script in enumerate(found)], canonical


def _is_json_ld(script: Any) -> bool:
    return (script.get("type") or "").partition(";")[0].strip().casefold() == "application/ld+json"


def _html(raw: bytes, key: str) -> Any:
    # What is no UTF-8 is read as the page itself says.
    parser = html.HTMLParser(encoding="utf-8" if _is_utf8(raw) else None, no_network=True, huge_tree=False)
    try:
        return html.document_fromstring(raw, parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as err:
        raise RecordError(f"{key} is no HTML: {err}") from err


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _bare(url: str) -> str:
    """Return an address as it is compared: without scheme, fragment and the last slash."""
    return re.sub(r"^https?://(?:www\.)?", "", url.partition("#")[0]).rstrip("/")


def _absolute(base: str, url: str) -> str:
    """Return an address made absolute; one that is malformed stays as it is written."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url


def _plain(value: Any) -> Any:
    return value["@id"] if isinstance(value, dict) else value


def _accession(reading: Reading, root: Node, ctx: Context) -> str:
    """Return what the option finds in the page's address, else a plain identifier, else the address's last part."""
    address = reading.address or reading.key
    pattern = ctx.source.options.get("accession")
    if pattern is not None:
        found = re.search(str(pattern), address)
        candidates = [found[1]] if found and found[1] else []
    else:
        last = unquote(urlsplit(address).path).removesuffix("/index.html").rstrip("/").rpartition("/")[2]
        candidates = [*_names(reading.nodes, root), re.sub(r"\.(?:html?|jsonld|php|aspx?)$", "", last)]
    for candidate in candidates:
        if found_name := _own(text.clean(candidate), ctx.source.archive):
            return found_name
    raise RecordError(
        f"{text.drop_emails(address)[:200]}: no accession is found; write a regular expression on the page's address "
        "as the option accession, its first group the accession"
    )


def _names(nodes: Mapping[str, Node], root: Node) -> list[str]:
    """Return the identifiers of the dataset that are plain names, no DOIs or addresses."""
    said = [value for item in root.get("identifier", ()) for value in _identifier(nodes, item)]
    return [value for value in said if "/" not in value and not DOI.search(value)]


def _identifier(nodes: Mapping[str, Node], item: Any) -> list[str]:
    """Return the texts of an identifier: itself, or the value and address of a PropertyValue."""
    if not isinstance(item, dict):
        return [str(item)]
    node = nodes.get(item["@id"], {})
    stated = [str(_plain(value)) for name in ("value", "url") for value in node.get(name, ())]
    return [*stated, *([] if item["@id"].startswith("_:") else [item["@id"]])]


def _own(name: str, archive: str) -> str | None:
    """Return a name as an accession of the source's archive, or None when it can be none."""
    known = archives.ARCHIVES.get(archive)
    if known is None:
        is_plain = ACCESSION.fullmatch(name) and len(name) <= MAX_ACCESSION_CHARS and not text.has_email(name)
        return name if is_plain else None
    try:
        found = archives.accession(name)
    except ValueError:
        return None
    return found if re.fullmatch(known.accession_pattern, found, re.ASCII) else None


class Page(Builder):
    """Builds the record of the dataset that a page is about.

    A value may be a text, a number, an address, or a node with a name; any field may hold one or several.
    """

    def __init__(self, ctx: Context, accession: str, reading: Reading, root: Node) -> None:
        super().__init__(ctx, accession, ctx.source.archive)
        self.address = reading.address
        self.nodes = reading.nodes
        self.root = root
        self.named: dict[str, str] = {}
        for problem in reading.problems:
            self.find(*problem)

    def dataset(self) -> Dataset:
        """Return the dataset."""
        name = self._first(self.root, "name", "headline")
        if name is None:
            self.find("name", "title-missing", "", "the dataset has no title of its own")
        own = self._addresses("url", self.root, "url")
        url = self.address or next(iter(own), None)
        authors: list[Any] = [*self._each(self._agent, "author"), *self._each(self._agent, "creator")]
        return Dataset(
            id=self.dataset_iri,
            accession=self.accession,
            name=name or self.accession,
            description=self._description(),
            archive=self.archive(),
            publisher=self._publisher(),
            url=url,
            same_as=self._same_as(url),
            date_published=self._date("datePublished"),
            date_modified=self._date("dateModified"),
            license=self._license(),
            copyright_notice=self._first(self.root, "copyrightNotice"),
            is_accessible_for_free=self._is_free(),
            author=_unique_people(authors),
            keyword=self._keywords(),
            funding=[*self._each(self._grant, "funding"), *self._each(self._funder, "funder")],
            publication=_unique(self._each(self._publication, "citation")),
            about=self._about(),
            measurement_method=self._methods(),
            distribution=self._each(self._distribution, "distribution"),
            size_bytes=next(iter(self._sizes("size", self.root.get("size", ()))), None),
            thumbnail=list(dict.fromkeys([*self._images("thumbnailUrl"), *self._images("image")])),
            related=self._related(),
        )

    # --- values of any shape

    def _places(self, node: Node, *names: str, place: str = "") -> Iterator[Place]:
        for name in names:
            yield from ((f"{place}{name}[{n}]", value) for n, value in enumerate(node.get(name, ())) if value != "")

    def _node(self, value: Any) -> Node:
        """Return the node that a value refers to; a text is a node with nothing but that name."""
        if isinstance(value, dict):
            return self.nodes.get(value["@id"], {"@id": value["@id"], "@type": []})
        return {"@id": "", "@type": [], "name": [value]}

    def _each(self, make: Callable[[str, Any, str], T | None], name: str) -> list[T]:
        made = (
            make(place, value, f"{name}-{number}")
            for number, (place, value) in enumerate(self._places(self.root, name), 1)
        )
        return [thing for thing in made if thing is not None]

    def _texts(self, node: Node, *names: str, place: str = "") -> list[str]:
        """Return the clean texts of fields; of a node, its name."""
        found: list[str] = []
        for where, value in self._places(node, *names, place=place):
            inner = self._node(value).get("name", ()) if isinstance(value, dict) else [value]
            found += self.texts(where, (item for item in inner if not isinstance(item, dict)))
        return [words for words in dict.fromkeys(found) if words != text.REMOVED]

    def _first(self, node: Node, *names: str, place: str = "") -> str | None:
        return next(iter(self._texts(node, *names, place=place)), None)

    def _date(self, name: str) -> str | None:
        found = (
            self.normal(*(place, "date-invalid", dates.date, value)) for place, value in self._places(self.root, name)
        )
        return next(filter(None, found), None)

    def _address(self, place: str, value: Any) -> str | None:
        """Return a web address, made absolute; a nameless node has none."""
        written = str(_plain(value)).strip()
        if written.startswith(("_:", jsonld.BASE)):
            return None
        return self.outside(place, _absolute(self.address, written) if self.address else written)

    def _addresses(self, place: str, node: Node, *names: str) -> list[str]:
        """Return the addresses in fields; of a node that has an address of its own, that."""
        found: list[str | None] = []
        for where, value in self._places(node, *names):
            inner = self._node(value) if isinstance(value, dict) else {}
            stated = [item for name in ("contentUrl", "url") for item in inner.get(name, ())]
            found.append(self._address(f"{place}.{where}" if place != where else place, stated[0] if stated else value))
        return list(dict.fromkeys(address for address in found if address))

    def _ids(self, node: Node) -> list[str]:
        """Return everything that may identify a thing, as it is written."""
        own = [] if node["@id"].startswith("_:") else [node["@id"]]
        stated = [text for item in node.get("identifier", ()) for text in _identifier(self.nodes, item)]
        others = [str(_plain(value)) for name in ("sameAs", "url") for value in node.get(name, ())]
        return [value for value in (*own, *stated, *others) if value]

    # --- the dataset's own fields

    def _publisher(self) -> Organization | None:
        found = self._each(self._organization, "publisher")
        for other in found[1:]:
            self.find(
                "publisher", "several-values", other.name, "a dataset has one publisher, so only the first is kept"
            )
        return found[0] if found else None

    def _description(self) -> str | None:
        for place, value in self._places(self.root, "description", "abstract"):
            words = "" if isinstance(value, dict) else text.without_tags(text.clean(str(value)))
            if clean := self.text(place, re.sub(r"\n\s*\n", "\n\n", words)):
                return clean
        return None

    def _same_as(self, url: str | None) -> list[str]:
        """Return the DOIs and addresses of the dataset elsewhere."""
        said = [*self._places(self.root, "identifier", "sameAs"), ("@id", {"@id": self.root["@id"]})]
        texts = [(place, words) for place, value in said for words in _identifier(self.nodes, value)]
        found: list[str | None] = []
        for place, words in texts:
            if DOI.fullmatch(words.strip()):
                found.append(self.normal(place, "doi-invalid", identifiers.doi, words))
            elif words.startswith(("http://", "https://")) and not words.startswith(jsonld.BASE):
                found.append(self._address(place, words))
        pages = {_bare(page) for page in (url, self.address) if page}
        return list(dict.fromkeys(iri for iri in found if iri and _bare(iri) not in pages))

    def _license(self) -> str | None:
        for place, value in self._places(self.root, "license"):
            node = self._node(value)
            said = [*self._ids(node), *(str(name) for name in node.get("name", ()) if not isinstance(name, dict))]
            for words in said:
                try:
                    return licences.licence(words)
                except ValueError:
                    continue
            self.find(place, "licence-unknown", said[0] if said else "", "the licence is none that the hub knows")
            address = next((words for words in said if words.startswith(("http://", "https://"))), None)
            if address and (iri := self._address(place, address)):
                return iri
        return None

    def _is_free(self) -> bool | None:
        for place, value in self._places(self.root, "isAccessibleForFree"):
            known = (
                value if isinstance(value, bool) else TRUTH.get(str(_plain(value)).casefold().replace("https", "http"))
            )
            if known is not None:
                return known
            self.find(place, "boolean-invalid", _plain(value), "isAccessibleForFree is neither true nor false")
        return None

    def _keywords(self) -> list[str]:
        words = self._texts(self.root, "keywords")
        return list(dict.fromkeys(part for word in words for part in LISTED.split(word) if part))

    def _sizes(self, place: str, values: Any) -> list[int]:
        """Return sizes in bytes; a number may stand apart from its unit."""
        found: list[int] = []
        for value in values:
            node = self._node(value) if isinstance(value, dict) else {}
            parts = [*node.get("value", ()), *(node.get("unitText") or node.get("unitCode") or ())] if node else [value]
            written = " ".join(str(part) for part in parts if not isinstance(part, dict))
            try:
                found.append(sizes.size_bytes(written))
            except ValueError as err:
                self.find(place, "size-invalid", written, str(err))
        return found

    def _images(self, name: str) -> list[str]:
        return self._addresses(name, self.root, name)

    def _related(self) -> list[str]:
        names = ("isPartOf", "hasPart", "isBasedOn")
        named = [(place, value) for place, value in self._places(self.root, *names) if _is_web(_plain(value))]
        found = (self._address(place, value) for place, value in named)
        here = {_bare(self.address or "")}
        return list(dict.fromkeys(iri for iri in found if iri and _bare(iri) not in here))

    # --- people, grants, papers

    def _agent(self, place: str, value: Any, local: str) -> Person | Organization | None:
        node = self._node(value)
        if _is_organization(node) or any("ror.org" in iri for iri in self._ids(node)):
            return self._organization(place, value, local)
        orcid = next((iri for iri in self._ids(node) if "orcid" in iri.casefold()), None)
        given, family = (self._first(node, name, place=f"{place}.") for name in ("givenName", "familyName"))
        name = self._first(node, "name", place=f"{place}.") or " ".join(filter(None, (given, family))) or None
        made = self.person(place, name, orcid, local, given_name=given, family_name=family)
        if made is None:
            return None
        affiliations = enumerate(self._places(node, "affiliation", "worksFor", place=f"{place}."), 1)
        found = (self._organization(*inner, f"{local}-affiliation-{number}") for number, inner in affiliations)
        made.affiliation = [organization for organization in found if organization]
        self._check_orcid(place, made, local)
        return made

    def _check_orcid(self, place: str, made: Person, local: str) -> None:
        first = self.named.setdefault(made.id, made.name)
        if text.name_key(first).isdisjoint(text.name_key(made.name)):
            message = f"the ORCID stands with {first!r} and with {made.name!r}; it stays with the first"
            self.find(place, "orcid-conflict", made.id, message)
            made.id = self.local(local)

    def _organization(self, place: str, value: Any, local: str) -> Organization | None:
        node = self._node(value)
        name = self._first(node, "name", "legalName", place=f"{place}.")
        if name is None:
            return None
        ror = next((iri for iri in self._ids(node) if "ror.org" in iri), None)
        pages = [iri for iri in (*self._urls(node), node["@id"]) if _is_web(iri) and "ror.org" not in iri]
        url = self._address(f"{place}.url", pages[0]) if pages else None
        return self.organization(place, name, ror, f"organization-{slug(name)}", url=url)

    def _urls(self, node: Node) -> list[str]:
        return [str(_plain(value)) for value in node.get("url", ())]

    def _grant(self, place: str, value: Any, local: str) -> Grant | None:
        node = self._node(value)
        numbers = [words for item in node.get("identifier", ()) for words in _identifier(self.nodes, item)]
        number = next(iter(self.texts(f"{place}.identifier", numbers)), None)
        name = self._first(node, "name", place=f"{place}.")
        inner = enumerate(self._places(node, "funder", place=f"{place}."), 1)
        funders = [made for n, each in inner if (made := self._organization(*each, f"{local}-funder-{n}"))]
        name = name or " ".join([*(funder.name for funder in funders), *([number] if number else [])])
        if not name:
            return None
        return Grant(id=self.local(local), name=name, grant_number=number, funder=funders)

    def _funder(self, place: str, value: Any, local: str) -> Grant | None:
        funder = self._organization(place, value, f"{local}-organization")
        return Grant(id=self.local(local), name=funder.name, funder=[funder]) if funder else None

    def _publication(self, place: str, value: Any, local: str) -> Publication | None:
        """Return a paper; a reference in words is kept as its name."""
        node = self._node(value)
        name = self._first(node, "name", "headline", place=f"{place}.")
        found = next((iri for words in (*self._ids(node), name or "") if (iri := _paper(words))), None)
        if name is not None and found is not None and not isinstance(value, dict) and _paper_only(name):
            name = None
        if found is None and name is None:
            return None
        authors = self._texts(node, "author", "creator", place=f"{place}.")
        dated = (
            self.normal(where, "date-invalid", dates.date, day) for where, day in self._places(node, "datePublished")
        )
        return self.publication(
            place,
            found,
            f"publication-{slug(name or '')}",
            name=name,
            author_text=", ".join(authors) or None,
            date_published=next(filter(None, dated), None),
            journal=self._first(node, "isPartOf", place=f"{place}."),
        )

    # --- biology and files

    def _about(self) -> list[Any]:
        """Return what the dataset is about: taxa by number or known name, samples, terms, and other words."""
        found: list[Any] = [self._taxon(*place) for place in self._places(self.root, "taxonomicRange")]
        found += [self._subject(*place) for place in self._places(self.root, "about")]
        return _unique([thing for thing in found if thing is not None])

    def _subject(self, place: str, value: Any) -> BioSample | Taxon | DefinedTerm | None:
        node = self._node(value)
        if "BioSample" in node["@type"]:
            return self._sample(place, node)
        if "Taxon" in node["@type"] or self._taxon_iri(node)[0]:
            return self._taxon(place, value)
        return self._term(place, value)

    def _sample(self, place: str, node: Node) -> BioSample | None:
        name = self._first(node, "name", place=f"{place}.")
        taxa = [self._taxon(*inner) for inner in self._places(node, "taxonomicRange", place=f"{place}.")]
        if name is None:
            return None
        found = _unique([taxon for taxon in taxa if isinstance(taxon, Taxon)])
        return BioSample(id=self.local(f"sample-{slug(name)}"), name=name, taxon=found)

    def _taxon(self, place: str, value: Any) -> Taxon | DefinedTerm | None:
        """Return a taxon; what is none that the hub can tell stays a word."""
        node = self._node(value)
        iri, is_told = self._taxon_iri(node)
        if iri is None:
            return self._term(place, value)
        return self.taxon(place, iri, self._first(node, "scientificName", "name") if is_told else None)

    def _taxon_iri(self, node: Node) -> tuple[str | None, bool]:
        """Return the taxon that a node means, and whether an identifier tells it and not the name."""
        names = self._texts(node, "scientificName", "name", "alternateName")
        for normalise, said in ((_numbered_taxon, self._ids(node)), (_numbered_taxon, names), (terms.organism, names)):
            for words in said:
                try:
                    return normalise(words), said is not names
                except ValueError:
                    continue
        return None, False

    def _term(self, place: str, value: Any) -> DefinedTerm | None:
        """Return an ontology term, or the page's own words."""
        node = self._node(value)
        name = self._first(node, "name", place=f"{place}.")
        codes = [str(code) for code in node.get("termCode", ()) if not isinstance(code, dict)]
        for words in (*self._ids(node), *codes, name or ""):
            try:
                iri = identifiers.term(words)
            except ValueError:
                continue
            if "/NCBITaxon_" in iri:
                continue
            return self.term(place, iri, None if name == words else name, slug(words))
        return DefinedTerm(id=self.local(f"term-{slug(name)}"), name=name) if name else None

    def _methods(self) -> list[Any]:
        found: list[DefinedTerm | None] = []
        for place, value in self._places(self.root, "measurementTechnique", "measurementMethod"):
            made = self._term(place, value)
            is_own = made is not None and made.term_code is None
            words = made.name if made and is_own else None
            found.append(self.wording(place, words, terms.imaging_method, f"method-{slug(words)}") if words else made)
        return _unique([made for made in found if made is not None])

    def _distribution(self, place: str, value: Any, local: str) -> Distribution | None:
        node = self._node(value) if isinstance(value, dict) else {"@id": "", "@type": [], "contentUrl": [value]}
        content = self._addresses(place, node, "contentUrl")
        pages = self._addresses(place, node, "url")
        if not content and not pages and _is_web(node["@id"]):
            content = [iri for iri in (self._address(place, node["@id"]),) if iri]
        slots: dict[str, Any] = {
            "name": self._first(node, "name", place=f"{place}."),
            "description": self._first(node, "description", place=f"{place}."),
            "content_url": next(iter(content), None),
            "access_url": next(iter(pages), None),
            "encoding_format": self._first(node, "encodingFormat", "fileFormat", place=f"{place}."),
            "size_bytes": next(iter(self._sizes(f"{place}.contentSize", node.get("contentSize", ()))), None),
            "sha256": self._checksum(place, node, 64, "sha256"),
            "md5": self._checksum(place, node, 32, "md5", MD5),
        }
        return Distribution(id=self.local(local), **slots) if any(slots.values()) else None

    def _checksum(self, place: str, node: Node, digits: int, *names: str) -> str | None:
        """Return a checksum in lower-case hexadecimal digits."""
        said = self._first(node, *names, place=f"{place}.")
        if said is None or re.fullmatch(rf"[0-9a-f]{{{digits}}}", said.lower(), re.ASCII):
            return said and said.lower()
        message = f"{said[:100]!r} is not {digits} hexadecimal digits"
        self.find(f"{place}.{names[0]}", "checksum-invalid", said, message)
        return None


def _is_organization(node: Node) -> bool:
    return any(kind in ORGANIZATIONS or kind.endswith("Organization") for kind in node["@type"])


def _is_web(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://")) and not value.startswith(jsonld.BASE)


def _numbered_taxon(words: str) -> str:
    if words.isdigit():
        raise ValueError("a bare number need not be a taxon's")
    return identifiers.taxon(words)


def _paper(words: str) -> str | None:
    """Return the paper that an identifier means, or the DOI in a reference."""
    try:
        return identifiers.publication(words)
    except ValueError:
        found = DOI.search(words)
    try:
        return identifiers.doi(found[1].rstrip(").]")) if found else None
    except ValueError:
        return None


def _paper_only(words: str) -> bool:
    return " " not in words.strip()


def _unique(things: list[T]) -> list[T]:
    """Return the things, the first of each IRI."""
    kept: dict[str, T] = {}
    for thing in things:
        kept.setdefault(getattr(thing, "id", ""), thing)
    return list(kept.values())


def _unique_people(people: list[Person | Organization]) -> list[Person | Organization]:
    """Return authors and creators in order, each once by IRI and by name."""
    kept: dict[str, Person | Organization] = {}
    for agent in people:
        kept.setdefault(text.fold(agent.name), agent)
    return _unique(list(kept.values()))


HARVESTER = Harvester(
    name="schemaorg",
    title="Web pages with schema.org datasets",
    homepage="https://schema.org/Dataset",
    licence=None,
    entries=entries,
    fetch=fetch,
    transform=transform,
    route=1,
    version=2,
)
