"""From runs to constants: the nominal ones, those at a condition, and the tables of all."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mru_hw.errors import RunStatus, SimulationError
from mru_hw.spice.characterize.base import Array, rounded
from mru_hw.spice.characterize.devices import fit_capacitance, fit_leakage
from mru_hw.spice.characterize.mirrors import fit_mirror
from mru_hw.spice.characterize.mismatch import CURRENTS, fit_curves
from mru_hw.spice.characterize.points import (
    check_points,
    leak_points,
    run_name,
    supplies,
    temperatures,
)
from mru_hw.spice.characterize.trips import fit_ramp, fit_trips
from mru_hw.spice.characterize.unit import I_REST, fit_node, fit_unit
from mru_hw.spice.deck import Waves
from mru_hw.technology import Technology
from mru_hw.technology.conditions import Conditions
from mru_hw.technology.grid import CONSTANTS, CURVES, Grid

LEAK_FLOOR = 1e-15  # A: of a thousand unit devices it is 1 pA, and ngspice's gmin is 1e-17 S


def fit_nominal(
    at: Conditions, runs: Mapping[str, Waves]
) -> tuple[dict[str, float], dict[str, Array]]:
    """Return the nominal constants by their names in a grid, and the samples behind them.

    Raises
    ------
    SimulationError
        A run ended without a result, or its unit did not work.
    """
    constants, raw = _fit_devices(at, runs)
    unit = done(runs, run_name("unit", at))
    moved, raw["unit_node"] = fit_node(at, unit, _rest_gain(at, runs))
    charges, samples = fit_unit(at, unit)
    raw |= {f"unit_{name}": values for name, values in samples.items()}
    trips, samples = fit_trips(done(runs, "trips"))
    raw |= {f"trips_{name}": values for name, values in samples.items()}
    constants |= moved | charges | trips
    ramp = fit_ramp(done(runs, run_name("ramp", at)))
    # What the ramp at other conditions is compared with; no constant by itself.
    return constants | {f"ramp.{name}": value for name, value in ramp.items()}, raw


def fit(
    at: Conditions, runs: Mapping[str, Waves], usual: Mapping[str, float]
) -> dict[str, float | None]:
    """Return the constants at a condition; those of `LADDER` are None where the unit did not work.

    Parameters
    ----------
    usual
        Those of `fit_nominal`.
    """
    devices, _ = _fit_devices(at, runs)
    found: dict[str, float | None] = dict.fromkeys(CONSTANTS) | devices
    with contextlib.suppress(SimulationError):
        unit = done(runs, run_name("unit", at))
        found |= fit_node(at, unit, _rest_gain(at, runs))[0]
        charges, _ = fit_unit(at, unit)
        ramp = fit_ramp(done(runs, run_name("ramp", at)))
        found |= charges
        for name, value in ramp.items():
            found[name] = rounded(usual[name] + value - usual[f"ramp.{name}"])
    return found


def _rest_gain(at: Conditions, runs: Mapping[str, Waves]) -> float:
    curve = fit_curves(at, done(runs, run_name("mismatch", at)))["rest"]
    return math.exp(np.interp(math.log(I_REST), np.log(CURRENTS), np.log(curve)))


def _fit_devices(
    at: Conditions, runs: Mapping[str, Waves]
) -> tuple[dict[str, float], dict[str, Array]]:
    mirrors = done(runs, run_name("mirrors", at))
    single = done(runs, run_name("devices", at))
    constants, raw = dict[str, float](), dict[str, Array]()
    for p in "np":
        side, samples = fit_mirror(at, mirrors, p)
        constants |= {f"{p}.{name}": value for name, value in side.items()}
        raw |= {f"mirror_{p}_{name}": values for name, values in samples.items()}
        charged, samples = fit_capacitance(at, single, p, side["v_gate"])
        constants |= charged
        raw |= {f"device_{p}_{name}": values for name, values in samples.items()}
    return constants, raw


def make_grid(
    technology: Technology,
    wanted: Sequence[str],
    found: Mapping[Conditions, Mapping[str, float | None]],
    runs: Mapping[str, Waves],
) -> dict[str, Any]:
    """Return the fields of a `Grid`, with the checks of its interpolation."""
    usual, v_dd = technology.temperature, technology.v_dd
    hots, feds = temperatures(technology), supplies(technology)
    corners = {}
    for corner in wanted:
        hot = [Conditions(corner=corner, temperature=t, v_dd=v_dd) for t in hots]
        fed = [Conditions(corner=corner, temperature=usual, v_dd=v) for v in feds]
        leaks = leak_points(technology, corner)
        corners[corner] = {
            "temperatures": {name: [found[at][name] for at in hot] for name in CONSTANTS},
            "supplies": {name: [found[at][name] for at in fed] for name in CONSTANTS},
            "curves_temperatures": _curves(runs, hot),
            "curves_supplies": _curves(runs, fed),
            **{
                f"leak_{p}": [fit_leakage(done(runs, run_name("devices", at)), p) for at in leaks]
                for p in "np"
            },
        }
    fields = {
        "temperatures": hots,
        "supplies": feds,
        "leak_temperatures": [at.temperature for at in leak_points(technology, wanted[0])],
        "v_dd": v_dd,
        "corners": corners,
    }
    grid = Grid.model_validate(fields)
    return fields | {
        "checks": [
            {
                "corner": at.corner,
                "temperature": at.temperature,
                "v_dd": at.v_dd,
                "interpolated": {
                    name: None if value is None else rounded(value)
                    for name, value in grid.interpolated(at.corner, at.temperature, at.v_dd).items()
                },
                "measured": {name: found[at][name] for name in CONSTANTS},
                "curves": _curve_errors(grid, at, done(runs, run_name("mismatch", at))),
                "leakage": _leakage_errors(grid, at, done(runs, run_name("devices", at))),
            }
            for at in check_points(technology, wanted)
        ]
    }


def _curves(
    runs: Mapping[str, Waves], points: Sequence[Conditions]
) -> dict[str, list[list[float]]]:
    found = [fit_curves(at, done(runs, run_name("mismatch", at))) for at in points]
    return {name: [curves[name] for curves in found] for name in CURVES}


def _curve_errors(grid: Grid, at: Conditions, waves: Waves) -> dict[str, float]:
    between = grid.curves(at.corner, at.temperature, at.v_dd)
    return {
        name: rounded(float(np.max(np.abs(np.array(between[name]) / measured - 1))))
        for name, measured in fit_curves(at, waves).items()
    }


def _leakage_errors(grid: Grid, at: Conditions, waves: Waves) -> dict[str, float]:
    between = grid.leakages(at.corner, at.temperature)
    errors = {}
    for p in "np":
        pairs = zip(between[f"leak_{p}"], fit_leakage(waves, p), strict=True)
        sizes = [abs(found - measured) / max(measured, LEAK_FLOOR) for found, measured in pairs]
        errors[p] = rounded(max(sizes))
    return errors


def nested(constants: Mapping[str, float]) -> dict[str, Any]:
    """Return constants by the fields of a calibration, from their names in a grid."""
    nested: dict[str, Any] = {}
    for name, value in constants.items():
        polarity, _, field = name.partition(".")
        if field:
            nested.setdefault(polarity, {})[field] = value
        else:
            nested[name] = value
    return nested


def done(runs: Mapping[str, Waves], name: str) -> Waves:
    """Return a run by its name.

    Raises
    ------
    SimulationError
        It ended without a result.
    """
    waves = runs[name]
    if waves.status is not RunStatus.DONE:
        raise SimulationError(f"The run {name} failed: {waves.status.value} {waves.message}")
    return waves
