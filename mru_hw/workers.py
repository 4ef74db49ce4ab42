"""Processes that this package starts: one thread of arithmetic each, and none outlives its parent.

A worker is started afresh (not forked, and without the parent's main module) and speaks through one
pipe. `python -m mru_hw.workers FD` is one that runs the functions that it is sent; ngspice has one
of its own (`mru_hw.spice.worker`).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, TypeVar, final

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")

ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
"""Read when numpy loads; a sum's bits may depend on the number of threads."""


class WorkerDied(Exception):  # noqa: N818 (what happened, as the caller reads it)
    """The worker's process ended before it answered."""


def side_by_side(
    one: Callable[[_Job], _Result],
    jobs: Iterable[_Job],
    workers: int,
    *,
    stop: Callable[[], None] = lambda: None,
    progress: Callable[[int], None] | None = None,
) -> list[_Result]:
    """Do jobs that wait for processes in so many threads; return their results in their order.

    Parameters
    ----------
    stop
        Ends the processes when the call is interrupted or a job fails; no later job starts then.
    progress
        Told 1 of every job that is done.
    """
    pool = ThreadPoolExecutor(max(1, workers))
    try:
        futures = [pool.submit(one, job) for job in jobs]
        for future in as_completed(futures):
            future.result()
            if progress is not None:
                progress(1)
    except BaseException:
        stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return [future.result() for future in futures]


def start_worker(
    module: str,
    *,
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
    said: IO[bytes] | None = None,
) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start ``python -m module FD`` and return the process and our end of its pipe.

    Parameters
    ----------
    module
        What it runs; it calls `end_with_parent` first of all.
    variables
        Of its environment, beside ours.
    folder
        Its current folder; ours when None.
    said
        Where what it prints goes; nowhere when None.
    """
    package = str(Path(__file__).parents[1])
    path = os.pathsep.join(p for p in (package, os.environ.get("PYTHONPATH", "")) if p)
    ours, theirs = Pipe()
    with theirs, _uninterrupted():
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno())],
            cwd=folder,
            env=os.environ | ONE_THREAD | {"PYTHONPATH": path} | dict(variables or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if said is None else said,
            stderr=None if said is None else subprocess.STDOUT,
            pass_fds=[theirs.fileno()],
        )
    return process, ours


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Block interrupts for what is started in the block, from its first moment on.

    One from the keyboard reaches all processes; the parent decides what it means.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent(pipe: Connection) -> None:
    """End this process when the other end of its pipe is gone, whatever it is doing by then."""

    def watch() -> None:
        hang_up = select.poll()
        hang_up.register(pipe.fileno(), 0)  # asked for nothing else, so data do not wake it
        hang_up.poll()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@final
class Worker:
    """A process that runs functions, one after the other.

    Parameters
    ----------
    initializer, arguments
        Run in it before anything else.
    """

    def __init__(self, initializer: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
        self._process, self._pipe = start_worker(__name__)
        self._begin = (initializer, arguments)
        self._fresh = True

    def call(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Return what a function returns there, or raise what it raises.

        Raises
        ------
        WorkerDied
            The process ended first.
        """
        try:
            if self._fresh:
                self._pipe.send(sys.path)
                self._pipe.send(self._begin)
                self._fresh = False
            self._pipe.send((work, arguments))
            done, answer = self._pipe.recv()
        except (EOFError, OSError):
            raise WorkerDied from None
        if not done:
            raise answer
        return answer

    def kill(self) -> None:
        """End it now; from any thread."""
        self._process.kill()

    def close(self) -> None:
        """End it and wait until it has ended."""
        self.kill()
        self._process.wait()
        self._pipe.close()


def main() -> None:
    """Run what arrives until the parent hangs up."""
    with Connection(int(sys.argv[1])) as pipe, contextlib.suppress(EOFError):
        end_with_parent(pipe)
        sys.path[:] = pipe.recv()
        initializer, arguments = pipe.recv()
        if initializer is not None:
            initializer(*arguments)
        while True:
            work, arguments = pipe.recv()
            try:
                answer = (True, work(*arguments))
            except Exception as error:  # noqa: BLE001 (raised again in the parent)
                error.add_note(f"In a worker process: {traceback.format_exc()}")
                answer = (False, error)
            pipe.send(answer)


if __name__ == "__main__":
    main()
