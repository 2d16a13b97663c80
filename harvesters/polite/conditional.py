"""Asking whether an answer has changed, instead of asking for it again.

Source: https://www.rfc-editor.org/rfc/rfc9110#name-conditional-requests
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

MAX_VALIDATOR_CHARS = 1024
# Headers of a caller that make it the caller's own business what an answer is worth.
OWN = frozenset({"if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "range"})


@dataclass(frozen=True, slots=True)
class Validator:
    """What a server gave to ask later whether an answer has changed, and the SHA-256 of that answer's kept body."""

    etag: str | None
    last_modified: str | None
    sha256: str

    def headers(self) -> dict[str, str]:
        """Return the header that asks; the ETag alone where there is one, for it is the stronger word."""
        if self.etag is not None:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.last_modified} if self.last_modified is not None else {}


def key_of(url: str, headers: Mapping[str, str], *, is_redirected: bool) -> str | None:
    """Return the key under which the validator of an answer to a GET is known; None when none may be.

    It is the URL, without user name and password, and the Accept header if any. Where a redirect leads to a URL with a
    query, that is mostly a signature which is another one the next time, and a secret.

    >>> key_of("https://me:secret@example.org/x", {"Accept": "text/csv"}, is_redirected=False)
    'https://example.org/x text/csv'
    """
    parts = urlsplit(url)
    said = {name.lower(): value for name, value in headers.items()}
    if OWN & said.keys() or (is_redirected and parts.query):
        return None
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    return f"{bare} {said['accept']}" if "accept" in said else bare


def is_secret(headers: Mapping[str, str]) -> bool:
    """Tell whether a server forbids to keep its answer."""
    return "no-store" in headers.get("Cache-Control", "").lower()


def validators_of(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return (ETag, Last-Modified) of an answer, verbatim; (None, None) when it is not to be kept.

    A date alone is no validator when the answer was made within the second in which it changed: it could change again.
    """
    if is_secret(headers):
        return None, None
    etag, modified = _usable(headers.get("ETag")), _usable(headers.get("Last-Modified"))
    if etag == "*":  # asks "is there anything?", and that is always so
        etag = None
    if etag is None and not _is_settled(modified, headers.get("Date")):
        modified = None
    return etag, modified


def _usable(value: str | None) -> str | None:
    is_usable = value and value == value.strip() and value.isprintable() and len(value) <= MAX_VALIDATOR_CHARS
    return value if is_usable else None


def _is_settled(modified: str | None, made: str | None) -> bool:
    changed, answered = http_date(modified or ""), http_date(made or "")
    return changed is not None and answered is not None and (answered - changed).total_seconds() >= 1


def http_date(value: str) -> datetime | None:
    """Return the moment that an HTTP date names; None for anything else.

    >>> http_date("Wed, 21 Oct 2015 07:28:00 GMT")
    datetime.datetime(2015, 10, 21, 7, 28, tzinfo=datetime.timezone.utc)
    """
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
