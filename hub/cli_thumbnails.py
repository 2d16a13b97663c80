"""The command about copies of example images: `hub thumbnails status|update`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console

from hub import config

out = Console(width=None if sys.stdout.isatty() else 140)


class Action(StrEnum):
    """What `hub thumbnails` does."""

    STATUS = "status"
    UPDATE = "update"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(thumbnails)


def thumbnails(
    action: Annotated[Action, typer.Argument(help="status, or update.")] = Action.STATUS,
    limit: Annotated[int | None, typer.Option(min=1, help="Ask this many addresses at most.")] = None,
    config_file: Annotated[
        str | None, typer.Option("--config", help="Settings file (default ./hub.toml, or HUB_CONFIG).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Tell how the hub's copies of example images are, or make those that are due."""
    from hub import ingest, thumbnail_copies

    settings = config.load(config_file)
    told: dict[str, Any]
    if action is Action.STATUS:
        told = asdict(thumbnail_copies.status(settings))
    else:
        private = [address for source in settings.sources.values() for address in ingest.addresses(source)]
        asked = limit or settings.thumbnails_per_run
        told = asdict(thumbnail_copies.update(settings, ingest.manners(settings), private, asked))
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    for line in _lines(told):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _lines(told: dict[str, Any]) -> list[str]:
    if "states" not in told:
        return [", ".join(f"{number} {name}" for name, number in told.items())]
    states = ", ".join(f"{number} {state}" for state, number in sorted(told["states"].items())) or "no addresses yet"
    lines = [f"{states}; {told['due']} due; {told['kept']} dead ones still have a copy"]
    return lines + [f"  {number} × {reason}" for reason, number in told["reasons"]]
