"""Genes: which gene a symbol or identifier means, in a species, by all gene tables together.

A gene's main identifier is that of NCBI Gene where a table knows it, else its nomenclature authority's, else Ensembl's.
Symbols are looked up within one species, the best kind of name first (``TIERS``); what is ambiguous gives candidates
and no gene. Retired identifiers lead to their successors and never shadow a gene. The tables are the references of
kind ``genes`` (`hub references update`) and a small one that comes with the hub.
"""

from __future__ import annotations

import difflib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from harvesters.references.contract import Reference
from harvesters.references.genes import KIND
from harvesters.references.genes_row import TIERS
from hub import references
from hub.config import Settings
from hub.links.contract import Evidence
from ontology import geneids
from ontology.text import clean

BUNDLED: Final = ("human", "models")
MAX_STEPS: Final = 4
MAX_CHAIN: Final = 50
CACHED: Final = 100_000
NEAR: Final = 0.72
_MNEMONIC: Final = re.compile(r"(\w{2,10})_(?:HUMAN|MOUSE|RAT|YEAST|DROME|CAEEL|DANRE|ARATH|SCHPO|XENLA|CHICK)")
_NUMBERED: Final = re.compile(r"[-_.]\d{1,2}$")
_PRODUCT_VERSION: Final = re.compile(r"(?<=refseq:)(\w+)\.\d+$|(?<=uniprot:)(\w+)-\d+$")
# Species whose archives write systematic names as identifiers → name space
_SYSTEMATIC: Final = {4932: "sgd", 7227: "fb"}
_SAID: Final = {
    "approved": "approved symbol", "systematic": "systematic name", "symbol": "symbol", "previous": "previous symbol",
    "alias": "alias", "withdrawn": "withdrawn symbol",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a symbol or identifier means.

    Attributes:
        gene: IRI of the gene's main identifier; None when unknown or ambiguous.
        candidates: IRIs of the genes that it may mean when it is ambiguous.
        tier: kind of the name (``TIERS``), or ``identifier``; empty when unknown.
        is_retired: whether it is a retired identifier or a withdrawn symbol; ``gene`` is then what it became.
        evidence: which table says so, and the steps in between.
    """

    gene: str | None = None
    candidates: tuple[str, ...] = ()
    tier: str = ""
    is_retired: bool = False
    evidence: tuple[Evidence, ...] = ()

    @property
    def genes(self) -> tuple[str, ...]:
        """The gene, or the candidates."""
        return (self.gene,) if self.gene else self.candidates


UNKNOWN: Final = Resolution()
Stamps = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Account:
    """What the tables know of one gene; identifiers are IRIs, lists are sorted.

    Attributes:
        iri: main identifier.
        taxon: number of the species in the NCBI taxonomy.
        ids: identifiers in all name spaces, the main one first.
        retired: identifiers that became this gene.
        proteins: of UniProt.
        sources: name and version of the tables.
    """

    iri: str
    symbol: str | None = None
    name: str | None = None
    taxon: int | None = None
    ids: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    proteins: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    systematic: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Its symbol and all other names as they are written."""
        return frozenset((self.symbol or "", *self.previous, *self.aliases, *self.systematic)) - {""}


class Table:
    """One gene table.

    Args:
        name: its name in the settings.
        db: its rows, as `harvesters.references.genes.KIND` declares them; not written to.
        is_partial: whether it has some genes of its species only.
    """

    def __init__(self, name: str, db: sqlite3.Connection, *, is_partial: bool = False) -> None:
        told = dict(db.execute("SELECT name, value FROM meta"))
        self.name = f"{name} {told['version']}" if told.get("version") else name
        self.mark = f"{name}:{told.get('sha256', told.get('version', ''))}"
        self.is_partial = is_partial
        self._db = db
        self._filled = {t.name for t in KIND.tables if db.execute(f"SELECT 1 FROM {t.name} LIMIT 1").fetchone()}

    def rows(self, table: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a query gives, without asking a table that is empty."""
        return self._db.execute(query, values).fetchall() if table in self._filled else []


class Genes:
    """All gene tables together.

    Args:
        tables: in the order of the settings; of two that disagree on a text for people the first one's is shown.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tuple(tables)
        self.version = " ".join(table.mark for table in tables)
        self._mains = lru_cache(CACHED)(self._find_mains)
        self._live = lru_cache(CACHED)(self._follow)

    @classmethod
    def of(cls, settings: Settings) -> Genes:
        """Return the tables of the settings, opened again when one of them was updated, and the bundled one last."""
        folder, stamps = settings.data_dir.as_posix(), _stamps(settings)
        stamp, found = _OPEN.get(folder, (None, None))
        if found is None or stamp != stamps:
            found = cls([*(Table(name, db) for name, db in references.of_kind(settings, KIND.name)), *bundled()])
            _OPEN[folder] = (stamps, found)
        return found

    # --- questions

    def resolve(self, text: str, taxon: str | int | None = None) -> Resolution:
        """Return what an identifier or symbol means.

        Args:
            text: IRI, CURIE, bare identifier or symbol.
            taxon: IRI or number of the species that a symbol is of. Without it a symbol gives candidates only.
        """
        form = _form(text)
        found = self.by_id(form, text) if form else UNKNOWN
        if found.tier or (form and ":" in clean(text)):
            return found
        number = geneids.species_of(taxon) if isinstance(taxon, str) else taxon
        found = self.anywhere(text) if number is None else self.by_symbol(text, geneids.species(number))
        return found if found.tier else self._bare_protein(text)

    def _bare_protein(self, text: str) -> Resolution:
        """Return the gene of an accession of UniProt without a prefix, whose shape some symbols have too."""
        try:
            return self.by_id(geneids.local("uniprot", text), text)
        except ValueError:
            return UNKNOWN

    def by_id(self, form: str, asked: str = "") -> Resolution:
        """Return the gene of a compact identifier; of a transcript's or protein's the gene that encodes it."""
        name = geneids.systematic(form)
        if geneids.is_product(form) and not self._is_known(form):
            form = _PRODUCT_VERSION.sub(r"\1\2", form)
        if name and not self._is_known(form):
            found = self.by_symbol(name, geneids.taxon(form) or 0, tiers=("systematic",))
            return Resolution(found.gene, found.candidates, found.tier and "identifier", False, found.evidence)
        if not self._is_known(form):
            return UNKNOWN
        mains = self._mains(form)
        lives, chain = self._live(form)
        is_retired = lives != (form,)
        end = () if mains == chain[-1:] else (", ".join(mains) or "no successor",)
        matched = " → ".join((*chain, *end))
        evidence = (Evidence("table", "", asked or form, matched, source=self._who_knows(form)),)
        return _resolution(mains, "identifier", evidence, is_retired=is_retired)

    def by_symbol(self, symbol: str, taxon: int, tiers: Sequence[str] = TIERS) -> Resolution:
        """Return the gene of a symbol in one species: by the best kind of name; the same case counts more.

        Args:
            symbol: in any case.
            taxon: number of the species in the NCBI taxonomy.
            tiers: kinds of names that count.
        """
        hits = self._named(symbol, taxon)
        for tier in tiers:
            here = [hit for hit in hits if hit[0] == tier]
            exact = [hit for hit in here if hit[1] == clean(symbol)] or here
            if exact:
                mains = _of_best_space({main for hit in exact for main in self._mains(hit[2])})
                is_retired = tier == "withdrawn"
                return _resolution(
                    mains, tier, tuple(_hit_evidence(symbol, hit) for hit in exact), is_retired=is_retired
                )
        return UNKNOWN

    def anywhere(self, symbol: str) -> Resolution:
        """Return the genes of all species that a symbol names, as candidates, also where there is one."""
        mains: set[str] = set()
        evidence: list[Evidence] = []
        tiers: set[str] = set()
        for taxon in self.taxa_of(symbol):
            found = self.by_symbol(symbol, taxon)
            mains.update(found.genes)
            evidence += found.evidence
            tiers.add(found.tier)
        tier = min(tiers, key=TIERS.index, default="")
        return Resolution(None, tuple(sorted(mains)), tier, False, tuple(evidence))

    def taxa_of(self, symbol: str, *, withdrawn: bool = False) -> list[int]:
        """Return the species in which a symbol is a name, one that is not withdrawn unless such are asked for."""
        query = "SELECT DISTINCT taxon FROM name WHERE folded = ? AND taxon IS NOT NULL"
        more = "" if withdrawn else " AND tier <> 'withdrawn'"
        rows = (table.rows("name", query + more, geneids.folded(symbol)) for table in self.tables)
        return sorted({taxon for found in rows for (taxon,) in found})

    def main(self, iri: str) -> str | None:
        """Return the main identifier of the gene that an IRI is one of; None when unknown or ambiguous."""
        form = _form(iri)
        return self.by_id(form).gene if form else None

    def taxon_of(self, iri: str) -> int | None:
        """Return the number of the species of a gene."""
        form = _form(iri)
        if form is None:
            return None
        told = (row[1] for one in self._class(form) for _, row in self._gene_rows(one) if row[1] is not None)
        return geneids.taxon(form) or next(told, None)

    def symbol_of(self, iri: str) -> str | None:
        """Return the symbol of a gene, the nomenclature authority's where a table has it."""
        return self.account(iri).symbol

    def has_species(self, taxon: int) -> bool:
        """Tell whether a whole table has symbols of a species, so that one not found means something."""
        query = "SELECT 1 FROM gene WHERE taxon = ? AND symbol IS NOT NULL AND retired = 0 LIMIT 1"
        return any(table.rows("gene", query, taxon) for table in self.tables if not table.is_partial)

    def near(self, name: str, taxon: int | None = None, most: int = 5) -> list[str]:
        """Return symbols that are written much like a name, the nearest first.

        First of all the symbol of the gene that the name means without a number behind it (``ARPC4-02``) or as a
        mnemonic of UniProt (``PTEN_HUMAN``).
        """
        stem = _MNEMONIC.sub(r"\1", _NUMBERED.sub("", name.strip()))
        meant = self.by_symbol(stem, taxon).gene if taxon is not None and stem != name else None
        first = [symbol for symbol in [self.symbol_of(meant) if meant else None] if symbol]
        start = geneids.folded(stem)[:2]
        if len(start) < 2:
            return first
        query = "SELECT DISTINCT written FROM name WHERE folded >= ? AND folded < ? AND tier IN ('approved', 'symbol')"
        more, values = (" AND taxon = ?", (taxon,)) if taxon is not None else ("", ())
        found = [
            written
            for table in self.tables
            for (written,) in table.rows("name", f"{query}{more} LIMIT 5000", start, start + "\uffff", *values)
        ]
        return list(dict.fromkeys([*first, *self.closest(stem, found, most)]))[:most]

    @staticmethod
    def closest(name: str, symbols: Iterable[str], most: int = 5) -> list[str]:
        """Return the symbols of a list that are written much like a name."""
        by_fold: dict[str, str] = {}
        for symbol in symbols:
            by_fold.setdefault(geneids.folded(symbol), symbol)
        return [by_fold[key] for key in difflib.get_close_matches(geneids.folded(name), by_fold, most, NEAR)]

    def orthologs(self, iri: str) -> tuple[str, ...]:
        """Return the IRIs of a gene's orthologs in other species."""
        form = _form(iri)
        if form is None:
            return ()
        found = {other for one in self._class(form) for other in self._pairs("ortholog", one)}
        mains = {main for other in found for main in (self._mains(other) or (other,))}
        return tuple(sorted(geneids.iri(main) for main in mains if main != form))

    def account(self, iri: str) -> Account:
        """Return what the tables know of a gene; of an unknown one its identifier only."""
        form = _form(iri)
        if form is None:
            return Account(iri, ids=(iri,))
        everyone = self._class(form)
        rows = [(label, row) for one in everyone for label, row in self._gene_rows(one)]
        best = sorted(rows, key=lambda found: _authority(found[1][0]))
        names: dict[str, set[str]] = {}
        for one in everyone:
            for tier, written in self._names_of(one):
                names.setdefault(tier, set()).add(written)
        symbol = next((row[2] for _, row in best if row[2]), None)
        taxon, systematic = self.taxon_of(iri), tuple(sorted(names.get("systematic", set()) - {symbol}))
        forms = [one for one in everyone if one != form]
        prefix = _SYSTEMATIC.get(taxon or 0, "")
        named = (f"{prefix}:{name}" for name in sorted(names.get("systematic", ())))
        forms += [one for one in named if geneids.systematic(one)]
        retired = {old for one in everyone for old in self._pairs("successor", one, "other")}
        proteins = {p for one in everyone for p in self._products(one) if p.startswith("uniprot:")}
        return Account(
            iri=iri,
            symbol=symbol,
            name=next((row[3] for _, row in best if row[3]), None),
            taxon=taxon,
            ids=(iri, *(geneids.iri(one) for one in forms)),
            retired=_iris(retired - set(everyone)),
            proteins=_iris(proteins),
            previous=tuple(sorted(names.get("previous", set()) - {symbol})),
            aliases=tuple(sorted((names.get("alias", set()) | names.get("symbol", set())) - {symbol})),
            systematic=systematic,
            sources=tuple(dict.fromkeys(label for label, _ in rows)),
        )

    # --- the tables

    def _named(self, symbol: str, taxon: int) -> list[tuple[str, str, str, str]]:
        """Return tier, spelling, gene and table of a symbol's names; of partial tables if no other has it."""
        query = "SELECT DISTINCT tier, written, gene FROM name WHERE folded = ? AND taxon = ?"
        found: dict[bool, list[tuple[str, str, str, str]]] = {False: [], True: []}
        for table in self.tables:
            rows = table.rows("name", query, geneids.folded(symbol), taxon)
            found[table.is_partial] += [(*row, table.name) for row in rows]
        return found[False] or found[True]

    def _names_of(self, form: str) -> Iterator[tuple[str, str]]:
        for table in self.tables:
            yield from table.rows("name", "SELECT DISTINCT tier, written FROM name WHERE gene = ?", form)

    def _gene_rows(self, form: str) -> list[tuple[str, tuple[Any, ...]]]:
        query = "SELECT id, taxon, symbol, name, retired FROM gene WHERE id = ?"
        return [(table.name, row) for table in self.tables for row in table.rows("gene", query, form)]

    def _pairs(self, kind: str, form: str, column: str = "") -> set[str]:
        """Return what a table of pairs has beside a gene, in one column or both."""
        columns = {"gene": "other", "other": "gene"}
        asked = [column] if column else list(columns)
        found: set[str] = set()
        for table in self.tables:
            for one in asked:
                rows = table.rows(kind, f"SELECT {columns[one]} FROM {kind} WHERE {one} = ?", form)
                found.update(row[0] for row in rows)
        return found

    def _products(self, form: str) -> set[str]:
        return {other for other in self._pairs("same", form, "gene") if geneids.is_product(other)}

    def _who_knows(self, form: str) -> str:
        query = "SELECT 1 FROM same WHERE gene = ? OR other = ? LIMIT 1"
        names = [label for label, _ in self._gene_rows(form)]
        return (names or [t.name for t in self.tables if t.rows("same", query, form, form)] or [""])[0]

    def _is_known(self, form: str) -> bool:
        return bool(self._gene_rows(form) or self._pairs("same", form) or self._pairs("successor", form, "gene"))

    # --- which identifiers are one gene

    def _follow(self, form: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what a retired identifier became, and the way there; itself where it is not retired."""
        ends, way, waiting, seen = [], [], [form], {form}
        while waiting and len(seen) < MAX_CHAIN:
            here = waiting.pop(0)
            way.append(here)
            nexts = self._pairs("successor", here, "gene")
            if not nexts and not any(row[4] for _, row in self._gene_rows(here)):
                ends.append(here)
            waiting += sorted(nexts - seen)
            seen |= nexts
        return tuple(sorted(ends)), tuple(way)

    def _neighbours(self, form: str) -> set[str]:
        """Return the identifiers that a table says are of the same gene."""
        column = "other" if geneids.is_product(form) else ""
        found = {other for other in self._pairs("same", form, column) if not geneids.is_product(other)}
        taxon = geneids.taxon(form)
        lives = {live for other in found for live in self._live(other)[0]}
        return {live for live in lives if taxon is None or geneids.taxon(live) in (None, taxon)}

    def _find_mains(self, form: str) -> tuple[str, ...]:
        """Return the main identifiers of a gene: the nearest of the best name space; several where it is ambiguous."""
        return tuple(sorted({main for live in self._live(form)[0] for main in self._nearest(live)}))

    def _nearest(self, form: str) -> set[str]:
        level, seen, steps = {form}, {form}, [{form}]
        for _ in range(MAX_STEPS):
            if best := {one for one in level if geneids.rank(one) == 0}:
                return best
            level = {other for one in level for other in self._neighbours(one)} - seen
            seen |= level
            steps.append(level)
        genes = [one for one in seen if not geneids.is_product(one)]
        rank = min(map(geneids.rank, genes), default=0)
        return next(({o for o in s if geneids.rank(o) == rank} for s in steps if rank in map(geneids.rank, s)), set())

    def _class(self, form: str) -> list[str]:
        """Return all identifiers whose gene this is, the best name space first."""
        level, seen = {form}, {form}
        for _ in range(MAX_STEPS):
            level = {o for one in level for o in self._neighbours(one) if self._mains(o) == (form,)} - seen
            seen |= level
        return sorted(seen, key=lambda one: (one != form, geneids.rank(one), one))


# --- helpers ---------------------------------------------------------------------------------------------------------


def _form(text: str) -> str | None:
    try:
        return geneids.compact(text)
    except ValueError:
        return None


def _of_best_space(mains: set[str]) -> tuple[str, ...]:
    """Return the genes of the best name space: one symbol of one species in two of them is one gene."""
    best = min(map(geneids.rank, mains), default=0)
    return tuple(sorted(main for main in mains if geneids.rank(main) == best))


def _iris(forms: Iterable[str]) -> tuple[str, ...]:
    return tuple(geneids.iri(form) for form in sorted(forms))


def _authority(form: str) -> tuple[int, str]:
    """Return a key by which the nomenclature authority's row comes first."""
    return (0 if geneids.prefix_of(form) in geneids.AUTHORITIES else 1 + geneids.rank(form), form)


def _hit_evidence(symbol: str, hit: tuple[str, str, str, str]) -> Evidence:
    tier, written, gene, table = hit
    return Evidence("table", "", symbol, f"{written}, {_SAID[tier]} of {gene}", source=table)


def _resolution(mains: tuple[str, ...], tier: str, evidence: tuple[Evidence, ...], *, is_retired: bool) -> Resolution:
    found = tuple(map(geneids.iri, mains))
    if len(found) == 1:
        return Resolution(found[0], (), tier, is_retired, evidence)
    return Resolution(None, found, tier, is_retired, evidence)


# --- opening the tables ----------------------------------------------------------------------------------------------


_OPEN: dict[str, tuple[Stamps, Genes]] = {}


def _stamps(settings: Settings) -> Stamps:
    """Return what changes when a table is written anew."""
    found = []
    for name, reference in settings.references.items():
        path = references.path_of(settings, name)
        if reference.kind == KIND.name and path.is_file():
            about = path.stat()
            found.append((name, about.st_mtime_ns, about.st_ino))
    return tuple(found)


@cache
def bundled() -> tuple[Table, ...]:
    """Return the tables that come with the hub, in memory."""
    return tuple(_bundled(name) for name in BUNDLED)


def _bundled(name: str) -> Table:
    path = files("ontology").joinpath("genes", f"{name}.tsv")
    reference = Reference(f"bundled-{name}", KIND.name, "tsv", str(path))
    db = sqlite3.connect(":memory:", check_same_thread=False)
    with path.open("rb") as stream:
        references.fill(db, KIND, KIND.formats["tsv"].read(stream, reference), {"version": "2026-11"})  # type: ignore[arg-type]
    return Table(reference.name, db, is_partial=True)
