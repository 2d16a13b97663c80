"""The commands about links: `hub links …`, `hub curator token` and `hub status`."""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from hub import config
from hub.config import Settings
from hub.errors import NotFoundError
from hub.links import verdicts
from hub.links.catalogue import LinkRow, Links, Verdict
from hub.log import Log

links_app = typer.Typer(name="links", help="Find links, show them, accept, reject or add them.", no_args_is_help=True)
curator_app = typer.Typer(name="curator", help="Tokens for curators.", no_args_is_help=True)
out = Console(width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True)

ConfigOption = Annotated[
    str | None, typer.Option("--config", help="Settings file (default ./hub.toml, or HUB_CONFIG).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
LinkArgument = Annotated[str, typer.Argument(help="The link's id, 16 digits, or its IRI.")]
ByOption = Annotated[str, typer.Option("--by", help="ORCID or name of the curator.")]
NoteOption = Annotated[str | None, typer.Option("--note", help="Why; it is published with the link.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(links_app)
    app.add_typer(curator_app)
    app.command()(status)


@contextmanager
def _links(settings: Settings) -> Iterator[tuple[Log, Links]]:
    log = Log(settings.database)
    try:
        yield log, Links(log)
    finally:
        log.close()


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def _tell(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)


@links_app.command()
def update(
    full: Annotated[bool, typer.Option("--full", help="Compare every record anew.")] = False,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the links up to the records, rules, reference tables and verdicts, and publish them."""
    from hub import maintenance

    settings = config.load(config_file)
    with Progress(
        SpinnerColumn(), TextColumn("{task.description} {task.completed}"), console=err, transient=True
    ) as bar:
        tasks = {stage: bar.add_task(stage, total=None) for stage in ("records", "blocks")}
        done = maintenance.update_links(settings, full=full, progress=lambda stage, n: bar.advance(tasks[stage], n))
    if as_json:
        _print_json(asdict(done))
    else:
        _tell(f"{done.records} records and {done.blocks} blocks compared, {done.changes} changes of links")
        for name, error in done.errors.items():
            err.print(f"rule {name} failed, its links stand: {error}", style="red", markup=False, soft_wrap=True)
    if done.errors:
        raise typer.Exit(1)


@links_app.command()
def show(
    what: Annotated[str, typer.Argument(help="An accession, the IRI of anything, or the id of a link.")],
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the links of a thing: what, by which rule, how sure, and why."""
    settings = config.load(config_file)
    with _links(settings) as (log, links):
        found = _found(log, links, what, settings.base_iri)
        if not found:
            raise NotFoundError(f"{what}: there is no link of that; write an accession, an IRI or the id of a link")
        if as_json:
            _print_json([_as_json(row, links) for row in found])
        else:
            out.print(_table(found, settings.base_iri))


def _found(log: Log, links: Links, what: str, base: str) -> list[LinkRow]:
    """Return the links of an accession, an IRI or an id; those of records' own nodes too."""
    one = links.link(_id(what))
    if one is not None:
        return [one]
    found = {row.id: row for row in links.about(what)}
    for record in log.having_accession(what):
        for row in (*links.about(record.iri), *links.resting_on(record.source, record.accession)):
            found[row.id] = row
    return list(found.values())


def _id(what: str) -> str:
    return what.rpartition("/link/")[2]


def _as_json(row: LinkRow, links: Links) -> dict[str, Any]:
    said = {**asdict(row), "evidence": json.loads(row.evidence), "records": json.loads(row.records)}
    return {**said, "verdicts": [asdict(v) for v in links.verdicts_on(row.statement)]}


def _table(rows: list[LinkRow], base: str) -> Table:
    table = Table("id", "subject", "predicate", "object", "rule", "confidence", "status", "evidence", show_lines=True)
    for row in rows:
        ends = (row.subject.removeprefix(base), row.predicate.rpartition("/")[2], row.object.removeprefix(base))
        sure = "-" if row.confidence is None else f"{row.confidence:.2f}"
        table.add_row(*(_plain(v) for v in (row.id, *ends, row.rule, sure, row.status, _reasons(row))))
    return table


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _reasons(row: LinkRow) -> str:
    said = json.loads(row.evidence)
    if isinstance(said, dict):
        return f"{said['field']}: {said['message']}"
    return "\n".join(_reason(reason) for reason in said[:5]) + ("\n…" if len(said) > 5 else "")


def _reason(reason: dict[str, Any]) -> str:
    told = f"{reason['field']}: {str(reason['value'])[:80]}"
    told += f" = {str(reason['matched'])[:80]}" if reason.get("matched") else ""
    told += f" ({reason['source']})" if reason.get("source") else ""
    return told + (f" “{reason['quote'][:160]}”" if reason.get("quote") else "")


# --- verdicts


def _judge(config_file: str | None, link: str, verdict: str, by: str, note: str | None) -> None:
    with _links(config.load(config_file)) as (_, links):
        _told(verdicts.judge(links, _id(link), verdict, by, note))


def _told(verdict: Verdict) -> None:
    _tell(f"verdict {verdict.number}: {verdict.verdict} by {verdict.attributed_to}; {verdicts.FOLLOWS}")


@links_app.command()
def accept(link: LinkArgument, by: ByOption, note: NoteOption = None, config_file: ConfigOption = None) -> None:
    """Say that a link is right; a candidate becomes a fact."""
    _judge(config_file, link, "accept", by, note)


@links_app.command()
def reject(link: LinkArgument, by: ByOption, note: NoteOption = None, config_file: ConfigOption = None) -> None:
    """Say that a link is wrong; it stays out of facts and candidates."""
    _judge(config_file, link, "reject", by, note)


@links_app.command()
def withdraw(link: LinkArgument, by: ByOption, note: NoteOption = None, config_file: ConfigOption = None) -> None:
    """Take back what was said of a link."""
    _judge(config_file, link, "withdraw", by, note)


@links_app.command()
def add(
    subject: Annotated[str, typer.Argument(help="IRI of what the link starts from.")],
    predicate: Annotated[str, typer.Argument(help="IRI of what it says.")],
    obj: Annotated[str, typer.Argument(metavar="OBJECT", help="IRI of what it leads to.")],
    by: ByOption,
    note: NoteOption = None,
    config_file: ConfigOption = None,
) -> None:
    """Add a link that no rule finds."""
    with _links(config.load(config_file)) as (_, links):
        verdict = verdicts.add(links, (subject, predicate, obj), by, note)
        _told(verdict)
        _tell(f"link {verdicts.curated_id(verdict)}")


@curator_app.command()
def token() -> None:
    """Print a fresh token, and the hash of it for the settings."""
    fresh = secrets.token_urlsafe(32)
    _tell(f"token:        {fresh}")
    _tell(f"token_sha256: {hashlib.sha256(fresh.encode()).hexdigest()}")


# --- status


def status(config_file: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Tell what is published, how the last runs went, and what the link rules found."""
    from hub.overview import overview

    known = overview(config.load(config_file))
    if as_json:
        _print_json(known)
        return
    snapshot = known["snapshot"]
    published = f"{snapshot['created']}, {snapshot['quads']} statements" if snapshot else "nothing yet"
    _tell(f"published: {published}")
    _tell(f"change: {known['sequence']} in the log, {snapshot['sequence'] if snapshot else 0} published")
    _tell("records: " + ", ".join(f"{number} {state}" for state, number in known["records"].items()))
    for source in known["sources"]:
        run = source["last_run"] or {}
        _tell(f"source {source['name']}: {run.get('state', 'never run')} {run.get('ended') or ''}".rstrip())
    numbers = ("facts", "candidates", "rejected", "findings", "too_large_blocks", "failures", "waiting")
    table = Table("rule", "finds", *(name.replace("_", " ") for name in numbers))
    for rule in known["links"]:
        table.add_row(rule["rule"], rule["title"], *(str(rule[name]) for name in numbers))
    out.print(table)
