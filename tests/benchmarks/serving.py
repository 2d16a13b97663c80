"""Benchmarks of landing pages, against CONSTRUCTs of the bare Oxigraph server on one snapshot."""

from __future__ import annotations

import itertools
from pathlib import Path

from tests.benchmarks import servers
from tests.benchmarks.measure import Result, in_turn, more_is_better
from tests.benchmarks.queries import LIGHT, Mixes
from tests.benchmarks.servers import Server
from tests.benchmarks.stage import Stage

NAMES = ("page", "page_repeat")
SECONDS = 5


def run(stage: Stage, names: set[str]) -> list[Result]:
    """Measure the names asked for."""
    measures = {"page": page, "page_repeat": page_repeat}
    return [measure(stage) for name, measure in measures.items() if name in names]


def page(stage: Stage) -> Result:
    """Every dataset's landing page once, from a server that has just started, against the peer's CONSTRUCT of each."""
    mixes, log = Mixes(stage.graph), stage.home / "servers.log"
    datasets = [iri.strip("<>") for iri in mixes.values["dataset"]]
    mixes.chance.shuffle(datasets)
    ours_file, peer_file = stage.home / "page-ours.txt", stage.home / "page-peer.txt"
    ours_file.write_text("".join(f"{_page_path(iri)}\n" for iri in datasets), encoding="utf-8")
    construct = Server("", "/query")
    peer_file.write_text("".join(f"{construct.path(_construct(iri))}\n" for iri in datasets), encoding="utf-8")

    def ours() -> float:
        with servers.hub(stage.settings, log) as server:
            servers.load(server.base, _first(ours_file, 40), 1, accept="text/html")
            return servers.rate(servers.load(server.base, ours_file, SECONDS, once=True, accept="text/html"))

    def peer() -> float:
        with servers.oxigraph(stage.graph, log) as server:
            servers.load(server.base, _first(peer_file, 40), 1)
            return servers.rate(servers.load(server.base, peer_file, SECONDS, once=True))

    mine, theirs = in_turn(stage.rounds, ours, peer)
    return more_is_better("page", mine, theirs, "requests/s")


def page_repeat(stage: Stage) -> Result:
    """One landing page over and over, against the peer's CONSTRUCT of it."""
    mixes, log = Mixes(stage.graph), stage.home / "servers.log"
    iri = mixes.values["dataset"][len(mixes.values["dataset"]) // 2].strip("<>")
    file = {side: stage.home / f"page_repeat-{side}.txt" for side in ("ours", "peer")}
    with servers.hub(stage.settings, log) as ours, servers.oxigraph(stage.graph, log) as peer:
        file["ours"].write_text(_page_path(iri) + "\n", encoding="utf-8")
        file["peer"].write_text(peer.path(_construct(iri)) + "\n", encoding="utf-8")
        mine, theirs = in_turn(
            stage.rounds,
            lambda: servers.rate(servers.load(ours.base, file["ours"], SECONDS, accept="text/html")),
            lambda: servers.rate(servers.load(peer.base, file["peer"], SECONDS)),
        )
    return more_is_better("page_repeat", mine, theirs, "requests/s")


def _page_path(iri: str) -> str:
    return "/" + iri.split("/", 3)[3]


def _construct(iri: str) -> str:
    return LIGHT["q10"].replace("$dataset", f"<{iri}>")


def _first(file: Path, count: int) -> Path:
    """Return a file of the first lines of another."""
    part = file.with_suffix(".warm")
    with file.open(encoding="utf-8") as lines:
        part.write_text("".join(itertools.islice(lines, count)), encoding="utf-8")
    return part
