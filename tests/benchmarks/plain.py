"""The plain way to load crates, as the peer of a first harvest: PyLD for the JSON-LD, rdflib for the graph.

``python -m tests.benchmarks.plain CONTEXT OUTPUT FOLDER…`` reads every crate below the folders, converts it with PyLD
(every context of the web answered from the file CONTEXT), parses the quads into a graph of its own in one rdflib
dataset, and writes that to OUTPUT as N-Quads. Prints the number of statements and the peak memory as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

from pyld import jsonld
from rdflib import Dataset, URIRef

SUFFIX = "ro-crate-metadata.json"
BASE = "https://crate.invalid/"


def main(context: Path, output: Path, folders: list[Path]) -> None:
    """Load every crate and write the dataset."""
    document = json.loads(context.read_text(encoding="utf-8"))

    def load(url: str, _options: Any = None) -> dict[str, Any]:
        return {"contextUrl": None, "documentUrl": url, "document": document, "contentType": "application/ld+json"}

    options = {"documentLoader": load, "format": "application/n-quads", "base": BASE}
    dataset = Dataset()
    for folder in folders:
        for path in sorted(folder.rglob(f"*{SUFFIX}")):
            crate = json.loads(path.read_text(encoding="utf-8"))
            graph = dataset.graph(URIRef(path.absolute().as_uri()))
            graph.parse(data=jsonld.to_rdf(crate, options), format="nquads" if False else "nt")
    dataset.serialize(destination=str(output), format="nquads", encoding="utf-8")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"statements": len(dataset), "peak_mb": peak}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(a) for a in sys.argv[3:]])
