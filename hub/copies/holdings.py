"""What hubs tell each other of the files that they hold: pages by sequence number, each signed as a whole.

A page is ``{"statement": <text>, "signature": <base64>}``; the text is canonical JSON with the hub's name, the number
after which the page begins, the number to go on from, whether it is the last, and the changes.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from hub.config import Settings
from hub.copies.blobs import SHA256
from hub.copies.catalogue import Copies, Copy, Holding, name_of
from hub.copies.hosting import Hosting
from hub.copies.session import PassingError, SourceError
from hub.errors import ConfigError, HubError
from hub.peers import keys

LIMIT: Final = 1000
MAX_LIMIT: Final = 10_000
MAX_PAGES: Final = 10_000
READ_UNTIL: Final = "holdings_of_"


class DiscoverError(HubError):
    """A peer's holdings cannot be read or are not signed by it."""


def page(copies: Copies, settings: Settings, since: int, limit: int) -> dict[str, str]:
    """Return the next changes of what this hub holds after a number, signed."""
    found = copies.holdings(since, limit + 1)
    shown = found[:limit]
    told = {
        "hub": settings.hub_name,
        "since": since,
        "next": shown[-1].sequence if shown else since,
        "complete": len(found) <= limit,
        "holdings": [asdict(holding) for holding in shown],
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {"statement": text, "signature": keys.own(settings.key_file).sign(text)}


def discover(hosting: Hosting, settings: Settings, name: str) -> dict[str, int]:
    """Read what a peer holds since the last time, and register its copies of files that are known here.

    Returns:
        numbers of copies ``added``, ``removed``, of files ``unknown`` here, and that ``differ`` from what is known.

    Raises:
        ConfigError: there is no such peer, or its key is not in the settings.
        DiscoverError: it cannot be read, or is not signed by the peer.
    """
    peer = settings.peers.get(name)
    if peer is None or not peer.key:
        known = ", ".join(sorted(n for n, p in settings.peers.items() if p.key)) or "none"
        raise ConfigError(f"[peers.{name}]: write url and key of the peer; there are {known} with both")
    host, told = hosting.hosts[name], dict.fromkeys(("added", "removed", "unknown", "differ"), 0)
    log_key = READ_UNTIL + name
    since = int(hosting.copies.setting(log_key) or 0)
    for _ in range(MAX_PAGES):
        said = _page(hosting, host.url, peer.key, name, since)
        for holding in map(_holding, said["holdings"]):
            told[_take(hosting, settings, name, host.url, holding)] += 1
        since = said["next"]
        hosting.copies.set_setting(log_key, str(since))
        if said["complete"]:
            break
    return told


def _page(hosting: Hosting, url: str, key: str, name: str, since: int) -> dict[str, Any]:
    address = f"{url}data/holdings?since={since}"
    try:
        envelope = json.loads(hosting.http.get(address))
        text, signature = envelope["statement"], envelope["signature"]
        is_true = keys.is_signed(text, signature, key)
        said = json.loads(text)
        told = said["hub"], said["since"], isinstance(said["holdings"], list), isinstance(said["complete"], bool)
    except (SourceError, PassingError) as err:
        raise DiscoverError(f"{name}: {err}") from err
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as err:
        raise DiscoverError(f"{name}: its holdings are no page of holdings") from err
    if not is_true or told != (name, since, True, True):
        raise DiscoverError(f"{name}: a page of its holdings after {since} is not signed by it, or is another page")
    if not isinstance(said["next"], int) or (said["next"] <= since and not said["complete"]):
        raise DiscoverError(f"{name}: its holdings do not go on after {since}")
    return dict(said)


def _holding(told: Any) -> Holding:
    try:
        found = Holding(**told)
    except TypeError as err:
        raise DiscoverError("holding: it has other fields than those of a holding") from err
    texts: tuple[Any, ...] = (found.action, found.dataset, found.path, found.sha256)
    size: Any = found.size
    is_one = all(isinstance(text, str) for text in texts) and isinstance(size, int) and size >= 0
    if not is_one or found.action not in ("add", "remove") or not SHA256.fullmatch(found.sha256):
        raise DiscoverError("holding: action, dataset, path, size and sha256 are not what belongs there")
    return found


def _take(hosting: Hosting, settings: Settings, name: str, url: str, holding: Holding) -> str:
    copies = hosting.copies
    if holding.action == "remove":
        copies.drop_copy(holding.dataset, holding.path, name)
        return "removed"
    file = copies.file(holding.dataset, holding.path)
    if file is None or not holding.dataset.startswith(f"{settings.base_iri}dataset/"):
        return "unknown"
    if (file.digest or holding.sha256, file.length or holding.size) != (holding.sha256, holding.size):
        return "differ"
    address = f"{url}data/{quote('/'.join(name_of(holding.dataset)))}/{quote(holding.path)}?own=1"
    copies.put_copy(Copy(file.dataset, file.path, name, address, holding.size, holding.sha256))
    return "added"
