"""The saved questions on what is published: after a harvest, in `hub check`, on the status page."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub import cli, config, gallery, review, snapshots
from hub.cli import build_demo
from hub.config import Settings
from hub.ingest import harvest
from hub.overview import overview
from hub.web.app import create_app
from tests.support import demo_settings

QUESTIONS = gallery.questions()


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = config.load(str(build_demo(tmp_path_factory.mktemp("reviewed"))), environ={})
    harvest(settings, list(settings.sources))
    return settings


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gallery of a good question, one with too few rows and one that is no SPARQL."""
    good = QUESTIONS["growth-by-year"]
    few, bad = replace(good, name="few", least_rows=10**6), replace(good, name="bad", body="SELECT nonsense")
    monkeypatch.setattr(gallery, "questions", lambda: {asked.name: asked for asked in (good, few, bad)})


def test_every_question_is_well_after_a_harvest(demonstration: Settings) -> None:
    found = review.after_harvest(demonstration)
    assert found is not None
    assert found.complaints == []
    assert found.questions.keys() == QUESTIONS.keys()
    assert all(went["rows"] >= QUESTIONS[name].least_rows for name, went in found.questions.items())


def test_too_few_rows_are_wrong_of_the_demonstration_only(demonstration: Settings, broken: None) -> None:
    snapshot = snapshots.current(demonstration.snapshots_dir)
    assert [c.split(" gave ")[0].split(" failed")[0] for c in review.review(demonstration, snapshot).complaints] == [
        "the question few",
        "the question bad",
    ]
    Path(demonstration.sources["bia"].url, "another.json").write_text("{}")
    assert not review.is_demonstration(demonstration)
    (complaint,) = review.review(demonstration, snapshot).complaints
    assert complaint.startswith("the question bad failed")


def test_a_review_is_kept_beside_its_snapshot(tmp_path: Path, broken: None, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = demo_settings(tmp_path)
    assert review.after_harvest(settings) is None
    harvest(settings, ["bia"])
    first = review.after_harvest(settings)
    assert first is not None
    assert len(first.complaints) == 1
    monkeypatch.setattr(gallery, "run", lambda *_: pytest.fail("asked again"))
    assert review.after_harvest(settings) == first
    assert overview(settings)["questions"]["complaints"] == first.complaints
    page = Client(create_app(settings), Response).get("/status", headers={"Accept": "text/html"}).text
    assert "1 need attention" in page
    assert "the question bad failed" in page


def test_a_review_that_fails_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = demo_settings(tmp_path)
    harvest(settings, ["bia"])
    snapshot = snapshots.current(settings.snapshots_dir)
    shutil.rmtree(snapshot.graph)
    assert review.after_harvest(settings) is None
    assert "the saved questions could not be asked" in caplog.text


def test_questions_that_there_is_no_time_for_are_not_asked(demonstration: Settings) -> None:
    assert review.review(demonstration, snapshots.current(demonstration.snapshots_dir), 0.0).questions == {}


def test_the_report_of_a_harvest_shows_what_broke(tmp_path: Path, broken: None) -> None:
    file = build_demo(tmp_path)
    done = CliRunner().invoke(cli.app, ["harvest", "idr", "--config", str(file)])
    assert done.exit_code == 0
    assert "the question bad failed" in done.output
