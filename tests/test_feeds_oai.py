"""OAI-PMH from the log: answers and errors, tokens, what is told while records change, the forms of metadata."""

import itertools
import json
import re
import zlib
from contextlib import closing, contextmanager

import pytest
import sqlalchemy as sa
from lxml import etree

from hub import config, records
from hub import log as log_module
from hub.errors import ConfigError
from hub.feeds import oai
from hub.feeds.datasets import merged
from hub.feeds.journal import Content, Journal, dated
from hub.feeds.oai import NO_ADDRESS, Position, Provider, admin_email, identifier
from hub.feeds.oai_formats import forms
from hub.log import Log, publications
from hub.routes import Precedence
from linkml_schemas.generated.model import Dataset
from tests.links_support import commit, iri, row
from tests.support import BASE

NS = {"o": oai.OAI, "dc": "http://purl.org/dc/elements/1.1/"}
URL = "https://hub.example.org/oai"
DAYS = [f"2026-01-0{n}T00:00:00Z" for n in range(1, 10)]


def made(accession, name="Cells in division", **more):
    archive = {"id": f"{BASE}archive/bia", "name": "BioImage Archive"}
    told = {"id": iri(accession), "accession": accession, "name": name, "archive": archive}
    return records.to_json(Dataset(**{**told, **more}))


def put(log, *accessions, state="active", **more):
    commit(log, *(row(a, "T", state=state, record=made(a, **more)) for a in accessions))


def publish(log, sequence, at):
    with log.engine.begin() as db:
        db.execute(sa.insert(publications).values(sequence=sequence, at=at))


@contextmanager
def filled(url):
    with closing(Log(url)) as found:
        for accession, at in zip("ABCDE", DAYS, strict=False):
            put(found, accession)
            publish(found, found.last_sequence(), at)
        yield found


@pytest.fixture
def log(tmp_path):
    with filled(f"sqlite:///{tmp_path / 'c.sqlite'}") as found:
        yield found


@pytest.fixture
def postgres(postgres_url):
    with filled(postgres_url) as found:
        yield found
        log_module.metadata.drop_all(found.engine)


def provider(log, page=2):
    journal = Journal(log, log.last_sequence())
    return Provider(journal, Precedence(BASE, {}), BASE, URL, "a@example.org", lambda: {"bia": "BIA"}, page)


def ask(log, page=2, **arguments):
    given = [(name.rstrip("_"), value) for name, value in arguments.items()]
    return etree.fromstring(provider(log, page).answer(given))


def codes(answer):
    return [error.get("code") for error in answer.findall("o:error", NS)]


def walk(log, between=lambda: None, verb="ListIdentifiers", page=2, **arguments):
    """Return the headers of each page and the token elements, something being done between the pages."""
    answer = ask(log, page, verb=verb, metadataPrefix="oai_dc", **arguments)
    pages, tokens = [], []
    while True:
        assert codes(answer) == []
        pages.append([local(header) for header in answer.iter(f"{{{oai.OAI}}}header")])
        token = answer.find(".//o:resumptionToken", NS)
        tokens += [] if token is None else [token]
        if token is None or not token.text:
            return pages, tokens
        between()
        answer = ask(log, page, verb=verb, resumptionToken=token.text)


def local(header):
    name = header.findtext("o:identifier", namespaces=NS).rpartition("/")[2]
    return name + ("†" if header.get("status") == "deleted" else "")


# --- lists


@pytest.mark.parametrize("verb", ["ListIdentifiers", "ListRecords"])
def test_pages_have_everything_once_and_the_last_token_is_empty(log, verb):
    pages, tokens = walk(log, verb=verb)
    assert pages == [["A", "B"], ["C", "D"], ["E"]]
    assert [(t.get("cursor"), t.get("completeListSize")) for t in tokens] == [("0", "5"), ("2", "5"), ("4", "5")]
    assert [bool(t.text) for t in tokens] == [True, True, False]


def test_another_database_gives_the_same(postgres):
    put(postgres, "B", state="redacted")
    assert walk(postgres, verb="ListRecords", set="archive:bia")[0] == [["A", "C"], ["D", "E"], ["B†"]]
    assert walk(postgres, from_=DAYS[2], until=DAYS[3])[0] == [["C", "D"]]
    assert sorted(provider(postgres).journal.iris()) == [iri(a) for a in "ABCDE"]


def test_a_list_of_one_page_has_no_token(log):
    assert walk(log, page=5) == ([["A", "B", "C", "D", "E"]], [])


def test_what_changes_between_pages_is_told_again_and_nothing_else_is_lost(log):
    changed = iter([["A"], ["D", "E"], [], [], []])
    pages, tokens = walk(log, between=lambda: put(log, *next(changed), name="Cells in anaphase"))
    assert pages == [["A", "B"], ["C", "D"], ["A", "D"], ["E"]]
    assert int(tokens[-1].get("completeListSize")) >= sum(map(len, pages))


def test_a_token_is_good_after_any_publication(log):
    token = ask(log, verb="ListIdentifiers", metadataPrefix="oai_dc").findtext(".//o:resumptionToken", namespaces=NS)
    put(log, "F", "B")
    answers = [ask(log, verb="ListIdentifiers", resumptionToken=token) for _ in range(2)]
    assert [[local(h) for h in answer.iter(f"{{{oai.OAI}}}header")] for answer in answers] == [["C", "D"]] * 2


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({"from_": DAYS[2]}, "CDE"),
        ({"until": DAYS[2]}, "ABC"),
        ({"from_": DAYS[1], "until": DAYS[3]}, "BCD"),
        ({"from_": "2026-01-02", "until": "2026-01-03"}, "BC"),
        ({"set": "archive"}, "ABCDE"),
        ({"set": "archive:bia", "from_": DAYS[4]}, "E"),
    ],
)
def test_lists_of_dates_and_sets(log, arguments, wanted):
    assert "".join(itertools.chain(*walk(log, **arguments)[0])) == wanted


def test_a_list_that_ends_at_a_time_does_not_tell_its_size_and_says_when_its_rest_has_gone(log):
    answer = ask(log, verb="ListIdentifiers", metadataPrefix="oai_dc", until=DAYS[2])
    token = answer.find(".//o:resumptionToken", NS)
    assert token.get("completeListSize") is None
    put(log, "C")
    publish(log, log.last_sequence(), DAYS[8])
    assert codes(ask(log, verb="ListIdentifiers", resumptionToken=token.text)) == ["badResumptionToken"]


def test_a_page_of_long_records_is_shorter(log, monkeypatch):
    monkeypatch.setattr(oai, "PAGE_BYTES", 1)
    assert walk(log, verb="ListRecords")[0] == [["A"], ["B"], ["C"], ["D"], ["E"]]


@pytest.mark.parametrize("state", ["withdrawn", "suppressed", "replaced", "redacted"])
def test_what_is_no_longer_there_is_deleted_for_ever(log, state):
    put(log, "B", state=state)
    put(log, "F")
    assert walk(log)[0] == [["A", "C"], ["D", "E"], ["B†", "F"]]
    answer = ask(log, verb="GetRecord", metadataPrefix="dcat", identifier=identifier(BASE, iri("B")))
    assert local(answer.find(".//o:header", NS)) == "B†"
    assert answer.find(".//o:metadata", NS) is None


def test_an_empty_repository(tmp_path):
    with closing(Log(f"sqlite:///{tmp_path / 'empty.sqlite'}")) as log:
        assert codes(ask(log, verb="ListRecords", metadataPrefix="oai_dc")) == ["noRecordsMatch"]
        assert ask(log, verb="Identify").find("o:Identify/o:earliestDatestamp", NS).text


# --- tokens


def test_a_token_holds_the_whole_question():
    position = Position("ListRecords", "dcat", "archive:idr", DAYS[0], DAYS[1], 18_233, 100, None)
    assert Position.of_token(position.token()) == position


@pytest.mark.parametrize("token", ["", ".", "junk", "?", "é", "WzFd", "W10.000000000000", "\x00", "x" * 5000])
def test_a_token_that_the_hub_never_wrote(log, token):
    assert codes(ask(log, verb="ListRecords", resumptionToken=token)) == ["badResumptionToken"]


@pytest.mark.parametrize(
    "held", [[], 5, {}, ["ListRecords"], ["ListRecords", 1], ["ListRecords", "oai_dc", "", "", "", -1]]
)
def test_a_token_that_somebody_made(log, held):
    body = oai.base64.urlsafe_b64encode(json.dumps(held).encode()).rstrip(b"=").decode()
    token = f"{body}.{oai._digest(body)}"
    assert codes(ask(log, verb="ListRecords", resumptionToken=token)) == ["badResumptionToken"]


def test_a_token_with_a_slip_or_of_another_list(log):
    token = Position("ListRecords", "oai_dc", after=2).token()
    assert codes(ask(log, verb="ListRecords", resumptionToken=token)) == []
    later = Position("ListRecords", "oai_dc", after=99).token()
    for wrong in (token[:-1], f"{token}0", token.swapcase(), later, Position("ListRecords", "marc").token()):
        assert codes(ask(log, verb="ListRecords", resumptionToken=wrong)) == ["badResumptionToken"]
    assert codes(ask(log, verb="ListIdentifiers", resumptionToken=token)) == ["badResumptionToken"]
    assert codes(ask(log, verb="ListSets", resumptionToken=token)) == ["badResumptionToken"]


# --- errors

A = identifier(BASE, iri("A"))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "badVerb"),
        ("verb=", "badVerb"),
        ("verb=identify", "badVerb"),
        ("verb=Identify&verb=Identify", "badVerb"),
        ("verb=Identify&from=2026-01-01", "badArgument"),
        ("verb=ListSets&set=x", "badArgument"),
        ("verb=ListMetadataFormats&identifier=oai:x:y", "idDoesNotExist"),
        ("verb=GetRecord&metadataPrefix=oai_dc", "badArgument"),
        (f"verb=GetRecord&identifier={A}", "badArgument"),
        (f"verb=GetRecord&identifier={A}&metadataPrefix=marc", "cannotDisseminateFormat"),
        (f"verb=GetRecord&identifier={A}&identifier={A}&metadataPrefix=oai_dc", "badArgument"),
        (f"verb=GetRecord&identifier={A}x&metadataPrefix=oai_dc", "idDoesNotExist"),
        ("verb=GetRecord&identifier=oai:hub.example.org:archive/bia&metadataPrefix=oai_dc", "idDoesNotExist"),
        ("verb=GetRecord&identifier=<x>&metadataPrefix=oai_dc", "badArgument"),
        ("verb=ListRecords", "badArgument"),
        ("verb=ListRecords&metadataPrefix=", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-02-30", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-1-1", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-01T00:00:00", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-02&until=2026-01-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-02&until=2026-01-03T00:00:00Z", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2999-01-01", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=oai_dc&until=1999-01-01", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=archive:nowhere", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=organism", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=a b", "badArgument"),
        ("verb=ListRecords&resumptionToken=x&until=2026-01-01", "badArgument"),
    ],
)
def test_errors(log, query, code):
    pairs = [tuple(part.split("=")) for part in query.split("&")] if query else []
    answer = etree.fromstring(provider(log).answer(pairs))
    assert codes(answer) == [code]
    request = answer.find("o:request", NS)
    assert request.text == URL
    assert bool(request.attrib) == (code not in ("badVerb", "badArgument"))


# --- what is told of a dataset


def test_several_records_are_put_together_by_precedence(log):
    own = Content("bia", "A", packed(made("A", "Named by its archive")))
    other = Content(
        "copy", "A", packed(made("A", "Named by another", license="https://creativecommons.org/licenses/by/4.0/"))
    )
    found = merged([other, own], Precedence(BASE, {"bia": "bia", "copy": "idr"}))
    assert (found.name, found.license) == ("Named by its archive", "https://creativecommons.org/licenses/by/4.0/")


def packed(text):
    return zlib.compress(text.encode())


def test_journal_gives_the_records_that_stand_at_its_number(log):
    put(log, "A", name="Later")
    put(log, "B", state="withdrawn")
    now, before = Journal(log, 7), Journal(log, 5)
    assert [records.from_json(c.record()).name for c in now.contents([iri("A"), iri("B")])[iri("A")]] == ["Later"]
    assert now.contents([iri("B")]) == {}
    assert set(before.contents([iri("A"), iri("B")])) == {iri("A"), iri("B")}
    assert sorted(now.iris()) == [iri(a) for a in "ABCDE"]
    assert (now.count(), now.count(at_least=DAYS[3], at_most=DAYS[3]), now.count(below=f"{BASE}dataset/idr/")) == (
        5,
        1,
        0,
    )


def test_what_is_not_dated_yet_is_not_told(log):
    put(log, "F")
    assert dated(log, 6) == 5
    publish(log, 6, DAYS[6])
    assert dated(log, 6) == 6
    assert dated(log, 4) == 4
    with log.engine.begin() as db:
        db.execute(sa.delete(publications))
    assert dated(log, 6) == 6


@pytest.mark.parametrize("prefix", forms(BASE))
def test_characters_that_xml_needs_otherwise(log, prefix):
    record = records.from_json(made("A", name='<b>&amp; "x"</b> ]]> é 😀', keyword=["<script>"]))
    element = forms(BASE)[prefix].element(record)
    assert etree.QName(element).namespace == forms(BASE)[prefix].namespace
    text = "".join(etree.fromstring(etree.tostring(element)).itertext())
    assert "😀" in text
    assert "<b>&amp; " in text


# --- who is told


def test_admin_email():
    assert admin_email("a@example.org", "https://example.org/") == "a@example.org"
    assert admin_email("", "mailto:b@example.org") == "b@example.org"
    assert admin_email("", "https://example.org/") == NO_ADDRESS
    assert re.fullmatch(config.EMAIL, NO_ADDRESS)


def test_admin_email_is_an_address(tmp_path):
    file = tmp_path / "hub.toml"
    file.write_text('admin_email = "nobody"')
    with pytest.raises(ConfigError, match=r"admin_email: 'nobody' is no e-mail address"):
        config.load(str(file), environ={})
