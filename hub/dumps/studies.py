"""Studies as the search index has them, one JSON object on a line, and tables of their datasets.

Both are made of the published graph in one pass, so they say what readers of the same snapshot see.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from pyoxigraph import Store

from hub.config import Settings
from hub.dumps.layout import STUDIES, File
from hub.dumps.tables import Tables
from hub.dumps.writing import Lines, described
from hub.genes import Genes
from hub.links.catalogue import Links
from hub.search import layout
from hub.search.contract import RANGES
from hub.search.documents import Documents
from hub.search.fields import FIELDS

Progress = Callable[[int], object]
AT_ONCE: Final = 200
TITLE: Final = "Studies as the search index has them (JSON Lines)"


def write(
    graph: Path, links: Links, settings: Settings, target: Path, progress: Progress = lambda _: None
) -> list[File]:
    """Write the studies and, where pyarrow is installed, the tables; return the files.

    Args:
        graph: folder of the snapshot's graph.
        links: the catalogue's links, for which datasets are one study, and for the table of links.
        settings: for the base IRI and the gene tables.
        target: folder of the dump that is made.
        progress: told how many studies were written, part by part.
    """
    store = Store.read_only(str(graph))
    documents = Documents(store, links, Genes.of(settings), settings.base_iri)
    with Lines(target / STUDIES) as out, Tables(target, store, documents) as tables:
        for members in sorted(documents.every()):
            content = documents.content(members)
            out.add(json.dumps(told(content), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
            for dataset in members:
                tables.add(dataset, members[0], content if len(members) == 1 else documents.content((dataset,)))
            if out.rows % AT_ONCE == 0:
                progress(AT_ONCE)
        tables.add_links(links)
    return [described(out.path, "studies", TITLE, out.rows), *tables.files()]


def told(content: dict[str, list[Any]]) -> dict[str, Any]:
    """Return a study as JSON, given the fields of its document.

    ``texts`` has the texts of each search field, ``broader`` names of broader terms, ``identifiers`` every spelling in
    lower case, ``facets`` the values of each facet, ``numbers`` those of each range, ``datasets`` what is shown.
    """
    (shown,) = content[layout.SHOWN]
    published = next(iter(content[layout.PUBLISHED]), 0)
    return {
        "study": content[layout.STUDY][0],
        "title": next(iter(content["title"]), ""),
        "published": published or None,
        "size_bytes": next(iter(content[layout.TOTAL_BYTES]), None),
        "datasets": json.loads(shown),
        "texts": {field.name: content[field.name] for field in FIELDS},
        "broader": list(_lines(content[layout.BROADER])),
        "identifiers": content[layout.IDENTIFIER],
        "facets": {name: content[name] for name in layout.facet_fields()},
        "numbers": {one.name: content[one.name] for one in RANGES if content[one.name]},
    }


def _lines(texts: list[str]) -> Iterator[str]:
    for text in texts:
        yield from filter(None, text.split("\n"))
