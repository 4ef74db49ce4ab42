"""The parts of a chip whose mismatch is switched on and off: its device groups, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mru_hw.errors import UserError
from mru_hw.mapping.areas import mirrors_of
from mru_hw.mapping.design import Design

BIAS_TREE = "bias tree"
"""The part of the bias rail and what hangs on it, by circuit and by layer."""

Key = tuple[str, str]
"""Owner and role of a group of like devices, as `DeviceGroup.key` has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Device groups whose mismatch is switched together.

    Attributes
    ----------
    name
        As a table shows it.
    keys
        Its groups, in the design's order.
    """

    name: str
    keys: tuple[Key, ...]


def parts_of(design: Design, by: str) -> tuple[Part, ...]:
    """Cut a chip's device groups into parts; every group with devices is in one.

    Parameters
    ----------
    by
        One of `WAYS`.

    Raises
    ------
    UserError
        There is no such way to cut.
    """
    if by not in WAYS:
        raise UserError("by", by, f"one of {', '.join(WAYS)}")
    name_of = WAYS[by](design)
    found: dict[str, list[Key]] = {}
    for group in design.device_groups():
        if group.units.any():
            found.setdefault(name_of(group.key), []).append(group.key)
    return tuple(Part(name=name, keys=tuple(keys)) for name, keys in found.items())


def _by_group(_design: Design) -> Callable[[Key], str]:
    return "/".join


def _by_role(_design: Design) -> Callable[[Key], str]:
    return lambda key: key[1]


def _by_mirror(design: Design) -> Callable[[Key], str]:
    """Name each mirror by its first group, which the options' `area` takes."""
    placed = {group.key for group in design.device_groups() if group.units.any()}
    names: dict[Key, str] = {}
    members: dict[Key, list[Key]] = {}
    for key, mirror in mirrors_of(design).items():
        if key in placed:
            members.setdefault(mirror, []).append(key)
    for keys in members.values():
        others = len(keys) - 1
        name = "/".join(keys[0]) + (f" and {others} more" if others else "")
        names |= dict.fromkeys(keys, name)
    return names.__getitem__


def _by_circuit(design: Design) -> Callable[[Key], str]:
    """Name nodes by their circuit, memory units by their cell, and all else as mirror legs."""
    names = {name: f"{bus.kind.value} nodes" for name, bus in design.buses.items()}
    names[design.bias.name] = BIAS_TREE
    names |= {bank.name: f"{bank.cell.value} units" for bank in design.banks}
    names |= {c.parameter: "mirror legs" for c in design.connections}
    return lambda key: names[key[0]]


def _by_layer(design: Design) -> Callable[[Key], str]:
    """Name what a layer's tensors, units and nodes are made of by the layer.

    The node that a layer reads is its own, what only the head reads is the head's; the bias tree
    and the inputs are parts by themselves.
    """
    owners = {design.bias.name: BIAS_TREE, "x": "input"}
    for bank in design.banks:
        layer = f"layer {bank.layer}"
        own = (bank.name, bank.candidate, bank.state, bank.threshold)
        owners |= {name: layer for name in own if name is not None}
        owners |= _sources(design, {bank.candidate, bank.threshold}, owners, layer)
    for c in design.connections:
        owners[c.parameter] = "head" if c.target == "y" else "input"
        for bank in design.banks:
            if c.parameter.startswith(f"layers.{bank.layer}."):
                owners[c.parameter] = f"layer {bank.layer}"
    return lambda key: owners.get(key[0], "head")


def _sources(
    design: Design, targets: Iterable[str | None], known: Mapping[str, str], layer: str
) -> dict[str, str]:
    """Name the rows of nodes that legs into some others read, where they have no name yet."""
    wanted = set(targets)
    read = (c.source for c in design.connections if c.target in wanted)
    return {name: layer for name in read if name not in known}


WAYS: Mapping[str, Callable[[Design], Callable[[Key], str]]] = {
    "group": _by_group,
    "mirror": _by_mirror,
    "role": _by_role,
    "circuit": _by_circuit,
    "layer": _by_layer,
}
"""How a chip may be cut: by device group, by mirror (what `area` enlarges together), by the
devices' role, by circuit, by layer of the network."""
