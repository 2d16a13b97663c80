"""Who says a statement: reasons for what is shown, graphs, crosswalks that are what the documentation says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode

from harvesters import crosswalks
from harvesters.building import property_iri
from hub import records
from hub.explain import Reason, kind_of, slot_of
from hub.routes import Precedence
from tests.support import BASE, ROOT

ARCHIVES = (ROOT / "docs" / "archives.md").read_text(encoding="utf-8")
TABLES = sorted(p.stem for p in Path(crosswalks.__file__).parent.glob("*.tsv"))
SLOTS = {s.name for table in records.tables().values() for s in table.slots}


def documented():
    """Yield harvester, field and slot of every line of a crosswalk in the documentation."""
    name, is_inside = None, False
    for line in ARCHIVES.splitlines():
        if line.startswith("## "):
            found = re.search(r"\(`(\w+)`\)$", line)
            name = found[1] if found else None
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] if line.startswith("|") else []
        if not cells or cells[1] == "slot":
            is_inside = bool(cells)
        elif name and is_inside and not set(line) <= set("|-: "):
            yield name, cells[0], cells[1]


def test_crosswalks_are_those_of_the_documentation():
    wanted = {}
    for name, field, slot in documented():
        wanted.setdefault(name, []).append((field, slot))
    assert sorted(wanted) == TABLES
    for name, lines in wanted.items():
        assert [(c.field, c.slot) for c in crosswalks.crosswalk(name)] == lines, name


def test_slots_of_crosswalks_are_those_that_they_name():
    for name in TABLES:
        for crossing in crosswalks.crosswalk(name):
            said = re.findall(r"`([^`]+)`", crossing.slot) or [crossing.slot]
            named = [word for part in said for word in re.split(r"\W+", part) if word in SLOTS]
            assert list(crossing.slots) == list(dict.fromkeys(named)), (name, crossing)


@pytest.mark.parametrize(
    ("harvester", "slot", "cls", "field"),
    [
        ("idr", "name", "Dataset", "Study Title"),
        ("empiar", "date_published", "Dataset", "`deposition_date`, `release_date`, `update_date`"),
        ("crates", "measurement_method", "Dataset", "`x`"),
        ("submissions", "measurement_method", "Dataset", "`measurement_method`"),
    ],
)
def test_fields_of_a_slot(harvester, slot, cls, field):
    assert crosswalks.fields_of(harvester, slot, "x", cls) == [field]


def test_fields_of_parts_are_not_those_of_the_dataset():
    assert all("Annotation" not in f for f in crosswalks.fields_of("biostudies", "about", "about"))
    assert crosswalks.fields_of("nothing", "name", "name") == []
    assert crosswalks.fields_of("../x", "name", "name") == []


def test_what_a_graph_is():
    assert kind_of(BASE, f"{BASE}graph/source/ssbd/a%20b") == ("source", "ssbd", "a b")
    assert kind_of(BASE, f"{BASE}graph/ontology/fbbi/closure") == ("ontology", "fbbi", "closure")
    assert kind_of(BASE, f"{BASE}graph/runs") == ("runs", "", "")
    assert kind_of(BASE, "https://elsewhere.org/graph/source/a/b") == ("", "", "")


def test_the_slot_that_is_written_with_a_property():
    assert slot_of("Dataset", property_iri("license")).name == "license"
    assert slot_of("", property_iri("license")) is None


DATASET = f"{BASE}dataset/bia/S-BIAD1"
ONE, TWO = Literal("one"), Literal("two")
NEAR, FAR = (f"{BASE}graph/source/{name}/S-BIAD1" for name in ("near", "far"))
ORDER = Precedence(BASE, {"near": "bia", "far": "bia"}, {"near": 1, "far": 3})


def reason(said, shown, order=ORDER, subject=DATASET, predicate="http://schema.org/name"):
    return Reason(order, subject, predicate, said, set(shown)).text()


def test_why_a_value_is_shown():
    both = {ONE: [NEAR], TWO: [FAR]}
    assert reason({ONE: [NEAR]}, [ONE]) == "Only one record says anything of this."
    assert reason({ONE: [NEAR, FAR]}, [ONE]).startswith("All records agree")
    assert "nearer route (1)" in reason(both, [ONE])
    declared = Precedence(BASE, ORDER.archives, ORDER.routes, {"default": ("far",)})
    assert "[precedence]" in reason(both, [TWO], declared)
    foreign = Precedence(BASE, {"near": "bia", "far": "idr"}, {"near": 3, "far": 1})
    assert "archive that owns" in reason(both, [ONE], foreign)
    alike = Precedence(BASE, ORDER.archives, {})
    assert "first by name" in reason(both, [TWO], alike)


def test_why_links_and_shared_things_are_shown():
    link = f"{BASE}graph/links/sameness"
    assert "displaces none" in reason({NamedNode("https://e.org/x"): [link]}, [NamedNode("https://e.org/x")])
    assert "not sure enough" in reason({ONE: [f"{BASE}graph/candidates/sameness"]}, [])
    taxon = "http://purl.obolibrary.org/obo/NCBITaxon_9606"
    own = f"{BASE}graph/ontology/ncbitaxon"
    both = {ONE: [NEAR, own], TWO: [FAR]}
    single = property_iri("scientific_name")
    assert "own ontology" in reason(both, [ONE], subject=taxon, predicate=single)
    assert "2 of 3 graphs" in reason({ONE: [NEAR, f"{NEAR}b"], TWO: [FAR]}, [ONE], subject=taxon, predicate=single)
    assert "what any of them says" in reason({ONE: [NEAR]}, [ONE], subject=taxon)
