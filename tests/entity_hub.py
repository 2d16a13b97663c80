"""One small hub for the tests of entity pages: the bundled sample, and a second source that contradicts the first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from harvesters.contract import Source
from hub.config import Settings
from hub.ingest import harvest
from hub.web.app import Hub
from tests.support import DEMO, demo_settings

ADA = "https://orcid.org/0000-0002-1825-0097"
BY_NC = "https://creativecommons.org/licenses/by-nc/4.0/"
_made: list[Settings] = []


def crate(accession: str, title: str, authors: list[str], number: str) -> dict[str, Any]:
    """Return a crate of a study of people with ORCID iDs, paid for by one grant."""
    people = [{"@id": iri, "@type": "Person", "name": f"Person {iri[-4:]}", "affiliation": []} for iri in authors]
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [
            {
                "@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            },
            {
                "@id": "./", "@type": "Dataset", "name": title, "identifier": accession, "description": "Cells.",
                "datePublished": "2024-05-01", "license": "https://creativecommons.org/licenses/by/4.0/",
                "url": f"https://www.ebi.ac.uk/biostudies/bioimages/studies/{accession}",
                "author": [{"@id": one} for one in authors], "funder": [{"@id": "#grant"}],
            },
            {"@id": "#grant", "@type": "Grant", "name": f"Example Trust {number}", "identifier": number},
            *people,
        ],
    }  # fmt: skip


def built(folder: Path) -> Settings:
    """Return the settings of the hub; it is built once."""
    if _made:
        return _made[0]
    found = demo_settings(folder, ("bia", "idr", "ssbd", "empiar"))
    mirror, people = folder / "mirror", folder / "people"
    mirror.mkdir()
    people.mkdir()
    told = json.loads((DEMO / "bia" / "S-BIAD824-ro-crate-metadata.json").read_text(encoding="utf-8"))
    root = next(node for node in told["@graph"] if "Dataset" in node["@type"])
    root.update(license=BY_NC, name="Another title")
    (mirror / "S-BIAD824-ro-crate-metadata.json").write_text(json.dumps(told), encoding="utf-8")
    for accession, number in (("S-BIAD9001", "EX/1 2"), ("S-BIAD9002", "ex-1-2"), ("S-BIAD9003", "EX/3")):
        text = json.dumps(crate(accession, f"Study {accession}", [ADA], number))
        (people / f"{accession}-ro-crate-metadata.json").write_text(text, encoding="utf-8")
    more = {
        name: Source(name=name, harvester="crates", archive=archive, url=str(folder / name))
        for name, archive in (("mirror", "mirror-archive"), ("people", "bia"))
    }
    settings = replace(found, sources={**found.sources, **more})
    assert all(outcome.error is None for outcome in harvest(settings, list(settings.sources)))
    _made.append(settings)
    return settings


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Pages of the hub."""
    hub = Hub(built(tmp_path_factory.mktemp("entities")))
    yield Client(hub, Response)
    hub.close()
