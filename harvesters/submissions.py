"""Datasets that people submit to the hub directly: a folder of documents, each published or refused as a whole.

A document is the model's JSON, an RO-Crate in the foundingGIDE profile, or a filled template (TSV or XLSX, see
:mod:`harvesters.templates`). Unlike an archive's record, a submission has an author who can mend it, so it is
strict here: whatever is wrong is an error, all errors are told at once, and each names its field or cell and the
fix. What cannot be the author's doing (a control character, an ontology's other label) is a finding as elsewhere.

An accession is made of the source's name and the document's path without its suffix, so the same document keeps its
accession however its content changes, and no counter is needed. A document that states one keeps that.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError

from harvesters import files, jsonld, templates
from harvesters.building import Builder, model_table, property_iri, slug
from harvesters.contract import Context, Entry, Harvested, Harvester, Http, RecordError, Source
from harvesters.crates import Crate
from harvesters.templates import NO_EMAIL, suggestion
from linkml_schemas.generated import model
from linkml_schemas.generated.model import (
    Archive,
    BioSample,
    Dataset,
    DefinedTerm,
    GeneRole,
    ImagingProtocol,
    ReagentKind,
    Taxon,
)
from ontology import archives, dates, identifiers, licences, sizes, terms, text

ARCHIVE: Final = "hub"
SUFFIXES: Final = (".json", ".tsv", ".xlsx")
ACCESSION: Final = re.compile(r"HUB-[0-9A-HJKMNP-TV-Z]{8}")
# Source: https://www.crockford.com/base32.html (no I, L, O, U)
CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MAX_DEPTH: Final = 100
MAX_ITEMS: Final = 10_000
MAX_THINGS: Final = 20_000
MAX_TEXT: Final = 100_000
MAX_NODE_NAME: Final = 500
MAX_REASONS: Final = 1_000
MAX_PIXEL_NM: Final = 10**9
MAX_INTEGER: Final = 2**63 - 1
# Findings that do not refuse a submission: what is no fault of its author, or is mended without loss.
TOLERATED: Final = frozenset(
    {
        "control-characters",
        "email-removed",
        "filler-method",
        "label-mismatch",
        "method-unmatched",
        "node-dropped",
        "node-unreached",
        "title-is-identifier",
    }
)
# Slots of the dataset that a submission must fill; the last two may also be stated as unknown or not applicable.
REQUIRED: Final = ("name", "description", "license", "author", "date_published", "about", "measurement_method")
CRATE_NAMES: Final = {"date_published": "datePublished", "measurement_method": "measurementMethod"}
MISSING: Final = {
    "about": "is missing: name at least one organism, or state that it is Unknown",
    "measurement_method": "is missing: name at least one imaging method, or state that it is Unknown",
}
# What reading values of an unforeseen kind may raise.
_ODD: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)
Errors = list[tuple[str, str]]


# --- the harvester -------------------------------------------------------------------------------------------------


def entries(http: Http, source: Source) -> Iterator[Entry]:
    """Yield one entry for each submitted document; hidden files, READMEs and empty templates are none.

    Raises:
        SourceError: the folder cannot be listed completely.
    """
    return (entry for entry in files.entries(http, source, "") if is_document(entry.key))


def is_document(key: str) -> bool:
    """Tell whether a file of that path is taken for a submission: not a README, an empty template or hidden."""
    *_, name = parts = key.split("/")
    is_other = name.casefold().startswith(("readme", "template", "~$"))
    return name.lower().endswith(SUFFIXES) and not is_other and not any(part.startswith(".") for part in parts)


def fetch(http: Http, source: Source, entry: Entry) -> bytes:
    """Return the bytes of one document, of one that is too long only as many as show it.

    Raises:
        SourceError: it cannot be read any more.
    """
    path = Path(source.url) / entry.key
    if path.is_file() and path.stat().st_size > templates.MAX_FILE_BYTES:
        with path.open("rb") as stream:
            return stream.read(templates.MAX_FILE_BYTES + 1)
    return files.fetch(http, source, entry)


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    """Return the dataset that a document submits.

    Raises:
        RecordError: with every reason why it cannot be published.
    """
    if len(raw) > templates.MAX_FILE_BYTES:
        raise RecordError(f"{entry.key}: over {templates.MAX_FILE_BYTES} bytes; submit metadata, not the data")
    if entry.key.lower().endswith((".tsv", ".xlsx")):
        draft = templates.draft(raw, entry.key)
        return _from_draft(draft, entry, ctx)
    if not entry.key.lower().endswith(".json"):
        raise RecordError(f"{entry.key}: name the document .json, .tsv or .xlsx, by its form")
    document = _document(raw, entry.key)
    if any(key.startswith("@") for key in document):
        return _from_crate(document, entry, ctx)
    return _from_draft(templates.Draft(document), entry, ctx)


def check(raw: bytes, name: str, ctx: Context) -> Harvested:
    """Return what a document of that file name would be published as; nothing is stored.

    Raises:
        RecordError: with every reason why it cannot be published.
    """
    return transform(raw, Entry(name), ctx)


def accession(source_name: str, key: str) -> str:
    """Return the accession of a document: 40 bits of the hash of its source and path without suffix.

    >>> accession("submissions", "p53.tsv"), accession("submissions", "p53-ro-crate-metadata.json")
    ('HUB-EPGJD90N', 'HUB-EPGJD90N')
    """
    stem = re.sub(r"(?i)(?:[.-]ro-crate-metadata)?\.(?:json|tsv|xlsx)$", "", unicodedata.normalize("NFC", key))
    digest = hashlib.sha256(f"{source_name}/{stem}".encode("utf-8", "surrogatepass")).digest()
    number = int.from_bytes(digest[:5], "big")
    return "HUB-" + "".join(CROCKFORD[number >> shift & 31] for shift in range(35, -1, -5))


# --- one form after the other --------------------------------------------------------------------------------------


def _document(raw: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(templates.decoded(raw, name), object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError) as err:
        raise RecordError(f"{name} is not JSON: {text.drop_emails(text.clean(str(err)))[:300]}") from err
    if not isinstance(document, dict):
        raise RecordError(f"{name} is not a JSON object")
    if _is_deep(document):
        raise RecordError(f"{name} is nested deeper than {MAX_DEPTH} levels")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return made


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON")


def _is_deep(document: Any) -> bool:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [c for v in level for c in (v.values() if isinstance(v, dict) else v) if isinstance(c, dict | list)]
        if not level:
            return False
    return True


def _from_draft(draft: templates.Draft, entry: Entry, ctx: Context) -> Harvested:
    errors: Errors = list(draft.problems)
    stated = draft.data.get("accession")
    builder = SubmissionBuilder(ctx, _accession(stated, entry, ctx, errors), errors, draft.places)
    values = Reader(builder).dataset(draft.data)
    _require(values, errors, {})
    builder.refuse()
    return _harvested(lambda: Dataset(**values), builder)


def _from_crate(document: dict[str, Any], entry: Entry, ctx: Context) -> Harvested:
    try:
        nodes = jsonld.flat_nodes(document)
        root = _root(nodes, entry.key)
    except _ODD as err:
        raise RecordError(f"{entry.key}: not JSON-LD that can be read ({type(err).__name__})") from err
    errors: Errors = []
    stated = next((i for i in _listed(root.get("identifier")) if ACCESSION.fullmatch(str(i))), None)
    builder = SubmissionBuilder(ctx, _accession(stated, entry, ctx, errors), errors, {})
    for node in nodes:
        if "email" in node:
            message = "left out: the hub stores no e-mail addresses"
            builder.find(f"@graph[{node.get('@id')}].email", "email-removed", "", message)
    harvested = _harvested(lambda: SubmittedCrate(nodes, root, builder).dataset(), builder)
    _require(vars(harvested.record), errors, CRATE_NAMES)
    Consistency(builder).walk("dataset", harvested.record)
    builder.refuse()
    return harvested


def _root(nodes: list[dict[str, Any]], name: str) -> dict[str, Any]:
    about = [str(v["@id"]) for n in nodes if "conformsTo" in n for v in _listed(n.get("about")) if _is_reference(v)]
    root = next((n for n in nodes if str(n.get("@id")) in about), None)
    if root is None or not all("@id" in n for n in nodes):
        raise RecordError(
            f"{name}: each node needs an @id, and one must be the dataset that the metadata descriptor is `about`"
        )
    return root


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and "@id" in value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _accession(stated: Any, entry: Entry, ctx: Context, errors: Errors) -> str:
    if stated not in (None, ""):
        if isinstance(stated, str) and ACCESSION.fullmatch(stated.strip().upper()):
            return stated.strip().upper()
        errors.append(
            ("accession", f"{str(stated)[:80]!r} is not one of the hub's (HUB-…): leave it out, the hub gives one")
        )
    return accession(ctx.source.name, entry.key)


def _harvested(make: Callable[[], Dataset], builder: SubmissionBuilder) -> Harvested:
    """Complete the record; what no check foresaw is refused with the model's own words."""
    try:
        record = make()
    except ValidationError as err:
        faults = err.errors(include_url=False, include_input=False)
        builder.errors.extend((".".join(map(str, fault["loc"])), fault["msg"]) for fault in faults)
        builder.refuse()
        raise RecordError("the document does not fit the model") from err
    except _ODD as err:
        builder.errors.append(("@graph", f"a value is of the wrong kind ({type(err).__name__}: {err})"))
        builder.refuse()
        raise RecordError("the document does not fit the profile") from err
    record.about = _with_terms(record.about, BioSample, "taxon", "cell_line")
    record.measurement_method = _with_terms(record.measurement_method, ImagingProtocol, "measurement_technique")
    return Harvested(record, tuple(builder.findings))


def _with_terms(things: list[Any] | None, kind: type[BaseModel], *slots: str) -> list[Any] | None:
    """Return things and, as the profile has it, everything that they are classified by."""
    found = {thing.id: thing for thing in things or []}
    for thing in things or []:
        for slot in slots if isinstance(thing, kind) else ():
            for term in getattr(thing, slot) or []:
                found.setdefault(term.id, term)
    return list(found.values()) or None


def _require(values: Mapping[str, Any], errors: Errors, names: Mapping[str, str]) -> None:
    """Report what is missing, save where a faulty value was the reason."""
    stated = {*(values.get("unknown") or ()), *(values.get("not_applicable") or ())}
    for slot in REQUIRED:
        path = names.get(slot, slot)
        found: Any = values.get(slot)
        if slot == "about":
            found = _organisms(values) or property_iri("taxon") in stated
        elif slot == "measurement_method":
            found = found or property_iri(slot) in stated
        if not found and not any(re.match(rf"{path}(?:[.\[]|$)", place) for place, _ in errors):
            errors.append((path, MISSING.get(slot, "is missing, but required")))


def _organisms(values: Mapping[str, Any]) -> bool:
    """Whether any subject is a taxon, has one, or says that its taxon is unknown."""
    for thing in values.get("about") or ():
        said = {*(getattr(thing, "unknown", None) or ()), *(getattr(thing, "not_applicable", None) or ())}
        if isinstance(thing, Taxon) or getattr(thing, "taxon", None) or property_iri("taxon") in said:
            return True
    return False


# --- building strictly ---------------------------------------------------------------------------------------------


class SubmissionBuilder(Builder):
    """A builder to which nearly every finding is an error.

    Attributes:
        errors: (path, message) of all that refuses the document, in the order met.
        places: path → field and cell of a sheet; a path without one is shown as it is.
    """

    def __init__(self, ctx: Context, accession: str, errors: Errors, places: Mapping[str, str]) -> None:
        super().__init__(ctx, accession)
        self.errors = errors
        self.places = places

    def archive(self) -> Archive:
        """Return the hub itself as the archive."""
        made = super().archive()
        made.url = self.ctx.base_iri
        return made

    def find(self, field: str, rule: str, value: object, message: str, suggestion: str | None = None) -> None:
        """Report a tolerable problem as a finding, every other as an error."""
        field = re.sub(r"\.(?:orcid|ror)$", ".id", field)
        if rule in TOLERATED:
            shown, told = (text.drop_emails(text.clean(words)) for words in (self.place(field), message))
            super().find(shown, rule, text.clean(str(value)[:1000]), told, suggestion)
        else:
            self.error(field, message + (f": write {suggestion!r}" if suggestion else ""))

    def error(self, field: str, message: str) -> None:
        """Report what refuses the document; raises RecordError at once where there is no end to it."""
        self.errors.append((field, message))
        if len(self.errors) > MAX_REASONS:
            self.refuse()

    def refuse(self) -> None:
        """Raise RecordError with every error so far, if there is any."""
        reasons = [text.drop_emails(text.clean(f"{self.place(p)}: {m}")) for p, m in self.errors[:MAX_REASONS]]
        if len(self.errors) > MAX_REASONS:
            reasons.append(f"and more: only the first {MAX_REASONS} are told")
        if reasons:
            raise RecordError(*dict.fromkeys(reasons))

    def place(self, path: str) -> str:
        """Return where a path stands in the document: its own cell, or that of the nearest thing round it."""
        outer = path
        while outer and outer not in self.places:
            outer = outer[: max(outer.rfind("."), outer.rfind("["), 0)]
        return self.places.get(outer, path)

    def text(self, field: str, value: object) -> str | None:
        """Return clean text; a removed e-mail address becomes a finding."""
        if isinstance(value, list):
            value = ", ".join(map(str, value))
        if isinstance(value, str) and len(value) > MAX_TEXT:
            self.error(field, f"has {len(value)} characters: the limit is {MAX_TEXT}")
            return None
        if isinstance(value, str) and text.has_email(text.clean(value)):
            self.find(field, "email-removed", "", "an e-mail address was removed: the hub stores none")
        found = super().text(field, value)
        return None if found == text.REMOVED else found

    def iri(self, field: str, value: object) -> str | None:
        """Return an absolute web IRI without an e-mail address in it."""
        if value and len(str(value)) <= identifiers.MAX_IRI and text.has_email(unquote(str(value))):
            self.error(field, "the address holds an e-mail address: the hub stores none")
            return None
        return super().iri(field, value)

    def local(self, name: str) -> str:
        """Return the IRI of a node of this record, whose name must not be an e-mail address."""
        if len(name) > MAX_NODE_NAME:
            self.error("id", f"{name[:80]!r}… has over {MAX_NODE_NAME} characters: write #author-1 or so")
            return super().local("no-name")
        if text.has_email(unquote(name)):
            self.error(
                "id", f"{name[:200]!r} holds an e-mail address, which the hub does not store: write #author-1 or so"
            )
            return super().local("no-name")
        return super().local(name)

    def taxon(self, field: str, identifier: object, name: str | None, common: str | None = None) -> Taxon | None:
        """Return a taxon by its identifier or, where there is none, by its name; both must mean the same."""
        named = _resolved(terms.organism, self.text(field, name))
        if not identifier:
            if named is None:
                advice = "give its number in the NCBI taxonomy too (Organism taxon ID; `id` in JSON)"
                self.error(field, f"the hub knows no organism {str(name)[:80]!r}: {advice}")
                return None
            identifier, name = named, None
        iri = self.normal(field, "taxon-invalid", identifiers.taxon, identifier)
        if iri is None or not self._agree(field, iri, named, name):
            return None
        if name is None and terms.label(iri) is None:
            self.error(
                field, f"the hub knows no taxon {identifiers.curie(iri)}: check the number, and give its name too"
            )
            return None
        return super().taxon(field, iri, None if iri == named else name, common)

    def term(self, field: str, identifier: object, name: str | None, local: str) -> DefinedTerm | None:
        """Return a term; an imaging method without identifier is looked up by its name."""
        is_method = field.startswith(("measurement_method", "measurementMethod"))
        named = _resolved(terms.imaging_method, self.text(field, name)) if is_method else None
        if is_method and not identifier and name:
            if named is None:
                message = f"{str(name)[:80]!r} is no imaging method of FBbi that the hub knows, so it is kept as it is"
                self.find(field, "method-unmatched", name, message)
            identifier = named
        if identifier and not self._agree(field, _resolved(identifiers.term, str(identifier)), named, name):
            return None
        return super().term(field, identifier, None if named else name, local)

    def _agree(self, field: str, iri: str | None, named: str | None, name: str | None) -> bool:
        if iri is None or named is None or iri == named or terms.descends(iri, named):
            return True
        shown = f"{identifiers.curie(iri)} ({terms.label(iri) or 'unknown to the hub'})"
        self.error(field, f"{shown} is not {name!r}, which is {identifiers.curie(named)}: correct one of them")
        return False


def _resolved(resolve: Callable[[str], str], words: str | None) -> str | None:
    try:
        return resolve(words) if words else None
    except ValueError:
        return None


class SubmittedCrate(Crate):
    """A crate whose root is known by any address: the dataset's page, or none."""

    def _addresses(self) -> dict[str, Any]:
        root = str(self.root["@id"])
        return {"url": self.build.iri("@id", root) if root.startswith("http") else None}


# --- a draft becomes a record --------------------------------------------------------------------------------------


@cache
def _tables() -> tuple[dict[str, tuple[str, ...]], dict[str, dict[str, Any]]]:
    """Slots of each class, and what each slot holds, as compiled from the model."""
    data = model_table()
    return {name: tuple(table["slots"]) for name, table in data["classes"].items()}, data["slots"]


@cache
def _class_of_type() -> dict[str, str]:
    """Every spelling of a class in a document's ``type`` → name of the class."""
    spelt = {name: name for name in _tables()[0]}
    for name in _tables()[0]:
        annotation = getattr(model, name).model_fields["type"].annotation
        spelt.update({str(spelling): name for spelling in get_args(annotation)})
    return spelt


# What a thing without `type` is taken for where the slot may hold several classes.
USUAL_CLASS: Final = {"author": "Person", "measurement_method": "DefinedTerm"}
# Classes whose nodes are named by their wording, so that the same words are one node of the record.
WORDED: Final = frozenset({"Organization", "DefinedTerm", "Phenotype", "Compound", "Gene"})
LOCAL_NAMES: Final = {
    "BioSample": "sample",
    "DefinedTerm": "term",
    "GeneAnnotation": "gene-annotation",
    "ImagingProtocol": "protocol",
    "Person": "author",
}
# A thing needs one of these to be worth a node.
CHOICES: Final[dict[str, type[Enum]]] = {"gene_role": GeneRole, "reagent_kind": ReagentKind}
NEEDS: Final = {
    "Person": ("name",),
    "Organization": ("name",),
    "Grant": ("name",),
    "BioSample": ("name",),
    "ImagingProtocol": ("name",),
    "GeneAnnotation": ("gene",),
    "ReagentAnnotation": ("reagent",),
    "Reagent": ("name",),
    "StudyComponent": ("name",),
    "Reconstruction": ("name",),
    "Protein": ("name",),
    "DefinedTerm": ("name", "id", "term_code"),
    "Phenotype": ("name", "id", "term_code"),
    "Compound": ("name", "id"),
    "Publication": ("name", "id", "same_as"),
    "Gene": ("symbol", "id"),
    "Taxon": ("scientific_name", "id"),
}


class Consistency:
    """Whether one IRI always means one thing of this record, and one thing is always described alike."""

    def __init__(self, builder: SubmissionBuilder) -> None:
        self.build = builder
        self.known: dict[str, tuple[str, dict[str, Any]]] = {
            builder.dataset_iri: ("Dataset", {}),
            builder.archive().id: ("Archive", {}),
        }

    def note(self, path: str, thing: BaseModel) -> None:
        """Compare a thing with what was said of its IRI before."""
        iri, kind = str(vars(thing)["id"]), type(thing).__name__
        if iri.startswith(self.build.ctx.base_iri) and not self._is_own(iri):
            self.build.error(f"{path}.id", f"{iri[:200]!r} is a thing of another record: leave the id out")
            return
        said = {slot: value for slot, value in vars(thing).items() if value is not None and _is_single(slot)}
        before_kind, before = self.known.setdefault(iri, (kind, said))
        if before_kind != kind:
            self.build.error(path, f"{iri} is a {before_kind} elsewhere and a {kind} here: leave one of the ids out")
            return
        for slot, value in said.items():
            if before.setdefault(slot, value) != value:
                shown = f"{str(before[slot])[:80]!r} elsewhere and {str(value)[:80]!r} here"
                self.build.error(path, f"{iri} has the {slot} {shown}: correct one of them, or its id")

    def _is_own(self, iri: str) -> bool:
        return iri in self.known or iri.startswith(self.build.local(""))

    def walk(self, path: str, thing: BaseModel) -> None:
        """Note a thing and everything nested in it."""
        self.note(path, thing)
        for slot, value in vars(thing).items():
            for item in _listed(value):
                if isinstance(item, BaseModel):
                    self.walk(slot, item)


def _is_single(name: str) -> bool:
    """Whether a slot holds one value that is no thing itself."""
    slot = _tables()[1].get(name)
    return slot is not None and slot["kind"] != "node" and not slot["many"]


class Reader:
    """Turns a draft (nested slots) into the model's things, whatever is missing or wrong becoming an error."""

    def __init__(self, builder: SubmissionBuilder) -> None:
        self.build = builder
        self.consistency = Consistency(builder)
        self.taken: set[str] = set()
        self.numbers: dict[str, int] = {}
        self.wordings: dict[tuple[str, str], str] = {}
        self.things = 0

    def dataset(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the values of the dataset's slots, as far as they could be read."""
        self._collect_ids(data)
        archive = data.get("archive")
        if isinstance(archive, dict) and archive.get("id") not in (None, self.build.archive().id):
            self.build.error("archive", "the hub is the archive of what is submitted to it: leave `archive` out")
        own = {"accession", "archive", "id", "type"}
        values = self._slots("", "Dataset", {k: v for k, v in data.items() if k not in own})
        made = {"id": self.build.dataset_iri, "accession": self.build.accession, "archive": self.build.archive()}
        return {"is_accessible_for_free": True, **values, **made}

    def _collect_ids(self, data: Any) -> None:
        stack = [data]
        while stack:
            item = stack.pop()
            if isinstance(item, dict):
                self.taken.add(self._local_part(item.get("id")) or "")
                stack.extend(item.values())
            elif isinstance(item, list):
                stack.extend(item)

    def _local_part(self, given: Any) -> str | None:
        """Name of a node of this record, from ``#name`` or its IRI; None for any other identifier."""
        if not isinstance(given, str):
            return None
        own = self.build.local("")
        if given.startswith(own):
            given = "#" + text.clean(unquote(given.removeprefix(own)))
        return text.clean(given[1:]) or None if given.startswith("#") else None

    # --- slots

    def _slots(self, path: str, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        classes, slots = _tables()
        made: dict[str, Any] = {}
        for key, value in data.items():
            place = f"{path}.{key}" if path else key
            if key in ("id", "type"):
                continue
            if key not in classes[kind]:
                self._unknown_slot(path, kind, key)
            elif value not in (None, "", []):
                made[key] = self._values(place, kind, key, slots[key], value)
        return {k: v for k, v in made.items() if v not in (None, "", [])}

    def _unknown_slot(self, path: str, kind: str, key: str) -> None:
        shown = text.clean(key)[:80]
        if "mail" in key.casefold():
            hint = f": {NO_EMAIL}"
        elif len(self.build.errors) < templates.MAX_SUGGESTIONS:
            hint = suggestion(shown, (*_tables()[0][kind], "id", "type"))
        else:
            hint = ""
        self.build.error(path or "the document", f"{shown!r} is not a field of {kind}{hint}")

    def _values(self, path: str, kind: str, name: str, slot: dict[str, Any], value: Any) -> Any:
        if not slot["many"]:
            return self._value(path, kind, name, slot, value)
        if not isinstance(value, list):
            self.build.error(path, "takes a list: put the value into [ ]")
            return None
        if len(value) > MAX_ITEMS:
            self.build.error(path, f"has over {MAX_ITEMS} values")
            return None
        found = [self._value(f"{path}[{n}]", kind, name, slot, v) for n, v in enumerate(value)]
        kept = [v for v in found if v not in (None, "")]
        return kept if slot["kind"] == "node" else list(dict.fromkeys(kept))

    def _value(self, path: str, kind: str, name: str, slot: dict[str, Any], value: Any) -> Any:
        if slot["kind"] == "node":
            return self._thing(path, name, slot["classes"], value)
        datatype = str(slot["datatype"]).rpartition("#")[2]
        if datatype == "boolean":
            return value if isinstance(value, bool) else self._fault(path, value, "true or false")
        if isinstance(value, bool | dict | list):
            return self._fault(path, value, "one text or number")
        if datatype == "integer":
            return self._integer(path, name, value)
        if datatype == "decimal":
            return self._resolution(path, value) if name == "resolution" else self._decimal(path, value)
        if datatype == "partial-date":
            return self.build.normal(path, "date-invalid", dates.date, value)
        if not isinstance(value, str):
            return self._fault(path, value, "text: put it into quotation marks")
        if slot["kind"] == "iri":
            return self._iri(path, kind, name, value)
        if name in CHOICES:
            return self._choice(path, name, value)
        return self.build.text(path, value)

    def _fault(self, path: str, value: Any, expected: str) -> None:
        self.build.error(path, f"{json.dumps(value)[:80]} is not valid here: expected {expected}")

    def _integer(self, path: str, name: str, value: Any) -> int | None:
        if name == "size_bytes":
            number = self.build.normal(path, "size-invalid", lambda v: str(sizes.size_bytes(v)), value)
            return int(number) if number else None
        plain = str(value).strip()
        if not re.fullmatch(r"[0-9]{1,19}", plain) or int(plain) > MAX_INTEGER:
            self._fault(path, value, "a whole number without separators, such as 1200")
            return None
        return int(plain)

    def _decimal(self, path: str, value: Any) -> Decimal | None:
        written = self.build.normal(path, "length-invalid", lambda v: str(sizes.nanometres(v, "nm")), value)
        if written is None:
            return None
        number = Decimal(written)
        if number > MAX_PIXEL_NM or len(number.as_tuple().digits) > 15 or number < Decimal("1e-6"):
            self._fault(path, str(value), f"nanometres from 0.000001 to {MAX_PIXEL_NM}, at most 15 digits")
            return None
        return number

    def _iri(self, path: str, kind: str, name: str, value: str) -> str | None:
        if name == "license":
            return self.build.normal(path, "licence-unknown", licences.licence, value)
        if name in ("unknown", "not_applicable"):
            return self._property(path, value)
        if kind == "Publication" and name == "same_as" and (paper := _resolved(identifiers.publication, value)):
            return paper
        return self.build.iri(path, value)

    def _property(self, path: str, value: str) -> str | None:
        slots = _tables()[1]
        if value in slots:
            return property_iri(value)
        if any(slot["iri"] == value for slot in slots.values()):
            return value
        self.build.error(path, f"{value[:80]!r} is not a slot of the model or its IRI{suggestion(value, slots)}")
        return None

    def _choice(self, path: str, name: str, value: str) -> str | None:
        choices = [choice.value for choice in CHOICES[name]]
        chosen = text.clean(value).casefold()
        if chosen in choices:
            return chosen
        words = name.replace("_", " ")
        listed = ", ".join(choices)
        self.build.error(path, f"{value[:80]!r} is not a {words} ({listed}){suggestion(chosen, choices)}")
        return None

    def _resolution(self, path: str, value: Any) -> Decimal | None:
        plain = str(value).strip()
        if not re.fullmatch(r"[0-9]{1,4}(?:\.[0-9]{1,6})?", plain) or not Decimal(plain):
            self._fault(path, value, "a number of ångström, such as 3.7")
            return None
        return Decimal(plain)

    # --- things

    def _thing(self, path: str, slot: str, classes: list[str], data: Any) -> Any:
        if not isinstance(data, dict):
            return self._fault(path, data, "an object in { }")
        self.things += 1
        if self.things > MAX_THINGS:
            raise RecordError(
                f"{path}: the document has over {MAX_THINGS} things; submit fewer, or an archive's record"
            )
        kind = self._class(path, slot, classes, data)
        if kind is None:
            return None
        values = self._slots(path, kind, data)
        if kind == "ImagingProtocol" and not data.get("name") and values.get("measurement_technique"):
            values["name"] = values["measurement_technique"][0].name
        given = data.get("id")
        if given is not None and not isinstance(given, str):
            return self._fault(f"{path}.id", given, "text")
        has_enough = self._has_enough(path, kind, data, values)
        if not has_enough and kind in ("GeneAnnotation", "ReagentAnnotation"):
            return None
        if not has_enough:  # still read, so that its other faults are told too
            values.setdefault(NEEDS[kind][0], "?")
        made = self._made(path, kind, (given or "").strip() or None, values)
        if made is None or not has_enough:
            return None
        self.consistency.note(path, made)
        return made

    def _has_enough(self, path: str, kind: str, data: dict[str, Any], values: dict[str, Any]) -> bool:
        needed = NEEDS.get(kind, ())
        if not needed or any(data.get(name) and (name == "id" or name in values) for name in needed):
            return True
        if kind == "ImagingProtocol" and (values.get("name") or data.get("measurement_technique")):
            return bool(values.get("name"))
        faulty = any(place.startswith(f"{path}.{name}") for place, _ in self.build.errors for name in needed)
        if not faulty:
            others = " or ".join(name for name in needed)
            self.build.error(f"{path}.{needed[0]}", f"is missing: a {kind} needs {others}")
        return False

    def _class(self, path: str, slot: str, classes: list[str], data: dict[str, Any]) -> str | None:
        stated = data.get("type")
        if stated is not None:
            known = _class_of_type().get(str(stated))
            if known in classes:
                return known
            self.build.error(f"{path}.type", f"{str(stated)[:80]!r} cannot stand here: expected {' or '.join(classes)}")
            return None
        if len(classes) == 1:
            return classes[0]
        fitting = [c for c in classes if data.keys() - {"id"} <= set(_tables()[0][c])]
        if len(fitting) == 1:
            return fitting[0]
        if slot in USUAL_CLASS:
            return USUAL_CLASS[slot]
        self.build.error(f"{path}.type", f"is missing: say which it is, {' or '.join(classes)}")
        return None

    def _made(self, path: str, kind: str, given: str | None, values: dict[str, Any]) -> Any:
        name = values.get("name") or values.get("symbol")
        local = self._local_part(given) or self._mint(kind, name)
        shared = None if given is None or given.startswith("#") or self._local_part(given) else given
        make: Callable[..., Any] | None = getattr(self, f"_make_{kind.lower()}", None)
        if make is not None:
            return make(path, shared, local, values)
        iri = self.build.iri(f"{path}.id", shared) if shared else self.build.local(local)
        return getattr(model, kind)(id=iri, **values) if iri else None

    def _mint(self, kind: str, name: str | None) -> str:
        label = LOCAL_NAMES.get(kind, kind.lower())
        if kind in WORDED and name and (words := slug(name)):
            return self._worded(f"{label}-{words}", name)
        while True:
            self.numbers[kind] = self.numbers.get(kind, 0) + 1
            local = f"{label}-{self.numbers[kind]}"
            if local not in self.taken:
                return local

    def _worded(self, stem: str, name: str) -> str:
        """Return a node's name for its wording: the same for the same words, another for others ("CD4+", "CD4-")."""
        if (stem, name) not in self.wordings:
            number = self.numbers.get(stem, 0) + 1
            while (local := stem if number == 1 else f"{stem}-{number}") in self.taken:
                number += 1
            self.numbers[stem] = number
            self.taken.add(local)
            self.wordings[stem, name] = local
        return self.wordings[stem, name]

    def _make_person(self, path: str, shared: str | None, local: str, values: dict[str, Any]) -> Any:
        return self.build.person(path, values.pop("name"), shared, local, **values)

    def _make_organization(self, path: str, shared: str | None, local: str, values: dict[str, Any]) -> Any:
        page = shared if shared and shared.startswith("http") and "ror.org" not in shared else None
        made = self.build.organization(path, values.pop("name"), None if page else shared, local, **values)
        if page and made is not None:
            made.id = self.build.iri(f"{path}.id", page) or made.id
        return made

    def _make_publication(self, path: str, shared: str | None, local: str, values: dict[str, Any]) -> Any:
        iri = self.build.normal(f"{path}.id", "publication-invalid", identifiers.publication, shared)
        also = [i for i in values.pop("same_as", []) if i != iri]
        return self.build.publication(path, iri, local, **values, **({"same_as": also} if also else {}))

    def _make_taxon(self, path: str, shared: str | None, local: str, values: dict[str, Any]) -> Any:
        place = f"{path}.id" if shared else f"{path}.scientific_name"
        return self.build.taxon(place, shared, values.get("scientific_name"), values.get("vernacular_name"))

    def _make_definedterm(self, path: str, shared: str | None, local: str, values: dict[str, Any]) -> Any:
        identifier = shared or values.get("term_code")
        return self.build.term(f"{path}.id" if identifier else f"{path}.name", identifier, values.get("name"), local)

    def _make_phenotype(self, path: str, shared: str | None, local: str, values: dict[str, Any]) -> Any:
        made = self._make_definedterm(path, shared, local, values)
        return made and model.Phenotype(id=made.id, name=made.name, term_code=made.term_code)

    def _make_gene(self, path: str, shared: str | None, local: str, values: dict[str, Any]) -> Any:
        iri = self.build.normal(f"{path}.id", "gene-invalid", gene_iri, shared)
        return model.Gene(id=iri or self.build.local(local), **values)

    def _make_compound(self, path: str, shared: str | None, local: str, values: dict[str, Any]) -> Any:
        iri = self.build.normal(f"{path}.id", "compound-invalid", identifiers.compound, shared)
        return model.Compound(id=iri or self.build.local(local), **values)


_GENE: Final = re.compile(r"(?:https?://identifiers\.org/)?([A-Za-z.]{2,20})[:/](\S+)", re.ASCII)


def gene_iri(given: str) -> str:
    """Return the IRI of a gene from its compact identifier or its address at identifiers.org.

    >>> gene_iri("ensembl:ENSG00000141510")
    'https://identifiers.org/ensembl:ENSG00000141510'

    Raises:
        ValueError: no name space of genes, or an identifier of another shape.
    """
    found = _GENE.fullmatch(given.strip())
    if found is None:
        raise ValueError(
            f"{given[:200]!r} is not a gene: expected <name space>:<identifier>, as ensembl:ENSG00000141510"
        )
    namespace = found[1].lower()
    return identifiers.gene("tair.locus" if namespace == "ensembl.plant" else namespace, found[2])


HARVESTER = Harvester(
    name="submissions",
    title="Direct submissions",
    homepage=archives.ARCHIVES[ARCHIVE].homepage,
    licence=None,
    entries=entries,
    fetch=fetch,
    transform=transform,
)
