"""SERVICE, evaluated by the hub: each pattern is answered first, and stands as VALUES in the query that is run.

The engine's own SERVICE is shut off, for it has no time limit, fetches everything and reaches every address. Here only
endpoints that the settings name are asked, for what agrees with the rest of the group, and the hub's own full-text
index (:mod:`hub.text_service`). As a pattern is replaced where it stands, OPTIONAL, UNION, MINUS, EXISTS and sub-SELECT
mean what they mean; what could not be answered rightly so is refused.

Source: https://www.w3.org/TR/sparql11-federated-query/ · https://www.w3.org/TR/sparql11-query/#sparqlAlgebra
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from urllib.parse import urlsplit

from hub import places, sparql_groups, sparql_guard
from hub.config import Service, Settings
from hub.errors import HubError, QueryBusyError, QueryTooComplexError
from hub.places import Places
from hub.search.published import Searchers
from hub.service_client import ServiceClient
from hub.service_rewriting import Ask, Limits, Rewriting
from hub.snapshots import Snapshot
from hub.text_service import TEXT, TextService
from hub.workers import QueryResult, WorkerPool

MAX_SERVICES = 10
"""SERVICE patterns in one query."""
QUERIES = 4
"""Queries of one process that ask other endpoints at the same time; one client has three of them at most."""
NOTHING = "urn:x-hub:nothing"
"""A graph that does not exist: a query over it is parsed and soon done."""
Find = Callable[[str], Service | None]


class Federation:
    """Runs queries with SERVICE; one for each process, safe for threads.

    Args:
        find: gives the endpoint that an IRI after SERVICE names, if it may be asked.
        client: asks it.
        texts: the full-text index, or None.
        limits: what one query may take.
    """

    def __init__(self, find: Find, client: ServiceClient, texts: TextService | None, limits: Limits) -> None:
        self._find, self._client, self._texts, self._limits = find, client, texts, limits
        self._places = Places(QUERIES)

    @classmethod
    def of(cls, settings: Settings, searchers: Searchers | None = None) -> Federation:
        """Return what the settings allow; texts are searched with some searchers, or its own."""
        limits = Limits(
            settings.base_iri, settings.query_timeout_s, settings.service_timeout_s, settings.max_service_rows
        )
        client = ServiceClient(settings.contact, settings.ca_bundle)
        return cls(finder({**peer_services(settings), **settings.services}), client, TextService(searchers), limits)

    def query(
        self,
        pool: WorkerPool,
        text: str,
        accept_format: str = "",
        *,
        snapshot: Snapshot | None = None,
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
    ) -> QueryResult:
        """Run one query as ``pool.query`` does, with its SERVICE patterns answered before.

        Args:
            pool: runs what is local.
            text: the query; :mod:`hub.sparql_guard` should have looked at it.
            accept_format: media type of the answer.
            snapshot: what the pool answers from; needed for full-text search.
            default_graphs: graph IRIs that make up the default graph.
            named_graphs: graph IRIs that ``GRAPH`` sees.

        Raises:
            QueryRefusedError: an endpoint that is not allowed, or a SERVICE where it cannot be answered rightly.
            ServiceError: an endpoint gave no whole answer in time.
            ResultTooLargeError: a SERVICE has more rows than are taken.
            QueryError: as ``pool.query``.
        """
        heads = _heads(text)
        ends_at = time.monotonic() + self._limits.timeout_s
        if len(heads) > MAX_SERVICES:
            raise QueryTooComplexError(f"the query has more than {MAX_SERVICES} SERVICE patterns: ask several queries")
        bare = sparql_groups.without(text, heads)
        if "service" in text.lower():
            sparql_guard.check(bare, max_bytes=len(text) * 4)
        if heads:
            pool.query(bare, default_graphs=[NOTHING]).close()
            ask = _asker(pool, default_graphs, named_graphs)
            text = self._rewritten(text, ask, snapshot, ends_at)
        left_s = max(0.0, ends_at - time.monotonic())
        return pool.query(
            text, accept_format, default_graphs=default_graphs, named_graphs=named_graphs, timeout_s=left_s
        )

    def is_lasting(self, text: str) -> bool:
        """Whether a query's answer is the same for as long as the snapshot stands: it asks no other endpoint."""
        if not _heads(text):
            return True
        try:
            query = sparql_groups.read(text)
            return all(_endpoint(query, way) == TEXT for way in query.services())
        except HubError:
            return False

    def _rewritten(self, text: str, ask: Ask, snapshot: Snapshot | None, ends_at: float) -> str:
        query = sparql_groups.read(text)
        work = Rewriting(query, ask, self._find, self._client, self._texts, snapshot, self._limits, ends_at)
        if all(_endpoint(query, way) == TEXT for way in query.services()):
            return work.run()
        with self._place():
            return work.run()

    @contextmanager
    def _place(self) -> Iterator[None]:
        client = places.current.get().client
        try:
            self._places.enter(client)
        except QueryBusyError as err:
            raise QueryBusyError(
                "too many queries ask other endpoints at the same time: try again in a moment"
            ) from err
        try:
            yield
        finally:
            self._places.leave(client)


def peer_services(settings: Settings) -> dict[str, Service]:
    """Return the endpoints of the peers whose tables in the settings say ``sparql = true``, by the peer's name."""
    return {
        peer.name: Service(peer.name, f"{peer.url}/sparql", is_private=peer.is_private)
        for peer in settings.peers.values()
        if peer.has_sparql
    }


def finder(services: Mapping[str, Service]) -> Find:
    """Return what finds an endpoint by its IRI, whether written with http or https, with a last slash or without."""
    known = {_plain(service.url): service for service in services.values()}
    return lambda iri: known.get(_plain(iri))


def _plain(iri: str) -> str:
    try:
        parts = urlsplit(iri)
    except ValueError:
        return iri
    if parts.scheme not in ("http", "https"):
        return iri
    return parts._replace(scheme="http", netloc=parts.netloc.lower(), path=parts.path.rstrip("/")).geturl()


@lru_cache(maxsize=16)
def _heads(text: str) -> list[tuple[int, int]]:
    """Where the heads of SERVICE patterns stand; a text is looked at for its cache and again to be run."""
    return sparql_groups.service_heads(text) if "service" in text.lower() else []


def _endpoint(query: sparql_groups.Query, way: list[sparql_groups.Step]) -> str:
    name = way[-1].element.name
    return "" if name is None or name.kind == "var" else query.iri(name)


def _asker(pool: WorkerPool, default_graphs: Sequence[str], named_graphs: Sequence[str]) -> Ask:
    def ask(text: str, media_type: str, timeout_s: float, is_about_data: bool) -> bytes:
        graphs = (default_graphs, named_graphs) if is_about_data else ([NOTHING], ())
        result = pool.query(text, media_type, default_graphs=graphs[0], named_graphs=graphs[1], timeout_s=timeout_s)
        return b"".join(result)

    return ask
