"""Steps of units with window comparators, judged by thresholds that move from frame to frame."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mru_hw.errors import RunStatus
from mru_hw.mapping.realised import quiescent_current
from mru_hw.report.agreement import agreement
from mru_hw.simulate.causes import Cause, Disagreement
from mru_hw.simulate.disagreement import explain, step_rules
from mru_hw.simulate.energy import energy
from mru_hw.simulate.evidence import Evidence
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.local import local_layers
from mru_hw.simulate.run import run_level
from mru_hw.simulate.spice_level import SpiceResult
from mru_hw.simulate.supply import BLOCKS
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology.conditions import nominal_conditions
from tests.agreement.networks import chip_of, two_windows

WINDOWS = chip_of(two_windows())
NODE = WINDOWS.design.buses["b0"]
FLOOR = quiescent_current(NODE, WINDOWS.design.i_lsb, WINDOWS.calibration) / NODE.scale
LONG = make_inputs(np.random.default_rng(5).normal(size=(2, 30, 2)), np.array([30, 25]), None)


def as_if_ngspice(trace: Trace) -> SpiceResult:
    """A run of the two windows that reached a trace's states, each step within its strobe."""
    alpha, bank = WINDOWS.mapped.tensors["layers.0.alpha"], WINDOWS.design.banks[0]
    evidence = []
    for row, n in enumerate(LONG.lengths):
        c = trace.candidates[0][row, :n]
        levels = np.rint(trace.states[0][row, :n] / alpha)
        end = np.arange(bank.n_cells) < (bank.levels + levels)[:, :, None]
        start = np.arange(bank.n_cells) < np.full((1, bank.n_units, 1), bank.levels)
        before = np.concatenate([start, end[:-1]])
        made = Evidence(candidate=c, earlier=c, before=before, after=end, end=end)
        evidence.append((made,))
    none = np.zeros(2)
    return SpiceResult(
        trace=trace,
        levels=(trace.states[0] / alpha,),
        input_energy=none,
        energy_by_block=dict.fromkeys(BLOCKS, none),
        status=(RunStatus.DONE,) * 2,
        core_seconds=none,
        time_points=none.astype(np.int64),
        messages=("",) * 2,
        helpers=("",) * 2,
        evidence=tuple(evidence),
    )


def explained(trace: Trace, inputs: Inputs = LONG) -> tuple[Disagreement, ...]:
    design = WINDOWS.design
    ladders = step_rules(
        WINDOWS.mapped,
        design,
        WINDOWS.calibration,
        WINDOWS.die(None),
        nominal_conditions(design.technology),
    )
    reference = simulate_ideal(WINDOWS.mapped, inputs)
    return explain(as_if_ngspice(trace), WINDOWS.mapped, design, ladders, inputs, reference)


def shifted(trace: Trace, row: int, frame: int, unit: int, by: int) -> Trace:
    """The trace with one unit's level off in one frame, and right again relative to itself."""
    state = np.array(trace.states[0])
    alpha = WINDOWS.mapped.tensors["layers.0.alpha"][unit]
    state[row, frame, unit] += by * alpha
    return dataclasses.replace(trace, states=(state,))


def test_windows_right_steps_leave_no_record_and_wrong_ones_do() -> None:
    ideal = simulate_ideal(WINDOWS.mapped, LONG)
    assert explained(ideal) == ()
    software = local_layers(WINDOWS.mapped, LONG.x[0], [ideal.states[0][0]])[0]
    relative = np.abs(software.candidate) / software.beta - 1
    # The last frame, so that nothing follows: a unit that moved although nothing asked it to.
    unit = int(np.argmin(relative[-1]))
    level = ideal.states[0][0, -1, unit]
    (record,) = explained(shifted(ideal, 0, 29, unit, -1 if level > 0 else 1))
    assert (record.sequence, record.layer, record.unit, record.frame) == (0, 0, unit, 29)
    assert record.distance == pytest.approx(relative[-1, unit])
    # The circuit's own threshold is sqrt(b^2 + 4 i_q^2), but for the copies' rounding.
    own = abs(software.candidate[-1, unit]) / np.hypot(software.beta[-1, unit], 2 * FLOOR) - 1
    assert record.distance_own == pytest.approx(own, abs=0.03)


def test_the_quiescent_floor_of_a_window_is_a_threshold_offset() -> None:
    # Unit 0's candidate is the first input and its threshold the second: between |b| and 2 i_q.
    x = np.array(LONG.x)
    x[0, 0] = FLOOR, 0.1 * FLOOR
    inputs = dataclasses.replace(LONG, x=x)
    ideal = simulate_ideal(WINDOWS.mapped, inputs)
    assert ideal.states[0][0, 0, 0] > 0
    record = explained(shifted(ideal, 0, 0, 0, -1), inputs)[0]
    assert (record.unit, record.frame, record.wanted, record.found) == (0, 0, 1, 0)
    assert record.distance > 5
    assert record.distance_own < -0.1
    assert record.cause is Cause.THRESHOLD


def test_steps_of_windows_are_judged_by_their_frames_thresholds() -> None:
    ideal = simulate_ideal(WINDOWS.mapped, LONG)
    conditions = nominal_conditions(WINDOWS.design.technology)
    run = run_level(WINDOWS, LONG, level="behavioral", conditions=conditions)
    assert run.supply is not None
    found = agreement(
        WINDOWS.design,
        WINDOWS.mapped,
        LONG,
        ideal=ideal,
        behavioral=run.trace,
        priced=energy(run.supply),
        spice=as_if_ngspice(ideal),
    )
    assert (found["layers"][0]["steps"], found["layers"][0]["wrong"]) == (2 * 55, 0)
