"""Changes as CloudEvents, in batches signed as Standard Webhooks.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#4-json-batch-format ·
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/sequence.md ·
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Final
from urllib.parse import unquote

from hub.feeds.journal import ACTIVE
from hub.feeds.webhook_settings import Webhook
from hub.log import Version
from hub.peers.keys import SigningKey

MEDIA_TYPE: Final = "application/cloudevents-batch+json"
TYPE: Final = "org.w3id.bioimage-hub.record."
"""Begin of the type of every event; the action is its end."""
MAX_TITLE: Final = 1000


def event(base: str, hub: str, version: Version) -> dict[str, Any]:
    """Return one change as a CloudEvent; its ``id`` (hub and sequence number) is the same whenever it is sent."""
    signed = version.signed
    data = {
        "dataset": version.iri,
        "archive": archive_of(base, version.iri),
        "accession": version.accession,
        "source": version.source,
        "action": version.action,
        "state": version.state,
        "title": version.title[:MAX_TITLE] if version.state == ACTIVE else None,
        "owner": signed.hub if signed else hub,
        "sha256": (signed.sha256 or None) if signed else None,
        "sequence": version.sequence,
    }
    return _event(base, f"{hub}-{version.sequence}", version.action, version.at, data) | {
        "subject": version.iri,
        "sequence": f"{version.sequence:020d}",
    }


def trial(base: str, hub: str, at: str) -> dict[str, Any]:
    """Return an event that tells of no change, to try a subscriber with."""
    return _event(base, f"{hub}-test-{at}", "test", at, {"message": "A test: nothing has changed."})


def _event(base: str, name: str, kind: str, at: str, data: dict[str, Any]) -> dict[str, Any]:
    told = {"specversion": "1.0", "id": name, "source": base, "type": TYPE + kind, "time": at}
    return {**told, "datacontenttype": "application/json", "data": data}


def body(events: list[dict[str, Any]]) -> bytes:
    """Return a batch of events as it is sent."""
    return json.dumps(events, ensure_ascii=False, separators=(",", ":")).encode()


def is_wanted(base: str, webhook: Webhook, version: Version) -> bool:
    """Tell whether a subscriber asked for a change; what was erased can be about any organism."""
    if webhook.archives and archive_of(base, version.iri) not in webhook.archives:
        return False
    if webhook.actions and version.action not in webhook.actions:
        return False
    if not webhook.organisms or version.record is None:
        return True
    about = json.loads(version.record).get("about") or []
    return any(one.get("id") in webhook.organisms for one in about if isinstance(one, dict))


def archive_of(base: str, iri: str) -> str:
    """Return the archive of a dataset.

    >>> archive_of("https://hub.example.org/", "https://hub.example.org/dataset/idr/idr0002")
    'idr'
    """
    return unquote(iri.removeprefix(base).split("/")[1])


def headers(webhook: Webhook, key: SigningKey, name: str, seconds: int, sent: bytes) -> dict[str, str]:
    """Return the headers of a request: of what type it is, its name, when it is sent, and the signature of all that.

    Args:
        webhook: to whom it goes; with its secret HMAC-SHA256 signs (``v1``), else the hub's key (``v1a``).
        key: the hub's key.
        name: of the request, the same when it is sent again.
        seconds: time since 1970 at which it is sent.
        sent: its body.
    """
    text = f"{name}.{seconds}.".encode() + sent
    if webhook.secret:
        mac = hmac.new(webhook.secret, text, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(mac).decode()}"
    else:
        signature = f"v1a,{key.sign(text.decode())}"
    told = {"webhook-id": name, "webhook-timestamp": str(seconds), "webhook-signature": signature}
    return {"Content-Type": f"{MEDIA_TYPE}; charset=UTF-8", **told}
