"""ngspice beside the levels ideal and behavioral, in numbers that a summary keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus
from mru_hw.mapping import Design
from mru_hw.model.network import Model
from mru_hw.model.structure import normalised
from mru_hw.simulate.energy import Energy
from mru_hw.simulate.local import local_layers
from mru_hw.simulate.spice_level import SpiceResult
from mru_hw.simulate.steps import judge_steps
from mru_hw.simulate.supply import BLOCKS
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus import Inputs

Array = NDArray[np.float64]


def agreement(
    design: Design,
    mapped: Model,
    inputs: Inputs,
    *,
    ideal: Trace,
    behavioral: Trace,
    priced: Energy,
    spice: SpiceResult,
) -> dict[str, Any]:
    """Compare runs of one nominal chip on the same sequences.

    Parameters
    ----------
    design, mapped
        The chip, and the network that it amounts to.
    inputs
        The sequences of all runs.
    ideal, behavioral, priced, spice
        What they left; `priced` is the behavioral run's energy.

    Returns
    -------
    dict
        The object ``spice`` of ``summary.json``. Sequences that ngspice did not finish are
        listed with their status, are not alike, and count in no rate. A block that the tolerances
        do not resolve is None.
    """
    done = np.array([status is RunStatus.DONE for status in spice.status])
    alike = spice.trace.decision == ideal.decision
    energy = np.where(done, spice.trace.energy_J, np.nan)
    error = priced.total / energy - 1
    layers = [
        _steps(design, mapped, inputs, i, ideal=ideal, spice=spice, rows=np.flatnonzero(done))
        for i in range(len(design.banks))
    ]
    steps = sum(layer["steps"] for layer in layers)
    wrong = sum(layer["wrong"] for layer in layers)
    seconds = inputs.lengths.astype(np.float64) * design.spec.frame_period
    delivered = float(np.mean(spice.input_energy[done])) if done.any() else None
    return {
        "sequences": inputs.n_seq,
        "complete": int(done.sum()),
        "decisions_alike": int(np.sum(alike & done)),
        "wrong_step_rate": wrong / steps if steps else None,
        "energy_error_mean": float(np.mean(error[done])) if done.any() else None,
        "power_W": {"mean": _mean_power(energy, seconds, done)},
        "input_energy_J": {"mean": delivered},
        "layers": layers,
        "blocks_W": {
            name: {
                "ngspice": None
                if name in spice.unresolved
                else _mean_power(spice.energy_by_block[name], seconds, done),
                "behavioral": _mean_power(np.add(*priced.blocks[name]), seconds, done),
            }
            for name in BLOCKS
        },
        "rows": [
            {
                "frames": int(inputs.lengths[k]),
                "label": None if inputs.y is None else int(inputs.y[k]),
                "ideal": int(ideal.decision[k]),
                "behavioral": int(behavioral.decision[k]),
                "ngspice": int(spice.trace.decision[k]),
                "status": spice.status[k].name,
                "energy_J": {"ngspice": float(energy[k]), "behavioral": float(priced.total[k])},
                "core_seconds": float(spice.core_seconds[k]),
            }
            for k in range(inputs.n_seq)
        ],
    }


def _steps(
    design: Design,
    mapped: Model,
    inputs: Inputs,
    layer: int,
    *,
    ideal: Trace,
    spice: SpiceResult,
    rows: NDArray[np.int64],
) -> dict[str, Any]:
    """Judge every step of a layer from ngspice's own level before it and ideal's candidate.

    So a wrong step counts once, although a ladder carries it on.
    """
    valid = [slice(0, int(inputs.lengths[row])) for row in rows]
    states = spice.quantised(mapped)[layer]
    runs = [
        (states[row, frames], ideal.candidates[layer][row, frames])
        for row, frames in zip(rows, valid, strict=True)
    ]
    thresholds = None
    if design.banks[layer].threshold is not None:
        thresholds = []
        for row, frames in zip(rows, valid, strict=True):
            x = normalised(design.spec, inputs.x[row, frames])
            software = local_layers(mapped, x, [h[row, frames] for h in ideal.states])
            thresholds.append(software[layer].beta)
    return judge_steps(mapped, design, layer, runs, thresholds=thresholds).summary()


def _mean_power(energy: Array, seconds: Array, done: NDArray[np.bool_]) -> float | None:
    return float(energy[done].sum() / seconds[done].sum()) if done.any() else None
