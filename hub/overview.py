"""How the hub is: what is published, how fresh its sources are, and how their runs went."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from hub import review, schedule, snapshots
from hub.config import Settings
from hub.errors import ConfigError, NotFoundError
from hub.feeds import webhooks
from hub.links.catalogue import Links
from hub.log import Log, Report, entries, runs

COUNTS: Final = ("listed", "new", "changed", "unchanged", "deleted", "held", "rejected", "findings")


def overview(settings: Settings) -> dict[str, Any]:
    """Return what is published, what is found in it, and how every source is.

    That is: the snapshot and how the saved questions went on it, the number of records by state, what each link rule
    found, and of every source its last run, its freshness and its rejections.
    """
    log = Log(settings.database)
    try:
        counts, sequence = log.counts(), log.last_sequence()
        rejected = log.rejected()
        links = Links(log).counts()
        fresh = freshness(settings, log)
        failing = webhooks.notices(settings, log)
    finally:
        log.close()
    snapshot = snapshots.current_or_none(settings.snapshots_dir)
    found = review.kept(snapshot) if snapshot else None
    return {
        "snapshot": snapshots.manifest(snapshot) if snapshot else None,
        "questions": asdict(found) if found else None,
        "sequence": sequence,
        "records": counts,
        "links": links,
        "webhooks": failing,
        "sources": [
            {**source, "rejected": [_rejection(key, why) for name, key, why in rejected if name == source["name"]]}
            for source in fresh
        ],
    }


def freshness(settings: Settings, log: Log, now: datetime | None = None) -> list[dict[str, Any]]:
    """Return of every configured source, by name, how old what it said is.

    Each has ``name``, ``archive``, ``harvester``, ``schedule``, ``last_run``, ``adds_up`` (of the last run's report),
    ``as_of`` (when the last complete run began; ISO 8601, None if there was none), ``age_s``, ``next_run`` (by its
    schedule) and ``stale``: two planned harvests have passed since without a complete run.
    """
    moment = now or datetime.now(UTC)
    last, complete = log.last_runs(), _last_complete(log)
    return [
        {
            "name": name,
            "archive": source.archive,
            "harvester": source.harvester,
            "schedule": settings.schedules.get(name),
            "last_run": last.get(name),
            "adds_up": _adds_up(last.get(name)),
            **_age(name, settings.schedules.get(name), complete.get(name), last.get(name), moment),
        }
        for name, source in sorted(settings.sources.items())
    ]


def source_status(settings: Settings, name: str, page: int, per_page: int) -> dict[str, Any]:
    """Return how one source is, a page of its runs (the newest first), and a page of its rejected entries.

    A source that is no longer configured is told of for as long as there are runs of it.

    Raises:
        NotFoundError: there is no such source.
    """
    log = Log(settings.database)
    try:
        known = next((source for source in freshness(settings, log) if source["name"] == name), None)
        past, number = runs_of(log, name, page, per_page), _count(log, runs.c.source == name, runs)
        if known is None and not number:
            raise NotFoundError(f"there is no source {name[:80]!r}; /status has them all")
        refused = (entries.c.source == name) & entries.c.rejected.is_not(None)
        with log.engine.connect() as db:
            query = sa.select(entries.c.key, entries.c.rejected).where(refused).order_by(entries.c.key)
            rejected = [_rejection(*row) for row in db.execute(query.limit(per_page).offset((page - 1) * per_page))]
        return {
            "source": known or {"name": name, "archive": None, "harvester": None, "last_run": log.last_runs()[name]},
            "runs": past,
            "run_count": number,
            "rejected": rejected,
            "rejected_count": _count(log, refused, entries),
            "page": page,
        }
    finally:
        log.close()


def runs_of(log: Log, source: str, page: int, per_page: int) -> list[dict[str, Any]]:
    """Return a page of a source's runs, the newest first, each with its counts and whether they add up."""
    query = sa.select(runs).where(runs.c.source == source).order_by(runs.c.number.desc())
    with log.engine.connect() as db:
        rows = db.execute(query.limit(per_page).offset((page - 1) * per_page)).mappings()
        found = [{**{k: v for k, v in row.items() if k != "report"}, **json.loads(row["report"])} for row in rows]
    return [{**run, "adds_up": _adds_up(run)} for run in found]


def _count(log: Log, which: sa.ColumnElement[bool], table: sa.Table) -> int:
    with log.engine.connect() as db:
        return int(db.scalar(sa.select(sa.func.count()).select_from(table).where(which)) or 0)


def _rejection(key: str, reasons: str) -> dict[str, Any]:
    return {"entry": key, "reasons": json.loads(reasons)}


def _last_complete(log: Log) -> dict[str, str]:
    """Return when the last complete run of each source began."""
    query = sa.select(runs.c.source, sa.func.max(runs.c.started)).where(runs.c.state == "done").group_by(runs.c.source)
    with log.engine.connect() as db:
        return {str(source): str(started) for source, started in db.execute(query)}


def _adds_up(run: dict[str, Any] | None) -> bool | None:
    return Report(**{name: run[name] for name in Report.__slots__}).adds_up() if run else None


def _age(
    name: str, planned: str | None, complete: str | None, last: dict[str, Any] | None, now: datetime
) -> dict[str, Any]:
    as_of = datetime.fromisoformat(complete) if complete else None
    when = _trigger(name, planned)
    ended = datetime.fromisoformat(last["ended"]) if last and last["ended"] else None
    return {
        "as_of": complete,
        "age_s": max(0, int((now - as_of).total_seconds())) if as_of else None,
        "next_run": _iso(_after(when, ended or now, now)) if when else None,
        "stale": when is not None and (as_of is None or _missed_two(when, as_of, now)),
    }


def _trigger(name: str, planned: str | None) -> BaseTrigger | None:
    try:
        return schedule.trigger(name, planned) if planned else None
    except ConfigError:
        return None


def _fires(when: BaseTrigger, before: datetime | None, moment: datetime) -> datetime | None:
    found: datetime | None = when.get_next_fire_time(before, moment)
    return found


def _after(when: BaseTrigger, moment: datetime, now: datetime) -> datetime | None:
    """Return the first planned run after a moment that is not past already."""
    if isinstance(when, IntervalTrigger):
        return max(now, _later(when, moment))
    return _fires(when, None, now)


def _missed_two(when: BaseTrigger, as_of: datetime, now: datetime) -> bool:
    if isinstance(when, IntervalTrigger):
        return now > _later(when, _later(when, as_of))
    first = _fires(when, None, as_of + timedelta(seconds=1))
    second = _fires(when, first, first + timedelta(seconds=1)) if first else None
    return second is not None and now > second


def _later(when: IntervalTrigger, moment: datetime) -> datetime:
    interval: timedelta = when.interval
    return moment + interval


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
