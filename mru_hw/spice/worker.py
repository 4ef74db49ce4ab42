"""The process that runs the dies of one deck: ``python -m mru_hw.spice.worker FD``.

FD is its end of a pipe. It receives a job (the deck and limits of time and memory), then one die
after the other, and sends each die's result as it ends; it ends with the pipe. Its current folder
is its own. Its parent may kill it at any moment: a result that did not arrive whole does not exist.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from mru_hw.errors import RunStatus
from mru_hw.spice.deck import Change, Deck, Pulse, Waves
from mru_hw.spice.session import Session
from mru_hw.workers import end_with_parent

OUT_OF_TIME = signal.SIGPROF
"""What ends a worker that used the processor for as long as a die may."""


def send_job(pipe: Connection, deck: Deck, memory_bytes: int, time_s: float) -> None:
    """Tell a worker what to load, and what each die may use."""
    limits = {"memory_bytes": memory_bytes, "time_s": time_s}
    job = asdict(deck) | {"files": dict(deck.files)} | limits
    pipe.send_bytes(json.dumps(job).encode())


def send_die(pipe: Connection, changes: Sequence[Change] | None) -> None:
    """Ask a worker for a die; for the deck as it stands when None."""
    die = None if changes is None else [asdict(change) for change in changes]
    pipe.send_bytes(json.dumps(die).encode())


def receive_waves(pipe: Connection) -> tuple[Waves, int]:
    """Wait for a result; return it and the worker's memory [bytes].

    Raises
    ------
    EOFError
        The worker has ended.
    """
    about = json.loads(pipe.recv_bytes())
    waves = Waves(
        status=RunStatus[about["status"]],
        vectors={
            name: np.frombuffer(pipe.recv_bytes(), dtype=np.float64) for name in about["names"]
        },
        core_seconds=about["core_seconds"],
        message=about["message"],
    )
    return waves, int(about["memory_bytes"])


def main() -> None:
    """Load the job and run dies until the parent hangs up."""
    with Connection(int(sys.argv[1])) as pipe:
        end_with_parent(pipe)
        job: dict[str, Any] = json.loads(pipe.recv_bytes())
        _limit_memory(int(job.pop("memory_bytes")))
        time_s = float(job.pop("time_s"))
        deck = Deck(
            files=job["files"],
            saves=tuple(job["saves"]),
            token=job["token"],
            t_stop=job["t_stop"],
            commands=tuple(job["commands"]),
            pulses=tuple(Pulse(**p | {"starts": tuple(p["starts"])}) for p in job["pulses"]),
        )
        try:
            _serve(pipe, deck, time_s)
        except MemoryError:
            _send_waves(pipe, failed(RunStatus.OUT_OF_MEMORY, "MemoryError"))
        except EOFError:
            return


def _limit_memory(most: int) -> None:
    """Limit this process's address space [bytes], where nobody has set a smaller limit."""
    known = resource.getrlimit(resource.RLIMIT_AS)
    limit = min([most, *(n for n in known if n != resource.RLIM_INFINITY)])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _serve(pipe: Connection, deck: Deck, time_s: float) -> None:
    """Run die after die, each with `time_s` of the processor; the deck's loading is the first's."""
    session = None
    while True:
        die = json.loads(pipe.recv_bytes())
        # The kernel ends the process by `OUT_OF_TIME` when it has used so much.
        signal.setitimer(signal.ITIMER_PROF, time_s)
        try:
            if session is None:
                session = Session()
                session.load(deck, Path.cwd())
        except OSError as error:
            message = f"{error} (in {Path.cwd()}, and TMPDIR says where)"
            _send_waves(pipe, failed(RunStatus.NOT_WRITTEN, message))
            return
        changes = None if die is None else [Change(**change) for change in die]
        _send_waves(pipe, session.run_die(changes))


def _send_waves(pipe: Connection, waves: Waves) -> None:
    about = {
        "status": waves.status.name,
        "core_seconds": waves.core_seconds,
        "message": waves.message,
        "names": list(waves.vectors),
        "memory_bytes": memory(),
    }
    pipe.send_bytes(json.dumps(about).encode())
    for vector in waves.vectors.values():
        pipe.send_bytes(vector.data)


def memory() -> int:
    """Return this process's resident memory [bytes]."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def failed(status: RunStatus, message: str) -> Waves:
    """Return the result of a run that gave none."""
    return Waves(status=status, vectors={}, core_seconds=0.0, message=message)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    # ngspice's own clean-up at exit has nothing left to do, and may crash.
    os._exit(0)
