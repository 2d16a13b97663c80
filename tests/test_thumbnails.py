"""Copies of example images: what is decoded, what is refused, when an address is asked again, and what is kept."""

from __future__ import annotations

import io
import json
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import sqlalchemy as sa
from PIL import Image
from typer.testing import CliRunner

from harvesters.http import Manners
from hub import thumbnail_copies, thumbnails
from hub.cli import app as command_line
from hub.config import Settings
from hub.ingest import harvest
from hub.log import Log
from hub.store import write_lock
from hub.thumbnail_copies import Addresses, Asked
from hub.thumbnail_images import FORMATS, small
from tests.support import DEMO, demo_settings

MANNERS = Manners(interval_s=0.0, timeout_s=2.0, retries=0)
IDR = "idr0004"
HTML = b"<html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(form: str = "PNG", size: tuple[int, int] = (640, 400), mode: str = "RGB", **more: Any) -> bytes:
    """Return an image file of one colour."""
    out = io.BytesIO()
    Image.new(mode, size, 90).save(out, form, **more)
    return out.getvalue()


def bomb() -> bytes:
    """Return a PNG of a few bytes that claims 30,000 × 30,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


class Site:
    """A web site of images on loopback.

    Attributes:
        answers: (status, headers, body) by path.
        asked: (path, If-None-Match) of every request.
    """

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.url = ""

    def put(self, path: str, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> str:
        """Serve a body at a path, and return its address."""
        self.answers[path] = (status, headers or {}, body)
        return f"{self.url}{path}"


@pytest.fixture
def site() -> Iterator[Site]:
    """A site that is listening."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asks = self.headers.get("If-None-Match")
            site.asked.append((self.path, asks))
            status, headers, body = site.answers.get(self.path, (404, {}, b"not here"))
            if asks is not None and asks == headers.get("ETag"):
                status, body = 304, b""
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        site.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield site
        listening.shutdown()
        thread.join()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", base_iri="https://hub.example.org/", thumbnails="on")


def known(settings: Settings, *addresses: str) -> None:
    """List addresses, as if records named them."""
    log = Log(settings.database)
    Addresses(log)._add(addresses)
    log.close()


def standing(settings: Settings) -> dict[str, Asked]:
    """Return what is known of every address."""
    log = Log(settings.database)
    with log.engine.connect() as db:
        found = [Asked(**row) for row in db.execute(sa.select(thumbnail_copies.addresses)).mappings()]
    log.close()
    return {asked.address: asked for asked in found}


def make_due(settings: Settings) -> None:
    """Let every address be asked by the next pass."""
    log = Log(settings.database)
    with log.engine.begin() as db:
        db.execute(sa.update(thumbnail_copies.addresses).values(next_try=""))
    log.close()


def update(settings: Settings, site: Site, limit: int = 50) -> thumbnail_copies.Pass:
    return thumbnail_copies.update(settings, MANNERS, [site.url], limit)


# --- images


@pytest.mark.parametrize("form", FORMATS)
def test_an_image_becomes_a_small_webp(form: str) -> None:
    with Image.open(io.BytesIO(small(picture(form)))) as copy:
        assert (copy.format, copy.size, copy.mode) == ("WEBP", (320, 200), "RGB")


def test_small_images_are_not_enlarged_and_transparency_stays() -> None:
    with Image.open(io.BytesIO(small(picture(size=(20, 10), mode="RGBA")))) as copy:
        assert (copy.size, copy.mode) == ((20, 10), "RGBA")


def test_metadata_are_left_behind_and_the_photo_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "taken in secret"  # orientation, description
    copy = small(picture("JPEG", exif=exif, icc_profile=b"secret profile"))
    assert b"secret" not in copy
    assert b"EXIF" not in copy
    with Image.open(io.BytesIO(copy)) as turned:
        assert turned.size == (200, 320)


def test_sixteen_bit_micrographs_are_spread_over_all_greys() -> None:
    deep = Image.new("I;16", (64, 64), 100)
    deep.paste(600, (0, 0, 32, 64))
    out = io.BytesIO()
    deep.save(out, "PNG")
    with Image.open(io.BytesIO(small(out.getvalue()))) as copy:
        greys = copy.convert("L").histogram()
    assert sum(greys[:5]) == sum(greys[250:]) == 64 * 32


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (bomb(), "more than 40,000,000"),
        (SVG, "none of PNG, JPEG, GIF, WEBP"),
        (HTML, "none of"),
        (b"", "none of"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "none of"),
        (picture()[:200], "damaged"),
        (picture("TIFF"), "none of"),
    ],
)
def test_what_is_no_image_is_refused(body: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        small(body)


# --- addresses


def test_a_pass_over_good_and_bad_addresses(settings: Settings, site: Site) -> None:
    elsewhere = site.url.replace("127.0.0.1", "localhost")
    good = {site.put("/a.png", picture()), site.put("/b.jpg", picture("JPEG"))}
    bad = {
        site.put("/bomb.png", bomb()): "more than 40,000,000",
        site.put("/x.svg", SVG, 200, {"Content-Type": "image/png"}): "none of PNG",
        site.put("/page.png", HTML): "none of PNG",
        site.put("/gone.png", b"", 410): "status 410",
        site.put("/away.png", b"", 302, {"Location": "http://127.0.0.1:9/a.png"}): "no public address",
        f"{elsewhere}/a.png": "cannot be read",
    }
    known(settings, *good, *bad)
    done = update(settings, site)
    assert (done.asked, done.copied, done.dead, done.left) == (8, 2, 6, 0)
    found = standing(settings)
    for address in good:
        copy = thumbnails.copy_of(thumbnails.folder(settings), address)
        assert copy is not None
        assert (copy.body[:4], copy.body[8:12], copy.sha256) == (b"RIFF", b"WEBP", found[address].sha256)
    for address, reason in bad.items():
        assert (found[address].state, thumbnails.copy_of(thumbnails.folder(settings), address)) == ("dead", None)
        assert reason in (found[address].reason or ""), found[address]


def test_nothing_is_asked_before_its_time(settings: Settings, site: Site) -> None:
    known(settings, site.put("/a.png", picture()), f"{site.url}/dead.png")
    update(settings, site)
    asked = len(site.asked)
    assert update(settings, site).asked == 0
    assert len(site.asked) == asked


def test_an_unchanged_image_is_not_sent_again(settings: Settings, site: Site) -> None:
    address = site.put("/a.png", picture(), 200, {"ETag": '"1"'})
    known(settings, address)
    update(settings, site)
    make_due(settings)
    done = update(settings, site)
    assert (done.asked, done.unchanged, done.copied) == (1, 1, 0)
    assert site.asked[-1] == ("/a.png", '"1"')
    site.put("/a.png", picture(size=(10, 10)), 200, {"ETag": '"2"'})
    make_due(settings)
    assert update(settings, site).copied == 1
    copy = thumbnails.copy_of(thumbnails.folder(settings), address)
    assert copy is not None
    assert Image.open(io.BytesIO(copy.body)).size == (10, 10)


def test_the_last_good_copy_outlives_its_original_and_pauses_grow(settings: Settings, site: Site) -> None:
    address = site.put("/a.png", picture())
    known(settings, address)
    update(settings, site)
    before = thumbnails.copy_of(thumbnails.folder(settings), address)
    pauses = []
    for body, status in ((b"", 404), (HTML, 200), (b"", 503)):
        site.put("/a.png", body, status)
        make_due(settings)
        update(settings, site)
        found = standing(settings)[address]
        pauses.append(found.next_try)
        assert found.state == "dead"
        assert thumbnails.copy_of(thumbnails.folder(settings), address) == before
    assert pauses == sorted(set(pauses))
    told = thumbnail_copies.status(settings)
    assert (told.states, told.kept, told.due) == ({"dead": 1}, 1, 0)
    assert told.reasons == [("status 503", 1)]
    site.put("/a.png", picture())
    make_due(settings)
    update(settings, site)
    assert (standing(settings)[address].state, standing(settings)[address].failures) == ("ok", 0)


def test_robots_txt_is_obeyed(settings: Settings, site: Site) -> None:
    site.put("/robots.txt", b"User-agent: *\nDisallow: /private/")
    known(settings, site.put("/private/a.png", picture()))
    assert update(settings, site).dead == 1
    assert [path for path, _ in site.asked] == ["/robots.txt"]


def test_limit_new_ones_first(settings: Settings, site: Site) -> None:
    known(settings, *(site.put(f"/{n}.png", picture()) for n in range(3)))
    assert (update(settings, site, 2).left, update(settings, site, 2).asked) == (1, 1)


# --- after a harvest


def test_a_harvest_lists_images_and_copies_them(tmp_path: Path, site: Site) -> None:
    settings = with_images(tmp_path, [site.put("/a.png", picture()), site.put("/b.png", picture())])
    source = replace(settings.sources["idr"], options={"mirror": site.url})
    settings = replace(settings, sources={"idr": source}, thumbnails="on", thumbnails_per_run=1)
    harvest(settings, ["idr"])
    assert sorted(asked.state for asked in standing(settings).values()) == ["new", "ok"]
    with write_lock(thumbnails.folder(settings)):
        harvest(settings, ["idr"])  # another process makes copies: the harvest stands
    assert sorted(asked.state for asked in standing(settings).values()) == ["new", "ok"]


def test_off_means_that_nobody_is_asked(tmp_path: Path, site: Site) -> None:
    settings = with_images(tmp_path, [site.put("/a.png", picture())])
    harvest(settings, ["idr"])
    assert site.asked == []
    assert not thumbnails.folder(settings).exists()


def with_images(folder: Path, addresses: list[str]) -> Settings:
    """Return the settings of a hub with one dataset of IDR that has these images."""
    settings = demo_settings(folder, ("idr",))
    home = folder / "idr"
    for path in home.iterdir():
        path.unlink()
    crate = json.loads((DEMO / "idr" / f"{IDR}-ro-crate-metadata.json").read_text(encoding="utf-8"))
    root = next(node for node in crate["@graph"] if node["@type"] == "Dataset")
    root["thumbnailUrl"] = addresses
    (home / f"{IDR}-ro-crate-metadata.json").write_text(json.dumps(crate), encoding="utf-8")
    return settings


def test_command_line(tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_text('data_dir = "data"\n', encoding="utf-8")
    run = CliRunner().invoke
    assert "no addresses yet; 0 due" in run(command_line, ["thumbnails", "--config", str(file)]).output
    told = run(command_line, ["thumbnails", "update", "--limit", "5", "--json", "--config", str(file)]).output
    assert json.loads(told) == {"asked": 0, "copied": 0, "unchanged": 0, "dead": 0, "left": 0}


# --- placeholders


def test_placeholder_is_well_formed_and_the_same_each_time() -> None:
    hostile = '<script>alert("1")</script>&'
    for accession in ("idr0001", "S-BIAD1", "108-Sugita-RPEiPSCell-with-a-very-long-name", hostile):
        drawn = thumbnails.placeholder("idr", accession)
        assert drawn == thumbnails.placeholder("idr", accession)
        names = {element.tag.rpartition("}")[2] for element in ET.fromstring(drawn).iter()}
        assert names == {"svg", "title", "rect", "g", "circle", "text"}
