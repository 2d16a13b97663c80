"""Direct submissions from the command line: check, put into the submissions folder, publish."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from harvesters import submissions, templates
from harvesters.contract import Context, Entry, RecordError, Source
from hub import ingest, records
from hub.config import Settings
from hub.errors import ConfigError
from hub.log import Log


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
    source = _source(settings, source_name)
    verdicts = [_judge(settings, source, path) for path in documents]
    _refuse_twins(verdicts)
    accepted = [path for path, verdict in zip(documents, verdicts, strict=True) if not verdict.errors]
    if accepted and not dry_run:
        Path(source.url).mkdir(parents=True, exist_ok=True)
        for path in accepted:
            if path.resolve().parent != Path(source.url).resolve():
                shutil.copyfile(path, Path(source.url) / path.name)
        ingest.harvest(settings, [source_name])
        verdicts = _as_harvested(settings, source, verdicts)
    return verdicts


def _source(settings: Settings, name: str) -> Source:
    source = settings.sources.get(name)
    if source is None or source.harvester != "submissions":
        raise ConfigError(f"--source {name}: the settings have no [sources.{name}] with the submissions harvester")
    if "://" in source.url:
        raise ConfigError(f"[sources.{name}] url: documents can only be submitted to a folder")
    return source


def _refuse_twins(verdicts: list[Verdict]) -> None:
    """Refuse all but the first of documents that would have one accession, such as two files of one name."""
    first: dict[str, str] = {}
    for position, verdict in enumerate(verdicts):
        if verdict.accession is None:
            continue
        if verdict.accession in first:
            error = f"{verdict.accession} is what {first[verdict.accession]} gets too: rename the document"
            verdicts[position] = replace(verdict, errors=(*verdict.errors, error))
        first.setdefault(verdict.accession, verdict.document)


def _as_harvested(settings: Settings, source: Source, verdicts: list[Verdict]) -> list[Verdict]:
    """Return the verdicts with what the harvest itself had against a document."""
    log = Log(settings.database)
    try:
        reasons = {key: tuple(json.loads(why)) for _, key, why in log.rejected(source.name)}
    finally:
        log.close()
    return [replace(v, errors=v.errors or reasons.get(Path(v.document).name, ())) for v in verdicts]


def _bad_name(source: Source, path: Path, raw: bytes) -> str | None:
    """Return why a document of that name cannot be put into the folder, or None."""
    if not submissions.is_document(path.name):
        return f"{path.name}: give it a name of its own that ends in .json, .tsv or .xlsx (not readme or template)"
    standing = Path(source.url) / path.name
    if standing.exists() and standing.resolve() != path.resolve() and standing.read_bytes() != raw:
        return (
            f"{path.name}: another document of that name stands in {source.url}; rename yours, or change that one there"
        )
    return None


def _judge(settings: Settings, source: Source, path: Path) -> Verdict:
    try:
        raw = path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path} cannot be read: {err.strerror}") from err
    if reason := _bad_name(source, path, raw):
        return Verdict(str(path), None, None, errors=(reason,))
    transform = ingest.harvester_named(source.harvester).transform
    try:
        harvested = transform(raw, Entry(path.name), Context(settings.base_iri, source))
        record = records.canonical(harvested.record)
    except RecordError as err:
        return Verdict(str(path), None, None, errors=err.reasons)
    except ValueError as err:
        return Verdict(str(path), None, None, errors=(str(err),))
    return Verdict(str(path), record.accession, record.id, notes=tuple(f.message for f in harvested.findings))
