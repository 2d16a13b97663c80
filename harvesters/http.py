"""The one polite HTTP session that harvesters use.

It says who it is, keeps a pace per host, waits when told to (``Retry-After`` in seconds or as a date), retries
what may pass with growing pauses and jitter, and ends every answer by size and time. What has not changed is not
sent again. Redirects lead to public addresses only. TLS is always verified.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urljoin

import requests

from harvesters.contract import Attachment, SourceError
from harvesters.keep import Keep, chunks_of
from harvesters.polite import conditional, robots
from harvesters.polite.answers import ACCEPTED_CODINGS, PASSING, Answer, PassingError, mapped_errors, public_url
from harvesters.polite.conditional import Validator
from harvesters.polite.network import Guard, Place, place
from harvesters.polite.pace import Pace, retry_after_s, told_interval_s
from harvesters.polite.questions import MAX_REDIRECTS, REDIRECTS, Question, question
from harvesters.polite.transport import Transport

__all__ = ["Manners", "PoliteSession", "Validator", "public_url", "user_agent"]

T = TypeVar("T")

OK, PARTIAL, NOT_MODIFIED, RANGE_PAST_END = 200, 206, 304, 416


@dataclass(frozen=True, slots=True)
class Manners:
    """How a session behaves.

    Attributes:
        contact: address or page of the hub's operator, told to every archive.
        interval_s: least pause between two requests to one host.
        timeout_s: longest silence of a server.
        deadline_s: longest time for one whole answer: connection, TLS handshake, redirects, head and body.
        max_bytes: longest answer, after decompression.
        max_download_bytes: longest download, after decompression.
        least_bytes_per_s: a download may take longer than ``deadline_s`` while it comes faster than this.
        retries: how often a passing failure is tried again.
        max_wait_s: longest pause that a server may ask for; one that asks for more is not asked again before.
        patience_s: longest sum of the pauses before the retries of one request.
        ca_bundle: file or folder of trusted certificates, or None for the usual ones.
    """

    contact: str = "https://github.com/bioimage-hub/bioimage-hub"
    interval_s: float = 0.2
    timeout_s: float = 30.0
    deadline_s: float = 600.0
    max_bytes: int = 256 << 20
    max_download_bytes: int = 16 << 30
    least_bytes_per_s: int = 128 * 1024
    retries: int = 4
    max_wait_s: float = 300.0
    patience_s: float = 900.0
    ca_bundle: str | None = None


def user_agent(contact: str) -> str:
    """Return the name under which the hub asks, with the address to complain to."""
    try:
        release = version("bioimage-hub")
    except PackageNotFoundError:
        release = "0"
    return f"{robots.USER_AGENT}/{release} (+{contact})"


@dataclass(slots=True)
class _Tries:
    """How often a question was asked in vain, and how long was waited for it."""

    question: Question
    number: int = 0
    waited_s: float = 0.0


class _ChangedError(PassingError):
    """What was to be read on is another content by now."""


class PoliteSession:
    """The session of one run; implements :class:`harvesters.contract.Http`. For one thread.

    Args:
        manners: how it behaves.
        sleep: waits for some seconds.
        keep: where bodies are kept; a temporary folder when None.
        validators: what the run before learnt (its attribute ``validators``).
        memory: what the run before remembered.
        private: URLs of the hosts that may have a private address when they are asked directly; a redirect then leads
            to public addresses only. None when every host that is asked directly may have one.

    Attributes:
        validators: what this run learnt, by URL (and Accept header).
        memory: what this run remembered.
        requests: number of requests that were sent.
        not_modified: number of answers that had not changed.
    """

    def __init__(
        self,
        manners: Manners | None = None,
        sleep: Callable[[float], None] = time.sleep,
        *,
        keep: Keep | None = None,
        validators: Mapping[str, Validator] | None = None,
        memory: Mapping[str, str] | None = None,
        private: Iterable[str] | None = None,
    ) -> None:
        self.manners = manners or Manners()
        self.validators: dict[str, Validator] = {}
        self.memory: dict[str, str] = {}
        self.requests = 0
        self.not_modified = 0
        self._known = validators or {}
        self._damaged: set[str] = set()
        self._recalled = memory or {}
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._given_keep = keep
        self._pace = Pace(self.manners.interval_s, sleep)
        self._rules: dict[Place, robots.Rules] = {}
        self._memo: dict[str, Any] = {}
        self._guard = Guard(self.manners.timeout_s)
        self._asks_anyone = private is None
        for url in private or ():
            self._guard.trust(url)
        self._asked: Place = ("", 0)
        self._transport = Transport(self._guard, self.manners.ca_bundle)
        self._headers = {
            "User-Agent": user_agent(self.manners.contact),
            "Accept-Encoding": ACCEPTED_CODINGS,
            "Accept": "*/*",
            "Connection": "keep-alive",
        }

    def close(self) -> None:
        """Close the connections and forget what ``once`` kept."""
        self._transport.close()
        self._memo.clear()
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self) -> PoliteSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def once(self, key: str, make: Callable[[], T]) -> T:
        """Return what ``make`` gives the first time in this run, and the same object from then on."""
        if key not in self._memo:
            self._memo[key] = make()
        value: T = self._memo[key]
        return value

    def recall(self, name: str) -> str | None:
        """Return what this source's last complete run remembered; None the first time."""
        return self._recalled.get(name)

    def remember(self, name: str, value: str) -> None:
        """Remember a value for the next run; kept only when this run ends without an error."""
        self.memory[name] = value

    def keep(self, stream: BinaryIO) -> Attachment:
        """Keep the rest of a stream, in bounded memory."""
        return self._keep.put(chunks_of(stream))

    def open(self, digest: str) -> BinaryIO:
        """Open what was kept under a SHA-256 for reading."""
        return self._keep.open(digest)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of a 200 answer, or what is kept of it when it has not changed.

        Raises:
            SourceError: refused, gone, too slow, too long or still failing after the retries.
        """
        return self._ask(question("GET", url, headers), self._body)

    def post(self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of a 200 answer to a POST.

        Raises:
            SourceError: as for ``get``.
        """
        return self._ask(question("POST", url, headers, body), self._body)

    def download(self, url: str, *, headers: Mapping[str, str] | None = None) -> Attachment:
        """Keep the body of a 200 answer, in bounded memory; one that breaks off is read on where the server can.

        Raises:
            SourceError: as for ``get``.
        """
        return self._ask(question("GET", url, headers), self._stored)

    def allowed(self, url: str) -> bool:
        """Tell whether the robots.txt of a web site lets the hub read a page; its Crawl-delay is kept from then on."""
        try:
            where = place(url)
            if where not in self._rules:
                self._rules[where] = self._rules_of(url)
                self._pace.slow_down(where, self._rules[where].delay_s)
            return self._rules[where].allow(url)
        except ValueError:
            return False

    def _rules_of(self, url: str) -> robots.Rules:
        asked = replace(question("GET", urljoin(url, "/robots.txt"), None), is_conditional=False)
        try:
            return robots.rules_of(self._ask(asked, self._beginning), self.manners.max_wait_s)
        except SourceError as err:
            return robots.rules_without(err)

    @cached_property
    def _keep(self) -> Keep:
        if self._given_keep is not None:
            return self._given_keep
        self._temporary = tempfile.TemporaryDirectory(prefix="bioimage-hub-")
        return Keep(Path(self._temporary.name))

    # --- asking

    def _ask(self, question: Question, use: Callable[[Answer, _Tries], T | None]) -> T:
        """Return what ``use`` makes of the answer; None, when what was kept is damaged: ask for all."""
        tries = _Tries(question)
        while True:
            try:
                with self._answer(question) as answer:
                    made = use(answer, tries)
            except PassingError as err:
                self._wait(tries, err)
                continue
            if made is not None:
                return made
            self._damaged.add(answer.key or "")

    def _wait(self, tries: _Tries, err: PassingError) -> None:
        """Set when the hosts of a question are asked again.

        Raises:
            SourceError: they are not: it was tried often enough, or they asked for too long a pause.
        """
        manners = self.manners
        asked_s = None if err.retry_after is None else retry_after_s(err.retry_after)
        if asked_s is not None and asked_s > manners.max_wait_s:
            self._pace.bar(self._asked, asked_s)
            asks = f"{self._asked[0]} asks for a pause of {asked_s:.0f} s, longer than {manners.max_wait_s:g} s"
            raise SourceError(f"{tries.question}: {asks}", status=err.status) from err
        growing_s = min(2**tries.number * random.uniform(0.5, 1.0), manners.max_wait_s)
        pause_s = growing_s if asked_s is None else asked_s
        tries.number += 1
        tries.waited_s += pause_s
        for host in {place(tries.question.url), self._asked}:
            self._pace.hold(host, pause_s)
        if tries.number > manners.retries or tries.waited_s > manners.patience_s:
            raise SourceError(f"{tries.question} failed: {err}", status=err.status) from err

    def _answer(self, question: Question) -> Answer:
        """Return the usable answer to a question, after redirects.

        Raises:
            SourceError: refused.
            PassingError: no usable answer this time.
        """
        self._guard.ends_at = time.monotonic() + self.manners.deadline_s
        first, seen = question, set()
        for _ in range(MAX_REDIRECTS + 1):
            seen.add((question.method, question.url))
            answer = self._send(question)
            location = answer.headers.get("Location")
            if answer.status not in REDIRECTS or location is None:
                return self._usable(first, answer)
            answer.finish()
            question = question.redirected(answer.status, location)
            if (question.method, question.url) in seen:
                raise SourceError(f"{first} is redirected in a circle", status=answer.status)
        raise SourceError(f"{first} is redirected more than {MAX_REDIRECTS} times")

    def _usable(self, question: Question, answer: Answer) -> Answer:
        if answer.status in question.accepts or (answer.status == NOT_MODIFIED and answer.known):
            return answer
        answer.finish()
        problem = f"status {answer.status}"
        if answer.status in PASSING:
            raise PassingError(problem, answer.status, answer.headers.get("Retry-After"))
        raise SourceError(f"{question} failed: {problem}", status=answer.status)

    def _send(self, question: Question) -> Answer:
        with mapped_errors(str(question), self._guard, self.manners.deadline_s):
            asked = {**question.headers, "User-Agent": self._headers["User-Agent"]}
            said = {name.lower() for name in asked}
            asked |= {name: value for name, value in self._headers.items() if name.lower() not in said}
            prepared = requests.Request(question.method, question.url, asked, data=question.body).prepare()
            url = str(prepared.url)
            if question.asks_first and self._asks_anyone:
                self._guard.trust(url)
            self._asked = place(url)
            self._guard.trusts_nobody = not question.asks_first and not self._asks_anyone
            if self._guard.trusts_nobody:
                self._guard.check_name(url)  # a connection that stands already is not checked again
            self._guard.ends_at += self._pace.keep(self._asked)  # a pause is not the server's time
            key = None
            if question.is_conditional:
                key = conditional.key_of(url, question.headers, is_redirected=not question.asks_first)
            known = self._validator(key)
            prepared.headers.update(known.headers() if known else {})
            self.requests += 1
            response = self._transport.ask(prepared)
        if (interval_s := told_interval_s(response.headers)) is not None:
            self._pace.slow_down(self._asked, min(interval_s, self.manners.max_wait_s))
        return Answer(response, url, self._guard, self.manners.deadline_s, key, known)

    # --- using an answer

    def _validator(self, key: str | None) -> Validator | None:
        """Return what is known of a URL, when its body is there to be used."""
        if key is None or key in self._damaged:
            return None
        known = self.validators.get(key) or self._known.get(key)
        return known if known and known.headers() and self._keep.holds(known.sha256) else None

    def _learn(self, answer: Answer, digest: str) -> None:
        etag, modified = conditional.validators_of(answer.headers)
        if answer.key is not None and (etag or modified):
            self.validators[answer.key] = Validator(etag, modified, digest)
            self._damaged.discard(answer.key)

    def _confirm(self, answer: Answer, known: Validator) -> None:
        self.not_modified += 1
        if answer.key is not None and not conditional.is_secret(answer.headers):
            self.validators[answer.key] = known

    def _body(self, answer: Answer, _: _Tries) -> bytes | None:
        if answer.known and answer.status == NOT_MODIFIED:
            kept = self._keep.read(answer.known.sha256, self.manners.max_bytes)
            if kept is not None:
                self._confirm(answer, answer.known)
            return kept
        data = b"".join(answer.chunks(self.manners.max_bytes))
        if answer.key is not None and any(conditional.validators_of(answer.headers)):
            self._learn(answer, self._keep.put([data]).sha256)
        return data

    def _beginning(self, answer: Answer, _: _Tries) -> bytes:
        data = b""
        for chunk in answer.chunks(self.manners.max_bytes):
            data += chunk
            if len(data) >= robots.MAX_BYTES:
                break
        return data

    def _stored(self, answer: Answer, tries: _Tries) -> Attachment | None:
        if answer.known and answer.status == NOT_MODIFIED:
            kept = self._keep.attachment(answer.known.sha256)
            if kept is not None:
                self._confirm(answer, answer.known)
            return kept
        made = self._keep.put(self._read_on(answer, tries))
        self._learn(answer, made.sha256)
        return made

    def _read_on(self, first: Answer, tries: _Tries) -> Iterator[bytes]:
        """Yield a body; when it breaks off, go on where it broke, if the server is sure that it is the same."""
        received = 0
        answer: Answer | None = first
        while True:
            try:
                with answer or self._rest(first, received, tries.question) as part:
                    for chunk in part.chunks(self.manners.max_download_bytes - received, self._came):
                        received += len(chunk)
                        yield chunk
                return
            except PassingError as err:
                if isinstance(err, _ChangedError) or not _can_be_resumed(first):
                    raise
                self._wait(tries, err)
                answer = None

    def _rest(self, first: Answer, start: int, question: Question) -> Answer:
        """Return the answer that goes on at a byte.

        Raises:
            PassingError: it is another content by now, or cannot be had this time.
        """
        told = {name: value for name, value in question.headers.items() if name.lower() != "accept-encoding"}
        told |= {"Range": f"bytes={start}-", "If-Range": first.headers["ETag"], "Accept-Encoding": "identity"}
        accepts = frozenset({OK, PARTIAL, RANGE_PAST_END})
        answer = self._answer(replace(question, headers=told, is_conditional=False, accepts=accepts))
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""), re.ASCII)
        is_same = match and int(match[1]) == start and first.length in (None, int(match[2]))
        if answer.status == PARTIAL and is_same and not answer.coding:
            return answer
        answer.close()
        raise _ChangedError("the content changed while it was read", answer.status)

    def _came(self, size: int) -> None:
        self._guard.ends_at += size / self.manners.least_bytes_per_s


def _can_be_resumed(answer: Answer) -> bool:
    is_strong = answer.headers.get("ETag", "").startswith('"')
    return is_strong and answer.headers.get("Accept-Ranges", "").strip().lower() == "bytes" and not answer.coding
