"""The pass that multiplies areas: more parallel devices, and no current changed.

A mirror's current is a ratio, so every device whose gate is on the same net is multiplied alike: a
node's diode with the copy of it and all legs that read its rail; a rail of the bias tree with all
legs on it. Splitters are a mirror across all nodes and the bias tree, a polarity each; a cell's
feedback pair is one by itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from mru_hw.circuits.base import Carried, Line, leg_of, mirror_of
from mru_hw.circuits.units import UnitCircuit
from mru_hw.errors import UserError
from mru_hw.mapping.design import Bus, Design
from mru_hw.mapping.draft import Draft
from mru_hw.mapping.rows import BIAS

Device = tuple[str, str]
"""Owner and role, as the error budget names a group of devices."""
Mirror = tuple[str, str]
"""Row of nodes or units, and the legs' role that reads the net, or the pair's name."""


def place_areas(draft: Draft) -> None:
    """Multiply the mirrors that the options name.

    Raises
    ------
    UserError
        The network has no such device, or a mirror would outgrow the technology's rules.
    """
    mirrors = dict(_mirrors_of(draft))
    times: dict[Mirror, int] = {}
    for name, factor in draft.options.area.items():
        for device in _named(name, mirrors):
            mirror = mirrors[device]
            times[mirror] = max(times.get(mirror, 1), factor)
    for (owner, role), mirror in mirrors.items():
        if factor := times.get(mirror, 0):
            draft.areas.setdefault(owner, {})[role] = factor
    for name, bus in draft.buses.items():
        rails = {leg: factor for (owner, leg), factor in times.items() if owner == name}
        area = draft.areas.get(name, {}) | rails
        _refuse_wide(draft, bus, area)
        draft.buses[name] = dataclasses.replace(bus, area=area)


def _named(name: str, mirrors: dict[Device, Mirror]) -> list[Device]:
    """List the devices that a key of `area` names: a role, or one owner's."""
    owner, _, role = name.rpartition("/")
    found = [device for device in mirrors if device[1] == role and owner in ("", device[0])]
    if found:
        return found
    owners = [device[0] for device in mirrors if device[1] == role]
    if owners:
        raise UserError("area", name, f"{role} of {', '.join(owners)}")
    roles = ", ".join(dict.fromkeys(role for _, role in mirrors))
    raise UserError("area", name, f"a role of this network's devices: {roles}")


def _refuse_wide(draft: Draft, bus: Bus, area: dict[str, int]) -> None:
    limit = draft.technology.rules.units_max
    for part in (part for part in bus.circuit.roles if part.name in area):
        units, factor = part.units(bus), area[part.name]
        if units * factor > limit:
            raise UserError(
                "area",
                factor,
                f"at most {limit // units} for {bus.name}/{part.name}, whose {units} unit devices "
                f"may be at most {limit} in {draft.technology.name}",
            )


def mirrors_of(design: Design) -> dict[Device, Mirror]:
    """Return the mirror of every device of a network: what a multiple of one multiplies alike."""
    rows = ((b.name, b.circuit, b.candidate, b.threshold) for b in design.banks)
    return dict(_mirrors(design.buses, design.connections, rows))


def _mirrors_of(draft: Draft) -> Iterator[tuple[Device, Mirror]]:
    """List every device of the network in the making, with its mirror."""
    rows = ((row.units, row.circuit, row.candidate, row.threshold) for row in draft.layers)
    return _mirrors(draft.buses, draft.wires, rows)


class _Legs(Protocol):
    """Mirror legs of a tensor, placed or not."""

    @property
    def parameter(self) -> str:
        """Name of the tensor."""

    @property
    def source(self) -> str:
        """Name of the row of nodes that they read."""


def _mirrors(
    buses: Mapping[str, Bus],
    wires: Iterable[_Legs],
    units: Iterable[tuple[str, UnitCircuit, str, str | None]],
) -> Iterator[tuple[Device, Mirror]]:
    """List devices with their mirrors.

    Parameters
    ----------
    units
        Of each bank its name, its circuit, and the names of the rows of nodes that its candidates
        and its thresholds come from, the latter None where they are fixed.
    """
    for name, bus in buses.items():
        for part in bus.circuit.roles:
            mirror = mirror_of(part)
            shared = part.carried is Carried.REST
            yield (name, part.name), (BIAS if shared else name, mirror)
    for wire in wires:
        source = buses[wire.source].circuit
        for rail in source.rails if source.copied else ():
            yield (wire.parameter, leg_of(rail)), (wire.source, leg_of(rail))
    for owner, circuit, candidate, threshold in units:
        for unit in circuit.placed(signed=buses[candidate].circuit.splits):
            read = threshold if unit.of_threshold and threshold else candidate
            if unit.reads:
                yield (owner, unit.name), (read, unit.reads)
            elif unit.line is Line.RAIL:
                yield (owner, unit.name), (BIAS, leg_of(("plus", unit.polarity)))
            else:
                yield (owner, unit.name), (owner, unit.carried.value)
