"""Mirroring another hub: its newest dump, then its log, then a comparison of what both hold.

A run can end anywhere: what was written stays, the place in the peer's log is remembered after what it covers, and what
comes twice is no change. When the log is read and the sets still differ, records are compared bucket by bucket, so that
what a careless proxy or an older fault left out is found.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import islice

from harvesters.contract import SourceError
from hub import erasure, ingest
from hub.config import Peer, Settings
from hub.dumps import make
from hub.errors import ConfigError, PeerError
from hub.log import Log, Report, now
from hub.peers import client, dump, keys, overview, standing
from hub.peers.client import PeerClient
from hub.peers.hello import Hello
from hub.peers.intake import Intake
from hub.peers.standing import Standing, Summary
from hub.peers.trust import Kind, Refusal, Trust
from hub.peers.wire import Change, local_source
from hub.store import write_lock

logger = logging.getLogger(__name__)
# A peer that keeps publishing is caught up with so often before the sets are compared.
ROUNDS = 5
MAX_REFUSED = 100
AT_ONCE = 500
IDENTICAL, AHEAD, DIFFERS = "identical", "ahead", "differs"
Progress = Callable[[str, Report], object]


@dataclass(slots=True)
class Outcome:
    """What mirroring a peer came to.

    Attributes:
        peer: name of the peer.
        report: counts of the changes that it passed on: new, already known, refused.
        sequence: number of the peer's log that was reached.
        agreed: by owner ``identical``, ``ahead`` (this hub knows later changes) or ``differs``.
        refused: what was refused.
        error: why the run was stopped, or None.
    """

    peer: str
    report: Report = field(default_factory=Report)
    sequence: int = 0
    agreed: dict[str, str] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    error: str | None = None


def mirror(
    settings: Settings, names: list[str], *, from_dump: bool = False, progress: Progress = lambda *_: None
) -> list[Outcome]:
    """Mirror peers one after another, bring the store up to date and publish; return how each went.

    Args:
        settings: the hub's settings.
        names: names of configured peers.
        from_dump: begin with the newest dump again, even if the log was read before.
        progress: told the peer and its report so far.

    Raises:
        ConfigError: there is no such peer.
        LockedError: another process writes.
    """
    peers = [peer_named(settings, name) for name in names]
    with write_lock(settings.data_dir), closing(Log(settings.database)) as log:
        outcomes = [Mirror(settings, log, peer, from_dump, progress).execute() for peer in peers]
        ingest.publish(settings, log)
    make.after_publication(settings)
    return outcomes


def peer_named(settings: Settings, name: str) -> Peer:
    """Return a peer by its name or address.

    Raises:
        ConfigError: there is no such peer.
    """
    found = settings.peers.get(name) or next((p for p in settings.peers.values() if p.url == name.rstrip("/")), None)
    if found is None:
        known = ", ".join(sorted(settings.peers)) or "none"
        raise ConfigError(f"{name}: no such peer; there are {known}: write [peers.<name>] with url and key")
    return found


def settle(trust: Trust, log: Log, name: str) -> None:
    """Settle what was refused of a hub; its log is read from the beginning by the next run."""
    trust.forget(name)
    log.remember(overview.place(name), {overview.CURSOR: "0", overview.SEQUENCE: "0"})


class Mirror:
    """One run of one peer while it lasts."""

    def __init__(self, settings: Settings, log: Log, peer: Peer, from_dump: bool, progress: Progress) -> None:
        self.settings, self.log, self.peer = settings, log, peer
        self.outcome = Outcome(peer.name)
        self.trust = Trust(log, settings)
        self.name = overview.place(peer.name)
        self.known = log.memory(self.name)
        self.from_dump = from_dump or overview.CURSOR not in self.known
        self.cursor = int(self.known.get(overview.CURSOR, 0))
        self.progress = progress
        self.number = 0

    def execute(self) -> Outcome:
        """Run to the end; an error ends the run, keeps what was proved and is reported."""
        started = time.monotonic()
        number, report = self.begin(), self.outcome.report
        try:
            with client.session(self.settings, self.peer) as http:
                self._read(PeerClient(self.peer.url, http))
        except (PeerError, SourceError) as err:
            self.outcome.error = str(err)
            logger.warning("%s stopped: %s", self.name, err)
        self.intake.write()
        report.seconds = round(time.monotonic() - started, 3)
        self.outcome.refused = self.intake.refused
        self.log.finish_run(number, report, self.outcome.error)
        self._remember(**{overview.ERROR: self.outcome.error or "", overview.AGREED: json.dumps(self.outcome.agreed)})
        logger.info("%s: %s", self.name, asdict(report))
        return self.outcome

    def begin(self) -> int:
        """Begin the run and return its number."""
        ingest.check_base(self.settings, self.log)
        number = self.number = self.log.start_run(self.name)
        report = self.outcome.report
        self.intake = Intake(self.log, self.settings, self.trust, self.peer, number, report, self._erase)
        return number

    def _erase(self, change: Change) -> None:
        """Erase every trace of a record's content here; what its owner leaves of it follows as the next change."""
        said = change.statement
        source = local_source(said.hub, said.source)
        reason = str((said.withdrawal or {}).get("reason") or f"redacted by its hub, {said.hub}")
        erasure.erase(self.log, self.settings, source, said.accession, reason, said.at, run=self.number)

    def _remember(self, **values: str) -> None:
        self.log.remember(self.name, values)

    # --- reading

    def _read(self, peer: PeerClient) -> None:
        said = self._greet(peer)
        if self.from_dump:
            self._start(peer, said)
        for _ in range(ROUNDS):
            self._follow(peer)
            said = self._greet(peer)
            if said.sequence <= self.cursor:
                break
        self.outcome.sequence = self.cursor
        self._compare(peer, said)

    def _greet(self, peer: PeerClient) -> Hello:
        """Return what the peer says of itself, by the key that this hub believes it to have.

        Raises:
            PeerError: it is another hub, of another federation, or one that tells an older state than before.
        """
        said, told = peer.hello()
        if said.name != self.peer.name:
            raise PeerError(f"{peer.url} is the hub {said.name}: name its table [peers.{said.name}]")
        if said.base != self.settings.base_iri:
            raise PeerError(
                f"{said.name} gives its records IRIs of {said.base}, this hub of {self.settings.base_iri}: "
                "hubs that mirror each other share one base_iri"
            )
        if not self.peer.key and self.trust.key_of(said.name) is None:
            self.trust.remember(said.name, said.key)
        if said.key != self.trust.key_of(said.name):
            self.intake.refuse(Kind.SIGNATURE, said.name, "", f"{said.name} signs with another key than before", told)
            raise PeerError(f"{said.name} signs with another key than the one that is known: ask its operator")
        last = int(self.known.get(overview.SEQUENCE, 0))
        if said.sequence < last:
            message = f"{said.name} tells of its change {said.sequence}, and told of {last} before"
            self.intake.refuse(Kind.ROLLBACK, said.name, "", message, told)
            raise PeerError(f"{message}: an old answer, or its catalogue was put back (`hub peers trust {said.name}`)")
        self._learn(said)
        self.known[overview.SEQUENCE] = str(said.sequence)
        self._remember(**{overview.SEQUENCE: str(said.sequence), overview.SEEN: now()})
        return said

    def _learn(self, said: Hello) -> None:
        """Believe the keys of hubs that only this peer knows, if the settings say so; a key that is known stands."""
        if self.peer.is_transitive:
            for hub, owner in said.owners.items():
                if keys.is_public(owner.key):
                    self.trust.remember(hub, owner.key)

    def _start(self, peer: PeerClient, said: Hello) -> None:
        """Take the newest dump, where the peer has any."""
        found = peer.dump(said)
        if found is None:
            return
        manifest, stream = found
        with stream:
            lines = dump.lines(stream)
            while part := list(islice(lines, AT_ONCE)):
                self._take(part)
        self._reach(max(self.cursor, manifest.sequence))

    def _follow(self, peer: PeerClient) -> None:
        """Read the peer's log from where it was left to its end."""
        is_last = False
        while not is_last:
            page = peer.changes(self.cursor, self.peer.owners)
            self._take(page.changes)
            self._reach(page.next)
            is_last = page.is_last

    def _take(self, told: list[object]) -> None:
        self.intake.take(told)
        self.progress(self.peer.name, self.outcome.report)
        if len(self.intake.refused) > MAX_REFUSED:
            raise PeerError(f"more than {MAX_REFUSED} changes that {self.peer.name} passes on cannot be believed")

    def _reach(self, cursor: int) -> None:
        """Remember the place in the peer's log, after what it covers was written."""
        self.cursor = cursor
        self._remember(**{overview.CURSOR: str(cursor)})

    # --- comparing

    def _compare(self, peer: PeerClient, said: Hello) -> None:
        """Compare what both hold of each owner, and fetch what is missing."""
        held = standing.by_owner(self.log)
        for hub, owner in said.owners.items():
            if hub == self.settings.hub_name or not self.trust.is_taken(hub, self.peer):
                continue
            verdict = _verdict(held.get(hub), owner.held)
            if verdict == DIFFERS:
                self._heal(peer, said, hub)
                verdict = _verdict(standing.by_owner(self.log).get(hub), owner.held)
            self.outcome.agreed[hub] = verdict

    def _heal(self, peer: PeerClient, said: Hello, hub: str) -> None:
        """Compare the records of an owner bucket by bucket, and take what this hub lacks."""
        theirs, mine = peer.buckets(hub), standing.by_bucket(self.log, owner=hub)
        names = {name for name in theirs.keys() | mine.keys() if theirs.get(name) != mine.get(name)}
        here = {one.key: one for one in standing.everything(self.log, owner=hub) if one.bucket in names}
        there = {one.key: one for one in peer.records(hub, names) if one.hub == hub}
        wanted = [one.number for key, one in there.items() if _is_wanted(one, here.get(key))]
        for start, count in stretches(wanted, AT_ONCE):
            self._take(peer.changes(start - 1, (), count).changes)
        if hub == self.peer.name:
            self._accuse(said, here, there)

    def _accuse(self, said: Hello, here: dict[standing.Key, Standing], there: dict[standing.Key, Standing]) -> None:
        """Name the records that their owner holds in an older state than the one that it signed itself."""
        for key, one in here.items():
            other = there.get(key)
            if one.sequence <= said.sequence and (other is None or other.sequence < one.sequence):
                now_at = f"is at its change {other.sequence} of it" if other else "does not hold it any more"
                message = f"{one.hub} signed change {one.sequence} of {one.source}/{one.accession}, and {now_at}"
                record = f"{one.source}/{one.accession}"
                self.intake.refuse(Kind.ROLLBACK, one.hub, record, message, asdict(one), other and asdict(other))


def _verdict(mine: Summary | None, theirs: Summary) -> str:
    if mine is not None and mine.sha256 == theirs.sha256:
        return IDENTICAL
    return AHEAD if mine is not None and mine.sequence > theirs.sequence else DIFFERS


def _is_wanted(there: Standing, here: Standing | None) -> bool:
    if here is None or there.sequence > here.sequence:
        return True
    return there.sequence == here.sequence and (there.state, there.sha256) != (here.state, here.sha256)


def stretches(numbers: Iterable[int], most: int) -> list[tuple[int, int]]:
    """Return the stretches of a log that hold some numbers, each as its first number and its length.

    >>> stretches([7, 3, 4, 900], 500)
    [(3, 5), (900, 1)]
    """
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and number < found[-1][0] + most:
            found[-1] = (found[-1][0], number - found[-1][0] + 1)
        else:
            found.append((number, 1))
    return found
