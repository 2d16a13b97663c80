"""What a search answers for: which archives it covers, how old what it knows of each is, and what is known to lack."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from hub import queries
from hub.config import Settings
from hub.errors import HubError, QueryError
from hub.log import Log
from hub.overview import freshness
from hub.published import Now

logger = logging.getLogger(__name__)
KEPT_S = 60.0
UNKNOWN = "unknown"
NEVER = "never"


@dataclass(frozen=True, slots=True)
class Feed:
    """One source that datasets of an archive come from.

    Attributes:
        source: its name in the settings.
        datasets: how many datasets of the archive it describes.
        state: of its last run: ``done``, ``failed``, ``interrupted``, ``running``, ``never`` or ``unknown``.
        as_of: ISO 8601 time at which its last complete run began, or empty where there was none.
        is_stale: whether two planned harvests have passed since without a complete run.
        rejected: how many of its entries are not published because they have no usable record.
        held: how many removals its last run held back for the operator.
    """

    source: str
    datasets: int
    state: str = UNKNOWN
    as_of: str = ""
    is_stale: bool = False
    rejected: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Covered:
    """One archive that is searched.

    Attributes:
        name: of the archive.
        title: as people read it.
        iri: of the archive.
        datasets: how many of its datasets are published here.
        feeds: where they come from.
    """

    name: str
    title: str
    iri: str
    datasets: int
    feeds: tuple[Feed, ...] = ()

    @property
    def as_of(self) -> str:
        """ISO 8601 time that everything here of it is as new as, or empty where it is not known of one of its feeds."""
        return min((feed.as_of for feed in self.feeds), default="")


@dataclass(frozen=True, slots=True)
class Coverage:
    """All that is searched.

    Attributes:
        archives: most datasets first.
        gaps: what is known to lack, a sentence each; empty where nothing is known to.
        sequence: the log's sequence number that the numbers are true of.
    """

    archives: tuple[Covered, ...]
    gaps: tuple[str, ...]
    sequence: int

    @property
    def datasets(self) -> int:
        """How many datasets are searched."""
        return sum(archive.datasets for archive in self.archives)

    @property
    def oldest(self) -> str:
        """ISO 8601 time that everything is as new as; empty where it is not known of one of the archives."""
        return min((archive.as_of for archive in self.archives), default="")

    @property
    def statement(self) -> str:
        """One sentence: what an answer is complete of."""
        what = f"all {self.datasets:,} datasets that the hub has of {len(self.archives)} archives"
        aged = f", harvested on {self.oldest[:10]} or later" if self.oldest else ""
        lacks = "; some entries are known to lack" if self.gaps else ""
        return f"This answers for {what}{aged}{lacks}. Other archives are not searched."


Feeds = dict[str, list[tuple[str, int]]]
"""Name and number of datasets of the sources of each archive, by the archive's IRI."""


class Sources:
    """Tells what is searched; asks the catalogue anew at most once a minute, a snapshot once. Safe for threads."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[str, float, Coverage] | None = None
        self._counted: tuple[str, Feeds] | None = None

    def of(self, now: Now) -> Coverage:
        """Return what is searched in a snapshot."""
        with self._lock:
            if self._kept is None or self._kept[0] != now.version or self._clock() - self._kept[1] > KEPT_S:
                self._kept = (now.version, self._clock(), self._read(now))
            return self._kept[2]

    def _feeds(self, now: Now) -> Feeds:
        """Return the sources of each archive; none, until it is asked again, where counting them takes too long."""
        if self._counted is None or self._counted[0] != now.version:
            try:
                self._counted = (now.version, _count(now))
            except QueryError:
                logger.warning("the datasets of each source could not be counted", exc_info=True)
                return {}
        return self._counted[1]

    def _read(self, now: Now) -> Coverage:
        feeds = self._feeds(now)
        runs = _runs(self._settings)
        archives = tuple(
            Covered(
                (iri := row["archive"].value).rpartition("/")[2],
                row["name"].value,
                iri,
                int(row["datasets"].value),
                tuple(_feed(source, number, runs) for source, number in feeds.get(iri, [])),
            )
            for row in queries.select(now.pages, "describe/archives")
        )
        return Coverage(archives, tuple(_gaps(archives, self._settings, runs)), now.sequence)


def _count(now: Now) -> Feeds:
    feeds: Feeds = {}
    for row in queries.select(now.pages, "describe/sources"):
        feeds.setdefault(row["archive"].value, []).append((row["source"].value, int(row["datasets"].value)))
    return feeds


def _runs(settings: Settings) -> Mapping[str, Mapping[str, Any]] | None:
    """Return the last run of each source, its age and how many entries stand rejected; None without a catalogue."""
    try:
        log = Log(settings.database)
        try:
            rejected = Counter(source for source, _, _ in log.rejected())
            ages = {one["name"]: {"as_of": one["as_of"], "stale": one["stale"]} for one in freshness(settings, log)}
            unknown = {"as_of": None, "stale": False}
            return {
                name: {**run, **ages.get(name, unknown), "rejected": rejected[name]}
                for name, run in log.last_runs().items()
            }
        finally:
            log.close()
    except (HubError, OSError, sa.exc.SQLAlchemyError):
        return None


def _feed(source: str, datasets: int, runs: Mapping[str, Mapping[str, Any]] | None) -> Feed:
    if runs is None:
        return Feed(source, datasets)
    run = runs.get(source)
    if run is None:
        return Feed(source, datasets, NEVER)
    return Feed(source, datasets, run["state"], run["as_of"] or "", run["stale"], run["rejected"], run["held"])


def _gaps(archives: tuple[Covered, ...], settings: Settings, runs: Mapping[str, Mapping[str, Any]] | None) -> list[str]:
    if runs is None:
        return ["The catalogue cannot be read now, so it is not known when the sources were last harvested."]
    used = {feed.source for archive in archives for feed in archive.feeds}
    known = {name: _feed(name, 0, runs) for name in sorted({*settings.sources, *used})}
    return [sentence for feed in known.values() for sentence in _lacks(feed)]


def _lacks(feed: Feed) -> list[str]:
    """Return what a source is known to lack."""
    found = []
    if feed.state == NEVER:
        found.append(f"{feed.source} was never harvested here.")
    elif feed.state != "done":
        words = {"running": "is under way", "interrupted": "was interrupted"}.get(feed.state, "failed")
        since = f" as of {feed.as_of[:10]}" if feed.as_of else " of runs that did not end"
        found.append(f"The last run of {feed.source} {words}: what is here of it is{since}.")
    if feed.is_stale:
        found.append(f"{feed.source} is overdue: two planned harvests have passed without a complete one.")
    if feed.rejected:
        found.append(f"{feed.rejected:,} entries of {feed.source} have no usable record and are not here.")
    if feed.held:
        found.append(f"{feed.held:,} removals of {feed.source} wait for the operator: these records may be gone there.")
    return found
