"""Searches of one index: hits, exact counts, facets, suggestions. Safe for threads."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tantivy import DocAddress, Document, Order, Query

from hub.errors import QueryRefusedError
from hub.search import layout, query, spelling, suggest
from hub.search.contract import FACETS, SIZES, Asked, Count, Facet, Found, Hit, Member, Suggestion
from hub.search.fields import FIELDS
from hub.search.highlighting import Marks, excerpt, pieces
from hub.search.index import state_of
from hub.search.query import Wanted
from hub.search.trees import Labels, tree
from hub.search.words import Part, parts

MOST_VALUES, MOST_TERMS = 60, 300
"""Values of a facet, and of one that is a tree, that are counted: those with most studies."""
MAX_SUGGESTIONS = 6
FEW = 5
"""Fewer studies than these that have all of three or more words are followed by those that lack one."""
_EVERY_VALUE = 60_000
_IN_HITS = frozenset(("title", "description"))
_BROADER = "Broader terms"
_BATCH = 100
Answer = tuple[float, DocAddress]


class _Search(NamedTuple):
    """A search, ready to be run.

    Attributes:
        asked: what is asked, with the IRIs of things that were named.
        parts: its words.
        wanted: what they ask for.
        words: query of that, or None.
        instead: the words, if they are others than were typed.
        is_partial: whether one word may be missing.
    """

    asked: Asked
    parts: tuple[Part, ...]
    wanted: Wanted
    words: Query | None
    instead: str = ""
    is_partial: bool = False

    @classmethod
    def of(cls, asked: Asked, instead: str = "") -> _Search:
        """Prepare what is asked, or the same with other words."""
        found = parts(instead or asked.words)
        wanted = Wanted.of(found, is_literal=asked.is_exact)
        return cls(asked, found, wanted, query.words_query(wanted), instead)

    def query(self, but: str = "") -> Query:
        """Return what is asked, scored by words; without the filters of one facet."""
        return query.all_of([self.words, *map(query.unscored, query.filters_query(self.asked, but))])

    @property
    def sort(self) -> str:
        """How to sort: without words nothing is more relevant than another, so the newest come first."""
        return "newest" if self.asked.sort == "relevance" and self.words is None else self.asked.sort


class Searcher:
    """Searches the index in a folder, as it stands when it is opened.

    Raises:
        ValueError: there is none, it is damaged, or another layout's.
    """

    def __init__(self, folder: Path) -> None:
        state = state_of(folder)
        if state is None or state.layout != layout.LAYOUT:
            raise ValueError(f"{folder}: there is no whole search index of layout {layout.LAYOUT}")
        self._index = layout.open_index(folder)
        self._searcher = self._index.searcher()
        self._labels = Labels.of(folder)
        self.sequence = state.sequence
        """The log's sequence number that the index is true of."""

    @property
    def studies(self) -> int:
        """How many studies there are."""
        return int(self._searcher.num_docs)

    def find(self, asked: Asked) -> Found:
        """Return the studies of one page, with exact totals and the counts of all facets.

        Raises:
            QueryRefusedError: more words than are searched for.
        """
        began = time.perf_counter()
        search = self._searched(asked)
        total = self._count(search.query())
        start = (asked.page - 1) * asked.per_page
        page = self._ordered(search, start, start + asked.per_page) if start < total else []
        facets, sums = self._counted(search)
        return Found(
            asked=search.asked,
            total=total,
            datasets=int(sums["datasets"]),
            hits=tuple(self._hits(search, page)),
            facets=facets,
            total_bytes=int(sums["total_bytes"]),
            sized=int(sums["sized"]),
            instead=search.instead,
            is_partial=search.is_partial,
            suggestions=() if total else tuple(self._suggestions(search)),
            sequence=self.sequence,
            took_ms=(time.perf_counter() - began) * 1000,
        )

    def every(self, asked: Asked) -> Iterator[Hit]:
        """Yield all studies in the order of the pages; of what is found only the addresses are kept in memory.

        Raises:
            QueryRefusedError: more words than are searched for.
        """
        search = self._searched(asked)
        answers = iter(self._ordered(search, 0, self._count(search.query())))
        while batch := list(islice(answers, _BATCH)):
            yield from self._hits(search, batch)

    def suggest(self, words: str, limit: int = 8) -> list[Suggestion]:
        """Return what somebody who is typing may mean."""
        return suggest.suggestions(self._searcher, words, limit)

    def document(self, iri: str) -> Member | None:
        """Return a dataset as it is shown, or None if there is none of this IRI."""
        wanted = Query.term_query(self._index.schema, layout.MEMBER, iri)
        for _, address in self._searcher.search(wanted, 1, count=False).hits:
            return next((one for one in _members(self._searcher.doc(address)) if one.iri == iri), None)
        return None

    def matches(self, words: str, limit: int) -> list[tuple[str, float]]:
        """Return the datasets of the studies that match words, best first, with their scores, which are above 0.

        Raises:
            QueryRefusedError: no words to look for, or too many.
        """
        search = _Search.of(Asked(words=words, is_exact=True))
        if not search.wanted.groups:
            raise QueryRefusedError("a full-text search needs a word to look for")
        found: list[tuple[str, float]] = []
        for score, address in self._ordered(search, 0, limit):
            found += [(iri, score) for iri in sorted(self._searcher.doc(address).get_all(layout.MEMBER))]
        return found[:limit]

    # --- what is asked ---

    def _searched(self, asked: Asked) -> _Search:
        """Return the search to run: for what was typed, else for words near to it, else for all words but one."""
        things = {facet.name for facet in FACETS if facet.kind != "text"}
        filters = {
            name: tuple(dict.fromkeys(self._labels.named(v) if name in things else v for v in values))
            for name, values in asked.filters.items()
        }
        search = _Search.of(replace(asked, filters=filters))
        if search.words is None or asked.is_exact:
            return search
        found = self._count(search.words)
        others = () if found else self._respelled(search.parts)
        near = (other for words in others if self._count((other := _Search.of(search.asked, words)).words))
        return next(near, None) or self._widened(search, found)

    def _widened(self, search: _Search, found: int) -> _Search:
        """Return a search in which one word may be missing, where few studies have all; else the same search."""
        words = search.wanted.required
        names = query.names_query(search.wanted)
        if words < 2 or found >= (FEW if words > 2 else 1) or (names is not None and self._count(names)):
            return search
        most = query.words_query(search.wanted, may_lack=True)
        return search._replace(words=most, is_partial=True) if self._count(most) > found else search

    def _respelled(self, typed: Sequence[Part]) -> Iterator[str]:
        """Yield the same search with words that there are in place of those that there are not."""
        near = {part: others for part in typed if (others := self._near(part))}
        for turn in range(max(map(len, near.values()), default=0)):
            yield " ".join(near[part][min(turn, len(near[part]) - 1)] if part in near else part.typed for part in typed)

    def _near(self, part: Part) -> list[str]:
        if not part.is_plain or self._count(query.words_query(Wanted.of([part]))):
            return []
        if len(part.plain) == 1:
            return spelling.near(self._searcher, part.plain[0])
        return [" ".join((spelling.near(self._searcher, word, 1) or [word])[0] for word in part.plain)]

    def _suggestions(self, search: _Search) -> list[tuple[str, int]]:
        """Return other words that find something when nothing else is asked for, and how many studies."""
        typed = search.parts
        others = [part.typed for part in typed if not part.is_excluded]
        fewer = [" ".join(others[:i] + others[i + 1 :]) for i in range(len(others))] if len(others) < 9 else []
        asked = [search.asked.words, " ".join(others), *self._respelled(typed), *fewer, *others[:9]]
        found: dict[str, int] = {}
        for words in filter(None, dict.fromkeys(asked)):
            wanted = query.words_query(Wanted.of(parts(words)))
            if len(found) < MAX_SUGGESTIONS and wanted is not None and (studies := self._count(wanted)):
                found[words] = studies
        return list(found.items())

    # --- hits ---

    def _count(self, wanted: Query | None) -> int:
        found: Any = self._searcher.search(wanted or Query.all_query(), 1)
        return int(found.count)

    def _ordered(self, search: _Search, start: int, end: int) -> list[Answer]:
        """Return the studies from one place to another of all that are found.

        Of one score, the engine gives first what stands first in the index, whatever part of all is asked for.
        """
        wanted = search.query()
        if end <= start:
            return []
        if search.sort == "relevance":
            return self._searcher.search(wanted, end - start, count=False, offset=start).hits
        key = layout.SORT_KEYS[search.sort]
        found = self._searcher.search(
            wanted, end - start, count=False, order_by_field=key, order=Order.Asc, offset=start
        )
        return [(0.0, address) for _, address in found.hits]

    def _hits(self, search: _Search, answers: Sequence[Answer]) -> Iterator[Hit]:
        """Yield studies as they are shown."""
        groups = search.wanted.groups
        meant = [group.meaning for group in groups if group.meaning is not None]
        others = [other for group in groups for other in group.others]
        marks = Marks.of(search.wanted.parts, others, (meaning.iri for meaning in meant))
        documents = [self._searcher.doc(address) for _, address in answers]
        matched = self._matched(search, meant, documents)
        archives = search.asked.filters.get("archive", ())
        for (score, _), document in zip(answers, documents, strict=True):
            study = str(document.get_first(layout.STUDY))
            member, *more = _shown(_members(document), archives, marks)
            text = _description(document, member, not more)
            is_scored = search.words is not None and search.sort == "relevance"
            yield Hit(
                study=study,
                score=score if is_scored else 0.0,
                member=member,
                also_in=tuple(more),
                title=pieces(member.title, marks),
                excerpt=excerpt(text, marks),
                matched=tuple(title for title, studies in matched.items() if study in studies),
            )

    def _matched(
        self, search: _Search, meant: Iterable[query.Meaning], documents: Sequence[Document]
    ) -> dict[str, set[str]]:
        """Return the studies of a page by the title of a field in which words were found."""
        if search.words is None or not documents:
            return {}
        schema = self._index.schema
        studies = [str(document.get_first(layout.STUDY)) for document in documents]
        page = query.one_of(layout.STUDY, studies)
        found: dict[str, set[str]] = {}
        for field in FIELDS:
            if field.name not in _IN_HITS:
                wanted = query.matching(search.wanted, field.name)
                found[field.title] = self._studies(query.all_of([wanted, page]), len(studies)) if wanted else set()
        above = [query.matching(search.wanted, layout.BROADER), *(Query.term_query(schema, *one) for one in meant)]
        terms = next(field.title for field in FIELDS if field.name == "terms")
        for wanted in filter(None, above):
            more = self._studies(query.all_of([wanted, page]), len(studies)) - found[terms]
            found[_BROADER] = found.get(_BROADER, set()) | more
        return found

    def _studies(self, wanted: Query, limit: int) -> set[str]:
        hits = self._searcher.search(wanted, limit, count=False, order_by_field=layout.STUDY).hits
        return {study for study, _ in hits}

    # --- counts ---

    def _counted(self, search: _Search) -> tuple[dict[str, tuple[Count, ...]], dict[str, float]]:
        """Return the counts of all facets, and sums over what is found."""
        chosen = [facet for facet in FACETS if search.asked.filters.get(facet.name)]
        free = [facet for facet in FACETS if facet not in chosen]
        wanted: dict[str, Any] = {key: value for facet in free for key, value in _aggregation(facet).items()}
        wanted |= {
            "datasets": {"sum": {"field": layout.DATASETS}},
            "total_bytes": {"sum": {"field": layout.TOTAL_BYTES}},
            "sized": {"value_count": {"field": layout.TOTAL_BYTES}},
        }
        buckets = self._searcher.aggregate(search.query(), wanted)
        sums = {name: buckets[name]["value"] or 0 for name in ("datasets", "total_bytes", "sized")}
        for facet in chosen:
            buckets |= self._searcher.aggregate(search.query(facet.name), _aggregation(facet))
        return {facet.name: self._facet(search, facet, buckets) for facet in FACETS}, sums

    def _facet(self, search: _Search, facet: Facet, buckets: dict[str, Any]) -> tuple[Count, ...]:
        counts = {one["key"]: int(one["doc_count"]) for one in buckets[facet.name]["buckets"]}
        chosen = search.asked.filters.get(facet.name, ())
        for value in chosen:
            if value not in counts:
                one = Query.term_query(self._index.schema, facet.name, value)
                counts[value] = self._count(query.all_of([search.query(facet.name), query.unscored(one)]))
        if facet.kind == "tree":
            return tree(facet, counts, chosen, self._labels)
        found = [Count(v, self._labels.label(facet, v), n, v in chosen) for v, n in counts.items()]
        return tuple(sorted(found, key=lambda count: _place(facet, count)))


def _aggregation(facet: Facet) -> dict[str, Any]:
    """How to count a facet exactly: each segment gives all its values, whatever number of them is wanted."""
    size = MOST_TERMS if facet.kind == "tree" else MOST_VALUES
    return {facet.name: {"terms": {"field": facet.name, "size": size, "segment_size": _EVERY_VALUE}}}


def _place(facet: Facet, count: Count) -> tuple[Any, ...]:
    if facet.name == "year":
        return (-int(count.value) if count.value.isdecimal() else 0, count.value)
    if facet.name == "size":
        return (list(SIZES).index(count.value) if count.value in SIZES else len(SIZES), count.value)
    return (-count.studies, count.label.casefold(), count.value)


def _members(document: Document) -> list[Member]:
    found = json.loads(document.get_first(layout.SHOWN) or b"[]")
    return [_member(one) for one in found]


def _member(told: dict[str, Any]) -> Member:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Member(**values)


def _shown(members: list[Member], archives: Sequence[str], marks: Marks) -> list[Member]:
    """Return a study's datasets, that which is to be shown first: of the wanted archives, of them the best match."""
    if len(members) == 1:
        return members
    wanted = [member for member in members if not archives or member.archive in archives] or members
    best = max(wanted, key=lambda member: len(marks.spans(f"{member.title}\n{member.description}")))
    return [best, *(member for member in members if member is not best)]


def _description(document: Document, member: Member, is_alone: bool) -> str:
    """The text of the description that is stored whole, if it is the member's."""
    stored = " ".join(document.get_all("description")) if is_alone else ""
    return stored or member.description
