"""What a gene's page is made of: every dataset that has to do with it, and why.

The gene tables (:mod:`hub.genes`) say which identifiers are one gene, the snapshot says where archives use them. A gene
that no table knows has a page too, under the identifier that the archive gave it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import unquote

from pyoxigraph import Literal, NamedNode, Quad

from harvesters.building import property_iri
from hub import queries
from hub.errors import NotFoundError
from hub.genes import Account, Genes
from hub.links.genes import ENCODED_BY, EXACT_MATCH, MENTIONS, ORTHOLOG
from hub.workers import WorkerPool
from ontology import geneids, identifiers, terms

RDF_TYPE: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SCHEMA: Final = "http://schema.org/"
# Kinds of reasons, the most telling first → heading
KINDS: Final = {
    "perturbed": "The gene was perturbed",
    "tagged": "Its product is tagged",
    "stained": "Its product or transcript is stained",
    "observed": "Its product is what is shown",
    "annotated": "The gene is named, without its role",
    "protein": "The protein is in the sample",
    "text": "The text names it",
}
PERTURBATIONS: Final = {"sirna": "knock-down", "guide_rna": "CRISPR", "orf": "over-expression"}
MAX_PROTEINS: Final = 20
MAX_ORTHOLOGS: Final = 12
MAX_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Use:
    """One reason why a dataset has to do with a gene.

    Attributes:
        dataset: IRI.
        kind: a key of ``KINDS``.
        why: the reason in words.
        source: name of the source whose record says it; empty for a link that the hub found.
        gene: IRI of the gene, protein or annotation's gene as the archive has it.
        note: IRI of the annotation, or of the link.
        wells: number of plate wells.
        images: number of images.
        phenotypes: IRI and label of what was seen.
        reagents: kinds of reagents.
        quote: the sentence that names the gene.
        confidence: of a link that the hub found.
    """

    dataset: str
    accession: str
    name: str
    kind: str
    why: str = ""
    source: str = ""
    gene: str = ""
    note: str = ""
    wells: int | None = None
    images: int | None = None
    phenotypes: tuple[tuple[str, str], ...] = ()
    reagents: tuple[str, ...] = ()
    quote: str = ""
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A gene that a name may mean.

    Attributes:
        account: what is known of it.
        organism: name of its species, or empty.
        datasets: number of datasets that have to do with it.
    """

    account: Account
    organism: str
    datasets: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a name in an address leads to: one gene, or several to choose from.

    Attributes:
        gene: IRI of the gene.
        is_retired: whether the name was given up; its page is the gene's.
        choices: the genes that the name may mean, the most used first.
    """

    gene: str | None = None
    is_retired: bool = False
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class GenePage:
    """A gene with everything that the hub has of it.

    Attributes:
        account: identifiers and names.
        organism: name of its species, or empty.
        uses: reasons, by kind and accession.
        orthologs: genes of other species, the most used first.
        homonyms: genes of other species that the hub has under the same symbol.
    """

    account: Account
    organism: str = ""
    uses: list[Use] = field(default_factory=list)
    orthologs: list[Choice] = field(default_factory=list)
    homonyms: list[Choice] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Number of datasets by kind of reason."""
        found = Counter(kind for kind, _ in {(use.kind, use.dataset) for use in self.uses})
        return {kind: found[kind] for kind in KINDS if found[kind]}

    @property
    def datasets(self) -> int:
        """Number of datasets."""
        return len({use.dataset for use in self.uses})

    @property
    def by_kind(self) -> dict[str, list[Use]]:
        """Reasons by kind."""
        return {kind: [use for use in self.uses if use.kind == kind] for kind in self.counts}


class Library:
    """Answers what leads to which gene, and what the hub has of it.

    Args:
        pool: workers on the snapshot.
        genes: the gene tables.
        base: base IRI of the hub.
    """

    def __init__(self, pool: WorkerPool, genes: Genes, base: str) -> None:
        self.pool = pool
        self.genes = genes
        self.base = base

    # --- names

    def find(self, name: str, taxon: int | None = None) -> Found:
        """Return what a name leads to.

        Args:
            name: symbol, CURIE, bare identifier or IRI; digits alone are an NCBI Gene number.
            taxon: number of the species that is meant, in the NCBI taxonomy.

        Raises:
            NotFoundError: no table and no archive knows it; the message has symbols that are written much like it.
        """
        form = _form(name)
        found = self._by_id(name, form) if form else self._by_symbol(name, taxon)
        if found.gene is None and not found.choices:
            raise NotFoundError(self._unknown(name, form))
        return found

    def _by_id(self, name: str, form: str) -> Found:
        known = self.genes.by_id(form, name)
        if known.gene:
            return Found(known.gene, known.is_retired)
        for iri in _spellings(name, form):
            rows = list(self._select("gene-same", iri))
            if rows:
                return Found(next((row["main"] for row in rows if "main" in row), iri))
        return self._decide((iri, False) for iri in known.candidates)

    def _by_symbol(self, symbol: str, taxon: int | None) -> Found:
        taxa = self.genes.taxa_of(symbol) or self.genes.taxa_of(symbol, withdrawn=True)
        found: dict[str, bool] = {}
        for number in taxa if taxon is None else [taxon]:
            known = self.genes.by_symbol(symbol, number)
            found |= dict.fromkeys(known.genes, known.is_retired)
        for row in self._named(symbol):
            species = geneids.species_of(row["taxon"]) if "taxon" in row else None
            main = row.get("main") or self.genes.main(row["gene"]) or row["gene"]
            if taxon in (None, species or self.genes.taxon_of(main)):
                found.setdefault(main, False)
        return self._decide(found.items(), symbol)

    def _named(self, symbol: str) -> Iterator[dict[str, str]]:
        title = symbol[:1].upper() + symbol[1:].lower()
        spellings = {"symbol": symbol, "upper": symbol.upper(), "lower": symbol.lower(), "title": title}
        literals = {name: Literal(text) for name, text in spellings.items()}
        yield from _rows(queries.select(self.pool, "describe/gene-named", **literals))

    def _decide(self, genes: Iterable[tuple[str, bool]], name: str = "") -> Found:
        """Return the only gene, or the only one with datasets if its symbol is written so and no other's; else all."""
        found = dict(genes)
        if len(found) < 2:
            return next((Found(iri, is_retired) for iri, is_retired in found.items()), Found())
        choices = sorted(map(self.choice, found), key=lambda c: (-c.datasets, c.organism, c.account.iri))
        used = [choice for choice in choices if choice.datasets]
        owners = [choice for choice in choices if choice.account.symbol == name] or used
        if len(used) == 1 and used[0] in owners and name in used[0].account.names:
            return Found(used[0].account.iri, found[used[0].account.iri], tuple(choices))
        return Found(None, False, tuple(choices))

    def _unknown(self, name: str, form: str | None) -> str:
        retired = self.genes.by_id(form, name) if form else None
        if retired is not None and retired.is_retired:
            return f"{name} is a retired identifier of a gene without a successor"
        near = [] if form else self.near(name)
        hint = f"; names that are written much like it: {', '.join(near)}" if near else ""
        return f"no gene {name!r} is known here{hint}"

    def near(self, name: str) -> list[str]:
        """Return symbols of tables and archives that are written much like a name."""
        symbols = self.genes.near(name)
        start = geneids.folded(name)[:2]
        if len(start) == 2:
            rows = _rows(queries.select(self.pool, "describe/gene-near", start=Literal(start)))
            symbols += self.genes.closest(name, [row["symbol"] for row in rows])
        return list(dict.fromkeys(symbols))[:MAX_SHOWN]

    def choice(self, iri: str) -> Choice:
        """Return what is known of a gene, with the number of its datasets."""
        account = self.account(iri)
        return Choice(account, organism(account.taxon), len({use.dataset for use in self._uses(account)}))

    def account(self, iri: str) -> Account:
        """Return what tables know of a gene, else what archives say of it."""
        known = self.genes.account(iri)
        rows = [] if known.symbol and known.taxon else list(self._select("gene-same", iri))
        symbol = Counter(row["symbol"] for row in rows if "symbol" in row).most_common(1)
        taxon = next((geneids.species_of(row["taxon"]) for row in rows if "taxon" in row), None)
        return replace(known, symbol=known.symbol or (symbol[0][0] if symbol else None), taxon=known.taxon or taxon)

    # --- the page

    def page(self, iri: str, others: Iterable[Choice] = ()) -> GenePage:
        """Return everything that the hub has of a gene.

        Args:
            iri: its main identifier.
            others: genes of other species that the same name means.
        """
        account = self.account(iri)
        given = [row["gene"] for row in self._select("gene-same", iri) if "#" not in row["gene"]]
        account = replace(account, ids=tuple(dict.fromkeys((*account.ids, *given))))
        order = list(KINDS)
        uses = sorted(self._uses(account), key=lambda use: (order.index(use.kind), -(use.wells or 0), use.accession))
        homonyms = [choice for choice in others if choice.account.iri != iri]
        return GenePage(account, organism(account.taxon), uses, self._orthologs(account), homonyms)

    def _orthologs(self, account: Account) -> list[Choice]:
        told = [row["other"] for row in self._select("gene-orthologs", account.iri)]
        found = [self.choice(iri) for iri in dict.fromkeys((*told, *self.genes.orthologs(account.iri)))][:MAX_ORTHOLOGS]
        return sorted(found, key=lambda choice: (-choice.datasets, choice.organism, choice.account.iri))

    def _uses(self, account: Account) -> list[Use]:
        found: dict[tuple[str, str, str], Use] = {}
        for iri in account.ids:
            for use in (*self._annotated(iri), *self._proteins(iri)):
                found.setdefault((use.dataset, use.kind, use.note or use.gene), use)
        for protein in account.proteins[:MAX_PROTEINS]:
            for use in self._proteins(protein):
                found.setdefault((use.dataset, use.kind, use.gene), use)
        for use in self._mentions(account.iri):
            best = found.get((use.dataset, use.kind, ""))
            if best is None or (bool(use.quote), use.confidence or 1) > (bool(best.quote), best.confidence or 1):
                found[use.dataset, use.kind, ""] = use
        return list(found.values())

    def _annotated(self, iri: str) -> list[Use]:
        rows = list(self._select("gene", iri))
        details = self._details(iri) if rows else {}
        return [self._annotation(row, details.get(row["note"], ([], []))) for row in rows]

    def _details(self, iri: str) -> dict[str, tuple[list[tuple[str, str]], list[str]]]:
        """Return phenotypes and kinds of reagents by annotation."""
        found: dict[str, tuple[list[tuple[str, str]], list[str]]] = {}
        for row in self._select("gene-details", iri):
            phenotypes, reagents = found.setdefault(row["note"], ([], []))
            if "phenotype" in row:
                phenotypes.append((row["phenotype"], row.get("label", "")))
            elif row["kind"] not in reagents:
                reagents.append(row["kind"])
        return found

    def _annotation(self, row: dict[str, str], details: tuple[list[tuple[str, str]], list[str]]) -> Use:
        phenotypes, reagents = details
        made = Use(
            dataset=row["dataset"],
            accession=row["accession"],
            name=row["name"],
            kind=row["role"] if row.get("role") in KINDS else "annotated",
            source=self._source(row["note"].partition("#")[0], "record/"),
            gene=row["gene"],
            note=row["note"],
            wells=_number(row.get("wells")),
            images=_number(row.get("images")),
            phenotypes=tuple(sorted(set(phenotypes), key=lambda p: (p[1], p[0]))),
            reagents=tuple(sorted(reagents)),
        )
        return replace(made, why=_sentence(made))

    def _proteins(self, iri: str) -> Iterator[Use]:
        for row in self._select("gene-proteins", iri):
            curie, label = _curie(row["protein"]), row.get("label")
            source = self._source(row["g"], "graph/source/")
            why = f"{label} ({curie})" if label else curie
            yield Use(
                row["dataset"],
                row["accession"],
                row["name"],
                "protein",
                f"{why} is in the sample, by {source}" if source else f"{why} is in the sample",
                source,
                row["protein"],
            )

    def _mentions(self, iri: str) -> Iterator[Use]:
        for row in self._select("gene-mentions", iri):
            reasons = _evidence(row.get("evidence", ""))
            text = next((one for one in reasons if one.get("kind") == "text"), {})
            slot, quote = str(text.get("field", "")), str(text.get("quote", ""))
            yield Use(
                row["dataset"],
                row["accession"],
                row["name"],
                "text",
                f"{text.get('value', 'the gene')} in the {_place(slot)}" if slot else "the record names it",
                note=row.get("link", ""),
                quote=quote,
                confidence=float(row["confidence"]) if "confidence" in row else None,
            )

    def _source(self, iri: str, kind: str) -> str:
        rest = iri.removeprefix(f"{self.base}{kind}")
        return unquote(rest.partition("/")[0]) if rest != iri else ""

    def _select(self, name: str, iri: str) -> Iterator[dict[str, str]]:
        yield from _rows(queries.select(self.pool, f"describe/{name}", iri=NamedNode(iri)))


# --- words -----------------------------------------------------------------------------------------------------------


def _sentence(use: Use) -> str:
    """Return an annotation in words, such as "knock-down in 384 wells, showing large nucleus (CMPO:0000140)"."""
    by = [PERTURBATIONS[kind] for kind in use.reagents if kind in PERTURBATIONS]
    words = {"perturbed": " and ".join(by) or "perturbed", "annotated": "named"}.get(use.kind, use.kind)
    counts = [
        f"{number:,} {unit}{'s' if number != 1 else ''}"
        for number, unit in ((use.wells, "well"), (use.images, "image"))
        if number
    ]
    seen = [f"{label or _curie(iri)} ({_curie(iri)})" if "#" not in iri else label for iri, label in use.phenotypes]
    more = f" and {len(seen) - MAX_SHOWN} more" if len(seen) > MAX_SHOWN else ""
    shown = f", showing {'; '.join(seen[:MAX_SHOWN])}{more}" if seen else ""
    return f"{words}{' in ' if counts else ''}{', '.join(counts)}{shown}"


def _place(slot: str) -> str:
    return {"name": "title", "description": "description"}.get(slot, "keywords" if slot.startswith("keyword") else slot)


def organism(taxon: int | None) -> str:
    """Return the name of a species, else its number; empty for None.

    >>> organism(9606)
    'Homo sapiens'
    """
    if taxon is None:
        return ""
    return terms.label(f"{identifiers.OBO}NCBITaxon_{taxon}") or f"NCBI taxon {taxon}"


def _curie(iri: str) -> str:
    try:
        return identifiers.curie(iri)
    except ValueError:
        return iri


def _number(text: str | None) -> int | None:
    return int(text) if text is not None else None


def _evidence(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text) if text else []
    except ValueError:
        return []
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]


def _rows(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, str]]:
    yield from ({name: value.value for name, value in row.items()} for row in rows)


def _form(name: str) -> str | None:
    try:
        return geneids.compact(f"ncbigene:{name}" if name.isdecimal() else name)
    except ValueError:
        return None


def _spellings(name: str, form: str) -> tuple[str, ...]:
    """Return the IRIs under which an archive may have written an identifier."""
    written = name if name.startswith("http") else f"{geneids.BASE}{name}"
    try:
        return tuple(dict.fromkeys((geneids.iri(form), identifiers.iri(written))))
    except ValueError:
        return (geneids.iri(form),)


# --- as data ---------------------------------------------------------------------------------------------------------


def as_json(page: GenePage) -> dict[str, Any]:
    """Return a gene's page as JSON values."""
    about = page.account
    return {
        "gene": about.iri,
        "curie": _curie(about.iri),
        "symbol": about.symbol,
        "name": about.name,
        "organism": page.organism or None,
        "taxon": about.taxon and f"{identifiers.OBO}NCBITaxon_{about.taxon}",
        "identifiers": list(about.ids),
        "retired": list(about.retired),
        "proteins": list(about.proteins),
        "previous": list(about.previous),
        "aliases": list(about.aliases),
        "systematic": list(about.systematic),
        "tables": list(about.sources),
        "datasets": page.datasets,
        "counts": page.counts,
        "evidence": [_use(use) for use in page.uses],
        "orthologs": [choice_json(choice) for choice in page.orthologs],
    }


def _use(use: Use) -> dict[str, Any]:
    told = {
        "dataset": use.dataset, "accession": use.accession, "name": use.name, "kind": use.kind, "why": use.why,
        "source": use.source, "as_written": use.gene, "node": use.note, "wells": use.wells, "images": use.images,
        "phenotypes": [{"id": iri, "name": label} for iri, label in use.phenotypes], "reagents": list(use.reagents),
        "quote": use.quote, "confidence": use.confidence,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def choice_json(choice: Choice) -> dict[str, Any]:
    """Return a gene to choose as JSON values."""
    about = choice.account
    return {
        "gene": about.iri,
        "curie": _curie(about.iri),
        "symbol": about.symbol,
        "name": about.name,
        "organism": choice.organism or None,
        "taxon": about.taxon and f"{identifiers.OBO}NCBITaxon_{about.taxon}",
        "datasets": choice.datasets,
    }


def quads(page: GenePage) -> list[Quad]:
    """Return a gene's page as statements: the gene, its identifiers, and how datasets have to do with it."""
    about = page.account
    gene = NamedNode(about.iri)
    said = [_quad(gene, RDF_TYPE, f"{SCHEMA}Gene")]
    texts = {property_iri("symbol"): (about.symbol, *about.previous, *about.aliases), f"{SCHEMA}name": (about.name,)}
    said += [Quad(gene, NamedNode(p), Literal(text)) for p, values in texts.items() for text in values if text]
    if about.taxon:
        said.append(_quad(gene, property_iri("taxon"), f"{identifiers.OBO}NCBITaxon_{about.taxon}"))
    said += [_quad(NamedNode(iri), EXACT_MATCH, about.iri) for iri in (*about.ids, *about.retired) if iri != about.iri]
    said += [_quad(NamedNode(iri), ENCODED_BY, about.iri) for iri in about.proteins]
    said += [_quad(gene, ORTHOLOG, choice.account.iri) for choice in page.orthologs]
    return list(dict.fromkeys([*said, *(quad for use in page.uses for quad in _use_quads(use, about.iri))]))


def _quad(subject: NamedNode, predicate: str, iri: str) -> Quad:
    return Quad(subject, NamedNode(predicate), NamedNode(iri))


def _use_quads(use: Use, main: str) -> Iterator[Quad]:
    dataset, note = NamedNode(use.dataset), NamedNode(use.note or use.dataset)
    yield _quad(dataset, RDF_TYPE, f"{SCHEMA}Dataset")
    yield Quad(dataset, NamedNode(f"{SCHEMA}name"), Literal(use.name))
    yield Quad(dataset, NamedNode(property_iri("accession")), Literal(use.accession))
    if use.kind == "text":
        yield _quad(dataset, MENTIONS, main)
    elif use.kind == "protein":
        yield _quad(dataset, property_iri("about"), use.gene)
        yield _quad(NamedNode(use.gene), ENCODED_BY, main)
    else:
        yield _quad(dataset, property_iri("gene_annotation"), use.note)
        yield _quad(note, property_iri("gene"), use.gene)
        if use.gene != main:
            yield _quad(NamedNode(use.gene), EXACT_MATCH, main)
        if use.kind != "annotated":
            yield Quad(note, NamedNode(property_iri("gene_role")), Literal(use.kind))
        for slot, number in (("well_count", use.wells), ("image_count", use.images)):
            if number is not None:
                yield Quad(note, NamedNode(property_iri(slot)), Literal(number))
        for iri, label in use.phenotypes:
            yield _quad(note, property_iri("phenotype"), iri)
            if label:
                yield Quad(NamedNode(iri), NamedNode(f"{SCHEMA}name"), Literal(label))
