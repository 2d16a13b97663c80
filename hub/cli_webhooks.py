"""The commands about subscribers: `hub webhooks …`."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hub import config
from hub.errors import HubError
from hub.feeds import webhooks
from hub.log import Log

webhooks_app = typer.Typer(name="webhooks", help="Subscribers that are sent what changes.", invoke_without_command=True)
out = Console(width=None if sys.stdout.isatty() else 140)

ConfigOption = Annotated[
    str | None, typer.Option("--config", help="Settings file (default ./hub.toml, or HUB_CONFIG).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Name = Annotated[str, typer.Argument(help="Name of a subscriber.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(webhooks_app)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1))


def _tell(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)


@webhooks_app.callback()
def show(context: typer.Context, config_file: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Tell how far each subscriber has come, and who takes nothing."""
    if context.invoked_subcommand is not None:
        return
    settings = config.load(config_file)
    with closing(Log(settings.database)) as log:
        told = webhooks.overview(settings, log)
    if as_json:
        _print_json(told)
        return
    table = Table("webhook", "read to", "behind", "delivered", "failing since", "next try", "stopped", "error")
    for one in told:
        cells = (one["delivered"], one["failing_since"], one["next_try"], one["stopped"], one["error"])
        table.add_row(one["name"], f"{one['cursor']:,}", f"{one['behind']:,}", *(cell or "-" for cell in cells))
    out.print(table)


@webhooks_app.command()
def deliver(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Names; all if none.")] = None,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send now what subscribers have not taken yet; exit 1 when one does not take it."""
    outcomes = webhooks.deliver(config.load(config_file), names or ())
    if as_json:
        _print_json([asdict(one) for one in outcomes])
    else:
        for one in outcomes:
            failed = f": {one.error}" if one.error else ""
            _tell(f"{one.name} took {one.events:,} changes, to {one.cursor:,}, {one.behind:,} behind{failed}")
    if any(one.error for one in outcomes):
        raise typer.Exit(1)


@webhooks_app.command("test")
def trial(name: Name, config_file: ConfigOption = None) -> None:
    """Send a subscriber an event that tells of no change."""
    if error := webhooks.trial(config.load(config_file), name):
        raise HubError(f"{name}: {error}")
    _tell(f"{name} took the test")


@webhooks_app.command()
def resume(
    name: Name,
    since: Annotated[int | None, typer.Option(help="Begin after this change of the log, 0 for all.")] = None,
    config_file: ConfigOption = None,
) -> None:
    """Try a subscriber again that was stopped, or begin at another place of the log."""
    state = webhooks.resume(config.load(config_file), name, since)
    _tell(f"{name} goes on after change {state.cursor:,} with the next publication, or `hub webhooks deliver`")
