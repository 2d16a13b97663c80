"""Services that are asked about what the hub's records name, a few identifiers at a time.

What was answered stands in one file, an answer on a line, also that a service does not know an identifier. So the next
update asks about what is new and what was answered long ago. When a service fails on the way, what it answered before
is kept, and the next update goes on from there.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, BinaryIO, cast
from urllib.parse import urlencode

from harvesters.contract import Attachment, Http, SourceError
from harvesters.references.contract import Reference
from harvesters.references.papers_rows import DOI, PMC, PUBMED, Answer
from ontology import archives

logger = logging.getLogger(__name__)
REFRESH_DAYS, RETRY_DAYS = 90, 30
Found = tuple[str, Mapping[str, Any] | None]
Ask = Callable[[list[str]], Iterator[Found]]


def papers_of(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the IRIs of a record's papers, every spelling, without the record's own nodes."""
    for one in record.get("publication") or ():
        for iri in (one["id"], *(one.get("same_as") or ())):
            if iri.startswith((DOI, PUBMED, PMC)) and "#" not in iri:
                yield iri


def accession_of(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the accession of a record's dataset, if it is one by which papers name it."""
    try:
        if archives.archive_of(record["accession"]) != "hub":
            yield record["accession"]
    except ValueError:
        return


def fetch(http: Http, reference: Reference, ask: Ask, is_meant: Callable[[str], bool] = lambda _: True) -> Attachment:
    """Keep the answers on what the records name; ask about what is not answered yet, or was long ago.

    Args:
        http: the session, which knows the identifiers and the file that stands.
        reference: its options ``refresh_days`` and ``retry_days`` say after how many days a found and an unknown
            identifier is asked about again.
        ask: identifiers to what was found of each, in any order.
        is_meant: whether the service can know an identifier.

    Raises:
        SourceError: there is nothing to ask about, or the service fails before its first answer.
    """
    wanted = [one for one in json.loads(http.recall("identifiers") or "[]") if is_meant(one)]
    if not wanted:
        raise SourceError(f"[references.{reference.name}]: no record names what {reference.format} is asked about")
    known = {answer.id: answer for answer in _standing(http)}
    today = datetime.now(UTC).date()
    due = [one for one in wanted if one not in known or _is_old(known[one], today, reference)]
    came = 0
    try:
        for one, found in ask(due):
            known[one] = Answer(one, today.isoformat(), found)
            came += 1
    except SourceError as err:
        if not came:
            raise
        logger.warning("reference %s: %d of %d were answered: %s", reference.name, came, len(due), err)
    with tempfile.TemporaryFile() as whole:
        whole.writelines(known[one].line() for one in wanted if one in known)
        whole.seek(0)
        return http.keep(cast(BinaryIO, whole))


def _standing(http: Http) -> Iterator[Answer]:
    digest = http.recall("standing")
    if digest:
        with http.open(digest) as stream:
            yield from map(Answer.read, stream)


def _is_old(answer: Answer, today: date, reference: Reference) -> bool:
    name, default = ("retry_days", RETRY_DAYS) if answer.found is None else ("refresh_days", REFRESH_DAYS)
    return (today - date.fromisoformat(answer.asked)).days >= int(reference.options.get(name, default))


def address(base: str, path: str, **parameters: object) -> str:
    """Return the address of a question."""
    return f"{base.rstrip('/')}/{path}?{urlencode(parameters)}" if parameters else f"{base.rstrip('/')}/{path}"


def answer(http: Http, url: str) -> Any:
    """Return the JSON at an address.

    Raises:
        SourceError: refused, or not JSON.
    """
    body = http.get(url)
    try:
        return json.loads(body)
    except ValueError as err:
        raise SourceError(f"{url} is not JSON: {err}") from err


def objects(value: Any, *path: str) -> list[dict[str, Any]]:
    """Return the objects of the list at a path in an answer; empty where it is not there."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    listed: Iterable[Any] = value if isinstance(value, list) else ()
    return [one for one in listed if isinstance(one, dict)]


def batches(values: Sequence[str], size: int) -> Iterator[list[str]]:
    """Yield values in lists of a size."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])
