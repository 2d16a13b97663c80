"""How the saved questions go on what is published: asked after each harvest and by `hub check`."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path

from hub import config, gallery, snapshots
from hub.config import Settings
from hub.errors import HubError
from hub.federation import Federation
from hub.gallery import Outcome
from hub.snapshots import Snapshot
from hub.workers import WorkerPool

logger = logging.getLogger(__name__)
FILE = "questions.json"
HARVEST_S = 300.0
"""How long a harvest waits for the questions; those that the time does not suffice for are not asked."""


@dataclass(frozen=True, slots=True)
class Review:
    """How the questions went on one snapshot: rows and seconds by name, and what is wrong, a sentence each."""

    questions: dict[str, dict[str, float]]
    complaints: list[str]


def review(settings: Settings, snapshot: Snapshot, budget_s: float = math.inf) -> Review:
    """Run every question with its defaults on a snapshot, in a worker of its own.

    An error is always a complaint, fewer rows than are due only where the hub holds the demonstration data.

    Raises:
        StoreError: the snapshot cannot be opened.
    """
    until = time.monotonic() + budget_s
    asker = _Asker(settings, snapshot)
    try:
        outcomes = [gallery.run(asker, one) for one in gallery.questions().values() if time.monotonic() < until]
    finally:
        asker.close()
    is_known = is_demonstration(settings)
    return Review(
        {o.question.name: {"rows": o.rows, "seconds": round(o.seconds, 3)} for o in outcomes},
        [o.complaint for o in outcomes if _needs_attention(o, is_known)],
    )


def _needs_attention(outcome: Outcome, is_known: bool) -> bool:
    return bool(outcome.error or (is_known and outcome.complaint))


class _Asker:
    """Answers as readers are answered, SERVICE included."""

    def __init__(self, settings: Settings, snapshot: Snapshot) -> None:
        self._snapshot, self._federation = snapshot, Federation.of(settings)
        self._pool = WorkerPool(
            snapshot.graph,
            workers=1,
            spares=0,
            timeout_s=settings.query_timeout_s,
            memory_bytes=settings.query_memory_bytes,
            max_result_bytes=settings.max_result_bytes,
        )

    def query(self, text: str, accept_format: str = "") -> Iterator[bytes]:
        return iter(self._federation.query(self._pool, text, accept_format, snapshot=self._snapshot))

    def close(self) -> None:
        self._pool.close()


def after_harvest(settings: Settings) -> Review | None:
    """Review the questions on what is published, once for each snapshot, and keep how they went beside it.

    Whatever goes wrong is logged, and None returned: what is published stays so.
    """
    snapshot = snapshots.current_or_none(settings.snapshots_dir)
    if snapshot is None:
        return None
    found = kept(snapshot)
    try:
        if found is None:
            found = review(settings, snapshot, HARVEST_S)
            _keep(snapshot, found)
    except (HubError, OSError) as err:
        logger.warning("snapshot %s: the saved questions could not be asked: %s", snapshot.path.name, err)
    return found


def _keep(snapshot: Snapshot, found: Review) -> None:
    part = snapshot.path / f".{FILE}-{os.getpid()}"
    part.write_text(json.dumps(asdict(found), ensure_ascii=False, indent=1), encoding="utf-8")
    part.replace(snapshot.path / FILE)


def kept(snapshot: Snapshot) -> Review | None:
    """Return the review that stands beside a snapshot, or None."""
    try:
        return Review(**json.loads((snapshot.path / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def is_demonstration(settings: Settings) -> bool:
    """Whether the sources of a hub are the bundled demonstration data, all of them and nothing else."""
    with as_file(files("hub").joinpath("demo")) as folder:
        bundled = config.load(str(folder / "hub.toml"), environ={}).sources
        return bundled.keys() == settings.sources.keys() and all(
            _contents(source.url) == _contents(settings.sources[name].url) for name, source in bundled.items()
        )


def _contents(folder: str) -> dict[str, bytes]:
    root = Path(folder)
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}
