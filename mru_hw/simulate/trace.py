"""What a simulation leaves: decisions, outputs, candidates, states and energy."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import MISSING, MruHwError, RunStatus, UserError
from mru_hw.files import refuse_foreign, whole_file
from mru_hw.npz import read_npz

TRACE_BYTES = 16 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The result of one run, the same fields at every level of truth.

    All quantities but the energy are in the network's own units: a current over ``i_unit`` and
    the layer's scale. Padded frames are NaN. A run over several dies has a leading die axis in
    every array; a run of the nominal chip has none.

    Attributes
    ----------
    decision
        Class index of each sequence, (..., n_seq).
    energy_J
        Energy of each sequence [J], (..., n_seq); NaN at the level ``ideal``.
    output
        The head's outputs, (..., n_seq, n_time, n_out); None in a run that keeps decisions only.
    candidates
        Per layer, what drives the memory units, (..., n_seq, n_time, n_units); empty in a run
        that keeps decisions only.
    states
        Per layer h, alpha times the level, of the same shapes.
    status
        Why the run ended.
    """

    decision: NDArray[np.int64]
    energy_J: NDArray[np.float64]  # noqa: N815 (the key of the contract)
    output: NDArray[Any] | None = None
    candidates: tuple[NDArray[Any], ...] = ()
    states: tuple[NDArray[Any], ...] = ()
    status: RunStatus = RunStatus.DONE

    def single_die(self) -> Trace:
        """Return the trace of the only die of a run, without the die axis."""
        return Trace(
            decision=self.decision[0],
            energy_J=self.energy_J[0],
            output=None if self.output is None else self.output[0],
            candidates=tuple(c[0] for c in self.candidates),
            states=tuple(s[0] for s in self.states),
            status=self.status,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by the names of the contract.

        Raises
        ------
        MruHwError
            The run kept decisions only.
        """
        if self.output is None:
            raise MruHwError("This run kept its decisions only, so it has no trace to write.")
        named: dict[str, NDArray[Any]] = {
            "decision": self.decision,
            "output": self.output,
            "energy_J": self.energy_J,
        }
        for i, (candidate, state) in enumerate(zip(self.candidates, self.states, strict=True)):
            named[f"layer{i}.candidate"] = candidate
            named[f"layer{i}.state"] = state
        return named

    def save(self, path: Path) -> None:
        """Write the ``.npz`` of the contract, whole or not at all, over an earlier one only."""
        arrays = self.arrays()
        refuse_other_content(path)
        with whole_file(path) as part, part.open("wb") as stream:
            np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def refuse_other_content(path: Path) -> None:
    """Raise `UserError` when `path` exists and holds no trace: inputs are ``.npz`` files too."""
    refuse_foreign(path, marker="PK", what=".npz")
    if not path.exists():
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        names = set()
    if not {"decision.npy", "energy_J.npy"} <= names:
        raise UserError("out", str(path), "a new path or an earlier trace, not other content")


def load_trace(path: Path) -> Trace:
    """Read a ``.npz`` that `Trace.save` wrote.

    Raises
    ------
    UserError
        The file is no ``.npz`` or lacks an array.
    """
    arrays = read_npz(path, "the trace", limit=TRACE_BYTES)
    for name in ("decision", "output", "energy_J"):
        if name not in arrays:
            raise UserError(f"{path.name}: {name}", MISSING, "an array that simulate wrote")
    n_layers = sum(name.endswith(".candidate") for name in arrays)
    names = [f"layer{i}.{kind}" for i in range(n_layers) for kind in ("candidate", "state")]
    for name in names:
        if name not in arrays:
            raise UserError(f"{path.name}: {name}", MISSING, "an array that simulate wrote")
    return Trace(
        decision=arrays["decision"],
        energy_J=arrays["energy_J"],
        output=arrays["output"],
        candidates=tuple(arrays[name] for name in names[0::2]),
        states=tuple(arrays[name] for name in names[1::2]),
    )
