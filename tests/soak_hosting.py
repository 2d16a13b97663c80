"""Whether every byte that is served is right, while one host fails, another corrupts and the hub's disk is damaged.

    python -m tests.soak_hosting --bytes 20e9

The files are functions of the position, so both hosts need no disk; the hub holds one dataset at a time. Each file is
held, read by HTTP as a whole and in parts, every other one is damaged on disk, read while it is bad, mended by a scrub
and read again; then it is thrown away and, where a checksum is known, read from the two hosts over the hub's redirect,
as a client of Metalink does. Each byte that a reader takes is compared with the function; one that is wrong makes exit
status 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests

from harvesters.http import Manners
from hub import config
from hub.config import Settings
from hub.copies import metalink
from hub.copies.hosting import dataset_iri, opened
from tests.copies_support import dataset_of, put
from tests.generated_hosts import CORRUPTING, FAILING, Host, content, sums
from tests.support import BASE

MANNERS = Manners(interval_s=0.0, timeout_s=30.0, deadline_s=3600.0, retries=4, max_wait_s=0.02)
DAMAGES = ("flip", "truncate", "delete", "pieces")
KINDS = ("sha256", "none", "sha256", "md5")
MAX_TRIES = 100
PARTS = 5


@dataclass(slots=True)
class Report:
    """What came of it; ``wrong_bytes`` has to be 0."""

    files: int = 0
    file_bytes: int = 0
    right_bytes: int = 0
    wrong_bytes: int = 0
    reads: Counter[str] = field(default_factory=Counter)
    damaged: Counter[str] = field(default_factory=Counter)
    injected: dict[str, Counter[str]] = field(default_factory=dict)
    vain_holds: int = 0
    refused_by_checksum: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class Soak:
    """One run.

    Args:
        settings: the hub's settings.
        root: address of the hub.
        hosts: the failing and the corrupting one.
        chance: decides what is damaged and read.
    """

    settings: Settings
    root: str
    hosts: tuple[Host, Host]
    chance: random.Random
    report: Report = field(default_factory=Report)

    def file(self, number: int, size: int) -> None:
        """Take one file through everything."""
        accession, seed, kind = f"S-BIAD{number}", number, KINDS[number % len(KINDS)]
        path = f"/{accession}/image.tif"
        for host in self.hosts:
            host.files[path] = (seed, size)
        sha256, md5 = sums(seed, size) if kind != "none" else ("", "")
        told = {"sha256": {"sha256": sha256}, "md5": {"md5": md5}, "none": {}}[kind]
        url = f"{self.hosts[0].url}{accession}/image.tif"
        put(self.settings, dataset_of(accession, [{"content_url": url, "size_bytes": size, **told}]))
        self._check_mirror(accession)
        address = f"{self.root}/data/bia/{accession}/image.tif"
        self._hold(accession)
        self._own(address, seed, size)
        if number % 2:
            self._damage(accession)
            self._own(address, seed, size, may_break=True)
            self._mend(accession)
            self._own(address, seed, size)
        self._throw_away(accession)
        if kind == "sha256":
            self._elsewhere(address, seed, size)
        for host in self.hosts:
            del host.files[path]
        self.report.files += 1
        self.report.file_bytes += size

    def _check_mirror(self, accession: str) -> None:
        with opened(self.settings, MANNERS) as hosting:
            hosting.check(100)
            assert hosting.copies.files(dataset_iri(self.settings, f"bia/{accession}"))

    def _hold(self, accession: str) -> None:
        iri = dataset_iri(self.settings, f"bia/{accession}")
        for _ in range(MAX_TRIES):
            with opened(self.settings, MANNERS) as hosting:
                outcome = hosting.host(iri)
            if not outcome.failed:
                return
            self.report.vain_holds += 1
        self.report.failures.append(f"{accession} could not be held: {outcome.failed}")

    def _damage(self, accession: str) -> None:
        how = self.chance.choice(DAMAGES)
        with opened(self.settings, MANNERS) as hosting:
            (blob,) = hosting.copies.blobs()
        at = (
            self.settings.data_dir
            / "blobs"
            / ("pieces" if how == "pieces" else "blobs")
            / blob.sha256[:2]
            / blob.sha256
        )
        self.report.damaged[how] += 1
        if how == "delete":
            at.unlink()
            return
        with at.open("r+b") as out:
            length = at.stat().st_size
            if how == "truncate":
                out.truncate(length // 2)
                return
            place = self.chance.randrange(length)
            out.seek(place)
            byte = out.read(1)[0]
            out.seek(place)
            out.write(bytes([byte ^ 16]))

    def _mend(self, accession: str) -> None:
        for _ in range(MAX_TRIES):
            with opened(self.settings, MANNERS) as hosting:
                hosting.scrub(10**15)
                if all(blob.state == "healthy" for blob in hosting.copies.blobs()):
                    return
        self.report.failures.append(f"{accession} could not be mended")

    def _throw_away(self, accession: str) -> None:
        with opened(self.settings, MANNERS) as hosting:
            hosting.remove(dataset_iri(self.settings, f"bia/{accession}"))
            hosting.collect(timedelta(0))

    # --- readers

    def _own(self, address: str, seed: int, size: int, *, may_break: bool = False) -> None:
        """Read the hub's own copy: parts and the whole."""
        for _ in range(PARTS):
            start = self.chance.randrange(size)
            stop = min(size, start + self.chance.randrange(1, 3 << 20))
            self._take(address, seed, start, stop, may_break=may_break, headers={"Range": f"bytes={start}-{stop - 1}"})
        self._take(address, seed, 0, size, may_break=may_break)

    def _take(
        self, address: str, seed: int, start: int, stop: int, *, may_break: bool, headers: dict[str, str] | None = None
    ) -> None:
        answer = requests.get(address, headers=headers, allow_redirects=False, stream=True, timeout=60)
        with answer:
            if answer.status_code in (307, 503) and may_break:
                self.report.reads["led elsewhere while it was bad"] += 1
                return
            if answer.status_code != (206 if headers else 200):
                self.report.failures.append(f"{address}: status {answer.status_code}")
                return
            came, wrong = self._compare(answer, seed, start)
        self.report.right_bytes += came - wrong
        self.report.wrong_bytes += wrong
        if came == stop - start:
            self.report.reads["whole answers of the hub"] += 1
        elif may_break:
            self.report.reads["broken off at damage"] += 1
        else:
            self.report.failures.append(f"{address}: {came} bytes of {stop - start}")

    def _compare(self, answer: requests.Response, seed: int, start: int) -> tuple[int, int]:
        """Return how many bytes came, and how many of them were wrong."""
        at, wrong = start, 0
        with suppress(requests.RequestException):
            for chunk in answer.iter_content(1 << 20):
                right = b"".join(content(seed, at, at + len(chunk)))
                if chunk != right:
                    wrong += sum(a != b for a, b in zip(chunk, right, strict=True))
                at += len(chunk)
        return at - start, wrong

    def _elsewhere(self, address: str, seed: int, size: int) -> None:
        """Read over the redirect, and from the further copies where the checksum does not fit."""
        for _ in range(MAX_TRIES):
            with requests.get(address, allow_redirects=False, timeout=60) as led:
                if led.status_code == 503:
                    self.report.reads["refused while no copy was in good order"] += 1
                    self._check_again(address)
                    continue
                if led.status_code != 307:
                    self.report.failures.append(f"{address}: status {led.status_code}, not a redirect")
                    return
                digest = led.headers["Digest"]
                places = re.findall(r"<([^>]+)>; rel=duplicate", led.headers["Link"])
            assert places[0] == led.headers["Location"]
            for place in places:
                if (wrong := self._verified(place, seed, digest)) is not None:
                    self.report.wrong_bytes += wrong
                    self.report.right_bytes += size - wrong
                    self.report.reads["verified copies of other hosts"] += 1
                    return
                self.report.refused_by_checksum += 1
        self.report.failures.append(f"{address}: no other host gave it whole")

    def _check_again(self, address: str) -> None:
        """Check what was found bad without its pause."""
        with opened(self.settings, MANNERS) as hosting:
            for copy in hosting.copies.copies(dataset_iri(self.settings, "/".join(address.split("/")[-3:-1]))):
                hosting.copies.put_copy(replace(copy, next_check=""))
            hosting.check(100)

    def _verified(self, place: str, seed: int, digest: str) -> int | None:
        """Return how many bytes were wrong of what has the right checksum; None when it has not."""
        found = hashlib.sha256()
        at, wrong = 0, 0
        with suppress(requests.RequestException), requests.get(place, stream=True, timeout=60) as answer:
            for chunk in answer.iter_content(1 << 20):
                found.update(chunk)
                right = b"".join(content(seed, at, at + len(chunk)))
                wrong += 0 if chunk == right else sum(a != b for a, b in zip(chunk, right, strict=False))
                at += len(chunk)
        return wrong if metalink.digest(found.hexdigest()) == digest else None


def run(total: int, size: int, folder: Path, port: int, say: Callable[[str], None] = lambda _: None) -> Report:
    """Run it with a hub that is served on a port.

    Args:
        total: bytes of all files together.
        size: bytes of one file.
        folder: where the hub's data lie.
        port: of loopback.
        say: told how far it is.
    """
    began = time.monotonic()
    failing, corrupting = Host(FAILING, seed=1), Host(CORRUPTING, seed=2)
    toml = folder / "hub.toml"
    toml.write_text(
        f'data_dir = "data"\nbase_iri = "{BASE}"\nweb_workers = 1\n'
        f'[hosts.m1]\nkind = "http"\nurl = "{failing.url}"\nprivate = true\n'
        f'[hosts.m2]\nkind = "http"\nurl = "{corrupting.url}"\nprivate = true\nreplaces = "{failing.url}"\n'
    )
    command = [sys.executable, "-m", "hub.cli", "serve", "--config", str(toml), "--port", str(port)]
    with (folder / "serve.log").open("w") as log:
        served = subprocess.Popen(command, stdout=log, stderr=log)
    soak = Soak(config.load(str(toml), environ={}), f"http://127.0.0.1:{port}", (failing, corrupting), random.Random(3))
    try:
        _wait(soak.root)
        for number in range(-(-total // size)):
            soak.file(number, min(size, total - number * size))
            done, seconds = soak.report, time.monotonic() - began
            say(f"{done.file_bytes / 1e9:.2f} GB, {seconds:.0f} s, {done.wrong_bytes} wrong")
    finally:
        served.terminate()
        served.wait(30)
        failing.close()
        corrupting.close()
    soak.report.injected = {"failing": failing.injected, "corrupting": corrupting.injected}
    soak.report.seconds = round(time.monotonic() - began, 1)
    return soak.report


def _wait(root: str) -> None:
    ends_at = time.monotonic() + 60
    while time.monotonic() < ends_at:
        with suppress(requests.RequestException):
            requests.get(f"{root}/data/holdings", timeout=5)
            return
        time.sleep(0.05)
    raise TimeoutError("the hub does not answer")


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bytes", type=float, default=20e9, help="bytes of all files together")
    parser.add_argument("--file-bytes", type=float, default=250e6, help="bytes of one file")
    parser.add_argument("--port", type=int, default=8550)
    parser.add_argument("--folder", type=Path, help="where the hub's data lie; a temporary folder by default")
    said = parser.parse_args()
    folder = said.folder or Path(tempfile.mkdtemp(prefix="soak-hosting-"))
    folder.mkdir(parents=True, exist_ok=True)
    report = run(int(said.bytes), int(said.file_bytes), folder, said.port, lambda text: print(text, file=sys.stderr))
    if said.folder is None:
        shutil.rmtree(folder)
    told: dict[str, Any] = {name: getattr(report, name) for name in report.__slots__}
    print(json.dumps(told, indent=1))
    sys.exit(bool(report.wrong_bytes or report.failures))


if __name__ == "__main__":
    main()
