"""Genes that a dataset's title, description or keywords name, within its species.

Conservative: a fact needs an approved symbol as it is written, of three characters with a digit or in capitals, beside
a word such as "gene" or "knock-out", or fused to a fluorescent protein's name. Everything else is a candidate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hub.genes import Genes
from hub.links.contract import NOTHING, Evidence, Found, Key, Member, Membership, Record, References, Result, Rule
from hub.links.genes import MENTIONS, species_of

FUSED, BESIDE, KEYWORD, IN_SENTENCE = 0.9, 0.85, 0.6, 0.5
ALIAS = 0.45
SEVERAL_SPECIES = 0.6
AMBIGUOUS = 0.3
MOST_MENTIONS = 100
MAX_QUOTE = 300
REACH = 24

_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?!\s)[^.!?\n]*)*[.!?]?")
_TOKEN = re.compile(r"(?<![\w/.@])[A-Za-z][A-Za-z0-9]*(?:-\d+[A-Za-z]?)?(?![\w@])")
_TAG = (
    r"(?:e?gfp|e?yfp|e?cfp|rfp|mcherry|m?neongreen|mscarlet|tdtomato|halo(?:tag)?|snap(?:[- ]tag)?|mruby\d?|mkate\d?"
    r"|venus|flag|ha|myc)"
)
_SYMBOL = r"([A-Za-z][A-Za-z0-9]{2,})"
_TAGGED = re.compile(rf"\b{_TAG}[- ](?:tagged|labell?ed|fused)[ -](?:to )?{_SYMBOL}", re.IGNORECASE)
_FUSION = re.compile(rf"(?<![\w-])(?:{_TAG}[-:]{{1,2}}{_SYMBOL}|{_SYMBOL}[-:]{{1,2}}{_TAG})(?![\w-])", re.IGNORECASE)
_CONTEXT = re.compile(
    r"\b(?:genes?|proteins?|mutants?|mutations?|alleles?|knock-?\s?(?:out|down|in)s?|knocked|siRNAs?|shRNAs?|sgRNAs?|CRISPR"
    r"|deletions?|deleted|deficient|depletions?|depleted|over-?express(?:ion|ed|ing)|express(?:ion|ed|ing)|transgenic"
    r"|antibod(?:y|ies)|promoter|reporter|kinase|receptor|null)\b|-/-",
    re.IGNORECASE,
)
# Approved symbols that are words or the names of methods when they stand in a text.
WORDS = frozenset(
    "AIM ARC CAMP CAST CAT CELL CLOCK COIL COPE FACT FAST FAT FISH FLIP GAP GAS HAND IMPACT KIT LARGE MAX MICE NOT PALM"
    " PIXEL REST RING SET SHE SIM SPARC TANK TEM WAS WASP DNA RNA PCR ATP GFP RFP YFP CFP HALO SNAP FLAG".split()
)


class Mention(NamedTuple):
    """A word of a text that may be a gene's symbol, with how much speaks for it."""

    token: str
    weight: float
    field: str
    start: int
    quote: str


def members(record: Record, references: References) -> Membership:
    """Return the record's own key, its species, and the words that may be symbols; out without either."""
    dataset = record.dataset
    texts = [("name", dataset.name), ("description", dataset.description)]
    found = [mention for field, text in texts for mention in mentions(field, text or "")]
    for number, keyword in enumerate(dataset.keyword or []):
        if _TOKEN.fullmatch(keyword) and _is_like_symbol(keyword):
            found.append(Mention(keyword, KEYWORD, f"keyword[{number}]", 0, keyword))
    best = {m.token: m for m in sorted(found, key=lambda m: (m.weight, -m.start))}
    species = species_of(dataset)
    if not best or not species:
        return NOTHING
    kept = sorted(best.values(), key=lambda m: (-m.weight, m.field, m.start))[:MOST_MENTIONS]
    return Membership(frozenset({record.own_key}), {"species": species, "mentions": [list(m) for m in kept]})


def mentions(field: str, text: str) -> Iterator[Mention]:
    """Yield the words of a text that may be symbols."""
    for sentence in _SENTENCE.finditer(text):
        yield from _in_sentence(field, sentence[0], sentence.start())


def _in_sentence(field: str, sentence: str, offset: int) -> Iterator[Mention]:
    quote = sentence.strip()[:MAX_QUOTE]
    for pattern in (_TAGGED, _FUSION):
        for found in pattern.finditer(sentence):
            group = found.lastindex or 1
            if found[group].upper() not in WORDS:
                yield Mention(found[group], FUSED, field, offset + found.start(group), quote)
    contexts = [found.span() for found in _CONTEXT.finditer(sentence)]
    for found in _TOKEN.finditer(sentence) if contexts else ():
        if _is_like_symbol(found[0]):
            gap = min(max(start - found.end(), found.start() - end) for start, end in contexts)
            weight = BESIDE if gap <= REACH else IN_SENTENCE
            yield Mention(found[0], weight, field, offset + found.start(), quote)


def _is_like_symbol(token: str) -> bool:
    return len(token) >= 3 and token.upper() not in WORDS and (token.isupper() or any(map(str.isdigit, token)))


def link(key: Key, block: Sequence[Member], references: References) -> Iterator[Result]:
    """Yield the genes that a dataset's words name in its species."""
    tables: Genes | None = references.get("genes")
    if tables is None:
        return
    for member in block:
        for told in member.features["mentions"]:
            yield from _meant(tables, member, Mention(*told), member.features["species"])


def _meant(tables: Genes, member: Member, mention: Mention, species: list[int]) -> Iterator[Found]:
    hits = [found for taxon in species if (found := tables.by_symbol(mention.token, taxon)).genes]
    for found in hits:
        is_written_so = any(e.matched.startswith(f"{mention.token}, ") for e in found.evidence)
        if not is_written_so or found.tier == "withdrawn":
            continue
        confidence = mention.weight if found.tier == "approved" else min(mention.weight, ALIAS)
        if len(species) > 1:
            confidence = min(confidence, SEVERAL_SPECIES if len(hits) == 1 else AMBIGUOUS)
        if found.gene is None:
            confidence = AMBIGUOUS
        said = Evidence(
            "text", mention.field, mention.token, found.evidence[0].matched, mention.quote, mention.start,
            f"{member.record[0]}/{member.record[1]}", confidence,
        )  # fmt: skip
        for gene in found.genes:
            yield Found(member.dataset, MENTIONS, gene, confidence, (said, *found.evidence), (member.record,))


RULE = Rule(
    name="gene-mentioned",
    title="Genes named in titles, descriptions and keywords",
    version=1,
    predicates=(MENTIONS,),
    members=members,
    link=link,
    justification="semapv:LexicalMatching",
    references=("genes",),
)
