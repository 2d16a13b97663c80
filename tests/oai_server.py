"""A loopback OAI-PMH repository: pages, sets, dates, deleted records, and faults by switch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

OAI = "http://www.openarchives.org/OAI/2.0/"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
RESPONSE_DATE = "2024-05-01T12:00:00Z"
Reply = tuple[int, dict[str, str], bytes]


def dublin_core(*, title: str = "A title", **statements: str | list[str]) -> str:
    """Return an ``oai_dc`` element."""
    lines = [f"<dc:title>{escape(title)}</dc:title>"]
    for name, values in statements.items():
        values = [values] if isinstance(values, str) else values
        lines += [f"<dc:{name}>{escape(value)}</dc:{name}>" for value in values]
    return (
        '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">' + "".join(lines) + "</oai_dc:dc>"
    )


def record(identifier: str, metadata: str, datestamp: str | None = "2024-01-01T00:00:00Z") -> str:
    """Return a record element; without metadata it is a deleted one."""
    status = "" if metadata else ' status="deleted"'
    stamp = "" if datestamp is None else f"<datestamp>{datestamp}</datestamp>"
    body = f"<metadata>{metadata}</metadata>" if metadata else ""
    return f"<record><header{status}><identifier>{escape(identifier)}</identifier>{stamp}</header>{body}</record>"


def answer(verb: str, body: str) -> str:
    """Return a whole answer."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="{OAI}" {XSI}>'
        f'<responseDate>{RESPONSE_DATE}</responseDate><request verb="{verb}">http://x</request>{body}</OAI-PMH>'
    )


def error(code: str) -> str:
    """Return an answer that is an error of the protocol."""
    return answer("ListRecords", f'<error code="{code}">{code}</error>')


@dataclass
class Repository:
    """What the repository holds and how it misbehaves.

    Attributes:
        records: identifier → record element.
        stamps: identifier → datestamp, where it is not that of `record`.
        page: records on a page.
        fault: name of a fault of `FAULTS`; empty for a good repository.
        tells_size: whether tokens say how long the list is.
        granularity: as Identify says it.
        asked: arguments of each request so far.
    """

    records: dict[str, str] = field(default_factory=dict)
    stamps: dict[str, str] = field(default_factory=dict)
    page: int = 3
    fault: str = ""
    tells_size: bool = True
    granularity: str = "YYYY-MM-DDThh:mm:ssZ"
    empty_status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def put(self, number: int, **said: str | list[str]) -> None:
        """Add a record of Dublin Core."""
        self.records[f"oai:x.example:{number:03}"] = record(f"oai:x.example:{number:03}", dublin_core(**said))  # type: ignore[arg-type]

    def reply(self, arguments: dict[str, str]) -> Reply:
        """Return status, headers and body of the answer to a request."""
        self.asked.append(arguments)
        verb = arguments.get("verb", "")
        if verb == "Identify":
            return self.sent(answer(verb, f"<Identify><granularity>{self.granularity}</granularity></Identify>"))
        if verb == "GetRecord":
            found = self.records.get(arguments["identifier"])
            return self.sent(answer(verb, f"<GetRecord>{found}</GetRecord>") if found else error("idDoesNotExist"))
        start = int(arguments.get("resumptionToken", "0"))
        since = arguments.get("from", "")
        listed = [r for key, r in self.records.items() if self.stamps.get(key, "2024-01-01T00:00:00Z") >= since]
        if not listed:
            return self.sent(error("noRecordsMatch"), status=self.empty_status)
        return self.faulty(start, listed)

    def listing(self, start: int, listed: list[str], token: str | None = None) -> str:
        """Return the page of a list that begins at a record."""
        stop = start + self.page
        size = f' completeListSize="{len(listed)}"' if self.tells_size else ""
        token = token or (str(stop) if stop < len(listed) else "")
        tail = f"<resumptionToken{size}>{token}</resumptionToken>" if token or start else ""
        return answer("ListRecords", f"<ListRecords>{''.join(listed[start:stop])}{tail}</ListRecords>")

    def faulty(self, start: int, listed: list[str]) -> Reply:
        """Return a page with the repository's fault."""
        good = self.listing(start, listed)
        later = start > 0
        asked = sum("resumptionToken" in arguments for arguments in self.asked)
        match self.fault:
            case "truncated-page" if later:
                return self.sent(good[: len(good) // 2])
            case "missing-end-tag" if later:
                return self.sent(good.removesuffix("</OAI-PMH>"))
            case "repeated-token":
                return self.sent(self.listing(0, listed, "3"))
            case "token-cycle":
                return self.sent(self.listing(start, listed, {0: "3", 3: "6"}.get(start, "3")))
            case "new-tokens-for-ever":
                return self.sent(self.listing(0, listed, str(start + 1)))
            case "token-expires-once" if later and asked == 1:
                return self.sent(error("badResumptionToken"))
            case "token-expires" if later:
                return self.sent(error("badResumptionToken"))
            case "token-expires-with-422" if later:
                return self.sent("", status=422)
            case "retry-after-date" if len(self.asked) == 1:
                return 503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, b"busy"
            case "reset" if later and asked == 1:
                return 0, {}, b""
            case "server-error" if later:
                return self.sent("", status=500)
            case "html" if later:
                return self.sent("<html><body>Down</body></html>")
            case "other-namespace":
                return self.sent(good.replace(OAI, "urn:x"))
            case "empty-page" if later:
                return self.sent(self.listing(len(listed), listed, str(start + 3) if start + 3 < len(listed) else None))
            case "size-too-large":
                return self.sent(good.replace(f'Size="{len(listed)}"', 'Size="999"'))
            case "page-again" if later:
                return self.sent(good.replace("<ListRecords>", "<ListRecords>" + "".join(listed[:3])))
            case "no-datestamp":
                return self.sent(good.replace("<datestamp>2024-01-01T00:00:00Z</datestamp>", ""))
            case "no-identifier":
                return self.sent(good.replace("<identifier>oai:x.example:001</identifier>", ""))
            case "long-identifier":
                return self.sent(good.replace("oai:x.example:001", "oai:x.example:" + "x" * 100_000))
            case "invalid-utf8":
                return 200, {}, good.encode().replace(b"Title 1<", b"Ti\xfftle 1<")
            case "control-characters":
                return self.sent(good.replace("Title 1<", "Ti\x08tle&#11; 1<"))
            case "utf-16":
                return 200, {}, good.replace("UTF-8", "UTF-16").encode("utf-16")
            case "byte-order-mark":
                return self.sent("\ufeff\n\n" + good)
            case "entity":
                doctype = '?>\n<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
                return self.sent(good.replace("?>", doctype).replace("Title 1<", "&e;<"))
            case "entity-bomb":
                lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(10))
                return self.sent(good.replace("?>", f"?>\n<!DOCTYPE x [{lines}]>").replace("Title 1<", "&e9;<"))
            case "external-document-type":
                return self.sent(good.replace("?>", f'?>\n<!DOCTYPE x SYSTEM "{self.url}/canary">'))
            case "deep-tree":
                return self.sent(good.replace("<dc:title>", "<a>" * 1000 + "</a>" * 1000 + "<dc:title>"))
            case "huge-field":
                return self.sent(good.replace("Title 1<", "x" * (11 << 20) + "<"))
            case "many-creators":
                more = "<dc:creator>Doe, J</dc:creator>" * 30_000
                return self.sent(good.replace("<dc:title>Title 1<", more + "<dc:title>Title 1<"))
            case "leftover-namespaces":
                return self.sent(good.replace("<OAI-PMH ", '<OAI-PMH xmlns:foreign="urn:x" foreign:a="1" '))
        return self.sent(good)

    @staticmethod
    def sent(body: str, status: int = 200) -> Reply:
        """Return an answer of that body."""
        return status, {}, body.encode()


@contextmanager
def serving(repository: Repository) -> Iterator[Repository]:
    """Serve a repository on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            arguments = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            status, headers, body = repository.reply(arguments)
            if status == 0:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<OAI")
                return
            self.send_response(status)
            for name, value in {"Content-Type": "text/xml", "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        repository.url = f"http://127.0.0.1:{listening.server_port}/oai"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield repository
        listening.shutdown()
        thread.join()
