"""What runs inside the query processes: a zygote, and the workers that it forks.

Started by :mod:`hub.workers` as a script in a clean interpreter; imports the standard library and pyoxigraph only.
The zygote keeps one thread, so its forks are safe; it obeys ``FORK``, ``REAP`` and ``KILL`` on the socket whose
descriptor is its only argument, and ends when that socket does. A worker opens one read-only snapshot and answers one
query at a time.

A process that runs somebody else's query is sealed: no socket but AF_UNIX (so SERVICE reaches nobody), no new
program, no byte into a file, no core dump, limited address space, first choice of the kernel's OOM killer, and it dies
with its zygote.

Source: https://man7.org/linux/man-pages/man2/seccomp.2.html · https://man7.org/linux/man-pages/man2/prctl.2.html
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import pyoxigraph as ox

CONTROL = struct.Struct("!BIQ")
"""Parent → zygote: operation, worker's process id, memory budget in bytes; FORK adds the snapshot and a socket."""
FORK, REAP, KILL = 1, 2, 3
CONTROL_REPLY = struct.Struct("!i")
"""Zygote → parent: the new process id, the wait status of the reaped one (-1: unknown), or 0 for a killed one."""

REQUEST = struct.Struct("!IBHH")
"""Parent → worker: length of what follows, of the media type, count of default graphs, of named graphs."""
LENGTH = struct.Struct("!I")
FRAME = struct.Struct("!BI")
"""Worker → parent: what it is (a kind and flags), length of the data that follows."""

DATA, SOLUTIONS, BOOLEAN, GRAPH, ERROR = 0, 1, 2, 3, 4
KIND_MASK, RETIRED, LAST = 0x0F, 0x40, 0x80
SYNTAX, REFUSED, UNACCEPTABLE, MEMORY, FAILED = b"S", b"R", b"A", b"M", b"F"

CHUNK_BYTES = 64 * 1024
STACK_BYTES = 512 * 1024 * 1024
"""Virtual size of the query thread's stack: the engine's parser and planner recurse (8 MiB end at a depth of 900)."""

_REAP_S = 0.5
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 1, 38, 22, 2
_AF_UNIX, _EPERM = 1, 1
# machine → (AUDIT_ARCH value, number of socket, numbers denied outright: execve, execveat, ptrace, io_uring_setup)
_SYSCALLS = {
    "x86_64": (0xC000003E, 41, (59, 322, 101, 425)),
    "aarch64": (0xC00000B7, 198, (221, 281, 117, 425)),
}


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def seccomp_filter(machine: str) -> bytes | None:
    """The BPF program that seals a process on this machine, or None where its system call numbers are not known.

    Source: https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
    """
    if machine not in _SYSCALLS:
        return None
    arch, socket_call, denied = _SYSCALLS[machine]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    allow, deny = 0x7FFF0000, 0x00050000 | _EPERM
    body = [(equal, number) for number in denied]
    steps: list[tuple[int, int, int, int]] = [(load, 0, 0, 4), (equal, 1, 0, arch), (give, 0, 0, deny), (load, 0, 0, 0)]
    steps.append((at_least, len(body) + 3, 0, 0x40000000))  # the x32 numbers of x86_64
    steps += [(code, len(body) + 2 - i, 0, number) for i, (code, number) in enumerate(body)]
    steps += [(equal, 0, 3, socket_call), (load, 0, 0, 16), (equal, 1, 0, _AF_UNIX)]
    steps += [(give, 0, 0, deny), (give, 0, 0, allow)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def seal() -> bool:
    """Deny sockets other than AF_UNIX and new programs to this process and its children; False if it cannot be done."""
    program = seccomp_filter(platform.machine())
    if program is None or not sys.platform.startswith("linux"):
        return False
    buffer = ctypes.create_string_buffer(program, len(program))
    descriptor = _Program(len(program) // 8, ctypes.addressof(buffer))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong]
    if prctl(_PR_SET_NO_NEW_PRIVS, 1, None, 0, 0) != 0:
        return False
    return bool(prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(descriptor), 0, 0) == 0)


def _virtual_bytes() -> int:
    """Address space in use, or 0 where there is no /proc."""
    try:
        with Path("/proc/self/statm").open("rb") as statm:
            return int(statm.read().split(None, 1)[0]) * resource.getpagesize()
    except OSError:
        return 0


class _Sink:
    """The file-like object that the engine serialises into: sends frames of about CHUNK_BYTES."""

    __slots__ = ("_kind", "_parts", "_size", "_sock")

    def __init__(self, sock: socket.socket, kind: int) -> None:
        self._sock, self._kind, self._parts, self._size = sock, kind, [b""], 0

    def write(self, data: bytes) -> int:
        """Take some bytes; send a frame when there are enough."""
        self._parts.append(data)
        self._size += len(data)
        if self._size >= CHUNK_BYTES:
            self._send(0)
        return len(data)

    def flush(self) -> None:
        """Nothing: frames are sent when full."""

    def finish(self, flags: int) -> None:
        """Send what is left, as the last frame."""
        self._send(LAST | flags)

    def _send(self, flags: int) -> None:
        self._parts[0] = FRAME.pack(self._kind | flags, self._size)
        self._sock.sendall(b"".join(self._parts))
        self._kind, self._parts, self._size = DATA, [b""], 0


class _Worker:
    """Answers queries on one snapshot until its socket closes or it grew too big."""

    def __init__(self, sock: socket.socket, snapshot: str, memory_bytes: int) -> None:
        self._sock, self._memory_bytes = sock, memory_bytes
        self._store: Any = ox.Store.read_only(snapshot)
        self._limit = self._count = 0
        self._formats: dict[bytes, tuple[Any, Any]] = {}

    def serve(self) -> None:
        """Warm up, say so, then answer for as long as the parent asks."""
        self._store.query("SELECT * { ?s ?p ?o } LIMIT 1").serialize(format=ox.QueryResultsFormat.JSON)
        self._limit = _virtual_bytes() + self._memory_bytes
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (self._limit, self._limit))
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        self._sock.sendall(FRAME.pack(DATA | LAST, 0))
        while request := self._receive():
            if not self._answer(*request):
                return

    def _receive(self) -> tuple[bytes, int, int, bytes] | None:
        data = self._sock.recv(CHUNK_BYTES)
        while len(data) < REQUEST.size:
            if not (more := self._sock.recv(CHUNK_BYTES)):
                return None
            data += more
        length, media, defaults, named = REQUEST.unpack_from(data)
        parts, size = [data], len(data)
        while size < REQUEST.size + length:
            if not (more := self._sock.recv(CHUNK_BYTES)):
                return None
            parts.append(more)
            size += len(more)
        data = data if len(parts) == 1 else b"".join(parts)
        start = REQUEST.size + media
        return data[REQUEST.size : start], defaults, named, data[start:]

    def _answer(self, media_type: bytes, defaults: int, named: int, rest: bytes) -> bool:
        """Answer one query; False if this worker should not take another."""
        started = time.monotonic()
        try:
            options: dict[str, Any] = {}
            if defaults or named:
                options["default_graph"], rest = _graphs(rest, defaults)
                options["named_graphs"], rest = _graphs(rest, named)
            results = self._store.query(rest.decode(), **options)
            kind, output = self._output(results, media_type)
            sink = _Sink(self._sock, kind)
            results.serialize(sink, output)
        except (SyntaxError, ValueError) as error:
            return self._fail(SYNTAX, error)
        except _UnacceptableError as error:
            return self._fail(UNACCEPTABLE, error)
        except MemoryError:
            self._fail(MEMORY, "out of memory", RETIRED)
            return False
        except Exception as error:
            return self._fail(_error_code(error), error)
        stays = self._has_room(time.monotonic() - started)
        sink.finish(0 if stays else RETIRED)
        return stays

    def _output(self, results: Any, media_type: bytes) -> tuple[int, Any]:
        """Kind of the result and the engine's format for it."""
        if (formats := self._formats.get(media_type)) is None:
            name = media_type.decode()
            formats = (ox.QueryResultsFormat.from_media_type(name), ox.RdfFormat.from_media_type(name))
            self._formats[media_type] = formats
        if isinstance(results, ox.QueryTriples):
            kind, output = GRAPH, formats[1] or (None if media_type else ox.RdfFormat.TURTLE)
        else:
            kind = BOOLEAN if isinstance(results, ox.QueryBoolean) else SOLUTIONS
            output = formats[0] or (None if media_type else ox.QueryResultsFormat.JSON)
        if output is None:
            what = "an RDF graph" if kind == GRAPH else "SPARQL results"
            raise _UnacceptableError(
                f"this query answers with {what}, which cannot be written as {media_type.decode()}"
            )
        return kind, output

    def _has_room(self, seconds: float) -> bool:
        """Whether half of the budget is still free (looked at after slow queries, and now and then)."""
        self._count += 1
        if seconds < 0.02 and self._count % 256:
            return True
        return self._limit - _virtual_bytes() > self._memory_bytes // 2

    def _fail(self, code: bytes, error: object, flags: int = 0) -> bool:
        message = code + str(error).encode(errors="replace")[:4000]
        self._sock.sendall(FRAME.pack(ERROR | LAST | flags, len(message)) + message)
        return True


class _UnacceptableError(Exception):
    """The media type asked for does not fit the form of the query."""


def _graphs(data: bytes, count: int) -> tuple[list[ox.NamedNode], bytes]:
    """``count`` graph names from the head of the data, and the rest; ValueError for what is not an IRI."""
    graphs, start = [], 0
    for _ in range(count):
        end = start + LENGTH.size + LENGTH.unpack_from(data, start)[0]
        graphs.append(ox.NamedNode(data[start + LENGTH.size : end].decode()))
        start = end
    return graphs, data[start:]


def _error_code(error: Exception) -> bytes:
    """What an engine error means to the user."""
    text = str(error)
    if "JSON-LD does not support" in text:
        return UNACCEPTABLE
    outward = "HTTP" in text or "service" in text.lower() or "not permitted" in text
    return REFUSED if outward else FAILED


def _serve(sock: socket.socket, snapshot: str, memory_bytes: int) -> None:
    try:
        worker = _Worker(sock, snapshot, memory_bytes)
    except Exception as error:
        message = FAILED + str(error).encode(errors="replace")
        sock.sendall(FRAME.pack(ERROR | LAST, len(message)) + message)
        return
    with contextlib.suppress(OSError):
        worker.serve()


def _run_worker(sock: socket.socket, snapshot: str, memory_bytes: int, zygote: int) -> NoReturn:
    """Life of a forked worker: the query thread has the large stack, this one only waits for it."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() == zygote:
        threading.stack_size(STACK_BYTES)
        thread = threading.Thread(target=_serve, args=(sock, snapshot, memory_bytes), daemon=True)
        thread.start()
        thread.join()
    os._exit(0)


def _fork(control: socket.socket, fd: int, snapshot: str, memory_bytes: int) -> int:
    zygote = os.getpid()
    pid = os.fork()
    if pid:
        os.close(fd)
        return pid
    try:
        control.close()
        _run_worker(socket.socket(fileno=fd), snapshot, memory_bytes, zygote)
    finally:
        os._exit(1)


class _Killed:
    """Workers that were killed and may still be ending; one that had much memory takes long."""

    def __init__(self) -> None:
        self._pids: set[int] = set()

    def __len__(self) -> int:
        return len(self._pids)

    def add(self, pid: int) -> None:
        """Kill a worker; nobody waits for its end."""
        with contextlib.suppress(ChildProcessError):  # reaped before; the number may be another process by now
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                os.kill(pid, signal.SIGKILL)
                self._pids.add(pid)

    def reap(self) -> None:
        """Forget those that have ended."""
        self._pids = {pid for pid in self._pids if os.waitpid(pid, os.WNOHANG)[0] == 0}


def _reap(pid: int) -> int:
    """Kill the worker if it lives; how it ended, -1 if nobody knows."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if not ended:
            os.kill(pid, signal.SIGKILL)
            status = os.waitpid(pid, 0)[1]
    except ChildProcessError:  # reaped before; the number may be another process by now
        return -1
    return status


def _harden() -> bool:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("900")
    return seal()


def main(control: socket.socket) -> None:
    """Life of the zygote: says whether it is sealed, then forks, reaps and kills until the parent closes the socket."""
    control.sendall(CONTROL_REPLY.pack(int(_harden())))
    killed = _Killed()
    while True:
        control.settimeout(_REAP_S if killed else None)
        try:
            message, fds, _, _ = socket.recv_fds(control, 8192, 1)
        except TimeoutError:
            killed.reap()
            continue
        if len(message) < CONTROL.size:
            return
        operation, pid, memory_bytes = CONTROL.unpack_from(message)
        if operation == FORK:
            try:
                reply = _fork(control, fds[0], os.fsdecode(message[CONTROL.size :]), memory_bytes)
            except OSError:
                os.close(fds[0])
                reply = -1
        elif operation == REAP:
            reply = _reap(pid)
        else:
            reply = 0
            killed.add(pid)
        control.sendall(CONTROL_REPLY.pack(reply))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
