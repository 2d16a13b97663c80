"""What machines get of a dataset's page: a writer for each format, and the links that lead to them.

The links are FAIR Signposting's: level 1 in the Link header and in the head of the page, level 2 as a link set.

Source: https://signposting.org/FAIR/ · https://www.rfc-editor.org/rfc/rfc9264 · https://www.w3.org/TR/dx-prof-conneg/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Request
from werkzeug.urls import iri_to_uri

from hub import citations, croissant, datacite, dcat, formats, rocrate, schemaorg
from hub.describe import Description
from hub.errors import NotAcceptableError
from hub.formats import Format
from hub.web import offers

_STYLE = re.compile(r"text/x-bibliography\s*;\s*style=\"?([\w-]+)")  # Source: https://citation.doi.org/docs.html
HEADER_BYTES = 7168  # servers cut a Link header off at 8 kB
MANY = ("author", "item")  # relations of which a page may have hundreds


@dataclass(frozen=True, slots=True)
class Link:
    """A typed link of a dataset's page: target, relation, media type and profile of the target."""

    href: str
    rel: str
    type: str = ""
    profile: str = ""


# --- formats ------------------------------------------------------------------------------------------------------


def changed(found: Description) -> str | None:
    """Return when the hub last took a changed record of a dataset, as ISO 8601."""
    dates = [source.date_changed for source in found.sources if source.date_changed]
    return max(dates).isoformat() if dates else None


def style(request: Request, offer: Format) -> str:
    """Return the citation style that the caller wants, where the format has a citation in a style; else "".

    It is named by ``?style=``, or for a plain citation by a parameter of the media type in Accept, as doi.org has it.

    Raises:
        NotAcceptableError: there is no such style.
    """
    if offer not in (formats.HTML, formats.CITATION):
        return ""
    asked = _STYLE.search(request.headers.get("Accept", "")) if offer is formats.CITATION else None
    wanted = request.args.get("style") or (asked[1] if asked else "apa")
    if wanted not in citations.STYLES:
        raise NotAcceptableError(f"style: {wanted!r} is not offered here; there are {', '.join(citations.STYLES)}")
    return wanted


def write(found: Description, offer: Format) -> str | bytes:
    """Return a dataset in a format that neither people's pages nor a citation style make."""
    return WRITERS[offer.name](found, offer)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _graph(found: Description, offer: Format) -> bytes:
    return offers.serialize(schemaorg.page_quads(found.record, changed(found)), offer)


def _quads(found: Description, offer: Format) -> bytes:
    return offers.serialize(found.quads, offer)


def _dcat(found: Description, offer: Format) -> bytes:
    return offers.serialize(dcat.of(found.record, changed(found)), offer)


# name of a format: what writes it
WRITERS: dict[str, Callable[[Description, Format], str | bytes]] = {
    formats.JSONLD.name: lambda found, _: _json(schemaorg.page_jsonld(found.record, changed(found))),
    formats.TURTLE.name: _graph,
    formats.NTRIPLES.name: _graph,
    formats.RDFXML.name: _graph,
    formats.NQUADS.name: _quads,
    formats.TRIG.name: _quads,
    formats.ROCRATE.name: lambda found, _: _json(rocrate.crate(found.record)),
    formats.SCHEMAORG.name: lambda found, _: _json(schemaorg.embedded(found.record, changed(found))),
    formats.CROISSANT_JSON.name: lambda found, _: _json(croissant.of(found.record)),
    formats.DATACITE_JSON.name: lambda found, _: _json(datacite.of(found.record)),
    formats.DATACITE_XML.name: lambda found, _: datacite.xml(found.record),
    formats.DCAT_TURTLE.name: _dcat,
    formats.DCAT_JSONLD.name: _dcat,
    formats.DCAT_RDFXML.name: _dcat,
    formats.CSL.name: lambda found, _: _json(citations.csl(found.record)),
    formats.BIBTEX.name: lambda found, _: citations.bibtex([found.record]),
    formats.RIS.name: lambda found, _: citations.ris([found.record]),
    formats.LINKSET_JSON.name: lambda found, _: linkset_json(found),
    formats.LINKSET.name: lambda found, _: linkset(found),
}


# --- links --------------------------------------------------------------------------------------------------------


def links(found: Description) -> list[Link]:
    """Return every link of a dataset's page, with whole addresses under the hub's base IRI."""
    return list(dict.fromkeys(link for link in _links(found) if link.href.startswith(("http://", "https://"))))


def _links(found: Description) -> Iterator[Link]:
    record = found.record
    yield Link(citations.address(record), "cite-as")
    yield from (Link(schemaorg.SCHEMA + kind, "type") for kind in ("AboutPage", "Dataset"))
    if record.license:
        yield Link(record.license, "license")
    yield Link(record.archive.id, "collection", formats.HTML.media_type)
    yield Link(record.id, "canonical")
    yield from (Link(record.id, relation) for relation in ("original", "timegate"))
    yield Link("/timemap/dataset/".join(record.id.rsplit("/dataset/", 1)), "timemap", "application/link-format")
    for offer in formats.LINKSETS:
        yield Link(record.id + offer.suffix, "linkset", offer.media_type)
    for offer in offers.DATASET:
        if offer is not formats.HTML and offer not in formats.LINKSETS:
            yield Link(record.id + offer.suffix, "describedby", offer.media_type, _profile(offer))
    for author in record.author or []:
        if "#" not in author.id:
            yield Link(author.id, "author")
    for item in record.distribution or []:
        if address := item.content_url or item.access_url:
            yield Link(address, "item")


def _profile(offer: Format) -> str:
    return offer.profile.iri if offer.profile else ""


def signposts(found: Description) -> list[Link]:
    """Return the links of the Link header and of the page's head.

    Where they are too many for a header, authors and items stand in the link set alone, which has them all in any case.
    """
    whole = links(found)
    if len(header(whole, "")) <= HEADER_BYTES:
        return whole
    return [link for link in whole if link.rel not in MANY]


def header(given: list[Link], base: str, root: str = "") -> str:
    """Return links as the value of a Link header; those under ``base`` relative to the address of the request.

    Source: https://www.rfc-editor.org/rfc/rfc8288#section-3
    """
    return ", ".join(_written(link, local(link.href, base, root) if link.rel != "canonical" else "") for link in given)


def local(href: str, base: str, root: str = "") -> str:
    """Return the address of one of the hub's own things on this server, any other as it is."""
    return f"{root}/{href.removeprefix(base)}" if base and href.startswith(base) else href


def _written(link: Link, href: str = "", anchor: str = "") -> str:
    parameters = {"rel": link.rel, "type": link.type, "profile": link.profile, "anchor": anchor}
    named = [f'; {name}="{value}"' for name, value in parameters.items() if value]
    return f"<{iri_to_uri(href or link.href)}>" + "".join(named)


def linkset(found: Description) -> str:
    """Return the links of a page as a link set in the format of the Link header."""
    return ",\n".join(_written(link, anchor=found.record.id) for link in links(found)) + "\n"


def linkset_json(found: Description) -> str:
    """Return the links of a page, and of each description of it that it is one, as a link set in JSON."""
    context: dict[str, Any] = {"anchor": found.record.id}
    described: list[dict[str, Any]] = []
    for link in links(found):
        context.setdefault(link.rel, []).append(_target(link))
        if link.rel == "describedby":
            back = Link(found.record.id, "describes", formats.HTML.media_type)
            described.append({"anchor": link.href, "describes": [_target(back)]})
    return _json({"linkset": [context, *described]})


def _target(link: Link) -> dict[str, str]:
    """Return a target object; its profile is a plain text, as Signposting has it."""
    target = {"href": iri_to_uri(link.href), "type": link.type, "profile": link.profile}
    return {name: value for name, value in target.items() if value}
