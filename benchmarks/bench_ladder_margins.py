"""What a ladder cell's states can bear at rest, cell by cell under mismatch, in ngspice.

    python benchmarks/bench_ladder_margins.py [--tech T] [--cells 100] [--scale 1 2] [--work DIR]

Cells stand beside each other, their lines at rest (hd and st low), their neighbours such that the
paths stay shut. Every transistor of every cell has mismatch of its own (Pelgrom's law, the
technology's constants, times --scale). A slow current is drawn from v of half of them, set at
first, until they fall, and fed into that of the others, reset at first, until they rise: the margin
of a state is the current that it bore, over 1 nA. `to_failure` is the mean over sigma: the sigmas
of that many cells that lie between a cell and one that loses its state by itself.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_ladder import Store
from benchmarks.machine import machine
from mru_hw.mapping.options import DEFAULTS
from mru_hw.spice.cells import cell_views
from mru_hw.spice.characterize.base import bench_deck
from mru_hw.spice.deck import Change, Deck, Waves
from mru_hw.spice.dies import device_class
from mru_hw.spice.flatten import flatten
from mru_hw.spice.options import OPTIONS
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.conditions import Conditions

Array = NDArray[np.float64]

WORST = (("sf", 125.0, 1.1), ("fs", 125.0, 1.1), ("ff", 125.0, 1.1), ("tt", 27.0, 1.0))
"""Where switches leak most, from either side; and the usual."""
RAMP, SETTLED = 2.0, 0.2  # s, of the current; before it
MOST = 0.8e-9  # A, at the ramp's end
I_LSB = 1e-9 / 64  # A
SEED = 1


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


def margins_deck(technology: Technology, at: Conditions, n_cells: int, scale: float) -> Deck:
    """Return the deck of so many cells of either state."""
    lines = [
        f"* mismatch times {scale:g}, seed {SEED}",
        f"ibias vdd n {64 * I_LSB}",
        "xbias n p q_n vdd 0 bias_tree units=64",
        f"vforce force 0 pwl(0 {at.v_dd} 1m {at.v_dd} 1.001m 0)",
        "xforce force force_b vdd 0 inverter",
    ]
    for k in range(2 * n_cells):
        lines += cell_line(k, set_first=k < n_cells)
    saves = tuple(f"v(v{k})" for k in range(2 * n_cells))
    deck = bench_deck(
        technology, at, lines, saves, t_stop=SETTLED + RAMP, step=RAMP / 400, options=OPTIONS
    )
    return replace(deck, commands=tuple(_mismatch(technology, 2 * n_cells, scale)))


def _mismatch(technology: Technology, n_cells: int, scale: float) -> list[str]:
    """Draw every transistor of every cell."""
    text = technology.devices_spice() + cell_views()
    parts = [p for p in flatten(text, "ladder_cell", technology) if p.kind == "m"]
    rng, commands = np.random.default_rng(SEED), list[str]()
    for k in range(n_cells):
        for part in parts:
            device = device_class(technology, part)
            units = part.values["m"]
            dvt, dbeta = (scale * s * rng.normal() for s in technology.sigma(device, units))
            sign = 1.0 if technology.devices[device].polarity == "n" else -1.0
            name = f"m.xc{k}.{part.path}"
            commands += [
                Change(device=name, parameter="delvto", add=sign * dvt).command,
                Change(device=name, parameter="mulu0", times=1 + dbeta).command,
            ]
    return commands


def margins(at: Conditions, waves: Waves, n_cells: int) -> dict[str, Any]:
    """Return the currents [A] at which each state was lost; 0 where it never stood."""
    t = waves.time
    current = np.clip((t - SETTLED) / RAMP, 0, 1) * MOST
    found: dict[str, Any] = {}
    for name, numbers, was_high in (
        ("set", range(n_cells), True),
        ("reset", range(n_cells, 2 * n_cells), False),
    ):
        lost = []
        for k in numbers:
            high = waves.vectors[f"v(v{k})"] > at.v_dd / 2
            left = np.flatnonzero((high != was_high) & (t > 0.5 * SETTLED))
            lost.append(float(current[left[0]]) if len(left) else MOST)
        values = np.array(lost)
        sigma = float(values.std(ddof=1))
        found[name] = {
            "mean_A": float(values.mean()),
            "sigma_A": sigma,
            "skew": float(stats.skew(values)),
            "least_A": float(values.min()),
            "to_failure": float(values.mean()) / sigma,
        }
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tech", default="generic180")
    parser.add_argument("--cells", type=int, default=100, help="of either state")
    parser.add_argument("--scale", type=float, nargs="+", default=[1.0, 2.0])
    parser.add_argument("--work", type=Path)
    asked = parser.parse_args(arguments)
    technology = load_technology(asked.tech)
    if asked.work is not None:
        asked.work.mkdir(parents=True, exist_ok=True)
    store, rows = Store(asked.work), []
    for corner, temperature, relative in WORST:
        at = Conditions(corner=corner, temperature=temperature, v_dd=relative * technology.v_dd)
        for scale in asked.scale:
            deck = margins_deck(technology, at, asked.cells, scale)
            name = f"margins-{technology.name}-{corner}{temperature:g}-x{scale:g}"
            made = store(name, deck, partial(margins, at, n_cells=asked.cells))
            rows.append(
                {"corner": corner, "temperature": temperature, "v_dd": at.v_dd, "scale": scale}
                | made
            )
    asked_for = {name: str(value) for name, value in vars(asked).items()}
    print(json.dumps({"machine": machine(), "asked": asked_for, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
