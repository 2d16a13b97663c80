"""Two records of one dataset by two routes: what is shown, and what they disagree about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import NamedNode, Store

from harvesters.contract import Finding, Source
from hub import config, ingest, records, routes, snapshots
from hub.errors import ConfigError
from hub.log import Log, RecordRow
from hub.routes import Precedence
from linkml_schemas.generated.model import Archive, Dataset, Person, Publication, Taxon
from tests.support import BASE, demo_settings

IRI = f"{BASE}dataset/empiar/EMPIAR-10310"
NAME = "http://schema.org/name"
ORDER = Precedence(BASE, {"empiar": "empiar", "emdb": "empiar", "bia": "bia"}, {"empiar": 1, "bia": 2, "emdb": 3})


def row(source: str, accession: str = "EMPIAR-10310", state: str = "active", **slots: Any) -> RecordRow:
    record = Dataset(
        id=IRI,
        accession=accession,
        archive=Archive(id=f"{BASE}archive/empiar", name="EMPIAR"),
        **{"name": "Title", **slots},
    )
    text = records.to_json(records.canonical(record))
    return RecordRow(source, accession, IRI, state, record.name, text, "[]", None, "0" * 64, None, "x/1", "", "", 1)


def found(*rows: RecordRow, order: Precedence = ORDER) -> dict[str, list[Finding]]:
    return {source: notes for (source, _), notes in routes.disagreements(list(rows), order).items()}


def graph(source: str, accession: str = "EMPIAR-10310") -> str:
    return f"{BASE}graph/source/{source}/{accession}"


def ranked(order: Precedence, predicate: str = NAME) -> list[str]:
    return sorted(("bia", "emdb", "empiar"), key=lambda source: order.rank(IRI, graph(source), predicate))


def test_the_owner_s_routes_come_first_the_nearest_before_the_others() -> None:
    assert ranked(ORDER) == ["empiar", "emdb", "bia"]


def test_what_the_operator_declares_comes_before_everything() -> None:
    declared = {"default": ("bia",), NAME: ("emdb", "bia")}
    order = Precedence(BASE, ORDER.archives, ORDER.routes, declared)
    assert ranked(order) == ["emdb", "bia", "empiar"]
    assert ranked(order, "http://schema.org/license") == ["bia", "empiar", "emdb"]


def test_at_ssbd_the_database_project_comes_before_the_repository_entry() -> None:
    order = Precedence(BASE, {"ssbd": "ssbd"})
    dataset = f"{BASE}dataset/ssbd/108"
    project, entry = (graph("ssbd", a) for a in ("108-Sugita-RPEiPSCell", "ssbd-repos-000108"))
    assert order.rank(dataset, project, NAME) < order.rank(dataset, entry, NAME)


def test_another_archive_s_title_is_no_disagreement() -> None:
    assert found(row("empiar"), row("emdb", name="Title of a map")) == {}


def test_one_record_alone_disagrees_with_nobody() -> None:
    assert found(row("empiar")) == {}
    assert found(row("empiar"), row("bia", state="withdrawn", name="Other")) == {}


def test_a_disagreement_is_a_finding_on_the_record_that_is_not_shown() -> None:
    notes = found(row("bia", name="Another title"), row("empiar"))
    assert list(notes) == ["bia"]
    [note] = notes["bia"]
    assert (note.field, note.rule, note.value, note.suggestion) == ("name", routes.RULE, "Another title", "Title")
    assert "empiar" in note.message


@pytest.mark.parametrize(
    ("slot", "shown", "other", "agrees"),
    [
        ("name", "A title.", "a  TITLE", True),
        ("name", "A title", "A title of part two", False),
        ("license", "https://creativecommons.org/publicdomain/zero/1.0/", "https://example.org/l", False),
        ("date_published", "2020-05-01", "2020", True),
        ("date_published", "2020-05-01", "2020-06", False),
        ("size_bytes", 1_900_000_000_000, 1_938_412_345_678, True),
        ("size_bytes", 1_900_000_000_000, 19_000_000_000_000, False),
        ("file_count", 0, 0, True),
    ],
)
def test_plain_slots(slot: str, shown: Any, other: Any, agrees: bool) -> None:
    assert found(row("empiar", **{slot: shown}), row("bia", **{slot: other})).get("bia", []) == [] or not agrees
    assert bool(found(row("empiar", **{slot: shown}), row("bia", **{slot: other}))) != agrees


def people(*names: str) -> list[Person]:
    return [Person(id=f"https://example.org/{name.replace(' ', '-')}", name=name) for name in names]


def test_a_shorter_list_of_the_same_people_is_no_disagreement() -> None:
    full = people("Carberry J", "Müller JM", "De Biasio A")
    assert found(row("empiar", author=full), row("bia", author=people("Josiah Carberry"))) == {}
    [note] = found(row("empiar", author=full), row("bia", author=people("Kost-Alimova M")))["bia"]
    assert note.field == "author"


def test_papers_and_taxa_are_compared_as_sets() -> None:
    def papers(*names: str) -> list[Publication]:
        return [Publication(id=f"https://doi.org/10.1/{name}", name=name) for name in names]

    def taxa(*numbers: int) -> list[Taxon]:
        return [
            Taxon(id=f"http://purl.obolibrary.org/obo/NCBITaxon_{number}", scientific_name="x") for number in numbers
        ]

    shown = row("empiar", publication=papers("a", "b"), about=taxa(9606, 10090))
    assert found(shown, row("bia", publication=papers("a"), about=taxa(9606))) == {}
    notes = found(shown, row("bia", publication=papers("a", "c"), about=taxa(9601)))["bia"]
    assert [(n.field, n.value.rpartition("/")[2]) for n in notes] == [("publication", "c"), ("about", "NCBITaxon_9601")]


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    """Two sources of one archive that describe one dataset otherwise."""
    made = demo_settings(tmp_path, ("bia",))
    other = tmp_path / "other"
    other.mkdir()
    crate = tmp_path / "bia" / "S-BIAD824-ro-crate-metadata.json"
    said = json.loads(crate.read_text(encoding="utf-8"))
    root = next(node for node in said["@graph"] if "S-BIAD824" in node["@id"])
    root["name"] = "Quite another title"
    (other / crate.name).write_text(json.dumps(said), encoding="utf-8")
    sources = {**made.sources, "mirror": Source("mirror", "crates", "bia", str(other))}
    return config.Settings(data_dir=made.data_dir, base_iri=made.base_iri, sources=sources)


def ask(settings: config.Settings, query: str) -> list[tuple[str, ...]]:
    store = Store.read_only(str(snapshots.current(settings.snapshots_dir).graph))
    solutions: Any = store.query(query)
    return sorted(tuple(term.value for term in solution) for solution in solutions)


NAMES = "SELECT ?name { ?d <http://schema.org/identifier> 'S-BIAD824' ; <http://schema.org/name> ?name }"
NOTES = """SELECT ?g ?value { GRAPH ?g { ?f <https://w3id.org/bioimage-hub/vocab#rule> 'routes-disagree' ;
           <http://www.w3.org/ns/shacl#value> ?value } }"""


def test_two_routes_make_one_dataset_and_both_stay(settings: config.Settings) -> None:
    ingest.harvest(settings, ["bia"])
    [(own,)] = ask(settings, NAMES)
    assert ask(settings, NOTES) == []
    ingest.harvest(settings, ["mirror"])
    assert ask(settings, NAMES) == [(own,)]
    stated = ask(settings, NAMES.replace("{ ", "{ GRAPH ?g { ") + " }")
    assert stated == sorted([(own,), ("Quite another title",)])
    mirror = f"{settings.base_iri}graph/record/mirror/S-BIAD824"
    assert ask(settings, NOTES) == [(mirror, "Quite another title")]


def test_a_disagreement_goes_when_either_record_changes(settings: config.Settings) -> None:
    ingest.harvest(settings, ["bia", "mirror"])
    assert len(ask(settings, NOTES)) == 1
    own = Path(settings.sources["bia"].url) / "S-BIAD824-ro-crate-metadata.json"
    other = Path(settings.sources["mirror"].url) / own.name
    own.write_bytes(other.read_bytes())
    ingest.harvest(settings, ["bia"])
    assert ask(settings, NOTES) == []
    assert ask(settings, NAMES) == [("Quite another title",)]


def test_the_operator_decides_whose_word_is_shown(settings: config.Settings) -> None:
    order = {"name": ("mirror",)}
    declared = config.Settings(
        data_dir=settings.data_dir, base_iri=settings.base_iri, sources=settings.sources, precedence=order
    )
    ingest.harvest(declared, ["bia", "mirror"])
    assert ask(declared, NAMES) == [("Quite another title",)]
    [(graph_of_note, value)] = ask(declared, NOTES)
    assert graph_of_note.endswith("/bia/S-BIAD824")
    assert value != "Quite another title"


def test_the_later_record_stands_alone_when_the_first_is_withdrawn(settings: config.Settings) -> None:
    ingest.harvest(settings, ["bia", "mirror"])
    (Path(settings.sources["bia"].url) / "S-BIAD824-ro-crate-metadata.json").unlink()
    ingest.harvest(settings, ["bia"], confirm=True)
    assert ask(settings, NAMES) == [("Quite another title",)]
    assert ask(settings, NOTES) == []
    log = Log(settings.database)
    states = {(r.source, r.state) for r in log.all_records() if r.accession == "S-BIAD824"}
    log.close()
    assert states == {("bia", "withdrawn"), ("mirror", "active")}


def test_precedence_of_an_unknown_harvester_does_not_stop_the_pages(settings: config.Settings) -> None:
    sources = {**settings.sources, "odd": Source("odd", "nope", "bia", "x")}
    order = Precedence.of(config.Settings(sources=sources))
    assert order.routes == {"bia": 2, "mirror": 2, "odd": 1}
    with pytest.raises(ConfigError, match="nope"):
        routes.harvester_named("nope")


def test_every_compared_slot_is_one_of_the_model() -> None:
    assert set(routes.COMPARED) <= set(Dataset.model_fields)
    assert isinstance(NamedNode(routes.property_iri("about")), NamedNode)
