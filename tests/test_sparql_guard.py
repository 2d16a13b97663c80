"""What the guard lets through and what it refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hub import sparql_groups, sparql_guard, sparql_scope
from hub.errors import QueryRefusedError, QuerySyntaxError, QueryTooComplexError

PASS = [
    ("SELECT * {}", "SELECT"),
    ("select*{}", "SELECT"),
    ('SELECT ("DELETE" AS ?x) {}', "SELECT"),
    ("ASK{}", "ASK"),
    ("DESCRIBE<http://e/x>", "DESCRIBE"),
    ("CONSTRUCT WHERE { ?s ?p ?o }", "CONSTRUCT"),
    ("# INSERT\n# SERVICE <http://e/>\nASK {}", "ASK"),
    ("BASE <http://e/#x> PREFIX insert: <http://e/> PREFIX : <x> ask {}", "ASK"),
    ('VERSION "1.2" PREFIX ex:<http://e/#>SELECT * { ex:insert ?delete ?service }', "SELECT"),
    ("PREFIX service: <s:> SELECT * { ?service service:x <http://e/SERVICE> . _:service1 ?p 'x'@service }", "SELECT"),
    ("PREFIX service: <http://s/> SELECT * { GRAPH service:x { ?s ?p ?o } }", "SELECT"),
    ("PREFIX service: <http://s/> SELECT * { GRAPH # of\n service:x { ?s ?p ?o } }", "SELECT"),
    ("ASK { ?s ?p '''it's SERVICE <x>''', \"\"\"a \" SERVICE\"\"\", \"\\\" SERVICE <x>\", ' SERVICE ' }", "ASK"),
    (r"PREFIX ex: <http://e/> SELECT * { ex:a\#service ?p ?o }", "SELECT"),
    ("SELECT * { ?s ?p ?o # SERVICE <http://e/> {}\n }", "SELECT"),
    (r"\u0053ELECT * {}", "SELECT"),
    ("SELECT * " + "{" * 400 + "}" * 400, "SELECT"),
    ("SELECT * { " + "{} UNION " * 2000 + "{} }", "SELECT"),
    ("SELECT * { ?s ?p '" + "(" * 5000 + "' }", "SELECT"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "form"), PASS)
def test_passes(text: str, form: str) -> None:
    assert sparql_guard.check(text) == form
    assert sparql_guard.form(text) == form


SERVICE = [
    "SELECT * { SERVICE <http://e/> {} }",
    "SELECT * { service silent <http://e/> {} }",
    "SELECT * {SERVICE<http://e/>{}}",
    r"SELECT * { \u0053ERVICE <http://e/> {} }",
    r"SELECT * { S\U00000045RVICE <http://e/> {} }",
    "SELECT * { SERVICE ?x {} }",
    "SELECT * { SERVICE?x{} }",
    "PREFIX : <http://e/> SELECT * { SERVICE:x{} }",
    "PREFIX ex: <http://e/> SELECT * { SERVICEex:x {} }",
    "SELECT * { ?s ?p trueSERVICE<http://e/>{} }",
    "SELECT * { ?s ?p 'x'SERVICE<http://e/>{} }",
    "PREFIX : <http://e/> SELECT * { GRAPH ?g { SERVICE:x{} } }",
    "PREFIX : <http://e/> SELECT * { SERVICE:x" + " " * 300 + "{} }",
    "SELECT * { ?s ?p true.SERVICE<http://e/>{} }",
    "SELECT * { FILTER(?a<?b)SERVICE<http://e/>{} }",
    "SELECT * { ?s ?p <http://e/#> SERVICE <http://e/> {} }",
    "SELECT * { ?s ?p '\\'' . SERVICE <http://e/> {} }",
    "SELECT * { # ' \n SERVICE <http://e/> {} # ' \n }",
    "SELECT * { OPTIONAL { { SELECT * { SERVICE <http://e/> {} } } } }",
]


@pytest.mark.parametrize("text", SERVICE)
def test_service_is_refused(text: str) -> None:
    with pytest.raises(QueryRefusedError, match="SERVICE"):
        sparql_guard.check(text)
    assert sparql_guard.check(text, allow_service=True) == "SELECT"


@pytest.mark.parametrize(
    "text",
    [
        "INSERT DATA { <a:a> <a:b> <a:c> }",
        "delete where { ?s ?p ?o }",
        "PREFIX ex: <http://e/#> # SELECT\n LOAD <http://e/>",
        "CLEAR ALL",
        "DROP SILENT DEFAULT",
        "CREATE GRAPH <a:a>",
        "ADD <a:a> TO <a:b>",
        "MOVE <a:a> TO <a:b>",
        "COPY <a:a> TO <a:b>",
        "WITH <a:a> DELETE {} WHERE {}",
        r"\u0049NSERT DATA {}",
    ],
)
def test_updates_are_refused(text: str) -> None:
    assert sparql_guard.form(text) == "UPDATE"
    with pytest.raises(QueryRefusedError, match="update"):
        sparql_guard.check(text)


@pytest.mark.parametrize("text", ["", "  ", "hello", "PREFIX ex: <http://e/>", "?s ?p ?o", "{" * 1000])
def test_no_form(text: str) -> None:
    with pytest.raises(QuerySyntaxError):
        sparql_guard.check(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * " + "{" * 600 + "}" * 600,
        "SELECT (" + "(" * 600 + "1" + ")" * 600 + " AS ?x) {}",
        "SELECT * { ?s ?p " + "[ ?p " * 600 + "]" * 600 + " }",
        "SELECT * { " + "<< " * 600 + "<a:a> <a:b> <a:c>" + " >> <a:b> <a:c>" * 600 + " }",
        "SELECT (" + "!" * 600 + "true AS ?x) {}",
        "SELECT (" + "- " * 600 + "1 AS ?x) {}",
        "SELECT * { " + "FILTER EXISTS { " * 600 + "}" * 600 + " }",
    ],
)
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(QueryTooComplexError):
        sparql_guard.check(text)
    assert sparql_guard.check(text, max_depth=5000) == "SELECT"


def test_length_is_counted_in_bytes() -> None:
    text = 'SELECT ("' + "é" * 60 + '" AS ?x) {}'
    assert sparql_guard.check(text, max_bytes=200) == "SELECT"
    with pytest.raises(QueryTooComplexError):
        sparql_guard.check(text, max_bytes=100)


HOSTILE = [
    "{", '"', '"\\', "'''", "'''\\", "<", "<a", "a:", "a.", "a-", "a_", "_", "_:", "é.", "a:b.", ".", ":.", "-", "- ",
    "\\u", "\\", ":\\", "#", "PREFIX ", "PREFIX a", "PREFIX a: <b> ", "VERSION '", "service:a ",
    "'''a'\\", '"""a"\\', "@a-", "1e", " ", "\ufeff",
]  # fmt: skip
_CHECKS = """
import sys
from hub import sparql_groups, sparql_guard, sparql_scope
from hub.errors import QueryError

for check in (lambda text: sparql_guard.check(text, max_bytes=10**7, max_depth=10**7), sparql_scope.check,
              sparql_groups.service_heads):
    for head in ("", "SELECT * { GRAPH ?g { SELECT "):
        for tail in ("", " SERVICE"):
            try:
                check(head + sys.argv[1] * 100_000 + tail)
            except QueryError:
                pass
"""


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_text_ends(unit: str) -> None:
    """A second where the work grows with the length, an hour where it grows with its square."""
    subprocess.run([sys.executable, "-c", _CHECKS, unit], check=True, timeout=100)


def test_long_strings_without_an_end() -> None:
    few = 'ASK { VALUES ?x {"""x" } SERVICE <http://e/> {} }'
    with pytest.raises(QueryRefusedError):
        sparql_guard.check(few)
    assert sparql_guard.check(few, allow_service=True) == "ASK"
    for check in (sparql_scope.check, sparql_groups.tokenize):
        with pytest.raises(QueryTooComplexError, match="long strings"):
            check("SELECT # SERVICE GRAPH\n" + "'''a'\\" * 100)
