"""Small search indexes for tests: of hand-made studies, and of a graph in TriG."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from hub.genes import Genes, bundled
from hub.search import layout
from hub.search.contract import FACETS, SIZES, Member
from hub.search.documents import Documents, document
from hub.snapshots import Snapshot

Content = dict[str, list[Any]]
_UNKNOWN = 10**18


def study(name: str, title: str, *, members: Sequence[Member] = (), **more: Any) -> Content:
    """Return the content of a study's document: texts, facets, ranges and ``published`` by name."""
    shown = list(members) or [Member(f"http://e/{name}", "bia", name, title, more.get("description", ""))]
    iris = sorted(member.iri for member in shown)
    facets = {facet.name for facet in FACETS} | {f"{facet.name}{layout.OWN}" for facet in FACETS}
    content: Content = {"title": [title]}
    for field, value in more.items():
        content[field] = list(value) if isinstance(value, list | tuple) else [value]
    words = [text for key, texts in content.items() if key not in facets | {"description"} for text in texts]
    size, day = next(iter(content.get("size_bytes", [])), None), next(iter(content.get("published", [])), 0)
    keys = {
        "title": layout.folded(title),
        "newest": f"{99999999 - day:08d}",
        "oldest": f"{day or 99999999:08d}",
        "largest": f"{_UNKNOWN - (-1 if size is None else size):019d}",
        "smallest": f"{_UNKNOWN if size is None else size:019d}",
    }
    content |= {layout.SORT_KEYS[sort]: [f"{key} {iris[0]}"] for sort, key in keys.items()}
    if size is not None:
        content[layout.TOTAL_BYTES] = [size]
        content["size"] = [name for name, (least, below) in SIZES.items() if least <= size < below]
    content.setdefault("archive", sorted({member.archive for member in shown}))
    content.setdefault("published", [0])
    return content | {
        layout.STUDY: [iris[0]],
        layout.MEMBER: iris,
        layout.DATASETS: [len(shown)],
        layout.EXACT: ["\n".join(map(str, words))],
        layout.SHOWN: [json.dumps([asdict(member) for member in shown]).encode()],
        layout.IDENTIFIER: [*content.get(layout.IDENTIFIER, []), *(member.accession.lower() for member in shown)],
    }


def written(folder: Path, contents: Iterable[Content], labels: Any = None, batch: int = 10_000) -> Path:
    """Write an index into a new folder, a commit for each batch of studies."""
    folder.mkdir(parents=True)
    index = layout.create_index(folder)
    writer = index.writer(15_000_000, 1)
    for number, content in enumerate(contents, 1):
        writer.add_document(document(content))
        if number % batch == 0:
            writer.commit()
    writer.commit()
    writer.wait_merging_threads()
    (folder / "labels.json").write_text(json.dumps(labels or {}), encoding="utf-8")
    state = {"layout": layout.LAYOUT, "sequence": 7, "link_sequence": 0, "references": "", "files": {}}
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    return folder


def published(folder: Path, trig: str, base: str = "http://e/") -> Snapshot:
    """Return a snapshot of some data in TriG, with its index."""
    store = ox.Store(str(folder / "store"))
    store.load(trig, format=ox.RdfFormat.TRIG)
    store.flush()
    path = folder / "000001"
    path.mkdir()
    store.backup(str(path / "graph"))
    documents = Documents(store, None, Genes(bundled()), base)
    written(path / "search", map(documents.content, documents.every()))
    return Snapshot(path, 1, "2026-11-20T12:00:00+00:00", base, len(store))
