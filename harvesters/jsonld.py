"""JSON-LD from elsewhere, read without the network: any document becomes a flat list of plainly keyed nodes.

A crate that is already flat and uses only contexts known here is taken as it is (its compact IRIs spelt out);
every other shape goes through PyLD with the pinned contexts. A context that is not pinned is an error, never a
request: remote contexts change under their users and can be made to reach into the hub's own network.
"""

from __future__ import annotations

import json
import re
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
_CONTAINERS = (dict, list)
# Relative ids are resolved against this and made relative again.
BASE = "https://crate.invalid/"
# Contexts of BIA and SSBD name a property that does not exist.
MISNAMED = {"http://www.w3.org/1999/02/22-rdf-syntax-ns#seeAlso": "seeAlso", "rdf:seeAlso": "seeAlso"}
PREFIX_ENDS = ("/", "#", "_", ":", "=", "?")
# Contexts of schema.org and Bioschemas in all their spellings, answered from the bundled `schema.jsonld`.
SCHEMA_CONTEXTS = re.compile(
    r"https?://(?:www\.)?(?:schema\.org(?:/docs/\w+\.jsonld|/version/[\w./-]+)?|bioschemas\.org(?:/[\w./-]*)?)/*"
)
SCHEMA_TERMS = re.compile(r"https?://(?:schema\.org/|bioschemas\.org/(?:[\w.-]+/)*)(?=[\w-]+$)")


@cache
def profile_context() -> dict[str, str]:
    """Return the pinned context: the terms of the profile, as IRIs."""
    text = files("harvesters.contexts").joinpath("profile.jsonld").read_text(encoding="utf-8")
    return dict(json.loads(text)["@context"])


@cache
def _prefixes() -> dict[str, str]:
    return {term: iri for term, iri in profile_context().items() if iri.endswith(PREFIX_ENDS)}


@cache
def _terms() -> dict[str, str]:
    return {iri: term for term, iri in profile_context().items()} | MISNAMED


def flat_nodes(document: Any) -> list[Node]:
    """Return the nodes of a JSON-LD document, keyed by the profile's terms, references as ``{"@id": …}``.

    Raises:
        RecordError: not JSON-LD, nested too deep, or a context that is not pinned.
    """
    if not isinstance(document, dict | list):
        raise RecordError("the document is not a JSON object")
    if _depth(document) > MAX_DEPTH:
        raise RecordError(f"the document is nested deeper than {MAX_DEPTH} levels")
    if isinstance(document, list):
        return _flattened(document)
    prefixes = _plain_prefixes(document.get("@context"))
    graph = document.get("@graph")
    if prefixes is None or not isinstance(graph, list) or not all(_is_flat(n) for n in graph):
        return _flattened(document)
    return [_spelt_out(node, prefixes) for node in graph]


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        depth += 1
        inside = (item.values() if isinstance(item, dict) else item for item in level)
        level = [c for children in inside for c in children if isinstance(c, _CONTAINERS)]
    return depth


def _plain_prefixes(context: Any) -> dict[str, str] | None:
    """Return the prefixes of a context that gives the profile's terms their usual meaning, else None."""
    prefixes = dict(_prefixes())
    for part in context if isinstance(context, list) else [context]:
        if isinstance(part, str) and part.rstrip("/") in PINNED:
            continue
        if not isinstance(part, dict):
            return None
        for term, meaning in part.items():
            if isinstance(meaning, str) and meaning.endswith(PREFIX_ENDS) and not term.startswith("@"):
                prefixes[term] = meaning
            elif not _usual(term, meaning):
                return None
    return prefixes


def _usual(term: str, meaning: Any) -> bool:
    ours = profile_context().get(term)
    if isinstance(meaning, str):
        meaning = {"@id": meaning}
    if not isinstance(meaning, dict) or ours is None:
        return False
    local = str(meaning.get("@id", "")).replace("/", ":").replace("#", ":").rpartition(":")[2]
    return local == ours.replace("#", "/").rpartition("/")[2] and set(meaning) <= {"@id", "@type"}


def _is_flat(node: Any) -> bool:
    return (
        isinstance(node, dict)
        and not any(":" in key for key in node)
        and not any(":" in str(kind) for kind in _listed(node.get("@type")))
        and all(_is_plain(item) for value in node.values() for item in _listed(value))
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


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


def _flattened(document: Any) -> list[Node]:
    try:
        flat = pyld.flatten(document, None, {"documentLoader": _pinned, "base": BASE})
    except (pyld.JsonLdError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise RecordError(f"not JSON-LD that can be read with the pinned contexts: {_cause(err)}") from err
    return [_keyed(node) for node in flat]


def _keyed(node: Node) -> Node:
    """Return an expanded node under the profile's terms, its references relative again and its values plain."""
    keyed: Node = {"@id": node["@id"].removeprefix(BASE)}
    for iri, values in node.items():
        if iri == "@type":
            keyed["@type"] = [_term(kind) for kind in values]
        elif not iri.startswith("@"):
            keyed.setdefault(_term(iri), []).extend(plain for value in values for plain in _unwrapped(value))
    return {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in keyed.items()}


def _term(iri: str) -> str:
    return _terms().get(iri.replace("https://schema.org/", "http://schema.org/"), iri.removeprefix(BASE))


def _unwrapped(value: Any) -> list[Any]:
    if "@list" in value:
        return [plain for item in value["@list"] for plain in _unwrapped(item)]
    return [{"@id": value["@id"].removeprefix(BASE)}] if "@id" in value else [value.get("@value")]


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


# --- web pages in schema.org's words -------------------------------------------------------------------------------


@cache
def schema_context() -> dict[str, Any]:
    """Return the pinned context of web pages: every plain term is one of schema.org."""
    text = files("harvesters.contexts").joinpath("schema.jsonld").read_text(encoding="utf-8")
    return dict(json.loads(text)["@context"])


def schema_nodes(document: Any, base: str, label: str) -> tuple[list[Node], list[str]]:
    """Return the nodes of a page's JSON-LD, and the remote contexts that were left aside because they are not pinned.

    A node has ``@id``, ``@type`` (a list) and lists of values under the names of schema.org's terms; other terms stand
    under their IRI. A value is a plain one or a reference ``{"@id": …}``; values in English come before those in other
    languages. Without any context, terms are schema.org's too.

    Args:
        document: the JSON-LD.
        base: address that relative ids are resolved against.
        label: what the ids of nameless nodes begin with, behind ``_:``, so that those of two documents differ.

    Raises:
        RecordError: not JSON-LD, or nested too deep.
    """
    if not isinstance(document, dict | list):
        raise RecordError("the document is not a JSON object")
    if _depth(document) > MAX_DEPTH:
        raise RecordError(f"the document is nested deeper than {MAX_DEPTH} levels")
    foreign: list[str] = []
    options = {"documentLoader": _refused, "base": base, "expandContext": {"@context": schema_context()}}
    try:
        flat = pyld.flatten(_pinned_inside(document, foreign), None, options)
    except (pyld.JsonLdError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise RecordError(f"not JSON-LD: {_cause(err)}") from err
    return [_in_schema_words(node, label) for node in flat], list(dict.fromkeys(foreign))


def _pinned_inside(value: Any, foreign: list[str]) -> Any:
    """Return a document with its remote contexts replaced by the pinned one, or taken out."""
    if isinstance(value, list):
        return [_pinned_inside(item, foreign) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _pinned_context(inner, foreign) if key == "@context" else _pinned_inside(inner, foreign)
        for key, inner in value.items()
    }


def _pinned_context(context: Any, foreign: list[str]) -> Any:
    parts = context if isinstance(context, list) else [context]
    kept: list[Any] = []
    for part in parts:
        if not isinstance(part, str):
            kept.append(_pinned_inside(part, foreign))
        elif SCHEMA_CONTEXTS.fullmatch(part.strip()):
            kept.append(schema_context())
        else:
            foreign.append(part)
    return kept


def _refused(url: str, _options: Any = None) -> dict[str, Any]:
    raise pyld.JsonLdError(f"the context {url} is not pinned", "jsonld.LoadDocumentError")


def _in_schema_words(node: Node, label: str) -> Node:
    named: Node = {"@id": _labelled(node["@id"], label), "@type": [_schema_term(k) for k in node.get("@type", ())]}
    for iri, values in node.items():
        if not iri.startswith("@"):
            plain = [item for value in sorted(values, key=_is_foreign) for item in _schema_values(value, label)]
            named.setdefault(_schema_term(iri), []).extend(plain)
    return named


def _schema_term(iri: str) -> str:
    return SCHEMA_TERMS.sub("", iri)


def _labelled(iri: str, label: str) -> str:
    return f"_:{label}{iri[2:]}" if iri.startswith("_:") else iri


def _is_foreign(value: Any) -> bool:
    return "@language" in value and not str(value["@language"]).casefold().startswith("en")


def _schema_values(value: Any, label: str) -> list[Any]:
    if "@list" in value:
        return [plain for item in value["@list"] for plain in _schema_values(item, label)]
    return [{"@id": _labelled(value["@id"], label)}] if "@id" in value else [value.get("@value")]
