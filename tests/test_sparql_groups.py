"""Where the groups and SERVICE patterns of a query are found, against what another parser sees."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rdflib.plugins.sparql.parser import parseQuery
from rdflib.plugins.sparql.parserutils import CompValue

from hub import sparql_groups
from hub.errors import QueryRefusedError, QueryTooComplexError
from hub.sparql_groups import certain, read, service_heads, tokenize, without


def spans(text: str) -> list[str]:
    query = read(text)
    return [text[way[-1].element.start : way[-1].element.end] for way in query.services()]


SPANS = [
    ("SELECT*{SERVICE<http://e/>{?s ?p ?o}}", "SERVICE<http://e/>{?s ?p ?o}"),
    ("select * where { service silent <http://e/> {} . ?s ?p ?o }", "service silent <http://e/> {}"),
    ("PREFIX e: <http://e/#> ASK { ?a e:b ?c . SERVICE e:x { ?c e:b ?d } }", "SERVICE e:x { ?c e:b ?d }"),
    ("SELECT * { SERVICE ?e { ?s ?p ?o } ?x <http://e/at> ?e }", "SERVICE ?e { ?s ?p ?o }"),
    ('ASK { SERVICE <http://e/> { ?s ?p "}" , \'}\' , """}"\\"}""" } }', None),
    ("ASK { # SERVICE <http://no/> {\n SERVICE # } \n <http://e/#x> # { \n { ?s ?p ?o # } \n } }", None),
    ("ASK { SERVICE <http://e/> { { ?a ?b ?c } UNION { OPTIONAL { ?d ?e [ ?f ( 1 2.5 .5e3 ) ] } } } }", None),
    ("ASK { SERVICE <http://e/> { ?s ?p ?o FILTER(?o < 5 && ?o > 3) FILTER EXISTS { ?a ?b ?c } } }", None),
    ("ASK { SERVICE <http://e/> { SELECT (COUNT(?x) AS ?n) { ?x ?y ?z } HAVING(COUNT(?x) > 1) LIMIT 3 } }", None),
    ("ASK { SERVICE <http://e/> { VALUES (?a ?b) { (1 UNDEF) ('}' 2) } BIND(STR(?a) AS ?d) } }", None),
    ("ASK { SERVICE <http://e/> { ?s ^<http://e/p>/(<http://e/q>|!a)* ?o ; a ?t , ?u . } }", None),
    ("CONSTRUCT { ?s ?p [ ?q ?r ] } WHERE { SERVICE <e:e> { ?s ?p ?q , ?r } }", "SERVICE <e:e> { ?s ?p ?q , ?r }"),
    ("ASK { SERVICE <e:1> { SERVICE <e:2> { SERVICE SILENT <e:3> { ?s ?p '}' } } # }\n } ?a ?b ?c }",
     "SERVICE <e:1> { SERVICE <e:2> { SERVICE SILENT <e:3> { ?s ?p '}' } } # }\n }"),
    ("DESCRIBE ?s FROM <http://g/> WHERE { SERVICE <http://e/> { ?s ?p ?o } }", "SERVICE <http://e/> { ?s ?p ?o }"),
    ("ASK { ?s ?p ?o } HAVING EXISTS { SERVICE <http://e/> { ?s ?p ?o } }", "SERVICE <http://e/> { ?s ?p ?o }"),
    ("SELECT (EXISTS { SERVICE <http://e/> { ?s ?p ?o } } AS ?x) {}", "SERVICE <http://e/> { ?s ?p ?o }"),
    ("PREFIX service: <http://s/> SELECT ?service { ?service service:x 'SERVICE <http://no/> {}'@service }", ""),
    ("PREFIX e: <http://e/> ASK { e:a\\#b e:c\\{ e:d. SERVICE e:f.g {} }", "SERVICE e:f.g {}"),
    ("ASK { SERVICE <http://e/> { <<( ?a ?b ?c )>> ?d ?e {| ?f ?g |} } }", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "span"), SPANS)
def test_span(text: str, span: str | None) -> None:
    found = spans(text)
    if span is None:
        whole = text[text.index("SERVICE", text.index("\n") if "# SERVICE" in text else 0) :]
        assert found == [whole[: whole.rindex("}")].rstrip()]
    else:
        assert found == [span] * bool(span)
    assert len(service_heads(text)) == len(found) + 2 * ("<e:3>" in text)


def test_heads_are_taken_out_and_places_stay() -> None:
    text = "ASK {\nSERVICE\nSILENT <http://e/> { SERVICE ?x { ?s ?p 'SERVICE <x> {' } } }"
    bare = without(text, service_heads(text))
    assert len(bare) == len(text)
    assert bare.split() == ["ASK", "{", "{", "{", "?s", "?p", "'SERVICE", "<x>", "{'", "}", "}", "}"]
    assert bare.count("\n") == 2


@pytest.mark.parametrize(
    "text",
    [
        "ASK { ?s ?p trueSERVICE <http://e/> {} }",
        "ASK { FILTEREXISTS { SERVICE <http://e/> {} } }",
        "ASK { ?s ?p ( ?o { } ) }",
        "ASK { BIND(?x) }",
        "ASK { FILTER(?x } }",
        "ASK { ?s ?p ?o ) }",
        "ASK { SERVICE 'x' {} }",
        "ASK { VALUES ?x { { } }",
        "ASK { ?s ?p ?o",
        "PREFIX x <http://e/> ASK {}",
        "ASK {} }",
        "SELECT ?x { ?s ?p ?o } FOO { ?a ?b ?c }",
        "ASK { ?x 1.e5 ?y { }",
        "",
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(QueryRefusedError, match="is not understood here at"):
        read(text)


def test_depth() -> None:
    assert read("ASK " + "{" * 50 + "}" * 50)
    with pytest.raises(QueryTooComplexError, match="deeper"):
        read("ASK " + "{" * 5000 + "}" * 5000)


@pytest.mark.parametrize(
    "unit", ["{", "a.", "a-", "a_", "é.", '"', "'''", "<", "a:", "a:.", "_:a.", "\\", "(", "#", "?", "1."]
)
def test_hostile_text_ends(unit: str) -> None:
    text = "SELECT * { " + unit * 50_000
    assert "".join(token.text for token in tokenize(text[:2000]))
    with contextlib.suppress(QueryRefusedError, QueryTooComplexError):
        read(text)


def test_iris() -> None:
    prologue = "BASE <http://e/a/> PREFIX : <#> PREFIX x: <b#> PREFIX y: <http://f/\\u0041#>"
    query = read(f"{prologue} ASK {{ :a x:b\\-c y:d . <e> a <#f> }}")
    tokens = query.root.groups[0].elements[0].tokens + query.root.groups[0].elements[1].tokens
    assert [query.iri(t) for t in tokens if t.kind in ("iri", "name")] == [
        "http://e/a/#a", "http://e/a/b#b-c", "http://f/A#d", "http://e/a/e", "http://e/a/#f",
    ]  # fmt: skip
    with pytest.raises(QueryRefusedError, match="prefix"):
        query.iri(tokenize("no:x")[0])


CERTAIN = [
    ("?a ?b ?c . ?d ^:p/:q* ?e", "abcde"),
    ("OPTIONAL { ?a ?b ?c } MINUS { ?d :p ?e } FILTER(?f = 1) BIND(1 AS ?g)", ""),
    ("{ ?a ?b ?c } UNION { ?a ?d ?c }", "ac"),
    ("GRAPH ?g { ?a :p :o OPTIONAL { ?b :p :o } }", "ag"),
    ("{ SELECT ?a ?z (COUNT(?b) AS ?n) { ?a ?b ?c } GROUP BY ?a }", "a"),
    ("{ SELECT * { ?a :p ?b } }", "ab"),
    ("VALUES (?a ?b) { (1 2) } VALUES ?c { UNDEF }", "ab"),
    ("SERVICE <http://e/> { ?a :p ?b } SERVICE SILENT <http://e/> { ?c :p ?d }", "ab"),
    ("?a :p [ :q ?b ; :r ( ?c 1 ) ]", "abc"),
]


@pytest.mark.parametrize(("pattern", "names"), CERTAIN)
def test_variables_that_surely_have_a_value(pattern: str, names: str) -> None:
    query = read(f"PREFIX : <http://e/> ASK {{ {pattern} }}")
    assert certain(query.root.groups[0].elements) == set(names)


# --- against another parser


def service_patterns(value: Any) -> list[str]:
    """Return the SERVICE patterns that rdflib found, as it understood them."""
    if isinstance(value, CompValue):
        if value.name == "ServiceGraphPattern":
            return [re.sub(r"BNode\('\w+'\)", "BNode", repr((value["term"], value["graph"])))]
        return [found for part in value.values() for found in service_patterns(part)]
    if isinstance(value, list | tuple) or type(value).__name__ in ("ParseResults", "plist"):
        return [found for part in value for found in service_patterns(part)]
    return []


blank = st.sampled_from([" ", "\n", "\n\n ", " # SERVICE <http://no/> { }\n", " # } ' \" \n", "  "])
term = st.sampled_from(
    [
        *("?a", "$b", "?service", "<http://e/SERVICE>", "x:SERVICE", "service:x", "x:a\\#b", "''", "'}'", '"{"@en'),
        *("12", "4.5", "true", '"""SERVICE <http://no/> { "q" }"""', "'''}'''", "'\\''", '"\\\\"', "'a'^^x:t"),
        *("[]", "[ x:p '}' ]", "( 1 '{' )"),
    ]
)
verb = st.sampled_from(["?p", "a", "x:p", "x:p/x:q", "^x:p", "<http://e/p>", "(x:p|x:q)*"])
expression = st.sampled_from(["?a < 5", "?a<?b", "REGEX(?a, '[}{)(]')", "?a IN (1, '}')", "!BOUND(?b) || (?a > 3)"])


KINDS = "triple service service optional union minus graph filter exists bind values select"


@st.composite
def triple(draw: st.DrawFn) -> str:
    subject = draw(term.filter(lambda t: t[0] in "?$<xs"))
    return f"{subject}{draw(blank)}{draw(verb)} {draw(term)}{draw(blank)}."


@st.composite
def group(draw: st.DrawFn, depth: int = 3, kinds: str = KINDS) -> str:
    return "{" + draw(blank) + draw(blank).join(draw(st.lists(element(depth, kinds), max_size=3))) + draw(blank) + "}"


@st.composite
def element(draw: st.DrawFn, depth: int, kinds: str) -> str:
    """One pattern; none of SERVICE inside of another, with which rdflib's parser never ends."""
    if depth == 0:
        return draw(triple())
    kind = draw(st.sampled_from(kinds.split()))
    within = kinds.replace("service", "triple") if kind == "service" else kinds
    inner, space = group(depth - 1, within), draw(blank)
    match kind:
        case "service":
            word = draw(st.sampled_from(["SERVICE", "service", "Service SILENT", "SERVICE silent"]))
            name = draw(st.sampled_from(["<http://e/#>", "x:e", "service:e", "?e"]))
            return f"{word}{space}{name}{draw(blank)}{draw(inner)}"
        case "optional" | "minus":
            return f"{kind}{space}{draw(inner)}"
        case "graph":
            return f"GRAPH{space}x:g{draw(inner)}"
        case "union":
            return f"{draw(inner)}{space}UNION{space}{draw(inner)}"
        case "filter":
            return f"FILTER{space}({draw(expression)})"
        case "exists":
            return f"FILTER{space}{draw(st.sampled_from(['', 'NOT ']))}EXISTS{space}{draw(inner)}"
        case "bind":
            return f"{{ BIND({draw(expression)} AS{space}?v) }}"
        case "values":
            return f"VALUES (?a ?b){space}{{ ('}}' UNDEF) (1 x:b) }}"
        case "select":
            return f"{{ SELECT DISTINCT *{space}{draw(inner)} ORDER BY ?a LIMIT 5 }}"
    return draw(triple())


@given(group())
@examples(max_examples=60)
def test_spans_are_what_another_parser_sees(pattern: str) -> None:
    head = "PREFIX x: <http://e/> PREFIX service: <http://s/> "
    text = f"{head}SELECT * WHERE {pattern}"
    seen = service_patterns(parseQuery(text)[1])
    alone = [service_patterns(parseQuery(f"{head}SELECT * WHERE {{ {span} }}")[1]) for span in spans(text)]
    assert sorted(alone) == sorted([one] for one in seen)
    assert len(seen) == len(list(sparql_groups.inner_services(read(text).root.groups[0]))) == len(service_heads(text))
