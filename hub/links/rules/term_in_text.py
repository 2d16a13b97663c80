"""Imaging methods and organisms that a dataset's words name, where its record says nothing of them.

Conservative: names of methods of at least two words, and scientific names. What a text names is a candidate, with its
sentence; a fact only where the title or a keyword is nothing but a label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from harvesters.references.terms import key as folded
from hub.links.contract import NOTHING, Evidence, Found, Key, Member, Membership, Record, References, Rule
from hub.links.rules.term_of_wording import meanings
from hub.links.terms import ABOUT, MEASURED, METHOD, ORGANISM, Names, Role, names_of
from hub.links.wordings import terms_said, wordings

WHOLE: Final = 0.85
IN_TITLE, IN_KEYWORD, IN_DESCRIPTION = 0.6, 0.55, 0.5
SYNONYM: Final = 0.1
MOST_MENTIONS: Final = 50
MOST_WORDS: Final = 6
MOST_TEXT: Final = 50_000
MAX_QUOTE: Final = 300
_SENTENCE: Final = re.compile(r"[^.!?\n]+(?:[.!?](?!\s+[A-Z])[^.!?\n]*)*[.!?]?")
_WORD: Final = re.compile(r"[^\W_]+(?:[-'’/][^\W_]+)*")
# A genus, in full or as its initial, and a species.
_BINOMIAL: Final = re.compile(r"(?<![\w.])[A-Z](?:[a-z]{2,}|\.) ?(?<=[.\s])[a-z][a-z-]{2,}(?!\w)")


class Mention(NamedTuple):
    """A name in a text.

    Attributes:
        iri: the term that it names.
        predicate: from the dataset to the term.
        field: slot, with indices.
        written: how it is written there.
        start: offset in the field, in characters.
        quote: the sentence.
        matched: which name of the term it is.
        source: ontology and release.
        confidence: 0 to 1.
    """

    iri: str
    predicate: str
    field: str
    written: str
    start: int
    quote: str
    matched: str
    source: str
    confidence: float


def members(record: Record, references: References) -> Membership:
    """Return the record's own key, and what its texts name of what the record does not say."""
    names = names_of(references)
    if names is None:
        return NOTHING
    roles = silent(record, names)
    best: dict[str, Mention] = {}
    for field, text, weight in _texts(record) if roles else ():
        for mention in mentions(names, roles, field, text[:MOST_TEXT], weight):
            if mention.iri not in best or best[mention.iri].confidence < mention.confidence:
                best[mention.iri] = mention
    kept = [list(mention) for mention in best.values()][:MOST_MENTIONS]
    return Membership(frozenset({record.own_key}), kept) if kept else NOTHING


def silent(record: Record, names: Names) -> list[Role]:
    """Return of organism and method those of which a record has neither a term nor a wording that means one."""
    taxa, methods = terms_said(record.dataset)
    roles = [role for role, said in ((ORGANISM, taxa), (METHOD, methods)) if not said]
    told = {meaning.role.name for w in wordings(record) for meaning in meanings(names, w)} if roles else set()
    return [role for role in roles if role.name not in told]


def _texts(record: Record) -> Iterator[tuple[str, str, float]]:
    dataset = record.dataset
    yield "name", dataset.name, IN_TITLE
    for number, keyword in enumerate(dataset.keyword or ()):
        yield f"keyword[{number}]", keyword, IN_KEYWORD
    yield "description", dataset.description or "", IN_DESCRIPTION


def mentions(names: Names, roles: Sequence[Role], field: str, text: str, weight: float) -> Iterator[Mention]:
    """Yield the methods and organisms that a text names.

    Args:
        names: what names mean.
        roles: `METHOD`, `ORGANISM` or both.
        field: slot of the text, with indices.
        text: the text.
        weight: how sure a label in it is.
    """
    for sentence in _SENTENCE.finditer(text):
        for role in roles:
            found = _methods(names, sentence[0]) if role is METHOD else _organisms(names, sentence[0])
            for start, written, iri, kind in found:
                is_whole = field != "description" and written == text.strip() and kind == "label"
                sure = WHOLE if is_whole else weight - (SYNONYM if kind != "label" else 0)
                quote = sentence[0].strip()[:MAX_QUOTE]
                matched = f"{names.known.label(iri) or iri} ({kind})"
                place = sentence.start() + start
                yield Mention(iri, role.about, field, written, place, quote, matched, names.source(iri), round(sure, 2))


Named = tuple[int, str, str, str]
"""Offset in the sentence, words, term and kind of name."""


def _methods(names: Names, sentence: str) -> Iterator[Named]:
    """Yield the longest names of methods, from left to right; what is part of a longer name is not named by itself."""
    words = list(_WORD.finditer(sentence))
    end = 0
    for first, word in enumerate(words):
        if word.start() < end or folded(word[0]).partition(" ")[0] not in names.method_beginnings:
            continue
        for last in reversed(words[first : first + MOST_WORDS]):
            written = sentence[word.start() : last.end()]
            told = names.methods.get(folded(written))
            if told is not None:
                end = last.end()
                yield word.start(), written, *told
                break


def _organisms(names: Names, sentence: str) -> Iterator[Named]:
    for found in _BINOMIAL.finditer(sentence):
        meant = names.meanings(found[0], ORGANISM)
        if len(meant) == 1:
            label = names.known.label(meant[0].iri) or ""
            is_label = folded(label) == folded(found[0])
            yield found.start(), found[0], meant[0].iri, "label" if is_label else "synonym"


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Found]:
    """Yield the dataset's link to each term that was read."""
    for member in block:
        for told in member.features:
            mention = Mention(*told)
            text = Evidence(
                "text", mention.field, mention.written, mention.matched, mention.quote, mention.start,
                "/".join(member.record), mention.confidence,
            )  # fmt: skip
            table = Evidence("table", mention.field, mention.written, mention.matched, source=mention.source)
            yield Found(
                member.dataset, mention.predicate, mention.iri, mention.confidence, (text, table), (member.record,)
            )


RULE = Rule(
    name="term-in-text",
    title="Methods and organisms named in titles, keywords and descriptions",
    version=1,
    predicates=(ABOUT, MEASURED),
    members=members,
    link=link,
    justification="semapv:LexicalMatching",
    references=("ontology", "mappings"),
)
