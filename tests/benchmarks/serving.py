"""Benchmarks of the read side: SPARQL mixes and landing pages, against the bare Oxigraph server on one snapshot."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hub import config, snapshots
from tests.benchmarks import servers
from tests.benchmarks.measure import Result, in_turn, more_is_better
from tests.benchmarks.queries import HEAVY, LIGHT, Mixes
from tests.benchmarks.servers import Server

SPARQL = ("sparql_point_8", "sparql_light_8", "sparql_mixed_8", "sparql_repeat_8")
PAGES = ("page", "page_repeat")
NAMES = (*SPARQL, *PAGES)
SECONDS = 5
WARM_UP_S = 1
QUERIES = 20_000
REPEATED = 200
Say = Callable[[str], object]


@dataclass(slots=True)
class Stage:
    """What every measurement needs: where files go, which snapshot, how often."""

    home: Path
    settings: Path
    graph: Path
    rounds: int
    say: Say


def run(home: Path, rounds: int, names: set[str], say: Say) -> list[Result]:
    """Measure the names asked for on the hub in ``home/hub``."""
    servers.check_wrk()
    file = home / "hub" / "hub.toml"
    settings = config.load(str(file), environ={})
    stage = Stage(home, file, snapshots.current(settings.snapshots_dir).graph, rounds, say)
    results = []
    if names & set(SPARQL):
        results += sparql(stage, names)
    if "page" in names:
        results.append(page(stage))
    if "page_repeat" in names:
        results.append(page_repeat(stage))
    return results


# --- SPARQL -------------------------------------------------------------------------------------------------------


def sparql(stage: Stage, names: set[str]) -> list[Result]:
    """All mixes on the same two servers."""
    mixes, log = Mixes(stage.graph), stage.home / "servers.log"
    results = []
    with servers.hub(stage.settings, log) as ours, servers.oxigraph(stage.graph, log) as peer:
        stage.say(f"{check(mixes, ours, peer)} queries: the same number of rows from both servers")
        for name in (n for n in SPARQL if n in names):
            results.append(mix(name, stage, mixes, ours, peer))
            stage.say(f"{name}: {results[-1].ours} against {results[-1].peer} requests/s")
    return results


def check(mixes: Mixes, ours: Server, peer: Server) -> int:
    """Compare the answers to a sample of every query."""
    kinds = [(kind, name) for kind in (LIGHT, HEAVY) for name in kind]
    for kind, name in kinds:
        found = 0
        for _ in range(5):
            query = mixes.draw(kind, name)
            mine, theirs = len(ours.ask(query)), len(peer.ask(query))
            assert mine == theirs, f"{mine} rows, {theirs} from the peer: {query}"
            found += mine
        assert found, f"{name} finds nothing"
    return 5 * len(kinds)


def mix(name: str, stage: Stage, mixes: Mixes, ours: Server, peer: Server) -> Result:
    """One mix, both servers in turn; a warm-up of each before the first round is not counted."""
    lines = lines_of(name, mixes)
    cold = name != "sparql_repeat_8"

    def asked(server: Server, side: str) -> Callable[[], float]:
        paths = stage.home / f"{name}-{side}.txt"
        text = "\n".join(("!" if kept else "") + server.path(query) for query, kept in lines)
        paths.write_text(text + "\n", encoding="utf-8")

        def once(seconds: int = SECONDS) -> float:
            nonce = uuid.uuid4().hex[:12] if cold else "-"
            return servers.rate(servers.load(server.base, paths, seconds, nonce=nonce))

        once(WARM_UP_S)
        return once

    return more_is_better(name, *in_turn(stage.rounds, asked(ours, "ours"), asked(peer, "peer")), "requests/s")


def lines_of(name: str, mixes: Mixes) -> list[tuple[str, bool]]:
    """Return the queries of a mix, each with whether its text is kept (else it gets a comment never seen before)."""
    if name == "sparql_point_8":
        return [(q, False) for q in mixes.many(mixes.point, QUERIES)]
    if name == "sparql_light_8":
        return [(q, False) for q in mixes.many(mixes.light, QUERIES)]
    if name == "sparql_repeat_8":
        return [(q, True) for q in mixes.many(mixes.light, REPEATED)]
    heavy = (n % 10 == 9 for n in range(QUERIES))
    return [(mixes.heavy(), True) if h else (mixes.light(), False) for h in heavy]


# --- pages --------------------------------------------------------------------------------------------------------


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

    return more_is_better("page", *in_turn(stage.rounds, ours, peer), "requests/s")


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
