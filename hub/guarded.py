"""One request to a stranger's server: asked once, never led elsewhere, bounded in time and size."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import requests

from harvesters.contract import SourceError
from harvesters.http import user_agent
from harvesters.polite.answers import ACCEPTED_CODINGS, Answer, PassingError, mapped_errors
from harvesters.polite.network import Guard
from harvesters.polite.questions import REDIRECTS, question
from harvesters.polite.transport import Transport
from hub.config import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Attributes:
        method: ``GET`` or ``POST``.
        url: an http or https address.
        headers: beside those that every request has.
        body: what is sent, or None.
        is_private: whether the address may be in the operator's own network.
        timeout_s: longest time until the whole answer is there, in seconds.
        max_bytes: longest body that is read; 0 when only status and headers are wanted.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None
    is_private: bool = False
    timeout_s: float = 15.0
    max_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered: status, headers by names in any case, and the body that was wanted."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(settings: Settings, asked: Request) -> Reply:
    """Ask once and return the answer, whatever its status.

    Raises:
        SourceError: no whole answer in time, a redirect, or a private address that the settings do not allow.
    """
    guard = Guard(asked.timeout_s)
    guard.ends_at = time.monotonic() + asked.timeout_s
    try:
        if asked.is_private:
            guard.trust(asked.url)
        with closing(Transport(guard, settings.ca_bundle or None)) as transport:
            return _ask(settings, asked, guard, transport)
    except (PassingError, ValueError) as err:
        raise SourceError(str(err)) from err


def _ask(settings: Settings, asked: Request, guard: Guard, transport: Transport) -> Reply:
    own = {"User-Agent": user_agent(settings.contact), "Accept-Encoding": ACCEPTED_CODINGS}
    sent = question(asked.method, asked.url, {**asked.headers, **own}, asked.body)
    with mapped_errors(str(sent), guard, asked.timeout_s):
        prepared = requests.Request(sent.method, sent.url, dict(sent.headers), data=sent.body).prepare()
        response = transport.ask(prepared)
    with closing(Answer(response, sent.url, guard, asked.timeout_s)) as answer:
        if answer.status in REDIRECTS:
            raise SourceError(f"{sent} answers {answer.status}: redirects are not followed, write the new address")
        body = b"".join(answer.chunks(asked.max_bytes)) if asked.max_bytes else b""
        return Reply(answer.status, answer.headers, body)
