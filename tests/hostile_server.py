"""A loopback server that gives a site (see `hostile_sites`) faults of transport and of content, by switch.

    with HostileServer(Empiar()) as server:
        server.harm(TRANSPORT["reset-body"], server.site.payload)
        (outcome,) = ingest.harvest(settings, ["empiar"])
        server.mend()

`TRANSPORT` names what can happen to an answer on its way; `CONTENT` what can be wrong in a document itself.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from tests.hostile_sites import Reply, Site
from tests.stubborn_server import FAULTS, Asked, Document, StubbornServer, Wire, _answer, head

# --- transport -----------------------------------------------------------------------------------------------------

Hostile = Callable[[Wire, Reply], None]
MAINTENANCE: Final = (
    b"<!DOCTYPE html><html><head><title>Down</title></head><body>Back at 5 (ops@example.org)</body></html>"
)


def _says(status: int, body: bytes = b"", **headers: str) -> Hostile:
    return lambda wire, reply: wire.send(head(status, Content_Length=str(len(body)), **headers) + body)


def _of(name: str) -> Hostile:
    return lambda wire, reply: FAULTS[name](wire, reply.body)


@cache
def _zeros() -> bytes:
    return gzip.compress(bytes(20_000_000))


def _bomb(wire: Wire, reply: Reply) -> None:
    wire.send(head(Content_Encoding="gzip"))
    for _ in range(50):
        wire.send(_zeros())


def _charset(wire: Wire, reply: Reply) -> None:
    kind = {"Content_Type": "application/json; charset=Shift_JIS", "Content_Length": str(len(reply.body))}
    wire.send(head(reply.status, **kind) + reply.body)


# Name → what comes in place of an answer. The connection is closed afterwards.
TRANSPORT: Final[dict[str, Hostile]] = {
    **{f"status-{number}": _says(number, b"no", ETag='"no"') for number in (401, 403, 404, 410, 429, 500, 502, 503)},
    "no-content": lambda wire, reply: wire.send(head(204)),
    "partial-content": lambda wire, reply: wire.send(head(206, Content_Length="1") + reply.body[:1]),
    "not-modified": _of("not-modified"),
    "pause-too-long": _says(429, Retry_After="3600"),
    "pause-until-too-late": _says(503, Retry_After="Fri, 31 Dec 2100 23:59:59 GMT"),
    "pause-of-nonsense": _says(503, Retry_After="soon"),
    "html": _says(200, MAINTENANCE, Content_Type="text/html"),
    "html-with-tag": _says(200, MAINTENANCE, Content_Type="text/html", ETag='"maintenance"'),
    "empty-ok": _of("empty-ok"),
    "blanks": _says(200, b" \n"),
    "rate-limit-as-ok": _says(200, b'{"message": "API rate limit exceeded"}', ETag='"limit"'),
    "empty-list": _says(200, b"[]"),
    "redirect-loop": _says(302, Location="/round/1"),
    "redirect-on-and-on": _says(302, Location="/on/1"),
    "redirect-private": _says(302, Location="http://10.0.0.1/"),
    "redirect-metadata": _says(307, Location="http://169.254.169.254/latest/meta-data/"),
    "redirect-port": _says(301, Location="http://127.0.0.1:1/"),
    "redirect-file": _says(302, Location="file:///etc/passwd"),
    "charset": _charset,
    "bomb": _bomb,
    **{
        name: _of(name)
        for name in (
            "reset", "reset-body", "close", "silence", "drip-head", "drip-body", "drip-chunk-size", "endless-head",
            "endless-continue", "endless-body", "endless-trailer", "many-headers", "cut", "cut-chunks", "cut-in-chunk",
            "cut-gzip", "bad-gzip", "bad-chunk", "no-content-bomb", "unknown-coding", "garbage",
        )
    },
}  # fmt: skip
# The same, once: they may cost a request, and nothing else.
PASSING: Final[dict[str, Hostile]] = {
    "busy-once": _says(503, Retry_After="0"),
    "pause-in-seconds": _says(429, Retry_After="0"),
    "pause-until-a-date": _says(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "reset-once": _of("reset"),
    "cut-once": _of("cut"),
    "cut-gzip-once": _of("cut-gzip"),
}


class HostileServer(StubbornServer):
    """The server of one site.

    Attributes:
        site: what is served.
        source: the configured source of it.
        met: number of requests that met a fault since it was mended.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site
        self.source = site.source(self.url)
        self.met = 0
        self._harm: list[tuple[Hostile, re.Pattern[str], list[int]]] = []

    def harm(self, fault: Hostile, pattern: str, times: int | None = None) -> None:
        """Switch a fault on for requests (method, path, body) in which a pattern is found."""
        self._harm.append((fault, re.compile(pattern), [] if times is None else [times]))

    def refuse(self) -> None:
        """Refuse connections."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def mend(self) -> None:
        """Switch all faults off, and undo what was changed in the site."""
        super().mend()
        self.met = 0
        self._harm.clear()
        self.site.mend()
        if self._listening.fileno() < 0:
            self._listening = socket.create_server(("127.0.0.1", self.port))
            self._start(self._accept)

    def _talk(self, wire: Wire) -> None:
        while self._has_more(wire):
            wire.sock.settimeout(10)
            asked = wire.read()
            if asked is None:
                return
            self.asked.append(asked)
            reply = _onwards(asked) or self.site.answer(asked)
            if fault := self._fault_of(asked):
                fault(wire, reply)
                return
            wire.send(b"".join(_answer(asked, Document(reply.body, reply.status, dict(reply.headers)))))

    def __enter__(self) -> HostileServer:
        super().__enter__()
        return self

    @staticmethod
    def matches(asked: Asked, pattern: str | re.Pattern[str]) -> bool:
        """Tell whether a pattern is found in a request."""
        request = f"{asked.method} {asked.path} {asked.body.decode('latin-1')}".rstrip()
        return re.search(pattern, request) is not None

    def _fault_of(self, asked: Asked) -> Hostile | None:
        for fault, pattern, left in self._harm:
            if left != [0] and self.matches(asked, pattern):
                left[:] = [n - 1 for n in left]
                self.met += 1
                return fault
        return None


def _onwards(asked: Asked) -> Reply | None:
    """Return the redirect of a path that leads round in a circle, or on without end."""
    if (place := re.fullmatch(r"/(on|round)/(\d+)", asked.path)) is None:
        return None
    number = int(place[2]) + 1
    return Reply(b"", 302, {"Location": f"/{place[1]}/{number if place[1] == 'on' else number % 3}"})


# --- content -------------------------------------------------------------------------------------------------------

Leaf = Callable[[str], Any]
MARK: Final = "\ue123mark\ue123"
PROSE: Final = re.compile(r"(?=.{12})[^\W\d]\w*\.? .*", re.DOTALL)
DATE: Final = re.compile(r"\d{4}-\d\d-\d\d.*")


def form_of(name: str) -> str:
    """Return how a document is written, by its name."""
    suffix = name.rpartition(".")[2]
    return {"html": "html", "xml": "xml", "ttl": "ttl", "tsv": "cells", "csv": "cells", "txt": "cells"}.get(
        suffix, "" if suffix in ("yml", "table") else "json"
    )


def changed(body: bytes, form: str, change: Leaf) -> bytes:
    """Return a document with each of its texts changed; to something else than text in JSON only."""
    if form == "json":
        return json.dumps(_walked(json.loads(body), change)).encode()
    if form == "html":
        start, end = body.index(b"{", body.index(b"ld+json")), body.rindex(b"}") + 1
        return body[:start] + changed(body[start:end], "json", change) + body[end:]
    text = body.decode("latin-1" if form == "cells" else "utf-8")
    if form == "xml":
        text = re.sub(r"(?<=>)([^<>]*\S[^<>]*)(?=<)", lambda found: str(change(found[1])), text)
    elif form == "ttl":
        text = re.sub(r'"([^"\n]*)"', lambda found: json.dumps(str(change(found[1]))), text)
    elif form == "cells":
        text = "\n".join(map("\t".join, _cells(text, change)))
    return text.encode("utf-8", "surrogatepass")


def _walked(value: Any, change: Leaf) -> Any:
    match value:
        case dict():
            return {k: v if k.startswith("@") and k != "@graph" else _walked(v, change) for k, v in value.items()}
        case list():
            return [_walked(v, change) for v in value]
        case str():
            return change(value)
    return value


def _cells(text: str, change: Leaf) -> Iterator[list[str]]:
    for number, line in enumerate(text.split("\n")):
        first, *more = line.split("\t")
        yield [first, *(more if number == 0 else (str(change(cell)) for cell in more))]


def _prose(make: Leaf) -> Callable[[bytes, str], bytes]:
    """Change what is written in words."""
    return lambda body, form: changed(body, form, lambda t: make(t) if PROSE.fullmatch(t) else t)


def _first_prose(make: Leaf) -> Callable[[bytes, str], bytes]:
    def spoil(body: bytes, form: str) -> bytes:
        left = [1]
        return changed(body, form, lambda t: make(t) if PROSE.fullmatch(t) and left and left.pop() else t)

    return spoil


def _raw(inserted: str) -> Callable[[bytes, str], bytes]:
    """Put what is no valid JSON, or no JSON that Python writes, in place of the first prose."""

    def spoil(body: bytes, form: str) -> bytes:
        return _first_prose(lambda _: MARK)(body, form).replace(json.dumps(MARK).encode(), inserted.encode())

    return spoil


def _matching(pattern: str, value: Any) -> Callable[[bytes, str], bytes]:
    return lambda body, form: changed(body, form, lambda t: value if re.match(pattern, t) else t)


def _every(kind: Any, make: Callable[[Any], Any]) -> Callable[[bytes, str], bytes]:
    """Change every value of a kind in JSON."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            value = {k: walk(v) if not k.startswith("@id") else v for k, v in value.items()}
        elif isinstance(value, list):
            value = [walk(v) for v in value]
        return make(value) if isinstance(value, kind) and not isinstance(value, bool) else value

    def spoil(body: bytes, form: str) -> bytes:
        if form == "html":
            start, end = body.index(b"{", body.index(b"ld+json")), body.rindex(b"}") + 1
            return body[:start] + spoil(body[start:end], "json") + body[end:]
        return json.dumps(walk(json.loads(body))).replace(f'"{MARK}', "").replace(f'{MARK}"', "").encode()

    return spoil


def _without_leaves(item: dict[str, Any]) -> Any:
    return item if any(isinstance(value, dict | list) for value in item.values()) else "x"


def _entity(body: bytes, form: str) -> bytes:
    doctype = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    return doctype + _prose(lambda _: "&e;")(body, form)


def _entities(body: bytes, form: str) -> bytes:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    return f"<!DOCTYPE x [{lines}]>".encode() + _prose(lambda _: "&e9;")(body, form)


def _mac_roman(body: bytes, form: str) -> bytes:
    said = _prose(lambda t: MARK + t)(body, form)
    for mark in (json.dumps(MARK)[1:-1].encode(), MARK.encode()):
        said = said.replace(mark, "«Naïve – “Å”» ".encode("mac_roman"))
    return said


ACCESSION: Final = re.compile(rb"(?<=S-BIAD|S-BSST)\\d+|(?<=EMPIAR-)\\d+|(?<=EMD-|BBBC)\\d+|(?<=idr|000)\\d\\d+")


def _other_number(found: re.Match[bytes]) -> bytes:
    return bytes(ord("0") + (digit + 7) % 10 for digit in found[0])


ALL: Final = frozenset({"json", "html", "xml", "ttl", "cells"})
STRUCTURED: Final = frozenset({"json", "html"})
MAIL: Final = "jane.doe@example.org"

Spoil = Callable[[bytes, str], bytes]
# Name → forms in which it can be wrong so, and what makes it so.
CONTENT: Final[dict[str, tuple[frozenset[str], Spoil]]] = {
    "half": (ALL, lambda body, form: body[: len(body) // 2]),
    "another-accession": (ALL, lambda body, form: ACCESSION.sub(_other_number, body)),
    "nothing": (ALL, lambda body, form: b""),
    "in-a-list": (frozenset({"json"}), lambda body, form: b"[%b]" % body),
    "a-text": (frozenset({"json"}), lambda body, form: b'"text"'),
    "nulls": (STRUCTURED, _every(str, lambda _: None)),
    "texts-for-lists": (STRUCTURED, _every(list, str)),
    "lists-for-texts": (STRUCTURED, _every(str, lambda t: [t, t])),
    "objects-for-texts": (STRUCTURED, _every(str, lambda t: {"value": t})),
    "texts-for-objects": (STRUCTURED, _every(dict, _without_leaves)),
    "texts-for-numbers": (STRUCTURED, _every(int | float, str)),
    "numbers-without-end": (STRUCTURED, _every(int | float, lambda _: f"{MARK}1e999{MARK}")),
    "no-numbers": (STRUCTURED, _every(int | float, lambda _: f"{MARK}NaN{MARK}")),
    "huge-numbers": (STRUCTURED, _every(int | float, lambda _: 10**400)),
    "negative-numbers": (STRUCTURED, _every(int | float, lambda n: -n)),
    "duplicate-keys": (STRUCTURED, lambda body, form: re.sub(rb'("\w+": "[^"]*")(?=,)', rb"\1, \1", body)),
    "duplicate-items": (STRUCTURED, _every(list, lambda items: items * 2)),
    "deep": (STRUCTURED, _raw("[" * 50_000 + "]" * 50_000)),
    "deep-objects": (STRUCTURED, _raw('{"a":' * 5000 + "1" + "}" * 5000)),
    "deep-elements": (frozenset({"xml"}), _first_prose(lambda _: "<a>" * 50_000 + "</a>" * 50_000)),
    "entity": (frozenset({"xml"}), _entity),
    "entity-bomb": (frozenset({"xml"}), _entities),
    "another-root": (frozenset({"xml"}), lambda body, form: b"<html><body/></html>"),
    "long-text": (ALL, _first_prose(lambda _: "long " * 200_000)),
    "control-characters": (ALL, _prose(lambda t: f"\x01\x1b[31m{t}\x7f\x85\u200b\u2060\uf06d")),
    "nul": (ALL, _prose(lambda t: f"{t[:3]}\x00{t[3:]}")),
    "lone-surrogates": (ALL, _prose(lambda t: f"\ud800{t}\udfff")),
    "bidirectional": (ALL, _prose(lambda t: f"\u202e{t}\u2066\u2069")),
    "e-mail": (ALL, _prose(lambda t: f"{t} ({MAIL}, <mailto:{MAIL}>)")),
    "only-e-mail": (ALL, _prose(lambda t: MAIL)),
    "e-mail-in-addresses": (ALL, _matching("https?://(?!www.w3)", f"https://example.org/?to={MAIL}")),
    "script": (ALL - {"xml"}, _prose(lambda t: f"<script>alert(1)</script>{t}<img src=x onerror=alert(1)>")),
    "blanks-in-addresses": (ALL, _matching("https?://(?!www.w3)", "https://example.org/a b<c>\"{}|\\^`")),
    "schemes": (ALL, _matching("https?://(?!www.w3)", "javascript:alert(1)")),
    "file-addresses": (ALL, _matching("https?://(?!www.w3)", "file:///etc/passwd")),
    "blanks-in-ids": (STRUCTURED, lambda body, form: body.replace(b'"@id": "#', b'"@id": "#a b<c>')),
    "impossible-dates": (ALL, _matching(r"\d{4}-\d\d-\d\d", "2023-02-30")),
    "strange-dates": (ALL, _matching(r"\d{4}-\d\d-\d\d", "99999-99-99T99:99:99Z")),
    "mac-roman": (ALL, _mac_roman),
    "byte-order-mark": (ALL, lambda body, form: b"\xef\xbb\xbf" + body),
    "utf-16": (ALL, lambda body, form: body.decode("latin-1" if form == "cells" else "utf-8").encode("utf-16")),
    "invalid-utf-8": (ALL, lambda body, form: body.replace(b" the ", b" \xff\xfe ").replace(b" of ", b" \xc3( ")),
}  # fmt: skip
