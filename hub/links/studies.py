"""Whether two datasets are one study: what is kept of a record to compare it by, and what speaks for and against.

The rules ``sameness`` and ``related-study`` both work on what is here: the same blocks and reasons, other weights. A
pair of records may share several block keys; it is judged under the first of them alone (`home`), where everything
that also counts, such as how many datasets have that title, can be seen.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from itertools import combinations
from typing import Any, Final

from hub.links import accessions, titles
from hub.links.contract import Evidence, Member, Membership, Record, RecordKey, References
from linkml_schemas.generated.model import BioSample, Dataset, Person, Taxon
from ontology import identifiers, terms
from ontology.text import fold

ELECTRONS: Final = f"{identifiers.OBO}FBbi_00000256"
LIGHT: Final = f"{identifiers.OBO}FBbi_00000345"
MOST: Final = 60  # values of one kind that are kept of a record
MOST_FILES: Final = 8
MOST_PEOPLE: Final = 20  # ORCIDs that make a block
LEAST_BYTES: Final = 1_000_000
TEXT_CHARS: Final = 200
CONVERTED: Final = re.compile(r"^\W*OME-NGFF converted study from \S+\s*", re.IGNORECASE)
# Fields of archives that name the same study's other home. Source: https://idr.openmicroscopy.org/about/submission.html
TWINS: Final = frozenset({("idr", "bia")})
STATED, RELATED, IN_TITLE, AVAILABLE, NAMED = "twin", "related", "title", "available", "named"
STRENGTH: Final = (STATED, AVAILABLE, RELATED, IN_TITLE, NAMED)
KINDS: Final = (
    "is",
    "title",
    "paper",
    "data",
    "text",
    "bytes",
    "file",
    "elsewhere",
    "first",
    "last",
    "long",
    "all",
    "orcid",
)


@dataclass(frozen=True, slots=True)
class Reference:
    """How a record names another archive's dataset.

    Attributes:
        kind: ``twin`` (says that it is the same study), ``available`` (says that data are there), ``related``,
            ``title`` (its title begins with it) or ``named``.
        field: where.
        value: as it is written there.
        quote: the sentence of a text.
        start: offset in the text.
        source: reference table that says so; empty for the record itself.
    """

    kind: str
    field: str
    value: str
    quote: str = ""
    start: int | None = None
    source: str = ""


@dataclass(slots=True)
class Study:
    """What is kept of a record.

    Attributes:
        title: its title.
        references: named datasets (archive and name) → how.
        papers: IRIs of its papers, every spelling.
        data: DOIs of its data.
        orcids: ORCID IRIs of authors.
        names: digests of authors' names.
        year: of publication, 0 where unknown.
        taxa: taxon IRIs.
        methods: IRIs of imaging methods.
        size: bytes, 0 where unknown.
        count: files, 0 where unknown.
        files: digests of addresses of files.
        elsewhere: IRIs of records elsewhere that belong to it, such as EMDB entries, and DOIs of its own data.
        text: digest of the beginning of its description.
    """

    title: str = ""
    references: dict[str, Reference] = field(default_factory=dict)
    papers: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    orcids: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    year: int = 0
    taxa: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    size: int = 0
    count: int = 0
    files: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    text: str = ""


def name_of(dataset: str) -> str:
    """Return archive and name of a dataset of the hub from its IRI.

    >>> name_of("https://h/dataset/ssbd/108")
    'ssbd/108'
    """
    return dataset.rpartition("/dataset/")[2]


# --- what is kept of a record ----------------------------------------------------------------------------------------


def members(record: Record, references: References) -> Membership:
    """Return the blocks of a record and what is kept of it."""
    if "study" not in record.shared:
        record.shared["study"] = _membership(record.dataset, references)
    found: Membership = record.shared["study"]
    return found


def _membership(dataset: Dataset, references: References) -> Membership:
    study = read(dataset, dict(_stated_by_tables(dataset, references)))
    features = {name: value for name, value in asdict(study).items() if value}
    return Membership(frozenset(keys(study, name_of(dataset.id))), features)


def study_of(features: dict[str, Any]) -> Study:
    """Return what was kept of a record from its JSON."""
    found = {name: Reference(**how) for name, how in features.get("references", {}).items()}
    return Study(**{**features, "references": found})


def read(dataset: Dataset, stated: dict[str, Reference]) -> Study:
    """Return what is kept of a record.

    Args:
        dataset: what the record says.
        stated: datasets that a reference table says are the same study.
    """
    own = name_of(dataset.id)
    people = dataset.author or []
    spellings = [i for paper in dataset.publication or [] for i in (paper.id, *(paper.same_as or []))]
    found = _references(dataset)
    found.update(stated)
    found.pop(own, None)
    return Study(
        title="" if dataset.name in (dataset.accession, own) else dataset.name[:400],
        references=dict(sorted(found.items())[:MOST]),
        papers=_few(i for i in spellings if "/record/" not in i and not accessions.named(i)),
        data=_few(_data(dataset)),
        orcids=_few(person.id for person in people if person.id.startswith("https://orcid.org/")),
        names=_few(_digest(initialled(person)) for person in people if isinstance(person, Person)),
        year=int((dataset.date_published or dataset.date_submitted or "0")[:4]),
        taxa=_few(_taxa(dataset)),
        methods=_few(_methods(dataset)),
        size=dataset.size_bytes or 0,
        count=dataset.file_count or 0,
        files=_files(dataset),
        elsewhere=_few(_elsewhere(dataset)),
        text=_beginning(dataset.description or ""),
    )


def _few(values: Iterable[str]) -> list[str]:
    return sorted(dict.fromkeys(values))[:MOST]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def initialled(person: Person) -> str:
    """Return family name and first initial, folded: what is the same in "Sebastien Colin" and "Colin S".

    >>> [initialled(Person(id="https://h/1", name=name)) for name in ("Sebastien Colin", "Colin S", "Colin, S.")]
    ['colin s', 'colin s', 'colin s']
    """
    words = person.name.replace(".", " ").split() or [""]
    family, given = words[-1], words[0]
    if "," in person.name:
        family, _, given = person.name.partition(",")
    elif len(words) > 1 and len(family) <= 3 and family.isupper():
        family, given = " ".join(words[:-1]), family
    family, given = person.family_name or family, person.given_name or given
    return fold(f"{family} {given.strip()[:1]}").strip()


def _beginning(description: str) -> str:
    plain = " ".join(re.findall(r"[^\W_]+", fold(CONVERTED.sub("", description))))[:TEXT_CHARS]
    return _digest(plain) if len(plain) == TEXT_CHARS else ""


def _data(dataset: Dataset) -> Iterator[str]:
    yield from (i for i in dataset.same_as or [] if i.startswith("https://doi.org/") and not accessions.named(i))


def _taxa(dataset: Dataset) -> Iterator[str]:
    for thing in dataset.about or []:
        taxa = [thing] if isinstance(thing, Taxon) else (thing.taxon or []) if isinstance(thing, BioSample) else []
        yield from (taxon.id for taxon in taxa if "/NCBITaxon_" in taxon.id)


def _methods(dataset: Dataset) -> Iterator[str]:
    for method in dataset.measurement_method or []:
        yield from (
            term.id for term in (method, *(getattr(method, "measurement_technique", None) or [])) if "/FBbi_" in term.id
        )


def _files(dataset: Dataset) -> list[str]:
    parts = [*(dataset.distribution or []), *(d for part in dataset.has_part or [] for d in part.distribution or [])]
    return sorted({_digest(d.content_url) for d in parts if d.content_url})[:MOST_FILES]


def _elsewhere(dataset: Dataset) -> Iterator[str]:
    places = ("/emdb/", "/pdb:", "https://doi.org/")
    yield from (i for i in dataset.related or [] if any(p in i for p in places) and not accessions.of_iri(i))
    yield from _data(dataset)
    for made in dataset.reconstruction or []:
        yield from (iri for iri in (made.id, made.url, *(made.same_as or [])) if iri and "/record/" not in iri)


def _references(dataset: Dataset) -> dict[str, Reference]:
    """Return the datasets that a record names, each in its strongest way."""
    found: dict[str, Reference] = {}
    for name, reference in (*_slots(dataset), *_texts(dataset)):
        if name not in found or STRENGTH.index(reference.kind) < STRENGTH.index(found[name].kind):
            found[name] = reference
    return found


def _slots(dataset: Dataset) -> Iterator[tuple[str, Reference]]:
    archive = name_of(dataset.id).partition("/")[0]
    places = [(f"distribution[{n}].access_url", d.access_url) for n, d in enumerate(dataset.distribution or [])]
    for field_, iri in (
        *((f"same_as[{n}]", iri) for n, iri in enumerate(dataset.same_as or [])),
        *((f"related[{n}]", iri) for n, iri in enumerate(dataset.related or [])),
        *places,
        *((f"publication[{n}]", paper.id) for n, paper in enumerate(dataset.publication or [])),
    ):
        name = accessions.of_iri(iri) if iri else None
        if name:
            is_twin = field_.startswith("same_as") or (archive, name.partition("/")[0]) in TWINS
            yield name, Reference(STATED if is_twin else RELATED, field_, str(iri))


def _texts(dataset: Dataset) -> Iterator[tuple[str, Reference]]:
    for mention in accessions.mentions(dataset):
        kind = {"converted": STATED, "available": AVAILABLE, "named": NAMED}[mention.wording]
        if mention.field == "name" and mention.start == 0:
            kind = IN_TITLE
        yield mention.dataset, Reference(kind, mention.field, mention.written, mention.quote, mention.start)


def _stated_by_tables(dataset: Dataset, references: References) -> Iterator[tuple[str, Reference]]:
    tables = references.get("crossreferences")
    if tables is not None:
        for other, written, source in tables.twins(name_of(dataset.id)):
            yield other, Reference(STATED, "", written, source=source)


# --- blocks ----------------------------------------------------------------------------------------------------------


def keys(study: Study, own: str) -> set[str]:
    """Return the block keys of a record: ``<kind> <value>``.

    Args:
        study: what is kept of the record.
        own: archive and name of its dataset.
    """
    title = " ".join(titles.read(study.title).words)
    found = {f"is {own}", *(f"is {name}" for name in study.references)}
    found |= {f"title {_short(title)}"} if title else set()
    found |= {_short(block) for block in titles.blocks(study.title)}
    found |= {f"paper {iri}" for iri in study.papers}
    found |= {f"data {iri}" for iri in study.data}
    found |= {f"elsewhere {iri}" for iri in study.elsewhere}
    found |= {f"file {digest}" for digest in study.files}
    found |= {f"text {study.text}"} if study.text else set()
    if study.size >= LEAST_BYTES:
        found.add(f"bytes {study.size}")
    if study.year:
        found |= {f"orcid {iri[-19:]} {study.year}" for iri in study.orcids[:MOST_PEOPLE]}
    return found


def _short(key: str) -> str:
    return key if len(key) <= 120 else f"{key[:100]} {_digest(key)}"


def home(shared: Iterable[str]) -> str:
    """Return the one of the block keys of two records under which they are judged."""
    return min(shared, key=lambda key: (KINDS.index(key.partition(" ")[0]), key))


# --- pairs -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Side:
    """One record of a pair.

    Attributes:
        record: source and accession.
        dataset: IRI of the dataset.
        name: archive and name of the dataset.
        study: what is kept of the record.
        keys: its block keys.
    """

    record: RecordKey
    dataset: str
    name: str
    study: Study
    keys: frozenset[str]

    @property
    def archive(self) -> str:
        """The archive of the dataset."""
        return self.name.partition("/")[0]

    @property
    def where(self) -> str:
        """The record, as evidence tells it."""
        return "/".join(self.record)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records of two datasets.

    Attributes:
        one: the side with the lesser IRI.
        other: the other.
        crowded: archive of which several datasets share the key under which the pair is judged; empty for none.
    """

    one: Side
    other: Side
    crowded: str = ""


def sides(members_: Sequence[Member]) -> list[Side]:
    """Return the members of a block, ready to be compared."""
    found = []
    for member in members_:
        study = study_of(member.features)
        name = name_of(member.dataset)
        found.append(Side(member.record, member.dataset, name, study, frozenset(keys(study, name))))
    return found


def is_lonely(key: str, members_: Sequence[Member]) -> bool:
    """Return whether a block has nothing to compare: one record, which no other names."""
    return len(members_) == 1 and (not key.startswith("is ") or key == f"is {name_of(members_[0].dataset)}")


def pairs(key: str, block: Sequence[Side]) -> Iterator[Pair]:
    """Yield the pairs of records of a block that are judged there: of different datasets, lesser IRI first."""
    crowded = _crowded(key, block)
    for a, b in combinations(block, 2):
        if a.dataset != b.dataset and home(a.keys & b.keys) == key:
            one, other = (a, b) if a.dataset < b.dataset else (b, a)
            here = next((archive for archive in sorted({a.archive, b.archive}) if archive in crowded), "")
            yield Pair(one, other, here if a.archive != b.archive else "")


def _crowded(key: str, block: Sequence[Side]) -> set[str]:
    if key.partition(" ")[0] not in ("title", "paper"):
        return set()
    datasets: dict[str, set[str]] = defaultdict(set)
    for side in block:
        datasets[side.archive].add(side.dataset)
    return {archive for archive, found in datasets.items() if len(found) > 1}


# --- what speaks for and against -------------------------------------------------------------------------------------

Weights = dict[str, float]


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, before a rule has weighed it.

    Attributes:
        name: what a rule gives a weight for.
        evidence: as it is to be shown.
        share: part of that weight that counts, 0 to 1.
    """

    name: str
    evidence: Evidence
    share: float = 1.0


def reasons(pair: Pair) -> list[Reason]:
    """Return everything that two records have in common or that tells them apart."""
    one, other = pair.one, pair.other
    found = [
        *_naming(one, other),
        *_naming(other, one),
        *_titles(pair),
        *_shared("paper", "publication", one, other, one.study.papers, other.study.papers),
        *_shared("data-doi", "same_as", one, other, one.study.data, other.study.data),
        *_shared("elsewhere", "related", one, other, one.study.elsewhere, other.study.elsewhere),
        *_amounts(one, other),
        *_people(one, other),
        *_biology(one, other),
    ]
    if one.study.text and one.study.text == other.study.text:
        found.append(_reason("text", "description", f"the first {TEXT_CHARS} characters", "the same", other))
    if one.archive == other.archive:
        said = "an archive gives each of its datasets one accession"
        found.append(_against("same-archive", "accession", one.name, other.name, said, other))
    return found


def _reason(name: str, slot: str, value: str, matched: str, other: Side, share: float = 1.0) -> Reason:
    return Reason(name, Evidence("value", slot, value, matched, source=other.where), share)


def _against(name: str, slot: str, value: str, matched: str, said: str, other: Side) -> Reason:
    return Reason(name, Evidence("against", slot, value, matched, quote=said, source=other.where))


def _shared(name: str, slot: str, one: Side, other: Side, a: list[str], b: list[str]) -> Iterator[Reason]:
    both = sorted(set(a) & set(b))
    if both:
        yield _reason(name, slot, both[0], both[0], other)
    elif a and b and name == "paper":
        yield _against("other-paper", slot, a[0], b[0], "they name different papers", other)


def _naming(side: Side, other: Side) -> Iterator[Reason]:
    """Yield how a record names the other's dataset, or which other of the same archive it says is the same study."""
    reference = side.study.references.get(other.name)
    if reference:
        yield Reason(naming(reference, side.archive, other.archive), evidence_of(reference, other.name, side))
        return
    archive = other.name.partition("/")[0] + "/"
    twin = next((n for n, r in side.study.references.items() if r.kind == STATED and n.startswith(archive)), None)
    if twin and not set(side.study.papers) & set(other.study.papers):
        said = f"{side.name} names another dataset of that archive as the same study"
        yield _against("other-twin", side.study.references[twin].field, twin, other.name, said, side)


def naming(reference: Reference, archive: str, named: str) -> str:
    """Return the name of the reason that a reference gives; EMPIAR has the electron microscopy of a study, no more."""
    if (
        reference.kind in (STATED, AVAILABLE)
        and "empiar" in (archive, named)
        and not reference.field.startswith("same_as")
    ):
        return RELATED
    return reference.kind


def evidence_of(reference: Reference, named: str, side: Side) -> Evidence:
    """Return a reference as evidence."""
    kind = "table" if reference.source else "text" if reference.quote else "record"
    return Evidence(
        kind, reference.field, reference.value, named, reference.quote, reference.start, reference.source or side.where
    )


def _titles(pair: Pair) -> Iterator[Reason]:
    one, other = pair.one, pair.other
    a, b = one.study.title, other.study.title
    likeness = titles.compare(a, b)
    if likeness == "numbered":
        yield _against("numbered", "name", a, b, "their titles count the parts of a series", other)
    elif likeness:
        yield _reason(f"{likeness}-title", "name", a, b, other, min(titles.informative(a), titles.informative(b)))
    if pair.crowded:
        said = f"several datasets of {pair.crowded} have this in common"
        yield _against("crowded", "name", a, b, said, other)


def _amounts(one: Side, other: Side) -> Iterator[Reason]:
    a, b = one.study, other.study
    files = sorted(set(a.files) & set(b.files))
    if files:
        yield _reason("file", "distribution", f"{len(files)} addresses of files", "the same", other)
    if a.size < LEAST_BYTES or b.size < LEAST_BYTES:
        return
    if a.size == b.size:
        share = 1.0 if a.count and a.count == b.count else 0.7
        yield _reason("bytes", "size_bytes", f"{a.size}", f"{b.size}", other, share)
    elif max(a.size, b.size) > 50 * min(a.size, b.size):
        yield _against("other-size", "size_bytes", f"{a.size}", f"{b.size}", "one is more than 50 times as big", other)


def _people(one: Side, other: Side) -> Iterator[Reason]:
    a, b = one.study, other.study
    orcids = sorted(set(a.orcids) & set(b.orcids))
    names = set(a.names) & set(b.names)
    if orcids:
        yield _reason("people", "author", " ".join(orcids[:5]), "the same", other, 1.0 if len(orcids) > 1 else 0.5)
    elif names:
        share = 0.75 if len(names) > 1 else 0.4
        yield _reason("people", "author", f"names of {len(names)} authors", "the same", other, share)
    if a.year and b.year and abs(a.year - b.year) <= 1:
        yield _reason("year", "date_published", str(a.year), str(b.year), other)


def _biology(one: Side, other: Side) -> Iterator[Reason]:
    a, b = one.study, other.study
    if a.taxa and b.taxa:
        both = sorted(_common(a.taxa, b.taxa))
        if both:
            yield _reason("organisms", "about", both[0], both[0], other)
        else:
            yield _against("other-organisms", "about", a.taxa[0], b.taxa[0], "they are of different organisms", other)
    if methods := sorted(set(a.methods) & set(b.methods)):
        yield _reason("methods", "measurement_method", methods[0], methods[0], other)
    kinds = _kinds(one), _kinds(other)
    if all(kinds) and not kinds[0] & kinds[1]:
        said = "one was imaged with electrons, the other with light"
        a_kind, b_kind = (" ".join(sorted(found)) for found in kinds)
        yield _against("other-microscopy", "measurement_method", a_kind, b_kind, said, other)


def _common(a: list[str], b: list[str]) -> set[str]:
    return {x for x in a for y in b if _is_under(x, y) or _is_under(y, x)}


@lru_cache(maxsize=65536)
def _is_under(iri: str, ancestor: str) -> bool:
    return iri == ancestor or terms.descends(iri, ancestor)


def _kinds(side: Side) -> set[str]:
    found = {kind for kind in (ELECTRONS, LIGHT) for iri in side.study.methods if _is_under(iri, kind)}
    return found or ({ELECTRONS} if side.archive == "empiar" and not side.study.methods else set())


def weighed(found: Iterable[Reason], weights: Weights) -> list[Evidence]:
    """Return the reasons that a rule has a weight for as evidence, the strongest first, those against last."""
    told = [
        replace(r.evidence, weight=round(weights[r.name] * r.share, 3)) for r in _once(found) if weights.get(r.name)
    ]
    return sorted(told, key=lambda e: (-e.weight, e.field, e.value))


def _once(found: Iterable[Reason]) -> Iterator[Reason]:
    """Yield each kind of reason once: that both records name one another does not count twice."""
    best: dict[str, Reason] = {}
    for reason in found:
        if reason.name not in best or best[reason.name].share < reason.share:
            best[reason.name] = reason
    yield from best.values()


def score(evidence: Iterable[Evidence]) -> float:
    """Return the confidence that weighed evidence comes to: its sum, between 0 and 0.99."""
    return round(min(0.99, max(0.0, sum(e.weight for e in evidence))), 2)
