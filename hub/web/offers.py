"""Formats of pages: which one a caller gets, by suffix, ``?format=`` or Accept, and how quads are written in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import Request
from pyoxigraph import Quad, RdfFormat
from pyoxigraph import serialize as write
from werkzeug.datastructures import MIMEAccept

from hub import records
from hub.errors import NotAcceptableError

CRATE_PROFILE = "https://w3id.org/ro/crate"


@dataclass(frozen=True, slots=True)
class Offer:
    """One format of a page.

    Attributes:
        name: value of ``?format=``.
        media_type: its media type, without parameters.
        suffix: what is appended to the page's address to get it.
        rdf: the engine's format, for those that the engine writes.
        quads: whether it keeps the graphs, so that it tells who says what.
        parameters: parameters of the media type.
    """

    name: str
    media_type: str
    suffix: str
    rdf: RdfFormat | None = None
    quads: bool = False
    parameters: str = ""

    @property
    def content_type(self) -> str:
        """Value of the Content-Type header."""
        return self.media_type + self.parameters


UTF8 = "; charset=utf-8"
HTML = Offer("html", "text/html", ".html", parameters=UTF8)
JSON = Offer("json", "application/json", ".json")
JSONLD = Offer("jsonld", "application/ld+json", ".jsonld", RdfFormat.JSON_LD)
ROCRATE = Offer("ro-crate", "application/ld+json", ".ro-crate.json", parameters=f'; profile="{CRATE_PROFILE}"')
TURTLE = Offer("turtle", "text/turtle", ".ttl", RdfFormat.TURTLE, parameters=UTF8)
NTRIPLES = Offer("nt", "application/n-triples", ".nt", RdfFormat.N_TRIPLES)
RDFXML = Offer("rdfxml", "application/rdf+xml", ".rdf", RdfFormat.RDF_XML)
NQUADS = Offer("nq", "application/n-quads", ".nq", RdfFormat.N_QUADS, quads=True)
TRIG = Offer("trig", "application/trig", ".trig", RdfFormat.TRIG, quads=True, parameters=UTF8)

GRAPHS = (JSONLD, TURTLE, NTRIPLES, RDFXML, NQUADS, TRIG)
DATASET = (HTML, JSONLD, ROCRATE, TURTLE, NTRIPLES, RDFXML, NQUADS, TRIG)
OTHER_NAMES = {"ttl": "turtle", "json-ld": "jsonld", "rdf": "rdfxml", "rocrate": "ro-crate"}
_SUFFIXED = sorted((*DATASET, JSON), key=lambda o: -len(o.suffix))


def split_suffix(path: str) -> tuple[str, str | None]:
    """Return a path without its format's suffix, and the suffix.

    >>> split_suffix("S-BIAD824.ro-crate.json")
    ('S-BIAD824', '.ro-crate.json')
    """
    for offer in _SUFFIXED:
        if path.endswith(offer.suffix) and len(path) > len(offer.suffix):
            return path.removesuffix(offer.suffix), offer.suffix
    return path, None


def choose(request: Request, *offered: Offer, suffix: str | None = None) -> Offer:
    """Return the format that the caller wants: by suffix, else ``?format=``, else the Accept header.

    Raises:
        NotAcceptableError: none that is offered.
    """
    if suffix is not None:
        return _only(offered, "suffix", "." + suffix.lstrip("."))
    name = request.args.get("format")
    if name:
        return _only(offered, "name", OTHER_NAMES.get(name, name))
    return _accepted(request.headers.get("Accept", ""), request.accept_mimetypes, offered)


def _only(offered: Iterable[Offer], attribute: str, wanted: str) -> Offer:
    for offer in offered:
        if getattr(offer, attribute) == wanted:
            return offer
    raise NotAcceptableError(f"format: {wanted!r} is not offered here; there are {', '.join(o.name for o in offered)}")


def _accepted(header: str, accepted: MIMEAccept, offered: tuple[Offer, ...]) -> Offer:
    if not header.strip():
        return offered[0]
    if ROCRATE in offered and "ro/crate" in header:
        return ROCRATE
    by_type = {o.media_type: o for o in offered if o is not ROCRATE}
    if JSONLD in offered:
        by_type.setdefault(JSON.media_type, JSONLD)
    best = accepted.best_match(by_type)
    if best is None:
        raise NotAcceptableError(f"nothing that you accept is offered: ask for {', '.join(by_type)}")
    return by_type[best]


def serialize(quads: list[Quad], offer: Offer) -> bytes:
    """Return quads in the format of an offer, subject by subject; without graphs where the format has none."""
    assert offer.rdf is not None
    statements: Iterable[Any] = quads if offer.quads else dict.fromkeys(q.triple for q in quads)
    by_subject: dict[tuple[str, str], list[Any]] = {}
    for statement in statements:
        graph = str(statement.graph_name) if isinstance(statement, Quad) else ""
        by_subject.setdefault((graph, str(statement.subject)), []).append(statement)
    ordered = [statement for group in by_subject.values() for statement in group]
    return write(ordered, format=offer.rdf, prefixes=_prefixes(ordered)) or b""


def _prefixes(statements: list[Any]) -> dict[str, str]:
    """Return the prefixes that the statements make use of."""
    text = "\n".join(map(str, statements))
    named = ((k, v) for k, v in records.context().items() if isinstance(v, str) and v.endswith(("/", "#")))
    return {prefix: namespace for prefix, namespace in sorted(named) if f"<{namespace}" in text}
