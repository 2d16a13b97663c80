"""Three hubs in processes of their own that mirror each other, lines between them that fail, and a hub that lies."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hub import digests
from hub.peers import documents, keys, statements
from hub.peers.statements import Statement

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "hub" / "demo"
HUB = [sys.executable, "-m", "hub.cli"]
BASE = "https://hub.example.org/"
OWNERS = {"eu": "idr", "us": "bia", "asia": "ssbd"}
FAULTS = ("refuse", "cut", "busy", "double", "reverse", "lose", "stale", "hang")
START_S, HANG_S = 60.0, 4.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Wire(BaseHTTPRequestHandler):
    """Passes requests on to a hub, and does to the answers what the line is told to do."""

    line: Line
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer one request."""
        fault = self.line.fault()
        if fault == "refuse":
            self.connection.close()
            return
        if fault == "hang":
            self.line.closing.wait(HANG_S)
            self.connection.close()
            return
        try:
            status, kind, body = self.line.fetch(self.path)
        except (OSError, http.client.HTTPException):
            status, kind, body = 502, "text/plain", b""
        if fault == "busy":
            status, body = 503, b""
        if fault == "stale":
            status, kind, body = self.line.earlier(self.path, (status, kind, body))
        if status == 200 and self.path.startswith("/changes"):
            body = _altered(body, fault)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)
        if fault == "cut":
            self.close_connection = True
            self.connection.close()

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


def _altered(body: bytes, fault: str) -> bytes:
    told = json.loads(body)
    found = told["changes"]
    told["changes"] = {"double": found + found, "reverse": found[::-1], "lose": found[1::2]}.get(fault, found)
    return json.dumps(told).encode()


@dataclass
class Line:
    """The line from one hub to another.

    Attributes:
        to: port of the hub that is asked.
        share: how often an answer suffers, from 0 to 1.
        is_cut: whether nothing passes at all.
        faults: number of answers that suffered, by what.
    """

    to: int
    chance: random.Random
    share: float = 0.0
    is_cut: bool = False
    port: int = 0
    kinds: tuple[str, ...] = FAULTS
    faults: dict[str, int] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)
    _seen: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)

    def fault(self) -> str:
        """Return what happens to the next answer."""
        found = "refuse" if self.is_cut else ""
        if not found and self.chance.random() < self.share:
            found = self.chance.choice(self.kinds)
        if found:
            self.faults[found] = self.faults.get(found, 0) + 1
        return found

    def fetch(self, path: str) -> tuple[int, str, bytes]:
        """Return what the hub answers: status, media type and body."""
        link = http.client.HTTPConnection("127.0.0.1", self.to, timeout=20)
        try:
            link.request("GET", path, headers={"Accept": "application/json"})
            answer = link.getresponse()
            found = answer.status, answer.headers.get("Content-Type", ""), answer.read()
        finally:
            link.close()
        if found[0] == 200:
            self._seen.setdefault(path, found)
        return found

    def earlier(self, path: str, found: tuple[int, str, bytes]) -> tuple[int, str, bytes]:
        """Return the first answer that was ever given to a question, as a careless cache does."""
        return self._seen.get(path, found)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Write nothing: connections break on purpose."""


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve a handler on a free port; yield the port."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Hub:
    """One hub: its folder, its own source's documents, its server."""

    name: str
    folder: Path
    port: int
    server: subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> Path:
        """Its settings."""
        return self.folder / "hub.toml"

    @property
    def documents(self) -> Path:
        """Folder of its own source's documents."""
        return self.folder / "documents"

    def command(self, *arguments: str) -> list[str]:
        """Return a command of this hub."""
        return [*HUB, *arguments, "--config", str(self.file)]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end."""
        return subprocess.run(self.command(*arguments), capture_output=True, check=False, cwd=ROOT)

    def killed(self, after_s: float, *arguments: str) -> bool:
        """Run a command and kill it after a while; tell whether it was still running."""
        with subprocess.Popen(
            self.command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
        ) as process:
            try:
                process.wait(after_s)
            except subprocess.TimeoutExpired:
                process.kill()
                return True
        return False

    def start(self) -> None:
        """Serve, and wait until it answers."""
        command = self.command("serve", "--port", str(self.port))
        self.server = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT, start_new_session=True
        )
        ends = time.monotonic() + START_S
        while not self.is_up():
            if time.monotonic() > ends or self.server.poll() is not None:
                raise RuntimeError(f"{self.name} does not start")
            time.sleep(0.1)

    def is_up(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(OSError):
            return self.told("/healthz") is not None
        return False

    def told(self, path: str) -> Any:
        """Return what it answers as JSON."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Accept": "application/json"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.loads(answer.read())

    def stop(self) -> None:
        """Kill the server and what it started."""
        if self.server is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait()
            self.server = None


class Liar:
    """A hub that passes on what another one says, and lies about it in every way; it signs what nobody else would.

    Args:
        key_file: where its key is kept.
        victim: port of the hub whose records it misrepresents.
    """

    def __init__(self, key_file: Path, victim: int) -> None:
        self.key = keys.own(key_file)
        self.victim = Line(victim, random.Random(0))

    def answer(self, path: str) -> Any:
        """Return what it says."""
        if path == "/.well-known/hub":
            return self._hello()
        if path.startswith("/changes?since=0"):
            return self._changes()
        if path.startswith("/changes"):
            return {"since": int(path.partition("since=")[2].partition("&")[0]), "next": 99, "complete": True} | {
                "changes": []
            }
        return None

    def _hello(self) -> dict[str, Any]:
        said = json.loads(self.victim.fetch("/.well-known/hub")[2])
        owners = {**said["owners"], "liar": {"key": self.key.public, "records": 1, "sha256": "0" * 64, "sequence": 9}}
        return documents.signed(
            {**said, "name": "liar", "key": self.key.public, "sequence": 99, "owners": owners}, self.key
        )

    def _changes(self) -> dict[str, Any]:
        found = json.loads(self.victim.fetch("/changes?since=0&limit=12")[2])["changes"]
        lies = [lie(one) for one, lie in zip(found, self._lies() * 4, strict=False)]
        own = [self._own(found[3], title) for title in ("One history", "Another history")]
        return {"since": 0, "next": 99, "last": 99, "complete": True, "changes": [*lies, *own]}

    def _lies(self) -> list[Any]:
        def other_record(one: dict[str, Any]) -> dict[str, Any]:
            said = replace(Statement.read(one["statement"]), sequence=10_000 + one["number"])
            return {**one, "statement": said.text(), "record": {**one["record"], "name": "Forged"}}

        def other_signature(one: dict[str, Any]) -> dict[str, Any]:
            said = replace(Statement.read(one["statement"]), sequence=20_000 + one["number"], title="Forged")
            return {**one, **_signed(statements.sign(said, self.key))}

        return [other_record, other_signature, lambda one: {**one, "statement": "{}"}]

    def _own(self, one: dict[str, Any], title: str) -> dict[str, Any]:
        """Return a change of a record of its own that claims another hub's accession; told twice, it is a fork."""
        said = Statement.read(one["statement"])
        record = {**one["record"], "name": title}
        text = json.dumps(record, ensure_ascii=False)
        own = replace(said, hub="liar", sequence=9, title=title, sha256=digests.of_record(text))
        return {**one, "number": 9, "hops": [], "record": record, **_signed(statements.sign(own, self.key))}

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return what serves it."""
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                told = liar.answer(self.path)
                body = b"" if told is None else json.dumps(told).encode()
                self.send_response(404 if told is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Write nothing."""

        return Handler


def _signed(signed: Any) -> dict[str, str]:
    return {"statement": signed.statement, "signature": signed.signature}


class Federation:
    """Three hubs of one source each, every one a peer of the others over lines that fail, and of a liar.

    Args:
        folder: where the hubs are kept.
        chance: decides what fails.
        copies: how often each document is there, under accessions of its own.
    """

    def __init__(self, folder: Path, chance: random.Random, copies: int = 1) -> None:
        self.folder, self.chance = folder, chance
        self.hubs = {name: Hub(name, folder / name, free_port()) for name in OWNERS}
        self.lines: dict[tuple[str, str], Line] = {}
        self.kills = 0
        self._open = contextlib.ExitStack()
        for name, archive in OWNERS.items():
            self._write_documents(self.hubs[name].documents, archive, copies)

    def _write_documents(self, target: Path, archive: str, copies: int) -> None:
        target.mkdir(parents=True)
        for file in sorted((DEMO / archive).rglob("*.json"))[:6]:
            text, accession = file.read_text(encoding="utf-8"), file.name.partition("-ro-crate")[0]
            first = re.search(r"\d", accession)
            assert first is not None
            for copy in range(copies):
                digit = (int(first[0]) + copy) % 10
                other = f"{accession[: first.start()]}{digit}{accession[first.end() :]}"
                name = f"{other}-ro-crate-metadata.json"
                (target / name).write_text(text.replace(accession, other), encoding="utf-8")

    def __enter__(self) -> Federation:
        for one in self.hubs.values():
            for other in self.hubs.values():
                if one is not other:
                    line = Line(other.port, random.Random(self.chance.random()))
                    line.port = self._open.enter_context(listening(type("Wire", (Wire,), {"line": line})))
                    self.lines[one.name, other.name] = line
        self.liar = Liar(self.folder / "liar.pem", self.hubs["eu"].port)
        self.liar_port = self._open.enter_context(listening(self.liar.handler()))
        for hub in self.hubs.values():
            self._settle(hub)
            self._open.callback(hub.stop)
        return self

    def __exit__(self, *_: object) -> None:
        for line in self.lines.values():
            line.closing.set()
        self._open.close()

    def _settle(self, hub: Hub) -> None:
        """Write a hub's settings."""
        general = [f'base_iri = "{BASE}"', f'hub_name = "{hub.name}"', "harvest_interval_s = 0.001"]
        general += ["web_workers = 1", "query_workers = 1", "harvest_timeout_s = 2.0", "deletion_guard = 1.0"]
        archive = OWNERS[hub.name]
        source = f'[sources.{archive}]\nharvester = "crates"\narchive = "{archive}"\nurl = "documents"'
        peers = [
            self._peer(other.name, self.lines[hub.name, other.name].port, self._key(other))
            for other in self.hubs.values()
            if other is not hub
        ]
        peers.append(self._peer("liar", self.liar_port, self.liar.key.public))
        hub.file.write_text("\n".join([*general, source, *peers]) + "\n", encoding="utf-8")

    def _key(self, hub: Hub) -> str:
        return keys.own(hub.folder / "data" / "keys" / "hub.pem").public

    def _peer(self, name: str, port: int, key: str) -> str:
        return f'[peers.{name}]\nurl = "http://127.0.0.1:{port}"\nkey = "{key}"'

    def each(self, do: Any) -> None:
        """Do something with every hub at the same time."""
        threads = [threading.Thread(target=do, args=(hub,)) for hub in self.hubs.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def harvest(self, hub: Hub) -> None:
        """Harvest a hub's own source, until it is published."""
        while (done := hub.run("harvest", "--all")).returncode:
            if b"another process" not in done.stderr and b"another harvest" not in done.stderr:
                raise RuntimeError(done.stderr.decode())

    def trouble(self, share: float) -> None:
        """Let each line fail in a share of its answers from now on."""
        for line in self.lines.values():
            line.share, line.is_cut = share, False

    def verified(self) -> list[str]:
        """Return what each hub says when it is compared with each other one."""
        found = []
        for one in self.hubs.values():
            for other in self.hubs.values():
                if one is not other:
                    told = one.run("verify", f"http://127.0.0.1:{other.port}")
                    found.append((told.stdout or told.stderr).decode().strip())
        return found
