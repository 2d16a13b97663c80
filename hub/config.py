"""Settings: one frozen object, from ``hub.toml`` and ``HUB_*`` variables, built once and handed down.

Every setting is documented in ``docs/operator.md``; a test compares the two.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harvesters.contract import Source
from harvesters.references.contract import Reference
from hub import places
from hub.copies import hosts as copy_hosts
from hub.errors import ConfigError
from hub.feeds import webhook_settings
from linkml_schemas.generated.model import Dataset
from ontology import identifiers
from ontology.archives import ARCHIVES

DEFAULT_FILE = "hub.toml"
SOURCE_KEYS = ("harvester", "archive", "url")
SERVICE_KEYS = ("url", "inner", "private")
REFERENCE_KEYS = ("kind", "format", "url")
CURATOR_KEYS = ("orcid", "token_sha256")
PEER_KEYS = ("url", "key", "trust_on_first_use", "owners", "transitive", "schedule", "private", "sparql")
HUB_NAME = "[a-z0-9][a-z0-9-]*"
EMAIL = r"[^@\s<>]+@(?:[^@\s.<>]+\.)+[^@\s.<>]+"


def _setting(default: Any, help_text: str) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, slots=True)
class Service:
    """Another SPARQL endpoint that queries may ask with SERVICE.

    Attributes:
        name: its name in the settings.
        url: its address, and the IRI that stands after SERVICE.
        inner: IRIs of SERVICE patterns that it may be sent inside of its own, because it evaluates them itself.
        is_private: whether it may have an address in the operator's own network.
    """

    name: str
    url: str
    inner: tuple[str, ...] = ()
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class Curator:
    """A person whose word on links counts.

    Attributes:
        name: the name in the settings.
        orcid: IRI that verdicts are attributed to.
        token_sha256: SHA-256 of the token that the person's requests carry; the token itself is kept nowhere.
    """

    name: str
    orcid: str
    token_sha256: str


@dataclass(frozen=True, slots=True)
class Peer:
    """Another hub whose records are mirrored here.

    Attributes:
        name: the peer's own ``hub_name``.
        url: address under which it is served, without a slash at the end.
        key: its public key; "" when the first one that it tells is remembered.
        owners: hubs whose records are taken through it; empty for the peer itself and every hub whose key is known.
        is_transitive: whether hubs that only the peer knows are believed to have the keys that it tells.
        is_private: whether it may have an address in the operator's own network.
        has_sparql: whether queries may ask its SPARQL endpoint with SERVICE.
    """

    name: str
    url: str
    key: str = ""
    owners: tuple[str, ...] = ()
    is_transitive: bool = False
    is_private: bool = False
    has_sparql: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator can set. Each has a default; the variable of ``data_dir`` is ``HUB_DATA_DIR``."""

    data_dir: Path = _setting(Path("data"), "Folder of everything the hub keeps, relative to hub.toml.")
    base_iri: str = _setting("https://w3id.org/bioimage-hub/", "Start of every IRI the hub mints; ends in a slash.")
    hub_name: str = _setting("hub", "Name of this hub among its peers: small letters, digits, hyphens.")
    mirror_policy: str = _setting(
        "Everybody may mirror what is published here; each record stays under the terms of its archive.",
        "What other hubs are told about mirroring this one, and about the licence of its metadata.",
    )
    database_url: str = _setting("", "SQLAlchemy URL of the catalogue; empty means SQLite in data_dir.")
    contact: str = _setting("https://github.com/bioimage-hub/bioimage-hub", "Address that archives are told.")
    admin_email: str = _setting("", "E-mail address that harvesters are told; empty means contact, if it is one.")
    ca_bundle: str = _setting("", "File of trusted TLS certificates; empty means the usual ones.")
    harvest_interval_s: float = _setting(0.2, "Least pause between two requests to one host, in seconds.")
    harvest_timeout_s: float = _setting(30.0, "Longest silence of an archive's server, in seconds.")
    deletion_guard: float = _setting(0.2, "Share of a source's records that may vanish in one run without --confirm.")
    keep_snapshots: int = _setting(3, "How many published snapshots are kept.")
    query_workers: int = _setting(2, "Processes for quick SPARQL queries, and as many for slow ones, per web process.")
    query_timeout_s: float = _setting(30.0, "Longest time for one query, in seconds.")
    query_queue_s: float = _setting(10.0, "Longest wait for a free query worker, in seconds.")
    query_memory_bytes: int = _setting(1 << 30, "Memory that one query may take, in bytes.")
    max_result_bytes: int = _setting(256 << 20, "Longest answer to one query, in bytes.")
    max_body_bytes: int = _setting(1 << 20, "Longest body of one request, in bytes.")
    cache_bytes: int = _setting(64 << 20, "Memory for cached answers of each web process, in bytes.")
    max_basket: int = _setting(5000, "Most datasets of one manifest.")
    service_timeout_s: float = _setting(15.0, "Longest time for one answer of another SPARQL endpoint, in seconds.")
    max_service_rows: int = _setting(20_000, "Most rows that one SERVICE pattern may have.")
    trusted_proxies: str = _setting("", "Addresses and networks, with commas, whose X-Forwarded headers are believed.")
    web_workers: int = _setting(2, "Web processes of `hub serve`.")
    thumbnails: str = _setting("off", "Whether small copies of example images are made after a harvest: on or off.")
    thumbnails_per_run: int = _setting(500, "Most addresses of example images that one pass asks.")
    hosting: str = _setting("off", "Whether copies of files are checked and mended on a schedule: on or off.")
    hosting_quota_bytes: int = _setting(100_000_000_000, "Most bytes of files that the hub holds itself.")
    hosting_checks_per_run: int = _setting(200, "Most copies on other hosts that one pass checks.")
    hosting_scrub_bytes: int = _setting(50_000_000_000, "Bytes of held files that one pass reads to find damage.")
    hosting_region: str = _setting("", "Country code of two letters of where this hub is, e.g. jp.")
    dumps: str = _setting("off", "Whether everything is written to files after a harvest: on or off.")
    keep_dumps: int = _setting(2, "How many dumps are kept.")
    webhook_days: int = _setting(5, "Days after which a webhook that takes nothing is not tried any more.")
    peer_search_timeout_s: float = _setting(3.0, "Longest time that a search waits for other hubs, in seconds.")
    sources: Mapping[str, Source] = field(default_factory=dict)
    precedence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    schedules: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    references: Mapping[str, Reference] = field(default_factory=dict)
    curators: Mapping[str, Curator] = field(default_factory=dict)
    peers: Mapping[str, Peer] = field(default_factory=dict)
    hosts: Mapping[str, copy_hosts.Host] = field(default_factory=dict)
    webhooks: Mapping[str, webhook_settings.Webhook] = field(default_factory=dict)
    mirror_schedules: Mapping[str, str] = field(default_factory=dict)

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the catalogue."""
        return self.database_url or f"sqlite:///{self.data_dir / 'catalogue.sqlite'}"

    @property
    def key_file(self) -> Path:
        """File of the key that this hub signs with."""
        return self.data_dir / "keys" / "hub.pem"

    @property
    def raw_dir(self) -> Path:
        """Folder of the archives' own payloads, named by their hash."""
        return self.data_dir / "raw"

    @property
    def store_dir(self) -> Path:
        """Folder of the writer's graph store."""
        return self.data_dir / "store"

    @property
    def snapshots_dir(self) -> Path:
        """Folder of the published snapshots."""
        return self.data_dir / "snapshots"


def option_fields() -> list[tuple[str, str, Any, str]]:
    """Return (name, variable, default, help) of every plain setting."""
    plain = (f for f in fields(Settings) if "help" in f.metadata)
    return [(f.name, f"HUB_{f.name.upper()}", f.default, f.metadata["help"]) for f in plain]


def load(path: str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a file (``path``, else ``HUB_CONFIG``, else ``./hub.toml``) and the environment.

    Raises:
        ConfigError: no such file, not TOML, or a setting that is wrong; names the setting.
    """
    env = os.environ if environ is None else environ
    chosen = path or env.get("HUB_CONFIG")
    file = Path(chosen or DEFAULT_FILE)
    if not file.is_file():
        if chosen:
            raise ConfigError(f"no settings file {file}: write one, or leave out --config")
        return _settings({}, env, Path.cwd())
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(f"{file} is not TOML: {err}") from err
    return _settings(data, env, file.parent)


def _settings(data: dict[str, Any], env: Mapping[str, str], here: Path) -> Settings:
    tables, order, services, references, curators, hubs = (
        data.pop(name, {}) for name in ("sources", "precedence", "services", "references", "curators", "peers")
    )
    hosts = copy_hosts.read(data.pop("hosts", {}), here)
    webhooks = webhook_settings.read(data.pop("webhooks", {}))
    known = {name: (variable, default) for name, variable, default, _ in option_fields()}
    for name in data:
        if name not in known:
            raise ConfigError(
                f"{name}: no such setting; there are {', '.join(sorted(known))}, [precedence], [services], "
                "[references.<name>], [curators.<name>], [peers.<name>], [hosts.<name>], "
                "[webhooks.<name>] and [sources.<name>]"
            )
    values: dict[str, Any] = {}
    for name, (variable, default) in known.items():
        if variable in env:
            values[name] = _typed(variable, env[variable], type(default))
        elif name in data:
            values[name] = _typed(name, data[name], type(default))
    values["data_dir"] = (here / values.get("data_dir", "data")).absolute()
    _check(values)
    if not isinstance(tables, dict) or not isinstance(services, dict):
        raise ConfigError("sources, services: write one table [sources.<name>] for each source, and one [services]")
    if not isinstance(references, dict):
        raise ConfigError("references: write one table [references.<name>] for each")
    if not isinstance(curators, dict):
        raise ConfigError("curators: write one table [curators.<name>] for each person")
    if not isinstance(hubs, dict):
        raise ConfigError("peers: write one table [peers.<name>] for each hub")
    peers = {name: _peer(name, table, values.get("hub_name", "hub")) for name, table in hubs.items()}
    sources = {name: _source(name, table, here) for name, table in tables.items()}
    schedules = {n: str(t["schedule"]) for n, t in tables.items() if "schedule" in t}
    return Settings(
        **values,
        sources=sources,
        precedence=_precedence(order, set(sources)),
        schedules=schedules,
        services={name: _service(name, given) for name, given in services.items()},
        references={name: _reference(name, table, here) for name, table in references.items()},
        curators={name: _curator(name, table) for name, table in curators.items()},
        peers=peers,
        hosts=hosts,
        webhooks=webhooks,
        mirror_schedules={name: str(table["schedule"]) for name, table in hubs.items() if "schedule" in table},
    )


def _peer(name: str, table: Any, own: str) -> Peer:
    """Return another hub, named as it names itself."""
    if not re.fullmatch(HUB_NAME, name) or name == own:
        raise ConfigError(f"[peers.{name}]: name a peer by its hub_name, which is not this hub's own ({own})")
    if not isinstance(table, dict) or not {"url"} <= table.keys() <= set(PEER_KEYS):
        raise ConfigError(f"[peers.{name}]: write url and, as needed, {', '.join(PEER_KEYS[1:])}")
    kinds = {"url": str, "key": str, "schedule": str, "owners": list}
    wrong = [key for key, value in table.items() if not isinstance(value, kinds.get(key, bool))]
    if wrong:
        raise ConfigError(
            f"[peers.{name}] {wrong[0]}: {table[wrong[0]]!r} is not a {kinds.get(wrong[0], bool).__name__}"
        )
    if not _host(table["url"]):
        raise ConfigError(f"[peers.{name}] url: {table['url']!r} is no http or https address")
    key, owners = table.get("key", ""), table.get("owners", [])
    if not re.fullmatch("ed25519:[A-Za-z0-9+/]{43}=", key) and (key or not table.get("trust_on_first_use")):
        raise ConfigError(
            f"[peers.{name}] key: write what `hub peers key` prints at that hub, or trust_on_first_use = true"
        )
    if not all(isinstance(owner, str) and re.fullmatch(HUB_NAME, owner) for owner in owners):
        raise ConfigError(f"[peers.{name}] owners: {owners!r} is not a list of names of hubs")
    is_private = table.get("private", False) or _is_address(_host(table["url"]))
    flags = (table.get("transitive", False), is_private, table.get("sparql", False))
    return Peer(name, table["url"].rstrip("/"), key, tuple(owners), *flags)


def _curator(name: str, table: Any) -> Curator:
    if not isinstance(table, dict) or not all(isinstance(table.get(key), str) for key in CURATOR_KEYS):
        raise ConfigError(f"[curators.{name}] needs {', '.join(CURATOR_KEYS)}")
    if table.keys() - set(CURATOR_KEYS):
        raise ConfigError(f"[curators.{name}]: write only {', '.join(CURATOR_KEYS)}; never the token itself")
    if not re.fullmatch("[0-9a-f]{64}", table["token_sha256"]):
        raise ConfigError(f"[curators.{name}] token_sha256: write the hash that `hub curator token` prints")
    try:
        return Curator(name, identifiers.orcid(table["orcid"]), table["token_sha256"])
    except ValueError as err:
        raise ConfigError(f"[curators.{name}] orcid: {err}") from err


def _reference(name: str, table: Any, here: Path) -> Reference:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise ConfigError(f"[references.{name}]: name a reference in small letters, digits and hyphens")
    if not isinstance(table, dict) or not all(isinstance(table.get(key), str) for key in REFERENCE_KEYS):
        raise ConfigError(f"[references.{name}] needs {', '.join(REFERENCE_KEYS)}")
    kind, form, url = (table[key] for key in REFERENCE_KEYS)
    if "://" not in url:
        url = os.path.normpath(here.absolute() / url)
    elif not _host(url):
        raise ConfigError(f"[references.{name}] url: {url!r} is no http or https address and no file")
    return Reference(name, kind, form, url, {k: v for k, v in table.items() if k not in REFERENCE_KEYS})


def _service(name: str, given: Any) -> Service:
    """Return an endpoint that is given by its address, or by a table."""
    table = {"url": given} if isinstance(given, str) else given
    if not isinstance(table, dict) or not {"url"} <= table.keys() <= set(SERVICE_KEYS):
        raise ConfigError(f"[services] {name}: write an address, or a table of {', '.join(SERVICE_KEYS)}")
    url, inner, private = table["url"], table.get("inner", []), table.get("private", False)
    if not isinstance(url, str) or not (host := _host(url)):
        raise ConfigError(f"[services] {name}: {url!r} is no http or https address")
    if not isinstance(inner, list) or not all(isinstance(iri, str) for iri in inner) or not isinstance(private, bool):
        raise ConfigError(f"[services] {name}: inner is a list of IRIs, private is true or false")
    return Service(name, url, tuple(inner), private or _is_address(host))


def _host(url: str) -> str:
    """Return the host of an http or https address, or ""."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and not parts.fragment and not re.search(r"\s", url)
        return parts.hostname or "" if usable else ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    """Whether a host is named by its very address, so that nobody else decides where it leads."""
    return host == "localhost" or ":" in host or re.fullmatch(r"[\d.]+", host) is not None


def _precedence(table: Any, sources: set[str]) -> dict[str, tuple[str, ...]]:
    """Return whose word is shown first: names of sources by slot of the model, or by ``default``."""
    if not isinstance(table, dict):
        raise ConfigError("precedence: write a table [precedence] with lists of sources by slot")
    for slot, names in table.items():
        if slot != "default" and slot not in Dataset.model_fields:
            raise ConfigError(f"[precedence] {slot}: no slot of a dataset; write one of the model's, or default")
        mirrored = rf"[a-z0-9][a-z0-9_-]*~{HUB_NAME}"
        if not isinstance(names, list) or not all(n in sources or re.fullmatch(mirrored, str(n)) for n in names):
            raise ConfigError(
                f"[precedence] {slot}: {names!r} is not a list of names of configured sources, or of other hubs' "
                "sources as in idr~eu"
            )
    return {slot: tuple(names) for slot, names in table.items()}


def _typed(name: str, value: Any, kind: type) -> Any:
    wanted: Callable[[Any], Any] = Path if issubclass(kind, Path) else kind
    if isinstance(value, bool) or (wanted in (str, Path) and not isinstance(value, str)):
        raise ConfigError(f"{name}: {value!r} is not of the kind of its default ({kind.__name__.lower()})")
    if kind is int and isinstance(value, float):
        raise ConfigError(f"{name}: {value} is not a whole number")
    try:
        return wanted(value)
    except (TypeError, ValueError) as err:
        raise ConfigError(f"{name}: {value!r} is not a number") from err


def _check(values: dict[str, Any]) -> None:
    base = values.get("base_iri", "https://w3id.org/bioimage-hub/")
    if not re.fullmatch(r"https?://[\w.:-]+/([\w.~/-]*/)?", base, re.ASCII):
        raise ConfigError(f"base_iri: {base!r} is not an http(s) IRI that ends in a slash")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", values.get("hub_name", "hub")):
        raise ConfigError(f"hub_name: {values['hub_name']!r}: write small letters, digits and hyphens")
    if not 0 <= values.get("deletion_guard", 0.2) <= 1:
        raise ConfigError("deletion_guard: a share between 0 and 1, e.g. 0.2")
    if values.get("admin_email") and not re.fullmatch(EMAIL, values["admin_email"]):
        raise ConfigError(f"admin_email: {values['admin_email']!r} is no e-mail address")
    for name in ("thumbnails", "dumps"):
        if values.get(name, "off") not in ("on", "off"):
            raise ConfigError(f"{name}: {values[name]!r} is neither on nor off")
    if values.get("hosting", "off") not in ("on", "off"):
        raise ConfigError(f"hosting: {values['hosting']!r} is neither on nor off")
    copy_hosts.region_of("hosting_region:", values.get("hosting_region", ""))
    try:
        places.client_of("", proxies=values.get("trusted_proxies", ""))
    except ValueError as err:
        raise ConfigError(f"trusted_proxies: {err}; write e.g. 127.0.0.1, 10.0.0.0/8") from err
    for name, value in values.items():
        if isinstance(value, int | float) and name != "deletion_guard" and not value > 0:
            raise ConfigError(f"{name}: {value} is not above zero")


def _check_archive(name: str, table: dict[str, Any]) -> None:
    """An archive is one that the hub knows, or is described in the table."""
    archive = table["archive"]
    if archive in ARCHIVES:
        return
    if not re.fullmatch(r"[a-z][a-z0-9-]*", archive):
        raise ConfigError(f"[sources.{name}] archive: {archive!r}: write small letters, digits and hyphens")
    told = all(isinstance(table.get(key), str) for key in ("archive_title", "archive_homepage"))
    if not told or not re.match("https?://", table["archive_homepage"]):
        raise ConfigError(
            f"[sources.{name}] archive: {archive!r} is not one of {', '.join(ARCHIVES)}: for another one, write "
            "archive_title and archive_homepage (a web address) into the table too"
        )


def _source(name: str, table: Any, here: Path) -> Source:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise ConfigError(f"[sources.{name}]: name a source in small letters, digits and hyphens")
    if not isinstance(table, dict):
        raise ConfigError(f"[sources.{name}] is not a table")
    missing = [key for key in SOURCE_KEYS if not isinstance(table.get(key), str)]
    if missing:
        raise ConfigError(f"[sources.{name}] needs {', '.join(missing)}")
    _check_archive(name, table)
    url = table["url"]
    if "://" not in url:
        url = os.path.normpath(here / url)
    options = {k: v for k, v in table.items() if k not in (*SOURCE_KEYS, "schedule")}
    guard = options.get("deletion_guard", 0.0)
    if isinstance(guard, bool) or not isinstance(guard, int | float) or not 0 <= guard <= 1:
        raise ConfigError(f"[sources.{name}] deletion_guard: {guard!r} is not a share between 0 and 1, e.g. 0.2")
    return Source(name=name, harvester=table["harvester"], archive=table["archive"], url=url, options=options)
