"""How a summary compares ngspice with the other levels, on traces that are known."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from mru_hw.errors import RunStatus
from mru_hw.report.agreement import agreement
from mru_hw.simulate.energy import energy
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip, run_level
from mru_hw.simulate.spice_level import SpiceResult
from mru_hw.simulate.supply import BLOCKS
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from tests.sweeps import small_inputs, small_model

TECHNOLOGY = load_technology("generic180")
CHIP = Chip(small_model(), TECHNOLOGY)
INPUTS = small_inputs(CHIP.model, n_seq=4)
IDEAL = simulate_ideal(CHIP.mapped, INPUTS)
BEHAVIORAL = run_level(CHIP, INPUTS, level="behavioral", conditions=nominal_conditions(TECHNOLOGY))
assert BEHAVIORAL.supply is not None
ALPHAS = [CHIP.mapped.tensors[f"layers.{i}.alpha"] for i in range(len(CHIP.design.banks))]
PRICED = energy(BEHAVIORAL.supply)


def as_if_ngspice(**changes: Any) -> SpiceResult:
    """A result that is ideal's, at 80 % of the behavioral energy."""
    trace = dataclasses.replace(IDEAL, energy_J=0.8 * PRICED.total)
    blocks = {name: 0.8 * sum(PRICED.blocks[name]) for name in BLOCKS}
    keys: dict[str, Any] = {
        "trace": trace,
        "input_energy": 0.1 * trace.energy_J,
        "energy_by_block": blocks,
        "status": (RunStatus.DONE,) * 4,
        "core_seconds": np.arange(4.0),
        "time_points": np.full(4, 10),
        "messages": ("",) * 4,
        "helpers": ("",) * 4,
    }
    keys |= changes
    levels = tuple(h / a for h, a in zip(keys["trace"].states, ALPHAS, strict=True))
    return SpiceResult(levels=levels, **keys)


def compared(spice: SpiceResult) -> dict[str, Any]:
    return agreement(
        CHIP.design,
        CHIP.mapped,
        INPUTS,
        ideal=IDEAL,
        behavioral=BEHAVIORAL.trace,
        priced=PRICED,
        spice=spice,
    )


def test_equal_traces_have_no_wrong_step() -> None:
    found = compared(as_if_ngspice())
    frames = int(INPUTS.lengths.sum())
    assert (found["sequences"], found["complete"], found["decisions_alike"]) == (4, 4, 4)
    assert [layer["steps"] for layer in found["layers"]] == [6 * frames, 6 * frames]
    assert found["wrong_step_rate"] == 0
    assert found["layers"][0]["largest_distance_wrong"] is None
    assert found["energy_error_mean"] == pytest.approx(0.25)
    total = sum(pair["behavioral"] for pair in found["blocks_W"].values())
    assert total == pytest.approx(PRICED.total.sum() / (frames * 10e-3))
    for pair in found["blocks_W"].values():
        assert pair["ngspice"] == pytest.approx(0.8 * pair["behavioral"])


def test_a_wrong_step_counts_once_although_the_ladder_carries_it() -> None:
    # A frame at which the unit stands still and the next ones keep within the ladder.
    alpha = CHIP.mapped.tensors["layers.1.alpha"]
    beta = CHIP.mapped.tensors["layers.1.beta"]
    states = [np.array(state) for state in IDEAL.states]
    row = int(np.argmax(INPUTS.lengths))
    last = int(INPUTS.lengths[row]) - 1
    level = np.rint(states[1][row, last] / alpha)
    unit = int(np.argmin(np.abs(level)))
    states[1][row, last, unit] += alpha[unit]
    trace = dataclasses.replace(as_if_ngspice().trace, states=tuple(states))
    found = compared(as_if_ngspice(trace=trace))
    assert [layer["wrong"] for layer in found["layers"]] == [0, 1]
    steps = sum(layer["steps"] for layer in found["layers"])
    assert found["wrong_step_rate"] == 1 / steps
    c = IDEAL.candidates[1][row, last, unit]
    distance = abs(abs(c) - beta[unit]) / beta[unit]
    assert found["layers"][1]["largest_distance_wrong"] == pytest.approx(distance)
    # Shifted throughout, away from the ladder's ends, it is one wrong step, the first.
    still = [np.array(state) for state in IDEAL.states]
    flat = np.zeros_like(still[0][row, : last + 1, 0])
    quiet = dataclasses.replace(IDEAL, candidates=tuple(np.zeros_like(c) for c in IDEAL.candidates))
    start = [CHIP.mapped.tensors[f"layers.{i}.initial_state"] for i in range(2)]
    for i, state in enumerate(still):
        state[:] = start[i] * CHIP.mapped.tensors[f"layers.{i}.alpha"]
    still[0][row, : last + 1, 0] = flat - CHIP.mapped.tensors["layers.0.alpha"][0]
    shifted = dataclasses.replace(as_if_ngspice().trace, states=tuple(still))
    result = agreement(
        CHIP.design,
        CHIP.mapped,
        INPUTS,
        ideal=quiet,
        behavioral=BEHAVIORAL.trace,
        priced=PRICED,
        spice=as_if_ngspice(trace=shifted),
    )
    assert [layer["wrong"] for layer in result["layers"]] == [1, 0]


def test_sequences_that_did_not_end_count_in_no_rate() -> None:
    trace = as_if_ngspice().trace
    decision = trace.decision.copy()
    decision[1] = -1
    joules = trace.energy_J.copy()
    joules[1] = np.nan
    trace = dataclasses.replace(trace, decision=decision, energy_J=joules)
    done = RunStatus.DONE
    found = compared(as_if_ngspice(trace=trace, status=(done, RunStatus.TIMED_OUT, done, done)))
    assert (found["sequences"], found["complete"], found["decisions_alike"]) == (4, 3, 3)
    frames = int(INPUTS.lengths.sum() - INPUTS.lengths[1])
    assert found["layers"][0]["steps"] == 6 * frames
    assert found["energy_error_mean"] == pytest.approx(0.25)
    assert found["rows"][1]["status"] == "TIMED_OUT"
    none = compared(as_if_ngspice(trace=trace, status=(RunStatus.WORKER_DIED,) * 4))
    assert none["wrong_step_rate"] is None
    assert none["energy_error_mean"] is None
    assert none["decisions_alike"] == 0
