"""What the columns of an IDR annotation table are: told by its bulkmap configuration and by its headings.

The configuration is the only place that says which name space a column of gene identifiers is of: the web address
under ``Gene Identifier URL``. Very old tables carry that address in the heading itself. It is never guessed.

Source: https://github.com/ome/omero-metadata (the format of a bulkmap configuration)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import yaml

from ontology import identifiers, text

GENE_URL: Final = "gene identifier url"
MAX_CONFIG_BYTES: Final = 1 << 20
_WRAPPED: Final = re.compile(r"(?:comment|characteristics|experimental condition)\s*\[(.*?)\](.*)", re.DOTALL)
_URL_IN_HEADING: Final = re.compile(r"%%\s*url\s*=\s*(\S+)")
_VALUE: Final = re.compile(r"\{\{.*?\}\}|%s")
_NUMBER: Final = re.compile(r"\d+")

# Label of a column, folded → what it is. Numbers in it tell several of a kind apart.
_GENE_ID: Final = re.compile(r"gene identifier(?: \d+)?")
_SYMBOL: Final = re.compile(r"gene symbol(?: \d+)?")
_SIRNA: Final = re.compile(r"sirna(?: pool)? identifier(?: \d+)?")
_OTHER_RNAI: Final = re.compile(r"(?:dsrna|shrna|rnai|rna interference)(?: pool)? (?:identifier|id)(?: \d+)?")
_GUIDE: Final = re.compile(r"(?!.*sequence).*\b(?:[sg]{1,2}rna|guide rna)\b.*")
_PRIMER: Final = re.compile(r"rnai primer \d+|experimental condition \[rna interference\]")
_ANTIBODY: Final = re.compile(r"antibody(?: \d+)?(?: identifier)?(?: \d+)?")
_STAINED: Final = re.compile(r"antibody target|antibody|antibody identifier|targeted protein")
_ORF: Final = re.compile(r"(?:orf|horfeome v5\.1) identifier")
_SEQUENCE: Final = re.compile(r"sense sequence")
_COMPOUND: Final = re.compile(
    r"(?:compound )?(?:\d+ )?(?P<part>inchi ?key|smiles|pubchem cid|ch(?:embl|ebi)(?: identifier| id)?)"
    r"|compound(?: \d+)?(?: name)?(?: \d+)?"
)
_PHENOTYPE: Final = re.compile(r"phenotype(?: (\d+))?")
_PHENOTYPE_TERM: Final = re.compile(
    r"(?:phenotype(?: (?P<new>\d+))? term|(?:ontology term|term source)) (?P<part>name|accession)(?: (?P<end>\w{1,3}))?"
)
_TOPICS: Final = frozenset({
    "organism part", "tissue", "cell type", "developmental stage", "disease state", "diagnosis", "disease",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mapping:
    """One column of a configuration: its heading, what clients call it, and the address of its values."""

    heading: str
    client: str
    template: str | None


@dataclass(frozen=True, slots=True)
class Genes:
    """Columns of one list of genes; ``namespace`` is None where nothing says it."""

    id: int | None
    symbol: int | None
    namespace: str | None


@dataclass(frozen=True, slots=True)
class Reagents:
    """A column of reagents; ``silences`` tells that they act on the gene of their row."""

    place: int
    kind: str | None
    prefix: str
    template: str | None = None
    sequence: int | None = None
    silences: bool = False


@dataclass(slots=True)
class Compounds:
    """Columns of one compound; ``ids`` are places with what stands before a bare identifier there."""

    name: int | None = None
    inchikey: int | None = None
    smiles: int | None = None
    ids: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class Phenotypes:
    """A column of one phenotype, and the places of names and accessions of its terms."""

    place: int
    terms: list[tuple[int | None, int | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Named:
    """A column of names with, behind it, one of accessions."""

    place: int
    accession: int | None


@dataclass(slots=True)
class Layout:
    """Which column is what; every number is a place in a row.

    Attributes:
        well: places of plate and well; None where the table has none, then one row is one image.
        image: places of data set and image name.
        problems: rule, heading and message of what the table's columns and configuration leave open.
    """

    headings: list[str]
    well: tuple[int, int] | None = None
    image: tuple[int, ...] | None = None
    control: int | None = None
    genotypes: list[int] = field(default_factory=list)
    genes: list[Genes] = field(default_factory=list)
    reagents: list[Reagents] = field(default_factory=list)
    silencers: list[int] = field(default_factory=list)
    compounds: list[Compounds] = field(default_factory=list)
    phenotypes: list[Phenotypes] = field(default_factory=list)
    organisms: list[Named] = field(default_factory=list)
    cell_lines: list[Named] = field(default_factory=list)
    strains: list[Named] = field(default_factory=list)
    topics: list[Named] = field(default_factory=list)
    stains: bool = False
    problems: list[tuple[str, str, str]] = field(default_factory=list)


def read_config(raw: bytes) -> tuple[Mapping, ...]:
    """Return the columns of a bulkmap configuration.

    Raises:
        ValueError: no YAML (a tab in it), or not such a configuration.
    """
    try:
        document = yaml.safe_load(raw[:MAX_CONFIG_BYTES])
        columns = document["columns"]
        listed = [one for column in columns for one in _columns_of(column)]
    except (yaml.YAMLError, RecursionError, ValueError, KeyError, TypeError) as err:
        line = getattr(getattr(err, "problem_mark", None), "line", None)
        where = "" if line is None else f" (line {line + 1})"
        raise ValueError(f"the bulkmap configuration is not readable{where}: {type(err).__name__}") from err
    return tuple(listed)


def _columns_of(column: dict[str, Any]) -> list[Mapping]:
    inner = column["group"]["columns"] if "group" in column else [column]
    return [
        Mapping(
            _plain(str(one["name"])), _plain(str(one.get("clientname") or one["name"])), _text(one.get("clientvalue"))
        )
        for one in inner
    ]


def _text(value: object) -> str | None:
    return str(value).strip() or None if value is not None else None


def _plain(words: str) -> str:
    return " ".join(text.clean(words).split()).casefold()


def filled(template: str | None, value: str) -> str | None:
    """Return the address of a value by the template of a configuration, or None.

    >>> filled("https://v19.proteinatlas.org/search/{{ value|urlencode }}", "HPA029958")
    'https://v19.proteinatlas.org/search/HPA029958'
    """
    if template is None or not _VALUE.search(template):
        return None
    try:
        return identifiers.iri(_VALUE.sub(lambda _: quote(value, safe=""), template))
    except ValueError:
        return None


def layout(headings: Sequence[str], config: Sequence[Mapping] | None) -> Layout:
    """Return what the columns of a table are.

    Args:
        headings: the table's first row.
        config: its configuration; None where there is none that can be read.
    """
    return _Reader(headings, config or ()).layout()


class _Reader:
    def __init__(self, headings: Sequence[str], config: Sequence[Mapping]) -> None:
        self.found = Layout([" ".join(text.clean(heading).split()) for heading in headings])
        self.bare = [_plain(_URL_IN_HEADING.sub("", heading)) for heading in headings]
        self.config: dict[str, list[Mapping]] = {}
        for mapping in config:
            self.config.setdefault(mapping.heading, []).append(mapping)
        self.labels = [self._labels(heading) for heading in self.bare]

    def layout(self) -> Layout:
        self._places()
        self._genes()
        self._reagents()
        self._compounds()
        self._phenotypes()
        self._samples()
        return self.found

    def _labels(self, heading: str) -> set[str]:
        """Return what a column is called: its heading, that without its wrapping, and its clients' names."""
        wrapped = _WRAPPED.fullmatch(heading)
        inner = " ".join(f"{wrapped[1]}{wrapped[2]}".split()) if wrapped else heading
        clients = {mapping.client for mapping in self.config.get(heading, ())}
        return {heading, inner, *clients}

    def _where(self, pattern: re.Pattern[str]) -> list[int]:
        return [place for place, labels in enumerate(self.labels) if any(map(pattern.fullmatch, labels))]

    def _first(self, *names: str) -> int | None:
        return next((place for name in names for place, bare in enumerate(self.bare) if bare == name), None)

    def _template(self, place: int) -> str | None:
        in_heading = _URL_IN_HEADING.search(self.found.headings[place])
        if in_heading:
            return in_heading[1]
        mappings = self.config.get(self.bare[place], ())
        return next((m.template for m in mappings if m.template and m.client.endswith("url")), None)

    def _number(self, place: int) -> str:
        """Return the number that tells several columns of a kind apart; "" where there is one."""
        found = _NUMBER.search(self.bare[place].removeprefix("horfeome v5.1"))
        return found[0] if found else ""

    def _places(self) -> None:
        plate, well = self._first("plate", "plate name"), self._first("well", "well number")
        if plate is not None and well is not None:
            self.found.well = (plate, well)
        image = self._first("image name", "image")
        if image is not None:
            dataset = self._first("dataset name")
            self.found.image = (image,) if dataset is None else (dataset, image)
        self.found.control = self._first("control type")
        self.found.genotypes = [p for p, labels in enumerate(self.labels) if "genotype" in labels]

    def _genes(self) -> None:
        symbols = {self._number(place): place for place in reversed(self._where(_SYMBOL))}
        for place in self._where(_GENE_ID):
            symbol = symbols.pop(self._number(place), None)
            self.found.genes.append(Genes(place, symbol, self._namespace(place)))
        self.found.genes += [Genes(None, place, None) for place in symbols.values()]

    def _namespace(self, place: int) -> str | None:
        heading = self.found.headings[place]
        in_heading = _URL_IN_HEADING.search(heading)
        mappings = self.config.get(self.bare[place], ())
        templates = {m.template for m in mappings if m.client == GENE_URL and m.template}
        templates |= {in_heading[1]} if in_heading else set()
        namespaces = set()
        for template in templates:
            try:
                namespaces.add(identifiers.gene_namespace(template))
            except ValueError:
                continue
        if len(namespaces) == 1:
            return namespaces.pop()
        message = "nothing says which name space the gene identifiers are of, so they stay the archive's own wording"
        self.found.problems.append(("gene-namespace-unknown", heading, message))
        return None

    def _reagents(self) -> None:
        sequences = self._where(_SEQUENCE)
        sequence = sequences[0] if sequences else None
        for pattern, kind, prefix in (
            (_SIRNA, "sirna", "sirna"),
            (_OTHER_RNAI, None, "rnai"),
            (_GUIDE, "guide_rna", "guide"),
        ):
            for place in self._where(pattern):
                template = self._template(place)
                self.found.reagents.append(Reagents(place, kind, prefix, template, sequence, silences=True))
        for pattern, kind in ((_ANTIBODY, "antibody"), (_ORF, "orf")):
            for place in self._where(pattern):
                self.found.reagents.append(Reagents(place, kind, kind, self._template(place)))
        self.found.silencers = [*(r.place for r in self.found.reagents if r.silences), *self._where(_PRIMER)]
        self.found.stains = bool(self._where(_STAINED))

    def _compounds(self) -> None:
        by_number: dict[str, Compounds] = {}
        for place, labels in enumerate(self.labels):
            hits = [hit for label in sorted(labels) if (hit := _COMPOUND.fullmatch(label))]
            if not hits:
                continue
            part = next((hit["part"] for hit in hits if hit["part"]), "name").replace(" ", "")
            self._compound_column(by_number.setdefault(self._number(place), Compounds()), place, part)
        self.found.compounds = [one for _, one in sorted(by_number.items())]

    def _compound_column(self, one: Compounds, place: int, part: str) -> None:
        template = self._template(place) or ""
        if part == "inchikey":
            one.inchikey = place
        elif part == "smiles":
            one.smiles = place
        elif "/target/" in template:
            message = "the identifiers are of ChEMBL's targets, not of compounds, so they are left out"
            self.found.problems.append(("compound-id-of-target", self.found.headings[place], message))
        elif part != "name":
            one.ids.append((place, "CID " if part == "pubchemcid" else ""))
        elif one.name is None:
            one.name = place
            accession = self._accession(place)
            one.ids += [(accession, "")] if accession is not None else []

    def _phenotypes(self) -> None:
        by_number: dict[str, Phenotypes] = {}
        for place, bare in enumerate(self.bare):
            if found := _PHENOTYPE.fullmatch(bare):
                by_number.setdefault(found[1] or "", Phenotypes(place))
        names: dict[tuple[str, str], dict[str, int]] = {}
        for place, bare in enumerate(self.bare):
            if found := _PHENOTYPE_TERM.fullmatch(bare):
                end = found["end"] or ""
                number, letter = (found["new"] or "", end) if found["new"] else (end, "")
                names.setdefault((number, letter), {}).setdefault(found["part"], place)
        for (number, _), places in sorted(names.items()):
            if number in by_number:
                by_number[number].terms.append((places.get("name"), places.get("accession")))
        self.found.phenotypes = [one for _, one in sorted(by_number.items())]

    def _samples(self) -> None:
        for place, bare in enumerate(self.bare):
            characteristic = re.fullmatch(r"characteristics? \[(.*?)(?: \d+)?\]", bare)
            name = characteristic[1] if characteristic else ""
            column = Named(place, self._accession(place))
            if name == "organism":
                self.found.organisms.append(column)
            elif name == "cell line":
                self.found.cell_lines.append(column)
            elif name in ("strain", "ecotype"):
                self.found.strains.append(column)
            elif name in _TOPICS and column.accession is not None:
                self.found.topics.append(column)

    def _accession(self, place: int) -> int | None:
        """Return the place of the accession that belongs to a column: one of the ``Term Source`` columns behind it."""
        own = self._first(f"{self.bare[place]} accession")
        if own is not None:
            return own
        for behind in range(place + 1, len(self.bare)):
            bare = self.bare[behind]
            if not re.match(r"term source(?: \d+)? (?:ref|accession|name)", bare):
                return None
            if bare.endswith("accession"):
                return behind
        return None
