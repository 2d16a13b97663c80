"""A scratch SPARQL server for conformance suites: ``python -m tests.sparql_server --port 7878``.

Updates and graph store writes go into a store on disk; a query is answered as the hub answers it: through its endpoint,
guard and sealed workers, on a snapshot of that store that is published whenever something has changed.

| path            | what                                       |
|-----------------|--------------------------------------------|
| `/sparql`       | the hub's SPARQL endpoint                  |
| `/sparql/graph` | the hub's graph store, with writing added  |
| `/update`       | SPARQL 1.1 Update, which the hub has not   |

Source: https://www.w3.org/TR/sparql11-protocol/ · https://www.w3.org/TR/sparql11-http-rdf-update/
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyoxigraph as ox
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from hub.config import Service, Settings
from hub.federation import Federation
from hub.service_client import ServiceClient
from hub.service_rewriting import Limits
from hub.snapshots import Snapshot
from hub.void import Counter
from hub.web.answers import Answers
from hub.web.graphstore import GraphStoreApp
from hub.web.sparql import SparqlApp, SparqlSettings
from hub.web.void import SelfDescription
from hub.workers import WorkerPool

BASE = "http://scratch.example.org/"
FORM, UPDATE = "application/x-www-form-urlencoded", "application/sparql-update"
MAX_BODY_BYTES = 64 * 1024**2
STORE = "/sparql/graph"
ABSENT = "http://127.0.0.1:9/sparql"


def loopback() -> Federation:
    """SERVICE as the hub evaluates it, with every endpoint allowed; those elsewhere stand for one that is down."""

    def find(iri: str) -> Service:
        return Service("mock", iri if iri.startswith("http://127.0.0.1:") else ABSENT, is_private=True)

    return Federation(find, ServiceClient("https://hub.example.org/"), None, Limits())


@dataclass(frozen=True, slots=True)
class Now:
    """What is served."""

    snapshot: Snapshot
    pool: WorkerPool
    changed: datetime

    @property
    def version(self) -> str:
        return self.snapshot.path.name

    @property
    def sequence(self) -> int:
        return self.snapshot.sequence


class ScratchStore:
    """A store that can be written, and is published before it is read."""

    def __init__(self, folder: Path) -> None:
        self.store = ox.Store(str(folder / "store"))
        self.lock = threading.RLock()
        self._folder, self._number, self._dirty = folder, 0, True
        self._now: Now | None = None

    def __call__(self) -> Now:
        """Return what is served, published anew when it was written to."""
        with self.lock:
            if self._dirty or self._now is None:
                self._now, self._dirty = self._publish(self._now), False
            return self._now

    def written(self) -> None:
        """Note that what is served is stale."""
        self._dirty = True

    def _publish(self, old: Now | None) -> Now:
        self._number += 1
        self.store.flush()
        path = self._folder / f"{self._number:06d}"
        path.mkdir()
        created = datetime.now(UTC)
        snapshot = Snapshot(path, self._number, created.isoformat(timespec="seconds"), BASE, len(self.store))
        self.store.backup(str(snapshot.graph))
        if old is None:
            pool = WorkerPool(snapshot.graph, workers=1, spares=0, timeout_s=20, memory_bytes=512 * 1024**2)
            return Now(snapshot, pool, created)
        old.pool.switch(snapshot.graph)
        shutil.rmtree(old.snapshot.path, ignore_errors=True)
        return Now(snapshot, old.pool, created)

    def close(self) -> None:
        """End the workers."""
        if self._now is not None:
            self._now.pool.close()


class ScratchServer:
    """The WSGI callable.

    Args:
        folder: empty folder for store and snapshots.
        endpoint: more arguments of the hub's endpoint.
    """

    def __init__(self, folder: Path, **endpoint: Any) -> None:
        self.scratch = ScratchStore(folder)
        self._created = 0
        answers = Answers(8 * 1024**2, 1024**2)
        federated = endpoint.get("federation") is not None
        description = SelfDescription(Counter(Settings(data_dir=folder)), answers, federated=federated)
        limits = SparqlSettings(base_iri=BASE, max_body_bytes=MAX_BODY_BYTES)
        self._query = SparqlApp(self.scratch, limits, answers=answers, describe=description.service, **endpoint)
        self._read = GraphStoreApp(self.scratch, answers)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        path = request.path.rstrip("/")
        if path == "/sparql":
            return self._query(environ, start_response)
        if path.startswith(STORE) and request.method in ("GET", "HEAD", "OPTIONS"):
            return self._read(environ | {"QUERY_STRING": self._named(request)}, start_response)
        with self.scratch.lock:
            response = self._written(self._update if path == "/update" else self._write, request)
        return response(environ, start_response)

    def _written(self, change: Callable[[Request], Response], request: Request) -> Response:
        try:
            return change(request)
        except (SyntaxError, ValueError) as error:
            return Response(str(error), 400)
        except (OSError, RuntimeError) as error:
            return Response(str(error), 502)
        finally:
            self.scratch.written()
            request.close()

    # ── writing, which the hub does not offer ────────────────────────────────────────────────────────────────────

    def _update(self, request: Request) -> Response:
        if request.method != "POST":
            return Response("POST an update", 405)
        if request.mimetype == FORM:
            updates = request.form.getlist("update")
            text = updates[0] if len(updates) == 1 else ""
        else:
            text = request.get_data().decode() if request.mimetype == UPDATE else ""
        if not text or {"using-graph-uri", "using-named-graph-uri"} & {*request.args, *request.form}:
            return Response("one update, without using-graph-uri", 400)
        self.scratch.store.update(text, base_iri=request.base_url)
        return Response(status=204)

    def _write(self, request: Request) -> Response:
        store, graph = self.scratch.store, self._graph(request)
        known = isinstance(graph, ox.DefaultGraph) or store.contains_named_graph(graph)
        if request.method == "DELETE":
            if known:
                store.clear_graph(graph) if isinstance(graph, ox.DefaultGraph) else store.remove_graph(graph)
            return Response(status=204 if known else 404)
        if request.method not in ("PUT", "POST"):
            return Response(status=405)
        quads = list(self._parsed(request, graph))
        if request.method == "PUT" and known:
            store.clear_graph(graph)
        store.extend(ox.Quad(q.subject, q.predicate, q.object, graph) for q in quads)
        created = isinstance(graph, ox.NamedNode) and not known
        if created:
            store.add_graph(graph)
        return Response(status=201 if created else 204, headers={"Location": graph.value} if created else {})

    def _named(self, request: Request) -> str:
        """The parameters of the address; an address below the graph store's names a graph by itself."""
        if request.path == STORE:
            return request.query_string.decode()
        return f"graph={quote(request.base_url, safe='')}"

    def _graph(self, request: Request) -> ox.NamedNode | ox.DefaultGraph:
        if "default" in request.args:
            return ox.DefaultGraph()
        if request.path == STORE and "graph" not in request.args:
            self._created += 1
            return ox.NamedNode(f"{request.base_url}/new/{self._created}")
        return ox.NamedNode(request.args.get("graph") or request.base_url)

    def _parsed(self, request: Request, graph: ox.NamedNode | ox.DefaultGraph) -> Iterator[ox.Quad]:
        base = request.base_url if isinstance(graph, ox.DefaultGraph) else graph.value
        files = [(f.read(), f.mimetype) for f in request.files.values()]
        for data, kind in files or [(request.get_data(), request.mimetype)]:
            yield from ox.parse(data, ox.RdfFormat.from_media_type(kind), base_iri=base, rename_blank_nodes=True)

    def close(self) -> None:
        """End the workers."""
        self.scratch.close()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        """Write nothing."""


@contextmanager
def serving(port: int = 0, **endpoint: Any) -> Iterator[str]:
    """Serve on loopback; the address, without a slash at the end."""
    with tempfile.TemporaryDirectory(prefix="hub-scratch-") as folder:
        scratch = ScratchServer(Path(folder), **endpoint)
        server = make_server("127.0.0.1", port, scratch, threaded=True, request_handler=_Quiet)
        thread = threading.Thread(target=server.serve_forever, name="scratch-server")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            scratch.close()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Serve an empty scratch store through the hub's endpoint.")
    parser.add_argument("--port", type=int, default=7878)
    parser.add_argument("--no-service", action="store_true", help="refuse SERVICE, as a hub without peers does")
    args = parser.parse_args()
    with serving(args.port, federation=None if args.no_service else loopback()) as address:
        print(f"--query {address}/sparql --update {address}/update --gsp {address}{STORE}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
