"""The whole hub in one file: what is published, the catalogue, and a signed manifest of every byte of it.

The file is a tar archive, compressed with zstd, whose first member is the manifest. It is unpacked into a folder that
looks like a data folder, is named by the manifest's hash, and is only read.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import zstandard

from hub import references, snapshots
from hub.config import Settings
from hub.dumps import layout, manifest
from hub.dumps.layout import File
from hub.dumps.make import link
from hub.dumps.verify import Verdict, check_manifest
from hub.dumps.writing import BUFFER_BYTES, LEVEL, sha256_of
from hub.errors import BUNDLE, StoreError
from hub.links.catalogue import Links
from hub.log import ABSENT, Log
from hub.snapshots import Snapshot
from hub.store import write_lock

SUFFIX: Final = ".hub"
MEDIA_TYPE: Final = "application/octet-stream"
CATALOGUE: Final = "catalogue.sqlite"
CONFIG: Final = "hub.toml"
MAX_MANIFEST: Final = 16 << 20
Progress = Callable[[int], object]


def pack(
    settings: Settings,
    target: Path,
    *,
    catalogue: bool = True,
    tables: bool = True,
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """Write what is published into one file and return its manifest.

    Args:
        settings: the hub's settings.
        target: the file.
        catalogue: put the catalogue in: links with their reasons, histories, feeds, findings.
        tables: put reference data in, such as tables of genes.
        progress: told how many bytes were written, part by part.

    Raises:
        NotPublishedError: nothing is published yet.
        LockedError: another process writes.
        StoreError: what is published is older than the catalogue.
    """
    with _beside(target) as stage:
        with write_lock(settings.data_dir), closing(Log(settings.database)) as log:
            snapshot = snapshots.current(settings.snapshots_dir)
            _check_published(log, snapshot)
            _collect(settings, log, snapshot, stage, catalogue=catalogue, tables=tables)
            files = [_file(stage, path) for path in sorted(stage.rglob("*")) if path.is_file()]
            counted = manifest.tally(log, snapshot.sequence)
            told = _settings_of(settings, snapshot, catalogue=catalogue, tables=tables)
            signed = manifest.signed(manifest.BUNDLE, log, settings, snapshot, counted, files, served_with=told)
        part = target.with_name(f"{target.name}.part")
        _write(part, stage, signed, files, progress)
        part.replace(target)
    return signed


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    stage = target.absolute().with_name(f".{target.name}-building")
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        target.with_name(f"{target.name}.part").unlink(missing_ok=True)


def _check_published(log: Log, snapshot: Snapshot) -> None:
    if (log.last_sequence(), Links(log).last_sequence()) != (snapshot.sequence, snapshot.link_sequence):
        raise StoreError("what is published is older than the catalogue: run `hub rebuild` first")


def _collect(settings: Settings, log: Log, snapshot: Snapshot, stage: Path, *, catalogue: bool, tables: bool) -> None:
    """Put everything where it is to lie in the unpacked folder."""
    from hub.dumps import catalogue as copies

    place = stage / "snapshots" / snapshot.path.name
    for source in sorted(path for path in snapshot.path.rglob("*") if path.is_file()):
        target = place / source.relative_to(snapshot.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        link(source, target)
    if catalogue:
        copies.copy(log, stage / CATALOGUE)
    for name in settings.references if tables else ():
        if (source := references.path_of(settings, name)).is_file():
            (stage / "references").mkdir(exist_ok=True)
            link(source, stage / "references" / source.name)


def _settings_of(settings: Settings, snapshot: Snapshot, *, catalogue: bool, tables: bool) -> dict[str, Any]:
    """Return the settings that pages depend on; no address in the operator's own network or folder is among them."""
    sources = {
        name: {
            "harvester": source.harvester,
            "archive": source.archive,
            "url": source.url if source.url.startswith("https://") else "elsewhere",
            **{key: source.options[key] for key in ("archive_title", "archive_homepage") if key in source.options},
        }
        for name, source in settings.sources.items()
    }
    known = settings.references.items() if tables else ()
    return {
        "plain": {"hub_name": settings.hub_name, "base_iri": settings.base_iri, "mirror_policy": settings.mirror_policy}
        | ({} if catalogue else {"database_url": ABSENT}),
        "snapshot": snapshot.path.name,
        "sources": sources,
        "precedence": {slot: list(names) for slot, names in settings.precedence.items()},
        "references": {name: {"kind": r.kind, "format": r.format, "url": "elsewhere"} for name, r in known},
    }


def _file(stage: Path, path: Path) -> File:
    name = path.relative_to(stage).as_posix()
    kind = name.partition("/")[0].partition(".")[0]
    return File(name, kind, name, MEDIA_TYPE, path.stat().st_size, sha256_of(path), 0)


def _write(target: Path, stage: Path, signed: dict[str, Any], files: list[File], progress: Progress) -> None:
    first = manifest.text(signed).encode()
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    with target.open("wb") as raw:
        with compressor.stream_writer(raw, closefd=False) as out, tarfile.open(fileobj=out, mode="w|") as archive:
            archive.addfile(_member(BUNDLE, len(first)), io.BytesIO(first))
            for file in files:
                with (stage / file.name).open("rb") as content:
                    archive.addfile(_member(file.name, file.bytes), content)
                progress(file.bytes)
        os.fsync(raw.fileno())


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member


# --- reading ----------------------------------------------------------------------------------------------------------


def verify(file: Path, key: str = "", progress: Progress = lambda _: None) -> Verdict:
    """Check a hub in one file: its signature, and every byte of it.

    Args:
        file: the file.
        key: public key of the hub that must have signed it; without one, that of the manifest itself.
        progress: told how many bytes were read, part by part.
    """
    verdict = Verdict()
    _read(file, key, verdict, None, progress)
    return verdict


def unpack(file: Path, cache: Path, key: str = "", progress: Progress = lambda _: None) -> Path:
    """Check a hub in one file, unpack it unless that was done before, and return its settings file.

    Args:
        file: the file.
        cache: folder of unpacked hubs.
        key: public key of the hub that must have signed it.
        progress: told how many bytes were read, part by part.

    Raises:
        StoreError: it is none, or it was touched; says what is wrong.
    """
    verdict, building = Verdict(), cache / f".building-{os.getpid()}"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        told = _read(file, key, verdict, building, progress)
        if told is None or not verdict.is_sound:
            raise StoreError(f"{file} is not served: {verdict.problems[0]}")
        target = cache / hashlib.sha256(manifest.text(told).encode()).hexdigest()[:32]
        if not (target / CONFIG).is_file():
            _finish(building, told)
            shutil.rmtree(target, ignore_errors=True)
            building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target / CONFIG


def _finish(building: Path, told: dict[str, Any]) -> None:
    """Make of what was unpacked a folder that is served; that it is only read is written first."""
    (building / BUNDLE).write_text(manifest.text(told), encoding="utf-8")
    (building / "snapshots" / "current").symlink_to(told["served_with"]["snapshot"])
    (building / CONFIG).write_text(_toml(told["served_with"]), encoding="utf-8")


def _toml(told: dict[str, Any]) -> str:
    lines = ['data_dir = "."', *_pairs(told["plain"]), "[precedence]", *_pairs(told["precedence"])]
    for kind in ("sources", "references"):
        for name, table in told[kind].items():
            lines += [f"[{kind}.{json.dumps(name)}]", *_pairs(table)]
    return "\n".join(lines) + "\n"


def _pairs(table: dict[str, Any]) -> list[str]:
    """Return the lines of a TOML table; its texts and lists of texts are written as in JSON."""
    return [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in table.items()]


def _read(file: Path, key: str, verdict: Verdict, into: Path | None, progress: Progress) -> dict[str, Any] | None:
    """Check a file to its end, keep its members in a folder if one is given, and return the manifest if it is right."""
    try:
        with (
            file.open("rb") as raw,
            zstandard.ZstdDecompressor().stream_reader(raw) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            return _check(archive, key, verdict, into, progress)
    except (zstandard.ZstdError, tarfile.TarError, EOFError) as err:
        verdict.blame(f"it is no whole hub in one file ({err})")
    except (ValueError, TypeError, KeyError, RecursionError) as err:
        verdict.blame(f"{BUNDLE}: it is no manifest ({err})")
    return None


def _check(
    archive: tarfile.TarFile, key: str, verdict: Verdict, into: Path | None, progress: Progress
) -> dict[str, Any] | None:
    first = archive.next()
    if first is None or first.name != BUNDLE or not first.isreg() or first.size > MAX_MANIFEST:
        verdict.blame(f"it does not begin with {BUNDLE}")
        return None
    content = archive.extractfile(first)
    told = check_manifest(json.loads(content.read() if content else b""), key, verdict)
    if told is None:
        return None
    left = {file.name: file for file in layout.files_of(told)}
    while (member := archive.next()) is not None:
        file = left.pop(member.name, None)
        if file is None or not member.isreg():
            verdict.blame(f"{member.name}: the manifest does not list this file, or it is there twice")
        elif member.size != file.bytes or _extract(archive, member, into) != file.sha256:
            verdict.blame(f"{member.name}: its content is not what the manifest says; somebody touched it")
        else:
            verdict.files += 1
        progress(member.size)
    for name in left:
        verdict.blame(f"{name}: the file is missing")
    return told


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, into: Path | None) -> str:
    """Write a member into a folder, if there is one, and return its SHA-256."""
    digest = hashlib.sha256()
    content = archive.extractfile(member)
    assert content is not None
    target = into / member.name if into else Path(os.devnull)
    if into:
        target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as out:
        while piece := content.read(BUFFER_BYTES):
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()
