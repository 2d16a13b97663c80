"""Searches with all facets, beside SQLite FTS5 and a plain SPARQL CONTAINS, over the hub that `searching` makes.

Run as ``python -m tests.benchmarks.search_queries --datasets 100000``. Every engine gives the first 20 studies; the hub
and FTS5 give the total and the counts of ten facets too. The hub also makes excerpts, and says which fields matched.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from pyoxigraph import Store

from hub import snapshots
from hub.config import Settings
from hub.genes import Genes
from hub.search.asking import asked_of
from hub.search.contract import FACETS
from hub.search.documents import Documents
from hub.search.searcher import MOST_VALUES, Searcher
from tests.benchmarks import fts5, searching

COMMON = ("cell", "brain", "zebrafish", "protein", "imaging", "membrane", "nuclear", "development")
OTHER = ("biofilm", "flagellum", "lamella", "centrosome", "hippocampus", "retina", "cartilage", "wound")
MOUSE = "http://purl.obolibrary.org/obo/NCBITaxon_10090"
PAGE = 20


class Asked(NamedTuple):
    """One search, in the language of each engine.

    Attributes:
        parameters: of the hub.
        match: expression of FTS5, or "".
        texts: what CONTAINS looks for.
        facet: name and value of a filter, or nothing.
    """

    parameters: tuple[tuple[str, str], ...]
    match: str = ""
    texts: tuple[str, ...] = ()
    facet: tuple[str, str] | None = None


def searches(known: list[str]) -> dict[str, list[Asked]]:
    """Return the searches by kind; ``known`` are words of which each is in few studies."""
    pairs = list(zip(COMMON, OTHER, strict=True))
    return {
        "common word": [Asked((("q", w),), f'"{w}"', (w,)) for w in COMMON],
        "rare word": [Asked((("q", w),), f'"{w}"', (w,)) for w in known[:8]],
        "two words": [Asked((("q", f"{a} {b}"),), f'"{a}" "{b}"', (a, b)) for a, b in pairs],
        "phrase": [Asked((("q", f'"{a} {b}"'),), f'"{a} {b}"', (f"{a} {b}",)) for a, b in pairs],
        "beginning": [Asked((("q", f"{w[:5]}*"),), f'"{w[:5]}" *', (w[:5],)) for w in (*COMMON, *OTHER)[4:12]],
        "word, filter": [Asked((("q", w), ("organism", MOUSE)), f'"{w}"', (w,), ("organism", MOUSE)) for w in COMMON],
        "everything": [Asked(())],
    }


# --- engines ------------------------------------------------------------------------------------------------------


def peer(settings: Settings) -> sqlite3.Connection:
    """Return the FTS5 index of the same documents, built once beside the hub's data."""
    path = settings.data_dir.parent / "queries.sqlite"
    if not path.is_file():
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        documents = Documents(_graph(settings), None, Genes.of(settings), settings.base_iri)
        fts5.build(part, map(documents.content, documents.every()))
        part.rename(path)
    return sqlite3.connect(path, check_same_thread=False)


def ask_peer(db: sqlite3.Connection, asked: Asked) -> int:
    """Give a page, the total and the counts of all facets by FTS5; return the total."""
    where, values = "1", []
    if asked.match:
        where, values = "id IN (SELECT rowid FROM words WHERE words MATCH ?)", [asked.match]
    if asked.facet:
        where += " AND id IN (SELECT study FROM facet WHERE name = ? AND value = ?)"
        values += asked.facet
    db.execute("CREATE TEMP TABLE IF NOT EXISTS hits (id INTEGER PRIMARY KEY)")
    db.execute("DELETE FROM temp.hits")
    db.execute(f"INSERT INTO temp.hits SELECT id FROM study WHERE {where}", values)
    if asked.match:
        page = "SELECT shown FROM (SELECT rowid AS id, rank FROM words WHERE words MATCH ?) JOIN hits USING (id) "
        page += f"JOIN study USING (id) ORDER BY rank LIMIT {PAGE}"
        db.execute(page, [asked.match]).fetchall()
    else:
        db.execute(f"SELECT shown FROM study JOIN hits USING (id) ORDER BY published DESC LIMIT {PAGE}").fetchall()
    for one in FACETS:
        counts = "SELECT value, count(*) AS n FROM hits JOIN facet ON study = id WHERE name = ? GROUP BY value "
        db.execute(f"{counts} ORDER BY n DESC LIMIT {MOST_VALUES}", [one.name]).fetchall()
    return int(db.execute("SELECT count(*) FROM hits").fetchone()[0])


def ask_graph(graph: Store, asked: Asked) -> int:
    """Look for texts in titles and descriptions by SPARQL, without facets or total; return the length of the page."""
    tests = "".join(f" FILTER(CONTAINS(LCASE(CONCAT(?name, ' ', ?text)), {json.dumps(text)}))" for text in asked.texts)
    about = f"?d schema:about <{asked.facet[1]}> ." if asked.facet else ""
    query = (
        "PREFIX schema: <http://schema.org/> SELECT ?d ?name { ?d a schema:Dataset ; schema:name ?name . "
        f"OPTIONAL {{ ?d schema:description ?said }} BIND(COALESCE(?said, '') AS ?text) {about} {tests} }} LIMIT {PAGE}"
    )
    return len(list(graph.query(query)))  # type: ignore[arg-type]


def _graph(settings: Settings) -> Store:
    return Store.read_only(str(snapshots.current(settings.snapshots_dir).graph))


# --- measuring ----------------------------------------------------------------------------------------------------


def measured(kinds: dict[str, list[Asked]], ask: Callable[[Asked], int], times: int) -> dict[str, list[float]]:
    """Return the milliseconds of every search by kind; each was asked once before."""
    found: dict[str, list[float]] = {}
    for kind, several in kinds.items():
        for asked in several:
            ask(asked)
        found[kind] = [_milliseconds(ask, asked) for _ in range(times) for asked in several]
    return found


def _milliseconds(ask: Callable[[Asked], int], asked: Asked) -> float:
    began = time.perf_counter()
    ask(asked)
    return (time.perf_counter() - began) * 1000


def rare_words(searcher: Searcher) -> list[str]:
    """Return words of titles that are in two to twenty studies."""
    words = {word for hit in searcher.find(asked_of([("per_page", "200")])).hits for word in hit.member.title.split()}
    plain = sorted(word.lower() for word in words if word.isalpha() and len(word) > 5)
    random.Random(3).shuffle(plain)
    return [word for word in plain if 2 <= searcher.find(asked_of([("q", word), ("exact", "1")])).total <= 20]


def hostile() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield searches that are meant to take long."""
    yield "eight beginnings of one letter", [("q", " ".join(f"{letter}*" for letter in "abcdefgh"))]
    yield "64 common words", [("q", " ".join((*COMMON, *OTHER) * 4))]
    yield "64 unknown words", [("q", " ".join(f"quok{chr(97 + i % 26)}{chr(97 + i // 26)}zz" for i in range(64)))]
    yield "a word of 3,900 letters", [("q", "x" * 3900)]
    yield "64 excluded words", [("q", " ".join(f"-{word}" for word in (*COMMON, *OTHER) * 4))]
    yield "the last page", [("page", "50"), ("per_page", "200")]


def main() -> None:
    """Print how long searches take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=100_000, help="datasets in the hub")
    parser.add_argument("--folder", type=Path, default=searching.FOLDER, help="where the hub is made")
    parser.add_argument("--times", type=int, default=5, help="how often each search is asked")
    options = parser.parse_args()
    settings = searching.hub(options.datasets, options.folder)
    searcher = Searcher(snapshots.current(settings.snapshots_dir).search)
    graph = _graph(settings)
    kinds = searches(rare_words(searcher))
    with contextlib.closing(peer(settings)) as db:
        found = {
            "hub": measured(kinds, lambda asked: searcher.find(asked_of(asked.parameters)).total, options.times),
            "FTS5": measured(kinds, lambda asked: ask_peer(db, asked), options.times),
            "CONTAINS": measured(kinds, lambda asked: ask_graph(graph, asked), max(1, options.times // 5)),
        }
    print(f"{searcher.studies} studies; milliseconds, p50 / p95")
    print(f"{'':14}" + "".join(f"{name:>20}" for name in found) + f"{'FTS5 / hub':>14}{'CONTAINS / hub':>16}")
    for kind in kinds:
        middle = {name: statistics.median(times[kind]) for name, times in found.items()}
        high = {name: _p95(times[kind]) for name, times in found.items()}
        row = "".join(f"{middle[name]:12.1f} /{high[name]:6.0f}" for name in found)
        print(f"{kind:14}{row}{middle['FTS5'] / middle['hub']:14.1f}{middle['CONTAINS'] / middle['hub']:16.1f}")
    for name, parameters in hostile():
        told = _milliseconds(lambda one: searcher.find(asked_of(one.parameters)).total, Asked(tuple(parameters)))
        print(f"{name:34}{told:10.0f} ms")
    for typed in ("ze", "mito", "light sh"):
        told = _milliseconds(lambda one: len(searcher.suggest(one.match)), Asked((), typed))
        print(f"suggest {typed!r:26}{told:10.1f} ms")
    print(f"two threads do {_two_threads(searcher):.2f} times the work of one in the same time")


def _p95(times: list[float]) -> float:
    return sorted(times)[max(0, round(len(times) * 0.95) - 1)]


def _two_threads(searcher: Searcher) -> float:
    def work() -> None:
        for word in COMMON * 3:
            searcher.find(asked_of([("q", word)]))

    def timed(count: int) -> float:
        threads = [threading.Thread(target=work) for _ in range(count)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - began

    return 2 * timed(1) / timed(2)


if __name__ == "__main__":
    main()
