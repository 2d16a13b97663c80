"""Dates: precision is kept, nothing is guessed."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontology.dates import date, precision

GOLDEN: list[tuple[str | int, str, str]] = [
    ("2016", "2016", "year"),
    (2016, "2016", "year"),
    ("2016-04", "2016-04", "month"),
    ("2016-04-27", "2016-04-27", "day"),
    (" 2016-04-27 ", "2016-04-27", "day"),
    ("2016/04/27", "2016-04-27", "day"),
    ("2025\u201105\u201112", "2025-05-12", "day"),
    ("2025\u201005\u201012", "2025-05-12", "day"),
    ("2016-04-27T10:11:12", "2016-04-27", "day"),
    ("2016-04-27T10:11:12.000Z", "2016-04-27", "day"),
    ("2016-04-27T23:30:00+09:00", "2016-04-27", "day"),
    ("2016-04-27 10:11:12 UTC", "2016-04-27", "day"),
    ("2016-04-27Z", "2016-04-27", "day"),
    (1461715200000, "2016-04-27", "day"),
    ("27 April 2016", "2016-04-27", "day"),
    ("27th Apr 2016", "2016-04-27", "day"),
    ("27-Apr-2016", "2016-04-27", "day"),
    ("April 27, 2016", "2016-04-27", "day"),
    ("2016 Apr 27", "2016-04-27", "day"),
    ("Sept 2016", "2016-09", "month"),
    ("April 2016", "2016-04", "month"),
    ("april, 2016", "2016-04", "month"),
]
REFUSED: list[str | int] = [
    "",
    "None",
    "03/12/13",
    "03/12/2013",
    "27.04.2016",
    "2016-4-27",
    "20160427",
    "Sep-06",
    "2016-02-30",
    "2016-13",
    "2016-00",
    "2016-04-00",
    "30 February 2016",
    "27 Foo 2016",
    "1899",
    "2101-01-01",
    "0000",
    "2016-04-27T99:00:00",
    "2016-04-27T",
    "٢٠١٦",
    0,
    -1,
    True,
    20160427,
    1461715200,
    10**20,
]


@pytest.mark.parametrize(("value", "expected", "exactness"), GOLDEN)
def test_date(value: str | int, expected: str, exactness: str) -> None:
    assert date(value) == expected
    assert date(expected) == expected
    assert precision(expected) == exactness


@pytest.mark.parametrize("value", REFUSED)
def test_date_refuses(value: str | int) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        date(value)
    assert repr(str(value)) in str(caught.value)


@pytest.mark.parametrize("text", ["27 April 2016", "2016/04", "", " 2016"])
def test_precision_takes_normal_forms_only(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        precision(text)


@given(st.dates(dt.date(1973, 4, 1), dt.date(2100, 12, 31)))
@settings(deadline=None)
def test_every_day_in_every_spelling(day: dt.date) -> None:
    noon = dt.datetime(day.year, day.month, day.day, 12, tzinfo=dt.UTC)
    months = "January February March April May June July August September October November December".split()
    named = f"{day.day} {months[day.month - 1]} {day.year}"
    for spelling in (day.isoformat(), noon.isoformat(), int(noon.timestamp() * 1000), named):
        assert date(spelling) == day.isoformat()


@given(st.text() | st.text("0123456789-/ T:.Z", max_size=24) | st.integers())
@settings(deadline=None)
def test_anything_gives_a_date_or_a_value_error(value: str | int) -> None:
    try:
        normal = date(value)
    except ValueError:
        return
    assert date(normal) == normal
    assert precision(normal) in ("year", "month", "day")
