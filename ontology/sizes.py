"""Byte counts and lengths: "1.2 GB" → 1200000000; (80, "Å") → 8 nm."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation, localcontext
from typing import Final

from ontology.text import clean

_DECIMAL: Final = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}
_SIZE: Final = re.compile(r"(\d{1,30}(?:\.\d{1,30})?)\s?([A-Za-z]*)")
_BYTES: Final = frozenset({"", "b", "byte", "bytes"})
_UNIT: Final = re.compile(r"([kmgtpe])(i?)b")
_MAX_BYTES: Final = 2**63 - 1


def size_bytes(text: str | int | float) -> int:
    """A number of bytes from text with a unit, or from a bare number of bytes.

    Units are decimal (kB, MB, GB, TB, PB, EB: powers of 1000) or binary (KiB, MiB, …: powers of 1024), in any case
    but one that may mean bits ("Gb"). A fraction of a byte is rounded off if the unit is larger than the byte.

    >>> size_bytes("1.2 GB"), size_bytes("12 KiB"), size_bytes(5.0)
    (1200000000, 12288, 5)

    Raises:
        ValueError: negative, not a number, unknown unit, half a byte, or beyond 2**63 - 1.

    Source: https://www.iec.ch/prefixes-binary-multiples
    """
    found = _SIZE.fullmatch(_number_text(text))
    if found is None:
        raise ValueError(f"{str(text)[:200]!r} is not a size: expected a number and a unit, such as '1.2 GB'")
    scale = _scale(found[2], text)
    exact = Decimal(found[1]) * scale
    if (scale == 1 and exact != int(exact)) or exact > _MAX_BYTES:
        raise ValueError(f"{str(text)[:200]!r} is not a size: expected a whole number of bytes up to 2**63 - 1")
    return int(exact.to_integral_value())


def _number_text(value: str | int | float) -> str:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _scale(unit: str, text: object) -> int:
    if unit.casefold() in _BYTES:
        return 1
    found = _UNIT.fullmatch(unit.lower())
    if found is None or (unit.endswith("b") and not unit.islower()):
        raise ValueError(f"{str(text)[:200]!r} has an unknown unit {unit!r}: expected B, kB, MB, GB, TB, PB, KiB, …")
    return int((1024 if found[2] else 1000) ** _DECIMAL[found[1]])


_LENGTHS: Final = {
    "pm": "0.001", "Å": "0.1", "A": "0.1", "nm": "1", "µm": "1E3", "μm": "1E3", "um": "1E3", "mm": "1E6",
    "cm": "1E7", "m": "1E9",
}  # fmt: skip
_LENGTH_NAMES: Final = {
    "picometer": "pm", "picometre": "pm", "angstrom": "A", "ångström": "A", "ångstrom": "A", "nanometer": "nm",
    "nanometre": "nm", "micron": "um", "micrometer": "um", "micrometre": "um", "millimeter": "mm", "millimetre": "mm",
}  # fmt: skip


def nanometres(value: str | int | float | Decimal, unit: str) -> Decimal:
    """A length in nanometres by exact decimal arithmetic, without trailing zeros.

    Units: pm, Å (or A, angstrom), nm, µm (also um, micron), mm, cm, m. EMPIAR's pixel sizes are in Å.

    >>> nanometres("80.0", "Å"), nanometres("0.5", "µm")
    (Decimal('8'), Decimal('500'))

    Raises:
        ValueError: not a finite number above zero, or an unknown unit.
    """
    number, factor = _positive(value), Decimal(_LENGTHS[_length_unit(unit)])
    with localcontext() as context:
        context.prec = len(number.as_tuple().digits) + 4
        product = (number * factor).normalize()
        return Decimal(format(product, "f"))


def _positive(value: str | int | float | Decimal) -> Decimal:
    try:
        number = Decimal(clean(value) if isinstance(value, str) else str(value))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or number <= 0 or abs(number.adjusted()) > 100 or len(number.as_tuple().digits) > 100:
        raise ValueError(f"{str(value)[:200]!r} is not a length: expected a number above zero")
    return number


def _length_unit(unit: str) -> str:
    name = clean(unit)
    name = _LENGTH_NAMES.get(name.casefold().removesuffix("s"), name)
    if name not in _LENGTHS:
        raise ValueError(f"{unit[:200]!r} is not a unit of length: expected one of {', '.join(_LENGTHS)}")
    return name
