"""What trim costs on the chip: devices, gate area, pins, leakage.

Each bit has its legs' unit devices, a switch between them and the comparator's node, and one stage
of a shift register: a master-slave latch of transmission gates, 20 transistors (Weste and Harris,
CMOS VLSI Design, section on sequencing). The switch is one more mirror device, as long as the legs,
for a logic device leaks ten times as much. Two pins, data and clock, load all registers in a row;
they hold the codes while the supply is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mru_hw.mapping.design import Design
from mru_hw.mapping.sizing import load_lengths
from mru_hw.technology import Technology
from mru_hw.trim.dac import Dac

REGISTER = 20  # transistors of one bit, as many NMOS as PMOS
PINS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the DACs of a chip add to it.

    Attributes
    ----------
    dacs, bits
        How many there are in all.
    transistors
        Legs' bits, switches and registers.
    leg_area
        Gate area of the legs at their largest code, less that of the placed ones [m^2].
    logic_area
        Gate area of switches and registers [m^2]; the same for every size of mirror device.
    pins
        Added to the chip.
    leakage
        Largest current through the switches of a DAC at code 0 over that of the placed leg, at the
        worst condition: what a mirror's leg carries whose diode carries nothing.
    """

    dacs: int
    bits: int
    transistors: int
    leg_area: float
    logic_area: float
    pins: int
    leakage: float


def trim_cost(design: Design, dacs: Sequence[Dac], *, area: float = 1.0) -> Cost:
    """Count what DACs cost.

    Parameters
    ----------
    area
        Factor on the area of every mirror device; switches and registers stay.
    """
    technology = design.technology
    lengths = load_lengths(technology)
    n_dacs = sum(len(dac.placed) for dac in dacs)
    n_bits = sum(len(dac.placed) * dac.bits for dac in dacs)
    legs, leakage = 0.0, 0.0
    for dac in dacs:
        name = dac.device
        more = (dac.units(dac.middle * 0 + dac.top) - dac.placed).sum()
        legs += area * float(more) * design.times(*dac.key) * _gate(technology, name)
        off = float(lengths.leakage(name[0], technology.devices[name].l, 0.0))
        carried = float(dac.placed.min()) * design.i_lsb
        leakage = max(leakage, dac.bits * off / carried)
    register = REGISTER / 2 * (_gate(technology, "n_logic") + _gate(technology, "p_logic"))
    switches = sum(len(dac.placed) * dac.bits * _gate(technology, dac.device) for dac in dacs)
    return Cost(
        dacs=n_dacs,
        bits=n_bits,
        transistors=n_bits * (2 + REGISTER),
        leg_area=legs,
        logic_area=n_bits * register + switches,
        pins=PINS,
        leakage=leakage,
    )


def _gate(technology: Technology, name: str) -> float:
    device = technology.devices[name]
    return device.w * device.l
