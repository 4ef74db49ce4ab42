"""Decks in worker processes, with a time limit and a memory limit each."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import final

import mru_hw
from mru_hw.errors import RunStatus
from mru_hw.spice.deck import Deck, Waves
from mru_hw.spice.library import VARIABLE, ngspice_library
from mru_hw.spice.worker import read_waves, write_job

_WORDS = 2000  # characters of a dead worker's output that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use.

    Attributes
    ----------
    time_s
        Wall-clock time [s].
    memory_bytes
        Address space [bytes].
    """

    time_s: float = 1800.0
    memory_bytes: int = 4 << 30


@final
class Runner:
    """Runs decks, each in a process and a private folder of its own; safe to call from threads.

    A process that is killed, hangs or crashes costs its own run and no other.

    Raises
    ------
    UserError
        When ngspice is not installed.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._library = ngspice_library()
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, deck: Deck) -> Waves:
        """Run a deck; a run that fails is a result with its status."""
        with tempfile.TemporaryDirectory(prefix="mru-hw-") as name:
            folder = Path(name)
            write_job(deck, folder, self._limits.memory_bytes)
            with self._lock:
                if self._stopped:
                    return _failed(RunStatus.WORKER_DIED, "stopped before it began")
                process = subprocess.Popen(
                    [sys.executable, "-m", "mru_hw.spice.worker"],
                    cwd=folder,
                    env=self._environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                )
                self._running.add(process)
            try:
                said, _ = process.communicate(timeout=self._limits.time_s)
            except subprocess.TimeoutExpired:
                limit = f"killed after {self._limits.time_s:g} s"
                return _failed(RunStatus.TIMED_OUT, limit)
            finally:
                process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()
                with self._lock:
                    self._running.discard(process)
            waves = read_waves(folder)
        if waves is not None:
            return waves
        memory = "MemoryError" in said or "out of memory" in said.lower()
        status = RunStatus.OUT_OF_MEMORY if memory else RunStatus.WORKER_DIED
        return _failed(status, f"exit status {process.returncode}: {said[-_WORDS:]}")

    def stop(self) -> None:
        """Kill what runs; later calls of `run` return at once."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()

    def _environment(self) -> dict[str, str]:
        package = str(Path(mru_hw.__file__).parents[1])
        path = os.pathsep.join(p for p in (package, os.environ.get("PYTHONPATH", "")) if p)
        threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
        return os.environ | threads | {VARIABLE: self._library, "PYTHONPATH": path}


def _failed(status: RunStatus, message: str) -> Waves:
    return Waves(status=status, vectors={}, core_seconds=0.0, message=message)
