"""What a hub says of itself to other hubs, signed: ``/.well-known/hub``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hub.config import HUB_NAME, Settings
from hub.log import Log
from hub.peers import documents, keys
from hub.peers.standing import Summary, by_owner
from hub.peers.trust import Trust
from hub.snapshots import Snapshot

PROTOCOL = 1
# Where things are, as seen from the hub's address.
FEEDS = {
    "changes": "/changes",
    "records": "/federation/records",
    "oai": "/oai",
    "ldes": "/ldes",
    "resourcesync": "/.well-known/resourcesync",
    "atom": "/changes.atom",
    "dumps": "/dumps/",
    "links": "/links",
}
MAX_OWNERS = 1000


@dataclass(frozen=True, slots=True)
class Owner:
    """What a hub holds of one owner, and the key that it knows of it."""

    key: str
    held: Summary


@dataclass(frozen=True, slots=True)
class Hello:
    """What a hub says of itself.

    Attributes:
        name: its name among hubs.
        base: its base IRI.
        key: its public key.
        sequence: number of the last change of its log that readers can see.
        owners: what it holds, by owner.
        policy: what it says about mirroring.
    """

    name: str
    base: str
    key: str
    sequence: int
    owners: dict[str, Owner]
    policy: str = ""


def document(log: Log, settings: Settings, snapshot: Snapshot) -> dict[str, Any]:
    """Return the signed document of what is published."""
    known = Trust(log, settings).keys()
    key = keys.own(settings.key_file)
    told = {
        "protocol": PROTOCOL,
        "name": settings.hub_name,
        "base": settings.base_iri,
        "key": key.public,
        "sequence": snapshot.sequence,
        "link_sequence": snapshot.link_sequence,
        "published": snapshot.created,
        "feeds": FEEDS,
        "owners": {
            hub: {"key": known.get(hub, ""), "records": s.records, "sha256": s.sha256, "sequence": s.sequence}
            for hub, s in by_owner(log, snapshot.sequence).items()
        },
        "policy": {"text": settings.mirror_policy},
        "software": {"name": "bioimage-hub", "version": _release()},
    }
    return documents.signed(told, key)


def _release() -> str:
    try:
        return version("bioimage-hub")
    except PackageNotFoundError:
        return "0"


def read(told: Any) -> Hello:
    """Return what a document says; its signature is not checked here.

    Raises:
        ValueError: it is none; names the field.
    """
    expect(isinstance(told, dict) and told.get("protocol") == PROTOCOL, f"protocol: {PROTOCOL} is expected")
    for name in ("name", "base", "key"):
        expect(isinstance(told.get(name), str), f"{name}: a text is expected")
    expect(re.fullmatch(HUB_NAME, told["name"]), "name: small letters, digits and hyphens are expected")
    expect(is_count(told.get("sequence")), "sequence: a number is expected")
    owners = told.get("owners")
    expect(isinstance(owners, dict) and len(owners) <= MAX_OWNERS, "owners: an object is expected")
    policy = told.get("policy")
    text = policy.get("text") if isinstance(policy, dict) else ""
    return Hello(
        told["name"],
        told["base"],
        told["key"],
        told["sequence"],
        {name: _owner(name, one) for name, one in owners.items()},
        text if isinstance(text, str) else "",
    )


def _owner(name: str, told: Any) -> Owner:
    expect(re.fullmatch(HUB_NAME, name) and isinstance(told, dict), "owners: names and objects are expected")
    expect(isinstance(told.get("key"), str), f"owners.{name}.key: a text is expected")
    return Owner(told["key"], summary(told, f"owners.{name}"))


def summary(told: Any, where: str) -> Summary:
    """Return the set that JSON tells of; ValueError when it is none."""
    expect(isinstance(told, dict), f"{where}: an object is expected")
    expect(is_count(told.get("records")) and is_count(told.get("sequence")), f"{where}: numbers are expected")
    expect(isinstance(told.get("sha256"), str), f"{where}.sha256: a text is expected")
    return Summary(told["records"], told["sha256"], told["sequence"])


def is_count(value: Any) -> bool:
    """Whether a value of JSON is a whole number, zero or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def expect(is_so: object, message: str) -> None:
    """Raise ValueError with a message unless something is so."""
    if not is_so:
        raise ValueError(message)
