"""The document of a study: its texts by field, identifiers, facets, numbers, and what is shown of its datasets.

Everything is read from the default graph, so what records say and what links found count alike, and candidates do not.
Names of genes come from the gene tables besides, names of terms and the terms above them from the ontologies' graphs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Protocol

import tantivy
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Triple

from hub import records
from hub.gene_pages import organism
from hub.genes import Account, Genes
from hub.links.catalogue import Links
from hub.links.clusters import Clusters
from hub.links.rules.sameness import SAME_STUDY
from hub.search import layout
from hub.search.contract import RANGES, SIZES, Field, Member
from hub.search.fields import FIELDS, NAMES
from ontology import archives, geneids, identifiers, licences, terms
from ontology.text import drop_emails

Term = NamedNode | Literal | BlankNode | Triple
Said = dict[str, list[NamedNode | Literal]]

DESCRIPTION_LENGTH: Final = 500
MOST_AUTHORS: Final = 20
MAX_KEPT: Final = 20_000
"""Things whose statements or names are kept in memory at the same time."""
MANY_GENES: Final = 500
"""Of a study with more genes only their symbols are suggested, not their other names."""
MAX_STEPS: Final = 6
"""From a thing to the datasets whose documents tell of it."""

_DEFAULT: Final = DefaultGraph()
_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_SUBCLASS: Final = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
_SYNONYM: Final = "http://www.w3.org/2004/02/skos/core#altLabel"
_MENTIONS: Final = "http://schema.org/mentions"
_SAME: Final = (
    "http://www.w3.org/2004/02/skos/core#exactMatch",
    "http://schema.org/sameAs",
    "http://schema.org/isEncodedByBioChemEntity",
)
_TAXON: Final = f"{identifiers.OBO}NCBITaxon_"
_CELLOSAURUS: Final = "https://www.cellosaurus.org/"
_ORGANISMS: Final = ("about", "about.taxon", "has_part.about", "has_part.about.taxon")
_METHODS: Final = tuple(
    f"{place}measurement_method{end}"
    for place in ("", "has_part.", "reconstruction.")
    for end in ("", ".measurement_technique")
)
_PHENOTYPES: Final = ("phenotype", "gene_annotation.phenotype", "reagent_annotation.phenotype")
_GENES: Final = ("gene_annotation.gene", "gene_annotation.reagent")
_FILES: Final = ("distribution", "has_part.distribution")
_PEOPLE: Final = ("author", "accountable_person", "contact")
_NUMBERS: Final = {
    "size_bytes": (("size_bytes",),),
    "pixel_nm": (tuple(f"{place}.pixel_{side}" for place in _FILES for side in ("width", "height")),),
    "voxel_depth_nm": (tuple(f"{place}.pixel_depth" for place in _FILES),),
    "channels": (tuple(f"{place}.channel_count" for place in ("has_part", *_FILES)),),
    "time_points": (tuple(f"{place}.time_point_count" for place in ("has_part", *_FILES)),),
    "images": (("image_count",), tuple(f"{place}.image_count" for place in ("has_part", *_FILES))),
    "files": (("file_count",), ("has_part.file_count",)),
}
"""Slots of each range: the values of the first group that has any count."""
_SHOWN: Final = tuple(one.name for one in fields(Member))
_UNTOLD: Final = frozenset({"related", "publisher"})
"""Paths that lead to things whose identifiers are not the study's."""
_ANNOTATED: Final = re.compile(r"annotat|segmentation|segmented|\bmasks?\b|ground.?truth|\blabels?\b|\broi", re.I)
_ZARR: Final = re.compile(r"zarr|\bngff\b", re.I)


class Readable(Protocol):
    """What documents are made of: the writer's store, or a snapshot's graph."""

    def quads_for_pattern(
        self,
        subject: NamedNode | BlankNode | Triple | None,
        predicate: NamedNode | None,
        object: Term | None,
        graph_name: NamedNode | BlankNode | DefaultGraph | None,
    ) -> Iterator[Quad]:
        """Yield the quads that match."""


# --- one dataset --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Part:
    """What a dataset adds to its study's document; dictionaries stand for sets that keep their order."""

    member: Member
    texts: dict[str, dict[str, None]] = field(default_factory=dict)
    broader: dict[str, None] = field(default_factory=dict)
    identifiers: dict[str, None] = field(default_factory=dict)
    facets: dict[str, dict[str, None]] = field(default_factory=dict)
    numbers: dict[str, dict[float, None]] = field(default_factory=dict)
    suggestions: dict[str, None] = field(default_factory=dict)
    filled: int = 0

    def put(self, facet: str, *values: str) -> None:
        """Add values of a facet."""
        self.facets.setdefault(facet, {}).update(dict.fromkeys(filter(None, values)))


class Documents:
    """Makes the documents of studies; what is said of shared things is looked up once.

    Args:
        store: what is read.
        links: the catalogue's links, for which datasets are one study; None to go by the graph alone.
        genes: the gene tables.
        base: the hub's base IRI.
    """

    def __init__(self, store: Readable, links: Links | None, genes: Genes, base: str) -> None:
        self._store, self._links, self._genes, self._base = store, links, genes, base
        self._slots = {slot.name: slot.predicate.value for t in records.tables().values() for slot in t.slots}
        self._names_slots = [self._slots[name] for name in NAMES if name in self._slots]
        self._shared: dict[str, Said] = {}
        self._own: dict[str, Said] = {}
        self._ends: dict[str, list[NamedNode | Literal]] = {}
        self._named: dict[str, tuple[str, ...]] = {}
        self._names_above: dict[str, tuple[str, ...]] = {}
        self._accounts: dict[str, Account] = {}

    # --- studies

    def every(self) -> Iterator[tuple[str, ...]]:
        """Yield the datasets of every study, sorted."""
        dataset = records.tables()["Dataset"].type
        for quad in self._store.quads_for_pattern(None, records.RDF_TYPE, dataset, _DEFAULT):
            if isinstance(quad.subject, NamedNode):
                members = self.members(quad.subject.value)
                if members[:1] == (quad.subject.value,):
                    yield members

    def members(self, dataset: str) -> tuple[str, ...]:
        """Return the datasets of a dataset's study that stand, sorted; empty when it does not stand itself."""
        joined = self._joined(dataset)
        if len(joined) > 1 and self._links is not None:
            joined = set(self._clusters(joined).members(dataset))
        found = tuple(sorted(filter(self._stands, joined)))
        return found if dataset in found else ()

    def _joined(self, dataset: str) -> set[str]:
        """Return the datasets to which links of sameness lead from one, over others too."""
        found, waiting = {dataset}, [dataset]
        while waiting:
            node = NamedNode(waiting.pop())
            near = self._store.quads_for_pattern(node, NamedNode(SAME_STUDY), None, _DEFAULT)
            back = self._store.quads_for_pattern(None, NamedNode(SAME_STUDY), node, _DEFAULT)
            others = {t.value for q in (*near, *back) for t in (q.subject, q.object) if isinstance(t, NamedNode)}
            waiting.extend(others - found)
            found |= others
        return found

    def _clusters(self, joined: Iterable[str]) -> Clusters:
        rows = {row.id: row for one in sorted(joined) for row in self._links.about(one)} if self._links else {}
        same = [row for row in rows.values() if row.predicate == SAME_STUDY]
        facts = [
            (r.subject, r.object, 1.0 if r.confidence is None else r.confidence) for r in same if r.status == "fact"
        ]
        return Clusters.of(facts, [(row.subject, row.object) for row in same if row.status == "rejected"])

    def _stands(self, dataset: str) -> bool:
        kind = records.tables()["Dataset"].type
        return any(True for _ in self._store.quads_for_pattern(NamedNode(dataset), records.RDF_TYPE, kind, _DEFAULT))

    def study(self, members: Sequence[str]) -> tantivy.Document:
        """Return the document of a study, given the IRIs of its datasets: at least one, all of which stand."""
        return document(self.content(members))

    def content(self, members: Sequence[str]) -> dict[str, list[Any]]:
        """Return the values of every field of a study's document, given the IRIs of its datasets."""
        parts = sorted(map(self._part, members), key=lambda part: (-part.filled, part.member.iri))
        return _content(min(members), parts)

    def datasets_about(self, things: Iterable[str]) -> set[str]:
        """Return the datasets whose documents may tell of some things."""
        start = f"{self._base}dataset/"
        found: set[str] = set()
        level = seen = set(things)
        for _ in range(MAX_STEPS):
            found |= {thing.partition("#")[0] for thing in level if thing.startswith(start)}
            level = {s for thing in level if not thing.startswith(start) for s in self._leading_to(thing)} - seen
            seen = seen | level
        return found

    def _leading_to(self, thing: str) -> Iterator[str]:
        for quad in self._store.quads_for_pattern(None, None, NamedNode(thing), _DEFAULT):
            if isinstance(quad.subject, NamedNode):
                yield quad.subject.value

    # --- terms

    def archive(self, name: str) -> str:
        """Return the title of an archive."""
        known = archives.ARCHIVES.get(name)
        return known.title if known else next(iter(self._names(f"{self._base}archive/{name}")), name)

    def label(self, iri: str) -> str:
        """Return what a term or gene is called."""
        if (account := self._account(iri)) is not None and account.symbol:
            return f"{account.symbol} ({organism(account.taxon)})" if account.taxon else account.symbol
        return next(iter(self._names(iri)), "") or _compact(iri)

    def parents(self, iri: str) -> list[str]:
        """Return the direct superclasses of a term, sorted."""
        found = self._store.quads_for_pattern(NamedNode(iri), NamedNode(_SUBCLASS), None, None)
        graph = f"{self._base}graph/ontology/"
        return sorted(
            quad.object.value
            for quad in found
            if isinstance(quad.graph_name, NamedNode)
            and isinstance(quad.object, NamedNode)
            and quad.graph_name.value.startswith(graph)
            and not quad.graph_name.value.endswith("/closure")
        )

    # --- one dataset

    def _part(self, dataset: str) -> _Part:
        self._own.clear()
        self._ends.clear()
        part = _Part(self._member(dataset))
        part.filled = len(self._statements(dataset))
        for one in FIELDS:
            self._read(dataset, one, part)
        self._read_facets(dataset, part)
        self._read_genes(dataset, part)
        self._read_numbers(dataset, part)
        self._read_suggestions(dataset, part)
        accession, archive = part.member.accession, part.member.archive
        part.identifiers |= dict.fromkeys(_spellings(dataset))
        part.identifiers |= dict.fromkeys((accession.lower(), f"{archive}:{accession}".lower()))
        return part

    def _read(self, dataset: str, one: Field, part: _Part) -> None:
        """Take the texts and identifiers of one field."""
        texts = part.texts.setdefault(one.name, {})
        for path in one.paths:
            for end in self._follow(dataset, path):
                if isinstance(end, Literal):
                    texts[drop_emails(end.value)] = None
                    continue
                for iri in (end.value, *self._same(end.value)):
                    if one.name != "identifiers":
                        texts |= dict.fromkeys(self._names(iri))
                    if one.name == "terms":
                        part.broader |= dict.fromkeys(self._broader(iri))
                    if not self._is_local(iri):
                        texts |= dict.fromkeys(_bare(iri))
                        part.identifiers |= dict.fromkeys(_spellings(iri) if path not in _UNTOLD else ())

    def _read_facets(self, dataset: str, part: _Part) -> None:
        member = part.member
        part.put("archive", member.archive)
        part.put("year", *(year for year in [member.published[:4]] if len(year) == 4))
        part.put("licence", licences.spdx(member.licence) or member.licence)
        if member.size_bytes is not None:
            part.put("size", *(n for n, (least, below) in SIZES.items() if least <= member.size_bytes < below))
        self._put_tree(part, "organism", (i for i in self._terms(dataset, _ORGANISMS) if i.startswith(_TAXON)))
        self._put_tree(part, "method", self._terms(dataset, _METHODS))
        self._put_tree(part, "phenotype", self._terms(dataset, _PHENOTYPES))
        part.put("cell_line", *self._cell_lines(dataset))
        self._put_has(dataset, part)

    def _put_tree(self, part: _Part, facet: str, own: Iterable[str]) -> None:
        for iri in own:
            part.put(f"{facet}{layout.OWN}", iri)
            part.put(facet, iri, *(above.value for above in self._values(iri, _SUBCLASS)))

    def _terms(self, dataset: str, paths: Iterable[str]) -> list[str]:
        """Return the IRIs of the terms at the ends of paths, and of those that links say they are."""
        ends = (end.value for path in paths for end in self._follow(dataset, path) if isinstance(end, NamedNode))
        found = dict.fromkeys(iri for end in ends for iri in (end, *self._same(end)))
        return [iri for iri in found if not self._is_local(iri)]

    def _cell_lines(self, dataset: str) -> Iterator[str]:
        for end in self._follow(dataset, "about.cell_line"):
            lines = [iri for iri in (end.value, *self._same(end.value)) if not self._is_local(iri)]
            yield from sorted(lines, key=lambda iri: not iri.startswith(_CELLOSAURUS))[:1]
        yield from (iri for iri in self._terms(dataset, ("about",)) if iri.startswith(_CELLOSAURUS))

    def _put_has(self, dataset: str, part: _Part) -> None:
        files = self._texts(dataset, *(f"{place}.{slot}" for place in _FILES for slot in ("content_url", "access_url")))
        formats = self._texts(dataset, *(f"{place}.encoding_format" for place in _FILES))
        told = (f"{place}.{slot}" for place in ("has_part", *_FILES) for slot in ("name", "image_category"))
        words = self._texts(dataset, "keyword", *told)
        found = {
            "thumbnail": part.member.thumbnail,
            "ome-zarr": any(map(_ZARR.search, (*formats, *files))),
            "annotations": any(map(_ANNOTATED.search, words)),
            "paper": bool(self._follow(dataset, "publication")),
            "phenotypes": any(self._follow(dataset, path) for path in _PHENOTYPES),
            "maps": bool(self._follow(dataset, "reconstruction")),
            "files": bool(files),
        }
        part.put("has", *(name for name, is_there in found.items() if is_there))

    def _read_genes(self, dataset: str, part: _Part) -> None:
        mentioned = (end.value for end in self._values(dataset, _MENTIONS))
        given = [e.value for path in _GENES for e in self._follow(dataset, path) if isinstance(e, NamedNode)]
        ends = dict.fromkeys(iri for end in (*given, *mentioned) for iri in (end, *self._same(end)))
        accounts = {a.iri: a for iri in ends if (a := self._account(iri)) is not None}
        texts = part.texts["genes"]
        for account in accounts.values():
            part.put("gene", account.iri)
            texts |= dict.fromkeys((*filter(None, (account.symbol, account.name)), *account.previous))
            texts |= dict.fromkeys((*account.aliases, *account.systematic))
            for iri in (*account.ids, *account.retired, *account.proteins):
                part.identifiers |= dict.fromkeys(_spellings(iri))
        if given or accounts:
            part.put("has", "genes")
        for account in accounts.values():
            others = (*account.previous, *account.aliases) if len(accounts) <= MANY_GENES else ()
            shown = account.symbol or _compact(account.iri)
            for name in (shown, *others):
                part.suggestions |= dict.fromkeys(layout.suggestion(name, "gene", account.iri, shown))

    def _read_numbers(self, dataset: str, part: _Part) -> None:
        for name, groups in _NUMBERS.items():
            values = part.numbers.setdefault(name, {})
            for paths in groups:
                known = [path for path in paths if all(slot in self._slots for slot in path.split("."))]
                values |= dict.fromkeys(n for n in map(_number, self._texts(dataset, *known)) if n is not None)
                if values:
                    break

    def _read_suggestions(self, dataset: str, part: _Part) -> None:
        found = layout.suggestion(part.member.title, "dataset", dataset)
        for facet in ("organism", "method"):
            for iri in part.facets.get(f"{facet}{layout.OWN}", ()):
                names = self._names(iri)
                found += [e for name in names for e in layout.suggestion(name, facet, iri, names[0])]
        for path in _PEOPLE:
            for end in self._follow(dataset, path):
                orcid = next((i for i in (end.value, *self._same(end.value)) if not self._is_local(i)), "")
                found += [e for name in self._names(end.value)[:1] for e in layout.suggestion(name, "person", orcid)]
        part.suggestions |= dict.fromkeys(found)

    def _member(self, dataset: str) -> Member:
        authors = self._authors(dataset)
        methods = self._terms(dataset, ("measurement_method", "measurement_method.measurement_technique"))
        taxa = [iri for iri in self._terms(dataset, _ORGANISMS) if iri.startswith(_TAXON)]
        dois = [iri for iri in self._texts(dataset, "same_as") if iri.startswith("https://doi.org/")]
        size = _number(self._text(dataset, "size_bytes"))
        return Member(
            iri=dataset,
            archive=dataset.removeprefix(f"{self._base}dataset/").partition("/")[0],
            accession=self._text(dataset, "accession"),
            title=drop_emails(self._text(dataset, "name")),
            description=_beginning(drop_emails(self._text(dataset, "description"))),
            url=self._text(dataset, "url"),
            doi=min(dois, default=""),
            authors=tuple(authors[:MOST_AUTHORS]),
            author_count=len(authors),
            published=self._text(dataset, "date_published"),
            licence=self._text(dataset, "license"),
            size_bytes=None if size is None else int(size),
            organisms=tuple(dict.fromkeys(name for iri in taxa for name in self._names(iri)[:1])),
            methods=tuple(dict.fromkeys(name for iri in methods for name in self._names(iri)[:1])),
            thumbnail=bool(self._texts(dataset, "thumbnail", "has_part.thumbnail")),
        )

    def _authors(self, dataset: str) -> list[str]:
        """Return the names of the authors in their order."""
        ordered = [
            (int(p.removeprefix(f"{_RDF}_")), value)
            for node in self._values(dataset, records.AUTHOR_LIST.value)
            for p, values in self._statements(node.value).items()
            for value in values
            if p.startswith(f"{_RDF}_")
        ]
        people = [value for _, value in sorted(ordered, key=lambda o: o[0])] or self._follow(dataset, "author")
        return [name for person in people for name in self._names(person.value)[:1]]

    # --- reading

    def _text(self, dataset: str, path: str) -> str:
        return next(iter(self._texts(dataset, path)), "")

    def _texts(self, dataset: str, *paths: str) -> list[str]:
        return [end.value for path in paths for end in self._follow(dataset, path)]

    def _follow(self, dataset: str, path: str) -> list[NamedNode | Literal]:
        """Return what slots lead to from a dataset."""
        if (found := self._ends.get(path)) is None:
            before, _, name = path.rpartition(".")
            ends = self._follow(dataset, before) if before else [NamedNode(dataset)]
            things = [end.value for end in ends if isinstance(end, NamedNode)]
            predicate = self._slots[name]
            found = self._ends[path] = [value for thing in things for value in self._values(thing, predicate)]
        return found

    def _same(self, iri: str) -> list[str]:
        """Return the things that a thing is the same as, by records and links."""
        if iri.startswith(f"{self._base}dataset/"):
            return []
        return [v.value for p in _SAME for v in self._values(iri, p) if isinstance(v, NamedNode) and v.value != iri]

    def _broader(self, iri: str) -> tuple[str, ...]:
        """Return the names of the terms above a term; not of those with nothing above: ``entity`` tells nothing."""
        if self._is_local(iri):
            return ()
        if (names := self._names_above.get(iri)) is None:
            above = [value.value for value in self._values(iri, _SUBCLASS) if value.value != iri]
            telling = [a for a in above if any(value.value != a for value in self._values(a, _SUBCLASS))]
            names = tuple(dict.fromkeys(name for one in telling for name in self._names(one)))
            _keep(self._names_above, iri, names)
        return names

    def _values(self, iri: str, predicate: str) -> list[NamedNode | Literal]:
        return self._statements(iri).get(predicate, [])

    def _statements(self, iri: str) -> Said:
        if (said := self._own.get(iri)) is None and (said := self._shared.get(iri)) is None:
            said = {}
            for quad in self._store.quads_for_pattern(NamedNode(iri), None, None, _DEFAULT):
                if isinstance(value := quad.object, NamedNode | Literal):
                    said.setdefault(quad.predicate.value, []).append(value)
            for values in said.values():
                if len(values) > 1:
                    values.sort(key=lambda value: value.value)
            _keep(self._own if self._is_local(iri) else self._shared, iri, said)
        return said

    def _names(self, iri: str) -> tuple[str, ...]:
        """Return the names of a thing, the one that is shown first."""
        if (names := self._named.get(iri)) is None:
            is_local = self._is_local(iri)
            said = [v.value for slot in (*self._names_slots, _SYNONYM) for v in self._values(iri, slot)]
            more = () if is_local else terms.synonyms(iri)
            names = tuple(dict.fromkeys(drop_emails(name) for name in (*said, *more)))
            _keep({} if is_local else self._named, iri, names)
        return names

    def _account(self, iri: str) -> Account | None:
        """Return what gene tables know of a gene under any of its identifiers; None for anything that is no gene."""
        if iri in self._accounts:
            return self._accounts[iri]
        try:
            geneids.compact(iri)
        except ValueError:
            return None
        found = self._genes.account(self._genes.main(iri) or iri)
        if found.symbol is None:
            found = Account(found.iri, next(iter(self._names(iri)), None), taxon=found.taxon, ids=found.ids)
        _keep(self._accounts, iri, found)
        return found

    def _is_local(self, iri: str) -> bool:
        """Tell whether an IRI is the hub's own: of a dataset, or of a record's node."""
        return iri.startswith(self._base)


# --- the document -------------------------------------------------------------------------------------------------


def _content(study: str, parts: Sequence[_Part]) -> dict[str, list[Any]]:
    """Return the values of every field of a document."""
    content: dict[str, list[Any]] = {f.name: list(_merged(p.texts[f.name] for p in parts)) for f in FIELDS}
    content[layout.EXACT] = ["\n".join(_merged(content[f.name] for f in FIELDS if f.name != "description"))]
    content[layout.BROADER] = ["\n".join(_merged(part.broader for part in parts))]
    content[layout.IDENTIFIER] = list(_merged(part.identifiers for part in parts))
    content[layout.SUGGEST] = list(_merged(part.suggestions for part in parts))
    for name in layout.facet_fields():
        content[name] = list(_merged(part.facets.get(name, {}) for part in parts))
    for one in RANGES:
        kind = float if one.is_decimal else int
        content[one.name] = [kind(n) for n in _merged(part.numbers.get(one.name, {}) for part in parts)]
    sizes = [p.member.size_bytes for p in parts if p.member.size_bytes is not None][:1]
    published = min((_day(p.member.published) for p in parts if p.member.published), default=0)
    keys = _sort_keys(parts[0].member.title, published, sizes[0] if sizes else None)
    shown = json.dumps([{name: getattr(p.member, name) for name in _SHOWN} for p in parts], ensure_ascii=False)
    return content | {
        layout.STUDY: [study],
        layout.MEMBER: [part.member.iri for part in parts],
        layout.DATASETS: [len(parts)],
        layout.PUBLISHED: [published],
        layout.TOTAL_BYTES: sizes,
        layout.SHOWN: [shown.encode()],
        **{layout.SORT_KEYS[name]: [f"{key} {study}"] for name, key in keys.items()},
    }


def document(content: dict[str, list[Any]]) -> tantivy.Document:
    """Return a document of the values of its fields."""
    digest = hashlib.sha256(repr(content).encode("utf-8", "surrogatepass")).digest()
    made = tantivy.Document.from_dict(content, layout.schema())
    made.add_bytes(layout.DIGEST, digest)
    return made


def _sort_keys(title: str, published: int, size: int | None) -> dict[str, str]:
    """Return the beginnings of the keys by which studies are sorted, ascending; what is not known comes last.

    >>> _sort_keys("On Actin", 20240131, None)["newest"], _sort_keys("On Actin", 0, 7)["smallest"]
    ('79759868', '0000000000000000007')
    """
    return {
        "title": layout.folded(title)[:200],
        "newest": f"{99_999_999 - published:08d}",
        "oldest": f"{published or 99_999_999:08d}",
        "largest": f"{10**19 - (1 if size is None else 2 + size):019d}",
        "smallest": f"{10**19 - 1 if size is None else size:019d}",
    }


def _keep(kept: dict[str, Any], key: str, value: Any) -> None:
    """Put something into a dictionary that does not grow without end."""
    if len(kept) >= MAX_KEPT:
        kept.clear()
    kept[key] = value


def _merged(dictionaries: Iterable[Any]) -> dict[Any, None]:
    found: dict[Any, None] = {}
    for one in dictionaries:
        found |= dict.fromkeys(one)
    return found


def _day(date: str) -> int:
    """Return an ISO 8601 date of any precision as yyyymmdd.

    >>> _day("2024-03"), _day("2019-06-17")
    (20240300, 20190617)
    """
    digits = date[:10].replace("-", "")
    return int(digits.ljust(8, "0")) if digits.isdecimal() else 0


def _number(text: str) -> float | None:
    """Return what a literal counts, or None where it is no number of zero or more."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return None if not number.is_finite() or number < 0 or number >= 2**62 else float(number)


def _beginning(text: str) -> str:
    return text if len(text) <= DESCRIPTION_LENGTH else f"{text[: DESCRIPTION_LENGTH - 1].rstrip()}…"


def _bare(iri: str) -> list[str]:
    """Return what of an IRI somebody may look for among words; nothing of an address that holds no number.

    >>> _bare("https://doi.org/10.1038/s41597-021-00848-4"), _bare("http://purl.obolibrary.org/obo/FBbi_00000246")
    (['10.1038/s41597-021-00848-4'], ['FBbi:00000246'])
    >>> _bare("https://www.ebi.ac.uk/emdb/EMD-12602"), _bare("https://www.ebi.ac.uk/bioimage-archive/")
    (['EMD-12602'], [])
    """
    curie = _compact(iri)
    if curie == iri:
        last = iri.rstrip("/").rpartition("/")[2]
        return [last] if any(map(str.isdecimal, last)) else []
    prefix, _, local = curie.partition(":")
    return [local] if prefix in ("DOI", "ORCID") else [curie]


def _compact(iri: str) -> str:
    try:
        return identifiers.curie(iri)
    except ValueError:
        return iri


def _spellings(iri: str) -> Iterator[str]:
    """Yield an identifier as people write it, in lower case.

    >>> list(_spellings("http://purl.obolibrary.org/obo/FBbi_00000246"))
    ['http://purl.obolibrary.org/obo/fbbi_00000246', 'fbbi:00000246', 'fbbi_00000246']
    >>> list(_spellings("https://doi.org/10.1000/A"))
    ['https://doi.org/10.1000/a', 'doi:10.1000/a', '10.1000/a']
    """
    lower = iri.lower()
    yield lower
    curie = _compact(iri).lower()
    if curie != lower:
        yield curie
        prefix, _, local = curie.partition(":")
        last = lower.rpartition("/")[2]
        yield from (f"{prefix}_{local}",) if last == f"{prefix}_{local}" else ()
        yield from (local,) if not local.isdecimal() and f"{prefix}_{local}" != last else ()
