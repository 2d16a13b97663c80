"""The input of the benchmarks: the corpus of real crates where it is, else the bundled sample many times over."""

from __future__ import annotations

import json
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
    nodes = json.loads(text)["@graph"]
    root = next(n for n in nodes if "conformsTo" in n and "about" in n)["about"]["@id"]
    node = next(n for n in nodes if n.get("@id") == root)
    old = str(node.get("identifier") or root.rstrip("/").rpartition("/")[2])
    target.mkdir(parents=True, exist_ok=True)
    for _ in range(COPIES):
        new = _next_accession(old, len(list(target.iterdir())))
        (target / f"{new}-{SUFFIX}").write_text(text.replace(old, new), encoding="utf-8")


def _next_accession(like: str, number: int) -> str:
    """Return an accession of the same archive that no bundled crate has."""
    if like.startswith("EMPIAR"):
        return f"EMPIAR-{90000 + number}"
    if like.startswith("S-"):
        return f"S-BIAD{90000 + number}"
    return f"idr{1000 + number}" if like.startswith("idr") else f"ssbd-repos-{500000 + number}"


def write_settings(corpus: Corpus, home: Path) -> Path:
    """Write a ``hub.toml`` whose data folder is beside it and return its path."""
    home.mkdir(parents=True, exist_ok=True)
    lines = ['data_dir = "data"', f'base_iri = "{BASE}"']
    for source, folder in corpus.folders.items():
        lines += [f"[sources.{source}]", 'harvester = "crates"', f'archive = "{source}"', f'url = "{folder}"']
    file = home / "hub.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
