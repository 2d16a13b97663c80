"""The commands that take things back: `hub suppress|unsuppress|replace|withdraw|redact|forget|restore|redactions`."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hub import config
from hub.config import Settings
from hub.errors import ConfigError, NotFoundError
from hub.log import Log, now
from ontology import identifiers

out = Console(width=None if sys.stdout.isatty() else 140)

DatasetArgument = Annotated[str, typer.Argument(help="The dataset: archive/accession, or its IRI.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in one sentence that readers will see.")]
ByOption = Annotated[str, typer.Option("--by", help="ORCID or name of who decides; only `hub redactions` tells it.")]
SourceOption = Annotated[
    str | None, typer.Option("--source", help="Only this source's record of the dataset (default: every record).")
]
ConfigOption = Annotated[
    str | None, typer.Option("--config", help="Settings file (default ./hub.toml, or HUB_CONFIG).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (suppress, unsuppress, replace, withdraw, redact, forget, restore, redactions):
        app.command()(command)


def suppress(
    dataset: DatasetArgument,
    reason: ReasonOption,
    by: ByOption,
    source: SourceOption = None,
    config_file: ConfigOption = None,
) -> None:
    """Take a dataset out of search, lists and feeds; its page stays, with a notice."""
    _decide(config.load(config_file), "suppress", dataset, reason, by, source)


def unsuppress(
    dataset: DatasetArgument,
    by: ByOption,
    reason: ReasonOption = "taken back",
    source: SourceOption = None,
    config_file: ConfigOption = None,
) -> None:
    """Put a suppressed dataset back into search, lists and feeds."""
    _take_back(config.load(config_file), dataset, reason, by, source, "suppress")


def replace(
    dataset: DatasetArgument,
    successor: Annotated[str, typer.Option("--with", help="What takes its place: archive/accession, or an IRI.")],
    reason: ReasonOption,
    by: ByOption,
    source: SourceOption = None,
    config_file: ConfigOption = None,
) -> None:
    """Let another dataset take a dataset's place: a tombstone that leads there is left."""
    settings = config.load(config_file)
    _decide(settings, "replace", dataset, reason, by, source, successor=_successor(settings, successor))


def withdraw(
    dataset: DatasetArgument,
    reason: ReasonOption,
    by: ByOption,
    source: SourceOption = None,
    config_file: ConfigOption = None,
) -> None:
    """Withdraw a dataset, as if its archive had done so: a tombstone is left."""
    _decide(config.load(config_file), "withdraw", dataset, reason, by, source)


def redact(
    reason: ReasonOption,
    by: ByOption,
    dataset: Annotated[str | None, typer.Argument(help="The dataset: archive/accession, or its IRI.")] = None,
    field: Annotated[
        str, typer.Option("--field", help="Erase only this slot of the dataset, or the value in it.")
    ] = "",
    value: Annotated[
        list[str] | None, typer.Option("--value", help="Erase only these words; may be given several times.")
    ] = None,
    person: Annotated[
        list[str] | None,
        typer.Option("--person", help="Erase only this person: ORCID or name, or both."),
    ] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="In all records, now and later.")] = False,
    source: SourceOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: what is erased cannot be had back.")] = False,
    config_file: ConfigOption = None,
) -> None:
    """Erase a dataset, or something in it, from records, history, payloads and snapshots, for good."""
    if everywhere == (dataset is not None):
        raise ConfigError("redact: name a dataset, or write --everywhere, not both")
    if everywhere and not (person or value):
        raise ConfigError("--everywhere: say with --person or --value what is to be erased")
    if value and person:
        raise ConfigError("--value: give it or --person, not both")
    settings = config.load(config_file)
    _confirm(yes, dataset or "every record", bool(field or value or person))
    _decide(settings, "redact", dataset, reason, by, source, cut=_cut(settings, field, value or [], person or []))


def forget(
    person: Annotated[list[str], typer.Argument(help="ORCID and names of the person, each spelling in quotes.")],
    by: ByOption,
    reason: ReasonOption = "the person asked for it",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: what is erased cannot be had back.")] = False,
    config_file: ConfigOption = None,
) -> None:
    """Erase a person from all records, now and in every later harvest: `hub redact --everywhere --person`."""
    settings = config.load(config_file)
    _confirm(yes, "every record", True)
    _decide(settings, "redact", None, reason, by, None, cut=_cut(settings, "", [], person))


def restore(
    number: Annotated[int, typer.Argument(help="Number of the decision, as `hub redactions` tells it.")],
    by: ByOption,
    reason: ReasonOption = "taken back",
    config_file: ConfigOption = None,
) -> None:
    """Take a decision back. What was erased returns only if the archive delivers it again."""
    _restore(config.load(config_file), number, reason, by)


def redactions(
    finish: Annotated[
        bool, typer.Option("--finish", help="Carry out again every decision that holds, and publish.")
    ] = False,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was decided about records, or carry it out again. What was taken out of records is not told."""
    from hub import erasure, ingest
    from hub import redactions as decided
    from hub.store import write_lock

    settings = config.load(config_file)
    log = Log(settings.database)
    try:
        if finish:
            with write_lock(settings.data_dir):
                erasure.again(log, settings)
                ingest.publish(settings, log)
        every = decided.all_decisions(log)
        told = [decided.as_dict(one, every) for one in every if one.takes_back is None]
    finally:
        log.close()
    if as_json:
        print(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        out.print(_table(told, settings.base_iri) if told else "nothing was decided yet")


def _confirm(yes: bool, what: str, is_part: bool) -> None:
    if not yes:
        part = "something in " if is_part else ""
        typer.confirm(f"Erase {part}{what} for good, with its history and payloads?", abort=True, err=True)


def _cut(settings: Settings, field: str, values: list[str], people: list[str]) -> str | None:
    """Return what is taken out of records, as it is kept: without the words themselves."""
    from hub import cutting, records
    from hub import redactions as decided

    slots = {slot.name for slot in records.tables()["Dataset"].slots}
    if field and field not in slots:
        raise ConfigError(f"--field: there is no slot {field!r}; there are {', '.join(sorted(slots))}")
    if not (field or values or people):
        return None
    log = Log(settings.database)
    try:
        secret = decided.secret(log, settings)
    finally:
        log.close()
    cut = cutting.of_value(secret, field, [*values, *map(_bare_orcid, people)], is_person=bool(people))
    return json.dumps(cut.to_json())


def _bare_orcid(name: str) -> str:
    """Return the digits of an ORCID, or a name as it is."""
    try:
        return identifiers.orcid(name).rpartition("/")[2]
    except ValueError:
        return name


def _successor(settings: Settings, name: str) -> str:
    from hub import redactions as decided

    return name if name.startswith(("http://", "https://")) else decided.dataset_iri(settings, name)


def _decide(
    settings: Settings,
    action: str,
    dataset: str | None,
    reason: str,
    by: str,
    source: str | None,
    *,
    successor: str | None = None,
    cut: str | None = None,
) -> None:
    from hub import erasure, ingest
    from hub import redactions as decided

    iri = decided.dataset_iri(settings, dataset) if dataset else None
    decision = decided.Decision(0, now(), _who(by), action, iri, source, _said(reason), successor, cut)
    written = erasure.decide(settings, decision, ingest.publish)
    _tell(f"decision {written.number}: {action} {dataset or 'in all records'}; published")


def _take_back(settings: Settings, dataset: str, reason: str, by: str, source: str | None, action: str) -> None:
    from hub import redactions as decided

    iri = decided.dataset_iri(settings, dataset)
    log = Log(settings.database)
    try:
        held = decided.standing(decided.all_decisions(log))
    finally:
        log.close()
    found = [one for one in held if (one.iri, one.source, one.action) == (iri, source, action)]
    if not found:
        raise NotFoundError(f"{dataset}: no decision to {action} it holds; see `hub redactions`")
    _restore(settings, found[0].number, reason, by)


def _restore(settings: Settings, number: int, reason: str, by: str) -> None:
    from hub import erasure, ingest
    from hub import redactions as decided

    log = Log(settings.database)
    try:
        held = {one.number: one for one in decided.standing(decided.all_decisions(log))}
    finally:
        log.close()
    if number not in held:
        raise NotFoundError(f"{number}: no decision of that number holds; see `hub redactions`")
    of = held[number]
    back = decided.Decision(0, now(), _who(by), "restore", of.iri, of.source, _said(reason), takes_back=number)
    erasure.decide(settings, back, ingest.publish)
    again = "; the next harvest brings back what the archive has" if of.is_erasing else ""
    _tell(f"decision {number} holds no more; published{again}")


def _who(by: str) -> str:
    try:
        return identifiers.orcid(by)
    except ValueError:
        return _said(by, "--by: write an ORCID or a name")


def _said(text: str, missing: str = "--reason: write one sentence") -> str:
    if not text.strip():
        raise ConfigError(missing)
    return text.strip()


def _tell(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def _table(told: list[dict[str, Any]], base: str) -> Table:
    table = Table("no.", "when", "by", "what", "of", "reason", "taken back")
    for one in told:
        about = (one["iri"] or "all records").removeprefix(f"{base}dataset/")
        what = one["action"] if one["is_whole"] else f"{one['action']} {one['field'] or 'something'}"
        of = f"{about} ({one['source']})" if one["source"] else about
        back = one["taken_back"]
        cells = (str(one["number"]), one["at"], one["by"], what, of, one["reason"], back["at"] if back else "")
        table.add_row(*cells)
    return table
