"""A deck that is ready to run, and what a run gives back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus

BENCH, CHIP = "bench.cir", "chip.cir"
TOKEN = "v(token)"  # noqa: S105 (a node's voltage, no secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deck:
    """Files of one run and the proof that a result is its own.

    Attributes
    ----------
    files
        Text by plain file name; ``bench.cir`` is opened and names the others.
    saves
        Vectors that the run must return.
    token
        Voltage [V] of the node ``token``, made from the files' text: a result without it belongs
        to another circuit.
    t_stop
        Time [s] that the run must reach.
    commands
        ngspice commands between loading and running (a die's mismatch).
    """

    files: Mapping[str, str]
    saves: tuple[str, ...]
    token: float
    t_stop: float
    commands: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Write the files into a folder."""
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    """What a run gave back.

    Attributes
    ----------
    status
        Why it ended. Vectors that exist are kept whatever it is.
    vectors
        By the names of ``Deck.saves`` and ``time``, each (n_points,), on ngspice's own internal
        time points. Empty where the circuit was not loaded or is not proven.
    core_seconds
        Processor time of loading and running [s].
    message
        ngspice's last words, for a person.
    """

    status: RunStatus
    vectors: Mapping[str, NDArray[np.float64]]
    core_seconds: float
    message: str

    @property
    def time(self) -> NDArray[np.float64]:
        """Internal time points [s]; empty where there are none."""
        return self.vectors.get("time", np.empty(0))


def token_of(texts: Iterable[str]) -> float:
    """Return a voltage between 0.1 and 1 V that stands for a text: nine digits of its hash."""
    sha = hashlib.sha256("\0".join(texts).encode())
    return 0.1 + 0.9 * (int.from_bytes(sha.digest()[:8], "big") % 10**9) / 1e9


def token_line(token: float) -> str:
    """Return the declared source that carries a token."""
    return f"vtoken token 0 {token:.12g}"
