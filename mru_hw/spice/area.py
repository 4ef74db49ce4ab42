"""Gate area of a chip by supply block, from its devices."""

from __future__ import annotations

from collections.abc import Iterable

from mru_hw.errors import MruHwError
from mru_hw.mapping import Design
from mru_hw.spice.flatten import Placed

BLOCKS = ("mirror", "memory", "clock", "bias")
"""Supply pins of the chip: what each bus, bank, phase driver and the bias tree draw."""


def block_areas(devices: Iterable[Placed]) -> dict[str, float]:
    """Return the gate area W L of the transistors of each block [m^2].

    A block is what hangs on one supply pin of the chip; a bias leg belongs to the bias. Wells,
    diffusions, wires and capacitors are not counted.

    Raises
    ------
    MruHwError
        A device is none of a chip's: its deck was read from text, or is no chip.
    """
    areas = dict.fromkeys(BLOCKS, 0.0)
    for device in devices:
        if device.kind != "m":
            continue
        if device.place is None:
            raise MruHwError(f"{device.path} belongs to no block of a chip.")
        area = device.values["w"] * device.values["l"] * device.values["m"]
        areas[device.place.block] += area
    return areas


def signal_area(design: Design) -> float:
    """Return the gate area W L of the devices that carry signal and bias currents [m^2].

    Switches and logic have none of it; `block_areas` counts them on a deck.
    """
    devices = design.technology.devices
    return sum(
        float(group.units.sum()) * devices[group.device].w * devices[group.device].l
        for group in design.device_groups()
    )
