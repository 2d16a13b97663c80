"""Every export by name: what it is called, its media type, and how it is made; the web and the commands read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from hub.config import Settings
from hub.links import exports_ebi, exports_papers, sssom
from hub.links.catalogue import Links
from hub.links.exports_papers import Provider
from hub.links.exports_rows import Row, count, rows
from hub.log import Log, now
from hub.routes import Precedence

Make = Callable[[Log, Links, Settings, Provider], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Export:
    """One export.

    Attributes:
        name: of the command, such as ``labslink``.
        file: its name on the web and in a folder.
        media_type: value of Content-Type.
        title: what it is, for people.
        make: yields its text, given the catalogue, the settings and the provider.
        identity: name and writer of a second document that is sent once, or None.
    """

    name: str
    file: str
    media_type: str
    title: str
    make: Make
    identity: tuple[str, Callable[[Provider], str]] | None = None


def _ebi(log: Log, links: Links, settings: Settings, provider: Provider) -> Iterator[str]:
    last = links.last_sequence()
    changed = links.changes_since(last - 1, 1) if last else []
    date = (changed[0].at if changed else now())[:10]
    yield from exports_ebi.dump(
        _rows(links, settings, whole=True), count(links), settings.base_iri, release=str(last), date=date
    )


def _rows(links: Links, settings: Settings, *, whole: bool = False) -> Iterator[Row]:
    return rows(links, Precedence.of(settings), whole=whole)


EXPORTS: Final[dict[str, Export]] = {
    export.name: export
    for export in (
        Export(
            "labslink",
            "labslink.xml",
            "application/xml",
            "links from papers in Europe PMC to datasets (LabsLink)",
            lambda log, links, settings, provider: exports_papers.labslink(_rows(links, settings), provider),
            ("providers.xml", exports_papers.labslink_providers),
        ),
        Export(
            "linkout",
            "linkout.xml",
            "application/xml",
            "links from papers in PubMed to datasets (LinkOut)",
            lambda log, links, settings, provider: exports_papers.linkout(_rows(links, settings), provider),
            ("providerinfo.xml", exports_papers.linkout_provider),
        ),
        Export("ebi-search", "ebi-search.xml", "application/xml", "all datasets for EBI Search", _ebi),
        Export(
            "accessions",
            "accessions.tsv",
            "text/tab-separated-values; charset=utf-8",
            "every accession with its papers",
            lambda log, links, settings, provider: exports_papers.accessions(_rows(links, settings)),
        ),
        Export(
            "scholix",
            "scholix.jsonl",
            "application/x-ndjson",
            "links of datasets and papers (Scholix 4)",
            lambda log, links, settings, provider: exports_papers.scholix(_rows(links, settings)),
        ),
        Export(
            "sssom",
            "sssom.tsv",
            "text/tab-separated-values; charset=utf-8",
            "which things are the same (SSSOM)",
            lambda log, links, settings, provider: sssom.export(log, links, settings.base_iri),
        ),
    )
}
