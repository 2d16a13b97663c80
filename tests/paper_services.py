"""Europe PMC, Crossref, DataCite and doi.org's look-up of agencies on loopback, in their real shapes."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ELIFE = "10.7554/elife.26066"
EUROPEPMC: dict[str, dict[str, Any]] = {
    "MED:29087936": {
        "id": "29087936", "source": "MED", "pmid": "29087936", "pmcid": "PMC5663481", "doi": "10.7554/eLife.26066",
        "title": "Quantitative 3D-imaging for cell biology and <i>ecology</i> of environmental microbial eukaryotes.",
        "authorString": "Colin S, Coelho LP.",
        "authorList": {"author": [
            {"fullName": "Colin S", "authorId": {"type": "ORCID", "value": "0000-0002-1825-0097"},
             "authorAffiliationDetailsList": {"authorAffiliation": [{"affiliation": "At a@example.org."}]}},
            {"fullName": "Coelho LP"},
        ]},
        "journalInfo": {"journal": {"title": "eLife"}}, "pubYear": "2017", "firstPublicationDate": "2017-10-31",
        "pubTypeList": {"pubType": ["research-article", "Journal Article"]}, "abstractText": "not to be kept",
        "hasTMAccessionNumbers": "Y", "hasData": "Y", "isOpenAccess": "Y",
    },
    "MED:30000001": {
        "id": "30000001", "source": "MED", "pmid": "30000001", "title": "A paper without authors",
        "authorString": "Doe J, Roe R.", "pubYear": "2019", "pubTypeList": {"pubType": "Retracted Publication"},
        "hasTMAccessionNumbers": "N", "hasData": "N", "isOpenAccess": "N",
    },
    "PPR:PPR1": {"id": "PPR1", "source": "PPR", "doi": "10.1101/100001", "title": "A preprint", "pubYear": "2017",
                 "bookOrReportDetails": {"publisher": "bioRxiv"}},
}  # fmt: skip
ANNOTATIONS = {
    "MED:29087936": [
        {"prefix": "are available at ", "exact": "idr0015", "postfix": "and at", "tags": [{"name": "idr0015", "uri":
         "https://idr.openmicroscopy.org/search/?query=Name:idr0015"}], "type": "Accession Numbers",
         "section": "Methods (http://purl.org/orb/Methods)", "provider": "Europe PMC", "subType": "IDR"},
        {"exact": "W11261", "tags": [{"name": "W11261", "uri": "http://identifiers.org/ebi/ena.embl:W11261"}],
         "type": "Accession Numbers", "provider": "Europe PMC", "frequency": 0},
    ]
}  # fmt: skip
LINKS = {
    "MED/29087936": [
        ("ext_links", "IsReferencedBy", "http://www.ebi.ac.uk/biostudies/studies/S-BIAD595?x=1", "URL", "BioStudies"),
        ("tm_accession", "References", "EMPIAR-10310", "EMPIAR", "Europe PMC"),
        ("ext_links", "IsReferencedBy", "https://www.altmetric.com/details/1", "URL", "Altmetric"),
    ]
}  # fmt: skip
TEXT = b"""<article><front><abstract><p>Cells.</p></abstract></front><body><sec><title>Data availability</title>
<p>Code is open. Images are in the BioImage Archive as <ext-link>S-BIAD595</ext-link>. See S-BIAD5951 too.</p></sec>
</body></article>"""
CROSSREF = {
    ELIFE: {
        "DOI": "10.7554/eLife.26066", "type": "journal-article", "issued": {"date-parts": [[2017, 10, 31]]},
        "title": ["Quantitative 3D-imaging for cell biology and ecology of environmental microbial eukaryotes"],
        "author": [{"given": "Sebastien", "family": "Colin", "sequence": "first", "affiliation": [],
                    "ORCID": "http://orcid.org/0000-0002-1825-0097"}, {"name": "A consortium"}],
        "container-title": ["eLife"], "reference": [{"key": "1"}],
        "relation": {"is-supplemented-by": [{"id-type": "doi", "id": "10.6019/S-BIAD595", "asserted-by": "subject"}],
                     "has-review": [{"id-type": "doi", "id": "10.7554/eLife.26066.001", "asserted-by": "object"}]},
    },
    "10.1000/a,b": {"DOI": "10.1000/A,B", "type": "journal-article", "title": [], "issued": {"date-parts": [[None]]},
                    "updated-by": [{"DOI": "10.1000/r", "type": "retraction"}]},
}  # fmt: skip
AGENCIES = {"10.3980/x": "ISTIC", "10.5281/zenodo.1": "DataCite"}


def doi_record(doi: str, *related: tuple[str, str, str], kind: str = "Dataset") -> dict[str, Any]:
    """One DOI as DataCite lists it."""
    names = ("relationType", "relatedIdentifier", "relatedIdentifierType")
    told = [dict(zip(names, one, strict=True)) for one in related]
    attributes = {"doi": doi, "types": {"resourceTypeGeneral": kind}, "relatedIdentifiers": told, "creators": []}
    return {"id": doi, "type": "dois", "attributes": attributes}


class Services:
    """The services; a context manager.

    Attributes:
        url: address.
        asked: paths with their parameters, in order.
        dois: what DataCite lists.
        page_size: how many results and DOIs a page has.
        pace: limit and interval that headers tell, as Crossref's do.
        fails_after: how many requests are answered before all fail with status 500; None for all.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.dois: list[dict[str, Any]] = []
        self.fails_after: int | None = None
        self.page_size = 2
        self.pace = ("1000", "1s")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"services": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Services:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def paths(self, start: str) -> list[str]:
        """Return the paths that were asked and begin so."""
        return [path for path, _ in self.asked if path.startswith(start)]

    def answer(self, path: str, said: dict[str, str]) -> tuple[int, Any]:
        """Return status and answer: JSON, or bytes."""
        if self.fails_after is not None and len(self.asked) >= self.fails_after:
            return 500, {}
        self.asked.append((path, said))
        if path.endswith("/search"):
            return 200, self._search(said)
        if path.endswith("/annotationsByArticleIds"):
            return self._annotations(said)
        if path.endswith("/datalinks"):
            return 200, _datalinks(path)
        if path.endswith("/fullTextXML"):
            return (200, TEXT) if "PMC5663481" in path else (404, {})
        if path == "/works":
            found = [CROSSREF[one.removeprefix("doi:")] for one in said["filter"].split(",") if one[4:] in CROSSREF]
            return 200, {"status": "ok", "message-type": "work-list", "message": {"items": found}}
        if path.startswith("/works/"):
            found_ = CROSSREF.get(path.removeprefix("/works/"))
            return (200, {"status": "ok", "message": found_}) if found_ else (404, {})
        if path.startswith("/ra/"):
            doi = path.removeprefix("/ra/")
            return 200, [
                {"DOI": doi, "RA": AGENCIES[doi]} if doi in AGENCIES else {"DOI": doi, "status": "DOI does not exist"}
            ]
        if path == "/dois":
            return 200, self._dois(said)
        return 404, {}

    def _search(self, said: dict[str, str]) -> dict[str, Any]:
        query = said["query"]
        wanted = {found.lower() for found in re.findall(r'DOI:"([^"]+)"', query)}
        wanted |= set(re.findall(r"EXT_ID:(\d+)", query)) | set(re.findall(r"PMCID:(PMC\d+)", query))
        named = re.fullmatch(r'"([^"]+)"', query)
        hits = [
            hit
            for hit in EUROPEPMC.values()
            if wanted & {hit.get("doi", "").lower(), hit.get("pmid"), hit.get("pmcid")}
            or (named and named[1] in TEXT.decode() and hit.get("pmcid") == "PMC5663481")
        ]
        start = int(said["cursorMark"].removeprefix("*") or 0)
        following = start + self.page_size
        mark = f"*{following}" if following < len(hits) else said["cursorMark"]
        shown = hits[start:following]
        return {"version": "6.9", "hitCount": len(hits), "nextCursorMark": mark, "resultList": {"result": shown}}

    def _annotations(self, said: dict[str, str]) -> tuple[int, Any]:
        ids = said["articleIds"].split(",")
        if len(ids) > 8 or said["type"] != "Accession Numbers":
            return 400, {}
        known = [one for one in ids if one in ANNOTATIONS]
        found = [dict(zip(("source", "extId"), one.split(":"), strict=True)) for one in known]
        return 200, [{**one, "annotations": ANNOTATIONS[name]} for one, name in zip(found, known, strict=True)]

    def _dois(self, said: dict[str, str]) -> dict[str, Any]:
        start = int(said["page[cursor]"]) - 1
        following = f"{self.url}/dois?prefix={said['prefix']}&page[cursor]={start + self.page_size + 1}"
        shown = self.dois[start : start + self.page_size]
        links = {"self": self.url} | ({"next": following} if shown else {})
        return {"data": shown, "meta": {"total": len(self.dois)}, "links": links}


def _datalinks(path: str) -> dict[str, Any]:
    found = [
        {"ObtainedBy": how, "PublicationDate": "20-08-2026", "LinkProvider": {"Name": "Europe PMC"},
         "RelationshipType": {"Name": relation}, "Source": {"Type": {"Name": "literature"}},
         "Target": {"Type": {"Name": "dataset"}, "Identifier": {"ID": target, "IDScheme": scheme, "IDURL": target},
                    "Publisher": {"Name": publisher}}}
        for how, relation, target, scheme, publisher in LINKS.get("/".join(path.split("/")[-3:-1]), ())
    ]  # fmt: skip
    section = {"ObtainedBy": "", "SectionLinkCount": 24, "Linklist": {"Link": found}}
    return {"version": "6.9", "hitCount": 24, "dataLinkList": {"Category": [{"Name": "x", "Section": [section]}]}}


class _Handler(BaseHTTPRequestHandler):
    services: Services
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        parts = urlsplit(self.path)
        said = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, found = self.services.answer(unquote(parts.path), said)
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Rate-Limit-Limit", self.services.pace[0])
        self.send_header("X-Rate-Limit-Interval", self.services.pace[1])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Write nothing."""
