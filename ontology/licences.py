"""Licences: any spelling becomes the canonical URL of the licence."""

from __future__ import annotations

import re
from typing import Final

from ontology.text import clean

_CC: Final = "https://creativecommons.org/"
_ZERO: Final = _CC + "publicdomain/zero/1.0/"
_MARK: Final = _CC + "publicdomain/mark/1.0/"
_SPDX: Final = "https://spdx.org/licenses/"
_CODES: Final = ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd")
_VERSIONS: Final = ("1.0", "2.0", "2.5", "3.0", "4.0")
_SPDX_IDS: Final = (
    "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CDLA-Permissive-2.0",
    "EUPL-1.2", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-2.1-only",
    "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0", "ODC-By-1.0", "ODbL-1.0", "PDDL-1.0", "Unlicense",
)  # fmt: skip
_SPDX_SPELLINGS: Final = {
    "apache 2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0", "apache license, version 2.0": "Apache-2.0",
    "apache.org/licenses/license-2.0": "Apache-2.0", "mit license": "MIT", "mit licence": "MIT",
    "opendatacommons.org/licenses/odbl/1-0": "ODbL-1.0", "opendatacommons.org/licenses/by/1-0": "ODC-By-1.0",
    "opendatacommons.org/licenses/pddl/1-0": "PDDL-1.0",
}  # fmt: skip
_URL: Final = re.compile(
    r"(?:https?://)?(?:www\.)?((?:creativecommons|spdx|opensource|apache|opendatacommons)\.org/\S*)", re.I
)
_CC_PATH: Final = re.compile(
    r"creativecommons\.org/(?:licen[sc]es|publicdomain)/([a-z+-]+)/(\d(?:\.\d)?)(?:/([a-z]{2,3}))?"
    r"(?:/(?:legalcode|deed)(?:\.[a-z_-]{2,12})?)?/?"
)
_WORDS: Final = (
    (re.compile(r"creative\s?commons"), "cc"), (re.compile(r"attribution"), "by"),
    (re.compile(r"non\s?-?commercial"), "nc"),
    (re.compile(r"share\s?-?alike"), "sa"),
    (re.compile(r"no\s?-?deriv(?:ative)?s?(?:\sworks)?"), "nd"),
    (re.compile(r"public\s?domain\smark"), "pdm"),
    (re.compile(r"\b(?:international|unported|generic|universal|licen[sc]e|public\sdomain\sdedication|public)\b"), " "),
    (re.compile(r"\bversion\b"), " "),
)  # fmt: skip
_TOKEN: Final = re.compile(r"\d(?:\.\d)?(?!\d)|[a-z]+|\S")
_ZERO_TOKENS: Final = frozenset({("cc", "0"), ("cc", "zero"), ("cc", "0", "1.0"), ("cc", "zero", "1.0")})
_MARK_TOKENS: Final = frozenset({("pdm",), ("pdm", "1.0"), ("cc", "pdm", "1.0"), ("cc", "pdm")})


def licence(text: str) -> str:
    """The canonical URL of a licence: Creative Commons' own, for others the SPDX page.

    A text that holds a name and a URL must mean one licence with both.

    >>> licence("CC-BY 4.0"), licence("CC0"), licence("MIT")
    ('https://creativecommons.org/licenses/by/4.0/', 'https://creativecommons.org/publicdomain/zero/1.0/', \
'https://spdx.org/licenses/MIT')

    Raises:
        ValueError: unknown, without a version ("CC BY-SA"), or name and URL disagree.

    Source: https://spdx.org/licenses/ and https://creativecommons.org/share-your-work/cclicenses/
    """
    plain = clean(text)
    if found := _URL.search(plain):
        rest = (plain[: found.start()] + " " + plain[found.end() :]).strip(" ()[]<>,;:")
        results = {_from_url(found[1].rstrip(")]>,;")), *([_from_name(rest)] if rest else [])}
    else:
        results = {_from_name(plain)}
    result = results.pop()
    if results or result is None:
        raise ValueError(f"{text[:200]!r} is not a known licence: expected a name with version or URL, as 'CC BY 4.0'")
    return result


def spdx(url: str) -> str | None:
    """The SPDX identifier of a canonical licence URL, or None if there is none.

    >>> spdx("https://creativecommons.org/licenses/by-nc-sa/3.0/")
    'CC-BY-NC-SA-3.0'

    Source: https://spdx.org/licenses/
    """
    if url == _ZERO:
        return "CC0-1.0"
    if url.startswith(_SPDX):
        name = url.removeprefix(_SPDX)
        return name if name in _SPDX_IDS else None
    found = _CC_PATH.fullmatch(url.removeprefix("https://"))
    if found is None or found[3] or _creative_commons(found[1], found[2]) != url:
        return None
    return f"CC-{found[1].upper()}-{found[2]}" if found[1] in _CODES else None


def _from_url(url: str) -> str | None:
    lower = url.lower()
    if found := _CC_PATH.fullmatch(lower.split("?")[0].split("#")[0]):
        return _creative_commons(found[1], found[2], found[3] or "")
    name = re.sub(r"\.(?:html|txt|php)$", "", lower.rstrip("/"))
    return _from_spdx(_SPDX_SPELLINGS.get(name, name.rsplit("/", 1)[-1]))


def _creative_commons(code: str, version: str, port: str = "") -> str | None:
    version = version if "." in version else version + ".0"
    if code in ("zero", "cc0") and version == "1.0":
        return _ZERO
    if code == "mark" and version == "1.0":
        return _MARK
    code = _ordered(set(code.split("-")))
    if code not in _CODES or version not in _VERSIONS or (port and version == "4.0"):
        return None
    return f"{_CC}licenses/{code}/{version}/" + (f"{port}/" if port else "")


def _ordered(parts: set[str]) -> str:
    known = [part for part in ("by", "nc", "sa", "nd") if part in parts]
    return "-".join(known) if len(known) == len(parts) else ""


def _from_spdx(name: str) -> str | None:
    folded = name.casefold()
    return next((_SPDX + known for known in _SPDX_IDS if known.casefold() == folded), None)


def _from_name(name: str) -> str | None:
    lower = name.casefold().strip()
    if known := _from_spdx(_SPDX_SPELLINGS.get(lower, lower)):
        return known
    tokens = _tokens(lower)
    if tokens in _ZERO_TOKENS:
        return _ZERO
    if tokens in _MARK_TOKENS:
        return _MARK
    if len(tokens) < 3 or tokens[0] != "cc" or tokens.count("by") != 1:
        return None
    return _creative_commons("-".join(tokens[1:-1]), tokens[-1]) if tokens[-1][0].isdigit() else None


def _tokens(lower: str) -> tuple[str, ...]:
    """The words of a licence's name as Creative Commons abbreviates them: ("cc", "by", "4.0")."""
    lower = re.sub(r"\bcc\s?(by|0(?!\.))", r"cc \1", lower)
    for pattern, short in _WORDS:
        lower = pattern.sub(short, lower)
    if not lower.startswith("("):
        lower = re.sub(r"\(\s*cc[^()]*\)", " ", lower)
    lower = re.sub(r"\bv(?=\d)", "", lower)
    tokens = tuple(token for token in _TOKEN.findall(lower) if token not in "-_/(),.")
    return ("cc", *tokens) if tokens[:1] == ("by",) else tokens
