"""Where each device of a Design's groups sits in the deck."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mru_hw.errors import MruHwError
from mru_hw.mapping.design import Design, DeviceGroup
from mru_hw.spice.chip import leg_instance, node_instance, unit_device
from mru_hw.spice.deck import TOP


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


def _instance(design: Design, owner: str, role: str, at: tuple[int, ...]) -> str:
    bus = design.buses.get(owner)
    if bus is not None:
        return f"{node_instance(bus, at[0])}.{bus.circuit.role(role).path}"
    for number, connection in enumerate(design.connections):
        if connection.parameter == owner:
            return leg_instance(number, role, *at)
    for bank in design.banks:
        if owner == bank.name:
            return unit_device(bank, at[0], bank.circuit.role(role), *at[1:])
    raise MruHwError(f"The group {owner}/{role} has no place in the deck.")
