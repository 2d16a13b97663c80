"""Small link rules for tests, and a catalogue whose records are written by hand: a record's title says it all.

``"nucleus actin | TP53 | 0.9"``: words that it shares with others, genes that its text names, and how sure it is.
"""

from __future__ import annotations

from typing import Any

from hub import log as log_module
from hub.config import Settings
from hub.links import catalogue, engine
from hub.links.catalogue import Links
from hub.links.contract import Evidence, Found, Membership, Problem, Rule
from hub.log import Batch, Log, RecordRow
from tests.support import BASE

SAME = f"{engine.VOCABULARY}sameStudyAs"
MENTIONS = "http://schema.org/mentions"
SETTINGS = Settings(base_iri=BASE)


class Tables:
    """Reference tables: versions by kind."""

    def __init__(self, **versions: str) -> None:
        self.versions = versions

    def get(self, kind: str) -> Any:
        return self.versions.get(kind)

    def version(self, kind: str) -> str:
        return self.versions.get(kind, "")


def parts(title: str) -> tuple[list[str], list[str], float]:
    words, _, rest = title.partition("|")
    genes, _, sure = rest.partition("|")
    return words.split(), genes.split(), float(sure or 0.9)


def share_members(record, references):
    words, _, sure = parts(record.row.title)
    return Membership(frozenset(words), {"words": sorted(words), "sure": sure})


def share_link(key, members, references):
    for n, one in enumerate(members):
        for other in members[n + 1 :]:
            common = sorted(set(one.features["words"]) & set(other.features["words"]))
            sure = min(one.features["sure"], other.features["sure"])
            reasons = tuple(Evidence("value", "name", word, word, weight=0.5) for word in common)
            yield Found(other.dataset, SAME, one.dataset, sure, reasons, (one.record, other.record))


def gene_members(record, references):
    _, genes, _ = parts(record.row.title)
    return Membership(frozenset({record.own_key}), genes) if genes else Membership(frozenset())


def gene_link(key, members, references):
    for member in members:
        for gene in member.features:
            if gene == "NOGENE":
                message = f"{gene} is no gene"
                yield Problem(member.record, "description", "unknown-gene", gene, message)
            else:
                iri = f"https://identifiers.org/ncbigene/{gene}"
                reason = Evidence("text", "description", gene, start=0, source=references.version("genes"))
                yield Found(member.dataset, MENTIONS, iri, 0.5 if gene == "CAT" else 1.0, (reason,), (member.record,))


SHARE = Rule("share", "datasets that share a word", 1, (SAME,), share_members, share_link, is_symmetric=True)
GENES = Rule("genes-in-text", "genes in texts", 1, (MENTIONS,), gene_members, gene_link, references=("genes",))
RULES = {rule.name: rule for rule in (SHARE, GENES)}


def row(accession: str, title: str, source: str = "bia", **more: Any) -> RecordRow:
    base = {
        "source": source,
        "accession": accession,
        "iri": f"{BASE}dataset/bia/{accession}",
        "state": "active",
        "title": title,
        "record": "{}",
        "findings": "[]",
        "withdrawal": None,
        "payload_sha256": "0" * 64,
        "source_url": None,
        "harvester": "crates/1",
        "first_seen": "2026-01-01T00:00:00Z",
        "changed": "2026-01-01T00:00:00Z",
        "run": 1,
    }
    return RecordRow(**{**base, **more})


def commit(log: Log, *rows: RecordRow) -> None:
    log.commit(Batch(records=[("withdraw" if r.state == "withdrawn" else "update", r) for r in rows]), 1)


def iri(accession: str) -> str:
    return f"{BASE}dataset/bia/{accession}"


def update(log: Log, links: Links, rules=None, tables=None, **more: Any) -> engine.Outcome:
    known = RULES if rules is None else rules
    return engine.update(log, links, tables or Tables(genes="v1"), SETTINGS, known=known, **more)


def stands(links: Links) -> list[tuple[Any, ...]]:
    """What stands, without times and numbers."""
    return [
        (
            r.id,
            r.rule,
            r.kind,
            *r.statement,
            r.symmetric,
            r.confidence,
            r.status,
            r.evidence,
            r.records,
            r.attributed_to,
        )
        for r in links.all_links()
        if r.status != "gone"
    ]


def said(links: Links, status: str = "fact") -> set[tuple[str, str, str]]:
    """Rule, end of the subject and end of the object of what has a status."""
    return {
        (r.rule, r.subject.rpartition("/")[2], r.object.rpartition("/")[2])
        for r in links.all_links()
        if r.status == status
    }


def clear(log: Log) -> None:
    catalogue.metadata.drop_all(log.engine)
    log_module.metadata.drop_all(log.engine)
