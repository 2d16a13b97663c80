"""The timetable: readable schedules, clear errors, one harvest process at a time."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.errors import ConfigError
from hub.schedule import Timetable, first_run, trigger
from tests.support import demo_settings


@pytest.mark.parametrize(("schedule", "hours"), [("hourly", 1), ("daily", 24), ("weekly", 168)])
def test_named_schedules(schedule, hours):
    assert trigger("bia", schedule).interval == timedelta(hours=hours)


def test_a_cron_line_is_in_utc():
    now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert trigger("bia", "30 3 * * *").get_next_fire_time(None, now) == datetime(2026, 11, 21, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize("schedule", ["sometimes", "99 * * * *", "", "* * *"])
def test_a_schedule_that_cannot_be_read_is_named(schedule):
    with pytest.raises(ConfigError, match=r"\[sources.bia\] schedule: .* is neither hourly, daily, weekly nor a cron"):
        trigger("bia", schedule)


def test_a_source_counts_from_its_last_run_so_that_restarts_do_not_put_it_off():
    daily, now = trigger("bia", "daily"), datetime.now(UTC)
    an_hour_ago = (now - timedelta(hours=1)).isoformat()
    a_week_ago = (now - timedelta(days=7)).isoformat()
    assert timedelta(hours=22) < first_run(daily, an_hour_ago) - now < timedelta(hours=24)
    assert first_run(daily, a_week_ago) - now < timedelta(minutes=1)
    assert first_run(daily, None) - now < timedelta(minutes=1)


def test_every_scheduled_source_has_a_job_and_a_harvest_is_a_process(tmp_path):
    file = tmp_path / "hub.toml"
    settings = demo_settings(tmp_path, ("bia",), schedules={"bia": "0 3 * * *"})
    source = '[sources.bia]\nharvester = "crates"\narchive = "bia"\nurl = "bia"\n'
    file.write_text(f'data_dir = "data"\nbase_iri = "{settings.base_iri}"\n{source}', encoding="utf-8")
    timetable = Timetable(settings, str(file), {})
    timetable.start()
    try:
        assert [job.id for job in timetable._scheduler.get_jobs()] == ["bia"]
        assert timetable.harvest("bia") == 0
        assert (tmp_path / "data" / "snapshots" / "current" / "manifest.json").is_file()
        assert timetable.harvest("nope") == 1
    finally:
        timetable.stop()
