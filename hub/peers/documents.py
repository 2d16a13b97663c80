"""Documents that a hub signs as a whole: JSON with the signature of everything else in it."""

from __future__ import annotations

import json
from typing import Any

from hub.peers import keys
from hub.peers.keys import SigningKey

SIGNATURE = "signature"


def canonical(told: dict[str, Any]) -> str:
    """Return the text of a document that is signed: sorted keys, no spaces, without the signature.

    >>> canonical({"b": 1, "a": "é", "signature": "x"})
    '{"a":"é","b":1}'
    """
    rest = {name: value for name, value in told.items() if name != SIGNATURE}
    return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def signed(told: dict[str, Any], key: SigningKey) -> dict[str, Any]:
    """Return a document with its signature."""
    return {**told, SIGNATURE: key.sign(canonical(told))}


def is_genuine(told: dict[str, Any], public: str) -> bool:
    """Whether a document is signed by a public key.

    Raises:
        ConfigError: the public key is none.
    """
    signature = told.get(SIGNATURE)
    return isinstance(signature, str) and keys.is_signed(canonical(told), signature, public)
