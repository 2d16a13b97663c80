"""Every harvester, through the whole run, against its archive in live shape with every fault of transport and content.

Without ``HOSTILE=all`` a sample of the cases is tried in which every fault meets a door of an archive, and every door
meets every class of faults.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest
from pyoxigraph import NamedNode, Store

from harvesters.http import Manners
from hub import ingest, snapshots, views
from hub.config import Settings
from hub.ingest import Outcome
from hub.log import Log, RecordRow
from ontology import text
from tests.hostile_server import CONTENT, MAIL, PASSING, TRANSPORT, Hostile, HostileServer, form_of
from tests.hostile_sites import SITES, TWISTS, Site
from tests.test_harvesters_contract import HARVESTERS

BASE = "https://hub.example/"
HURRY = Manners(
    interval_s=0,
    timeout_s=0.4,
    deadline_s=0.8,
    max_bytes=12_000_000,
    max_download_bytes=12_000_000,
    least_bytes_per_s=1 << 30,
    retries=1,
    max_wait_s=0.01,
    patience_s=1,
)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "manners", lambda settings: HURRY)
    monkeypatch.setattr(os, "sync", lambda: None)


@dataclass
class State:
    """What a hub says: its records, what it rejected, and the hash of its graph."""

    records: dict[str, RecordRow]
    rejected: dict[str, str]
    graph: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> State:
        log = Log(settings.database)
        (name,) = settings.sources
        records = {row.accession: row for row in log.all_records()}
        rejected = {key: reasons for _, key, reasons in log.rejected(name)}
        log.close()
        store = Store.read_only(str(snapshots.current(settings.snapshots_dir).graph))
        return cls(records, rejected, frozenset(views.canonical_lines(store)))

    def active(self) -> dict[str, str]:
        return {accession: row.record for accession, row in self.records.items() if row.state == "active"}


@dataclass
class Stand:
    """A site that is served, and a hub that has harvested it undisturbed."""

    server: HostileServer
    settings: Settings
    state: State
    clean: Outcome

    def copy(self, folder: Path) -> Settings:
        """Return the settings of a copy of the hub."""
        shutil.copytree(self.settings.data_dir, folder / "data", symlinks=True)
        return settings_of(self.server, folder)


def settings_of(server: HostileServer, folder: Path) -> Settings:
    return Settings(data_dir=folder / "data", base_iri=BASE, sources={server.source.name: server.source})


def harvested(settings: Settings, *, full: bool = False, confirm: bool = False) -> Outcome:
    (outcome,) = ingest.harvest(settings, list(settings.sources), full=full, confirm=confirm)
    assert outcome.report.adds_up(), outcome
    assert "unforeseen" not in (outcome.error or ""), outcome
    return outcome


@pytest.fixture(scope="module")
def stands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stand]]:
    """Give the stand of a site; it is built once."""
    built: dict[str, Stand] = {}

    def stand(name: str) -> Stand:
        if name not in built:
            server = HostileServer(SITES[name]()).__enter__()
            settings = settings_of(server, tmp_path_factory.mktemp(name))
            harvested(settings)
            clean = harvested(settings, full=True)
            built[name] = Stand(server, settings, State.of(settings), clean)
        return built[name]

    yield stand
    for stood in built.values():
        stood.server.__exit__()


# --- undisturbed ---------------------------------------------------------------------------------------------------


def test_every_harvester_has_a_site() -> None:
    assert {site.harvester for site in SITES.values()} == set(HARVESTERS)


@pytest.mark.parametrize("name", SITES)
def test_a_first_harvest_takes_all_and_a_second_costs_next_to_nothing(
    name: str, stands: Callable[[str], Stand], tmp_path: Path
) -> None:
    server = stands(name).server
    settings = settings_of(server, tmp_path)
    first = harvested(settings)
    assert (first.error, first.report.new, first.report.rejected) == (None, server.site.records, 0)
    before = len(server.asked)
    second = harvested(settings)
    again = server.asked[before:]
    conditional = [a for a in again if {"if-none-match", "if-modified-since"} & a.headers.keys()]
    assert (second.error, second.report.new, second.report.changed, second.report.deleted) == (None, 0, 0, 0)
    assert second.report.listed == first.report.listed
    assert (len(again), len(conditional)) == server.site.again, [(a.method, a.path, a.body) for a in again]
    if server.site.payload:
        assert not [a for a in again if server.matches(a, server.site.payload)]
    assert State.of(settings).graph == stands(name).state.graph


# --- faults --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One fault of one site: ``place`` is the request that it meets, or the kind of what is changed."""

    site: str
    fault: str
    place: str
    kind: str

    def __str__(self) -> str:
        return f"{self.site}-{self.place}-{self.fault}"


KINDS = {
    "refusal": ("status", "no-content", "partial", "not-modified", "redirect"),
    "pause": ("pause", "busy"),
    "break": ("reset", "close", "cut", "bad", "garbage", "unknown", "many-headers"),
    "flood": ("bomb", "endless", "no-content-bomb"),
    "slowness": ("drip", "silence"),
    "stand-in": ("html", "empty", "blanks", "rate-limit", "charset"),
}


def kind_of(fault: str) -> str:
    return next((kind for kind, starts in KINDS.items() if fault.startswith(starts)), "refusal")


def transport_cases() -> Iterator[Case]:
    for site in SITES.values():
        for place in site().places():
            yield from (Case(site.name, fault, place, kind_of(fault)) for fault in (*TRANSPORT, *PASSING))
        yield Case(site.name, "refused", "listing", "break")


def spoilable(site: Site, fault: str) -> str | None:
    """Return the first document that can have a fault."""
    forms, spoil = CONTENT[fault]
    for name, body in site.documents.items():
        try:
            if form_of(name) in forms and spoil(body, form_of(name)) != body:
                return name
        except ValueError:
            continue
    return None


def content_cases() -> Iterator[Case]:
    for made in SITES.values():
        site = made()
        for number, fault in enumerate(CONTENT):
            if spoilable(site, fault):
                yield Case(site.name, fault, "content", f"content-{number * 4 // len(CONTENT)}")
        yield Case(site.name, "another-record", "content", "content-0")
        yield from (Case(site.name, twist, "twist", "twist") for twist in TWISTS)


def sample(cases: list[Case]) -> list[Case]:
    """Return cases in which every fault meets a site, and every site every kind of faults."""
    pairs: set[tuple[str, str]] = set()
    used: Counter[str] = Counter()
    chosen: list[Case] = []
    for fault in dict.fromkeys(case.fault for case in cases):
        case = min(
            (case for case in cases if case.fault == fault),
            key=lambda case: ((case.site, case.kind) in pairs, used[case.site], used[case.place]),
        )
        chosen.append(case)
        pairs.add((case.site, case.kind))
        used.update([case.site, case.place])
    for case in cases:
        if (case.site, case.kind) not in pairs:
            pairs.add((case.site, case.kind))
            chosen.append(case)
    return chosen


TRANSPORT_CASES, CONTENT_CASES = list(transport_cases()), list(content_cases())
if os.environ.get("HOSTILE") != "all":
    without_end = [case for case in CONTENT_CASES if case.fault in ("repeated", "endless") and SITES[case.site].size]
    TRANSPORT_CASES, CONTENT_CASES = sample(TRANSPORT_CASES), list(dict.fromkeys(sample(CONTENT_CASES) + without_end))


def switch_on(server: HostileServer, case: Case) -> None:
    site = server.site
    if case.fault == "refused":
        server.refuse()
    elif case.place == "twist":
        site.twist = case.fault
    elif case.fault == "another-record":
        first, second = [name for name in site.documents if site.is_listed(name)][:2]
        site.documents[first] = site.documents[second]
    elif case.place == "content":
        name = spoilable(site, case.fault)
        assert name
        site.documents[name] = CONTENT[case.fault][1](site.documents[name], form_of(name))
    else:
        fault: Hostile = {**TRANSPORT, **PASSING}[case.fault]
        server.harm(fault, site.places()[case.place], 1 if case.fault in PASSING else None)


def tells(outcome: Outcome, clean: Outcome) -> bool:
    """Tell whether a report says that something went wrong."""
    report, good = outcome.report, clean.report
    return bool(outcome.error or report.held or report.deleted) or (report.rejected, report.findings) != (
        good.rejected,
        good.findings,
    )


def check_nothing_private(settings: Settings, outcome: Outcome) -> None:
    """No e-mail address, no address of a file and nothing of this machine is published or reported."""
    for quad in Store.read_only(str(snapshots.current(settings.snapshots_dir).graph)):
        for term in (quad.subject, quad.object):
            said = unquote(getattr(term, "value", ""))
            assert MAIL not in said, quad
            assert "ops@" not in said, quad
            assert "root:" not in said, quad
            assert str(settings.data_dir.parent) not in said, quad
            if isinstance(term, NamedNode):
                assert said.startswith(("http://", "https://", "urn:x-hub:")), quad
                assert not text.has_email(said), quad
    assert not text.has_email(outcome.error or "")


@pytest.mark.parametrize("case", TRANSPORT_CASES, ids=str)
def test_what_stood_stays_and_the_next_run_repairs_it(
    case: Case, stands: Callable[[str], Stand], tmp_path: Path
) -> None:
    stand = stands(case.site)
    settings = stand.copy(tmp_path)
    try:
        switch_on(stand.server, case)
        outcome = harvested(settings, full=True)
        assert stand.server.met or case.fault == "refused"
    finally:
        stand.server.mend()
    after, before = State.of(settings), stand.state
    touched = {accession for accession, record in before.active().items() if after.active().get(accession) != record}
    has_told = tells(outcome, stand.clean)
    if case.fault in PASSING:
        assert (touched, outcome.error, has_told) == (set(), None, False)
    elif case.place.startswith("optional"):
        assert has_told or not touched or case.fault in ("status-404", "status-410")
    elif case.fault != "charset":
        assert has_told, outcome
    if outcome.error or not (outcome.report.changed or outcome.report.deleted):
        assert after.active() == before.active()
    check_nothing_private(settings, outcome)
    check_repaired(stand, settings)


def check_repaired(stand: Stand, settings: Settings) -> None:
    repaired = harvested(settings)
    if repaired.report.held:  # a record that only the fault had made
        repaired = harvested(settings, confirm=True)
    state = State.of(settings)
    assert repaired.error is None
    assert state.rejected == stand.state.rejected
    assert state.active() == stand.state.active()
    if state.records.keys() == stand.state.records.keys():
        assert state.graph == stand.state.graph
    else:  # what is no more leaves a tombstone
        assert state.graph > stand.state.graph


FIRST = [
    case for case in TRANSPORT_CASES if case.fault not in PASSING and case.kind in ("stand-in", "refusal", "break")
]


@pytest.mark.parametrize("case", FIRST, ids=str)
def test_a_first_run_that_fails_is_made_good_by_the_next(
    case: Case, stands: Callable[[str], Stand], tmp_path: Path
) -> None:
    stand = stands(case.site)
    settings = settings_of(stand.server, tmp_path)
    try:
        switch_on(stand.server, case)
        harvested(settings)
    finally:
        stand.server.mend()
    check_repaired(stand, settings)


@pytest.mark.parametrize("case", CONTENT_CASES, ids=str)
def test_bad_content_touches_its_own_record_and_the_next_run_repairs_it(
    case: Case, stands: Callable[[str], Stand], tmp_path: Path
) -> None:
    stand = stands(case.site)
    settings = stand.copy(tmp_path)
    try:
        switch_on(stand.server, case)
        outcome = harvested(settings)
    finally:
        stand.server.mend()
    after, before = State.of(settings), stand.state
    lost = before.active().keys() - after.active().keys()
    assert len(lost) <= outcome.report.deleted, outcome
    touched = {accession for accession, record in before.active().items() if after.active().get(accession) != record}
    if case.place == "content" and not stand.server.site.is_shared:
        assert len(touched) <= 1
    if touched or after.records.keys() != before.records.keys():
        assert outcome.report.changed or outcome.report.deleted or outcome.report.new
    check_nothing_private(settings, outcome)
    check_repaired(stand, settings)
