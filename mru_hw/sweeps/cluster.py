"""Jobs of a sweep on a dask cluster that is there already.

The cluster's workers hold the sweep's subject as long as the sweep runs, those that join later too,
and are sent the jobs that worker processes of this machine would be (`mru_hw.sweeps.crew`). The
cluster runs a job again whose worker is lost; one that has lost more workers than dask's
`allowed-failures` (3) counts as one that kills its process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from distributed import Client, KilledWorker, Security, Worker, WorkerPlugin
from distributed.comm.core import connect

from mru_hw.errors import SimulationError, UserError
from mru_hw.sweeps.crew import in_turn
from mru_hw.sweeps.points import Job
from mru_hw.sweeps.subject import Subject
from mru_hw.sweeps.versions import versions
from mru_hw.sweeps.work import DieResult, run_job
from mru_hw.workers import ONE_THREAD, WorkerDied

PATIENCE = 10  # s, for a scheduler to answer and to have a worker
ALONE = 300  # s without a worker before the cluster counts as gone


@contextlib.contextmanager
def connected(address: str) -> Iterator[Client]:
    """Yield a client of the cluster whose scheduler has an address.

    Raises
    ------
    UserError
        Nothing answers there, it has no worker, or one that is not as this process.
    """
    # What differs between its Python packages and ours is looked at below.
    with warnings.catch_warnings(action="ignore"):
        try:
            # A thread of its own: a notebook has a loop that runs.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(lambda: asyncio.run(_answered(address))).result()
        except (OSError, ValueError, TypeError):
            raise _refused(address, f"a dask scheduler that answers within {PATIENCE} s") from None
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
            found = client.run(_kind, on_error="return")
        except (OSError, TimeoutError):
            raise _refused(address, "a cluster with a worker at least") from None
        for worker, theirs in found.items():
            if not isinstance(theirs, dict):
                raise _refused(address, f"workers with this package; {worker} has none")
            for name, ours in _wanted().items():
                if theirs[name] != ours:
                    has = theirs[name] or "none"
                    raise _refused(address, f"workers with {name} {ours}; {worker} has {has}")
        yield client


def run_on(
    client: Client, subject: Subject, jobs: Iterator[Job | None]
) -> Iterator[list[DieResult]]:
    """Compute jobs on a cluster, as `in_turn` does.

    Raises
    ------
    SimulationError
        The cluster went away.
    """
    name = f"mru_hw-{uuid.uuid4().hex}"
    try:
        client.register_plugin(_Held(subject, name, _wanted()), name=name)
        yield from in_turn(
            lambda job: _submitted(client, name, job),
            jobs,
            lambda: max(1, count_workers(client)),
            waiting=_Patience(client),
        )
    except Exception as error:
        # What else fails in a client that has lost its scheduler depends on the instant.
        if isinstance(error, SimulationError) or client.status == "running":
            raise
        raise _gone() from error
    finally:
        # Where the cluster is gone, so is what its workers held; its error depends on the instant.
        with contextlib.suppress(Exception):
            client.unregister_worker_plugin(name)


async def _answered(address: str) -> None:
    """Connect once: a client that finds nobody tries on behind its back."""
    secured = Security().get_connection_args("client")
    comm = await connect(address, timeout=PATIENCE, **secured)
    await comm.close()


def _refused(address: str, expected: str) -> UserError:
    return UserError("dask", address, expected)


def count_workers(client: Client) -> int:
    """Return the workers that a cluster has now."""
    return len(client.scheduler_info(n_workers=-1)["workers"])


def _gone() -> SimulationError:
    return SimulationError(
        "The dask cluster went away. The sweep is not complete; the same call goes on with it."
    )


class _Patience:
    """Waits for a cluster without workers, for so long."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._seen = time.monotonic()

    def __call__(self) -> None:
        """Raise `SimulationError` when there has been no worker for too long."""
        if count_workers(self._client):
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > ALONE:
            raise _gone()


def _submitted(client: Client, name: str, job: Job) -> Future[list[DieResult]]:
    ours: Future[list[DieResult]] = Future()

    def pass_on(theirs: Any) -> None:
        try:
            # dask has one thread for the callbacks of all clients: one that waits for a cluster
            # that is gone would keep the results of the next one back.
            found = theirs.result(timeout=PATIENCE)
        except KilledWorker:
            ours.set_exception(WorkerDied())
        except (CancelledError, OSError):
            ours.set_exception(_gone())
        except Exception as error:  # noqa: BLE001 (raised again by whoever asks for the result)
            ours.set_exception(error)
        else:
            if isinstance(found, Exception):
                ours.set_exception(found)
            else:
                ours.set_result(found)

    client.submit(_work, name, job, pure=False).add_done_callback(pass_on)
    return ours


# ---------------------------------------------------------------------------- in the worker


_subjects: dict[str, Subject] = {}
_one = threading.Lock()  # a process computes one job at a time, whatever its threads


class _Held(WorkerPlugin):
    """Lets a worker hold a subject under a name, if it is of the kind that the sweep wants."""

    def __init__(self, subject: Subject, name: str, wanted: dict[str, str]) -> None:
        self.subject, self.name, self.wanted = subject, name, wanted

    def setup(self, worker: Worker) -> None:
        del worker
        if _kind() == self.wanted:
            _subjects[self.name] = self.subject

    def teardown(self, worker: Worker) -> None:
        del worker
        _subjects.pop(self.name, None)


def _wanted() -> dict[str, str]:
    return _kind() | dict.fromkeys(ONE_THREAD, "1")


def _kind() -> dict[str, str]:
    """Return what results depend on in a process, by the name that a user knows it by."""
    found = {name: versions()[name] for name in ("mru_hw", "numpy", "scipy", "results")}
    try:
        found["numba"] = version("numba")
    except PackageNotFoundError:
        found["numba"] = ""
    return found | {name: os.environ.get(name, "") for name in ONE_THREAD}


def _work(name: str, job: Job) -> list[DieResult] | Exception:
    """Return what a job left, or why it failed: what is raised here may be the cluster's own."""
    if name not in _subjects:
        raise SimulationError(
            "A worker that joined the dask cluster has other versions than the sweep. It is not "
            "complete; the same call goes on with it."
        )
    with _one:
        try:
            return run_job(_subjects[name], job)
        except Exception as error:  # noqa: BLE001 (raised again where the sweep runs)
            return error
