"""The command about copies of datasets' files: `hub host <dataset>`, and `hub host list|remove|check|…`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from hub import config
from hub.config import Settings
from hub.errors import ConfigError

if TYPE_CHECKING:
    from hub.copies.hosting import Hosting

out = Console(width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True)
# What may stand in the place of a dataset, and whether something has to follow.
ACTIONS = ("list", "check", "scrub", "repair", "gc", "upkeep", "remove", "discover")
WITH_ARGUMENT = ("remove", "discover")


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(host)


class Options:
    """What was said on the command line."""

    def __init__(self, **said: Any) -> None:
        self.to: str = said["to"]
        self.once: bool = said["once"]
        self.limit: int | None = said["limit"]
        self.max_bytes: int | None = said["max_bytes"]
        self.grace_days: float = said["grace_days"]


def host(
    words: Annotated[
        list[str],
        typer.Argument(metavar="DATASET | ACTION [WHAT]", help=f"<archive>/<accession>, or {', '.join(ACTIONS)}."),
    ],
    to: Annotated[str, typer.Option(help="Store that is to hold the files.")] = "own",
    once: Annotated[bool, typer.Option("--once", help="Believe a file without a checksum after one reading.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="check: this many copies at most.")] = None,
    max_bytes: Annotated[
        int | None, typer.Option("--bytes", min=1, help="scrub: read this many bytes at most.")
    ] = None,
    grace_days: Annotated[float, typer.Option(min=0, help="gc: days for which an unused blob stays.")] = 7.0,
    config_file: Annotated[
        str | None, typer.Option("--config", help="Settings file (default ./hub.toml, or HUB_CONFIG).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Hold copies of a dataset's files, and tell, check and mend what copies there are."""
    settings = config.load(config_file)
    action, what = _parsed(words)
    said = Options(to=to, once=once, limit=limit, max_bytes=max_bytes, grace_days=grace_days)
    told = _COMMANDS[action](settings, what, said)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        for line in _lines(told):
            out.print(line, markup=False, highlight=False, soft_wrap=True)
    if told.get("failed"):
        raise typer.Exit(1)


def _parsed(words: list[str]) -> tuple[str, str]:
    """Return what is to be done, and with what.

    Raises:
        ConfigError: neither an action nor a dataset, or something too much.
    """
    first, *rest = words
    if "/" in first and not rest:
        return "hold", first
    if first not in ACTIONS or len(rest) != (first in WITH_ARGUMENT):
        raise ConfigError(
            f"host: {' '.join(words)!r}: write <archive>/<accession>, or one of {', '.join(ACTIONS)}; "
            "after remove a dataset, after discover a peer, after the others nothing"
        )
    return first, rest[0] if rest else ""


@contextmanager
def _opened(settings: Settings) -> Iterator[Hosting]:
    from hub import ingest
    from hub.copies import hosting

    with hosting.opened(settings, ingest.manners(settings)) as opened:
        yield opened


def _hold(settings: Settings, what: str, said: Options) -> dict[str, Any]:
    from hub.copies.hosting import dataset_iri

    dataset = dataset_iri(settings, what)
    with _opened(settings) as hosting, _progress() as progress:
        return asdict(hosting.host(dataset, said.to, twice=not said.once, progress=progress))


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(words: str, size: int, total: int | None) -> None:
            if words not in tasks:
                tasks[words] = bar.add_task(words[-40:], total=total)
            bar.update(tasks[words], completed=size)

        yield show


def _list(settings: Settings, _what: str, _said: Options) -> dict[str, Any]:
    with _opened(settings) as hosting:
        blobs = hosting.copies.blobs()
        held: dict[str, dict[str, int]] = {name: {"files": 0, "bytes": 0, "bad": 0} for name in hosting.stores}
        for blob in blobs:
            one = held.setdefault(blob.host, {"files": 0, "bytes": 0, "bad": 0})
            one["files"] += 1
            one["bytes"] += blob.size
            one["bad"] += blob.state != "healthy"
        counts = {"held": held, "copies": hosting.copies.counts()}
        return {**counts, "held_bytes": hosting.copies.held_bytes(), "quota_bytes": hosting.quota}


def _check(settings: Settings, _what: str, said: Options) -> dict[str, Any]:
    with _opened(settings) as hosting:
        return {"checked": hosting.check(said.limit or settings.hosting_checks_per_run)}


def _scrub(settings: Settings, _what: str, said: Options) -> dict[str, Any]:
    with _opened(settings) as hosting:
        return asdict(hosting.scrub(said.max_bytes or settings.hosting_scrub_bytes))


def _repair(settings: Settings, _what: str, _said: Options) -> dict[str, Any]:
    with _opened(settings) as hosting:
        return asdict(hosting.repair())


def _gc(settings: Settings, _what: str, said: Options) -> dict[str, Any]:
    with _opened(settings) as hosting:
        outcome = hosting.collect(timedelta(days=said.grace_days))
        return {"removed": outcome.done, "bytes": outcome.bytes}


def _remove(settings: Settings, what: str, _said: Options) -> dict[str, Any]:
    from hub.copies.hosting import dataset_iri

    with _opened(settings) as hosting:
        return {"removed": hosting.remove(dataset_iri(settings, what))}


def _discover(settings: Settings, what: str, _said: Options) -> dict[str, Any]:
    from hub.copies import holdings

    with _opened(settings) as hosting:
        return dict(holdings.discover(hosting, settings, what))


def _upkeep(settings: Settings, _what: str, said: Options) -> dict[str, Any]:
    """Mend what is known to be bad, check, look through, and collect what nobody uses."""
    with _opened(settings) as hosting:
        repaired = hosting.repair()
        checked = hosting.check(said.limit or settings.hosting_checks_per_run)
        scrubbed = hosting.scrub(said.max_bytes or settings.hosting_scrub_bytes)
        removed = hosting.collect(timedelta(days=said.grace_days))
    failed = {**repaired.failed, **scrubbed.failed}
    told = {"repaired": repaired.repaired + scrubbed.repaired, "checked": checked, "scrubbed": scrubbed.read}
    return {**told, "removed": removed.done, "failed": failed}


_COMMANDS: dict[str, Callable[[Settings, str, Options], dict[str, Any]]] = {
    "hold": _hold, "list": _list, "check": _check, "scrub": _scrub, "repair": _repair, "gc": _gc, "remove": _remove,
    "discover": _discover, "upkeep": _upkeep,
}  # fmt: skip


def _lines(told: dict[str, Any]) -> Iterator[str]:
    plain = {name: value for name, value in told.items() if not isinstance(value, dict)}
    if plain:
        yield ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in plain.items())
    for name, value in told.items():
        if isinstance(value, dict):
            yield from (f"{name}: {key}: {_words(one)}" for key, one in value.items())


def _words(one: Any) -> str:
    return ", ".join(f"{number} {what}" for what, number in one.items()) if isinstance(one, dict) else str(one)
