"""The process that sends what was published; reads the settings from its parent."""

from __future__ import annotations

import pickle
import sys

from hub.feeds import webhooks


def main() -> None:
    """Send what is due, as the settings on standard input say."""
    webhooks.attend(pickle.load(sys.stdin.buffer))


if __name__ == "__main__":
    main()
