"""BioStudies, which holds the studies of the BioImage Archive, from its API or from page-tab documents in files.

Live URL: https://www.ebi.ac.uk/biostudies/api/v1/. A collection is walked by pages (``<collection>/search``, 1-based)
until two pages in a row hold nothing; its totals are estimates and drift, so a walk that saw them change is repeated.
A study is ``studies/<accession>``, or an object that says where it is (``ftpHttp_link``); ``…/info`` has the only
date of change. File lists are ``…/biostudies/files/<accession>/<name>.json``, kept as they came, since they are large.

Any other URL is a folder, zip or repository of ``<accession>.json``; in a folder of its own, as BioStudies serves it
(``<accession>/<accession>.json``), a study has its file lists beside it, and its /info as ``info.json``.

Options: ``collection`` (BioImages), ``prefixes`` (accessions to take, such as ["S-BIAD"]; all), ``check_modified``
(ask each study for its date of change; else only what the search tells marks a change), ``file_lists`` (count
files), ``name`` (of the documents in folders named by accession, such as original.json).

Source: https://www.ebi.ac.uk/biostudies/help and https://www.ebi.ac.uk/bioimage-archive/help-download/
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO, Final
from urllib.parse import quote, urlsplit

from harvesters import files, pagetab
from harvesters.biostudies_rembi import Study
from harvesters.biostudies_study import file_list_url
from harvesters.contract import Attachment, Context, Entry, Harvested, Harvester, Http, RecordError, Source, SourceError
from ontology import archives, text

Node = dict[str, Any]

PACKED: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
ACCESSION: Final = re.compile(r"(?:S-[A-Z]{2,8}|[A-Z]-[A-Z]{4}|EMPIAR)[A-Z0-9_-]*", re.IGNORECASE | re.ASCII)
OPTIONS: Final[dict[str, Any]] = {
    "collection": "BioImages",
    "prefixes": [],
    "check_modified": True,
    "file_lists": True,
    "name": "",
}
PAGE_SIZE: Final = 100
MAX_PAGES: Final = 100_000
EMPTY_PAGES: Final = 2
# So many pages in a row that repeat what the same walk has seen are a server that ignores the page's number.
REPEATED_PAGES: Final = 3
WALKS: Final = 3
# Share of the least total that a walk must come to; totals are estimates (4,195 and 4,480 within seconds were seen).
ENOUGH: Final = 0.8
# Fields of a search hit that tell when the study was changed, should the API give one.
MODIFIED: Final = ("modified", "modification_time", "mtime")
ABSENT: Final = frozenset({404, 410})
REFUSED: Final = frozenset({401, 403})
# What of /info is kept: the rest changes with each visitor.
INFO: Final = ("files", "isPublic", "modified", "released")


# --- listing -------------------------------------------------------------------------------------------------------


def entries(http: Http, source: Source) -> Iterator[Entry]:
    """Yield one entry for each study of the collection, or for each page-tab document among files.

    Raises:
        SourceError: refused, not the API's answer, or the listing cannot be complete.
    """
    _check_options(source)
    return _live(http, source) if _is_live(source) else _documents(http, source)


def _is_live(source: Source) -> bool:
    url = source.url
    return url.startswith(("http://", "https://")) and not url.endswith(PACKED) and not files.GITHUB.fullmatch(url)


def _site(source: Source) -> str:
    """Return the address of BioStudies, whose API and files lie below it."""
    return re.sub(r"/api(?:/v\d+)?/?$", "", source.url).rstrip("/")


def _api(source: Source) -> str:
    return f"{_site(source)}/api/v1"


def _option(source: Source, name: str) -> Any:
    return source.options.get(name, OPTIONS[name])


def _check_options(source: Source) -> None:
    for name, default in OPTIONS.items():
        value = _option(source, name)
        is_sound = type(value) is type(default)
        if name == "prefixes":
            is_sound = is_sound and all(isinstance(prefix, str) and prefix for prefix in value)
        if name == "collection":
            is_sound = is_sound and bool(re.fullmatch(r"[\w-]+", value))
        if not is_sound:
            raise SourceError(f"[sources.{source.name}] {name}: {value!r} is not of the kind of {default!r}")


def _live(http: Http, source: Source) -> Iterator[Entry]:
    found: dict[str, Node] = {}
    for _ in range(WALKS):
        known = len(found)
        has_drifted = _walk(http, source, found)
        if not has_drifted or len(found) == known:
            break
    prefixes = tuple(prefix.upper() for prefix in _option(source, "prefixes"))
    for accession in sorted(found):
        if not prefixes or accession.upper().startswith(prefixes):
            version = _version(http, source, found[accession])
            yield Entry(accession, version, f"{_api(source)}/studies/{quote(accession)}")


def _walk(http: Http, source: Source, found: dict[str, Node]) -> bool:
    """Add the hits of all pages by accession; return whether the listing changed on the way."""
    seen: set[str] = set()
    totals: set[int] = set()
    empty = repeated = 0
    has_repeats = is_exact = False
    for page in range(1, MAX_PAGES):
        answer = _page(http, source, page)
        hits = {_hit_accession(hit, source): hit for hit in answer["hits"]}
        has_repeats |= not seen.isdisjoint(hits)
        empty = 0 if hits else empty + 1
        repeated = repeated + 1 if hits and seen.issuperset(hits) else 0
        if repeated == REPEATED_PAGES:
            raise SourceError(f"{_search(source)} gives the same studies on pages {page - repeated} to {page}")
        found.update({accession: hit for accession, hit in hits.items() if hit.get("type", "study") == "study"})
        seen.update(hits)
        is_exact = answer.get("isTotalHitsExact") is True
        totals.add(total if type(total := answer.get("totalHits")) is int else len(seen))
        if empty == EMPTY_PAGES:
            break
    least = min(totals) if is_exact else min(totals) * ENOUGH
    if not seen or len(seen) < least:
        raise SourceError(f"{_search(source)} lists {len(seen)} studies and says that there are {min(totals)}")
    return has_repeats or len(totals) > 1


def _search(source: Source) -> str:
    return f"{_api(source)}/{_option(source, 'collection')}/search"


def _page(http: Http, source: Source, page: int) -> Node:
    # By the day of release, so that what is released during the walk comes at its end and moves nothing.
    order = "sortBy=release_date&sortOrder=ascending"
    url = f"{_search(source)}?pageSize={PAGE_SIZE}&page={page}&{order}"
    answer = _object(http.get(url), url)
    hits = answer.get("hits")
    if not isinstance(hits, list) or not all(isinstance(hit, dict) for hit in hits):
        raise SourceError(f"{url} did not answer with hits")
    return answer


def _hit_accession(hit: Node, source: Source) -> str:
    accession = hit.get("accession", hit.get("accno"))
    if not isinstance(accession, str) or not re.fullmatch(r"[\w.-]+", accession):
        raise SourceError(f"{_search(source)} lists a study without an accession")
    return accession


def _version(http: Http, source: Source, hit: Node) -> str | None:
    stamp = next((str(hit[name]) for name in MODIFIED if hit.get(name)), None)
    if stamp is None and _option(source, "check_modified"):
        modified = _modified(http, source, _hit_accession(hit, source))
        stamp = None if modified is None else str(modified)
    elif stamp is None:
        steady = {name: value for name, value in hit.items() if name != "views"}
        stamp = hashlib.sha1(json.dumps(steady, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
    return stamp and stamp + ("/lists" if _option(source, "file_lists") else "")


def _modified(http: Http, source: Source, accession: str) -> Any:
    """Return what /info says of the last change; nothing where the archive refuses it, which `fetch` then tells."""
    try:
        return _info(http, source, accession).get("modified")
    except SourceError as err:
        if err.status in REFUSED:
            return None
        raise


def _info(http: Http, source: Source, accession: str) -> Node:
    """Return what /info says and keeps to; nothing where the archive has none."""
    url = f"{_api(source)}/studies/{quote(accession)}/info"
    try:
        return _kept_info(_object(http.get(url), url))
    except SourceError as err:
        if err.status in ABSENT:
            return {}
        raise


def _kept_info(info: Node) -> Node:
    return {name: info[name] for name in INFO if name in info}


def _object(body: bytes, name: str) -> Node:
    try:
        found = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as err:
        raise SourceError(f"{name} is not JSON") from err
    if not isinstance(found, dict):
        raise SourceError(f"{name} is {type(found).__name__}, not an object")
    return found


# --- files ---------------------------------------------------------------------------------------------------------


def _documents(http: Http, source: Source) -> Iterator[Entry]:
    known = _listed(http, source)
    name = _option(source, "name")
    prefixes = tuple(prefix.upper() for prefix in _option(source, "prefixes"))
    for path, entry in sorted(known.items()):
        folder, _, file = path.rpartition("/")
        stem = folder.rpartition("/")[2] if name else file.removesuffix(".json")
        if (file == name if name else ACCESSION.fullmatch(stem)) and stem.upper().startswith(prefixes or ("",)):
            yield Entry(path, _stamp(entry, known, source), entry.url)


def _listed(http: Http, source: Source) -> dict[str, Entry]:
    found = http.once(f"biostudies:{source.name}:{source.url}", lambda: [*files.entries(http, source, ".json")])
    return {entry.key: entry for entry in found}


def _stamp(entry: Entry, known: Mapping[str, Entry], source: Source) -> str | None:
    """Return a sign that changes with the document and with what lies beside it."""
    folder = _own_folder(entry.key)
    if folder is None or entry.version is None:
        return entry.version
    beside = {path: found.version for path, found in known.items() if path.startswith(folder)}
    if None in beside.values():
        return None
    said = json.dumps([sorted(beside.items()), _option(source, "file_lists")])
    return hashlib.sha1(said.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def _own_folder(path: str) -> str | None:
    """Return the folder of a document, with a slash, where it is named by an accession and so is the study's own."""
    folder = path.rpartition("/")[0]
    return f"{folder}/" if ACCESSION.fullmatch(folder.rpartition("/")[2]) else None


# --- fetching ------------------------------------------------------------------------------------------------------


def fetch(http: Http, source: Source, entry: Entry) -> bytes:
    """Return the study's document as it came; with its /info and file lists, within an object of these three.

    The object is ``{"study": the document, "info": {…}, "file_lists": {name: {"sha256", "size", "url"}}}``; a file
    list that the archive does not have is ``{"missing": status, "url"}``.

    Raises:
        SourceError: it cannot be read.
    """
    return _fetch_live(http, source, entry) if _is_live(source) else _fetch_file(http, source, entry)


def _fetch_live(http: Http, source: Source, entry: Entry) -> bytes:
    url = f"{_api(source)}/studies/{quote(entry.key)}"
    raw = http.get(url)
    study = _object(raw, url)
    if "section" not in study and isinstance(link := study.get("ftpHttp_link"), str):
        url = _forwarded(link, entry.key, source)
        raw = http.get(url)
        study = _object(raw, url)
    lists = {}
    for name in _list_names(study) if _option(source, "file_lists") else ():
        lists[name] = _downloaded(http, file_list_url(_site(source), entry.key, name))
    return _envelope(raw, _info(http, source, entry.key), lists)


def _forwarded(link: str, accession: str, source: Source) -> str:
    """Return where a forwarding object says that a study is; only the archive's own hosts are followed."""
    host = urlsplit(link).netloc
    is_own = host == urlsplit(source.url).netloc or re.fullmatch(r"(?:[\w-]+\.)*ebi\.ac\.uk", host)
    if not link.startswith(("http://", "https://")) or not is_own:
        raise SourceError(f"{accession} is said to be at {host or link[:80]!r}, which is no host of the archive")
    return f"{link.rstrip('/')}/{quote(accession)}.json"


def _downloaded(http: Http, url: str) -> Node:
    try:
        kept = http.download(url)
    except SourceError as err:
        if err.status in (404, 410):
            return {"missing": err.status, "url": url}
        raise
    return _attached(kept, url)


def _attached(kept: Attachment, url: str) -> Node:
    return {"sha256": kept.sha256, "size": kept.size, "url": url}


def _fetch_file(http: Http, source: Source, entry: Entry) -> bytes:
    raw = files.fetch(http, source, entry)
    folder = _own_folder(entry.key)
    if folder is None:
        return raw
    known = _listed(http, source)
    info: Node = {}
    if beside := known.get(f"{folder}info.json"):
        info = _kept_info(_object(files.fetch(http, source, beside), beside.key))
    lists = {}
    try:
        names = _list_names(_object(raw, entry.key)) if _option(source, "file_lists") else ()
    except SourceError:
        return raw  # not a bad source but a bad record, which transform rejects
    for name in names:
        if beside := known.get(folder + re.sub(r"[.](?:json|tsv)$", "", text.clean(name)) + ".json"):
            kept = http.keep(io.BytesIO(files.fetch(http, source, beside)))
            lists[name] = _attached(kept, beside.url or "")
    return _envelope(raw, info, lists) if info or lists else raw


def _list_names(study: Node) -> list[str]:
    """Return the file lists that a study names, sorted."""
    document = pagetab.read(study, lambda *_: None)
    return sorted({a.value for section in document.root.walk() for a in section.all("file list")})


def _envelope(raw: bytes, info: Node, lists: Node) -> bytes:
    beside = json.dumps({"info": info, "file_lists": lists}, sort_keys=True, ensure_ascii=False)
    return b'{"study":' + raw.removeprefix(b"\xef\xbb\xbf").strip() + b"," + beside[1:].encode("utf-8", "replace")


def attachments(payload: bytes) -> Iterable[str]:
    """Return the SHA-256 of every file list that a payload names."""
    try:
        lists = _object(payload, "the payload").get("file_lists")
    except SourceError:
        return []
    found = lists.values() if isinstance(lists, dict) else []
    return [str(kept["sha256"]) for kept in found if isinstance(kept, dict) and "sha256" in kept]


# --- one study -----------------------------------------------------------------------------------------------------


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    """Return the dataset that a page-tab document describes, alone or with what ``fetch`` put beside it.

    Raises:
        RecordError: not such a document, without an accession of an archive, or not public.
    """
    try:
        payload = _object(raw, entry.key)
    except SourceError as err:
        raise RecordError(str(err)) from err
    is_whole = "section" not in payload and isinstance(payload.get("study"), dict)
    document = payload["study"] if is_whole else payload
    info, lists = (_node(payload, name) if is_whole else {} for name in ("info", "file_lists"))
    if not isinstance(document.get("section"), dict):
        raise RecordError(f"section: {text.drop_emails(entry.key)[:100]} is not a page-tab document: it has no section")
    if info.get("isPublic") is False:
        raise RecordError("isPublic: the study is not public")
    accession, archive = _accession(document, entry, ctx.source)
    study = Study(ctx, accession, archive, document, info, {name: _opener(kept, ctx) for name, kept in lists.items()})
    return Harvested(study.dataset(), tuple(study.findings))


def _node(payload: Node, name: str) -> Node:
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def _accession(document: Node, entry: Entry, source: Source) -> tuple[str, str]:
    """Return the normalised accession and its archive: a source of an archive of its own may have others."""
    stated = str(document.get("accno"))
    try:
        accession = archives.accession(stated)
        archive = archives.archive_of(accession)
    except ValueError as err:
        accession, archive = stated.strip(), source.archive
        if archive in archives.ARCHIVES or not ACCESSION.fullmatch(accession):
            raise RecordError(f"accno: {err}") from err
    asked = entry.key
    if not asked.endswith(".json") and ACCESSION.fullmatch(asked) and asked.upper() != accession.upper():
        raise RecordError(f"accno: {asked} was asked for, {accession} came")
    return accession, archive


def _opener(kept: Any, ctx: Context) -> Callable[[], BinaryIO] | None:
    """Return what opens a kept file list; None for one that is missing."""
    digest = kept.get("sha256") if isinstance(kept, dict) else None
    return partial(ctx.open, str(digest)) if digest else None


HARVESTER = Harvester(
    name="biostudies",
    title="BioStudies and BioImage Archive",
    homepage="https://www.ebi.ac.uk/biostudies/",
    licence=None,
    entries=entries,
    fetch=fetch,
    transform=transform,
    route=1,
    attachments=attachments,
    doubtful=frozenset({"file-list-missing", "file-list-invalid"}),
)
