"""Cells on mismatch dies: what the behavioral array has for a die against what ngspice has for it.

    python benchmarks/bench_cells_die_by_die.py [--tech T] [--dies 200] [--work DIR] [--figure SVG]

Both worlds get the draws of `draw_die`, ngspice by `alter` within one loaded deck. Two circuits:

* ladder: a CMRU unit of K = 2 cut out of its chip, a current source for its candidate. Thresholds:
  the candidate passes each slowly, and the comparator's node passes the voltage at which the
  nominal unit's strobe begins to step (`mru_hw.lab.ladder.nominal_trips`). Then it climbs to the
  upper end and descends to the lower one, and every level is read with the candidate at zero: the
  state node's current, and the supply that cells and comparators draw.
* loop: a whole chip of one FQ-BMRU unit whose input goes through a slow triangle. Edges are read
  as the current in the candidate's diode; the rest in the middle between the edges on the way up
  (low) and well above both (high). What is high is also read in the middle on the way down, where
  the loop's node is no longer at the supply. The gains are those of the chip's own legs: `p off n`
  passes a flip, the others do not.

Each quantity is a ratio to the nominal die of its own world, less one: r, the slope of ngspice's on
the array's, sigma of what is left over ngspice's sigma, and both worlds' extremes in ngspice's
sigma. `offset` is the nominal array over the nominal ngspice, less one. --work keeps every batch.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study import answer, parsed, store_of, study
from mru_hw.lab.die_by_die import DieByDie, Pairs
from mru_hw.lab.figures import plotting, saved
from mru_hw.technology import load_technology


def draw(path: Path, title: str, cells: dict[str, Pairs]) -> None:
    """Write a panel a quantity: ngspice's deviation against the array's."""
    plt = plotting()

    shown = [(c, n, pair) for c, pairs in cells.items() for n, pair in pairs.items()]
    columns = 5
    lines = -(-len(shown) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(11, 2.15 * lines), squeeze=False)
    for panel, (cell, name, (array, found)) in zip(axes.ravel(), shown, strict=False):
        reach = 110 * float(np.nanmax(np.abs([array, found])))
        panel.plot([-reach, reach], [-reach, reach], lw=0.7, color="0.6")
        # A picture inside the drawing: thousands of points are no lines.
        panel.plot(100 * array, 100 * found, ".", ms=2.5, color="C0", rasterized=True)
        panel.set_title(f"{cell}: {name}", fontsize=7)
        panel.set_xlim(-reach, reach)
        panel.set_ylim(-reach, reach)
        panel.tick_params(labelsize=7)
        panel.grid(alpha=0.3)
    for panel in axes.ravel()[len(shown) :]:
        panel.set_visible(False)
    figure.supxlabel(f"{title}, array: off the nominal die [%]")
    figure.supylabel("ngspice: off the nominal die [%]")
    figure.tight_layout()
    saved(figure, path)


def main() -> None:
    parser = study(__doc__)
    parser.add_argument("--dies", type=int, default=200)
    parser.add_argument("--cell", choices=("ladder", "loop"), help="one of both")
    parser.add_argument("--figure", type=Path, help="SVG or PNG to write")
    given = parsed(parser)
    start, technology = time.monotonic(), load_technology(given.tech)
    bench = DieByDie(technology, store_of(given))
    cells = [c for c in (bench.loop, bench.ladder) if given.cell in (None, c.name)]
    result: dict[str, Any] = {"technology": technology.name}
    pairs = {}
    for cell in cells:
        result[cell.name], pairs[cell.name] = bench.compare(cell, given.dies)
    result["wall_seconds"] = time.monotonic() - start
    answer(result)
    if given.figure is not None:
        draw(given.figure, technology.name, pairs)


if __name__ == "__main__":
    main()
