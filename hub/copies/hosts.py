"""The places where copies of files are: archives, mirrors, peers, and the hub's own stores of blobs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from hub.errors import ConfigError

KINDS: Final = ("http", "s3", "folder")
KEYS: Final = ("kind", "url", "priority", "region", "private", "replaces", "archives", "options")
# Names that need no table: where the archive itself has a file, and the folder of blobs in the data folder.
ARCHIVE: Final = "archive"
OWN: Final = "own"
# Source: https://www.rfc-editor.org/rfc/rfc5854#section-4.2.16.3
MAX_PRIORITY: Final = 999_999
ARCHIVE_PRIORITY: Final = 100


@dataclass(frozen=True, slots=True)
class Host:
    """A place where copies are.

    Attributes:
        name: its name in the settings.
        kind: ``http`` is somebody's server; ``s3`` and ``folder`` are stores of this hub's own blobs.
        url: start of its addresses with a slash at the end, ``s3://bucket/prefix/`` or a folder.
        priority: 1 to 999,999, the lowest is preferred.
        region: ISO 3166-1 country code in small letters, or "".
        is_private: whether it may have an address in the operator's own network.
        replaces: start of the archives' addresses that ``url`` stands for at a mirror.
        archives: archives whose files a mirror has under ``<archive>/<accession>/<path>``.
        options: what fsspec is told.
        is_peer: whether it is another hub.
    """

    name: str
    kind: str
    url: str
    priority: int = 10
    region: str = ""
    is_private: bool = False
    replaces: str = ""
    archives: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    is_peer: bool = False

    @property
    def is_own(self) -> bool:
        """Whether this hub keeps its blobs there."""
        return self.kind != "http"

    def address(self, archive: str, accession: str, path: str, original: str) -> str | None:
        """Return where a mirror has a file, or None when the settings do not say that it has it.

        >>> Host("m", "http", "https://m.org/", archives=("idr",)).address("idr", "idr1", "a b.tif", "https://x/a")
        'https://m.org/idr/idr1/a%20b.tif'
        """
        if self.kind != "http" or self.is_peer:
            return None
        if self.replaces and original.startswith(self.replaces):
            return self.url + original.removeprefix(self.replaces)
        if archive in self.archives:
            return self.url + quote(f"{archive}/{accession}/{path}")
        return None


def own(folder: Path) -> Host:
    """Return the store of blobs in a folder that every hub has."""
    return Host(OWN, "folder", str(folder), priority=1)


def read(tables: Any, here: Path) -> dict[str, Host]:
    """Return the hosts that the tables ``[hosts.<name>]`` describe.

    Raises:
        ConfigError: one describes none.
    """
    if not isinstance(tables, dict):
        raise ConfigError("hosts: write one table [hosts.<name>] for each host")
    return {name: host_of(name, table, here) for name, table in tables.items()}


def host_of(name: str, table: Any, here: Path) -> Host:
    """Return the host that a table ``[hosts.<name>]`` describes.

    Raises:
        ConfigError: it describes none; names the key.
    """
    where = f"[hosts.{name}]"
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) or name in (ARCHIVE, OWN):
        raise ConfigError(f"{where}: name a host in small letters, digits and hyphens, and not {ARCHIVE} or {OWN}")
    if not isinstance(table, dict) or not {"kind", "url"} <= table.keys() <= set(KEYS):
        raise ConfigError(f"{where}: write kind and url, and of {', '.join(KEYS)} what else is needed")
    kind, url = table["kind"], table["url"]
    if kind not in KINDS or not isinstance(url, str):
        raise ConfigError(f"{where} kind: {kind!r} is not one of {', '.join(KINDS)}, or url is no text")
    return Host(
        name=name,
        kind=kind,
        url=_url(where, kind, url, here),
        priority=_priority(where, table.get("priority", 10)),
        region=region_of(f"{where} region:", table.get("region", "")),
        is_private=_flag(where, table.get("private", False)),
        replaces=_text(where, "replaces", table.get("replaces", "")),
        archives=_names(where, table.get("archives", [])),
        options=_options(where, table.get("options", {})),
    )


def _url(where: str, kind: str, url: str, here: Path) -> str:
    if kind == "folder":
        return os.path.normpath(here.absolute() / url)
    schemes = ("s3",) if kind == "s3" else ("http", "https")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.netloc) and not parts.query and not parts.fragment
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", url) or parts.password:
        raise ConfigError(f"{where} url: {url!r} is no {' or '.join(schemes)} address without a query and a password")
    return url if url.endswith("/") else f"{url}/"


def _priority(where: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_PRIORITY:
        raise ConfigError(f"{where} priority: {value!r} is no whole number from 1 to {MAX_PRIORITY}")
    return value


def region_of(where: str, value: Any) -> str:
    """Return a country code in small letters, or "" where none is said.

    Raises:
        ConfigError: it is none; ``where`` says in it what was to have one.
    """
    if not isinstance(value, str) or not re.fullmatch(r"(?:[A-Za-z]{2})?", value, re.ASCII):
        raise ConfigError(f"{where} {value!r} is no country code of two letters, e.g. jp")
    return value.lower()


def _flag(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{where} private: write true or false")
    return value


def _text(where: str, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{where} {key}: {value!r} is no text")
    return value


def _names(where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ConfigError(f"{where} archives: write a list of archives' names")
    return tuple(value)


def _options(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or {"key", "secret", "token"} & value.keys():
        raise ConfigError(f"{where} options: write a table, without key, secret and token: AWS_* variables hold these")
    return value
