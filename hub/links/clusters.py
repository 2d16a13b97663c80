"""Clusters of datasets that are one study, made from sameness links; no record is merged.

A cluster is named by the least IRI of its members, so its name changes only when a lesser one joins. A pair that a
curator rejected is never in one cluster: of the links that would join it, the least sure one is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hub import queries
from hub.links.catalogue import LinkRow, Links
from hub.links.rules.sameness import SAME_STUDY
from hub.workers import WorkerPool

Fact = tuple[str, str, float]
"""Two datasets' IRIs, and how sure it is that they are one study."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which datasets are one study.

    Attributes:
        by_member: cluster of each dataset that is not alone: the least IRI in it.
        by_cluster: members of each cluster, sorted.
    """

    by_member: Mapping[str, str]
    by_cluster: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, facts: Iterable[Fact], rejected: Iterable[tuple[str, str]] = ()) -> Clusters:
        """Return the clusters that facts make.

        >>> found = Clusters.of([("b", "c", 0.9), ("c", "a", 0.9)])
        >>> found.cluster_of("c"), found.members("b"), found.members("z")
        ('a', ('a', 'b', 'c'), ('z',))
        """
        forest = _Forest(rejected)
        for one, other, _ in sorted(facts, key=lambda fact: (-fact[2], *sorted(fact[:2]))):
            forest.join(one, other)
        found = {group[0]: group for group in forest.groups()}
        return cls({member: least for least, group in found.items() for member in group}, found)

    @classmethod
    def of_links(cls, links: Links) -> Clusters:
        """Return the clusters of the catalogue's links, with what curators rejected kept apart."""
        facts: list[Fact] = []
        rejected: list[tuple[str, str]] = []
        for link in links.all_links():
            if link.predicate == SAME_STUDY and link.status in ("fact", "rejected"):
                _sort_in(link, facts, rejected)
        return cls.of(facts, rejected)

    @classmethod
    def published(cls, pool: WorkerPool) -> Clusters:
        """Return the clusters of the published snapshot."""
        rows = queries.select(pool, "describe/same-studies")
        return cls.of((row["one"].value, row["other"].value, 1.0) for row in rows)

    @staticmethod
    def repeated(pool: WorkerPool) -> int:
        """Return how many published datasets are a study that another one, counted already, is as well."""
        rows = list(queries.select(pool, "describe/same-studies"))
        found = Clusters.of((row["one"].value, row["other"].value, 1.0) for row in rows)
        here = {row[end].value for row in rows for end in ("one", "other") if row[f"has_{end}"].value == "true"}
        return len(here) - found.studies(here)

    def cluster_of(self, dataset: str) -> str:
        """Return the IRI that names a dataset's cluster: its own where it is alone."""
        return self.by_member.get(dataset, dataset)

    def members(self, dataset: str) -> tuple[str, ...]:
        """Return the datasets of a dataset's cluster, itself among them."""
        return self.by_cluster.get(self.cluster_of(dataset), (dataset,))

    def studies(self, datasets: Iterable[str]) -> int:
        """Return how many distinct studies some datasets are.

        >>> Clusters.of([("a", "b", 0.9)]).studies(["a", "b", "c"])
        2
        """
        return len({self.cluster_of(dataset) for dataset in datasets})


def _sort_in(link: LinkRow, facts: list[Fact], rejected: list[tuple[str, str]]) -> None:
    if link.status == "fact":
        facts.append((link.subject, link.object, 1.0 if link.confidence is None else link.confidence))
    else:
        rejected.append((link.subject, link.object))


class _Forest:
    """Disjoint sets that grow together, except where a rejected pair would come into one."""

    def __init__(self, rejected: Iterable[tuple[str, str]]) -> None:
        self.parent: dict[str, str] = {}
        self.foes: dict[str, set[str]] = defaultdict(set)
        for one, other in rejected:
            self.foes[one].add(other)
            self.foes[other].add(one)
        self.inside: dict[str, list[str]] = {}

    def find(self, item: str) -> str:
        root = item
        while (above := self.parent.setdefault(root, root)) != root:
            root = above
        while (above := self.parent[item]) != root:
            self.parent[item], item = root, above
        self.inside.setdefault(root, [root])
        return root

    def join(self, one: str, other: str) -> None:
        a, b = self.find(one), self.find(other)
        if a == b or any(
            foe in self.parent and self.find(foe) == b for x in self.inside[a] for foe in self.foes.get(x, ())
        ):
            return
        big, small = (a, b) if len(self.inside[a]) >= len(self.inside[b]) else (b, a)
        self.parent[small] = big
        self.inside[big] += self.inside.pop(small)

    def groups(self) -> Iterator[tuple[str, ...]]:
        yield from (tuple(sorted(group)) for group in self.inside.values() if len(group) > 1)
