"""Numbers of the charts: how answers of saved questions are arranged in rows and columns, and how these are drawn."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pyoxigraph import Literal, NamedNode

from hub import charts, gallery
from hub.charts import CHARTS, MAX_ROWS, MAX_SERIES, OTHERS, Head, Matrix
from hub.errors import NotFoundError
from hub.web import figures
from hub.web.chart import SVG

TAXON, METHOD = "http://purl.obolibrary.org/obo/NCBITaxon_{}", "http://purl.obolibrary.org/obo/FBbi_{}"


def row(**said: str | int) -> dict[str, Any]:
    return {n: NamedNode(v) if str(v).startswith("http") else Literal(v) for n, v in said.items()}


def labels(heads: tuple[Head, ...]) -> list[str]:
    return [head.label for head in heads]


def crossed(organism: int, method: int, datasets: int) -> dict[str, Any]:
    taxon, term = TAXON.format(organism), METHOD.format(method)
    names = {"organism": f"O{organism:02}", "imaging_method": f"M{method:02}"}
    return row(**names, taxon=taxon, method=term, datasets=datasets)


def shaped(name: str, *rows: dict[str, Any]) -> Matrix:
    return charts.chart(name).shape(rows)


def test_every_chart_has_a_question_without_parameters():
    for name, chart in CHARTS.items():
        assert chart.name == name
        assert chart.kind in figures.KINDS
        assert gallery.question(chart.question).parameters == ()


def test_unknown_chart_is_not_found():
    with pytest.raises(NotFoundError, match="growth"):
        charts.chart("nothing")


def test_growth_sums_up_and_leaves_out_no_year():
    found = shaped(
        "growth",
        row(year="2021", archive="A", datasets=2),
        row(year="2018", archive="B", datasets=5),
        row(year="2018", archive="A", datasets=1),
        row(year="soon", archive="A", datasets=9),
    )
    assert labels(found.rows) == ["2018", "2019", "2020", "2021"]
    assert labels(found.columns) == ["B", "A"]
    assert found.values == ((5, 1), (5, 1), (5, 1), (5, 3))
    assert found.totals == (6, 6, 6, 8)


def test_growth_sums_up_small_archives():
    rows = [row(year="2020", archive=f"A{number:02}", datasets=20 - number) for number in range(10)]
    found = shaped("growth", *rows)
    assert labels(found.columns) == [f"A{number:02}" for number in range(MAX_SERIES)] + [OTHERS]
    assert found.values[0][-1] == 13 + 12 + 11
    assert found.totals == (sum(20 - number for number in range(10)),)


def test_organisms_and_methods_are_the_most_common_ones():
    rows = [crossed(organism, method, organism + method) for organism in range(15) for method in range(15)]
    found = shaped("methods-by-organism", *rows)
    assert found.rows[0] == Head("O14", TAXON.format(14))
    assert found.columns[0] == Head("M14", METHOD.format(14))
    assert (len(found.rows), len(found.columns)) == (MAX_ROWS, MAX_ROWS)
    assert found.values[0][:2] == (28, 27)


def test_equal_sums_are_in_order_of_names():
    rows = [row(archive=a, organism=o, taxon=TAXON.format(1), datasets=1) for a in "BA" for o in "ZYX"]
    found = shaped("organisms", *rows)
    assert labels(found.rows) == ["X", "Y", "Z"]
    assert labels(found.columns) == ["A", "B"]


def test_methods_stand_in_rows_and_the_last_years_in_columns():
    rows = [row(year=str(y), imaging_method="M", method=METHOD.format(1), datasets=1) for y in (1999, 2020, 2025)]
    found = shaped("methods-by-year", *rows)
    assert labels(found.columns) == [str(year) for year in range(2014, 2026)]
    assert sum(found.values[0]) == 2


def test_licences_have_short_names():
    url = "https://creativecommons.org/licenses/by/4.0/"
    found = shaped(
        "licences", row(archive="A", licence=url, datasets=3), row(archive="A", licence="https://e.org/l", datasets=1)
    )
    assert found.columns == (Head("CC-BY-4.0", url), Head("e.org/l", "https://e.org/l"))


def test_coverage_is_in_the_words_of_the_model():
    said = {"archive": "A", "property": "http://schema.org/datePublished", "per_cent": "75.0"}
    found = shaped("coverage", row(**said))
    assert (labels(found.rows), found.unit, found.values) == (["date published"], "%", ((75,),))


@pytest.mark.parametrize("name", list(CHARTS))
def test_nothing_is_a_chart_too(name: str):
    found = shaped(name)
    assert found.values == ()
    figure = figures.draw(CHARTS[name].kind, "T", "D", found)
    assert [figure.findtext("title"), figure.findtext("desc")] == ["T", "D"]


# --- drawing -----------------------------------------------------------------------------------------------------


def numbers(*values: tuple[int, ...], unit: str = "datasets") -> Matrix:
    rows = tuple(Head(f"r{n}") for n in range(len(values)))
    return Matrix("Row", unit, rows, tuple(Head(f"c{n}") for n in range(len(values[0]))), values)


def drawn(kind: str, matrix: Matrix) -> ET.Element:
    return ET.fromstring(figures.markup(figures.draw(kind, "A & B", "<what>", matrix)))


def texts(figure: ET.Element) -> list[str]:
    return [one.text or "" for one in figure.iter(f"{{{SVG}}}text")]


@pytest.mark.parametrize("kind", list(figures.KINDS))
def test_figure_is_named_and_has_no_style_of_its_own(kind: str):
    figure = drawn(kind, numbers((1, 2), (3, 4)))
    assert figure.get("role") == "img"
    assert figure.findtext(f"{{{SVG}}}title") == "A & B"
    assert figure.findtext(f"{{{SVG}}}desc") == "<what>"
    assert not [one for one in figure.iter() if "style" in one.attrib or one.tag.endswith("style")]


@pytest.mark.parametrize("kind", list(figures.KINDS))
def test_everything_drawn_is_within_the_figure(kind: str):
    figure = drawn(kind, numbers(*[tuple(range(n, n + 12)) for n in range(12)]))
    _, _, width, height = map(float, str(figure.get("viewBox")).split())
    for one in figure.iter():
        assert 0 <= float(one.get("x", 0)) + float(one.get("width", 0)) <= width
        assert 0 <= float(one.get("y", 0)) + float(one.get("height", 0)) <= height


def test_area_of_one_year_has_a_width():
    (path,) = drawn("areas", numbers((3,))).iter(f"{{{SVG}}}path")
    across = {float(point.split()[0]) for point in str(path.get("d")).strip("MZ").split("L")}
    assert max(across) > min(across)


def test_bars_tell_their_sums_and_leave_out_nothing():
    figure = drawn("bars", numbers((1000, 234), (0, 5)))
    assert {"1,234", "5"} <= set(texts(figure))
    parts = [one for one in figure.iter(f"{{{SVG}}}rect") if "area" in one.get("class", "")]
    assert [one.get("class") for one in parts] == ["area fill-0", "area fill-1", "area fill-1"]


def test_heat_is_darker_for_more():
    figure = drawn("heat", numbers((0, 1), (30, 1000)))
    dark = [one.get("class") for one in figure.iter(f"{{{SVG}}}rect")]
    assert dark == ["heat-0", "heat-1", "heat-3", "heat-5"]
    assert [text for text in texts(figure) if text[0].isdecimal()] == ["1", "30", "1,000"]


def test_labels_are_apart_and_within_bounds():
    placed = figures.apart([(50.0, n, f"s{n}") for n in range(6)], 20, 120)
    heights = [y for y, _, _ in placed]
    assert all(b - a >= figures.LINE for a, b in pairwise(heights))
    assert heights[-1] <= 120


def test_file_has_a_ground_and_a_size():
    root = ET.fromstring(figures.document(figures.draw("bars", "T", "D", numbers((1,)))))
    assert root.get("width") == str(figures.WIDTH)
    assert root.find(f"{{{SVG}}}rect").get("fill") == figures.GROUND


def test_sparkline_is_for_the_eye_only():
    root = ET.fromstring(figures.sparkline([1, 5, 2]))
    assert root.get("aria-hidden") == "true"
    assert len(root.findall("path")) == 2
    assert figures.sparkline([4]).count("<path") == 2
