"""``/changes.atom``: every change of the log as an Atom feed with archives, back to the first.

Source: https://www.rfc-editor.org/rfc/rfc5005#section-4
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint
from werkzeug.wrappers import Response as BaseResponse

from hub import atom
from hub.atom import Entry
from hub.errors import NotFoundError
from hub.feeds import events
from hub.feeds.journal import Journal
from hub.log import Version
from hub.web import feeds
from hub.web.cache import Page
from hub.web.pages import page_of

changes_feed = Blueprint("changes_feed", __name__)
# Changes to an archive; the feed itself has the latest so many.
PER_ARCHIVE: Final = 100
TITLE: Final = "Changes of the Bioimage Hub"
_WORDS: Final = {"create": "new", "update": "changed"}


@changes_feed.get("/changes.atom")
def latest() -> BaseResponse:
    """The latest changes, the newest first."""

    def make(journal: Journal) -> Page:
        entries = _entries(journal, max(0, journal.until - PER_ARCHIVE), journal.until)
        archives = journal.until // PER_ARCHIVE
        history = {"prev-archive": _archive(archives - 1)} if archives else {}
        return page_of(atom.feed(TITLE, _current(), f"{feeds.root()}/whats-new", entries, history))

    return feeds.answer(atom.FORMAT, ("changes-atom",), make)


@changes_feed.get("/changes/archive/<name>.atom")
def archive(name: str) -> BaseResponse:
    """A span of changes that is complete, the newest first."""
    if not (name.isascii() and name.isdecimal() and len(name) < 16):
        raise NotFoundError(f"{name[:40]!r} is no number")
    number = int(name)

    def make(journal: Journal) -> Page:
        last = journal.until // PER_ARCHIVE - 1
        if number > last:
            raise NotFoundError(f"there is no archive {number} yet: /changes.atom leads to those that there are")
        history = {"current": _current()}
        history |= {"prev-archive": _archive(number - 1)} if number else {}
        history |= {"next-archive": _archive(number + 1)} if number < last else {}
        entries = _entries(journal, number * PER_ARCHIVE, (number + 1) * PER_ARCHIVE)
        return page_of(atom.feed(TITLE, _archive(number), f"{feeds.root()}/whats-new", entries, history))

    return feeds.answer(
        atom.FORMAT, ("changes-archive", number), make, lambda until: until >= (number + 2) * PER_ARCHIVE
    )


def _current() -> str:
    return f"{feeds.root()}/changes.atom"


def _archive(number: int) -> str:
    return f"{feeds.root()}/changes/archive/{number}.atom"


def _entries(journal: Journal, after: int, to: int) -> list[Entry]:
    told = Journal(journal.log, to).since(after, PER_ARCHIVE)
    seen = journal.seen_at([version.sequence for version in told])
    return [_entry(version, seen[version.sequence]) for version in reversed(told)]


def _entry(version: Version, at: str) -> Entry:
    base, kind = feeds.settings().base_iri, events.kind(version)
    word = _WORDS.get(kind) or (version.state if version.state != "active" else "erased")
    title = version.title if version.record else version.accession
    return Entry(
        id=f"{base}change/{feeds.settings().hub_name}/{version.sequence}",
        title=f"{title} ({word})",
        updated=at,
        link=f"{feeds.root()}/{version.iri.removeprefix(base)}",
        summary=f"{version.accession} as {version.source} has it: {word}; change {version.sequence} of the log",
        categories=(kind, version.source),
    )
