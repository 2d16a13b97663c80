"""Trying a source out before it is configured: list it, read it, say what came, keep nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harvesters.contract import Context, Entry, Harvester, RecordError, Source, SourceError
from harvesters.http import Manners, PoliteSession
from harvesters.keep import Keep
from hub import records
from hub.ingest import addresses
from hub.routes import harvester_named
from ontology.archives import ARCHIVES

MAX_TOLD = 400


@dataclass(slots=True)
class Trial:
    """What came of a source.

    Attributes:
        records: how many entries gave a record.
        ids: IRIs of the datasets.
        titles: titles of the first records.
        complete: whether the source was read to its end.
        errors: why it was not, and why entries were rejected.
        withdrawn: how many entries the source calls withdrawn.
        rejected: how many entries gave no record.
        findings: quality problems, counted by rule.
        requests: how many requests it took.
    """

    records: int = 0
    ids: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    complete: bool = False
    errors: list[str] = field(default_factory=list)
    withdrawn: int = 0
    rejected: int = 0
    findings: dict[str, int] = field(default_factory=dict)
    requests: int = 0


def source_of(harvester: str, url: str, archive: str | None, options: Mapping[str, Any]) -> Source:
    """Return a source as a settings table would give it; an archive that the hub does not know gets a plain name."""
    named = archive or (harvester if harvester in ARCHIVES else "trial")
    told = {"archive_title": named, "archive_homepage": url} if named not in ARCHIVES else {}
    return Source("trial", harvester, named, url if "://" in url else str(Path(url).absolute()), {**told, **options})


def run(
    source: Source,
    base_iri: str,
    manners: Manners,
    *,
    limit: int | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> Trial:
    """Read a source and return what came; nothing is stored.

    Args:
        source: the source.
        base_iri: the hub's base IRI.
        manners: how to behave towards the archive.
        limit: read this many entries at most.
        progress: told the number of entries so far.

    Raises:
        ConfigError: there is no such harvester.
    """
    harvester = harvester_named(source.harvester)
    trial = Trial()
    with (
        tempfile.TemporaryDirectory(prefix="hub-try-") as folder,
        PoliteSession(manners, keep=Keep(Path(folder)), private=addresses(source)) as http,
    ):
        context = Context(base_iri, source, http.open)
        try:
            for number, entry in enumerate(harvester.entries(http, source)):
                if number == limit:
                    break
                _read(trial, harvester, http, entry, context)
                progress(number + 1)
            else:
                trial.complete = True
        except SourceError as err:
            _tell(trial, str(err))
        trial.requests = http.requests
    return trial


def _read(trial: Trial, harvester: Harvester, http: PoliteSession, entry: Entry, context: Context) -> None:
    if entry.withdrawal is not None:
        trial.withdrawn += 1
        return
    try:
        raw = entry.payload if entry.payload is not None else harvester.fetch(http, context.source, entry)
        harvested = harvester.transform(raw, entry, context)
        record = records.canonical(harvested.record)
    except (RecordError, SourceError, ValueError) as err:
        trial.rejected += 1
        _tell(trial, f"{entry.key}: {err}")
        return
    trial.records += 1
    trial.ids.append(record.id)
    if len(trial.titles) < MAX_TOLD:
        trial.titles.append(record.name[:200])
    for finding in harvested.findings:
        trial.findings[finding.rule] = trial.findings.get(finding.rule, 0) + 1


def _tell(trial: Trial, error: str) -> None:
    if len(trial.errors) < MAX_TOLD:
        trial.errors.append(error[:300])
