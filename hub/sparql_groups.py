"""Which patterns stand in which braces of a query, and where: what is needed to find SERVICE and what it joins with.

No full parser: it reads keywords, groups and brackets, and takes triples and expressions as they come. What it does not
understand is refused; every text that is made of what it found is parsed by the engine before it counts.

Source: https://www.w3.org/TR/sparql11-query/#rGroupGraphPattern
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from urllib.parse import urljoin

from hub.errors import QueryRefusedError, QueryTooComplexError
from hub.sparql_guard import Unclosed, decode_escapes

MAX_DEPTH = 60
"""Groups within groups; each takes some frames of Python's stack."""

TokenKind = Literal["string", "iri", "var", "language", "node", "name", "word", "number", "mark"]
Kind = Literal[
    "triples", "group", "optional", "minus", "graph", "service", "lateral", "filter", "bind", "values", "select"
]
_TOKEN = re.compile(
    r'''(?P<space>\s++|\#[^\n\r]*+)
      | (?P<string>"""(?:[^"\\]|\\.|"(?!""))*+""" | \'\'\'(?:[^'\\]|\\.|'(?!\'\'))*+\'\'\'
                 | "(?:[^"\\\n\r]|\\.)*+"?+ | '(?:[^'\\\n\r]|\\.)*+'?+)
      | (?P<iri><(?:[^<>"{}|^`\\\x00-\x20] | \\u[0-9A-Fa-f]{4} | \\U[0-9A-Fa-f]{8})*+>)
      | (?P<var>[?$]\w++)
      | (?P<language>@[A-Za-z][A-Za-z0-9-]*+)
      | (?P<node>_:[\w.\-]*+)
      | (?P<name>(?:[^\W\d_][\w.\-]{0,60}+)?:(?:[\w.\-:%]|\\.)*+)
      | (?P<word>[^\W\d_]\w*+)
      | (?P<number>(?:\d++\.\d*+[eE] | \d++(?:\.\d++)?+[eE] | \.\d++[eE])[+-]?\d++ | \d++(?:\.\d++)?+ | \.\d++)
      | (?P<mark>\{\| | \|\} | << | >> | \^\^ | .)''',
    re.VERBOSE | re.DOTALL,
)
_FULL_STOPS = re.compile(r"(?<!\\)(?<!(?<!\\)\.)\.++$")
_OPENING, _CLOSING = frozenset(("(", "[", "<<", "{|")), frozenset((")", "]", ">>", "|}"))
_IN_TRIPLES = frozenset(("a", "true", "false"))
_IN_HEAD = frozenset(("DISTINCT", "REDUCED", "FROM", "NAMED", "WHERE"))
_BEFORE_BRACES: dict[str, Kind] = {"OPTIONAL": "optional", "MINUS": "minus", "LATERAL": "lateral"}


class Token(NamedTuple):
    """A piece of the text that is not white space or a comment."""

    kind: TokenKind
    text: str
    start: int
    end: int

    def is_mark(self, text: str) -> bool:
        """Whether it is this bracket or sign."""
        return self.kind == "mark" and self.text == text

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these keywords."""
        return self.kind == "word" and self.text.upper() in words


@dataclass(slots=True, eq=False)
class Element:
    """One pattern of a group.

    Attributes:
        kind: what it is; "group" also for a UNION, which has several groups.
        start: index of its first character in the text.
        end: index after its last character.
        tokens: what it is made of.
        groups: its groups in braces; for "select" the pattern, then those of EXISTS outside of it.
        name: the graph or endpoint of "graph" and "service"; the variable that "bind" sets.
        silent: whether "service" is SILENT.
        shown: variables after SELECT as they are in the pattern; None for ``*``.
        sets: variables that "select" computes.
    """

    kind: Kind
    start: int
    end: int = 0
    tokens: list[Token] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    name: Token | None = None
    silent: bool = False
    shown: set[str] | None = None
    sets: set[str] = field(default_factory=set)

    def variables(self) -> set[str]:
        """Names of the variables in it."""
        return variables(self.tokens)


@dataclass(slots=True, eq=False)
class Group:
    """What stands in a pair of braces; ``start`` and ``end`` lie inside of them."""

    start: int
    end: int = 0
    elements: list[Element] = field(default_factory=list)


class Step(NamedTuple):
    """One level of the way from a query down to an element: the group, the element of it that leads on, and where."""

    group: Group
    element: Element
    branch: int


@dataclass(frozen=True, slots=True)
class Query:
    """A query.

    Attributes:
        text: the whole text.
        prologue: its BASE, PREFIX and VERSION.
        dataset: its FROM and FROM NAMED, or "".
        root: the query itself as an element of kind "select".
        base: its base IRI, or "".
        prefixes: namespaces by prefix.
    """

    text: str
    prologue: str
    dataset: str
    root: Element
    base: str
    prefixes: dict[str, str]

    def services(self) -> Iterator[list[Step]]:
        """Yield the way to each SERVICE, in the order of the text; not to those inside of another one."""
        for group in self.root.groups:
            yield from _ways(group, [], "service")

    def iri(self, token: Token) -> str:
        """Return the IRI that a token means.

        Raises:
            QueryRefusedError: it means none.
        """
        if token.kind == "iri":
            return _resolved(self.base, token)
        prefix, _, local = token.text.partition(":")
        if token.kind != "name" or prefix not in self.prefixes:
            raise QueryRefusedError(f"{token.text}: write an IRI, or declare the prefix")
        return self.prefixes[prefix] + re.sub(r"\\(.)", r"\1", local)


def variables(tokens: Iterable[Token]) -> set[str]:
    """Return the names of the variables in some tokens, those that hide in a comparison without blanks included.

    >>> sorted(variables(tokenize("?a<?b&&?c>?d")))
    ['a', 'b', 'c', 'd']
    """
    found = {token.text[1:] for token in tokens if token.kind == "var"}
    for token in tokens:
        if token.kind == "iri" and ("?" in token.text or "$" in token.text):
            found.update(re.findall(r"[?$](\w+)", token.text))
    return found


def exists_of(query: Query, way: list[Step]) -> tuple[int, int] | None:
    """Return where the outermost EXISTS around a SERVICE stands, or None: there its rows are looked at one by one."""
    for group in query.root.groups[1:]:
        if way[0].group is group:
            return group.start, group.end
    for step in way:
        if step.element.kind in ("filter", "bind"):
            return step.element.start, step.element.end
        if step.element.kind == "select" and step.branch:
            group = step.element.groups[step.branch]
            return group.start, group.end
    return None


def words(tokens: Iterable[Token]) -> set[str]:
    """Return the keywords in some tokens, in capitals."""
    return {token.text.upper() for token in tokens if token.kind == "word"}


def inner_services(group: Group) -> Iterator[Element]:
    """Yield every SERVICE in a group, at any depth."""
    for element in group.elements:
        if element.kind == "service":
            yield element
        for inner in element.groups:
            yield from inner_services(inner)


def service_heads(text: str) -> list[tuple[int, int]]:
    """Return where the heads of SERVICE patterns stand: from the keyword up to the brace."""
    tokens, found = tokenize(text), []
    for place, token in enumerate(tokens):
        if token.is_word("SERVICE"):
            silent = place + 1 < len(tokens) and tokens[place + 1].is_word("SILENT")
            brace = place + 2 + silent
            if brace < len(tokens) and tokens[brace].is_mark("{"):
                found.append((token.start, tokens[brace].start))
    return found


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return a text of the same length with blanks in some places; ends of lines stay."""
    for start, end in spans:
        text = text[:start] + re.sub(r"[^\n\r]", " ", text[start:end]) + text[end:]
    return text


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a text."""
    found, place, unclosed = [], 0, Unclosed()
    while place < len(text):
        match = _TOKEN.match(text, place)
        assert match is not None
        assert match.lastgroup is not None
        unclosed.count(match)
        value = match[0]
        if match.lastgroup in ("name", "node"):
            value = _FULL_STOPS.sub("", value)
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup, value, place, place + len(value)))  # type: ignore[arg-type]
        place += len(value)
    return found


def read(text: str) -> Query:
    """Return the groups of a query.

    Raises:
        QueryRefusedError: it is written in a way that is not understood here.
        QueryTooComplexError: nested deeper than ``MAX_DEPTH``.
    """
    return _Reader(text).query()


def certain(elements: Iterable[Element]) -> set[str]:
    """Return variables that have a value in every solution of some joined elements; perhaps not all of them."""
    found: set[str] = set()
    for element in elements:
        if element.kind == "triples":
            found |= {token.text[1:] for token in element.tokens if token.kind == "var"}
        elif element.kind == "values":
            found |= set() if "UNDEF" in words(element.tokens) else element.sets
        elif element.kind == "select":
            inner = certain(element.groups[0].elements)
            found |= inner if element.shown is None else inner & element.shown
        elif element.kind in ("group", "graph") or (element.kind == "service" and not element.silent):
            found |= set.intersection(*(certain(group.elements) for group in element.groups))
            if element.kind != "group" and element.name is not None and element.name.kind == "var":
                found.add(element.name.text[1:])
    return found


def is_joined(element: Element) -> bool:
    """Whether a group's solutions all agree with a solution of this element, whatever stands before it."""
    return element.kind in ("triples", "group", "graph", "service", "values", "select")


def _resolved(base: str, token: Token) -> str:
    iri = decode_escapes(token.text[1:-1])
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", iri):
        return iri
    return urljoin(base, iri) + ("#" if iri.endswith("#") else "")


def _ways(group: Group, way: list[Step], kind: Kind) -> Iterator[list[Step]]:
    for element in group.elements:
        if element.kind == kind:
            yield [*way, Step(group, element, 0)]
            continue
        for branch, inner in enumerate(element.groups):
            yield from _ways(inner, [*way, Step(group, element, branch)], kind)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._place = self._depth = 0

    # --- the whole

    def query(self) -> Query:
        """Read prologue, form, dataset, pattern and what follows."""
        base, prefixes = self._prologue()
        start = self._peek().start
        form = self._take_word("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
        root = Element("select", start)
        if form == "CONSTRUCT" and self._peek().is_mark("{"):
            self._template()
        dataset = self._head(root)
        if self._place < len(self._tokens):
            self._body(root)
        if self._place < len(self._tokens):
            raise self._unclear()
        root.tokens, root.end = self._tokens, len(self._text)
        return Query(self._text, self._text[:start], dataset, root, base, prefixes)

    def _prologue(self) -> tuple[str, dict[str, str]]:
        base, prefixes = "", {}
        while (token := self._peek()).is_word("BASE", "PREFIX", "VERSION"):
            self._place += 1
            label = self._next() if token.is_word("PREFIX") else None
            value = self._next()
            if token.is_word("VERSION"):
                continue
            if value.kind != "iri" or (label and (label.kind != "name" or not label.text.endswith(":"))):
                raise self._unclear()
            iri = _resolved(base, value)
            if label:
                prefixes[label.text[:-1]] = iri
            else:
                base = iri
        return base, prefixes

    def _template(self) -> None:
        depth = 0
        while True:
            token = self._next()
            depth += token.is_mark("{") - token.is_mark("}")
            if depth == 0:
                return

    def _head(self, select: Element) -> str:
        """Read up to the pattern's brace; return the dataset."""
        shown: set[str] | None = set()
        dataset = []
        while (token := self._peek(or_end=True)).kind != "mark" or token.text in ("(", "*"):
            if token.is_mark("("):
                first = self._place
                select.groups += self._expression()
                select.sets |= variables(self._tokens[first : self._place][-2:])
                continue
            self._place += 1
            if token.kind == "var" and shown is not None:
                shown.add(token.text[1:])
            elif token.is_mark("*"):
                shown = None
            elif token.is_word("FROM"):
                self._place += self._peek().is_word("NAMED")
                dataset.append(self._text[token.start : self._next().end])
            elif token.kind == "word" and token.text.upper() not in _IN_HEAD:
                raise self._unclear(token)
        select.shown = shown
        return " ".join(dataset)

    def _body(self, select: Element) -> None:
        """Read the pattern and what follows it, up to the end or a closing brace."""
        if not self._peek(or_end=True).text:
            return
        select.groups.insert(0, self._group())
        while self._place < len(self._tokens) and not self._peek().is_mark("}"):
            token = self._peek()
            if token.is_word("VALUES"):
                self._values()
            elif token.is_mark("("):
                select.groups += self._expression()
            elif token.is_word("EXISTS"):
                self._place += 1
                select.groups.append(self._group())
            elif token.is_mark("{"):
                raise self._unclear()
            else:
                self._place += 1

    # --- groups

    def _group(self) -> Group:
        self._take_mark("{")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise QueryTooComplexError(f"a query with SERVICE is nested deeper than {MAX_DEPTH}: simplify it")
        group = Group(self._tokens[self._place - 1].end)
        if self._peek().is_word("SELECT"):
            group.elements.append(self._made("select", self._select))
        while not self._peek().is_mark("}"):
            if self._peek().is_mark("."):
                self._place += 1
            else:
                group.elements.append(self._element())
        group.end = self._next().start
        self._depth -= 1
        return group

    def _element(self) -> Element:
        token = self._peek()
        if token.kind == "word" and token.text not in _IN_TRIPLES:
            word = token.text.upper()
            if word in _BEFORE_BRACES:
                return self._made(_BEFORE_BRACES[word], self._braces)
            read = {
                "GRAPH": self._named,
                "SERVICE": self._named,
                "FILTER": self._filter,
                "BIND": self._bind,
                "VALUES": self._inline,
            }.get(word)
            if read is None:
                raise self._unclear()
            return self._made(word.lower(), read)  # type: ignore[arg-type]
        return self._made("group", self._union) if token.is_mark("{") else self._made("triples", self._triples)

    def _made(self, kind: Kind, read: object) -> Element:
        element, first = Element(kind, self._peek().start), self._place
        read(element)  # type: ignore[operator]
        element.tokens = self._tokens[first : self._place]
        element.end = element.tokens[-1].end
        return element

    def _select(self, element: Element) -> None:
        self._take_word("SELECT")
        self._head(element)
        self._body(element)

    def _union(self, element: Element) -> None:
        element.groups.append(self._group())
        while self._peek().is_word("UNION"):
            self._place += 1
            element.groups.append(self._group())

    def _braces(self, element: Element) -> None:
        self._place += 1
        element.groups.append(self._group())

    def _named(self, element: Element) -> None:
        """GRAPH or SERVICE."""
        self._place += 1
        if element.kind == "service" and self._peek().is_word("SILENT"):
            element.silent = True
            self._place += 1
        element.name = self._next()
        if element.name.kind not in ("iri", "name", "var"):
            raise self._unclear(element.name)
        element.groups.append(self._group())

    def _filter(self, element: Element) -> None:
        self._place += 1
        self._place += self._peek().is_word("NOT")
        if self._peek().is_word("EXISTS"):
            self._place += 1
            element.groups.append(self._group())
            return
        self._place += self._peek().kind in ("word", "iri", "name")
        element.groups += self._expression()

    def _bind(self, element: Element) -> None:
        self._place += 1
        element.groups += self._expression()
        last = self._tokens[self._place - 3 : self._place - 1]
        if len(last) < 2 or not last[0].is_word("AS") or last[1].kind != "var":
            raise self._unclear()
        element.name = last[1]

    def _inline(self, element: Element) -> None:
        element.sets = self._values()

    def _values(self) -> set[str]:
        self._place += 1
        found = set()
        while not (token := self._next()).is_mark("{"):
            if token.kind == "var":
                found.add(token.text[1:])
            elif not (token.is_mark("(") or token.is_mark(")")):
                raise self._unclear(token)
        while not (token := self._next()).is_mark("}"):
            if token.is_mark("{"):
                raise self._unclear(token)
        return found

    def _triples(self, _: Element) -> None:
        """Read one statement, up to its full stop or the next pattern."""
        depth = 0
        while True:
            token = self._peek()
            if token.kind == "word" and token.text not in _IN_TRIPLES:
                break
            if token.kind == "mark":
                depth += (token.text in _OPENING) - (token.text in _CLOSING)
                if token.text in ("{", "}", ".") and (depth == 0 or token.text != "."):
                    break
            if depth < 0:
                raise self._unclear()
            self._place += 1
        if depth:
            raise self._unclear()

    def _expression(self) -> list[Group]:
        """Read an expression in parentheses; return the groups of EXISTS in it."""
        groups = []
        self._take_mark("(")
        depth = 1
        while depth:
            token = self._next()
            depth += token.is_mark("(") - token.is_mark(")")
            if token.is_word("EXISTS"):
                groups.append(self._group())
            elif token.kind == "mark" and token.text in ("{", "}"):
                raise self._unclear(token)
        return groups

    # --- tokens

    def _peek(self, *, or_end: bool = False) -> Token:
        if self._place < len(self._tokens):
            return self._tokens[self._place]
        if or_end:
            return Token("mark", "", len(self._text), len(self._text))
        raise self._unclear(Token("mark", "its end", len(self._text), len(self._text)))

    def _next(self) -> Token:
        token = self._peek()
        self._place += 1
        return token

    def _take_mark(self, text: str) -> None:
        if not (token := self._next()).is_mark(text):
            raise self._unclear(token)

    def _take_word(self, *expected: str) -> str:
        if not (token := self._next()).is_word(*expected):
            raise self._unclear(token)
        return token.text.upper()

    def _unclear(self, token: Token | None = None) -> QueryRefusedError:
        token = token or self._tokens[min(self._place, len(self._tokens) - 1)]
        line = self._text.count("\n", 0, token.start) + 1
        return QueryRefusedError(
            f"line {line}: a query with SERVICE is not understood here at {token.text[:40]}: "
            "write blanks around keywords and braces, and nothing but SPARQL 1.1"
        )
