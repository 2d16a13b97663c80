"""Terms of the whole real corpus: what archives share, and what their wordings mean. Skipped where it is absent."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from hub.config import Settings
from hub.links.contract import Found, Problem, Record
from hub.links.rules import term_replaced
from hub.links.tables import Tables
from ontology.identifiers import curie, term
from tests.benchmarks import sameness
from tests.benchmarks import terms as benchmark
from tests.support import BASE
from tests.test_links_terms import cells

pytestmark = pytest.mark.corpus
TABLES = Tables(Settings(base_iri=BASE))
GUIDE = "enrichment/ontology/cellxgene-ontology-guide"


@pytest.fixture(scope="module")
def found(corpus: Path) -> list[Record]:
    return [Record(row) for row in sameness.rows(corpus)]


@pytest.fixture(scope="module")
def links(found: list[Record]) -> list[Found]:
    given = (one for rule in benchmark.RULES for one in benchmark.found(rule, found, TABLES))
    return [one for one in given if isinstance(one, Found)]


def test_taxa_and_methods_join_archives(found: list[Record], links: list[Found]) -> None:
    """Of the 37 taxa one, the African green monkey, is a keyword in one archive; 28 methods are the records' own."""
    taxa, methods = benchmark.shared(found)
    assert (len(taxa), len(methods)) == (36, 28)
    taxa, methods = benchmark.shared(found, links)
    assert term("NCBITaxon:10090") in taxa
    assert (len(taxa), len(methods)) >= (37, 28)
    assert len(methods) >= 31


def test_every_fact_was_judged_and_is_right(found: list[Record]) -> None:
    told = benchmark.resolved(found, TABLES)
    count, right, others = benchmark.precision(told, benchmark.judged())
    assert others == set()
    assert count >= 100
    assert right / count > 0.98


def test_shares_that_are_resolved(found: list[Record]) -> None:
    told = benchmark.resolved(found, TABLES)
    lines = [one for one in told if one.kind == "cell line"]
    methods = [one for one in told if one.kind == "method"]
    assert sum(bool(one.meanings) for one in lines) / len(lines) > 0.4
    assert sum(bool(one.meanings) for one in methods) / len(methods) > 0.14


def test_text_gives_facts_only_where_it_is_nothing_but_a_label(links: list[Found]) -> None:
    read = [one for one in links if one.evidence[0].kind == "text"]
    assert len(read) > 50
    for one in read:
        said = one.evidence[0]
        assert (one.confidence >= benchmark.FACT) == (said.quote == said.value and said.matched.endswith("(label)"))


def test_obsolete_terms_are_reported(found: list[Record]) -> None:
    rule = term_replaced.RULE
    told = {one.value for one in benchmark.found(rule, found, TABLES) if isinstance(one, Problem)}
    assert {term("GO:0005623"), term("EFO:0000962")} <= told


@pytest.mark.skipif(shutil.which("zstd") is None, reason="the tables are compressed with zstd")
@pytest.mark.parametrize("name", ["cell-lines", "cell-lines-crosswalk"])
def test_labels_are_those_of_efo_and_cellosaurus(corpus: Path, name: str) -> None:
    labels: dict[str, str] = {}
    for file in ("EFO-ontology-v3.90.0.json.zst", "CVCL-ontology-55.0.json.zst"):
        text = subprocess.run(["zstd", "-dc", str(corpus / GUIDE / file)], capture_output=True, check=True).stdout
        labels |= {code.replace("_", ":", 1): told["label"] for code, told in json.loads(text).items()}
    heading, *rows = cells(name)
    for row in rows:
        named = dict(zip(heading, row, strict=True))
        assert labels[named["object_id"]] == named["object_label"]
        subject = named.get("subject_id", "")
        if subject.startswith("EFO:"):
            assert labels[curie(term(subject))] == named["subject_label"]
