"""Coverage of fields: counted as the log goes on, noted where it changed, drawn as a chart."""

from __future__ import annotations

import json
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
import sqlalchemy as sa

from hub import coverage
from hub.config import Settings
from hub.coverage import Coverage, slots
from hub.log import Log
from hub.web.chart import BOTTOM, COLOURS, HEIGHT, LINE, SVG, Series, line_chart
from tests import links_support
from tests.links_support import commit, row
from tests.support import BASE

SETTINGS = Settings(base_iri=BASE)


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request, tmp_path):
    is_sqlite = request.param == "sqlite"
    found = Log(f"sqlite:///{tmp_path / 'c.sqlite'}" if is_sqlite else request.getfixturevalue("postgres_url"))
    yield found
    coverage.metadata.drop_all(found.engine)
    links_support.clear(found)
    found.close()


def put(log, accession, *names, **more):
    commit(log, row(accession, "T", record=json.dumps(dict.fromkeys(names, "x")), **more))


def now(log):
    return {p.slot: (p.filled, p.records) for p in Coverage(log).now("bia") if p.filled}


def test_coverage_follows_the_log(log):
    put(log, "A", "license", "funding")
    put(log, "B", "license")
    assert coverage.update(log, SETTINGS) == len(slots())
    assert now(log) == {"license": (2, 2), "funding": (1, 2)}
    assert coverage.update(log, SETTINGS) == 0
    put(log, "A", "license")
    assert coverage.update(log, SETTINGS) == 1
    assert now(log) == {"license": (2, 2)}
    history = [(p.sequence, p.filled, p.share) for p in Coverage(log).history("bia", ["funding"])]
    assert history == [(2, 1, 0.5), (3, 0, 0.0)]


def test_withdrawn_records_do_not_count(log):
    put(log, "A", "license")
    put(log, "B")
    coverage.update(log, SETTINGS)
    put(log, "B", state="withdrawn")
    coverage.update(log, SETTINGS)
    assert now(log) == {"license": (1, 1)}


def test_each_archive_is_counted_by_itself(log):
    put(log, "A", "license")
    put(log, "B", iri=f"{BASE}dataset/idr/B", source="idr")
    coverage.update(log, SETTINGS)
    assert {p.archive: p.share for p in Coverage(log).now() if p.slot == "license"} == {"bia": 1.0, "idr": 0.0}


def test_a_rebuild_counts_anew_and_keeps_what_was(log):
    put(log, "A", "license")
    coverage.update(log, SETTINGS)
    put(log, "B", "license")
    coverage.update(log, SETTINGS)
    before = Coverage(log).history("bia")
    with log.engine.begin() as db:
        db.execute(sa.update(coverage.filled_slots).values(slots="funding"))
    assert coverage.rebuild(log, SETTINGS) == 0
    assert Coverage(log).history("bia") == before
    assert coverage.update(log, SETTINGS) == 0


def test_a_rebuild_that_was_cut_short_is_made_good(log, monkeypatch):
    put(log, "A", "license")
    coverage.update(log, SETTINGS)
    with monkeypatch.context() as patch:
        patch.setattr(coverage, "_take", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            coverage.rebuild(log, SETTINGS)
    coverage.update(log, SETTINGS)
    assert now(log) == {"license": (1, 1)}


# --- chart


def drawn(*series):
    return ET.fromstring(line_chart("T", series))


def labels(root):
    found = [e for e in root.iter(f"{{{SVG}}}text") if e.get("class", "").startswith("line-")]
    return {e.text: float(e.get("y")) for e in found}


def test_a_chart_has_a_line_and_a_label_for_each_series():
    one = Series("license", (("2026-01-01T00:00:00Z", 0.5), ("2026-03-01T00:00:00Z", 1.0)))
    two = Series("funding", (("2026-01-01T00:00:00Z", 0.0),))
    root = drawn(one, two)
    assert root.find(f"{{{SVG}}}title").text == "T"
    assert labels(root).keys() == {"license 100%", "funding 0%"}
    strokes = [e.get("stroke") for e in root.iter(f"{{{SVG}}}path")]
    assert strokes == list(COLOURS[:2])
    assert {"2026-01-01", "2026-03-01"} <= {e.text for e in root.iter(f"{{{SVG}}}text")}


def test_labels_do_not_cover_one_another():
    same = [Series(str(n), (("2026-01-01T00:00:00Z", 0.02),)) for n in range(6)]
    heights = sorted(labels(drawn(*same)).values())
    assert all(b - a >= LINE - 0.2 for a, b in pairwise(heights))
    assert heights[-1] <= HEIGHT - BOTTOM + 5


def test_a_chart_of_one_moment_or_of_none_is_a_chart():
    assert len(list(drawn(Series("a", (("2026-01-01T00:00:00Z", 0.4),))).iter(f"{{{SVG}}}circle"))) == 1
    assert labels(drawn()) == {}
