"""Characterisation of a technology: benches in ngspice over conditions, and what is fitted to them.

At every condition four benches run: mirrors, single devices, a CMRU unit that climbs its ladder,
and one whose thresholds are passed. Conditions are all temperatures at the nominal supply and all
supplies at the nominal temperature, for each corner, and `CHECKS`, which no table sees. There and
at the nominal conditions a mirror runs over its whole range, against which laws are judged.
Constants that no run gives yet are stated with their source in `ASSUMED`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mru_hw
from mru_hw.errors import RunStatus, SimulationError, UserError
from mru_hw.spice.characterize.base import I_USUAL, UNITS, Array, rounded
from mru_hw.spice.characterize.devices import V_DS, devices_deck, fit_capacitance, fit_leakage
from mru_hw.spice.characterize.jobs import Store, run_jobs
from mru_hw.spice.characterize.laws import judge, range_deck, samples
from mru_hw.spice.characterize.mirrors import fit_mirror, mirror_deck
from mru_hw.spice.characterize.trips import fit_ramp, fit_trips, ramp_deck, trips_deck
from mru_hw.spice.characterize.unit import fit_unit, unit_deck
from mru_hw.spice.deck import Deck, Waves
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.session import Session
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions, nominal_conditions
from mru_hw.technology.grid import CONSTANTS, Grid

__all__ = ["Characterisation", "characterize"]

TEMPERATURES = (-40.0, 27.0, 85.0, 125.0)  # degC
SUPPLIES = (0.9, 1.0, 1.1)  # of the nominal one
CHECKS = ((0, 50.0, 0.945), (1, 60.0, 0.945), (2, 0.0, 1.05))
"""Number of the corner, temperature [degC], supply over the nominal one."""

ASSUMED: dict[str, str] = {
    "c_trip": "10 fF: four drains and one gate on the comparator's node, from the placed geometry",
}
BENCHES: dict[str, Callable[[Technology, Conditions], Deck]] = {
    "mirrors": mirror_deck,
    "devices": devices_deck,
    "unit": unit_deck,
    "ramp": ramp_deck,
}

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Characterisation:
    """What the runs gave.

    Attributes
    ----------
    constants
        Fields of `mru_hw.technology.calibration.Calibration`, ready to be written.
    raw
        Samples of the nominal runs, currents and voltages by name, for ``calibration/raw``.
    runs, core_seconds
        How many there were, and their processor time together [s].
    """

    constants: dict[str, Any]
    raw: dict[str, Array]
    runs: int
    core_seconds: float


def characterize(
    technology: Technology,
    *,
    work: Path,
    corners: Sequence[str] = (),
    workers: int = 2,
    progress: Callable[[int], Progress] = lambda _total: lambda _done: None,
    limits: Limits | None = None,
) -> Characterisation:
    """Run the benches and fit the constants.

    Every number is rounded to four digits. It is the same wherever ngspice gives the same run:
    each has a process of its own, and the order in which they end plays no part.

    Parameters
    ----------
    work
        Folder of finished runs, which are not repeated.
    corners
        Of the technology's, the nominal one among them; all when none is named.
    workers
        Runs at a time.
    progress
        Told the number of runs, gives who is told of each that ended.

    Raises
    ------
    UserError
        A corner is none of the technology's, or the nominal one is not there.
    SimulationError
        A nominal run ended without a result.
    """
    nominal = nominal_conditions(technology)
    wanted = chosen_corners(technology, corners)
    points = grid_points(technology, wanted)
    checks = check_points(technology, wanted)
    decks = {"trips": trips_deck(technology, nominal)}
    for at in (*points, *checks):
        decks |= {_name(bench, at): make(technology, at) for bench, make in BENCHES.items()}
    judged = (nominal, *checks)
    decks |= {_name("range", at): range_deck(technology, at) for at in judged}
    store = Store(folder=work, simulator=f"ngspice {Session().version}")
    runs = run_jobs(
        Runner(limits or Limits(time_s=900)),
        decks,
        store,
        workers=workers,
        progress=progress(len(decks)),
    )
    usual, raw = fit_nominal(nominal, runs)
    ranges = samples(nominal, _done(runs, _name("range", nominal)))
    raw |= {f"range_{name}": values.ravel() for name, values in ranges.items()}
    found = {at: fit(at, runs, usual) for at in (*points, *checks)}
    constants: dict[str, Any] = {
        "technology": technology.name,
        "models_hash": technology.models_hash(),
        "devices_hash": technology.devices_hash(),
        "corner": nominal.corner,
        "temperature": nominal.temperature,
        "v_dd": nominal.v_dd,
        "i_usual": I_USUAL / UNITS,
        **_nested({name: usual[name] for name in CONSTANTS}),
        "c_trip": 1e-14,
        "v_leak": [rounded(share * technology.v_dd) for share in V_DS],
        **{f"leak_{p}": fit_leakage(runs[_name("devices", nominal)], p) for p in "np"},
        "grid": make_grid(technology, wanted, found, runs),
        "provenance": {
            "mru_hw": mru_hw.__version__,
            "simulator": store.simulator,
            "assumed": ASSUMED,
        },
    }
    calibration = Calibration.model_validate(constants)
    constants["laws"] = [
        law for at in judged for law in judge(at, calibration, _done(runs, _name("range", at)))
    ]
    seconds = sum(waves.core_seconds for waves in runs.values())
    return Characterisation(constants=constants, raw=raw, runs=len(runs), core_seconds=seconds)


def chosen_corners(technology: Technology, corners: Sequence[str]) -> tuple[str, ...]:
    """Return the corners to run, in the technology's order.

    Raises
    ------
    UserError
        One is none of the technology's, or the nominal one is not there.
    """
    for corner in corners:
        if corner not in technology.corners:
            raise UserError("--corner", corner, "one of " + ", ".join(technology.corners))
    first = technology.corners[0]
    if corners and first not in corners:
        raise UserError("--corner", ", ".join(corners), f"{first} too, the nominal one")
    return tuple(corner for corner in technology.corners if not corners or corner in corners)


def grid_points(technology: Technology, corners: Sequence[str]) -> tuple[Conditions, ...]:
    """Return the conditions of the tables."""
    v_dd, usual = technology.v_dd, technology.temperature
    axes = [(t, v_dd) for t in _temperatures(technology)]
    axes += [(usual, v) for v in _supplies(technology) if v != v_dd]
    return tuple(
        Conditions(corner=corner, temperature=t, v_dd=v) for corner in corners for t, v in axes
    )


def check_points(technology: Technology, corners: Sequence[str]) -> tuple[Conditions, ...]:
    """Return the conditions that the tables are compared with."""
    return tuple(
        Conditions(corner=corner, temperature=t, v_dd=rounded(share * technology.v_dd))
        for k, t, share in CHECKS
        for corner in technology.corners[k : k + 1]
        if corner in corners
    )


def _temperatures(technology: Technology) -> list[float]:
    return sorted({*TEMPERATURES, technology.temperature})


def _supplies(technology: Technology) -> list[float]:
    return [technology.v_dd if s == 1 else rounded(s * technology.v_dd) for s in SUPPLIES]


def _name(bench: str, at: Conditions) -> str:
    return f"{bench} {at.corner} {at.temperature:g} {at.v_dd:g}"


# ----------------------------------------------------------------------------------------- fits


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
    charges, samples = fit_unit(at, _done(runs, _name("unit", at)))
    raw |= {f"unit_{name}": values for name, values in samples.items()}
    trips, samples = fit_trips(_done(runs, "trips"))
    raw |= {f"trips_{name}": values for name, values in samples.items()}
    constants |= charges | trips
    ramp = fit_ramp(_done(runs, _name("ramp", at)))
    # What the ramp at other conditions is compared with; no constant by itself.
    return constants | {f"ramp.{name}": value for name, value in ramp.items()}, raw


def fit(
    at: Conditions, runs: Mapping[str, Waves], usual: Mapping[str, float]
) -> dict[str, float | None]:
    """Return the constants at a condition; None where the unit did not work.

    Parameters
    ----------
    usual
        Those of `fit_nominal`.
    """
    devices, _ = _fit_devices(at, runs)
    found: dict[str, float | None] = dict.fromkeys(CONSTANTS) | devices
    try:
        charges, _ = fit_unit(at, _done(runs, _name("unit", at)))
        ramp = fit_ramp(_done(runs, _name("ramp", at)))
    except SimulationError:
        return found
    moved = {
        name: rounded(usual[name] + value - usual[f"ramp.{name}"]) for name, value in ramp.items()
    }
    return found | charges | moved


def _fit_devices(
    at: Conditions, runs: Mapping[str, Waves]
) -> tuple[dict[str, float], dict[str, Array]]:
    mirrors = _done(runs, _name("mirrors", at))
    single = _done(runs, _name("devices", at))
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
    temperatures, supplies = _temperatures(technology), _supplies(technology)
    corners = {}
    for corner in wanted:
        hot = [Conditions(corner=corner, temperature=t, v_dd=v_dd) for t in temperatures]
        fed = [Conditions(corner=corner, temperature=usual, v_dd=v) for v in supplies]
        corners[corner] = {
            "temperatures": {name: [found[at][name] for at in hot] for name in CONSTANTS},
            "supplies": {name: [found[at][name] for at in fed] for name in CONSTANTS},
            **{
                f"leak_{p}": [fit_leakage(_done(runs, _name("devices", at)), p) for at in hot]
                for p in "np"
            },
        }
    fields = {
        "temperatures": temperatures,
        "supplies": supplies,
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
                "leakage": _leakage_errors(grid, at, _done(runs, _name("devices", at))),
            }
            for at in check_points(technology, wanted)
        ]
    }


def _leakage_errors(grid: Grid, at: Conditions, waves: Waves) -> dict[str, float]:
    between = grid.leakages(at.corner, at.temperature)
    errors = {}
    for p in "np":
        pairs = zip(between[f"leak_{p}"], fit_leakage(waves, p), strict=True)
        errors[p] = rounded(max(abs(found / measured - 1) for found, measured in pairs))
    return errors


def _nested(constants: Mapping[str, float]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in constants.items():
        polarity, _, field = name.partition(".")
        if field:
            nested.setdefault(polarity, {})[field] = value
        else:
            nested[name] = value
    return nested


def _done(runs: Mapping[str, Waves], name: str) -> Waves:
    waves = runs[name]
    if waves.status is not RunStatus.DONE:
        raise SimulationError(f"The run {name} failed: {waves.status.value} {waves.message}")
    return waves
