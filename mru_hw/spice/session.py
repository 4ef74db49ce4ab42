"""ngspice's shared library in this process, one deck after the other.

The library keeps the circuit and the vectors of earlier runs, and after a netlist that fails to
load it would hand out those. So a session drops everything before each run, and a result counts
only where the node ``token`` carries the voltage that was made from the deck's own text, the
time reaches the deck's end and every vector is there in full.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
import time
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus
from mru_hw.spice.deck import BENCH, TOKEN, Deck, Waves
from mru_hw.spice.library import VARIABLE, ngspice_library

_WORDS = 2000  # characters of ngspice's own output that travel with a result
_NO_SOLUTION = re.compile(
    r"timestep too small|singular matrix|no convergence|failed to converge|"
    r"iteration limit|aborted",
    re.IGNORECASE,
)
_NO_MEMORY = re.compile(r"out of memory|no more space|malloc|calloc", re.IGNORECASE)


@final
class Session:
    """The simulator of this process; the library exists once, so all sessions share it.

    Raises
    ------
    UserError
        When ngspice is not installed.
    """

    def __init__(self) -> None:
        self._ngspice = _shared_library()
        # Threads beyond one only make two runs wait for each other.
        self._command("set num_threads=1")

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
        with contextlib.ExitStack() as stack:
            if folder is None:
                name = stack.enter_context(tempfile.TemporaryDirectory(prefix="mru-hw-"))
                folder = Path(name)
            deck.write(folder)
            # Only plain names reach the parser, whatever the folder is called.
            stack.enter_context(contextlib.chdir(folder))
            return self._run(deck)

    def _run(self, deck: Deck) -> Waves:
        start = time.process_time()
        self._forget()
        loading = self._command(f"source {BENCH}")
        # A command for a device that is not there changes nothing, and the run goes on.
        changes = [self._command(command) for command in deck.commands]
        refused = next((words for words in changes if "error" in words.lower()), "")
        running = self._command("run")
        vectors = self._vectors(deck)
        said = "\n".join(words for words in (loading, refused, running) if words)
        status = RunStatus.WRONG_CIRCUIT if refused else _judge(deck, vectors, said)
        proven = status is not RunStatus.WRONG_CIRCUIT
        waves = Waves(
            status=status,
            vectors=vectors if proven else {},
            core_seconds=time.process_time() - start,
            message=said[-_WORDS:],
        )
        self._forget()
        return waves

    def _forget(self) -> None:
        self._command("destroy all")
        self._command("remcirc")

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
        wanted = {"time": "time", TOKEN: "token"} | {name: _stored(name) for name in deck.saves}
        return {
            name: np.array(plot[stored].to_waveform(to_float=True), dtype=np.float64)
            for name, stored in wanted.items()
            if stored in plot
        }


def _stored(name: str) -> str:
    """Return the name under which ngspice keeps a saved vector."""
    if name.startswith("v("):
        return name[2:-1]
    return f"{name[2:-1]}#branch" if name.startswith("i(") else name


def _judge(deck: Deck, vectors: dict[str, NDArray[np.float64]], said: str) -> RunStatus:
    times = vectors.get("time", np.empty(0))
    reached = len(times) > 1 and times[-1] >= deck.t_stop * (1 - 1e-9)
    if not reached and _NO_MEMORY.search(said):
        return RunStatus.OUT_OF_MEMORY
    if len(times) == 0:
        return RunStatus.DID_NOT_CONVERGE if _NO_SOLUTION.search(said) else RunStatus.NOT_LOADED
    token = vectors.get(TOKEN, np.empty(0))
    if len(token) != len(times) or np.any(np.abs(token[1:] - deck.token) > 1e-9):
        return RunStatus.WRONG_CIRCUIT
    complete = all(len(vectors.get(name, ())) == len(times) for name in deck.saves)
    if not complete or np.any(np.diff(times) <= 0):
        return RunStatus.WRONG_CIRCUIT
    return RunStatus.DONE if reached else RunStatus.DID_NOT_CONVERGE


def _shared_library() -> Any:
    os.environ[VARIABLE] = ngspice_library()
    # It warns of every ngspice after 34 and repeats each of its lines; statuses say what counts.
    logging.getLogger("PySpice").setLevel(logging.CRITICAL + 1)
    from PySpice.Spice.NgSpice.Shared import NgSpiceShared

    return NgSpiceShared.new_instance()
