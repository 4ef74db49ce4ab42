"""What legs carry beyond their share: the diode's own law solved, and both ends of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from mru_hw.circuits.base import NodeKind
from mru_hw.circuits.legs.leakage import Leak, bus_leak, candidate_leaks, device_leak, leg_current
from mru_hw.lab.loop import loop_in_array
from mru_hw.lab.networks import loop_model
from mru_hw.mapping import map_model
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.run import Chip
from mru_hw.simulate.timed import simulate_timed
from mru_hw.stimulus import make_inputs
from mru_hw.sweeps.setup import with_frame
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.variation import nominal_die
from tests.networks import draw_model, make_spec


@pytest.mark.parametrize("slope", [1.25, 1.35, 1.5])
def test_a_leg_carries_what_its_diode_s_gate_voltage_says(slope: float) -> None:
    channel = 0.3
    current = np.concatenate([[0.0], np.logspace(-3, 4, 50)])

    def gate(i: float) -> float:
        # I = I0 (w - w^(1 - n)): the diode's drain is its gate.
        def law(log: float) -> float:
            return float(channel * (np.exp(log) - np.exp((1 - slope) * log)) - i)

        return float(np.exp(brentq(law, 0.0, 50.0, xtol=1e-14)))

    exact = channel * np.array([gate(float(i)) for i in current])
    found = leg_current(current, channel, 0.0, slope)
    assert np.max(np.abs(found - exact)) < 0.05 * channel
    np.testing.assert_allclose(found[[0, -1]], exact[[0, -1]], rtol=1e-5)
    assert found[0] == pytest.approx(channel)


def test_a_junction_feeds_the_leg_and_takes_as_much_off_the_diode() -> None:
    channel, junction = 1e-6, 0.2
    current = np.array([0.0, 0.1, 0.2, 0.5, 3.0])
    found = leg_current(current, channel, junction, 1.4)
    np.testing.assert_allclose(found, np.maximum(current, junction), atol=1e-5)


@pytest.mark.parametrize("slope", [1.25, 1.5, 1.9])
@pytest.mark.parametrize("junction", [0.0, 0.3])
def test_a_diode_s_current_is_found_from_its_leg_s(slope: float, junction: float) -> None:
    leak = Leak(channel=0.2, junction=junction, slope=slope)
    current = np.concatenate([[junction + 0.01], np.logspace(-0.3, 4, 50)])
    np.testing.assert_allclose(leak.carried(leak.copied(current)), current, rtol=1e-6)
    # A leg leaks so much by itself.
    assert 0 < leak.carried(np.array([0.1]))[0] < 0.01 * leak.channel


def test_at_a_hot_threshold_leg_and_copy_carry_alike_leakage_and_all() -> None:
    chip = Chip(draw_model(make_spec("cmru", 1, levels=2), 3), load_technology("sky130"))
    ratios, thresholds = [], []
    for keys in ({"temperature": 27.0}, {"temperature": 125.0, "corner": "sf"}):
        here = chip.calibration.at(**keys)
        memory = compile_die(chip.design, here, chip.die(None), temperature=125.0).memories[0]
        copied = candidate_leaks(here, chip.design.buses["c0"])["plus"].copied(memory.up)
        # Both with the whole supply across them, where what the drains do is alike for all.
        ratios.append((memory.up_leg / (copied * memory.up_copy))[:, 0, 0])
        thresholds.append(memory.up[:, 0, 0])
    np.testing.assert_allclose(ratios[0], ratios[0][0], rtol=1e-9)
    met = thresholds[1] > 0.01  # a copy may leak more than a small threshold's leg carries
    assert met.sum() >= 5
    np.testing.assert_allclose(ratios[1][met], ratios[0][0], rtol=0.05)
    assert np.all(thresholds[1][met] > 1.05 * thresholds[0][met])


@pytest.mark.parametrize("name", ["generic180", "sky130"])
def test_channel_and_junction_are_the_measured_leakage(name: str) -> None:
    calibration = load_calibration(load_technology(name))
    for temperature in (27.0, 85.0):
        here = calibration.at(temperature=temperature)
        for polarity in "np":
            parts = device_leak(here, polarity, 0.9)
            gain = here.gain(polarity, 0.9, here.i_usual)
            assert min(parts) >= 0
            assert sum(parts) * gain == pytest.approx(here.leakage(polarity, 0.9), rel=0.02)
    # What sky130's PMOS leaks at 85 degC is its drain's junction, generic180's its channel.
    channel, junction = device_leak(here, "p", 0.9)
    assert (junction > 50 * channel) == (name == "sky130")


def test_a_hot_chip_loses_signal_to_its_off_rails_and_a_cold_one_passes_for_tight() -> None:
    """Legs off the rail at rest leak against those off the other, whatever the sign."""
    chip = Chip(draw_model(make_spec("cmru", 1, levels=2), 3), load_technology("generic180"))
    cold = chip.calibration.at(corner="ff")
    assert not bus_leak(cold, chip.design.buses["v0"]).legs
    here = chip.calibration.at(temperature=85.0, corner="ff")
    array = compile_die(chip.design, here, chip.die(None), temperature=85.0)
    node = array.nodes["v0"]
    assert node.circuit.kind is NodeKind.SIGNED
    leak = bus_leak(here, chip.design.buses["v0"])
    assert leak.direct("plus") == ("plus", "n")
    assert leak.direct("minus") == ("minus", "p")
    n = len(node.constant)
    rails = node.rails(np.array([-1.0, 1.0])[None, None, :].repeat(n, axis=0))
    assert rails.copied is not None
    plus, minus, _, _, more_plus, more_minus = (
        rails.copied[k * n : (k + 1) * n, 0] for k in range(6)
    )
    # A positive weight: sourced off the plus rail's copy, sunk off the minus rail's.
    lost = 1 - np.abs((plus + more_plus) - (minus + more_minus))
    # The NMOS at rest leak most; those that carry the signal make up for some of it.
    least = leak.legs["plus", "n"].channel
    assert np.all((lost > 0.3 * least) & (lost < 2 * least))
    assert least > 0.01


def test_every_branch_of_a_row_draws_what_its_device_carries() -> None:
    """One sky130 loop at 85 degC, tt, 1.8 V: the array beside what ngspice measured.

    Its state row, not set: the drains of three PMOS (diode, flip and one leg) leak 26 pA each.
    """
    technology = load_technology("sky130")
    nominal = load_calibration(technology)
    design = map_model(loop_model(), technology, nominal)
    here = nominal.at(1.8, temperature=85.0, corner="tt")
    found = loop_in_array(design, here, nominal_die(design))
    measured = {
        "mirror supply, low": (4.0926e-9, 0.025),
        "mirror supply, high": (1.29059e-8, 0.005),
        "bias supply": (2.11304e-9, 0.001),
        "memory supply, low": (7.1798e-10, 0.005),
    }
    for name, (value, within) in measured.items():
        assert found[name] == pytest.approx(value, rel=within), name
    array = compile_die(design, here, nominal_die(design), temperature=85.0)
    state = array.nodes["h0"]
    off, on = (
        state.supply(state.rails(np.full((1, 1, 1), level))).item()
        for level in array.memories[0].level[0]
    )
    assert off == pytest.approx(3 * 26e-12, rel=0.1)
    # Set, a PMOS's junction takes as much off its diode's channel as off its leg's.
    assert on == pytest.approx((state.supply_plus * array.memories[0].level[0, 1]).item(), rel=1e-3)


def rectified(technology: str) -> Chip:
    keys = {"rectify_input": True, "rectify_candidate": True, "levels": 2}
    return Chip(draw_model(make_spec("cmru", 1, **keys), 3), load_technology(technology))


def test_a_comparator_s_copy_of_a_rectified_candidate_leaks_once() -> None:
    chip = rectified("generic180")
    here = chip.calibration.at(temperature=125.0, corner="ff")
    array = compile_die(chip.design, here, chip.die(None), temperature=125.0)
    memory, node = array.memories[0], array.nodes["c0"]
    assert node.leak.legs
    n = len(node.constant)
    rails = node.rails(np.full((n, 1, 1), 0.05))
    # The copy is a leg off the candidate's diode, as large as it, and carries less than the bias.
    leg = candidate_leaks(here, chip.design.buses["c0"])["plus"].copied(np.full((n, 1, 1), 0.05))
    assert np.all(leg > 1.1 * 0.05)
    drawn = np.minimum(leg * memory.up_copy, memory.up_leg).sum()
    assert memory.compared(rails, None).item() == pytest.approx(drawn, rel=1e-12)


@pytest.mark.parametrize("technology", ["generic180", "sky130"])
def test_at_rest_settled_and_timed_draw_alike_hot(technology: str) -> None:
    """Nothing moves in long frames, so both levels have the same currents in every branch."""
    model = with_frame(draw_model(make_spec("cmru", 1, levels=2), 0), 1.0)
    chip = Chip(model, load_technology(technology))
    inputs = make_inputs(np.full((1, 2, chip.model.spec.n_in), 0.02))
    here = chip.calibration.at(1.8, temperature=85.0, corner="ff")
    what = chip.design, here, inputs, [chip.die(4)]
    settled = simulate_behavioral(*what, temperature=85.0, v_dd=1.8, kernel="numpy")
    timed = simulate_timed(*what, temperature=85.0, v_dd=1.8)
    np.testing.assert_allclose(timed.supply.static, settled.supply.static, rtol=2e-3)
