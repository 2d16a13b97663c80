"""Line charts as SVG, made on the server: no script, and what they show stands beside them as a table.

Source: https://www.w3.org/TR/SVG2/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
# Paul Tol's bright scheme: told apart by colour-blind people too. Source: https://sronpersonalpages.nl/~pault/
COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa3377", "#997700", "#66a0cc")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "12 4", "4 2")
WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 190, 14, 34
LINE = 16


@dataclass(frozen=True, slots=True)
class Series:
    """One line.

    Attributes:
        name: its label.
        points: (ISO 8601 time, share from 0 to 1), oldest first; the share stands until the next point.
    """

    name: str
    points: tuple[tuple[str, float], ...]


def line_chart(title: str, series: Sequence[Series]) -> str:
    """Return a chart of shares over time as an SVG element; each line is labelled at its end."""
    times = sorted({_seconds(at) for one in series for at, _ in one.points})
    start, end = (times[0], times[-1]) if times else (0.0, 0.0)
    root = ET.Element("svg", xmlns=SVG, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", attrib={"class": "chart"})
    ET.SubElement(root, "title").text = title
    _grid(root)
    if times:
        _dates(root, start, end)
    ends = []
    for number, one in enumerate(series):
        xy = [(_x(_seconds(at), start, end), _y(share)) for at, share in one.points]
        if xy:
            _line(root, number, xy, end > start)
            ends.append((xy[-1][1], number, f"{one.name} {one.points[-1][1]:.0%}"))
    for y, number, text in _apart(ends):
        _text(root, WIDTH - RIGHT + 10, y + 4, text, "start", COLOURS[number % len(COLOURS)], f"line-{number % 6}")
    return ET.tostring(root, encoding="unicode")


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _x(at: float, start: float, end: float) -> float:
    share = (at - start) / (end - start) if end > start else 1.0
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def _grid(root: ET.Element) -> None:
    for percent in (0, 25, 50, 75, 100):
        y = f"{_y(percent / 100):.1f}"
        ET.SubElement(
            root, "line", x1=str(LEFT), x2=str(WIDTH - RIGHT), y1=y, y2=y, stroke="#c3cac8", attrib={"class": "grid"}
        )
        _text(root, LEFT - 8, float(y) + 4, f"{percent} %", "end", "#55605f", "axis")


def _dates(root: ET.Element, start: float, end: float) -> None:
    y = HEIGHT - BOTTOM + 20
    if end > start:
        _text(root, LEFT, y, _day(start), "start", "#55605f", "axis")
    _text(root, WIDTH - RIGHT, y, _day(end), "end", "#55605f", "axis")


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _line(root: ET.Element, number: int, xy: list[tuple[float, float]], has_length: bool) -> None:
    colour, name = COLOURS[number % len(COLOURS)], f"line-{number % 6}"
    if has_length:
        (x, y), *rest = xy
        steps = "".join(f"H{x:.1f}V{y:.1f}" for x, y in rest)
        attrib = {"class": name, "stroke-width": "2", "stroke-dasharray": DASHES[number % len(DASHES)]}
        path = f"M{x:.1f} {y:.1f}{steps}H{WIDTH - RIGHT}"
        ET.SubElement(root, "path", d=path, fill="none", stroke=colour, attrib=attrib)
    centre = {"cx": str(WIDTH - RIGHT), "cy": f"{xy[-1][1]:.1f}", "r": "3.5", "class": f"{name} dot"}
    ET.SubElement(root, "circle", fill=colour, attrib=centre)


def _text(root: ET.Element, x: float, y: float, text: str, anchor: str, colour: str, name: str) -> None:
    style = {"text-anchor": anchor, "font-size": "12", "font-family": "system-ui, sans-serif", "class": name}
    ET.SubElement(root, "text", x=f"{x:.1f}", y=f"{y:.1f}", fill=colour, attrib=style).text = text


def _apart(ends: list[tuple[float, int, str]]) -> list[tuple[float, int, str]]:
    """Return labels with their heights, moved so far that none covers another and all are within the chart."""
    placed: list[tuple[float, int, str]] = []
    lowest = float(TOP)
    for y, number, text in sorted(ends):
        lowest = max(y, lowest)
        placed.append((lowest, number, text))
        lowest += LINE
    limit = float(HEIGHT - BOTTOM)
    for place in range(len(placed) - 1, -1, -1):
        y, number, text = placed[place]
        placed[place] = (min(y, limit), number, text)
        limit = placed[place][0] - LINE
    return placed
