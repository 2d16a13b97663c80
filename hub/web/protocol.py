"""What a request to one of the machine endpoints asks: its parameters, body and address; and how errors leave it.

Source: https://www.w3.org/TR/sparql11-protocol/ · https://url.spec.whatwg.org/#application/x-www-form-urlencoded
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple
from urllib.parse import unquote

from pyoxigraph import NamedNode
from werkzeug.http import parse_options_header

from hub.web.problems import Headers, HttpError, problem

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Fields = dict[str, list[str]]

FORM = "application/x-www-form-urlencoded"
CORS: Headers = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "ETag, Link, Retry-After, X-Hub-Sequence, X-Hub-Truncated"),
]
VARY = ("Vary", "Accept, Accept-Encoding")
_MAX_FIELDS = 200
_HOST = re.compile(r"[A-Za-z0-9._-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")


class Reply(NamedTuple):
    """What is sent: status line, headers, body."""

    status: str
    headers: Headers
    body: Iterable[bytes]


class Endpoint:
    """A WSGI callable with CORS, HEAD and OPTIONS whose errors are problem documents."""

    methods: tuple[str, ...] = ("GET", "HEAD", "OPTIONS")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        try:
            status, headers, body = self._dispatch(environ)
        except Exception as error:
            code, headers, content = problem(error)
            status, body = f"{code} {HTTPStatus(code).phrase}", [content]
            headers += [VARY, *CORS]
        start_response(status, headers)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if close := getattr(body, "close", None):
            close()
        return []

    def _dispatch(self, environ: Environ) -> Reply:
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS":
            return Reply("204 No Content", [self._allow(), *self._preflight()], [])
        if method not in self.methods:
            raise HttpError(405, self._not_offered(method), [self._allow()])
        return self.respond(environ)

    def respond(self, environ: Environ) -> Reply:
        """Answer a request of an offered method; raises what :mod:`hub.web.problems` knows."""
        raise NotImplementedError

    def _not_offered(self, method: str) -> str:
        return f"{method} is not offered here: use {', '.join(self.methods)}"

    def _allow(self) -> tuple[str, str]:
        return "Allow", ", ".join(self.methods)

    def _preflight(self) -> Headers:
        return [
            *CORS,
            ("Access-Control-Allow-Methods", ", ".join(self.methods)),
            ("Access-Control-Allow-Headers", "Accept, Accept-Encoding, Content-Type, If-None-Match"),
            ("Access-Control-Max-Age", "86400"),
        ]


def root(environ: Environ, proxies: str = "", base_iri: str = "") -> str:
    """Return the address of the hub as the caller wrote it, without a slash at the end.

    ``X-Forwarded-Host`` and ``-Proto`` are believed of trusted proxies. From anybody else they tell at most that the
    host and scheme of this request may not be the caller's, and the base IRI stands for them.

    Args:
        environ: the WSGI environment.
        proxies: addresses and networks with commas in between, as the setting ``trusted_proxies``.
        base_iri: the hub's base IRI; "" to believe the request.

    Raises:
        HttpError: the host is none.
    """
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    scheme = environ["wsgi.url_scheme"]
    forwarded = [_last(environ.get(name, "")) for name in ("HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO")]
    if any(forwarded):
        if _is_among(environ.get("REMOTE_ADDR", ""), proxies):
            host, scheme = forwarded[0] or host, forwarded[1].lower() or scheme
        elif base_iri:
            return base_iri.rstrip("/")
    if not _HOST.fullmatch(host) or scheme not in ("http", "https"):
        raise HttpError(400, "the Host header is not a host name with an optional port")
    return f"{scheme}://{host}{environ.get('SCRIPT_NAME', '')}"


def _last(header: str) -> str:
    """Return the last entry of a list, which the nearest proxy wrote."""
    return header.rpartition(",")[2].strip()


def _is_among(address: str, networks: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    plain = getattr(found, "ipv4_mapped", None) or found
    return any(plain in ip_network(network.strip()) for network in networks.split(",") if network.strip())


def graph_iri(text: str, parameter: str) -> str:
    """Return an absolute IRI that was given as a parameter.

    Raises:
        HttpError: it is none.
    """
    try:
        return NamedNode(text).value
    except ValueError as error:
        raise HttpError(400, f"{parameter}: {text!r} is not an absolute IRI") from error


def query_fields(environ: Environ) -> Fields:
    """Return the parameters of the address."""
    return parse_fields(environ.get("QUERY_STRING", ""))


def media_type(environ: Environ) -> str:
    """Return the media type of the body, in small letters.

    Raises:
        HttpError: the body is coded, or not said to be UTF-8.
    """
    name, options = parse_options_header(environ.get("CONTENT_TYPE", ""))
    if options.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise HttpError(415, "send the body in UTF-8")
    if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise HttpError(415, "send the body without a content coding", [("Accept-Encoding", "identity")])
    return name.lower()


def read_body(environ: Environ, limit: int) -> str:
    """Return the body, of which at most ``limit`` bytes are read.

    Raises:
        HttpError: longer, or not UTF-8.
    """
    declared = environ.get("CONTENT_LENGTH") or ""
    too_long = HttpError(413, f"the request is longer than {limit} bytes", [("Connection", "close")])
    if declared and not (declared.isascii() and declared.isdigit()):
        raise HttpError(400, "Content-Length is not a number")
    if declared and int(declared) > limit:
        raise too_long
    if not declared and not environ.get("wsgi.input_terminated"):
        return ""
    body: bytes = environ["wsgi.input"].read(int(declared) if declared else limit + 1)
    if len(body) > limit:
        raise too_long
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise HttpError(400, "the request is not UTF-8") from error


def parse_fields(text: str) -> Fields:
    """Return the parameters of a query string or form.

    Raises:
        HttpError: not UTF-8, or too many.
    """
    fields: Fields = {}
    pairs = text.split("&", _MAX_FIELDS) if text else []
    if len(pairs) > _MAX_FIELDS:
        raise HttpError(400, f"there are more than {_MAX_FIELDS} parameters")
    try:
        for pair in pairs:
            name, _, value = pair.partition("=")
            fields.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    except UnicodeError as error:
        raise HttpError(400, "the request is not UTF-8") from error
    return fields


def unquote_plus(text: str) -> str:
    """Decode plus signs and %XX; UnicodeError for what is not UTF-8."""
    text = text.replace("+", " ")
    if "%" not in text and text.isascii():
        return text
    if "\\" not in text and text.isascii():
        try:  # six times as fast as urllib's loop: the escapes of Python string literals, decoded in C
            return text.replace("%", "\\x").encode("ascii").decode("unicode_escape").encode("latin-1").decode()
        except UnicodeDecodeError:
            pass  # a per cent sign that is none, or not UTF-8: urllib tells
    if not text.isascii() and all(char < "\u0100" for char in text):
        text = text.encode("latin-1").decode()  # WSGI hands raw bytes over as Latin-1
    return unquote(text, errors="strict")
