"""Gate area of a chip by supply block, from its flat deck."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mru_hw.mapping.design import Design
from mru_hw.spice.flatten import Placed

BLOCKS = ("mirror", "memory", "clock", "bias")
"""Supply pins of the chip: what each bus, bank, phase driver and the bias tree draw."""


def block_areas(design: Design, devices: Iterable[Placed]) -> dict[str, float]:
    """Return the gate area W L of the transistors of each block [m^2].

    A block is what hangs on one supply pin of the chip; a bias leg belongs to the bias. Wells,
    diffusions, wires and capacitors are not counted.
    """
    bias_legs = {f"xw{k}" for k, c in enumerate(design.connections) if c.source == "bias"}
    areas = dict.fromkeys(BLOCKS, 0.0)
    for device in devices:
        if device.kind == "m":
            area = device.values["w"] * device.values["l"] * device.values["m"]
            areas[_block(device.path.split(".")[0], bias_legs)] += area
    return areas


def _block(instance: str, bias_legs: set[str]) -> str:
    if instance.startswith("xu"):
        return "memory"
    if instance.startswith(("xphi", "xrst")):
        return "clock"
    leg = re.match(r"xw\d+", instance)
    if instance == "xbias" or (leg is not None and leg[0] in bias_legs):
        return "bias"
    return "mirror"
