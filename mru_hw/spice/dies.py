"""A die as changes of devices: the netlist stays, its devices' parameters change."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import numpy as np

from mru_hw.mapping.design import Design
from mru_hw.spice.chip import CHIP_CELL, chip_netlist
from mru_hw.spice.deck import TOP, Change
from mru_hw.spice.flatten import Placed, flatten
from mru_hw.spice.paths import device_paths
from mru_hw.technology import Technology
from mru_hw.variation import Die

STUCK_SHIFT = 1.5
"""Shift [V] of a threshold's size: down, and the transistor conducts whatever its gate has; up,
and it never does."""


def die_changes(design: Design, die: Die) -> Iterator[Change]:
    """List what turns the nominal chip into a die.

    Mismatch is that of devices that carry a current. What a die's devices share shifts switches
    and logic too.

    BSIM4 adds ``delvto`` to a threshold voltage with its sign, which is negative for PMOS, so a
    shift of the magnitude changes sign there; ``mulu0`` multiplies the mobility.
    """
    listed = set()
    for path, device, shift in _stuck(design, die):
        yield from device_changes(design.technology, device, path, shift, 0.0)
        listed.add(path)
    for group in design.device_groups():
        for index, path in device_paths(design, group):
            dvt, dbeta = float(die.dvt[group.key][index]), float(die.dbeta[group.key][index])
            yield from device_changes(design.technology, group.device, path, dvt, dbeta)
            listed.add(path)
    if die.spread is None:
        return
    for part in flatten(chip_netlist(design), CHIP_CELL, design.technology):
        path = f"{TOP}.{part.path}"
        if part.kind != "m" or path in listed or part.place is None:
            continue
        device = device_class(design.technology, part)
        at = die.spread.placement.node(part.place.owner, part.place.index)
        dvt = float(die.spread.shift(device, at))
        beta = die.spread.beta[design.technology.devices[device].polarity]
        yield from device_changes(design.technology, device, path, dvt, beta)


def _stuck(design: Design, die: Die) -> Iterator[tuple[str, str, float]]:
    """List the transistors that fail in cells that are stuck: path, device class, shift [V]."""
    for bank in design.banks:
        for cell, unit in np.argwhere(die.stuck.get(bank.layer, np.zeros((0, 0)))).tolist():
            is_set = bool(die.stuck[bank.layer][cell, unit] > 0)
            for part in bank.circuit.stuck:
                own = part.path.format(cell=cell + 1)
                inside = design.technology.transistor_path(part.device)
                shift = -STUCK_SHIFT if part.conducts[is_set] else STUCK_SHIFT
                yield f"{TOP}.xu{bank.layer}_{unit}.{own}.{inside}", part.device, shift


def device_changes(
    technology: Technology, device: str, path: str, dvt: float, dbeta: float
) -> Iterator[Change]:
    """Shift the size of a transistor's threshold by `dvt` [V], its mobility by a share."""
    sign = 1.0 if technology.devices[device].polarity == "n" else -1.0
    if dvt != 0:
        yield Change(device=f"m.{path}", parameter="delvto", add=sign * dvt)
    if dbeta != 0:
        yield Change(device=f"m.{path}", parameter="mulu0", times=1 + dbeta)


def die_commands(design: Design, die: Die) -> Iterator[str]:
    """List the same as ngspice commands, for a circuit that is changed once."""
    return (change.command for change in die_changes(design, die))


def transistor_changes(
    placed: Iterable[Placed], technology: Technology, top: str, seed: int
) -> list[Change]:
    """Draw mismatch for every transistor of a flattened deck, switches and logic among them.

    ``a / sqrt(W L m)`` each (Pelgrom, JSSC 24(5), 1989), by a stream of its own path.

    Parameters
    ----------
    placed
        `mru_hw.spice.flatten.flatten`; what is no transistor is left out.
    top
        Instance of the flattened subcircuit.
    seed
        Of the die.
    """
    changes = []
    for part in placed:
        if part.kind != "m":
            continue
        entropy = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(part.path.encode()),))
        rng = np.random.Generator(np.random.Philox(entropy))
        name = device_class(technology, part)
        sigma_vt, sigma_beta = technology.sigma(name, part.values["m"])
        # BSIM4 adds delvto with the threshold's own sign.
        sign = 1.0 if technology.devices[name].polarity == "n" else -1.0
        dvt, dbeta = rng.standard_normal(2) * (sigma_vt, sigma_beta)
        device = f"m.{top}.{part.path}"
        changes.append(Change(device=device, parameter="delvto", add=float(sign * dvt)))
        if sigma_beta:
            changes.append(Change(device=device, parameter="mulu0", times=float(1 + dbeta)))
    return changes


def device_class(technology: Technology, part: Placed) -> str:
    """Return which of the technology's classes a transistor of a flattened deck is of."""
    classes = {(d.model, d.w, d.l): name for name, d in technology.devices.items()}
    width, length = (round(part.values[x], 12) for x in ("w", "l"))
    return classes[part.model, width, length]
