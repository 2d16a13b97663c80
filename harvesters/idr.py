"""IDR, the Image Data Resource, from the repositories in which its curators keep the metadata.

Live URL: https://github.com/IDR. The web site's ``studies.tsv`` lists the published studies; each is described in a
repository of its own, old ones in a folder of ``IDR/idr-metadata``: a study file, and for each screen or experiment an
annotation table with its bulkmap configuration. A listing costs four requests, all conditional: ``studies.tsv``,
``download_urls.tsv``, the organisation's repositories (100 a page) and the folders of ``idr-metadata``; what says
that a study has not changed is when its repository was last pushed to, or the hash of its folder. A changed study is
one tarball, read as a stream. Any other URL is a folder, zip or repository of study folders (``idr0094-…/``, beside
one another or below ``studies/`` and ``annotations/``) and, if they are there, the two lists of the web site.

A payload is an envelope that names the study's files by their SHA-256; the files are kept beside it. The accession
alone says which study a folder is of: names change, and old ones stay behind.
Source: https://idr.openmicroscopy.org/about/submission.html and https://github.com/IDR/idr-metadata
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from urllib.parse import quote

from harvesters import files, idr_biology, idr_columns, idr_record, idr_study, idr_tables, idr_tallies
from harvesters.contract import Attachment, Context, Entry, Harvested, Harvester, Http, RecordError, Source, SourceError
from ontology import archives

Node = dict[str, Any]
Rows = list[dict[str, str]]

HOME: Final = archives.ARCHIVES["idr"]
ORGANISATION: Final = re.compile(r"https://github\.com/([\w-]+)/?")
WEBSITE: Final = "idr.openmicroscopy.org"
SHARED: Final = "idr-metadata"
PER_PAGE: Final = 100
MAX_PAGES: Final = 50
STUDY_FOLDER: Final = re.compile(r"(idr\d{4})(?:-[\w.-]*)?", re.ASCII)
STUDY_FILE: Final = re.compile(r"[^/]*-study\.txt", re.IGNORECASE)
TABLE: Final = re.compile(r"[^/]*annotations?(?:[_-]\w+)?\.csv(?:\.gz|\.zip)?", re.IGNORECASE)
CONFIG: Final = re.compile(r"[^/]*bulkmap-config\.ya?ml", re.IGNORECASE)
COMPONENT: Final = re.compile(r"(?:screen|experiment)[A-Z]\w*/", re.IGNORECASE)
UNPUBLISHED: Final = re.compile(r"(?:^|/)unpublished/", re.IGNORECASE)
LISTS: Final = ("studies.tsv", "download_urls.tsv")
SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(slots=True)
class Place:
    """Where a study is.

    Attributes:
        directory: name of its folder or repository.
        version: sign that its files have not changed; None when unknown.
        url: page or address of its folder.
        repository: repository that holds it, for a live one.
        paths: path in the study → entry of `files`, for one in a tree of files.
        others: further folders of the same accession, which are not read.
    """

    directory: str
    version: str | None = None
    url: str | None = None
    repository: str | None = None
    paths: dict[str, Entry] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Catalogue:
    """What a listing found: studies by accession; ``published`` is None where nothing lists what is published."""

    places: dict[str, Place]
    published: dict[str, Rows] | None
    downloads: dict[str, Rows]


# --- listing -------------------------------------------------------------------------------------------------------


def entries(http: Http, source: Source) -> Iterator[Entry]:
    """Yield one entry for each published study, or for each study that a tree of files holds; the key is its accession.

    A published study without a repository is an entry too, which `fetch` refuses.

    Raises:
        SourceError: a list is refused, incomplete or not what it should be, or nothing at all was listed.
    """
    catalogue = _catalogue(http, source)
    keys = catalogue.published if _owner(source) and catalogue.published is not None else catalogue.places
    if not keys:
        raise SourceError(f"{source.url} lists no study: is it still what [sources.{source.name}] expects?")
    for key in sorted(keys):
        place = catalogue.places.get(key)
        yield Entry(key) if place is None else Entry(key, _version(catalogue, key, place), place.url)


def _catalogue(http: Http, source: Source) -> Catalogue:
    owner = _owner(source)
    make = (lambda: _live(http, source, owner)) if owner else (lambda: _tree(http, source))
    return http.once(f"idr:{source.name}:{source.url}", make)


def _owner(source: Source) -> str | None:
    found = ORGANISATION.fullmatch(source.url)
    return found[1] if found else None


def _version(catalogue: Catalogue, key: str, place: Place) -> str | None:
    """Return what changes with the study's files, and with what the web site's lists say of it."""
    if place.version is None:
        return None
    listed = [catalogue.published and catalogue.published.get(key), catalogue.downloads.get(key)]
    said = json.dumps([place.directory, place.version, place.others, *listed], sort_keys=True)
    return hashlib.sha1(said.encode(), usedforsecurity=False).hexdigest()


def _live(http: Http, source: Source, owner: str) -> Catalogue:
    raw = f"{_option(source, 'github_raw', files.GITHUB_RAW)}/{owner}/{WEBSITE}/HEAD/_data"
    published = _by_accession(_rows(http.get(f"{raw}/studies.tsv"), "studies.tsv", "Study"), "Study")
    try:
        downloads = _by_accession(_rows(http.get(f"{raw}/download_urls.tsv"), "download_urls.tsv", "idrid"), "idrid")
    except SourceError as err:
        if err.status not in (404, 410):
            raise
        downloads = {}
    return Catalogue(_repositories(http, source, owner, published), published, downloads)


def _option(source: Source, name: str, default: str) -> str:
    return str(source.options.get(name, default)).rstrip("/")


def _repositories(http: Http, source: Source, owner: str, published: Mapping[str, Rows]) -> dict[str, Place]:
    """Return the places of all studies: repositories, and folders of the shared one."""
    api = _option(source, "github_api", files.GITHUB_API)
    found: dict[str, list[Place]] = {}
    for page in range(1, MAX_PAGES + 1):
        repositories = _json(http, f"{api}/orgs/{owner}/repos?per_page={PER_PAGE}&page={page}", list)
        for one in repositories:
            name = str(one.get("name", "")) if isinstance(one, dict) else ""
            if study := STUDY_FOLDER.fullmatch(name):
                url = f"https://github.com/{owner}/{name}"
                found.setdefault(study[1], []).append(Place(name, one.get("pushed_at"), url, name))
        if len(repositories) < PER_PAGE:
            break
    else:
        raise SourceError(f"{owner} has more than {MAX_PAGES * PER_PAGE} repositories: is the listing paged?")
    tree = _json(http, f"{api}/repos/{owner}/{SHARED}/git/trees/HEAD", dict)
    if tree.get("truncated") or not isinstance(tree.get("tree"), list):
        raise SourceError(f"{api} gave no complete listing of {owner}/{SHARED}")
    for item in tree["tree"]:
        name = str(item.get("path", ""))
        if (study := STUDY_FOLDER.fullmatch(name)) and item.get("type") == "tree":
            url = f"https://github.com/{owner}/{SHARED}/tree/HEAD/{quote(name)}"
            found.setdefault(study[1], []).append(Place(name, item.get("sha"), url, SHARED))
    return {key: _chosen(places, published.get(key)) for key, places in found.items()}


def _json(http: Http, url: str, kind: type) -> Any:
    try:
        found = json.loads(http.get(url))
    except (ValueError, RecursionError) as err:
        raise SourceError(f"{url} did not answer with JSON") from err
    if not isinstance(found, kind):
        raise SourceError(f"{url} answered with {type(found).__name__}, not {kind.__name__}")
    return found


def _chosen(places: list[Place], rows: Rows | None) -> Place:
    """Return the folder that the list of published studies names, else the last; the others are remembered."""
    named = {row.get("Study", "") for row in rows or ()}
    ranked = sorted(places, key=lambda place: (place.directory in named, place.repository != SHARED, place.directory))
    chosen = ranked[-1]
    chosen.others = sorted({place.directory for place in places} - {chosen.directory})
    if chosen.directory in named:
        chosen.others = []
    return chosen


def _rows(body: bytes, name: str, key: str) -> Rows:
    """Return the rows of a tab-separated list of the web site; one without its key column is not that list."""
    decoded = body.decode("utf-8-sig", "replace")
    reader = csv.DictReader(io.StringIO(decoded), delimiter="\t", quoting=csv.QUOTE_NONE)
    if key not in (reader.fieldnames or ()):
        raise SourceError(f"{name} has no column {key!r}: is it still the list of the web site?")
    return [{k: v for k, v in row.items() if k and v} for row in reader]


def _by_accession(rows: Iterable[dict[str, str]], key: str) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for row in rows:
        if study := STUDY_FOLDER.fullmatch(row.get(key, "").strip()):
            found.setdefault(study[1], []).append(row)
    return found


# --- trees of files ------------------------------------------------------------------------------------------------


def _tree(http: Http, source: Source) -> Catalogue:
    lists: dict[str, Entry] = {}
    folders: dict[str, Place] = {}
    for entry in files.entries(http, source, ""):
        name = entry.key.rpartition("/")[2]
        if name in LISTS and (name not in lists or len(entry.key) < len(lists[name].key)):
            lists[name] = entry
        parts = entry.key.split("/")
        depth = next((n for n, part in enumerate(parts[:-1]) if STUDY_FOLDER.fullmatch(part)), None)
        if depth is not None and _is_wanted(path := "/".join(parts[depth + 1 :])):
            place = folders.setdefault(parts[depth], Place(parts[depth], "", _above(entry.url, len(parts) - depth - 1)))
            place.paths[path] = entry
    studies, downloads = (
        _by_accession(_rows(files.fetch(http, source, lists[name]), name, key), key) if name in lists else None
        for name, key in zip(LISTS, ("Study", "idrid"), strict=True)
    )
    grouped: dict[str, list[Place]] = {}
    for place in folders.values():
        place.version = _stamp(place.paths)
        grouped.setdefault(place.directory[:7], []).append(place)
    places = {key: _chosen(found, (studies or {}).get(key)) for key, found in grouped.items()}
    return Catalogue(places, studies, downloads or {})


def _above(url: str | None, levels: int) -> str | None:
    return url.rsplit("/", levels)[0] + "/" if url else None


def _stamp(paths: Mapping[str, Entry]) -> str | None:
    stamps = [(path, entry.version) for path, entry in sorted(paths.items())]
    if any(version is None for _, version in stamps):
        return None
    return hashlib.sha1(repr(stamps).encode(), usedforsecurity=False).hexdigest()


def _is_wanted(path: str) -> bool:
    """Tell the files that describe a study, by their path in it."""
    name = path.rpartition("/")[2]
    if UNPUBLISHED.search(path):
        return False
    if STUDY_FILE.fullmatch(name):
        return True
    return bool(COMPONENT.match(path) and (TABLE.fullmatch(name) or CONFIG.fullmatch(name)))


# --- fetching ------------------------------------------------------------------------------------------------------


def fetch(http: Http, source: Source, entry: Entry) -> bytes:
    """Keep the files of one study and return its envelope.

    Raises:
        SourceError: no folder or repository of the study, or its files cannot be read.
    """
    catalogue = _catalogue(http, source)
    place = catalogue.places.get(entry.key)
    if place is None:
        raise SourceError(f"{entry.key}: {source.url} has no repository and no folder of this study")
    held = _keep_live(http, source, place) if place.repository else _keep_files(http, source, place)
    envelope = {
        "accession": entry.key,
        "directory": place.directory,
        "others": place.others,
        "containers": None if catalogue.published is None else catalogue.published.get(entry.key, []),
        "downloads": catalogue.downloads.get(entry.key, []),
        "files": {path: {**asdict(kept), "url": url} for path, (kept, url) in held.items()},
    }
    return json.dumps(envelope, sort_keys=True, indent=1, ensure_ascii=False).encode()


Held = dict[str, tuple[Attachment, str | None]]


def _keep_files(http: Http, source: Source, place: Place) -> Held:
    held: Held = {}
    for path, entry in sorted(place.paths.items()):
        with files.opened(http, source, entry) as stream:
            held[path] = (http.keep(stream), None)
    return held


def _keep_live(http: Http, source: Source, place: Place) -> Held:
    """Keep the files of a study from its repository's tarball; the shared one is downloaded once in a run."""
    owner, repository = _owner(source) or "", place.repository or ""
    url = f"{_option(source, 'github_tarball', files.GITHUB_TARBALL)}/{owner}/{repository}/tar.gz/HEAD"
    page = f"https://github.com/{owner}/{repository}/blob/HEAD"
    below = f"{place.directory}/" if repository == SHARED else ""
    kept = http.once(f"idr:{url}", lambda: _unpacked(http, url)) if below else _unpacked(http, url)
    return {
        path.removeprefix(below): (attachment, f"{page}/{quote(path)}")
        for path, attachment in kept.items()
        if path.startswith(below) and _is_wanted(path.removeprefix(below))
    }


def _unpacked(http: Http, url: str) -> dict[str, Attachment]:
    """Keep all files of a tarball that describe studies."""

    def is_wanted(path: str) -> bool:
        return _is_wanted(path) or _is_wanted(path.partition("/")[2])

    with http.open(http.download(url).sha256) as stream:
        return {path: http.keep(member) for path, member in files.members(stream, url, is_wanted)}


# --- one study -----------------------------------------------------------------------------------------------------


def attachments(payload: bytes) -> Iterator[str]:
    """Yield the SHA-256 of each file that an envelope names."""
    for file in json.loads(payload)["files"].values():
        yield file["sha256"]


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    """Return the dataset that a study's files describe.

    Raises:
        RecordError: not an envelope of `fetch`, not published, without a file that describes it, or one not kept.
    """
    envelope = _envelope(raw, entry)
    paths = sorted(envelope["files"])
    studies = [path for path in paths if STUDY_FILE.fullmatch(_name(path))]
    study_path = min(studies, key=lambda path: (path.count("/"), path), default=None)
    tables = _without_copies([p for p in paths if TABLE.fullmatch(_name(p))])
    if envelope["containers"] == []:
        raise RecordError(f"studies.tsv: {envelope['accession']} is not among the studies that IDR has published")
    if study_path is None and not tables:
        raise RecordError(f"study file: {envelope['directory']} holds no study file and no annotation table")
    return _Reading(envelope, ctx, study_path, tables).harvested()


def _envelope(raw: bytes, entry: Entry) -> Node:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as err:
        raise RecordError(f"{entry.key}: the payload is not JSON") from err
    accession = found.get("accession") if isinstance(found, dict) else None
    if not isinstance(accession, str) or not re.fullmatch(HOME.accession_pattern, accession, re.ASCII):
        raise RecordError(f"{entry.key}: the payload is not an envelope of a study of IDR")
    held = found.get("files")
    if not isinstance(held, dict) or not all(_is_file(file) for file in held.values()):
        raise RecordError(f"{entry.key}: the payload's files are not named by their SHA-256")
    containers, downloads = found.get("containers"), found.get("downloads") or []
    rows = [containers, downloads]
    if any(not (row is None or (isinstance(row, list) and all(isinstance(r, dict) for r in row))) for row in rows):
        raise RecordError(f"{entry.key}: the payload's rows are not rows")
    return {
        **found,
        "containers": containers,
        "downloads": downloads,
        "directory": str(found.get("directory") or accession),
    }


def _is_file(file: Any) -> bool:
    return isinstance(file, dict) and SHA256.fullmatch(str(file.get("sha256"))) is not None


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _without_copies(tables: list[str]) -> list[str]:
    """Leave out a compressed table beside the same one in plain."""
    held = set(tables)
    return [path for path in tables if not (found := re.fullmatch(r"(.*)\.(?:gz|zip)", path)) or found[1] not in held]


class _Reading:
    """Reads the files that an envelope names."""

    def __init__(self, envelope: Node, ctx: Context, study_path: str | None, tables: list[str]) -> None:
        self.envelope, self.ctx, self.tables = envelope, ctx, tables
        self.study = idr_study.read(self._bytes(study_path, idr_study.MAX_STUDY_BYTES)) if study_path else None
        self.found = idr_tallies.Annotations()
        self.configs: dict[str, tuple[idr_columns.Mapping, ...] | str] = {}

    def harvested(self) -> Harvested:
        self._read_tables()
        accession, directory = self.envelope["accession"], self.envelope["directory"]
        builder = idr_record.Study(
            self.ctx,
            accession,
            directory,
            self.study,
            self.found,
            self.envelope["containers"] or [],
            self.envelope["downloads"],
        )
        self._report(builder)
        return Harvested(builder.dataset(), tuple(builder.findings))

    def _bytes(self, path: str, limit: int) -> bytes:
        with self.ctx.open(self.envelope["files"][path]["sha256"]) as stream:
            return stream.read(limit)

    def _read_tables(self) -> None:
        head = self.study.head if self.study else idr_study.Block("Study")
        blocks = {idr_record.component_name(b.name): b for b in (self.study.components if self.study else [])}
        for path in self.tables:
            role = idr_biology.role_of(head, blocks.get(path.split("/")[0]))
            config = self._config(path)
            with self.ctx.open(self.envelope["files"][path]["sha256"]) as stream:
                idr_tables.read_table(stream, path, config, role, self.found)

    def _config(self, table: str) -> tuple[idr_columns.Mapping, ...] | None:
        """Return the configuration of a table: of its own folder and name first, then of the folders above."""
        folder, name = table.rpartition("/")[0], _name(table)
        stem = re.sub(r"-?annotation.*", "", name)
        paths = [path for path in self.envelope["files"] if CONFIG.fullmatch(_name(path))]
        near = [path for path in paths if folder == (own := path.rpartition("/")[0]) or folder.startswith(f"{own}/")]
        ranked = sorted(near, key=lambda p: (-p.count("/"), not _name(p).startswith(f"{stem}-bulkmap"), p))
        for path in ranked:
            if path not in self.configs:
                self.configs[path] = self._read_config(path)
            found = self.configs[path]
            if not isinstance(found, str):
                return found
        return None

    def _read_config(self, path: str) -> tuple[idr_columns.Mapping, ...] | str:
        try:
            return idr_columns.read_config(self._bytes(path, idr_columns.MAX_CONFIG_BYTES))
        except ValueError as err:
            return str(err)

    def _report(self, builder: idr_record.Study) -> None:
        if self.study is None:
            builder.find("study file", "study-missing", "", "there are only annotation tables, and no study file")
        else:
            self._check_name(builder, self.study.head.first(idr_study.STUDY_NAME))
            for problem in self.study.problems:
                builder.find(problem.field, problem.rule, "", problem.message)
        if others := self.envelope.get("others"):
            message = f"several folders are of this study; {self.envelope['directory']} was taken"
            builder.find("study file", "directory-ambiguous", ", ".join(map(str, others)), message)
        for path, found in self.configs.items():
            if isinstance(found, str):
                builder.find(path, "config-broken", "", found)
        for (place, rule, message), odd in self.found.oddities.items():
            counted = f"{message} ({odd.rows} rows)" if odd.rows else message
            builder.find(place, rule, odd.value, counted)

    def _check_name(self, builder: idr_record.Study, stated: str | None) -> None:
        try:
            is_same = stated is None or archives.accession(stated) == builder.accession
        except ValueError:
            is_same = False
        if not is_same:
            message = "the study file states another accession than its folder, which counts"
            builder.find(idr_study.STUDY_NAME, "accession-mismatch", stated, message, builder.accession)


HARVESTER = Harvester(
    name="idr",
    title="Image Data Resource",
    homepage=HOME.homepage,
    licence=HOME.licence,
    entries=entries,
    fetch=fetch,
    transform=transform,
    attachments=attachments,
    version=2,
)
