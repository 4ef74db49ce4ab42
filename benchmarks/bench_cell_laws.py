"""The array's laws of single cells against ngspice, at biases that no constant was fitted at.

    python benchmarks/bench_cell_laws.py [--tech T ...] [--work DIR] [--figure SVG]

Constants come from 1 nA through 32 unit devices, thresholds of 1 nA and K = 2. Here nominal cells
run at other currents of a unit device, thresholds, widths, gains and ladder lengths, tt, 27 degC.
The law is the behavioral array (`compile_die`), and `MovingNode`, `MovingLadder` and
`simulate_timed` for delays.

* ladder: a CMRU unit by itself (`make_unit_bench`). It climbs and descends; every level is read
  with the candidate at zero. Thresholds: from the ladder's middle, candidates grow by `STEP` of
  the threshold a frame until a strobe steps.
* ladder's delays: with no strobe the candidate jumps from zero beyond its threshold; until the
  comparator's node passes the voltage at which the same unit's strobe was seen to step. In the
  array until a strobe would step.
* loop: a chip of one FQ-BMRU unit under a slow triangle (`mru_hw.lab.loop`).
* loop's delays: the chip's input jumps from the middle of the loop beyond an edge; until the
  output's leg carries half of its current. In the array with frames of a few microseconds.

Overdrives are relative to each world's own edge. Aims: edges 2 % or 1 pA, levels 1 %, supply 3 %,
delays 25 %. --work keeps every run of ngspice.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study import answer, parsed, store_of, study
from mru_hw.lab.figures import plotting, saved
from mru_hw.lab.ladder_laws import ladder_rows
from mru_hw.lab.law_rows import AIMS, NANO, Row, grouped
from mru_hw.lab.loop_laws import loop_rows
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration

SHOWN = (0.3, 0.6, 1.0, 1.5, 3.0)  # nA, marked in the figure


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Write a panel a cell and aim: errors over the threshold's current, the aim as a band."""
    plt = plotting()

    parts = list(dict.fromkeys(row.subject.part for row in rows))
    techs = list(dict.fromkeys(row.subject.technology for row in rows))
    figure, axes = plt.subplots(
        len(parts), len(AIMS), figsize=(11, 3.0 * len(parts)), squeeze=False
    )
    for line, part in zip(axes, parts, strict=True):
        for panel, (kind, aim) in zip(line, AIMS.items(), strict=True):
            mine = [r for r in rows if r.subject.part == part and r.kind == kind]
            panel.axhspan(-100 * aim, 100 * aim, color="0.9")
            panel.axhline(0, lw=0.6, color="0.5")
            for n, technology in enumerate(techs):
                shown = [r for r in mine if r.subject.technology == technology]
                if kind == "delay":
                    x = [1e3 * (r.spice or np.nan) for r in shown]
                else:
                    x = [r.subject.threshold / NANO * (0.97, 1.03)[n % 2] for r in shown]
                y = [100 * r.error for r in shown]
                # A picture inside the drawing: hundreds of points are no lines.
                style = {"ms": 4, "color": f"C{n}", "alpha": 0.7, "rasterized": True}
                panel.plot(x, y, ".", label=technology, **style)
            panel.set_xscale("log")
            if kind != "delay":
                panel.set_xticks(SHOWN, labels=[f"{x:g}" for x in SHOWN])
                panel.minorticks_off()
            panel.set_xlabel("delay in ngspice [ms]" if kind == "delay" else "threshold [nA]")
            panel.set_title(f"{part}: {kind}", fontsize=8)
            panel.grid(alpha=0.3)
    axes[0][0].legend(fontsize=7)
    figure.supylabel("array over ngspice, less one [%]", fontsize=8)
    figure.tight_layout()
    saved(figure, path)


def main() -> None:
    parser = study(__doc__, tech=False)
    parser.add_argument("--tech", nargs="+", default=["generic180", "sky130"])
    parser.add_argument("--part", choices=("ladder", "loop"), help="one of both")
    parser.add_argument("--figure", type=Path, help="SVG or PNG to write")
    given = parsed(parser)
    start = time.monotonic()
    result: dict[str, Any] = {}
    everything: list[Row] = []
    for name in given.tech:
        technology, store = load_technology(name), store_of(given)
        calibration, rows = load_calibration(technology), []
        for part, measure in (("ladder", ladder_rows), ("loop", loop_rows)):
            if given.part in (None, part):
                rows += measure(store, technology, calibration)
        listed = [dataclasses.asdict(row) | {"error": row.error} for row in rows]
        result[name] = grouped(rows) | {"core_seconds": store.core_seconds, "rows": listed}
        everything += rows
    result["wall_seconds"] = time.monotonic() - start
    answer(result)
    if given.figure is not None:
        draw(given.figure, everything)


if __name__ == "__main__":
    main()
