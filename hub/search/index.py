"""The writer's search index, ``<data>/search/``, and how it follows the store.

An update takes out the documents of the studies that changed and puts in what stands of them, in one commit; only then
is it written of which changes the index is true. So an update that was killed anywhere is made again by the next one,
to the same end. Segments never change once they are written, so a snapshot holds them by hard links.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import tantivy

from hub.config import Settings
from hub.errors import StoreError
from hub.genes import Genes
from hub.links.catalogue import Links
from hub.links.rules.sameness import SAME_STUDY
from hub.log import Log
from hub.search import labels, layout
from hub.search.documents import Documents
from hub.store import GraphStore

logger = logging.getLogger(__name__)

FOLDER: Final = "search"
STATE: Final = "state.json"
HEAP_BYTES: Final = 64 << 20
"""Memory for documents that are not in a segment yet."""
BATCH: Final = 1_000
MANY_SEGMENTS: Final = 16
"""Segments from which on they are merged."""
TOO_MANY: Final = 1_000
"""Changed datasets from which on, if they are half of all, the index is made anew."""
_SEGMENT_PARTS: Final = ("term", "idx", "pos", "fast", "fieldnorm", "store")
_DAMAGE: Final = (OSError, ValueError, KeyError, RuntimeError)

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class State:
    """What an index is true of.

    Attributes:
        layout: of its documents.
        sequence: the log's sequence number.
        link_sequence: number of the change of links.
        references: which gene tables the names of genes are from.
    """

    layout: int
    sequence: int
    link_sequence: int
    references: str

    @classmethod
    def of(cls, store: GraphStore, genes: Genes) -> State:
        """Return the state of an index that is true of a store."""
        references = hashlib.sha256(genes.version.encode()).hexdigest()[:16]
        return cls(layout.LAYOUT, store.sequence(), store.link_sequence(), references)

    def can_become(self, later: State) -> bool:
        """Tell whether an index of this state can be brought to another by updating it."""
        same = (self.layout, self.references) == (later.layout, later.references)
        return same and self.sequence <= later.sequence and self.link_sequence <= later.link_sequence


def state_of(folder: Path) -> State | None:
    """Return what the index in a folder is true of; None where there is none, or it is not whole."""
    try:
        told = json.loads((folder / STATE).read_text(encoding="utf-8"))
        known = told.pop("files")
        sizes = {name: (folder / name).stat().st_size for name in committed(folder)}
        is_whole = all(size == known.get(name, size) for name, size in sizes.items())
        return State(**told) if is_whole else None
    except (*_DAMAGE, TypeError):
        return None


def is_index(folder: Path) -> bool:
    """Tell whether a folder holds a whole index of today's layout."""
    state = state_of(folder)
    return state is not None and state.layout == layout.LAYOUT


def committed(folder: Path) -> set[str]:
    """Return the names of the files that the last commit of an index consists of, ``meta.json`` left out."""
    found = set()
    for segment in json.loads((folder / "meta.json").read_text(encoding="utf-8"))["segments"]:
        name = segment["segment_id"].replace("-", "")
        found |= {f"{name}.{part}" for part in _SEGMENT_PARTS}
        if segment["deletes"]:
            found.add(f"{name}.{segment['deletes']['opstamp']}.del")
    return found


def _segments(folder: Path) -> int:
    return len(json.loads((folder / "meta.json").read_text(encoding="utf-8"))["segments"])


class SearchIndex:
    """The writer's index; the caller holds the write lock.

    Args:
        folder: of the index; need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, settings: Settings) -> SearchIndex:
        """Return the index of a hub."""
        return cls(settings.data_dir / FOLDER)

    @property
    def state(self) -> State | None:
        """What the index is true of; None where it has to be made."""
        return state_of(self.folder)

    def update(
        self,
        settings: Settings,
        log: Log,
        links: Links,
        store: GraphStore,
        progress: Progress = lambda _: None,
        *,
        anew: bool = False,
    ) -> int:
        """Bring the index to what the store says and return how many documents were written.

        Args:
            settings: the hub's settings.
            log: the catalogue, as far as the store is.
            links: its links, as far as the store is.
            store: the writer's store.
            progress: told how many documents were written, batch by batch.
            anew: make it anew, whatever stands.
        """
        for left in self._beside():
            shutil.rmtree(left, ignore_errors=True)
        genes = Genes.of(settings)
        documents, wanted = Documents(store, links, genes, settings.base_iri), State.of(store, genes)
        standing, touched = (None if anew else self.state), store.touched()
        if standing is None or not standing.can_become(wanted):
            written = self._rebuild(documents, wanted, progress)
        else:
            written = self._follow(standing, wanted, _changed(standing, log, links), touched, documents, progress)
        store.forget_touched(touched)
        return written

    def _follow(
        self,
        standing: State,
        wanted: State,
        changed: set[str],
        touched: set[str],
        documents: Documents,
        progress: Progress,
    ) -> int:
        """Bring an index that stands to another state; one that turns out to be damaged is made anew."""
        changed |= documents.datasets_about(touched)
        if not changed and standing == wanted:
            return 0
        try:
            index = _opened(self.folder)
            if len(changed) > max(TOO_MANY, index.searcher().num_docs // 2):
                return self._rebuild(documents, wanted, progress)
            written = self._replace(index, documents, changed, progress) if changed else 0
        except _DAMAGE:
            logger.warning("the search index at %s is damaged, so it is made anew", self.folder, exc_info=True)
            return self._rebuild(documents, wanted, progress)
        _finish(self.folder, index, documents, wanted, touched)
        return written

    def _replace(self, index: tantivy.Index, documents: Documents, changed: set[str], progress: Progress) -> int:
        """Write the documents of all studies that changed datasets are, or were, in."""
        affected = _affected(index, documents, changed)
        writer = index.writer(HEAP_BYTES, 1)
        for dataset in sorted(affected):
            writer.delete_documents_by_term(layout.MEMBER, dataset)
        written = _write(writer, documents, {documents.members(dataset) for dataset in sorted(affected)}, progress)
        writer.commit()
        del writer  # which ends the merging that a commit begins, so that files are at rest
        index.reload()
        return written

    def tidy(self) -> None:
        """Merge segments where they are many; that takes longer than an update, so it is done after publication."""
        state = self.state
        if state is None or _segments(self.folder) < MANY_SEGMENTS:
            return
        index = _opened(self.folder)
        writer = index.writer(HEAP_BYTES, 1)
        writer.commit()
        writer.wait_merging_threads()
        _put_state(self.folder, state)

    def _rebuild(self, documents: Documents, wanted: State, progress: Progress) -> int:
        """Make the index anew, beside the one that stands."""
        building, old = self._beside()
        building.mkdir(parents=True)
        index = layout.create_index(building)
        writer = index.writer(HEAP_BYTES, 1)
        written = _write(writer, documents, documents.every(), progress)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        _finish(building, index, documents, wanted, ())
        if self.folder.exists():
            self.folder.rename(old)
        building.rename(self.folder)
        shutil.rmtree(old, ignore_errors=True)
        return written

    def _beside(self) -> tuple[Path, Path]:
        """Return the folders in which an index is made, and to which the old one is moved."""
        name = self.folder.name
        return self.folder.with_name(f".{name}-building"), self.folder.with_name(f".{name}-old")

    def checkpoint(self, target: Path) -> None:
        """Put the index as it was last committed into a new folder, by hard links where the file system has them.

        Raises:
            StoreError: the index cannot be opened.
        """
        target.mkdir()
        for name in sorted(committed(self.folder)):
            _link(self.folder / name, target / name)
        for name in ("meta.json", ".managed.json", labels.FILE, STATE):
            shutil.copyfile(self.folder / name, target / name)
        try:
            _opened(target).searcher()
        except _DAMAGE as err:
            raise StoreError(f"the search index at {self.folder} cannot be opened ({err}): run `hub rebuild`") from err


# --- which studies change -----------------------------------------------------------------------------------------


def _changed(standing: State, log: Log, links: Links) -> set[str]:
    """Return the datasets whose records or sameness changed since."""
    found: set[str] = set()
    sequence = standing.sequence
    while changes := log.changes_since(sequence, BATCH):
        found |= {row.iri for row in log.describing((one.source, one.accession) for one in changes)}
        sequence = changes[-1].sequence
    sequence = standing.link_sequence
    while moved := links.changes_since(sequence, BATCH):
        found |= {iri for one in moved if one.predicate == SAME_STUDY for iri in (one.subject, one.object)}
        sequence = moved[-1].sequence
    return found


def _affected(index: tantivy.Index, documents: Documents, changed: set[str]) -> set[str]:
    """Return the changed datasets and all that are, or were, with them in a study."""
    searcher = index.searcher()
    found: set[str] = set()
    waiting = set(changed)
    while waiting:
        found |= waiting
        now = {member for dataset in waiting for member in documents.members(dataset)}
        before = {member for dataset in waiting for member in _standing_with(searcher, dataset)}
        waiting = (now | before) - found
    return found


def _standing_with(searcher: tantivy.Searcher, dataset: str) -> Iterator[str]:
    query = tantivy.Query.term_query(layout.schema(), layout.MEMBER, dataset, "basic")
    for _, address in searcher.search(query, limit=10, count=False).hits:
        yield from searcher.doc(address).get_all(layout.MEMBER)


# --- writing ------------------------------------------------------------------------------------------------------


def _opened(folder: Path) -> tantivy.Index:
    index = layout.open_index(folder)
    index.config_reader(reload_policy="manual")
    index.reload()
    return index


def _write(
    writer: tantivy.IndexWriter, documents: Documents, studies: Iterable[tuple[str, ...]], progress: Progress
) -> int:
    written = told = 0
    for members in studies:
        if members:
            writer.add_document(documents.study(members))
            written += 1
        if written - told == BATCH:
            progress(BATCH)
            told = written
    progress(written - told)
    return written


def _finish(folder: Path, index: tantivy.Index, documents: Documents, state: State, fresh: Iterable[str]) -> None:
    """Write what goes with a commit: the labels, and last of all what it is true of."""
    found = labels.of_index(index.searcher(), documents, labels.read(folder), fresh)
    _put(folder / labels.FILE, json.dumps(found, ensure_ascii=False))
    _put_state(folder, state)


def _put_state(folder: Path, state: State) -> None:
    sizes = {name: (folder / name).stat().st_size for name in sorted(committed(folder))}
    _put(folder / STATE, json.dumps(asdict(state) | {"files": sizes}, indent=1))


def _put(file: Path, text: str) -> None:
    """Write a file in one step."""
    part = file.with_name(f".{file.name}.part")
    with part.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as err:
        if err.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        shutil.copyfile(source, target)


# --- checking -----------------------------------------------------------------------------------------------------


def problems(folder: Path, documents: Documents, sequence: int, link_sequence: int) -> Iterator[str]:
    """Yield what of a published index does not fit the graph beside it, each in one sentence.

    Args:
        folder: of the index.
        documents: of the graph and the catalogue's links.
        sequence: the log's sequence number that the graph is true of.
        link_sequence: number of the change of links that the graph is true of.
    """
    state = state_of(folder)
    if state is None or state.layout != layout.LAYOUT:
        yield "the published search index is missing, damaged or of another version: run `hub rebuild`"
        return
    if (state.sequence, state.link_sequence) != (sequence, link_sequence):
        yield f"the search index is of change {state.sequence}, the graph is of {sequence}: run `hub rebuild`"
    try:
        found = dict(digests(folder))
    except _DAMAGE as err:
        yield f"the published search index is damaged ({err}): run `hub rebuild`"
        return
    wanted = dict(_digest(documents.study(members)) for members in documents.every())
    for study in sorted(found.keys() | wanted.keys()):
        if found.get(study) != wanted.get(study):
            yield f"the search index does not say of {study} what the graph says: run `hub rebuild`"


def digests(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each study of an index and the digest of its document.

    Raises:
        ValueError: the index is damaged.
    """
    searcher = _opened(folder).searcher()
    everything = searcher.search(tantivy.Query.all_query(), limit=max(1, searcher.num_docs), count=False)
    for _, address in everything.hits:
        yield _digest(searcher.doc(address))


def _digest(document: tantivy.Document) -> tuple[str, bytes]:
    return str(document.get_first(layout.STUDY)), bytes(document.get_first(layout.DIGEST) or b"")
