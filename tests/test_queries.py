"""The hub's own questions: readable files, safe parameters."""

import re

import pytest
from pyoxigraph import Literal, NamedNode, Store

from hub import queries
from hub.errors import NotFoundError
from tests.support import ROOT

FILES = sorted((ROOT / "sparql").rglob("*.rq"))
IRI = NamedNode("https://h/x")


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_every_query_has_a_title_and_returns_and_runs(file):
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# title: ")
    assert re.search(r"^# returns: ", text, re.M)
    named = set(re.findall(r"^# param: (\w+) - ", text, re.M))
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert set(re.findall(r"\$([a-z]\w*)", body)) == named
    list(Store().query(queries.bind(text, dict.fromkeys(named, IRI))))


def test_a_parameter_cannot_leave_its_place():
    evil = Literal('x" } ; DROP ALL #')
    bound = queries.bind("SELECT * WHERE { ?s ?p $value . ?s $other ?x }", {"value": evil})
    assert str(evil) in bound
    assert "$other" in bound, "only what is given is replaced"
    with pytest.raises(ValueError, match=r".+"):
        NamedNode("https://h/> { } #")


@pytest.mark.parametrize("name", ["describe/nope", "../pyproject", "describe/../describe/dataset", "describe"])
def test_a_query_that_is_not_there_is_not_found(name):
    with pytest.raises(NotFoundError, match="there is no query"):
        queries.text(name)
