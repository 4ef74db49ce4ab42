"""A network without a chip: one whose memory cells no circuit holds runs as it was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mru_hw.mapping.cells import without_circuit
from mru_hw.model.network import Model
from mru_hw.simulate.asked import (
    asked_conditions,
    asked_sequences,
    asked_tolerances,
    asked_waves,
    refuse_corner,
    refuse_seeds,
    refuse_timing,
)
from mru_hw.simulate.ideal import kernel_of, simulate_ideal
from mru_hw.simulate.result import Run
from mru_hw.stimulus import Inputs
from mru_hw.technology import Technology
from mru_hw.words import plural

ALL = slice(None)


def run_software(
    model: Model,
    inputs: Inputs,
    technology: Technology,
    *,
    die: int | None = None,
    noise: int | None = None,
    corner: str | None = None,
    temperature: float | str | None = None,
    v_dd: float | str | None = None,
    timing: str = "settled",
    sequences: slice = ALL,
    tolerances: str = "default",
    raw: str | Path | None = None,
    kernel: str | None = None,
) -> Run:
    """Run a network at the level ``ideal`` on the numbers that it was trained to.

    Without a circuit there is nothing to round, so nothing is mapped; and no price.

    Parameters
    ----------
    technology
        The one whose conditions the run may name: its own.
    die, noise, corner, temperature, v_dd, timing, sequences, tolerances, raw
        As `Chip.run` has them; what the level ``ideal`` does not know is refused as there.
    kernel
        As `simulate_ideal` has it: cells that the compiled kernel does not have run in numpy.

    Returns
    -------
    Run
        Its ``warning`` says which layers have no circuit.

    Raises
    ------
    UserError
        The level does not know what is asked for, or the inputs do not fit.
    """
    level = "ideal"
    refuse_seeds(level, die=die, noise=noise)
    refuse_timing(timing, level)
    asked_tolerances(tolerances, level)
    asked_waves(raw, level)
    conditions = asked_conditions(
        technology, level, corner=corner, temperature=temperature, v_dd=v_dd
    )
    refuse_corner(technology, level, conditions.corner)
    data, _ = asked_sequences(model.spec, inputs, sequences)
    return Run(
        level=level,
        timing=timing,
        conditions=conditions,
        die=None,
        noise=None,
        seconds=data.lengths * np.float64(model.spec.frame_period),
        labels=data.y,
        trace=simulate_ideal(model, data, kernel=kernel),
        kernel=kernel_of(model.spec, kernel),
        input_energy=np.full(data.n_seq, np.nan),
        warning=_without(model),
    )


def _without(model: Model) -> str:
    cells = ((i, model.spec.layers[i].cell.name) for i in without_circuit(model.spec))
    names = [f"{i} ({name})" for i, name in cells]
    layers = f"{plural(len(names), 'layer')} {', '.join(names)}"
    return (
        f"No circuit holds the cells of {layers}: the network ran as it was trained, without a "
        "chip's rounding, and without energy."
    )
