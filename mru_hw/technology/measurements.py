"""Constants from measured silicon: a table of currents moves those that it has rows for.

A row is one point of one device array: ``quantity, polarity, units, v_gs, v_ds, current``, volts
as magnitudes, the current of all `units` unit devices together. Quantities:

gate
    A diode: `v_gs` and `current`. Gives ``v_gate`` and ``slope``, from currents between a tenth
    and ten times the usual one.
output
    A device at one gate voltage: `v_ds` and `current`, saturated. Gives ``conductance``.
leakage
    A device at V_GS = 0: `v_ds` and `current`. Gives ``leak_n`` or ``leak_p``.

Measured is the nominal condition. At others the simulated change counts from there: a gate voltage
keeps its difference to the nominal one, everything else its ratio.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import MISSING, Bare, UserError, printable
from mru_hw.files import DOCUMENT_BYTES, read_bytes
from mru_hw.technology.calibration import Calibration, temperature_voltage
from mru_hw.units import parse
from mru_hw.words import many

Array = NDArray[np.float64]

COLUMNS = ("quantity", "polarity", "units", "v_gs", "v_ds", "current")
USED = {"gate": ("v_gs", "current"), "output": ("v_ds", "current"), "leakage": ("v_ds", "current")}
LIMITS = {
    "units": ("", 1.0, 1e9),
    "v_gs": ("V", 1e-9, 1e3),
    "v_ds": ("V", 1e-9, 1e3),
    "current": ("A", 1e-24, 1e3),
}
"""Per column its unit and the range of what can be measured; no fit beyond it is finite."""
LEAST = 3  # rows of one quantity and polarity
DECADE = 10.0  # either side of the usual current
SATURATED = 0.25  # V, least drain voltage of an output curve, as in the simulated fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """A table that was read.

    Attributes
    ----------
    curves
        By quantity and polarity: volts and amperes of one unit device, (n_rows,) each.
    name, sha256
        Of the file.
    """

    curves: dict[tuple[str, str], tuple[Array, Array]]
    name: str
    sha256: str


def read_measurements(path: Path) -> Measurements:
    """Read a table.

    Raises
    ------
    UserError
        The file is missing or is no such table.
    """
    data = read_bytes(path, "measurements", limit=DOCUMENT_BYTES, what="a CSV table")
    try:
        text = data.decode("utf-8-sig")  # spreadsheets begin a table with a byte order mark
        table = csv.DictReader(io.StringIO(text), strict=True)
        rows = list(table)
    except (UnicodeDecodeError, csv.Error):
        raise UserError(path.name, Bare("no table"), "CSV in UTF-8") from None
    if not rows or sorted(table.fieldnames or ()) != sorted(COLUMNS):
        raise UserError(path.name, Bare("another table"), "the columns " + ", ".join(COLUMNS))
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for number, row in enumerate(rows, 2):
        where = f"{path.name}: line {number}"
        if None in row:
            cells = Bare(f"{many(len(row) - 1 + len(row[None]), 'cell')} long")
            raise UserError(where, cells, f"{len(COLUMNS)}, decimals behind a point")
        quantity, polarity = row["quantity"], row["polarity"]
        if quantity not in USED:
            raise UserError(f"{where}: quantity", quantity, "one of " + ", ".join(USED))
        if polarity not in ("n", "p"):
            raise UserError(f"{where}: polarity", polarity, "n or p")
        units = _number(row, "units", where)
        volts, current = (_number(row, name, where) for name in USED[quantity])
        found.setdefault((quantity, polarity), []).append((volts, current / units))
    curves = {}
    for key, points in found.items():
        if len(points) < LEAST:
            expected = f"at least {LEAST} rows, or none"
            raise UserError(
                f"{path.name}: {' '.join(key)}", Bare(many(len(points), "row")), expected
            )
        volts, currents = np.array(sorted(points)).T
        if np.any(np.diff(volts) <= 0):
            raise UserError(
                f"{path.name}: {' '.join(key)}", Bare("not a curve"), "one row a voltage"
            )
        curves[key] = (volts, currents)
    sha256 = hashlib.sha256(data).hexdigest()
    return Measurements(curves=curves, name=path.name, sha256=sha256)


def _number(row: dict[str, str | None], name: str, where: str) -> float:
    text, field = row[name], f"{where}: {name}"
    unit, least, most = LIMITS[name]
    value = parse(text, unit, field) if text else 0.0
    if value <= 0:
        raise UserError(field, MISSING if text is None else text, "a number above 0")
    if not least <= value <= most:
        raise UserError(field, text, f"{least:g} to {most:g} {unit}".rstrip())
    return value


def refit(calibration: Calibration, measured: Measurements) -> dict[str, Any]:
    """Return the fields of a calibration with the constants that were measured.

    Raises
    ------
    UserError
        Rows lie outside the range that a constant is fitted over, or give no such constant.
    """
    fields = calibration.model_dump(mode="json") | {"laws": []}
    changed: list[str] = []
    for (quantity, p), (volts, currents) in measured.curves.items():
        where = f"{measured.name}: {quantity} {p}"
        if quantity == "leakage":
            _move_leakage(fields, p, volts, currents)
            changed.append(f"leak_{p}")
            continue
        if quantity == "gate":
            found = _fit_gate(calibration, where, volts, currents)
        else:
            found = _fit_output(where, volts, currents)
        if "slope" in found:
            _move_mismatch(fields, p, found["slope"] / fields[p]["slope"])
            changed += [f"mismatch_{p}", f"mismatch_split_{p}"]
        for name, value in found.items():
            _move(fields, p, name, value)
            changed.append(f"{p}.{name}")
    fields["provenance"]["measured"] = {
        "file": printable(measured.name),
        "sha256": measured.sha256,
        "constants": sorted(changed),
    }
    return fields


def _fit_gate(
    calibration: Calibration, where: str, volts: Array, currents: Array
) -> dict[str, float]:
    usual = np.abs(np.log(currents / calibration.i_usual)) <= math.log(DECADE) * (1 + 1e-9)
    if usual.sum() < LEAST:
        low, high = calibration.i_usual / DECADE, calibration.i_usual * DECADE
        expected = f"at least {LEAST} rows of {low:.3g} to {high:.3g} A a unit device"
        raise UserError(where, Bare(f"{many(int(usual.sum()), 'row')} in range"), expected)
    logs = np.log(currents[usual] / calibration.i_usual)
    per_log, v_gate = (float(x) for x in np.polyfit(logs, volts[usual], 1))
    slope = per_log / temperature_voltage(calibration.temperature)
    if slope <= 1:
        raise UserError(f"{where}: slope", slope, "above 1, as of any transistor")
    return {"slope": slope, "v_gate": v_gate}


def _fit_output(where: str, volts: Array, currents: Array) -> dict[str, float]:
    saturated = volts >= SATURATED
    if saturated.sum() < LEAST:
        expected = f"at least {LEAST} rows of {SATURATED} V and more"
        raise UserError(where, Bare(f"{many(int(saturated.sum()), 'row')} in range"), expected)
    rise, start = (float(x) for x in np.polyfit(volts[saturated], currents[saturated], 1))
    if not (start > 0 and rise >= 0):
        raise UserError(where, Bare("a falling current"), "one that rises with v_ds")
    return {"conductance": rise / start}


def _move(fields: dict[str, Any], p: str, name: str, value: float) -> None:
    old = fields[p][name]
    fields[p][name] = _rounded(value)
    for corner in fields["grid"]["corners"].values():
        for axis in ("temperatures", "supplies"):
            row = corner[axis][f"{p}.{name}"]
            corner[axis][f"{p}.{name}"] = [
                None
                if x is None
                else _rounded(x + value - old if name == "v_gate" else x * value / old)
                for x in row
            ]


def _move_mismatch(fields: dict[str, Any], p: str, ratio: float) -> None:
    """Slopes by a threshold's shift, which no current shows, follow those over the gate voltage."""

    def moved(curve: list[float]) -> list[float]:
        return [_rounded(n * ratio) for n in curve]

    for name in (f"mismatch_{p}", f"mismatch_split_{p}"):
        fields[name] = moved(fields[name])
        for corner in fields["grid"]["corners"].values():
            for axis in ("curves_temperatures", "curves_supplies"):
                corner[axis][name] = [moved(curve) for curve in corner[axis][name]]


def _move_leakage(fields: dict[str, Any], p: str, volts: Array, currents: Array) -> None:
    """Take the measured curve; beyond its ends, the simulated one scaled to meet it."""
    name, at = f"leak_{p}", np.array(fields["v_leak"])
    old = np.log(np.array(fields[name]))
    ratio = np.exp(np.interp(at, volts, np.log(currents) - np.interp(volts, at, old)))

    def moved(curve: list[float]) -> list[float]:
        return [_rounded(float(i * k)) for i, k in zip(curve, ratio, strict=True)]

    fields[name] = moved(fields[name])
    for corner in fields["grid"]["corners"].values():
        corner[name] = [moved(curve) for curve in corner[name]]


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
