"""What hubs tell each other of held files: signed, page by page, believed only of the peer whose key is known."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from werkzeug.serving import make_server

from hub.config import Peer, Settings
from hub.copies import holdings
from hub.copies.catalogue import Copies
from hub.copies.holdings import DiscoverError, discover
from hub.copies.hosting import opened
from hub.errors import ConfigError
from hub.log import Log
from hub.peers import keys
from hub.web.app import create_app
from tests.copies_support import MANNERS, dataset_of, put, settings_of
from tests.generated_hosts import Host, sums, whole
from tests.support import BASE

SIZE = 5000
IRI = f"{BASE}dataset/bia/S-BIAD1"


@pytest.fixture
def archive():
    with Host() as host:
        for number in range(3):
            host.files[f"/S-BIAD1/{number}.tif"] = (number, SIZE)
        yield host


@pytest.fixture
def peer(tmp_path, archive):
    """A hub that holds three files, and the address under which it is served."""
    settings = hub(tmp_path / "eu", archive, hub_name="eu")
    with opened(settings, MANNERS) as hosting:
        assert hosting.host(IRI).done == 3
    server = make_server("127.0.0.1", 0, create_app(settings, publication=object()), threaded=True)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield settings, f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def hub(folder, archive, **more) -> Settings:
    settings = settings_of(folder, archive.url, **more)
    files = [
        {"content_url": f"{archive.url}S-BIAD1/{n}.tif", "size_bytes": SIZE, "sha256": sums(n, SIZE)[0]}
        for n in range(3)
    ]
    put(settings, dataset_of("S-BIAD1", files))
    return settings


def knowing(folder, archive, peer, **more) -> Settings:
    settings = hub(folder, archive)
    said = {"key": keys.own(peer[0].key_file).public, "is_private": True, **more}
    return replace(settings, peers={"eu": Peer("eu", peer[1], **said)})


def test_a_peers_copies_are_registered_checked_and_read(tmp_path, archive, peer, monkeypatch):
    monkeypatch.setattr(holdings, "LIMIT", 2)
    settings = knowing(tmp_path / "us", archive, peer)
    with opened(settings, MANNERS) as hosting:
        assert discover(hosting, settings, "eu") == {"added": 3, "removed": 0, "unknown": 0, "differ": 0}
        assert discover(hosting, settings, "eu")["added"] == 0
        archive.files.clear()
        assert hosting.check(100) == {"missing": 3, "healthy": 3}
        assert hosting.host(IRI).done == 3
        (copy,) = [c for c in hosting.copies.copies(IRI, "1.tif") if c.host == "own"]
        assert b"".join(hosting.stores["own"].read(copy.sha256, SIZE)) == whole(1, SIZE)


def test_what_a_peer_no_longer_holds_is_forgotten(tmp_path, archive, peer):
    settings = knowing(tmp_path / "us", archive, peer)
    with opened(settings, MANNERS) as hosting:
        discover(hosting, settings, "eu")
    with opened(peer[0], MANNERS) as theirs:
        theirs.remove(IRI)
    with opened(settings, MANNERS) as hosting:
        assert discover(hosting, settings, "eu")["removed"] == 3
        assert [c for c in hosting.copies.copies(IRI) if c.host == "eu"] == []


def test_another_content_than_is_known_is_not_registered(tmp_path, archive, peer):
    settings = knowing(tmp_path / "us", archive, peer)
    other = {"content_url": f"{archive.url}S-BIAD1/1.tif", "size_bytes": SIZE, "sha256": "0" * 64}
    put(settings, dataset_of("S-BIAD1", [other]), action="update")
    with opened(settings, MANNERS) as hosting:
        assert discover(hosting, settings, "eu") == {"added": 0, "removed": 0, "unknown": 2, "differ": 1}


def test_what_another_key_signed_is_refused(tmp_path, archive, peer):
    settings = knowing(tmp_path / "us", archive, peer, key=keys.own(tmp_path / "other.pem").public)
    with opened(settings, MANNERS) as hosting:
        with pytest.raises(DiscoverError, match="not signed by it"):
            discover(hosting, settings, "eu")
        assert [c for c in hosting.copies.copies(IRI) if c.host == "eu"] == []


def test_a_peer_without_a_key_is_not_asked(tmp_path, archive, peer):
    settings = knowing(tmp_path / "us", archive, peer, key="")
    with opened(settings, MANNERS) as hosting, pytest.raises(ConfigError, match=r"\[peers.eu\]: write url and key"):
        discover(hosting, settings, "eu")


def test_what_is_bad_is_not_advertised_until_it_is_mended(peer):
    settings = peer[0]
    log = Log(settings.database)
    copies = Copies(log)
    sha256 = sums(0, SIZE)[0]
    copies.mark("own", sha256, "corrupt")
    assert copies.advertise() == 1
    copies.mark("own", sha256, "healthy")
    assert copies.advertise() == 1
    assert copies.advertise() == 0
    assert [h.action for h in copies.holdings(0, 10)] == ["add"] * 3 + ["remove", "add"]
    log.close()
