"""What a link rule is.

A rule is one module in ``hub/links/rules/`` with a ``RULE``. It works on blocks: ``members`` says under which keys a
record is to be compared with others, and with what features; ``link`` is given all members of one key and says which
links follow. A rule that looks at each record by itself uses the record's own key (``own_key``), so its blocks have one
member. Both functions are pure: no network, no clock, no store. What they need beside the records they read from
reference tables (:mod:`hub.references`), which are handed in.

When records change, the engine (:mod:`hub.links.engine`) asks ``members`` for those records only, and ``link`` for the
keys that they have now or had before. A link that several keys give is one link, and stands until no key gives it.
So ``link`` must say the same of a pair under each key that it shares: it is to score by the features, not by the key.

Source: https://mapping-commons.github.io/sssom/ · https://www.w3.org/TR/annotation-model/#text-quote-selector
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from hub import records
from hub.log import RecordRow
from linkml_schemas.generated.model import Dataset

Key = str
RecordKey = tuple[str, str]
"""Source and accession of a record."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for a link: what was compared with what, or where it is written.

    Attributes:
        kind: ``value`` (two values agree), ``text`` (a passage says it), ``table`` (a reference table says it),
            ``record`` (an archive's record says it) or ``against`` (what speaks against the link).
        field: slot of the record, with indices, that holds the value, such as ``publication[0]`` or ``description``.
        value: what the record has there.
        matched: what it agrees with: the other record's value, or the row of the table.
        quote: the sentence of a text that says it.
        start: offset of the match in the field's text, in characters.
        source: who says so: ``<source>/<accession>`` of a record, or name and version of a reference table.
        weight: what it adds to the link's score; 0 where it only explains.
    """

    kind: str
    field: str
    value: str
    matched: str = ""
    quote: str = ""
    start: int | None = None
    source: str = ""
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """A link that a rule found.

    Attributes:
        subject: IRI; of a symmetric rule the lesser of the two.
        predicate: IRI.
        object: IRI.
        confidence: 0 to 1. From the rule's ``threshold`` on it is a fact, below a candidate.
        evidence: reasons, the strongest first.
        records: the records that it rests on.
    """

    subject: str
    predicate: str
    object: str
    confidence: float
    evidence: tuple[Evidence, ...]
    records: tuple[RecordKey, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A quality problem that only shows when records are compared with one another or with reference tables.

    Attributes:
        record: source and accession of the record that it is reported on.
        field: slot, with indices.
        rule: name of the finding's rule, such as ``orcid-of-another-person``.
        value: offending value.
        message: one sentence for the archive's curators.
        suggestion: what to write instead, or None.
        evidence: reasons.
    """

    record: RecordKey
    field: str
    rule: str
    value: str
    message: str
    suggestion: str | None = None
    evidence: tuple[Evidence, ...] = ()


Result = Found | Problem


@dataclass(frozen=True)
class Record:
    """An active record, as a rule's ``members`` is given it."""

    row: RecordRow

    @property
    def key(self) -> RecordKey:
        """Its source and accession."""
        return self.row.source, self.row.accession

    @property
    def own_key(self) -> Key:
        """The block key of rules that look at each record by itself."""
        return f"{self.row.source}/{self.row.accession}"

    @cached_property
    def dataset(self) -> Dataset:
        """What the record says; parsed once for all rules."""
        found: Dataset = records.from_json(self.row.record)
        return found

    @cached_property
    def shared(self) -> dict[str, Any]:
        """What several rules take of the record, by names that they agree on, so that it is worked out once."""
        return {}


@dataclass(frozen=True, slots=True)
class Member:
    """A record in a block.

    Attributes:
        record: source and accession.
        dataset: IRI of the dataset.
        features: what ``members`` kept of it.
    """

    record: RecordKey
    dataset: str
    features: Any


@dataclass(frozen=True, slots=True)
class Membership:
    """Under which keys a record is compared, and by what.

    Attributes:
        keys: block keys; none keeps the record out of the rule. Selective ones: a block of more than the rule's
            ``max_block`` members is left out and told.
        features: JSON values (small: they are stored for each record and rule).
    """

    keys: frozenset[Key]
    features: Any = None


class References(Protocol):
    """Reference tables by kind, such as ``ontology`` or ``genes`` (see :mod:`hub.references`)."""

    def get(self, kind: str) -> Any:
        """Return the reader of all tables of a kind, or None where none is installed."""

    def version(self, kind: str) -> str:
        """Return what names the tables of a kind and their versions; empty where none is installed."""


NOTHING = Membership(frozenset())


@dataclass(frozen=True, slots=True)
class Rule:
    """A link rule.

    Attributes:
        name: in small letters and hyphens; the rule's graph is ``{base}graph/links/<name>``.
        title: what it finds, for people, in a few words.
        version: to be raised when the rule would find otherwise than before; every record is then compared anew.
        predicates: IRIs that its links may have.
        members: the keys and features of a record.
        link: the links and problems of one block.
        threshold: least confidence of a fact; below it a link is a candidate.
        justification: SSSOM justification of its links, such as ``semapv:LexicalMatching``.
        references: kinds of reference tables (``ontology``, ``genes``, ``papers``, ``organisations``) that it reads;
            when one of these has a new version, every record is compared anew.
        is_symmetric: whether its links hold both ways; the graph then has both statements.
        max_block: most members of a block that are compared.
    """

    name: str
    title: str
    version: int
    predicates: tuple[str, ...]
    members: Callable[[Record, References], Membership]
    link: Callable[[Key, Sequence[Member], References], Iterable[Result]]
    threshold: float = 0.8
    justification: str = "semapv:UnspecifiedMatching"
    references: tuple[str, ...] = ()
    is_symmetric: bool = False
    max_block: int = 200


def link_id(rule: str, subject: str, predicate: str, obj: str) -> str:
    """Return the digest that names a link for as long as it says the same; 16 hexadecimal digits.

    >>> link_id("sameness", "https://h/dataset/idr/idr0015", "https://h/p", "https://h/dataset/bia/S-BIAD595")
    '87e4a5e2e8fee385'
    """
    return hashlib.sha256("\0".join((rule, subject, predicate, obj)).encode()).hexdigest()[:16]
