"""Formats of pages: which one a caller gets, by suffix, ``?format=`` or Accept, and how quads are written in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Request
from pyoxigraph import Quad
from pyoxigraph import serialize as write
from werkzeug.http import parse_accept_header

from hub import dcat, records
from hub.errors import NotAcceptableError
from hub.formats import (
    HTML,
    JSON,
    JSONLD,
    LINKSET_JSON,
    NQUADS,
    NTRIPLES,
    OF_DATASETS,
    PROFILES,
    RDFXML,
    ROCRATE,
    TRIG,
    TURTLE,
    Format,
    Profile,
    plain,
)

GRAPHS = (JSONLD, TURTLE, NTRIPLES, RDFXML, NQUADS, TRIG)
DATASET = (HTML, JSONLD, ROCRATE, TURTLE, NTRIPLES, RDFXML, NQUADS, TRIG, *OF_DATASETS)
ALTERNATES = "alt"  # asks which profiles there are
SUFFIXED = (HTML, JSON, ROCRATE, *GRAPHS)


def split_suffix(path: str, offered: Iterable[Format] = SUFFIXED) -> tuple[str, str | None]:
    """Return a path without its format's suffix, and the suffix.

    >>> split_suffix("S-BIAD824.ro-crate.json")
    ('S-BIAD824', '.ro-crate.json')
    """
    for offer in sorted(offered, key=lambda f: -len(f.suffix)):
        if path.endswith(offer.suffix) and len(path) > len(offer.suffix):
            return path.removesuffix(offer.suffix), offer.suffix
    return path, None


def choose(request: Request, *offered: Format, suffix: str | None = None) -> Format:
    """Return the format that the caller wants: by suffix, else ``?format=``, else by profile and the Accept header.

    A profile is named by ``?_profile=`` or ``Accept-Profile``; ``?_mediatype=`` stands for Accept.

    Raises:
        NotAcceptableError: none that is offered.

    Source: https://www.w3.org/TR/dx-prof-conneg/#qsa
    """
    if suffix is not None:
        return _only(offered, "." + suffix.lstrip("."))
    if name := request.args.get("format"):
        return _only(offered, name)
    accept = request.args.get("_mediatype", "").replace(" ", "+") or request.headers.get("Accept", "")
    if request.args.get("_profile") == ALTERNATES and LINKSET_JSON in offered:
        return LINKSET_JSON
    if profile := _profile(request, offered):
        return _within([offer for offer in offered if offer.profile is profile], accept)
    return _accepted(accept, offered)


def _only(offered: Iterable[Format], wanted: str) -> Format:
    folded = wanted.strip().lower().replace(" ", "+")  # a plus sign in a URL arrives as a space
    for offer in offered:
        if folded in (offer.name, offer.suffix, offer.media_type, *offer.aliases):
            return offer
    raise NotAcceptableError(f"format: {wanted!r} is not offered here; there are {', '.join(o.name for o in offered)}")


def _profile(request: Request, offered: Iterable[Format]) -> Profile | None:
    """Return the profile that the caller asks for; one named in a header that is not offered is as good as none."""
    there = [profile for profile in PROFILES if any(offer.profile is profile for offer in offered)]
    by_name = {name: profile for profile in there for name in (profile.name, profile.iri, *profile.also)}
    if wanted := request.args.get("_profile"):
        if wanted not in by_name:
            names = ", ".join(profile.name for profile in there) or "no profiles"
            raise NotAcceptableError(f"_profile: {wanted!r} is not offered here; there are {names}")
        return by_name[wanted]
    asked = parse_accept_header(request.headers.get("Accept-Profile", ""))
    return next((by_name[iri] for name in asked.values() if (iri := name.strip("<>")) in by_name), None)


def _within(offered: list[Format], accept: str) -> Format:
    """Return the format of one profile that an Accept header likes best, else the profile's first."""
    by_type = {offer.media_type: offer for offer in reversed(offered)}
    best = plain(accept).best_match([offer.media_type for offer in offered]) if accept.strip() else None
    return by_type[best] if best else offered[0]


def _accepted(header: str, offered: tuple[Format, ...]) -> Format:
    if not header.strip():
        return offered[0]
    if named := _by_parameter(header, offered):
        return named
    by_type: dict[str, Format] = {}
    for offer in offered:
        by_type.setdefault(offer.media_type, offer)
    for offer in offered:
        for alias in offer.aliases if offer in OF_DATASETS else ():
            by_type.update({alias: offer} if "/" in alias else {})
    if JSONLD in offered:
        by_type.setdefault(JSON.media_type, JSONLD)
    best = plain(header).best_match(by_type)
    if best is None:
        raise NotAcceptableError(f"nothing that you accept is offered: ask for {', '.join(by_type)}")
    return by_type[best]


def _by_parameter(header: str, offered: Iterable[Format]) -> Format | None:
    """Return the format that ``profile=`` in an Accept header names, of those whose Content-Type names one too."""
    if "profile" not in header:
        return None
    told = [o for o in offered if o.profile and "profile=" in o.parameters and o.media_type in header]
    return next((o for o in told if any(iri in header for iri in (o.profile.iri, *o.profile.also))), None)  # type: ignore[union-attr]


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
    known = {**dcat.PREFIXES, **records.context()}
    named = ((k, v) for k, v in known.items() if isinstance(v, str) and v.endswith(("/", "#")))
    return {prefix: namespace for prefix, namespace in sorted(named) if f"<{namespace}" in text}
