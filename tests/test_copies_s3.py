"""The same copies in S3: a stand-in on loopback takes the place of the service."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.copies.blobs import BlobError, BlobStore
from hub.copies.hosting import opened
from hub.copies.hosts import Host as Place
from hub.web.app import create_app
from tests.copies_support import MANNERS, dataset_of, put, settings_of
from tests.generated_hosts import Host, sums, whole
from tests.support import BASE

pytest.importorskip("s3fs")
moto = pytest.importorskip("moto.server")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
SIZE = 3_000_000
SHA256, _ = sums(7, SIZE)
IRI = f"{BASE}dataset/bia/S-BIAD1"


@pytest.fixture
def place(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options = {"endpoint_url": f"http://{host}:{port}"}
    with suppress(FileExistsError):
        BlobStore(Place("bucket", "s3", "s3://held/", options=options))._fs.mkdir("held")
    yield Place("cloud", "s3", "s3://held/hub/", options=options)
    server.stop()


def test_a_file_is_held_sent_damaged_mended_and_removed(tmp_path, place):
    with Host() as archive:
        archive.files["/S-BIAD1/a.tif"] = (7, SIZE)
        settings = settings_of(tmp_path, archive.url)
        settings = replace(settings, hosts={**settings.hosts, "cloud": place})
        put(settings, dataset_of("S-BIAD1", [{"content_url": f"{archive.url}S-BIAD1/a.tif", "sha256": SHA256}]))
        client = create_app(settings, publication=object()).test_client()  # type: ignore[arg-type]
        with opened(settings, MANNERS) as hosting:
            assert hosting.host(IRI, "cloud").done == 1
            store = hosting.stores["cloud"]
            assert list(store.names()) == [SHA256]
            assert client.get("/data/bia/S-BIAD1/a.tif").data == whole(7, SIZE)
            part = client.get("/data/bia/S-BIAD1/a.tif", headers={"Range": "bytes=1048570-1048580"})
            assert part.data == whole(7, SIZE)[1_048_570:1_048_581]
            store._fs.pipe_file(f"held/hub/blobs/{SHA256[:2]}/{SHA256}", whole(8, SIZE))
            assert client.get("/data/bia/S-BIAD1/a.tif").status_code == 307
            assert hosting.scrub(10**9).repaired == 1
            assert client.get("/data/bia/S-BIAD1/a.tif").data == whole(7, SIZE)
            hosting.remove(IRI)
            assert hosting.collect(timedelta(0)).done == 1
            assert list(store.names()) == []


def test_a_store_out_of_reach_is_told_in_a_sentence(place):
    store = BlobStore(replace(place, url="s3://nowhere/"))
    assert store.size(SHA256) is None
    away = BlobStore(
        replace(
            place, options={"endpoint_url": "http://127.0.0.1:9", "config_kwargs": {"retries": {"max_attempts": 0}}}
        )
    )
    with pytest.raises(BlobError, match="the store cloud cannot be used"):
        away.size(SHA256)
