"""The process that runs one deck: ``python -m mru_hw.spice.worker`` in a folder with job.json.

It leaves ``waves.npz`` there, whole or not at all. Its parent may kill it at any moment.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path

import numpy as np

from mru_hw.errors import RunStatus
from mru_hw.spice.deck import Deck, Waves
from mru_hw.spice.session import Session

JOB, WAVES = "job.json", "waves.npz"


def write_job(deck: Deck, folder: Path, memory_bytes: int) -> None:
    """Write what a worker needs into its folder."""
    job = {
        "memory_bytes": memory_bytes,
        "files": dict(deck.files),
        "saves": deck.saves,
        "token": deck.token,
        "t_stop": deck.t_stop,
        "commands": deck.commands,
    }
    (folder / JOB).write_text(json.dumps(job), encoding="utf-8")


def read_waves(folder: Path) -> Waves | None:
    """Read what a worker left; None where it left nothing."""
    path = folder / WAVES
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        about = json.loads(str(arrays["about"]))
        names = [name for name in arrays.files if name != "about"]
        vectors = {about["names"][int(name)]: arrays[name] for name in names}
    return Waves(
        status=RunStatus[about["status"]],
        vectors=vectors,
        core_seconds=about["core_seconds"],
        message=about["message"],
    )


def main() -> None:
    """Run the job of the current folder."""
    _die_with_parent()
    job = json.loads(Path(JOB).read_text(encoding="utf-8"))
    limit = int(job["memory_bytes"])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    deck = Deck(
        files=job["files"],
        saves=tuple(job["saves"]),
        token=job["token"],
        t_stop=job["t_stop"],
        commands=tuple(job["commands"]),
    )
    try:
        waves = Session().run(deck, Path.cwd())
    except MemoryError:
        waves = Waves(
            status=RunStatus.OUT_OF_MEMORY, vectors={}, core_seconds=0.0, message="MemoryError"
        )
    _leave(waves)


def _leave(waves: Waves) -> None:
    about = {
        "status": waves.status.name,
        "core_seconds": waves.core_seconds,
        "message": waves.message,
        "names": list(waves.vectors),
    }
    arrays = {str(k): vector for k, vector in enumerate(waves.vectors.values())}
    part = Path(f"{WAVES}.part")
    with part.open("wb") as stream:
        np.savez(stream, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
    part.replace(WAVES)


def _die_with_parent() -> None:
    """Ask Linux to end this process when its parent is killed; elsewhere the time limit does."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    # ngspice's own clean-up at exit has nothing left to do, and may crash.
    os._exit(0)
