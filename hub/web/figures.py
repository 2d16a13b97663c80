"""Figures as SVG, made on the server: areas over years, bars, heat maps, sparklines.

Colours are attributes, for a figure that is seen by itself, and classes, by which the style sheet of a page gives it
those of the reader's scheme; nothing has a style of its own, as the Content-Security-Policy wants it.

Source: https://www.w3.org/TR/SVG2/ and https://www.w3.org/TR/svg-aam-1.0/
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from xml.etree import ElementTree as ET

from hub.charts import Head, Matrix, abbreviated
from hub.web.chart import SVG

# As --c0 to --c7 and --h0 to --h5 of the style sheet, in its light scheme.
COLOURS = ("#2f5f8f", "#b8432f", "#1e7a3e", "#8f2b66", "#806000", "#1b7f8c", "#5f5aa8", "#5d6664")
HEAT = ("#f3f6f5", "#d9eaec", "#b3d6da", "#7db9c0", "#2e7e8b", "#0b5563")
DARK_HEAT = 4
TEXT, QUIET, GROUND = "#18211f", "#4f5b58", "#ffffff"
WIDTH = 720
LINE = 18


def new(title: str, description: str, height: float, role: str = "img") -> ET.Element:
    """Return an SVG element with a title and a description, ``WIDTH`` wide."""
    root = ET.Element("svg", xmlns=SVG, viewBox=f"0 0 {WIDTH} {height:g}", role=role, attrib={"class": "chart"})
    ET.SubElement(root, "title").text = title
    ET.SubElement(root, "desc").text = description
    return root


def markup(root: ET.Element) -> str:
    """Return a figure as part of a page."""
    return ET.tostring(root, encoding="unicode")


def document(root: ET.Element) -> str:
    """Return a figure as a file: on white ground, with its size."""
    _, _, width, height = root.attrib["viewBox"].split()
    root.attrib.update(width=width, height=height)
    root.insert(2, ET.Element("rect", width=width, height=height, fill=GROUND))
    return markup(root)


def text(parent: ET.Element, x: float, y: float, said: str, name: str = "", **more: str) -> ET.Element:
    """Add a text; ``more`` are attributes, with ``_`` for ``-``."""
    fill = QUIET if name == "axis" else TEXT
    given = {"fill": fill, "font-size": "12", "font-family": "system-ui, sans-serif"}
    given |= {key.replace("_", "-"): value for key, value in more.items()} | ({"class": name} if name else {})
    made = ET.SubElement(parent, "text", x=f"{x:.1f}", y=f"{y:.1f}", attrib=given)
    made.text = said
    return made


def short(said: str, limit: int) -> str:
    """Return a text of at most so many characters.

    >>> short("fluorescence microscopy", 12)
    'fluorescenc…'
    """
    return said if len(said) <= limit else said[: limit - 1].rstrip() + "…"


def draw(kind: str, title: str, description: str, numbers: Matrix) -> ET.Element:
    """Return the figure of a chart, by its kind."""
    return KINDS[kind](title, description, numbers)


# --- over years --------------------------------------------------------------------------------------------------

HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 330, 52, 190, 16, 32
Points = list[tuple[float, float]]
Place = Callable[[int, float], tuple[float, float]]


def _areas(title: str, description: str, numbers: Matrix) -> ET.Element:
    """Series on top of one another, the first at the bottom."""
    top = max(numbers.totals, default=0)
    root, place = _axes(title, description, numbers, top)
    stacked = [list(accumulate(row, initial=0)) for row in numbers.values]
    labels = []
    for number, head in enumerate(numbers.columns):
        upper = [place(x, row[number + 1]) for x, row in enumerate(stacked)]
        lower = [place(x, row[number]) for x, row in enumerate(stacked)]
        given = {"class": f"area fill-{number % 8}", "stroke": GROUND, "fill-opacity": "0.85"}
        outline = _line(_wide(upper) + _wide(lower)[::-1]) + "Z"
        ET.SubElement(root, "path", d=outline, fill=_colour(number), attrib=given)
        labels.append(((upper[-1][1] + lower[-1][1]) / 2, number, _named(head, numbers.values[-1][number])))
    _label(root, labels)
    return root


def _axes(title: str, description: str, numbers: Matrix, top: int) -> tuple[ET.Element, Place]:
    """Return a figure with its axes, and what turns the number of a row and a value into a place."""
    root = new(title, description, HEIGHT)
    steps = ticks(top)
    last = max(1, len(numbers.rows) - 1)

    def place(row: int, value: float) -> tuple[float, float]:
        x = LEFT + row / last * (WIDTH - LEFT - RIGHT)
        return x, TOP + (1 - value / steps[-1]) * (HEIGHT - TOP - BOTTOM)

    for step in steps:
        y = place(0, step)[1]
        given = {"stroke": "#dbe2df", "class": "grid"}
        ET.SubElement(root, "line", x1=f"{LEFT}", x2=f"{WIDTH - RIGHT}", y1=f"{y:.1f}", y2=f"{y:.1f}", attrib=given)
        text(root, LEFT - 8, y + 4, f"{step:,}", "axis", text_anchor="end")
    every = max(1, -(-len(numbers.rows) // 9))
    for row in range(len(numbers.rows) - 1, -1, -every):
        text(root, place(row, 0)[0], HEIGHT - BOTTOM + 20, numbers.rows[row].label, "axis", text_anchor="middle")
    return root, place


def ticks(top: int) -> list[int]:
    """Return round numbers from 0 to at least ``top``, at most six of them.

    >>> ticks(0), ticks(7), ticks(943)
    ([0, 1], [0, 2, 4, 6, 8], [0, 200, 400, 600, 800, 1000])
    """
    rough = max(top, 1) / 5
    scale = 10 ** math.floor(math.log10(rough)) if rough >= 1 else 1
    step = int(next(factor * scale for factor in (1, 2, 5, 10) if factor * scale >= rough))
    return list(range(0, -(-max(top, 1) // step) * step + 1, step))


def _wide(points: Points) -> Points:
    """One year alone is drawn over the whole width."""
    return points if len(points) > 1 else [points[0], (WIDTH - RIGHT, points[0][1])]


def _line(points: Points) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _named(head: Head, value: int) -> str:
    return f"{short(abbreviated(head.label), 18)} {value:,}"


def _label(root: ET.Element, labels: list[tuple[float, int, str]]) -> None:
    """Write what each series is at its end, moved so far that none covers another."""
    x = WIDTH - RIGHT + 12
    for y, number, said in apart(labels, TOP + 4, HEIGHT - BOTTOM):
        _key(root, x, y, number)
        text(root, x + 20, y + 4, said)


def _key(root: ET.Element, x: float, y: float, number: int) -> None:
    given = {"class": f"fill-{number % 8}", "fill": _colour(number)}
    ET.SubElement(root, "rect", x=f"{x:.1f}", y=f"{y - 6:.1f}", width="12", height="12", rx="2", attrib=given)


def apart(labels: list[tuple[float, int, str]], top: float, bottom: float) -> list[tuple[float, int, str]]:
    """Return (height, number, text) with heights at least a line apart, as near to their own as it goes."""
    placed: list[tuple[float, int, str]] = []
    for y, number, said in sorted(labels):
        placed.append((max(y, placed[-1][0] + LINE if placed else top), number, said))
    limit = bottom
    for place in range(len(placed) - 1, -1, -1):
        y, number, said = placed[place]
        placed[place] = (min(y, limit), number, said)
        limit = placed[place][0] - LINE
    return placed


# --- bars --------------------------------------------------------------------------------------------------------

NAMES, BAR, ROW = 190, 18, 30


def _bars(title: str, description: str, numbers: Matrix) -> ET.Element:
    """A bar for each row, divided by column; the longest is as wide as there is room."""
    labels = [short(abbreviated(head.label), 26) for head in numbers.columns]
    keys = _keys(labels)
    head = LINE * (keys[-1][1] + 1) + 14 if keys else 0
    root = new(title, description, head + ROW * max(1, len(numbers.rows)) + 6)
    for number, (x, line) in enumerate(keys):
        _key(root, x, 10 + line * LINE, number)
        text(root, x + 18, 14 + line * LINE, labels[number])
    most = max([1, *numbers.totals])
    for row, (name, total) in enumerate(zip(numbers.rows, numbers.totals, strict=True)):
        y = head + row * ROW
        text(root, NAMES - 10, y + 14, short(abbreviated(name.label), 26), text_anchor="end")
        end = _bar(root, y, [value * (WIDTH - NAMES - 70) / most for value in numbers.values[row]])
        text(root, end + 8, y + 14, f"{total:,}", "axis")
    return root


def _bar(root: ET.Element, y: float, widths: Sequence[float]) -> float:
    """Add one bar and return where it ends."""
    x = float(NAMES)
    for number, width in enumerate(widths):
        if width:
            given = {"class": f"area fill-{number % 8}", "fill": _colour(number), "fill-opacity": "0.85"}
            ET.SubElement(root, "rect", x=f"{x:.1f}", y=f"{y:.1f}", width=f"{width:.1f}", height=f"{BAR}", attrib=given)
        x += width
    return x


def _keys(labels: list[str]) -> list[tuple[float, int]]:
    """Return where the key of each label begins: how far from the left, and in which line."""
    places: list[tuple[float, int]] = []
    x, line = float(NAMES - 4), 0
    for label in labels:
        width = 38 + 6.8 * len(label)
        if x + width > WIDTH and x > NAMES:
            x, line = float(NAMES - 4), line + 1
        places.append((x, line))
        x += width
    return places


# --- heat maps ---------------------------------------------------------------------------------------------------

CELL, SLANT, TURNED = 28, 118, 120


def _heat(title: str, description: str, numbers: Matrix) -> ET.Element:
    """A cell for each number, darker for greater ones; steps are of equal ratio, those of shares of equal size."""
    labels = [short(abbreviated(head.label), 24) for head in numbers.columns]
    is_turned = any(len(label) > 5 for label in labels)
    top = SLANT if is_turned else 30
    root = new(title, description, top + CELL * max(1, len(numbers.rows)) + 6)
    wide = min(72.0, (WIDTH - NAMES - (TURNED if is_turned else 10)) / max(1, len(labels)))
    most = max((max(row) for row in numbers.values if row), default=0)
    for column, label in enumerate(labels):
        x = NAMES + (column + 0.5) * wide
        more = {"transform": f"rotate(-42 {x:.1f} {top - 8})"} if is_turned else {"text_anchor": "middle"}
        text(root, x, top - 8, label, "axis", **more)
    for row, name in enumerate(numbers.rows):
        y = top + row * CELL
        text(root, NAMES - 10, y + 18, short(abbreviated(name.label), 26), text_anchor="end")
        for column, value in enumerate(numbers.values[row]):
            _cell(root, NAMES + column * wide, y, wide, value, level(value, most, is_share=numbers.unit == "%"))
    return root


def level(value: int, most: int, *, is_share: bool = False) -> int:
    """Return how dark a number is, 0 to 5; 0 only for nothing.

    >>> [level(n, 1000) for n in (0, 1, 10, 1000)], [level(n, 100, is_share=True) for n in (0, 3, 50, 100)]
    ([0, 1, 2, 5], [0, 1, 3, 5])
    """
    if value <= 0:
        return 0
    part = value / 100 if is_share else math.log(value + 1) / math.log(max(most, 1) + 1)
    return max(1, min(5, math.ceil(part * 5)))


def _cell(root: ET.Element, x: float, y: float, wide: float, value: int, dark: int) -> None:
    given = {"class": f"heat-{dark}", "fill": HEAT[dark]}
    size = {"width": f"{wide - 2:.1f}", "height": f"{CELL - 2}"}
    ET.SubElement(root, "rect", x=f"{x:.1f}", y=f"{y:.1f}", rx="3", attrib=size | given)
    if value:
        name, fill = ("on-dark-heat", GROUND) if dark >= DARK_HEAT else ("on-heat", TEXT)
        text(root, x + wide / 2 - 1, y + 17, f"{value:,}", name, text_anchor="middle", fill=fill)


KINDS: dict[str, Callable[[str, str, Matrix], ET.Element]] = {
    "areas": _areas,
    "bars": _bars,
    "heat": _heat,
}


# --- in a line of text -------------------------------------------------------------------------------------------


def sparkline(values: Sequence[float]) -> str:
    """Return how numbers went as a small line, without words: the last of them is to stand beside it.

    >>> sparkline([])
    ''
    """
    if not values:
        return ""
    most, last = max([1.0, *values]), max(1, len(values) - 1)
    points = [(number / last * 100, 23 - value / most * 21) for number, value in enumerate(values)]
    points = points if len(points) > 1 else [points[0], (100.0, points[0][1])]
    given = {"class": "spark", "aria-hidden": "true", "preserveAspectRatio": "none"}
    root = ET.Element("svg", viewBox="0 0 100 24", attrib=given)
    ET.SubElement(root, "path", d=f"{_line(points)}L100 24L0 24Z", attrib={"class": "under"})
    ET.SubElement(root, "path", d=_line(points))
    return markup(root)
