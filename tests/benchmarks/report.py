"""How the benchmarks tell their results: a table, and a file that names the machine and the versions."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import Result

# Least ratio aimed at; harvest_memory aims at a size instead.
AIMS = {
    "harvest_first": 5.0,
    "harvest_unchanged": 50.0,
    "to_quads": 15.0,
    "sparql_point_8": 0.5,
    "sparql_light_8": 0.8,
    "sparql_mixed_8": 1.3,
    "sparql_mixed_8_p95": 3.0,
    "sparql_repeat_8": 5.0,
    "rdflib_point_8": 10.0,
    "rdflib_light_8": 10.0,
    "rdflib_mixed_8": 10.0,
    "rdflib_repeat_8": 10.0,
}
AIM_MEMORY_MB = 300.0
_PACKAGES = ("pyoxigraph", "oxigraph", "granian")
console = Console(width=120)


def say(what: str) -> None:
    """Tell what was done, or comes next."""
    console.print(f"· {what}", style="dim", highlight=False, soft_wrap=True)


def about() -> dict[str, Any]:
    """Return when and where this is measured, and with which versions of what pip installs."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load": [round(load, 1) for load in os.getloadavg()],
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def show(results: list[Result], output: Path) -> None:
    """Show the results, and where they were written."""
    console.print(table(results))
    console.print(f"{output}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", highlight=False)


def write(output: Path, what: Any) -> None:
    """Write results to a file as JSON."""
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(what, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def plain(results: list[Result]) -> list[dict[str, Any]]:
    """Return results as JSON has them."""
    return [asdict(result) for result in results]


def table(results: list[Result]) -> Table:
    """Return the results as people read them."""
    made = Table("name", "ours", "peer", "unit", "ratio", "rounds", "aim")
    for r in results:
        aim, met = _aim(r)
        rounds = "–".join(f"{ratio:.2f}" for ratio in r.spread)
        colour = "green" if met else "red"
        made.add_row(r.name, f"{r.ours:g}", f"{r.peer:g}", r.unit, f"[{colour}]{r.ratio:.2f}[/]", rounds, aim)
    return made


def _aim(result: Result) -> tuple[str, bool]:
    if result.name == "harvest_memory":
        return f"≤ {AIM_MEMORY_MB:g} MB", result.ours <= AIM_MEMORY_MB
    least = AIMS.get(result.name)
    return (f"≥ {least:g}", result.ratio >= least) if least else ("-", True)
