"""Trim: what DACs are, what a tester takes out, and what stays."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from mru_hw.circuits.nodes.laws import split
from mru_hw.mapping import Design, DesignOptions, map_model
from mru_hw.simulate.compile import compile_die
from mru_hw.stimulus import Inputs
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration, temperature_voltage
from mru_hw.trim import TrimPlan, trim_die
from mru_hw.trim.cost import trim_cost
from mru_hw.trim.dac import RANGE, SIDES, Legs, nominal_quiescent, place_dacs
from mru_hw.trim.plan import Stimuli, one_unit
from mru_hw.trim.search import search
from mru_hw.trim.tester import PINS, Probe
from mru_hw.variation import Die, draw_die, nominal_die
from tests.networks import draw_inputs, draw_model, make_spec

TECHNOLOGY = load_technology("generic180")
CALIBRATION = load_calibration(TECHNOLOGY)
DIES = 6


@cache
def chip(i_unit: float = 1e-9) -> Design:
    model = draw_model(make_spec("cmru", levels=2), 1)
    settings = {
        n: np.ones_like(v) for n, v in model.tensors.items() if n.endswith((".beta", ".alpha"))
    }
    zero = {n: np.zeros_like(v) for n, v in model.tensors.items() if n.endswith("initial_state")}
    tensors = dict(model.tensors) | settings | zero
    options = DesignOptions(i_unit=i_unit)
    return map_model(dataclasses.replace(model, tensors=tensors), TECHNOLOGY, CALIBRATION, options)


def inputs() -> Inputs:
    return draw_inputs(4, 3, n_seq=120, n_time=10)


@cache
def plan(bits: int) -> TrimPlan:
    return TrimPlan.of(chip(), CALIBRATION, inputs(), bits)


def comparators_alone(seed: int, scale: float) -> Die:
    """Return a die on which only comparators and their thresholds differ."""
    die = draw_die(chip(), seed, scale=scale)
    kept = {"up_threshold", "down_threshold", "up_copy", "down_copy"}
    dvt, dbeta = (
        {key: values * (key[1] in kept) for key, values in part.items()}
        for part in (die.dvt, die.dbeta)
    )
    return dataclasses.replace(die, dvt=dvt, dbeta=dbeta)


def thresholds(design: Design, die: Die) -> NDArray[np.float64]:
    """Return all thresholds of a chip in the network's units, those of a layer after another."""
    array = compile_die(design, CALIBRATION, die, temperature=27.0)
    found = [np.concatenate(memory.thresholds()).ravel() for memory in array.memories]
    return np.concatenate(found)


@pytest.mark.parametrize("bits", [3, 4, 6])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_the_range_covers_three_sigma_of_the_untrimmed_spread(bits: int, scale: float) -> None:
    design = chip()
    for dac in place_dacs(design, CALIBRATION, bits, mismatch_scale=scale):
        bank = design.banks[dac.layer]
        bus = design.buses[bank.candidate]
        rest = nominal_quiescent(design, bus)
        beta = np.full(bank.n_units, bus.scale)  # 1 in the network's units
        widest, nominal = (split(beta * k, rest)[0] for k in (1 + RANGE * dac.sigma, 1.0))
        wanted = dac.placed * widest / nominal
        assert np.all(dac.units(np.full(bank.n_units, dac.top)) >= wanted - 1)
        least = 2 * dac.placed - wanted
        floor = 2 * bus.split + 1
        assert np.all(dac.base <= np.maximum(least, floor) + 1)
        assert np.all(dac.base >= floor)
        assert np.all(np.abs(dac.units(dac.middle) - dac.placed) <= dac.lsb / 2)


def test_the_bits_have_mismatch_of_their_own_and_the_rest_keeps_its_draws() -> None:
    design, dacs = chip(), plan(4).dacs
    steps = []
    for seed in range(60):
        die = draw_die(design, seed)
        legs = Legs.draw(design, die, dacs)
        codes = legs.middle()
        _, trimmed = legs.chip(codes)
        for key, values in die.dvt.items():
            if key not in {dac.key for dac in dacs}:
                assert trimmed.dvt[key] is values
        dac = dacs[0]
        upper = legs.dvt[dac.at][:, dac.bits]  # of the largest bit
        steps.append(upper)
        short = die.dvt[dac.key] * np.sqrt(dac.placed / dac.base)
        np.testing.assert_allclose(legs.dvt[dac.at][:, 0], short)
    spread = np.concatenate(steps)
    sigma = TECHNOLOGY.sigma("p_mirror", float(dacs[0].weights[-1]))[0]
    assert abs(spread.std() / sigma - 1) < 5 / np.sqrt(2 * spread.size)


def test_differential_nonlinearity_is_what_the_devices_say() -> None:
    """At the major carry all lower bits leave and the largest comes."""
    design, (dac, *_) = chip(), plan(4).dacs
    half = 1 << (dac.bits - 1)
    errors = []
    for seed in range(60):
        legs = Legs.draw(design, draw_die(design, seed), (dac,))
        currents = []
        for code in (half - 1, half):
            units, dvt, dbeta = legs.leg(dac.at, np.full(len(dac.placed), code))
            currents.append(units * CALIBRATION.current_factor("p", dvt, dbeta, 27.0, design.i_lsb))
        errors.append((currents[1] - currents[0]) / dac.lsb - 1)
    vt, beta = TECHNOLOGY.sigma("p_mirror")
    thermal = CALIBRATION.mismatch("p", design.i_lsb) * temperature_voltage(27.0)
    one = np.hypot(vt / thermal, beta)
    expected = one * np.sqrt(dac.top / dac.lsb)
    drawn = np.concatenate(errors)
    assert abs(drawn.std() / expected - 1) < 5 / np.sqrt(2 * drawn.size) + 0.01


def test_codes_make_the_chip_that_the_tester_measured() -> None:
    """The thresholds of the final chip are those that the tester's codes had."""
    design, die = chip(), draw_die(chip(), 4)
    legs = Legs.draw(design, die, plan(4).dacs)
    codes = {at: np.clip(values + 3, 0, 15) for at, values in legs.middle().items()}
    start, final = (
        compile_die(made, CALIBRATION, drawn, temperature=27.0)
        for made, drawn in (legs.chip(legs.middle()), legs.chip(codes))
    )
    for (layer, side), dac in legs.dacs.items():
        polarity = "p" if side == "up" else "n"
        current = []
        for chosen in (legs.middle(), codes):
            units, dvt, dbeta = legs.leg((layer, side), chosen[layer, side])
            current.append(
                units * CALIBRATION.current_factor(polarity, dvt, dbeta, 27.0, design.i_lsb)
            )
        before, after = (getattr(a.memories[layer], side)[:, 0, 0] for a in (start, final))
        # Copies of the candidate decide at the new current, where their mismatch counts otherwise.
        np.testing.assert_allclose(after / before, current[1] / current[0], rtol=1e-3)
        assert np.all(after > before), dac.key


def test_trim_takes_out_what_comparators_do() -> None:
    """On dies that differ in comparators alone: quantisation and decision noise are left."""
    design = chip()
    nominal = nominal_die(design)
    for bits in (3, 6):
        before, after = [], []
        wanted = thresholds(*_set(nominal, bits))
        for seed in range(DIES):
            # Six times the process's spread, so that the smallest step is small against it.
            die = comparators_alone(seed, scale=6.0)
            before.append(thresholds(design, die) - thresholds(design, nominal))
            after.append(thresholds(*_set(die, bits)) - wanted)
        step = np.concatenate(
            [np.full(len(dac.placed), dac.lsb / dac.placed) for dac in plan(bits).dacs]
        )
        shown = _reached(plan(bits))
        assert np.count_nonzero(shown) > len(shown) / 2
        # Both dies are rounded, each by a step's uniform error; noise moves a code now and then.
        left = np.sqrt(np.mean(np.square(after), axis=0))
        assert np.sqrt(np.mean((left / step)[shown] ** 2)) < 1.0
        if bits == 6:
            spread = np.sqrt(np.mean(np.square(before), axis=0))
            assert np.sqrt(np.mean(left[shown] ** 2)) < np.sqrt(np.mean(spread[shown] ** 2)) / 3
        # What no input brings near its threshold stays as it was.
        codes = trim_die(plan(bits), 0).codes
        hidden = np.concatenate([codes[d.at] - d.middle for d in plan(bits).dacs])[~shown]
        assert not hidden.any()


def _reached(chosen: TrimPlan) -> NDArray[np.bool_]:
    """Return which thresholds have a stimulus, in the order of `thresholds`."""
    found = []
    for dac in chosen.dacs:
        stimuli = chosen.stimuli[dac.layer]
        mine = stimuli.unit[stimuli.side == SIDES.index(dac.side)]
        found.append(np.isin(np.arange(len(dac.placed)), mine))
    return np.concatenate(found)


def _set(die: Die, bits: int) -> tuple[Design, Die]:
    """Trim a die whose DACs have no mismatch."""
    legs = Legs.draw(chip(), die, plan(bits).dacs, scale=0.0)
    probe = Probe(legs, CALIBRATION, noise=plan(bits).noise)
    return legs.chip(search(plan(bits), probe)[0])


def test_a_die_is_trimmed_to_the_same_codes_again() -> None:
    first, second = (trim_die(plan(4), 7) for _ in range(2))
    assert all(np.array_equal(first.codes[at], second.codes[at]) for at in first.codes)
    other = trim_die(plan(4), 8)
    assert any(not np.array_equal(first.codes[at], other.codes[at]) for at in first.codes)


def test_readings_and_seconds_are_counted() -> None:
    chosen = plan(4)
    one = trim_die(chosen, 0)
    each = [len(stimuli.unit) for stimuli in chosen.stimuli]
    assert one.readings == sum(each) * (4 + 2)
    frames = sum(n * (4 + 2) * (3 + s.layer) for n, s in zip(each, chosen.stimuli, strict=True))
    assert one.seconds == pytest.approx(frames * chip().timing.frame)


def test_a_reading_is_a_current_of_two_pins_and_a_step_shows_on_it() -> None:
    chosen = plan(4)
    legs = Legs.draw(chip(), draw_die(chip(), 3), chosen.dacs)
    probe = Probe(legs, CALIBRATION, noise={}, resolution=0.0)
    (stimuli, *_) = chosen.stimuli
    low, high = (
        probe.read(0, stimuli.x, one_unit(stimuli, probe.start, tried))
        for tried in (np.zeros_like(stimuli.unit), np.full_like(stimuli.unit, 15))
    )
    assert low.shape == (len(stimuli.unit), len(PINS))
    shown = ((low - high) * stimuli.seen).sum(axis=1) / (stimuli.seen**2).sum(axis=1)
    assert np.median(np.abs(shown - 1)) < 0.1
    # Without a strobe in the last frame nothing moves: the same codes give the same current.
    again = probe.read(0, stimuli.x, one_unit(stimuli, probe.start, np.zeros_like(stimuli.unit)))
    np.testing.assert_array_equal(low, again)


@pytest.mark.parametrize("i_unit", [1e-9, 130e-12])
def test_a_trim_means_the_same_at_every_i_unit(i_unit: float) -> None:
    design = chip(i_unit)
    chosen = TrimPlan.of(design, CALIBRATION, inputs(), 4)
    # What a step changes goes with i_unit, and so does what is seen of it.
    seen = np.concatenate([np.linalg.norm(s.seen, axis=1) for s in chosen.stimuli]) / i_unit
    assert 0.2 < seen.min() < 0.9
    assert 9 < seen.max() < 11
    assert chosen.coverage[0] >= 19
    legs = Legs.draw(design, nominal_die(design), chosen.dacs, scale=0.0)
    (stimuli, *_) = chosen.stimuli
    codes = one_unit(stimuli, legs.middle(), np.zeros_like(stimuli.unit))
    quiet, noisy = (
        Probe(legs, CALIBRATION, noise={}, **keys) for keys in ({"resolution": 0.0}, {})
    )
    still = quiet.read(0, stimuli.x, codes)
    read = np.stack([noisy.read(0, stimuli.x, codes) for _ in range(20)])
    assert np.std(read - still) == pytest.approx(0.01 * i_unit, rel=0.1)


def test_a_tester_that_reads_nothing_but_noise_leaves_the_die_as_it_was() -> None:
    chosen = plan(4)
    deaf = [
        dataclasses.replace(s, seen=s.seen * 1e6) for s in chosen.stimuli
    ]  # a change that no chip shows
    legs = Legs.draw(chip(), draw_die(chip(), 3), chosen.dacs)
    probe = Probe(legs, CALIBRATION, noise=chosen.noise)
    codes, missed = search(dataclasses.replace(chosen, stimuli=tuple(deaf)), probe)
    assert missed == sum(len(dac.placed) for dac in chosen.dacs)
    assert all(np.array_equal(codes[at], legs.middle()[at]) for at in codes)


def test_stimuli_lie_near_their_thresholds() -> None:
    for stimuli in plan(4).stimuli:
        assert np.all(np.abs(stimuli.shift) < 0.2)
        _each_unit_has_some(stimuli)


def _each_unit_has_some(stimuli: Stimuli) -> None:
    units = chip().banks[stimuli.layer].n_units
    reached = {(int(s), int(u)) for s, u in zip(stimuli.side, stimuli.unit, strict=True)}
    assert len(reached) >= units


def test_cost_grows_with_bits_and_counts_every_device() -> None:
    design = chip()
    small, large = (trim_cost(design, plan(bits).dacs) for bits in (3, 6))
    n = sum(len(dac.placed) for dac in plan(3).dacs)
    assert (small.dacs, small.bits, large.bits) == (n, 3 * n, 6 * n)
    assert small.transistors == 3 * n * 22
    assert large.logic_area == pytest.approx(2 * small.logic_area)
    added = sum(
        (dac.units(np.full(len(dac.placed), dac.top)) - dac.placed).sum() for dac in plan(6).dacs
    )
    device = TECHNOLOGY.devices["n_mirror"]
    assert large.leg_area == pytest.approx(float(added) * device.w * device.l)
    assert large.leakage == pytest.approx(2 * small.leakage)
    assert 0 < large.leakage < 0.02
