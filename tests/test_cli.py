"""The command line, as a user meets it: results on standard output, one sentence for an error."""

import json
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request

import pytest

from tests.support import DEMO

HUB = [sys.executable, "-m", "hub.cli"]
SOURCES = set(tomllib.loads((DEMO / "hub.toml").read_text(encoding="utf-8"))["sources"])


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    made = hub("demo", "--folder", str(folder), "--no-serve")
    assert made.returncode == 0, made.stderr
    return folder


def hub(*args, config=None, stdin=None):
    command = [*HUB, *args, *(["--config", str(config)] if config else [])]
    return subprocess.run(command, capture_output=True, text=True, input=stdin, check=False, timeout=120)


def answer(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_demo_holds_what_the_readme_promises(demo):
    reports = answer(hub("harvest", "--all", "--json", config=demo / "hub.toml"))
    assert {r["source"] for r in reports} == SOURCES
    assert sum(r["listed"] for r in reports) >= 40
    assert all(r["unchanged"] == r["listed"] and r["error"] is None for r in reports)
    columns = "source listed new changed unchanged deleted held rejected findings seconds error"
    assert list(reports[0]) == columns.split()


def test_sources_are_listed_with_their_last_run(demo):
    found = answer(hub("sources", "--json", config=demo / "hub.toml"))
    assert {s["name"] for s in found} == SOURCES
    assert all(s["last_run"]["state"] == "done" for s in found)
    assert "crates" in hub("sources", config=demo / "hub.toml").stdout


def test_a_query_in_every_way_it_can_be_given(demo, tmp_path):
    text = "SELECT (COUNT(*) AS ?n) WHERE { ?d a <http://schema.org/Dataset> }"
    (tmp_path / "q.rq").write_text(text, encoding="utf-8")
    results = [
        hub("query", text, config=demo / "hub.toml"),
        hub("query", f"@{tmp_path / 'q.rq'}", config=demo / "hub.toml"),
        hub("query", "-", config=demo / "hub.toml", stdin=text),
    ]
    for done in results:
        assert done.stdout.split() == ["n", "59"], done.stderr
    asked = hub("query", "ASK { ?s ?p ?o }", "--format", "json", config=demo / "hub.toml")
    assert json.loads(asked.stdout)["boolean"] is True
    made = hub("query", "CONSTRUCT { ?s a ?t } WHERE { ?s a ?t } LIMIT 1", config=demo / "hub.toml")
    assert made.stdout.count(" .") == 1 or made.stdout.endswith(".\n")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("query", "SELECT nonsense"), "error: "),
        (("query", "DROP ALL"), "error: "),
        (("query", "SELECT * WHERE { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }"), "error: "),
        (("query", "ASK {}", "--format", "pdf"), "error: there is no format 'pdf'"),
        (("query", "@/nowhere.rq"), "error: /nowhere.rq cannot be read"),
        (("harvest",), f"error: name a source or say --all; there are {', '.join(sorted(SOURCES))}"),
        (("harvest", "nope"), "error: nope: no such source"),
        (("dump", "-o", "/tmp/x", "--format", "pdf"), "error: --format: 'pdf' is not one of nquads, trig"),
        (("submit",), "error: name a document to submit"),
        (("submit", "x.json", "--source", "bia"), "error: --source bia"),
        (("submit", "/nowhere.json"), "error: /nowhere.json cannot be read"),
    ],
)
def test_an_error_is_one_sentence_and_no_traceback(demo, args, message):
    done = hub(*args, config=demo / "hub.toml")
    assert done.returncode == 1
    assert done.stderr.startswith(message), done.stderr
    assert "Traceback" not in done.stderr


def test_check_rebuild_and_dump(demo, tmp_path):
    checked = answer(hub("check", "--json", config=demo / "hub.toml"))
    assert checked["problems"] == []
    rebuilt = answer(hub("rebuild", "--json", config=demo / "hub.toml"))
    again = answer(hub("check", "--json", config=demo / "hub.toml"))
    assert again["facts"]["graph_sha256"] == checked["facts"]["graph_sha256"]
    written = answer(hub("dump", "-o", str(tmp_path / "all.nq"), "--json", config=demo / "hub.toml"))
    assert (tmp_path / "all.nq").stat().st_size == written["bytes"]
    assert len((tmp_path / "all.nq").read_text(encoding="utf-8").splitlines()) == rebuilt["quads"]
    assert "no problems" in hub("check", config=demo / "hub.toml").stdout


def test_submissions_are_judged_and_published(tmp_path):
    made = hub("demo", "--folder", str(tmp_path), "--no-serve")
    assert made.returncode == 0
    document = next((DEMO / "submissions").glob("*.json"))
    fresh = tmp_path / "fresh.json"
    fresh.write_text(document.read_text(encoding="utf-8"), encoding="utf-8")
    broken = tmp_path / "broken.json"
    broken.write_text('{"name": "no more than a title"}', encoding="utf-8")
    looked = hub("submit", str(fresh), str(broken), "--check", "--json", config=tmp_path / "hub.toml")
    assert looked.returncode == 1
    verdicts = json.loads(looked.stdout)
    assert verdicts[0]["errors"] == []
    assert len(verdicts[1]["errors"]) > 3, "all errors at once"
    assert answer(hub("check", "--json", config=tmp_path / "hub.toml"))["facts"]["records"]["active"] == 71
    done = hub("submit", str(fresh), config=tmp_path / "hub.toml")
    assert done.returncode == 0, done.stderr
    assert "accepted as HUB-" in done.stdout


def test_a_submission_takes_nobody_s_place(tmp_path):
    assert hub("demo", "--folder", str(tmp_path), "--no-serve").returncode == 0
    text = next((DEMO / "submissions").glob("*.json")).read_text(encoding="utf-8")
    for folder, name in (("a", "x.json"), ("b", "x.json"), ("a", "readme.json")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(text.replace("{", "{ " if folder == "b" else "{", 1), encoding="utf-8")
    both = hub("submit", str(tmp_path / "a/x.json"), str(tmp_path / "b/x.json"), config=tmp_path / "hub.toml")
    assert both.returncode == 1
    assert "gets too: rename the document" in both.stdout
    later = hub("submit", str(tmp_path / "b/x.json"), config=tmp_path / "hub.toml")
    assert "another document of that name stands in" in later.stdout
    named = hub("submit", str(tmp_path / "a/readme.json"), config=tmp_path / "hub.toml")
    assert "give it a name of its own" in named.stdout


def test_a_demo_keeps_what_its_folder_holds(tmp_path):
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    assert hub("demo", "--folder", str(tmp_path), "--no-serve").returncode == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("suffix", ["tsv", "xlsx"])
def test_an_empty_form_is_written_and_not_over_another(tmp_path, suffix):
    form = tmp_path / f"form.{suffix}"
    assert hub("submit", "--template", str(form)).returncode == 0
    assert form.stat().st_size > 1000
    again = hub("submit", "--template", str(form))
    assert again.stderr.startswith(f"error: --template {form}: there is such a file already")
    assert hub("submit", "--template", "form.pdf").stderr.startswith("error: --template form.pdf: end the name in")


def get(url, accept="*/*"):
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.read().decode()


def wait_for(url):
    for _ in range(150):
        try:
            return get(url)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_serve_answers_follows_a_new_harvest_and_harvests_by_timetable(demo, tmp_path):
    port = free_port()
    file = tmp_path / "hub.toml"
    text = (demo / "hub.toml").read_text(encoding="utf-8").replace('data_dir = "data"', f'data_dir = "{tmp_path}/data"')
    for name in ("bia", "idr", "ssbd", "empiar", "submissions"):
        text = text.replace(f'url = "{name}"', f'url = "{demo / name}"')
    file.write_text(text.replace('archive = "idr"', 'archive = "idr"\nschedule = "* * * * *"'), encoding="utf-8")
    answer(hub("harvest", "bia", "--json", config=file))
    server = subprocess.Popen([*HUB, "serve", "--port", str(port), "--config", str(file)], stderr=subprocess.PIPE)
    try:
        base = f"http://127.0.0.1:{port}"
        assert json.loads(wait_for(f"{base}/healthz")) == {"status": "ok", "sequence": 14}
        assert "S-BIAD595" in get(f"{base}/dataset/bia/S-BIAD595", "text/turtle")
        taken = hub("serve", "--port", str(port), config=file)
        assert taken.returncode == 1
        assert taken.stderr.splitlines()[-1].startswith(f"error: --host 127.0.0.1 --port {port}:")
        count = urllib.parse.quote("SELECT (COUNT(*) AS ?n) WHERE { ?d a <http://schema.org/Dataset> }")
        ask = f"{base}/sparql?query={count}&format=csv"
        assert get(ask).split() == ["n", "14"]
        for _ in range(400):  # the timetable harvests idr within the next minute
            if get(ask).split() == ["n", "28"]:
                break
            time.sleep(0.25)
        assert get(ask).split() == ["n", "28"], "the running server follows the new snapshot"
    finally:
        server.terminate()
        server.communicate(timeout=30)


def test_a_source_can_be_tried_without_keeping_anything(demo, tmp_path):
    report = tmp_path / "report.json"
    done = hub("try", "empiar", str(DEMO / "empiar"), "--report", str(report), config=demo / "hub.toml")
    assert done.returncode == 0, done.stderr
    assert "12 records" in done.stdout
    said = json.loads(report.read_text(encoding="utf-8"))
    assert (said["records"], said["complete"], len(said["ids"]), said["errors"]) == (12, True, 12, [])
    few = answer(hub("try", "empiar", str(DEMO / "empiar"), "--limit", "2", "--json", config=demo / "hub.toml"))
    assert (few["records"], few["complete"]) == (2, False)
    named = ("--archive", "bbbc", "--option", r"accession=/(BBBC\d{3})$")
    site = answer(hub("try", "schemaorg", str(DEMO / "websites"), *named, "--json", config=demo / "hub.toml"))
    assert all("/dataset/bbbc/BBBC" in iri for iri in site["ids"])


def test_a_source_that_cannot_be_read_is_told_of(demo, tmp_path):
    done = hub("try", "crates", str(tmp_path / "nowhere"), "--json", config=demo / "hub.toml")
    assert done.returncode == 1
    assert "no folder or file" in json.loads(done.stdout)["errors"][0]
    assert "write KEY=VALUE" in hub("try", "crates", "x", "--option", "y", config=demo / "hub.toml").stderr
    assert "there is no harvester 'nope'" in hub("try", "nope", "x", config=demo / "hub.toml").stderr
