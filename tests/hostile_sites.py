"""Stand-ins for the archives in their live shapes, one for each door of each harvester; `hostile_server` serves them.

A site answers from its documents, which are those of the demonstration. Whatever says that something has changed (hash,
date, ETag) is told from them, as in the archive: a test that changes a document changes that too.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, unquote, urlsplit

from harvesters.contract import Source
from harvesters.files import git_blob_hash
from tests.stubborn_server import Asked

DEMO: Final = Path(__file__).parents[1] / "hub" / "demo"
FIXTURES: Final = Path(__file__).parent / "archives"
LONG_AGO: Final = "Wed, 21 Oct 2026 07:28:00 GMT"


@dataclass(frozen=True)
class Reply:
    """An answer, before a fault meets it."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def sent(body: Any, **headers: str) -> Reply:
    """Return an answer of bytes, or of anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(raw, 200, {name.replace("_", "-"): value for name, value in headers.items()})


def tagged(body: Any, *, modified: bool = False) -> Reply:
    """Return an answer with an ETag, and a Last-Modified if asked for."""
    reply = sent(body)
    dates = {"Last-Modified": LONG_AGO} if modified else {}
    return Reply(reply.body, 200, {"ETag": f'"{hashlib.md5(reply.body, usedforsecurity=False).hexdigest()}"', **dates})


ABSENT: Final = Reply(b'{"message": "Not Found"}', 404)


def folder(path: Path, *suffixes: str) -> dict[str, bytes]:
    """Return the files below a folder by their path."""
    found = (p for p in sorted(path.rglob("*")) if p.is_file() and p.name.endswith(suffixes or ("",)))
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in found}


class Site:
    """One archive.

    Attributes:
        name: of the stand-in.
        harvester: that reads it.
        archive: whose records they are.
        where: what ``url`` of the source is below the server's address.
        options: of the source; ``{url}`` in them is the server's address.
        listing: pattern of the request (method, path, body) for the beginning of the listing.
        second: pattern of the request for a later page of it, if any.
        payload: pattern of the request for the payload of one entry, if the listing does not carry the payloads.
        others: patterns of further requests, each of which a part of the records needs.
        optional: patterns of requests for what an archive may well not have.
        again: requests of a run that finds nothing changed, and how many of them are answered 304.
        records: how many are published of an undisturbed archive.
        is_shared: whether one document tells of several records.
        documents: what it holds, by name.
        twist: what is wrong with its listing, see `page`.
        url: the server's address.
        size: entries on a page of the listing.
    """

    name = ""
    harvester = ""
    archive = ""
    where = ""
    options: ClassVar[dict[str, Any]] = {}
    listing = ""
    second: str | None = None
    payload: str | None = None
    others: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    again = (0, 0)
    records = 0
    is_shared = False
    size = 0

    def __init__(self) -> None:
        self.documents = self.held()
        self.good = dict(self.documents)
        self.twist = ""
        self.url = ""

    def held(self) -> dict[str, bytes]:
        """Return what an undisturbed archive holds."""
        raise NotImplementedError

    def answer(self, asked: Asked) -> Reply:
        """Return the answer to a request."""
        raise NotImplementedError

    def mend(self) -> None:
        """Undo every change."""
        self.documents = dict(self.good)
        self.twist = ""

    def source(self, url: str) -> Source:
        """Return the configured source of a server's address."""
        self.url = url
        options = {k: v.replace("{url}", url) if isinstance(v, str) else v for k, v in self.options.items()}
        where = self.where if self.where.startswith("https:") else url + self.where
        return Source(self.name, self.harvester, self.archive, where, options)

    def places(self) -> dict[str, str]:
        """Return the patterns of the requests that a fault may meet, by name."""
        named = {"listing": self.listing, "second": self.second, "payload": self.payload}
        further = {f"other{number}": pattern for number, pattern in enumerate(self.others, 1)}
        further |= {f"optional{number}": pattern for number, pattern in enumerate(self.optional, 1)}
        return {name: pattern for name, pattern in (named | further).items() if pattern}

    def names(self) -> list[str]:
        """Return the names of the documents that are listed, as far as the listing is true."""
        listed = [name for name in self.documents if self.is_listed(name)]
        match self.twist:
            case "empty":
                return []
            case "reordered":
                return listed[::-1]
            case "twice":
                return [name for name in listed for _ in range(2)]
            case "dropped":
                return listed[: len(listed) // 2]
            case _:
                return listed

    def is_listed(self, name: str) -> bool:
        """Tell the documents that are entries of the listing."""
        return True

    def page(self, number: int) -> tuple[list[str], bool]:
        """Return the names on a page (from 0), and whether there is another.

        Twists: a page is ``repeated`` for ever, or empty pages go on for ever (``endless``).
        """
        names = self.names()
        if self.twist == "repeated":
            return names[: self.size], True
        if self.twist == "endless" and number * self.size >= len(names):
            return [], True
        return names[number * self.size : (number + 1) * self.size], (number + 1) * self.size < len(names)


TWISTS: Final = ("empty", "reordered", "twice", "dropped", "repeated", "endless")


def revision(body: bytes) -> int:
    """Return a number that changes with a document."""
    return zlib.crc32(body) % 86_400


# --- GitHub --------------------------------------------------------------------------------------------------------


def tarball(top: str, files: Mapping[str, bytes]) -> bytes:
    """Return what GitHub's codeload sends."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        for path, data in files.items():
            member = tarfile.TarInfo(f"{top}/{path}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    packed = bytearray(out.getvalue())
    packed[4:8] = bytes(4)  # the time of packing
    return bytes(packed)


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return out.getvalue()


class Repository(Site):
    """A repository on GitHub: its tree, raw files, and for one that is too large its tarball."""

    harvester = "crates"
    options: ClassVar = {"github_api": "{url}/api", "github_raw": "{url}/raw", "github_tarball": "{url}/codeload"}
    listing = r"^GET /api/repos/.*/git/trees/"
    is_large = False

    def answer(self, asked: Asked) -> Reply:
        path = unquote(urlsplit(asked.path).path)
        place = re.fullmatch(r"/(?:api/repos|raw|codeload)/[^/]+/[^/]+/(git/trees/HEAD|tar\.gz/HEAD|HEAD/(.*))", path)
        if place is None:
            return ABSENT
        if place[1] == "git/trees/HEAD":
            return tagged({"sha": "HEAD", "url": self.url, "tree": self.tree(), "truncated": self.is_large})
        if place[1] == "tar.gz/HEAD":
            return tagged(tarball("repository-HEAD", {name: self.documents[name] for name in self.names()}))
        found = self.documents.get(place[2])
        return ABSENT if found is None else tagged(found)

    def tree(self) -> list[dict[str, Any]]:
        """Return the items of the tree."""
        names = self.names()[:1] if self.is_large else self.names()
        blobs = [
            {"path": n, "mode": "100644", "type": "blob", "sha": git_blob_hash(d), "size": len(d), "url": self.url}
            for n, d in ((name, self.documents[name]) for name in names)
        ]
        return [{"path": "folder", "mode": "040000", "type": "tree", "sha": "0" * 40, "url": self.url}, *blobs]


class Crates(Repository):
    name, archive, where = "crates", "bia", "https://github.com/BioImage-Archive/crates"
    payload = r"^GET /raw/.*/S-BIAD1104"
    again, records = (1, 1), 14

    def held(self) -> dict[str, bytes]:
        return folder(DEMO / "bia")


class CratesOfTarball(Repository):
    name, archive, where = "crates-tarball", "ssbd", "https://github.com/openssbd/crates"
    second, is_large = r"^GET /codeload/", True
    again, records = (2, 2), 11

    def held(self) -> dict[str, bytes]:
        return folder(DEMO / "ssbd")


class Zip(Site):
    """A zip at an address."""

    harvester, where, listing = "crates", "/download/all.zip", r"^GET /download/"
    again = (1, 1)

    def answer(self, asked: Asked) -> Reply:
        if asked.path != self.where:
            return ABSENT
        return tagged(packed({name: self.documents[name] for name in dict.fromkeys(self.names())}), modified=True)


class CratesOfZip(Zip):
    name, archive, records = "crates-zip", "idr", 14

    def held(self) -> dict[str, bytes]:
        return folder(DEMO / "idr")


class Submissions(Zip):
    name, harvester, archive, records = "submissions", "submissions", "hub", 3

    def held(self) -> dict[str, bytes]:
        return folder(DEMO / "submissions", ".json", ".tsv")


class SsbdRdf(Repository):
    """The whole dump is the listing."""

    name, harvester, archive = "ssbd-rdf", "ssbd", "ssbd"
    where = "https://github.com/openssbd/ssbd-ontology"
    second = r"^GET /raw/.*repository"
    again, records, is_shared = (5, 5), 3, True

    def held(self) -> dict[str, bytes]:
        return folder(DEMO / "ssbd-rdf")


class Idr(Site):
    """An organisation on GitHub: each study in a repository of its own, one in the shared repository."""

    name, harvester, archive = "idr", "idr", "idr"
    where = "https://github.com/IDR"
    options = Repository.options
    listing, second = r"^GET /raw/IDR/idr\.openmicroscopy\.org/HEAD/_data/studies\.tsv", r"[?&]page=2"
    payload = r"^GET /codeload/IDR/idr0094-"
    others = (r"^GET /api/repos/IDR/idr-metadata/", r"^GET /codeload/IDR/idr-metadata/")
    optional = (r"/download_urls\.tsv",)
    again, records, size, is_shared = (5, 5), 3, 100, True
    shared = "idr0002-heriche-condensation"

    def held(self) -> dict[str, bytes]:
        return folder(DEMO / "idr-studies")

    def is_listed(self, name: str) -> bool:
        return "-study.txt" in name and self.shared not in name

    def study(self, directory: str) -> dict[str, bytes]:
        """Return the files of a study by their path in it."""
        cut = {re.sub(r"^(?:studies|annotations)/", "", name): data for name, data in self.documents.items()}
        return {k.partition("/")[2]: v for k, v in cut.items() if k.startswith(f"{directory}/")}

    def stamp(self, directory: str) -> int:
        """Return a number that changes with a study."""
        return revision(b"\0".join(self.study(directory).values()))

    def answer(self, asked: Asked) -> Reply:
        parts = urlsplit(asked.path)
        if listed := re.fullmatch(r"/raw/IDR/idr\.openmicroscopy\.org/HEAD/_data/([\w.]+)", parts.path):
            return tagged(self.documents[f"website/{listed[1]}"])
        if parts.path == "/api/orgs/IDR/repos":
            return tagged(self.repositories(int(parse_qs(parts.query)["page"][0]) - 1))
        if parts.path == "/api/repos/IDR/idr-metadata/git/trees/HEAD":
            sha = f"{self.stamp(self.shared):040x}"
            module = {"path": "idr0094-ellinger-sarscov2", "mode": "160000", "type": "commit", "sha": "0" * 40}
            return tagged({"tree": [{"path": self.shared, "type": "tree", "sha": sha}, module], "truncated": False})
        if (repository := re.fullmatch(r"/codeload/IDR/([\w-]+)/tar\.gz/HEAD", parts.path)) is None:
            return ABSENT
        below = f"{self.shared}/" if repository[1] == "idr-metadata" else ""
        files = self.study(self.shared if below else repository[1])
        return tagged(tarball("IDR-HEAD", {below + path: data for path, data in files.items()})) if files else ABSENT

    def names(self) -> list[str]:
        others = [] if self.twist == "empty" else [f"omero-{n:03}" for n in range(99)]
        return others + super().names()

    def repositories(self, number: int) -> list[dict[str, Any]]:
        """Return a page of the organisation's repositories."""
        directories = [name.split("/")[1] if "/" in name else name for name in self.page(number)[0]]
        return [
            {"name": d, "full_name": f"IDR/{d}", "pushed_at": f"2026-01-01T00:00:00Z/{self.stamp(d)}"}
            for d in directories
        ]


# --- EMBL-EBI ------------------------------------------------------------------------------------------------------


class Empiar(Site):
    """The entry API: ranges by POST, documents by GET, and no validators."""

    name, harvester, archive = "empiar", "empiar", "empiar"
    where = "/empiar/api/entry/"
    options: ClassVar = {"first": 10_000, "last": 19_999, "empty_batches": 999}
    listing, second = r"^POST .* 10000-10499$", r"^POST .* 10500-10999$"
    payload = r"^GET /empiar/api/entry/EMPIAR-10442"
    again, records = (20, 0), 12

    def held(self) -> dict[str, bytes]:
        return {name.removesuffix(".json"): data for name, data in folder(DEMO / "empiar").items()}

    def answer(self, asked: Asked) -> Reply:
        if asked.path == self.where and asked.method == "POST":
            return self.range(*map(int, asked.body.split(b"-")))
        found = self.documents.get(asked.path.removeprefix(self.where).strip("/"))
        return Reply(b"{}", 404) if found is None else sent(found)

    def range(self, first: int, last: int) -> Reply:
        """Return the documents of a range of numbers."""
        if self.twist in ("repeated", "endless"):
            first, last = 10_000, 10_499
        names = [name for name in self.names() if first <= int(name.removeprefix("EMPIAR-")) <= last]
        pairs = [f"{json.dumps(name)}: {json.dumps(self.listed(name))}" for name in names]
        return sent(f"{{{', '.join(pairs)}}}".encode())

    def listed(self, name: str) -> Any:
        """Return what the listing tells of a document: all that a good one says, of another that it has changed."""
        said = json.loads(self.good[name])[name]
        body = self.documents[name]
        return said if body == self.good[name] else {**said, "update_date": f"2026-01-01/{revision(body)}"}


class Emdb(Site):
    """EMICSS's table of pairs, EMDB's list of holdings, and documents without validators."""

    name, harvester, archive = "emdb", "emdb", "empiar"
    where = "/emdb/api/entry/"
    options: ClassVar = {"table": "{url}/emicss/emdb_empiar.tsv", "holdings": "{url}/status/holdings.json"}
    listing, second, payload = r"^GET /emicss/", r"^GET /status/", r"^GET /emdb/api/entry/EMD-12602"
    others = (r"^GET /emdb/api/entry/EMD-0002",)
    again, records = (2, 2), 2

    def held(self) -> dict[str, bytes]:
        made = {"table": b"EMDB_ID\tEMPIAR_ID\tPROVENANCE\n", "EMD-12602": (DEMO / "emdb/EMD-12602.json").read_bytes()}
        pairs = [("EMD-12602", "EMPIAR-10934")]
        for accession, documents in json.loads((FIXTURES / "emdb/EMPIAR-19998.json").read_bytes()).items():
            made |= {number: json.dumps(document).encode() for number, document in documents.items() if document}
            pairs += [(number, accession) for number in documents]
        made["table"] += "".join(f"{number}\t{accession}\tEMPIAR\n" for number, accession in pairs).encode()
        return made

    def is_listed(self, name: str) -> bool:
        return name.startswith("EMD-")

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/emicss/emdb_empiar.tsv":
            return tagged(self.documents["table"], modified=True)
        if asked.path == "/status/holdings.json":
            held = [(name, hashlib.md5(self.documents[name], usedforsecurity=False)) for name in self.names()]
            return tagged(
                {
                    name: {"entry_last_update": "2026-01-01", "headers": [{"md5_checksum": md5.hexdigest()}]}
                    for name, md5 in held
                },
                modified=True,
            )
        found = self.documents.get(asked.path.removeprefix(self.where))
        return Reply(b"{}", 404) if found is None else sent(found)


class BioStudies(Site):
    """Pages of hits with drifting totals, /info, studies of which one is forwarded, file lists; no validators."""

    name, harvester, archive = "biostudies", "biostudies", "bia"
    where = "/biostudies/api/v1/"
    listing, second = r"/search\?pageSize=100&page=1&", r"/search\?pageSize=100&page=2&"
    payload = r"/studies/S-BIAD1763$"
    others, optional = (r"/fire/S-BSST744/",), (r"/studies/S-BIAD1763/info$", r"/files/S-BIAD1763/")
    again, records, size = (8, 0), 4, 2

    def held(self) -> dict[str, bytes]:
        documents = folder(DEMO / "biostudies")
        for name, body in list(documents.items()):  # the demonstration does not have all file lists
            for found in re.findall(rb'"File List",\s*"value": "([\w.-]+?)(?:\.json|\.tsv)?"', body):
                documents.setdefault(
                    f"{name.partition('/')[0]}/{found.decode()}.json", b'[{"path": "1.tif", "size": 1}]'
                )
        return documents

    def is_listed(self, name: str) -> bool:
        directory, _, file = name.partition("/")
        return file == f"{directory}.json"

    def answer(self, asked: Asked) -> Reply:
        parts = urlsplit(asked.path)
        if parts.path == "/biostudies/api/v1/BioImages/search":
            return sent(self.hits(int(parse_qs(parts.query)["page"][0])))
        place = re.fullmatch(r"/biostudies/(api/v1/studies|fire|files)/([\w-]+)(?:/([\w.-]+))?", parts.path)
        if place is None or not any(name.startswith(f"{place[2]}/") for name in self.documents):
            return Reply(b'{"errorMessage": "Study not found"}', 404)
        accession, study = place[2], self.documents[f"{place[2]}/{place[2]}.json"]
        if place[1] == "files":
            found = self.documents.get(f"{accession}/{place[3]}")
            return ABSENT if found is None else tagged(found, modified=True)
        if place[3] == "info":
            changed = 1_700_000_000_000 + revision(study)
            link = {"httpLink": f"{self.url}/biostudies/fire/{accession}", "views": 7}
            return sent({"files": 1, "isPublic": True, "released": 1_743_638_400_000, "modified": changed, **link})
        if accession == "S-BSST744" and place[1] != "fire":
            return sent({"ftpHttp_link": f"{self.url}/biostudies/fire/{accession}/"})
        return sent(study)

    def hits(self, number: int) -> dict[str, Any]:
        """Return a page of the search."""
        found = [name.partition("/")[0] for name in self.page(number - 1)[0]]
        hits = [
            {"accession": a, "type": "study", "title": a, "author": "", "release_date": "2025-04-03"} for a in found
        ]
        return {"page": number, "pageSize": self.size, "totalHits": 4, "isTotalHitsExact": False, "hits": hits}


# --- others --------------------------------------------------------------------------------------------------------


class SsbdRest(Site):
    """Pages whose ``next`` has no host; the objects carry all."""

    name, harvester, archive = "ssbd-rest", "ssbd", "ssbd"
    where = "/SSBD/api/v3/"
    options: ClassVar = {"page_size": 2}
    listing, second, optional = r"/data/\?format=json;limit=2", r"/data/\?.*offset=2", (r"/contact/\?",)
    again, records, size, is_shared = (4, 0), 3, 2, True
    kind = "data"

    def held(self) -> dict[str, bytes]:
        return {
            f"{kind}/{number}.json": json.dumps(one).encode()
            for kind in ("data", "contact")
            for number, one in enumerate(json.loads((FIXTURES / f"ssbd/rest/{kind}.json").read_bytes())["objects"])
        }

    def answer(self, asked: Asked) -> Reply:
        self.kind, _, query = asked.path.removeprefix(self.where).partition("/?")
        try:
            return self.page_of(query) if any(map(self.is_listed, self.documents)) else Reply(b"{}", 404)
        finally:
            self.kind = "data"

    def page_of(self, query: str) -> Reply:
        """Return a page of one kind of objects."""
        offset = int(parse_qs(query.replace(";", "&")).get("offset", ["0"])[0])
        names, has_more = self.page(offset // self.size)
        following = f"{self.where}{self.kind}/?format=json&limit={self.size}&offset={offset + self.size}"
        meta = {"limit": self.size, "offset": offset, "total_count": len(self.names())}
        head = json.dumps({**meta, "next": following if has_more else None}).encode()
        return sent(b'{"meta": %b, "objects": [%b]}' % (head, b", ".join(self.documents[name] for name in names)))

    def is_listed(self, name: str) -> bool:
        return name.startswith(f"{self.kind}/")


class Oai(Site):
    """A repository of OAI-PMH: pages with resumption tokens, and a record that was deleted."""

    name, harvester, archive = "oai", "oai", "datacite"
    where = "/oai"
    options: ClassVar = {
        "metadata_prefix": "oai_datacite",
        "archives": ["bia", "empiar", "idr", "ssbd"],
        "accessions_only": True,
        "archive_title": "DataCite",
        "archive_homepage": "https://datacite.org/",
    }
    listing, second = r"^GET /oai\?(?!.*resumptionToken)", r"resumptionToken=2"
    again, records, size = (3, 0), 4, 2

    def held(self) -> dict[str, bytes]:
        pages = b"".join(folder(DEMO / "datacite").values())
        found = re.findall(rb"<record>.*?</record>", pages, re.DOTALL)
        return {f"{number}.xml": record for number, record in enumerate(found)}

    def answer(self, asked: Asked) -> Reply:
        said = parse_qs(urlsplit(asked.path).query)
        token = said.get("resumptionToken", ["0"])[0]
        names, has_more = self.page(int(token) // self.size)
        following = str(int(token) + self.size) if has_more else ""
        tail = f'<resumptionToken completeListSize="{len(self.names())}" cursor="{token}">{following}</resumptionToken>'
        listed = b"".join(self.documents[name] for name in names) + tail.encode()
        error = b'<error code="noRecordsMatch">none</error>'
        return sent(self.wrapped(b"<ListRecords>%b</ListRecords>" % listed if self.names() else error))

    def wrapped(self, body: bytes) -> bytes:
        """Return a whole answer."""
        xsi = b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        head = (
            b'<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" %b>' % xsi
        )
        return head + b"<responseDate>2026-11-20T10:00:00Z</responseDate>%b</OAI-PMH>" % body


class Pages(Site):
    """A web site: robots.txt, an index of sitemaps, sitemaps, and pages, one without a date in its sitemap."""

    name, harvester, archive = "schemaorg", "schemaorg", "bbbc"
    where = "/"
    options: ClassVar = {
        "accession": r"/(BBBC\d{3})$",
        "archive_title": "Broad Bioimage Benchmark Collection",
        "archive_homepage": "https://bbbc.broadinstitute.org/",
    }
    listing, second, payload = r"^GET /sitemap\.xml", r"^GET /sitemap-1\.xml", r"^GET /BBBC005"
    optional = (r"^GET /robots\.txt",)
    again, records, size = (6, 5), 3, 2
    home = b"https://bbbc.broadinstitute.org"

    def held(self) -> dict[str, bytes]:
        return folder(DEMO / "websites", ".html")

    def answer(self, asked: Asked) -> Reply:
        path = asked.path.strip("/")
        if path == "robots.txt":
            return tagged(f"User-agent: *\nDisallow: /private/\nSitemap: {self.url}/sitemap.xml\n".encode())
        if path == "sitemap.xml":
            count = 1100 if self.twist in ("repeated", "endless") else -(-len(self.names()) // self.size)
            return tagged(self.urls("sitemapindex", "sitemap", [(f"sitemap-{n}.xml", "") for n in range(count)]))
        if sitemap := re.fullmatch(r"sitemap-(\d+)\.xml", path):
            return tagged(self.urls("urlset", "url", [*map(self.dated, self.page(int(sitemap[1]))[0])]))
        found = self.documents.get(f"{path}.html")
        return ABSENT if found is None else tagged(found.replace(self.home, self.url.encode()))

    def dated(self, name: str) -> tuple[str, str]:
        """Return path and date of a page."""
        seconds = revision(self.documents[name])
        day = f"2026-10-01T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"
        return name.removesuffix(".html"), "" if "021" in name else day

    def urls(self, root: str, item: str, listed: Iterable[tuple[str, str]]) -> bytes:
        """Return a sitemap."""
        dated = [(path, f"<lastmod>{day}</lastmod>" if day else "") for path, day in listed]
        items = "".join(f"<{item}><loc>{self.url}/{path}</loc>{day}</{item}>" for path, day in dated)
        space = "http://www.sitemaps.org/schemas/sitemap/0.9"
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{space}">{items}</{root}>'.encode()


SITES: Final[dict[str, type[Site]]] = {
    site.name: site
    for site in (
        Crates, CratesOfTarball, CratesOfZip, Submissions, SsbdRdf, SsbdRest, Idr, Empiar, Emdb, BioStudies, Oai, Pages,
    )
}  # fmt: skip
