"""Trees of files, wherever they lie: a folder, a zip, a tarball, or a repository on GitHub.

Archives publish metadata as files in git; a harvester of such files lists and reads them through here, so that
the live repository, a download of it and a folder on disk are the same to it.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import lzma
import os
import re
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote

from harvesters.contract import Entry, Http, Source, SourceError

GITHUB = re.compile(
    r"https://github\.com/(?P<owner>[\w.-]+)/(?P<repo>[\w.-]+?)(?:\.git)?(?:/tree/(?P<ref>[^/]+)(?:/(?P<path>.*))?)?/?"
)
# Source: https://docs.github.com/en/rest/git/trees (the contents API stops at 1,000 files; trees say `truncated`)
GITHUB_API = "https://api.github.com"
GITHUB_RAW = "https://raw.githubusercontent.com"
GITHUB_TARBALL = "https://codeload.github.com"
# A file changed within this time before it was read may change again under the same time stamp.
RACY_NS = 2_000_000_000
MAX_UNPACKED_BYTES = 1 << 30
MAX_STREAMED_BYTES = 1 << 34


def entries(http: Http, source: Source, suffix: str) -> Iterator[Entry]:
    """Yield one entry for each file whose name ends in ``suffix``, sorted by path; the key is the path.

    Raises:
        SourceError: the tree cannot be listed completely.
    """
    if match := GITHUB.fullmatch(source.url):
        listed = _github(http, source, match, suffix)
    elif source.url.startswith(("http://", "https://")):
        listed = _archive_entries(http, source, suffix)
    elif Path(source.url).is_dir():
        listed = _folder(Path(source.url), suffix)
    elif Path(source.url).is_file():
        listed = _archive_entries(http, source, suffix)
    else:
        raise SourceError(f"[sources.{source.name}] url: no folder or file at {source.url!r}")
    yield from sorted(listed, key=lambda entry: entry.key)


def fetch(http: Http, source: Source, entry: Entry) -> bytes:
    """Return the bytes of one file.

    Raises:
        SourceError: it cannot be read any more.
    """
    if GITHUB.fullmatch(source.url):
        known = _tarball(http, source)
        return known[entry.key] if entry.key in known else http.get(entry.url or "")
    folder = Path(source.url)
    if folder.is_dir():
        try:
            return (folder / entry.key).read_bytes()
        except OSError as err:
            raise SourceError(f"{folder / entry.key}: {err.strerror}") from err
    contents = _contents(http, source)
    if entry.key not in contents:
        raise SourceError(f"{source.url} does not hold {entry.key}")
    return contents[entry.key]


@contextlib.contextmanager
def opened(http: Http, source: Source, entry: Entry) -> Iterator[BinaryIO]:
    """Give the bytes of one file as a stream: of a folder or a zip on disk in bounded memory.

    Raises:
        SourceError: it cannot be read any more, or a zip's or tarball's member is damaged.
    """
    path = Path(source.url)
    try:
        if path.is_dir():
            with (path / entry.key).open("rb") as stream:
                yield stream
        elif path.is_file() and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive, archive.open(entry.key) as member:
                yield cast(BinaryIO, member)
        else:
            yield io.BytesIO(fetch(http, source, entry))
    except OSError as err:
        raise SourceError(f"{path / entry.key}: {err.strerror}") from err
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as err:
        raise SourceError(f"{source.url} does not hold {entry.key} in one piece: {err}") from err


def _folder(root: Path, suffix: str) -> Iterator[Entry]:
    """Yield the files below a folder; a folder that is reached twice, by links, is listed once."""
    stack = [(str(root.absolute()), "")]
    seen: set[str] = set()
    now = time.time_ns()
    while stack:
        folder, below = stack.pop()
        try:
            if (real := os.path.realpath(folder, strict=True)) in seen:
                continue
            seen.add(real)
            for item in sorted(os.scandir(folder), key=lambda found: found.name):
                if item.is_dir():
                    stack.append((item.path, f"{below}{item.name}/"))
                elif item.name.endswith(suffix):
                    yield Entry(below + item.name, _stamp(item.stat(), now), f"file://{quote(os.fsencode(item.path))}")
        except OSError as err:
            raise SourceError(f"{err.filename}: {err.strerror}") from err


def _stamp(stat: os.stat_result, now: int) -> str | None:
    changed = max(stat.st_mtime_ns, stat.st_ctime_ns)
    return None if now - changed < RACY_NS else f"{stat.st_size}-{changed}-{stat.st_ino}"


# --- zip and tar ---------------------------------------------------------------------------------------------------


def _archive_entries(http: Http, source: Source, suffix: str) -> Iterator[Entry]:
    for path, data in _contents(http, source).items():
        if path.endswith(suffix):
            yield Entry(path, git_blob_hash(data), f"{source.url}#{quote(path)}")


def git_blob_hash(data: bytes) -> str:
    """Return the hash that git gives a file of these bytes.

    >>> git_blob_hash(b"")
    'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _memo_key(source: Source) -> str:
    return f"files:{source.name}:{source.url}"


def _contents(http: Http, source: Source) -> dict[str, bytes]:
    return http.once(_memo_key(source), lambda: _unpack(_download(http, source), source.url))


def _tarball(http: Http, source: Source) -> dict[str, bytes]:
    """Return what the listing found in a repository's tarball; nothing where it did not need one."""
    return http.once(f"{_memo_key(source)}:tarball", dict)


def _download(http: Http, source: Source) -> bytes:
    if source.url.startswith(("http://", "https://")):
        return http.get(source.url)
    try:
        return Path(source.url).read_bytes()
    except OSError as err:
        raise SourceError(f"{source.url}: {err.strerror}") from err


def _unpack(data: bytes, name: str) -> dict[str, bytes]:
    try:
        if zipfile.is_zipfile(io.BytesIO(data)):
            return dict(_unzip(data))
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return dict(_untar(tar))
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as err:
        raise SourceError(f"{name} is not a complete zip or tarball: {err}") from err


def _unzip(data: bytes) -> Iterator[tuple[str, bytes]]:
    room = MAX_UNPACKED_BYTES
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                room -= info.file_size
                _check_room(info.filename, room)
                yield info.filename, archive.read(info)


def _untar(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    room = MAX_UNPACKED_BYTES
    for member in tar:
        if member.isfile():
            room -= member.size
            _check_room(member.name, room)
            stream = tar.extractfile(member)
            if stream is not None:
                yield member.name, stream.read()
    # tarfile stops at the first empty block; the checksum of a compressed tarball comes after the last byte.
    while rest := tar.fileobj.read(1 << 16):
        room -= len(rest)
        _check_room("its end", room)


def members(stream: BinaryIO, name: str, wanted: Callable[[str], bool]) -> Iterator[tuple[str, BinaryIO]]:
    """Yield path and stream of the wanted files of a ``.tar.gz``, in bounded memory, without its topmost folder.

    Each stream is to be read before the next is asked for; nothing is written to a path that the tarball names.

    Raises:
        SourceError: cut short, damaged, or longer than `MAX_STREAMED_BYTES` when unpacked.
    """
    room = MAX_STREAMED_BYTES
    try:
        with gzip.GzipFile(fileobj=stream) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
            for member in tar:
                room -= member.size
                _check_room(member.name, room, MAX_STREAMED_BYTES)
                path = member.name.partition("/")[2]
                if member.isfile() and wanted(path) and (file := tar.extractfile(member)) is not None:
                    yield path, cast(BinaryIO, file)
            while rest := plain.read(1 << 16):  # the checksum comes after the last byte
                room -= len(rest)
                _check_room("its end", room, MAX_STREAMED_BYTES)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as err:
        raise SourceError(f"{name} is not a complete tarball: {err}") from err


def _check_room(name: str, room: int, limit: int | None = None) -> None:
    if room < 0:
        raise SourceError(f"unpacked it is longer than {limit or MAX_UNPACKED_BYTES} bytes (at {name})")


# --- GitHub --------------------------------------------------------------------------------------------------------


def _github(http: Http, source: Source, match: re.Match[str], suffix: str) -> Iterator[Entry]:
    owner, repo = match["owner"], match["repo"]
    ref, folder = match["ref"] or "HEAD", (match["path"] or "").strip("/")
    api = str(source.options.get("github_api", GITHUB_API))
    raw = str(source.options.get("github_raw", GITHUB_RAW))
    tree = _json(http, f"{api}/repos/{owner}/{repo}/git/trees/{quote(ref)}?recursive=1")
    if tree.get("truncated"):
        yield from _github_tarball(http, source, (owner, repo, ref, folder), suffix)
        return
    if not isinstance(tree.get("tree"), list):
        raise SourceError(f"{api} gave no listing of {owner}/{repo}")
    for item in tree["tree"]:
        path = str(item.get("path", ""))
        if item.get("type") == "blob" and path.endswith(suffix) and _below(path, folder):
            yield Entry(path, item.get("sha"), f"{raw}/{owner}/{repo}/{quote(ref)}/{quote(path)}")


def _github_tarball(http: Http, source: Source, place: tuple[str, str, str, str], suffix: str) -> Iterator[Entry]:
    owner, repo, ref, folder = place
    url = f"{source.options.get('github_tarball', GITHUB_TARBALL)}/{owner}/{repo}/tar.gz/{quote(ref)}"
    unpacked = _unpack(http.get(url), url)
    contents = {path.partition("/")[2]: data for path, data in unpacked.items()}
    _tarball(http, source).update(contents)
    for path, data in contents.items():
        if path.endswith(suffix) and _below(path, folder):
            yield Entry(path, git_blob_hash(data), f"https://github.com/{owner}/{repo}/blob/{ref}/{quote(path)}")


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(folder + "/")


def _json(http: Http, url: str) -> dict[str, Any]:
    try:
        found = json.loads(http.get(url))
    except (ValueError, RecursionError) as err:
        raise SourceError(f"{url} did not answer with JSON") from err
    if not isinstance(found, dict):
        raise SourceError(f"{url} answered with {type(found).__name__}, not an object")
    return found
