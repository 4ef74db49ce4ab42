"""Stuck cells and a reference that is off: draws, and what follows from them on one die."""

from __future__ import annotations

import dataclasses

import numpy as np

from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.compile import compile_dies
from mru_hw.simulate.energy import energy
from mru_hw.variation.stuck import draw_stuck, kept
from tests.laws.test_timed import make_chip
from tests.networks import draw_inputs


def test_a_larger_share_has_the_cells_of_a_smaller_one() -> None:
    design = make_chip("cmru", "10 ms", levels=2).design
    small, large = (draw_stuck(design, 5, share) for share in (0.1, 0.4))
    for layer, cells in small.items():
        assert np.array_equal(large[layer][cells != 0], cells[cells != 0])
    many = [draw_stuck(design, seed, 0.4)[0] for seed in range(300)]
    assert abs(np.mean([cells != 0 for cells in many]) - 0.4) < 0.03
    assert abs(np.mean(many)) < 0.03
    assert draw_stuck(design, 5, 0.0) == draw_stuck(design, 5, 1e-9) == {}
    bits = np.array([[True, False], [True, False]])
    held = kept(bits, {3: np.array([[-1, 0], [0, 1]], np.int8)}, 3)
    assert held.tolist() == [[False, False], [True, True]]


def test_a_reference_scales_thresholds_levels_and_bias_of_its_own_die() -> None:
    chip = make_chip("cmru", "10 ms", levels=2)
    calibration = chip.calibration.at(1.8, temperature=27.0)
    plain = chip.die(1)
    dies = [plain, dataclasses.replace(plain, reference=0.05)]
    (program,) = compile_dies(chip.design, calibration, dies, temperature=27.0)
    one, other = program.dies()
    for a, b in zip(one.memories, other.memories, strict=True):
        np.testing.assert_allclose(b.up, 1.05 * a.up, rtol=1e-12)
        np.testing.assert_allclose(b.level, 1.05 * a.level, rtol=1e-12)
    np.testing.assert_allclose(other.bias_supply, 1.05 * one.bias_supply, rtol=1e-12)


def test_stuck_cells_keep_their_bits_at_every_frame() -> None:
    """With either kernel's name; the sequences and the die's other cells are what they were."""
    chip, inputs = make_chip("cmru", "10 ms", levels=2), draw_inputs(4, 5, n_seq=4, n_time=6)
    plain = chip.die(1)
    design, calibration = chip.design, chip.calibration
    all_set = {k: np.ones((4, bank.n_units), np.int8) for k, bank in enumerate(design.banks)}
    stuck = dataclasses.replace(plain, stuck=all_set)
    runs = [
        simulate_behavioral(design, calibration, inputs, [stuck], kernel=kernel)
        for kernel in ("numba", "numpy")
    ]
    for state in runs[0].trace.states:
        highest = np.nanmax(state[0], axis=(0, 1))
        assert np.nanmax(np.abs(state[0] - highest)) < 1e-12
    first, second = (energy(run.supply).total for run in runs)
    np.testing.assert_array_equal(first, second)


def test_the_bits_of_a_die_do_not_depend_on_stuck_cells_of_another() -> None:
    """Among them those of the kernel: a die without stuck cells keeps the compiled one."""
    chip, inputs = make_chip("cmru", "10 ms", levels=2), draw_inputs(4, 5, n_seq=40, n_time=6)
    design, calibration = chip.design, chip.calibration
    cells = draw_stuck(design, 3, 0.3)
    dies = [chip.die(1), dataclasses.replace(chip.die(2), stuck=cells), chip.die(3), chip.die(4)]
    noise = NoiseRun(seed=1)
    together = simulate_behavioral(design, calibration, inputs, dies, noise=noise)
    for d, die in enumerate(dies):
        alone = simulate_behavioral(design, calibration, inputs, [die], noise=noise)
        np.testing.assert_array_equal(together.supply.static[d], alone.supply.static[0])
        np.testing.assert_array_equal(together.supply.switching[d], alone.supply.switching[0])
        np.testing.assert_array_equal(together.trace.decision[d], alone.trace.decision[0])
        theirs, its = together.trace.output, alone.trace.output
        assert theirs is not None
        assert its is not None
        np.testing.assert_array_equal(theirs[d], its[0])
