"""What the reset waits for is what hangs on the bias lines in the deck."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mru_hw.model.network import Model
from mru_hw.spice.chip import chip_netlist
from mru_hw.spice.power_up import gates_on_lines
from scripts.schematics.deck import CLASSES as SUPPLIED
from scripts.schematics.deck import instances, read_subcircuits
from tests.agreement.networks import chip_of, loops, one_unit, two_units, two_windows

CLASSES = frozenset(SUPPLIED)
LINES = {"n": "iref", "p": "bias_p", "split": "q_n"}


def a_bit() -> Model:
    return loops("bmru", [1.0, 0.5])


def a_loop() -> Model:
    return loops("fq_bmru", [1.0, 0.5], [0.5, 0.3])


@pytest.mark.parametrize("make", [one_unit, two_units, two_windows, a_bit, a_loop])
def test_the_gates_on_each_bias_line_are_those_of_the_deck(make: Callable[[], Model]) -> None:
    design = chip_of(make()).design
    placed = instances(read_subcircuits(chip_netlist(design)), "mru_chip", closed=CLASSES)
    found = dict.fromkeys(LINES, 0.0)
    for line, net in LINES.items():
        for instance in placed:
            if instance.cell in CLASSES and instance.nets.get("g") == net:
                device = design.technology.devices[instance.cell]
                found[line] += device.w * device.l * int(instance.units or 1)
    assert gates_on_lines(design) == pytest.approx(found, rel=1e-12)
    assert min(found.values()) > 0
