"""Published snapshots: immutable copies of the store that readers open, and which of them is current.

``snapshots/000042/`` holds ``graph/`` and ``search/`` (hard-linked copies of the store and of the search index) and
``manifest.json``; the link ``current`` names the newest and is switched in one step, so a reader sees a whole harvest
or none of it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from hub.errors import NotPublishedError
from hub.store import GraphStore


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One published snapshot.

    Attributes:
        path: its folder.
        sequence: the log's sequence number that it is true of.
        created: ISO 8601 time of publication.
        base_iri: the hub's base IRI at that time.
        quads: number of statements, over all graphs.
        link_sequence: the number of the change of links that it is true of.
    """

    path: Path
    sequence: int
    created: str
    base_iri: str
    quads: int
    link_sequence: int = 0

    @property
    def graph(self) -> Path:
        """Folder of the graph store, to be opened read-only."""
        return self.path / "graph"

    @property
    def search(self) -> Path:
        """Folder of the search index; a snapshot of an older hub has none."""
        return self.path / "search"


def publish(
    store: GraphStore,
    folder: Path,
    base_iri: str,
    created: str,
    keep: int,
    *,
    anew: bool = False,
    search: Callable[[Path], object] | None = None,
) -> Snapshot:
    """Publish the store as it stands and return the snapshot; one of the same changes that stands already is kept.

    Args:
        store: the writer's store, flushed.
        folder: folder of all snapshots.
        base_iri: the hub's base IRI.
        created: time of publication.
        keep: how many snapshots to keep, the new one included.
        anew: publish even if a snapshot of the same change stands, because the store was built again.
        search: puts the search index into a folder that it makes.
    """
    sequence = store.sequence()
    folder.mkdir(parents=True, exist_ok=True)
    standing = current_or_none(folder)
    marks = (sequence, store.link_sequence())
    if standing is not None and (standing.sequence, standing.link_sequence) == marks and not anew:
        return standing
    building = folder / f".building-{os.getpid()}"
    for left in folder.glob(".building-*"):
        shutil.rmtree(left)
    building.mkdir()
    store.backup(building / "graph")
    if search is not None:
        search(building / "search")
    manifest = {
        "sequence": sequence,
        "link_sequence": store.link_sequence(),
        "created": created,
        "base_iri": base_iri,
        "quads": len(store),
    }
    with (building / "manifest.json").open("w", encoding="utf-8") as out:
        json.dump(manifest, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    target = _free_name(folder, sequence)
    building.rename(target)
    _point(folder, target.name)
    _prune(folder, keep)
    return read(target)


def _free_name(folder: Path, sequence: int) -> Path:
    """Return a folder that no reader has open: the sequence number, with a counter when it was published before."""
    names = [f"{sequence:06d}", *(f"{sequence:06d}.{n}" for n in range(2, 1000))]
    return next(folder / name for name in names if not (folder / name).exists())


def _point(folder: Path, name: str) -> None:
    link = folder / ".current"
    link.unlink(missing_ok=True)
    link.symlink_to(name)
    link.replace(folder / "current")


def _prune(folder: Path, keep: int) -> None:
    current = (folder / "current").readlink().name
    old = sorted((p for p in folder.iterdir() if p.name[:1].isdigit() and p.name != current), key=_order)
    for path in old[: max(0, len(old) - (keep - 1))]:
        shutil.rmtree(path, ignore_errors=True)


def _order(path: Path) -> tuple[int, int]:
    sequence, _, counter = path.name.partition(".")
    return int(sequence), int(counter or 1)


def read(path: Path) -> Snapshot:
    """Return the snapshot in a folder."""
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    return Snapshot(path=path, **manifest)


def current_or_none(folder: Path) -> Snapshot | None:
    """Return the published snapshot, or None when nothing was published yet or its manifest is damaged."""
    try:
        return read(folder / (folder / "current").readlink())
    except (OSError, ValueError, TypeError):
        return None


def current(folder: Path) -> Snapshot:
    """Return the published snapshot.

    Raises:
        NotPublishedError: nothing was published yet.
    """
    found = current_or_none(folder)
    if found is None:
        raise NotPublishedError("nothing is published yet: run `hub harvest --all`")
    return found


def manifest(snapshot: Snapshot) -> dict[str, object]:
    """Return a snapshot's manifest as plain values."""
    return {k: v for k, v in asdict(snapshot).items() if k != "path"}
