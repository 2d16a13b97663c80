"""The commands about quality findings: `hub findings list|waive|unwaive`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hub import config, findings
from hub.errors import ConfigError
from hub.findings import Filter, FindingRow, Findings
from hub.log import Log

findings_app = typer.Typer(name="findings", help="List quality findings, and waive them.", no_args_is_help=True)
out = Console(width=None if sys.stdout.isatty() else 140)
SHOWN = 100

ConfigOption = Annotated[
    str | None, typer.Option("--config", help="Settings file (default ./hub.toml, or HUB_CONFIG).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
IdArgument = Annotated[str, typer.Argument(help="The finding's id, 16 digits, or its address.")]
ByOption = Annotated[str, typer.Option("--by", help="ORCID or name of the curator.")]
NoteOption = Annotated[str | None, typer.Option("--note", help="Why; it is published with the finding.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(findings_app)


@contextmanager
def _findings(config_file: str | None) -> Iterator[Findings]:
    log = Log(config.load(config_file).database)
    try:
        yield Findings(log)
    finally:
        log.close()


@findings_app.command("list")
def show(
    archive: Annotated[str, typer.Option("--archive", help="Of this archive only.")] = "",
    rule: Annotated[str, typer.Option("--rule", help="Of this rule only.")] = "",
    state: Annotated[str, typer.Option("--state", help="open, fixed, waived or all.")] = "open",
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List findings: the first 100 as a table, or all as JSON."""
    if state not in (*findings.STATES, "all"):
        raise ConfigError(f"--state: {state!r} is not one of {', '.join(findings.STATES)}, all")
    wanted = Filter(archive=archive, rule=rule, state="" if state == "all" else state)
    with _findings(config_file) as known:
        if as_json:
            print(json.dumps([findings.as_dict(row) for row in known.every(wanted)], ensure_ascii=False, indent=1))
            return
        out.print(_table(list(islice(known.page(wanted, SHOWN), SHOWN))))
        _tell(f"{known.count(wanted)} findings" + (f", the first {SHOWN} shown" if known.count(wanted) > SHOWN else ""))


def _table(rows: list[FindingRow]) -> Table:
    table = Table("id", "archive", "accession", "rule", "field", "message", "suggestion", "state")
    for row in rows:
        cells = (row.id, row.archive, row.accession, row.rule, row.field, row.message, row.suggestion or "-", row.state)
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    return table


def _tell(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def _id(what: str) -> str:
    return what.rpartition("/")[2]


@findings_app.command()
def waive(id: IdArgument, by: ByOption, note: NoteOption = None, config_file: ConfigOption = None) -> None:
    """Say that a finding is to stay as it is; it is shown apart from the open ones."""
    with _findings(config_file) as known:
        row = known.waive(_id(id), by, note)
        _tell(f"finding {row.id}: {row.state}")


@findings_app.command()
def unwaive(id: IdArgument, by: ByOption, note: NoteOption = None, config_file: ConfigOption = None) -> None:
    """Take a waiver back."""
    with _findings(config_file) as known:
        row = known.unwaive(_id(id), by, note)
        _tell(f"finding {row.id}: {row.state}")
