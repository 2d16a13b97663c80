"""The commands about other hubs: `hub peers …`, `hub mirror` and `hub verify`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from hub import config
from hub.config import Settings
from hub.errors import ConfigError, LockedError
from hub.log import Log
from hub.peers import keys
from hub.peers.overview import overview
from hub.peers.trust import Trust

if TYPE_CHECKING:
    from hub.peers.mirror import Outcome

peers_app = typer.Typer(name="peers", help="Hubs that this one mirrors.", invoke_without_command=True)
out = Console(width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True)
# With --follow, peers are asked so often what is new.
FOLLOW_S = 60.0

ConfigOption = Annotated[
    str | None, typer.Option("--config", help="Settings file (default ./hub.toml, or HUB_CONFIG).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(peers_app)
    app.command()(mirror)
    app.command()(verify)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def _tell(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def _complain(text: str) -> None:
    err.print(text, style="red", markup=False, highlight=False, soft_wrap=True)


@peers_app.callback()
def peers(context: typer.Context, config_file: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Tell how this hub stands with its peers: what it holds of whom, whether they agree, what was refused."""
    if context.invoked_subcommand is not None:
        return
    settings = config.load(config_file)
    with closing(Log(settings.database)) as log:
        told = overview(log, settings)
    if as_json:
        _print_json(told)
        return
    _tell(f"{told['name']} at {told['sequence']:,}, key {told['key']}")
    owners = Table("owner", "records", "change", "came by")
    for owner in told["owners"]:
        ways = "; ".join(" > ".join(way["hops"]) or "own" for way in owner["ways"])
        owners.add_row(owner["name"], f"{owner['records']:,}", f"{owner['sequence']:,}", ways)
    hubs = Table("peer", "url", "read to", "seen", "agreed", "error")
    for peer in told["peers"]:
        agreed = ", ".join(f"{hub} {verdict}" for hub, verdict in (peer["agreed"] or {}).items())
        row = (peer["name"], peer["url"], f"{peer['cursor']:,}", peer["seen"], agreed, peer["error"])
        hubs.add_row(*(value or "-" for value in row))
    out.print(owners, hubs)
    for one in told["refused"]:
        _complain(f"{one['peer']} {one['kind']}, {one['times']} times, last {one['last_seen']}: {one['message']}")


@peers_app.command()
def key(config_file: ConfigOption = None) -> None:
    """Print this hub's public key, as other hubs write it into their settings."""
    print(keys.own(config.load(config_file).key_file).public)


@peers_app.command()
def trust(
    name: Annotated[str, typer.Argument(help="Name of a hub.")],
    config_file: ConfigOption = None,
) -> None:
    """Settle what was refused of a hub after its operator explained it, and compare everything with it anew."""
    from hub.peers import mirror as mirroring

    settings = config.load(config_file)
    with closing(Log(settings.database)) as log:
        mirroring.settle(Trust(log, settings), log, name)
    _tell(f"{name} is believed again; `hub mirror {name}` compares everything")


def mirror(
    names: Annotated[list[str] | None, typer.Argument(metavar="[PEER]...", help="Names or addresses.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on asking what is new, until interrupted.")] = False,
    from_dump: Annotated[bool, typer.Option("--from-dump", help="Begin with the newest dump again.")] = False,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mirror peers: their newest dump, then their log; all configured ones when none is named."""
    settings = config.load(config_file)
    wanted = names or sorted(settings.peers)
    if not wanted:
        raise ConfigError("peers: there are none: write [peers.<name>] with url and key into the settings")
    outcomes = _mirror(settings, wanted, from_dump)
    _print_outcomes(outcomes, as_json)
    while follow:
        time.sleep(FOLLOW_S)
        try:
            _print_outcomes(_mirror(settings, wanted, False), as_json)
        except LockedError as error:
            _complain(str(error))
    if any(one.error or one.refused for one in outcomes):
        raise typer.Exit(1)


def _mirror(settings: Settings, names: list[str], from_dump: bool) -> list[Outcome]:
    from hub.peers import mirror as mirroring

    with _progress() as bar:
        task = bar.add_task("mirror", total=None)

        def show(peer: str, report: Any) -> None:
            bar.update(task, description=peer, completed=report.listed)

        return mirroring.mirror(settings, names, from_dump=from_dump, progress=show)


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed}"))
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        yield bar


def _print_outcomes(outcomes: list[Outcome], as_json: bool) -> None:
    if as_json:
        _print_json([asdict(one) for one in outcomes])
        return
    for one in outcomes:
        report = one.report
        counts = f"{report.new} new, {report.changed} changed, {report.unchanged} known, {report.rejected} refused"
        agreed = ", ".join(f"{hub} {verdict}" for hub, verdict in one.agreed.items()) or "nothing compared"
        _tell(f"{one.peer} to {one.sequence:,}: {counts}; {agreed}")
        for refusal in one.refused:
            _complain(f"{refusal.peer} {refusal.kind}: {refusal.message}")
        if one.error:
            _complain(f"{one.peer} stopped: {one.error}")


def verify(
    what: Annotated[list[str], typer.Argument(metavar="HUB...", help="A peer, an address, or a dump's folder.")],
    owner: Annotated[list[str] | None, typer.Option(help="Compare only this hub's records.")] = None,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell whether this hub and another one, or two others, hold the same; exit 1 when they do not."""
    from hub.peers import verify as verifying

    if len(what) > 2:
        raise ConfigError(f"these are {len(what)} hubs: name one to compare with this hub, or two")
    found = verifying.verify(config.load(config_file), what, owner or ())
    if as_json:
        _print_json({"identical": found.is_identical, **asdict(found)})
    else:
        _tell(found.text())
        for one in found.differences:
            _tell(f"  {one.owner} {one.source}/{one.accession}: {one.what}")
    if not found.is_identical:
        raise typer.Exit(1)
