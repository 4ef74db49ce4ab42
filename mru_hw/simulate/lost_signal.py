"""Conditions at which a chip's signals are lost in what its devices leak."""

from __future__ import annotations

from dataclasses import dataclass

from mru_hw.cells.usual import usual_currents
from mru_hw.circuits.legs.leakage import bus_leak
from mru_hw.mapping import Design
from mru_hw.technology.calibration import Calibration
from mru_hw.units import render

LOST = 0.2
"""Of a node's usual current: what legs off it may leak before the signal counts as lost. A rail
never shows less than its leg's leakage (`BusLeak.passed`), so a signal of plus and minus the usual
current moves what its legs bring by that share less. From about there on ngspice and the array
lose what the network decides (docs/reference/technologies.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakingNode:
    """The signal node of a chip whose legs leak most, over what it carries.

    Attributes
    ----------
    bus
        Name of its bus.
    leak
        What a leg as large as its diode carries without a signal [A].
    usual
        What such a leg usually carries [A].
    """

    bus: str
    leak: float
    usual: float

    @property
    def share(self) -> float:
        """The leak over the usual current."""
        return self.leak / self.usual


def leaking_node(
    design: Design, calibration: Calibration, reference: float = 0.0
) -> LeakingNode | None:
    """Return the node that leaks most at the calibration's conditions; None where none leaks.

    Leakage that the array takes for none (`NEGLIGIBLE`) is none here. `reference` is the relative
    error of the current into the reference pin.
    """
    found, usual = [], usual_currents(design, reference)
    for name, bus in design.buses.items():
        if not (bus.circuit.moves and bus.circuit.copied):
            continue
        leak = bus_leak(calibration, bus)
        most = [*leak.least.values(), *(leg.channel + leg.junction for leg in leak.legs.values())]
        if most:
            found.append(LeakingNode(bus=name, leak=max(most) * bus.scale, usual=usual[name]))
    return max(found, key=lambda node: node.share, default=None)


def lost_signal(design: Design, calibration: Calibration, reference: float = 0.0) -> str:
    """Say that leakage hides the signals of a chip at the calibration's conditions; nothing if not.

    The laws of the array hold there: what it computes is what such a chip would do, which is
    little of what the network does.
    """
    node = leaking_node(design, calibration, reference)
    if node is None or node.share <= LOST:
        return ""
    enough = design.options.i_unit * node.share / LOST
    return (
        f"At {calibration.corner}, {calibration.temperature:g} degC and "
        f"{render(calibration.v_dd, 'V')} a leg off node {node.bus} leaks "
        f"{render(node.leak, 'A', 3)} without a signal, where it usually carries "
        f"{render(node.usual, 'A', 3)}: signals are lost in leakage, which is a fifth of them from "
        f"an i_unit of {render(enough, 'A', 3)} on, instead of "
        f"{render(design.options.i_unit, 'A')}."
    )
