"""A strobe of a layer in ngspice: the clock's charge by the law, and a supply that holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mru_hw.lab.strobe import STEPS, Layer, design_of, layer_deck, layer_of, read
from mru_hw.spice.decoupling import DROOP, strobe_charge
from mru_hw.spice.drive import clock_capacitance, unit_capacitance
from mru_hw.spice.runner import Limits, Runner
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.technology.conditions import nominal_conditions

TECHNOLOGY = load_technology("generic180")
NOMINAL = nominal_conditions(TECHNOLOGY)
CALIBRATION = load_calibration(TECHNOLOGY)


def strobes(layer: Layer) -> dict[str, Any]:
    waves = Runner(Limits(time_s=300)).run(layer_deck(TECHNOLOGY, NOMINAL, layer))
    return read(waves, layer, NOMINAL.v_dd)


@pytest.mark.parametrize(("levels", "n_units"), [(1, 4), (8, 1)])
def test_the_clocks_charge_follows_the_gates_on_its_lines(levels: int, n_units: int) -> None:
    layer = layer_of(design_of(TECHNOLOGY, levels, n_units))
    found = strobes(layer)
    law = clock_capacitance(layer.design, CALIBRATION, layer.bank)
    assert found["clock_C"][1] / NOMINAL.v_dd == pytest.approx(law, rel=0.05)
    still = unit_capacitance(layer.design, CALIBRATION, layer.bank) * n_units
    assert found["unit_C"][1] / NOMINAL.v_dd == pytest.approx(still, rel=0.15)
    # The lines alone, so that the driver's own charge hides nothing.
    lines = found["clock_C"][1] / NOMINAL.v_dd - CALIBRATION.c_driver
    assert lines == pytest.approx(law - CALIBRATION.c_driver, rel=0.15)


def test_the_capacitor_holds_the_supply_while_every_unit_steps() -> None:
    layer = layer_of(design_of(TECHNOLOGY, 2, 4))
    bound = strobe_charge(layer.design, CALIBRATION, layer.bank)
    found = strobes(replace(layer, capacitance=bound / DROOP))
    assert 0.3 * DROOP < max(found["droop_V"]) < DROOP
    assert max(found["charge_C"]) < bound
    for levels, wanted in zip(found["levels"], STEPS, strict=True):
        assert set(levels) == {wanted}
