"""What the level ``behavioral``, settled, has for the bench of a netlist."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import LawError, UserError
from mru_hw.mapping.design import Design
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.die_results import refuse_not_finite
from mru_hw.simulate.energy import energy
from mru_hw.simulate.kernels import NUMPY
from mru_hw.simulate.readout import Tally
from mru_hw.simulate.supply import input_charge
from mru_hw.spice.expected import Expected
from mru_hw.stimulus import make_inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die, nominal_die


def expected_figures(
    design: Design,
    calibration: Calibration,
    frames: NDArray[np.float64],
    *,
    conditions: Conditions,
    die: Die | None,
) -> Expected | str:
    """Return outputs, decision and power of a die on one sequence, without noise.

    Parameters
    ----------
    design, calibration
        The chip, and the constants of its cell laws.
    frames
        (n_time, n_in) normalised inputs, as `make_bench` takes them.
    conditions
        Corner, temperature, supply.
    die
        Mismatch; the nominal chip when None.

    Returns
    -------
    Expected or str
        The sentence says why there are no such figures.

    Raises
    ------
    UserError
        The constants were not measured at these conditions.
    """
    # The frames are normalised already.
    spec = design.spec.model_copy(update={"normalisation": None})
    played, inputs = replace(design, spec=spec), make_inputs(frames[None])
    there = calibration.at(**asdict(conditions), loops_only=design.loops_only)
    own = nominal_die(design) if die is None else die
    try:
        # What overflows is told by its sentence.
        with np.errstate(over="ignore", invalid="ignore"):
            run = simulate_behavioral(
                played,
                there,
                inputs,
                [own],
                temperature=conditions.temperature,
                v_dd=conditions.v_dd,
                kernel=NUMPY,
            )
        refuse_not_finite(run)
    except (LawError, UserError) as error:
        return str(error)
    trace, supply = run.trace.single_die(), run.supply.single_die()
    assert trace.output is not None
    output = trace.output * design.outputs.scale
    tally = Tally(design.spec.readout, inputs.lengths)
    tally.add(np.swapaxes(output, -1, -3))
    seconds = float(supply.duration[0])
    joules = {name: float((s + w)[0]) for name, (s, w) in energy(supply).blocks.items()}
    joules["input"] = conditions.v_dd * float(input_charge(played, inputs)[0])
    return Expected(
        output=output[0],
        readout=tally.values()[:, 0],
        decision=int(trace.decision[0]),
        power={name: amount / seconds for name, amount in joules.items()},
    )
