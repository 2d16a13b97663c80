"""Trees of files: folder, zip, tarball and GitHub give the same entries; damage is an error, never a short listing."""

from __future__ import annotations

import io
import json
import os
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from harvesters import files
from harvesters.contract import Entry, Source, SourceError
from harvesters.http import Manners, PoliteSession

TREE = {
    "b.json": b'{"b": 1}',
    "a.json": b"{}",
    "deep/er/c d#ü.json": b"[]",
    "deep/notes.txt": b"no",
    "other/d.json": b"",
}
LISTED = ["a.json", "b.json", "deep/er/c d#ü.json", "other/d.json"]


@pytest.fixture
def http() -> Iterator[PoliteSession]:
    with PoliteSession(Manners(interval_s=0, retries=0), sleep=lambda _: None) as session:
        yield session


def source(url: str | Path, **options: Any) -> Source:
    return Source("x", "crates", "bia", str(url), options)


def keys(http: PoliteSession, asked: Source) -> list[str]:
    return [e.key for e in files.entries(http, asked, ".json")]


def contents(http: PoliteSession, asked: Source) -> dict[str, bytes]:
    return {e.key: files.fetch(http, asked, e) for e in files.entries(http, asked, ".json")}


def zipped(tree: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("deep/", b"")
        for name, data in tree.items():
            packed.writestr(name, data)
    return made.getvalue()


def tarred(tree: dict[str, bytes], top: str = "") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as packed:
        link = tarfile.TarInfo(f"{top}link.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
        for name, data in tree.items():
            info = tarfile.TarInfo(top + name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return made.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name, data in TREE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def wanted(tree: dict[str, bytes] | None = None) -> dict[str, bytes]:
    return {name: (tree or TREE)[name] for name in LISTED}


# --- folder


def test_folder(http: PoliteSession, folder: Path) -> None:
    assert keys(http, source(folder)) == LISTED
    assert contents(http, source(folder)) == wanted()
    first = next(files.entries(http, source(folder), ".json"))
    assert first.url == (folder / "a.json").as_uri()


def age(path: Path, seconds: float = 10) -> None:
    """Make a file look older; its change time is the kernel's, so the clock moves on instead."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def version(http: PoliteSession, folder: Path, monkeypatch: pytest.MonkeyPatch, later_s: float = 10) -> str | None:
    real = time.time_ns()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: real + int(later_s * 1e9))
        return next(files.entries(http, source(folder), ".json")).version


def test_version_is_stable_and_follows_the_file(
    http: PoliteSession, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "a.json"
    first = version(http, folder, monkeypatch)
    assert first is not None
    assert version(http, folder, monkeypatch) == first
    path.touch()
    touched = version(http, folder, monkeypatch)
    stamp = path.stat().st_mtime_ns
    path.write_bytes(b"[]")  # the same length, under the same modification time
    os.utime(path, ns=(stamp, stamp))
    edited = version(http, folder, monkeypatch)
    (folder / "new").write_bytes(b"[]")
    (folder / "new").replace(path)
    os.utime(path, ns=(stamp, stamp))
    assert len({first, touched, edited, version(http, folder, monkeypatch)}) == 4


def test_racy_file_has_no_version(http: PoliteSession, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert version(http, folder, monkeypatch, later_s=0) is None
    assert version(http, folder, monkeypatch, later_s=-5) is None


def test_missing_folder_and_missing_file(http: PoliteSession, folder: Path) -> None:
    with pytest.raises(SourceError, match=r"\[sources.x\] url: no folder or file"):
        keys(http, source(folder / "absent"))
    first = next(files.entries(http, source(folder), ".json"))
    (folder / "a.json").unlink()
    with pytest.raises(SourceError, match=r"a\.json"):
        files.fetch(http, source(folder), first)


def test_symlink_loops_end(http: PoliteSession, folder: Path) -> None:
    for name in ("loop1", "loop2", "deep/up", "deep/er/up"):
        (folder / name).symlink_to(folder, target_is_directory=True)
    assert keys(http, source(folder)) == LISTED


def test_linked_folder_is_read(http: PoliteSession, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "z.json").write_bytes(b"{}")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    assert keys(http, source(folder)) == sorted([*LISTED, "linked/z.json"])


@pytest.mark.parametrize("target", ["gone.json", "self.json"])
def test_broken_link_is_an_error(http: PoliteSession, folder: Path, target: str) -> None:
    (folder / "self.json").symlink_to(target)
    with pytest.raises(SourceError, match=r"self\.json"):
        keys(http, source(folder))


# --- zip and tarball


@pytest.mark.parametrize(("name", "pack"), [("t.zip", zipped), ("t.tar.gz", tarred)])
def test_packed_file(http: PoliteSession, tmp_path: Path, name: str, pack: Any) -> None:
    path = tmp_path / name
    path.write_bytes(pack(TREE))
    asked = source(path)
    assert keys(http, asked) == LISTED
    assert contents(http, asked) == wanted()
    first = next(files.entries(http, asked, ".json"))
    assert first.version == files.git_blob_hash(b"{}") == "9e26dfeeb6e641a33dae4961196235bdb965b21b"
    assert first.url == f"{path}#a.json"
    with pytest.raises(SourceError, match="does not hold"):
        files.fetch(http, asked, files.Entry("absent.json"))


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_damaged_packed_file(http: PoliteSession, tmp_path: Path, pack: Any) -> None:
    path = tmp_path / "damaged"
    whole = pack({**TREE, "big.json": os.urandom(20_000)})
    broken = [b"", b"PK", b"\x1f\x8b", b"<html>", whole[:-5000], whole[:200]]
    broken += [whole[:n] + bytes(300) + whole[n + 300 :] for n in (30, 2000, 9000)]
    for data in broken:
        path.write_bytes(data)
        with PoliteSession() as fresh, pytest.raises(SourceError):
            contents(fresh, source(path))


def test_encrypted_zip(http: PoliteSession, tmp_path: Path) -> None:
    data = bytearray(zipped({"a.json": b"{}"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := data.find(mark, start + 1)) >= 0:
            data[start + offset] |= 1
    (tmp_path / "a.zip").write_bytes(bytes(data))
    with pytest.raises(SourceError):
        keys(http, source(tmp_path / "a.zip"))


def test_unpacked_size_is_bounded(http: PoliteSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 1000)
    for pack in (zipped, tarred):
        path = tmp_path / pack.__name__
        path.write_bytes(pack({"a.json": bytes(600), "b.json": bytes(600)}))
        with pytest.raises(SourceError, match="longer than 1000 bytes"):
            keys(http, source(path))


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_path_traversal_is_harmless(http: PoliteSession, tmp_path: Path, pack: Any) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    path = inner / "t"
    path.write_bytes(pack({"../evil.json": b"1", "/abs.json": b"2"}))
    found = contents(http, source(path))
    assert sorted(found.values()) == [b"1", b"2"]
    assert [p.name for p in tmp_path.rglob("*")] == ["inner", "t"]


# --- GitHub


class GitHub:
    """A loopback GitHub: one repository, one commit."""

    def __init__(self) -> None:
        self.tree = dict(TREE)
        self.truncated = False
        self.answer: Any = None
        self.asked: list[str] = []
        self.url = ""

    def get(self, path: str) -> bytes | None:
        self.asked.append(path)
        if path == "/api/repos/o/r/git/trees/main?recursive=1":
            blobs = [{"path": p, "type": "blob", "sha": files.git_blob_hash(d)} for p, d in reversed(self.tree.items())]
            listing = {"tree": [{"path": "deep.json", "type": "tree", "sha": "0"}, *blobs], "truncated": self.truncated}
            return json.dumps(listing if self.answer is None else self.answer).encode()
        if path == "/tarball/o/r/tar.gz/main":
            return tarred(self.tree, "r-0123456/")
        return {f"/raw/o/r/main/{files.quote(p)}": d for p, d in self.tree.items()}.get(path)

    def source(self, url: str = "https://github.com/o/r/tree/main") -> Source:
        return source(
            url, github_api=f"{self.url}/api", github_raw=f"{self.url}/raw", github_tarball=f"{self.url}/tarball"
        )


@pytest.fixture
def github() -> Iterator[GitHub]:
    served = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        server.shutdown()
        thread.join()


def test_github_tree(github: GitHub, http: PoliteSession) -> None:
    assert contents(http, github.source()) == wanted()
    listed = list(files.entries(http, github.source(), ".json"))
    assert [e.key for e in listed] == LISTED
    assert listed[0].version == files.git_blob_hash(b"{}")
    assert listed[0].url == f"{github.url}/raw/o/r/main/a.json"
    assert [
        e.key for e in files.entries(http, github.source("https://github.com/o/r/tree/main/deep"), ".json")
    ] == LISTED[2:3]


def test_truncated_tree_is_read_from_the_tarball(github: GitHub, http: PoliteSession) -> None:
    versions = [e.version for e in files.entries(http, github.source(), ".json")]
    assert files.fetch(http, github.source(), files.Entry("a.json", url=f"{github.url}/raw/o/r/main/a.json")) == b"{}"
    github.truncated = True
    github.asked.clear()
    assert contents(http, github.source()) == wanted()
    assert github.asked == ["/api/repos/o/r/git/trees/main?recursive=1", "/tarball/o/r/tar.gz/main"]
    assert [e.version for e in files.entries(http, github.source(), ".json")] == versions


@pytest.mark.parametrize("answer", [{}, {"message": "rate limit"}, [], {"tree": None}, {"tree": {}}, 7])
def test_strange_tree_is_never_an_empty_listing(github: GitHub, http: PoliteSession, answer: Any) -> None:
    github.answer = answer
    with pytest.raises(SourceError):
        keys(http, github.source())


def test_missing_repository_and_file(github: GitHub, http: PoliteSession) -> None:
    with pytest.raises(SourceError) as failed:
        keys(http, github.source("https://github.com/o/gone"))
    assert failed.value.status == 404
    first = next(files.entries(http, github.source(), ".json"))
    del github.tree["a.json"]
    with pytest.raises(SourceError) as failed:
        files.fetch(http, github.source(), first)
    assert failed.value.status == 404


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://github.com/o/r", ("o", "r", None, None)),
        ("https://github.com/o/r.git", ("o", "r", None, None)),
        ("https://github.com/o/r/", ("o", "r", None, None)),
        ("https://github.com/o/a.b-tree", ("o", "a.b-tree", None, None)),
        ("https://github.com/o/r/tree/v1.0", ("o", "r", "v1.0", None)),
        ("https://github.com/o/r/tree/main/a/b", ("o", "r", "main", "a/b")),
    ],
)
def test_github_addresses(url: str, place: tuple[str | None, ...]) -> None:
    match = files.GITHUB.fullmatch(url)
    assert match is not None
    assert match.group("owner", "repo", "ref", "path") == place
    assert files.GITHUB.fullmatch("https://github.com/o/r/archive/main.zip") is None
    assert files.GITHUB.fullmatch("https://github.com/o/retree/main") is None


def test_live_zip(github: GitHub, http: PoliteSession) -> None:
    github.tree = {}
    asked = source(f"{github.url}/tarball/o/r/tar.gz/main")
    assert keys(http, asked) == []
    with pytest.raises(SourceError):
        keys(http, source(f"{github.url}/absent.zip"))


def test_opened_streams_the_same_bytes(http: PoliteSession, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tree.zip").write_bytes(zipped(TREE))
    (tmp_path / "tree.tar.gz").write_bytes(tarred(TREE))
    for asked in (source(folder), source(tmp_path / "tree.zip"), source(tmp_path / "tree.tar.gz")):
        for entry in files.entries(http, asked, ".json"):
            with files.opened(http, asked, entry) as stream:
                assert stream.read() == files.fetch(http, asked, entry)


@pytest.mark.parametrize("key", ["absent.json", "deep"])
def test_opened_refuses_what_is_no_file(http: PoliteSession, folder: Path, tmp_path: Path, key: str) -> None:
    (tmp_path / "tree.zip").write_bytes(zipped(TREE))
    for asked in (source(folder), source(tmp_path / "tree.zip")):
        with pytest.raises(SourceError), files.opened(http, asked, Entry(key)) as stream:
            stream.read()


def test_opened_finds_a_damaged_member(http: PoliteSession, tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("a.json", b"x" * 1000)
    (tmp_path / "tree.zip").write_bytes(made.getvalue().replace(b"xxxx", b"yyyy", 1))
    with (
        pytest.raises(SourceError, match="one piece"),
        files.opened(http, source(tmp_path / "tree.zip"), Entry("a.json")) as stream,
    ):
        stream.read()


def test_members_streams_what_is_wanted() -> None:
    packed = io.BytesIO(tarred(TREE, "top/"))
    found = {path: stream.read() for path, stream in files.members(packed, "x", lambda path: path.endswith(".json"))}
    assert found == {path: data for path, data in TREE.items() if path.endswith(".json")}


@pytest.mark.parametrize("cut", [1, 9, 60, 200])
def test_members_of_a_cut_tarball_are_an_error(cut: int) -> None:
    packed = tarred({"a.json": os.urandom(5000)}, "top/")
    listed = files.members(io.BytesIO(packed[:-cut]), "x", lambda _: True)
    with pytest.raises(SourceError, match="complete tarball"):
        [stream.read() for _, stream in listed]


def test_members_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_STREAMED_BYTES", 100)
    with pytest.raises(SourceError, match="longer than 100 bytes"):
        list(files.members(io.BytesIO(tarred({"a.json": b"x" * 1000}, "top/")), "x", lambda _: True))
