"""The search index beside SQLite FTS5: building it, publishing one changed record, size and memory.

Run as ``python -m tests.benchmarks.searching --datasets 100000``. The hub is made once, under ``--folder``, and used
again; `tests.benchmarks.search_queries` asks it. Links are left out, since `tests.benchmarks.linking` measures them,
unless ``--links`` asks for them.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import itertools
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tantivy

from hub import config, ingest, records
from hub.genes import Genes
from hub.genes import bundled as gene_tables
from hub.links import engine
from hub.links.catalogue import Links
from hub.log import Batch, Log, RecordRow, now
from hub.ontologies import bundled as ontologies
from hub.search import layout
from hub.search.documents import Documents, document
from hub.search.index import HEAP_BYTES, SearchIndex
from hub.store import GraphStore
from linkml_schemas.generated.model import Dataset
from tests.benchmarks import fts5
from tests.benchmarks.corpus import BASE

FOLDER = Path(tempfile.gettempdir()) / "hub-searching"
ARCHIVES = ("bia", "empiar", "idr", "ssbd")
BATCH = 2_000
TOPICS = (
    "actin adhesion aggregate apoptosis autophagy axon bacteria biofilm blastocyst brain cancer cardiac cartilage cell "
    "centrosome chromatin cilia cortex cytokinesis cytoplasm dendrite development differentiation division embryo "
    "endocytosis endoplasmic epithelium evolution filament fission flagellum fluorescence focal fusion gastrulation "
    "genome golgi growth heart hippocampus imaging infection inhibitor kinase kinetochore lamella larva lens light "
    "lipid liver localization lysosome macrophage mechanics meiosis membrane microtubule migration mitochondria "
    "mitosis morphology motility mutant myosin nerve neuron nuclear nucleolus nucleus oocyte organelle organoid "
    "phenotype "
    "plasma pore polarity protein quantification receptor regeneration retina ribosome root screen secretion "
    "segmentation sheet spindle spine stem structure synapse tissue tracking transport tubulin tumour vesicle virus "
    "volume wing wound yeast zebrafish"
).split()
_SYLLABLES = "ba ce di fo gu la me ni po ru sa te vi xo zu gen cyt mor plas tin ol ase ine".split()
COMMON = "and of in the during with by for to from after between".split()


class _Zipf:
    """Draws from a list, the n-th item as often as one n-th of the first."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items
        self._sums = list(itertools.accumulate(1 / rank for rank in range(1, len(items) + 1)))

    def draw(self, chance: random.Random) -> Any:
        """Return an item."""
        return self._items[bisect.bisect(self._sums, chance.random() * self._sums[-1])]

    def several(self, chance: random.Random, most: int) -> list[Any]:
        """Return one to so many items, each once."""
        drawn = [self.draw(chance) for _ in range(chance.randint(1, most))]
        return list({json.dumps(item): item for item in drawn}.values())


def datasets(seed: int = 1) -> Iterator[Dataset]:
    """Yield datasets without end: real taxa, methods and genes, words and people as unevenly common as in archives."""
    chance = random.Random(seed)
    rare = ["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 5))) for _ in range(60_000)]
    words = _Zipf([*(word for pair in zip(TOPICS, TOPICS[::-1], strict=True) for word in pair), *rare])
    people = _Zipf([_person(number, chance, rare) for number in range(40_000)])
    taxa, methods, genes = (_Zipf(items) for items in (_taxa(chance), _methods(chance), _genes(chance)))
    for number in itertools.count():
        yield Dataset.model_validate(_dataset(number, chance, words, people, taxa, methods, genes))


def _taxa(chance: random.Random) -> list[dict[str, Any]]:
    found = next(o for o in ontologies() if o.name == "ncbitaxon")
    return _shuffled(chance, ({"id": iri, "scientific_name": found.label(iri) or iri} for iri in found.iris()))


def _methods(chance: random.Random) -> list[dict[str, Any]]:
    found = next(o for o in ontologies() if o.name == "fbbi")
    return _shuffled(chance, ({"id": iri, "name": found.label(iri) or iri} for iri in found.iris()))


def _genes(chance: random.Random) -> list[dict[str, Any]]:
    rows = [
        row for table in gene_tables() for row in table.rows("gene", "SELECT id, symbol FROM gene WHERE symbol <> ''")
    ]
    return _shuffled(chance, ({"id": f"https://identifiers.org/{i}", "symbol": s} for i, s in rows if "ncbigene" in i))


def _shuffled(chance: random.Random, items: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    found = sorted(items, key=lambda item: item["id"])
    chance.shuffle(found)
    return found


def _person(number: int, chance: random.Random, words: list[str]) -> dict[str, Any]:
    digits = f"{number:016d}"
    orcid = f"https://orcid.org/{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:]}"
    return {"id": orcid, "name": f"{chance.choice(words).capitalize()} {chance.choice(words).capitalize()}"}


def _text(chance: random.Random, words: _Zipf, count: int) -> str:
    drawn = (chance.choice(COMMON) if n % 3 == 2 else words.draw(chance) for n in range(count))
    return " ".join(drawn).capitalize()


def _dataset(
    number: int, chance: random.Random, words: _Zipf, people: _Zipf, taxa: _Zipf, methods: _Zipf, genes: _Zipf
) -> dict[str, Any]:
    archive = ARCHIVES[min(int(chance.expovariate(1.0)), 3)]
    iri = f"{BASE}dataset/{archive}/{number:07d}"
    node = f"{BASE}record/{archive}/{number:07d}"
    taxon, method = taxa.draw(chance), methods.draw(chance)
    sample = {"id": f"{node}#sample", "name": _text(chance, words, 4), "description": _text(chance, words, 15)}
    has_genes = chance.random() < 0.3
    return {
        "id": iri,
        "accession": f"{number:07d}",
        "name": _text(chance, words, 10),
        "description": _text(chance, words, 90),
        "archive": {"id": f"{BASE}archive/{archive}", "name": archive},
        "url": f"https://{archive}.example.org/{number}",
        "same_as": [f"https://doi.org/10.1000/{archive}.{number}"],
        "date_published": f"20{chance.randint(10, 25)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
        "license": chance.choice(
            ["https://creativecommons.org/publicdomain/zero/1.0/"]
            + ["https://creativecommons.org/licenses/by/4.0/"] * 3
        ),
        "author": people.several(chance, 6),
        "keyword": sorted({words.draw(chance) for _ in range(chance.randint(1, 6))}),
        "publication": [_paper(number, chance, words)] if chance.random() < 0.6 else None,
        "about": [taxon, {**sample, "taxon": [taxon]}],
        "measurement_method": [method],
        "gene_annotation": [{"id": f"{node}#gene-{n}", "gene": gene} for n, gene in enumerate(genes.several(chance, 8))]
        if has_genes
        else None,
        "distribution": [_files(node, n, chance) for n in range(chance.randint(1, 2))],
        "size_bytes": int(10 ** chance.uniform(6, 13)),
        "file_count": chance.randint(1, 50_000),
        "image_count": chance.randint(1, 10_000),
        "thumbnail": [f"https://{archive}.example.org/{number}.png"] if chance.random() < 0.4 else None,
    }


def _paper(number: int, chance: random.Random, words: _Zipf) -> dict[str, Any]:
    return {"id": f"https://doi.org/10.1001/paper.{number}", "name": _text(chance, words, 12)}


def _files(node: str, number: int, chance: random.Random) -> dict[str, Any]:
    return {
        "id": f"{node}#files-{number}",
        "name": f"files {number}",
        "content_url": f"https://data.example.org/{node[-12:]}/{number}",
        "encoding_format": chance.choice(("OME-TIFF", "OME-Zarr", "MRC", "CZI")),
        "pixel_width": chance.randint(1, 400),
        "pixel_height": chance.randint(1, 400),
    }


# --- the hub ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def linking(*, is_on: bool) -> Iterator[None]:
    """Leave out the finding of links, unless it is on."""
    update = engine.update
    if not is_on:
        engine.update = lambda *_, **__: engine.Outcome()
    try:
        yield
    finally:
        engine.update = update


def hub(count: int, folder: Path = FOLDER, *, has_links: bool = False) -> config.Settings:
    """Return the settings of a published hub of so many datasets, made once in a folder."""
    home = folder / (f"{count}-linked" if has_links else str(count))
    file = home / "hub.toml"
    if not (home / "done").is_file():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        lines = ['data_dir = "data"', f'base_iri = "{BASE}"', "keep_snapshots = 2"]
        for archive in ARCHIVES:
            lines += [f"[sources.{archive}]", 'harvester = "crates"', f'archive = "{archive}"', f'url = "{home}"']
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        settings = config.load(str(file), environ={})
        with linking(is_on=has_links):
            _fill(settings, count)
        (home / "done").touch()
    return config.load(str(file), environ={})


def _fill(settings: config.Settings, count: int) -> None:
    settings.data_dir.mkdir(parents=True)
    log = Log(settings.database)
    made = itertools.islice(datasets(), count)
    while batch := [("create", _row(dataset)) for dataset in itertools.islice(made, BATCH)]:
        log.commit(Batch(records=batch), 1)
    _told("records in the log")
    ingest.publish(settings, log)
    _told("views, index and snapshot are there")
    log.close()


def _row(dataset: Dataset) -> RecordRow:
    record = records.canonical(dataset)
    source = record.id.removeprefix(f"{BASE}dataset/").partition("/")[0]
    return RecordRow(
        source=source,
        accession=record.accession,
        iri=record.id,
        state="active",
        title=record.name,
        record=records.to_json(record),
        findings="[]",
        withdrawal=None,
        payload_sha256="0" * 64,
        source_url=None,
        harvester="crates/1",
        first_seen=now(),
        changed=now(),
        run=1,
    )


# --- measuring ----------------------------------------------------------------------------------------------------


def builds(settings: config.Settings, at: Path) -> dict[str, Any]:
    """Build both indexes of the same documents beside each other, and return seconds of the processor, and bytes."""
    log = Log(settings.database)
    seconds = dict.fromkeys(("documents", "tantivy", "fts5"), 0.0)
    (at / "tantivy").mkdir(parents=True)
    index = layout.create_index(at / "tantivy")
    writer, peer = index.writer(HEAP_BYTES, 1), fts5.Builder(at / "fts5.sqlite")
    studies = 0
    with GraphStore(settings.store_dir) as store:
        documents = Documents(store, Links(log), Genes.of(settings), settings.base_iri)
        made = documents.every()
        while True:
            start = time.process_time()
            contents = [documents.content(members) for members in itertools.islice(made, BATCH)]
            seconds["documents"] += time.process_time() - start
            if not contents:
                break
            studies += len(contents)
            seconds["tantivy"] += _used(lambda: [writer.add_document(document(c)) for c in contents])  # noqa: B023
            seconds["fts5"] += _used(lambda: fts5.add(peer, contents))  # noqa: B023
    seconds["tantivy"] += _used(writer.commit) + _used(writer.wait_merging_threads)
    seconds["fts5"] += _used(peer.finish)
    log.close()
    return {
        "studies": studies,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "tantivy docs/s": round(studies / seconds["tantivy"]),
        "FTS5 docs/s": round(studies / seconds["fts5"]),
        "documents/s": round(studies / seconds["documents"]),
        "tantivy MB": _megabytes(at / "tantivy"),
        "FTS5 MB": round((at / "fts5.sqlite").stat().st_size / 1e6, 1),
    }


def changes(settings: config.Settings, count: int = 7) -> dict[str, Any]:
    """Change records one at a time and publish each; return the seconds of the whole way and of its search part."""
    log = Log(settings.database)
    whole, part, own = [], [], []
    update = SearchIndex.update
    checkpoint = SearchIndex.checkpoint
    spent: list[float] = []

    def timed_update(self: SearchIndex, *args: Any, **kwargs: Any) -> int:
        start = time.perf_counter()
        written = update(self, *args, **kwargs)
        spent.append(time.perf_counter() - start)
        return written

    def timed_checkpoint(self: SearchIndex, target: Path) -> None:
        spent.append(_timed(lambda: checkpoint(self, target)))

    SearchIndex.update, SearchIndex.checkpoint = timed_update, timed_checkpoint  # type: ignore[method-assign]
    for number in range(count):
        row = _some_row(settings, log, number)
        spent.clear()

        def run(row: RecordRow = row) -> None:
            log.commit(Batch(records=[("update", row)]), 1)
            ingest.publish(settings, log)

        before = time.process_time()
        whole.append(round(_timed(run), 3))
        own.append(round(time.process_time() - before, 3))
        part.append(round(sum(spent), 3))
    SearchIndex.update, SearchIndex.checkpoint = update, checkpoint  # type: ignore[method-assign]
    log.close()
    return {
        "publish of one changed record, s": sorted(whole),
        "its CPU s": sorted(own),
        "its search part, s": sorted(part),
    }


def _some_row(settings: config.Settings, log: Log, number: int) -> RecordRow:
    (found,) = log.active_after(("bia", f"{number * 37:07d}"), 1)
    dataset: Dataset = records.from_json(found.record)
    return _row(dataset.model_copy(update={"name": f"Changed {time.time_ns()} {dataset.name[-60:]}"}))


def tiny_commits(settings: config.Settings, count: int) -> dict[str, Any]:
    """Rewrite single documents in a copy of the index; return seconds and the most segments that it had."""
    copy = settings.data_dir.parent / "tiny"
    shutil.rmtree(copy, ignore_errors=True)
    SearchIndex.of(settings).checkpoint(copy)
    index = layout.open_index(copy)
    index.config_reader(reload_policy="manual")
    index.reload()
    studies = [study for study, _ in index.searcher().terms_with_prefix(layout.STUDY, "", None, count)]
    times, segments, merging = [], [], []
    for study in studies:
        start = time.perf_counter()
        content = index.searcher()
        query = tantivy.Query.term_query(layout.schema(), layout.STUDY, study, "basic")
        found = content.doc(content.search(query, limit=1).hits[0][1])
        writer = index.writer(HEAP_BYTES, 1)
        writer.delete_documents_by_term(layout.MEMBER, found.get_first(layout.MEMBER))
        writer.add_document(found)
        writer.commit()
        del writer
        index.reload()
        times.append(time.perf_counter() - start)
        segments.append(index.searcher().num_segments)
        merging.append(_timed(SearchIndex(copy).tidy))
        index.reload()
    shutil.rmtree(copy)
    times.sort()
    return {
        "single commits": count,
        "p50 s": round(times[len(times) // 2], 3),
        "p99 s": round(times[int(len(times) * 0.99)], 3),
        "max s": round(times[-1], 3),
        "most segments": max(segments),
        "longest merge, s": round(max(merging), 3),
    }


def _timed(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _used(work: Any) -> float:
    """Return the seconds of the processor that work takes, in all threads: other programs do not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


def _megabytes(folder: Path) -> float:
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6, 1)


def _told(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def _rebuild(settings: config.Settings) -> dict[str, Any]:
    """Make the index anew in this process; return documents per second and the most memory that it took."""
    log = Log(settings.database)
    with GraphStore(settings.store_dir) as store:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start, own = time.perf_counter(), time.process_time()
        written = SearchIndex.of(settings).update(settings, log, Links(log), store, anew=True)
        seconds, own = time.perf_counter() - start, time.process_time() - own
    log.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "whole build docs/s": round(written / seconds),
        "whole build s": round(seconds, 1),
        "its CPU s": round(own, 1),
        "peak MB": round(peak / 1e3),
        "before MB": round(before / 1e3),
    }


def main() -> None:
    """Make the hub, measure, and print the numbers as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--links", action="store_true", help="find links too")
    parser.add_argument("--parts", nargs="*", default=("rebuild", "beside", "changes", "commits"))
    options = parser.parse_args()
    settings = hub(options.datasets, options.folder, has_links=options.links)
    for part in options.parts:
        print(json.dumps(_measured(part, settings, options), indent=1), flush=True)


def _measured(part: str, settings: config.Settings, options: argparse.Namespace) -> dict[str, Any]:
    match part:
        case "rebuild":
            return _apart(options)
        case "rebuild-here":
            return _rebuild(settings)
        case "beside":
            with tempfile.TemporaryDirectory(dir=options.folder) as at:
                return builds(settings, Path(at) / "indexes")
        case "changes":
            with linking(is_on=options.links):
                return changes(settings)
        case _:
            return tiny_commits(settings, min(300, options.datasets // 2))


def _apart(options: argparse.Namespace) -> dict[str, Any]:
    """Make the index anew in a process of its own, so that its memory is told apart."""
    command = [sys.executable, "-m", "tests.benchmarks.searching", "--datasets", str(options.datasets)]
    command += ["--folder", str(options.folder), *(["--links"] if options.links else []), "--parts", "rebuild-here"]
    return dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


if __name__ == "__main__":
    main()
