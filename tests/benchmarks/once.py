"""One ``hub.ingest.harvest`` in a process of its own: ``python -m tests.benchmarks.once HUB_TOML [SOURCE…]``.

Prints as JSON how long the call took (without the start of the interpreter), the peak memory and the counts.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import asdict

from hub import config, ingest


def main(file: str, names: list[str]) -> None:
    settings = config.load(file, environ={})
    begun = time.perf_counter()
    outcomes = ingest.harvest(settings, names or sorted(settings.sources))
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "reports": [asdict(o.report) for o in outcomes]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
