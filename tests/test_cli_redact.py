"""`hub suppress|unsuppress|replace|withdraw|redact|forget|restore|redactions`."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.config import load
from hub.ingest import harvest
from hub.log import Log
from tests.support import DEMO

BECAUSE = ("--reason", "asked for", "--by", "0000-0002-1825-0097")


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    home = tmp_path_factory.mktemp("cli")
    (home / "idr").mkdir()
    for name in ("idr0004", "idr0015", "idr0157"):
        shutil.copy(DEMO / "idr" / f"{name}-ro-crate-metadata.json", home / "idr")
    file = home / "hub.toml"
    source = '[sources.idr]\nharvester = "crates"\narchive = "idr"\nurl = "idr"\n'
    file.write_text(f'base_iri = "https://hub.example.org/"\n{source}')
    harvest(load(str(file), environ={}), ["idr"])
    return file


def run(hub, *arguments, fails=False, answer=None):
    done = CliRunner().invoke(app, [*arguments, "--config", str(hub)], input=answer)
    assert (done.exit_code != 0) == fails, (done.output, done.exception)
    return str(done.exception) if fails and done.exception else done.output


def state(hub, accession):
    log = Log(load(str(hub), environ={}).database)
    try:
        return log.record("idr", accession).state
    finally:
        log.close()


def test_a_dataset_is_suppressed_and_put_back(hub):
    assert "decision 1: suppress idr/idr0004; published" in run(hub, "suppress", "idr/idr0004", *BECAUSE)
    assert state(hub, "idr0004") == "suppressed"
    assert "says so already" in run(hub, "suppress", "idr/idr0004", *BECAUSE, fails=True)
    run(hub, "unsuppress", "idr/idr0004", "--by", "Ada")
    assert state(hub, "idr0004") == "active"
    assert "no decision to suppress" in run(hub, "unsuppress", "idr/idr0004", "--by", "Ada", fails=True)
    listed = json.loads(run(hub, "redactions", "--json"))
    assert (listed[0]["by"], listed[0]["taken_back"]["by"]) == ("https://orcid.org/0000-0002-1825-0097", "Ada")


def test_replace_withdraw_and_restore(hub):
    run(hub, "replace", "idr/idr0004", "--with", "idr/idr0015", *BECAUSE)
    assert "cannot be replaced" in run(hub, "replace", "idr/idr0015", "--with", "idr/idr0004", *BECAUSE, fails=True)
    run(hub, "withdraw", "idr/idr0015", *BECAUSE)
    assert (state(hub, "idr0004"), state(hub, "idr0015")) == ("replaced", "withdrawn")
    for one in json.loads(run(hub, "redactions", "--json")):
        if one["taken_back"] is None:
            run(hub, "restore", str(one["number"]), "--by", "Ada")
    assert (state(hub, "idr0004"), state(hub, "idr0015")) == ("active", "active")
    assert "no decision of that number" in run(hub, "restore", "99", "--by", "Ada", fails=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("idr0157",), "archive/accession"),
        (("idr/none",), "no such record"),
        ((), "name a dataset"),
        (("idr/idr0157", "--everywhere"), "not both"),
        (("--everywhere",), "say with --person"),
        (("idr/idr0157", "--person", "A", "--value", "B"), "not both"),
        (("idr/idr0157", "--field", "colour"), "there is no slot 'colour'"),
        (("idr/idr0157", "--value", "not a word of it"), "does not hold it"),
        (("idr/idr0157", "--field", "name"), "redact idr0157 as a whole"),
    ],
)
def test_what_cannot_be_redacted_is_refused_in_one_sentence(hub, arguments, message):
    assert message in run(hub, "redact", *arguments, "--yes", *BECAUSE, fails=True)


def test_erasing_asks_first_and_the_list_does_not_tell_what_was_erased(hub):
    run(hub, "redact", "idr/idr0157", *BECAUSE, answer="n\n", fails=True)
    assert state(hub, "idr0157") == "active"
    run(hub, "redact", "idr/idr0157", "--field", "copyright_notice", "--value", "Peters et al", *BECAUSE, "--yes")
    run(hub, "forget", "Kristian Peters", "--by", "Ada", answer="y\n")
    run(hub, "redact", "idr/idr0015", *BECAUSE, "--yes")
    assert (state(hub, "idr0157"), state(hub, "idr0015")) == ("active", "redacted")
    listed = run(hub, "redactions", "--json") + run(hub, "redactions")
    assert "Peters" not in listed
    assert '"field": "copyright_notice"' in listed
    assert '"iri": null' in listed
    run(hub, "redactions", "--finish")
    assert "no problems" in run(hub, "check")
