"""The feed of links: what stands, and what became of it since; complete, resumable, in pages.

A page has the links that changed after its cursor, each once, as it stands now: there to be put in place of what the
client has of it (``create``, ``update``), or to be taken out (``delete``). Whoever starts without a cursor and follows
``next`` to the end has all links that fit, and goes on from there the next day. What changes while a client reads moves
to a later page, so nothing is missed.

A cursor names the last change that was told and a digest of it. It needs nothing kept on the server, survives
restarts, and is refused where the changes are not the ones that it was made of: in a hub that was set up anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.errors import HubError, QueryRefusedError
from hub.links import catalogue
from hub.links.catalogue import LinkRow, Links

CREATE: Final = "create"
UPDATE: Final = "update"
DELETE: Final = "delete"
STATUSES: Final = ("fact", "candidate")
# Values of one condition; databases bound the number of parameters.
_CHUNK: Final = 500


class CursorGoneError(HubError):
    """A cursor is of links that this hub does not have: it was set up anew since."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which links a client follows; what is None or empty is not asked for.

    Attributes:
        subjects: IRIs, one of which is the subject.
        objects: IRIs, one of which is the object.
        subject_spaces: beginnings of IRIs, one of which the subject has.
        object_spaces: likewise of the object.
        predicates: IRIs, one of which is the predicate.
        rules: names, one of which is the rule's.
        archive: beginning of the IRIs of an archive's datasets, one of which is subject or object.
        statuses: ``fact``, ``candidate`` or both.
        min_confidence: least confidence, 0 to 1; what a curator says has it.
    """

    subjects: tuple[str, ...] | None = None
    objects: tuple[str, ...] | None = None
    subject_spaces: tuple[str, ...] = ()
    object_spaces: tuple[str, ...] = ()
    predicates: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    archive: str | None = None
    statuses: tuple[str, ...] = ("fact",)
    min_confidence: float = 0.0

    @property
    def digest(self) -> str:
        """What names these filters in a cursor."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:8]

    def is_met(self, status: str, confidence: float | None) -> bool:
        """Tell whether what may change of a link fits."""
        sure = 1.0 if confidence is None else confidence
        return status in self.statuses and sure >= self.min_confidence

    def condition(self) -> sa.ColumnElement[bool]:
        """Return the condition on what never changes of a link."""
        table = catalogue.links
        forth, back = self._ends(table.c.subject, table.c.object), self._ends(table.c.object, table.c.subject)
        parts = [table.c.kind == "link", sa.or_(forth, table.c.symmetric & back)]
        if self.predicates:
            parts.append(table.c.predicate.in_(self.predicates))
        if self.rules:
            parts.append(table.c.rule.in_(self.rules))
        if self.archive is not None:
            parts.append(sa.or_(_begins(table.c.subject, (self.archive,)), _begins(table.c.object, (self.archive,))))
        return sa.and_(*parts)

    def _ends(self, subject: sa.ColumnElement[str], obj: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """Return the condition on both ends; a link that holds both ways has them the other way round too."""
        parts: list[sa.ColumnElement[bool]] = [sa.true()]
        for column, values, spaces in (
            (subject, self.subjects, self.subject_spaces),
            (obj, self.objects, self.object_spaces),
        ):
            if values is not None:
                parts.append(column.in_(values))
            if spaces:
                parts.append(_begins(column, spaces))
        return sa.and_(*parts)


def _begins(column: sa.ColumnElement[str], spaces: Iterable[str]) -> sa.ColumnElement[bool]:
    """Return whether a text begins in one of some ways; LIKE would not tell capitals from small letters."""
    return sa.or_(*(sa.func.substr(column, 1, len(space)) == space for space in spaces))


@dataclass(frozen=True, slots=True)
class Entry:
    """One link in a page.

    Attributes:
        action: ``create``, ``update`` or ``delete``; which of the first two is for people, both mean "as follows".
        link: what stands of it; of one to be deleted only id, statement, rule and sequence count.
    """

    action: str
    link: LinkRow


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of the feed.

    Attributes:
        entries: links by the number of their last change.
        cursor: what to go on from.
        is_last: whether there was no more when it was read.
        at: when the last change was that it takes account of, None where there was none.
    """

    entries: tuple[Entry, ...]
    cursor: str
    is_last: bool
    at: str | None


def page(links: Links, filters: Filters, cursor: str | None, limit: int) -> Page:
    """Return the next links after a cursor.

    Args:
        links: the catalogue's links.
        filters: which of them; the same for every page.
        cursor: of the page before; None or ``"0"`` for the first.
        limit: most links.

    Raises:
        QueryRefusedError: the cursor is none, or was made with other filters.
        CursorGoneError: it is of a hub that was set up anew since.
    """
    table = catalogue.links
    with links.engine.connect() as db:
        since = _read(db, cursor, filters)
        # Before the links: a change that comes in between is told again rather than missed.
        last = catalogue.last_sequence(db)
        query = sa.select(table).where(table.c.sequence > since, filters.condition())
        rows = [LinkRow(*row) for row in db.execute(query.order_by(table.c.sequence).limit(limit))]
        told = _told_before(db, [row.id for row in rows], since, filters)
        is_last = len(rows) < limit
        reached = max([*(row.sequence for row in rows[-1:]), *([last] if is_last else []), since])
        return Page(tuple(_entries(rows, told, filters)), _write(db, reached, filters), is_last, _at(db, reached))


def everything(links: Links, filters: Filters, limit: int = 1000) -> Iterator[LinkRow]:
    """Yield every link that fits, page by page."""
    cursor: str | None = None
    is_last = False
    while not is_last:
        found = page(links, filters, cursor, limit)
        cursor, is_last = found.cursor, found.is_last
        yield from (entry.link for entry in found.entries if entry.action != DELETE)


def _entries(rows: Iterable[LinkRow], told: set[str], filters: Filters) -> Iterator[Entry]:
    for row in rows:
        if row.is_shown and filters.is_met(row.status, row.confidence):
            yield Entry(UPDATE if row.id in told else CREATE, row)
        elif row.id in told:
            yield Entry(DELETE, row)


def _told_before(db: Connection, ids: list[str], since: int, filters: Filters) -> set[str]:
    """Return which links a client may have been told of: those that fitted at any time up to its cursor."""
    told: set[str] = set()
    table = catalogue.changes
    for part in catalogue.chunks(ids, _CHUNK) if since else ():
        shown = (table.c.action != DELETE) & (table.c.sequence <= since) & table.c.id.in_(part)
        query = sa.select(table.c.id, table.c.status, table.c.confidence).where(shown)
        told.update(id for id, status, confidence in db.execute(query) if filters.is_met(status, confidence))
    return told


# --- cursors


def _write(db: Connection, sequence: int, filters: Filters) -> str:
    if not sequence:
        return "0"
    told = json.dumps([sequence, _digest(db, sequence), filters.digest], separators=(",", ":"))
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def _read(db: Connection, cursor: str | None, filters: Filters) -> int:
    if cursor in (None, "", "0"):
        return 0
    sequence, digest, made_with = _parse(str(cursor))
    if sequence and _digest(db, sequence) != digest:
        raise CursorGoneError(
            "since: this cursor is of links that the hub does not have any more, as it was set up anew: forget what "
            "you have and start again without since"
        )
    if made_with != filters.digest:
        raise QueryRefusedError("since: this cursor was made with other filters: use the same, or start without since")
    return sequence


def _parse(cursor: str) -> tuple[int, str, str]:
    try:
        told: Any = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        sequence, digest, made_with = told
        if isinstance(sequence, int) and 0 < sequence < 2**31:
            return sequence, str(digest), str(made_with)
    except (ValueError, TypeError, binascii.Error):
        pass
    raise QueryRefusedError("since: this is no cursor: write what a page gave as cursor, or leave it out to begin")


def _digest(db: Connection, sequence: int) -> str:
    """Return what tells a change, and the history that it belongs to, from those of another hub."""
    table = catalogue.changes
    columns = (table.c.sequence, table.c.at, table.c.action, table.c.id)
    rows = db.execute(sa.select(*columns).where(table.c.sequence.in_((1, sequence))).order_by(table.c.sequence)).all()
    if not rows or rows[-1].sequence != sequence:
        return ""
    return hashlib.sha256(json.dumps([list(row) for row in rows]).encode()).hexdigest()[:12]


def _at(db: Connection, sequence: int) -> str | None:
    at = db.scalar(sa.select(catalogue.changes.c.at).where(catalogue.changes.c.sequence == sequence))
    return None if at is None else str(at)
