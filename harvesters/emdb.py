"""EMDB, the Electron Microscopy Data Bank: what its entries say of the EMPIAR datasets that they were made from.

EMPIAR's own API knows no organism; the maps in EMDB do. Each record describes one EMPIAR dataset, by all the EMDB
entries that EMPIAR names for it. The pairs come from a table of EMICSS (``emdb_empiar.tsv``), the documents from
EMDB's entry API (live URL: https://www.ebi.ac.uk/emdb/api/entry/), and what has changed from EMDB's weekly list of
holdings, so that an unchanged archive costs two conditional requests. Any other URL is a folder, zip or repository
of ``EMD-<n>.json`` files with the table beside them; without a table, the documents' own links to EMPIAR count.

A payload is ``{"EMPIAR-<n>": {"EMD-<n>": <the API's document, or null when there is none>, …}}``.

Hosts of viruses and of recombinant expression are not the sample's organism and are not read.
Source: https://www.ebi.ac.uk/emdb/api/ and https://www.ebi.ac.uk/emdb/emicss
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

from harvesters import files
from harvesters.building import Builder, property_iri, slug
from harvesters.contract import Context, Entry, Harvested, Harvester, Http, RecordError, Source, SourceError
from linkml_schemas.generated.model import (
    BioSample,
    Dataset,
    DefinedTerm,
    ImagingProtocol,
    Protein,
    Publication,
    Reconstruction,
    Taxon,
)
from ontology import archives, dates, identifiers, sizes, terms, text

Node = dict[str, Any]
Place = tuple[str, Any]
Pairs = Mapping[str, tuple[str, ...]]

TABLE: Final = "emdb_empiar.tsv"
COLUMNS: Final = ("EMDB_ID", "EMPIAR_ID")
# Option of a live source → default. An empty `holdings` means that every entry is asked for, conditionally.
OPTIONS: Final = {
    "table": f"https://ftp.ebi.ac.uk/pub/databases/em_ebi/emdb_related/emicss/resources/{TABLE}",
    "holdings": "https://ftp.ebi.ac.uk/pub/databases/emdb/status/latest/emdb_released_holdings.json",
}
PACKED: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
GONE: Final = frozenset({404, 410})
HOLDING: Final = re.compile(r'"(EMD-\d{4,6})"\s*:\s*(?=\{)', re.ASCII)
KEY: Final = re.compile(r"EMD-\d{4,6}", re.ASCII)
NUMBER: Final = re.compile(r"(?:EMD[-_ ]?)?(\d{4,6})", re.ASCII | re.IGNORECASE)
EMPIAR_NUMBER: Final = re.compile(r"(?:EMPIAR-)?(\d{5,6})", re.ASCII | re.IGNORECASE)
EMPIAR_LINK: Final = re.compile(r"EMPIAR(?:-|/entry/(?:EMPIAR-)?)(\d{5,6})(?!\d)", re.ASCII | re.IGNORECASE)

# EMDB's word for how the map was made → the field's words; all of them start from transmission electron microscopy.
# Source: https://github.com/emdb-empiar/emdb-schemas (method_type)
METHODS: Final = {
    "singleparticle": "single-particle analysis",
    "tomography": "electron tomography",
    "subtomogramaveraging": "subtomogram averaging",
    "helical": "helical reconstruction",
    "crystallography": "electron crystallography",
    "electroncrystallography": "electron crystallography",
}
TECHNIQUE: Final = "transmission electron microscopy"
RELEASED: Final = "REL"
# NCBI's taxon "unidentified". Source: https://www.ncbi.nlm.nih.gov/Taxonomy/Browser/wwwtax.cgi?id=32644
UNIDENTIFIED: Final = "32644"
CITATIONS: Final = tuple(
    (rank, form)
    for rank in ("primary_citation", "secondary_citation")
    for form in ("citation_type", "journal_citation", "non_journal_citation")
)
PROTEIN: Final = partial(identifiers.gene, "uniprot")
PAGES: Final = "https://www.ebi.ac.uk/emdb/"
UNPUBLISHED: Final = "to be published"


# --- listing and fetching ------------------------------------------------------------------------------------------


def entries(http: Http, source: Source) -> Iterator[Entry]:
    """Yield one entry for each EMPIAR dataset that an EMDB entry was made from.

    Raises:
        SourceError: the table of pairs or the list of holdings is refused, empty, or not what it should be.
    """
    pairs = _pairs(http, source)
    stamps = _stamps(http, source)
    for accession in sorted(pairs):
        numbers = pairs[accession]
        yield Entry(accession, _version(numbers, stamps), _address(http, source, numbers[0]))


def fetch(http: Http, source: Source, entry: Entry) -> bytes:
    """Return the documents of the EMDB entries that belong to one EMPIAR dataset, as one JSON object.

    Raises:
        SourceError: a document is refused, is no JSON, or does not exist though the holdings list it; one that
            they do not list is null in the object.
    """
    numbers = _pairs(http, source).get(entry.key)
    if numbers is None:
        raise SourceError(f"{source.url} names no EMDB entry for {entry.key} any more")
    read = _asked if _is_live(source) else _filed
    documents = {number: read(http, source, number) for number in numbers}
    return json.dumps({entry.key: documents}, sort_keys=True).encode()


def _is_live(source: Source) -> bool:
    url = source.url
    return url.startswith(("http://", "https://")) and not url.endswith(PACKED) and not files.GITHUB.fullmatch(url)


def _option(source: Source, name: str) -> str:
    value = source.options.get(name, OPTIONS[name])
    if not isinstance(value, str) or not (
        value.startswith(("http://", "https://")) or (name, value) == ("holdings", "")
    ):
        raise SourceError(f"[sources.{source.name}] {name}: {value!r} is not a web address")
    return value


def _pairs(http: Http, source: Source) -> Pairs:
    """Return EMPIAR accession → its EMDB numbers; read once in a run."""
    return http.once(f"emdb:{source.name}:{source.url}", lambda: _ordered(_read_pairs(http, source)))


def _ordered(pairs: Mapping[str, set[str]]) -> Pairs:
    return {key: tuple(sorted(numbers, key=lambda n: (len(n), n))) for key, numbers in pairs.items()}


def _read_pairs(http: Http, source: Source) -> dict[str, set[str]]:
    if _is_live(source):
        url = _option(source, "table")
        return _table(http.get(url), url)
    for found in files.entries(http, source, TABLE):
        return _table(files.fetch(http, source, found), found.key)
    return _links(http, source)


def _table(body: bytes, name: str) -> dict[str, set[str]]:
    lines = body.decode("utf-8-sig", "replace").splitlines()
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    if not set(COLUMNS) <= set(rows.fieldnames or ()):
        raise SourceError(f"{name} is no table with the columns {' and '.join(COLUMNS)}")
    pairs: dict[str, set[str]] = {}
    for row in rows:
        number, accession = (row[column] for column in COLUMNS)
        if not accession:
            raise SourceError(f"{name}: line {rows.line_num} is cut short")
        if number:
            pairs.setdefault(_named(EMPIAR_NUMBER, "EMPIAR", accession), set()).add(_named(NUMBER, "EMD", number))
    if not pairs:
        raise SourceError(f"{name} holds no pair of an EMDB and an EMPIAR entry")
    return pairs


def _named(pattern: re.Pattern[str], prefix: str, written: str) -> str:
    """Return the usual spelling of an accession; what is none stays as it is and is reported with its record."""
    found = pattern.fullmatch(written.strip())
    return f"{prefix}-{found[1]}" if found else written.strip()


def _links(http: Http, source: Source) -> dict[str, set[str]]:
    pairs: dict[str, set[str]] = {}
    for number in _files(http, source):
        said = _filed(http, source, number) or {}
        for found in EMPIAR_LINK.finditer(json.dumps(said.get("crossreferences"))):
            pairs.setdefault(f"EMPIAR-{found[1]}", set()).add(number)
    if not pairs:
        raise SourceError(f"{source.url}: there is no {TABLE}, and no EMDB document names an EMPIAR entry")
    return pairs


def _files(http: Http, source: Source) -> Mapping[str, Entry]:
    """Return EMDB number → its file; read once in a run."""

    def listed() -> dict[str, Entry]:
        found = {entry.key.rpartition("/")[2].removesuffix(".json"): entry for entry in _json_files(http, source)}
        return {_named(NUMBER, "EMD", name): entry for name, entry in found.items() if NUMBER.fullmatch(name)}

    return http.once(f"emdb:{source.name}:{source.url}:files", listed)


def _json_files(http: Http, source: Source) -> Iterator[Entry]:
    return files.entries(http, source, ".json")


def _filed(http: Http, source: Source, number: str) -> Node | None:
    found = _files(http, source).get(number)
    return None if found is None else _object(files.fetch(http, source, found), found.key)


def _asked(http: Http, source: Source, number: str) -> Node | None:
    if not KEY.fullmatch(number):
        return None
    url = str(_address(http, source, number))
    try:
        found = _object(http.get(url, headers={"Accept": "application/json"}), url)
    except SourceError as err:
        if err.status in GONE and number not in (_stamps(http, source) or ()):
            return None
        raise
    if "emdb_id" not in found:
        raise SourceError(f"{url} did not answer with an entry")
    return found


def _address(http: Http, source: Source, number: str) -> str | None:
    """Return where the first document of a dataset is."""
    if _is_live(source):
        return f"{source.url.rstrip('/')}/{number}"
    found = _files(http, source).get(number)
    return found.url if found else None


def _object(body: bytes, name: str) -> Node:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise SourceError(f"{name} is not JSON") from err
    if not isinstance(found, dict):
        raise SourceError(f"{name} is {type(found).__name__}, not an object")
    return found


def _stamps(http: Http, source: Source) -> Mapping[str, str | None] | None:
    """Return EMDB number → what changes with its document; None when nothing tells. Read once in a run."""
    if not _is_live(source):
        return {number: entry.version for number, entry in _files(http, source).items()}
    url = _option(source, "holdings")
    if not url:
        return None

    def listed() -> dict[str, str | None]:
        return _holdings(http.get(url).decode("utf-8", "replace"), _pairs(http, source), url)

    return http.once(f"emdb:{source.name}:{url}:holdings", listed)


def _holdings(listing: str, pairs: Pairs, url: str) -> dict[str, str | None]:
    """Read the dates and checksums of the wanted entries; the whole list, of all of EMDB, would fill the memory."""
    wanted = {number for numbers in pairs.values() for number in numbers}
    decoder = json.JSONDecoder()
    stamps: dict[str, str | None] = {}
    for found in HOLDING.finditer(listing):
        if found[1] not in wanted:
            continue
        try:
            holding, _ = decoder.raw_decode(listing, found.end())
        except (ValueError, RecursionError) as err:
            raise SourceError(f"{url} is cut short at {found[1]}") from err
        stamps[found[1]] = json.dumps([holding.get("entry_last_update"), holding.get("headers")], sort_keys=True)
    if not stamps:
        raise SourceError(f'{url} lists no wanted entry: is it still the list of holdings? holdings = "" does without')
    return stamps


def _version(numbers: tuple[str, ...], stamps: Mapping[str, str | None] | None) -> str | None:
    """Return what changes with any of the documents; None where one of them may change without a sign."""
    if stamps is None or any(number in stamps and stamps[number] is None for number in numbers):
        return None
    told = json.dumps([(number, stamps.get(number, "none")) for number in numbers])
    return hashlib.sha1(told.encode(), usedforsecurity=False).hexdigest()


# --- the documents of one dataset ----------------------------------------------------------------------------------


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    """Return what the EMDB entries of one EMPIAR dataset say of it.

    Raises:
        RecordError: not such a payload, no EMPIAR accession, or none of the EMDB entries is released.
    """
    accession, documents = _read(raw, entry)
    maps = Maps(ctx, accession, documents)
    return Harvested(maps.dataset(), tuple(maps.findings))


def _read(raw: bytes, entry: Entry) -> tuple[str, Node]:
    try:
        answer = _object(raw, entry.key)
    except SourceError as err:
        raise RecordError(str(err)) from err
    if len(answer) != 1:
        raise RecordError(f"{entry.key} holds {len(answer)} datasets, expected one")
    key, documents = next(iter(answer.items()))
    if not re.fullmatch(archives.ARCHIVES["empiar"].accession_pattern, key, re.ASCII):
        raise RecordError(f"EMPIAR_ID: {text.drop_emails(key)[:100]!r} is not EMPIAR-<number>")
    if not isinstance(documents, dict) or not documents:
        raise RecordError(f"{key} comes without EMDB entries")
    return key, documents


class Maps(Builder):
    """Builds the record of an EMPIAR dataset from the documents of its EMDB entries.

    A value may be wrapped (``{"valueOf_": …}``), a list of one may be the thing itself, and numbers may be texts.
    What several entries say alike is said once: samples, taxa, proteins, methods and papers are shared.
    """

    def __init__(self, ctx: Context, accession: str, documents: Node) -> None:
        super().__init__(ctx, accession, "empiar")
        self.misshapen: set[str] = set()
        self.taxa: dict[tuple[str, str], Taxon | None] = {}
        self.samples: dict[str, BioSample] = {}
        self.proteins: dict[str, Protein] = {}
        self.methods: dict[str, ImagingProtocol] = {}
        self.papers: dict[str, Publication] = {}
        self.documents = {
            number: document for number, document in documents.items() if self._is_there(number, document)
        }
        if not self.documents:
            raise RecordError(*(finding.message for finding in self.findings))

    def _is_there(self, number: str, document: Any) -> bool:
        """Tell whether a released entry came; one that did not becomes a finding."""
        if not KEY.fullmatch(number):
            self.find("EMDB_ID", "reference-invalid", number, f"{number!r} is not EMD-<number>")
        elif document is None:
            self.find(number, "emdb-missing", number, f"EMDB has no entry {number}, so it is left out")
        elif not isinstance(document, dict) or document.get("emdb_id", number) != number:
            self.find(number, "emdb-misshapen", number, f"what came for {number} is not its document")
        else:
            return self._is_released(number, document)
        return False

    def _is_released(self, number: str, document: Node) -> bool:
        place = f"{number}.admin.current_status.code"
        status = (self._words(number, document, "admin", "current_status", "code") or RELEASED).upper()
        if status == RELEASED:
            return True
        successor = self._words(number, document, "admin", "superseded_by_list", "entry", "entry")
        self.find(place, "emdb-not-released", status, f"{number} has the status {status}, so it is left out", successor)
        return False

    def dataset(self) -> Dataset:
        """Return the dataset."""
        reconstructions = [self._reconstruction(number, document) for number, document in self.documents.items()]
        for number, document in self.documents.items():
            self._add_sample(number, document)
            self._add_proteins(number, document)
            self._add_methods(number, document)
            self._add_papers(number, document)
        taxa = {taxon.id: taxon for sample in self.samples.values() for taxon in sample.taxon or ()}
        maps = [made.id for made in reconstructions]
        models = [iri for made in reconstructions for iri in made.related or () if not iri.startswith(PAGES)]
        return Dataset(
            id=self.dataset_iri,
            accession=self.accession,
            name=reconstructions[0].name,
            archive=self.archive(),
            url=archives.landing_page("empiar", self.accession),
            about=[*self.samples.values(), *taxa.values(), *self.proteins.values()],
            measurement_method=list(self.methods.values()),
            reconstruction=reconstructions,
            publication=list(self.papers.values()),
            related=list(dict.fromkeys([*maps, *models])),
        )

    # --- values of any shape

    def _all(self, place: str, node: Any, *steps: str) -> list[Place]:
        """Return place and value of everything at a path; lists on the way are gone through."""
        found = [(place, node)]
        for step in steps:
            found = [inner for outer in found for inner in self._below(*outer, step)]
        return found

    def _below(self, place: str, node: Any, step: str) -> Iterator[Place]:
        if not isinstance(node, dict):
            self._misshapen(place, node, "an object")
            return
        value, place = node.get(step), f"{place}.{step}"
        if isinstance(value, list):
            yield from ((f"{place}[{n}]", item) for n, item in enumerate(value) if item not in (None, "", [], {}))
        elif value not in (None, "", {}):
            yield place, value

    def _misshapen(self, place: str, value: Any, wanted: str) -> None:
        if place not in self.misshapen:
            self.misshapen.add(place)
            self.find(place, "shape-invalid", type(value).__name__, f"{place} is not {wanted}, so it is left out")

    def _scalar(self, place: str, value: Any) -> str | None:
        """Return a text or number, wrapped or not, as text; a whole number without its decimal point."""
        if isinstance(value, dict) and "valueOf_" in value:
            value = value["valueOf_"]
        if value is None or value in ([], {}) or (isinstance(value, str) and not text.clean(value)):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self._misshapen(place, value, "a text or a number")
            return None
        return str(int(value) if isinstance(value, float) and value.is_integer() else value)

    def _words(self, place: str, node: Any, *steps: str) -> str | None:
        """Return the first clean text at a path; a placeholder is none."""
        for where, value in self._all(place, node, *steps):
            words = self.text(where, self._scalar(where, value))
            if words is not None and not text.is_placeholder(words):
                return words
        return None

    def _normal(self, rule: str, normalise: Callable[[str], str], place: str, value: Any) -> str | None:
        return self.normal(place, rule, normalise, self._scalar(place, value))

    # --- what was imaged

    def _add_sample(self, number: str, document: Node) -> None:
        parts = [
            *self._all(number, document, "sample", "supramolecule_list", "supramolecule"),
            *self._all(number, document, "sample", "macromolecule_list", "macromolecule"),
        ]
        name = self._words(number, document, "sample", "name") or self._words(number, document, "admin", "title")
        organisms = [place for part in parts for place in self._organisms(*part)]
        taxa = {taxon.id: taxon for place in organisms if (taxon := self._taxon(*place))}
        if name is None and not taxa:
            return
        strains = [place for part in parts for place in self._all(*part, "natural_source", "strain")]
        is_unknown = any(self._is_unidentified(value) for _, value in organisms)
        name = name or number
        sample = BioSample(
            id=self.local(f"sample-{slug(name)}"),
            name=name,
            taxon=list(taxa.values()),
            strain=self._strains(strains),
            unknown=[property_iri("taxon")] if is_unknown and not taxa else None,
        )
        self._merge(sample)

    def _merge(self, sample: BioSample) -> None:
        """Add a sample, or what is new of one that another entry names too."""
        known = self.samples.setdefault(sample.id, sample)
        for slot in ("taxon", "strain"):
            things = {thing.id: thing for thing in (*(getattr(known, slot) or ()), *(getattr(sample, slot) or ()))}
            setattr(known, slot, list(things.values()))
        known.unknown = None if known.taxon else known.unknown or sample.unknown

    def _organisms(self, place: str, part: Any) -> list[Place]:
        return [*self._all(place, part, "natural_source", "organism"), *self._all(place, part, "sci_species_name")]

    def _strains(self, places: list[Place]) -> list[DefinedTerm]:
        names = dict.fromkeys(name for place, value in places if (name := self._words(place, {"_": value}, "_")))
        return [DefinedTerm(id=self.local(f"strain-{slug(name)}"), name=name) for name in names]

    def _is_unidentified(self, value: Any) -> bool:
        number, name = _organism(value)
        is_stand_in = isinstance(name, str) and bool(text.clean(name)) and text.is_placeholder(name) is not None
        return str(number) == UNIDENTIFIED or (number is None and is_stand_in)

    def _taxon(self, place: str, value: Any) -> Taxon | None:
        """Return a taxon by its NCBI number, or by a name that the hub knows; the first name of a number stays."""
        if self._is_unidentified(value):
            return None
        number, words = _organism(value)
        number, name = self._scalar(f"{place}.ncbi", number), self.text(place, self._scalar(place, words))
        key = (number or "", name or "")
        if key not in self.taxa:
            made = self._new_taxon(place, number, name)
            same = (known for known in self.taxa.values() if known and made and known.id == made.id)
            self.taxa[key] = next(same, made)
        return self.taxa[key]

    def _new_taxon(self, place: str, number: str | None, name: str | None) -> Taxon | None:
        if number is not None and (made := self.taxon(f"{place}.ncbi", number, name)):
            return made
        try:
            return self.taxon(place, terms.organism(name or ""), None)
        except ValueError:
            self.find(place, "taxon-missing", name or "", "the organism has no NCBI number, so it is left out")
            return None

    def _add_proteins(self, number: str, document: Node) -> None:
        for place, part in self._all(number, document, "sample", "macromolecule_list", "macromolecule"):
            if self._words(place, part, "instance_type") == "protein_or_peptide":
                self._add_protein(place, part)

    def _add_protein(self, place: str, part: Any) -> None:
        name = self._words(place, part, "name")
        taxa = {taxon.id: taxon for where in self._organisms(place, part) if (taxon := self._taxon(*where))}
        local = [self.local(f"protein-{slug(name)}")] if name else []
        for iri in self._uniprot(place, part) or local:
            made = Protein(id=iri, name=name or identifiers.curie(iri), taxon=list(taxa.values()))
            known = self.proteins.setdefault(iri, made)
            known.taxon = list({taxon.id: taxon for taxon in (*(known.taxon or ()), *taxa.values())}.values())

    def _uniprot(self, place: str, part: Any) -> list[str]:
        references = self._all(place, part, "sequence", "external_references")
        said = [(where, value) for where, value in references if _type(value).startswith("UNIPROT")]
        found = (self._normal("protein-invalid", PROTEIN, *reference) for reference in said)
        return list(dict.fromkeys(iri for iri in found if iri))

    # --- how, and what came of it

    def _add_methods(self, number: str, document: Node) -> None:
        for place, part in self._all(number, document, "structure_determination_list", "structure_determination"):
            method = self._words(place, part, "method")
            if method is None:
                continue
            name = METHODS.get(method.casefold(), method)
            equipment = self._microscopes(place, part)
            iri = self.local(f"method-{slug(' '.join(filter(None, (name, equipment))))}")
            technique = self.wording(f"{place}.method", TECHNIQUE, terms.imaging_method, "technique")
            made = ImagingProtocol(id=iri, name=name, lab_equipment=equipment)
            made.measurement_technique = [technique] if technique and method.casefold() in METHODS else None
            self.methods.setdefault(iri, made)

    def _microscopes(self, place: str, part: Any) -> str | None:
        found = self._all(place, part, "microscopy_list", "microscopy", "microscope")
        return ", ".join(self.texts(place, (self._scalar(*microscope) for microscope in found))) or None

    def _reconstruction(self, number: str, document: Node) -> Reconstruction:
        """Return the map of one entry under the IRI of its page."""
        iri = archives.elsewhere(number)
        maps = self._all(number, document, "crossreferences", "emdb_list", "emdb_reference", "emdb_id")
        models = self._all(number, document, "crossreferences", "pdb_list", "pdb_reference", "pdb_id")
        found = [self._normal("reference-invalid", archives.elsewhere, *place) for place in maps]
        found += [self._normal("reference-invalid", _model, *place) for place in models]
        related = list(dict.fromkeys(other for other in found if other and other != iri))
        title = self._words(number, document, "admin", "title")
        if title is None:
            self.find(f"{number}.admin.title", "title-missing", "", f"{number} has no title")
        return Reconstruction(
            id=iri,
            name=title or number,
            url=iri,
            resolution=self._resolution(number, document),
            related=related,
            date_published=self._released_on(number, document),
        )

    def _resolution(self, number: str, document: Node) -> Decimal | None:
        """Return the first stated resolution in ångström."""
        path = ("structure_determination_list", "structure_determination", "image_processing")
        for place, value in self._all(number, document, *path, "final_reconstruction", "resolution"):
            stated = self._scalar(place, value)
            unit = value.get("units") if isinstance(value, dict) else None
            if stated is None or text.is_placeholder(stated):
                continue
            try:
                return _plain(sizes.nanometres(stated, str(unit or "Å")) * 10)
            except ValueError as err:
                self.find(place, "resolution-invalid", f"{stated} {unit or ''}", str(err))
        return None

    def _released_on(self, number: str, document: Node) -> str | None:
        for name in ("map_release", "header_release"):
            for place in self._all(number, document, "admin", "key_dates", name):
                if found := self._normal("date-invalid", dates.date, *place):
                    return found
        return None

    # --- papers

    def _add_papers(self, number: str, document: Node) -> None:
        for steps in CITATIONS:
            for place, citation in self._all(number, document, "crossreferences", "citation_list", *steps):
                paper = self._paper(place, citation)
                if paper is not None:
                    self.papers.setdefault(paper.id, paper)

    def _paper(self, place: str, citation: Any) -> Publication | None:
        """Return a paper, or None for one that is not published yet."""
        doi, pmid = self._paper_ids(place, citation)
        title = self._words(place, citation, "title")
        journals = (self._words(place, citation, name) for name in ("journal", "journal_abbreviation"))
        journal = next((name for name in journals if name and name.casefold() != UNPUBLISHED), None)
        if not (doi or pmid or (title and journal)):
            return None
        authors = self._all(place, citation, "author")
        years = self._all(place, citation, "year")
        published = (self._normal("date-invalid", dates.date, *year) for year in years)
        return self.publication(
            place,
            doi or pmid,
            f"publication-{slug(title or '')}",
            name=title,
            author_text=", ".join(self.texts(place, (self._scalar(*author) for author in authors))) or None,
            date_published=next(filter(None, published), None),
            journal=journal,
            same_as=[pmid] if doi and pmid else None,
        )

    def _paper_ids(self, place: str, citation: Any) -> tuple[str | None, str | None]:
        references = self._all(place, citation, "external_references")
        found: dict[str, str | None] = {"DOI": None, "PUBMED": None}
        for kind, normalise in (("DOI", identifiers.doi), ("PUBMED", identifiers.pmid)):
            for reference in references:
                if _type(reference[1]) == kind:
                    found[kind] = found[kind] or self._normal(f"{kind.lower()}-invalid", normalise, *reference)
        if (found["DOI"] or "").startswith("https://doi.org/10.6019/"):
            self.find(place, "doi-of-another", found["DOI"], "the paper's DOI is the DOI of a dataset")
            found["DOI"] = None
        return found["DOI"], found["PUBMED"]


def _organism(value: Any) -> tuple[Any, Any]:
    """Return number and name of an organism, as they are written."""
    return (value.get("ncbi"), value.get("valueOf_")) if isinstance(value, dict) else (None, value)


def _model(identifier: str) -> str:
    """Return the IRI of a PDB entry, also of one written in the extended form (pdb_00007nv1)."""
    return archives.elsewhere(re.sub(r"(?i)^pdb_0000", "", identifier.strip()), "pdb")


def _plain(number: Decimal) -> Decimal:
    return Decimal(format(number.normalize(), "f"))


def _type(reference: Any) -> str:
    kind = reference.get("type_", reference.get("type")) if isinstance(reference, dict) else None
    return str(kind or "").upper()


HARVESTER = Harvester(
    name="emdb",
    title="EMDB (entries made from EMPIAR's datasets)",
    homepage=PAGES,
    licence="https://creativecommons.org/publicdomain/zero/1.0/",
    entries=entries,
    fetch=fetch,
    transform=transform,
    route=3,
)
