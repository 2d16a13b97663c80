"""The commands that find datasets: `hub search` and `hub basket`, of the data folder or of a hub on the web."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hub import baskets, batch, citations, client, config, manifests, snapshots
from hub.baskets import use_of
from hub.client import Summary
from hub.config import Settings
from hub.errors import ConfigError, HubError
from hub.manifests import Manifest, Pinned
from hub.search.asking import asked_of, parameters
from hub.search.contract import MAX_PER_PAGE, Asked, Hit
from hub.search.published import Searchers
from hub.snapshots import Snapshot
from hub.workers import WorkerPool

SHOWN = 20
AT_ONCE = 100
COLUMNS = (
    "iri", "archive", "accession", "title", "authors", "published", "licence", "size_bytes", "organisms", "methods",
    "doi", "url",
)  # fmt: skip
Parameters = list[tuple[str, str]]
Pieces = tuple[tuple[str, bool], ...]

ConfigOption = Annotated[
    str | None, typer.Option("--config", help="Settings file (default ./hub.toml, or HUB_CONFIG).")
]
WordsArgument = Annotated[str, typer.Argument(metavar="[WORDS]", help="What to look for; quoted where it has spaces.")]
UrlOption = Annotated[str | None, typer.Option(help="Address of a hub to ask, instead of the data folder.")]
ArchiveOption = Annotated[list[str] | None, typer.Option(help="Name of an archive, e.g. idr.")]
OrganismOption = Annotated[list[str] | None, typer.Option(help="Name or term of an organism; also those below it.")]
MethodOption = Annotated[list[str] | None, typer.Option(help="Name or term of an imaging method; also those below it.")]
YearOption = Annotated[list[str] | None, typer.Option(help="Year of publication.")]
LicenceOption = Annotated[list[str] | None, typer.Option(help="A licence, e.g. CC0 or CC-BY-4.0.")]
HasOption = Annotated[list[str] | None, typer.Option(help="What a dataset has, e.g. thumbnail, ome-zarr, annotations.")]
WhereOption = Annotated[
    list[str] | None, typer.Option(help="Another parameter of /search as NAME=VALUE, e.g. size_bytes_max=10GB.")
]


class SearchFormat(StrEnum):
    """How `hub search` writes what it found."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    BIBTEX = "bibtex"
    IDS = "ids"
    URLS = "urls"


@dataclass(frozen=True, slots=True)
class Row:
    """One study that was found: the dataset that is shown, and its title in pieces."""

    dataset: Summary
    title: Pieces


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found.

    Attributes:
        total: number of studies.
        total_bytes: sum of the sizes that are known.
        rows: the studies, read as they are needed.
        instead: words that were searched for instead; else empty.
        suggestions: other words that find something.
    """

    total: int
    total_bytes: int
    rows: Iterator[Row]
    instead: str = ""
    suggestions: tuple[tuple[str, int], ...] = ()


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(search)
    app.command()(basket)


def search(
    words: WordsArgument = "",
    archive: ArchiveOption = None,
    organism: OrganismOption = None,
    method: MethodOption = None,
    year: YearOption = None,
    licence: LicenceOption = None,
    has: HasOption = None,
    where: WhereOption = None,
    sort: Annotated[str, typer.Option(help="relevance, newest, oldest, title, largest or smallest.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Most studies; without it 20 in a table, else all.")] = None,
    fmt: Annotated[
        SearchFormat, typer.Option("--format", help="table, json, csv, bibtex, ids or urls (addresses of files).")
    ] = SearchFormat.TABLE,
    url: UrlOption = None,
    config_file: ConfigOption = None,
) -> None:
    """Find datasets by words and filters, in the data folder or at a hub on the web."""
    named = {"archive": archive, "organism": organism, "method": method, "year": year, "licence": licence, "has": has}
    asked = _asked(words, named, where, sort)
    if limit is None and fmt is SearchFormat.TABLE:
        limit = SHOWN
    with _source(url, config_file) as source:
        answer = source.find(asked)
        _tell(answer)
        if fmt is SearchFormat.TABLE:
            _print_table(answer, limit)
        else:
            for text in _written(source, answer.rows, limit, fmt):
                sys.stdout.write(text)
    if not answer.total:
        raise typer.Exit(1)


def basket(
    folder: Annotated[Path, typer.Argument(help="Folder that the files of the manifest are written to.")],
    words: WordsArgument = "",
    dataset: Annotated[
        list[str] | None, typer.Option(help="A dataset, e.g. bia/S-BIAD824, instead of a search.")
    ] = None,
    archive: ArchiveOption = None,
    organism: OrganismOption = None,
    method: MethodOption = None,
    year: YearOption = None,
    licence: LicenceOption = None,
    has: HasOption = None,
    where: WhereOption = None,
    commercial: Annotated[bool, typer.Option("--commercial", help="Only what may be used commercially.")] = False,
    url: UrlOption = None,
    config_file: ConfigOption = None,
) -> None:
    """Write one manifest of all that a search finds: Croissant, RO-Crate, tables, addresses, citations."""
    filters = {"archive": archive, "organism": organism, "method": method, "year": year, "licence": licence, "has": has}
    asked = _asked(words, filters, where)
    if bool(dataset) == (asked != Asked()):
        raise ConfigError("write words or filters of a search, or --dataset, and not both")
    with _source(url, config_file) as source:
        told = source.save(folder, asked, dataset or [], commercial)
    total = told["total"]
    out = Console(highlight=False)
    out.print(f"{folder}: {total['datasets']} datasets, {total['bytes']} bytes", markup=False, soft_wrap=True)
    if told["left_out"]:
        left = f"{len(told['left_out'])} datasets are left out for their licence"
        Console(stderr=True).print(left, style="yellow", highlight=False, soft_wrap=True)


def _asked(words: str, filters: dict[str, list[str] | None], where: list[str] | None, sort: str = "") -> Asked:
    """Return the search that options ask."""
    given = [("q", words), *((name, value) for name, values in filters.items() for value in values or [])]
    for pair in where or []:
        name, equals, value = pair.partition("=")
        if not equals or name in ("q", "page", "per_page"):
            raise ConfigError(f"--where {pair}: write NAME=VALUE, such as size_bytes_max=10GB")
        given.append((name, value))
    return asked_of([*given, *([("sort", sort)] if sort else [])])


# --- where datasets are found ------------------------------------------------------------------------------------


class _Folder:
    """The published snapshot of the data folder."""

    def __init__(self, settings: Settings, snapshot: Snapshot, pool: WorkerPool) -> None:
        self._settings, self._snapshot, self._pool = settings, snapshot, pool
        self._searcher = Searchers().of(snapshot)

    def find(self, asked: Asked) -> Answer:
        found = self._searcher.find(replace(asked, per_page=1))
        rows = map(_row_of_hit, self._searcher.every(asked))
        return Answer(found.total, found.total_bytes, rows, found.instead, found.suggestions)

    def bibtex(self, rows: Sequence[Row]) -> str:
        return citations.bibtex(self._records(rows))

    def urls(self, rows: Sequence[Row]) -> str:
        files = [file for record in self._records(rows) for file in manifests.files_of(record)]
        return "".join(f"{file.content_url}\n" for file in files if manifests.is_file(file))

    def _records(self, rows: Sequence[Row]) -> Iterator[Any]:
        return batch.records_of(self._pool, self._settings, (row.dataset.iri for row in rows))

    def save(self, folder: Path, asked: Asked, datasets: list[str], commercial: bool) -> dict[str, Any]:
        base = self._settings.base_iri
        names = [_name(text, base) for text in datasets]
        wanted = (baskets.iri_of(name, base) for name in names)
        found = wanted if names else (hit.member.iri for hit in self._searcher.every(asked))
        chosen = tuple(("d", name) for name in names) or tuple(parameters(asked))
        pinned = Pinned(base, self._snapshot.sequence, self._snapshot.created, chosen, commercial)
        iris = baskets.bounded(found, self._settings.max_basket)
        folder.mkdir(parents=True, exist_ok=True)
        with Manifest(pinned, batch.records_of(self._pool, self._settings, iris)) as made:
            for name in manifests.FILES:
                with (folder / name).open("wb") as out:
                    out.writelines(made.write(name))
            return {
                "total": {"datasets": made.totals.datasets, "bytes": made.totals.bytes},
                "left_out": made.totals.left_out,
            }


class _Web:
    """A hub on the web."""

    def __init__(self, hub: client.Hub) -> None:
        self._hub = hub

    def find(self, asked: Asked) -> Answer:
        filters: Any = _filters(asked)
        words = "".join(filters.pop("q", ()))
        found = self._hub.results(words, per_page=1, **filters)
        studies = self._hub.search(words, per_page=MAX_PER_PAGE, **filters)
        rows = (Row(study.dataset, study.title or ((study.dataset.title, False),)) for study in studies)
        return Answer(found.total, found.total_bytes, rows, found.instead, found.suggestions)

    def bibtex(self, rows: Sequence[Row]) -> str:
        return self._basket(rows).text("citations.bib")

    def urls(self, rows: Sequence[Row]) -> str:
        return self._basket(rows).text("urls.txt")

    def _basket(self, rows: Sequence[Row]) -> client.Basket:
        return self._hub.basket(datasets=[row.dataset.name for row in rows])

    def save(self, folder: Path, asked: Asked, datasets: list[str], commercial: bool) -> dict[str, Any]:
        filters: Any = {} if datasets else _filters(asked)
        words = "".join(filters.pop("q", ()))
        saved = self._hub.basket(words, datasets=datasets, commercial=commercial, **filters).save(folder)
        (pinned,) = (path for path in saved if path.name == "datasets.json")
        told: dict[str, Any] = json.loads(pinned.read_text(encoding="utf-8"))
        return told


def _filters(asked: Asked) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parameters(asked):
        found.setdefault(name, []).append(value)
    return found


def _name(text: str, base: str) -> str:
    try:
        return baskets.name_of(text, base)
    except ValueError as error:
        raise ConfigError(f"--dataset: {error}") from error


@contextmanager
def _source(url: str | None, config_file: str | None) -> Iterator[_Folder | _Web]:
    """Open the hub at an address, else the data folder's published snapshot."""
    if url is not None:
        try:
            with client.Hub(url) as hub:
                yield _Web(hub)
        except client.HubError as error:
            raise HubError(str(error)) from error
        return
    settings = config.load(config_file)
    snapshot = snapshots.current(settings.snapshots_dir)
    pool = WorkerPool(snapshot.graph, workers=1, spares=0, timeout_s=settings.query_timeout_s)
    try:
        yield _Folder(settings, snapshot, pool)
    finally:
        pool.close()


def _row_of_hit(hit: Hit) -> Row:
    title = tuple((piece.text, piece.is_match) for piece in hit.title)
    return Row(Summary(**asdict(hit.member)), title or ((hit.member.title, False),))


# --- how it is written -------------------------------------------------------------------------------------------


def _tell(answer: Answer) -> None:
    """Tell on standard error what was searched instead, and what else finds something."""
    err = Console(stderr=True, highlight=False)
    if answer.instead:
        err.print(f"nothing has these words; this is what is found for: {answer.instead}", style="yellow", markup=False)
    if not answer.total:
        meant = ", ".join(f"{words} ({studies})" for words, studies in answer.suggestions)
        err.print(f"nothing was found{'; try ' + meant if meant else ''}", style="yellow", markup=False)


def _print_table(answer: Answer, limit: int | None) -> None:
    if not answer.total:
        return
    out = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    table = Table("dataset", "title", "published", "size", "licence")
    table.columns[0].no_wrap = True
    table.columns[3].justify = "right"
    for row in islice(answer.rows, limit):
        title = Text.assemble(*((text, "bold yellow" if is_match else "") for text, is_match in row.title))
        told = row.dataset
        name = Text(told.name, style=f"link {told.url}" if told.url else "")
        table.add_row(name, title, told.published, _size(told.size_bytes), use_of(told.licence).licence)
    out.print(table)
    out.print(
        f"{table.row_count} of {answer.total} studies; {_size(answer.total_bytes)} in all that say their size",
        markup=False,
    )


def _size(number: int | None) -> str:
    """Return a number of bytes as people read it.

    >>> _size(1_234_567), _size(0), _size(None)
    ('1.2 MB', '0 B', '')
    """
    if number is None:
        return ""
    value, units = float(number), ["B", "kB", "MB", "GB", "TB", "PB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def _written(source: _Folder | _Web, rows: Iterator[Row], limit: int | None, fmt: SearchFormat) -> Iterator[str]:
    wanted = islice(rows, limit)
    if fmt is SearchFormat.IDS:
        yield from (f"{row.dataset.name}\n" for row in wanted)
    elif fmt is SearchFormat.JSON:
        yield json.dumps([_told(row) for row in wanted], ensure_ascii=False, indent=1) + "\n"
    elif fmt is SearchFormat.CSV:
        yield from _csv(wanted)
    else:
        write = source.bibtex if fmt is SearchFormat.BIBTEX else source.urls
        while some := list(islice(wanted, AT_ONCE)):
            yield write(some)


def _told(row: Row) -> dict[str, Any]:
    return {name: value for name, value in asdict(row.dataset).items() if name != "page"}


class _Lines:
    """What a CSV writer writes to, one line at a time."""

    line = ""

    def write(self, text: str) -> None:
        """Keep the line."""
        self.line = text


def _csv(rows: Iterator[Row]) -> Iterator[str]:
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(COLUMNS)
    yield lines.line
    for row in rows:
        told = asdict(row.dataset)
        writer.writerow(manifests.cell("; ".join(v) if isinstance(v := told[name], tuple) else v) for name in COLUMNS)
        yield lines.line
