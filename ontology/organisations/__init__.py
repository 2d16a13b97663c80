"""Names of organisations and countries, for comparing; the table of organisations that comes with the hub."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from ontology.text import fold

_WORD: Final = re.compile(r"[^\W_]+")
_APOSTROPHE: Final = re.compile(r"['’`´]")
_NO_WORDS: Final = frozenset({"the", "and", "et", "und"})
# Other names of countries than those below → ISO 3166-1 code
_SPELLINGS: Final = {
    "usa": "US", "u s a": "US", "united states of america": "US", "uk": "GB", "u k": "GB", "england": "GB",
    "scotland": "GB", "wales": "GB", "northern ireland": "GB", "great britain": "GB", "p r china": "CN",
    "pr china": "CN", "people s republic of china": "CN", "peoples republic of china": "CN", "republic of korea": "KR",
    "korea": "KR", "holland": "NL", "deutschland": "DE", "czechia": "CZ", "russian federation": "RU", "turkiye": "TR",
    "viet nam": "VN", "republic of ireland": "IE", "brasil": "BR", "espana": "ES", "italia": "IT", "osterreich": "AT",
}  # fmt: skip
_COUNTRIES: Final = {
    "AR": "Argentina", "AT": "Austria", "AU": "Australia", "BD": "Bangladesh", "BE": "Belgium", "BG": "Bulgaria",
    "BR": "Brazil", "CA": "Canada", "CH": "Switzerland", "CL": "Chile", "CN": "China", "CO": "Colombia", "CU": "Cuba",
    "CY": "Cyprus", "CZ": "Czech Republic", "DE": "Germany", "DK": "Denmark", "EE": "Estonia", "EG": "Egypt",
    "ES": "Spain", "FI": "Finland", "FR": "France", "GB": "United Kingdom", "GR": "Greece", "HK": "Hong Kong",
    "HR": "Croatia", "HU": "Hungary", "ID": "Indonesia", "IE": "Ireland", "IL": "Israel", "IN": "India", "IR": "Iran",
    "IS": "Iceland", "IT": "Italy", "JP": "Japan", "KE": "Kenya", "KR": "South Korea", "KZ": "Kazakhstan",
    "LT": "Lithuania", "LU": "Luxembourg", "LV": "Latvia", "MX": "Mexico", "MY": "Malaysia", "NG": "Nigeria",
    "NL": "Netherlands", "NO": "Norway", "NZ": "New Zealand", "PE": "Peru", "PK": "Pakistan", "PL": "Poland",
    "PT": "Portugal", "RO": "Romania", "RS": "Serbia", "RU": "Russia", "SA": "Saudi Arabia", "SE": "Sweden",
    "SG": "Singapore", "SI": "Slovenia", "SK": "Slovakia", "TH": "Thailand", "TR": "Turkey", "TW": "Taiwan",
    "UA": "Ukraine", "US": "United States", "UY": "Uruguay", "VN": "Vietnam", "ZA": "South Africa",
}  # fmt: skip


def name_key(name: str) -> str:
    """Return the words of an organisation's name for comparing: folded, without articles, "and" and signs.

    >>> name_key("The Walter & Eliza Hall Institute"), name_key("Université Côte d’Azur")
    ('walter eliza hall institute', 'universite cote dazur')
    """
    words = _WORD.findall(_APOSTROPHE.sub("", fold(name)))
    return " ".join(word for word in words if word not in _NO_WORDS)


_CODES: Final = {name_key(name): code for code, name in _COUNTRIES.items()} | _SPELLINGS


def country(text: str) -> str | None:
    """Return the ISO 3166-1 code of a country's English name, also an abbreviation, or None.

    >>> country("U.S.A."), country("Israel."), country("Heidelberg")
    ('US', 'IL', None)
    """
    return _CODES.get(name_key(text))


def country_name(code: str) -> str:
    """Return the English name of a country, else its code.

    >>> country_name("IL")
    'Israel'
    """
    return _COUNTRIES.get(code, code)


def bundled() -> bytes:
    """Return the table of organisations that comes with the hub, in the form ``tsv`` of references."""
    return files("ontology").joinpath("organisations", "ror.tsv").read_bytes()
