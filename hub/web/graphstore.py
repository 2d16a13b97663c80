"""The Graph Store Protocol, reading only: one graph at a time, by its IRI.

A graph of the hub is also at its own address (``/graph/…``), as the protocol's direct identification wants it.

Source: https://www.w3.org/TR/sparql11-http-rdf-update/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hub import formats
from hub.errors import NotFoundError
from hub.web import protocol
from hub.web.answers import Answers, Published, Request
from hub.web.problems import HttpError
from hub.web.protocol import Endpoint, Environ, Fields, Reply

_CONTENT = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } # graph store"
"""The comment keeps it apart from the same query to ``/sparql``, for which a graph that is not there is empty."""
_EXISTS = "ASK { GRAPH ?g { ?s ?p ?o } }"
_YES = b'"boolean":true'
_WRITES = ("PUT", "POST", "DELETE", "PATCH")


class GraphStoreApp(Endpoint):
    """WSGI callable; mount it at ``/sparql/graph``.

    Args:
        published: tells what is served now; called once for each request.
        answers: where answers are kept.
    """

    def __init__(self, published: Callable[[], Published], answers: Answers) -> None:
        self._published, self._answers = published, answers

    def respond(self, environ: Environ) -> Reply:
        """Answer with the graph that ``?graph=<IRI>`` or ``?default`` names."""
        now = self._published()
        self._answers.follow(now)
        fields = protocol.query_fields(environ)
        graph = self._graph(fields)
        name = fields.get("format", [""])[-1]
        offer = formats.named(name, "graph") if name else formats.negotiate(environ.get("HTTP_ACCEPT", ""), "graph")
        request = Request(_CONTENT, offer.media_type, offer.content_type, (graph,) if graph else ())
        return self._answers.reply(environ, now, request, lambda: self._read(now, request))

    def _graph(self, fields: Fields) -> str:
        """The IRI of the graph that is asked for; empty for the default graph."""
        graphs = fields.get("graph", [])
        if len(graphs) + len(fields.get("default", [])) != 1:
            raise HttpError(400, "name one graph: ?graph=<its IRI>, or ?default")
        return protocol.graph_iri(graphs[0], "graph") if graphs else ""

    def _read(self, now: Published, request: Request) -> Iterable[bytes]:
        for graph in request.default_graphs:
            found = b"".join(now.pool.query(_EXISTS, "application/sparql-results+json", named_graphs=(graph,)))
            if _YES not in found:
                raise NotFoundError(f"there is no graph <{graph}> in this hub")
        return now.pool.query(request.query, request.media_type, default_graphs=request.default_graphs)

    def _not_offered(self, method: str) -> str:
        if method in _WRITES:
            return "this graph store only reads: archives and submissions write to the hub"
        return super()._not_offered(method)
