"""Files named by their content: whole or not there, whoever else writes."""

from __future__ import annotations

import hashlib
import os
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harvesters.contract import Attachment, RecordError, SourceError
from harvesters.keep import STALE_S, Keep, chunks_of

DIGEST = hashlib.sha256(b"kept").hexdigest()


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    return Keep(tmp_path / "deep" / "raw")


def names(keep: Keep) -> list[str]:
    return sorted(path.name for path in keep.folder.rglob("*") if path.is_file())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary()))
def test_content_is_what_was_put(keep: Keep, chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    made = keep.put(iter(chunks))
    assert made == Attachment(hashlib.sha256(whole).hexdigest(), len(whole))
    with keep.open(made.sha256) as stream:
        assert b"".join(chunks_of(stream)) == whole
    assert keep.read(made.sha256) == whole
    assert keep.attachment(made.sha256) == made
    assert keep.holds(made.sha256)


def test_layout_is_that_of_the_payloads(keep: Keep) -> None:
    keep.put([b"kept"])
    assert keep.path(DIGEST) == keep.folder / DIGEST[:2] / DIGEST
    assert names(keep) == [DIGEST]
    assert keep.path(DIGEST).stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    "digest", ["", "x", DIGEST.upper(), DIGEST + "0", "../" * 21 + "x", "/etc/passwd", "\x00" * 64]
)
def test_what_is_no_digest(keep: Keep, digest: str) -> None:
    for ask in (keep.path, keep.open):
        with pytest.raises(RecordError):
            ask(digest)
    assert (keep.read(digest), keep.attachment(digest), keep.holds(digest)) == (None, None, False)
    assert not keep.is_sound(digest)


def test_absent_and_damaged(keep: Keep) -> None:
    with pytest.raises(RecordError, match="--full"):
        keep.open(DIGEST)
    assert (keep.read(DIGEST), keep.attachment(DIGEST), keep.holds(DIGEST)) == (None, None, False)
    keep.put([b"kept"])
    assert keep.read(DIGEST, limit=4) == b"kept"
    assert keep.read(DIGEST, limit=3) is None
    keep.path(DIGEST).write_bytes(b"kepT")
    assert keep.holds(DIGEST)
    assert (keep.read(DIGEST), keep.attachment(DIGEST), keep.is_sound(DIGEST)) == (None, None, False)
    keep.put([b"kept"])
    assert keep.is_sound(DIGEST)


def test_broken_source_leaves_nothing(keep: Keep) -> None:
    def breaks() -> Iterator[bytes]:
        yield b"half"
        raise OSError("the source broke")

    with pytest.raises(OSError, match="the source broke"):
        keep.put(breaks())
    assert names(keep) == []


def test_part_is_never_visible_under_its_name(keep: Keep) -> None:
    def watched() -> Iterator[bytes]:
        yield b"ke"
        assert not keep.holds(DIGEST)
        yield b"pt"

    keep.put(watched())
    assert keep.is_sound(DIGEST)


def test_equal_contents_at_once(keep: Keep) -> None:
    barrier = threading.Barrier(8)
    chunks = [bytes([number]) * 100_000 for number in range(20)]
    made: list[Attachment] = []

    def put() -> None:
        barrier.wait()
        made.extend(keep.put(chunks) for _ in range(10))

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 80
    assert len(set(made)) == 1
    assert keep.is_sound(made[0].sha256)
    assert names(keep) == [made[0].sha256]


def test_memory_is_bounded(keep: Keep) -> None:
    tracemalloc.start()
    try:
        made = keep.put(bytes(1 << 20) for _ in range(100))
        assert made.size == 100 << 20
        assert keep.is_sound(made.sha256)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError, match=r"cannot keep a file in .*file"):
        Keep(tmp_path / "file").put([b"kept"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_full_disk(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, full = Path.open, Path("/dev/full")
    monkeypatch.setattr(Path, "open", lambda path, mode: opened(full, "wb") if "x" in mode else opened(path, mode))
    for chunks in ([b"kept"], [bytes(1 << 20)]):
        with pytest.raises(SourceError, match="No space left"):
            keep.put(chunks)
    assert names(keep) == []


def test_leavings_of_dead_writers_are_removed(keep: Keep) -> None:
    keep.put([b"kept"])
    old, young = keep.folder / ".part-1-dead", keep.folder / ".part-2-busy"
    for part in (old, young):
        part.write_bytes(b"half")
    then = time.time() - STALE_S - 10
    os.utime(old, (then, then))
    Keep(keep.folder).put([b"kept"])
    assert names(keep) == sorted([young.name, DIGEST])
