"""What a web site's robots.txt lets the hub read.

Source: https://www.rfc-editor.org/rfc/rfc9309
"""

from __future__ import annotations

from dataclasses import dataclass

from protego import Protego

from harvesters.contract import SourceError

USER_AGENT = "bioimage-hub"
MAX_BYTES = 500 * 1024
# Statuses that say "there is no robots.txt"; every other refusal may hide one, and closes the site.
ABSENT = frozenset({204, *range(400, 500)}) - {401, 403, 408, 425, 429}


@dataclass(frozen=True, slots=True)
class Rules:
    """What one host lets the hub read.

    Attributes:
        parsed: its robots.txt; None when it has none.
        is_open: whether anything may be read at all.
    """

    parsed: Protego | None = None
    is_open: bool = True

    @property
    def delay_s(self) -> float:
        """Pause that the host asks for between two requests, in seconds."""
        return (self.parsed.crawl_delay(USER_AGENT) or 0.0) if self.parsed else 0.0

    def allow(self, url: str) -> bool:
        """Tell whether a page may be read."""
        return self.is_open and (self.parsed is None or bool(self.parsed.can_fetch(url, USER_AGENT)))


def rules_of(body: bytes, max_delay_s: float) -> Rules:
    """Return the rules of a robots.txt; a site that asks for longer pauses than the hub makes is closed to it."""
    rules = Rules(Protego.parse(body[:MAX_BYTES].decode("utf-8-sig", "replace")))
    return rules if rules.delay_s <= max_delay_s else Rules(is_open=False)


def rules_without(refusal: SourceError) -> Rules:
    """Return the rules of a host that gave no robots.txt."""
    return Rules(is_open=refusal.status in ABSENT)
