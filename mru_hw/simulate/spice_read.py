"""One run of a chip's netlist, read back frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus
from mru_hw.mapping import Design
from mru_hw.mapping.design import Bank
from mru_hw.mapping.realised import realised_bank
from mru_hw.simulate.evidence import Evidence, read_evidence
from mru_hw.simulate.supply import BLOCKS
from mru_hw.spice.bench import Bench, candidate_vectors, state_diode, state_vectors
from mru_hw.spice.deck import Waves
from mru_hw.spice.sources import INPUT_SUPPLY
from mru_hw.technology.calibration import Calibration

Array = NDArray[np.float64]

ON_MARGIN = 0.1  # V above a unit device's gate voltage; the two folds of a loop lie on either side


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceRead:
    """What was read from one run; currents in the network's own units, NaN where it did not come.

    Attributes
    ----------
    output
        (n_time, n_out).
    candidates, states, levels
        Per layer, (n_time, n_units): what drives the units, what their outputs carry less the
        constant that the bias folds in, and the levels that their cells stand for.
    energy
        [J] of each of ``BLOCKS``, their ``total`` and, apart from it, ``input``; NaN unless the
        run is done.
    waves
        The run without its vectors but the time.
    evidence
        Per layer, what explains a wrong step; None for layers without a strobe.
    """

    output: Array
    candidates: tuple[Array, ...]
    states: tuple[Array, ...]
    levels: tuple[Array, ...]
    energy: dict[str, float]
    waves: Waves
    evidence: tuple[Evidence | None, ...]


def read_sequence(
    design: Design, bench: Bench, waves: Waves, v_dd: float, calibration: Calibration
) -> SequenceRead:
    """Read a run of a bench.

    A run that is done has every value; one that lacks any gets the status `RunStatus.NOT_FINITE`,
    and the name of the vector in its message.
    """
    read = _Reader(waves, len(bench.read_at))
    y = design.outputs
    output = np.stack([read(f"i(vy{k})", bench.read_at) for k in range(y.size)], axis=1) / y.scale
    candidates, states, levels = [], [], []
    for bank, decided in zip(design.banks, bench.decided_at, strict=True):
        candidates.append(_candidates(design, bank, read, decided))
        states.append(_states(design, bank, read, bench.read_at, calibration))
        levels.append(_levels(design, bank, read, bench.read_at, v_dd, calibration))
    evidence = tuple(
        read_evidence(
            design,
            bank.layer,
            range(bank.n_units),
            waves,
            timing=design.timing,
            strobe_at=strobes,
            read_at=bench.read_at,
            v_dd=v_dd,
        )
        if bank.clocked
        else None
        for bank, strobes in zip(design.banks, bench.decided_at, strict=True)
    )
    ended = replace(waves, vectors={"time": waves.time})
    energy = dict.fromkeys(_PRICED, np.nan)
    if waves.status is RunStatus.DONE:
        energy, lacking = _energy(bench, waves, v_dd), read.lacking
        wrong = [name for name, joules in energy.items() if not np.isfinite(joules)]
        if wrong and not lacking:
            lacking = f"the energy of {wrong[0]} is not finite"
        if lacking:
            ended = replace(ended, status=RunStatus.NOT_FINITE, message=lacking)
            energy = dict.fromkeys(_PRICED, np.nan)
    return SequenceRead(
        output=output,
        candidates=tuple(candidates),
        states=tuple(states),
        levels=tuple(levels),
        energy=energy,
        waves=ended,
        evidence=evidence,
    )


_PRICED = ("total", "input", *BLOCKS)


def _candidates(design: Design, bank: Bank, read: _Reader, at: Array) -> Array:
    rails = [candidate_vectors(design, bank.layer, k) for k in range(bank.n_units)]
    each = [read(plus, at) - sum(read(name, at) for name in minus) for plus, *minus in rails]
    return np.stack(each, axis=1) / design.buses[bank.candidate].scale


def _states(
    design: Design, bank: Bank, read: _Reader, at: Array, calibration: Calibration
) -> Array:
    each = [read(state_diode(design, bank.layer, k), at) for k in range(bank.n_units)]
    low = realised_bank(design, bank, calibration).low
    return np.stack(each, axis=1) / design.buses[bank.state].scale - low


def _levels(
    design: Design, bank: Bank, read: _Reader, at: Array, v_dd: float, calibration: Calibration
) -> Array:
    """Return the levels that the set cells stand for."""
    # A loop is set as long as its followers conduct, however far its node has sagged.
    on = v_dd / 2 if bank.clocked else calibration.n.v_gate + ON_MARGIN
    cells = (state_vectors(design, bank.layer, k) for k in range(bank.n_units))
    counts = np.stack([sum(read(v, at, above=on) for v in unit) for unit in cells], axis=1)
    return bank.memory.level(counts, bank.levels)


def _energy(bench: Bench, waves: Waves, v_dd: float) -> dict[str, float]:
    span = bench.t_start, bench.deck.t_stop
    energy = {name: v_dd * _integral(waves, f"i(vvdd_{name})", span) for name in BLOCKS}
    energy["bias"] += v_dd * _integral(waves, "i(vref)", span)
    energy["total"] = -v_dd * _integral(waves, "i(vdd)", span)
    energy["input"] = v_dd * _integral(waves, f"i(v{INPUT_SUPPLY})", span)
    return energy


class _Reader:
    """Reads vectors at instants, NaN beyond what the run reached.

    Attributes
    ----------
    lacking
        A sentence about the first value that was not there; empty where all were.
    """

    def __init__(self, waves: Waves, n_time: int) -> None:
        self._waves = waves
        self._nothing = np.full(n_time, np.nan)
        self.lacking = ""

    def __call__(self, name: str, at: Array, *, above: float | None = None) -> Array:
        values = self._read(name, at)
        absent = ~np.isfinite(values)
        if absent.any() and not self.lacking:
            first = at[int(np.argmax(absent))]
            self.lacking = f"{name} has no finite value at {first:.9g} s"
        if above is not None:
            values = np.where(absent, np.nan, values > above)
        return values

    def _read(self, name: str, at: Array) -> Array:
        times, vector = self._waves.time, self._waves.vectors.get(name)
        if vector is None or len(times) < 2 or len(vector) != len(times):
            return self._nothing
        values: Array = np.interp(at, times, vector)
        return np.where(at <= times[-1] * (1 + 1e-9), values, np.nan)


def _integral(waves: Waves, name: str, span: tuple[float, float]) -> float:
    """Integrate a vector over a span, trapezoid by trapezoid on the internal time points.

    A linearised grid would step over the current spikes of the phases.
    """
    times, values = waves.time, waves.vectors[name]
    inside = (times > span[0]) & (times < span[1])
    ends = np.interp(span, times, values)
    t = np.concatenate([[span[0]], times[inside], [span[1]]])
    v = np.concatenate([[ends[0]], values[inside], [ends[1]]])
    return float(np.sum(np.diff(t) * (v[1:] + v[:-1])) / 2)
