"""The nominal die's array, levels and steps of a run, and a network on other frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mru_hw.cells.base import Devices
from mru_hw.mapping.design import Design
from mru_hw.model.network import Array, Model
from mru_hw.simulate.array import DieArray
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.run import Chip
from mru_hw.simulate.trace import Trace
from mru_hw.technology.calibration import Calibration
from mru_hw.variation import Die, nominal_die


def at_frame(model: Model, frame: str | float) -> Model:
    """Return the same network on frames of another length, as text or in seconds."""
    spec = model.spec.model_validate(model.spec.model_dump() | {"frame_period": frame})
    return replace(model, spec=spec)


def steps_of(chip: Chip, layer: int, states: Array) -> NDArray[np.int64]:
    """Return what is compared: bits as they are; of a ladder, which remembers, its steps."""
    levels = np.rint(states / chip.mapped.tensors[f"layers.{layer}.alpha"]).astype(np.int64)
    if chip.design.banks[layer].levels == 1:
        return levels
    start = chip.mapped.tensors[f"layers.{layer}.initial_state"].astype(np.int64)
    return np.diff(levels, axis=0, prepend=start[None])


def levels_of(model: Model, trace: Trace, layer: int) -> Array:
    """Return whole levels (n_seq, n_time, n_units); padding is NaN."""
    alpha = np.abs(model.tensors[f"layers.{layer}.alpha"])
    levels: Array = np.rint(trace.states[layer] / alpha)
    return levels


def rms(values: Array) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(values**2)))


def differ(first: Array, second: Array) -> int:
    """Count what differs, padding apart."""
    return int(np.sum((first != second) & ~np.isnan(first)))


def nominal_array(design: Design, calibration: Calibration) -> DieArray:
    """Return the nominal die in the array, at the temperature of the constants."""
    return compile_die(
        design, calibration, nominal_die(design), temperature=calibration.temperature
    )


def devices_of(design: Design, calibration: Calibration, die: Die) -> Devices:
    """Return a die's devices at the temperature of the constants."""
    return Devices(
        design=design, calibration=calibration, die=die, temperature=calibration.temperature
    )
