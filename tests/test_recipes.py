"""Every block of docs/recipes.md is run against a served hub, and prints what the page shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from werkzeug.serving import make_server

from hub import config
from hub.cli import build_demo
from hub.ingest import harvest
from hub.web.app import Hub

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "recipes.md"
ADDRESS = "https://hub.example.org"
LANGUAGES = ("python", "r", "sh")


class Block(NamedTuple):
    """One block of code, and what it is to print."""

    recipe: str
    language: str
    code: str
    shown: str


def blocks() -> list[Block]:
    found = []
    for title, body in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.S | re.M):
        parts = dict(re.findall(r"```(\w+)\n(.*?)```", body, re.S))
        found += [Block(title, language, parts[language], parts["text"]) for language in LANGUAGES]
    return found


BLOCKS = blocks()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = config.load(str(build_demo(tmp_path_factory.mktemp("recipes"))), environ={})
    harvest(settings, sorted(settings.sources))
    site = Hub(settings)
    server = make_server("127.0.0.1", 0, site, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    site.close()


COMMANDS = {"python": [sys.executable], "r": ["Rscript", "--vanilla"], "sh": ["sh", "-eu"]}


def run(language: str, code: str, folder: Path) -> str:
    """Return what a block prints."""
    (folder / "recipe").write_text(code, encoding="utf-8")
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*COMMANDS[language], "recipe"],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def has_r() -> bool:
    if shutil.which("Rscript") is None:
        return False
    return subprocess.run(["Rscript", "-e", "library(jsonlite)"], capture_output=True, check=False).returncode == 0


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def test_there_are_ten_recipes_in_every_language() -> None:
    assert len(BLOCKS) == 10 * len(LANGUAGES)
    assert all(ADDRESS in block.code for block in BLOCKS)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: f"{b.recipe.partition('.')[0]}-{b.language}")
def test_recipe_prints_what_the_page_shows(block: Block, url: str, tmp_path: Path) -> None:
    if block.language == "r" and not has_r():
        pytest.skip("R with jsonlite is not installed: apt-get install r-base-core r-cran-jsonlite")
    assert lines(run(block.language, block.code.replace(ADDRESS, url), tmp_path)) == lines(block.shown)
