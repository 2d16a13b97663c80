"""The command that writes the links for other services: `hub export`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from hub import config
from hub.config import Settings
from hub.errors import ConfigError
from hub.links.catalogue import Links
from hub.links.exports import EXPORTS, Export
from hub.links.exports_papers import NAME, Provider
from hub.log import Log

ConfigOption = Annotated[
    str | None, typer.Option("--config", help="Settings file (default ./hub.toml, or HUB_CONFIG).")
]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(export)


def export(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(EXPORTS)}.")],
    output: Annotated[
        Path | None, typer.Option(help="File to write; of labslink and linkout a folder for both documents.")
    ] = None,
    provider_id: Annotated[str, typer.Option(help="Number that Europe PMC or NCBI gave the hub.")] = "0",
    provider_name: Annotated[str, typer.Option(help="Name of the hub that they show.")] = NAME,
    email: Annotated[str, typer.Option(help="Address of the operator, for LabsLink's list of providers.")] = "",
    config_file: ConfigOption = None,
) -> None:
    """Write all links in a format that another service loads."""
    found = EXPORTS.get(name)
    if found is None:
        raise ConfigError(f"{name}: there is no such export; there are {', '.join(EXPORTS)}")
    if not (provider_id.isascii() and provider_id.isdecimal()):
        raise ConfigError(f"--provider-id {provider_id}: write the number that Europe PMC or NCBI gave you")
    settings = config.load(config_file)
    provider = Provider(provider_id, provider_name, email or _address(settings), settings.base_iri)
    if output is None:
        sys.stdout.writelines(_text(settings, found, provider))
    elif found.identity is None:
        _write(output, _text(settings, found, provider))
    else:
        _write_both(output, settings, found, provider)


def _address(settings: Settings) -> str:
    return settings.contact if "@" in settings.contact else ""


def _write_both(folder: Path, settings: Settings, found: Export, provider: Provider) -> None:
    assert found.identity is not None
    file, make = found.identity
    if found.name == "labslink" and not provider.email:
        raise ConfigError("--email: Europe PMC wants an address of the operator in providers.xml: give it here")
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / file, iter((make(provider),)))
    _write(folder / found.file, _text(settings, found, provider))


def _text(settings: Settings, found: Export, provider: Provider) -> Iterator[str]:
    log = Log(settings.database)
    try:
        yield from found.make(log, Links(log), settings, provider)
    finally:
        log.close()


def _write(file: Path, text: Iterator[str]) -> None:
    """Write a file whole or not at all."""
    part = file.with_name(file.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as out:
        out.writelines(text)
    part.replace(file)
