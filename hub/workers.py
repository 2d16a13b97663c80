"""Killable query workers on an immutable, read-only snapshot of the graph.

The engine can neither be timed out nor cancelled, has no memory limit, and a query of a few kilobytes can overflow its
stack. So each query runs in a worker process (:mod:`hub.worker_process`); this module holds the deadline and the
byte limit, kills on breach, and replaces what was killed. One :class:`WorkerPool` serves all threads of one process.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from hub import sparql_guard, worker_process
from hub.errors import (
    NotAcceptableError,
    QueryBusyError,
    QueryError,
    QueryMemoryError,
    QueryRefusedError,
    QuerySyntaxError,
    QueryTimeoutError,
    QueryTooComplexError,
    ResultTooLargeError,
    StoreError,
)
from hub.worker_process import CONTROL, CONTROL_REPLY, FRAME, LENGTH, REQUEST

_KINDS = {
    worker_process.SOLUTIONS: "solutions",
    worker_process.BOOLEAN: "boolean",
    worker_process.GRAPH: "graph",
}
_ERRORS: dict[bytes, type[Exception]] = {
    worker_process.SYNTAX: QuerySyntaxError,
    worker_process.REFUSED: QueryRefusedError,
    worker_process.UNACCEPTABLE: NotAcceptableError,
    worker_process.MEMORY: QueryMemoryError,
    worker_process.FAILED: QueryError,
}
_READY_TIMEOUT_S = 20.0
_TICK_S = 1.0
_NOT_FETCHED = "the rest of the answer was not fetched in time"
_QUICK_US = 40_000
_RECEIVE_BYTES = worker_process.CHUNK_BYTES + 16 * 1024


class _LostError(Exception):
    """A worker or the zygote went away for a reason that is not the query's."""


class _Zygote:
    """The process that forks the workers; one request at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        self._control.settimeout(_READY_TIMEOUT_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", worker_process.__file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_clean_environment(),
            )
        self.alive = True
        self.pid = self._process.pid
        self.sealed = self._reply() == 1

    def fork(self, snapshot: Path, memory_bytes: int) -> tuple[int, socket.socket]:
        """A new worker's process id and our end of its socket; _LostError if the zygote is gone."""
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            message = CONTROL.pack(worker_process.FORK, 0, memory_bytes) + os.fsencode(snapshot)
            try:
                socket.send_fds(self._control, [message], [theirs.fileno()])
                pid = self._reply()
            except (OSError, _LostError) as error:
                ours.close()
                self.close()
                raise _LostError from error
        if pid < 0:
            ours.close()
            raise StoreError("no query worker can be started: the system refuses another process")
        return pid, ours

    def reap(self, pid: int) -> int:
        """Kill the worker if it still lives; its wait status, or -1 if that is not known."""
        with self._lock:
            try:
                self._control.sendall(CONTROL.pack(worker_process.REAP, pid, 0))
                return self._reply()
            except (OSError, _LostError):
                self.close()
                return -1

    def check(self) -> bool:
        """Whether the process still runs."""
        if self.alive and self._process.poll() is not None:
            self.close()
        return self.alive

    def close(self) -> None:
        """End the process; its workers die with it."""
        self.alive = False
        self._control.close()
        self._process.kill()
        self._process.wait()

    def _reply(self) -> int:
        data = b""
        while len(data) < CONTROL_REPLY.size:
            if not (more := self._control.recv(CONTROL_REPLY.size - len(data))):
                raise _LostError
            data += more
        return int(CONTROL_REPLY.unpack(data)[0])


def _clean_environment() -> dict[str, str]:
    """What a query process may know of our environment: where Python is, and no secrets."""
    kept = ("PATH", "HOME", "LANG", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    return environment | {"MALLOC_ARENA_MAX": "2", "RUST_BACKTRACE": "0", "PYTHONDONTWRITEBYTECODE": "1"}


class _Worker:
    """Our end of one worker process."""

    __slots__ = ("_pending", "generation", "pid", "sock", "used_at", "zygote")

    def __init__(self, zygote: _Zygote, snapshot: Path, memory_bytes: int, generation: int) -> None:
        self.zygote, self.generation, self.used_at, self._pending = zygote, generation, 0.0, b""
        self.pid, self.sock = zygote.fork(snapshot, memory_bytes)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, _QUICK_US))

    def wait_ready(self) -> None:
        """Return when the snapshot is open; StoreError if it cannot be, _LostError if the process died."""
        try:
            kind, data = self.frame(time.monotonic() + _READY_TIMEOUT_S)
        except (OSError, EOFError) as error:
            raise _LostError from error
        if kind & worker_process.KIND_MASK == worker_process.ERROR:
            raise StoreError(f"the snapshot cannot be opened: {data[1:].decode(errors='replace')}")

    def frame(self, deadline: float) -> tuple[int, bytes]:
        """The next frame; TimeoutError past the deadline, EOFError or OSError if the worker is gone."""
        data, self._pending = self._pending, b""
        while len(data) < FRAME.size:
            data += self._receive(_RECEIVE_BYTES, deadline)
        kind, length = FRAME.unpack_from(data)
        end = FRAME.size + length
        if len(data) < end:
            data = self._rest(data, end, deadline)
        elif len(data) > end:  # the next frame was on its heels
            self._pending = data[end:]
            data = data[:end]
        return kind, data[FRAME.size :]

    def _rest(self, data: bytes, end: int, deadline: float) -> bytes:
        parts, missing = [data], end - len(data)
        while missing > 0:
            more = self._receive(missing, deadline)
            parts.append(more)
            missing -= len(more)
        return b"".join(parts)

    def _receive(self, size: int, deadline: float) -> bytes:
        """Some bytes. Most answers come within the socket's own short timeout: one system call, no poll() before it."""
        try:
            data = self.sock.recv(size)
        except BlockingIOError:
            poll = select.poll()
            poll.register(self.sock, select.POLLIN)
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError from None
            data = self.sock.recv(size)
        if not data:
            raise EOFError
        return data


class QueryResult:
    """One answer: ``kind`` ("solutions", "boolean" or "graph"), ``media_type``, and the bytes by iteration.

    An answer of one piece is in ``body`` and its worker is free already. A longer one (``body`` is None) holds its
    worker until it was iterated to the end or closed. Iterating raises QueryError, QueryTimeoutError,
    ResultTooLargeError and the like in mid-answer: what was read until then must not be taken for the whole.
    """

    __slots__ = ("_deadline", "_first", "_limit", "_pool", "_worker", "body", "kind", "media_type")

    def __init__(self, kind: str, media_type: str, body: bytes | None) -> None:
        self.kind, self.media_type, self.body = kind, media_type, body
        self._first, self._deadline, self._limit = b"", 0.0, 0
        self._worker: _Worker | None = None
        self._pool: WorkerPool | None = None

    def __iter__(self) -> Iterator[bytes]:
        if self.body is not None:
            yield self.body
            return
        try:
            yield self._first
            size, last = len(self._first), False
            while not last:
                if self._worker is None or self._pool is None:
                    raise QueryTimeoutError(_NOT_FETCHED)
                data, last = self._pool._next_chunk(self, self._worker)
                size += len(data)
                if size > self._limit:
                    raise ResultTooLargeError(_too_large(self._limit))
                if data:
                    yield data
        finally:
            self.close()

    def close(self) -> None:
        """Give the worker back; one that is still busy is killed and replaced."""
        if self._pool is not None:
            self._pool._abandon(self)


def _too_large(limit: int) -> str:
    return f"the answer is longer than {limit} bytes: add a LIMIT, or ask for less"


class WorkerPool:
    """Runs queries on a snapshot in ``workers`` processes, with ``spares`` more standing by for those that are killed.

    Args:
        snapshot: folder made by ``Store.backup()``; never written while the pool uses it.
        workers: queries that run at the same time.
        spares: warm workers that take over at once from a killed one.
        timeout_s: how long one query may run.
        memory_bytes: what one query may allocate on top of a warm, idle worker.
        max_result_bytes: longest answer.
        queue_timeout_s: how long a query waits for a free worker.

    Raises:
        StoreError: the snapshot cannot be opened.
    """

    def __init__(
        self,
        snapshot: Path,
        *,
        workers: int = 4,
        spares: int = 1,
        timeout_s: float = 30.0,
        memory_bytes: int = 1024**3,
        max_result_bytes: int = 256 * 1024**2,
        queue_timeout_s: float = 10.0,
    ) -> None:
        self._snapshot, self._workers, self._spare_count = Path(snapshot), workers, spares
        self._timeout_s, self._queue_timeout_s = timeout_s, queue_timeout_s
        self._memory_bytes, self._max_result_bytes = memory_bytes, max_result_bytes
        self._mutex = threading.Lock()
        self._switching = threading.Lock()
        self._wake = threading.Event()
        self._idle: list[_Worker] = []
        self._spares: list[_Worker] = []
        self._waiting: deque[_Waiter] = deque()
        self._dead: list[_Worker] = []
        self._streams: set[QueryResult] = set()
        self._active = self._generation = 0
        self._closed = False
        self._counts = dict.fromkeys(("queries", "timeouts", "crashes", "abandoned", "forks", "zygotes"), 0)
        self._zygote = self._new_zygote()
        try:
            self._adopt(self._start_all(self._snapshot, self._generation))
        except BaseException:
            self._zygote.close()
            self._bury()
            raise
        self._keeper = threading.Thread(target=self._keep, name="hub-workers", daemon=True)
        self._keeper.start()

    def query(
        self,
        text: str,
        accept_format: str = "",
        *,
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
        timeout_s: float | None = None,
    ) -> QueryResult:
        """Run one query; its answer, whole or begun.

        Args:
            text: a SPARQL query. :mod:`hub.sparql_guard` should have looked at it.
            accept_format: media type of the answer; "" for JSON results or Turtle, whichever fits.
            default_graphs: graph IRIs that make up the default graph, as in the SPARQL protocol.
            named_graphs: graph IRIs that ``GRAPH`` sees, if either of the two is given.
            timeout_s: a shorter or longer deadline than the pool's.

        Raises:
            QuerySyntaxError, QueryRefusedError, QueryTooComplexError, QueryTimeoutError, QueryMemoryError,
            QueryBusyError, ResultTooLargeError: see :mod:`hub.errors`.
            NotAcceptableError: the media type does not fit the form of the query.
            QueryError: the engine failed otherwise.

        Source: https://www.w3.org/TR/sparql11-protocol/#dataset
        """
        if not self._zygote.sealed:
            sparql_guard.check(text)
        request = _request(text, accept_format, default_graphs, named_graphs)
        queue_until = time.monotonic() + self._queue_timeout_s
        while True:
            worker = self._acquire(queue_until)
            worker.used_at = time.monotonic()
            deadline = worker.used_at + (self._timeout_s if timeout_s is None else timeout_s)
            try:
                return self._ask(worker, request, accept_format, deadline)
            except _LostError:
                continue

    def switch(self, snapshot: Path) -> None:
        """Serve new queries from another snapshot; those that run finish on the old one.

        Raises:
            StoreError: the snapshot cannot be opened; the old one stays in use.
        """
        with self._switching:
            fresh = self._start_all(Path(snapshot), self._generation + 1)
            with self._mutex:
                self._snapshot, self._generation = Path(snapshot), self._generation + 1
                self._dead += self._idle + self._spares
                self._idle, self._spares = [], []
                self._adopt(fresh)
        self._wake.set()

    def close(self) -> None:
        """End all workers and the zygote; queries that run fail."""
        self._closed = True
        self._wake.set()
        self._keeper.join()
        self._zygote.close()
        with self._mutex:
            self._dead += self._idle + self._spares
            self._idle, self._spares = [], []
        self._bury()

    def stats(self) -> dict[str, int | bool]:
        """Counts since the start, the processes of now, and whether the kernel seals them (``sealed``)."""
        with self._mutex:
            now = {"idle": len(self._idle), "spares": len(self._spares), "waiting": len(self._waiting)}
        sizes = {"workers": self._workers, "generation": self._generation, "zygote_pid": self._zygote.pid}
        return self._counts | now | sizes | {"sealed": self._zygote.sealed}

    # ── one query ────────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, worker: _Worker, request: bytes, media_type: str, deadline: float) -> QueryResult:
        """Send a request and read the first frame; the worker is given back or lost on every way out."""
        try:
            worker.sock.sendall(request)
            flags, data = worker.frame(deadline)
        except TimeoutError:
            self._timed_out(worker)
        except (EOFError, OSError) as error:
            self._crashed(worker, error)
        except BaseException:
            self._lose(worker)
            raise
        self._counts["queries"] += 1
        kind = flags & worker_process.KIND_MASK
        result = QueryResult(_KINDS.get(kind, ""), media_type, data if flags & worker_process.LAST else None)
        if result.body is not None:
            self._release(worker, flags)
        if kind == worker_process.ERROR:
            _raise_reported(data)
        if len(data) > self._max_result_bytes:
            if result.body is None:
                self._lose(worker)
            raise ResultTooLargeError(_too_large(self._max_result_bytes))
        if result.body is None:
            self._begin_stream(result, worker, data, deadline)
        return result

    def _begin_stream(self, result: QueryResult, worker: _Worker, first: bytes, deadline: float) -> None:
        result._pool, result._worker, result._first = self, worker, first
        result._deadline, result._limit = deadline, self._max_result_bytes
        with self._mutex:
            self._streams.add(result)

    def _next_chunk(self, result: QueryResult, worker: _Worker) -> tuple[bytes, bool]:
        """The next piece of a long answer and whether it is the last; gives the worker back after that."""
        try:
            if time.monotonic() > result._deadline:
                raise TimeoutError
            flags, data = worker.frame(result._deadline)
        except TimeoutError:
            if self._take_stream(result) is None:
                raise QueryTimeoutError(_NOT_FETCHED) from None
            self._timed_out(worker)
        except (EOFError, OSError) as error:
            if self._take_stream(result) is None:
                raise QueryTimeoutError(_NOT_FETCHED) from None
            try:
                self._crashed(worker, error)
            except _LostError:
                raise QueryError("the query process was lost in mid-answer: try again") from None
        last = bool(flags & worker_process.LAST)
        if last and self._take_stream(result) is not None:
            self._release(worker, flags)
        if flags & worker_process.KIND_MASK == worker_process.ERROR:
            _raise_reported(data)
        return data, last

    def _take_stream(self, result: QueryResult) -> _Worker | None:
        """Take the worker out of a result, once only."""
        with self._mutex:
            worker, result._worker = result._worker, None
            self._streams.discard(result)
            return worker

    def _abandon(self, result: QueryResult) -> None:
        if (worker := self._take_stream(result)) is not None:
            self._counts["abandoned"] += 1
            self._lose(worker)

    def _timed_out(self, worker: _Worker) -> NoReturn:
        self._counts["timeouts"] += 1
        self._lose(worker)
        raise QueryTimeoutError(
            f"the query ran longer than {time.monotonic() - worker.used_at:.1f} s and was stopped: narrow it"
        ) from None

    def _crashed(self, worker: _Worker, cause: BaseException) -> NoReturn:
        """Raise what the end of the process means; _LostError if it was not the query's doing."""
        seconds = time.monotonic() - worker.used_at
        status = worker.zygote.reap(worker.pid)
        self._lose(worker)
        ended_by = os.WTERMSIG(status) if status >= 0 and os.WIFSIGNALED(status) else 0
        if status < 0 or ended_by == 0 or (ended_by == signal.SIGKILL and seconds < 0.05):
            raise _LostError from cause
        self._counts["crashes"] += 1
        if ended_by in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL):
            raise QueryTooComplexError("the query is nested too deep: simplify it") from None
        raise QueryMemoryError("the query needed more memory than one query may have: narrow it") from None

    # ── workers come and go ──────────────────────────────────────────────────────────────────────────────────────

    def _acquire(self, until: float) -> _Worker:
        """A free worker; QueryBusyError when none becomes free in time."""
        with self._mutex:
            if self._idle:
                return self._idle.pop()
            if self._closed:
                raise QueryBusyError("the service is shutting down")
            waiter = _Waiter()
            self._waiting.append(waiter)
        if waiter.signal.acquire(timeout=max(0.0, until - time.monotonic())) and waiter.worker is not None:
            return waiter.worker
        with self._mutex:
            if waiter.worker is not None:
                return waiter.worker
            if waiter in self._waiting:
                self._waiting.remove(waiter)
        raise QueryBusyError("all query workers are busy: try again in a moment")

    def _release(self, worker: _Worker, flags: int) -> None:
        """Give a worker back after its query."""
        with self._mutex:
            if not flags & worker_process.RETIRED and worker.generation == self._generation and worker.zygote.alive:
                self._give(worker)
                return
        self._lose(worker)

    def _give(self, worker: _Worker) -> None:
        """Hand the worker to whoever waits longest, or keep it on top of the idle ones (the mutex is held)."""
        if self._waiting:
            waiter = self._waiting.popleft()
            waiter.worker = worker
            waiter.signal.release()
        else:
            self._idle.append(worker)

    def _lose(self, worker: _Worker) -> None:
        """Let a spare take the worker's place and have it killed."""
        if self._closed:
            worker.sock.close()
            return
        with self._mutex:
            self._dead.append(worker)
            if worker.generation == self._generation:
                self._active -= 1
                self._promote()
        self._wake.set()

    def _promote(self) -> None:
        while self._spares and self._active < self._workers:
            self._active += 1
            self._give(self._spares.pop())

    def _adopt(self, fresh: list[_Worker]) -> None:
        """Make these the workers of the pool (the mutex is held)."""
        self._active, self._spares = 0, fresh
        self._promote()

    def _start_all(self, snapshot: Path, generation: int) -> list[_Worker]:
        """Fork a full set, then wait until all are ready; StoreError if the snapshot cannot be opened."""
        for _ in range(3):
            try:
                return self._start(self._workers + self._spare_count, snapshot, generation)
            except _LostError:
                self._check_zygote()
        raise StoreError(f"query workers die while they open {snapshot}")

    def _start(self, count: int, snapshot: Path, generation: int) -> list[_Worker]:
        fresh: list[_Worker] = []
        try:
            for _ in range(count):
                fresh.append(_Worker(self._zygote, snapshot, self._memory_bytes, generation))
                self._counts["forks"] += 1
            for worker in fresh:
                worker.wait_ready()
        except BaseException:
            with self._mutex:
                self._dead += fresh
            raise
        return fresh

    def _new_zygote(self) -> _Zygote:
        self._counts["zygotes"] += 1
        try:
            return _Zygote()
        except (OSError, _LostError) as error:
            raise StoreError("the query processes cannot be started") from error

    # ── housekeeping, in a thread of its own ─────────────────────────────────────────────────────────────────────

    def _keep(self) -> None:
        while not self._closed:
            self._wake.wait(_TICK_S)
            self._wake.clear()
            try:
                self._bury()
                self._end_overdue_streams()
                with self._switching:
                    self._check_zygote()
                    self._refill()
            except (_LostError, StoreError, OSError):
                time.sleep(0.1)  # tried again at the next tick; queries meet QueryBusyError meanwhile
        self._bury()

    def _bury(self) -> None:
        with self._mutex:
            dead, self._dead = self._dead, []
        for worker in dead:
            worker.sock.close()
            if worker.zygote.alive:
                worker.zygote.reap(worker.pid)

    def _end_overdue_streams(self) -> None:
        """Take workers from readers that fetch too slowly."""
        now = time.monotonic()
        with self._mutex:
            overdue = [result for result in self._streams if now > result._deadline + _TICK_S / 2]
        for result in overdue:
            if (worker := self._take_stream(result)) is not None:
                self._counts["timeouts"] += 1
                self._lose(worker)

    def _check_zygote(self) -> None:
        """Start another zygote if it died, without its workers, which died too."""
        if self._zygote.check():
            return
        self._zygote = self._new_zygote()
        with self._mutex:
            self._active -= len(self._idle)
            self._dead += self._idle + self._spares
            self._idle, self._spares = [], []

    def _refill(self) -> None:
        """Fork one worker at a time until the set is full again."""
        while not self._closed:
            with self._mutex:
                if self._active + len(self._spares) >= self._workers + self._spare_count:
                    return
            (worker,) = self._start(1, self._snapshot, self._generation)
            with self._mutex:
                self._spares.append(worker)
                self._promote()


class _Waiter:
    """A thread that waits for a worker."""

    __slots__ = ("signal", "worker")

    def __init__(self) -> None:
        self.worker: _Worker | None = None
        self.signal = threading.Lock()
        self.signal.acquire()


def _request(text: str, media_type: str, default_graphs: Sequence[str], named_graphs: Sequence[str]) -> bytes:
    media, query = media_type.encode(), text.encode("utf-8", "surrogatepass")
    names = b""
    if default_graphs or named_graphs:
        encoded = [graph.encode("utf-8", "surrogatepass") for graph in (*default_graphs, *named_graphs)]
        names = b"".join(LENGTH.pack(len(name)) + name for name in encoded)
    length = len(media) + len(names) + len(query)
    return REQUEST.pack(length, len(media), len(default_graphs), len(named_graphs)) + media + names + query


def _raise_reported(data: bytes) -> NoReturn:
    """Raise the error that the worker reported."""
    raise _ERRORS.get(data[:1], QueryError)(data[1:].decode(errors="replace"))
