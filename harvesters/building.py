"""What every ``transform`` needs: normalise a field or report it, and build each nested thing once.

One bad field is not a bad record: a value that cannot be normalised is left out and becomes a finding.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, unquote

from harvesters.contract import Context, Finding
from linkml_schemas.generated.model import (
    Archive,
    DefinedTerm,
    Organization,
    Person,
    Publication,
    Taxon,
)
from ontology import archives, identifiers, iris, terms, text

MAX_VALUE_CHARS = 200


class Builder:
    """Builds one record: mints its node IRIs, normalises its fields, gathers its findings.

    Args:
        ctx: the base IRI and the source.
        accession: normalised accession of the dataset.
        archive: archive that owns the dataset; left out, it is told by the accession. An archive that
            `ontology.archives` does not know has its title and homepage in the source's options.

    Attributes:
        findings: quality problems so far, in the order met.
    """

    def __init__(self, ctx: Context, accession: str, archive: str | None = None) -> None:
        self.ctx = ctx
        self.accession = accession
        self.archive_name = archive or archives.archive_of(accession)
        self.findings: list[Finding] = []
        self._hidden: dict[str, int] = {}

    # --- findings and fields

    def find(self, field: str, rule: str, value: object, message: str, suggestion: str | None = None) -> None:
        """Report one quality problem; e-mail addresses in it are masked."""
        shown = text.drop_emails(text.clean(str(value)))[:MAX_VALUE_CHARS]
        self.findings.append(Finding(field, rule, shown, text.drop_emails(text.clean(message)), suggestion))

    def normal(self, field: str, rule: str, normalise: Callable[[str], str], value: object) -> str | None:
        """Return the normal form of a value, or None; a value that has none becomes a finding."""
        if value is None or value == "" or value == []:
            return None
        try:
            found = normalise(str(value))
        except ValueError as err:
            self.find(field, rule, value, str(err))
            return None
        if text.has_email(unquote(found)):
            self.find(field, "email-removed", "", "the value holds an e-mail address: the hub stores none")
            return None
        return found

    def text(self, field: str, value: object) -> str | None:
        """Return clean text without e-mail addresses, or None when there is none."""
        if value is None:
            return None
        if isinstance(value, dict | bool):
            self.find(field, "text-expected", value, f"{field} is no text")
            return None
        value = ", ".join(self.texts(field, value)) if isinstance(value, list) else str(value)
        clean = text.clean(value)
        if clean != value.strip() and _invisible(value):
            self.find(field, "control-characters", value, f"{field} holds invisible or private-use characters")
        return text.drop_emails(clean) or None

    def texts(self, field: str, values: Iterable[object]) -> list[str]:
        """Return the clean texts of a list, each once, without empty ones."""
        cleaned = (self.text(field, v) for v in values)
        return list(dict.fromkeys(t for t in cleaned if t))

    def iri(self, field: str, value: object) -> str | None:
        """Return an absolute web IRI, or None with a finding."""
        return self.normal(field, "iri-invalid", identifiers.iri, value)

    def outside(self, field: str, value: object) -> str | None:
        """Return an absolute web IRI that is not one of the hub's own, which only the hub may give; or None."""
        iri = self.iri(field, value)
        if iri is None or not iri.startswith(self.ctx.base_iri):
            return iri
        self.find(field, "iri-of-the-hub", iri, "only the hub itself gives IRIs that begin with its base")
        return None

    # --- IRIs

    @property
    def dataset_iri(self) -> str:
        """IRI of the dataset."""
        return iris.dataset(self.ctx.base_iri, self.archive_name, self.accession)

    def local(self, name: str) -> str:
        """Return the IRI of a node that belongs to this record only; it shows no e-mail address."""
        if text.has_email(unquote(name)):
            name = f"hidden-{self._hidden.setdefault(name, len(self._hidden) + 1)}"
        name = name.encode("utf-8", "replace").decode()
        return iris.node(self.ctx.base_iri, self.ctx.source.name, self.accession, name)

    def record_of(self, accession: str) -> str:
        """Return the dataset IRI of another accession of an archive that the hub knows.

        Raises:
            ValueError: not an accession of a known archive.
        """
        normal = archives.accession(accession)
        return iris.dataset(self.ctx.base_iri, archives.archive_of(normal), normal)

    # --- things

    def archive(self) -> Archive:
        """Return the archive that owns the dataset."""
        iri = iris.archive(self.ctx.base_iri, self.archive_name)
        known = archives.ARCHIVES.get(self.archive_name)
        if known is not None:
            return Archive(id=iri, name=known.title, url=known.homepage)
        option = self.ctx.source.options.get
        return Archive(id=iri, name=str(option("archive_title", self.archive_name)), url=option("archive_homepage"))

    def person(self, field: str, name: str | None, orcid: object, local: str, **more: Any) -> Person | None:
        """Return a person: shared by ORCID when it is a valid one, else a node of this record."""
        name = self.text(f"{field}.name", name)
        if name is None or name == text.REMOVED:
            self.find(field, "person-without-name", orcid or "", f"{field} has no name, so it is left out")
            return None
        iri = self.normal(f"{field}.orcid", "orcid-invalid", identifiers.orcid, orcid)
        return Person(id=iri or self.local(local), name=name, **more)

    def organization(self, field: str, name: str | None, ror: object, local: str, **more: Any) -> Organization | None:
        """Return an organisation: shared by ROR when it has one, else a node of this record."""
        name = self.text(f"{field}.name", name)
        if name is None or name == text.REMOVED:
            return None
        iri = self.normal(f"{field}.ror", "ror-invalid", identifiers.ror, ror)
        return Organization(id=iri or self.local(local), name=name, **more)

    def taxon(self, field: str, identifier: object, name: str | None, common: str | None = None) -> Taxon | None:
        """Return a taxon under its one IRI; the bundled scientific name wins over the archive's."""
        iri = self.normal(field, "taxon-invalid", identifiers.taxon, identifier)
        if iri is None:
            return None
        name = self._label(field, iri, self.text(field, name))
        return Taxon(id=iri, scientific_name=name, vernacular_name=self.text(field, common))

    def term(self, field: str, identifier: object, name: str | None, local: str) -> DefinedTerm | None:
        """Return an ontology term under its one IRI, or the archive's own wording as a node of this record."""
        iri = self.normal(field, "term-invalid", identifiers.term, identifier)
        name = self.text(f"{field}.name", name)
        if iri is None:
            return DefinedTerm(id=self.local(local), name=name) if name else None
        return DefinedTerm(id=iri, name=self._label(field, iri, name), term_code=identifiers.curie(iri))

    def wording(self, field: str, words: str | None, resolve: Callable[[str], str], local: str) -> DefinedTerm | None:
        """Return the term that a wording stands for, or the wording itself as a node of this record."""
        words = self.text(field, words)
        if words is None:
            return None
        try:
            return self.term(field, resolve(words), None, local)
        except ValueError:
            return DefinedTerm(id=self.local(local), name=words)

    def publication(self, field: str, iri: str | None, local: str, **more: Any) -> Publication:
        """Return a paper under its one IRI, or as a node of this record when it has no identifier."""
        return Publication(id=iri or self.local(local), **more)

    def _label(self, field: str, iri: str, name: str | None) -> str:
        known = terms.label(iri)
        if known is None:
            return name or identifiers.curie(iri)
        if name is not None and name.casefold() != known.casefold():
            message = f"{identifiers.curie(iri)} is called {known!r} in its ontology"
            self.find(field, "label-mismatch", name, message, known)
        return known


@cache
def model_table() -> dict[str, Any]:
    """Return the compiled classes and slots of the model."""
    text_of_table = files("linkml_schemas.generated").joinpath("slots.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text_of_table)
    return table


def property_iri(slot: str) -> str:
    """Return the IRI of the property that a slot of the model is written as.

    >>> property_iri("taxon")
    'http://schema.org/taxonomicRange'
    """
    return str(model_table()["slots"][slot]["iri"])


def slug(words: str) -> str:
    """Return a short stable name for a node, made of its wording; other wordings have other names.

    >>> slug("HeLa Kyoto, H2B-mCherry"), slug("C++")
    ('hela-kyoto-h2b-mcherry', 'c-cedb1b')
    """
    plain = text.drop_emails(words).casefold()
    folded = "".join(c if c.isalnum() else " " for c in plain)
    short = "-".join(folded.split())[:80]
    if len(folded) > 80 or any(not c.isalnum() and c not in " \n-_,.;:()/" for c in plain):
        short += "-" + hashlib.sha256(plain.encode(errors="replace")).hexdigest()[:6]
    return quote(short)


def _invisible(value: str) -> bool:
    return any((not c.isprintable() and c not in "\n\t\r\xa0") or "\ue000" <= c <= "\uf8ff" for c in set(value))
