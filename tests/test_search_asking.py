"""What a search asks, read from parameters and written as them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import QueryRefusedError
from hub.search.asking import MAX_CHARS, PARAMETERS, asked_of, parameters
from hub.search.contract import FACETS, HAS, MAX_REACH, RANGES, SIZES, SORTS, Asked

OBO = "http://purl.obolibrary.org/obo/"


def test_nothing_is_asked_by_forms_that_are_left_empty() -> None:
    assert asked_of([]) == asked_of([("q", " "), ("organism", ""), ("size_bytes_min", ""), ("page", "")]) == Asked()
    assert parameters(Asked()) == []


def test_all_that_can_be_asked() -> None:
    given_parameters = [
        ("q", "light  sheet"),
        ("archive", "bia"),
        ("archive", "idr"),
        ("year", "2019"),
        ("size_bytes_min", "10GB"),
        ("pixel_nm_max", "0.5 µm"),
        ("channels_min", "2"),
        ("sort", "newest"),
        ("page", "2"),
        ("per_page", "50"),
        ("exact", "1"),
    ]
    asked = asked_of(given_parameters)
    assert asked == Asked(
        words="light sheet",
        filters={"archive": ("bia", "idr"), "year": ("2019",)},
        ranges={"size_bytes": (10**10, None), "pixel_nm": (None, 500.0), "channels": (2, None)},
        sort="newest",
        page=2,
        per_page=50,
        is_exact=True,
    )
    assert asked_of(parameters(asked)) == asked


VALUES = [
    ("organism", "zebrafish", f"{OBO}NCBITaxon_7955"),
    ("organism", "Danio rerio", f"{OBO}NCBITaxon_7955"),
    ("organism", "NCBITaxon:7955", f"{OBO}NCBITaxon_7955"),
    ("organism", f"{OBO}NCBITaxon_7955", f"{OBO}NCBITaxon_7955"),
    ("organism", "7955", f"{OBO}NCBITaxon_7955"),
    ("organism", "unicorn", "unicorn"),
    ("method", "SPIM", f"{OBO}FBbi_00000369"),
    ("method", "FBbi:00000369", f"{OBO}FBbi_00000369"),
    ("phenotype", "CMPO:0000077", "http://www.ebi.ac.uk/cmpo/CMPO_0000077"),
    ("gene", "ensembl:ENSG00000141510", "https://identifiers.org/ensembl:ENSG00000141510"),
    ("gene", "https://identifiers.org/ensembl:ENSG00000141510", "https://identifiers.org/ensembl:ENSG00000141510"),
    ("gene", "TP53", "TP53"),
    ("licence", "CC BY 4.0", "CC-BY-4.0"),
    ("licence", "https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
    ("licence", "own terms", "own terms"),
    ("archive", "BioImage Archive", "bia"),
    ("archive", "elsewhere", "elsewhere"),
    ("has", "OME-Zarr", "ome-zarr"),
    ("has", "example images", "thumbnail"),
    ("size", ">1tb", ">1TB"),
    ("year", "soon", "soon"),
]


@pytest.mark.parametrize(("facet", "text", "value"), VALUES)
def test_values_are_taken_however_they_are_written(facet: str, text: str, value: str) -> None:
    assert asked_of([(facet, text), (facet, value)]).filters == {facet: (value,)}


WRONG = [
    (("organsim", "x"), "organism"),
    (("query", "x"), "parameter 'query'"),
    (("sort", "best"), "sort is 'best': expected one of relevance"),
    (("page", "0"), "page is '0': expected a number from 1"),
    (("page", "²"), "page is"),
    (("per_page", "201"), "per_page is '201': expected a number from 1 to 200"),
    (("exact", "maybe"), "exact is 'maybe': expected 1 or 0"),
    (("size_bytes_min", "big"), "size_bytes_min is 'big': expected a number of bytes, such as 5000000 or 10GB"),
    (("size_bytes_min", "-1"), "size_bytes_min is"),
    (("pixel_nm_max", "5 parsec"), "pixel_nm_max is '5 parsec': expected a length"),
    (("channels_min", "1.5"), "channels_min is '1.5': expected a whole number"),
    (("channels_min", "3 nm"), "channels_min is"),
    (("images_max", "9" * 30), "images_max is"),
    (("q", "x" * (MAX_CHARS + 1)), "q is 4001 characters long"),
]


@pytest.mark.parametrize(("parameter", "message"), WRONG)
def test_what_is_wrong_is_named(parameter: tuple[str, str], message: str) -> None:
    with pytest.raises(QueryRefusedError, match=message):
        asked_of([parameter])


def test_parameters_that_contradict_one_another() -> None:
    with pytest.raises(QueryRefusedError, match="size_bytes_min is greater than size_bytes_max"):
        asked_of([("size_bytes_min", "2GB"), ("size_bytes_max", "1GB")])
    with pytest.raises(QueryRefusedError, match="sort is given 2 times"):
        asked_of([("sort", "newest"), ("sort", "oldest")])
    with pytest.raises(QueryRefusedError, match=f"beyond the first {MAX_REACH} studies: the last page is 50"):
        asked_of([("page", "51"), ("per_page", "200")])
    with pytest.raises(QueryRefusedError, match="year has 101 values"):
        asked_of([("year", str(year)) for year in range(1900, 2001)])


ENDS = st.none() | st.integers(0, 2**53)
FILTERS = st.sampled_from(
    [("has", name) for name in HAS]
    + [("size", name) for name in SIZES]
    + [("year", "2020"), ("gene", "x"), ("gene", "y")]
)


@given(
    words=st.text('ab "*-é', max_size=9),
    chosen=st.lists(FILTERS, max_size=5),
    ends=st.dictionaries(st.sampled_from([one.name for one in RANGES]), st.tuples(ENDS, ENDS), max_size=3),
    sort=st.sampled_from(SORTS),
    page=st.integers(1, 50),
)
def test_parameters_are_read_back_as_they_were_written(
    words: str, chosen: list[tuple[str, str]], ends: dict[str, tuple[int | None, int | None]], sort: str, page: int
) -> None:
    filters = {f.name: tuple(dict.fromkeys(v for n, v in chosen if n == f.name)) for f in FACETS}
    ranges = {n: e for n, e in ends.items() if e != (None, None) and (None in e or e[0] <= e[1])}  # type: ignore[operator]
    asked = Asked(" ".join(words.split()), {n: v for n, v in filters.items() if v}, dict(ranges), sort=sort, page=page)
    assert asked_of(parameters(asked)) == asked
    assert {name for name, _ in parameters(asked)} <= set(PARAMETERS)
