"""What a dataset is connected with, as a figure: the dataset in the middle, people, papers, organisms … around it.

The places follow from the order of the record alone, so that the same record always gives the same figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from flask import current_app, url_for
from markupsafe import Markup

from hub.links.elsewhere import Elsewhere, Finding
from hub.web.entities import entity_page
from hub.web.figures import COLOURS, GROUND, WIDTH, markup, new, short, text
from hub.web.papers import is_paper
from linkml_schemas.generated.model import Dataset, DefinedTerm, Taxon

MAX_NODES = 6
"""Nodes of one kind that are drawn; the table has up to ``MAX_ROWS``."""
MAX_ROWS = 200
KINDS = ("People", "Papers", "Other datasets", "Funding", "Organisms", "Methods", "Genes", "Terms")
LEFT_KINDS = KINDS[:4]
ROW, HEAD, TOP = 30, 26, 14
MIDDLE, LEFT, RIGHT, CHARS = WIDTH / 2, 250, 470, 33
SAID, SUGGESTED = "said by the archive", "suggested by the hub"


@dataclass(frozen=True, slots=True)
class Node:
    """One thing that a dataset leads to.

    Attributes:
        kind: one of ``KINDS``.
        label: what it is called.
        iri: its IRI; empty where it has none of its own.
        why: who says so.
    """

    kind: str
    label: str
    iri: str
    why: str = SAID

    @property
    def href(self) -> str:
        """Path of its page in this hub, else its IRI; empty where there is nothing to lead to."""
        if self.kind == "Genes" and not self.iri:
            return url_for("genes.gene", name=self.label)
        local: Any = current_app.jinja_env.globals["local"]
        return entity_page(self.iri) or str(local(self.iri))


@dataclass(frozen=True, slots=True)
class Network:
    """A dataset and what it is connected with, each thing once, by kind in the order of ``KINDS``."""

    accession: str
    name: str
    nodes: tuple[Node, ...]

    @property
    def kinds(self) -> dict[str, list[Node]]:
        """The nodes of each kind that there are."""
        found = {kind: [node for node in self.nodes if node.kind == kind] for kind in KINDS}
        return {kind: nodes for kind, nodes in found.items() if nodes}

    @property
    def has_suggestions(self) -> bool:
        """Whether anything is only suggested."""
        return any(node.why == SUGGESTED for node in self.nodes)

    @property
    def svg(self) -> Markup:
        """The figure, as part of a page."""
        return Markup(markup(draw(self)))


def network_of(record: Dataset, elsewhere: Iterable[Elsewhere] = (), links: Iterable[Finding] = ()) -> Network | None:
    """Return what a dataset is connected with; None where that is nothing.

    Args:
        record: the dataset.
        elsewhere: where else its study is, and what belongs to it.
        links: what link rules found.
    """
    found: dict[tuple[str, str], Node] = {}
    for node in (*_said(record), *_linked(elsewhere, links)):
        found.setdefault((node.kind, node.iri or node.label), node)
    ordered = sorted(found.values(), key=lambda node: KINDS.index(node.kind))
    return Network(record.accession, record.name, tuple(ordered)) if ordered else None


def _said(record: Dataset) -> Iterator[Node]:
    for person in record.author or []:
        yield Node("People", person.name, _own(person.id))
    for paper in record.publication or []:
        yield Node("Papers", paper.name or paper.id, next(filter(is_paper, [paper.id, *(paper.same_as or [])]), ""))
    for grant in record.funding or []:
        yield Node("Funding", ", ".join([*(f.name for f in grant.funder or []), grant.name]), _own(grant.id))
    for thing in record.about or []:
        if isinstance(thing, Taxon):
            yield Node("Organisms", thing.scientific_name or thing.vernacular_name or thing.id, _own(thing.id))
    for method in record.measurement_method or []:
        if isinstance(method, DefinedTerm):
            yield Node("Methods", method.name or method.id, _own(method.id))
    for note in record.gene_annotation or []:
        yield Node("Genes", note.gene.symbol or note.gene.id, _own(note.gene.id))


def _own(iri: str) -> str:
    """Return an IRI unless it is of a node that only the record has."""
    return "" if "#" in iri and "/record/" in iri else iri


def _linked(elsewhere: Iterable[Elsewhere], links: Iterable[Finding]) -> Iterator[Node]:
    for other in elsewhere:
        why = "the same study" if other.is_same else "another part of the study"
        yield Node("Other datasets", f"{other.archive} {other.accession}", other.iri if other.name else other.url, why)
    for link in links:
        yield Node(_kind(link.object), link.label, link.object, SUGGESTED if link.is_suggested else f"rule {link.rule}")


def _kind(iri: str) -> str:
    if is_paper(iri):
        return "Papers"
    if "identifiers.org/" in iri:
        return "Genes"
    marks = {"orcid.org/": "People", "NCBITaxon_": "Organisms", "/dataset/": "Other datasets", "FBbi_": "Methods"}
    return next((kind for mark, kind in marks.items() if mark in iri), "Terms")


# --- drawing -----------------------------------------------------------------------------------------------------


def draw(network: Network) -> ET.Element:
    """Return the figure: kinds in two columns, a curve from the dataset to each thing, a link on each that has one."""
    kinds = network.kinds
    sides = [{k: n for k, n in kinds.items() if (k in LEFT_KINDS) == left} for left in (True, False)]
    tall = max(sum(map(_tall, side.values())) for side in sides)
    height = max(TOP * 2 + tall, 120)
    root = new(f"Connections of {network.accession}", _told(kinds), height, role="group")
    curves = ET.SubElement(root, "g", fill="none", stroke="#7b8786", attrib={"stroke-width": "1.2"})
    for side, groups in enumerate(sides):
        y = (height - sum(map(_tall, groups.values()))) / 2
        for kind, nodes in groups.items():
            _group(root, curves, kind, nodes, y, is_left=side == 0, middle=height / 2)
            y += _tall(nodes)
    _centre(root, height / 2, network.accession)
    return root


def _told(kinds: dict[str, list[Node]]) -> str:
    return "; ".join(f"{kind}: {len(nodes)}" for kind, nodes in kinds.items())


def _tall(nodes: list[Node]) -> int:
    return HEAD + ROW * (min(len(nodes), MAX_NODES) + (len(nodes) > MAX_NODES))


def _group(
    root: ET.Element, curves: ET.Element, kind: str, nodes: list[Node], y: float, *, is_left: bool, middle: float
) -> None:
    x, anchor, out = (LEFT, "end", -14) if is_left else (RIGHT, "start", 14)
    text(root, x + out, y + 18, kind, "axis strong", text_anchor=anchor, font_weight="600")
    number = KINDS.index(kind)
    for place, node in enumerate(nodes[:MAX_NODES]):
        at = y + HEAD + ROW * (place + 0.5)
        _curve(curves, x, at, middle, is_sure=node.why != SUGGESTED)
        given = {"class": f"fill-{number}", "fill": COLOURS[number]}
        ET.SubElement(root, "circle", cx=f"{x}", cy=f"{at:.1f}", r="5.5", attrib=given)
        _label(root, x + out, at + 4, node, anchor)
    if len(nodes) > MAX_NODES:
        at = y + HEAD + ROW * (MAX_NODES + 0.5)
        text(root, x + out, at + 4, f"and {len(nodes) - MAX_NODES:,} more", "axis", text_anchor=anchor)


def _label(root: ET.Element, x: float, y: float, node: Node, anchor: str) -> None:
    parent = root
    if href := node.href:
        parent = ET.SubElement(root, "a", href=href)
        ET.SubElement(parent, "title").text = node.label
    text(parent, x, y, short(node.label, CHARS), text_anchor=anchor)


def _curve(parent: ET.Element, x: float, y: float, middle: float, *, is_sure: bool) -> None:
    bend = (MIDDLE + x) / 2
    path = f"M{MIDDLE:.0f} {middle:.1f}C{bend:.0f} {middle:.1f} {bend:.0f} {y:.1f} {x} {y:.1f}"
    ET.SubElement(parent, "path", d=path, attrib={"class": "edge"} | ({} if is_sure else {"stroke-dasharray": "3 4"}))


def _centre(root: ET.Element, y: float, accession: str) -> None:
    wide = max(76.0, 7.4 * len(accession) + 20)
    given = {"class": "heat-5", "fill": "#0b5563"}
    box = {"x": f"{MIDDLE - wide / 2:.1f}", "y": f"{y - 16:.1f}", "width": f"{wide:.1f}", "height": "32", "rx": "16"}
    ET.SubElement(root, "rect", attrib=box | given)
    text(root, MIDDLE, y + 4, accession, "on-dark-heat strong", text_anchor="middle", fill=GROUND, font_weight="600")
