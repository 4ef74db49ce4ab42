"""Decks in worker processes, with limits on time and memory for every die."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from mru_hw.errors import RunStatus
from mru_hw.leftovers import private_folder
from mru_hw.spice.deck import Change, Deck, Waves
from mru_hw.spice.library import VARIABLE, ngspice_library
from mru_hw.spice.worker import OUT_OF_TIME, failed, receive_waves, send_die, send_job
from mru_hw.workers import start_worker

_WORDS = 2000  # characters of a dead worker's output that are kept

HELPERS = (
    "bypass=0 itl1=500 itl4=100",
    "bypass=0 itl1=500 itl4=100 maxord=1",
    "bypass=0 itl1=500 itl4=100 maxord=1 cshunt=1e-16",
)
"""What a run that does not converge is tried with, in this order (docs/decisions/0010).

Every device at every iteration and more iterations; backward Euler; 0.1 fF from every node to
ground. Tolerances stay, and so does gmin: pA currents would drown in more.
"""

CLOSER = ("trtol=5", "trtol=1")
"""What a run that stepped over a strobe is tried with, in this order: shorter time steps.

Each time the largest step is half of the one before too: where the pulse's own breakpoint was lost,
other time points find it.
"""


PATIENCE, LEAST_CLOCK = 40.0, 600.0
"""Wall-clock time over processor time at which a process counts as hung, and the least of it [s]:
a process of low priority may get a fortieth of a core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one die may use.

    Attributes
    ----------
    time_s
        Processor time [s], for every attempt of `HELPERS` or `CLOSER` anew: what others do on the
        machine cuts no run off.
    clock_s
        Wall-clock time [s] of an attempt, for a process that hangs without computing; 40 times
        `time_s`, and at least `LEAST_CLOCK`, when None.
    memory_bytes
        Address space of its process [bytes].
    growth_bytes
        A worker whose memory has grown by more since its first die is replaced [bytes].
    """

    time_s: float = 1800.0
    clock_s: float | None = None
    memory_bytes: int = 4 << 30
    growth_bytes: int = 256 << 20

    @property
    def clock(self) -> float:
        """Wall-clock time [s] of an attempt."""
        if self.clock_s is None:
            return max(PATIENCE * self.time_s, LEAST_CLOCK)
        return self.clock_s


_HELP = {RunStatus.DID_NOT_CONVERGE: HELPERS, RunStatus.STROBE_LOST: CLOSER}


@final
class Runner:
    """Runs decks, each in a process and a private folder of its own; safe to call from threads.

    A process that is killed, hangs or crashes costs its own die and no other.

    Raises
    ------
    UserError
        When ngspice is not installed.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._library = ngspice_library()
        self._running: set[_Worker] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, deck: Deck) -> Waves:
        """Run a deck; a run that fails is a result with its status."""
        crew = _Crew(deck, self._start, self._end)
        try:
            return crew.run(None)
        finally:
            crew.close()

    def run_dies(
        self, deck: Deck, dies: Iterable[Sequence[Change]], *, workers: int = 2
    ) -> Generator[tuple[int, Waves], None, None]:
        """Run a deck as one die after the other, loading it once for each worker.

        Parameters
        ----------
        deck
            The nominal circuit.
        dies
            The changes that make each die of it; none for the nominal one.
        workers
            Processes at a time. Results do not depend on their number.

        Yields
        ------
        tuple
            A die's place in `dies` and its result, as they end.
        """
        todo = list(enumerate(dies))
        results: queue.Queue[tuple[int, Waves] | Exception] = queue.Queue(max(1, workers))
        left, lock, leaving = iter(todo), threading.Lock(), threading.Event()

        def work(crew: _Crew) -> None:
            try:
                while not leaving.is_set():
                    with lock:
                        place, changes = next(left, (-1, None))
                    if changes is None:
                        return
                    results.put((place, crew.run(changes)))
            except Exception as error:  # noqa: BLE001 (raised again where the results are read)
                results.put(error)
            finally:
                crew.close()

        count = max(1, min(workers, len(todo)))
        crews = [_Crew(deck, self._start, self._end) for _ in range(count)]
        with ThreadPoolExecutor(count) as pool:
            for crew in crews:
                pool.submit(work, crew)
            try:
                for _ in todo:
                    result = results.get()
                    if isinstance(result, Exception):
                        raise result
                    yield result
            finally:
                leaving.set()
                for crew in crews:
                    crew.leave()
                # Whoever waits to hand over a result finds room, and ends.
                while not results.empty():
                    results.get_nowait()

    def stop(self) -> None:
        """Kill what runs; later runs return at once."""
        with self._lock:
            self._stopped = True
            for worker in self._running:
                worker.kill()

    def _start(self, deck: Deck, folder: Path) -> _Worker | None:
        """Start a worker that loads a deck; None after `stop`."""
        with self._lock:
            if self._stopped:
                return None
            worker = _Worker(deck, folder, self._library, self._limits)
            self._running.add(worker)
            return worker

    def _end(self, worker: _Worker) -> None:
        """Kill a worker and wait for it."""
        worker.kill()
        worker.wait()
        with self._lock:
            self._running.discard(worker)


@final
class _Crew:
    """One worker at a time for the dies of one deck; a new one where the last is not to be kept."""

    def __init__(
        self,
        deck: Deck,
        start: Callable[[Deck, Path], _Worker | None],
        end: Callable[[_Worker], None],
    ) -> None:
        self._deck = deck
        self._start = start
        self._end = end
        self._leaving = False
        self._worker: _Worker | None = None
        self._folder = contextlib.ExitStack()

    def run(self, changes: Sequence[Change] | None) -> Waves:
        """Run one die, with help where it does not converge or steps over a strobe."""
        first = waves = self._attempt(self._deck, changes)
        seconds, deck = waves.core_seconds, self._deck
        for helper in _HELP.get(first.status, ()):
            if waves.status is not first.status:
                break
            self.close()
            if first.status is RunStatus.STROBE_LOST:
                deck = deck.with_step(0.5)
            helped = self._attempt(deck.with_options(helper), changes)
            waves = replace(helped, helper=helper)
            seconds += waves.core_seconds
        if waves.status is not RunStatus.DONE:
            # ngspice keeps too much of a failed run to go on with; a helper's options, too.
            self.close()
            return replace(first, core_seconds=seconds)
        if waves.helper:
            self.close()
        return replace(waves, core_seconds=seconds)

    def leave(self) -> None:
        """Kill the die that runs and begin no other; from any thread."""
        self._leaving = True
        worker = self._worker
        if worker is not None:
            worker.kill()

    def close(self) -> None:
        """End the worker and remove its folder."""
        if self._worker is not None:
            self._end(self._worker)
            self._worker = None
        self._folder.close()

    def _attempt(self, deck: Deck, changes: Sequence[Change] | None) -> Waves:
        try:
            if self._worker is None:
                folder = self._folder.enter_context(private_folder())
                self._worker = self._start(deck, folder)
        except OSError as error:
            return failed(RunStatus.NOT_WRITTEN, str(error))
        if self._worker is None or self._leaving:
            return failed(RunStatus.WORKER_DIED, "stopped before it began")
        waves, keep = self._worker.run(changes)
        if not keep:
            self.close()
        return waves


@final
class _Worker:
    """A process that has one deck loaded."""

    def __init__(self, deck: Deck, folder: Path, library: str, limits: Limits) -> None:
        self._limits = limits
        self._said = folder / "said.txt"
        self._deck: Deck | None = deck
        self._first_bytes: int | None = None
        with self._said.open("wb") as said:
            self._process, self._pipe = start_worker(
                "mru_hw.spice.worker", variables={VARIABLE: library}, folder=folder, said=said
            )

    def run(self, changes: Sequence[Change] | None) -> tuple[Waves, bool]:
        """Run one die; return its result and whether the worker is fit for another."""
        late = threading.Event()

        def stop() -> None:
            late.set()
            self.kill()

        clock = threading.Timer(self._limits.clock, stop)
        clock.start()
        try:
            if self._deck is not None:
                send_job(self._pipe, self._deck, self._limits.memory_bytes, self._limits.time_s)
                self._deck = None
            send_die(self._pipe, changes)
            waves, used = receive_waves(self._pipe)
        except (EOFError, OSError):
            if late.is_set():
                limit = f"stopped after {self._limits.clock:g} s by the clock"
                return failed(RunStatus.HUNG, limit), False
            return self._died(), False
        finally:
            clock.cancel()
        if self._first_bytes is None:
            self._first_bytes = used
        grown = used - self._first_bytes
        return waves, waves.status is RunStatus.DONE and grown <= self._limits.growth_bytes

    def kill(self) -> None:
        """End it now."""
        self._process.kill()

    def wait(self) -> None:
        """Wait until it has ended."""
        self._process.wait()
        self._pipe.close()

    def _died(self) -> Waves:
        self.kill()
        code = self._process.wait()
        if code == -OUT_OF_TIME:
            limit = f"stopped after {self._limits.time_s:g} s of processor time"
            return failed(RunStatus.TIMED_OUT, limit)
        said = self._said.read_text(encoding="utf-8", errors="replace")
        memory = "MemoryError" in said or "out of memory" in said.lower()
        status = RunStatus.OUT_OF_MEMORY if memory else RunStatus.WORKER_DIED
        return failed(status, f"exit status {code}: {said[-_WORDS:]}")
