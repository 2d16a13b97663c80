"""Kill, part and lie among three hubs that mirror each other, and see whether they come to agree.

In every round each hub's own source changes (documents come, change, go and come back), each hub harvests and mirrors
the others at the same time, commands and servers are killed with SIGKILL at random moments, lines refuse, hang, cut,
double, turn round, lose and repeat old answers, and a fourth hub lies. After each round the lines heal, each hub
mirrors until nothing is new, and every pair has to be identical by ``hub verify``; what was withdrawn has to be
withdrawn everywhere, and nobody but the liar may be named.

``python -m tests.torture_peers [--rounds 10] [--copies 5] [--seed N]`` exits 1 on the first difference.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.federation import Federation, Hub

MAX_HEALING = 6
# The liar's line never heals, and a repeated old greeting looks like a hub that went back.
HARMLESS = {"rollback"}


def main(argv: list[str] | None = None) -> int:
    """Run the rounds and return the exit status."""
    parser = argparse.ArgumentParser(description="Disturb three hubs and see whether they agree in the end.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--copies", type=int, default=5)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args(argv)
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="hub-peers-") as folder,
        Federation(Path(folder), chance, args.copies) as made,
    ):
        return torture(made, args.rounds, chance)


def torture(made: Federation, rounds: int, chance: random.Random) -> int:
    """Disturb and heal so many times; return 0 when every round ends as it should."""
    counts: Counter[str] = Counter()
    withdrawn: dict[str, dict[str, str]] = {name: {} for name in made.hubs}
    begun = time.monotonic()
    made.each(made.harvest)
    pace_s = time.monotonic() - begun
    made.each(lambda hub: hub.start())
    for number in range(1, rounds + 1):
        started = time.monotonic()
        for hub in made.hubs.values():
            change(hub, withdrawn[hub.name], chance)
        made.trouble(chance.uniform(0.1, 0.5))
        for line in made.lines.values():
            line.is_cut = chance.random() < 0.2
        made.each(lambda hub: disturb(made, hub, counts, pace_s))
        made.trouble(0.0)
        made.each(lambda hub: recover(made, hub))
        if problem := healed(made, withdrawn):
            print(f"round {number}: {problem}", file=sys.stderr)
            return 1
        print(f"round {number}: identical after {time.monotonic() - started:.0f} s", flush=True)
    faults: Counter[str] = Counter()
    for line in made.lines.values():
        faults.update(line.faults)
    print(f"{rounds} rounds, {dict(counts)}, faults of lines: {dict(faults)}")
    print("every pair identical after every round; only the liar was named")
    return 0


def change(hub: Hub, withdrawn: dict[str, str], chance: random.Random) -> None:
    """Take some of a hub's documents away, change some, and let some come back."""
    files = sorted(hub.documents.iterdir())
    for file in chance.sample(files, k=max(1, len(files) // 10)):
        withdrawn[file.name] = file.read_text()
        file.unlink()
    for file in chance.sample(sorted(hub.documents.iterdir()), k=max(1, len(files) // 5)):
        file.write_text(file.read_text().replace("the ", f"the {chance.randrange(1000)} ", 1))
    for name in chance.sample(sorted(withdrawn), k=len(withdrawn) // 3):
        (hub.documents / name).write_text(withdrawn.pop(name))


def disturb(made: Federation, hub: Hub, counts: Counter[str], pace_s: float) -> None:
    """Harvest and mirror with one hub, and kill some of its commands, which take about so long, and its server."""
    chance = random.Random(made.chance.random())
    for _ in range(chance.randint(2, 4)):
        command = chance.choice((["harvest", "--all"], ["mirror"], ["mirror"]))
        if chance.random() < 0.6:
            counts["commands killed"] += hub.killed(chance.uniform(0.3, 1.5) * pace_s, *command)
        else:
            hub.run("mirror")
            counts["mirrors over bad lines"] += 1
        if chance.random() < 0.3:
            hub.stop()
            counts["servers killed"] += 1
            hub.start()


def recover(made: Federation, hub: Hub) -> None:
    """Bring a hub to what its archive says now."""
    if hub.server is None or hub.server.poll() is not None:
        hub.start()
    made.harvest(hub)


def healed(made: Federation, withdrawn: dict[str, dict[str, str]]) -> str:
    """Mirror until all agree; return what is wrong, or ""."""
    told: list[str] = []
    for _ in range(MAX_HEALING):
        made.each(lambda hub: hub.run("mirror"))
        told = made.verified()
        if all(one.startswith("identical") for one in told):
            break
    else:
        return f"no agreement: {told}"
    return next((problem for hub in made.hubs.values() if (problem := wrong(made, hub, withdrawn))), "")


def wrong(made: Federation, hub: Hub, withdrawn: dict[str, dict[str, str]]) -> str:
    """Return what a hub holds that it should not, lacks, or accuses somebody of."""
    states: dict[str, dict[str, str]] = {name: {} for name in made.hubs}
    for one in records(hub):
        if one["hub"] in states:
            states[one["hub"]][one["accession"]] = one["state"]
    for name, other in made.hubs.items():
        active = sum(state == "active" for state in states[name].values())
        gone = sum(state == "withdrawn" for state in states[name].values())
        if (active, gone) != (len(list(other.documents.iterdir())), len(withdrawn[name])):
            return f"{hub.name} holds {active} active and {gone} withdrawn records of {name}"
    named = {(one["peer"], one["kind"]) for one in hub.told("/federation")["refused"]}
    if accused := {peer for peer, kind in named if peer != "liar" and kind not in HARMLESS}:
        return f"{hub.name} accuses {', '.join(sorted(accused))}"
    return "" if ("liar", "fork") in named else f"{hub.name} does not name the liar"


def records(hub: Hub) -> list[dict[str, Any]]:
    """Return every record that a hub holds."""
    names = [f"{number:02x}" for number in range(256)]
    parts = (",".join(names[start : start + 16]) for start in range(0, 256, 16))
    return [one for part in parts for one in hub.told(f"/federation/records?bucket={part}")["records"]]


if __name__ == "__main__":
    sys.exit(main())
