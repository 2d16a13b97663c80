"""What is asked, as a query of the index; built from objects, so that no sign that was typed is a command.

Each word has to occur in some field. How much it counts is the best of its fields, each with its weight, and a little
of the others. Studies that have all words in the title, or words in the order that was typed, come first; what was
typed as an identifier finds what it names before anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

import tantivy
from tantivy import FieldType, Occur, Query

from hub.search import layout, synonyms
from hub.search.contract import RANGES, Asked
from hub.search.fields import FIELDS
from hub.search.words import Part, is_optional, spellings
from ontology import archives, identifiers, terms
from ontology.identifiers import OBO

BROADER_WEIGHT = 1.0
OTHERS = 0.15
"""How much of what a word counts in other fields is added to what it counts in the best."""
NAMED = 60.0
"""What a study counts that was typed by its identifier."""
MEANT = 12.0
"""What a study counts that has the organism or method that was typed."""
WHOLE = 500.0
"""What having all words counts where one may be missing, so that these studies come first."""
IN_TITLE, IN_ORDER = 3.0, 6.0
BEGUN = 6.0
EVERYTHING = frozenset(f"{OBO}{term}" for term in ("NCBITaxon_1", "NCBITaxon_131567", "FBbi_00000222"))
"""Terms that say nothing: the root of all taxa, "cellular organisms", "imaging method"."""
FIELDS_SEARCHED = (*((field.name, float(field.weight)) for field in FIELDS), (layout.BROADER, BROADER_WEIGHT))
SPARSE = frozenset(("identifiers", "keywords", "genes", "people", "parts", "funding"))
"""Fields that are empty in many studies, or lists. BM25 takes each filled one for a long text there, so a word counts
what it does among all words (``exact``), and something for being there at all."""
PRESENT = 3.0
SYNONYM = 0.7
"""What a word of the same meaning counts, of what the word itself would."""
_NAMES_OF_TERMS = 5
"""Most words in the name of an organism or method."""
Stems = list[str | tuple[int, str]]
_MUST, _SHOULD, _NOT = Occur.Must, Occur.Should, Occur.MustNot


class Meaning(NamedTuple):
    """An organism or method that words name: the facet, and the IRI."""

    facet: str
    iri: str


class Group(NamedTuple):
    """Words that are asked for together.

    Attributes:
        parts: one part, or several words that have one meaning.
        meaning: the organism or method that they name.
        others: stems of what means the same.
    """

    parts: tuple[Part, ...]
    meaning: Meaning | None = None
    others: tuple[tuple[str, ...], ...] = ()


class Wanted(NamedTuple):
    """What words ask for.

    Attributes:
        groups: what must occur.
        excluded: what must not.
    """

    groups: tuple[Group, ...] = ()
    excluded: tuple[Part, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[Part], *, is_literal: bool = False) -> Wanted:
        """Return what parts ask for; literally, without regard to what means the same."""
        excluded = tuple(part for part in parts if part.is_excluded)
        return cls(tuple(_groups([part for part in parts if not part.is_excluded], is_literal)), excluded)

    @property
    def parts(self) -> list[Part]:
        """The words and phrases that must occur."""
        return [part for group in self.groups for part in group.parts]

    @property
    def required(self) -> int:
        """How many words, or groups of words that mean one thing, a study must have."""
        return sum(is_required for is_required, _ in _asked(self))


def words_query(wanted: Wanted, *, may_lack: bool = False) -> Query | None:
    """Return what words ask, or None if there are none that must or must not occur.

    Args:
        wanted: the words.
        may_lack: whether one of several words may be missing; studies that have all come first.
    """
    excluded = [(_NOT, _anywhere(part)) for part in wanted.excluded]
    if not wanted.groups:
        return Query.boolean_query([(_MUST, Query.all_query()), *excluded]) if excluded else None
    asked = _asked(wanted)
    found = Query.boolean_query([(_MUST, _together(asked)), *((_SHOULD, bonus) for bonus in _bonuses(wanted.parts))])
    if names := names_query(wanted):
        found = Query.boolean_query([(_SHOULD, found), (_SHOULD, names)], minimum_number_should_match=1)
    if may_lack:
        required = [(_SHOULD, query) for is_required, query in asked if is_required]
        most = Query.boolean_query(required, minimum_number_should_match=max(1, len(required) - 1))
        found = Query.boolean_query([(_MUST, most), (_SHOULD, _const(found, WHOLE))])
    return Query.boolean_query([(_MUST, found), *excluded]) if excluded else found


def filters_query(asked: Asked, but: str = "") -> list[Query]:
    """Return what the filters ask, one query each; without those of one facet."""
    facets = [
        Query.term_set_query(_schema(), name, list(values))
        for name, values in asked.filters.items()
        if values and name != but
    ]
    return [*facets, *(_range(name, least, most) for name, (least, most) in asked.ranges.items())]


def matching(wanted: Wanted, field: str) -> Query | None:
    """Return a query of the studies in which one of the words that were asked for, or a synonym, is in a field."""
    found = [_in_field(part, form, field) for part in wanted.parts for form in _forms(part)]
    found += [_words_in(other, field) for group in wanted.groups for other in group.others]
    return Query.boolean_query([(_SHOULD, query) for query in found]) if found else None


def all_of(queries: Iterable[Query | None]) -> Query:
    """Return a query of what matches all queries; of everything if there are none."""
    wanted = [query for query in queries if query is not None]
    return Query.boolean_query([(_MUST, query) for query in wanted]) if wanted else Query.all_query()


def one_of(field: str, values: Iterable[str]) -> Query:
    """Return a query of the studies that have one of some values."""
    return Query.boolean_query([(_SHOULD, Query.term_query(_schema(), field, value)) for value in values])


def unscored(query: Query) -> Query:
    """Return a query that finds the same and counts nothing."""
    return Query.const_score_query(query, 0.0)


def _asked(wanted: Wanted) -> list[tuple[bool, Query]]:
    """Return each part, or the parts that name one thing together, and whether a study must have it."""
    all_optional = all(is_optional(part) for part in wanted.parts)
    found: list[tuple[bool, Query]] = []
    for group in wanted.groups:
        texts = [(all_optional or not is_optional(part), _anywhere(part)) for part in group.parts]
        ways = [_together(texts), *(_boosted(_in_some(other), SYNONYM) for other in group.others)]
        if group.meaning is not None:
            ways.append(_const(Query.term_query(_schema(), *group.meaning), MEANT))
        found += texts if len(ways) == 1 else [(True, Query.disjunction_max_query(ways, OTHERS))]
    return found


def _together(asked: list[tuple[bool, Query]]) -> Query:
    return Query.boolean_query([(_MUST if is_required else _SHOULD, query) for is_required, query in asked])


# --- one word or phrase -------------------------------------------------------------------------------------------


def _anywhere(part: Part) -> Query:
    """Return a query of the studies that have a word, phrase or beginning in any field."""
    if part.is_beginning:
        found = [_boosted(_begun(part, name), weight) for name, weight in FIELDS_SEARCHED]
        return Query.disjunction_max_query([*found, _boosted(_begun(part, layout.EXACT), BEGUN)], OTHERS)
    found = [_in_some(form) for form in _forms(part)]
    if not part.is_phrase:
        found.append(_const(_named(part.text), NAMED))
    return Query.disjunction_max_query(found, OTHERS) if len(found) > 1 else found[0]


def _in_some(stems: tuple[str, ...]) -> Query:
    """Return a query of the studies that have words one after another in any field, by the weight of the field."""
    found = []
    for name, weight in FIELDS_SEARCHED:
        words = _words_in(stems, name)
        if name in SPARSE:
            words = Query.boolean_query([(_MUST, _const(words, PRESENT)), (_SHOULD, _words_in(stems, layout.EXACT))])
        found.append(_boosted(words, weight))
    return Query.disjunction_max_query(found, OTHERS)


def _forms(part: Part) -> list[tuple[str, ...]]:
    return [part.stems, *spellings(part)]


def _in_field(part: Part, stems: tuple[str, ...], field: str) -> Query:
    return _begun(part, field) if part.is_beginning else _words_in(stems, field)


def _words_in(stems: tuple[str, ...], field: str) -> Query:
    if len(stems) == 1:
        return Query.term_query(_schema(), field, stems[0])
    return Query.phrase_query(_schema(), field, list(stems))


def _begun(part: Part, field: str) -> Query:
    last = part.plain[-1]
    if len(part.plain) == 1:
        return Query.regex_query(_schema(), field, f"{re.escape(last)}.*")
    before = part.plain[:-1] if field == layout.EXACT else part.stems[:-1]
    return Query.phrase_prefix_query(_schema(), field, [*before, last])


def _boosted(query: Query, weight: float) -> Query:
    return Query.boost_query(query, weight)


def _const(query: Query, score: float) -> Query:
    return Query.const_score_query(query, score)


# --- several words ------------------------------------------------------------------------------------------------


def _bonuses(parts: list[Part]) -> Iterator[Query]:
    """Yield what counts more than the words alone: all in the title, and in the order that was typed."""
    words = [part for part in parts if part.is_plain and not is_optional(part)]
    if len(words) < 2:
        return
    in_title = [(_MUST, Query.term_query(_schema(), "title", stem)) for part in words for stem in part.stems]
    yield _boosted(Query.boolean_query(in_title), IN_TITLE)
    for first, second in pairwise(words):
        pair: Stems = [*first.stems, *second.stems]
        for field, weight in (("title", IN_ORDER), ("keywords", IN_ORDER / 2), ("terms", 1.0), ("description", 1.0)):
            yield _boosted(Query.phrase_query(_schema(), field, pair, slop=1), weight / len(words))


def _groups(parts: Sequence[Part], is_literal: bool) -> list[Group]:
    """Put words that mean one thing together, the longest such names first; every other part is a group of its own."""
    if is_literal:
        return [Group((part,)) for part in parts]
    found: list[Group] = []
    at = 0
    while at < len(parts):
        found.append(_longest(parts[at : at + _NAMES_OF_TERMS]))
        at += len(found[-1].parts)
    return found


def _longest(parts: Sequence[Part]) -> Group:
    for size in range(len(parts), 0, -1):
        some = tuple(parts[:size])
        if all(part.is_plain for part in some):
            meaning = meant(" ".join(part.text for part in some))
            others = synonyms.of(tuple(stem for part in some for stem in part.stems))
            if meaning or others:
                return Group(some, meaning, others)
    return Group((parts[0],))


@lru_cache(maxsize=4096)
def meant(name: str) -> Meaning | None:
    """Return the organism or method that a name means, or None.

    >>> meant("zebrafish"), meant("SPIM").facet, meant("cell")
    (Meaning(facet='organism', iri='http://purl.obolibrary.org/obo/NCBITaxon_7955'), 'method', None)
    """
    if len(name) > 100:
        return None
    for facet, read in (("organism", terms.organism), ("method", terms.imaging_method)):
        try:
            iri = read(name)
        except ValueError:
            continue
        return Meaning(facet, iri) if iri not in EVERYTHING else None
    return None


# --- identifiers --------------------------------------------------------------------------------------------------


def names_query(wanted: Wanted) -> Query | None:
    """Return a query of what all words together are an identifier of, such as ``empiar 10310``; None if of nothing."""
    text = " ".join(part.text for part in wanted.parts)
    if any(part.is_beginning for part in wanted.parts) or len(wanted.parts) > _NAMES_OF_TERMS or len(text) > 300:
        return None
    return _const(_named(text), NAMED)


def _named(text: str) -> Query:
    return Query.term_set_query(_schema(), layout.IDENTIFIER, identifiers_of(text))


@lru_cache(maxsize=4096)
def identifiers_of(text: str) -> list[str]:
    """Return the spellings, in lower case, under which a typed identifier may stand in the index.

    >>> identifiers_of("EMPIAR 10310")
    ['empiar 10310', 'empiar-10310', 'empiar10310']
    """
    plain = text.strip(".,;()[]<>'").lower()
    forms = [plain, plain.replace(" ", "-"), plain.replace(" ", "")]
    for read in (archives.accession, identifiers.doi, identifiers.publication, identifiers.orcid, identifiers.term):
        try:
            forms.append(read(text).lower())
        except ValueError:
            continue
    return list(dict.fromkeys(filter(None, forms)))


# --- filters ------------------------------------------------------------------------------------------------------

_TYPES = {one.name: FieldType.Float if one.is_decimal else FieldType.Unsigned for one in RANGES}


def _range(name: str, least: float | None, most: float | None) -> Query:
    kind = _TYPES[name]
    number = float if kind == FieldType.Float else int
    ends = [None if end is None else number(end) for end in (least, most)]
    return Query.range_query(_schema(), name, kind, ends[0], ends[1])


@cache
def _schema() -> tantivy.Schema:
    return layout.schema()
