"""A layer's phases under mismatch, and what held cells keep in them, in ngspice.

    python benchmarks/bench_ladder_phases.py [--tech T] [--dies 50] [--scale 1]
        [--trip-dies 20] [--conditions sf125 fs125 ff125] [--work DIR]

A strobe driver with the drive of one unit of K = 2, a phase tap, a step gate and four cells, on a
bias of 1 nA; every transistor has mismatch of its own, switches and logic among them (Pelgrom's
law, the technology's constants, times --scale). Three strobes: up, none, down.

* Times are at half of the supply, lines and complements alike: `before_s` from when both hold
  switches are open until the step's first line moves, `step_s` how long st is high, `after_s` from
  when the step's last line is back until the first hold switch closes.
* Levels: `low_V` is the highest that a held cell reaches while its own cell is set in that step,
  `high_V` the lowest while its own cell is reset; both while st is high. Beside them the trips: in
  a deck of its own, with other draws, cells whose neighbour is a source, one each `GRAIN`. A cell
  above a held one steps too from `low_trip_V` on, one below it where the held level is under
  `high_trip_V`. `to_failure` is the distance of the means over the root of both variances.

All are mean, sigma, skew, least and largest over the dies. A run in which ngspice stepped over a
strobe is solved closer, and fails where that does not help. Results are kept in --work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.bench_ladder_margins import I_LSB, WORST
from benchmarks.study import answer, label, parsed, relative, store_of, study, told
from mru_hw.errors import RunStatus
from mru_hw.lab.ladder import unit_of
from mru_hw.lab.store import Store, die_rows
from mru_hw.mapping.options import DEFAULTS
from mru_hw.model.network import Array
from mru_hw.spice.cells import cell_views
from mru_hw.spice.characterize.base import cells_deck, stairs
from mru_hw.spice.deck import Change, Deck, Pulse, Waves
from mru_hw.spice.dies import transistor_changes
from mru_hw.spice.drive import drive_units
from mru_hw.spice.flatten import flatten
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.conditions import Conditions

FRAME, PULSE, EDGE = 10e-3, 40e-6, 1e-7  # s
STROBES = FRAME * np.array([0.5, 1.5, 2.5])
"""When phi rises [s]: up, none, down."""
COURSE = {"u": (0.0, 1.0, 1.0), "d": (0.0, 0.0, 1.0)}
"""The comparators' nodes at each strobe, over the supply."""
LINES = ("hd", "hdb", "st", "stb")
COARSE, FINE = 24, 12  # neighbours of a trip's deck, over the supply and around its trip
GRAIN = 0.03  # V, between them
SIZES = f"hold={DEFAULTS.hold} width={DEFAULTS.width} gain=32"


# ------------------------------------------------------------------------------------ the decks


def phases_lines(at: Conditions, drive: tuple[int, int]) -> list[str]:
    """Bias, driver, tap and gate."""
    course = {name: at.v_dd * np.array(values) for name, values in COURSE.items()}
    return [
        f"ibias vdd n {64 * I_LSB}",
        "xbias n p q_n vdd 0 bias_tree units=64",
        f"vrst rst 0 pwl(0 0 {EDGE} {at.v_dd} 1m {at.v_dd} 1.001m 0)",
        "xrst rst rst_b vdd 0 inverter",
        f"vphi phi 0 pulse(0 {at.v_dd} {STROBES[0]} {EDGE} {EDGE} {PULSE} {FRAME})",
        f"xphi phi rst_b hd st vdd 0 strobe_driver hold_drive={drive[0]} step_drive={drive[1]}",
        "xtap hd hdb st stb vdd 0 phase_tap",
        *(f"v{x} {x} 0 {stairs(STROBES - FRAME / 2, course[x], EDGE)}" for x in "ud"),
        "xgate u d st stb gs gr vdd 0 step_gate",
    ]


def cell_line(name: str, neighbours: str, *, high: bool) -> list[str]:
    """Return the lines of a cell that the reset makes high or low."""
    forces = "0 rst_b" if high else "rst vdd"
    return [
        f"xc{name} v{name} h{name} {neighbours} gs gr hd hdb st stb {forces} out{name} n vdd 0"
        f" ladder_cell {SIZES}",
        f"vo{name} out{name} 0 0.7",
    ]


def ladder_lines(at: Conditions, drive: tuple[int, int]) -> list[str]:
    """Return the lines of a unit's four cells, two of them set."""
    lines = phases_lines(at, drive)
    for k in range(1, 5):
        below, above = ("vdd" if k == 1 else f"h{k - 1}"), ("0" if k == 4 else f"h{k + 1}")
        lines += cell_line(str(k), f"{below} {above}", high=k <= 2)
    return lines


def trip_lines(at: Conditions, drive: tuple[int, int], low: Array, high: Array) -> list[str]:
    """Return the lines of cells whose neighbours are held at given voltages [V].

    Cells `low` are reset and have them below, cells `high` are set and have them above.
    """
    lines = phases_lines(at, drive)
    for side, values in (("l", low), ("h", high)):
        for k, volts in enumerate(values):
            name = f"{side}{k}"
            lines.append(f"vn{name} n{name} 0 {volts:.6g}")
            # The other path is shut.
            neighbours = f"n{name} vdd" if side == "l" else f"0 n{name}"
            lines += cell_line(name, neighbours, high=side == "h")
    return lines


def deck_of(technology: Technology, at: Conditions, lines: list[str]) -> Deck:
    """Return the deck of three strobes."""
    cells = [line.split()[1] for line in lines if line.startswith("xc")]
    saves = (*(f"v({net})" for net in (*LINES, *cells)), *(("v(h3)",) if "v3" in cells else ()))
    deck = cells_deck(technology, at, lines, saves, t_stop=3 * FRAME, step=FRAME / 10)
    starts = tuple(STROBES.tolist())
    pulse = Pulse(vector="v(st)", level=at.v_dd / 2, starts=starts, width=PULSE)
    return replace(deck, pulses=(pulse,))


def draws(technology: Technology, lines: Sequence[str], scale: float, seed: int) -> list[Change]:
    """Draw every transistor; the cells of one side of a trip's deck are the same cell."""
    instances = [line for line in lines if line.startswith("x")]
    text = "\n".join(
        [technology.devices_spice(), cell_views(), ".subckt bench", *instances, ".ends", ""]
    )
    changes = []
    for part in flatten(text, "bench", technology):
        instance, _, inside = part.path.partition(".")
        one = instance.rstrip("0123456789") if instance.startswith(("xcl", "xch")) else instance
        same = replace(part, path=f"{one}.{inside}")
        changes += [
            replace(
                change,
                device=f"m.{part.path}",
                add=scale * change.add,
                times=1 + scale * (change.times - 1),
            )
            for change in transistor_changes([same], technology, "bench", seed)
        ]
    return changes


# ---------------------------------------------------------------------------------- the reading


def crossing(waves: Waves, name: str, at: Conditions, strobe: float) -> tuple[float, float]:
    """Return when a line first and last passes half of the supply after a strobe [s]."""
    inside = (waves.time >= strobe) & (waves.time <= strobe + PULSE)
    t, v = waves.time[inside], waves.vectors[f"v({name})"][inside] - at.v_dd / 2
    k = np.flatnonzero(v[1:] * v[:-1] < 0)
    when = t[k] + (t[k + 1] - t[k]) * v[k] / (v[k] - v[k + 1])
    return float(when[0]), float(when[-1])


def phases(at: Conditions, waves: Waves) -> dict[str, Any]:
    """Read times, levels and steps of a unit."""
    found: dict[str, list[float]] = {"before_s": [], "step_s": [], "after_s": []}
    for strobe in STROBES:
        on, off = zip(*(crossing(waves, name, at, strobe) for name in LINES), strict=True)
        found["before_s"].append(min(on[2:]) - max(on[:2]))
        found["step_s"].append(off[2] - on[2])
        found["after_s"].append(min(off[:2]) - max(off[2:]))

    def held(strobe: float) -> Array:
        inside = (waves.time >= strobe) & (waves.time <= strobe + PULSE)
        high = waves.vectors["v(st)"][inside] > at.v_dd / 2
        volts: Array = waves.vectors["v(h3)"][inside][high]
        return volts

    ends = STROBES + 0.4 * FRAME
    cells = [np.interp(ends, waves.time, waves.vectors[f"v(v{k})"]) for k in range(1, 5)]
    levels = np.sum(np.array(cells) > at.v_dd / 2, axis=0).tolist()
    row: dict[str, Any] = {name: float(np.min(values)) for name, values in found.items()}
    row |= {"low_V": float(held(STROBES[0]).max()), "high_V": float(held(STROBES[2]).min())}
    return row | {"stepped": levels == [3, 3, 2]}


def trips(at: Conditions, waves: Waves, low: Array, high: Array) -> dict[str, float]:
    """Read from where on cells step."""
    found = {}
    for side, values, rises in (("l", low, True), ("h", high, False)):
        # Before the second strobe for the set path, after the third for the reset path.
        when = STROBES[0 if rises else 2] + 0.4 * FRAME
        ends = [
            np.interp(when, waves.time, waves.vectors[f"v(v{side}{k})"]) for k in range(len(values))
        ]
        set_ = int(np.sum(np.array(ends) > at.v_dd / 2))
        grain = float(values[1] - values[0])
        below = len(values) - set_
        found["low_trip_V" if rises else "high_trip_V"] = float(values[0] + (below - 0.5) * grain)
    return found


def of_dies(deck: Deck, dies: Sequence[Sequence[Change]], read: Any) -> list[dict[str, Any]]:
    """Run a deck as so many dies."""
    return die_rows(deck, dies, read)


def moments(values: Array) -> dict[str, float]:
    """Return mean, sigma, skew, least and largest."""
    return {
        "mean": float(values.mean()),
        "sigma": float(values.std(ddof=1)),
        "skew": float(stats.skew(values)),
        "least": float(values.min()),
        "most": float(values.max()),
    }


def row_of(
    store: Store, technology: Technology, at: Conditions, n_dies: tuple[int, int], scale: float
) -> dict[str, Any]:
    """Run the dies of one condition: so many for times and levels, so many for trips."""
    design = unit_of(technology, 2).design
    drive = drive_units(design, design.banks[0])
    where = f"{technology.name}-{label(at)}"
    wide = at.v_dd * np.linspace(0.04, 0.96, COARSE)
    coarse = store(
        f"trips-{where}",
        deck_of(technology, at, trip_lines(at, drive, wide, wide)),
        partial(trips, at, low=wide, high=wide),
    )
    fine = GRAIN * (np.arange(FINE) - FINE / 2 + 0.5)
    low, high = coarse["low_trip_V"] + fine, coarse["high_trip_V"] + fine
    decks = (
        ("phases", ladder_lines(at, drive), partial(phases, at), 1, n_dies[0]),
        (
            "dietrips",
            trip_lines(at, drive, low, high),
            partial(trips, at, low=low, high=high),
            1 + n_dies[0],
            n_dies[1],
        ),
    )
    rows: list[dict[str, Any]] = []
    found: dict[str, Any] = {}
    for name, lines, read, first, count in decks:
        deck = deck_of(technology, at, lines)
        dies = [draws(technology, lines, scale, seed) for seed in range(first, first + count)]
        made = store.keep(
            f"{name}-{where}-x{scale:g}-{count}-{deck.token:.9f}",
            partial(of_dies, deck, dies, read),
        )
        rows += made
        done = [row for row in made if row["status"] == RunStatus.DONE.name]
        for key in done[0]:
            if key.endswith(("_s", "_V")):
                found[key] = moments(np.array([row[key] for row in done]))
        if name == "phases":
            found["wrong"] = sum(not row["stepped"] for row in done)
    for side in ("low", "high"):
        level, trip = found[f"{side}_V"], found[f"{side}_trip_V"]
        apart = abs(trip["mean"] - level["mean"])
        found[f"{side}_to_failure"] = apart / np.hypot(trip["sigma"], level["sigma"])
    return (
        asdict(at)
        | {
            "scale": scale,
            "failed": sum(row["status"] != RunStatus.DONE.name for row in rows),
            "core_seconds": sum(row["core_seconds"] for row in rows),
        }
        | found
    )


def main() -> None:
    """Print one JSON object."""
    parser = study(__doc__)
    parser.add_argument("--dies", type=int, default=50)
    parser.add_argument("--trip-dies", type=int, default=20)
    parser.add_argument("--scale", type=float, nargs="+", default=[1.0])
    names = [f"{corner}{temperature:g}" for corner, temperature, _ in WORST]
    parser.add_argument("--conditions", nargs="+", choices=names, default=names[:3])
    given = parsed(parser)
    technology = load_technology(given.tech)
    store, rows = store_of(given), []
    for at in (relative(technology, where) for where in WORST):
        if label(at) in given.conditions:
            n_dies = (given.dies, given.trip_dies)
            rows += [row_of(store, technology, at, n_dies, x) for x in given.scale]
    answer({"asked": told(given), "rows": rows})


if __name__ == "__main__":
    main()
