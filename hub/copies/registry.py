"""Every host by name: those of the settings, peers, and the hub's own folder of blobs."""

from __future__ import annotations

from hub.config import Settings
from hub.copies import hosts
from hub.copies.blobs import BlobStore
from hub.copies.hosts import OWN, Host


def all_hosts(settings: Settings) -> dict[str, Host]:
    """Return every host by name: the hub's own folder, those of the settings, and peers."""
    found = {OWN: hosts.own(settings.data_dir / "blobs"), **settings.hosts}
    for name, peer in settings.peers.items():
        found.setdefault(name, Host(name, "http", peer.url.rstrip("/") + "/", is_private=peer.is_private, is_peer=True))
    return found


def stores(settings: Settings) -> dict[str, BlobStore]:
    """Return the hub's own stores by name."""
    return {name: BlobStore(host) for name, host in all_hosts(settings).items() if host.is_own}
