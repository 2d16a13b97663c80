"""One request, and what a redirect makes of it.

Source: https://www.rfc-editor.org/rfc/rfc9110#name-redirection-3xx
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urljoin, urlsplit

from harvesters.contract import SourceError
from harvesters.polite.answers import public_url
from harvesters.polite.network import place

REDIRECTS = frozenset({301, 302, 303, 307, 308})
KEEP_METHOD = frozenset({307, 308})
MAX_REDIRECTS = 10
# Headers that another host is told too; all others may hold secrets.
TOLD_TO_ALL = frozenset({"accept", "accept-language", "accept-encoding", "content-type", "range", "if-range"})


@dataclass(frozen=True, slots=True)
class Question:
    """One request, as far as a redirect may change it.

    Attributes:
        asks_first: whether the harvester named this URL; False after a redirect.
        is_conditional: whether it may be answered by "not modified".
        accepts: statuses of an answer that is used.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    asks_first: bool = True
    is_conditional: bool = True
    accepts: frozenset[int] = frozenset({200})

    def __str__(self) -> str:
        return f"{self.method} {public_url(self.url)}"

    def redirected(self, status: int, location: str) -> Question:
        """Return the question that a redirect leads to.

        Raises:
            SourceError: it leads to no http(s) address, or out of TLS.
        """
        try:
            parts = urlsplit(urljoin(self.url, _as_sent(location).strip()))
            where = place(parts.geturl())
        except ValueError as err:
            raise SourceError(f"{self} redirects to no http or https address", status=status) from err
        here = urlsplit(self.url)
        if here.scheme == "https" and parts.scheme == "http":
            raise SourceError(f"{self} redirects from https to http", status=status)
        url = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
        stays = where == place(self.url) and parts.scheme == here.scheme
        told = {name: value for name, value in self.headers.items() if stays or name.lower() in TOLD_TO_ALL}
        if self.method == "GET" or status in KEEP_METHOD:
            return replace(self, url=url, headers=told, asks_first=False)
        told = {name: value for name, value in told.items() if name.lower() != "content-type"}
        return replace(self, method="GET", url=url, headers=told, body=None, asks_first=False)


def question(method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None = None) -> Question:
    """Return a question with the user name and password of its URL, if any, in a header.

    Raises:
        SourceError: no http or https address.
    """
    try:
        place(url)
        parts = urlsplit(url)
    except ValueError as err:
        raise SourceError(f"{method} {public_url(url)}: {err}") from err
    user, _, bare = parts.netloc.rpartition("@")
    if not user:
        return Question(method, url, dict(headers or {}), body, is_conditional=method == "GET")
    name, _, password = user.partition(":")
    login = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    told = {"Authorization": f"Basic {login}", **(headers or {})}
    url = parts._replace(netloc=bare).geturl()
    return Question(method, url, told, body, is_conditional=method == "GET")


def _as_sent(location: str) -> str:
    """Return a Location in UTF-8, if it was sent so."""
    try:
        return location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return location
