"""What a SERVICE joins with: the patterns of a query whose solutions say which rows of another endpoint can matter.

A row of the endpoint matters only if it agrees with a solution of every pattern that its group joins it with. Patterns
may be left out (then more rows are asked for than are needed), but never one be taken that is not joined: of what holds
an OPTIONAL, MINUS or EXISTS only the patterns on its left side say what matters inside of it, and nothing beyond.

Source: https://www.w3.org/TR/sparql11-query/#sparqlAlgebra · https://www.w3.org/TR/sparql11-federated-query/#values
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hub.sparql_groups import Element, Step, certain, is_joined, variables, words

CHANGING = frozenset(("LIMIT", "OFFSET", "RAND", "UUID", "STRUUID", "BNODE", "NOW", "SAMPLE", "GROUP_CONCAT"))
"""Keywords of patterns that may have other solutions the next time."""
Write = Callable[[Element], str]


@dataclass(slots=True)
class Level:
    """One group on the way to a SERVICE.

    Attributes:
        elements: its patterns, in order.
        child: the pattern that leads on.
        joined: those that say what matters.
        binds: those that compute a value from them.
        filters: those that only look at values.
    """

    elements: list[Element]
    child: Element
    joined: list[Element]
    binds: list[Element]
    filters: list[Element]


def levels(way: list[Step], is_ready: Callable[[Element], bool]) -> list[Level]:
    """Return the groups around a SERVICE whose patterns say what matters, from inside to outside.

    Args:
        way: the steps down to it.
        is_ready: whether a pattern can be evaluated by now.
    """
    found = []
    for step in reversed(way):
        kind = step.element.kind
        if kind in ("select", "bind", "lateral"):
            break
        found.append(_level(step, is_ready))
        if kind in ("optional", "minus", "filter"):
            break
    return found


def _level(step: Step, is_ready: Callable[[Element], bool]) -> Level:
    elements, child = step.group.elements, step.element
    others = [e for e in elements if e is not child]
    before = [e for e in others if e.start < child.start]
    siblings = before if child.kind in ("optional", "minus") else others
    plain = [e for e in others if not e.groups and CHANGING.isdisjoint(words(e.tokens))]
    level = Level(elements, child, [e for e in siblings if is_joined(e) and is_ready(e)], [], [])
    level.filters = [e for e in plain if e.kind == "filter"]
    binds = [e for e in plain if e.kind == "bind" and (child.kind == "filter" or e.start < child.start)]
    level.binds = _computable(level.joined, binds)
    return level


def _computable(joined: list[Element], binds: list[Element]) -> list[Element]:
    """Those whose value depends on nothing but the joined patterns before them."""
    known: set[str] = set()
    found = []
    for element in sorted([*joined, *binds], key=lambda e: e.start):
        if element.kind != "bind":
            known |= certain([element])
        elif variables(element.tokens) - {name_of(element)} <= known:
            found.append(element)
            known.add(name_of(element))
    return found


def name_of(element: Element) -> str:
    """Return the name of the variable that a BIND sets, or that a GRAPH or SERVICE has in place of an IRI."""
    return element.name.text[1:] if element.name is not None and element.name.kind == "var" else ""


def parts(found: list[Level]) -> list[set[Element]]:
    """Return the patterns of some levels in parts that share no variable: each says for itself what matters."""
    part_of: dict[str, int] = {}
    gathered: dict[int, tuple[set[str], set[Element]]] = {}
    for number, element in enumerate(e for level in found for e in (*level.joined, *level.binds)):
        names, members = element.variables(), {element}
        for other in {part_of[name] for name in names if name in part_of}:
            more, others = gathered.pop(other)
            names |= more
            members |= others
        gathered[number] = (names, members)
        part_of.update(dict.fromkeys(names, number))
    return [members for _, members in gathered.values()]


def write(found: list[Level], part: set[Element], render: Write, graph: Write) -> str:
    """Return the group of one part, with the filters that depend on nothing else.

    Args:
        found: the levels, from inside to outside.
        part: the patterns to write.
        render: gives a pattern's text.
        graph: gives what stands before the braces of a level's child: ``GRAPH <…>`` or nothing.
    """
    inner = ""
    for level in found:
        kept, texts = _kept(level, part), []
        for element in level.elements:
            if element in kept:
                texts.append(f"{render(element)} .")
            elif element is level.child and inner:
                texts.append(f"{graph(element)} {{\n{inner}\n}}")
        inner = "\n".join(texts)
    return inner


def _kept(level: Level, part: set[Element]) -> set[Element]:
    """The patterns of a level that are written: those of the part, and filters that depend on nothing else."""
    kept = {e for e in (*level.joined, *level.binds) if e in part}
    known = certain(e for e in kept if e.kind != "bind") | {name_of(e) for e in kept if e.kind == "bind"}
    return kept | {e for e in level.filters if kept and e.variables() <= known}
