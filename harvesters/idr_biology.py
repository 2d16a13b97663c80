"""The biology of an IDR study: organisms and samples, phenotypes, genes, reagents and compounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any, Final

from harvesters.building import slug
from harvesters.contract import Context
from harvesters.idr_people import People
from harvesters.idr_study import Block
from harvesters.idr_tallies import Annotations, CompoundOf, GeneOf, PhenotypeKey, ReagentOf, Tally
from linkml_schemas.generated.model import (
    BioSample,
    Compound,
    DefinedTerm,
    Gene,
    GeneAnnotation,
    GeneRole,
    Phenotype,
    Reagent,
    ReagentAnnotation,
    ReagentKind,
    StudyComponent,
    Taxon,
)
from ontology import identifiers, terms, text

# Words that IDR's form offers for a term → the term; they are not its label, and not wrong.
WORDS_OF_THE_FORM: Final = {
    "rnai screen": "EFO:0007551", "gene deletion screen": "EFO:0007552", "compound screen": "EFO:0007553",
    "protein screen": "EFO:0005398", "primary screen": "EFO:0007556", "secondary screen": "EFO:0007557",
    "validation screen": "EFO:0007558", "hcs image acquisition and feature extraction protocol": "EFO:0007572",
}  # fmt: skip
# Words of a screen's technology, library and study type → how its genes occur.
ROLES: Final = (
    (re.compile(r"protein screen|tagging|fusion (?:library|protein)|gfp[- ]tagged", re.I), "tagged"),
    (re.compile(r"rnai|sirna|shrna|crispr|knock-?\s?(?:out|down)|deletion|\borf\b|overexpression", re.I), "perturbed"),
    (re.compile(r"antibody|immuno|in[- ]situ hybridi[sz]ation", re.I), "stained"),
)


class Biology(People):
    """Reads terms, organisms and what the tables say.

    Args:
        ctx: the base IRI and the source.
        accession: e.g. ``idr0094``.
        head: the lines before the first screen or experiment.
        blocks: screens and experiments by name (``screenA``).
        found: what the tables say.
    """

    def __init__(self, ctx: Context, accession: str, head: Block, blocks: dict[str, Block], found: Annotations) -> None:
        super().__init__(ctx, accession, head)
        self.blocks = blocks
        self.found = found
        self.terms_of: dict[str, list[Phenotype]] = {}
        self.taxa: dict[tuple[str, str], Taxon | DefinedTerm | None] = {}
        self.lines: dict[tuple[str, tuple[str, str]], DefinedTerm | None] = {}
        self.reagents: dict[str, Reagent] = {}
        self.labels: set[str] = set()

    # --- terms

    def _terms(
        self, block: Block, key: str, local: str, resolve: Callable[[str], str] | None = None
    ) -> list[DefinedTerm]:
        """Return the terms of a key's cells by their accessions, else by their wordings."""
        names, accessions = self._row(block, key), self._row(block, f"{key} Term Accession")
        found = []
        for name, accession in zip_longest(names, accessions, fillvalue=""):
            here = f"{local}-{slug(name or accession)}"
            made = self.term(key, accession, name, here) if accession else None
            if (made is None or not made.term_code) and name and resolve:
                made = self.wording(key, name, resolve, here)
            found += [made or self.term(key, None, name, here)]
        return [one for one in found if one]

    def term(self, field: str, identifier: object, name: str | None, local: str) -> DefinedTerm | None:
        """Return a term; another label than its ontology's is reported once for each study."""
        before = len(self.findings)
        made = super().term(field, identifier, name, local)
        if made is not None and made.term_code and WORDS_OF_THE_FORM.get((name or "").casefold()) == made.term_code:
            del self.findings[before:]
        new = [f for f in self.findings[before:] if f.rule != "label-mismatch" or f"{f.value}" not in self.labels]
        self.labels |= {f.value for f in new if f.rule == "label-mismatch"}
        self.findings[before:] = new
        return made

    def _organisms(self, block: Block, key: str) -> list[Taxon | DefinedTerm]:
        names, accessions = self._row(block, key), self._row(block, f"{key} Term Accession")
        found = [
            self._organism(key, name, accession) for name, accession in zip_longest(names, accessions, fillvalue="")
        ]
        return [one for one in found if one]

    def _organism(self, field: str, name: str, accession: str) -> Taxon | DefinedTerm | None:
        """Return a taxon by its accession, else by its name, else the wording; each pair is looked at once."""
        key = (name, accession)
        if key not in self.taxa:
            self.taxa[key] = self._new_organism(field, name, accession)
        return self.taxa[key]

    def _new_organism(self, field: str, name: str, accession: str) -> Taxon | DefinedTerm | None:
        taxon = self.taxon(f"{field} Term Accession", accession, name) if accession else None
        if taxon is not None or not name:
            return taxon
        try:
            return self.taxon(field, terms.organism(name), name)
        except ValueError as err:
            self.find(field, "organism-unknown", name, str(err))
            return DefinedTerm(id=self.local(f"organism-{slug(name)}"), name=self.text(field, name) or name)

    # --- biology

    def _about(self, parts: list[StudyComponent]) -> list[Any]:
        """Return organisms and samples; an organism of a part is one of the study."""
        found: list[Any] = [*self._organisms(self.head, "Study Organism")]
        found += [one for part in parts for one in part.about or ()]
        for number, sample in enumerate(self.found.samples, 1):
            found += self._sample(sample, number)
        field = "annotation table: Characteristics"
        without = []
        for name, accession in self.found.topics:
            try:
                found += [one for one in [self.term(field, identifiers.term(accession), name, "")] if one]
            except ValueError:
                without.append(f"{name} ({accession})")
        if without:
            message = f"{len(without)} characteristics have codes of no ontology that the hub knows; they are left out"
            self.find(field, "term-invalid", without[0], message)
        return list({one.id: one for one in found}.values())

    def _sample(self, sample: tuple[Any, ...], number: int) -> list[Any]:
        """Return the organisms of a sample, and the sample itself if a cell line or strain tells it from others."""
        organisms, cell_lines, strains = sample
        field = "annotation table: Characteristics"
        taxa = [
            taxon for name, accession in organisms if (taxon := self._organism(f"{field} [Organism]", name, accession))
        ]
        lines = [line for pair in cell_lines if (line := self._line(f"{field} [Cell Line]", "cell-line", pair))]
        kinds = [kind for pair in strains if (kind := self._line(f"{field} [Strain]", "strain", pair))]
        if not lines and not kinds:
            return taxa
        name = ", ".join(one.name for one in (*lines, *kinds))
        organism = " and ".join(one.scientific_name for one in taxa if isinstance(one, Taxon))
        made = BioSample(
            id=self.local(f"sample-{number}"),
            name=f"{name} ({organism})" if organism else name,
            taxon=[one for one in taxa if isinstance(one, Taxon)],
            cell_line=lines,
            strain=kinds,
        )
        return [*taxa, made]

    def _line(self, field: str, local: str, pair: tuple[str, str]) -> DefinedTerm | None:
        key = (local, pair)
        if key not in self.lines:
            name, accession = pair
            self.lines[key] = self.term(field, accession or None, name, f"{local}-{slug(name)}")
        return self.lines[key]

    def _phenotypes(self) -> list[Phenotype]:
        """Return the phenotypes of study file and tables; `terms_of` then has those of each wording."""
        found: dict[str, Phenotype] = {}
        for block in self.blocks.values():
            names = self._row(block, "Phenotype Name")
            lines: list[tuple[list[str], list[str]]] = [
                *zip_longest(block.rows("Phenotype Term Name"), block.rows("Phenotype Term Accession"), fillvalue=[])
            ]
            for place, wording in enumerate(names):
                pairs = [(_at(named, place), _at(accessions, place)) for named, accessions in lines]
                if wording:
                    made = self._phenotype(wording, pairs)
                    self.terms_of.setdefault(text.fold(wording), made)
                    found |= {one.id: one for one in made}
        for key in self.found.phenotypes:
            found |= {one.id: one for one in self._shown(key)}
        return list(found.values())

    def _shown(self, key: PhenotypeKey) -> list[Phenotype]:
        """Return the phenotypes of a wording in a table: by its own terms, else by those of the study file."""
        wording, accessions = key
        if not accessions and (known := self.terms_of.get(text.fold(wording))):
            return known
        cache = f"{wording}\n{accessions}"
        if cache not in self.terms_of:
            names = self.found.phenotypes.get(key, ())
            self.terms_of[cache] = self._phenotype(wording, [*zip_longest(names, accessions, fillvalue="")])
        return self.terms_of[cache]

    def _phenotype(self, wording: str, pairs: list[tuple[str, str]]) -> list[Phenotype]:
        found = {}
        for name, accession in pairs:
            if not accession or text.is_placeholder(accession):
                continue
            term = self.term("Phenotype Term Accession", accession, name or None, f"phenotype-{slug(wording)}")
            if term is not None and term.term_code:
                found[term.id] = Phenotype(id=term.id, name=term.name, term_code=term.term_code)
        if found:
            return list(found.values())
        name = self.text("Phenotype Name", wording) or wording
        return [Phenotype(id=self.local(f"phenotype-{slug(wording)}"), name=name)]

    def _seen(self, tally: Tally) -> list[Phenotype]:
        return list({one.id: one for key in sorted(tally.phenotypes) for one in self._shown(key)}.values())

    def _genes(self) -> Iterator[GeneAnnotation]:
        for (role, key), tally in self.found.genes.items():
            gene: GeneOf = tally.what
            taxon = self._organism("annotation table: Organism", *gene.organism) if gene.organism else None
            yield GeneAnnotation(
                id=self.local(f"{role}-{key.removeprefix(identifiers.IDENTIFIERS_ORG).rpartition('=')[2]}"),
                gene=Gene(
                    id=gene.iri or self.local(f"gene-{key}"),
                    symbol=self.text("Gene Symbol", gene.symbol),
                    taxon=[taxon] if isinstance(taxon, Taxon) else None,
                ),
                gene_role=GeneRole(role),
                reagent=[self._reagent(self.found.reagents[name].what, name) for name in sorted(tally.reagents)],
                phenotype=self._seen(tally),
                well_count=tally.wells or None,
                image_count=tally.images or None,
            )

    def _reagents(self) -> Iterator[ReagentAnnotation]:
        makers: tuple[tuple[dict[str, Tally], Callable[[Any, str], Any]], ...] = (
            (self.found.reagents, self._reagent),
            (self.found.compounds, self._compound),
        )
        for tallies, make in makers:
            for local, tally in tallies.items():
                yield ReagentAnnotation(
                    id=self.local(f"use-{local}"),
                    reagent=[make(tally.what, local)],
                    phenotype=self._seen(tally),
                    well_count=tally.wells or None,
                    image_count=tally.images or None,
                )

    def _reagent(self, reagent: ReagentOf, local: str) -> Reagent:
        if local not in self.reagents:
            self.reagents[local] = Reagent(
                id=self.local(local),
                name=self.text("Reagent", reagent.name) or reagent.name,
                reagent_kind=ReagentKind(reagent.kind) if reagent.kind else None,
                sequence=self.text("Sequence", reagent.sequence),
                url=reagent.url,
            )
        return self.reagents[local]

    def _compound(self, compound: CompoundOf, local: str) -> Compound:
        return Compound(
            id=compound.iri or self.local(f"compound-{local}"),
            name=self.text("Compound", compound.name),
            inchikey=compound.inchikey,
            smiles=compound.smiles,
        )


def role_of(head: Block, block: Block | None) -> str | None:
    """Return how the genes of a screen or experiment occur, by the study file's own words; None where it is silent."""
    keys = [(head, "Study Type")]
    if block is not None:
        keys = [(block, f"{block.kind} Technology Type"), (block, "Library Type"), *keys]
    for holder, key in keys:
        words = " / ".join(holder.filled(key))
        roles = {role for pattern, role in ROLES if pattern.search(words)}
        if len(roles) == 1:
            return roles.pop()
    return None


def _at(cells: list[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""
