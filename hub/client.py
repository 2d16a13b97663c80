"""A client of a hub for Python programs; it needs ``requests`` and nothing else of the hub, so it can be copied.

>>> hub = Hub("https://hub.example.org")
>>> for study in hub.search("mitosis", organism="human", has="ome-zarr"):  # doctest: +SKIP
...     print(study.dataset.accession, study.dataset.title)

Filters are the parameters of ``/search``: ``archive``, ``organism``, ``method``, ``year``, ``licence``, ``has``,
``gene``, ``phenotype``, ``cell_line``, ``size``, the ends of ranges such as ``size_bytes_min`` or ``pixel_nm_max``,
``sort`` and ``exact``; a list means one value or another.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import requests

USER_AGENT = "bioimage-hub-client/1 (+https://github.com/bioimage-hub/bioimage-hub)"
MAX_WAIT_S = 120.0
REACH = 10_000
"""Pages of a search reach so many studies deep."""
RETRIED = (429, 502, 503, 504)
CANNOT_GO_ON = 416
PIECE_BYTES = 1 << 20
ROUNDED = 0.1
TYPED: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("integer", "int", "long", "nonNegativeInteger"), int),
    **dict.fromkeys(("decimal", "double", "float"), float),
    "boolean": lambda text: text in ("true", "1"),
}

Progress = Callable[[str, int, "int | None"], None]
Filter = str | int | float | bool | Sequence[str | int]


class HubError(Exception):
    """The hub, or an archive's server, gave no whole answer; the text is one sentence for people.

    Attributes:
        status: HTTP status, or 0 where there was no answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class NotFoundError(HubError):
    """There is nothing of that name in the hub."""


class AmbiguousError(HubError):
    """An identifier names several things.

    Attributes:
        choices: what it may mean.
    """

    def __init__(self, message: str, choices: list[Meaning]) -> None:
        super().__init__(message, 300)
        self.choices = choices


class DownloadError(HubError):
    """A file did not come whole."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A dataset as a search shows it.

    Attributes:
        iri: of the dataset.
        archive: short name of the archive.
        accession: the archive's identifier.
        title: of the dataset.
        description: its beginning, or empty.
        url: the archive's own page, or empty.
        doi: of the dataset, as an address, or empty.
        authors: names of the first ones.
        author_count: how many there are.
        published: ISO 8601 date, to the precision that is known, or empty.
        licence: address of the licence, or empty.
        size_bytes: as the archive states it, or None.
        organisms: names.
        methods: names.
        thumbnail: whether there is an example image.
        page: address of its page in the hub.
    """

    iri: str
    archive: str
    accession: str
    title: str
    description: str = ""
    url: str = ""
    doi: str = ""
    authors: tuple[str, ...] = ()
    author_count: int = 0
    published: str = ""
    licence: str = ""
    size_bytes: int | None = None
    organisms: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    thumbnail: bool = False
    page: str = ""

    @property
    def name(self) -> str:
        """The name that baskets know the dataset by, such as ``bia/S-BIAD824``."""
        return "/".join(unquote(self.iri).rsplit("/", 2)[-2:])


@dataclass(frozen=True, slots=True)
class Study:
    """One study that a search found.

    Attributes:
        iri: names the study.
        score: how well it matches, to be compared within one search.
        dataset: the dataset that is shown.
        also_in: datasets of the same study in other archives.
        title: of that dataset in pieces, each with whether it is what was searched for.
        excerpt: words around a match.
        matched: in what else than title and description words were found.
    """

    iri: str
    score: float
    dataset: Summary
    also_in: tuple[Summary, ...] = ()
    title: tuple[tuple[str, bool], ...] = ()
    excerpt: str = ""
    matched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Results:
    """One page of what a search found.

    Attributes:
        total: number of studies that match.
        datasets: number of datasets that these are.
        total_bytes: sum of the sizes that are known.
        studies: those of the page.
        facets: for each filter its values, with the number of studies of each.
        sequence: number of the published change that the answer is true of.
        completeness: what the hub says of how complete it is.
        instead: words that were searched for, where those that were typed gave nothing; else empty.
        suggestions: other searches that give something, where this one gives nothing: words, and number of studies.
    """

    total: int
    datasets: int
    total_bytes: int
    studies: tuple[Study, ...]
    facets: dict[str, dict[str, int]]
    sequence: int
    completeness: str = ""
    instead: str = ""
    suggestions: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """A file, or a folder or page that leads to several.

    Attributes:
        url: its address.
        is_file: whether the address is that of one file.
        name: as the archive has it, or empty.
        dataset: IRI of the dataset.
        accession: of the dataset.
        format: as the archive names it, or empty.
        size_bytes: or None where it is not known.
        sha256: or empty.
        md5: or empty.
    """

    url: str
    is_file: bool = True
    name: str = ""
    dataset: str = ""
    accession: str = ""
    format: str = ""
    size_bytes: int | None = None
    sha256: str = ""
    md5: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset's record.

    Attributes:
        iri: of the dataset.
        accession: the archive's identifier.
        title: of the dataset.
        archive: the archive's title.
        description: or empty.
        url: the archive's own page, or empty.
        doi: as an address, or empty.
        published: ISO 8601 date, or empty.
        licence: address of the licence, or empty.
        authors: names, in order.
        organisms: scientific names.
        methods: names.
        papers: identifiers of papers.
        size_bytes: as the archive states it, or None.
        files: what it gives to download.
        record: the whole record as JSON-LD.
    """

    iri: str
    accession: str
    title: str
    archive: str
    description: str = ""
    url: str = ""
    doi: str = ""
    published: str = ""
    licence: str = ""
    authors: tuple[str, ...] = ()
    organisms: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    size_bytes: int | None = None
    files: tuple[File, ...] = ()
    record: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an identifier names.

    Attributes:
        iri: of the thing.
        kind: such as ``dataset``, ``paper``, ``gene`` or ``person``.
        curie: its short form.
        is_known: whether the hub knows it.
        title: or empty.
        equivalents: other IRIs of it.
        datasets: number of datasets that have to do with it.
        first: IRIs of the first of these.
        page: path of its page in the hub, or empty.
    """

    iri: str
    kind: str
    curie: str = ""
    is_known: bool = True
    title: str = ""
    equivalents: tuple[str, ...] = ()
    datasets: int = 0
    first: tuple[str, ...] = ()
    page: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link that the hub found.

    Attributes:
        action: ``create`` or ``update`` for what stands, ``delete`` for what was taken back.
        subject: IRI.
        predicate: IRI.
        object: IRI.
        rule: name of the rule that found it.
        confidence: 0 to 1, or None.
        status: ``fact``, ``candidate``, ``rejected`` or ``gone``.
        told: everything that the feed says of it.
    """

    action: str
    subject: str
    predicate: str
    object: str
    rule: str = ""
    confidence: float | None = None
    status: str = ""
    told: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


class Links:
    """Links that changed since a cursor, page by page as they are iterated; afterwards ``cursor`` is where to go on."""

    def __init__(self, hub: Hub, since: str | None, filters: dict[str, Filter]) -> None:
        self._hub, self._filters, self.cursor = hub, filters, since

    def __iter__(self) -> Iterator[Link]:
        is_last = False
        while not is_last:
            since = [("since", self.cursor)] if self.cursor else []
            told = self._hub._json("GET", "/links", [*_pairs(self._filters), *since, ("format", "json")])
            yield from (Link(told=one, **_known(Link, one, "told")) for one in told["links"])
            self.cursor, is_last = told["cursor"], told["complete"]


class Basket:
    """A choice of datasets, and its manifest.

    Attributes:
        query: parameters that choose them.
    """

    def __init__(self, hub: Hub, query: list[tuple[str, str]]) -> None:
        self._hub, self.query = hub, query

    @property
    def url(self) -> str:
        """Address of the basket's page, to be passed on."""
        return requests.Request("GET", f"{self._hub.url}/basket", params=self.query).prepare().url or ""

    def summary(self) -> dict[str, Any]:
        """Return the datasets with licences, what may be used commercially, and total sizes."""
        told: dict[str, Any] = self._hub._json("GET", "/basket", [*self.query, ("format", "json")])
        return told

    def text(self, name: str) -> str:
        """Return one file of the manifest, such as ``citations.bib``."""
        return self._hub._send("GET", f"/basket/manifest/{quote(name)}", params=self.query).content.decode()

    def urls(self) -> list[str]:
        """Return the addresses of files; those of folders are in ``folders.txt``."""
        return self.text("urls.txt").split()

    def files(self) -> list[File]:
        """Return files and folders, with sizes and checksums where they are known."""
        rows = csv.DictReader(io.StringIO(self.text("datasets.csv")))
        return [_file_of_row(row) for row in rows if row["url"] or row["folder"]]

    def save(self, folder: str | Path) -> list[Path]:
        """Write every file of the manifest into a folder, and return their paths."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        body = self._hub._send("GET", "/basket/manifest", params=self.query).content
        saved = []
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for name in archive.namelist():
                saved.append(target / Path(name).name)
                saved[-1].write_bytes(archive.read(name))
        return saved


class Hub:
    """A hub on the web.

    Args:
        url: its address.
        timeout_s: longest silence of a server, in seconds.
        retries: how often a request is made again when the server is busy or does not answer.
        user_agent: what the client calls itself; name your project here.
        pause_s: least time between two downloads from one server, in seconds.
    """

    def __init__(
        self, url: str, *, timeout_s: float = 60.0, retries: int = 4, user_agent: str = "", pause_s: float = 0.5
    ) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise HubError(f"{url!r} is no http or https address of a hub")
        self.url = url.rstrip("/")
        self._timeout_s, self._retries, self._pause_s = timeout_s, retries, pause_s
        self._last: dict[str, float] = {}
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"{user_agent} {USER_AGENT}".strip()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    # --- what is there

    def search(
        self, words: str = "", *, limit: int | None = None, per_page: int = 100, **filters: Filter
    ) -> Iterator[Study]:
        """Yield the studies that match, best first or as ``sort`` says; pages are asked for as they are needed.

        More than 10,000 come as one long answer, without excerpts.

        Args:
            words: words that must all occur, "phrases", beginnings with an asterisk, -words that must not.
            limit: most studies that are wanted.
            per_page: how many are asked for at once.
            filters: the parameters of the search.

        Raises:
            HubError: a filter is wrong, or the hub gives no answer.
        """
        left = limit
        page = 1
        while left is None or left > 0:
            found = self.results(words, page=page, per_page=per_page, **filters)
            if page == 1 and min(found.total, left or found.total) > REACH:
                yield from islice(self._export(words, filters), limit)
                return
            yield from found.studies[:left]
            left = left if left is None else left - len(found.studies)
            if page * per_page >= found.total or not found.studies:
                return
            page += 1

    def _export(self, words: str, filters: dict[str, Filter]) -> Iterator[Study]:
        """Yield all studies of a search from one long answer, which has no excerpts."""
        query = [*_pairs({"q": words, **filters}), ("format", "jsonl")]
        with self._send("GET", "/search", params=query, stream=True) as answer:
            yield from (_study(json.loads(line)) for line in answer.iter_lines() if line)

    def results(self, words: str = "", **filters: Filter) -> Results:
        """Return one page of what a search finds, with totals and the counts of every filter."""
        told = self._json("GET", "/search", [*_pairs({"q": words, **filters}), ("format", "json")])
        return Results(
            total=told["total"],
            datasets=told["datasets"],
            total_bytes=told["total_bytes"],
            studies=tuple(_study(hit) for hit in told["hits"]),
            facets={n: {one["value"]: one["studies"] for one in _flat(f["values"])} for n, f in told["facets"].items()},
            sequence=told["sequence"],
            completeness=told["completeness"],
            instead=told["instead"],
            suggestions=tuple((one["q"], one["studies"]) for one in told["suggestions"]),
        )

    def dataset(self, name: str) -> Dataset:
        """Return a dataset's record.

        Args:
            name: its accession, DOI or IRI, or ``<archive>/<accession>``.

        Raises:
            NotFoundError: the hub does not have it.
            AmbiguousError: the identifier names several things.
        """
        path = re.search(r"^(?:.*/dataset/)?([a-z][a-z0-9-]*)/([^/?#]+)$", name)
        if path is None:
            meaning = self.resolve(name)
            path = re.search(r"/dataset/([^/]+)/([^/?#]+)$", meaning.iri)
            if path is None:
                raise NotFoundError(f"{name} is no dataset but a {meaning.kind}")
        where = "/".join(quote(unquote(part), safe="-._~") for part in path.groups())
        return _dataset(self._json("GET", f"/dataset/{where}.jsonld"))

    def resolve(self, identifier: str) -> Meaning:
        """Return what an identifier in any spelling names: an accession, DOI, ORCID iD, gene or IRI.

        Raises:
            NotFoundError: the hub knows nothing of that name.
            AmbiguousError: it names several things.
        """
        told = self._json("GET", "/resolve", [("id", identifier), ("format", "json")])
        if "choices" in told:
            choices = [_meaning(one) for one in told["choices"]]
            named = ", ".join(choice.curie or choice.iri for choice in choices)
            raise AmbiguousError(f"{identifier} may mean {named}: write the whole identifier", choices)
        return _meaning(told)

    def resolve_all(self, identifiers: Iterable[str]) -> dict[str, list[Meaning]]:
        """Return what each of many identifiers may name: nothing, one thing, or several."""
        asked = list(dict.fromkeys(identifiers))
        found: dict[str, list[Meaning]] = {}
        for start in range(0, len(asked), 100):
            answer = self._send("POST", "/resolve", json=asked[start : start + 100])
            for one in answer.json():
                known = one["status"] != "unknown"
                found[one["asked"]] = [_meaning(meaning) for meaning in one["meanings"]] if known else []
        return found

    def sparql(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a SELECT query, or the one row ``{"answer": …}`` of an ASK query.

        Numbers and truth values are Python's, everything else text; what is not bound is left out.
        """
        headers = {"Content-Type": "application/sparql-query", "Accept": "application/sparql-results+json"}
        told = self._send("POST", "/sparql", data=query.encode(), headers=headers).json()
        if "boolean" in told:
            return [{"answer": told["boolean"]}]
        return [{name: _value(term) for name, term in row.items()} for row in told["results"]["bindings"]]

    def links(self, since: str | None = None, **filters: Filter) -> Links:
        """Return the links that changed since a cursor, all that stand without one.

        Filters are the parameters of ``/links``, such as ``archive``, ``rule`` or ``object_ns``.
        """
        return Links(self, since, {name.replace("_", "-"): value for name, value in filters.items()})

    def basket(
        self, words: str = "", *, datasets: Iterable[str] = (), commercial: bool = False, **filters: Filter
    ) -> Basket:
        """Return a basket: named datasets, or all that a search finds.

        Args:
            words: of the search.
            datasets: names (``bia/S-BIAD824``) or IRIs of datasets, instead of a search.
            commercial: only datasets that may be used commercially.
            filters: of the search.
        """
        named = [("d", name) for name in datasets]
        query = named or _pairs({"q": words, **filters})
        if not query:
            raise HubError("write words, a filter, or datasets: a basket of everything is a dump")
        return Basket(self, [*query, *([("commercial", "1")] if commercial else [])])

    # --- downloads

    def download(
        self, files: Iterable[File | str], folder: str | Path, *, progress: Progress | None = None
    ) -> Iterator[Path]:
        """Download files one after another, and yield the path of each when it is whole.

        A download that was broken off goes on where it stopped, if the server's file is still the same one; a file that
        is there already is left alone. Folders are passed over.

        Args:
            files: addresses, or files of a basket or dataset, whose sizes and checksums are checked.
            folder: where they are written, those of a dataset in a folder of their own.
            progress: told the address, the bytes that are there, and the bytes that there will be, or None.

        Raises:
            DownloadError: a file did not come whole, or is not what the archive says.
        """
        for item in files:
            file = File(item) if isinstance(item, str) else item
            if file.is_file:
                yield self._download(file, _target(Path(folder), file), progress)

    def _download(self, file: File, target: Path, progress: Progress | None) -> Path:
        if target.is_file():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        for attempt in range(self._retries + 1):
            try:
                self._fetch(file, part, progress)
                break
            except HubError as error:
                if error.status != CANNOT_GO_ON or attempt == self._retries:
                    raise
                _forget(part)
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                if attempt == self._retries:
                    raise DownloadError(f"{file.url}: it broke off {attempt + 1} times: {error}") from error
                time.sleep(2**attempt / 2)
        _check(file, part)
        part.replace(target)
        _mark(part).unlink(missing_ok=True)
        return target

    def _fetch(self, file: File, part: Path, progress: Progress | None) -> None:
        """Fetch the rest of a file into its part."""
        self._wait(file.url)
        mark = _mark(part)
        there = part.stat().st_size if part.is_file() and mark.is_file() else 0
        headers = {"Accept-Encoding": "identity"}
        if there:
            headers |= {"Range": f"bytes={there}-", "If-Range": mark.read_text()}
        with self._answer("GET", file.url, headers=headers, stream=True) as answer:
            there = _start(answer, there)
            length = answer.headers.get("Content-Length", "")
            total = there + int(length) if length.isdecimal() else None
            _remember(mark, answer)
            with part.open("ab" if there else "wb") as out:
                for piece in answer.iter_content(PIECE_BYTES):
                    out.write(piece)
                    there += len(piece)
                    if progress is not None:
                        progress(file.url, there, total)
        if total is not None and there < total:
            raise requests.ConnectionError(f"{there} of {total} bytes came")

    def _wait(self, url: str) -> None:
        """Let a server rest between two requests."""
        host = urlsplit(url).netloc
        left_s = self._last.get(host, float("-inf")) + self._pause_s - time.monotonic()
        if left_s > 0:
            time.sleep(left_s)
        self._last[host] = time.monotonic()

    # --- requests

    def _json(self, method: str, path: str, params: Sequence[tuple[str, str]] = ()) -> Any:
        answer = self._send(method, path, params=params)
        try:
            return answer.json()
        except ValueError as error:
            raise HubError(f"{self.url}{path} is no page of a hub: it sends no JSON", answer.status_code) from error

    def _send(self, method: str, path: str, **request: Any) -> requests.Response:
        return self._answer(method, self.url + path, **request)

    def _answer(self, method: str, url: str, **request: Any) -> requests.Response:
        """Return an answer that is none of an error; asks again while the server is busy."""
        for attempt in range(self._retries + 1):
            is_last = attempt == self._retries
            try:
                answer = self._session.request(method, url, timeout=self._timeout_s, **request)
            except (requests.ConnectionError, requests.Timeout) as error:
                if is_last:
                    raise HubError(f"{url} does not answer: {error}") from error
                time.sleep(2**attempt / 2)
                continue
            except requests.RequestException as error:
                raise HubError(f"{url} cannot be asked: {error}") from error
            if answer.status_code not in RETRIED or is_last:
                return _whole(answer)
            answer.close()
            time.sleep(_pause_s(answer, attempt))
        raise AssertionError("the last attempt returns or raises")


def _pause_s(answer: requests.Response, attempt: int) -> float:
    """Return how long the server wants to be left alone, in seconds.

    Source: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
    """
    said = answer.headers.get("Retry-After", "")
    wanted = float(2**attempt) / 2
    if said.isascii() and said.isdecimal():
        wanted = float(said)
    elif said:
        with suppress(ValueError):
            wanted = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
    return min(max(wanted, 0.0), MAX_WAIT_S)


def _whole(answer: requests.Response) -> requests.Response:
    if answer.status_code < 400:
        return answer
    told: Any = {}
    with suppress(ValueError):
        told = answer.json()
    said = told.get("detail") if isinstance(told, dict) else None
    kind = NotFoundError if answer.status_code in (404, 410) else HubError
    raise kind(said or f"{answer.url} answers {answer.status_code} {answer.reason}", answer.status_code)


# --- what answers say --------------------------------------------------------------------------------------------


def _pairs(filters: dict[str, Filter]) -> list[tuple[str, str]]:
    return [(name, _text(one)) for name, given in filters.items() for one in _each(given) if _text(one)]


def _each(given: Filter) -> Sequence[str | int | float]:
    return (given,) if isinstance(given, str | int | float) else given


def _text(value: str | int | float) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _known(cls: type[Any], told: dict[str, Any], *without: str) -> dict[str, Any]:
    """Return what an answer says of the fields of a class; what a newer hub says beside that is passed over."""
    names = {f.name for f in fields(cls)} - set(without)
    said = {name: value for name, value in told.items() if name in names and value is not None}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}


def _study(hit: dict[str, Any]) -> Study:
    return Study(
        iri=hit["study"],
        score=hit.get("score", 0.0),
        dataset=Summary(**_known(Summary, hit["dataset"])),
        also_in=tuple(Summary(**_known(Summary, one)) for one in hit["also_in"]),
        title=tuple((piece["text"], piece["match"]) for piece in hit.get("title", ())),
        excerpt="".join(piece["text"] for piece in hit.get("excerpt", ())),
        matched=tuple(hit.get("matched", ())),
    )


def _flat(values: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for one in values:
        yield one
        yield from _flat(one["narrower"])


def _meaning(told: dict[str, Any]) -> Meaning:
    first = tuple(place["iri"] for place in told.get("first", ()) if "iri" in place)
    return Meaning(is_known=told.get("known", True), first=first, **_known(Meaning, told, "first", "is_known"))


def _value(term: dict[str, str]) -> Any:
    kind = term.get("datatype", "").rpartition("#")[2]
    try:
        return TYPED.get(kind, str)(term["value"])
    except ValueError:
        return term["value"]


def _dataset(tree: dict[str, Any]) -> Dataset:
    things = list(_things(tree))
    return Dataset(
        iri=tree["@id"],
        accession=tree["identifier"],
        title=tree["name"],
        archive=tree["includedInDataCatalog"].get("name", ""),
        description=tree.get("description", ""),
        url=tree.get("url", ""),
        doi=next((iri for iri in tree.get("sameAs", []) if iri.startswith("https://doi.org/")), ""),
        published=_plain(tree.get("datePublished", "")),
        licence=tree.get("license", ""),
        authors=tuple(one.get("name", "") for one in tree.get("author", [])),
        organisms=_names(things, "Taxon", "scientificName"),
        methods=tuple(dict.fromkeys(one["name"] for one in tree.get("measurementMethod", []) if "name" in one)),
        papers=tuple(one["@id"] for one in tree.get("publication", [])),
        size_bytes=tree.get("sizeBytes"),
        files=tuple(_file(one, tree) for one in things if _is(one, "Distribution") and _address(one)),
        record=tree,
    )


def _things(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "@type" in node:
            yield node
        for value in node.values():
            yield from _things(value)
    elif isinstance(node, list):
        for value in node:
            yield from _things(value)


def _is(node: dict[str, Any], kind: str) -> bool:
    types = node["@type"]
    return kind in (types if isinstance(types, list) else [types])


def _names(things: Iterable[dict[str, Any]], kind: str, key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one[key] for one in things if _is(one, kind) and key in one))


def _plain(value: Any) -> str:
    return str(value["@value"]) if isinstance(value, dict) else str(value)


def _address(node: dict[str, Any]) -> str:
    return str(node.get("contentUrl") or node.get("accessUrl") or "")


def _file(node: dict[str, Any], tree: dict[str, Any]) -> File:
    name = urlsplit(_address(node)).path.rpartition("/")[2].lower()
    is_file = "contentUrl" in node and bool(name) and not name.endswith((".zarr", ".n5"))
    return File(
        url=_address(node),
        is_file=is_file,
        name=node.get("name", ""),
        dataset=tree["@id"],
        accession=tree["identifier"],
        format=node.get("encodingFormat", ""),
        size_bytes=node.get("sizeBytes"),
        sha256=node.get("sha256", ""),
        md5=node.get("md5", ""),
    )


def _file_of_row(row: dict[str, str]) -> File:
    return File(
        url=row["url"] or row["folder"],
        is_file=bool(row["url"]),
        name=row["name"],
        dataset=row["dataset"],
        accession=row["accession"],
        format=row["format"],
        size_bytes=int(row["size_bytes"]) if row["size_bytes"] else None,
        sha256=row["sha256"],
        md5=row["md5"],
    )


# --- files -------------------------------------------------------------------------------------------------------


def _start(answer: requests.Response, there: int) -> int:
    """Return where in the file an answer begins: where the part ends, or at its beginning."""
    if answer.status_code != 206:
        return 0
    if not answer.headers.get("Content-Range", "").startswith(f"bytes {there}-"):
        raise DownloadError(f"{answer.url}: the server sent another part of the file than was asked for", CANNOT_GO_ON)
    return there


def _target(folder: Path, file: File) -> Path:
    """Return where a file is written: by host and path, so that no two meet, and never outside the folder."""
    url = urlsplit(file.url)
    parts = [file.accession, url.netloc, *unquote(url.path).split("/"), url.query]
    return folder.joinpath(*filter(None, map(_safe, parts)))


def _safe(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", name).strip("._")[:150]


def _mark(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _remember(mark: Path, answer: requests.Response) -> None:
    """Keep what tells one state of the server's file from another, or nothing: then a broken download begins anew."""
    etag = answer.headers.get("ETag", "")
    strong = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
    if strong:
        mark.write_text(strong)
    else:
        mark.unlink(missing_ok=True)


def _check(file: File, part: Path) -> None:
    """Raise DownloadError, and remove the part, where a file is not what the archive says.

    Archives round sizes, so without a checksum only one that is far off is taken for wrong.
    """
    size, wrong = part.stat().st_size, ""
    for name, wanted in (("sha256", file.sha256), ("md5", file.md5)):
        if wanted and not wrong:
            with part.open("rb") as read:
                found = hashlib.file_digest(read, name).hexdigest()
            wrong = f"its {name} is {found} instead of {wanted}" if found != wanted.lower() else ""
    said = size if file.size_bytes is None or file.sha256 or file.md5 else file.size_bytes
    if abs(size - said) > ROUNDED * said:
        wrong = f"it has {size} bytes, and the archive says {file.size_bytes}"
    if wrong:
        _forget(part)
        raise DownloadError(f"{file.url}: {wrong}")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _mark(part).unlink(missing_ok=True)
