"""Benchmark of IDR's annotation tables: rows a second against ``csv.DictReader`` alone, and peak memory.

``python -m tests.benchmarks.idr_tables [ROWS]`` writes a table of a genome-wide screen (20,000 genes, three siRNAs
each, replicate plates, eight phenotypes with terms) and its study file, then reads the table with both, each in a
process of its own, and last makes the record of the study. Prints one JSON object.
"""

from __future__ import annotations

import csv
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

GENES = 20_000
SIRNAS = 3
WELLS = 384
PHENOTYPES = 8
ROWS = 5_000_000
CONFIG = b"""columns:
  - group:
      namespace: openmicroscopy.org/mapr/gene
      columns:
      - {name: Gene Identifier, clientname: Gene Identifier URL, clientvalue: "http://www.ensembl.org/id/{{ value }}"}
"""
STUDY = b"Study Title\tA screen\nScreen Number\t1\nComment[IDR Screen Name]\tidr9999-x/screenA\n"


def headings() -> list[str]:
    """Columns of a screen."""
    names = ["Plate", "Well Number", "Well", "Characteristics [Organism]", "Term Source 1 REF"]
    names += ["Term Source 1 Accession", "Characteristics [Cell Line]", "Term Source 2 REF", "Term Source 2 Accession"]
    names += ["siRNA Identifier", "Gene Identifier", "Gene Symbol", "Control Type", "Channels", "Has Phenotype"]
    for number in range(1, PHENOTYPES + 1):
        names += [f"Phenotype {number}", f"Phenotype {number} Term Name", f"Phenotype {number} Term Accession"]
    return names


def write(path: Path, rows: int) -> None:
    """Write the table; the library is gone through plate by plate, again and again."""
    sample = ["Homo sapiens", "NCBITaxon", "NCBITaxon_9606", "HeLa", "EFO", "EFO_0001185"]
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(headings())
        for row in range(rows):
            plate, well = divmod(row, WELLS)
            number = row % (GENES * SIRNAS)
            gene = number // SIRNAS
            name = f"{'ABCDEFGHIJKLMNOP'[well // 24]}{well % 24 + 1}"
            line = [f"plate{plate:05d}", str(well + 1), name, *sample, f"s{number}", f"ENSG{gene:011d}", f"GENE{gene}"]
            line += ["", "GFP:tubulin;DAPI:DNA", "yes"]
            for phenotype in range(PHENOTYPES):
                shown = number % 50 == phenotype
                line += [f"phenotype {phenotype}", "round cell phenotype", "CMPO_0000118"] if shown else ["", "", ""]
            writer.writerow(line)


def plain(path: Path) -> int:
    """Read the rows as dictionaries and do nothing."""
    with path.open(newline="", encoding="utf-8") as stream:
        return sum(1 for _ in csv.DictReader(stream))


def ours(path: Path) -> int:
    """Read the table into tallies."""
    from harvesters import idr_columns, idr_tables
    from harvesters.idr_tallies import Annotations

    found = Annotations()
    with path.open("rb") as stream:
        idr_tables.read_table(stream, "screenA/table.csv", idr_columns.read_config(CONFIG), None, found)
    return sum(tally.wells for tally in found.genes.values())


def record(path: Path) -> int:
    """Make the record of a study with that table."""
    from harvesters import idr
    from harvesters.contract import Context, Entry, Source

    digests = {hashlib.sha256(name.encode()).hexdigest(): name for name in ("study", "config", "table")}
    kept: dict[str, Any] = {"table": path, "study": path.parent / "study", "config": path.parent / "config"}
    kept["study"].write_bytes(STUDY)
    kept["config"].write_bytes(CONFIG)
    paths = {"study": "idr9999-study.txt", "config": "screenA/bulkmap-config.yml", "table": "screenA/a-annotation.csv"}
    files = {paths[name]: {"sha256": digest, "size": 0} for digest, name in digests.items()}
    payload = json.dumps({"accession": "idr9999", "containers": None, "files": files}).encode()
    context = Context("https://hub.example/", Source("idr", "idr", "idr", ""), lambda d: kept[digests[d]].open("rb"))
    harvested = idr.transform(payload, Entry("idr9999"), context)
    return len(harvested.record.gene_annotation or ()) + len(harvested.record.reagent_annotation or ())


def measured(task: str, path: Path) -> dict[str, float]:
    """Run a task in a process of its own; its seconds, result and peak memory in megabytes."""
    command = [sys.executable, "-m", "tests.benchmarks.idr_tables", "--task", task, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run_task(task: str, path: Path) -> None:
    """Print seconds, result and peak memory of a task."""
    begun = time.perf_counter()
    result = {"plain": plain, "ours": ours, "record": record}[task](path)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(seconds, 2), "result": result, "peak_mb": round(peak, 1)}))


def main(rows: int) -> None:
    """Measure, and print what came out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write(path, rows)
        found = {task: measured(task, path) for task in ("plain", "ours", "record")}
        size = path.stat().st_size
    rates = {task: round(rows / found[task]["seconds"]) for task in ("plain", "ours")}
    ratio = round(rates["ours"] / rates["plain"], 2)
    print(json.dumps({"rows": rows, "bytes": size, "rows_per_s": rates, "ratio": ratio, **found}, indent=2))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--task"]:
        run_task(sys.argv[2], Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else ROWS)
