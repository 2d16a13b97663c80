"""What an error is over HTTP: one table, and the problem document.

Source: https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

import json
import logging
from http import HTTPStatus

from hub import errors

Headers = list[tuple[str, str]]

TYPE_BASE = "https://w3id.org/bioimage-hub/problem#"

# first class that fits: (class, status, name, title, seconds to wait before another try)
_TABLE: tuple[tuple[type[errors.HubError], int, str, str, int | None], ...] = (
    (errors.NotPublishedError, 503, "not-published", "Nothing published yet", 30),
    (errors.NotFoundError, 404, "not-found", "Not found", None),
    (errors.GoneError, 410, "gone", "Withdrawn", None),
    (errors.NotAcceptableError, 406, "not-acceptable", "No acceptable format", None),
    (errors.VerdictConflictError, 409, "verdict-conflict", "Verdict conflicts with what stands", None),
    (errors.VerdictForbiddenError, 403, "verdict-forbidden", "Another curator's verdict", None),
    (errors.VerdictError, 422, "verdict-invalid", "Verdict cannot be read", None),
    (errors.QuerySyntaxError, 400, "query-syntax", "Not a SPARQL query", None),
    (errors.QueryRefusedError, 400, "query-refused", "Query refused", None),
    (errors.QueryTooComplexError, 400, "query-too-complex", "Query too complex", None),
    (errors.QueryTimeoutError, 503, "query-timeout", "Query took too long", 30),
    (errors.QueryMemoryError, 503, "query-memory", "Query needed too much memory", 30),
    (errors.QueryBusyError, 503, "busy", "Busy", 5),
    (errors.ServiceTimeoutError, 504, "service-timeout", "Another endpoint took too long", 30),
    (errors.ServiceError, 502, "service-failed", "Another endpoint failed", 30),
    (errors.ResultTooLargeError, 413, "result-too-large", "Result too large", None),
    (errors.QueryError, 500, "query-failed", "Query failed", None),
    (errors.ReadOnlyError, 501, "read-only", "Not done by a hub in one file", None),
    (errors.LockedError, 503, "locked", "Locked", 30),
    (errors.HubError, 500, "internal", "Internal error", None),
)


class HttpError(Exception):
    """A request that HTTP itself or a protocol on it forbids; its text is one clear sentence for the user."""

    def __init__(self, status: int, detail: str, headers: Headers | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or []


def problem(error: Exception) -> tuple[int, Headers, bytes]:
    """Status, headers and problem document of an error; what the hub did not raise on purpose is logged and 500."""
    if isinstance(error, HttpError):
        return _document(error.status, "about:blank", HTTPStatus(error.status).phrase, str(error), error.headers)
    for known, status, name, title, retry_s in _TABLE:
        if isinstance(error, known):
            extra = [("Retry-After", str(retry_s))] if retry_s is not None else []
            return _document(status, TYPE_BASE + name, title, str(error), extra)
    logging.getLogger(__name__).error("unexpected error", exc_info=error)
    return _document(500, "about:blank", "Internal Server Error", "an unexpected error happened; it was logged", [])


def _document(status: int, kind: str, title: str, detail: str, extra: Headers) -> tuple[int, Headers, bytes]:
    fields = {"type": kind, "title": title, "status": status, "detail": detail}
    body = json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")
    headers = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))]
    return status, [*headers, ("Cache-Control", "no-store"), *extra], body
