"""A bench of a chip's own splitter, beyond the currents that constants were fitted at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mru_hw.cells.base import Devices
from mru_hw.circuits.legs.gains import leg_slopes, signed_thermal
from mru_hw.circuits.nodes.deck import node_elements, node_net
from mru_hw.circuits.nodes.laws import net_current, node_skew
from mru_hw.circuits.nodes.supply import quiescent
from mru_hw.mapping.design import Bus, Design
from mru_hw.report.parts import Table
from mru_hw.spice.characterize.base import stairs
from mru_hw.spice.characterize.mismatch import HOLD
from mru_hw.spice.deck import CHIP
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.text import deck_lines
from mru_hw.sweeps.told import Told, quantity
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation.die import nominal_die

BENCH = "splitter.cir"
_EDGE = 1e-3
"""Time in which the current goes to its next value [s]."""


def splitter_bench(
    design: Design, own: Calibration, at: Conditions, bus: Bus, fitted: float, most: float
) -> tuple[Table, str]:
    """Return what the array's law says of a splitter at larger currents, and the bench of it.

    Parameters
    ----------
    own
        The constants at the condition `at`.
    bus
        A row of nodes with splitters: the bench has its first node.
    fitted, most
        Currents of a unit device of the splitter [A]: the largest that its constants were fitted
        at, and the largest that sequences bring.
    """
    devices = Devices(
        design=design, calibration=own, die=nominal_die(design), temperature=at.temperature
    )
    i_q = float(quiescent(devices, bus)[0])
    sizes = np.array([fitted, np.sqrt(fitted * most), most])
    rails = np.concatenate([sizes[::-1], sizes]) * bus.split
    signs = np.repeat([-1.0, 1.0], len(sizes))
    currents = signs * net_current(rails, i_q)
    volts = node_voltages(own, currents, i_q)
    rows: list[list[str]] = [
        [
            f"v{k}",
            quantity(float(current), "A"),
            quantity(float(rail) / bus.split, "A"),
            Told(f"{float(rail) / bus.split / fitted:.2g} ×", float(rail) / bus.split / fitted),
            quantity(float(volt), "V"),
        ]
        for k, (current, rail, volt) in enumerate(zip(currents, rails, volts, strict=True))
    ]
    slope = max(leg_slopes(own, bus).values())
    table = Table(
        name="splitter_further_out",
        caption=(
            f"What the array takes for the voltage of a {bus.kind.value} node of this chip at "
            f"{at.corner}, {at.temperature:g} °C, {at.v_dd:.4g} V, where splitters carry more than "
            f"in the bench unit. {BENCH} below prints the same in ngspice, by the name in the "
            "first column. A difference of 10 mV moves what a leg brings into the node by "
            f"{slope:.2g} % of its current."
        ),
        head=(
            *("measured as", "current into the node", "unit device of the splitter"),
            *("over the bench's end", "the array's voltage"),
        ),
        rows=rows,
        numbers=(1, 2, 3, 4),
    )
    return table, "\n".join(_deck(design, at, bus, currents))


def node_voltages(
    own: Calibration, currents: NDArray[np.float64], i_q: float
) -> NDArray[np.float64]:
    """Return the voltages [V] of a signed node at currents [A] into it, by the array's law."""
    moved = np.arcsinh(currents / (2 * i_q))
    moved = moved + node_skew(own) * np.abs(moved)
    return own.v_signed + own.signed_rest + signed_thermal(own, own.temperature) * moved


def _deck(design: Design, at: Conditions, bus: Bus, currents: NDArray[np.float64]) -> Iterator[str]:
    net = node_net(bus, 0)
    yield f"* Splitter of {bus.name} at larger currents; run in the folder of the chip's netlist"
    yield f".include 'models_{at.corner}.lib'"
    yield f".include '{CHIP}'"
    yield f".options temp={at.temperature:.9g} {OPTIONS}"
    yield f"vdd_mirror vdd_mirror 0 {at.v_dd:.9g}"
    yield f"vdd_bias vdd_bias 0 {at.v_dd:.9g}"
    yield "vss vss 0 0"
    yield f"ibias vdd_bias iref {design.i_lsb * design.bias.units:.9g}"
    yield from deck_lines([next(node_elements(design.bias)), next(node_elements(bus))])
    starts = HOLD * np.arange(len(currents), dtype=np.float64)
    yield f"iin 0 {net} {stairs(starts, currents, _EDGE)}"
    yield f".tran {HOLD / 20:.9g} {HOLD * len(currents):.9g} uic"
    yield f".save v({net})"
    for k, start in enumerate(starts):
        yield f".measure tran v{k} find v({net}) at={start + 0.95 * HOLD:.9g}"
    yield ".end"
