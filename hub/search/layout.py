"""How a search index is laid out: one tantivy document for each study, and how its texts are taken apart.

Source: https://tantivy-py.readthedocs.io/en/latest/ (index format 7)
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

import tantivy
from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from hub.search.contract import FACETS, RANGES
from hub.search.fields import FIELDS

LAYOUT: Final = 1
"""Raised when fields or the making of documents change, so that indexes are made anew."""

STUDY: Final = "study"
"""IRI that names the study: the least of its datasets' (raw, stored, fast)."""
MEMBER: Final = "member"
"""IRIs of its datasets (raw, stored)."""
SHOWN: Final = "shown"
"""Its datasets as :class:`hub.search.contract.Member`, the preferred one first: JSON in UTF-8 (bytes, stored)."""
DIGEST: Final = "digest"
"""SHA-256 of all that was put into the document (bytes, stored)."""
DATASETS: Final = "datasets"
"""How many they are (u64, fast)."""
PUBLISHED: Final = "published"
"""Day of the first publication as yyyymmdd, with 0 for what is not known (i64, fast)."""
TOTAL_BYTES: Final = "total_bytes"
"""Size of the study, as the first dataset that has one states it; absent where none does (u64, fast). The range
``size_bytes`` has the size of each dataset."""
IDENTIFIER: Final = "identifier"
"""Every spelling of every identifier, in lower case (raw)."""
BROADER: Final = "broader"
"""Names and synonyms of the terms above those of the study (analysed as the text fields)."""
EXACT: Final = "exact"
"""All words but those of descriptions, not stemmed (with positions): for prefixes and typos."""
SUGGEST: Final = "suggest"
"""What a typed beginning may mean (raw): see :func:`suggestion`."""
SORT_KEYS: Final = {
    "title": "title_key",
    "newest": "newest_key",
    "oldest": "oldest_key",
    "largest": "largest_key",
    "smallest": "smallest_key",
}
"""Field to order by, ascending, for each sort (raw, fast). Each key ends with the study's IRI, so there are no ties;
what is not known comes last."""
OWN: Final = "_own"
"""Ends the name of the field with what a study has itself of a tree facet, without the broader terms."""

ENGLISH: Final = "hub_english"
WORDS: Final = "hub_words"
LOWER: Final = "hub_lower"
LONGEST_WORD: Final = 80
"""Bytes of the longest word that is indexed."""
SEPARATOR: Final = "\x1f"


def analyzers() -> dict[str, TextAnalyzer]:
    """Return how texts are taken apart, by name: ``ENGLISH`` stems what ``WORDS`` leaves whole, ``LOWER`` only folds.

    >>> analyzers()["hub_english"].analyze("Light-sheet imaging of naïve T-cells")
    ['light', 'sheet', 'imag', 'of', 'naiv', 't', 'cell']
    """
    return {
        ENGLISH: _words().filter(Filter.stemmer("english")).build(),
        WORDS: _words().build(),
        LOWER: TextAnalyzerBuilder(Tokenizer.raw()).filter(Filter.lowercase()).build(),
    }


def _words() -> TextAnalyzerBuilder:
    words = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(LONGEST_WORD))
    return words.filter(Filter.lowercase()).filter(Filter.ascii_fold())


@cache
def schema() -> tantivy.Schema:
    """Return the fields of a document."""
    builder = tantivy.SchemaBuilder()
    for field in FIELDS:
        is_stored = field.name in ("title", "description")
        builder.add_text_field(field.name, stored=is_stored, tokenizer_name=ENGLISH, index_option="position")
    builder.add_text_field(BROADER, tokenizer_name=ENGLISH, index_option="position")
    builder.add_text_field(EXACT, tokenizer_name=WORDS, index_option="position")
    builder.add_text_field(IDENTIFIER, tokenizer_name=LOWER, index_option="basic")
    builder.add_text_field(SUGGEST, tokenizer_name="raw", index_option="basic")
    for name in (*facet_fields(), *SORT_KEYS.values()):
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for one in RANGES:
        add = builder.add_float_field if one.is_decimal else builder.add_unsigned_field
        add(one.name, indexed=True, fast=True)
    builder.add_integer_field(PUBLISHED, indexed=True, fast=True)
    builder.add_unsigned_field(DATASETS, fast=True)
    builder.add_unsigned_field(TOTAL_BYTES, fast=True)
    builder.add_text_field(STUDY, stored=True, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(MEMBER, stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_bytes_field(SHOWN, stored=True)
    builder.add_bytes_field(DIGEST, stored=True)
    return builder.build()


def facet_fields() -> tuple[str, ...]:
    """Return the names of the fields of facets: ``method`` and, for a tree, ``method_own``."""
    own = (f"{facet.name}{OWN}" for facet in FACETS if facet.kind == "tree")
    return (*(facet.name for facet in FACETS), *own)


def open_index(folder: Path) -> tantivy.Index:
    """Open the index in a folder.

    Raises:
        ValueError: there is none, it is damaged, or another layout's.
    """
    return _prepared(tantivy.Index(schema(), path=str(folder))) if _is_there(folder) else _refuse(folder)


def create_index(folder: Path) -> tantivy.Index:
    """Make an empty index in an empty folder that exists."""
    return _prepared(tantivy.Index(schema(), path=str(folder), reuse=False))


def _is_there(folder: Path) -> bool:
    return (folder / "meta.json").is_file()


def _refuse(folder: Path) -> tantivy.Index:
    raise ValueError(f"{folder}: there is no search index")


def _prepared(index: tantivy.Index) -> tantivy.Index:
    for name, analyzer in analyzers().items():
        index.register_tokenizer(name, analyzer)
    return index


def folded(text: str) -> str:
    """Return a text as it is sorted and begun to be typed: lower case, without accents and repeated spaces.

    >>> folded("  Étude  of MÜLLER glia")
    'etude of muller glia'
    """
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).split())


def suggestion(name: str, kind: str, iri: str, shown: str = "") -> list[str]:
    """Return the entries of ``SUGGEST`` for a name: one for each of its words that somebody may begin with.

    Args:
        name: what is typed.
        kind: of :class:`hub.search.contract.Suggestion`.
        iri: of the thing, or empty.
        shown: what is shown instead of the name.

    >>> [entry.split(SEPARATOR) for entry in suggestion("Homo sapiens", "organism", "i")]
    [['homo sapiens', 'organism', 'i', 'Homo sapiens'], ['sapiens', 'organism', 'i', 'Homo sapiens']]
    """
    words = folded(name).split()
    starts = range(min(len(words), 1 if kind == "dataset" else len(words)))
    told = " ".join((shown or name).split())[:300]
    return [SEPARATOR.join((" ".join(words[start:])[:100], kind, iri, told)) for start in starts]


def suggested(entry: str) -> tuple[str, str, str]:
    """Return text, kind and IRI of an entry of ``SUGGEST``."""
    _, kind, iri, text = entry.split(SEPARATOR)
    return text, kind, iri
