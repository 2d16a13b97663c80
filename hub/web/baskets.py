"""``/basket``: what somebody wants to have, and ``/basket/manifest``: one manifest of it.

The cookie goes with addresses under ``/basket`` only, so that no other page can depend on it. Pages and manifests of an
address (``d=``, or a search) are public and cached; the page of the cookie is private.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, Any
from urllib.parse import SplitResult, urlencode, urlsplit

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import baskets, batch, formats, manifests
from hub.baskets import FullError
from hub.config import Settings
from hub.errors import NotFoundError, QueryBusyError
from hub.formats import Format
from hub.manifests import Manifest, Pinned
from hub.published import Now
from hub.search.asking import asked_of, parameters
from hub.search.contract import Asked
from hub.web import offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond
from hub.web.problems import HttpError
from hub.web.protocol import root

basket_pages = Blueprint("baskets", __name__)
COOKIE = "basket"
KEPT_S = 180 * 86400
OWN = ("d", "commercial", "from", "format")
SHOWN = 200
ZIP = "manifest.zip"
PIECE_BYTES = 256 * 1024
CACHE_S = 60
# Manifests that one process writes at the same time; those and the few that wait for their turn, and how long they do.
_WRITING, _COMING = threading.BoundedSemaphore(2), threading.BoundedSemaphore(6)
WAIT_S = 15
TRIES = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """Which datasets are wanted.

    Attributes:
        names: of datasets that are named.
        asked: a search, all of whose studies are wanted; None where datasets are named.
        is_commercial: only those that may be used commercially.
        is_own: whether it is from the cookie.
    """

    names: tuple[str, ...] = ()
    asked: Asked | None = None
    is_commercial: bool = False
    is_own: bool = False

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """The parameters that choose the datasets, in one order."""
        if self.asked is None:
            return tuple(("d", name) for name in self.names)
        return tuple(parameters(replace(self.asked, page=1, per_page=Asked().per_page)))

    def query(self, *, commercial: bool | None = None) -> str:
        """Return the query string of the choice."""
        only = self.is_commercial if commercial is None else commercial
        return urlencode([*self.parameters, *([("commercial", "1")] if only else [])])


def _settings() -> Settings:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return settings


def _now() -> Now:
    now: Now = current_app.config["HUB_PUBLICATION"]()
    return now


def _held() -> list[str]:
    return baskets.read(request.cookies.get(COOKIE, ""))


def basket_count() -> int:
    """Return how many datasets are in the reader's basket, on the page of that; elsewhere 0: pages are cached."""
    return len(_held()) if g.get("is_own_basket") else 0


def _choice() -> Choice:
    """Return what the address chooses, else what the cookie holds."""
    commercial = _flag("commercial")
    base = _settings().base_iri
    names = tuple(dict.fromkeys(_name(text, base) for text in request.args.getlist("d") if text.strip()))
    search = [(name, value) for name, value in request.args.items(multi=True) if name not in OWN]
    if names and search:
        raise HttpError(400, f"d and {search[0][0]}: name datasets, or search for them, not both")
    if search:
        return Choice(asked=asked_of(search), is_commercial=commercial)
    if names:
        return Choice(names, is_commercial=commercial)
    return Choice(tuple(_held()), is_commercial=commercial, is_own=True)


def _name(text: str, base: str) -> str:
    try:
        return baskets.name_of(text, base)
    except ValueError as error:
        raise HttpError(400, f"dataset: {error}") from error


def _flag(name: str) -> bool:
    value = request.args.get(name, "").strip().lower()
    if value not in ("", "0", "1", "true", "false"):
        raise HttpError(400, f"{name}: {value[:40]!r} is neither 1 nor 0")
    return value in ("1", "true")


def _wanted(choice: Choice, now: Now) -> list[str]:
    """Return the IRIs of the datasets; of a study that a search finds, that of the dataset that it shows."""
    settings = _settings()
    found: Iterable[str]
    if choice.asked is None:
        found = (baskets.iri_of(name, settings.base_iri) for name in choice.names)
    else:
        searcher = current_app.config["HUB_SEARCHERS"].of(now.snapshot)
        found = (hit.member.iri for hit in searcher.every(choice.asked))
    return baskets.bounded(found, settings.max_basket)


# --- the page ----------------------------------------------------------------------------------------------------


@basket_pages.get("/basket")
def basket() -> BaseResponse:
    """What is in the basket: of the address, else of the cookie."""
    offer = offers.choose(request, formats.HTML, formats.JSON)
    choice = _choice()
    if not choice.is_own:
        key = ("basket", request.script_root, choice.query())
        return respond(offer, key, partial(_basket, choice, offer))
    g.is_own_basket = True
    page = _basket(choice, offer, _now())
    response = Response(page.body, content_type=offer.content_type)
    response.headers["Cache-Control"] = "private, no-store"
    response.vary.update(("Accept", "Cookie"))
    return response


def _basket(choice: Choice, offer: Format, now: Now) -> Page:
    told = _told(choice, now)
    if offer is formats.JSON:
        return page_of(json.dumps(told, ensure_ascii=False, indent=1))
    back = _local(request.args.get("from", "")) if choice.is_own else ""
    return page_of(
        render_template("basket.html", now=now, choice=choice, back=back, shown=SHOWN, titles=manifests.TITLES, **told)
    )


def _told(choice: Choice, now: Now) -> dict[str, Any]:
    """Return the datasets of a basket with what they come to."""
    wanted = _wanted(choice, now)
    rows = [_row(summary) for summary in batch.summaries(now.pool, wanted)]
    known = {row["iri"] for row in rows}
    left_out = [row for row in rows if choice.is_commercial and row["commercial_use"] != "allow"]
    kept = [row for row in rows if not choice.is_commercial or row["commercial_use"] == "allow"]
    sizes = [row["size_bytes"] for row in kept if row["size_bytes"] is not None]
    query = choice.query()
    uses = [row["commercial_use"] for row in kept]
    return {
        "datasets": kept,
        "left_out": left_out,
        "missing": [iri for iri in wanted if iri not in known],
        "total": {"datasets": len(kept), "bytes": sum(sizes), "unknown_size": len(kept) - len(sizes)},
        "commercial_use": {answer: uses.count(answer) for answer in ("allow", "no", "unknown")},
        "search": f"{request.script_root}/search?{urlencode(choice.parameters)}" if choice.asked else "",
        "manifest": f"{request.script_root}/basket/manifest?{query}",
        "files": {name: f"{request.script_root}/basket/manifest/{name}?{query}" for name in manifests.FILES},
        "sequence": now.sequence,
        "published": now.snapshot.created,
    }


def _row(summary: batch.Summary) -> dict[str, Any]:
    use = baskets.use_of(summary.licence)
    return {
        "iri": summary.iri,
        "archive": summary.archive,
        "accession": summary.accession,
        "title": summary.title,
        "published": summary.published,
        "size_bytes": summary.size_bytes,
        "licence": summary.licence,
        "commercial_use": use.commercial,
        "reason": use.reason,
        "conditions": list(use.conditions),
    }


# --- changing it -------------------------------------------------------------------------------------------------


@basket_pages.post("/basket")
def change() -> BaseResponse:
    """Add datasets to the basket of the cookie, remove some, or empty it; leads back to a page of the hub."""
    _check_origin()
    action = request.form.get("action", "")
    base = _settings().base_iri
    names = [_name(text, base) for text in request.form.getlist("dataset")]
    held = _held()
    if action == "add":
        held = list(dict.fromkeys([*held, *names]))
    elif action == "remove":
        held = [name for name in held if name not in names]
    elif action == "clear":
        held = []
    else:
        raise HttpError(400, f"action: {action[:40]!r} is not one of add, remove, clear")
    response = redirect(_local(request.form.get("back", "")) or _page(action), 303)
    _keep(response, held)
    response.headers["Cache-Control"] = "no-store"
    return response


def _keep(response: BaseResponse, names: list[str]) -> None:
    try:
        value = baskets.written(names)
    except FullError as error:
        raise HttpError(409, f"dataset: {error}") from error
    path, is_secure = f"{request.script_root}/basket", _root().scheme == "https"
    if value:
        response.set_cookie(COOKIE, value, max_age=KEPT_S, path=path, secure=is_secure, httponly=True, samesite="Lax")
    else:
        response.delete_cookie(COOKIE, path=path, secure=is_secure, httponly=True, samesite="Lax")


def _root() -> SplitResult:
    """Return the address of the hub as the reader's browser has it."""
    settings = _settings()
    return urlsplit(root(request.environ, settings.trusted_proxies, settings.base_iri))


def _page(action: str) -> str:
    """Return the address of the basket, with the one that the reader came from when something was added."""
    came = urlsplit(request.referrer or "")
    path = came.path + (f"?{came.query}" if came.query else "")
    where = _local(path) if action == "add" and came.netloc in _hosts() else ""
    return url_for("baskets.basket") + (f"?{urlencode({'from': where})}" if where else "")


def _local(address: str) -> str:
    """Return an address if it stays on this server, else nothing."""
    is_path = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if is_path and address.isprintable() and len(address) <= 2000 else ""


def _hosts() -> tuple[str, str]:
    """Return the hosts that the hub's own pages have: as it is asked, and behind a proxy as the proxy is."""
    return request.host, _root().netloc


def _check_origin() -> None:
    """Refuse what another site's page sends; browsers tell the origin of every POST.

    Source: https://developer.mozilla.org/docs/Web/HTTP/Headers/Origin
    """
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    is_foreign = site not in ("same-origin", "none") if origin is None else urlsplit(origin).netloc not in _hosts()
    if is_foreign:
        raise HttpError(403, "Origin: another site may not change your basket: use the form on the hub's own page")


# --- the manifest ------------------------------------------------------------------------------------------------


@basket_pages.get("/basket/manifest")
def manifest() -> BaseResponse:
    """Every file of the manifest in one ZIP archive."""
    return _sent(ZIP, "application/zip", manifests.zipped)


@basket_pages.get("/basket/manifest/<file>")
def manifest_file(file: str) -> BaseResponse:
    """One file of the manifest."""
    if file not in manifests.FILES:
        raise NotFoundError(f"a manifest has no file {file}; there are {', '.join(manifests.FILES)}")

    def write(made: Manifest, out: IO[bytes]) -> None:
        out.writelines(made.write(file))

    return _sent(file, manifests.FILES[file], write)


def _sent(file: str, media_type: str, write: Callable[[Manifest, IO[bytes]], None]) -> BaseResponse:
    choice = _choice()
    if choice.is_own:
        return _to_address(choice)
    now = _now()
    marks = (now.version, str(manifests.LAYOUT), file, choice.query())
    response = Response(content_type=media_type)
    response.set_etag(hashlib.sha256("\n".join(marks).encode()).hexdigest()[:32])
    response.headers["Cache-Control"] = f"public, max-age={CACHE_S}"
    response.headers["X-Hub-Sequence"] = str(now.sequence)
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Content-Disposition"] = f"attachment; filename={file}"
    if request.if_none_match.contains_weak(response.get_etag()[0] or ""):
        return response.make_conditional(request)
    out = _made(choice, now, write)
    response.content_length = out.tell()
    response.response = _pieces(out)
    response.call_on_close(out.close)
    return response


def _to_address(choice: Choice) -> BaseResponse:
    """Lead from the cookie to the address that says the same, which can be passed on."""
    if not choice.names:
        raise HttpError(400, "d: name datasets, or search for them; your basket is empty")
    response = redirect(f"{request.script_root}{request.path}?{choice.query()}", 303)
    response.headers["Cache-Control"] = "no-store"
    return response


def _made(choice: Choice, now: Now, write: Callable[[Manifest, IO[bytes]], None]) -> IO[bytes]:
    """Return a temporary file with what was written of one snapshot; written anew when another one came meanwhile."""
    with _turn():
        for _ in range(TRIES):
            out = _file_of(choice, now, write)
            if (later := _now()).version == now.version:
                return out
            out.close()
            now = later
    raise QueryBusyError("the hub is publishing: try again in a few seconds")


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for one of the places to write a manifest; only a few may wait, so that threads are left for pages."""
    with ExitStack() as places:
        for place, wait_s in ((_COMING, 0), (_WRITING, WAIT_S)):
            if not place.acquire(timeout=wait_s):
                raise QueryBusyError("other manifests are being written: try again in a few seconds")
            places.callback(place.release)
        yield


def _file_of(choice: Choice, now: Now, write: Callable[[Manifest, IO[bytes]], None]) -> IO[bytes]:
    out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed after the last piece)
    try:
        with Manifest(_pinned(choice, now), _records(choice, now)) as made:
            write(made, out)
    except BaseException:
        out.close()
        raise
    return out


def _pinned(choice: Choice, now: Now) -> Pinned:
    settings = _settings()
    return Pinned(settings.base_iri, now.sequence, now.snapshot.created, choice.parameters, choice.is_commercial)


def _records(choice: Choice, now: Now) -> Iterator[Any]:
    return batch.records_of(now.pool, _settings(), _wanted(choice, now))


def _pieces(out: IO[bytes]) -> Iterator[bytes]:
    out.seek(0)
    while piece := out.read(PIECE_BYTES):
        yield piece
