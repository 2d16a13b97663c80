"""The default graph: one label for a shared thing, one source's word for a dataset."""

import dataclasses

from pyoxigraph import Literal, NamedNode, Quad

from hub import views
from hub.routes import Precedence

ORDER = Precedence("https://h/", {"bia": "bia", "empiar": "empiar", "aux": "empiar"})
NAME, KEYWORD = NamedNode("http://schema.org/name"), NamedNode("http://schema.org/keywords")
TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")


def graph(source):
    return NamedNode(f"https://h/graph/source/{source}/X")


def said(*statements):
    return [(p, Literal(o), graph(g)) for p, o, g in statements]


def values(decided):
    return {(p.value.rpartition("/")[2], o.value) for p, o in decided}


def test_a_shared_thing_keeps_one_name_that_most_records_give():
    person = NamedNode("https://orcid.org/0000-0002-1825-0097")
    decided = ORDER.resolve(
        person, said((NAME, "J. Carberry", "a"), (NAME, "Josiah Carberry", "b"), (NAME, "Josiah Carberry", "c"))
    )
    assert values(decided) == {("name", "Josiah Carberry")}


def test_a_tie_is_decided_the_same_way_whatever_the_order():
    taxon = NamedNode("http://purl.obolibrary.org/obo/NCBITaxon_1")
    statements = said((NAME, "aa", "x"), (NAME, "b", "y"), (NAME, "cc", "z"))
    assert {frozenset(values(ORDER.resolve(taxon, order))) for order in (statements, statements[::-1])} == {
        frozenset({("name", "cc")})
    }


def test_values_that_may_be_many_are_all_kept():
    thing = NamedNode("https://h/record/bia/X#p")
    assert len(ORDER.resolve(thing, said((KEYWORD, "a", "bia"), (KEYWORD, "b", "empiar")))) == 2


def test_the_owning_archive_s_own_source_comes_first_slot_by_slot():
    dataset = NamedNode("https://h/dataset/empiar/EMPIAR-1")
    statements = said(
        (NAME, "from aux", "aux"), (NAME, "from bia", "bia"), (NAME, "own", "empiar"), (KEYWORD, "only bia", "bia")
    )
    assert values(ORDER.resolve(dataset, statements)) == {("name", "from aux"), ("keywords", "only bia")}
    ours = dataclasses.replace(ORDER, archives={"bia": "bia", "empiar": "empiar"})
    assert values(ours.resolve(dataset, statements)) == {("name", "own"), ("keywords", "only bia")}


def test_the_list_of_authors_is_one_source_s_whatever_its_length():
    sequence = NamedNode("https://h/dataset/empiar/EMPIAR-1#authors")
    first, second = (NamedNode(f"http://www.w3.org/1999/02/22-rdf-syntax-ns#_{n}") for n in (1, 2))
    statements = said((first, "own", "empiar"), (first, "theirs", "bia"), (second, "theirs too", "bia"))
    order = dataclasses.replace(ORDER, archives={"bia": "bia", "empiar": "empiar"})
    assert {o.value for _, o in order.resolve(sequence, statements)} == {"own"}


def test_types_of_every_source_are_kept():
    dataset = NamedNode("https://h/dataset/bia/X")
    statements = [(TYPE, NamedNode("http://a/A"), graph("bia")), (TYPE, NamedNode("http://a/B"), graph("empiar"))]
    assert len(ORDER.resolve(dataset, statements)) == 2


def test_only_nodes_inside_a_record_are_private():
    assert ORDER.is_private("https://h/record/bia/X#author-1")
    assert not ORDER.is_private("https://h/record/bia/X")
    assert not ORDER.is_private("https://orcid.org/0000-0002-1825-0097")


def test_the_canonical_lines_leave_out_what_tells_one_harvest_from_another():
    g = NamedNode("https://h/graph/record/bia/X")
    record = NamedNode("https://h/record/bia/X")
    quads = [
        Quad(record, NamedNode("http://purl.org/dc/terms/modified"), Literal("2026"), g),
        Quad(record, NamedNode("http://www.w3.org/ns/prov#wasGeneratedBy"), NamedNode("https://h/run/7"), g),
        Quad(NamedNode("https://h/run/7"), NAME, Literal("r"), NamedNode("https://h/graph/runs")),
        Quad(record, NAME, Literal("kept"), g),
    ]
    [line] = views.canonical_lines(quads)
    assert "kept" in line
