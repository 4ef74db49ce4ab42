"""One CMRU or BMRU unit in ngspice over conditions: does every step come, and only once?

    python benchmarks/bench_ladder_conditions.py [--tech T] [--conditions all|extremes] [--work DIR]
        [--levels 2] [--cell cmru|bmru] [--threshold fixed|input] [--frame "10 ms"] [--short]
        [--workers 2]

A unit of threshold 1 nA stands in the bench of mru_hw.spice.unit_bench, behind its driver, and gets
candidates of 0, 0.9, 1.1, 2 and 5 thresholds, either sign, from both ends of its ladder and from
its middle. The first step after the reset is among them, for hold works against it longest.
With --threshold input it is a whole chip of one unit instead, whose threshold, 1 nA too, and
candidate both come from input pins through legs: a window comparator, with what those legs leak.
`law` is then what the behavioral array has at the condition: thresholds `up` and `down` [A], and
how much `arrives` [A] at the candidate's node where the input asks for 2 thresholds.

Per condition: `wrong` lists the frames whose level is not the one before plus what the candidate
asks (frame, candidate over beta, level before, level after), `double` counts the frames in which
the level moved by more than one, `broken` those after which the code is no thermometer. Power is
that of the run, by block. Results are kept in --work by the decks' own tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import answer, label, parsed, relative, store_of, study, told
from mru_hw.lab.levels import nominal_array
from mru_hw.lab.networks import unit_model
from mru_hw.lab.store import Store
from mru_hw.mapping import DesignOptions, map_model
from mru_hw.mapping.design import Design
from mru_hw.mapping.rows import Part
from mru_hw.model.network import Array, Model
from mru_hw.simulate.evidence import read_evidence
from mru_hw.simulate.verify import read_unit
from mru_hw.spice.bench import make_bench
from mru_hw.spice.chip import SUPPLIES
from mru_hw.spice.deck import BENCH, CHIP, Deck, Waves, token_line, token_of
from mru_hw.spice.options import OPTIONS, network_options
from mru_hw.spice.unit_bench import make_unit_bench
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.workers import side_by_side

TEMPERATURES = (-40.0, 27.0, 85.0, 125.0)
SUPPLIES_REL = (0.9, 1.0, 1.1)
EXTREMES = (
    *(("ff", 125.0, 1.1), ("sf", 125.0, 1.1), ("fs", 125.0, 1.1), ("ss", 125.0, 0.9)),
    *(("ff", -40.0, 1.1), ("sf", -40.0, 0.9), ("fs", -40.0, 0.9), ("ss", -40.0, 0.9)),
)
"""Leaking most, from either side; and slowest, with the least supply."""
SURE = 2.0  # thresholds, from which on no step may be missed


def candidates(levels: int, *, short: bool = False) -> Array:
    """Over the threshold: both ends twice, at two speeds, then the middle near the thresholds.

    The short one goes up at 2 and down at 5 thresholds, once each.
    """
    up, down = [2.0] * (levels + 2), [-2.0] * (2 * levels + 2)
    fast = [5.0] * (2 * levels + 1)
    near = [0.9, -0.9, 0.0, 1.1, -1.1, 1.1, -1.1, 0.9, -0.9, 5.0, -5.0, -5.0, 5.0, 2.0, -2.0]
    middle = [2.0] * levels
    if short:
        return np.array([*up, 0.9, 0.0, *(-c for c in fast), -0.9, 0.0, *middle, *near])
    return np.array([*up, 0.9, 0.0, *down, -0.9, 0.0, *fast, *(-c for c in fast), *middle, *near])


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A deck, when its frames start [s], and how its waves tell (frame, cell) which were set."""

    deck: Deck
    t_start: float
    set_cells: Callable[[Waves], NDArray[np.bool_]]


def single_unit(design: Design, c: Array, at: Conditions) -> Run:
    """Return the run of the unit by itself."""
    bench = make_unit_bench(
        design, 0, 0, c * design.node(Part.CANDIDATE.of(0)).scale, at, options=OPTIONS
    )
    return Run(
        deck=bench.deck,
        t_start=bench.t_start,
        set_cells=lambda waves: read_unit(design, 0, 0, bench, waves).end[:, 0, :],
    )


def whole_chip(design: Design, c: Array, at: Conditions) -> Run:
    """Return the run of the chip, its second input 1, solved as closely as single units are."""
    bench = make_bench(design, np.stack([c, np.ones_like(c)], 1), at)
    text = bench.deck.files[BENCH].replace(network_options(design), OPTIONS)
    token = token_of([bench.deck.files[CHIP], text])
    text = text.replace(token_line(bench.deck.token), token_line(token))

    def set_cells(waves: Waves) -> NDArray[np.bool_]:
        evidence = read_evidence(
            design,
            0,
            [0],
            waves,
            timing=design.timing,
            strobe_at=bench.decided_at[0],
            read_at=bench.read_at,
            v_dd=at.v_dd,
        )
        return evidence.end[:, 0, :]

    deck = replace(bench.deck, files={**bench.deck.files, BENCH: text}, token=token)
    return Run(deck=deck, t_start=bench.t_start, set_cells=set_cells)


def judged(design: Design, made: Run, waves: Waves, c: Array, v_dd: float) -> dict[str, Any]:
    """Compare each frame's level with the one before and what the candidate asks."""
    bank = design.banks[0]
    set_cells = made.set_cells(waves)
    level = set_cells.sum(axis=1)
    start = (bank.n_cells * (bank.levels + int(bank.initial[0]))) // (2 * bank.levels)
    before = np.concatenate([[start], level[:-1]])
    asked = np.clip(before + np.sign(c) * (np.abs(c) >= 1), 0, bank.n_cells)
    wrong = np.flatnonzero(level != asked)
    broken = np.any(set_cells[:, 1:] & ~set_cells[:, :-1], axis=1)
    inside = waves.time >= made.t_start
    t = waves.time[inside]

    def power(name: str) -> float:
        amperes = waves.vectors[f"i(v{name})"][inside]
        return float(np.trapezoid(amperes, t) / (t[-1] - t[0]) * v_dd)

    return {
        "wrong": [
            {
                "frame": int(k),
                "over_beta": float(c[k]),
                "before": int(before[k]),
                "after": int(level[k]),
            }
            for k in wrong
        ],
        "double": int(np.sum(np.abs(level - before) > 1)),
        "broken": int(broken.sum()),
        "missed_sure": int(np.sum(np.abs(c[wrong]) >= SURE)),
        "power_W": {name: power(name) for name in SUPPLIES},
    }


def law(design: Design, calibration: Calibration) -> dict[str, float]:
    """Return thresholds and candidate [A] of the array's whole chip at inputs of `SURE` and 1."""
    array = nominal_array(design, calibration)
    rails = {"x": array.nodes["x"].rails(np.array([SURE, 1.0])[:, None, None])}
    for bus in (Part.SIGNAL.of(0), Part.THRESHOLD.of(0)):
        rails[bus] = array.arrive(bus, rails)[1]
    up, down = array.memories[0].thresholds(rails[Part.THRESHOLD.of(0)])
    candidate = array.arrive(Part.CANDIDATE.of(0), rails)[0]
    scale = design.node(Part.CANDIDATE.of(0)).scale
    found = {"up": up, "down": down, "arrives": candidate}
    return {name: float(value.item()) * scale for name, value in found.items()}


def run(
    store: Store,
    technology: Technology,
    model: Model,
    at: tuple[str, float, float],
    *,
    short: bool = False,
) -> dict[str, Any]:
    """Run one condition, its supply relative to the nominal one."""
    conditions = relative(technology, at)
    design = map_model(model, technology, load_calibration(technology), DesignOptions(i_unit=1e-9))
    c = candidates(design.banks[0].levels, short=short)
    kind = single_unit if design.banks[0].threshold is None else whole_chip
    asked = kind(design, c, conditions)
    name = f"{technology.name}-{label(conditions)}-{conditions.v_dd:.3g}V"
    made: dict[str, Any] = store(
        name, asked.deck, lambda waves: judged(design, asked, waves, c, conditions.v_dd)
    )
    if kind is whole_chip:
        here = load_calibration(technology).at(
            conditions.v_dd, temperature=conditions.temperature, corner=conditions.corner
        )
        made["law"] = law(design, here)
    return asdict(conditions) | made


def main() -> None:
    """Print one JSON object."""
    parser = study(__doc__)
    parser.add_argument("--conditions", choices=("all", "extremes"), default="all")
    parser.add_argument("--levels", type=int, default=2)
    parser.add_argument("--cell", choices=("cmru", "bmru"), default="cmru")
    parser.add_argument("--threshold", choices=("fixed", "input"), default="fixed")
    parser.add_argument("--frame", default="10 ms")
    parser.add_argument("--short", action="store_true", help="fewer candidates")
    parser.add_argument("--workers", type=int, default=2)
    given = parsed(parser)
    technology = load_technology(given.tech)
    everywhere = tuple(product(technology.corners, TEMPERATURES, SUPPLIES_REL))
    where = everywhere if given.conditions == "all" else EXTREMES
    store = store_of(given)
    model = unit_model(given.levels, given.frame, cell=given.cell, threshold=given.threshold)
    rows = side_by_side(
        partial(run, store, technology, model, short=given.short), where, given.workers
    )
    done = [row for row in rows if row["status"] == "DONE"]
    total = {
        name: sum(row[name] for row in done) for name in ("double", "broken", "missed_sure")
    } | {"wrong": sum(len(row["wrong"]) for row in done), "runs": len(rows), "done": len(done)}
    answer({"asked": told(given), "total": total, "rows": rows})


if __name__ == "__main__":
    main()
