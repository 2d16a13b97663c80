"""Europe PMC: papers by any identifier, the accessions that its text mining found in them, and their data links.

``europepmc`` asks about the papers that records name: in batches by identifier, and only where an answer's flags
promise something, for annotations (at most eight papers a call) and data links. ``europepmc-mentions`` asks which
papers name a dataset's accession, and reads the sentences of those whose full text is open.

Source: https://europepmc.org/RestfulWebService · https://europepmc.org/AnnotationsApi
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from urllib.parse import quote, unquote

from lxml import etree

from harvesters.contract import Attachment, Http, SourceError
from harvesters.references.contract import Reference, Row
from harvesters.references.papers_asking import Found, address, answer, batches, fetch, objects
from harvesters.references.papers_rows import (
    DOI,
    MENTIONS,
    PMC,
    PUBMED,
    Named,
    Work,
    answered,
    dataset,
    doi,
    ids,
    number,
    orcid,
    paper,
    said,
)
from ontology.text import clean

BATCH, ANNOTATED, MOST_HITS, PAGE_SIZE, MOST_PAGES = 25, 8, 50, 100, 200
ASSERTED = frozenset({"submission", "ext_links", "data_citation"})
RELATIONS = {"IsReferencedBy": "IsCitedBy", "References": "IsCitedBy"}
_KEPT = ("id", "source", "pmid", "pmcid", "doi", "title", "authorString", "pubYear", "firstPublicationDate")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z(\[])")


# --- asking


def fetch_papers(http: Http, reference: Reference) -> Attachment:
    """Ask about the papers that records name.

    Raises:
        SourceError: the service fails before its first answer.
    """
    return fetch(http, reference, lambda due: _papers(http, reference.url, due))


def fetch_mentions(http: Http, reference: Reference) -> Attachment:
    """Ask which papers name the accessions of the hub's datasets.

    Raises:
        SourceError: the service fails before its first answer.
    """
    return fetch(http, reference, lambda due: _mentions(http, reference.url, due))


def _papers(http: Http, base: str, due: list[str]) -> Iterator[Found]:
    for batch in batches(due, BATCH):
        hits = list(_search(http, base, " OR ".join(map(_term, batch))))
        found = {one: hit for one in batch if (hit := _hit_of(one, hits)) is not None}
        noted = _annotations(http, base, list(found.values()))
        for one in batch:
            if one in found:
                hit = found[one]
                links = _datalinks(http, base, hit) if hit.get("hasData") == "Y" else []
                yield one, {**_kept(hit), "annotations": noted.get(_article(hit), []), "links": links}
            else:
                yield one, None


def _term(iri: str) -> str:
    if iri.startswith(DOI):
        bare = unquote(iri.removeprefix(DOI)).replace('"', "")
        return f'DOI:"{bare}"'
    if iri.startswith(PUBMED):
        return f"(EXT_ID:{iri.removeprefix(PUBMED)} AND SRC:MED)"
    return f"PMCID:{iri.removeprefix(PMC)}"


def _search(http: Http, base: str, query: str, most: int = MOST_PAGES * PAGE_SIZE) -> Iterator[dict[str, Any]]:
    """Yield the results of a search; the last page is the one whose cursor is the one that it was asked with."""
    mark, seen = "*", 0
    while seen < most:
        said_ = {"query": query, "resultType": "core", "format": "json", "pageSize": min(PAGE_SIZE, most)}
        page = answer(http, address(base, "webservices/rest/search", **said_, cursorMark=mark))
        hits = objects(page, "resultList", "result")
        if not isinstance(page, dict) or "hitCount" not in page:
            raise SourceError(f"{base}: what came is no answer of a search")
        yield from hits
        seen += len(hits)
        following = page.get("nextCursorMark")
        if not hits or following in (None, mark) or seen >= page["hitCount"]:
            return
        mark = following


def _hit_of(iri: str, hits: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the result that has an identifier; of several, such as a preprint's versions, PubMed's."""
    same = [hit for hit in hits if iri in _spellings(hit)]
    return min(same, key=lambda hit: hit.get("source") != "MED", default=None)


def _spellings(hit: Mapping[str, Any]) -> set[str | None]:
    return {paper(written_doi=hit.get("doi")), paper(pmid=hit.get("pmid")), paper(pmcid=hit.get("pmcid"))} - {None}


def _article(hit: Mapping[str, Any]) -> str:
    return f"{hit.get('source')}:{hit.get('id')}"


def _annotations(http: Http, base: str, hits: list[dict[str, Any]]) -> dict[str, list[dict[str, str]]]:
    """Return what text mining found of our archives' accessions, by article; unknown articles are left out there."""
    asked = sorted({_article(hit) for hit in hits if hit.get("hasTMAccessionNumbers") == "Y"})
    found: dict[str, list[dict[str, str]]] = {}
    for batch in batches(asked, ANNOTATED):
        parameters = {"articleIds": ",".join(batch), "type": "Accession Numbers", "format": "JSON"}
        told = answer(http, address(base, "annotations_api/annotationsByArticleIds", **parameters))
        for article in objects({"all": told}, "all"):
            noted = [_annotation(one) for one in objects(article, "annotations") if _names(one)]
            found[f"{article.get('source')}:{article.get('extId')}"] = noted
    return found


def _names(annotation: Mapping[str, Any]) -> bool:
    return any(dataset(text) for text in _written(annotation))


def _written(annotation: Mapping[str, Any]) -> Iterator[str]:
    yield str(annotation.get("exact", ""))
    for tag in objects(annotation, "tags"):
        yield from (str(tag.get(name, "")) for name in ("name", "uri"))


def _annotation(annotation: Mapping[str, Any]) -> dict[str, str]:
    written = next(text for text in _written(annotation) if dataset(text))
    section = str(annotation.get("section") or "").partition(" (")[0]
    return {"written": written, "section": section, "quote": quoted(annotation)}


def quoted(annotation: Mapping[str, Any]) -> str:
    """Return an annotation with what stands round it; blanks at its ends and a repeated word come in every way.

    >>> quoted({"prefix": "deposited in ", "exact": "EMPIAR-10310", "postfix": "EMPIAR-10310 and EMDB"})
    'deposited in EMPIAR-10310 and EMDB'
    """
    before, exact, after = (clean(str(annotation.get(name) or "")).strip() for name in ("prefix", "exact", "postfix"))
    last = exact.rpartition(" ")[2]
    if last and after.startswith(last):
        after = after.removeprefix(last).lstrip()
    return " ".join(part for part in (before, exact, after) if part)


def _datalinks(http: Http, base: str, hit: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the links from a paper to our archives' datasets; one that the service refuses has none."""
    url = address(base, f"webservices/rest/{hit['source']}/{hit['id']}/datalinks", format="json")
    try:
        told = answer(http, url)
    except SourceError as err:
        if err.status == 404:
            return []
        raise
    return [
        link
        for category in objects(told, "dataLinkList", "Category")
        for section in objects(category, "Section")
        for one in objects(section, "Linklist", "Link")
        for link in _link(one)
    ]


def _link(link: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    target, identifier = link.get("Target") or {}, (link.get("Target") or {}).get("Identifier") or {}
    for text in (identifier.get("ID"), identifier.get("IDURL")):
        if text and dataset(str(text)):
            provider = (target.get("Publisher") or {}).get("Name") or (link.get("LinkProvider") or {}).get("Name")
            relation = str((link.get("RelationshipType") or {}).get("Name", ""))
            how = str(link.get("ObtainedBy", ""))
            yield {"written": str(text), "relation": relation, "how": how, "provider": str(provider or "")}
            return


def _kept(hit: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is read of a result: no abstract, no addresses of authors."""
    people = [
        {"name": one.get("fullName") or one.get("collectiveName"), "orcid": (one.get("authorId") or {}).get("value")}
        for one in objects(hit, "authorList", "author")
    ]
    journal = ((hit.get("journalInfo") or {}).get("journal") or {}).get("title")
    server = (hit.get("bookOrReportDetails") or {}).get("publisher")
    kinds = (hit.get("pubTypeList") or {}).get("pubType") or []
    more = {"authors": people, "journal": journal or server, "kinds": [kinds] if isinstance(kinds, str) else kinds}
    return {name: hit[name] for name in _KEPT if name in hit} | more


# --- papers that name an accession


def _mentions(http: Http, base: str, due: list[str]) -> Iterator[Found]:
    for accession in due:
        hits = list(_search(http, base, f'"{accession}"', MOST_HITS))
        papers = [{**_kept(hit), "passages": _passages(http, base, hit, accession)} for hit in hits]
        yield accession, {"papers": papers} if papers else None


def _passages(http: Http, base: str, hit: Mapping[str, Any], accession: str) -> list[dict[str, str]]:
    """Return the sentences that name an accession; none where the full text is not open."""
    if hit.get("isOpenAccess") != "Y" or not number(hit.get("pmcid")):
        return []
    try:
        text = http.get(address(base, f"webservices/rest/{quote(str(hit['pmcid']))}/fullTextXML"))
    except SourceError as err:
        if err.status == 404:
            return []
        raise
    return sentences(text, accession)


def sentences(text: bytes, accession: str, most: int = 3) -> list[dict[str, str]]:
    """Return section and sentence of where a full text in JATS names an accession; nothing of broken XML.

    >>> sentences(b"<article><sec><title>Data</title><p>Images. They are S-BIAD7.</p></sec></article>", "S-BIAD7")
    [{'section': 'Data', 'quote': 'They are S-BIAD7.'}]
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=False)
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError:
        return []
    whole = re.compile(rf"(?<![\w-]){re.escape(accession)}(?!\w|-\w)", re.IGNORECASE)
    found = []
    for paragraph in root.iter("{*}p", "{*}mixed-citation", "{*}article-title"):
        words = " ".join("".join(map(str, paragraph.itertext())).split())
        for sentence in _SENTENCE.split(words) if whole.search(words) else ():
            if whole.search(sentence):
                found.append({"section": _section(paragraph), "quote": sentence})
    return found[:most]


def _section(paragraph: Any) -> str:
    for part in paragraph.iterancestors("{*}sec", "{*}abstract", "{*}ack", "{*}ref-list"):
        title = part.find("{*}title")
        if title is not None:
            return " ".join("".join(map(str, title.itertext())).split())
    return ""


# --- reading


def read_papers(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of kept answers on papers.

    Raises:
        ValueError: not such answers.
    """
    yield from answered(stream, _paper_rows)


def read_mentions(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of kept answers on accessions.

    Raises:
        ValueError: not such answers.
    """
    yield from answered(stream, _mention_rows)


def _paper_rows(iri: str, hit: Mapping[str, Any]) -> Iterator[Row]:
    named = paper(hit.get("pmid"), hit.get("pmcid"), hit.get("doi")) or iri
    yield from _work_rows(named, hit)
    for one in objects(hit, "annotations"):
        if target := dataset(one["written"]):
            where = ("Europe PMC text mining", one["written"], one.get("section", ""), one.get("quote", ""))
            yield Named(target, named, MENTIONS, *where).row()
    for one in objects(hit, "links"):
        if target := dataset(one["written"]):
            is_said = one["how"] in ASSERTED
            relation = RELATIONS.get(one["relation"], one["relation"]) if is_said else MENTIONS
            provider = one["provider"] if is_said else "Europe PMC text mining"
            yield Named(target, named, relation, provider, one["written"]).row()


def _mention_rows(accession: str, told: Mapping[str, Any]) -> Iterator[Row]:
    target = dataset(accession)
    for hit in objects(told, "papers"):
        named = paper(hit.get("pmid"), hit.get("pmcid"), hit.get("doi"))
        if target and named:
            yield from _work_rows(named, hit)
            for passage in objects(hit, "passages") or [{}]:
                where = (passage.get("section", ""), passage.get("quote", ""))
                yield Named(target, named, MENTIONS, "Europe PMC full text search", accession, *where).row()


def _work_rows(named: str, hit: Mapping[str, Any]) -> Iterator[Row]:
    yield from ids(hit.get("pmid"), hit.get("pmcid"), doi(hit.get("doi")))
    people = [(said(one.get("name")), orcid(one.get("orcid"))) for one in objects(hit, "authors")]
    if not people and hit.get("authorString"):
        people = [(said(name), None) for name in str(hit["authorString"]).rstrip(".").split(", ")]
    kinds = [str(kind) for kind in hit.get("kinds") or ()]
    yield Work(
        id=named,
        title=said(hit.get("title")),
        authors=tuple((name, iri) for name, iri in people if name),
        journal=said(hit.get("journal")),
        published=hit.get("firstPublicationDate") or hit.get("pubYear"),
        kind=kinds[0] if kinds else None,
        is_retracted=any(kind.casefold() == "retracted publication" for kind in kinds),
    ).row()
