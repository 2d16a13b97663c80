"""What the page of a grant is made of: every dataset that names its funder and number, however records write them.

Grants are nodes of records, for no registry has them all. One node can name several numbers ("JSPS 21H03542,
23K21717"), and one grant has a node in each record. A grant is told by its funder and number; its address has both, in
letters, digits and hyphens: ``wellcome-trust/220526-Z-20-Z``. Numbers are the same when letters and digits are; funders
are when names are, or when link rules found the same ROR identifier.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pyoxigraph import Literal, NamedNode, Quad

from harvesters.building import property_iri
from hub import entities
from hub.entities import RDF_TYPE, SCHEMA, Datasets, Part
from hub.errors import NotFoundError
from hub.organisations import Organisations
from hub.people_pages import Other
from hub.queries import Terms
from hub.workers import WorkerPool

NOBODY: Final = "-"
"""Stands in an address for a funder that no record names."""
MOST: Final = 20_000
MOST_PEOPLE: Final = 200
_GAP: Final = re.compile(r"[\W_]+")
_NUMBERED: Final = re.compile(r"(.*?)[\s:]+(\S*\d\S*)")


class Code(NamedTuple):
    """One grant that a node names.

    Attributes:
        funder: name as written, or empty.
        number: as written, or empty where only the funder is known.
    """

    funder: str
    number: str

    @property
    def name(self) -> str:
        """The grant's name in an address: funder and number."""
        number = slug(self.number).upper()
        return f"{slug(self.funder) or NOBODY}/{number}" if number else slug(self.funder) or NOBODY


class Node(NamedTuple):
    """A grant's node in a record, and one of the grants that it names.

    Attributes:
        ror: the funder's ROR IRI, or empty.
        url: a page of the grant, or empty.
    """

    iri: str
    name: str
    code: Code
    ror: str
    url: str

    @property
    def payer(self) -> str:
        """What tells the funder."""
        return self.ror or key(self.code.funder)


@dataclass(frozen=True, slots=True)
class GrantPage:
    """A grant, or everything of one funder where no number is given.

    Attributes:
        name: funder and number as they stand in the address.
        funder: the funder's name, by its registry or as most records write it; may be empty.
        number: as most records write it; empty for a funder's page.
        ror: the funder's ROR IRI, or empty.
        funders: names of the funder in records.
        numbers: spellings of the number in records.
        titles: names of the grant in records that say more than funder and number.
        urls: pages of the grant.
        nodes: IRIs of its nodes.
        found: its datasets.
        part: the datasets that are shown.
        people: authors of these datasets, the most frequent first.
        others: grants of the same number by other funders, or of the funder; name in the address and number of nodes.
    """

    name: str
    funder: str
    number: str
    ror: str
    funders: tuple[str, ...]
    numbers: tuple[str, ...]
    titles: tuple[str, ...]
    urls: tuple[str, ...]
    nodes: tuple[str, ...]
    found: Datasets
    part: Part
    people: tuple[Other, ...] = ()
    others: tuple[tuple[str, str, int], ...] = ()

    @property
    def title(self) -> str:
        """What the grant is called."""
        return " ".join(filter(None, (self.funder, self.number))) or "Grant"


def slug(text: str) -> str:
    """Return a name as it stands in an address.

    >>> slug("Marshallplan-Jubiläumsstiftung"), slug("EP/V034154/2")
    ('marshallplan-jubiläumsstiftung', 'ep-v034154-2')
    """
    return _GAP.sub("-", text.lower()).strip("-")


def key(text: str) -> str:
    """Return what is left of a name or number when only letters and digits count.

    >>> key("EP/V034154/2") == key("ep v034154-2")
    True
    """
    return _GAP.sub("", text.upper())


def codes(name: str, number: str = "", funder: str = "") -> list[Code]:
    """Return the grants that a node names.

    Args:
        name: of the grant, as the model has it.
        number: numbers, with commas or semicolons between several.
        funder: name of the funder; else it is read from ``name``, where a part begins with words.

    >>> codes("JST CREST JPMJCR20E4, JPMJCR23B7; AMED 21bm0704065h0002")[1:]
    [Code(funder='JST CREST', number='JPMJCR23B7'), Code(funder='AMED', number='21bm0704065h0002')]
    >>> codes("Wellcome Trust 220526/Z/20/Z", "220526/Z/20/Z", "Wellcome Trust")
    [Code(funder='Wellcome Trust', number='220526/Z/20/Z')]
    """
    payer = funder or (name.replace(number, "").strip(" ,;:-") if number else "")
    if number:
        return [Code(payer, one) for one in _parts(number)] or [Code(payer, "")]
    if funder:
        return [Code(funder, "")]
    found: list[Code] = []
    for one in _parts(name):
        numbered = _NUMBERED.fullmatch(one)
        payer = (numbered[1] if numbered else "") or payer
        if numbered or (" " not in one and any(map(str.isdigit, one))):
            found.append(Code(payer, numbered[2] if numbered else one))
        else:
            payer = one
            found.append(Code(one, ""))
    return found


def _parts(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;]", text) if part.strip()]


# --- a page ----------------------------------------------------------------------------------------------------------


class Library:
    """Answers what the hub has of grants.

    Args:
        pool: workers on the snapshot.
        register: names of funders.
        base: base IRI of the hub.
    """

    def __init__(self, pool: WorkerPool, register: Organisations, base: str) -> None:
        self.pool = pool
        self.register = register
        self.base = base

    def page(self, funder: str, number: str, page: int, sort: str) -> GrantPage:
        """Return a grant, or a funder's grants where ``number`` is empty.

        Args:
            funder: its name or ROR identifier as it stands in an address.
            number: in any spelling.
            page: page of the list of datasets, from 1.
            sort: a key of ``hub.entities.SORTS``.

        Raises:
            NotFoundError: no record names it, or there is no such page.
        """
        wanted = number or ("" if funder == NOBODY else funder)
        nodes = [n for n in self._nodes(wanted) if not number or key(n.code.number) == key(number)]
        groups: dict[str, list[Node]] = {}
        for node in nodes:
            groups.setdefault(node.payer, []).append(node)
        payer = next((one for one, some in groups.items() if self._is(funder, some)), None)
        if payer is None:
            raise NotFoundError(_hint(funder, number, [self._name(some, number) for some in groups.values()]))
        own = groups.pop(payer)
        others = [n for some in groups.values() for n in some] if number else own
        return self._made(own, number, page, sort, others)

    def _nodes(self, word: str) -> Iterator[Node]:
        if not key(word):
            return
        for row in entities.selected(self.pool, "describe/grants", word=Literal(self._asked(word))):
            for code in codes(row["name"], row.get("number", ""), row.get("funder", "")):
                yield Node(row["grant"], row["name"], code, row.get("ror", ""), row.get("url", ""))

    def _asked(self, word: str) -> str:
        known = self.register.organisation(f"https://ror.org/{word}") if re.fullmatch(r"0\w{8}", word) else None
        return key(known.name if known else word)

    def _is(self, funder: str, some: list[Node]) -> bool:
        """Tell whether the nodes of one funder are of the one that an address names."""
        names = {key(node.code.funder) for node in some} | {key(self._funder(some))}
        return (key(funder) in names) or (funder in {node.ror.rpartition("/")[2] for node in some if node.ror})

    def _funder(self, some: list[Node]) -> str:
        """Return a funder's name by its registry, else as most records write it."""
        known = next(filter(None, (self.register.organisation(node.ror) for node in some if node.ror)), None)
        return known.name if known else _most(node.code.funder for node in some)

    def _name(self, some: list[Node], number: str) -> str:
        code = Code(self._funder(some), _longest(node.code.number for node in some) if number else "")
        return code.name

    def _made(self, own: list[Node], number: str, page: int, sort: str, others: list[Node]) -> GrantPage:
        nodes = sorted({node.iri for node in own})
        terms = Terms(map(NamedNode, nodes))
        found = entities.listed(self.pool, "describe/grant-datasets", f"{self.base}dataset/", grants=terms)
        codes_ = {node.code for node in own}
        return GrantPage(
            name=self._name(own, number),
            funder=self._funder(own),
            number=_most(node.code.number for node in own) if number else "",
            ror=next((node.ror for node in own if node.ror), ""),
            funders=tuple(sorted({c.funder for c in codes_ if c.funder})),
            numbers=tuple(sorted({c.number for c in codes_ if c.number})) if number else (),
            titles=tuple(sorted({node.name for node in own if self._is_title(node)}))[:20] if number else (),
            urls=tuple(sorted({node.url for node in own if node.url}))[:20] if number else (),
            nodes=tuple(nodes),
            found=found,
            part=entities.part(self.pool, found, page, sort),
            people=self._people(terms),
            others=self._others(others),
        )

    def _is_title(self, node: Node) -> bool:
        return key(node.code.number) not in key(node.name) and key(node.name) != key(node.code.funder)

    def _people(self, nodes: Terms) -> tuple[Other, ...]:
        datasets: dict[tuple[str, str], set[str]] = {}
        names: dict[tuple[str, str], str] = {}
        for row in entities.selected(self.pool, "describe/grant-people", grants=nodes):
            iri = row.get("main") or (row["person"] if row["person"].startswith("https://orcid.org/") else "")
            who = (iri, "" if iri else row["name"])
            names.setdefault(who, row["name"])
            datasets.setdefault(who, set()).add(row["dataset"])
        made = [Other(who[0], names[who], len(some)) for who, some in datasets.items()]
        return tuple(sorted(made, key=lambda one: (-one.datasets, one.name, one.id))[:MOST_PEOPLE])

    def _others(self, nodes: list[Node]) -> tuple[tuple[str, str, int], ...]:
        numbers: dict[tuple[str, str], list[Node]] = {}
        for node in nodes:
            if node.code.number:
                numbers.setdefault((node.payer, key(node.code.number)), []).append(node)
        made = [
            (self._name(some, "x"), f"{self._funder(some)} {_most(n.code.number for n in some)}".strip(), len(some))
            for some in numbers.values()
        ]
        return tuple(sorted(made, key=lambda one: (-one[2], one[1]))[:200])


def _most(texts: Iterable[str]) -> str:
    """Return the most frequent text; of several the shortest, then the first."""
    found = Counter(text for text in texts if text)
    return min(found, key=lambda text: (-found[text], len(text), text), default="")


def _longest(texts: Iterable[str]) -> str:
    return max(texts, key=lambda text: (len(slug(text)), text), default="")


def _hint(funder: str, number: str, near: list[str]) -> str:
    said = (
        f"no record here names a grant {number[:80]} of {funder[:80]}"
        if number
        else f"no funder {funder[:80]} is named"
    )
    if near:
        return f"{said}; there is {', '.join(f'/grant/{name}' for name in sorted(near)[:9])}"
    return f"{said}: write /grant/<funder>/<number>, such as /grant/wellcome-trust/220526-Z-20-Z"


# --- as data ---------------------------------------------------------------------------------------------------------


def as_json(page: GrantPage) -> dict[str, Any]:
    """Return a grant's page as JSON values."""
    return {
        "grant": page.name,
        "funder": page.funder or None,
        "funder_ror": page.ror or None,
        "number": page.number or None,
        "names_of_funder": list(page.funders),
        "spellings": list(page.numbers),
        "titles": list(page.titles),
        "pages": list(page.urls),
        "nodes": list(page.nodes),
        "by_year": page.found.by_year,
        "by_archive": page.found.by_archive,
        "people": [{"id": one.id or None, "name": one.name, "datasets": one.datasets} for one in page.people],
        "others": [{"grant": name, "name": words, "records": number} for name, words, number in page.others],
        **entities.part_json(page.part),
    }


def quads(page: GrantPage, iri: str) -> list[Quad]:
    """Return a grant's page as statements.

    Args:
        page: the grant.
        iri: what it is called in these statements; its nodes are said to be the same.
    """
    said = [
        Quad(NamedNode(iri), RDF_TYPE, NamedNode(f"{SCHEMA}Grant")),
        entities.text(iri, f"{SCHEMA}name", page.title),
    ]
    said += [entities.text(iri, property_iri("grant_number"), number) for number in page.numbers]
    if page.ror:
        said += [
            entities.statement(iri, f"{SCHEMA}funder", page.ror),
            entities.text(page.ror, f"{SCHEMA}name", page.funder),
        ]
    if page.number:
        said += [entities.statement(node, f"{SCHEMA}sameAs", iri) for node in page.nodes]
    shown = {one.iri for one in page.part.shown}
    rows = (row for row in page.found.rows if row.dataset in shown)
    said += [entities.statement(row.dataset, f"{SCHEMA}funding", row.via) for row in rows]
    return list(dict.fromkeys([*said, *entities.described(page.part)]))
