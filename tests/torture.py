"""Kill harvests at random moments and compare the end with an undisturbed run; ``make torture``.

Every trial harvests a sample twice (a first listing, then one with changes, additions and removals), is killed with
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
from pathlib import Path

from rich.progress import Progress

ROOT = Path(__file__).parents[1]
COPIES = 12
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
    expected, phase_s = undisturbed(folder / "undisturbed", folder)
    print(f"undisturbed: {expected['records']}, graph {expected['graph_sha256']}, {phase_s:.1f} s a harvest")
    done = trials = 0
    with Progress() as bar:
        task = bar.add_task("kills", total=kills)
        while done < kills:
            trials += 1
            here = folder / f"trial-{trials}"
            done += disturbed(here, folder, phase_s, chance)
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


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def settings(here: Path, listing: Path) -> Path:
    """Write the settings of a hub that reads a listing; return the file."""
    here.mkdir(parents=True, exist_ok=True)
    file = here / "hub.toml"
    source = f'[sources.bia]\nharvester = "crates"\narchive = "bia"\nurl = "{listing}"\n'
    file.write_text(f'data_dir = "data"\ndeletion_guard = 1.0\n{source}', encoding="utf-8")
    return file


def harvest_command(file: Path) -> list[str]:
    return [*HUB, "harvest", "--all", "--json", "--config", str(file)]


def undisturbed(here: Path, folder: Path) -> tuple[dict[str, object], float]:
    """Harvest both listings to the end; return what the hub then says, and how long a harvest takes in seconds."""
    started = time.monotonic()
    for listing in ("first", "second"):
        subprocess.run(harvest_command(settings(here, folder / listing)), check=True, stdout=subprocess.DEVNULL)
    took_s = (time.monotonic() - started) / 2
    return check(here), took_s


def disturbed(here: Path, folder: Path, phase_s: float, chance: random.Random) -> int:
    """Harvest both listings, killed up to five times each; return the number of kills."""
    kills = 0
    for listing in ("first", "second"):
        command = harvest_command(settings(here, folder / listing))
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
