"""ngspice's shared library in this process, one deck after the other.

The library keeps the circuit and the vectors of earlier runs, and after a netlist that fails to
load it would hand out those. So a session drops everything before each deck, and a result counts
only where the node ``token`` carries the voltage that was made from the deck's own text, the
time reaches the deck's end and every vector is there in full. A die of a loaded deck has a token
of its own, and its devices' parameters are read back before it runs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus
from mru_hw.leftovers import private_folder
from mru_hw.spice.deck import BENCH, TOKEN, Change, Deck, Waves, token_of
from mru_hw.spice.library import VARIABLE, ngspice_library
from mru_hw.spice.pulses import lost_pulse

_WORDS = 2000  # characters of ngspice's own output that travel with a result
_TOKEN_SOURCE = "@vtoken[dc]"  # noqa: S105 (a source's voltage, no secret)
_ROUNDING = 1e-9  # of printed and solved values
_NO_SOLUTION = re.compile(
    r"timestep too small|singular matrix|no convergence|failed to converge|"
    r"iteration limit|aborted",
    re.IGNORECASE,
)
_COMMAND = 900  # characters of one command; PySpice refuses those beyond 1023
_NO_MEMORY = re.compile(r"out of memory|no more space|malloc|calloc", re.IGNORECASE)


@final
class Session:
    """The simulator of this process; the library exists once, so all sessions share it.

    ``load`` a deck once and ``run_die`` it with one set of changes after the other, or ``run`` it.

    Raises
    ------
    UserError
        When ngspice is not installed.
    """

    def __init__(self) -> None:
        self._ngspice = _shared_library()
        # Threads beyond one only make two runs wait for each other.
        self._command("set num_threads=1")
        # A user's start-up file may ask for another simulator's language.
        self._command("unset ngbehavior")
        # What is printed is compared with what was set.
        self._command("set numdgt=16")
        self._deck: Deck | None = None
        self._fault: RunStatus | None = None
        self._said = ""
        self._loading_s = 0.0
        self._base: dict[str, float] = {}
        self._now: dict[str, float] = {}

    @property
    def version(self) -> str:
        """Version of ngspice."""
        return str(self._ngspice.ngspice_version)

    def run(self, deck: Deck, folder: Path | None = None) -> Waves:
        """Load a deck and run it.

        Parameters
        ----------
        deck
            What to run.
        folder
            A private folder for its files; a temporary one when None.

        Returns
        -------
        Waves
            Always: a run that fails is a result with its status.
        """
        self.load(deck, folder)
        try:
            return self.run_die(None)
        finally:
            self._forget()

    def load(self, deck: Deck, folder: Path | None = None) -> None:
        """Load a deck, for `run_die`; whether that went well stands in each run's result."""
        start = time.process_time()
        self._forget()
        self._deck = deck
        with contextlib.ExitStack() as stack:
            if folder is None:
                folder = stack.enter_context(private_folder())
            deck.write(folder)
            # Only plain names reach the parser, whatever the folder is called.
            stack.enter_context(contextlib.chdir(folder))
            self._said = self._command(f"source {BENCH}")
        token = self._values([_TOKEN_SOURCE])
        if not token:
            self._fault = RunStatus.NOT_LOADED
        elif abs(token[_TOKEN_SOURCE] - deck.token) > _ROUNDING:
            self._fault = RunStatus.WRONG_CIRCUIT
        for names in _chunks(deck.watched, _COMMAND):
            self._command("save " + " ".join(names))
        # A command for a device that is not there changes nothing, and the run would go on.
        changes = [] if self._fault else [self._command(command) for command in deck.commands]
        refused = next((words for words in changes if "error" in words.lower()), "")
        if refused:
            self._fault, self._said = RunStatus.WRONG_CIRCUIT, refused
        self._loading_s = time.process_time() - start

    def run_die(self, changes: Sequence[Change] | None) -> Waves:
        """Run the loaded deck as one die.

        Parameters
        ----------
        changes
            How the die differs from the deck; every device that an earlier die changed and this
            one does not is set back. None runs the deck as it was loaded, before any die.

        Returns
        -------
        Waves
            Always. The first one after loading carries the processor time of loading too.
        """
        start = time.process_time()
        loading_s, self._loading_s = self._loading_s, 0.0
        deck, said, vectors = self._deck, self._said, dict[str, NDArray[np.float64]]()
        if deck is None:
            status, said = RunStatus.NOT_LOADED, "no deck was loaded"
        elif self._fault is not None:
            status = self._fault
        elif changes is not None and (amiss := self._become(deck, changes)):
            status, said = RunStatus.WRONG_CIRCUIT, amiss
        else:
            said = f"{said}\n{self._command('run')}"
            vectors = self._vectors(deck)
            token = deck.token if changes is None else die_token(deck, changes)
            status = _judge(deck, token, vectors, said)
            if status is RunStatus.NOT_FINITE:
                said = f"{said}\n{_not_finite(deck, vectors)} is not finite at some time point"
            elif status is RunStatus.STROBE_LOST:
                said = f"{said}\n{lost_pulse(deck.pulses, vectors)}"
            vectors = {name: v for name, v in vectors.items() if name not in deck.watched}
            self._command("destroy all")
        return Waves(
            status=status,
            vectors=vectors if status is not RunStatus.WRONG_CIRCUIT else {},
            core_seconds=loading_s + time.process_time() - start,
            message=said.strip()[-_WORDS:],
        )

    def _become(self, deck: Deck, changes: Sequence[Change]) -> str:
        """Set the loaded circuit's devices to one die; return what went amiss, or nothing."""
        new = {change.target: change.default for change in changes} | {_TOKEN_SOURCE: 0.0}
        new = {name: default for name, default in new.items() if name not in self._base}
        # Only the first change of a device finds what the deck itself gave it.
        read = self._values(list(new))
        if absent := new.keys() - read.keys():
            return f"the circuit has no {min(absent)}"
        self._base |= {name: read[name] or default for name, default in new.items()}
        self._now |= read
        wanted = dict(self._base)
        for change in changes:
            wanted[change.target] = wanted[change.target] * change.times + change.add
        wanted[_TOKEN_SOURCE] = die_token(deck, changes)
        for name, value in wanted.items():
            if value != self._now[name]:
                self._command(f"alter {name}={value!r}")
        self._now = self._values(list(wanted))
        for name, value in wanted.items():
            found = self._now.get(name)
            if found is None or abs(found - value) > _ROUNDING * max(abs(value), 1e-3):
                return f"{name} is {found} after it was set to {value!r}"
        return ""

    def _values(self, names: Sequence[str]) -> dict[str, float]:
        """Read parameters of the loaded circuit's devices; what is not there is left out."""
        found: dict[str, float] = {}
        for at in _chunks(names, _COMMAND):
            said = self._command("print " + " ".join(at))
            pairs = (line.partition(" = ") for line in said.splitlines())
            values = {name.strip(): value.strip() for name, _, value in pairs}
            found |= {name: float(values[name]) for name in at if _is_number(values.get(name))}
        return found

    def _forget(self) -> None:
        self._command("destroy all")
        # What was to be saved would be looked for in the next circuit.
        self._command("delete all")
        self._command("remcirc")
        self._deck, self._fault, self._said = None, None, ""
        self._base, self._now = {}, {}

    def _command(self, command: str) -> str:
        """Give a command and return what ngspice said; PySpice's opinion of it is not asked.

        It takes any line on standard error for a failure, gmin stepping included; here the data
        decide.
        """
        from PySpice.Spice.NgSpice.Shared import NgSpiceCommandError

        with contextlib.suppress(NgSpiceCommandError, NameError):
            self._ngspice.exec_command(command)
        return f"{self._ngspice.stdout}\n{self._ngspice.stderr}".strip()

    def _vectors(self, deck: Deck) -> dict[str, NDArray[np.float64]]:
        plots = [name for name in self._ngspice.plot_names if name.startswith("tran")]
        if not plots:
            return {}
        plot = self._ngspice.plot(None, plots[0])
        wanted = {"time": "time", TOKEN: "token"} | {
            name: _stored(name) for name in (*deck.saves, *deck.watched)
        }
        return {
            name: np.array(plot[stored].to_waveform(to_float=True), dtype=np.float64)
            for name, stored in wanted.items()
            if stored in plot
        }


def die_token(deck: Deck, changes: Sequence[Change]) -> float:
    """Return the voltage [V] that stands for a deck and what a die changes in it."""
    return token_of([f"{deck.token:.12g}", *(change.command for change in changes)])


def _stored(name: str) -> str:
    """Return the name under which ngspice keeps a saved vector."""
    if name.startswith("v("):
        return name[2:-1]
    return f"{name[2:-1]}#branch" if name.startswith("i(") else name


def _judge(
    deck: Deck, expected: float, vectors: dict[str, NDArray[np.float64]], said: str
) -> RunStatus:
    times = vectors.get("time", np.empty(0))
    reached = len(times) > 1 and times[-1] >= deck.t_stop * (1 - 1e-9)
    if not reached and _NO_MEMORY.search(said):
        return RunStatus.OUT_OF_MEMORY
    if len(times) == 0:
        return RunStatus.DID_NOT_CONVERGE if _NO_SOLUTION.search(said) else RunStatus.NOT_LOADED
    token = vectors.get(TOKEN, np.empty(0))
    if len(token) != len(times) or np.any(np.abs(token[1:] - expected) > _ROUNDING):
        return RunStatus.WRONG_CIRCUIT
    wanted = (*deck.saves, *deck.watched)
    complete = all(len(vectors.get(name, ())) == len(times) for name in wanted)
    if not complete or np.any(np.diff(times) <= 0):
        return RunStatus.WRONG_CIRCUIT
    if not reached:
        return RunStatus.DID_NOT_CONVERGE
    return _judge_values(deck, vectors)


def _judge_values(deck: Deck, vectors: Mapping[str, NDArray[np.float64]]) -> RunStatus:
    """Judge a whole run by what its vectors hold."""
    if _not_finite(deck, vectors):
        return RunStatus.NOT_FINITE
    return RunStatus.STROBE_LOST if lost_pulse(deck.pulses, vectors) else RunStatus.DONE


def _not_finite(deck: Deck, vectors: Mapping[str, NDArray[np.float64]]) -> str:
    """Name the first vector that holds a value which is no finite number; empty where none does."""
    return next((name for name in deck.saves if not np.isfinite(vectors[name]).all()), "")


def _chunks(words: Sequence[str], limit: int) -> Iterator[list[str]]:
    """Split words into lists whose text has at most `limit` characters."""
    taken: list[str] = []
    for word in words:
        if taken and len(" ".join(taken)) + len(word) >= limit:
            yield taken
            taken = []
        taken.append(word)
    if taken:
        yield taken


def _is_number(text: str | None) -> bool:
    return text is not None and re.fullmatch(r"[-+]?\d[\d.]*(e[-+]?\d+)?", text) is not None


def _shared_library() -> Any:
    os.environ[VARIABLE] = ngspice_library()
    # It warns of every ngspice after 34 and repeats each of its lines; statuses say what counts.
    logging.getLogger("PySpice").setLevel(logging.CRITICAL + 1)
    from PySpice.Spice.NgSpice.Shared import NgSpiceShared

    return NgSpiceShared.new_instance()
