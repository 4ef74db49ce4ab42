"""Characterisation of a technology: benches in ngspice over conditions, and what is fitted to them.

At every condition five benches run: mirrors, pairs with a shifted threshold, single devices, a
CMRU unit that climbs its ladder, and one whose thresholds are passed. Conditions are all
temperatures at the nominal supply and all supplies at the nominal temperature, for each corner, and
checks between them, which no table sees. There and at the nominal conditions a mirror runs over
its whole range, by which laws are judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mru_hw.mapping.options import DEFAULTS
from mru_hw.spice.characterize.base import I_USUAL, UNITS, Array, rounded
from mru_hw.spice.characterize.devices import V_DS, devices_deck, fit_leakage
from mru_hw.spice.characterize.jobs import KeptRuns, refuse_cut_off, run_jobs
from mru_hw.spice.characterize.laws import judge, range_deck, samples
from mru_hw.spice.characterize.lengths import measured_lengths
from mru_hw.spice.characterize.mirrors import mirror_deck
from mru_hw.spice.characterize.mismatch import CURRENTS, fit_curves, mismatch_deck
from mru_hw.spice.characterize.points import (
    check_points,
    chosen_corners,
    grid_points,
    leak_points,
    run_name,
)
from mru_hw.spice.characterize.tables import done, fit, fit_nominal, make_grid, nested
from mru_hw.spice.characterize.trips import ramp_deck, trips_deck
from mru_hw.spice.characterize.unit import unit_deck
from mru_hw.spice.deck import Deck
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.session import Session
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration, Measured
from mru_hw.technology.conditions import Conditions, nominal_conditions
from mru_hw.technology.grid import CONSTANTS
from mru_hw.version import __version__

__all__ = ["Characterisation", "characterize"]

BENCHES: dict[str, Callable[[Technology, Conditions], Deck]] = {
    "mirrors": mirror_deck,
    "mismatch": mismatch_deck,
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
    lengths
        Mirrors over their length, one row a number (`mru_hw.technology.mirror_table`).
    runs, core_seconds
        How many there were, and their processor time together [s].
    """

    constants: dict[str, Any]
    raw: dict[str, Array]
    lengths: list[dict[str, str]]
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
        A nominal run ended without a result, or the machine ended any.
    """
    nominal = nominal_conditions(technology)
    wanted = chosen_corners(technology, corners)
    points = grid_points(technology, wanted)
    checks = check_points(technology, wanted)
    decks = {"trips": trips_deck(technology, nominal)}
    for at in (*points, *checks):
        decks |= {run_name(bench, at): make(technology, at) for bench, make in BENCHES.items()}
    for at in (at for corner in wanted for at in leak_points(technology, corner)):
        decks[run_name("devices", at)] = devices_deck(technology, at)
    judged = (nominal, *checks)
    decks |= {run_name("range", at): range_deck(technology, at) for at in judged}
    store = KeptRuns(folder=work, simulator=f"ngspice {Session().version}")
    runs = run_jobs(
        Runner(limits or Limits(time_s=900)),
        decks,
        store,
        workers=workers,
        progress=progress(len(decks)),
    )
    refuse_cut_off(runs)
    lengths = measured_lengths(technology, wanted)
    usual, raw = fit_nominal(nominal, runs)
    ranges = samples(nominal, done(runs, run_name("range", nominal)))
    raw |= {f"range_{name}": values.ravel() for name, values in ranges.items()}
    found = {at: fit(at, runs, usual) for at in (*points, *checks)}
    constants: dict[str, Any] = {
        "technology": technology.name,
        "models_hash": technology.models_hash(),
        "devices_hash": technology.devices_hash(),
        "corner": nominal.corner,
        "temperature": nominal.temperature,
        "v_dd": nominal.v_dd,
        "measured": DEFAULTS.model_dump(include=set(Measured.model_fields)),
        "i_usual": I_USUAL / UNITS,
        **nested({name: usual[name] for name in CONSTANTS}),
        "i_curve": list(CURRENTS),
        **fit_curves(nominal, done(runs, run_name("mismatch", nominal))),
        "v_leak": [rounded(share * technology.v_dd) for share in V_DS],
        **{f"leak_{p}": fit_leakage(runs[run_name("devices", nominal)], p) for p in "np"},
        "grid": make_grid(technology, wanted, found, runs),
        "provenance": {
            "mru_hw": __version__,
            "simulator": store.simulator,
        },
    }
    calibration = Calibration.model_validate(constants)
    constants["laws"] = [
        law for at in judged for law in judge(at, calibration, done(runs, run_name("range", at)))
    ]
    seconds = sum(waves.core_seconds for waves in runs.values())
    return Characterisation(
        constants=constants, raw=raw, lengths=lengths, runs=len(runs), core_seconds=seconds
    )
