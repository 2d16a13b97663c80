"""Saved questions: ``sparql/saved/*.rq``, each with typed parameters; read, filled in, run and published as RDF.

A file begins with comment lines of this form and order, then the prefixes and one SELECT that ends with a LIMIT::

    # title: Datasets of one organism
    # description: Which datasets show this organism, in any archive?
    # keywords: organisms, datasets
    # param: organism - scientific or common name, or NCBI taxon number, CURIE or IRI (taxon, default Mus musculus)
    # returns: ?dataset ?name, newest first
    # rows: >= 10

The first keyword is the section of the gallery. There may be any number of ``param`` lines; each has a name, a meaning,
a type (a key of ``KINDS``) and the value that stands for none. ``rows`` is the least number of rows that the question
gives with its defaults on the bundled demonstration data. In the text a parameter stands as ``$name`` and is only ever
replaced by one IRI or literal.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from pyoxigraph import (
    Literal,
    NamedNode,
    Quad,
    QueryResultsFormat,
    QuerySolutions,
    parse_query_results,
)

from hub import queries
from hub.errors import NotFoundError, QueryError
from ontology import archives, dates, identifiers, terms

MAX_VALUE = 500  # characters of one parameter
RESERVED = frozenset({"format", "run"})

RDF_TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SCHEMA = "http://schema.org/"
SH = "http://www.w3.org/ns/shacl#"
XSD = "http://www.w3.org/2001/XMLSchema#"

_HEADER = re.compile(
    r"# title: (?P<title>\S.*)\n# description: (?P<description>\S.*)\n# keywords: (?P<keywords>\S.*)\n"
    r"(?P<parameters>(?:# param: .*\n)*)# returns: (?P<returns>\S.*)\n# rows: >= (?P<rows>[0-9]+)\n"
    r"(?P<body>[^#][\s\S]*)"
)
_PARAMETER = re.compile(
    r"# param: (?P<name>[a-z][a-z_]*) - (?P<meaning>\S.*) \((?P<kind>[a-z]+), default (?P<default>\S.*)\)"
)
_USED = re.compile(r"\$(\w+)")
_PREFIX = re.compile(r"^PREFIX (\w+): <([^>]+)>$", re.MULTILINE)
_LIMIT = re.compile(r"\nLIMIT ([1-9][0-9]*)\n$")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


class Runs(Protocol):
    """What runs queries, SERVICE included."""

    def query(self, text: str, accept_format: str = "", /) -> Iterable[bytes]:
        """Return the answer, in pieces."""


class ParameterError(ValueError):
    """A parameter's value cannot be used; the text names the parameter and what is expected.

    Attributes:
        name: the parameter.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a question; ``kind`` is a key of ``KINDS``, ``default`` stands for none."""

    name: str
    meaning: str
    kind: str
    default: str


@dataclass(frozen=True, slots=True)
class Question:
    """One saved question.

    Attributes:
        name: the file's name without suffix; the end of its address.
        keywords: the first is its section.
        returns: the variables, and in which order rows come.
        least_rows: rows that it gives at least on the demonstration data.
        most_rows: its LIMIT.
        body: the query, with ``$name`` for parameters.
    """

    name: str
    title: str
    description: str
    keywords: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    returns: str
    least_rows: int
    most_rows: int
    body: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one question went: its rows, how long it took, and the error if it failed."""

    question: Question
    rows: int
    seconds: float
    error: str = ""

    @property
    def complaint(self) -> str:
        """What is wrong, in one sentence; empty when all is well."""
        if self.error:
            return f"the question {self.question.name} failed: {self.error}"
        if self.rows < self.question.least_rows:
            return (
                f"the question {self.question.name} gave {self.rows} rows, at least {self.question.least_rows} are due"
            )
        return ""


# --- reading -----------------------------------------------------------------------------------------------------


def parse(name: str, text: str) -> Question:
    """Return the question that a file holds.

    Raises:
        ValueError: the file has not the form that this module describes, a parameter is not used, not declared or of
            no known type, or its default is no value of its type.
    """
    head = _HEADER.fullmatch(text)
    limit = _LIMIT.search(text)
    if head is None or limit is None:
        raise ValueError(f"{name}: write title, description, keywords, param, returns, rows, then a query with LIMIT")
    parameters = tuple(_parameter(name, line) for line in head["parameters"].splitlines())
    keywords = tuple(word.strip() for word in head["keywords"].split(","))
    question = Question(
        name=name,
        title=head["title"],
        description=head["description"],
        keywords=keywords,
        parameters=parameters,
        returns=head["returns"],
        least_rows=int(head["rows"]),
        most_rows=int(limit[1]),
        body=head["body"],
    )
    declared = [parameter.name for parameter in parameters]
    if set(declared) != set(_USED.findall(question.body)) or len(declared) != len(set(declared)):
        raise ValueError(f"{name}: each parameter has to be declared once, and used")
    values(question, {})
    return question


def _parameter(name: str, line: str) -> Parameter:
    found = _PARAMETER.fullmatch(line)
    if found is None or found["kind"] not in KINDS or found["name"] in RESERVED:
        raise ValueError(f"{name}: write '# param: name - meaning (type, default value)', not {line!r}")
    return Parameter(**found.groupdict())


@cache
def questions() -> dict[str, Question]:
    """Return every saved question by its name, in the order of names.

    Raises:
        ValueError: a file cannot be read as a question.
    """
    found = sorted(file.name for file in files("sparql").joinpath("saved").iterdir() if file.name.endswith(".rq"))
    names = [name.removesuffix(".rq") for name in found]
    return {name: parse(name, queries.text(f"saved/{name}")) for name in names}


def question(name: str) -> Question:
    """Return one saved question.

    Raises:
        NotFoundError: there is none of that name.
    """
    if name not in questions():
        raise NotFoundError(f"there is no question {name[:100]!r}: see the list of questions")
    return questions()[name]


def keywords() -> list[str]:
    """Return the keywords of all questions, each once, in alphabetical order."""
    return sorted({word for asked in questions().values() for word in asked.keywords}, key=str.casefold)


# --- parameters --------------------------------------------------------------------------------------------------


def _text(text: str) -> queries.Term:
    if not text.isprintable():
        raise ValueError(f"{text!r} has characters that cannot be seen: leave them out")
    return Literal(text)


def _number(text: str) -> queries.Term:
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a number: write digits, such as 250 or 0.5")
    return Literal(text, datatype=NamedNode(XSD + ("decimal" if found[1] else "integer")))


def _taxon(text: str) -> str:
    return _either(text, identifiers.taxon, terms.organism, "an organism: give a scientific name or an NCBI number")


def _method(text: str) -> str:
    expected = "an imaging method: give a name, abbreviation or CURIE of the Biological Imaging Methods Ontology"
    return _either(text, terms.imaging_method, identifiers.term, expected)


def _either(text: str, first: Callable[[str], str], second: Callable[[str], str], expected: str) -> str:
    for normalise in (first, second):
        try:
            return normalise(text)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not known as {expected}")


def _iri_of(normalise: Callable[[str], str]) -> Callable[[str], queries.Term]:
    return lambda text: NamedNode(normalise(text))


KINDS: dict[str, Callable[[str], queries.Term]] = {
    "accession": lambda text: Literal(archives.accession(text)),
    "date": lambda text: Literal(dates.date(text)),
    "doi": _iri_of(identifiers.publication),
    "iri": _iri_of(identifiers.iri),
    "method": _iri_of(_method),
    "number": _number,
    "orcid": _iri_of(identifiers.orcid),
    "taxon": _iri_of(_taxon),
    "term": _iri_of(identifiers.term),
    "text": _text,
}
"""Types of parameters: each reads any usual spelling and returns the one term that the graph has for it."""


def values(asked: Question, given: Mapping[str, str]) -> dict[str, queries.Term]:
    """Return the terms of a question's parameters.

    Args:
        asked: the question.
        given: what the caller wrote, by parameter; what is missing or blank has its default.

    Raises:
        ParameterError: a value is not of the parameter's type, or there is no parameter of that name.
    """
    known = {parameter.name: parameter for parameter in asked.parameters}
    for name in given:
        if name not in known:
            raise ParameterError(name[:100], f"there is no such parameter; {_offer(list(known))}")
    return {name: _value(parameter, given.get(name, "").strip()) for name, parameter in known.items()}


def _offer(names: list[str]) -> str:
    return f"use {', '.join(names)}" if names else "this question has none"


def _value(parameter: Parameter, text: str) -> queries.Term:
    if len(text) > MAX_VALUE:
        raise ParameterError(parameter.name, f"the value is longer than {MAX_VALUE} characters: shorten it")
    try:
        return KINDS[parameter.kind](text or parameter.default)
    except ValueError as err:
        raise ParameterError(parameter.name, str(err)) from err


def bound(asked: Question, given: Mapping[str, str] | None = None) -> str:
    """Return the query of a question with its parameters filled in.

    Raises:
        ParameterError: as ``values``.
    """
    return queries.bind(asked.body, values(asked, given or {}))


# --- running -----------------------------------------------------------------------------------------------------


def rows(body: bytes) -> tuple[list[str], list[list[Any]]]:
    """Return the variables and rows of an answer in SPARQL JSON; None stands for what is not bound."""
    solutions = parse_query_results(body, format=QueryResultsFormat.JSON)
    assert isinstance(solutions, QuerySolutions)
    return [variable.value for variable in solutions.variables], [list(row) for row in solutions]


def run(pool: Runs, asked: Question) -> Outcome:
    """Return how a question goes with its defaults."""
    start = time.perf_counter()
    try:
        body = b"".join(pool.query(bound(asked), queries.RESULTS))
    except QueryError as err:
        return Outcome(asked, 0, time.perf_counter() - start, str(err))
    return Outcome(asked, len(rows(body)[1]), time.perf_counter() - start)


# --- published as RDF --------------------------------------------------------------------------------------------


def prefixes(wanted: Iterable[Question]) -> dict[str, str]:
    """Return the prefixes that questions declare, in alphabetical order."""
    return dict(sorted(pair for asked in wanted for pair in _PREFIX.findall(asked.body)))


def quads(base: str, wanted: Iterable[Question]) -> list[Quad]:
    """Return questions as SHACL executables with their defaults filled in, as editors and assistants read examples.

    Args:
        base: the hub's base IRI; a question's IRI is ``{base}questions/<name>``, its target ``{base}sparql``.
        wanted: the questions.

    Source: https://github.com/sib-swiss/sparql-examples and https://www.w3.org/TR/shacl-af/#SPARQLExecutable
    """
    asked = list(wanted)
    found = [quad for one in asked for quad in _executable(base, one)]
    return found + _declarations(base, prefixes(asked))


def _executable(base: str, asked: Question) -> list[Quad]:
    subject = NamedNode(f"{base}questions/{asked.name}")
    said: list[tuple[NamedNode, NamedNode | Literal]] = [
        (RDF_TYPE, NamedNode(SH + "SPARQLExecutable")),
        (RDF_TYPE, NamedNode(SH + "SPARQLSelectExecutable")),
        (NamedNode(RDFS + "label"), Literal(asked.title, language="en")),
        (NamedNode(RDFS + "comment"), Literal(f"{asked.title}: {asked.description}", language="en")),
        (NamedNode(SH + "prefixes"), NamedNode(f"{base}questions#prefixes")),
        (NamedNode(SH + "select"), Literal(bound(asked))),
        *((NamedNode(SCHEMA + "keywords"), Literal(word)) for word in asked.keywords),
        (NamedNode(SCHEMA + "target"), NamedNode(f"{base}sparql")),
    ]
    return [Quad(subject, predicate, value) for predicate, value in said]


def _declarations(base: str, named: dict[str, str]) -> list[Quad]:
    whole = NamedNode(f"{base}questions#prefixes")
    found = []
    for prefix, namespace in named.items():
        one = NamedNode(f"{base}questions#prefix-{prefix}")
        found += [
            Quad(whole, NamedNode(SH + "declare"), one),
            Quad(one, NamedNode(SH + "prefix"), Literal(prefix)),
            Quad(one, NamedNode(SH + "namespace"), Literal(namespace, datatype=NamedNode(XSD + "anyURI"))),
        ]
    return found
