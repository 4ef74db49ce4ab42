"""A die's mismatch as changes of devices: the netlist stays, its devices' parameters change."""

from __future__ import annotations

from collections.abc import Iterator

from mru_hw.mapping.design import Design
from mru_hw.spice.deck import Change
from mru_hw.spice.paths import device_paths
from mru_hw.variation import Die


def die_changes(design: Design, die: Die) -> Iterator[Change]:
    """List what turns the nominal chip into a die.

    BSIM4 adds ``delvto`` to a threshold voltage with its sign, which is negative for PMOS, so a
    shift of the magnitude changes sign there; ``mulu0`` multiplies the mobility.
    """
    devices = design.technology.devices
    for group in design.device_groups():
        sign = 1.0 if devices[group.device].polarity == "n" else -1.0
        for index, path in device_paths(design, group):
            dvt, dbeta = float(die.dvt[group.key][index]), float(die.dbeta[group.key][index])
            if dvt != 0:
                yield Change(device=f"m.{path}", parameter="delvto", add=sign * dvt)
            if dbeta != 0:
                yield Change(device=f"m.{path}", parameter="mulu0", times=1 + dbeta)


def die_commands(design: Design, die: Die) -> Iterator[str]:
    """List the same as ngspice commands, for a circuit that is changed once."""
    return (change.command for change in die_changes(design, die))
