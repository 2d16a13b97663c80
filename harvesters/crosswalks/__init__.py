"""Which fields of a payload become which slot of a record: the tables of ``docs/archives.md``, for programs.

One table for each harvester: ``field`` as the archive names it, ``slot`` as the documentation has it, and ``slots``,
the names of slots in that. A test keeps tables and documentation equal.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from harvesters.building import model_table

# Their payloads have the model's own names: JSON-LD terms in crates, slots in submissions.
OWN_TERMS = frozenset({"crates"})
OWN_SLOTS = frozenset({"submissions"})


class Crossing(NamedTuple):
    """One line of a crosswalk.

    Attributes:
        field: fields of the payload, in the archive's words.
        slot: what becomes of them.
        slots: names of the slots in that.
    """

    field: str
    slot: str
    slots: tuple[str, ...]


@cache
def crosswalk(harvester: str) -> tuple[Crossing, ...]:
    """Return the crosswalk of a harvester; empty where its payloads have the model's own names."""
    file = files(__name__).joinpath(f"{harvester}.tsv")
    if not harvester.isidentifier() or not file.is_file():
        return ()
    lines = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()[1:])
    return tuple(Crossing(field, slot, tuple(slots.split())) for field, slot, slots in lines)


def fields_of(harvester: str, slot: str, term: str, cls: str = "Dataset") -> list[str]:
    """Return the fields of a harvester's payload that a slot comes from; empty where that is not known.

    Args:
        harvester: its name.
        slot: name of the slot.
        term: the slot's JSON-LD term.
        cls: class of the thing that has the slot.

    >>> fields_of("empiar", "accountable_person", "accountablePerson")
    ['`principal_investigator[]`']
    >>> fields_of("crates", "date_published", "datePublished")
    ['`datePublished`']
    """
    if harvester in OWN_TERMS:
        return [f"`{term}`"]
    if harvester in OWN_SLOTS:
        return [f"`{slot}`"]
    return [c.field for c in crosswalk(harvester) if slot in c.slots and _is_of(c, slot, cls)]


def _is_of(crossing: Crossing, slot: str, cls: str) -> bool:
    """Tell whether a line is about a slot of a class.

    A line that begins with no class is about the dataset; slots behind one that holds things are those things' slots.
    """
    if cls != "Dataset":
        return cls in crossing.slot
    named = re.match(r"\W*([A-Z][a-z]\w*|component)", crossing.slot)
    first = crossing.slots[0]
    is_own = slot == first or model_table()["slots"][first]["kind"] != "node"
    return is_own and (named is None or named[1] == cls)
