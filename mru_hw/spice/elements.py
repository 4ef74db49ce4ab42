"""The table ``elements.csv``: what in the deck stands for which parameter of the network.

One row a device of the chip, its wires' capacitors among them. A weight copied on both rails of a
signed source has a row each; a parameter that rounds to no device has a row whose element is
``none``. ``wanted`` is the trained number; ``realised`` differs from it by rounding and by what the
mapping moves between factors of one product: a threshold's rounding into its candidate's weights,
a level's into the weights that read it (``mru_hw.mapping.rounding``). A loop's edges need both its
threshold leg and its width leg: the threshold leg carries beta + delta and stands for beta, the
width leg for delta.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.legs.roles import SINK_PLUS, SOURCE_PLUS
from mru_hw.circuits.statements import Netlist
from mru_hw.mapping.design import Bank, Connection, Design
from mru_hw.mapping.inverse import unmap
from mru_hw.mapping.reading import Reading
from mru_hw.mapping.realised import compensating, realised_bank
from mru_hw.mapping.rows import Part
from mru_hw.model.network import Model
from mru_hw.spice.chip import CHIP_CELL, chip_netlist, leg_instance, unit_device
from mru_hw.spice.deck import TOP
from mru_hw.spice.flatten import Placed, flatten
from mru_hw.technology.calibration import Calibration

COLUMNS = (
    "parameter",
    "element",
    "unit_devices",
    "w_um",
    "l_um",
    "current_A",
    "wanted",
    "realised",
    "unit",
)
NO_ELEMENT = "none"

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a device stands for.

    Attributes
    ----------
    parameter
        With its indices, such as ``layers.0.candidate.weight[3,5]``.
    instance
        Path of the instance below the chip; `NO_ELEMENT` where rounding left none.
    unit_devices
        ``m:n`` of a ratio, ``m`` of a current source, empty where it is neither.
    current
        Bias current [A], None for a mirror.
    wanted, realised
        In `unit`.
    """

    parameter: str
    instance: str
    unit_devices: str
    current: float | None
    wanted: float
    realised: float
    unit: str


def write_elements(
    path: Path,
    model: Model,
    design: Design,
    calibration: Calibration,
    chip: Netlist | str | None = None,
) -> None:
    """Write the table of a chip's deck.

    Parameters
    ----------
    path
        The CSV file.
    model
        The trained network.
    design, calibration
        The chip, and what its currents amount to.
    chip
        Its deck; made anew when None.
    """
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        writer.writerows(element_rows(model, design, calibration, chip))


def element_rows(
    model: Model, design: Design, calibration: Calibration, chip: Netlist | str | None = None
) -> Iterator[tuple[str, ...]]:
    """List the table's rows: devices in the deck's order, then parameters without a device."""
    roles = list(_roles(model, design, calibration))
    known = {role.instance: role for role in roles}
    for device in flatten(chip or chip_netlist(design), CHIP_CELL, design.technology):
        if device.kind == "c":
            farads = device.values.get("c", design.technology.capacitor.capacitance)
            yield _row("", device, None, farads)
        else:
            yield _row("", device, known.get(device.instance), 0.0)
    for role in roles:
        if role.instance == NO_ELEMENT or role.parameter.split("[")[0].endswith("initial_state"):
            yield _bare_row(role)


def _row(parameter: str, device: Placed, role: Role | None, farads: float) -> tuple[str, ...]:
    element = f"{TOP}.{device.path}"
    if device.kind == "c":
        return (parameter, element, "", "", "", "", "", f"{farads:.6g}", "F")
    w, l = (f"{device.values[k] * 1e6:.6g}" for k in "wl")  # noqa: E741 (SPICE's own name)
    if role is None:
        return (parameter, element, f"{device.values['m']:.0f}", w, l, "", "", "", "1")
    current = "" if role.current is None else f"{role.current:.9g}"
    numbers = (f"{role.wanted:.9g}", f"{role.realised:.9g}")
    return (role.parameter, element, role.unit_devices, w, l, current, *numbers, role.unit)


def _bare_row(role: Role) -> tuple[str, ...]:
    element = role.instance if role.instance == NO_ELEMENT else f"{TOP}.{role.instance}"
    numbers = (f"{role.wanted:.9g}", f"{role.realised:.9g}")
    return (role.parameter, element, role.unit_devices, "", "", "", *numbers, role.unit)


# --------------------------------------------------------------------------------------- roles


def _roles(model: Model, design: Design, calibration: Calibration) -> Iterator[Role]:
    mapped, calibration = unmap(design, calibration), compensating(design, calibration)
    reading = Reading(design, calibration)
    for number, connection in enumerate(design.connections):
        if connection.source.part is Part.BIAS:
            yield from _bias_roles(model, mapped, design, number, connection)
        else:
            yield from _weight_roles(model, reading, number, connection)
    for bank in design.banks:
        yield from _bank_roles(model, design, calibration, bank)


def _weight_roles(
    model: Model, reading: Reading, number: int, connection: Connection
) -> Iterator[Role]:
    buses = reading.placed.buses
    source = buses[connection.source]
    read = reading.read_legs(connection, reading.node_line(buses[connection.target]))
    realised = {"plus": read.plus, "minus": read.minus}
    wanted = model.tensors.get(connection.parameter, np.eye(*read.plus.shape))
    absent = np.ones(read.plus.shape, dtype=bool)
    for leg, units in connection.legs():
        absent &= units == 0
        wide = connection.times(leg.role)
        for row, column in np.argwhere(units):
            yield Role(
                parameter=f"{connection.parameter}[{row},{column}]",
                instance=leg_instance(number, leg.role, int(row), int(column)),
                unit_devices=f"{units[row, column] * wide}:{source.units * wide}",
                current=None,
                wanted=float(wanted[row, column]),
                realised=float(realised[leg.rail][row, column]),
                unit="1",
            )
    for row, column in np.argwhere(absent):
        yield Role(
            parameter=f"{connection.parameter}[{row},{column}]",
            instance=NO_ELEMENT,
            unit_devices=f"0:{source.units}",
            current=None,
            wanted=float(wanted[row, column]),
            realised=0.0,
            unit="1",
        )


def _bias_roles(
    model: Model, mapped: Model, design: Design, number: int, connection: Connection
) -> Iterator[Role]:
    """Bias legs; they carry offsets and starts of lines too, which ``realised`` is without."""
    scale = design.buses[connection.target].scale
    wanted, realised = (m.tensors[connection.parameter] * scale for m in (model, mapped))
    for row, units in enumerate(connection.plus[:, 0]):
        role = (SOURCE_PLUS if units > 0 else SINK_PLUS).role
        yield Role(
            parameter=f"{connection.parameter}[{row}]",
            instance=leg_instance(number, role, row, 0) if units else NO_ELEMENT,
            unit_devices=f"{abs(units) * connection.times(role)}",
            current=float(units * design.i_lsb),
            wanted=float(wanted[row]),
            realised=float(realised[row]),
            unit="A",
        )


def _bank_roles(
    model: Model, design: Design, calibration: Calibration, bank: Bank
) -> Iterator[Role]:
    p, real = f"layers.{bank.layer}.", realised_bank(design, bank, calibration)
    c, h = design.buses[bank.candidate].scale, design.buses[bank.state].scale
    asked = {
        name: np.abs(model.tensors[p + name]) * c
        for name in ("beta", "delta")
        if p + name in model.tensors
    } | {"alpha": model.tensors[p + "alpha"] * h}
    parts = [part for part in bank.circuit.roles if part.parameter]
    for k in range(bank.n_units):
        for part in parts:
            units = part.units(bank, design.buses[bank.candidate]).reshape(bank.n_units, -1)
            amount = part.realised(real)[k] * (h if part.output else c)
            for cell in range(units.shape[1]):
                yield Role(
                    parameter=f"{p}{part.parameter}[{k}]",
                    instance=unit_device(bank, k, part, cell),
                    unit_devices=f"{units[k, cell] * bank.times(part.name)}",
                    current=float(units[k, cell] * design.i_lsb),
                    wanted=float(asked[part.parameter][k]),
                    realised=float(amount),
                    unit="A",
                )
        # How the reset is strapped, and so no device of its own.
        start = float(bank.initial[k])
        yield Role(
            parameter=f"{p}initial_state[{k}]",
            instance=f"xu{bank.layer}_{k}",
            unit_devices="",
            current=None,
            wanted=float(model.tensors[p + "initial_state"][k]),
            realised=start,
            unit="1",
        )
