"""What a hostile reader sends, by class, and a hub to send it to.

The classes are those that a reader reaches: query cost, parser depth, egress, writing through reading, injection, HTTP.
Each query names the statuses that are right answers to it; 200 only where the engine does it in time and memory.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlencode

import pyoxigraph as ox

LIGHT = "SELECT ?o WHERE { <http://e/s7> <http://e/p> ?o }"
LIGHT_ANSWER = (200, b"o\r\nv7\r\n")
ALL = "?a ?b ?c . ?d ?e ?f"
FORM = "application/x-www-form-urlencoded"
PORT = "CANARY-PORT"
"""Stands in queries for the port on which nobody is to be called."""

OK, REFUSED, LARGE, STOPPED = 200, 400, 413, 503


@dataclass(frozen=True, slots=True)
class Query:
    """A query that is sent to ``/sparql``, and the statuses that are right answers to it."""

    kind: str
    name: str
    text: str
    statuses: tuple[int, ...]
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes of a request, and the statuses that are right answers; 0 stands for a closed connection."""

    name: str
    request: bytes
    statuses: tuple[int, ...]
    reflected: bytes = b"\r\nX-Injected"


# ── queries ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _values(name: str, count: int) -> str:
    return f"VALUES ?{name} {{ {' '.join(str(n) for n in range(count))} }}"


def doubling(times: int) -> str:
    """A query that doubles a string so many times."""
    steps = " ".join(f"BIND(CONCAT(?s{n}, ?s{n}) AS ?s{n + 1})" for n in range(times))
    return f'SELECT (STRLEN(?s{times}) AS ?n) {{ BIND("x" AS ?s0) {steps} }}'


def _replacing(times: int) -> str:
    grow = "x" * 64
    steps = " ".join(f'BIND(REPLACE(?s{n}, "x", "{grow}") AS ?s{n + 1})' for n in range(times))
    return f'SELECT (STRLEN(?s{times}) AS ?n) {{ BIND("xxxxxxxxxxxxxxxx" AS ?s0) {steps} }}'


def chain(length: int) -> str:
    """A pattern of so many links in a row."""
    return " . ".join(f"?v{n} <http://e/next> ?v{n + 1}" for n in range(length))


def _joined(pattern: str, count: int, word: str) -> str:
    return f" {word} ".join("{ " + pattern.format(n=n) + " }" for n in range(count))


COST: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("cross-count", f"SELECT (COUNT(*) AS ?n) {{ {ALL} . ?g ?h ?i }}", (STOPPED,)),
    ("cross-stream", f"SELECT * {{ {ALL} }}", (LARGE, STOPPED)),
    ("cross-order", f"SELECT * {{ {ALL} }} ORDER BY ?c ?f", (STOPPED,)),
    ("cross-distinct", f"SELECT DISTINCT ?a ?d {{ {ALL} }}", (LARGE, STOPPED)),
    ("cross-construct", f"CONSTRUCT {{ ?a ?b ?f . ?d ?e ?c }} {{ {ALL} }}", (LARGE, STOPPED)),
    ("cross-group-concat", f'SELECT (GROUP_CONCAT(CONCAT(?c, ?f); separator=",") AS ?n) {{ {ALL} }}', (STOPPED,)),
    ("cross-sample-group", f"SELECT ?a ?d (COUNT(*) AS ?n) {{ {ALL} }} GROUP BY ?a ?d", (LARGE, STOPPED)),
    ("path-closure", "SELECT (COUNT(*) AS ?n) { ?a <http://e/next>+ ?b }", (STOPPED,)),
    ("path-nested", "SELECT (COUNT(*) AS ?n) { ?a ((<http://e/next>*)*/<http://e/p>?)* ?b }", (STOPPED,)),
    ("path-any", "SELECT (COUNT(*) AS ?n) { ?a (!<http://e/none>|^!<http://e/none>)* ?b }", (STOPPED,)),
    ("path-star-to-star", "SELECT (COUNT(*) AS ?n) { ?a <http://e/next>* ?b . ?c <http://e/next>* ?b }", (STOPPED,)),
    ("not-exists", "SELECT (COUNT(*) AS ?n) { ?a ?b ?c FILTER NOT EXISTS { ?d ?e ?f FILTER(?f > ?c && ?f < ?c) } }",
     (STOPPED,)),
    ("minus", f"SELECT (COUNT(*) AS ?n) {{ {{ {ALL} }} MINUS {{ ?a ?x ?y . ?d ?z ?w }} }}", (STOPPED,)),
    ("optional-cross", "SELECT (COUNT(*) AS ?n) { ?a ?b ?c OPTIONAL { ?d ?e ?f OPTIONAL { ?g ?h ?i } } }", (STOPPED,)),
    ("values-20000", f"SELECT (COUNT(*) AS ?n) {{ {_values('a', 20_000)} ?s ?p ?a }}", (OK, STOPPED)),
    ("group-concat-all", "SELECT (GROUP_CONCAT(STR(?c)) AS ?n) { ?a ?b ?c } GROUP BY ?b", (OK,)),
    ("values-cross", "SELECT (COUNT(*) AS ?n) { " + " ".join(_values(v, 3000) for v in "abc") + " }", (STOPPED,)),
    ("in-list", f"SELECT (COUNT(*) AS ?n) {{ {ALL} FILTER(?c IN ({', '.join(map(str, range(5000)))})) }}", (STOPPED,)),
    ("bgp-300", f"SELECT * {{ {chain(300)} }}", (STOPPED,)),
    ("bgp-1000", f"SELECT * {{ {chain(1000)} }}", (REFUSED, STOPPED)),
    ("star-60", "SELECT (COUNT(*) AS ?n) { " + " . ".join(f"?s ?p{n} ?o{n}" for n in range(60)) + " }", (OK, STOPPED)),
    ("optional-1000", "SELECT * { ?s ?p ?o " + "".join(f"OPTIONAL {{ ?s ?p{n} ?o{n} }} " for n in range(1000)) + "}",
     (REFUSED, LARGE, STOPPED)),
    ("union-2000", f"SELECT (COUNT(*) AS ?n) {{ {_joined('?a ?b{n} ?c', 2000, 'UNION')} }}", (OK, REFUSED, STOPPED)),
    ("binds-3000", "SELECT * { " + " ".join(f"BIND({n} AS ?v{n})" for n in range(3000)) + " }", (OK, REFUSED, STOPPED)),
    ("string-doubling", doubling(36), (STOPPED,)),
    ("replace-growth", _replacing(5), (STOPPED,)),
    ("concat-of-all", f"SELECT (SUM(STRLEN(CONCAT(?c,?f,?c,?f))) AS ?n) {{ {ALL} }}", (STOPPED,)),
    ("regex-catastrophic", f'SELECT (COUNT(*) AS ?n) {{ {ALL} FILTER REGEX(CONCAT(STR(?c), STR(?f)), "(a+)+(a+)+$") }}',
     (STOPPED,)),
    ("regex-repeats", 'SELECT * { ?s ?p ?o FILTER REGEX(STR(?o), "((a{1,1000}){1,1000}){1,1000}") }',
     (OK, REFUSED, STOPPED)),
    ("regex-of-each", f"SELECT (COUNT(*) AS ?n) {{ {ALL} FILTER REGEX(STR(?c), STR(?f)) }}", (STOPPED,)),
    ("hashes", f"SELECT (COUNT(DISTINCT SHA512(CONCAT(STR(?c), STR(?f)))) AS ?n) {{ {ALL} }}", (STOPPED,)),
    ("describe-all", "DESCRIBE * { ?a ?b ?c . ?d ?e ?f }", (LARGE, STOPPED)),
    ("order-by-all", "SELECT * { ?a ?b ?c . ?a ?e ?f . ?g <http://e/p> ?h } ORDER BY DESC(?h) ?c", (LARGE, STOPPED)),
    ("limit-offset", f"SELECT * {{ {ALL} }} OFFSET 18446744073709551615 LIMIT 18446744073709551615",
     (REFUSED, STOPPED)),
    ("iri-of-200-kB", f"SELECT * {{ <http://e/{'x' * 200_000}> ?p ?o }}", (OK,)),
    ("literal-of-200-kB", f'SELECT ("{"x" * 200_000}" AS ?x) {{}}', (OK,)),
    ("prefixes-8000", "".join(f"PREFIX p{n}: <http://e/{n}/> " for n in range(8000)) + LIGHT, (OK,)),
    ("too-long", f'SELECT ("{"x" * 300_000}" AS ?x) {{}}', (REFUSED,)),
    ("numbers", "SELECT (9223372036854775807 + 1 AS ?a) (1e308 * 1e308 AS ?b) (SUBSTR('x', -1e300) AS ?c) {}", (OK,)),
)  # fmt: skip

_NESTINGS: tuple[tuple[str, str, str, str, str], ...] = (
    ("parentheses", "SELECT (", "(", "1", ")"),
    ("calls", "SELECT (", "STR(", "1", ")"),
    ("if", "SELECT (", "IF(true,1,", "1", ")"),
    ("not", "SELECT (", "!", "true", ""),
    ("minus-signs", "SELECT (", "- ", "1", ""),
)


def _depth() -> Iterator[tuple[str, str, tuple[int, ...]]]:
    for times, statuses in ((400, (OK, REFUSED, STOPPED)), (900, (REFUSED,)), (20_000, (REFUSED,))):
        for name, head, left, middle, right in _NESTINGS:
            yield f"{name}-{times}", f"{head}{left * times}{middle}{right * times} AS ?x) {{}}", statuses
        yield f"braces-{times}", "SELECT * { " + "{" * times + "}" * times + " }", statuses
        yield f"exists-{times}", "SELECT * { " + "FILTER EXISTS { " * times + "}" * times + " }", statuses
        yield f"optional-{times}", "SELECT * { " + "OPTIONAL { ?s ?p ?o " * times + "}" * times + " }", statuses
        yield f"selects-{times}", "SELECT * { " + "{ SELECT * { " * times + "} }" * times + " }", statuses
        yield f"paths-{times}", "SELECT * { ?s " + "(" * times + "<http://e/p>" + ")" * times + " ?o }", statuses
        yield f"lists-{times}", "SELECT * { ?s ?p " + "( " * times + ")" * times + " }", statuses
        yield f"blanks-{times}", "SELECT * { ?s ?p " + "[ ?p " * times + "1" + "]" * times + " }", statuses
        yield f"triples-{times}", "SELECT * { ?s ?p " + "<<( ?s ?p " * times + "1" + " )>>" * times + " }", statuses
    for name, word in (("or", "||"), ("and", "&&"), ("plus", "+")):
        yield f"{name}-chain-8000", "SELECT (" + f" {word} ".join(["1"] * 8000) + " AS ?x) {}", (REFUSED, STOPPED)


def _egress() -> Iterator[tuple[str, str]]:
    hosts = ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::ffff:127.0.0.1]")
    for host in hosts:
        yield f"service-{host}", f"SELECT * {{ SERVICE <http://{host}:{PORT}/sparql> {{ ?s ?p ?o }} }}"
    here = f"http://127.0.0.1:{PORT}"
    yield "service-silent", f"SELECT * {{ SERVICE SILENT <{here}> {{ ?s ?p ?o }} }}"
    yield "service-variable", f"SELECT * {{ VALUES ?e {{ <{here}> }} SERVICE ?e {{ ?s ?p ?o }} }}"
    yield "service-userinfo", f"SELECT * {{ SERVICE <http://example.org@127.0.0.1:{PORT}/> {{ ?s ?p ?o }} }}"
    yield "service-prefixed", f"PREFIX e: <{here}/> SELECT * {{ SERVICE e:sparql {{ ?s ?p ?o }} }}"
    yield "service-escaped", f"SELECT * {{ \\u0053ERVICE <{here}> {{ ?s ?p ?o }} }}"
    yield "service-in-exists", f"SELECT * {{ ?a ?b ?c FILTER EXISTS {{ SERVICE <{here}> {{ ?s ?p ?o }} }} }}"
    yield "service-in-select", f"SELECT * {{ {{ SELECT * {{ SERVICE <{here}> {{ ?s ?p ?o }} }} }} }}"
    yield "service-metadata", "SELECT * { SERVICE <http://169.254.169.254/latest/meta-data/> { ?s ?p ?o } }"
    for scheme in ("file", "ftp", "gopher", "data", "jar"):
        yield f"service-{scheme}", f"SELECT * {{ SERVICE <{scheme}:///etc/passwd> {{ ?s ?p ?o }} }}"


def _reading_out() -> Iterator[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """FROM and the protocol's graphs name graphs of the hub; nothing is fetched."""
    here = f"http://127.0.0.1:{PORT}/data.ttl"
    yield "from", f"SELECT * FROM <{here}> {{ ?s ?p ?o }}", ()
    yield "from-named", f"SELECT * FROM NAMED <{here}> {{ GRAPH ?g {{ ?s ?p ?o }} }}", ()
    yield "from-file", "SELECT * FROM <file:///etc/passwd> { ?s ?p ?o }", ()
    yield "default-graph", "SELECT * { ?s ?p ?o }", (("default-graph-uri", here),)
    yield "named-graph", "SELECT * { GRAPH ?g { ?s ?p ?o } }", (("named-graph-uri", here),)


UPDATES = (
    "INSERT DATA { <http://e/a> <http://e/b> <http://e/c> }",
    "DELETE WHERE { ?s ?p ?o }",
    "DELETE { ?s ?p ?o } INSERT { ?s ?p 1 } WHERE { ?s ?p ?o }",
    "CLEAR ALL",
    "DROP ALL",
    "CREATE GRAPH <http://e/new>",
    "COPY DEFAULT TO <http://e/new>",
    f"LOAD <http://127.0.0.1:{PORT}/data.ttl>",
    "LOAD <file:///etc/passwd>",
    "WITH <http://e/g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
    "PREFIX e: <http://e/> # SELECT\nINSERT DATA { e:a e:b e:c }",
    "\\u0049NSERT DATA { <http://e/a> <http://e/b> <http://e/c> }",
    "SELECT * { ?s ?p ?o } ; INSERT DATA { <http://e/a> <http://e/b> <http://e/c> }",
    "SELECT * { ?s ?p ?o } INSERT DATA { <http://e/a> <http://e/b> <http://e/c> }",
    "ASK {} ; DROP ALL",
)
INJECTED_VALUES = (
    '"',
    "\\",
    '\\" } # ',
    '") } ; DROP ALL #',
    '") || true || CONTAINS("a", "a',
    "x> ?p ?o } #",
    "$organism $word ?dataset",
    "http://e/> { ?s ?p ?o } #",
    f'x" }} SERVICE <http://127.0.0.1:{PORT}/> {{ ?s ?p ?o }} #',
    "\r\nX-Injected: 1",
    "\\u0022 } #",
    "{{7*7}}",
    "\0",
    "x" * 2000,
)
"""Values for parameters of saved questions that no data has."""
QUESTIONS = (
    ("datasets-by-organism", "organism"),
    ("datasets-by-word", "word"),
    ("datasets-by-author", "person"),
    ("datasets-by-term", "term"),
    ("datasets-by-paper", "publication"),
    ("datasets-published-since", "since"),
    ("image-sets-by-pixel-size", "most_nm"),
    ("parts-of-dataset", "accession"),
)
"""One saved question for each kind of parameter, and the parameter."""
INJECTED_GRAPHS = (
    "http://e/g> { } } ; DROP ALL #",
    'http://e/g"',
    "http://e/\r\nX-Injected: 1",
    "http://e/{}",
    "relative",
    "",
)


def queries() -> list[Query]:
    """Every query; ``PORT`` stands for the canary's port."""
    found = [Query("cost", name, text, statuses) for name, text, statuses in COST]
    found += [Query("depth", name, text, statuses) for name, text, statuses in _depth()]
    found += [Query("egress", name, text, (REFUSED,)) for name, text in _egress()]
    found += [Query("egress", name, text, (OK,), fields) for name, text, fields in _reading_out()]
    found += [Query("writing", f"update-{n}", text, (REFUSED,)) for n, text in enumerate(UPDATES)]
    for number, graph in enumerate(INJECTED_GRAPHS):
        found.append(Query("injection", f"graph-{number}", LIGHT, (REFUSED,), (("default-graph-uri", graph),)))
    return found


# ── other requests ───────────────────────────────────────────────────────────────────────────────────────────────────


def get(target: str, *headers: str) -> bytes:
    """Bytes of a GET; the connection is closed after it."""
    return "\r\n".join((f"GET {target} HTTP/1.1", "Host: x", "Connection: close", *headers, "", "")).encode("latin-1")


def post(body: bytes, *headers: str, target: str = "/sparql", length: str | None = "") -> bytes:
    """Bytes of a POST; ``length`` is what it says of its body, None for nothing."""
    declared = [f"Content-Length: {length or len(body)}"] if length is not None else []
    lines = (f"POST {target} HTTP/1.1", "Host: x", "Connection: close", *declared, *headers, "", "")
    return "\r\n".join(lines).encode("latin-1") + body


_LIGHT = "/sparql?" + urlencode({"query": LIGHT})
_FORM = f"Content-Type: {FORM}"
_INSERT = urlencode({"update": UPDATES[0]})

WRITING = (
    Raw("update-field", post(_INSERT.encode(), _FORM), (400,)),
    Raw("update-beside-query", post(f"{_INSERT}&query=ASK%7B%7D".encode(), _FORM), (400,)),
    Raw("update-in-address", get(f"/sparql?{_INSERT}"), (400,)),
    Raw("update-posted", post(UPDATES[0].encode(), "Content-Type: application/sparql-update"), (400,)),
    Raw("update-as-query", post(UPDATES[0].encode(), "Content-Type: application/sparql-query"), (400,)),
    Raw("put", get(_LIGHT).replace(b"GET", b"PUT", 1), (405,)),
    Raw("delete", get(_LIGHT).replace(b"GET", b"DELETE", 1), (405,)),
    Raw("patch", get(_LIGHT).replace(b"GET", b"PATCH", 1), (405,)),
    Raw("odd-method", get(_LIGHT).replace(b"GET", b"BREW", 1), (405,)),
    Raw("override", get(_LIGHT, "X-HTTP-Method-Override: DELETE"), (200,)),
    Raw("graph-put", get("/sparql/graph?default").replace(b"GET", b"PUT", 1), (405,)),
    Raw("graph-delete", get("/sparql/graph?default").replace(b"GET", b"DELETE", 1), (405,)),
    Raw("graph-post", post(b"<a:a> <a:b> <a:c> .", "Content-Type: text/turtle", target="/sparql/graph?default"),
        (405,)),
)  # fmt: skip

_ENTITIES = (
    b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">
"""
    + b"".join(b'<!ENTITY %c "%s">' % (n, b"&%c;" % (n - 1) * 10) for n in b"bcdefghi")
    + b"""]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">
<rdf:Description rdf:about="http://e/x"><e:p>&i;</e:p></rdf:Description></rdf:RDF>"""
)
_DEEP = b'{"@id":' * 20_000
# Nothing of a reader's is parsed but a query: neither XML with its entities nor JSON-LD with its depth and contexts.
BODIES = tuple(
    Raw(
        f"{name}-to-{target.strip('/').replace('/', '-')}",
        post(body, f"Content-Type: {kind}", target=target),
        (status,),
    )
    for target, status in (("/sparql", 415), ("/sparql/graph?default", 405), ("/dataset/bia/x", 405))
    for name, kind, body in (
        ("entities", "application/rdf+xml", _ENTITIES),
        ("deep-json", "application/ld+json", _DEEP),
        ("deep-turtle", "text/turtle", b"<a:a> <a:b> " + b"[ <a:b> " * 20_000),
    )
)

INJECTION = (
    Raw("format-crlf", get(f"{_LIGHT}&format=csv%0d%0aX-Injected:%201"), (400, 406)),
    Raw("accession-quote", get("/dataset/bia/x%22%3E%20%7D%20%23"), (404,)),
    Raw("accession-iri", get("/dataset/bia/x%3E%20%3Fp%20%3Fo%20%7D%20%23"), (404,)),
    Raw("accession-crlf", get("/dataset/bia/x%0d%0aX-Injected:%201"), (404,)),
    Raw("accession-nul", get("/dataset/bia/x%00"), (404,)),
    Raw("accession-not-utf8", get("/dataset/bia/x%ff%fe"), (404,)),
    Raw("archive-quote", get("/archive/x%22%20%7D"), (404,)),
    Raw("traversal", get("/dataset/bia/..%2f..%2f..%2fetc%2fpasswd"), (404,)),
    Raw("traversal-static", get("/static/..%2f..%2fapp.py"), (404,)),
    Raw("traversal-plain", get("/static/../../../etc/passwd"), (404,)),
    Raw("graph-quote", get("/sparql/graph?graph=http://e/%3E%20%7D%20%23"), (400,)),
    Raw("question-parameter", get("/q/biggest-datasets?limit=1%20%7D%20%23"), (400,)),
    Raw("question-format", get("/q/biggest-datasets?format=csv%0d%0aX-Injected:%201"), (400, 406)),
    Raw("question-name", get("/q/..%2f..%2fdescribe%2fdataset"), (404,)),
    Raw("host-reflected", get("/dataset/", "X-Forwarded-Host: evil.example"), (303, 404), b"evil.example"),
)  # fmt: skip

HTTP = (
    Raw("header-of-1-MB", get(_LIGHT, "X: " + "a" * 1_000_000), (431, 0)),
    Raw("200-headers", get(_LIGHT, *(f"X{n}: a" for n in range(200))), (431,)),
    Raw("address-of-100-kB", get("/sparql?query=" + "a" * 100_000), (414,)),
    Raw("two-lengths", post(b"abcd", _FORM, "Content-Length: 5"), (400,)),
    Raw("negative-length", post(b"", _FORM, length="-1"), (400,)),
    Raw("huge-length", post(b"", _FORM, length="99999999999999"), (413,)),
    Raw("length-beyond-64-bit", post(b"", _FORM, length="9" * 40), (400,)),
    Raw("long-body", post(b"query=" + b"a" * 2_000_000, _FORM), (413, 0)),
    Raw("length-and-chunks", post(b"5\r\nquery\r\n0\r\n\r\n", _FORM, "Transfer-Encoding: chunked", length="4"),
        (400,)),
    Raw("unknown-coding", post(b"abcd", _FORM, "Transfer-Encoding: gzip", length=None), (400,)),
    Raw("gzip-body", post(b"\x1f\x8b", _FORM, "Content-Encoding: gzip"), (415,)),
    Raw("multipart", post(b"--b\r\n\r\n--b--", "Content-Type: multipart/form-data; boundary=b"), (415,)),
    Raw("not-utf8", get("/sparql?query=ASK%7B%7D%23%ff"), (400,)),
    Raw("bad-percent", get("/sparql?query=%zz%"), (400,)),
    Raw("nul", get("/sparql?query=ASK%7B%7D%00"), (400,)),
    Raw("surrogate", get("/sparql?query=ASK%7B%7D%23%ed%a0%80"), (400,)),
    Raw("many-parameters", get("/sparql?" + "a=b&" * 5000), (400,)),
    Raw("accept-of-60-kB", get(_LIGHT, "Accept: " + "a/b;q=0.1," * 6000), (431,)),
    Raw("encoding-list", get(_LIGHT, "Accept-Encoding: " + "x;q=0.1," * 6000), (431,)),
    Raw("range", get(_LIGHT, "Range: bytes=0-0,1-1,2-2"), (200,)),
    Raw("head", get(_LIGHT).replace(b"GET", b"HEAD", 1), (200,)),
    Raw("no-host", get(_LIGHT).replace(b"Host: x\r\n", b""), (200, 400)),
    Raw("not-http", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", (400, 0)),
    Raw("http-0.9", b"GET /sparql\r\n\r\n", (400, 0)),
    Raw("header-with-nul", get(_LIGHT, "X: a\0b"), (400,)),
    Raw("folded-header", get(_LIGHT, "X: a\r\n b"), (400,)),
)  # fmt: skip


# ── a hub to send it to ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Hub:
    """A hub that runs, as an operator starts it.

    Attributes:
        port: where it listens on loopback.
        process: `hub serve`; its children are the web processes and their query workers.
        canary: port on which nobody is to be called.
        wait_s: how long an answer is waited for.
    """

    port: int
    process: subprocess.Popen[bytes]
    canary: int = 9
    wait_s: float = 60.0

    def ask(
        self, text: str, client: str = "127.0.0.1", fields: tuple[tuple[str, str], ...] = ()
    ) -> tuple[int, bytes, float]:
        """Status, body and seconds of a query; status 0 if there is no whole answer. Short ones are sent by GET."""
        return self.answer("/sparql", (("query", text), ("format", "csv" if _is_rows(text) else ""), *fields), client)

    def answer(
        self, path: str, fields: tuple[tuple[str, str], ...], client: str = "127.0.0.1"
    ) -> tuple[int, bytes, float]:
        """Status, body and seconds of what is asked at a path."""
        pairs = urlencode(fields).replace(PORT, str(self.canary))
        connection = HTTPConnection("127.0.0.1", self.port, timeout=self.wait_s, source_address=(client, 0))
        began = time.monotonic()
        try:
            if len(pairs) < 8000:
                connection.request("GET", f"{path}?{pairs}")
            else:
                connection.request("POST", path, pairs, {"Content-Type": FORM})
            answer = connection.getresponse()
            body, status = answer.read(), answer.status
        except (OSError, HTTPException):
            body, status = b"", 0
        finally:
            connection.close()
        return status, body, time.monotonic() - began

    def is_well(self, client: str = "127.0.0.1") -> bool:
        """Whether it answers a light query that it has not seen before."""
        return self.light(client) == LIGHT_ANSWER

    def light(self, client: str = "127.0.0.1") -> tuple[int, bytes]:
        """Status and body of a light query that it has not seen before."""
        return self.ask(f"{LIGHT} # {time.monotonic_ns()}", client)[:2]

    def begin(self, text: str, client: str = "127.0.0.1", receive_bytes: int = 0) -> socket.socket:
        """Ask, but do not wait for the answer: the connection, to be closed."""
        sock = socket.socket()
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.bind((client, 0))
        sock.connect(("127.0.0.1", self.port))
        sock.sendall(get(f"/sparql?{urlencode({'query': text})}"))
        return sock

    def send(self, request: bytes, is_half_closed: bool = False) -> tuple[int, bytes]:
        """Status and everything that came back for the bytes of a request; 0 when the connection was closed."""
        came = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=self.wait_s) as sock:
            with contextlib.suppress(OSError):
                sock.sendall(request)
                if is_half_closed:
                    sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                while piece := sock.recv(65536):
                    came += piece
        return int(came[9:12]) if came[:5] == b"HTTP/" else 0, came

    def slow_queries(self) -> int:
        """How many of its query workers were put behind the others."""
        count = 0
        for pid in descendants(self.process.pid):
            with contextlib.suppress(OSError):
                count += os.getpriority(os.PRIO_PROCESS, pid) > 0
        return count

    def memory(self) -> int:
        """Resident memory of all its processes, in bytes."""
        return memory_of(self.process.pid)


def _is_rows(text: str) -> bool:
    return not any(word in text for word in ("CONSTRUCT", "DESCRIBE"))


def refused(connections: list[socket.socket]) -> int:
    """How many were told that their client holds its share."""
    count = 0
    for sock in connections:
        with contextlib.suppress(BlockingIOError):
            count += sock.recv(12, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"HTTP/1.1 429"
    return count


def memory_of(pid: int) -> int:
    """Resident memory of a process and all that it started, in bytes; what they share is counted once (PSS)."""
    total = 0
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                total += int(line.split()[1]) * 1024 if line.startswith("Pss:") else 0
    return total


def descendants(pid: int) -> list[int]:
    """The process and all that it started, down to the last."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def make_data(folder: Path, subjects: int) -> None:
    """Publish a snapshot of made-up statements: two for each subject, one of them a link of a long chain."""
    folder.mkdir(parents=True)
    store = ox.Store(str(folder / "made"))
    name, link = ox.NamedNode("http://e/p"), ox.NamedNode("http://e/next")
    nodes = [ox.NamedNode(f"http://e/s{n}") for n in range(subjects)]
    store.bulk_extend(ox.Quad(node, name, ox.Literal(f"v{n}")) for n, node in enumerate(nodes))
    store.bulk_extend(ox.Quad(one, link, other) for one, other in itertools.pairwise(nodes))
    store.flush()
    target = folder / "snapshots" / "000001"
    target.mkdir(parents=True)
    store.backup(str(target / "graph"))
    manifest = {"sequence": 1, "created": "2026-01-02T03:04:05Z", "base_iri": "https://e.example/", "quads": len(store)}
    (target / "manifest.json").write_text(json.dumps(manifest))
    (folder / "snapshots" / "current").symlink_to("000001")


@contextmanager
def serving(folder: Path, subjects: int, canary: int = 9, **settings: object) -> Iterator[Hub]:
    """Serve made-up statements with `hub serve`, its data and settings in an empty folder."""
    make_data(folder / "data", subjects)
    lines = {"data_dir": "data", "base_iri": "https://e.example/", **settings}
    (folder / "hub.toml").write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items()))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "hub.cli", "serve", "--port", str(port), "--config", str(folder / "hub.toml")]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environ, start_new_session=True)
    try:
        hub = Hub(port, process, canary)
        until = time.monotonic() + 60
        while not hub.is_well():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the hub does not answer: {log.read_text()}")
            time.sleep(0.05)
        yield hub
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
