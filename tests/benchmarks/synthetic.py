"""Synthetic datasets in any number, as the hub would have harvested them: a published snapshot, made in a stream.

The same number gives the same statements. Each dataset has about 90 of them, in the model's own shape
(``hub.records.to_quads``). People, taxa, methods and genes are shared and as unevenly common as in the archives.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pyoxigraph import Quad, RdfFormat, Store, serialize

from hub import config, records, snapshots
from hub.store import GraphStore
from linkml_schemas.generated.model import Dataset
from tests.benchmarks.corpus import BASE

CREATED = "2026-01-01T00:00:00Z"
ARCHIVES = ("bia", "idr", "ssbd", "empiar")
LICENCES = [f"https://creativecommons.org/{part}" for part in ("publicdomain/zero/1.0/", "licenses/by/4.0/")]
# How many there are of each: about what 100,000 datasets of the archives would share.
PEOPLE, TAXA, METHODS, GENES, FUNDERS = 60_000, 3_000, 400, 20_000, 300
_SYLLABLES = "ba ce di fo gu la me ni po ru sa te vi xo zu gen cyt mor plas tin".split()
_BATCH = 500


def publish(home: Path, triples: int) -> Path:
    """Publish a hub of so many statements and return its ``hub.toml``."""
    file = home / "hub.toml"
    home.mkdir(parents=True)
    file.write_text(f'data_dir = "data"\nbase_iri = "{BASE}"\n', encoding="utf-8")
    settings = config.load(str(file), environ={})
    text = home / "synthetic.nt"
    with text.open("wb") as out:
        write(out, triples)
    settings.store_dir.mkdir(parents=True)
    store = Store(str(settings.store_dir))
    store.bulk_load(path=str(text), format=RdfFormat.N_TRIPLES)
    store.flush()
    del store
    text.unlink()
    with GraphStore(settings.store_dir) as graph:
        graph.replace({}, 1, lambda *_: set())
        graph.flush()
        snapshots.publish(graph, settings.snapshots_dir, BASE, CREATED, keep=1)
    return file


def write(out: BinaryIO, triples: int) -> int:
    """Write so many statements or slightly more, none of them twice, as N-Triples; how many they are."""
    made, written, shared = datasets(), 0, set[str]()
    while written < triples:
        quads = [quad for dataset in itertools.islice(made, _BATCH) for quad in _fresh(dataset, shared)]
        serialize((quad.triple for quad in quads), out, format=RdfFormat.N_TRIPLES)
        written += len(quads)
    return written


def _fresh(dataset: Dataset, shared: set[str]) -> Iterator[Quad]:
    """Yield what a dataset says that no dataset before it said."""
    own, new = dataset.id, set()
    for quad in records.to_quads(dataset):
        subject = quad.subject.value  # type: ignore[union-attr]
        if subject.startswith(own) or subject not in shared:
            yield quad
            new.add(subject)
    shared.update(subject for subject in new if not subject.startswith(own))


def datasets(seed: int = 1) -> Iterator[Dataset]:
    """Yield datasets without end."""
    chance = random.Random(seed)
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(40_000)]
    for number in itertools.count():
        yield Dataset.model_validate(_dataset(number, chance, words))


def _dataset(number: int, chance: random.Random, words: list[str]) -> dict[str, Any]:
    archive = ARCHIVES[_uneven(chance, len(ARCHIVES))]
    iri = f"{BASE}dataset/{archive}/{number:07d}"
    taxon, method = _taxon(_uneven(chance, TAXA)), _method(_uneven(chance, METHODS))
    sample = {"id": f"{iri}#sample", "name": _text(chance, words, 4), "description": _text(chance, words, 20)}
    protocol = {"id": f"{iri}#imaging", "name": method["name"], "description": _text(chance, words, 25)}
    return {
        "id": iri,
        "accession": f"{archive}-{number:07d}",
        "name": _text(chance, words, 9),
        "description": _text(chance, words, 90),
        "archive": {"id": f"{BASE}archive/{archive}", "name": archive, "url": f"https://{archive}.example.org/"},
        "publisher": {"id": f"https://{archive}.example.org/#publisher", "name": f"{archive} team"},
        "url": f"https://{archive}.example.org/{number}",
        "same_as": [f"https://doi.org/10.1000/{archive}.{number}"],
        "date_published": f"20{chance.randint(10, 25)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
        "license": chance.choice(LICENCES),
        "is_accessible_for_free": True,
        "author": _several(chance, 5, _person, PEOPLE),
        "keyword": sorted({words[_uneven(chance, len(words))] for _ in range(chance.randint(1, 5))}),
        "funding": _several(chance, 1, _grant, FUNDERS),
        "publication": [_paper(number, chance, words)] if chance.random() < 0.6 else None,
        "about": [taxon, {**sample, "taxon": [taxon]}],
        "measurement_method": [method, {**protocol, "measurement_technique": [method]}],
        "gene_annotation": [
            {"id": f"{iri}#gene-{n}", "gene": gene, "image_count": chance.randint(1, 500)}
            for n, gene in enumerate(_several(chance, 4, _gene, GENES))
        ],
        "distribution": [_files(iri, n, chance) for n in range(chance.randint(1, 3))],
        "size_bytes": chance.randint(10**6, 10**13),
        "file_count": chance.randint(1, 50_000),
        "image_count": chance.randint(1, 10_000),
    }


def _uneven(chance: random.Random, count: int) -> int:
    """Return a number below ``count``, the lower the likelier."""
    return int(count * chance.random() ** 2)


def _several(chance: random.Random, most: int, make: Any, count: int) -> list[dict[str, Any]]:
    numbers = {_uneven(chance, count) for _ in range(chance.randint(1, most))}
    return [make(number) for number in sorted(numbers)]


def _text(chance: random.Random, words: list[str], count: int) -> str:
    return " ".join(chance.choices(words, k=count)).capitalize()


def _person(number: int) -> dict[str, Any]:
    digits = f"{number:016d}"
    return {"id": f"https://orcid.org/{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:]}", "name": f"P. {number}"}


def _taxon(number: int) -> dict[str, Any]:
    return {"id": f"http://purl.obolibrary.org/obo/NCBITaxon_{number}", "scientific_name": f"Species {number}"}


def _method(number: int) -> dict[str, Any]:
    code = f"FBbi_{number:08d}"
    return {"id": f"http://purl.obolibrary.org/obo/{code}", "name": f"microscopy {number}", "term_code": code}


def _gene(number: int) -> dict[str, Any]:
    return {"id": f"http://identifiers.org/ncbigene/{number}", "symbol": f"GENE{number}"}


def _grant(number: int) -> dict[str, Any]:
    funder = {"id": f"https://ror.org/{number:09d}", "name": f"Funder {number}"}
    return {"id": f"{BASE}grant/{number}", "name": f"Grant {number}", "funder": [funder]}


def _paper(number: int, chance: random.Random, words: list[str]) -> dict[str, Any]:
    return {
        "id": f"https://doi.org/10.1001/paper.{number}",
        "name": _text(chance, words, 10),
        "journal": f"Journal {_uneven(chance, 100)}",
        "date_published": f"20{chance.randint(10, 25)}",
    }


def _files(iri: str, number: int, chance: random.Random) -> dict[str, Any]:
    return {
        "id": f"{iri}#files-{number}",
        "name": f"files {number}",
        "content_url": f"{iri}/files/{number}".replace("hub.", "data."),
        "encoding_format": chance.choice(("OME-TIFF", "OME-Zarr", "MRC", "CZI")),
        "size_bytes": chance.randint(10**6, 10**12),
        "image_width": chance.choice((512, 1024, 2048)),
        "image_height": chance.choice((512, 1024, 2048)),
        "pixel_width": chance.randint(1, 400),
        "pixel_height": chance.randint(1, 400),
    }
