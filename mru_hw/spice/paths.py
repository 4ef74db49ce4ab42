"""Where each device of a Design's groups sits in the deck."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from mru_hw.errors import MruHwError
from mru_hw.mapping.design import Design, DeviceGroup, NodeKind
from mru_hw.spice.cells import BUS_PATHS, CELL_PATHS, LOOP_PATHS, STEP_PATHS
from mru_hw.spice.chip import copy_minus_instance, leg_instance

TOP = "xchip"  # the bench's instance of the chip


def device_paths(design: Design, group: DeviceGroup) -> Iterator[tuple[tuple[int, ...], str]]:
    """List the devices of one group.

    Yields
    ------
    tuple
        The device's index in the group's arrays and its hierarchical name, such as
        ``xchip.xu0_3.xc2.xm9.m0``. Absent devices (no units) are left out.
    """
    owner, role = group.key
    inside = design.technology.transistor_path(group.device)
    for index in np.argwhere(group.units):
        at = tuple(int(k) for k in index)
        yield at, f"{TOP}.{_instance(design, owner, role, at)}.{inside}"


def stands_with(instance: str) -> tuple[str, int | None]:
    """Return the bus or bank, and which of its nodes, that an instance of the chip belongs to.

    Phase drivers serve a whole bank, and the reset's inverter stands with the bias tree.
    """
    if node := re.fullmatch(r"x([a-z]+)(\d*)_(\d+)", instance):
        letters, layer, k = node.groups()
        return ("bank" if letters == "u" else letters) + layer, int(k)
    if driver := re.fullmatch(r"xphi(\d+)", instance):
        return f"bank{driver[1]}", None
    return "bias", None


def _instance(design: Design, owner: str, role: str, at: tuple[int, ...]) -> str:
    bus = design.buses.get(owner)
    if bus is not None:
        inside = BUS_PATHS[bus.kind][role]
        return f"xbias.{inside}" if bus.kind is NodeKind.BIAS else f"x{owner}_{at[0]}.{inside}"
    for number, connection in enumerate(design.connections):
        if connection.parameter == owner:
            return leg_instance(number, role, *at)
    for bank in design.banks:
        if owner == f"bank{bank.layer}":
            unit = f"xu{bank.layer}_{at[0]}"
            if not bank.clocked:
                if role == "copy_minus":
                    return copy_minus_instance(bank.layer, at[0])
                return f"{unit}.{LOOP_PATHS[role]}"
            if role in STEP_PATHS:
                return f"{unit}.{STEP_PATHS[role]}"
            return f"{unit}.xc{at[1] + 1}.{CELL_PATHS[role]}"
    raise MruHwError(f"The group {owner}/{role} has no place in the deck.")
