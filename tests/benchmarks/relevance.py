"""How good the first results are: judged searches over the corpus, ``python -m tests.benchmarks.relevance [DATA]``.

DATA is the data folder of a hub of the corpus; without it the corpus is harvested. Searches for one known study are
measured by the mean reciprocal rank (MRR), topics by nDCG@10 over graded judgements (0 to 3); what nobody judged
counts as 0. SQLite FTS5 is asked the same over the same texts, with the same weights of fields.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pyoxigraph import Store

from harvesters.contract import Source
from hub import ingest, snapshots
from hub.config import Settings
from hub.genes import Genes
from hub.search import layout
from hub.search.asking import asked_of
from hub.search.documents import Documents
from hub.search.fields import FIELDS
from hub.search.searcher import Searcher

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
JUDGED = ROOT / "tests" / "judged" / "searches.json"
BASE = "https://hub.example.org/"
DEPTH = 10
SOURCES = (
    ("bia", "bia", "crates", "crates/bia"),
    ("idr", "idr", "crates", "crates/idr"),
    ("ssbd", "ssbd", "crates", "crates/ssbd-2026-03-10"),
    ("empiar", "empiar", "empiar", "empiar/api_json"),
)
Names = frozenset[str]
Ask = Callable[[str], Sequence[Names]]
"""Asks for some words and gives the studies found, best first, each as the names of its datasets."""


class Measured(NamedTuple):
    """How well one engine does.

    Attributes:
        mrr: mean reciprocal rank of the known studies.
        tune: mean nDCG@10 of the topics that weights were chosen by.
        held_out: of the other topics.
        each: value of every search.
    """

    mrr: float
    tune: float
    held_out: float
    each: dict[str, float]

    @property
    def ndcg(self) -> float:
        """Mean nDCG@10 of all topics."""
        topics = [self.each[topic["query"]] for topic in judged()["topics"]]
        return sum(topics) / len(topics)


def judged() -> dict[str, Any]:
    """Return the judged searches."""
    found: dict[str, Any] = json.loads(JUDGED.read_text(encoding="utf-8"))
    return found


def measure(ask: Ask) -> Measured:
    """Ask an engine every judged search."""
    searches = judged()
    known = {one["query"]: _reciprocal_rank(ask(one["query"]), one["answer"]) for one in searches["known"]}
    topics = {one["query"]: _ndcg(ask(one["query"]), one["grades"]) for one in searches["topics"]}
    sets = {name: [topics[t["query"]] for t in searches["topics"] if t["set"] == name] for name in ("tune", "held-out")}
    return Measured(_mean(known.values()), _mean(sets["tune"]), _mean(sets["held-out"]), {**known, **topics})


def _reciprocal_rank(found: Sequence[Names], answer: str) -> float:
    return next((1 / rank for rank, names in enumerate(found, 1) if answer in names), 0.0)


def _ndcg(found: Sequence[Names], grades: dict[str, int]) -> float:
    """Normalised discounted cumulative gain of the first ten, with gains of 2**grade - 1; a study counts once."""
    gained = [max((grades.get(name, 0) for name in names), default=0) for names in found[:DEPTH]]
    return _dcg(gained) / _dcg(sorted(grades.values(), reverse=True)[:DEPTH])


def _dcg(grades: Iterable[int]) -> float:
    return float(sum((2**grade - 1) / math.log2(rank + 1) for rank, grade in enumerate(grades, 1)))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


# --- engines ------------------------------------------------------------------------------------------------------


def harvested(folder: Path) -> Settings:
    """Harvest the corpus into a folder and return the settings of the hub."""
    sources = {
        name: Source(name=name, harvester=harvester, archive=archive, url=str(CORPUS / place))
        for name, archive, harvester, place in SOURCES
    }
    settings = Settings(data_dir=folder, base_iri=BASE, sources=sources)
    ingest.harvest(settings, list(sources))
    return settings


def hub(settings: Settings) -> Ask:
    """Return how the hub is asked."""
    searcher = Searcher(snapshots.current(settings.snapshots_dir).search)

    def ask(words: str) -> list[Names]:
        found = searcher.find(asked_of([("q", words), ("per_page", "50")]))
        return [frozenset(f"{m.archive}/{m.accession}" for m in (hit.member, *hit.also_in)) for hit in found.hits]

    return ask


def fts5(settings: Settings) -> Ask:
    """Return how SQLite FTS5 is asked over the texts of the same documents: all words, ranked by bm25."""
    snapshot = snapshots.current(settings.snapshots_dir)
    documents = Documents(Store.read_only(str(snapshot.graph)), None, Genes.of(settings), settings.base_iri)
    columns = ", ".join(field.name for field in FIELDS)
    db = sqlite3.connect(":memory:")
    db.execute(f"CREATE VIRTUAL TABLE words USING fts5({columns}, tokenize = 'porter unicode61 remove_diacritics 2')")
    names: list[Names] = []
    for members in documents.every():
        document = documents.study(members)
        texts = ["\n".join(document.get_all(field.name)) for field in FIELDS]
        db.execute(f"INSERT INTO words ({columns}) VALUES ({', '.join('?' * len(texts))})", texts)
        shown = json.loads(document.get_first(layout.SHOWN) or b"[]")
        names.append(frozenset(f"{m['archive']}/{m['accession']}" for m in shown))
    weights = ", ".join(str(float(field.weight)) for field in FIELDS)
    db.execute("INSERT INTO words (words, rank) VALUES ('rank', ?)", (f"bm25({weights})",))

    def ask(words: str) -> list[Names]:
        bare = (word.strip('"') for word in re.findall(r'"[^"]*"|[^\s"]+', words))
        wanted = " ".join(f'"{word}"' for word in bare if word)
        rows = db.execute("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank, rowid LIMIT 50", (wanted,))
        return [names[rowid - 1] for (rowid,) in rows]

    return ask


def main(folder: str | None) -> None:
    """Print the measures of both engines."""
    with tempfile.TemporaryDirectory() as made:
        settings = Settings(data_dir=Path(folder), base_iri=BASE) if folder else harvested(Path(made))
        engines = {"hub": measure(hub(settings)), "SQLite FTS5": measure(fts5(settings))}
    searches = judged()
    for one in (*searches["known"], *searches["topics"]):
        values = "".join(f"{engine.each[one['query']]:14.3f}" for engine in engines.values())
        print(f"{one.get('kind') or one['set']:10} {one['query'][:70]:70}{values}")
    print(f"{'':81}{''.join(f'{name:>14}' for name in engines)}")
    for title, name in (
        ("MRR, known study", "mrr"),
        ("nDCG@10, topics", "ndcg"),
        ("tune", "tune"),
        ("held out", "held_out"),
    ):
        print(f"{title:81}{''.join(f'{getattr(engine, name):14.3f}' for engine in engines.values())}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
