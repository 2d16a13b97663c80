"""The other SPARQL servers that the hub is measured against, each loaded with the statements of one snapshot.

Source: https://docs.openlinksw.com/virtuoso/rdfperfloading/ · https://github.com/vemonet/rdflib-endpoint
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pyoxigraph import DefaultGraph, RdfFormat, Store

from tests.benchmarks.corpus import ROOT
from tests.benchmarks.servers import Server, free_port, running

DEFAULT_GRAPH = "urn:bench:default"
LOAD_S = 1200.0
RDFLIB_VENV = ROOT / "build" / "peers" / "rdflib-endpoint"
_VERSION = re.compile(r"^Version:? (\S+)", re.MULTILINE)
_ISQL = ("isql-vt", "isql-v", "isql")
# Buffers of 8 KiB: the maker's recommendation for 4 GB of free memory. Source: virtuoso.ini of the package
_VIRTUOSO = """[Database]
DatabaseFile = {home}/virtuoso.db
ErrorLogFile = {home}/virtuoso.log
LockFile = {home}/virtuoso.lck
TransactionFile = {home}/virtuoso.trx
xa_persistent_file = {home}/virtuoso.pxa
MaxCheckpointRemap = 100000
[TempDatabase]
DatabaseFile = {home}/temporary.db
TransactionFile = {home}/temporary.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DirsAllowed = {home}
NumberOfBuffers = 340000
MaxDirtyBuffers = 250000
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerThreads = 16
MaxClientConnections = 16
[SPARQL]
ResultSetMaxRows = 10000000
"""
_LOAD = (
    "ld_dir('{home}', 'data.nq', '{graph}'); rdf_loader_run(); checkpoint; "
    "select 'LOADED', count(*) from DB.DBA.load_list where ll_state = 2 and ll_error is null;"
)


class PeerMissingError(RuntimeError):
    """A peer is not installed here."""


@contextmanager
def virtuoso(graph: Path, home: Path, log: Path) -> Iterator[Server]:
    """Serve with Virtuoso: all graphs of the snapshot, its default graph as one of them, which queries then ask.

    Args:
        graph: the snapshot's store.
        home: folder for its database; one that was loaded there before is served again.
        log: file for what it says.

    Raises:
        PeerMissingError: Virtuoso is not installed.
        RuntimeError: it does not start, or does not load.
    """
    isql = next(filter(None, map(shutil.which, _ISQL)), None)
    if shutil.which("virtuoso-t") is None or isql is None:
        raise PeerMissingError("no Virtuoso: apt-get install virtuoso-opensource-7-bin virtuoso-opensource-7-common")
    home = home / "virtuoso"
    loaded = home / "loaded"
    if not loaded.exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        Store.read_only(str(graph)).dump(str(home / "data.nq"), RdfFormat.N_QUADS)
    sql, http = free_port(), free_port()
    (home / "virtuoso.ini").write_text(_VIRTUOSO.format(home=home, sql=sql, http=http), encoding="utf-8")
    command = ["virtuoso-t", "+configfile", str(home / "virtuoso.ini"), "+foreground"]
    server = Server(f"http://127.0.0.1:{http}", "/sparql", DEFAULT_GRAPH, "virtuoso")
    with running(command, server.base, server.path("ASK{}"), log, start_s=60) as session:
        if not loaded.exists():
            _load(isql, sql, home)
            (home / "data.nq").unlink()
            loaded.touch()
        yield replace(server, session=session)


def _load(isql: str, port: int, home: Path) -> None:
    command = [isql, f"127.0.0.1:{port}", "dba", "dba", "VERBOSE=OFF", "BANNER=OFF", "PROMPT=OFF", "ERRORS=STDOUT"]
    command.append("exec=" + _LOAD.format(home=home, graph=DEFAULT_GRAPH))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LOAD_S)
    if done.stdout.split()[-2:] != ["LOADED", "1"]:
        raise RuntimeError(f"Virtuoso did not load the data: {done.stdout[-2000:]}{done.stderr[-2000:]}")


@contextmanager
def rdflib_endpoint(graph: Path, home: Path, log: Path) -> Iterator[Server]:
    """Serve the snapshot's default graph with rdflib-endpoint, over oxrdflib's store: rdflib's own is slower still.

    Raises:
        PeerMissingError: it cannot be installed.
        RuntimeError: it does not start.
    """
    executable = install_rdflib_endpoint()
    home = home / "rdflib"
    home.mkdir()
    data, port = home / "data.nt", free_port()
    Store.read_only(str(graph)).dump(str(data), RdfFormat.N_TRIPLES, from_graph=DefaultGraph())
    options = ["--host", "127.0.0.1", "--port", str(port), "--store", "Oxigraph"]
    server = Server(f"http://127.0.0.1:{port}", "/", name="rdflib")
    command = [str(executable), "serve", *options, str(data)]
    with running(command, server.base, server.path("ASK{}"), log, start_s=300) as session:
        yield replace(server, session=session)
    shutil.rmtree(home)


def install_rdflib_endpoint() -> Path:
    """Return the command, installed into an environment of its own: its dependencies are none of ours.

    Raises:
        PeerMissingError: it cannot be installed.
    """
    executable = RDFLIB_VENV / "bin" / "rdflib-endpoint"
    if executable.is_file():
        return executable
    pip = [str(RDFLIB_VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(RDFLIB_VENV)], [*pip, "rdflib-endpoint", "oxrdflib", "uvicorn"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
        if done.returncode:
            shutil.rmtree(RDFLIB_VENV, ignore_errors=True)
            raise PeerMissingError(f"no rdflib-endpoint: {done.stderr[-500:]}")
    return executable


def versions() -> dict[str, str]:
    """Return the versions of the peers that are installed."""
    asked = {
        "virtuoso": ["virtuoso-t", "-?"],
        "rdflib-endpoint": [str(RDFLIB_VENV / "bin" / "pip"), "show", "rdflib-endpoint"],
        "oxrdflib": [str(RDFLIB_VENV / "bin" / "pip"), "show", "oxrdflib"],
    }
    found = {name: _VERSION.search(_said(command)) for name, command in asked.items()}
    return {name: match[1] for name, match in found.items() if match}


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout + done.stderr


if __name__ == "__main__":
    print(install_rdflib_endpoint(), versions())
