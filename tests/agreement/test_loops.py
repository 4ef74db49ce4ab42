"""Networks of one-bit units in ngspice: where they switch, what they hold, what they draw.

FQ-BMRU units are loops that follow their candidate; those of a BMRU compare at a strobe.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mru_hw.errors import RunStatus
from mru_hw.mapping.realised import realised_bank
from mru_hw.model.network import Model
from mru_hw.model.structure import ReadoutKind
from mru_hw.simulate.energy import energy
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip, run_level
from mru_hw.simulate.spice_level import SpiceResult, simulate_spice
from mru_hw.simulate.steps import judge_steps
from mru_hw.simulate.supply import SupplyRecord
from mru_hw.spice.bench import as_written, make_bench
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import Conditions, nominal_conditions
from tests.agreement.networks import chip_of, loops
from tests.networks import draw_model, make_spec

SURE = 0.03  # of the threshold: nearer than that a loop may decide either way
FIRST_QUADRANT = ([0.5, 0.25, 0.8, 0.4], [0.5, 0.75, 0.3, 0.2])
NOMINAL = nominal_conditions(load_technology("generic180"))
SIGNED = ([1.0, 0.7, 1.3],)
SETTINGS = [("fq_bmru", FIRST_QUADRANT), ("bmru", SIGNED)]


def run(chip: Chip, inputs: Inputs, die: int | None = None) -> SpiceResult:
    result = simulate_spice(
        chip.design,
        chip.calibration,
        inputs,
        conditions=nominal_conditions(chip.design.technology),
        die=None if die is None else chip.die(die),
        time_limit_s=300,
    )
    assert set(result.status) == {RunStatus.DONE}
    return result


def staircase(step: float) -> Inputs:
    """Slowly through all edges: down, up, down and up again."""
    up = np.arange(-1.6, 1.6, step)
    return make_inputs(np.concatenate([up[::-1], up])[None, :, None])


def edges(states: np.ndarray, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Candidate at which each unit rises and falls: the middle of the frames around it."""
    middle = np.broadcast_to(
        (candidates[1:] + candidates[:-1]) / 2, (len(states) - 1, states.shape[1])
    )
    moved = np.diff(states, axis=0)
    rows = np.arange(states.shape[1])
    return (
        middle[np.argmax(moved > 0, axis=0), rows],
        middle[np.argmax(moved < 0, axis=0), rows],
    )


@pytest.fixture(scope="module", params=SETTINGS, ids=[cell for cell, _ in SETTINGS])
def stairs(request: pytest.FixtureRequest) -> tuple[Chip, SpiceResult]:
    cell, settings = request.param
    chip = chip_of(loops(cell, *settings))
    return chip, run(chip, staircase(0.02 if cell == "fq_bmru" else 0.04))


def test_a_unit_switches_where_the_mapping_says(stairs: tuple[Chip, SpiceResult]) -> None:
    chip, result = stairs
    bank = chip.design.banks[0]
    real = realised_bank(chip.design, bank, chip.calibration)
    rise, fall = edges(result.levels[0][0], result.trace.candidates[0][0])
    first_quadrant = not bank.memory.signed
    falls = fall if first_quadrant else -fall
    # Half a stair and 2 % of the edge; a loop's falling edge has the rising one's error too.
    stair = 0.012 if first_quadrant else 0.022
    np.testing.assert_array_less(np.abs(rise - real.up), stair + 0.02 * real.up)
    larger = real.up if first_quadrant else real.down
    np.testing.assert_array_less(np.abs(falls - real.down), stair + 0.02 * larger)


@pytest.mark.parametrize(("cell", "settings"), SETTINGS)
def test_every_step_and_the_supply_of_single_units(
    cell: str, settings: tuple[list[float], ...]
) -> None:
    chip = chip_of(loops(cell, *settings))
    rng = np.random.default_rng(7)
    low = -1.8 if cell == "bmru" else -0.2
    inputs = make_inputs(rng.uniform(low, 1.8, 40)[None, :, None])
    result, ideal = run(chip, inputs), simulate_ideal(chip.mapped, inputs)
    pairs = [(result.quantised(chip.mapped)[0][0], result.trace.candidates[0][0])]
    steps = judge_steps(chip.mapped, chip.design, 0, pairs)
    assert len(steps.right) > 100
    assert np.all(steps.wrong < SURE)
    assert len(np.unique(result.levels[0])) == 2
    np.testing.assert_allclose(
        result.trace.candidates[0], ideal.candidates[0], rtol=0.05, atol=0.05
    )
    priced = energy(behavioral(chip, inputs)).blocks
    for name in ("mirror", "memory", "bias"):
        wanted = sum(float(part.sum()) for part in priced[name])
        assert wanted == pytest.approx(float(result.energy_by_block[name][0]), rel=0.05), name
    clock = sum(float(part.sum()) for part in priced["clock"])  # within 10 %, and little
    missed = abs(result.energy_by_block["clock"][0] - clock)
    assert missed < 1e-3 * result.trace.energy_J[0]


def chosen_by_the_last_frame() -> Chip:
    """One unit whose output, 1 while it is set, stands against a constant of a half."""
    model = loops("fq_bmru", [0.5], [0.5])
    spec = model.spec.model_copy(
        update={"n_classes": 2, "readout": ReadoutKind.LAST, "frame_period": 0.4}
    )
    tensors = dict(model.tensors) | {
        "layers.0.alpha": np.ones(1),
        "layers.0.initial_state": np.zeros(1),
        "head.weight": np.array([[1.0], [-1.0]]),
        "head.bias": np.array([0.0, 0.5]),
    }
    return chip_of(replace(model, spec=spec, tensors=tensors))


def lengths_that_round_down(chip: Chip) -> list[int]:
    """Numbers of frames up to 400 whose end lies beyond what nine digits make of it."""
    period = chip.design.timing.frame
    t_start = make_bench(chip.design, np.zeros((1, 1)), NOMINAL).t_start
    ends = {n: t_start + n * period for n in range(1, 401)}
    return [n for n, end in ends.items() if end > as_written(end) * (1 + 1e-9)]


@pytest.mark.parametrize("level", ["ideal", "behavioral", "spice"])
def test_the_last_frame_decides_at_every_level(level: str) -> None:
    chip = chosen_by_the_last_frame()
    length = lengths_that_round_down(chip)[0]
    assert length < 30
    inputs = make_inputs(np.full((1, length, 1), 0.2))
    trace = run_level(chip, inputs, level=level, conditions=NOMINAL).trace
    assert trace.output is not None
    assert np.isfinite(trace.output).all()
    assert trace.decision.tolist() == [1]


@pytest.mark.slow
def test_no_length_lacks_its_last_frame() -> None:
    chip = chosen_by_the_last_frame()
    lengths = lengths_that_round_down(chip)[:20]
    assert len(lengths) == 20
    inputs = make_inputs(np.full((20, max(lengths), 1), 0.2), np.array(lengths))
    result = run(chip, inputs)
    assert result.trace.decision.tolist() == [1] * 20
    assert result.trace.output is not None
    for output, length in zip(result.trace.output, lengths, strict=True):
        assert np.isfinite(output[:length]).all()


def test_a_rectified_bmru_is_set_once_and_stays() -> None:
    """As in software: nothing that its candidate does can reset it."""
    model = loops("bmru", [0.8])
    layer = model.spec.layers[0].model_copy(update={"rectify_candidate": True})
    tensors = dict(model.tensors) | {"layers.0.initial_state": np.full(1, -1.0)}
    spec = model.spec.model_copy(update={"layers": (layer,)})
    chip = chip_of(replace(model, spec=spec, tensors=tensors))
    inputs = make_inputs(np.array([-2.0, 0.6, 1.2, -2.0, 0.0, 0.6])[None, :, None])
    found = run(chip, inputs).trace.states[0][0, :, 0]
    np.testing.assert_array_equal(np.sign(found), [-1, -1, 1, 1, 1, 1])
    ideal = simulate_ideal(chip.mapped, inputs).states[0][0, :, 0]
    np.testing.assert_array_equal(np.sign(found), np.sign(ideal))


def behavioral(chip: Chip, inputs: Inputs) -> SupplyRecord:
    conditions = nominal_conditions(chip.design.technology)
    supply = run_level(chip, inputs, level="behavioral", conditions=conditions).supply
    assert supply is not None
    return supply


def test_dies_move_the_edges_as_the_law_says() -> None:
    chip = chip_of(loops("fq_bmru", *FIRST_QUADRANT))
    inputs = staircase(0.04)
    conditions = nominal_conditions(chip.design.technology)
    found: list[np.ndarray] = []
    wanted: list[np.ndarray] = []
    for die in (1, 2, 3):
        spice = run(chip, inputs, die).levels[0][0]
        array = run_level(chip, inputs, level="behavioral", conditions=conditions, die=die)
        for states, into in ((spice, found), (array.trace.states[0][0], wanted)):
            into.append(np.concatenate(edges(states, inputs.x[0])))
    moved, law = np.array(found), np.array(wanted)
    # In the input: candidates, mirrors and thresholds of the die together.
    assert np.std(law, axis=0).max() > 0.03
    np.testing.assert_allclose(moved, law, rtol=0, atol=0.08 + 1e-9)
    assert np.corrcoef((moved - moved.mean(0)).ravel(), (law - law.mean(0)).ravel())[0, 1] > 0.8


def two_layers() -> Model:
    keys = dict.fromkeys(("rectify_input", "rectify_candidate", "rectify_output"), True)
    drawn = draw_model(make_spec("fq_bmru", n_units=3, n_out=3, **keys), 5)
    tensors = dict(drawn.tensors)
    for i in range(2):
        tensors[f"layers.{i}.beta"] = np.full(3, 0.4)
        tensors[f"layers.{i}.delta"] = np.full(3, 0.3)
        tensors[f"layers.{i}.alpha"] = np.ones(3)
    return replace(drawn, tensors=tensors)


def test_two_unclocked_layers_and_two_lengths() -> None:
    chip = chip_of(two_layers())
    inputs = make_inputs(np.random.default_rng(4).normal(size=(2, 12, 4)), [12, 9])
    result, ideal = run(chip, inputs), simulate_ideal(chip.mapped, inputs)
    wrong, right = 0, 0
    quantised = result.quantised(chip.mapped)
    for i in range(2):
        pairs = [
            (quantised[i][k, :n], result.trace.candidates[i][k, :n])
            for k, n in enumerate(inputs.lengths)
        ]
        steps = judge_steps(chip.mapped, chip.design, i, pairs)
        wrong, right = wrong + int(np.sum(steps.wrong > SURE)), right + len(steps.right)
    # Nothing waits for a candidate to settle: where what it gains comes before what it loses, it
    # passes a threshold on its way (docs/decisions/0008-unclocked-loops.md).
    assert right > 120
    assert wrong <= 0.01 * right
    np.testing.assert_array_equal(result.trace.decision, ideal.decision)
    assert np.isnan(result.trace.states[1][1, 9:]).all()


@pytest.mark.parametrize(("name", "temperature"), [("sky130", 85.0), ("generic180", 125.0)])
def test_hot_loops_go_on(name: str, temperature: float) -> None:
    """Hot and fast, leakage moves their levels."""
    technology = load_technology(name)
    hot = Conditions(corner="ff", temperature=temperature, v_dd=technology.v_dd)
    first_quadrant = loops("fq_bmru", *FIRST_QUADRANT)
    chip = Chip(first_quadrant, technology)
    inputs = make_inputs(np.random.default_rng(7).uniform(-0.2, 1.8, (1, 40, 1)))
    array = run_level(chip, inputs, level="behavioral", conditions=hot)
    assert array.supply is not None
    ngspice = simulate_spice(chip.design, chip.calibration, inputs, conditions=hot)
    assert ngspice.status == (RunStatus.DONE,)
    half = chip.mapped.tensors["layers.0.alpha"] / 2
    assert np.mean((array.trace.states[0] > half) != ngspice.levels[0]) < 0.05
    joules = float(energy(array.supply).total[0])
    assert joules == pytest.approx(float(ngspice.trace.energy_J[0]), rel=0.06)
