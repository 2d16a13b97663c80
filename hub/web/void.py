"""What the hub says of itself to programs: its service description at ``/sparql``, VoID at ``/.well-known/void``.

Both are absolute, with the address that they were asked at, and never wait long: while a new snapshot is still being
counted they come without numbers, which clients then ask for or do without.

Source: https://www.w3.org/TR/sparql11-service-description/ · https://www.w3.org/TR/void/#well-known
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pyoxigraph import Literal, Quad, Triple, serialize

from hub import formats, void
from hub.void import RDF, SD, Counter, address
from hub.web import protocol
from hub.web.answers import Answers, Published, Request
from hub.web.protocol import Endpoint, Environ, Reply

WAIT_S = 3.0
"""Editors give up on a description after five seconds."""
FORMATS_NS = "http://www.w3.org/ns/formats/"
RESULT_FORMATS = (
    "SPARQL_Results_JSON SPARQL_Results_XML SPARQL_Results_CSV SPARQL_Results_TSV "
    "Turtle N-Triples RDF_XML JSON-LD N-Quads TriG"
).split()

Examples = Callable[[str], Iterable[Quad]]
"""Gives statements about saved queries, for a base IRI."""


class SelfDescription:
    """Writes both descriptions; they are answers like others.

    Args:
        counter: has the statistics.
        answers: where answers are kept.
        examples: gives what is said of saved queries.
        federated: whether SERVICE is answered.
        proxies: whose ``X-Forwarded-…`` headers are believed, as the setting ``trusted_proxies``.
    """

    def __init__(
        self,
        counter: Counter,
        answers: Answers,
        examples: Examples | None = None,
        *,
        federated: bool = False,
        proxies: str = "",
    ) -> None:
        self._counter, self._answers = counter, answers
        self._examples, self._federated, self._proxies = examples, federated, proxies

    def service(self, environ: Environ, now: Published, offer: formats.Format) -> Reply:
        """Describe the endpoint, its data included, for who asks ``/sparql`` nothing."""
        return self._reply(environ, now, offer, whole=True)

    def data(self, environ: Environ, now: Published, offer: formats.Format) -> Reply:
        """Describe the data."""
        return self._reply(environ, now, offer, whole=False)

    def _reply(self, environ: Environ, now: Published, offer: formats.Format, *, whole: bool) -> Reply:
        root = protocol.root(environ, self._proxies, now.snapshot.base_iri)
        found = self._counter.get(now.snapshot, WAIT_S)
        request = Request(f"description of {root} {whole}", offer.media_type, offer.content_type)

        def make() -> Iterable[bytes]:
            base = now.snapshot.base_iri
            said = self._of_service(root, base) if whole else []
            said += void.describe(now.snapshot, found, f"{root}/sparql")
            said += [quad.triple for quad in self._examples(base)] if self._examples else []
            return [write(said, offer)]

        return self._answers.reply(environ, now, request, make, keep=found is not None)

    def _of_service(self, root: str, base: str) -> list[Triple]:
        said, endpoint = void.Description(), f"{root}/sparql"
        said.say(endpoint, f"{RDF}type", f"{SD}Service")
        said.say(endpoint, f"{void.DCTERMS}title", Literal(f"SPARQL endpoint: {void.TITLE}", language="en"))
        said.say(endpoint, f"{SD}endpoint", endpoint)
        said.say(endpoint, f"{SD}supportedLanguage", f"{SD}SPARQL10Query", f"{SD}SPARQL11Query")
        said.say(endpoint, f"{SD}resultFormat", *(FORMATS_NS + name for name in RESULT_FORMATS))
        if self._federated:
            said.say(endpoint, f"{SD}feature", f"{SD}BasicFederatedQuery")
        said.say(endpoint, f"{SD}defaultDataset", address(base, "dataset"))
        said.say(endpoint, f"{void.RDFS}seeAlso", f"{root}/.well-known/void")
        return said.triples


class VoidApp(Endpoint):
    """WSGI callable; mount it at ``/.well-known/void``."""

    def __init__(self, published: Callable[[], Published], answers: Answers, description: SelfDescription) -> None:
        self._published, self._answers, self._description = published, answers, description

    def respond(self, environ: Environ) -> Reply:
        """Describe the data in the format that the caller likes best."""
        now = self._published()
        self._answers.follow(now)
        name = protocol.query_fields(environ).get("format", [""])[-1]
        offer = formats.named(name, "graph") if name else formats.negotiate(environ.get("HTTP_ACCEPT", ""), "graph")
        return self._description.data(environ, now, offer)


def write(said: list[Triple], offer: formats.Format) -> bytes:
    """Return statements in a format, the same bytes each time: what is said of one thing together, as first named."""
    order = {subject: place for place, subject in enumerate(dict.fromkeys(str(t.subject) for t in said))}
    ordered = sorted(dict.fromkeys(said), key=lambda t: order[str(t.subject)])
    if offer not in (formats.TURTLE, formats.TRIG):
        return serialize(ordered, format=offer.rdf) or b""
    text = serialize(ordered, format=offer.rdf, prefixes={**void.namespaces(), **void.PREFIXES}) or b""
    lines = text.splitlines(keepends=True)
    head = sum(1 for line in lines if line.startswith(b"@prefix "))
    return b"".join(sorted(lines[:head]) + lines[head:])
