"""Counting records by owner: how many, in which states, and the hash of their set."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hub.digests import SetHash
from hub.peers.standing import Standing


@dataclass(slots=True)
class _Owner:
    set_hash: SetHash = field(default_factory=SetHash)
    states: Counter[str] = field(default_factory=Counter)
    sequence: int = 0


class Tally:
    """Counts records, in any order.

    >>> tally = Tally()
    >>> tally.add(Standing("eu", "idr", "idr0001", "active", "00", 7, 12))
    >>> told = tally.told({"eu": "ed25519:…"})["eu"]
    >>> told["records"], told["sequence"], told["states"], told["key"]
    (1, 7, {'active': 1}, 'ed25519:…')
    """

    def __init__(self) -> None:
        self._owners: dict[str, _Owner] = {}

    def add(self, one: Standing) -> None:
        """Count a record, which must not have been counted."""
        owner = self._owners.setdefault(one.hub, _Owner())
        owner.set_hash.add(one.member())
        owner.states[one.state] += 1
        owner.sequence = max(owner.sequence, one.sequence)

    def told(self, keys: dict[str, str]) -> dict[str, dict[str, Any]]:
        """Return what a manifest says of each owner, with the public keys that are known."""
        return {
            hub: {
                "key": keys.get(hub, ""),
                "records": owner.states.total(),
                "sequence": owner.sequence,
                "sha256": owner.set_hash.hexdigest(),
                "states": dict(sorted(owner.states.items())),
            }
            for hub, owner in sorted(self._owners.items())
        }
