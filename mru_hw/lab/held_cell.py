"""The nine-transistor cell under a constant candidate: how often noise flips it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mru_hw.cells.retention import Loop, loop_capacitance
from mru_hw.lab.cell import REFERENCE, WAKE, Setting, circuit
from mru_hw.spice.bench import DECOUPLING
from mru_hw.spice.cells import cell_views
from mru_hw.spice.deck import TOKEN, Deck, Waves, make_deck
from mru_hw.spice.options import OPTIONS
from mru_hw.technology import MODELS, Technology
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions

CELL = Setting()
SET = 0.3  # V, above which a state at rest is high: it sags long before it falls
LOW, HIGH = 0.1, 1.4  # V, beyond both folds: a flip has been made


def held_deck(
    technology: Technology,
    conditions: Conditions,
    current: float,
    t_stop: float,
    lines: list[str],
    *,
    supply: str = "",
    rn: str = "0",
    rp: str = "",
) -> Deck:
    """Return the deck of the cell under a constant candidate.

    Parameters
    ----------
    lines
        What drives node v besides: noise.
    supply
        More points of the supply's course.
    rn, rp
        Courses of the switches that force v low and high.
    """
    body = [
        "* The nine-transistor cell under noise",
        f".lib '{MODELS}' {conditions.corner}",
        f".options temp={conditions.temperature:.9g} seed=1 {OPTIONS}",
        technology.devices_spice(),
        cell_views(["hysteretic_cell"]),
        circuit(CELL),
        f"vdd vdd 0 pwl(0 0 {WAKE} {conditions.v_dd:.9g}{supply})",
        "vsup vdd vcell 0",
        f"iref vdd n {REFERENCE * CELL.density:.9g}",
        f"cref n 0 {DECOUPLING:.9g}",
        f"iin p 0 {current:.9g}",
        f"vrn rn 0 {rn}",
        f"vrp rp 0 {rp or f'pwl(0 0 {WAKE} {conditions.v_dd:.9g})'}",
        "vout d 0 0",
        "xt p n v d d rn rp vdd vcell cell_under_test",
        *lines,
        f".save v(v) {TOKEN}",
        f".tran {t_stop / 1000:.9g} {t_stop:.9g} uic",
    ]
    return make_deck(body, technology.model_files(), ("v(v)",), t_stop=t_stop)


def flips(waves: Waves) -> dict[str, Any]:
    """Count flips out of the low and the high state, and the seconds in each."""
    time, v = waves.time, waves.vectors["v(v)"]
    marks = np.flatnonzero((time > 5 * WAKE) & ((v < LOW) | (v > HIGH)))
    state = (v[marks] > HIGH).astype(int)
    spent = np.diff(time[marks])
    moved = np.diff(state)
    return {
        "flips": [int((moved > 0).sum()), int((moved < 0).sum())],
        "seconds": [float(spent[state[:-1] == k].sum()) for k in (0, 1)],
    }


def compared(found: dict[str, Any], ln_law: list[float]) -> dict[str, Any]:
    """Return rates with Poisson's errors beside the law's."""
    rates, errors = [], []
    for n, seconds in zip(found["flips"], found["seconds"], strict=True):
        rates.append(n / seconds if seconds else math.nan)
        errors.append(math.sqrt(n) / seconds if seconds else math.nan)
    law = [math.exp(x) for x in ln_law]
    over = [a / b if b else None for a, b in zip(law, rates, strict=True)]
    return found | {"per_s": rates, "error_per_s": errors, "law_per_s": law, "law_over": over}


def cell_loop(technology: Technology, calibration: Calibration) -> Loop:
    """Return the law's loop of the cell."""
    units = CELL.units(CELL.thresh)
    return Loop(
        calibration=calibration,
        hold=np.array([CELL.thresh]),
        width=np.array([CELL.width]),
        feedback=np.ones(1),
        c=loop_capacitance(technology, calibration, np.array([2 * units])),
        i_lsb=CELL.density,
        reach=technology.shape("n_cell", "n_mirror") * calibration.i_usual,
    )


def states(waves: Waves) -> dict[str, Any]:
    """Tell whether v is high before, during and after a step of supply."""
    v = np.interp((0.099, 0.199, 0.299), waves.time, waves.vectors["v(v)"])
    return {"states": [int(x > SET) for x in v]}
