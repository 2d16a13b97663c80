"""What link rules read beside the records: the readers of the installed reference tables, by kind."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hub import references
from hub.config import Settings

# Each is a class with ``of(settings)``.
READERS = {
    "crossreferences": "hub.crossreferences:CrossReferences",
    "genes": "hub.genes:Genes",
    "mappings": "hub.links.terms:Mappings",
    "ontology": "hub.ontologies:Ontologies",
    "organisations": "hub.organisations:Organisations",
    "papers": "hub.papers:Papers",
    "people": "hub.people:People",
}


class Tables:
    """Reference tables of the settings; each kind is opened when it is first asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._readers: dict[str, Any] = {}

    def get(self, kind: str) -> Any:
        """Return the reader of all tables of a kind, or None where there is none of that kind."""
        if kind not in READERS:
            return None
        if kind not in self._readers:
            module, name = READERS[kind].split(":")
            self._readers[kind] = getattr(import_module(module), name).of(self._settings)
        return self._readers[kind]

    def version(self, kind: str) -> str:
        """Return what names the tables of a kind and their bytes and readers; empty where none is installed."""
        if (named := getattr(self.get(kind), "version", None)) is not None:
            return str(named)
        told = []
        for name, reference in self._settings.references.items():
            found = references.meta(self._settings, name) if reference.kind == kind else {}
            if found:
                told.append(f"{name} {found.get('sha256')} {found.get('reader')} {found.get('options')}")
        return "; ".join(told)
