"""Direct submissions from the command line: check, put into the submissions folder, publish."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from harvesters import templates
from harvesters.contract import Context, Entry, RecordError, Source
from hub import ingest, records
from hub.config import Settings
from hub.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one document.

    Attributes:
        document: its path.
        accession: the accession it has, when it is accepted.
        iri: its dataset's IRI, when it is accepted.
        errors: every reason against it, all at once; empty when it is accepted.
        notes: quality problems that do not stand against it.
    """

    document: str
    accession: str | None
    iri: str | None
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the verdict in words."""
        if not self.errors:
            notes = "".join(f"\n  note: {n}" for n in self.notes)
            return f"{self.document}: accepted as {self.accession} <{self.iri}>{notes}"
        return f"{self.document}: refused" + "".join(f"\n  {e}" for e in self.errors)


def write_template(path: Path) -> None:
    """Write an empty submission form to fill in; its suffix chooses TSV or XLSX.

    Raises:
        ConfigError: another suffix, or a file that stands already.
    """
    writers = {".tsv": templates.write_tsv, ".xlsx": templates.write_xlsx}
    if path.suffix not in writers:
        raise ConfigError(f"--template {path}: end the name in .tsv or .xlsx")
    if path.exists():
        raise ConfigError(f"--template {path}: there is such a file already")
    writers[path.suffix](path)


def submit(settings: Settings, source_name: str, documents: list[Path], *, dry_run: bool = False) -> list[Verdict]:
    """Check documents, and publish the accepted ones; return a verdict on each.

    Args:
        settings: the hub's settings.
        source_name: a configured source with the submissions harvester and a folder as its url.
        documents: files in any of the submission forms.
        dry_run: only check.

    Raises:
        ConfigError: no such source, or a file cannot be read.
        LockedError: another process writes.
    """
    if not documents:
        raise ConfigError("name a document to submit, or say --template FILE for an empty form")
    source = settings.sources.get(source_name)
    if source is None or source.harvester != "submissions":
        raise ConfigError(
            f"--source {source_name}: the settings have no [sources.{source_name}] with the submissions harvester"
        )
    verdicts = [_judge(settings, source, path) for path in documents]
    accepted = [path for path, verdict in zip(documents, verdicts, strict=True) if not verdict.errors]
    if accepted and not dry_run:
        folder = Path(source.url)
        folder.mkdir(parents=True, exist_ok=True)
        for path in accepted:
            if path.resolve().parent != folder.resolve():
                shutil.copyfile(path, folder / path.name)
        ingest.harvest(settings, [source_name])
    return verdicts


def _judge(settings: Settings, source: Source, path: Path) -> Verdict:
    try:
        raw = path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path} cannot be read: {err.strerror}") from err
    transform = ingest.harvester_named(source.harvester).transform
    try:
        harvested = transform(raw, Entry(path.name), Context(settings.base_iri, source))
        record = records.canonical(harvested.record)
    except RecordError as err:
        return Verdict(str(path), None, None, errors=err.reasons)
    except ValueError as err:
        return Verdict(str(path), None, None, errors=(str(err),))
    return Verdict(str(path), record.accession, record.id, notes=tuple(f.message for f in harvested.findings))
