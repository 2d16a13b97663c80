"""Charts of one snapshot: their numbers are asked for once, and drawn for pages and files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from xml.etree import ElementTree as ET

from flask import current_app
from markupsafe import Markup

from hub import charts
from hub.charts import Chart, Head, Matrix
from hub.published import Now
from hub.web import figures
from hub.web.cache import Page


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart with its numbers at one snapshot."""

    chart: Chart
    numbers: Matrix

    @property
    def svg(self) -> Markup:
        """The figure, as part of a page."""
        return Markup(figures.markup(self._figure))

    @property
    def document(self) -> str:
        """The figure, as a file."""
        return figures.document(self._figure)

    @property
    def _figure(self) -> ET.Element:
        return figures.draw(self.chart.kind, self.chart.title, self.chart.description, self.numbers)


def drawn(now: Now, *names: str) -> list[Drawn]:
    """Return charts of a snapshot; their numbers are asked for once and kept as long as it stands.

    Raises:
        NotFoundError: there is no chart of that name.
        QueryError: a query failed or took too long.
    """
    return [Drawn(chart, _numbers(now, chart)) for chart in map(charts.chart, names)]


def _numbers(now: Now, chart: Chart) -> Matrix:
    def make() -> Page:
        return Page(json.dumps(asdict(charts.read(now.pages, chart))).encode(), 200, "")

    told = json.loads(current_app.config["HUB_PAGES"].get(now.version, ("chart", chart.name, "numbers"), make).body)
    rows, columns = (tuple(Head(**head) for head in told[side]) for side in ("rows", "columns"))
    return Matrix(told["corner"], told["unit"], rows, columns, tuple(map(tuple, told["values"])))
