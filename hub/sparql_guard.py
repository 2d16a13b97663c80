"""Cheap looks at the text of a query before a worker is used: form, SERVICE, nesting depth, length.

No parser: a scanner that knows strings, IRIs, comments, names and brackets. It gives clear refusals; what keeps the
service safe is that :mod:`hub.worker_process` can be killed and reaches no network, whatever this module overlooks.

Source: https://www.w3.org/TR/sparql11-query/#grammar
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from hub.errors import QueryRefusedError, QuerySyntaxError, QueryTooComplexError

Form = Literal["SELECT", "ASK", "CONSTRUCT", "DESCRIBE", "UPDATE"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 500
MAX_UNCLOSED = 20

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
      | "(?:[^"\\\n\r]|\\.)*+"?+ | '(?:[^'\\\n\r]|\\.)*+'?+  # or unclosed
      | <[^<>"{}|^`\\\x00-\x20]*+>                            # IRI
      | [?$]\w++ | @[A-Za-z0-9-]++                            # variable, language
      | (?:(?P<word>[^\W\d_][\w.\-]*+)|_?+(?=:))(?P<name>:(?:[\w.\-:%]|\\.)*+)?+
      | (?P<open>[({\[]|<<) | (?P<close>[)}\]]|>>)
      | (?P<prefix>[!\-+^](?:\s*+[!\-+^])*+)
      | \\.''',
    re.VERBOSE | re.DOTALL,
)
_SERVICE = re.compile("service", re.IGNORECASE)
_OPENING = re.compile(r"\s*+[{#]")
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
    depth, before = 0, ""
    for match in matches(_TOKEN, text):
        kind = match.lastgroup
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif service and _is_service(match, before):
            raise QueryRefusedError(_REFUSAL)
        if depth + (len("".join(match[0].split())) if kind == "prefix" else 0) > max_depth:
            raise QueryTooComplexError(f"the query is nested deeper than {max_depth}: simplify it")
        if not match[0].startswith("#"):
            before = match[0].upper() if kind == "word" else ""


def matches(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield the matches of a pattern that knows strings, as ``finditer``; raises as ``Unclosed`` does."""
    unclosed = Unclosed()
    for match in pattern.finditer(text):
        unclosed.count(match)
        yield match


class Unclosed:
    """Counts long strings without an end: each of them makes a pattern look for it in all the rest of the text.

    Raises:
        QueryTooComplexError: there are many.
    """

    def __init__(self) -> None:
        self._left = MAX_UNCLOSED

    def count(self, match: re.Match[str]) -> None:
        """Look at a token: a long string without an end is an empty string with a quotation mark after it."""
        if match[0] in ("''", '""') and match.string.startswith(match[0][0], match.end()):
            self._left -= 1
            if self._left < 0:
                raise QueryTooComplexError(f"more than {MAX_UNCLOSED} long strings have no end: close them")


def _is_service(match: re.Match[str], before: str) -> bool:
    """Whether a token is the keyword, or a name that it was run together with (``SERVICE:x {``)."""
    if _SERVICE.search(match["word"] or "") is None:
        return False
    return not match["name"] or (not before.endswith("GRAPH") and _OPENING.match(match.string, match.end()) is not None)
