"""The commands about files of everything that is published: `hub dumps make|list|verify` and `hub bundle`."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from hub import config
from hub.config import Settings
from hub.dumps import layout
from hub.dumps.verify import Verdict
from hub.errors import ConfigError, StoreError
from hub.log import Log

out = Console(width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True)
dumps_app = typer.Typer(help="Make, list or check dumps of everything that is published.", no_args_is_help=True)
ConfigOption = Annotated[
    str | None, typer.Option("--config", help="Settings file (default ./hub.toml, or HUB_CONFIG).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
# Settings that a hub in one file brings along, so that variables of another hub must not change them.
OWN_VARIABLES = ("HUB_CONFIG", "HUB_DATA_DIR", "HUB_BASE_IRI", "HUB_DATABASE_URL", "HUB_HUB_NAME")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(dumps_app, name="dumps")
    app.command()(bundle)


@dumps_app.command()
def make(config_file: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Write everything that is published to files, with a signed manifest."""
    from hub.dumps import make as making
    from hub.dumps import tables

    if not tables.are_possible():
        _say("no tables are written: install the extra `parquet`", "yellow")
    with _progress() as show:
        made = making.make(config.load(config_file), lambda stage, n: show(stage, n))
    if as_json:
        _print_json({"folder": str(made.path), **made.manifest})
    else:
        counted = f"{made.manifest['records']} records, {len(made.files)} files, {made.bytes} bytes"
        _print(f"{made.path}: {counted}")


@dumps_app.command(name="list")
def list_dumps(config_file: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the dumps that may be had, the newest first."""
    settings = config.load(config_file)
    with closing(Log(settings.database)) as log:
        found = layout.offered(settings, log)[::-1]
    if as_json:
        _print_json([{"name": dump.name, "bytes": dump.bytes, **dump.manifest} for dump in found])
        return
    table = Table("dump", "published", "records", "files", "bytes")
    for dump in found:
        counts = (dump.manifest["records"], len(dump.files), dump.bytes)
        table.add_row(dump.name, dump.manifest["published"], *(str(count) for count in counts))
    out.print(table)


@dumps_app.command()
def verify(
    place: Annotated[str, typer.Argument(help="Folder or address of a dump, or a file that `hub bundle` made.")],
    key: Annotated[str, typer.Option(help="Public key of the hub that must have signed it.")] = "",
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a dump or bundle: signature, files, every record and the sets of them; exit 1 when anything is wrong."""
    settings = config.load(config_file)
    _check_key(key)
    with _progress() as show:
        verdict = _verdict(settings, place, key, lambda n: show("checked", n))
    if as_json:
        _print_json({**asdict(verdict), "is_sound": verdict.is_sound})
    else:
        for problem in verdict.problems:
            _say(problem)
        _print_verdict(verdict)
    if not verdict.is_sound:
        raise typer.Exit(1)


def _verdict(settings: Settings, place: str, key: str, progress: Any) -> Verdict:
    from hub.dumps import bundle as bundles
    from hub.dumps import verify as checks

    if place.startswith(("http://", "https://")):
        with _fetched(settings, place) as folder:
            return checks.verify(folder, key, progress)
    if Path(place).is_dir():
        return checks.verify(Path(place), key, progress)
    return bundles.verify(Path(place), key, progress)


@contextmanager
def _fetched(settings: Settings, address: str) -> Iterator[Path]:
    """Download a dump into a folder that goes afterwards; what is not there is told by its absence."""
    from harvesters.contract import SourceError
    from harvesters.http import PoliteSession
    from harvesters.keep import Keep
    from hub import ingest

    start = f"{address.removesuffix(layout.MANIFEST).rstrip('/')}/"
    with tempfile.TemporaryDirectory(prefix="hub-dump-") as name:
        folder, keep = Path(name) / "dump", Keep(Path(name) / "kept")
        folder.mkdir()
        with PoliteSession(ingest.manners(settings), keep=keep, private=[start]) as http:
            try:
                manifest = http.get(f"{start}{layout.MANIFEST}")
                files = layout.files_of(json.loads(manifest))
                (folder / layout.MANIFEST).write_bytes(manifest)
                for file in files:
                    came = http.download(f"{start}{file.name}")
                    (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
                    keep.path(came.sha256).rename(folder / file.name)
            except SourceError as error:
                raise StoreError(f"{start} cannot be read: {error}") from error
            except (ValueError, TypeError, KeyError) as error:
                raise StoreError(f"{start}{layout.MANIFEST} is no manifest ({error})") from error
        yield folder


def _print_verdict(verdict: Verdict) -> None:
    whose = "as given" if verdict.is_known else "as the manifest itself tells; give --key to be sure"
    state = "sound" if verdict.is_sound else f"{verdict.count} problems"
    _print(f"{verdict.hub or 'unknown hub'} at {verdict.sequence}: {state}")
    records = f" and {verdict.records} records" if verdict.records else ""
    _print(f"{verdict.files} files{records} are right")
    _print(f"key: {verdict.key or 'none'} ({whose})")


def bundle(
    file: Annotated[Path, typer.Argument(help="File to write, as out.hub.")],
    no_catalogue: Annotated[
        bool, typer.Option("--no-catalogue", help="Leave out reasons of links, histories and feeds.")
    ] = False,
    no_references: Annotated[bool, typer.Option("--no-references", help="Leave out reference data.")] = False,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the whole hub as it is published into one file, to be served with `hub serve FILE`."""
    from hub.dumps import bundle as bundles

    with _progress() as show:
        told = bundles.pack(
            config.load(config_file),
            file,
            catalogue=not no_catalogue,
            tables=not no_references,
            progress=lambda n: show("bytes", n),
        )
    if as_json:
        _print_json(told)
    else:
        _print(f"{file}: {told['records']} records at change {told['sequence']}, {file.stat().st_size} bytes")


def unpacked(file: Path, key: str) -> str:
    """Return the settings file of a hub in one file, unpacked into the user's cache.

    Raises:
        StoreError: the file was touched, or is none.
    """
    from hub.dumps import bundle as bundles

    _check_key(key)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    with _progress() as show:
        settings_file = bundles.unpack(file, Path(home) / "bioimage-hub", key, lambda n: show("bytes", n))
    for name in OWN_VARIABLES:
        os.environ.pop(name, None)
    return str(settings_file)


def _check_key(key: str) -> None:
    if key and not re.fullmatch("ed25519:[A-Za-z0-9+/]{43}=", key):
        raise ConfigError(f"--key {key[:80]}: write what `hub peers key` prints at that hub")


@contextmanager
def _progress() -> Iterator[Any]:
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:,.0f}"))
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def show(stage: str, number: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=None)
            bar.advance(tasks[stage], number)

        yield show


def _print(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def _say(text: str, style: str = "red") -> None:
    err.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
