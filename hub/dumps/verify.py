"""Checking a dump or a bundle: nobody has to be believed but the hub whose key signed it, and each record's owner.

What is wrong is said in sentences that name the file or the record; what is right is counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hub.dumps import layout, manifest
from hub.dumps.layout import HASHES, MANIFEST, RECORDS, File
from hub.dumps.records import line_of
from hub.dumps.tally import Tally
from hub.dumps.writing import lines_of, sha256_of
from hub.errors import ConfigError
from hub.peers import documents, wire
from hub.peers.standing import Standing

Progress = Callable[[int], object]
MOST: Final = 100
_TOLD: Final = 200
_COUNTS: Final = ("records", "sequence", "sha256", "states")


@dataclass(slots=True)
class Verdict:
    """What checking came to.

    Attributes:
        hub: name of the hub that says it is its own.
        key: the public key that signed it.
        sequence: the log's sequence number that it is true of.
        files: number of files that are as the manifest says.
        records: number of records whose hash and owner's signature are right.
        problems: what is wrong, each one sentence; at most 100.
        count: number of all problems.
        is_known: whether the key is one that was given.
    """

    hub: str = ""
    key: str = ""
    sequence: int = 0
    files: int = 0
    records: int = 0
    problems: list[str] = field(default_factory=list)
    count: int = 0
    is_known: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.count

    def blame(self, problem: str) -> None:
        """Note what is wrong."""
        self.count += 1
        if len(self.problems) < MOST:
            self.problems.append(problem)


def verify(folder: Path, key: str = "", progress: Progress = lambda _: None) -> Verdict:
    """Check a dump in a folder: signature, files, every record and the sets of them.

    Args:
        folder: of the dump.
        key: public key of the hub that must have signed it; without one, that of the manifest itself.
        progress: told how many records were checked, part by part.
    """
    verdict = Verdict()
    told = signed_by((folder / MANIFEST), key, verdict)
    if told is None:
        return verdict
    files = layout.files_of(told)
    sound = {file.name for file in files if _is_file(folder, file, verdict)}
    verdict.files = len(sound)
    for name in sorted({path.name for path in folder.iterdir()} - {file.name for file in files} - {MANIFEST}):
        verdict.blame(f"{name}: the manifest does not list this file")
    for file in files:
        if file.kind == "statements" and file.name in sound:
            _check_statements(folder / file.name, file, verdict)
    if {RECORDS, HASHES} <= sound:
        _check_records(folder, told, verdict, progress)
    elif told["kind"] == manifest.DUMP:
        verdict.blame("the records cannot be checked without their sound files")
    _check_chain(folder, told, verdict)
    return verdict


def signed_by(file: Path, key: str, verdict: Verdict) -> dict[str, Any] | None:
    """Return a manifest that is rightly signed; None, with what is wrong in the verdict, where it is not."""
    try:
        return check_manifest(json.loads(file.read_text(encoding="utf-8")), key, verdict)
    except OSError as err:
        verdict.blame(f"{file.name}: it cannot be read ({err.strerror})")
    except (ValueError, TypeError, KeyError, RecursionError) as err:
        verdict.blame(f"{file.name}: it is no manifest ({err})")
    return None


def check_manifest(told: Any, key: str, verdict: Verdict) -> dict[str, Any] | None:
    """Return a manifest if it is rightly signed, and note in the verdict whose it is.

    Raises:
        ValueError: it is no manifest; TypeError, KeyError likewise.
    """
    if not isinstance(told, dict) or told.get("format") != manifest.FORMAT:
        raise ValueError(f"format: {manifest.FORMAT} is expected")
    for name, kind in (("hub", str), ("key", str), ("base", str), ("kind", str), ("sequence", int), ("owners", dict)):
        if not isinstance(told.get(name), kind):
            raise TypeError(f"{name}: a {kind.__name__} is expected")
    layout.files_of(told)
    verdict.hub, verdict.key, verdict.sequence = told["hub"], told["key"], told["sequence"]
    if key and key != verdict.key:
        verdict.blame(f"{MANIFEST}: it is signed with {verdict.key}, which is not the key of {verdict.hub}")
        return None
    try:
        genuine = documents.is_genuine(told, verdict.key)
    except ConfigError as err:
        raise ValueError(str(err)) from err
    if not genuine:
        verdict.blame(f"{MANIFEST}: its signature is not of what it says; somebody touched it")
        return None
    verdict.is_known = bool(key)
    return told


def _is_file(folder: Path, file: File, verdict: Verdict) -> bool:
    path = folder / file.name
    if not path.is_file():
        verdict.blame(f"{file.name}: the file is missing")
    elif path.stat().st_size != file.bytes:
        verdict.blame(f"{file.name}: it has {path.stat().st_size} bytes, the manifest says {file.bytes}")
    elif sha256_of(path) != file.sha256:
        verdict.blame(f"{file.name}: its content is not what the manifest says (SHA-256)")
    else:
        return True
    return False


def _check_statements(path: Path, file: File, verdict: Verdict) -> None:
    """Check that lines are sorted, each is there once, and how many they are."""
    rows, before = 0, b""
    try:
        with path.open("rb") as stream:
            for line in lines_of(stream):
                rows += 1
                if line <= before:
                    verdict.blame(f"{file.name}: line {rows} is not after the one before it")
                    return
                before = line
    except ValueError as err:
        verdict.blame(f"{file.name}: {err}")
        return
    if rows != file.rows:
        verdict.blame(f"{file.name}: it has {rows} lines, the manifest says {file.rows}")


# --- records ----------------------------------------------------------------------------------------------------------


def _check_records(folder: Path, told: dict[str, Any], verdict: Verdict, progress: Progress) -> None:
    """Check every record against its owner's word, the list of hashes, and the manifest's count of owners."""
    keys = {hub: str(owner.get("key", "")) for hub, owner in told["owners"].items()}
    tally, seen = Tally(), dict[tuple[str, str, str], bytes]()
    for number, one in enumerate(_standing(folder, told["base"], keys, verdict), 1):
        if one.key in seen:
            verdict.blame(f"{RECORDS}: {_name(one)} is there twice")
            continue
        tally.add(one)
        seen[one.key] = _digest(line_of(one))
        if number % _TOLD == 0:
            progress(_TOLD)
    _check_hashes(folder / HASHES, seen, verdict)
    found = tally.told(keys)
    for hub in sorted(found.keys() | told["owners"].keys()):
        said, is_so = told["owners"].get(hub, {}), found.get(hub, {})
        for name in _COUNTS:
            if said.get(name) != is_so.get(name):
                message = f"owners.{hub}.{name}: the manifest says {said.get(name)}, the records say {is_so.get(name)}"
                verdict.blame(message)


def _standing(folder: Path, base: str, keys: dict[str, str], verdict: Verdict) -> Iterator[Standing]:
    """Yield how each record stands that is a change; what is wrong with it is noted."""
    try:
        with (folder / RECORDS).open("rb") as stream:
            for number, line in enumerate(lines_of(stream), 1):
                try:
                    change = wire.from_json(json.loads(line))
                except (ValueError, RecursionError) as err:
                    verdict.blame(f"{RECORDS}: line {number} is no change ({err})")
                    continue
                said = change.statement
                one = Standing(
                    said.hub, said.source, said.accession, said.state, said.sha256, said.sequence, change.number
                )
                if _is_right(change, one, base, keys.get(said.hub, ""), verdict):
                    verdict.records += 1
                yield one
    except ValueError as err:
        verdict.blame(f"{RECORDS}: {err}")


def _is_right(change: wire.Change, one: Standing, base: str, key: str, verdict: Verdict) -> bool:
    said = change.statement
    if not key:
        verdict.blame(f"{_name(one)}: the manifest tells no key of {one.hub}, so its signature cannot be checked")
    elif not said.iri.startswith(f"{base}dataset/"):
        verdict.blame(f"{_name(one)}: {said.iri} is not under {base}dataset/")
    elif change.record is None and said.state == "active":
        verdict.blame(f"{_name(one)}: the record is missing")
    else:
        try:
            wire.check(change, key)
            return True
        except (ValueError, ConfigError) as err:
            verdict.blame(f"{_name(one)}: {err}")
    return False


def _check_hashes(path: Path, seen: dict[tuple[str, str, str], bytes], verdict: Verdict) -> None:
    """Check that the list of hashes is of just the records that there are."""
    left = set(seen)
    try:
        with path.open("rb") as stream:
            for line in lines_of(stream):
                owner, source, accession, *_ = (*line.decode("utf-8", "replace").split("\t"), "", "", "")
                key = (owner, source, accession)
                left.discard(key)
                if seen.get(key) != _digest(line):
                    verdict.blame(f"{HASHES}: {owner}/{source}/{accession} is not as in {RECORDS}")
    except ValueError as err:
        verdict.blame(f"{HASHES}: {err}")
    for owner, source, accession in sorted(left):
        verdict.blame(f"{HASHES}: {owner}/{source}/{accession} is not listed")


def _digest(line: bytes) -> bytes:
    return hashlib.sha256(line).digest()


def _name(one: Standing) -> str:
    return f"{one.hub}/{one.source}/{one.accession}"


def _check_chain(folder: Path, told: dict[str, Any], verdict: Verdict) -> None:
    """Check the manifest of the dump before, where it lies beside."""
    before = told.get("previous")
    if not isinstance(before, dict):
        return
    name = str(before.get("name"))
    file = manifest.kept(folder.resolve().parent, name) if layout.DUMP_NAME.fullmatch(name) else None
    if file is not None and file.is_file() and sha256_of(file) != before.get("sha256"):
        verdict.blame(f"{MANIFEST}: the dump before, {name}, is not the one that it names")
