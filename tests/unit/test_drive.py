"""The load of a layer's lines is what hangs on them in the deck."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mru_hw.spice.cells import cell_views
from mru_hw.spice.characterize.unit import CELLS
from mru_hw.spice.chip import chip_deck, unit_name, unit_subckt
from mru_hw.spice.drive import (
    DRIVE_UNIT,
    MEASURED_CELLS,
    MOVED_CELL,
    MOVED_UNIT,
    PER_UNIT,
    clock_capacitance,
    drive_units,
    gate_load,
    line_loads,
    unit_loads,
)
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from scripts.schematics.deck import Subcircuit, read_subcircuits
from tests.agreement.networks import chip_of, one_unit


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
    technology = load_technology("generic180")
    bank = chip_of(one_unit()).design.banks[0]
    for n_units in (1, 16, 100, 560):
        large = replace(bank, gain_units=np.ones(n_units))
        loads, units = line_loads(technology, large), drive_units(technology, large)
        for load, count in zip(loads, units, strict=True):
            assert load <= count * PER_UNIT < load + PER_UNIT
    assert "hold_drive=1 step_drive=1" in chip_deck(chip_of(one_unit()).design)


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
    technology, chip = load_technology("generic180"), chip_of(one_unit())
    cal = load_calibration(technology)
    assert len(CELLS) == MEASURED_CELLS == chip.design.banks[0].n_cells
    found = clock_capacitance(technology, cal, chip.design.banks[0])
    assert found == pytest.approx(cal.c_driver + 4 * cal.c_clock, rel=1e-12)


def test_a_strobe_charges_lines_and_drive_units_by_their_gates() -> None:
    """A unit is not its cells: most of its load is the phase tap's and the step control's."""
    technology = load_technology("generic180")
    cal = load_calibration(technology)
    share = 4 * cal.c_clock / sum(unit_loads(technology, 4))
    assert 0.5 < share < 1
    for levels, n_units in ((1, 1), (4, 12), (2, 42)):
        bank = replace(chip_of(one_unit(levels)).design.banks[0], gain_units=np.ones(n_units))
        load = sum(line_loads(technology, bank))
        load += (sum(drive_units(technology, bank)) - 2) * gate_load(technology, DRIVE_UNIT)
        found = clock_capacitance(technology, cal, bank)
        assert found == pytest.approx(cal.c_driver + share * load, rel=1e-12)
