"""The documentation keeps up: whatever a user can set, call, ask or meet stands in it."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
import types
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
import pytest
import typer

import harvesters
from harvesters.contract import Harvester
from hub import config, errors, ingest, records
from hub.ask import ask
from hub.cli import app, build_demo
from hub.config import Settings
from hub.log import Log
from hub.web.app import create_app
from hub.web.offers import DATASET
from hub.web.problems import _TABLE
from linkml_schemas.generated import model

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *DOCS]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
OPERATOR, API, MODEL = (TEXTS[f"docs/{name}.md"] for name in ("operator", "api", "model"))
README, CHANGELOG = TEXTS["README.md"], TEXTS["CHANGELOG.md"]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
QUERIES = sorted((ROOT / "sparql").glob("*/*.rq"))


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of every table row."""
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def row(text: str, first: str) -> list[str]:
    """Return the table row that begins with a cell."""
    found = [cells for cells in rows(text) if cells[0] == first]
    assert found, f"no table row for {first}"
    return found[0]


# --- settings


@pytest.mark.parametrize(("name", "variable", "default"), [o[:3] for o in config.option_fields()])
def test_setting_is_documented_with_its_default(name: str, variable: str, default: object) -> None:
    shown = "empty" if default == "" else f"`{default}`"
    assert row(OPERATOR, f"`{name}`")[1:3] == [f"`{variable}`", shown]


def test_no_setting_is_documented_that_does_not_exist() -> None:
    known = {variable for _, variable, _, _ in config.option_fields()} | {"HUB_CONFIG"}
    assert set(re.findall(r"\bHUB_[A-Z_]+\b", "\n".join(TEXTS.values()))) <= known


@pytest.mark.parametrize("key", [*config.SOURCE_KEYS, "schedule"])
def test_key_of_a_source_is_documented(key: str) -> None:
    assert row(OPERATOR, f"`{key}`")


# --- commands


def commands() -> dict[str, click.Command]:
    group = typer.main.get_command(app)
    return dict(group.commands)  # type: ignore[attr-defined]


def parts(command: click.Command) -> Iterator[click.Command]:
    """Yield a command and those under it."""
    yield command
    for part in getattr(command, "commands", {}).values():
        yield from parts(part)


OPTIONS = [
    (name, option)
    for name, command in commands().items()
    for part in parts(command)
    for parameter in part.params
    if parameter.param_type_name == "option"
    for option in parameter.opts
]


@pytest.mark.parametrize("name", commands())
def test_command_is_documented(name: str) -> None:
    assert any(cells[0].startswith(f"`hub {name}") for cells in rows(README))


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_option_is_documented(name: str, option: str) -> None:
    assert re.search(rf"(?<![\w-]){re.escape(option)}\b", README), f"hub {name} {option}"


def shell_lines() -> Iterator[str]:
    for text in TEXTS.values():
        for block in re.findall(r"```console\n(.*?)```", text, re.S):
            for line in re.findall(r"^\$ (.*)", block, re.M):
                yield line.partition(" #")[0]


def test_hub_commands_in_the_docs_exist_with_their_options() -> None:
    seen = 0
    for line in shell_lines():
        for name, rest in re.findall(r"(?:^|&& |/)hub ([a-z]+)([^&|]*)", line):
            assert name in commands(), line
            known = {option for command, option in OPTIONS if command == name} | {"--help"}
            assert set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", re.sub(r"'[^']*'", "", rest))) <= known, line
            seen += 1
    assert seen > 10


def test_make_targets_in_the_docs_exist() -> None:
    targets = set(re.findall(r"^([.a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    said = {t for line in shell_lines() for t in re.findall(r"\bmake ([.a-z]+)", line)}
    said |= set(re.findall(r"`make ([.a-z]+)`", "\n".join(TEXTS.values())))
    assert said
    assert said <= targets


# --- the transcript of the README


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, list[ingest.Outcome]]:
    settings = config.load(str(build_demo(tmp_path_factory.mktemp("demo"))), environ={})
    return settings, ingest.harvest(settings, sorted(settings.sources))


def test_transcript_shows_the_report_of_the_demo(demo: tuple[Settings, list[ingest.Outcome]]) -> None:
    shown = [re.findall(r"[\w.-]+", line) for line in README.splitlines() if line.startswith("│")]
    reports = {o.source: [f"{v:g}" for v in asdict(o.report).values()] for o in demo[1]}
    assert {cells[0]: cells[1:-1] for cells in shown} == {name: counts[:-1] for name, counts in reports.items()}


def test_transcript_shows_the_answer_of_the_demo(demo: tuple[Settings, list[ingest.Outcome]]) -> None:
    query, answer = re.findall(r"^\$ cat organisms.rq\n(.*?)^\$ [^\n]*organisms.rq\n(.*?)^\$", README, re.S | re.M)[0]
    assert b"".join(ask(demo[0], query, "csv")).decode().splitlines() == answer.splitlines()


def test_transcript_shows_a_landing_page_of_the_demo(demo: tuple[Settings, list[ingest.Outcome]]) -> None:
    client = create_app(demo[0]).test_client()
    page = client.get("/dataset/empiar/EMPIAR-10934", headers={"Accept": "text/turtle"})
    first, last, shown = re.findall(r"sed -n (\d+),(\d+)p\n(.*?)```", README, re.S)[0]
    client.application.config["HUB_PUBLICATION"].close()
    assert page.text.splitlines()[int(first) - 1 : int(last)] == shown.splitlines()


# --- HTTP


def routes() -> list[str]:
    application = create_app(Settings(), publication=object())  # type: ignore[arg-type]
    return sorted({rule.rule for rule in application.url_map.iter_rules()} | {"/sparql"})


@pytest.mark.parametrize("route", routes())
def test_route_is_documented(route: str) -> None:
    assert row(API, f"`{route}`")


@pytest.mark.parametrize("offer", DATASET, ids=lambda o: o.name)
def test_format_of_pages_is_documented(offer: object) -> None:
    _, suffix, media_type = row(API, f"`{offer.name}`")[:3]  # type: ignore[attr-defined]
    assert (suffix, media_type.partition(";")[0].strip("`")) == (
        f"`{offer.suffix}`",  # type: ignore[attr-defined]
        offer.media_type,  # type: ignore[attr-defined]
    )


@pytest.mark.parametrize("entry", _TABLE, ids=lambda e: e[0].__name__)
def test_status_of_every_error_is_documented(entry: tuple[type, int, str, str, int | None]) -> None:
    cls, status, name, _, wait_s = entry
    found = [cells for cells in rows(API) if cells[:3] == [str(status), f"`{name}`", f"`{cls.__name__}`"]]
    assert found
    assert wait_s is None or f"`Retry-After: {wait_s}`" in found[0][3]


@pytest.mark.parametrize("path", QUERIES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_query_has_a_header_and_is_documented(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    header = dict(re.findall(r"^# (title|param|returns): (.+)$", text, re.M))
    assert {"title", "returns"} <= header.keys()
    assert row(API, f"`{path.parent.name}/{path.stem}`")[1] == header["title"]
    said = set(re.findall(r"^# param: (\w+) - ", text, re.M))
    assert said == set(re.findall(r"\$([a-z]\w*)", re.sub(r"^#.*$", "", text, flags=re.M)))


# --- errors, harvesters


HUB_ERRORS = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.HubError)]


@pytest.mark.parametrize("cls", HUB_ERRORS, ids=lambda c: c.__name__)
def test_error_has_a_row_in_troubleshooting(cls: type) -> None:
    assert row(OPERATOR, f"`{cls.__name__}`")[2]


def harvester_modules() -> list[str]:
    """Return the names of the modules that declare a harvester."""
    found = [p.stem for p in Path(str(harvesters.__file__)).parent.glob("*.py")]
    return [n for n in sorted(found) if hasattr(importlib.import_module(f"harvesters.{n}"), "HARVESTER")]


@pytest.mark.parametrize("name", harvester_modules())
def test_harvester_is_documented(name: str) -> None:
    assert row(OPERATOR, f"`{name}`")
    assert f"`harvesters.{name}`" in TEXTS["docs/architecture.md"] or f", `{name}`" in TEXTS["docs/architecture.md"]


def test_example_harvester_of_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    module = types.ModuleType("harvesters.example")
    exec(compile(code, "README.md", "exec"), module.__dict__)
    assert isinstance(module.HARVESTER, Harvester)
    monkeypatch.setitem(sys.modules, "harvesters.example", module)
    (document,) = re.findall(r"`(\{\"id\".*?\})`", README)
    source = tmp_path / "source"
    source.mkdir()
    (source / "good.json").write_text(document, encoding="utf-8")
    (source / "faulty.json").write_text('{"id": "S-BIAD1", "organism": "the one", "released": "soon"}')
    (source / "bad.json").write_text("[]")
    (tmp_path / "hub.toml").write_text(
        f'[sources.example]\nharvester = "example"\narchive = "bia"\nurl = "{source}"\n', encoding="utf-8"
    )
    settings = config.load(str(tmp_path / "hub.toml"), environ={})
    (outcome,) = ingest.harvest(settings, ["example"])
    assert outcome.error is None
    assert (outcome.report.new, outcome.report.rejected, outcome.report.findings) == (2, 1, 2)
    log = Log(settings.database)
    row_of = {r.accession: records.from_json(r.record) for r in log.all_records()}
    log.close()
    assert row_of["S-BIAD824"].date_published == "2023-12-31"
    assert [t.scientific_name for t in row_of["S-BIAD824"].about or []] == ["Homo sapiens"]


def test_settings_of_the_readme_are_settings(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    (tmp_path / "hub.toml").write_text(text, encoding="utf-8")
    settings = config.load(str(tmp_path / "hub.toml"), environ={})
    assert {s.harvester for s in settings.sources.values()} == set(harvester_modules())


# --- the model


TABLES = json.loads((ROOT / "linkml_schemas" / "generated" / "slots.json").read_text(encoding="utf-8"))


def curie(iri: str) -> str:
    prefix, namespace = max(
        ((p, n) for p, n in TABLES["prefixes"].items() if iri.startswith(n)), key=lambda pair: len(pair[1])
    )
    return f"`{prefix}:{iri.removeprefix(namespace)}`"


@pytest.mark.parametrize(("prefix", "namespace"), TABLES["prefixes"].items())
def test_prefix_is_documented(prefix: str, namespace: str) -> None:
    assert row(MODEL, f"`{prefix}`")[1] == f"`{namespace}`"


@pytest.mark.parametrize("name", TABLES["classes"])
def test_class_is_documented(name: str) -> None:
    said, cells = TABLES["classes"][name], row(MODEL, f"`{name}`")
    assert cells[1] == curie(said["iri"])
    assert cells[2] == ", ".join(curie(iri) for iri in said["also"])
    assert re.findall(r"`(\w+)`", cells[4]) == said["slots"]
    required = {n for n, f in getattr(model, name).model_fields.items() if f.is_required()} - {"id"}
    assert set(re.findall(r"\*\*`(\w+)`\*\*", cells[4])) == required


@pytest.mark.parametrize("name", TABLES["slots"])
def test_slot_is_documented(name: str) -> None:
    said, cells = TABLES["slots"][name], row(MODEL, f"`{name}`")
    assert [curie(iri) for iri in (said["iri"], *said["also"])] == re.findall(r"`[^`]+`", cells[1])
    assert cells[3] == (f"`{said['unit']}`" if said["unit"] else "")
    assert cells[4] == " ".join(said["description"].split())


# --- decisions, changelog, links


@pytest.mark.parametrize("path", DECISIONS, ids=lambda p: p.stem)
def test_decision_is_short_numbered_and_whole(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    number = path.name[:4]
    assert text.startswith(f"# {number}: ")
    assert len(text.splitlines()) <= 24
    for part in ("Decided", "Why", "Considered", "Would change it"):
        assert f"**{part}.**" in text


def test_decisions_are_numbered_without_gaps() -> None:
    assert [p.name[:4] for p in DECISIONS] == [f"{n:04d}" for n in range(1, len(DECISIONS) + 1)]


def test_changelog_has_a_place_for_what_comes() -> None:
    assert re.search(r"^## \[Unreleased\]$", CHANGELOG, re.M)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    plain = re.sub(r"```.*?```", "", text, flags=re.S)
    headings = re.findall(r"^#+ (.+)$", plain, re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


LINKS = [
    (name, link)
    for name, text in TEXTS.items()
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S))
    if "://" not in link
]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_relative_link_resolves(page: str, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    assert target.exists()
    assert not anchor or anchor in anchors(target.read_text(encoding="utf-8"))
