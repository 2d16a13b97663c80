"""What the landing page of a dataset shows beside its record: who says what, what is related, what points at it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import current_app

from hub import describe, related
from hub.config import Settings
from hub.describe import Description
from hub.links.elsewhere import Elsewhere
from hub.published import Now


def known(found: Description, now: Now, elsewhere: Iterable[Elsewhere]) -> dict[str, Any]:
    """Return variables of ``dataset.html``: ``voices`` by slot, ``related``, ``backlinks``, ``path``.

    Args:
        found: the dataset as it is published.
        now: what is served.
        elsewhere: where else the study is, which is not told again.
    """
    settings: Settings = current_app.config["HUB_SETTINGS"]
    iri = found.record.id
    told = {one.iri for one in elsewhere}
    return {
        "voices": describe.voices(found, settings),
        "related": related.of(now.pages, settings.base_iri, iri, told),
        "backlinks": related.backlinks(now.pages, iri),
        "path": iri.removeprefix(f"{settings.base_iri}dataset/"),
    }
