"""Rows of SPARQL results as terms that can be written into a query.

Nothing of another endpoint's answer gets into a query but what the engine's own term classes have checked and written.

Source: https://www.w3.org/TR/sparql11-results-json/ · https://www.w3.org/TR/rdf11-concepts/#section-skolemization
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pyoxigraph import Literal, NamedNode

Row = tuple[str | None, ...]
"""One solution: a term as it is written in SPARQL, or None, for each variable."""

MEDIA_TYPE = "application/sparql-results+json"
_XSD = "http://www.w3.org/2001/XMLSchema#"
_LIKE_CODEPOINT = re.compile(r"\\(?:\\([uU])?|.)", re.DOTALL)
_SENDABLE = re.compile(rf'<.*>|"(?:[^"\\]|\\.)*"(?:@.*|\^\^<{re.escape(_XSD)}integer>)?', re.DOTALL)


def read(body: bytes, names: Sequence[str], genid: str = "") -> list[Row]:
    """Return the rows of SPARQL results in JSON.

    Args:
        body: the results.
        names: the variables that are wanted, in this order; others are passed over.
        genid: start of the IRIs that blank nodes get, as those have no name in a query; "" leaves a blank node out.

    Raises:
        ValueError: no such results, or a term that is none.
    """
    try:
        bindings = json.loads(body)["results"]["bindings"]
        return [tuple(_term(row.get(name), genid) for name in names) for row in bindings]
    except (KeyError, TypeError, AttributeError, RecursionError) as err:
        raise ValueError("no SPARQL results in JSON") from err


def variables(body: bytes) -> list[str]:
    """Return the variables of SPARQL results in JSON."""
    return list(json.loads(body)["head"]["vars"])


def _term(cell: dict[str, Any] | None, genid: str) -> str | None:
    if cell is None:
        return None
    kind, value = cell["type"], cell["value"]
    if kind == "uri":
        return str(NamedNode(value))
    if kind == "bnode":
        return f"<{genid}{hashlib.sha256(str(value).encode()).hexdigest()[:24]}>" if genid else None
    if kind not in ("literal", "typed-literal") or "its:dir" in cell:
        raise ValueError(f"a term of type {str(kind)[:40]!r}")
    if tag := cell.get("xml:lang"):
        return _escaped(Literal(value, language=tag))
    datatype = cell.get("datatype")
    return _escaped(Literal(value, datatype=NamedNode(datatype)) if datatype else Literal(value))


def _escaped(literal: Literal) -> str:
    r"""The literal as any SPARQL engine reads it, those that replace ``\u`` anywhere before they parse included.

    >>> print(_escaped(Literal(r'a\u0022"')))
    "a\\\u00750022\""
    """
    return _LIKE_CODEPOINT.sub(lambda m: rf"\\\u{ord(m[1]):04X}" if m[1] else m[0], str(literal))


def is_sendable(term: str | None) -> bool:
    """Whether a term means the same everywhere, however stores write numbers and dates: an IRI, text or integer."""
    return term is not None and _SENDABLE.fullmatch(term) is not None


def distinct(rows: Iterable[Row]) -> list[Row]:
    """Return rows without repetitions, in their order."""
    return list(dict.fromkeys(rows))


def table(names: Sequence[str], rows: Iterable[Row]) -> str:
    """Return rows as a pattern that joins with others in one pass.

    The engine compares a plain VALUES on the right of a join with each row on the left; a sub-SELECT it looks up.
    """
    shown = " ".join(f"?{name}" for name in names) or "*"
    return f"{{ SELECT {shown} {{ {values(names, rows)} }} }}"


def values(names: Sequence[str], rows: Iterable[Row]) -> str:
    """Return rows as a pattern of a query.

    >>> values(["a", "b"], [("<http://e/>", None)])
    'VALUES (?a ?b) { (<http://e/> UNDEF) }'
    """
    head = " ".join(f"?{name}" for name in names)
    lines = " ".join(f"({' '.join(term or 'UNDEF' for term in row)})" for row in rows)
    return f"VALUES ({head}) {{ {lines} }}"
