"""Cheap looks at the text of a query before a worker is used: form, SERVICE, nesting depth, length.

No parser: a scanner that knows strings, IRIs, comments, names and brackets. It gives clear refusals; what keeps the
service safe is that :mod:`hub.worker_process` can be killed and reaches no network, whatever this module overlooks.

Source: https://www.w3.org/TR/sparql11-query/#grammar
"""

from __future__ import annotations

import re
from typing import Literal

from hub.errors import QueryRefusedError, QuerySyntaxError, QueryTooComplexError

Form = Literal["SELECT", "ASK", "CONSTRUCT", "DESCRIBE", "UPDATE"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 500

_QUERY_FORMS: dict[str, Form] = {
    "SELECT": "SELECT",
    "ASK": "ASK",
    "CONSTRUCT": "CONSTRUCT",
    "DESCRIBE": "DESCRIBE",
}
_UPDATES = frozenset(("INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH"))
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_PROLOGUE = re.compile(
    r"""(?: [\s\ufeff]++ | \#[^\n\r]*+
        | PREFIX \s*+ [^\s:<]*+ : \s*+ <[^<>\s]*+>
        | BASE \s*+ <[^<>\s]*+>
        | VERSION \s*+ (?:"[^"\n\r]*+"|'[^'\n\r]*+')
        )*+ ([A-Za-z]*+)""",
    re.VERBOSE | re.IGNORECASE,
)
_TOKEN = re.compile(
    r'''\#[^\n\r]*+                                           # comment
      | """(?:[^"\\]|\\.|"(?!""))*+""" | \'\'\'(?:[^'\\]|\\.|'(?!\'\'))*+\'\'\'
      | "(?:[^"\\\n\r]|\\.)*+" | '(?:[^'\\\n\r]|\\.)*+'
      | <[^<>"{}|^`\\\x00-\x20]*+>                            # IRI
      | [?$]\w++ | @[A-Za-z0-9-]++                            # variable, language
      | (?P<name>(?:[^\W\d_][\w.\-]{0,60}+|_)?:(?:[\w.\-:%]|\\.)*+)
      | (?P<word>[^\W\d_]++)
      | (?P<open>[({\[]|<<) | (?P<close>[)}\]]|>>)
      | (?P<prefix>[!\-+^](?:\s*+[!\-+^])*+)
      | \\.''',
    re.VERBOSE | re.DOTALL,
)
_SERVICE = re.compile("service", re.IGNORECASE)
_NESTING = ("(", "{", "[", "<<", "!", "-", "+", "^")
_REFUSAL = "SERVICE is refused here: ask each endpoint by itself, or join with VALUES"


def decode_escapes(text: str) -> str:
    r"""The text with its codepoint escapes (``\u0041``, ``\U00000041``) replaced, as is done before parsing.

    Source: https://www.w3.org/TR/sparql11-query/#codepointEscape
    """
    if "\\u" not in text and "\\U" not in text:
        return text

    def character(match: re.Match[str]) -> str:
        code = int(match[1] or match[2], 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else match[0]

    return _ESCAPE.sub(character, text)


def form(text: str) -> Form:
    """Which form of query the text has; "UPDATE" for any update.

    Raises:
        QuerySyntaxError: no query form follows the prologue.
    """
    match = _PROLOGUE.match(decode_escapes(text))
    word = match[1].upper() if match else ""
    if word in _UPDATES:
        return "UPDATE"
    for name, found in _QUERY_FORMS.items():
        if word.startswith(name):  # the engine needs no space after a keyword
            return found
    raise QuerySyntaxError("no SELECT, ASK, CONSTRUCT or DESCRIBE found after the prologue")


def check(text: str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, allow_service: bool = False) -> Form:
    """Refuse what should not reach a worker; the form of the query if it may.

    Raises:
        QueryTooComplexError: longer than ``max_bytes`` in UTF-8, or nested deeper than ``max_depth``.
        QueryRefusedError: an update, or a SERVICE pattern.
        QuerySyntaxError: no query form follows the prologue.
    """
    if len(text) > max_bytes or (len(text) * 4 > max_bytes and len(text.encode(errors="replace")) > max_bytes):
        raise QueryTooComplexError(f"the query is longer than {max_bytes} bytes: shorten it")
    text = decode_escapes(text)
    found = form(text)
    if found == "UPDATE":
        raise QueryRefusedError("updates are refused here: this endpoint only reads")
    service = not allow_service and "service" in text.lower()
    if service or _may_be_deep(text, max_depth):
        _scan(text, max_depth, service)
    return found


def _may_be_deep(text: str, max_depth: int) -> bool:
    """False when there are too few brackets and signs for it, wherever they stand."""
    return sum(map(text.count, _NESTING)) > max_depth


def _scan(text: str, max_depth: int, service: bool) -> None:
    """Walk over the tokens; a bracket and a sign before an operand each nest by one."""
    depth, word = 0, ""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "word":
            word = match[0].upper()
            if service and "SERVICE" in word:
                raise QueryRefusedError(_REFUSAL)
        elif kind == "name" and service and word != "GRAPH" and _is_service_call(match[0], text, match.end()):
            raise QueryRefusedError(_REFUSAL)
        if depth + (len("".join(match[0].split())) if kind == "prefix" else 0) > max_depth:
            raise QueryTooComplexError(f"the query is nested deeper than {max_depth}: simplify it")


def _is_service_call(name: str, text: str, end: int) -> bool:
    """Whether a prefixed name is the keyword run together with the endpoint's name (``SERVICE:x {``)."""
    prefix = name.partition(":")[0]
    return _SERVICE.search(prefix) is not None and text[end : end + 200].lstrip().startswith(("{", "#"))
