"""SSBD, the Systems Science of Biological Dynamics database of RIKEN, from the archive's own two forms.

``rdf``: instances of the SSBD ontology, live https://github.com/openssbd/ssbd-ontology (see `harvesters.ssbd_dump` and
`harvesters.ssbd_rdf`). ``rest``: the service of quantitative data, or its saved pages (see `harvesters.ssbd_rest`). The
URL and the names of the files tell which it is, or the option ``route``. Either way a listing carries the payloads:
the archive publishes whole dumps and pages, and a payload is what they say of one project.

SSBD's RO-Crates are read by `harvesters.crates`; its record of the same project has the same dataset.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harvesters import files, ssbd_dump, ssbd_rdf, ssbd_rest
from harvesters.contract import Context, Entry, Harvested, Harvester, Http, Source, SourceError
from ontology import archives

HOME: Final = archives.ARCHIVES["ssbd"]


def entries(http: Http, source: Source) -> Iterator[Entry]:
    """Yield one entry for each project, with its payload, and for what cannot be published as one.

    Raises:
        SourceError: the source cannot be listed completely, or is neither of the two.
    """
    route = source.options.get("route")
    if route not in (None, "rdf", "rest"):
        raise SourceError(f"[sources.{source.name}] route: {route!r} is neither 'rdf' nor 'rest'")
    if route != "rdf" and ssbd_rest.API.match(source.url):
        return ssbd_rest.entries(http, source, None)
    listed = list(files.entries(http, source, ""))
    if route == "rest" or (route is None and not any(ssbd_dump.is_rdf(entry.key) for entry in listed)):
        return ssbd_rest.entries(http, source, listed)
    return ssbd_dump.entries(http, source, listed)


def fetch(http: Http, source: Source, entry: Entry) -> bytes:
    """Return the payload of an entry, which its listing carries.

    Raises:
        SourceError: the source does not list it any more.
    """
    found = entry if entry.payload is not None else next((e for e in entries(http, source) if e.key == entry.key), None)
    if found is None or found.payload is None:
        raise SourceError(f"{source.url} does not list {entry.key} any more")
    return found.payload


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    """Return the dataset that a payload of either route describes.

    Raises:
        RecordError: it describes none.
    """
    if raw.lstrip()[:1] in (b"{", b"["):
        return ssbd_rest.transform(raw, entry, ctx)
    return ssbd_rdf.transform(raw, entry, ctx)


HARVESTER = Harvester(
    name="ssbd",
    title="SSBD",
    homepage=HOME.homepage,
    licence=HOME.licence,
    entries=entries,
    fetch=fetch,
    transform=transform,
    version=2,
)
