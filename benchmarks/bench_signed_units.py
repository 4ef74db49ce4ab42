"""Units with a signed threshold at equal area: one loop against set and reset comparators.

    python benchmarks/bench_signed_units.py [--tech T] [--beta 0.35 1.0] [--dies 200] [--work DIR]

A unit takes a signed current and keeps one bit that rises at +beta and falls at -beta. Four of
them, each with the candidate node that it needs and an output leg of 1 nA:

* loop: circuits/hysteretic_cell, I_width = 2 I_thresh, the minus rail sunk at its node; no clock;
* loop_large_pair: the same with more unit devices in the feedback pair M7, M9, and so fewer
  elsewhere: the number for which Pelgrom's law says that the falling edge's sigma is smallest;
* clocked: circuits/step_control drives one circuits/ladder_cell, its neighbours tied, with its
  circuits/phase_tap; the driver of a layer stands outside, for all units share it;
* unclocked: the same comparators move the same cell through one switch each, without a strobe.

Equal area: the gate area (sum of W L m) of all transistors of the unit is that of the loop. What
makes it so is the number of unit devices that 1 nA is divided into, so all currents stay and all
mirrors are scaled; the splitters, switches, followers and the feedback's pair are not.

A die draws every transistor of the unit, switches too. The bias tree is nominal and stiff: all
units of a chip share it. Edges without a clock are read under ramps of 0.13 beta a second; clocked
ones by successive approximation within one run, ideal elements on the bench moving the candidate:
frames of 10 ms, strobes of 40 us, the cell forced to the other state before each, to 0.1 % of
beta. A die that does not switch between 0.2 and 1.8 beta is counted as lost and left out of mean
and sigma. Power: the mean over four states, set at 0 and at +1.5 beta, reset at 0 and at -1.5 beta;
strobes are not in it. An alternative whose nominal run does not finish, or shows no edges, cannot
be sized: why stands in the place of its figures, and the others are measured all the same.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.study import answer, parsed, store_of, study
from mru_hw.errors import RunStatus
from mru_hw.lab.signed_units import (
    DUT,
    I_REFERENCE,
    NAMES,
    NODE_UNITS,
    Unit,
    area,
    edges,
    edges_deck,
    ramp_deck,
    ramp_power,
    transistors,
)
from mru_hw.lab.store import Store, batches, die_rows
from mru_hw.mapping.options import DEFAULTS
from mru_hw.model.network import Array
from mru_hw.spice.deck import Change, Deck, Waves
from mru_hw.spice.dies import transistor_changes
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import load_calibration

PAIRS = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64)
BATCH = 25


class NominalError(Exception):
    """The nominal unit has no figures to size it by; the text says why."""


# ------------------------------------------------------------------------------------- sizing


def centred(store: Store, unit: Unit) -> Unit:
    """Choose the thresholds' unit devices so that the nominal edges lie at +beta and -beta."""
    wanted = np.full(2, unit.beta / unit.i_lsb)
    for _ in range(3):
        up, down = (int(k) for k in np.maximum(np.rint(wanted), 1))
        unit = dataclasses.replace(unit, up=up, down=down)
        found = np.abs(nominal(store, unit))
        wanted = np.array([up, down]) * unit.beta / found
        if unit.name.startswith("loop"):
            # Each edge goes almost with its own current.
            wanted = np.array([up, down]) + (unit.beta - found) / unit.i_lsb
        if np.array_equal(np.rint(wanted), [up, down]):
            break
    return unit


def nominal(store: Store, unit: Unit) -> Array:
    """Return both edges [A] of the unit without mismatch."""
    row = finished(store, label(unit), edges_deck(unit), partial(both_edges, unit))
    found = np.array([row["up_A"], row["down_A"]])
    if not np.all(np.isfinite(found)):
        raise NominalError(f"{label(unit)}: it does not switch between 0.2 and 1.8 beta")
    return found


def finished(
    store: Store, name: str, deck: Deck, make: Callable[[Waves], dict[str, Any]]
) -> dict[str, Any]:
    """Run the deck of a nominal unit, or read what it gave."""
    row: dict[str, Any] = store(name, deck, make)
    if row["status"] != RunStatus.DONE.name:
        raise NominalError(f"{name}: {row['status']}, {row['message']}")
    return row


def both_edges(unit: Unit, waves: Waves) -> dict[str, Any]:
    up, down = edges(unit, waves)
    return {"up_A": up, "down_A": down}


def label(unit: Unit) -> str:
    return f"{unit.technology.name}-{unit.beta * 1e12:.0f}pA-{unit.name}"


def equal(store: Store, unit: Unit, wanted: float) -> Unit:
    """Scale a unit to a gate area."""
    for _ in range(3):
        large = dataclasses.replace(unit, scale=2 * unit.scale, up=2 * unit.up, down=2 * unit.down)
        grows = (area(large) - area(unit)) / unit.scale
        factor = 1 + (wanted - area(unit)) / grows / unit.scale
        unit = centred(store, dataclasses.replace(unit, scale=unit.scale * factor))
        if abs(area(unit) / wanted - 1) < 0.01:
            break
    return unit


def best_pair(unit: Unit, wanted: float) -> int:
    """Unit devices of M7 and M9 at which the falling edge's predicted sigma is smallest."""
    technology = unit.technology
    calibration = load_calibration(technology)
    relative = {
        name: float(np.hypot(technology.sigma(name)[0] / calibration.thermal(name[0], 27.0), beta))
        for name in ("n_mirror", "p_mirror", "p_cell")
        for beta in (technology.sigma(name)[1],)
    }
    base = area(dataclasses.replace(unit, pair=0))
    cell = technology.devices["p_cell"]
    best = {}
    for pair in PAIRS:
        scale = unit.scale * (wanted - 2 * pair * cell.w * cell.l) / base
        node, lsb = NODE_UNITS * scale, I_REFERENCE / DEFAULTS.bias_units / scale
        hold = unit.beta / lsb
        # Diode, flip, flip's diode and copy of the rail; I_thresh, I_width = 2 I_thresh, the pair.
        variance = 2 * (relative["n_mirror"] ** 2 + relative["p_mirror"] ** 2) / node
        variance += relative["n_mirror"] ** 2 * (1 / hold + 4 / (2 * hold))
        variance += 4 * 2 * relative["p_cell"] ** 2 / pair
        best[pair] = variance
    return min(best, key=lambda pair: best[pair])


def sized(store: Store, unit: Unit, loop: Unit | None) -> Unit:
    """Size an alternative to the area of the sized loop; the loop itself, where there is none."""
    if unit.name == "loop":
        return centred(store, unit)
    if loop is None:
        raise NominalError(f"{label(unit)}: without the loop's area there is none to size it to")
    wanted = area(loop)
    if unit.name == "loop_large_pair":
        start = dataclasses.replace(loop, name=unit.name, pair=best_pair(loop, wanted))
    else:
        start = centred(store, unit)
    return equal(store, start, wanted)


# --------------------------------------------------------------------------------------- dies


def die_of(unit: Unit, seed: int) -> list[Change]:
    """Mismatch of every transistor of the unit."""
    return transistor_changes(transistors(unit), unit.technology, DUT, seed)


def batch(unit: Unit, deck: Deck, first: int, count: int) -> list[dict[str, Any]]:
    dies = [die_of(unit, k) for k in range(first, first + count)]
    lost = {"up_A": np.nan, "down_A": np.nan}
    return [lost | row for row in die_rows(deck, dies, partial(both_edges, unit), first=first)]


def dies(store: Store, unit: Unit, total: int) -> list[dict[str, Any]]:
    deck, rows = edges_deck(unit), []
    for first, count in batches(total, BATCH):
        name = f"{label(unit)}-{deck.token:.9f}-dies{first}-{count}"
        rows += store.keep(name, partial(batch, unit, deck, first, count))
    return rows


def measured(store: Store, unit: Unit, total: int) -> dict[str, Any]:
    at = nominal(store, unit)
    powered = finished(
        store, f"{label(unit)}-power", ramp_deck(unit), lambda w: {"power_W": ramp_power(unit, w)}
    )
    rows = dies(store, unit, total)
    found = np.array([[row["up_A"], row["down_A"]] for row in rows]).reshape(-1, 2)
    lost = np.isnan(found).any(axis=1)
    good = found[~lost] / unit.beta
    mean, sigma = good.mean(axis=0), good.std(axis=0, ddof=1)
    return {
        "alternative": unit.name,
        "beta_A": unit.beta,
        "unit_devices_of_1_nA": DEFAULTS.bias_units * unit.scale,
        "pair_units": unit.pair,
        "up_units": unit.up,
        "down_units": unit.down,
        "gate_area_um2": area(unit) * 1e12,
        "transistors": len(transistors(unit)),
        "static_power_W": powered["power_W"],
        "nominal_over_beta": at / unit.beta,
        "dies": len(rows),
        "failed": sum(row["status"] != "DONE" for row in rows),
        "lost": int(lost.sum()),
        "mean_over_beta": mean,
        "sigma_over_beta": sigma,
        "worst_sigma": float(sigma.max()),
        "core_seconds": sum(row["core_seconds"] for row in rows),
    }


def alternatives(
    store: Store, technology: Technology, beta: float, total: int
) -> Iterator[dict[str, Any]]:
    """Measure all four at one threshold [A], at the area of the first."""
    loop = None
    for name in NAMES:
        unit = Unit(name=name, technology=technology, beta=beta, scale=1.0, up=1, down=1, pair=1)
        try:
            unit = sized(store, unit, loop)
            loop = unit if name == "loop" else loop
            yield measured(store, unit, total)
        except NominalError as reason:
            yield {"alternative": name, "beta_A": beta, "not_measured": str(reason)}


def main() -> None:
    parser = study(__doc__)
    parser.add_argument("--beta", type=float, nargs="+", default=[0.35, 1.0], help="thresholds, nA")
    parser.add_argument("--dies", type=int, default=200)
    given = parsed(parser)
    start, technology, store = time.monotonic(), load_technology(given.tech), store_of(given)
    result = {
        "technology": technology.name,
        "units": [
            row
            for beta in given.beta
            for row in alternatives(store, technology, beta * 1e-9, given.dies)
        ],
        "wall_seconds": time.monotonic() - start,
    }
    answer(result)


if __name__ == "__main__":
    main()
