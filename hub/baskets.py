"""Baskets: lists of datasets that somebody wants to have, and what their licences allow.

Nothing of a basket is kept on the server. What was picked by hand is in a cookie as ``bia/S-BIAD824|idr/idr0015``,
everything else is in the address: ``d=bia/S-BIAD824`` for each dataset, or the parameters of a search.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

from hub.errors import ResultTooLargeError
from ontology import archives, iris, licences

MAX_HELD = 150
MAX_COOKIE_CHARS = 3800  # a browser keeps 4,096 bytes of name, value and attributes
MAX_NAME_CHARS = 200
_BETWEEN = "|"
_NAME = re.compile(r"[a-z][a-z0-9-]*/[^\s?#|\x00-\x1f]+")
_CC = re.compile(r"https://creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)/")
_PUBLIC_DOMAIN = "https://creativecommons.org/publicdomain/"
_WITHOUT_CONDITION = {"CC0-1.0", "PDDL-1.0", "Unlicense", "MIT-0"}
_COPYLEFT = re.compile(r"(?:A|L)?GPL|MPL|EUPL|ODbL")

Answer = Literal["allow", "no", "unknown"]


def name_of(text: str, base: str) -> str:
    """Return a dataset's name in a basket, ``<archive>/<accession>``, of that name or of the dataset's IRI.

    >>> name_of("https://hub.example.org/dataset/bia/S-BIAD824", "https://hub.example.org/")
    'bia/S-BIAD824'

    Raises:
        ValueError: it is neither; the text says what is expected.
    """
    name = unquote(text.strip()).removeprefix(base).removeprefix("dataset/")
    if len(name) > MAX_NAME_CHARS or not _NAME.fullmatch(name):
        raise ValueError(f"{text[:100]!r} names no dataset: write <archive>/<accession>, such as bia/S-BIAD824")
    archive, _, accession = name.partition("/")
    return f"{archive}/{archives.dataset_name(archive, accession)}"


def iri_of(name: str, base: str) -> str:
    """Return the IRI of a dataset by its name in a basket.

    >>> iri_of("bia/S-BIAD824", "https://hub.example.org/")
    'https://hub.example.org/dataset/bia/S-BIAD824'
    """
    return iris.dataset(base, *name.split("/", 1))


# --- the cookie --------------------------------------------------------------------------------------------------


class FullError(ValueError):
    """A basket holds no more datasets."""


def read(cookie: str) -> list[str]:
    """Return the names that a cookie holds; what is none is left out, for a cookie is what anybody may write."""
    parts = cookie[: MAX_COOKIE_CHARS * 2].split(_BETWEEN)
    names = (unquote(part) for part in parts if part)
    return [n for n in dict.fromkeys(names) if len(n) <= MAX_NAME_CHARS and _NAME.fullmatch(n)][:MAX_HELD]


def written(names: Iterable[str]) -> str:
    """Return the cookie of some names, in characters that a cookie may have.

    >>> written(["bia/S-BIAD824", "idr/idr0015"])
    'bia/S-BIAD824|idr/idr0015'

    Raises:
        FullError: they are too many.
    """
    held = list(names)
    text = _BETWEEN.join(quote(name, safe="/-._~:") for name in held)
    if len(held) > MAX_HELD or len(text) > MAX_COOKIE_CHARS:
        raise FullError(
            f"a basket holds about {MAX_HELD} datasets, and these are {len(held)}: remove some, "
            "or use the manifest of a search, which holds thousands"
        )
    return text


# --- what licences allow -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Use:
    """What a licence allows; to be read together with the licence itself.

    Attributes:
        licence: SPDX identifier, else the licence's address, else empty.
        commercial: whether the data may be used commercially.
        reason: why, in a few words.
        conditions: what else is asked: ``attribution``, ``share alike``, ``no derivatives``.
    """

    licence: str
    commercial: Answer
    reason: str
    conditions: tuple[str, ...] = ()


def use_of(url: str | None) -> Use:
    """Return what a licence allows, by its canonical address.

    >>> use_of("https://creativecommons.org/licenses/by-nc-sa/4.0/")
    Use(licence='CC-BY-NC-SA-4.0', commercial='no', reason='NC: not for commercial use', \
conditions=('attribution', 'share alike'))

    Source: https://creativecommons.org/share-your-work/cclicenses/ and https://spdx.org/licenses/
    """
    if not url:
        return Use("", "unknown", "the archive names no licence")
    spdx = licences.spdx(url)
    if spdx in _WITHOUT_CONDITION or url.startswith(_PUBLIC_DOMAIN):
        return Use(spdx or url, "allow", "public domain, or as good as that")
    if found := _CC.match(url):
        return _creative_commons(spdx or url, found[1].split("-"))
    if spdx is None:
        return Use(url, "unknown", "not a licence that the hub knows: read it")
    conditions = ("attribution", "share alike") if _COPYLEFT.match(spdx) else ("attribution",)
    return Use(spdx, "allow", "an open licence", conditions)


def _creative_commons(name: str, parts: list[str]) -> Use:
    said = (("by", "attribution"), ("sa", "share alike"), ("nd", "no derivatives"))
    conditions = tuple(condition for part, condition in said if part in parts)
    if "nc" in parts:
        return Use(name, "no", "NC: not for commercial use", conditions)
    return Use(name, "allow", "ND: unchanged only" if "nd" in parts else "an open licence", conditions)


# --- limits ------------------------------------------------------------------------------------------------------


def bounded(wanted: Iterable[str], limit: int) -> list[str]:
    """Return each IRI once, in order.

    Raises:
        ResultTooLargeError: they are more than the limit.
    """
    found: dict[str, None] = {}
    for iri in wanted:
        found[iri] = None
        if len(found) > limit:
            raise ResultTooLargeError(
                f"a manifest holds at most {limit:,} datasets, and these are more: narrow the search"
            )
    return list(found)
