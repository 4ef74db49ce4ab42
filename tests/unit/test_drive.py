"""The load of a layer's lines is what hangs on them in the deck."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mru_hw.spice.cells import cell_views
from mru_hw.spice.chip import chip_deck, unit_name, unit_subckt
from mru_hw.spice.drive import PER_UNIT, drive_units, line_loads
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
    design = chip_of(one_unit()).design
    technology, bank = design.technology, design.banks[0]
    for n_units in (1, 16, 100, 560):
        large = replace(bank, gain_units=np.ones(n_units, dtype=np.int64))
        loads, units = line_loads(technology, large), drive_units(design, large)
        for load, count in zip(loads, units, strict=True):
            assert load <= count * PER_UNIT < load + PER_UNIT
    assert "hold_drive=1 step_drive=1" in chip_deck(design)
