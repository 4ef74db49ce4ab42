"""The load of a layer's lines is what hangs on them in the deck."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mru_hw.mapping import Design
from mru_hw.mapping.design import Timing
from mru_hw.spice.cells import cell_views
from mru_hw.spice.characterize.unit import CELLS
from mru_hw.spice.chip import chip_deck, unit_name, unit_subckt
from mru_hw.spice.decoupling import Decoupling, decoupling, strobe_charge
from mru_hw.spice.drive import (
    DRIVE_UNIT,
    MEASURED_CELLS,
    MOVED_CELL,
    MOVED_UNIT,
    PER_UNIT,
    clock_capacitance,
    crowbar_capacitance,
    drive_units,
    gate_load,
    line_loads,
    unit_capacitance,
    unit_loads,
)
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.technology.conditions import Conditions, nominal_conditions
from scripts.schematics.deck import Subcircuit, read_subcircuits
from tests.agreement.networks import chip_of, loops, one_unit


def gates_on(net: str, cell: str, cells: dict[str, Subcircuit], classes: set[str]) -> list[str]:
    """List the device classes whose gates hang on a net of a subcircuit, at any depth."""
    found: list[str] = []
    for line in cells[cell].lines:
        _, *nets, kind = (word for word in line if "=" not in word)
        if kind in classes:
            found += [kind] if nets[1] == net else []
        elif kind in cells:
            for pin, outer in zip(cells[kind].pins, nets, strict=True):
                found += gates_on(pin, kind, cells, classes) if outer == net else []
    return found


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_the_load_is_that_of_the_gates_in_the_deck(levels: int) -> None:
    chip = chip_of(one_unit(levels))
    technology = chip.design.technology
    cells = read_subcircuits(cell_views() + unit_subckt(levels, 0))
    for net, load in zip(("hd", "st"), line_loads(technology, chip.design.banks[0]), strict=True):
        kinds = gates_on(net, unit_name(levels, 0), cells, set(technology.devices))
        devices = [technology.devices[kind] for kind in kinds]
        area = sum(device.w * device.l for device in devices)
        assert area > 0
        assert load == pytest.approx(area * technology.flicker.c_ox, rel=1e-9)


def test_a_large_layer_has_a_stronger_driver() -> None:
    design = chip_of(one_unit()).design
    technology, bank = design.technology, design.banks[0]
    for n_units in (1, 16, 100, 560):
        large = replace(bank, gain_units=np.ones(n_units, dtype=np.int64))
        loads, units = line_loads(technology, large), drive_units(design, large)
        for load, count in zip(loads, units, strict=True):
            assert load <= count * PER_UNIT < load + PER_UNIT
    assert "hold_drive=1 step_drive=1" in chip_deck(design)


def test_the_gates_that_move_are_those_of_the_deck() -> None:
    """Every gate of switches and logic but the power-up switches' own."""
    cells = read_subcircuits(cell_views())
    for names, counted in (
        (("step_gate", "inverter", "inverter"), MOVED_UNIT),
        (("ladder_cell",), MOVED_CELL),
    ):
        kinds = [
            line[-1]
            for name in names
            for line in cells[name].lines
            if line[-1].endswith(("_logic", "_switch", "_guard")) and line[2] not in ("rn", "rp")
        ]
        assert {kind: kinds.count(kind) for kind in kinds} == counted


def test_a_strobe_charges_the_measured_unit_as_it_was_measured() -> None:
    chip = chip_of(one_unit())
    cal = chip.calibration
    assert len(CELLS) == MEASURED_CELLS == chip.design.banks[0].n_cells
    found = clock_capacitance(chip.design, cal, chip.design.banks[0])
    assert found == pytest.approx(cal.c_driver + 4 * cal.c_clock, rel=1e-12)


def test_a_strobe_charges_lines_and_drive_units_by_their_gates() -> None:
    """A unit is not its cells: most of its load is the phase tap's and the step control's."""
    technology = load_technology("generic180")
    cal = load_calibration(technology)
    share = 4 * cal.c_clock / sum(unit_loads(technology, 4))
    assert 0.5 < share < 1
    for levels, n_units in ((1, 1), (4, 12), (2, 42)):
        design = chip_of(one_unit(levels)).design
        bank = replace(design.banks[0], gain_units=np.ones(n_units, dtype=np.int64))
        load, further = sum(line_loads(technology, bank)), sum(drive_units(design, bank)) - 2
        load += further * gate_load(technology, DRIVE_UNIT)
        # Drains by their width: 0.5 and 1 um, over the mirrors' 0.5 um.
        drains = further * (cal.c_drain_n + 2 * cal.c_drain_p)
        found = clock_capacitance(design, cal, bank)
        assert found == pytest.approx(cal.c_driver + share * load + drains, rel=1e-12)


def test_a_unit_that_stays_is_charged_as_it_was_measured_and_more_on_slow_lines() -> None:
    chip = chip_of(one_unit())
    cal, bank = chip.calibration, chip.design.banks[0]
    assert unit_capacitance(chip.design, cal, bank) == pytest.approx(cal.c_unit, rel=1e-12)
    many = replace(bank, gain_units=np.ones(16, dtype=np.int64))
    assert unit_capacitance(chip.design, cal, many) > 1.5 * cal.c_unit


def sized(design: Design, at: Conditions | None = None, **keys: Any) -> Decoupling:
    technology = design.technology
    found = decoupling(
        design, load_calibration(technology), at or nominal_conditions(technology), **keys
    )
    assert found is not None
    return found


def test_decoupling_holds_one_strobe_or_all_that_come_before_the_supply_recovers() -> None:
    chip = chip_of(one_unit())
    one = chip.design.banks[0]
    two = replace(one, layer=1, gain_units=np.ones(2, dtype=np.int64))
    timing = Timing(frame=10e-3, strobes=(6e-3, 8.5e-3), pulse=4e-5)
    design = replace(chip.design, banks=(one, two), timing=timing)
    apart = sized(design)
    assert len(apart.charges) == 2
    assert apart.charge == max(apart.charges.values())
    assert apart.capacitance * apart.droop == pytest.approx(apart.charge)
    # As many time constants as it takes are longer than from one strobe to the next.
    slow = 2.5e-3 / 4 * apart.droop / apart.charge
    both = sized(design, resistance=slow)
    assert both.charge == pytest.approx(sum(apart.charges.values()))
    assert sized(design, droop=0.025).area == pytest.approx(2 * apart.area)


def test_a_strobe_takes_more_from_more_units_and_longer_ladders() -> None:
    chip = chip_of(one_unit())
    design, cal = chip.design, chip.calibration
    bank = design.banks[0]
    charges = [
        strobe_charge(design, cal, replace(bank, gain_units=np.ones(n, dtype=np.int64)))
        for n in (1, 2, 100)
    ]
    assert np.all(np.diff(charges) > 0)
    longer = chip_of(one_unit(4)).design.banks[0]
    assert strobe_charge(design, cal, longer) > charges[0]
    # A drive unit at its full load leaves a unit's inverters conducting; more units, more drive.
    crowbar = [
        crowbar_capacitance(design, cal, replace(bank, gain_units=np.ones(n, dtype=np.int64)))
        for n in (1, 10, 1000)
    ]
    assert crowbar[1] == pytest.approx(10 * crowbar[0])
    assert crowbar[2] < 2 * PER_UNIT * crowbar[0] / sum(line_loads(design.technology, bank))
    # More than the energy that the array prices for it: the bound holds where all units step.
    priced = clock_capacitance(design, cal, bank) + cal.c_step
    assert charges[0] > cal.v_dd * priced


def test_a_chip_of_loops_needs_no_decoupling_for_strobes() -> None:
    chip = chip_of(loops("fq_bmru", [1.0], [0.5]))
    at = nominal_conditions(chip.design.technology)
    assert decoupling(chip.design, chip.calibration, at) is None


def test_decoupling_is_sized_for_the_conditions_of_the_bench() -> None:
    chip = chip_of(one_unit())
    cal, bank = chip.calibration, chip.design.banks[0]
    usual = sized(chip.design)
    hot = Conditions(corner="ff", temperature=125.0, v_dd=1.98)
    found = sized(chip.design, hot)
    there = cal.at(1.98, temperature=125.0, corner="ff")
    assert found.charge == pytest.approx(strobe_charge(chip.design, there, bank))
    assert found.charge > 1.2 * usual.charge
    assert found.measured
    assert "at ff, 125 degC and 1.98 V the strobe of one layer takes" in found.line()
    # Beyond what was measured: so much supply, and the constants that there are.
    beyond = sized(chip.design, replace(hot, v_dd=2.1))
    assert not beyond.measured
    assert beyond.charge == pytest.approx(
        strobe_charge(chip.design, cal.model_copy(update={"v_dd": 2.1}), bank)
    )
    expected = "at ff, 125 degC and 2.1 V (constants of the nominal condition: none known there)"
    assert expected in beyond.line()
