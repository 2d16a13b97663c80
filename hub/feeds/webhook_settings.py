"""The tables ``[webhooks.<name>]`` of the settings: who is told of changes, of which, and how it is signed."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from hub.errors import ConfigError

KEYS: Final = ("url", "secret", "archives", "actions", "organisms", "batch", "private")
ACTIONS: Final = ("create", "update", "withdraw", "restore", "suppress", "replace", "redact")
SECRET: Final = "whsec_"
# Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
LEAST_SECRET_BYTES, MOST_SECRET_BYTES = 24, 64
BATCH: Final = 100
MAX_BATCH: Final = 1000
_LISTS: Final = ("archives", "actions", "organisms")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscriber that is sent changes.

    Attributes:
        name: its name in the settings.
        url: where changes are sent; it may hold a secret.
        secret: what HMAC-SHA256 signs with; empty when the hub's own Ed25519 key signs.
        archives: archives whose changes are sent; empty for all.
        actions: actions that are sent; empty for all.
        organisms: IRIs of organisms whose datasets' changes are sent; empty for all.
        batch: most changes of one request.
        is_private: whether the address may be in the operator's own network.
    """

    name: str
    url: str = field(repr=False)
    secret: bytes = field(default=b"", repr=False)
    archives: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    organisms: tuple[str, ...] = ()
    batch: int = BATCH
    is_private: bool = False


def read(tables: Any) -> dict[str, Webhook]:
    """Return the subscribers that the tables ``[webhooks.<name>]`` describe.

    Raises:
        ConfigError: one that is wrong; names the key.
    """
    if not isinstance(tables, dict):
        raise ConfigError("webhooks: write one table [webhooks.<name>] for each subscriber")
    return {name: _read(name, table) for name, table in tables.items()}


def _read(name: str, table: Any) -> Webhook:
    here = f"[webhooks.{name}]"
    if not re.fullmatch("[a-z0-9][a-z0-9-]*", name):
        raise ConfigError(f"{here}: name a subscriber in small letters, digits and hyphens")
    if not isinstance(table, dict) or not {"url"} <= table.keys() <= set(KEYS):
        raise ConfigError(f"{here}: write url and, as needed, {', '.join(KEYS[1:])}")
    if not isinstance(table["url"], str) or not _is_address(table["url"]):
        raise ConfigError(f"{here} url: it is no http or https address")
    if not isinstance(table.get("private", False), bool):
        raise ConfigError(f"{here} private: write true or false")
    batch = table.get("batch", BATCH)
    if type(batch) is not int or not 1 <= batch <= MAX_BATCH:
        raise ConfigError(f"{here} batch: {batch!r} is not a number from 1 to {MAX_BATCH}")
    lists = {key: _texts(here, key, table.get(key, [])) for key in _LISTS}
    if unknown := sorted(set(lists["actions"]) - set(ACTIONS)):
        raise ConfigError(f"{here} actions: there is no {unknown[0]!r}; there are {', '.join(ACTIONS)}")
    secret = _secret(here, table.get("secret", ""))
    return Webhook(name, table["url"], secret, **lists, batch=batch, is_private=table.get("private", False))


def _texts(here: str, key: str, given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ConfigError(f"{here} {key}: write a list of texts")
    return tuple(given)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s#]", url)
    except ValueError:
        return False


def _secret(here: str, given: Any) -> bytes:
    """Return the bytes of a secret as Standard Webhooks writes it."""
    if given == "":
        return b""
    try:
        raw = base64.b64decode(str(given).removeprefix(SECRET), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not str(given).startswith(SECRET) or not LEAST_SECRET_BYTES <= len(raw) <= MOST_SECRET_BYTES:
        wanted = f"{SECRET} and {LEAST_SECRET_BYTES} to {MOST_SECRET_BYTES} random bytes in base64"
        raise ConfigError(f"{here} secret: write {wanted}, or leave it out to have the hub's own key sign")
    return raw
