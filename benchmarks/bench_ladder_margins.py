"""What a ladder cell's states can bear at rest, cell by cell under mismatch, in ngspice.

    python benchmarks/bench_ladder_margins.py [--tech T] [--cells 100] [--scale 1 2]
        [--conditions sf125 fs125 ff125 tt27] [--work DIR]

Cells stand beside each other, their lines at rest (hd and st low), their neighbours such that the
paths stay shut. Every transistor of every cell has mismatch of its own (Pelgrom's law, the
technology's constants, times --scale). A slow current is drawn from v of half of them, set at
first, until they fall, and fed into that of the others, reset at first, until they rise: the margin
of a state is the current that it bore, over 1 nA. `to_failure` is the mean over sigma: the sigmas
of that many cells that lie between a cell and one that loses its state by itself. `chip_lost` is
what that makes of a chip of 2 x 16 units of K = 2: the share of chips of which one of 128 cells
loses its state, were the margins normal.

A deck holds ten cells of either state, for each that falls makes ngspice take short steps in all.
The draws of a cell don't depend on which deck it is in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.study import answer, label, parsed, relative, store_of, study, told
from mru_hw.errors import RunStatus
from mru_hw.lab.store import Store
from mru_hw.mapping.options import DEFAULTS
from mru_hw.model.network import Array
from mru_hw.spice.cells import cell_views
from mru_hw.spice.characterize.base import cells_deck
from mru_hw.spice.deck import Deck, Waves
from mru_hw.spice.dies import device_changes, device_class
from mru_hw.spice.flatten import Placed, flatten
from mru_hw.spice.options import OPTIONS
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.conditions import Conditions

WORST = (("sf", 125.0, 1.1), ("fs", 125.0, 1.1), ("ff", 125.0, 1.1), ("tt", 27.0, 1.0))
"""Where switches leak most, from either side; and the usual."""
RAMP, SETTLED = 2.0, 0.2  # s, of the current; before it
MOST = 0.8e-9  # A, at the ramp's end
I_LSB = 1e-9 / 64  # A
SEED = 1
IN_A_DECK = 10  # cells of either state
CHIP_CELLS = 128  # of 2 x 16 units of K = 2


def cell_line(k: int, *, set_first: bool) -> list[str]:
    """Return the lines of one cell, with its source."""
    # Set by rp, reset by rn, until the switch of the other end is open too.
    forces = "0 force_b" if set_first else "force vdd"
    ends = f"v{k} 0" if set_first else f"0 v{k}"
    return [
        f"xc{k} v{k} h{k} 0 vdd vdd 0 0 vdd 0 vdd {forces} out{k} n vdd 0 ladder_cell"
        f" hold={DEFAULTS.hold} width={DEFAULTS.width} gain=32",
        f"vout{k} out{k} 0 0.7",
        f"ii{k} {ends} pwl(0 0 {SETTLED} 0 {SETTLED + RAMP} {MOST})",
    ]


def margins_deck(
    technology: Technology, at: Conditions, cells: Sequence[tuple[int, bool]], scale: float
) -> Deck:
    """Return the deck of some cells, each a number and whether it is set first."""
    lines = [
        f"* mismatch times {scale:g}, seed {SEED}",
        f"ibias vdd n {64 * I_LSB}",
        "xbias n p q_n vdd 0 bias_tree units=64",
        f"vforce force 0 pwl(0 {at.v_dd} 1m {at.v_dd} 1.001m 0)",
        "xforce force force_b vdd 0 inverter",
    ]
    for k, set_first in cells:
        lines += cell_line(k, set_first=set_first)
    saves = tuple(f"v(v{k})" for k, _ in cells)
    deck = cells_deck(
        technology, at, lines, saves, t_stop=SETTLED + RAMP, step=RAMP / 400, options=OPTIONS
    )
    text = technology.devices_spice() + cell_views()
    parts = [p for p in flatten(text, "ladder_cell", technology) if p.kind == "m"]
    drawn = [command for k, _ in cells for command in _mismatch(technology, parts, k, scale)]
    return replace(deck, commands=tuple(drawn))


def _mismatch(
    technology: Technology, parts: Sequence[Placed], k: int, scale: float
) -> Iterator[str]:
    """Draw every transistor of a cell."""
    rng = np.random.default_rng((SEED, k))
    for part in parts:
        device = device_class(technology, part)
        dvt, dbeta = (scale * s * rng.normal() for s in technology.sigma(device, part.values["m"]))
        for change in device_changes(technology, device, f"xc{k}.{part.path}", dvt, dbeta):
            yield change.command


def borne(at: Conditions, cells: Sequence[tuple[int, bool]], waves: Waves) -> dict[str, Any]:
    """Return the current [A] at which each cell lost its state; 0 where it never stood."""
    t = waves.time
    current = np.clip((t - SETTLED) / RAMP, 0, 1) * MOST
    found: dict[str, list[float]] = {"set": [], "reset": []}
    for k, set_first in cells:
        high = waves.vectors[f"v(v{k})"] > at.v_dd / 2
        left = np.flatnonzero((high != set_first) & (t > 0.5 * SETTLED))
        lost = float(current[left[0]]) if len(left) else MOST
        found["set" if set_first else "reset"].append(lost)
    return found


def margins(values: Array) -> dict[str, float]:
    """Return what the currents [A] of the cells of one state amount to."""
    sigma = float(values.std(ddof=1))
    to_failure = float(values.mean()) / sigma
    one = float(stats.norm.sf(to_failure))
    return {
        "mean_A": float(values.mean()),
        "sigma_A": sigma,
        "skew": float(stats.skew(values)),
        "least_A": float(values.min()),
        "to_failure": to_failure,
        "chip_lost": float(-np.expm1(CHIP_CELLS * np.log1p(-one))),
        "beyond_ramp": int(np.sum(values >= MOST)),
    }


def row_of(
    store: Store, technology: Technology, at: Conditions, n_cells: int, scale: float
) -> dict[str, Any]:
    """Run the decks of one condition."""
    lost: dict[str, list[float]] = {"set": [], "reset": []}
    seconds, failed = 0.0, 0
    for first in range(0, n_cells, IN_A_DECK):
        part = range(first, min(first + IN_A_DECK, n_cells))
        cells = [(2 * k + j, j == 0) for k in part for j in range(2)]
        name = f"margins-{technology.name}-{label(at)}-x{scale:g}-{first}"
        deck = margins_deck(technology, at, cells, scale)
        made = store(name, deck, partial(borne, at, cells))
        seconds += made["core_seconds"]
        failed += made["status"] != RunStatus.DONE.name
        for state in lost:
            lost[state] += made.get(state, [])
    return (
        asdict(at)
        | {"scale": scale, "core_seconds": seconds, "decks_failed": failed}
        | {state: margins(np.array(values)) for state, values in lost.items()}
    )


def main() -> None:
    """Print one JSON object."""
    parser = study(__doc__)
    parser.add_argument("--cells", type=int, default=100, help="of either state")
    parser.add_argument("--scale", type=float, nargs="+", default=[1.0, 2.0])
    names = [f"{corner}{temperature:g}" for corner, temperature, _ in WORST]
    parser.add_argument("--conditions", nargs="+", choices=names, default=names)
    given = parsed(parser)
    technology = load_technology(given.tech)
    store, rows = store_of(given), []
    for at in (relative(technology, where) for where in WORST):
        if label(at) in given.conditions:
            rows += [row_of(store, technology, at, given.cells, x) for x in given.scale]
    answer({"asked": told(given), "rows": rows})


if __name__ == "__main__":
    main()
