"""The plain way to load crates, the peer of a first harvest: PyLD reads the JSON-LD, rdflib holds the graph.

``python -m tests.benchmarks.plain CONTEXT OUTPUT FOLDER…`` reads every crate below the folders, converts it with PyLD
(the context of the web answered from the file CONTEXT), parses the statements into a graph of their own in one rdflib
dataset, and writes that to OUTPUT as N-Quads. Prints the number of statements and the peak memory as JSON.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
from pathlib import Path
from typing import Any

from pyld import jsonld
from rdflib import Dataset, URIRef

SUFFIX = "ro-crate-metadata.json"
BASE = "https://crate.invalid/"


def main(context: Path, output: Path, folders: list[Path]) -> None:
    logging.disable(logging.CRITICAL)  # rdflib logs a trace for every date that is no date
    document = json.loads(context.read_text(encoding="utf-8"))

    def load(url: str, _options: Any = None) -> dict[str, Any]:
        return {"contextUrl": None, "documentUrl": url, "document": document, "contentType": "application/ld+json"}

    options = {"documentLoader": load, "format": "application/n-quads", "base": BASE}
    dataset, statements = Dataset(), 0
    for path in (p for folder in folders for p in sorted(folder.rglob(f"*{SUFFIX}"))):
        crate = json.loads(path.read_text(encoding="utf-8"))
        graph = dataset.graph(URIRef(path.absolute().as_uri()))
        graph.parse(data=jsonld.to_rdf(crate, options), format="nt")
        statements += len(graph)
    dataset.serialize(destination=str(output), format="nquads", encoding="utf-8")
    print(json.dumps({"statements": statements, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(a) for a in sys.argv[3:]])
