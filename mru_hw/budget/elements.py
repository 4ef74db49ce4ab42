"""The errors of each weight and each threshold by itself: the table ``errors.csv``.

A weight's leg copies its source's current through the devices on its path: the source's diode, for
the other polarity a copy and a second diode, and the leg. Each has its own random error, and they
are independent; devices that other weights share are listed with each. A threshold's path is what
the comparator weighs, and the bias tree before it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mru_hw.budget.curvature import element_error, node_bend, threshold_errors
from mru_hw.budget.mismatch import exponents
from mru_hw.budget.network import ReadLegs
from mru_hw.budget.nominal import Key, threshold_input, threshold_signs, thresholds
from mru_hw.budget.systematic import Residuals
from mru_hw.cells.base import Array, Devices
from mru_hw.circuits.base import rail_of
from mru_hw.mapping.design import Bank
from mru_hw.mapping.flow import Row

COLUMNS = (
    "parameter",
    "role",
    "unit_devices",
    "path",
    "sigma_own",
    "sigma",
    "curvature",
    "rounding",
    "leakage_A",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementError:
    """One leg of a weight or one threshold; errors relative to its own value.

    Attributes
    ----------
    parameter, role
        As in ``elements.csv`` and ``budget.csv``.
    path
        Groups of the devices on its path, as ``owner/role``, the element's own last.
    sigma_own, sigma
        Standard deviation through its own device, and through all on its path.
    curvature
        What no line takes up, root mean square over operating points: over that of the current of a
        leg, the copy before it counted too, and None where it carries nothing; over that of a
        threshold.
    rounding
        Realised over wanted less 1; None where nothing was wanted.
    leakage
        What it carries too much at the worst condition [A], mean over operating points.
    """

    parameter: str
    role: str
    units: int
    path: tuple[Key, ...]
    sigma_own: float
    sigma: float
    curvature: float | None
    rounding: float | None
    leakage: float


def element_errors(chip: Residuals) -> Iterator[ElementError]:
    """List the legs of every connection, then the thresholds of every bank."""
    groups = {group.key: group for group in chip.nominal.design.device_groups()}
    variances = {key: chip.nominal.variance(group) for key, group in groups.items()}
    network = chip.played.network
    rows = {row.bus.name: row for row in chip.nominal.flow.rows}
    for connection in chip.nominal.design.connections:
        row = rows[connection.target]
        yield from _legs(chip, network.legs[connection.parameter], row, variances)
    for bank in chip.nominal.design.banks:
        yield from _thresholds(chip, bank, variances)


def _legs(
    chip: Residuals, legs: ReadLegs, row: Row, variances: dict[Key, Array]
) -> Iterator[ElementError]:
    source, c, signals = legs.source, legs.connection, chip.signals
    bend = node_bend(chip.played, row)
    for kind, units in c.legs():
        role = kind.role
        if role not in chip.nominal.legs[c.parameter]:
            continue
        leg = chip.nominal.legs[c.parameter][role]
        shared, path = np.zeros(source.size), []
        for key, variance in variances.items():
            exponent = 0.0
            if key[0] == source.name:
                exponent = exponents(chip.nominal, source, key).get(role, 0.0)
            if exponent:
                path.append(key)
                shared = shared + exponent**2 * variance
        current = signals.rail(source.name, role)
        size = np.sqrt((current**2).mean(axis=0))
        leak = chip.wide_leak(source, rail_of(role), np.maximum(current, 0.0)).mean(axis=0)
        leak = leak * np.sign(legs.share[role][0]) / source.units
        for at in np.argwhere(units):
            k, n = int(at[0]), int(at[1])
            bent = element_error(chip.played, legs, row.bus, bend, role, (k, n))
            off = float(np.sqrt(np.mean(bent**2)))
            own = float(variances[c.parameter, role][k, n])
            asked = float(chip.wanted[c.parameter][role][k, n])
            placed = float(legs.placed[role][k, n])
            index = f"{k}" if source.name == "bias" else f"{k},{n}"
            yield ElementError(
                parameter=f"{c.parameter}[{index}]",
                role=role,
                units=int(units[k, n]) * c.times(role),
                path=(*path, (c.parameter, role)),
                sigma_own=float(np.sqrt(own)),
                sigma=float(np.sqrt(own + shared[n])),
                curvature=off / float(leg[k, n] * size[n]) if size[n] > 0 else None,
                rounding=placed / asked - 1 if asked > 0 else None,
                leakage=float(units[k, n] * leak[n]),
            )


def _thresholds(chip: Residuals, bank: Bank, variances: dict[Key, Array]) -> Iterator[ElementError]:
    nominal, carried = chip.nominal, threshold_input(bank, chip.signals.value)

    def law(devices: Devices) -> Array:
        return thresholds(devices, bank, carried)

    at = law(nominal.devices)
    scale = np.mean(at**2, axis=1)
    parts: dict[Key, Array] = {}
    for key, variance in variances.items():
        if key[0] in {bank.name, bank.candidate, bank.threshold, "bias"}:
            share = np.mean(nominal.slope(key, law) ** 2, axis=1) / scale
            own = (
                variance.reshape(-1)[:1]
                if key[0] == "bias"
                else variance.reshape(len(at[0, 0]), -1)[:, 0]
            )
            parts[key] = share * own
    rounding, bent = chip.threshold_rounding(bank), threshold_errors(chip.played, bank)
    signs = threshold_signs(nominal.design, bank)
    for kind, (sign, role) in enumerate(zip(signs, bank.circuit.thresholds, strict=False)):
        leakage = chip.threshold_leakage(bank, sign, at[kind])
        leak = sum(np.mean(np.atleast_2d(amount), axis=0) for amount in leakage.values())
        units = bank.circuit.role(role).units(bank, nominal.design.buses[bank.candidate])
        placed = units.reshape(bank.n_units, -1)[:, 0]
        off = np.sqrt(np.mean(np.square(bent[kind]), axis=0))
        for k in range(bank.n_units):
            path = [key for key, part in parts.items() if part[kind, k] > 0]
            last = (bank.name, role)
            value = float(np.sqrt(scale[kind, k]))
            yield ElementError(
                parameter=f"layers.{bank.layer}.beta[{k}]",
                role=role,
                units=int(placed[k]) * bank.times(role),
                path=(*(key for key in path if key != last), last),
                sigma_own=float(np.sqrt(parts[last][kind, k])),
                sigma=float(np.sqrt(sum(part[kind, k] for part in parts.values()))),
                curvature=float(off[k]) / value,
                rounding=float(rounding[kind][k]) / value,
                leakage=float(np.asarray(leak)[k]),
            )


def write_element_errors(path: Path, chip: Residuals) -> None:
    """Write ``errors.csv``: RFC 4180, five digits."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for element in element_errors(chip):
            numbers = (
                element.sigma_own,
                element.sigma,
                element.curvature,
                element.rounding,
                element.leakage,
            )
            writer.writerow(
                (
                    element.parameter,
                    element.role,
                    element.units,
                    " ".join("/".join(key) for key in element.path),
                    *("" if number is None else f"{number:.5g}" for number in numbers),
                )
            )
