"""The key by which a hub signs, and those by which it knows other hubs: Ed25519.

Source: https://www.rfc-editor.org/rfc/rfc8032
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from hub.errors import BUNDLE, ConfigError, ReadOnlyError, StoreError

PREFIX = "ed25519:"


class SigningKey:
    """The private key of this hub."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = PREFIX + base64.b64encode(raw).decode()

    def sign(self, text: str) -> str:
        """Return the signature of a text in base64."""
        return base64.b64encode(self._key.sign(text.encode())).decode()


def own(file: Path) -> SigningKey:
    """Return the key in a file; one is made there, readable by nobody else, if there is none.

    Raises:
        StoreError: the file cannot be read or written, or holds no Ed25519 key.
        ReadOnlyError: the folder is what a hub in one file was unpacked to.
    """
    if (file.parents[1] / BUNDLE).exists():
        raise ReadOnlyError("this hub is served from one file and cannot sign: ask the hub that made the file")
    try:
        if not file.exists():
            _make(file)
        key = load_pem_private_key(file.read_bytes(), password=None)
    except OSError as err:
        raise StoreError(f"the signing key {file} cannot be used: {err.strerror}") from err
    except (ValueError, TypeError, UnsupportedAlgorithm) as err:
        raise StoreError(f"the signing key {file} cannot be read: put back the hub's PEM file ({err})") from err
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError(f"the signing key {file} is not an Ed25519 key: put back the hub's own")
    return SigningKey(key)


def _make(file: Path) -> None:
    """Write a new key under another name and link it to its place, so that two at once agree on the first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}-{os.getpid()}")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(part, file)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def is_signed(text: str, signature: str, public: str) -> bool:
    """Whether a signature of a text is by a public key (``ed25519:`` and base64); nothing that is malformed is.

    Raises:
        ConfigError: the public key is none.
    """
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    try:
        _public(public).verify(raw, text.encode())
    except InvalidSignature:
        return False
    return True


def is_public(text: str) -> bool:
    """Whether a text is a public key."""
    try:
        _public(text)
    except ConfigError:
        return False
    return text.startswith(PREFIX)


def _public(text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.removeprefix(PREFIX), validate=True))
    except (binascii.Error, ValueError) as err:
        raise ConfigError(f"key: {text[:80]!r} is no public key: write {PREFIX}… as `hub peers key` prints it") from err
