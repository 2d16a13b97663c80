"""The command line: each command is a thin shell over a library function.

Errors are one clear sentence on standard error and exit status 1 (2 for wrong usage); results go to standard output,
with ``--json`` as one JSON document.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from enum import StrEnum
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from hub import (
    cli_dumps,
    cli_export,
    cli_findings,
    cli_host,
    cli_links,
    cli_peers,
    cli_redact,
    cli_search,
    cli_thumbnails,
    cli_webhooks,
    config,
)
from hub.config import Settings
from hub.errors import ConfigError, HubError
from hub.log import Report

if TYPE_CHECKING:
    from hub.trial import Trial

app = typer.Typer(
    name="hub",
    help="The federated linked-data metadata hub for public bioimage archives.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True)

ConfigOption = Annotated[
    str | None, typer.Option("--config", help="Settings file (default ./hub.toml, or HUB_CONFIG).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def main() -> NoReturn:
    """Run the command line and exit."""
    try:
        app()
    except HubError as error:
        _say(f"error: {error}")
        sys.exit(1)
    except OSError as error:
        _say(f"error: {error.filename or ''}: {error.strerror or error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def _say(text: str, style: str = "red") -> None:
    """Print one line for people on standard error, whatever characters are in it."""
    err.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1, default=str))


@app.command()
def sources(config_file: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the configured sources, and how their last runs went."""
    from hub.overview import overview

    known = overview(config.load(config_file))["sources"]
    if as_json:
        _print_json(known)
        return
    table = Table("source", "archive", "harvester", "schedule", "last run", "state")
    for source in known:
        run = source["last_run"] or {}
        row = (source["name"], source["archive"], source["harvester"], source["schedule"])
        table.add_row(*(str(v or "-") for v in (*row, run.get("ended"), run.get("state"))))
    out.print(table)


@app.command()
def harvest(
    names: Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Sources to harvest.")] = None,
    all_sources: Annotated[bool, typer.Option("--all", help="Harvest every configured source.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Read every payload again, changed or not.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="Let more records vanish than the guard allows.")] = False,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Harvest sources, and publish what they say."""
    settings = config.load(config_file)
    wanted = sorted(settings.sources) if all_sources else names or []
    if not wanted:
        raise ConfigError(f"name a source or say --all; there are {', '.join(sorted(settings.sources)) or 'none'}")
    outcomes = _harvest(settings, wanted, full=full, confirm=confirm)
    if as_json:
        _print_json([{"source": o.source, **asdict(o.report), "error": o.error} for o in outcomes])
    else:
        _print_reports(outcomes)
    if any(o.error for o in outcomes):
        raise typer.Exit(1)


def _harvest(settings: Settings, names: list[str], *, full: bool = False, confirm: bool = False) -> list[Any]:
    from hub import ingest, review

    with _progress() as bar:
        task = bar.add_task("harvest", total=None)

        def show(source: str, report: Report) -> None:
            bar.update(task, description=source, completed=report.listed)

        outcomes = ingest.harvest(settings, names, full=full, confirm=confirm, progress=show)
        bar.update(task, description="saved questions")
        found = review.after_harvest(settings)
    for complaint in found.complaints if found else ():
        _say(complaint, "yellow")
    return outcomes


@app.command(name="try")
def try_source(
    harvester: Annotated[str, typer.Argument(help="Name of a harvester, e.g. crates or oai.")],
    url: Annotated[str, typer.Argument(help="URL or folder of the source.")],
    archive: Annotated[str | None, typer.Option(help="Archive that owns what is listed, e.g. bia.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="An option of the harvester as KEY=VALUE.")] = None,
    limit: Annotated[int | None, typer.Option(help="Read this many entries at most.")] = None,
    time_limit: Annotated[float, typer.Option(help="Longest time for one answer, in seconds.")] = 10.0,
    report: Annotated[Path | None, typer.Option(help="Write what came to a JSON file.")] = None,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try a source out: list it, read it, say what came, and keep nothing."""
    from hub import ingest, trial

    settings = config.load(config_file)
    source = trial.source_of(harvester, url, archive, _options(option or []))
    usual = ingest.manners(settings)
    timeout_s = min(time_limit, usual.timeout_s)
    manners = replace(usual, timeout_s=timeout_s, deadline_s=time_limit, max_wait_s=time_limit / 4, retries=2)
    with _progress() as bar:
        task = bar.add_task(harvester, total=limit)
        found = trial.run(
            source, settings.base_iri, manners, limit=limit, progress=lambda n: bar.update(task, completed=n)
        )
    said = asdict(found)
    if report is not None:
        report.write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8", errors="replace")
    if as_json:
        _print_json(said)
    else:
        _print_trial(found)
    if not found.complete and limit is None:
        raise typer.Exit(1)


def _options(pairs: list[str]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise ConfigError(f"--option {pair}: write KEY=VALUE")
    return dict(pair.split("=", 1) for pair in pairs)


def _print_trial(found: Trial) -> None:
    for title in found.titles[:10]:
        out.print(f"  {title}", markup=False, highlight=False, soft_wrap=True)
    counts = f"{found.records} records, {found.rejected} rejected, {found.withdrawn} withdrawn"
    out.print(f"{counts}; {found.requests} requests", highlight=False)
    for rule, count in sorted(found.findings.items()):
        out.print(f"  {count} findings: {rule}", markup=False, highlight=False)
    for error in found.errors[:10]:
        _say(error)


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        yield bar


def _print_reports(outcomes: list[Any]) -> None:
    names = list(asdict(Report()))
    table = Table("source", *names)
    for column in table.columns[1:]:
        column.justify = "right"
    for outcome in outcomes:
        table.add_row(outcome.source, *(f"{v:g}" for v in asdict(outcome.report).values()))
    out.print(table)
    for outcome in outcomes:
        if outcome.error:
            _say(f"{outcome.source} stopped: {outcome.error}")
        if outcome.report.held:
            held = f"{outcome.source}: {outcome.report.held} records vanished and are held"
            _say(f"{held}; if that is right, run again with --confirm", "yellow")


@app.command()
def serve(
    bundle: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A hub in one file.")] = None,
    key: Annotated[str, typer.Option(help="Public key of the hub that must have signed the file.")] = "",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8080,
    config_file: ConfigOption = None,
) -> None:
    """Serve pages and SPARQL, and harvest by timetable, until interrupted; of a hub in one file, serve only."""
    from hub.serve import serve as run

    _log_to_stderr()
    if bundle is not None:
        config_file = cli_dumps.unpacked(bundle, key)
    settings = config.load(config_file)
    run(settings, config_file, host, port)


@app.command()
def query(
    text: Annotated[str, typer.Argument(help="A SPARQL query, or @FILE, or - for standard input.")],
    fmt: Annotated[
        str, typer.Option("--format", help="csv, tsv, json, xml; for graphs turtle, nt, rdfxml, jsonld.")
    ] = "",
    config_file: ConfigOption = None,
) -> None:
    """Ask the published graph a question."""
    from hub.ask import ask

    for chunk in ask(config.load(config_file), _text(text), fmt):
        sys.stdout.buffer.write(chunk)


def _text(argument: str) -> str:
    if argument == "-":
        return sys.stdin.read()
    if not argument.startswith("@"):
        return argument
    try:
        return Path(argument[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{argument[1:]} cannot be read: {error}") from error


@app.command()
def submit(
    documents: Annotated[list[Path] | None, typer.Argument(help="Documents: JSON, RO-Crate, TSV or XLSX.")] = None,
    source: Annotated[str, typer.Option(help="Name of the submissions source.")] = "submissions",
    dry_run: Annotated[bool, typer.Option("--check", help="Only tell what would happen.")] = False,
    template: Annotated[Path | None, typer.Option(help="Write an empty form (.tsv or .xlsx) to fill in.")] = None,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check submission documents and publish those without errors, or write an empty form."""
    from hub import submit as submissions

    if template is not None:
        submissions.write_template(template)
        _say(f"{template}: fill it in, then `hub submit {template}`", "bold")
        return
    verdicts = submissions.submit(config.load(config_file), source, documents or [], dry_run=dry_run)
    if as_json:
        _print_json([asdict(v) for v in verdicts])
    else:
        for verdict in verdicts:
            out.print(verdict.text(), markup=False, highlight=False, soft_wrap=True)
    if any(v.errors for v in verdicts):
        raise typer.Exit(1)


class ReferencesAction(StrEnum):
    """What `hub references` does."""

    LIST = "list"
    UPDATE = "update"


@app.command()
def references(
    action: Annotated[ReferencesAction, typer.Argument(help="list, or update.")],
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="References to update.")] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Take a copy that has far fewer rows.")] = False,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List reference data such as ontologies, or download what changed of it."""
    from hub import maintenance

    settings = config.load(config_file)
    if action is ReferencesAction.LIST:
        _print_references(maintenance.known_references(settings), as_json)
        return
    outcomes = maintenance.update_references(settings, names or [], confirm=confirm)
    if as_json:
        _print_json([asdict(o) for o in outcomes])
    else:
        for outcome in outcomes:
            if outcome.error:
                _say(f"{outcome.name} is not updated: {outcome.error}")
            else:
                line = f"{outcome.name}: {outcome.state}, version {outcome.version or 'unknown'}, {outcome.rows}"
                out.print(line, markup=False, highlight=False, soft_wrap=True)
    if any(o.error for o in outcomes):
        raise typer.Exit(1)


def _print_references(known: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        _print_json(known)
        return
    columns = ("name", "kind", "format", "version", "licence", "retrieved")
    table = Table(*columns, "rows")
    for reference in known:
        rows = ", ".join(f"{count} {name}" for name, count in (reference["rows"] or {}).items())
        table.add_row(*(str(reference[column] or "-") for column in columns), rows or "-")
    out.print(table)


@app.command()
def check(config_file: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Compare log, payloads and published graph; exit 1 when something does not fit."""
    from hub import maintenance

    found = maintenance.check(config.load(config_file))
    if as_json:
        _print_json(asdict(found))
    else:
        for name, value in found.facts.items():
            _print_fact(name, value)
        for problem in found.problems:
            _say(problem)
        out.print("no problems" if not found.problems else f"{len(found.problems)} problems")
    if found.problems:
        raise typer.Exit(1)


def _print_fact(name: str, value: Any) -> None:
    """Print a fact on one line, a fact of many things (genes by dataset) on a line for each."""
    if isinstance(value, dict) and any(isinstance(part, dict) for part in value.values()):
        for thing, counts in value.items():
            told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
            out.print(f"{name} of {thing}: {told}", markup=False, highlight=False, soft_wrap=True)
    else:
        out.print(f"{name}: {value}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def rebuild(
    transform: Annotated[bool, typer.Option("--transform", help="Read the kept payloads again first.")] = False,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the graph anew from the log and publish it."""
    from hub import maintenance, snapshots

    with _progress() as bar:
        task = bar.add_task("changes", total=None)
        snapshot = maintenance.rebuild(
            config.load(config_file), transform=transform, progress=lambda n: bar.advance(task, n)
        )
    if as_json:
        _print_json(snapshots.manifest(snapshot))
    else:
        out.print(f"published change {snapshot.sequence}: {snapshot.quads} statements", highlight=False)


@app.command()
def dump(
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    fmt: Annotated[str, typer.Option("--format", help="nquads or trig.")] = "nquads",
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write everything published, with its graphs, to a file."""
    from hub import maintenance

    if fmt not in maintenance.DUMP_FORMATS:
        raise ConfigError(f"--format: {fmt!r} is not one of {', '.join(maintenance.DUMP_FORMATS)}")
    size = maintenance.dump(config.load(config_file), output, fmt)
    if as_json:
        _print_json({"file": str(output), "format": fmt, "bytes": size})
    else:
        out.print(f"{output}: {size} bytes", highlight=False)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demonstration hub is built.")] = Path("demo"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8080,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Build it, but do not serve it.")] = False,
) -> None:
    """Build a hub from the bundled sample, without a network, and serve it."""
    from hub.serve import serve as run

    file = build_demo(folder)
    settings = config.load(str(file), environ={})
    _print_reports(_harvest(settings, sorted(settings.sources)))
    if no_serve:
        return
    _log_to_stderr()
    run(settings, str(file), host, port)


def build_demo(folder: Path) -> Path:
    """Copy the bundled sample into a folder and return its settings file; what is there already is kept."""
    with as_file(files("hub").joinpath("demo")) as sample:
        for file in sorted(p for p in sample.rglob("*") if p.is_file()):
            target = folder / file.relative_to(sample)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
    return folder / "hub.toml"


cli_links.register(app)
cli_findings.register(app)
cli_export.register(app)
cli_dumps.register(app)
cli_search.register(app)
cli_thumbnails.register(app)
cli_host.register(app)
cli_peers.register(app)
cli_webhooks.register(app)
cli_redact.register(app)

if __name__ == "__main__":
    main()
