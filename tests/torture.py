"""Kill harvests at random moments and compare the end with an undisturbed run; ``make torture``.

Every trial harvests three sources twice (a first listing, then one with changes, additions and removals): crates in a
folder, IDR's studies with attachments, and an OAI-PMH repository that is asked only for what changed. It is killed with
SIGKILL at random moments on the way and started again until it ends by itself. Its published graph must then have the
same canonical hash as that of a hub that nobody disturbed, and ``hub check`` must find nothing.

``python -m tests.torture [--kills 200] [--seed N]`` exits 1 on the first difference.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from tests.oai_server import Repository, dublin_core, record, serving

ROOT = Path(__file__).parents[1]
COPIES = 12
STUDIES = 12
RECORDS = 40
CHANGED = "2024-05-20T00:00:00Z"
HUB = [sys.executable, "-m", "hub.cli"]


def main(argv: list[str] | None = None) -> int:
    """Run the trials and return the exit status."""
    parser = argparse.ArgumentParser(description="Kill harvests and see whether anything is lost.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args(argv)
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="hub-torture-") as folder:
        return torture(Path(folder), args.kills, random.Random(seed))


def torture(folder: Path, kills: int, chance: random.Random) -> int:
    """Kill ``kills`` times over as many trials as it takes; return 0 when every trial ends as it should."""
    make_listings(folder)
    make_studies(folder)
    with serving(repository("first")) as first, serving(repository("second")) as second:
        return _trials(folder, {"first": first.url, "second": second.url}, kills, chance)


def _trials(folder: Path, urls: dict[str, str], kills: int, chance: random.Random) -> int:
    listings = Listings(folder, urls)
    expected, phase_s = undisturbed(folder / "undisturbed", listings)
    print(f"undisturbed: {expected['records']}, graph {expected['graph_sha256']}, {phase_s:.1f} s a harvest")
    done = trials = 0
    with Progress() as bar:
        task = bar.add_task("kills", total=kills)
        while done < kills:
            trials += 1
            here = folder / f"trial-{trials}"
            done += disturbed(here, listings, phase_s, chance)
            bar.update(task, completed=done)
            found = check(here)
            if found != expected:
                print(f"trial {trials}, after {done} kills: {found} instead of {expected}", file=sys.stderr)
                return 1
            shutil.rmtree(here)
    print(f"{done} kills in {trials} trials: every end state equals the undisturbed run")
    return 0


def make_listings(folder: Path) -> None:
    """Write two listings of the same archive: the second adds, changes and removes records."""
    for number, document in enumerate(sorted((ROOT / "hub" / "demo" / "bia").glob("S-BIAD*.json"))):
        for copy in range(COPIES):
            accession = f"S-BIAD{90_000 + number * COPIES + copy}"
            text = document.read_text(encoding="utf-8").replace(document.name.partition("-ro-crate")[0], accession)
            name = f"{accession}-ro-crate-metadata.json"
            if copy != 1:
                write(folder / "first" / name, text)
            if copy != 2:
                write(folder / "second" / name, text.replace("microscopy", "imaging") if copy % 3 == 0 else text)


def make_studies(folder: Path) -> None:
    """Write two listings of IDR's studies with their annotation tables; the second has other tables."""
    sample = ROOT / "hub" / "demo" / "idr-studies"
    for copy in range(STUDIES):
        accession = f"idr9{copy:03}"
        for file in sorted(p for p in sample.rglob("idr0002-*") if p.is_file()):
            name = str(file.relative_to(sample)).replace("idr0002", accession)
            text = file.read_text(encoding="utf-8").replace("idr0002", accession)
            if copy != 1:
                write(folder / "first-idr" / name, text)
            if copy != 2:
                is_other = copy % 3 == 0 and name.endswith(".csv")
                write(folder / "second-idr" / name, text.replace("ENSG0", "ENSG1") if is_other else text)


def repository(listing: str) -> Repository:
    """Return an OAI-PMH repository; in its second state records are new, changed and deleted."""
    made = Repository(page=RECORDS)
    for number in range(RECORDS):
        made.put(number, title=f"Dataset {number}", type="Dataset", identifier=f"https://doi.org/10.5072/set.{number}")
    if listing == "second":
        for number in range(0, RECORDS, 4):
            name = f"oai:x.example:{number:03}"
            title = dublin_core(
                title=f"Changed {number}", type="Dataset", identifier=f"https://doi.org/10.5072/set.{number}"
            )
            made.records[name] = record(name, "" if number % 8 else title, CHANGED)
            made.stamps[name] = CHANGED
    return made


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Listings:
    """Where the listings of the sources are."""

    folder: Path
    urls: dict[str, str]

    def settings(self, here: Path, name: str) -> Path:
        """Write the settings of a hub that reads the listings of a name; return the file."""
        here.mkdir(parents=True, exist_ok=True)
        file = here / "hub.toml"
        archive = 'archive = "x"\narchive_title = "X"\narchive_homepage = "https://x.example/"'
        sources = [
            f'[sources.bia]\nharvester = "crates"\narchive = "bia"\nurl = "{self.folder / name}"',
            f'[sources.idr]\nharvester = "idr"\narchive = "idr"\nurl = "{self.folder / f"{name}-idr"}"',
            f'[sources.oai]\nharvester = "oai"\n{archive}\nurl = "{self.urls[name]}"\nincremental = true',
        ]
        general = 'data_dir = "data"\ndeletion_guard = 1.0\nharvest_interval_s = 0.001'
        file.write_text("\n".join((general, *sources)) + "\n", encoding="utf-8")
        return file


def harvest_command(file: Path) -> list[str]:
    return [*HUB, "harvest", "--all", "--json", "--config", str(file)]


def undisturbed(here: Path, listings: Listings) -> tuple[dict[str, object], float]:
    """Harvest both listings to the end; return what the hub then says, and how long a harvest takes in seconds."""
    started = time.monotonic()
    for listing in ("first", "second"):
        subprocess.run(harvest_command(listings.settings(here, listing)), check=True, stdout=subprocess.DEVNULL)
    took_s = (time.monotonic() - started) / 2
    return check(here), took_s


def disturbed(here: Path, listings: Listings, phase_s: float, chance: random.Random) -> int:
    """Harvest both listings, killed up to five times each; return the number of kills."""
    kills = 0
    for listing in ("first", "second"):
        command = harvest_command(listings.settings(here, listing))
        for _ in range(chance.randint(1, 5)):
            kills += killed(command, chance.uniform(0.2, 1.0) * phase_s)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return kills


def killed(command: list[str], after_s: float) -> int:
    """Start a harvest, kill it after a while; return 1 when it was killed, 0 when it was faster."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT) as process:
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return 1
        return 0


def check(here: Path) -> dict[str, object]:
    """Return what ``hub check`` says of a hub: its graph's hash, its records, its problems."""
    answer = subprocess.run(
        [*HUB, "check", "--json", "--config", str(here / "hub.toml")], capture_output=True, check=False, cwd=ROOT
    )
    found = json.loads(answer.stdout)
    facts = found["facts"]
    return {"graph_sha256": facts.get("graph_sha256"), "records": facts.get("records"), "problems": found["problems"]}


if __name__ == "__main__":
    sys.exit(main())
