"""Worker processes: each with one BLAS thread, none outlives its parent, one may die."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, Self, TypeVar, final

from mru_hw.errors import RunStatus
from mru_hw.sweep.points import Job
from mru_hw.sweep.subject import Subject
from mru_hw.sweep.work import DieResult, failed, run_job

_Result = TypeVar("_Result")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@final
class Crew:
    """Processes started afresh (not forked), stopped when the block ends however it ends."""

    def __init__(
        self, workers: int, initializer: Callable[..., None] | None = None, *arguments: object
    ) -> None:
        self._workers = workers
        self._begin = (initializer, arguments)
        self._context = multiprocessing.get_context("spawn")
        self._others: set[int | None] = set()

    def __enter__(self) -> Self:
        self._others = {process.pid for process in multiprocessing.active_children()}
        self._saved = {name: os.environ.get(name) for name in _THREADS}
        # Read by a child when it loads numpy; a sum's bits may depend on the number of threads.
        os.environ.update(dict.fromkeys(_THREADS, "1"))
        self._pool = self._start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop()
        for name, value in self._saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

    def submit(self, work: Callable[..., _Result], *arguments: Any) -> Future[_Result]:
        """Give a worker something to do; that all are dead is told by the future."""
        try:
            return self._pool.submit(work, *arguments)
        except BrokenProcessPool as error:
            broken: Future[_Result] = Future()
            broken.set_exception(error)
            return broken

    def renew(self) -> None:
        """Start again after a worker died."""
        self._stop()
        self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._workers, mp_context=self._context, initializer=_begin, initargs=self._begin
        )

    def _stop(self) -> None:
        own = [p for p in multiprocessing.active_children() if p.pid not in self._others]
        for process in own:
            process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)


def run_jobs(subject: Subject, jobs: Iterator[Job], workers: int) -> Iterator[list[DieResult]]:
    """Compute jobs in worker processes and yield what each left, in the order of their ends.

    A job whose process dies is split and its dies are tried once more, each alone; one that
    kills its process again is a result with the status `RunStatus.WORKER_DIED`.
    """
    with Crew(workers, _hold, subject) as crew:
        pending: dict[Future[list[DieResult]], Job] = {}
        while True:
            for job in islice(jobs, 2 * workers - len(pending)):
                pending[crew.submit(_work, job)] = job
            if not pending:
                return
            ended = wait(pending, return_when=FIRST_COMPLETED).done
            if any(isinstance(future.exception(), BrokenProcessPool) for future in ended):
                yield from _after_a_death(crew, pending)
                pending = {}
                continue
            for future in ended:
                del pending[future]
                yield future.result()


def _after_a_death(
    crew: Crew, pending: dict[Future[list[DieResult]], Job]
) -> Iterator[list[DieResult]]:
    wait(pending)
    crew.renew()
    for future, job in pending.items():
        if not isinstance(future.exception(), BrokenProcessPool):
            yield future.result()
            continue
        for single in job.single():
            try:
                yield crew.submit(_work, single).result()
            except BrokenProcessPool:
                crew.renew()
                yield failed(single, RunStatus.WORKER_DIED)


# ---------------------------------------------------------------------------- in the worker


_subject: list[Subject] = []


def _begin(initializer: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    # An interrupt from the keyboard reaches all processes; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    if initializer is not None:
        initializer(*arguments)


def _follow_parent() -> None:
    """End with the parent, which a kill gives no time to say so."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        with contextlib.suppress(OSError):
            multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _hold(subject: Subject) -> None:
    _subject[:] = [subject]


def _work(job: Job) -> list[DieResult]:
    return run_job(_subject[0], job)
