"""Questions about any kind of a thing: ``python -m tests.benchmarks.ontologies [--datasets N] [--rounds N]``.

Makes a graph of so many datasets, each with one or two taxa and one to three imaging methods drawn unevenly from the
slices that come with the hub, adds the graphs of ontologies as the hub makes them, and prints for each question how
many milliseconds it takes, and how many rows it gives: with a path over the direct superclasses, and in one step over
the closure, each with the pattern of the term before the dataset's and behind it.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator

from pyoxigraph import Literal, NamedNode, Quad, Store

from hub import gallery, ontologies
from hub.store import RDF_TYPE
from ontology.identifiers import term

BASE, SCHEMA = "https://hub.example.org/", "http://schema.org/"
METHOD = NamedNode("http://rs.tdwg.org/dwc/iri/measurementMethod")
ABOUT = NamedNode(f"{SCHEMA}about")
ROOTS = (
    ("light-sheet fluorescence microscopy (SPIM)", "FBbi:00000369", METHOD),
    ("fluorescence microscopy", "FBbi:00000246", METHOD),
    ("Mus", "NCBITaxon:10088", ABOUT),
    ("Mammalia", "NCBITaxon:40674", ABOUT),
)
PREFIX = "PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>\n"
DIRECT, CLOSURE = "urn:x-direct", "http://www.w3.org/2000/01/rdf-schema#subClassOf"
SHAPES = {
    "count": "SELECT (COUNT(DISTINCT ?d) AS ?n) {{ {first} . {second} }}",
    "100 of them": "SELECT DISTINCT ?d {{ {first} . {second} }} LIMIT 100",
}


def main(argv: list[str] | None = None) -> int:
    """Make the graph, ask, and print."""
    parser = argparse.ArgumentParser(description="Measure questions about any kind of a thing.")
    parser.add_argument("--datasets", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="hub-ontologies-") as folder:
        store = Store(folder)
        store.bulk_extend(quads(args.datasets))
        print(f"{args.datasets:,} datasets, {len(store):,} statements; best of {args.rounds}, in ms")
        for name, curie, predicate in ROOTS:
            for told, query in questions(term(curie), predicate):
                ms, rows = best(store, PREFIX + query, args.rounds)
                print(f"{name:44} {told:36} {ms:10.2f} {rows:7}")
        for name, given in (("datasets-by-imaging-method", "FBbi:00000369"), ("datasets-by-organism", "Mus musculus")):
            asked = gallery.question(name)
            ms, rows = best(store, gallery.bound(asked, {asked.parameters[0].name: given}), args.rounds)
            print(f"{given:44} {name:36} {ms:10.2f} {rows:7}")
    return 0


def questions(root: str, predicate: NamedNode) -> Iterator[tuple[str, str]]:
    """Yield name and text of each form of the question which datasets have the term or one below it."""
    used = f"?d {predicate} ?t"
    for how, below in (("path, direct", f"?t <{DIRECT}>* <{root}>"), ("one step", f"?t rdfs:subClassOf <{root}>")):
        for name, shape in SHAPES.items():
            yield f"{how}, {name}", shape.format(first=below, second=used)
            yield f"{how}, {name}, dataset first", shape.format(first=used, second=below)


def best(store: Store, query: str, rounds: int) -> tuple[float, int]:
    """Return the best time in ms, and the number of rows; what takes more than a second is asked once."""
    times, rows = [], 0
    for _ in range(rounds):
        begun = time.perf_counter()
        rows = sum(1 for _ in store.query(query))  # type: ignore[union-attr, misc]
        times.append((time.perf_counter() - begun) * 1000)
        if times[-1] > 1000:
            break
    return min(times), rows


def quads(datasets: int) -> Iterator[Quad]:
    """Yield the default graph of a hub with made-up datasets; direct superclasses have a predicate of their own."""
    chance = random.Random(1)
    known = ontologies.Ontologies(ontologies.bundled())
    methods, taxa = (
        _drawn(known, chance, "fbbi", "FBbi:00000246", 76),
        _drawn(known, chance, "ncbitaxon", "NCBITaxon:1", 500),
    )
    for number in range(datasets):
        dataset = NamedNode(f"{BASE}dataset/x/{number}")
        yield Quad(dataset, RDF_TYPE, NamedNode(f"{SCHEMA}Dataset"))
        for name, value in (("name", f"Dataset {number}"), ("identifier", f"X-{number}"), ("datePublished", "2026")):
            yield Quad(dataset, NamedNode(SCHEMA + name), Literal(value))
        for predicate, terms, most in ((METHOD, methods, 3), (ABOUT, taxa, 2)):
            for iri in set(_uneven(chance, terms, most)):
                yield Quad(dataset, predicate, NamedNode(iri))
    for graph, said in ontologies.graphs(known, [*methods, *taxa], BASE).items():
        is_closure = graph.value.endswith("/closure")
        for quad in said:
            is_direct = not is_closure and quad.predicate.value == CLOSURE
            yield Quad(quad.subject, NamedNode(DIRECT) if is_direct else quad.predicate, quad.object)


def _drawn(known: ontologies.Ontologies, chance: random.Random, name: str, root: str, count: int) -> list[str]:
    """Return some terms of an ontology in a random order, after those that are asked for."""
    home = next(o for o in known.known if o.name == name)
    below = sorted(home.descendants(term(root)))
    asked = [term(c) for _, c, _ in ROOTS if term(c) in below]
    return [*chance.sample(below, min(count, len(below))), *asked]


def _uneven(chance: random.Random, terms: list[str], most: int) -> list[str]:
    weights = [1 / (place + 1) for place in range(len(terms))]
    return chance.choices(terms, weights, k=chance.randint(1, most))


if __name__ == "__main__":
    raise SystemExit(main())
