"""Datasets as the log has them at one number: the records that stand, put together as a dataset's page shows them."""

from __future__ import annotations

from pyoxigraph import NamedNode

from hub import describe, records
from hub.feeds.journal import Content
from hub.routes import Precedence
from linkml_schemas.generated.model import Dataset
from ontology import iris


def merged(contents: list[Content], order: Precedence) -> Dataset:
    """Return the dataset that one or several records describe.

    Where several do, each slot is from the first that fills it.

    Args:
        contents: every record that stands of the dataset, at least one.
        order: whose word counts.
    """
    if len(contents) == 1:
        return records.from_json(contents[0].record())
    quads = []
    for content in contents:
        record: Dataset = records.from_json(content.record())
        graph = NamedNode(iris.source_graph(order.base, content.source, content.accession))
        quads += records.to_quads(record, graph)
    return records.from_quads(describe.decided(quads, order), record.id)
