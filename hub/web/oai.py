"""``/oai``: OAI-PMH 2.0 over what is published; and the XML Schema of the one form of metadata that is the hub's own.

Source: https://www.openarchives.org/OAI/openarchivesprotocol.html
"""

from __future__ import annotations

import json
from typing import Final

from flask import Blueprint, Response, current_app, request
from werkzeug.wrappers import Response as BaseResponse

from hub.config import Settings
from hub.feeds.journal import Journal, dated
from hub.feeds.oai import PAGE, Provider, admin_email, archive_of
from hub.feeds.oai_formats import ROCRATE_XSD
from hub.log import Log
from hub.published import Now
from hub.routes import Precedence
from hub.web import coding, protocol
from hub.web.pages import page_of
from ontology import archives

oai = Blueprint("oai", __name__)
XML: Final = "text/xml; charset=utf-8"


@oai.route("/oai", methods=["GET", "POST"])
def show() -> BaseResponse:
    """The answer to one request of the protocol; its errors are answers, too."""
    settings: Settings = current_app.config["HUB_SETTINGS"]
    now: Now = current_app.config["HUB_PUBLICATION"]()
    given = request.form if request.method == "POST" else request.args
    log = Log(settings.database)
    try:
        journal = Journal(log, dated(log, now.sequence))
        body = _provider(settings, now, journal).answer(given.items(multi=True))
    finally:
        log.close()
    return _coded(body, journal.until)


def _provider(settings: Settings, now: Now, journal: Journal) -> Provider:
    return Provider(
        journal,
        Precedence.of(settings),
        settings.base_iri,
        f"{protocol.root(request.environ, settings.trusted_proxies, settings.base_iri)}/oai",
        admin_email(settings.admin_email, settings.contact),
        lambda: _archives(settings, now, journal),
        PAGE,
    )


def _archives(settings: Settings, now: Now, journal: Journal) -> dict[str, str]:
    """Return titles of the archives that have or had datasets, by name; looked for once for each snapshot."""
    key = ("oai", "archives", journal.until)
    names = current_app.config["HUB_PAGES"].get(
        now.version,
        key,
        lambda: page_of(json.dumps(sorted({archive_of(settings.base_iri, iri) for iri in journal.iris()}))),
    )
    told = {
        s.archive: str(s.options["archive_title"]) for s in settings.sources.values() if "archive_title" in s.options
    }
    known = {**told, **{name: archive.title for name, archive in archives.ARCHIVES.items()}}
    return {name: known.get(name, name) for name in json.loads(names.body)}


def _coded(body: bytes, sequence: int) -> BaseResponse:
    code = coding.choose(request.headers.get("Accept-Encoding", ""))
    response = Response(coding.encode(body, code), content_type=XML)
    if code:
        response.headers["Content-Encoding"] = code
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Hub-Sequence"] = str(sequence)
    return response


@oai.get("/oai/ro-crate.xsd")
def schema() -> BaseResponse:
    """The XML Schema of the metadata format ``ro-crate``."""
    response = Response(ROCRATE_XSD, content_type="application/xml; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response
