"""Formats of pages: which one a caller gets, by suffix, ``?format=`` or Accept, and how quads are written in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Request
from pyoxigraph import Quad
from pyoxigraph import serialize as write

from hub import records
from hub.errors import NotAcceptableError
from hub.formats import HTML, JSON, JSONLD, NQUADS, NTRIPLES, RDFXML, ROCRATE, TRIG, TURTLE, Format, plain

GRAPHS = (JSONLD, TURTLE, NTRIPLES, RDFXML, NQUADS, TRIG)
DATASET = (HTML, JSONLD, ROCRATE, TURTLE, NTRIPLES, RDFXML, NQUADS, TRIG)
_SUFFIXED = sorted((*DATASET, JSON), key=lambda f: -len(f.suffix))


def split_suffix(path: str) -> tuple[str, str | None]:
    """Return a path without its format's suffix, and the suffix.

    >>> split_suffix("S-BIAD824.ro-crate.json")
    ('S-BIAD824', '.ro-crate.json')
    """
    for offer in _SUFFIXED:
        if path.endswith(offer.suffix) and len(path) > len(offer.suffix):
            return path.removesuffix(offer.suffix), offer.suffix
    return path, None


def choose(request: Request, *offered: Format, suffix: str | None = None) -> Format:
    """Return the format that the caller wants: by suffix, else ``?format=``, else the Accept header.

    Raises:
        NotAcceptableError: none that is offered.
    """
    if suffix is not None:
        return _only(offered, "." + suffix.lstrip("."))
    if name := request.args.get("format"):
        return _only(offered, name)
    return _accepted(request.headers.get("Accept", ""), offered)


def _only(offered: Iterable[Format], wanted: str) -> Format:
    folded = wanted.strip().lower().replace(" ", "+")  # a plus sign in a URL arrives as a space
    for offer in offered:
        if folded in (offer.name, offer.suffix, offer.media_type, *offer.aliases):
            return offer
    raise NotAcceptableError(f"format: {wanted!r} is not offered here; there are {', '.join(o.name for o in offered)}")


def _accepted(header: str, offered: tuple[Format, ...]) -> Format:
    if not header.strip():
        return offered[0]
    if ROCRATE in offered and "ro/crate" in header:
        return ROCRATE
    by_type = {o.media_type: o for o in offered if o is not ROCRATE}
    if JSONLD in offered:
        by_type.setdefault(JSON.media_type, JSONLD)
    best = plain(header).best_match(by_type)
    if best is None:
        raise NotAcceptableError(f"nothing that you accept is offered: ask for {', '.join(by_type)}")
    return by_type[best]


def serialize(quads: list[Quad], offer: Format) -> bytes:
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
