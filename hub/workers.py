"""Killable query workers on an immutable, read-only snapshot of the graph.

The engine can neither be timed out nor cancelled, has no memory limit, and a query of a few kilobytes can overflow its
stack. So each query runs in a worker process (:mod:`hub.worker_process`); this module holds the deadline and the
byte limit, kills on breach or when the caller has left, and replaces what was killed. One :class:`WorkerPool` serves
all threads of one process; clients that wait (:mod:`hub.places`) take turns.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from hub import places, sparql_guard, worker_process
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
from hub.places import LEFT, LOOK_S, Caller, CallerGoneError, Lane, Turns
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
_AT_ONCE_S = 0.04
"""How long an answer is waited for in a system call of its own."""
_QUICK_S = 0.25
"""How long a query may take as a quick one."""
_CROWDED_S = 0.05
"""The same while another client's query waits."""
_QUICK_BYTES = 4 * 1024**2
"""How long the answer of a quick query may be."""
_SLOW_NICENESS = 10
_MOST_LOST = 32
"""How often a query is begun anew because its process was lost; all are lost together when the zygote is."""
_ALLOCATOR = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": str(64 << 20), "MALLOC_TOP_PAD_": str(16 << 20)}
"""A query's thread has an arena of its own, which is trimmed after each query unless told otherwise (5 % of its time).

Source: https://man7.org/linux/man-pages/man3/mallopt.3.html
"""
_RECEIVE_BYTES = worker_process.CHUNK_BYTES + 16 * 1024


class _LostError(Exception):
    """A worker or the zygote went away for a reason that is not the query's."""


class _NotQuickError(Exception):
    """A query is not quick, and there is no place for a slow one."""


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
        return self._end(worker_process.REAP, pid)

    def kill(self, pid: int) -> None:
        """Kill the worker, without waiting for its end."""
        self._end(worker_process.KILL, pid)

    def _end(self, operation: int, pid: int) -> int:
        with self._lock:
            try:
                self._control.sendall(CONTROL.pack(operation, pid, 0))
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
    return environment | _ALLOCATOR | {"RUST_BACKTRACE": "0", "PYTHONDONTWRITEBYTECODE": "1"}


class _Worker:
    """Our end of one worker process."""

    __slots__ = ("_look", "_pending", "caller", "generation", "is_slow", "pid", "sock", "used_at", "zygote")

    def __init__(
        self, zygote: _Zygote, snapshot: Path, memory_bytes: int, generation: int, look: Callable[[_Worker], None]
    ) -> None:
        self.zygote, self.generation, self.used_at, self._pending = zygote, generation, 0.0, b""
        self.caller, self.is_slow, self._look = Caller(), False, look
        self.pid, self.sock = zygote.fork(snapshot, memory_bytes)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, int(_AT_ONCE_S * 1e6)))

    def wait_ready(self) -> None:
        """Return when the snapshot is open; StoreError if it cannot be, _LostError if the process died."""
        try:
            kind, data = self.frame(time.monotonic() + _READY_TIMEOUT_S)
        except (OSError, EOFError) as error:
            raise _LostError from error
        if kind & worker_process.KIND_MASK == worker_process.ERROR:
            raise StoreError(f"the snapshot cannot be opened: {data[1:].decode(errors='replace')}")

    def frame(self, deadline: float) -> tuple[int, bytes]:
        """The next frame.

        Raises:
            TimeoutError: past the deadline.
            EOFError, OSError: the worker is gone.
            Exception: what the look at the worker raised while the frame was waited for.
        """
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
            self._wait(deadline)
            data = self.sock.recv(size)
        if not data:
            raise EOFError
        return data

    def _wait(self, deadline: float) -> None:
        """Return when there is something to receive."""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        while True:
            if self.used_at:
                self._look(self)
            left_s = deadline - time.monotonic()
            if poll.poll(max(0.0, min(left_s, LOOK_S if self.is_slow else _AT_ONCE_S)) * 1000):
                return
            if left_s <= 0:
                raise TimeoutError

    def renice(self) -> None:
        """Let the others have the processors first; the system does not let this be undone."""
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{self.pid}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), _SLOW_NICENESS)


class QueryResult:
    """One answer: ``kind`` ("solutions", "boolean" or "graph"), ``media_type``, and the bytes by iteration.

    The answer of a quick query is in ``body`` and its worker is free already. A longer one (``body`` is None) holds its
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

    There are two lanes, so that quick queries need not wait until slow ones end. Each query starts as a quick one.
    After a quarter of a second, or 4 MiB of answer, it becomes a slow one at low priority, and another process takes
    its quick place. Where it finds no slow place it is stopped, and runs again when it gets one. Clients take turns in
    both lanes, and one client holds all but one of the slow places at most.

    Args:
        snapshot: folder made by ``Store.backup()``; never written while the pool uses it.
        workers: quick queries that run at the same time, and slow ones beside them.
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
        self._turns: Turns[_Waiter] = Turns()
        self._slow = Lane(workers)
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
            CallerGoneError: who is served now (:data:`hub.places.current`) has left.
            QueryError: the engine failed otherwise.

        Source: https://www.w3.org/TR/sparql11-protocol/#dataset
        """
        if not self._zygote.sealed:
            sparql_guard.check(text)
        request = _request(text, accept_format, default_graphs, named_graphs)
        queue_until = time.monotonic() + self._queue_timeout_s
        acquire, lost = self._acquire, 0
        while lost < _MOST_LOST:
            try:
                worker = acquire(queue_until)
                worker.used_at = time.monotonic()
                deadline = worker.used_at + (self._timeout_s if timeout_s is None else timeout_s)
                return self._ask(worker, request, accept_format, deadline)
            except _LostError:
                lost += 1
            except _NotQuickError:
                acquire = self._acquire_slow
            except CallerGoneError:
                self._counts["abandoned"] += 1
                raise
        raise QueryBusyError("the query processes are ended again and again from outside: try again in a moment")

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
            now = {"idle": len(self._idle), "spares": len(self._spares), "waiting": len(self._turns)}
        sizes = {"workers": self._workers, "generation": self._generation, "zygote_pid": self._zygote.pid}
        return self._counts | now | sizes | {"sealed": self._zygote.sealed}

    # ── one query ────────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, worker: _Worker, request: bytes, media_type: str, deadline: float) -> QueryResult:
        """Send a request and read its answer; the worker is given back or lost on every way out."""
        try:
            worker.sock.sendall(request)
            kind, flags, data = self._begun(worker, deadline)
        except TimeoutError:
            self._timed_out(worker)
        except (EOFError, OSError) as error:
            self._crashed(worker, error)
        except BaseException:
            self._lose(worker)
            raise
        self._counts["queries"] += 1
        is_whole = bool(flags & worker_process.LAST)
        if is_whole:
            self._release(worker, flags)
        if kind == worker_process.ERROR:
            _raise_reported(data)
        if len(data) > self._max_result_bytes:
            if not is_whole:
                self._lose(worker)
            raise ResultTooLargeError(_too_large(self._max_result_bytes))
        result = QueryResult(_KINDS.get(kind, ""), media_type, data if is_whole else None)
        if not is_whole:
            self._begin_stream(result, worker, data, deadline)
        return result

    def _begun(self, worker: _Worker, deadline: float) -> tuple[int, int, bytes]:
        """Kind of the answer, flags of the last frame read, and the answer: all of a quick one, else its beginning."""
        flags, data = worker.frame(deadline)
        kind, pieces, size = flags & worker_process.KIND_MASK, [data], len(data)
        while not (flags & worker_process.LAST or size > self._max_result_bytes):
            self._look(worker, size)
            if worker.is_slow:
                break
            flags, data = worker.frame(deadline)
            if flags & worker_process.KIND_MASK == worker_process.ERROR:
                return worker_process.ERROR, flags, data
            pieces.append(data)
            size += len(data)
        return kind, flags, b"".join(pieces)

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
            self._look(worker)
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
        """A free worker, when it is the client's turn.

        Raises:
            QueryBusyError: none became free in time.
            CallerGoneError: the caller has left.
        """
        caller = places.current.get()
        worker = self._idle_worker() or self._turn(caller, until)
        worker.caller = caller
        return worker

    def _idle_worker(self) -> _Worker | None:
        with self._mutex:
            return self._idle.pop() if self._idle else None

    def _turn(self, caller: Caller, until: float) -> _Worker:
        """Wait for a worker; raises as ``_acquire`` does."""
        waiter = _Waiter()
        with self._mutex:
            self._turns.add(caller.client, waiter)
            self._hand_out()
        while not waiter.came.wait(max(0.0, min(until - time.monotonic(), LOOK_S))):
            if self._closed:
                self._withdraw(caller, waiter, QueryBusyError("the service is shutting down"))
            elif time.monotonic() >= until:
                self._withdraw(caller, waiter, QueryBusyError("all query workers are busy: try again in a moment"))
            elif caller.is_gone():
                self._withdraw(caller, waiter, CallerGoneError(LEFT))
        assert waiter.worker is not None
        return waiter.worker

    def _withdraw(self, caller: Caller, waiter: _Waiter, error: QueryError) -> None:
        """Wait no longer; raises the error, unless a worker came at the last moment."""
        with self._mutex:
            if waiter.worker is not None:
                return
            self._turns.remove(caller.client, waiter)
        raise error

    def _acquire_slow(self, until: float) -> _Worker:
        """A worker in a slow place, when it is the client's turn; raises as ``_acquire`` does."""
        caller = places.current.get()
        self._slow.enter(caller, until)
        try:
            worker = self._acquire(until)
        except BaseException:
            self._slow.leave(caller.client)
            raise
        self._slow_down(worker)
        return worker

    def _look(self, worker: _Worker, size: int = 0) -> None:
        """Look after a query that runs, with so many bytes of its answer there.

        Raises:
            CallerGoneError: nobody waits for its answer any more.
            _NotQuickError: it should be a slow one, and there is no place for it.
        """
        if worker.caller.is_gone():
            raise CallerGoneError(LEFT)
        if not worker.is_slow and (size > _QUICK_BYTES or self._is_overdue(worker)):
            self._demote(worker)

    def _is_overdue(self, worker: _Worker) -> bool:
        """Whether a query has run for longer than a quick one may."""
        with self._mutex:
            is_waited_for = self._turns.has_others(worker.caller.client)
        return time.monotonic() - worker.used_at > (_CROWDED_S if is_waited_for else _QUICK_S)

    def _demote(self, worker: _Worker) -> None:
        """Let a query be a slow one; _NotQuickError if there is no place for it."""
        if not self._slow.try_enter(worker.caller.client):
            raise _NotQuickError
        self._slow_down(worker)

    def _slow_down(self, worker: _Worker) -> None:
        """Have another process take the quick place of a worker that has a slow one."""
        worker.is_slow = True
        worker.renice()
        with self._mutex:
            self._vacate(worker)
        self._wake.set()

    def _release(self, worker: _Worker, flags: int) -> None:
        """Give a worker back after its query."""
        is_spent = worker.is_slow or bool(flags & worker_process.RETIRED)
        with self._mutex:
            if not is_spent and worker.generation == self._generation and worker.zygote.alive:
                self._idle.append(worker)
                self._hand_out()
                return
        self._lose(worker)

    def _hand_out(self) -> None:
        """Give idle workers to those whose turn it is, the last used first (the mutex is held)."""
        while self._idle and (waiter := self._turns.take()) is not None:
            waiter.worker = self._idle.pop()
            waiter.came.set()

    def _lose(self, worker: _Worker) -> None:
        """Give up the worker's place and have it killed."""
        with self._mutex:
            self._dead.append(worker)
            if not worker.is_slow:
                self._vacate(worker)
        if worker.is_slow:
            self._slow.leave(worker.caller.client)
        self._wake.set()
        if self._closed:
            self._bury()

    def _vacate(self, worker: _Worker) -> None:
        """Let a spare take the worker's quick place (the mutex is held)."""
        if worker.generation == self._generation:
            self._active -= 1
            self._promote()

    def _promote(self) -> None:
        while self._spares and self._active < self._workers:
            self._active += 1
            self._idle.append(self._spares.pop())
        self._hand_out()

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
                fresh.append(_Worker(self._zygote, snapshot, self._memory_bytes, generation, self._look))
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
                worker.zygote.kill(worker.pid)

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

    __slots__ = ("came", "worker")

    def __init__(self) -> None:
        self.came = threading.Event()
        self.worker: _Worker | None = None


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
