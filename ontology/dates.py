"""Dates that keep the precision they were given with: "2016", "2016-04" or "2016-04-27"."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final, Literal

from ontology.text import clean

Precision = Literal["year", "month", "day"]

_HYPHENS: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"))
_ISO: Final = re.compile(r"(\d{4})(?:[-/](\d{2})(?:[-/](\d{2}))?)?", re.ASCII)
_TIMED: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}\S*(?: ?UTC)?)", re.ASCII | re.IGNORECASE)
_ZONED: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
_NAMED: Final = (
    re.compile(r"(?:(?P<day>\d{1,2})(?:st|nd|rd|th)?[ -])?(?P<month>[A-Za-z]{3,9})\.?,?[ -](?P<year>\d{4})", re.ASCII),
    re.compile(r"(?P<month>[A-Za-z]{3,9})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})", re.ASCII),
    re.compile(r"(?P<year>\d{4})[ -](?P<month>[A-Za-z]{3,9})\.?(?:[ -](?P<day>\d{1,2}))?", re.ASCII),
)
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH_NUMBER: Final = {name[:cut]: place for place, name in enumerate(_MONTHS, 1) for cut in (3, None)} | {"sept": 9}
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2100
_FIRST_EPOCH: Final = 10**11

# The year that is not known. Source: https://www.loc.gov/standards/datetime/ (ISO 8601-2, unspecified digits)
UNKNOWN_YEAR = "XXXX"


def date(text: str | int) -> str:
    """An ISO 8601 date with the precision of the source: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``.

    Takes ISO dates and times (cut to the day as written), ``2016/04/27``, dates with an English month name, and
    whole numbers: 1900 to 2100 is a year, from 10**11 on (1973) milliseconds since 1970 (UTC).

    >>> date("27 April 2016"), date("2016"), date(1461715200000), date("2016-04-27T23:30:00Z")
    ('2016-04-27', '2016', '2016-04-27', '2016-04-27')

    Raises:
        ValueError: ambiguous ("03/12/13"), impossible, not a date, or outside 1900 to 2100.

    Source: https://www.iso.org/iso-8601-date-and-time-format.html
    """
    if isinstance(text, int):
        return _from_number(text)
    plain = clean(text).translate(_HYPHENS)
    return _iso(plain, text) or _timed(plain, text) or _named(plain, text) or _refuse(text)


def precision(text: str) -> Precision:
    """How exact a normalised date is.

    >>> precision("2016-04")
    'month'

    Raises:
        ValueError: if the text is not a date as `date` returns it.
    """
    if date(text) != text:
        _refuse(text)
    return "year" if len(text) == 4 else "month" if len(text) == 7 else "day"


def _refuse(value: object) -> str:
    raise ValueError(
        f"{str(value)[:200]!r} is not a date: expected YYYY, YYYY-MM, YYYY-MM-DD, a month by name, or epoch "
        f"milliseconds, within {_FIRST_YEAR} to {_LAST_YEAR}"
    )


def _from_number(number: int) -> str:
    if _FIRST_YEAR <= number <= _LAST_YEAR:
        return str(number)
    if number < _FIRST_EPOCH:
        return _refuse(number)
    try:
        day = dt.datetime.fromtimestamp(number / 1000, tz=dt.UTC).date()
    except (OverflowError, OSError, ValueError):
        return _refuse(number)
    return _checked(day.year, day.month, day.day, number)


def _checked(year: int, month: int | None, day: int | None, value: object) -> str:
    """The date in ISO form; refuses days that do not exist and years out of range."""
    try:
        dt.date(year, month or 1, day or 1)
    except ValueError:
        return _refuse(value)
    if not _FIRST_YEAR <= year <= _LAST_YEAR or 0 in (month, day):
        return _refuse(value)
    return "-".join([f"{year:04d}", *(f"{part:02d}" for part in (month, day) if part is not None)])


def _iso(plain: str, value: object) -> str | None:
    if not (found := _ISO.fullmatch(plain)):
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
    return _checked(year or 0, month, day, value)


def _timed(plain: str, value: object) -> str | None:
    if found := _ZONED.fullmatch(plain):
        return _iso(found[1], value)
    if not (found := _TIMED.fullmatch(plain)):
        return None
    clock = found[2].upper().removesuffix("UTC").strip()
    try:
        dt.datetime.fromisoformat(f"{found[1]}T{clock}")
    except ValueError:
        return _refuse(value)
    return _iso(found[1], value)


def _named(plain: str, value: object) -> str | None:
    for pattern in _NAMED:
        found = pattern.fullmatch(plain)
        month = _MONTH_NUMBER.get(found["month"].lower()) if found else None
        if found and month:
            return _checked(int(found["year"]), month, int(found["day"]) if found["day"] else None, value)
    return None
