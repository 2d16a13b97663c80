"""EMDB harvester: the pairs with EMPIAR, shapes and traps of the entry API, files, hostile documents."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harvesters import emdb
from harvesters.contract import Context, Entry, Harvested, RecordError, Source, SourceError
from harvesters.http import Manners, PoliteSession
from hub import records

PAYLOADS = Path(__file__).parent / "archives" / "emdb"
BASE = "https://hub.example/"
TAXON = "http://purl.obolibrary.org/obo/NCBITaxon_"
LIVE = Source("emdb", "emdb", "empiar", "https://www.ebi.ac.uk/emdb/api/entry/")
CTX = Context(BASE, LIVE)
NAME = "EMPIAR-19998"


def payload() -> dict[str, Any]:
    return json.loads((PAYLOADS / f"{NAME}.json").read_text(encoding="utf-8"))


def harvest(**documents: Any) -> Harvested:
    """Harvest the documents of EMD-1111, given as ``m1111``, and so on."""
    named = {f"EMD-{name[1:]}": document for name, document in documents.items()}
    return emdb.transform(json.dumps({"EMPIAR-10050": named}).encode(), Entry("EMPIAR-10050"), CTX)


def document(title: Any = "A map", **parts: Any) -> dict[str, Any]:
    admin = {"title": title, "current_status": {"code": {"valueOf_": "REL"}}, **parts.pop("admin", {})}
    return {"admin": admin, **parts}


def sample(*natural: Any, name: Any = "A sample", **more: Any) -> dict[str, Any]:
    parts = [{"natural_source": source, **more} for source in natural]
    return {"sample": {"name": {"valueOf_": name}, "supramolecule_list": {"supramolecule": parts}}}


def protein(**fields: Any) -> dict[str, Any]:
    part = {"instance_type": "protein_or_peptide", "name": {"valueOf_": "A protein"}, **fields}
    return {"sample": {"macromolecule_list": {"macromolecule": part}}}


def citation(**fields: Any) -> dict[str, Any]:
    return {"crossreferences": {"citation_list": {"primary_citation": {"citation_type": fields}}}}


def reference(kind: str, value: Any) -> dict[str, Any]:
    return {"instance_type": "external_references", "type_": kind, "valueOf_": value}


def resolution(value: Any, **more: Any) -> Harvested:
    processing = {"final_reconstruction": {"resolution": {"valueOf_": value, "units": "Å", **more}}}
    determination = {"structure_determination": {"image_processing": processing}}
    return harvest(m1111=document(structure_determination_list=determination))


def rules(harvested: Harvested) -> list[tuple[str, str]]:
    return [(f.field, f.rule) for f in harvested.findings]


def of_kind(harvested: Harvested, kind: str) -> list[Any]:
    return [thing for thing in harvested.record.about if type(thing).__name__ == kind]


def check_round_trip(harvested: Harvested) -> None:
    record = records.canonical(harvested.record)
    assert records.from_quads(records.to_quads(record), record.id) == record


# --- golden document


def test_golden_quads() -> None:
    harvested = emdb.transform((PAYLOADS / f"{NAME}.json").read_bytes(), Entry(NAME), CTX)
    check_round_trip(harvested)
    lines = sorted(f"{quad} ." for quad in records.to_quads(records.canonical(harvested.record)))
    golden = PAYLOADS / f"{NAME}.nt"
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == golden.read_text(encoding="utf-8").splitlines()


def test_every_shape() -> None:
    harvested = emdb.transform(json.dumps(payload()).encode(), Entry(NAME), CTX)
    record = harvested.record
    assert (record.id, record.accession) == (f"{BASE}dataset/empiar/{NAME}", NAME)
    assert (record.name, record.url) == (
        "Example virus capsid & its portal",
        "https://www.ebi.ac.uk/empiar/EMPIAR-19998/",
    )
    (material,) = of_kind(harvested, "BioSample")
    assert [t.id.removeprefix(TAXON) for t in material.taxon] == ["10090", "10760", "9844", "562"]
    assert [s.name for s in material.strain] == ["T7", "MG1655"]
    capsid, nanobody = of_kind(harvested, "Protein")
    assert (capsid.id, capsid.name) == ("https://identifiers.org/uniprot:P19726", "Capsid protein")
    assert (nanobody.id, [t.id for t in nanobody.taxon]) == (
        f"{BASE}record/emdb/EMPIAR-19998#protein-a-nanobody",
        [TAXON + "9844"],
    )
    assert [(m.name, m.lab_equipment) for m in record.measurement_method] == [
        ("subtomogram averaging", "FEI TITAN KRIOS"),
        ("electron tomography", "JEOL 2100, FEI TITAN KRIOS"),
    ]
    first, second = record.reconstruction
    assert (first.id, first.resolution, first.date_published) == (
        "https://www.ebi.ac.uk/emdb/EMD-0001",
        Decimal(12),
        "2022-10-19",
    )
    assert first.related == [
        "https://www.ebi.ac.uk/emdb/EMD-0002",
        "https://identifiers.org/pdb:1abc",
        "https://identifiers.org/pdb:1abd",
    ]
    assert (second.resolution, second.date_published) == (None, "2022-11-02")
    (paper,) = record.publication
    assert (paper.id, paper.same_as) == (
        "https://doi.org/10.9999/example.1",
        ["https://pubmed.ncbi.nlm.nih.gov/12345678"],
    )
    assert (paper.author_text, paper.journal, paper.date_published) == ("Example A, Example BC", "J Ex", "2022")
    assert record.related == [
        "https://www.ebi.ac.uk/emdb/EMD-0001",
        "https://www.ebi.ac.uk/emdb/EMD-0002",
        "https://identifiers.org/pdb:1abc",
        "https://identifiers.org/pdb:1abd",
    ]
    assert rules(harvested) == [
        ("EMD-0003.admin.current_status.code", "emdb-not-released"),
        ("EMD-0004", "emdb-missing"),
    ]
    assert harvested.findings[0].suggestion == "EMD-0002"


def test_contact_data_lands_nowhere() -> None:
    harvested = emdb.transform(json.dumps(payload()).encode(), Entry(NAME), CTX)
    shown = harvested.record.model_dump_json() + repr(harvested.findings)
    assert not any(secret in shown for secret in ("@", "example.org", "+44"))


def test_address_in_any_field_lands_nowhere() -> None:
    secret = "jane.doe@example.org"
    harvested = harvest(
        m1111=document(
            secret,
            **sample({"organism": {"ncbi": secret, "valueOf_": secret}, "strain": secret}, name=secret),
            crossreferences={
                "citation_list": {"primary_citation": {"citation_type": {"title": secret, "journal": secret}}},
                "pdb_list": {"pdb_reference": {"pdb_id": secret}},
            },
        )
    )
    assert "jane.doe" not in harvested.record.model_dump_json() + repr(harvested.findings)


# --- single traps


def test_hosts_are_not_the_organism() -> None:
    virus = {
        "natural_host": {"organism": {"ncbi": 9606}},
        "recombinant_expression": {"recombinant_organism": {"ncbi": 562}},
    }
    harvested = harvest(m1111=document(**sample({"organism": {"ncbi": 11620, "valueOf_": "A virus"}}, **virus)))
    assert [t.id for t in of_kind(harvested, "Taxon")] == [TAXON + "11620"]


def test_organism_without_a_number_is_known_by_its_name_or_left_out() -> None:
    harvested = harvest(m1111=document(**sample({"organism": "mouse"}, {"organism": {"valueOf_": "Nessiteras"}})))
    assert [t.id for t in of_kind(harvested, "Taxon")] == [TAXON + "10090"]
    assert [(f.rule, f.value) for f in harvested.findings] == [("taxon-missing", "Nessiteras")]


@pytest.mark.parametrize("organism", [{"ncbi": 32644, "valueOf_": "unidentified"}, {"valueOf_": "unknown"}, "N/A"])
def test_unidentified_organism_is_unknown(organism: Any) -> None:
    harvested = harvest(m1111=document(**sample({"organism": organism})))
    (material,) = of_kind(harvested, "BioSample")
    assert (material.taxon, material.unknown) == ([], ["http://schema.org/taxonomicRange"])
    assert harvested.findings == ()


def test_one_taxon_has_one_name_and_one_finding() -> None:
    wrong = {"organism": {"ncbi": 9606, "valueOf_": "Homo erectus"}}
    other = {"organism": {"ncbi": 11620, "valueOf_": "Lassa virus"}}
    renamed = {"organism": {"ncbi": "11620", "valueOf_": "Lassa mammarenavirus"}}
    harvested = harvest(m1111=document(**sample(wrong, other)), m2222=document(**sample(wrong, renamed)))
    assert sorted(t.scientific_name for t in of_kind(harvested, "Taxon")) == ["Homo sapiens", "Lassa virus"]
    assert [rule for _, rule in rules(harvested)] == ["label-mismatch"]
    check_round_trip(harvested)


def test_sample_of_several_entries_is_one() -> None:
    first = document(**sample({"organism": {"ncbi": 9606}, "strain": "A"}))
    second = document(**sample({"organism": {"ncbi": 562}, "strain": ["A", "B"]}))
    (material,) = of_kind(harvest(m1111=first, m2222=second), "BioSample")
    assert [t.id.removeprefix(TAXON) for t in material.taxon] == ["9606", "562"]
    assert [s.name for s in material.strain] == ["A", "B"]


def test_sample_without_a_name_has_the_entry_s() -> None:
    (material,) = of_kind(harvest(m1111=document(**sample({"organism": {"ncbi": 9606}}, name=None))), "BioSample")
    assert material.name == "A map"


def test_protein_of_two_accessions_and_of_a_bad_one() -> None:
    references = [reference("UNIPROTKB", "P12004"), reference("UNIPROTKB", "P0CG48"), reference("UNIPROTKB", "PCNA")]
    harvested = harvest(m1111=document(**protein(sequence={"external_references": references})))
    assert [p.id.rpartition(":")[2] for p in of_kind(harvested, "Protein")] == ["P12004", "P0CG48"]
    assert [rule for _, rule in rules(harvested)] == ["protein-invalid"]


def test_protein_of_two_entries_is_one() -> None:
    named = protein(sequence={"external_references": reference("UNIPROTKB", "P12004")})
    harvested = harvest(m1111=document(**named), m2222=document(**named))
    assert len(of_kind(harvested, "Protein")) == 1


@pytest.mark.parametrize(
    ("value", "more", "found"),
    [
        ("6.40", {}, "6.4"),
        (3, {}, "3"),
        ("100", {}, "100"),
        ("0.64", {"units": "nm"}, "6.4"),
        ("3.1", {"units": ""}, "3.1"),
    ],
)
def test_resolution_in_angstrom(value: Any, more: dict[str, Any], found: str) -> None:
    (made,) = resolution(value, **more).record.reconstruction
    assert str(made.resolution) == found


@pytest.mark.parametrize("value", ["0", "-3", "high", "3.1-4.0", "1e999"])
def test_nonsense_resolution(value: str) -> None:
    harvested = resolution(value)
    assert harvested.record.reconstruction[0].resolution is None
    assert [rule for _, rule in rules(harvested)] == ["resolution-invalid"]


@pytest.mark.parametrize("value", [None, "", "N/A", {}])
def test_missing_resolution_says_nothing(value: Any) -> None:
    harvested = resolution(value)
    assert (harvested.record.reconstruction[0].resolution, harvested.findings) == (None, ())


def test_unpublished_citation_mints_no_paper_and_no_finding() -> None:
    plan = citation(
        title="A plan", journal="To Be Published", published=False, external_references=reference("CSD", "0353")
    )
    harvested = harvest(m1111=document(**plan))
    assert (harvested.record.publication, harvested.findings) == ([], ())


def test_a_dataset_is_not_its_own_paper() -> None:
    own = citation(title="T", external_references=reference("DOI", "10.6019/EMPIAR-10050"))
    harvested = harvest(m1111=document(**own))
    assert not harvested.record.publication
    assert [rule for _, rule in rules(harvested)] == ["doi-of-another"]


def test_bad_doi_is_a_finding_and_the_pubmed_id_stands() -> None:
    references = [reference("DOI", "doi:10X1038"), reference("PUBMED", "34667155")]
    harvested = harvest(m1111=document(**citation(title="T", external_references=references)))
    assert [p.id for p in harvested.record.publication] == ["https://pubmed.ncbi.nlm.nih.gov/34667155"]
    assert [rule for _, rule in rules(harvested)] == ["doi-invalid"]


def test_paper_without_identifier_is_the_record_s_own() -> None:
    (paper,) = harvest(m1111=document(**citation(title="T", journal="J Ex"))).record.publication
    assert (paper.id, paper.journal) == (f"{BASE}record/emdb/EMPIAR-10050#publication-t", "J Ex")


def test_method_without_a_term_keeps_its_wording() -> None:
    made = harvest(m1111=document(structure_determination_list={"structure_determination": {"method": "ptychography"}}))
    (method,) = made.record.measurement_method
    assert (method.name, method.measurement_technique) == ("ptychography", None)


def test_missing_title() -> None:
    harvested = harvest(m1111=document(None))
    assert harvested.record.name == "EMD-1111"
    assert rules(harvested) == [("EMD-1111.admin.title", "title-missing")]


def test_misshapen_parts_are_reported_once() -> None:
    odd = document(sample="a sample", crossreferences={"pdb_list": {"pdb_reference": [7, {"pdb_id": "1abcd"}]}})
    assert rules(harvest(m1111=odd)) == [
        ("EMD-1111.crossreferences.pdb_list.pdb_reference[0]", "shape-invalid"),
        ("EMD-1111.crossreferences.pdb_list.pdb_reference[1].pdb_id", "reference-invalid"),
        ("EMD-1111.sample", "shape-invalid"),
    ]


@pytest.mark.parametrize("status", ["OBS", "WDRN", "HPUB", "obs"])
def test_dataset_whose_only_entry_is_not_released_is_rejected(status: str) -> None:
    withdrawn = document(admin={"current_status": {"code": {"valueOf_": status}}})
    with pytest.raises(RecordError, match=f"EMD-1111 has the status {status.upper()}"):
        harvest(m1111=withdrawn)


def test_every_entry_that_is_missing_is_told() -> None:
    raw = json.dumps({"EMPIAR-10050": {"EMD-": None, "EMD-1111": None, "EMD-2222": {"emdb_id": "EMD-3"}}}).encode()
    with pytest.raises(RecordError) as refused:
        emdb.transform(raw, Entry("EMPIAR-10050"), CTX)
    assert len(refused.value.reasons) == 3


@pytest.mark.parametrize(
    "raw",
    [b"", b"<html>", b"[]", b"null", b"{}", b'{"EMPIAR-10050": null}', b'{"EMPIAR-10050": {}}', b"[" * 100_000,
     b'{"EMPIAR-SPECIMENTEST": {"EMD-1111": {}}}', b'{"a": 1, "b": 2}', b"\xff\xfe"],
)  # fmt: skip
def test_no_payload(raw: bytes) -> None:
    with pytest.raises(RecordError):
        emdb.transform(raw, Entry("EMPIAR-10050"), CTX)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["", "N/A", "10.1/x", "EMD-1", "2020-13-01", "a@b.org", "UNIPROTKB", "\ud800", 10**400]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["valueOf_", "organism", "x"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_mutation_is_published_or_rejected(data: st.DataObject) -> None:
    mutated = payload()
    known = list(places(mutated[NAME]))
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(known))
        holder: Any = mutated[NAME]
        for key in path[:-1]:
            try:
                holder = holder[key]
            except (KeyError, IndexError, TypeError):
                break
        else:
            if isinstance(holder, dict) or (isinstance(holder, list) and path[-1] in range(len(holder))):
                holder[path[-1]] = data.draw(JUNK)
    try:
        harvested = emdb.transform(json.dumps(mutated).encode(), Entry(NAME), CTX)
    except RecordError:
        return
    check_round_trip(harvested)
    assert "b.org" not in harvested.record.model_dump_json() + repr(harvested.findings)
    for finding in harvested.findings:
        f"{finding.field}{finding.value}{finding.message}".encode()


# --- live


class Site:
    """A loopback EMDB: table of pairs, holdings, documents, and what was asked."""

    def __init__(self) -> None:
        self.table = (PAYLOADS / "emdb_empiar.tsv").read_bytes()
        self.documents = {f"EMD-000{n}": document(f"Map {n}", emdb_id=f"EMD-000{n}") for n in (1, 2, 3, 5)}
        self.dates = dict.fromkeys(self.documents, "2022-10-12")
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        self.url = ""

    def holdings(self) -> bytes:
        listed = {
            number: {"entry_last_update": day, "headers": [{"file_name": f"{number}.xml", "md5_checksum": "0" * 32}]}
            for number, day in {**self.dates, "EMD-9999": "2020-01-01"}.items()
        }
        return json.dumps(listed).encode()

    def get(self, path: str) -> tuple[int, bytes]:
        if path in self.answers:
            return self.answers[path]
        if path == "/table.tsv":
            return 200, self.table
        if path == "/holdings.json":
            return 200, self.holdings()
        found = self.documents.get(path.removeprefix("/emdb/api/entry/"))
        return (404, b"{}") if found is None else (200, json.dumps(found).encode())


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            status, body = served.get(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield served
        server.shutdown()
        thread.join()


def session() -> PoliteSession:
    return PoliteSession(Manners(interval_s=0, retries=1), sleep=lambda _: None)


@pytest.fixture
def http() -> Iterator[PoliteSession]:
    with session() as made:
        yield made


def live(site: Site, **options: Any) -> Source:
    addresses = {"table": f"{site.url}/table.tsv", "holdings": f"{site.url}/holdings.json"}
    return Source("emdb", "emdb", "empiar", f"{site.url}/emdb/api/entry/", {**addresses, **options})


def folder(path: Path) -> Source:
    return Source("emdb", "emdb", "empiar", str(path))


def listed(asked: Source) -> dict[str, str | None]:
    with session() as http:
        return {entry.key: entry.version for entry in emdb.entries(http, asked)}


def test_live_listing_costs_two_requests(site: Site, http: PoliteSession) -> None:
    first, second = emdb.entries(http, live(site))
    assert (first.key, second.key) == ("EMPIAR-19996", NAME)
    assert second.url == f"{site.url}/emdb/api/entry/EMD-0001"
    assert site.asked == ["/table.tsv", "/holdings.json"]


def test_live_payload_is_all_documents_and_null_for_a_missing_one(site: Site, http: PoliteSession) -> None:
    *_, entry = emdb.entries(http, live(site))
    raw = emdb.fetch(http, live(site), entry)
    assert raw == emdb.fetch(http, live(site), entry)
    said = json.loads(raw)[NAME]
    assert {number: found and found["admin"]["title"] for number, found in said.items()} == {
        "EMD-0001": "Map 1", "EMD-0002": "Map 2", "EMD-0003": "Map 3", "EMD-0004": None,
    }  # fmt: skip
    assert emdb.transform(raw, entry, CTX).record.name == "Map 1"
    assert site.asked.count("/table.tsv") == 1


def test_version_follows_the_holdings_and_the_pairs(site: Site) -> None:
    before = listed(live(site))
    assert before == listed(live(site))
    site.dates["EMD-0002"] = "2022-11-02"
    after = listed(live(site))
    assert [before[key] == after[key] for key in sorted(before)] == [True, False]
    site.table += b"EMD-0003\tEMPIAR-19996\tEMPIAR\n"
    assert listed(live(site))["EMPIAR-19996"] != after["EMPIAR-19996"]


def test_without_holdings_there_is_no_version(site: Site) -> None:
    assert listed(live(site, holdings="")) == {"EMPIAR-19996": None, NAME: None}
    assert site.asked == ["/table.tsv"]


@pytest.mark.parametrize(
    "table",
    [b"", b"<html>", b"EMDB_ID\tEMPIAR_ID\n", b"a\tb\n1\t2\n", b"EMDB_ID\tEMPIAR_ID\nEMD-0001\tEMPIAR-19998\nEMD-00",
     b"EMDB_ID\tEMPIAR_ID\nEMD-0001\t\n"],
)  # fmt: skip
def test_a_table_that_is_empty_or_cut_is_never_a_short_listing(site: Site, table: bytes) -> None:
    site.table = table
    with pytest.raises(SourceError, match=r"table\.tsv"):
        listed(live(site))


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"EMD-0001": {"entry_last_update": "20'])
def test_holdings_that_are_none_or_cut(site: Site, body: bytes) -> None:
    site.answers["/holdings.json"] = (200, body)
    with pytest.raises(SourceError, match=r"holdings\.json"):
        listed(live(site))


def test_accession_that_is_none_is_listed_and_rejected(site: Site, http: PoliteSession) -> None:
    site.table = b"EMDB_ID\tEMPIAR_ID\nEMD-0001\tEMPIAR-SPECIMENTEST\nEMD-\tEMPIAR-19998\nEMD-0001\tEMPIAR-19998\n"
    good, bad = emdb.entries(http, live(site))
    assert rules(emdb.transform(emdb.fetch(http, live(site), good), good, CTX)) == [("EMDB_ID", "reference-invalid")]
    with pytest.raises(RecordError, match="EMPIAR-SPECIMENTEST"):
        emdb.transform(emdb.fetch(http, live(site), bad), bad, CTX)


@pytest.mark.parametrize("answer", [(503, b""), (200, b"<html>"), (200, b"[]"), (403, b"")])
def test_a_document_that_is_refused_is_no_missing_one(
    site: Site, http: PoliteSession, answer: tuple[int, bytes]
) -> None:
    site.answers["/emdb/api/entry/EMD-0002"] = answer
    with pytest.raises(SourceError, match="EMD-0002"):
        emdb.fetch(http, live(site), Entry(NAME))


@pytest.mark.parametrize("option", [{"table": 5}, {"table": ""}, {"holdings": "ftp://x"}])
def test_bad_option(site: Site, option: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match=next(iter(option))):
        listed(live(site, **option))


def test_entry_that_has_vanished(site: Site, http: PoliteSession) -> None:
    with pytest.raises(SourceError, match="names no EMDB entry for EMPIAR-10001"):
        emdb.fetch(http, live(site), Entry("EMPIAR-10001"))


# --- files


def spread(path: Path) -> Path:
    path.mkdir()
    for number, found in payload()[NAME].items():
        if found:
            (path / f"{number}.json").write_text(json.dumps(found))
    return path


def test_folder_and_zip_with_table(tmp_path: Path, http: PoliteSession) -> None:
    spread(tmp_path / "emdb")
    (tmp_path / "emdb" / "emdb_empiar.tsv").write_bytes((PAYLOADS / "emdb_empiar.tsv").read_bytes())
    with ZipFile(tmp_path / "emdb.zip", "w") as packed:
        for path in (tmp_path / "emdb").iterdir():
            packed.write(path, path.name)
    for asked in (folder(tmp_path / "emdb"), folder(tmp_path / "emdb.zip")):
        other, entry = emdb.entries(http, asked)
        assert (other.key, entry.key) == ("EMPIAR-19996", NAME)
        assert json.loads(emdb.fetch(http, asked, entry)) == payload()
        assert json.loads(emdb.fetch(http, asked, other)) == {"EMPIAR-19996": {"EMD-0005": None}}


def test_folder_without_table_uses_the_documents_links(tmp_path: Path, http: PoliteSession) -> None:
    asked = folder(spread(tmp_path / "emdb"))
    (entry,) = emdb.entries(http, asked)
    assert list(json.loads(emdb.fetch(http, asked, entry))[NAME]) == ["EMD-0001", "EMD-0002"]


def test_folder_with_a_broken_document_cannot_be_listed(tmp_path: Path) -> None:
    spread(tmp_path / "emdb")
    (tmp_path / "emdb" / "EMD-0009.json").write_text("<html>")
    with pytest.raises(SourceError, match=r"EMD-0009\.json is not JSON"):
        listed(folder(tmp_path / "emdb"))


def test_folder_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{}")
    with pytest.raises(SourceError, match="no EMDB document names an EMPIAR entry"):
        listed(folder(tmp_path))


def test_packed_documents_have_versions(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "emdb.zip", "w") as packed:
        packed.writestr("emdb_empiar.tsv", "EMDB_ID\tEMPIAR_ID\nEMD-0001\tEMPIAR-19998\n")
        packed.writestr("EMD-0001.json", json.dumps(document()))
    before = listed(folder(tmp_path / "emdb.zip"))
    assert None not in before.values()
    with ZipFile(tmp_path / "emdb.zip", "w") as packed:
        packed.writestr("emdb_empiar.tsv", "EMDB_ID\tEMPIAR_ID\nEMD-0001\tEMPIAR-19998\n")
        packed.writestr("EMD-0001.json", json.dumps(document("Another title")))
    assert listed(folder(tmp_path / "emdb.zip")) != before


def test_demo_is_published(http: PoliteSession) -> None:
    asked = folder(Path(__file__).parents[1] / "hub" / "demo" / "emdb")
    for found in emdb.entries(http, asked):
        harvested = emdb.transform(emdb.fetch(http, asked, found), found, CTX)
        assert harvested.findings == ()
        check_round_trip(harvested)


@pytest.mark.corpus
def test_corpus_document_is_published(corpus: Path) -> None:
    raw = (corpus / "enrichment" / "emdb" / "EMD-25107.search-api-2022-10.json").read_bytes()
    harvested = harvest(m25107=json.loads(raw))
    (made,) = harvested.record.reconstruction
    assert (made.resolution, made.date_published) == (Decimal("3.97"), "2022-10-12")
    assert made.related == [
        "https://www.ebi.ac.uk/emdb/EMD-25108",
        "https://www.ebi.ac.uk/emdb/EMD-25109",
        "https://identifiers.org/pdb:7sgd",
    ]
    assert [t.id for t in of_kind(harvested, "Taxon")] == [TAXON + "11620"]
    assert (harvested.record.publication, harvested.findings) == ([], ())
    check_round_trip(harvested)


@pytest.mark.corpus
def test_corpus_names_the_table_s_columns(corpus: Path) -> None:
    headers = (corpus / "enrichment" / "emdb" / "emicss-bulk-tsv-headers.tsv").read_text(encoding="utf-8")
    (line,) = (line for line in headers.splitlines() if line.startswith("emdb_empiar."))
    assert set(emdb.COLUMNS) <= set(line.split("\t")[1].split("|"))


def test_declaration() -> None:
    assert (emdb.HARVESTER.name, emdb.HARVESTER.listing, emdb.HARVESTER.route) == ("emdb", "full", 3)
