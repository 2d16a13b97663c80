"""Webhooks: who gets which changes, how they are signed, and what becomes of who does not take them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from werkzeug.test import Client

from hub import config
from hub.cli import app
from hub.config import Settings
from hub.errors import ConfigError, HubError
from hub.feeds import cloudevents, webhooks
from hub.feeds.journal import Journal
from hub.feeds.subscribers import Subscriber, Subscribers
from hub.feeds.webhook_settings import Webhook, read
from hub.ingest import harvest
from hub.log import Log
from hub.peers import keys
from hub.web.app import create_app
from tests.loopback import wait_for
from tests.receiver import Receiver, receiving
from tests.support import BASE, demo_settings, get, told

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = "https://subscriber.example.org/hook"
MOUSE = "http://purl.obolibrary.org/obo/NCBITaxon_10090"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = demo_settings(tmp_path_factory.mktemp("webhooks"), ("bia", "idr"), hub_name="eu", query_workers=1)
    harvest(settings, ["bia", "idr"])
    return settings


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def subscribed(hub: Settings, name: str, receiver: Receiver, since: int | None = 0, **more: Any) -> Settings:
    """Return settings with one subscriber, which begins after a change."""
    hook = Webhook(name, receiver.url, **{"is_private": True, **more})
    settings = replace(hub, webhooks={name: hook})
    if since is not None:
        webhooks.resume(settings, name, since)
    return settings


def state(settings: Settings, name: str) -> Subscriber:
    with closing(Log(settings.database)) as log:
        return Subscribers(log).get(name, log.last_sequence())


def put(settings: Settings, subscriber: Subscriber) -> None:
    with closing(Log(settings.database)) as log:
        Subscribers(log).put(subscriber)


def last(settings: Settings) -> int:
    with closing(Log(settings.database)) as log:
        return log.last_sequence()


# --- what is sent


def test_changes_come_in_order_once_in_batches(hub: Settings, receiver: Receiver) -> None:
    settings = subscribed(hub, "ordered", receiver, batch=4)
    (outcome,) = webhooks.deliver(settings)
    assert (outcome.events, outcome.cursor, outcome.behind, outcome.error) == (last(hub), last(hub), 0, None)
    assert receiver.ids == [f"eu-{number}" for number in range(1, last(hub) + 1)]
    assert {len(batch) for batch in receiver.batches[:-1]} == {4}
    assert webhooks.deliver(settings)[0].events == 0
    assert len(receiver.ids) == last(hub)


def test_an_event_tells_what_changed_as_a_cloudevent(hub: Settings, receiver: Receiver) -> None:
    webhooks.deliver(subscribed(hub, "telling", receiver))
    event = receiver.batches[0][0]
    with closing(Log(hub.database)) as log:
        change = Journal(log, last(hub)).since(0, 1)[0]
    assert change.signed is not None
    assert receiver.requests[0][0]["content-type"] == "application/cloudevents-batch+json; charset=UTF-8"
    assert event == {
        "specversion": "1.0",
        "id": "eu-1",
        "source": BASE,
        "type": "org.w3id.bioimage-hub.record.create",
        "subject": change.iri,
        "time": change.at,
        "sequence": "00000000000000000001",
        "datacontenttype": "application/json",
        "data": {
            "dataset": change.iri,
            "archive": change.iri.split("/")[-2],
            "accession": change.accession,
            "source": change.source,
            "action": "create",
            "state": "active",
            "title": change.title,
            "owner": "eu",
            "sha256": change.signed.sha256,
            "sequence": 1,
        },
    }


def test_what_is_no_longer_shown_is_told_without_its_title(hub: Settings) -> None:
    with closing(Log(hub.database)) as log:
        change = Journal(log, last(hub)).since(0, 1)[0]
    gone = replace(change, state="redacted", action="redact", record=None)
    assert cloudevents.event(BASE, "eu", gone)["data"]["title"] is None
    assert cloudevents.is_wanted(BASE, Webhook("a", URL, organisms=(MOUSE,)), gone)


@pytest.mark.parametrize(
    ("asked", "has"),
    [
        ({"archives": ("idr",)}, lambda version: "/dataset/idr/" in version.iri),
        ({"actions": ("withdraw",)}, lambda version: False),
        ({"organisms": (MOUSE,)}, lambda version: MOUSE in [one["id"] for one in json.loads(version.record)["about"]]),
    ],
)
def test_only_what_was_asked_for_is_sent(hub: Settings, receiver: Receiver, asked: dict[str, Any], has: Any) -> None:
    name = f"asked-{next(iter(asked))}"
    settings = subscribed(hub, name, receiver, **asked)
    outcome = webhooks.deliver(settings)[0]
    with closing(Log(hub.database)) as log:
        wanted = [f"eu-{v.sequence}" for v in Journal(log, last(hub)).since(0, 1000) if has(v)]
    assert receiver.ids == wanted
    assert len(wanted) < last(hub)
    assert outcome.cursor == last(hub)


def test_a_new_subscriber_begins_with_what_was_published_last(hub: Settings, receiver: Receiver) -> None:
    webhooks.deliver(subscribed(hub, "new", receiver, since=None))
    assert receiver.ids[0] == "eu-1"
    assert state(hub, "new").cursor == last(hub)


# --- signatures


def test_the_hubs_key_signs_where_there_is_no_secret(hub: Settings, receiver: Receiver) -> None:
    webhooks.deliver(subscribed(hub, "signed", receiver))
    headers, body = receiver.requests[0]
    kind, signature = headers["webhook-signature"].split(",")
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}"
    assert kind == "v1a"
    assert keys.is_signed(text, signature, keys.own(hub.key_file).public)
    assert not keys.is_signed(text + " ", signature, keys.own(hub.key_file).public)


def test_a_secret_signs_as_the_standard_says(hub: Settings) -> None:
    """The expected signature was made by the standard's own library, standardwebhooks 1.1.0."""
    hook = read({"a": {"url": URL, "secret": SECRET}})["a"]
    sent = b'{"test": 2432232314}'
    made = cloudevents.headers(hook, keys.own(hub.key_file), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, sent)
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert SECRET[6:] not in repr(hook)


# --- who does not take it


def test_what_was_not_taken_is_sent_again_under_the_same_name(hub: Settings, receiver: Receiver) -> None:
    settings = subscribed(hub, "again", receiver)
    receiver.reply = lambda number: (503, {"Retry-After": "7200"}) if number == 1 else (200, {})
    before = datetime.now(UTC)
    assert webhooks.deliver(settings)[0].error == "it answers 503"
    failed = state(settings, "again")
    assert (failed.cursor, failed.tries) == (0, 1)
    assert datetime.fromisoformat(failed.next_try or "") - before >= timedelta(hours=2)
    assert webhooks.attend(settings)[0].error == "it answers 503"
    assert len(receiver.requests) == 1
    assert webhooks.deliver(settings)[0].error is None
    first, second = receiver.requests
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]
    assert replace(state(settings, "again"), delivered=None) == Subscriber("again", last(hub))


def test_pauses_grow(hub: Settings, receiver: Receiver) -> None:
    settings = subscribed(hub, "growing", receiver)
    receiver.reply = lambda number: (500, {})
    pauses = []
    for _ in range(4):
        webhooks.deliver(settings)
        next_try = datetime.fromisoformat(state(settings, "growing").next_try or "")
        pauses.append(round((next_try - datetime.now(UTC)).total_seconds()))
    assert pauses == sorted(pauses)
    assert pauses[0] < 10
    assert pauses[-1] > 1700


def test_the_first_retry_is_waited_for(hub: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PAUSES_S", (0.01,))
    settings = subscribed(hub, "waited", receiver)
    receiver.reply = lambda number: (500, {}) if number < 3 else (200, {})
    assert webhooks.attend(settings)[0].error is None
    assert len(receiver.requests) == 3


def test_a_page_that_failed_does_not_hold_back_those_before_it(hub: Settings, receiver: Receiver) -> None:
    settings = subscribed(hub, "partly", receiver, batch=3)
    receiver.reply = lambda number: (204, {}) if number < 3 else (500, {})
    outcome = webhooks.deliver(settings)[0]
    assert (outcome.events, outcome.cursor) == (6, 6)
    receiver.reply = lambda number: (204, {})
    webhooks.deliver(settings)
    assert list(dict.fromkeys(receiver.ids)) == [f"eu-{number}" for number in range(1, last(hub) + 1)]


def test_who_takes_nothing_for_days_is_tried_no_more_until_resumed(hub: Settings, receiver: Receiver) -> None:
    settings = subscribed(hub, "days", receiver)
    receiver.reply = lambda number: (500, {})
    put(settings, Subscriber("days", 0, tries=9, failing_since="2026-11-01T00:00:00Z"))
    webhooks.deliver(settings)
    assert state(settings, "days").stopped
    assert "hub webhooks resume days" in (webhooks.deliver(settings)[0].error or "")
    assert len(receiver.requests) == 1
    assert not webhooks.is_any_due(settings)
    application = create_app(settings)
    page = get(Client(application), "/status", "text/html").text
    assert "The webhook <b>days</b> takes nothing since" in page
    assert receiver.url not in page
    notice = told(Client(application), "/status")["webhooks"]
    assert [(one["name"], one["failing_since"]) for one in notice] == [("days", "2026-11-01T00:00:00Z")]
    application.config["HUB_PUBLICATION"].close()
    receiver.reply = lambda number: (200, {})
    webhooks.resume(settings, "days")
    assert webhooks.deliver(settings)[0].error is None


def test_who_is_gone_is_tried_no_more_at_once(hub: Settings, receiver: Receiver) -> None:
    settings = subscribed(hub, "gone", receiver)
    receiver.reply = lambda number: (410, {})
    webhooks.deliver(settings)
    assert state(settings, "gone").stopped


def test_redirects_are_not_followed(hub: Settings, receiver: Receiver) -> None:
    settings = subscribed(hub, "led", receiver)
    receiver.reply = lambda number: (307, {"Location": receiver.url})
    assert "redirects are not followed" in (webhooks.deliver(settings)[0].error or "")
    assert len(receiver.requests) == 1


def test_a_private_address_is_not_asked_unless_the_settings_say_so(hub: Settings, receiver: Receiver) -> None:
    settings = subscribed(hub, "inside", receiver, is_private=False)
    assert "is no public address" in (webhooks.deliver(settings)[0].error or "")
    assert not receiver.requests


def test_one_that_does_not_answer_delays_no_other(hub: Settings, receiver: Receiver) -> None:
    released = threading.Event()
    with receiving() as stuck:
        stuck.reply = lambda number: (204 if released.wait(20) else 500, {})
        hooks = {name: Webhook(name, one.url, is_private=True) for name, one in (("a", stuck), ("z", receiver))}
        settings = replace(hub, webhooks=hooks)
        sending = threading.Thread(target=webhooks.attend, args=[settings])
        sending.start()
        wait_for(lambda: len(receiver.ids) == last(hub) and len(stuck.requests) == 1)
        second = {one.name: one for one in webhooks.deliver(settings)}
        assert second["a"].error == "another process sends to it"
        with pytest.raises(HubError, match="another process"):
            webhooks.resume(settings, "a")
        released.set()
        sending.join()
        assert len(stuck.ids) == len(set(stuck.ids)) == last(hub)


# --- publication


def test_a_publication_starts_a_process_that_sends(tmp_path: Path, receiver: Receiver) -> None:
    hook = Webhook("live", receiver.url, is_private=True)
    settings = demo_settings(tmp_path, ("idr",), webhooks={"live": hook})
    harvest(settings, ["idr"])
    wait_for(lambda: len(receiver.ids) == last(settings))
    wait_for(lambda: state(settings, "live").cursor == last(settings))
    assert not webhooks.is_any_due(settings)


def test_the_timetable_starts_what_is_due(hub: Settings, receiver: Receiver) -> None:
    settings = subscribed(hub, "due", receiver)
    assert webhooks.is_any_due(settings)
    webhooks.look_after(settings)
    wait_for(lambda: state(settings, "due").cursor == last(hub))
    webhooks.look_after(settings)
    assert len(receiver.ids) == last(hub)


# --- settings and commands


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "write url"),
        ({"url": "ftp://x.org"}, "url"),
        ({"url": URL, "secret": "open sesame"}, "secret: write whsec_"),
        ({"url": URL, "secret": "whsec_" + base64.b64encode(b"short").decode()}, "secret"),
        ({"url": URL, "batch": 0}, "batch: 0"),
        ({"url": URL, "batch": True}, "batch"),
        ({"url": URL, "actions": ["delete"]}, "actions: there is no 'delete'"),
        ({"url": URL, "archives": "idr"}, "archives"),
        ({"url": URL, "private": "yes"}, "private"),
        ({"url": URL, "colour": "red"}, "write url"),
    ],
)
def test_a_wrong_table_is_refused_by_name(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=r"\[webhooks\.lab\]") as error:
        read({"lab": table})
    assert said in str(error.value)


def test_commands_tell_deliver_test_and_resume(tmp_path: Path, hub: Settings, receiver: Receiver) -> None:
    file = tmp_path / "hub.toml"
    file.write_text(
        f'data_dir = "{hub.data_dir}"\nbase_iri = "{BASE}"\nhub_name = "eu"\n'
        f'[webhooks.lab]\nurl = "{receiver.url}"\nsecret = "{SECRET}"\nprivate = true\n'
    )
    assert config.load(str(file), environ={}).webhooks["lab"].secret == base64.b64decode(SECRET[6:])

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["webhooks", *words, "--config", str(file)])
        return result.exit_code, result.output

    assert run("test", "lab") == (0, "lab took the test\n")
    assert receiver.batches[0][0]["type"] == "org.w3id.bioimage-hub.record.test"
    assert run("deliver") == (0, f"lab took {last(hub)} changes, to {last(hub)}, 0 behind\n")
    assert run("resume", "lab", "--since", "2")[0] == 0
    assert json.loads(run("--json")[1])[0]["behind"] == last(hub) - 2
    receiver.reply = lambda number: (500, {})
    assert run("deliver", "lab", "--json")[0] == 1
    assert "it answers 500" in run()[1]
    for words in (("test", "other"), ("resume", "lab", "--since", "-1"), ("resume", "lab", "--since", "999")):
        assert isinstance(CliRunner().invoke(app, ["webhooks", *words, "--config", str(file)]).exception, ConfigError)
