"""Errors of the hub, grouped by what the caller should do.

::

    HubError
    ├── ConfigError            settings or command line are wrong: fix them, start again
    ├── LockedError            another process writes: wait, or stop it
    ├── StoreError             the data folder is damaged: `hub rebuild`
    ├── ReadOnlyError          a hub that is served from one file does not do this     501
    ├── PeerError              another hub cannot be asked, or not be believed
    ├── NotPublishedError      no harvest has been published yet             503
    ├── NotFoundError          nothing of that name was ever here            404
    ├── GoneError              it was here and is withdrawn (has tombstone)  410
    ├── NotAcceptableError     no format that the caller accepts             406
    ├── VerdictError           a curator's word that cannot be read          422
    │   ├── VerdictConflictError  it says nothing new, or of a link that is gone  409
    │   └── VerdictForbiddenError it takes back another curator's word       403
    └── QueryError             one query failed; the service goes on
        ├── QuerySyntaxError   not SPARQL; says where                        400
        ├── QueryRefusedError  SPARQL that is not allowed here               400
        ├── QueryTooComplexError  killed the worker, or is nested too deep   400
        ├── QueryTimeoutError  ran past its deadline                         503
        ├── QueryMemoryError   needed more memory than it may have           503
        ├── QueryBusyError     no free worker in time                        503
        ├── ServiceError       an endpoint asked by SERVICE failed           502
        │   └── ServiceTimeoutError  it gave no whole answer in time         504
        └── ResultTooLargeError   answer longer than allowed                 413

Domain errors know no HTTP; ``hub.web.problems`` maps each class to a status once.
The harvesters' own errors (``SourceError``, ``RecordError``) live in ``harvesters.contract``.
"""

from __future__ import annotations

# Lies in a data folder that a hub in one file was unpacked to, which nobody writes to.
BUNDLE = "bundle.json"


class HubError(Exception):
    """Root of every error the hub raises on purpose; its text is one clear sentence for the user."""


class ConfigError(HubError):
    """Settings or command-line arguments are wrong; the text names the setting and the fix."""


class LockedError(HubError):
    """Another process holds the write lock of the data folder."""


class StoreError(HubError):
    """The data folder is damaged or of another version."""


class PeerError(HubError):
    """Another hub cannot be asked, or what it answers cannot be read or believed."""


class ReadOnlyError(HubError):
    """A hub that is served from one file is asked for what only a hub with its own data folder can do."""


class NotPublishedError(HubError):
    """No harvest has been published yet."""


class NotFoundError(HubError):
    """Nothing of that name was ever here."""


class GoneError(HubError):
    """The record was withdrawn.

    Attributes:
        tombstone: what is still said of it (accession, title, reason, date withdrawn).
    """

    def __init__(self, message: str, tombstone: dict[str, str]) -> None:
        super().__init__(message)
        self.tombstone = tombstone


class NotAcceptableError(HubError):
    """No format that the caller accepts is offered."""


class VerdictError(HubError):
    """A curator's word on a link cannot be read."""


class VerdictConflictError(VerdictError):
    """A curator's word is given already, or is about a link that no rule finds any more."""


class VerdictForbiddenError(VerdictError):
    """A curator's word is another curator's to take back."""


class QueryError(HubError):
    """One query failed; the service goes on."""


class QuerySyntaxError(QueryError):
    """The text is not SPARQL; the message says where."""


class QueryRefusedError(QueryError):
    """Valid SPARQL that is not allowed here: an update, or SERVICE."""


class QueryTooComplexError(QueryError):
    """Nested too deep, or killed its worker by stack overflow."""


class QueryTimeoutError(QueryError):
    """The query ran past its deadline and was killed."""


class QueryMemoryError(QueryError):
    """The query needed more memory than one query may have."""


class QueryBusyError(QueryError):
    """No worker became free in time; try again later."""


class ServiceError(QueryError):
    """Another endpoint, which the query asks with SERVICE, gave no whole answer."""


class ServiceTimeoutError(ServiceError):
    """Another endpoint took longer than one answer may."""


class ResultTooLargeError(QueryError):
    """The answer is longer than one answer may be."""
