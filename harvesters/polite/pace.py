"""When each host may be asked again."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from harvesters.contract import SourceError
from harvesters.polite.conditional import http_date
from harvesters.polite.network import Place


class Pace:
    """The pauses between the requests to each host.

    Args:
        interval_s: least pause, unless a host asks for a longer one.
        sleep: waits for some seconds.
    """

    def __init__(self, interval_s: float, sleep: Callable[[float], None]) -> None:
        self._least_s = interval_s
        self._sleep = sleep
        self._interval_s: dict[Place, float] = {}
        self._next_at: dict[Place, float] = {}
        self._barred_until: dict[Place, float] = {}

    def keep(self, host: Place) -> float:
        """Wait until a host may be asked; return for how long.

        Raises:
            SourceError: it asked to be left alone for longer than anybody waits.
        """
        now = time.monotonic()
        barred = self._barred_until.get(host, -math.inf) - now
        if barred > 0:
            raise SourceError(f"{host[0]} asked for a pause, of which {barred:.0f} s are left")
        wait = max(0.0, self._next_at.get(host, -math.inf) - now)
        if wait:
            self._sleep(wait)
        self._next_at[host] = time.monotonic() + self._interval_s.get(host, self._least_s)
        return wait

    def slow_down(self, host: Place, interval_s: float) -> None:
        """Keep at least this pause between two requests to a host."""
        self._interval_s[host] = max(self._least_s, interval_s)

    def hold(self, host: Place, pause_s: float) -> None:
        """Wait at least this long before the next request to a host."""
        self._next_at[host] = max(self._next_at.get(host, -math.inf), time.monotonic() + pause_s)

    def bar(self, host: Place, pause_s: float) -> None:
        """Refuse to ask a host for this long."""
        self._barred_until[host] = time.monotonic() + pause_s


def told_interval_s(headers: Mapping[str, str]) -> float | None:
    """Return the pause between requests that Crossref's headers ask for, in seconds; None where they say nothing.

    >>> told_interval_s({"X-Rate-Limit-Limit": "5", "X-Rate-Limit-Interval": "1s"})
    0.2

    Source: https://www.crossref.org/documentation/retrieve-metadata/rest-api/access-and-authentication/
    """
    limit = re.fullmatch(r"([1-9]\d{0,5})", headers.get("X-Rate-Limit-Limit", "").strip(), re.ASCII)
    interval = re.fullmatch(r"(\d{1,4})\s*s", headers.get("X-Rate-Limit-Interval", "").strip(), re.ASCII)
    return int(interval[1]) / int(limit[1]) if limit and interval else None


def retry_after_s(value: str) -> float | None:
    """Return the pause that a Retry-After header asks for, in seconds; None for nonsense. It is a number or a date.

    >>> retry_after_s("120"), retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after_s("soon")
    (120.0, 0.0, None)
    """
    if re.fullmatch(r"\d+", value.strip(), re.ASCII):
        return float(value)
    moment = http_date(value)
    return None if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())
