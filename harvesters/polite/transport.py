"""The adapter of requests over guarded connections, with the operator's proxies and certificates.

Nothing else is taken from the environment: no passwords from a netrc, and cookies are not kept.
"""

from __future__ import annotations

import logging
import os
import ssl
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

from harvesters.contract import SourceError
from harvesters.polite.network import Connection, Guard, SecureConnection

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class _Pool(HTTPConnectionPool):
    ConnectionCls = Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = SecureConnection


class Transport(HTTPAdapter):
    """Sends one request over a connection that its guard watches.

    Args:
        guard: how long an answer may take, and from whom it may come.
        ca_bundle: file or folder of trusted certificates, or None for the usual ones.
    """

    def __init__(self, guard: Guard, ca_bundle: str | None = None) -> None:
        self.guard = guard
        self.ca_bundle = ca_bundle
        self._proxies: dict[str, dict[str, str]] = {}
        # It would write whole URLs, which may hold secrets, into the log for every header that it cannot read.
        logging.getLogger("urllib3.connection").setLevel(logging.ERROR)
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of connections."""
        super().init_poolmanager(*args, **options)
        self._set_guard(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the pools of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        self._set_guard(manager)
        return manager

    def _set_guard(self, manager: PoolManager) -> None:
        pools = {"http": partial(_Pool, guard=self.guard), "https": partial(_SecurePool, guard=self.guard)}
        manager.pool_classes_by_scheme = pools  # type: ignore[assignment]

    def ask(self, request: PreparedRequest) -> Response:
        """Return the answer to a request, its body yet to be read.

        Raises:
            SourceError: the host may not be asked, or the named certificates are not there.
            OSError, ValueError, urllib3.exceptions.HTTPError: as requests does.
        """
        url = str(request.url)
        proxies = self._proxies_for(url)
        if select_proxy(url, proxies) is not None:
            self.guard.check_name(url)
        verify = self._certificates if url.startswith("https:") else True
        return self.send(request, stream=True, timeout=self.guard.left_s(), verify=verify, proxies=proxies)

    def _proxies_for(self, url: str) -> dict[str, str]:
        origin = "://".join(urlsplit(url)[:2])
        if origin not in self._proxies:
            self._proxies[origin] = get_environ_proxies(url, no_proxy=None)
        return self._proxies[origin]

    @cached_property
    def _certificates(self) -> str | bool:
        named = {"ca_bundle": self.ca_bundle, **{name: os.environ.get(name) for name in CA_VARIABLES}}
        for name, path in named.items():
            if path:
                _check_certificates(name, Path(path))
                return path
        return True


def _check_certificates(name: str, path: Path) -> None:
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(**{"capath" if path.is_dir() else "cafile": str(path)})
    except (OSError, ValueError) as err:
        reason = "no certificates in PEM format" if path.exists() else "no such file"
        raise SourceError(f"{name}: {reason}: {path}") from err
