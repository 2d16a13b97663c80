"""Hubs that mirror each other on loopback, and what may lie between them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from werkzeug.test import Client

from hub import ingest
from hub.config import Peer, Settings
from hub.log import Log
from hub.peers import keys, standing
from hub.web.app import create_app
from tests.support import demo_settings, serving

Change = Callable[[str, Any], Any]


def hub_of(folder: Path, name: str, sources: tuple[str, ...], **more: Any) -> Settings:
    """Return the settings of a hub of a name that was harvested and published."""
    settings = demo_settings(folder, sources, hub_name=name, harvest_interval_s=0.001, query_workers=1, **more)
    ingest.harvest(settings, list(sources))
    return settings


def with_peer(settings: Settings, other: Settings, url: str, **more: Any) -> Settings:
    """Return settings in which another hub is a peer, with its key pinned."""
    told = {"key": keys.own(other.key_file).public, "is_private": True, **more}
    peer = Peer(other.hub_name, url, **told)
    return replace(settings, peers={**settings.peers, other.hub_name: peer})


class Between:
    """A WSGI application before a hub's own, which alters what the hub answers as JSON.

    Attributes:
        change: told the path with its query, and the answer; returns what is sent instead.
        asked: the paths that were asked.
    """

    def __init__(self, app: Any) -> None:
        self.app = app
        self.asked: list[str] = []
        self.change: Change = lambda path, told: told

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Answer one request."""
        environ.pop("HTTP_ACCEPT_ENCODING", None)
        path = environ["PATH_INFO"] + ("?" + environ["QUERY_STRING"] if environ["QUERY_STRING"] else "")
        self.asked.append(path)
        answer = Client(self.app).open(environ_overrides=None, path=path, headers={"Accept": "application/json"})
        body, status = answer.get_data(), answer.status
        answer.close()
        if answer.mimetype == "application/json" and answer.status_code == 200:
            told = self.change(path, json.loads(body))
            if told is None:
                status, body = "503 Service Unavailable", b""
            else:
                body = json.dumps(told, ensure_ascii=False).encode()
        start_response(status, [("Content-Type", answer.content_type), ("Content-Length", str(len(body)))])
        return [body]


@contextmanager
def served(settings: Settings) -> Iterator[tuple[str, Between]]:
    """Serve a hub's pages; yield its address and what stands before it."""
    app = create_app(settings)
    between = Between(app)
    try:
        with serving(between) as address:
            yield address, between
    finally:
        app.config["HUB_PUBLICATION"].close()


def held(settings: Settings) -> dict[str, standing.Summary]:
    """Return what a hub holds of each owner."""
    with closing(Log(settings.database)) as log:
        return standing.by_owner(log)
