"""JSON-LD from elsewhere, read without the network: any document becomes a flat list of plainly keyed nodes.

A crate that is already flat and uses only contexts known here is taken as it is (its compact IRIs spelt out);
every other shape goes through PyLD with the pinned contexts. A context that is not pinned is an error, never a
request: remote contexts change under their users and can be made to reach into the hub's own network.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from pyld import jsonld as pyld

from harvesters.contract import RecordError

Node = dict[str, Any]
# Contexts that a record may name, all answered from the bundled `profile.jsonld`.
PINNED = (
    "https://w3id.org/ro/crate/1.0/context",
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/crate/1.2/context",
    "https://www.gide-project.org/ro-crate/search/1.0/context",
    "https://gide-search/1.0/context",
    "http://schema.org",
    "https://schema.org",
)
MAX_DEPTH = 100
BASE = "urn:x-hub-crate:"


@cache
def profile_context() -> dict[str, Any]:
    """Return the pinned context: the terms of the profile, as IRIs."""
    text = files("harvesters.contexts").joinpath("profile.jsonld").read_text(encoding="utf-8")
    return dict(json.loads(text)["@context"])


def flat_nodes(document: Any) -> list[Node]:
    """Return the nodes of a JSON-LD document, keyed by the profile's terms, references as ``{"@id": …}``.

    Raises:
        RecordError: not JSON-LD, nested too deep, or a context that is not pinned.
    """
    if not isinstance(document, dict):
        raise RecordError("the document is not a JSON object")
    prefixes = _plain_prefixes(document.get("@context"))
    graph = document.get("@graph")
    if prefixes is None or not isinstance(graph, list) or not all(_is_flat(n) for n in graph):
        return _flattened(document)
    return [_spelt_out(node, prefixes) for node in graph]


def _depth(value: Any) -> int:
    deepest, stack = 0, [(value, 1)]
    while stack:
        item, level = stack.pop()
        deepest = max(deepest, level)
        if level > MAX_DEPTH:
            break
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        stack.extend((c, level + 1) for c in children if isinstance(c, dict | list))
    return deepest


def _plain_prefixes(context: Any) -> dict[str, str] | None:
    """Return the prefixes of a context that gives the profile's terms their usual meaning, else None."""
    prefixes: dict[str, str] = {"obo": "http://purl.obolibrary.org/obo/"}
    for part in context if isinstance(context, list) else [context]:
        if isinstance(part, str) and part.rstrip("/") in PINNED:
            continue
        if not isinstance(part, dict):
            return None
        for term, meaning in part.items():
            if isinstance(meaning, str) and not term.startswith("@"):
                prefixes[term] = meaning
            elif not _usual(term, meaning):
                return None
    return prefixes


def _usual(term: str, meaning: Any) -> bool:
    known = profile_context().get(term)
    if not isinstance(meaning, dict) or known is None:
        return False
    ours = known["@id"] if isinstance(known, dict) else known
    local = str(meaning.get("@id", "")).replace("/", ":").rpartition(":")[2]
    return local == ours.replace("#", "/").rpartition("/")[2] and set(meaning) <= {"@id", "@type"}


def _is_flat(node: Any) -> bool:
    return isinstance(node, dict) and all(
        _is_plain(item) for value in node.values() for item in (value if isinstance(value, list) else [value])
    )


def _is_plain(item: Any) -> bool:
    return not isinstance(item, list) and (not isinstance(item, dict) or set(item) == {"@id"})


def _spelt_out(node: Node, prefixes: dict[str, str]) -> Node:
    return {key: _value(value, prefixes) if key != "@id" else _iri(value, prefixes) for key, value in node.items()}


def _value(value: Any, prefixes: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_value(item, prefixes) for item in value]
    return {"@id": _iri(value["@id"], prefixes)} if isinstance(value, dict) else value


def _iri(value: Any, prefixes: dict[str, str]) -> str:
    prefix, colon, local = str(value).partition(":")
    if colon and not local.startswith("//") and prefix in prefixes:
        return prefixes[prefix] + local
    return str(value)


def _flattened(document: Node) -> list[Node]:
    if _depth(document) > MAX_DEPTH:
        raise RecordError(f"the document is nested deeper than {MAX_DEPTH} levels")
    options = {"documentLoader": _pinned, "base": BASE}
    try:
        flat = pyld.flatten(document, {"@context": profile_context()}, options)
    except (pyld.JsonLdError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise RecordError(f"not JSON-LD that can be read with the pinned contexts: {_cause(err)}") from err
    graph = flat.get("@graph", [flat])
    return [_localised(node) for node in graph if isinstance(node, dict)]


def _localised(node: Node) -> Node:
    """Return a node whose relative references are relative again."""
    text = json.dumps(node).replace(f'"{BASE}', '"')
    return dict(json.loads(text))


def _cause(err: BaseException) -> str:
    while getattr(err, "cause", None):
        err = err.cause  # type: ignore[attr-defined]
    return str(err).partition("\n")[0]


def _pinned(url: str, _options: Any = None) -> dict[str, Any]:
    if url.rstrip("/") not in PINNED:
        raise pyld.JsonLdError(f"the context {url} is not pinned", "jsonld.LoadDocumentError")
    return {
        "contextUrl": None,
        "documentUrl": url,
        "contentType": "application/ld+json",
        "document": {"@context": profile_context()},
    }
