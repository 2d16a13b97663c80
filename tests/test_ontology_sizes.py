"""Sizes: decimal units, exact arithmetic."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontology.sizes import nanometres, size_bytes

SIZES: list[tuple[str | int | float, int]] = [
    ("1.2 GB", 1_200_000_000),
    ("1.9 TB", 1_900_000_000_000),
    ("0.2 TB", 200_000_000_000),
    ("530.9 MB", 530_900_000),
    ("530.9MB", 530_900_000),
    ("1.2\u00a0GB", 1_200_000_000),
    ("12 KiB", 12_288),
    ("1 kB", 1000),
    ("3 gb", 3_000_000_000),
    ("17 bytes", 17),
    ("0", 0),
    ("138915384121379", 138_915_384_121_379),
    (5, 5),
    (5.0, 5),
]
NO_SIZES: list[str | int | float] = [
    "", "GB", "-1 GB", "1,2 GB", "1.2.3 GB", "12 parsecs", "1 Gb", "1 kib/s", "0.5 B", "1e3", "NaN", "inf", "10 EiB",
    -1, 5.5, float("nan"), float("inf"), 2**63,
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), SIZES)
def test_size_bytes(value: str | int | float, expected: int) -> None:
    assert size_bytes(value) == expected


@pytest.mark.parametrize("value", NO_SIZES)
def test_size_bytes_refuses(value: str | int | float) -> None:
    with pytest.raises(ValueError, match="expected"):
        size_bytes(value)


@given(st.integers(0, 2**63 - 1))
@settings(deadline=None)
def test_size_round_trip(number: int) -> None:
    assert size_bytes(number) == size_bytes(str(number)) == size_bytes(f"{number} B") == number


@given(st.integers(0, 10**6), st.sampled_from(["kB", "MB", "GB", "TB"]))
@settings(deadline=None)
def test_units_are_powers_of_1000(number: int, unit: str) -> None:
    power = ["kB", "MB", "GB", "TB"].index(unit) + 1
    assert size_bytes(f"{number} {unit}") == number * 1000**power


LENGTHS: list[tuple[str | int | float | Decimal, str, str]] = [
    ("80.0", "Å", "8"),
    (80.0, "\u212b", "8"),
    (80.0, "A", "8"),
    ("1.05", "Angstrom", "0.105"),
    (0.1, "angstroms", "0.01"),
    ("0.5", "\u00b5m", "500"),
    ("0.5", "\u03bcm", "500"),
    ("0.1083333", "um", "108.3333"),
    (2, "microns", "2000"),
    ("1", "mm", "1000000"),
    (Decimal("350"), "pm", "0.35"),
    ("65", "nm", "65"),
]


@pytest.mark.parametrize(("value", "unit", "expected"), LENGTHS)
def test_nanometres(value: str | int | float | Decimal, unit: str, expected: str) -> None:
    assert str(nanometres(value, unit)) == expected


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        ("x", "nm"),
        ("", "nm"),
        (0, "nm"),
        (-1, "nm"),
        ("NaN", "nm"),
        ("inf", "nm"),
        (1, "px"),
        (1, ""),
        (1, "Mm"),
        ("1e999", "m"),
    ],
)
def test_nanometres_refuses(value: str | int, unit: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        nanometres(value, unit)


@given(st.decimals(Decimal("1e-9"), Decimal("1e9"), allow_nan=False, places=9).filter(lambda value: value > 0))
@settings(deadline=None)
def test_lengths_are_exact(value: Decimal) -> None:
    assert nanometres(value, "Å") * 10 == nanometres(value, "nm") == value
    assert nanometres(str(value), "µm") == nanometres(value, "mm") / 1000
