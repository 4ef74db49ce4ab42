"""How long a chip takes to wake: its bias lines are charged by its reference current alone.

Until then no comparator decides and no cell holds, so the reset has to last as long. A reset that
ended earlier left units at the end of their ladders in one sequence of twenty.
"""

from __future__ import annotations

import numpy as np

from mru_hw.cells.wires import SPLIT_LINE, net_wires
from mru_hw.circuits.base import Line
from mru_hw.mapping.design import Design

# A gate in weak inversion shows c_ox (n - 1) / n: less than half of its oxide for a slope factor n
# below 2 (Tsividis and McAndrew, Operation and Modeling of the MOS Transistor, section 8.2).
GATE_SHARE = 0.5


def power_up_time(design: Design) -> float:
    """Return an upper bound of the time [s] from the supply's start to settled bias lines.

    ``t = sum of C V / I``: both rails to half the supply by the reference current, one after the
    other, then the splitters' gate line to the whole supply by its own.
    """
    technology = design.technology
    oxide = GATE_SHARE * technology.flicker.c_ox
    farads = {line: oxide * metres for line, metres in gates_on_lines(design).items()}
    wires = net_wires(design)
    for line, role in (("n", "sink_plus"), ("p", "source_plus"), ("split", SPLIT_LINE)):
        farads[line] += float(np.sum(wires.get((design.bias.name, role), 0.0)))
    reference = design.i_lsb * design.bias.units
    rails = (farads["n"] + farads["p"]) * technology.v_dd / 2 / reference
    return rails + farads["split"] * technology.v_dd / (design.bias.rest_units * design.i_lsb)


def gates_on_lines(design: Design) -> dict[str, float]:
    """Return the area [m^2] of the gates on each bias line: the rails n and p, the splitters'.

    A splitter's PMOS is on none, for its gate is at ground.
    """
    area = {"n": 0.0, "p": 0.0, "split": 0.0}
    for group in design.device_groups():
        device = design.technology.devices[group.device]
        size = device.w * device.l * float(group.units.sum())
        line = design.line(*group.key)
        if line is Line.SPLITTERS:
            area["split"] += size
        elif line is Line.RAIL:
            area[device.polarity] += size
    return area
