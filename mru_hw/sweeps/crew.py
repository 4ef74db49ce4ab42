"""Worker processes for the jobs of a sweep: any of them may die, and costs its own job."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Self, TypeVar, final

from mru_hw.errors import RunStatus
from mru_hw.sweeps.points import Job
from mru_hw.sweeps.subject import Subject
from mru_hw.sweeps.work import DieResult, failed, run_job
from mru_hw.workers import Worker, WorkerDied

_Result = TypeVar("_Result")
_END = object()
NOW_AND_THEN = 10.0  # s


@final
class Crew:
    """Worker processes, started when there is work and killed when the block ends, however.

    Parameters
    ----------
    workers
        Processes at a time.
    initializer, arguments
        Run in each process first.
    """

    def __init__(
        self, workers: int, initializer: Callable[..., None] | None = None, *arguments: object
    ) -> None:
        self._begin = (initializer, arguments)
        self._threads = ThreadPoolExecutor(workers)
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._lock = threading.Lock()
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._ended = True
            for worker in (*self._idle, *self._busy):
                worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._idle:
            worker.close()

    def submit(self, work: Callable[..., _Result], *arguments: Any) -> Future[_Result]:
        """Give a process something to do; the future raises `WorkerDied` where it ends first."""
        return self._threads.submit(self._call, work, arguments)

    def _call(self, work: Callable[..., _Result], arguments: tuple[Any, ...]) -> _Result:
        with self._lock:
            if self._ended:
                raise WorkerDied
            worker = self._idle.pop() if self._idle else Worker(*self._begin)
            self._busy.add(worker)
        died = False
        try:
            result: _Result = worker.call(work, arguments)
        except WorkerDied:
            died = True
            worker.close()
            raise
        finally:
            with self._lock:
                self._busy.discard(worker)
                if not died:
                    self._idle.append(worker)
        return result


def run_jobs(
    subject: Subject, jobs: Iterator[Job | None], workers: int
) -> Iterator[list[DieResult]]:
    """Compute jobs in worker processes of this machine, as `in_turn` does."""
    with Crew(workers, _hold, subject) as crew:
        yield from in_turn(lambda job: crew.submit(_work, job), jobs, lambda: workers)


def in_turn(
    submit: Callable[[Job], Future[list[DieResult]]],
    jobs: Iterator[Job | None],
    workers: Callable[[], int],
    waiting: Callable[[], None] = lambda: None,
) -> Iterator[list[DieResult]]:
    """Have jobs computed and yield what each left, in the order of their ends.

    None among the jobs is a pause: those behind it are asked for when all results before it have
    been yielded.

    A job whose process dies is split and its dies are tried once more, each alone; one that
    kills its process again is a result with the status `RunStatus.WORKER_DIED`.

    Parameters
    ----------
    submit
        Has a process compute a job; the future raises `WorkerDied` where it ends first.
    workers
        Returns the processes that there are; each has one job and another that waits.
    waiting
        Called now and then while no job ends.
    """
    again = deque[Job]()
    pending: dict[Future[list[DieResult]], tuple[Job, bool]] = {}
    paused, ended = False, False
    while True:
        room = 2 * workers()
        while again and len(pending) < room:
            single = again.popleft()
            pending[submit(single)] = single, True
        while not paused and len(pending) < room:
            job = next(jobs, _END)
            if isinstance(job, Job):
                pending[submit(job)] = job, False
            paused = not isinstance(job, Job)
            ended = job is _END
        if not pending:
            if ended:
                return
            paused = False
            continue
        done = wait(pending, timeout=NOW_AND_THEN, return_when=FIRST_COMPLETED).done
        if not done:
            waiting()
        for future in done:
            job, last = pending.pop(future)
            try:
                yield future.result()
            except WorkerDied:
                if last:
                    yield failed(job, RunStatus.WORKER_DIED)
                else:
                    again.extend(job.single())


# ---------------------------------------------------------------------------- in the worker


_subject: list[Subject] = []


def _hold(subject: Subject) -> None:
    _subject[:] = [subject]


def _work(job: Job) -> list[DieResult]:
    return run_job(_subject[0], job)
