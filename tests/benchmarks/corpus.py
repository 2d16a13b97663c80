"""The input of the benchmarks: the corpus of real crates where it is, else the bundled sample many times over."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "corpus" / "crates"
CONTEXTS = (
    ROOT.parent / "shared" / "corpus" / "contexts" / "ro-crate-1.2-context.jsonld",
    ROOT / "harvesters" / "contexts" / "profile.jsonld",
)
REAL_FOLDERS = {"bia": "bia", "idr": "idr", "ssbd": "ssbd-2026-03-10"}
SUFFIX = "ro-crate-metadata.json"
COPIES = 38  # of 39 bundled crates
BASE = "https://hub.example.org/"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Crates in folders that a benchmark may change, one folder for each source."""

    folders: dict[str, Path]
    files: int
    kind: str

    @property
    def context(self) -> Path:
        """File that answers for the RO-Crate context."""
        return next(p for p in CONTEXTS if p.is_file())


def prepare(folder: Path, real: Path | None) -> Corpus:
    """Copy the corpus into a folder, or generate one there."""
    origin = real or REAL
    if all((origin / name).is_dir() for name in REAL_FOLDERS.values()):
        for source, name in REAL_FOLDERS.items():
            shutil.copytree(origin / name, folder / source, copy_function=shutil.copyfile)
        return _corpus(folder, f"corpus of real crates ({origin.name})")
    for source in REAL_FOLDERS:
        for path in sorted((ROOT / "hub" / "demo" / source).rglob(f"*{SUFFIX}")):
            _multiply(path, folder / source)
    return _corpus(folder, f"bundled sample x {COPIES}")


def _corpus(folder: Path, kind: str) -> Corpus:
    folders = {source: folder / source for source in REAL_FOLDERS}
    files = sum(1 for f in folders.values() for _ in f.rglob(f"*{SUFFIX}"))
    return Corpus(folders, files, f"{kind}, {files} files")


def _multiply(path: Path, target: Path) -> None:
    """Write copies of a crate, each of an accession of its own."""
    text = path.read_text(encoding="utf-8")
    root = next(n for n in json.loads(text)["@graph"] if "conformsTo" in n and "about" in n)["about"]["@id"]
    node = next(n for n in json.loads(text)["@graph"] if n.get("@id") == root)
    names = node.get("identifier")
    old = str(names[0] if isinstance(names, list) else names or root.rstrip("/").rpartition("/")[2])
    target.mkdir(parents=True, exist_ok=True)
    for number in range(COPIES):
        new = _renumbered(old, number)
        (target / f"{path.stem.removesuffix('-ro-crate-metadata')}-{number}-{SUFFIX}").write_text(
            text.replace(old, new), encoding="utf-8"
        )


def _renumbered(accession: str, number: int) -> str:
    """Return another accession of the same kind: its first long number is moved up."""
    digits = re.search(r"\d+", accession)
    if digits is None or number == 0:
        return accession
    width = len(digits[0])
    moved = (int(digits[0]) + number * 10 ** max(1, width - 2) * 37) % 10**width if width > 3 else 0
    if width <= 3:
        return accession[: digits.start()] + str(int(digits[0]) + 1000 * number) + accession[digits.end() :]
    return accession[: digits.start()] + f"{moved:0{width}d}" + accession[digits.end() :]


def write_settings(corpus: Corpus, home: Path) -> Path:
    """Write a ``hub.toml`` whose data folder is beside it and return its path."""
    home.mkdir(parents=True, exist_ok=True)
    lines = ['data_dir = "data"', f'base_iri = "{BASE}"']
    for source, folder in corpus.folders.items():
        lines += [f"[sources.{source}]", 'harvester = "crates"', f'archive = "{source}"', f'url = "{folder}"']
    file = home / "hub.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
