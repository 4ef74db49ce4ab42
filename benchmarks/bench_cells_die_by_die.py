"""Cells on mismatch dies: what the behavioral array has for a die against what ngspice has for it.

    python benchmarks/bench_cells_die_by_die.py [--tech T] [--dies 200] [--work DIR] [--figure SVG]

Both worlds get the draws of `draw_die`, ngspice by `alter` within one loaded deck. Two circuits:

* ladder: a CMRU unit of K = 2 cut out of its chip, a current source for its candidate. Thresholds:
  the candidate passes each slowly, and the comparator's node passes the voltage at which the
  nominal unit's strobe begins to step (`bench_ladder_dies.nominal_trips`). Then it climbs to the
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

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_ladder import Store, Unit, scale, unit_of
from benchmarks.bench_ladder_dies import NODES, kept, lead, nominal_trips, on_ramps
from benchmarks.machine import machine
from mru_hw.cells.base import Devices
from mru_hw.circuits.nodes.supply import node_supply
from mru_hw.errors import RunStatus
from mru_hw.files import whole_file
from mru_hw.mapping import map_model
from mru_hw.mapping.design import Design
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.array import DieArray, Rails
from mru_hw.simulate.compile import compile_die
from mru_hw.spice.bench import DECOUPLING, bench_deck, candidate_vectors, reference_current
from mru_hw.spice.chip import SUPPLIES, chip_deck, chip_pins, loop_net
from mru_hw.spice.deck import TOKEN, Change, Deck, Waves
from mru_hw.spice.dies import die_changes
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.paths import TOP, device_paths
from mru_hw.spice.power_up import power_up_time
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.unit_bench import UnitBench, make_unit_bench
from mru_hw.technology import MODELS, Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.technology.conditions import Conditions, nominal_conditions
from mru_hw.variation import Die, draw_die, nominal_die
from mru_hw.version import __version__

Array = NDArray[np.float64]
Values = dict[str, float]
Pairs = dict[str, tuple[Array, Array]]
"""By quantity, how far the array's and ngspice's dies are off the nominal one."""

LEVELS = 2
BATCH = 20
BOTH_WAYS = (3, 0, 3, 0, -3, 0, -3, 0, -3, 0, -3, 0)
"""Candidates, in thresholds: level 1, 2, and down to -2; each read with the candidate at zero."""
READ = {3: 4, 5: 3, 7: 2, 9: 1, 11: 0}
"""Frame in which so many cells are set and the candidate is zero."""

REST_S, RAMP_S = 1.0, 12.0  # at an input of zero, and from LOW to HIGH
EDGE_OPTIONS = (
    "gmin=1e-17 abstol=1e-15 vntol=1e-5 chgtol=1e-16 trtol=3 reltol=1e-4 method=gear maxord=1"
)
"""The switching is found by the charge's own error, so that the steps between are long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A triangle of a loop's input, and where it is read; in the input's scale."""

    low: float = 0.2
    middle: float = 0.75
    above: float = 1.4
    high: float = 1.5


COURSE = Course()
"""For edges near 0.5 and 1."""


# ----------------------------------------------------------------------------------- the ladder


def diode(design: Design, bus: str, role: str = "diode_plus") -> str:
    """Name the current of a node's diode."""
    group = next(g for g in design.device_groups() if g.key == (bus, role))
    (_, path), *_ = device_paths(design, group)
    return f"@m.{path}[id]"


def ladder_bench(unit: Unit) -> UnitBench:
    threshold = float(unit.ladder.up[0] + unit.ladder.down[0]) / 2 * scale(unit)
    return make_unit_bench(
        unit.design,
        0,
        0,
        np.array(BOTH_WAYS) * threshold,
        unit.conditions,
        lead=lead(unit),
        watch=(*NODES, diode(unit.design, "h0")),
        options=OPTIONS,
    )


def in_deck(deck: Deck, changes: list[Change]) -> list[Change]:
    """Leave out what is not in a cut deck."""
    text = deck.files["chip.cir"].rpartition(".subckt mru_unit")[2]
    instances = {line.split()[0] for line in text.splitlines() if line.startswith("x")}
    return [c for c in changes if c.device.split(".")[2] in instances]


def ladder_in_ngspice(unit: Unit, trips: Values, bench: UnitBench, waves: Waves) -> Values:
    grid, u, d = on_ramps(unit, bench, waves)
    # u falls and d rises on its ramp; a node that never passes says so.
    up = np.interp(-trips["u_V"], -u, grid, left=np.nan, right=np.nan)
    down = np.interp(trips["d_V"], d, grid, left=np.nan, right=np.nan)
    found = {
        "threshold up": float(unit.ladder.up[0] * (1 + up)) * scale(unit),
        "threshold down": float(unit.ladder.down[0] * (1 + down)) * scale(unit),
    }

    def at(name: str, frame: int) -> float:
        t = bench.read_at[frame] - 1e-4 * bench.timing.frame
        return float(np.interp(t, waves.time, waves.vectors[name]))

    state = diode(unit.design, "h0")
    for frame, cells in READ.items():
        if cells:
            found[f"level, {cells} cells"] = abs(at(state, frame))
        if cells in (0, LEVELS, 2 * LEVELS):
            found[f"memory supply, {cells} cells"] = at("i(vvdd_memory)", frame)
    found["mirror supply, 4 cells"] = at("i(vvdd_mirror)", 3)
    rails = [abs(at(name, 3)) for name in candidate_vectors(unit.design, 0, 0)]
    found["quiescent current, candidate"] = float(np.sqrt(rails[0] * rails[1]))
    return found


def ladder_in_array(design: Design, calibration: Calibration, die: Die) -> Values:
    array = compile_die(design, calibration, die, temperature=calibration.temperature)
    memory, node = array.memories[0], array.nodes["c0"]
    i, h = design.buses["c0"].scale, design.buses["h0"].scale
    up, down = memory.thresholds()
    rails = node.rails(np.zeros((1, 1, 1)))
    assert rails.minus is not None
    plus, minus = rails.plus.item(), rails.minus.item()
    branches = i * (
        min(plus * memory.up_copy.item(), memory.up_leg.item())
        + min(minus * memory.down_copy.item(), memory.down_leg.item())
    )
    devices = Devices(
        design=design, calibration=calibration, die=die, temperature=calibration.temperature
    )
    found = {"threshold up": up.item() * i, "threshold down": down.item() * i}
    for cells in range(2 * LEVELS + 1):
        if cells:
            found[f"level, {cells} cells"] = float(memory.level[0, cells]) * h
        if cells in (0, LEVELS, 2 * LEVELS):
            found[f"memory supply, {cells} cells"] = float(memory.held[0, cells]) + branches
    # Without the legs, which the cut deck has not.
    own = {name: node_supply(devices, design.buses[name]) for name in ("c0", "h0")}
    level = float(memory.level[0, 2 * LEVELS]) * h
    found["mirror supply, 4 cells"] = float(own["h0"][0][0] * level + own["c0"][1][0] * minus * i)
    found["quiescent current, candidate"] = plus * i
    return found


# ------------------------------------------------------------------------------------- the loop


def loop_model() -> Model:
    """One FQ-BMRU unit that rises at 1 and falls at 1 / 2; the output, plus and minus."""
    keys = dict.fromkeys(("rectify_input", "rectify_candidate", "rectify_output"), True)
    layer: dict[str, Any] = {"cell": "fq_bmru", "n_units": 1, "n_out": 1} | keys
    shapes = {"n_in": 1, "n_hidden": 1, "n_classes": 2, "frame_period": "10 ms"}
    spec = ModelSpec.model_validate(shapes | {"layers": [layer]})
    tensors = {name: np.ones(shape) for name, shape in spec.tensor_shapes().items()}
    tensors |= {name: 0 * t for name, t in tensors.items() if name.endswith((".bias", "_state"))}
    tensors |= {f"layers.0.{name}": np.full(1, 0.5) for name in ("beta", "delta", "alpha")}
    tensors["head.weight"] = np.array([[1.0], [-1.0]])
    return Model(spec=spec, tensors=tensors)


def loop_start(design: Design) -> float:
    """Return when the chip is awake [s]."""
    return power_up_time(design) + DECOUPLING * design.technology.v_dd / 2 / reference_current(
        design
    )


def loop_deck(
    design: Design, course: Course = COURSE, conditions: Conditions | None = None
) -> Deck:
    """The chip under a triangle of its input, at nominal conditions unless they are given."""
    i, first = design.buses["x"].scale, loop_start(design) + REST_S
    drive = [
        f"ix0 0 x0 pwl(0 0 {first - 0.1:.9g} 0 {first:.9g} {course.low * i:.9g}",
        f"+ {first + RAMP_S:.9g} {course.high * i:.9g}"
        f" {first + 2 * RAMP_S:.9g} {course.low * i:.9g})",
    ]
    until = first + 2 * RAMP_S
    return driven_deck(design, drive, until, RAMP_S / 75, conditions=conditions)


def driven_deck(
    design: Design,
    drive: list[str],
    until: float,
    step: float,
    watch: tuple[str, ...] = (),
    conditions: Conditions | None = None,
) -> Deck:
    """The chip under the source ``ix0`` until a time, with a longest step [s].

    Parameters
    ----------
    watch
        Further vectors to keep.
    conditions
        The nominal ones unless given.
    """
    conditions = conditions or nominal_conditions(design.technology)
    v_dd, reset = f"{conditions.v_dd:.9g}", loop_start(design)
    t_stop = float(f"{until:.9g}")
    saves = (
        *(f"i(v{name})" for name in SUPPLIES),
        "i(vref)",
        "i(vy0)",
        "i(vy1)",
        f"v({TOP}.{loop_net(0, 0)})",
        *(diode(design, bus) for bus in ("x", "v0", "c0", "h0", "v1")),
        diode(design, "x", "diode_minus"),
        *watch,
    )
    body = [
        f".lib '{MODELS}' {conditions.corner}",
        ".include 'chip.cir'",
        f".options temp={conditions.temperature:.9g} {EDGE_OPTIONS}",
        f"vdd vdd 0 {v_dd}",
        *(f"v{name} vdd {name} 0" for name in SUPPLIES),
        "vref vdd vref 0",
        f"ibias vref iref {reference_current(design):.9g}",
        f"cref iref 0 {DECOUPLING:.9g}",
        "vy0 y0 0 0.9",
        "vy1 y1 0 0.9",
        f"vrst rst 0 pwl(0 {v_dd} {reset:.9g} {v_dd} {reset + 1e-4:.9g} 0)",
        *drive,
        f"{TOP} {' '.join('0' if pin == 'vss' else pin for pin in chip_pins(design))} mru_chip",
        *(f".save {' '.join(saves[k : k + 6])}" for k in range(0, len(saves), 6)),
        f".save {TOKEN}",
        f".tran {step:.9g} {t_stop:.9g} uic",
    ]
    head = [f"* mru_hw {__version__} loop on a course, design {design.digest()}"]
    return bench_deck(design, chip_deck(design), head, body, saves, t_stop, ())


def between_folds(design: Design, calibration: Calibration) -> float:
    """Return V0 [V] where the follower could carry half of the width.

    V0 rests below it before the loop rises and above it before it falls, there by far less than
    the supply: half of the supply it passes long before the fold.
    """
    bank = design.banks[0]
    thermal = calibration.thermal("n", calibration.temperature)
    follower = design.technology.shape("n_cell", "n_mirror") * calibration.i_usual
    half = bank.loop_width[0] * design.i_lsb / 2
    return float(calibration.n.v_gate + thermal * np.log(half / follower))


def loop_in_ngspice(
    design: Design, calibration: Calibration, waves: Waves, course: Course = COURSE
) -> Values:
    t, first = waves.time, loop_start(design) + REST_S
    x = design.buses["x"].scale

    def at(name: str, when: float) -> float:
        return float(np.interp(when, t, waves.vectors[name]))

    def carried(bus: str, when: float, role: str = "diode_plus") -> float:
        return abs(at(diode(design, bus, role), when))

    v, onset = waves.vectors[f"v({TOP}.{loop_net(0, 0)})"], between_folds(design, calibration)
    found = {"rising edge": np.nan, "falling edge": np.nan}
    for k in np.flatnonzero((v[1:] > onset) != (v[:-1] > onset)):
        if t[k] < first:
            continue
        when = t[k] + (onset - v[k]) / (v[k + 1] - v[k]) * (t[k + 1] - t[k])
        found["rising edge" if v[k + 1] > onset else "falling edge"] = carried("c0", when)
    span, above = course.high - course.low, course.above * x
    up = first + RAMP_S * (course.middle - course.low) / span
    middle, rest = first + 2 * RAMP_S - (up - first), first - 0.2
    down = first + RAMP_S * (1 + (course.high - course.above) / span)
    found |= {
        "level": carried("h0", down),
        "level, in the middle": carried("h0", middle),
        "memory supply, low": at("i(vvdd_memory)", up),
        "memory supply, high": at("i(vvdd_memory)", down),
        "memory supply, in the middle": at("i(vvdd_memory)", middle),
        "mirror supply, low": at("i(vvdd_mirror)", up),
        "mirror supply, high": at("i(vvdd_mirror)", down),
        "bias supply": at("i(vvdd_bias)", down) + at("i(vref)", down),
        "gain, p off n, signed": carried("v0", down) / above,
        "gain, p off n, rectified": abs(at("i(vy0)", down)) / carried("v1", down),
        "gain, n off n, rectified": abs(at("i(vy1)", down)) / carried("v1", down),
        "gain, p off p, state": carried("v1", down) / carried("h0", down),
        "quiescent current, signed": float(
            np.sqrt(carried("x", rest) * carried("x", rest, "diode_minus"))
        ),
    }
    return found


def loop_in_array(
    design: Design, calibration: Calibration, die: Die, at: Course = COURSE
) -> Values:
    array = compile_die(design, calibration, die, temperature=calibration.temperature)
    memory, buses = array.memories[0], design.buses
    up, down = memory.thresholds()
    low, high = flow(array, 0, at.middle), flow(array, 1, at.above)
    scale = {name: bus.scale for name, bus in buses.items()}
    v1, h = high["v1"].plus.item() * scale["v1"], high["h0"].plus.item() * scale["h0"]
    y = array.arrive("y", high)[0][:, 0, 0] * scale["y"]
    sunk = low["c0"].plus.item() * memory.up_copy.item() * scale["c0"]
    i_q = array.nodes["x"].i_q
    assert i_q is not None
    return {
        "rising edge": up.item() * scale["c0"],
        "falling edge": down.item() * scale["c0"],
        "level": h,
        "level, in the middle": h,
        "memory supply, low": float(memory.held[0, 0]) + sunk,
        "memory supply, high": float(memory.held[0, 1]),
        "memory supply, in the middle": float(memory.held[0, 1]),
        "mirror supply, low": mirror_supply(array, low),
        "mirror supply, high": mirror_supply(array, high),
        "bias supply": array.bias_supply,
        "gain, p off n, signed": high["v0"].plus.item() * scale["v0"] / (at.above * scale["x"]),
        "gain, p off n, rectified": abs(y[0]) / v1,
        "gain, n off n, rectified": abs(y[1]) / v1,
        "gain, p off p, state": v1 / h,
        "quiescent current, signed": i_q.item() * scale["x"],
    }


def flow(array: DieArray, cells: int, x: float) -> dict[str, Rails]:
    """Return the rails of every node at an input, with so many cells set."""
    rails = {"x": array.nodes["x"].rails(np.full((1, 1, 1), x))}
    for name in ("v0", "c0"):
        rails[name] = array.arrive(name, rails)[1]
    if not cells:  # the rest carries nothing
        return rails
    level = array.memories[0].level[:, cells]
    rails["h0"] = array.nodes["h0"].rails(level[:, None, None].astype(np.float64))
    rails["v1"] = array.arrive("v1", rails)[1]
    return rails


def mirror_supply(array: DieArray, rails: dict[str, Rails]) -> float:
    return float(sum(array.nodes[name].supply(value).item() for name, value in rails.items()))


# ------------------------------------------------------------------------------------- the dies


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A circuit that is run die by die."""

    name: str
    design: Design
    deck: Deck
    cut: bool

    def changes(self, die: Die) -> list[Change]:
        listed = list(die_changes(self.design, die))
        return in_deck(self.deck, listed) if self.cut else listed


class Bench:
    """Both circuits of a technology."""

    def __init__(self, technology: Technology, work: Path | None) -> None:
        self.technology, self.work = technology, work
        self.calibration = load_calibration(technology)
        self.unit = unit_of(technology, LEVELS)
        self.unit_bench = ladder_bench(self.unit)
        self.trips: Values | None = None
        design = map_model(loop_model(), technology, self.calibration)
        self.ladder = Cell(
            name="ladder", design=self.unit.design, deck=self.unit_bench.deck, cut=True
        )
        self.loop = Cell(name="loop", design=design, deck=loop_deck(design), cut=False)

    def read(self, cell: Cell, waves: Waves) -> Values:
        if cell is self.loop:
            return loop_in_ngspice(cell.design, self.calibration, waves)
        if self.trips is None:
            self.trips = nominal_trips(Store(self.work), self.technology)
        return ladder_in_ngspice(self.unit, self.trips, self.unit_bench, waves)

    def behavioral(self, cell: Cell, die: Die) -> Values:
        law = loop_in_array if cell is self.loop else ladder_in_array
        return law(cell.design, self.calibration, die)

    def batch(self, cell: Cell, first: int, count: int) -> list[dict[str, Any]]:
        """Run dies `first` and on in ngspice; the nominal one is -1."""
        seeds = range(first, first + count)
        dies = [[] if k < 0 else self.changes_of(cell, k) for k in seeds]
        rows: list[dict[str, Any]] = []
        runner = Runner(Limits(time_s=600))
        for place, waves in runner.run_dies(cell.deck, dies, workers=1):
            row: dict[str, Any] = {
                "die": seeds[place],
                "status": waves.status.name,
                "core_seconds": waves.core_seconds,
            }
            if waves.status is RunStatus.DONE:
                row["values"] = self.read(cell, waves)
            rows.append(row)
        return rows

    def changes_of(self, cell: Cell, seed: int) -> list[Change]:
        return cell.changes(draw_die(cell.design, seed))

    def rows(self, cell: Cell, dies: int) -> Iterator[list[dict[str, Any]]]:
        for first, count in [(-1, 1), *((k, min(BATCH, dies - k)) for k in range(0, dies, BATCH))]:
            name = f"{self.technology.name}-{cell.name}-{cell.deck.token:.9f}-{first}-{count}"
            yield kept(self.work, name, lambda f=first, n=count: self.batch(cell, f, n))

    def compare(self, cell: Cell, dies: int) -> tuple[dict[str, Any], Pairs]:
        """Return figures and, by quantity, the deviations of the array and of ngspice."""
        rows: list[dict[str, Any]] = []
        for part in self.rows(cell, dies):
            rows += part
            print(f"{cell.name}: die {rows[-1]['die']} done", file=sys.stderr)
        nominal, done = rows[0]["values"], [r for r in rows[1:] if r["status"] == "DONE"]
        usual = self.behavioral(cell, nominal_die(cell.design))
        laws = [self.behavioral(cell, draw_die(cell.design, r["die"])) for r in done]
        pairs, figures = {}, {}
        for name, value in nominal.items():
            array = np.array([law[name] for law in laws]) / usual[name] - 1
            found = np.array([r["values"][name] for r in done]) / value - 1
            pairs[name] = array, found
            figures[name] = {"nominal_A": value, "offset": usual[name] / value - 1}
            figures[name] |= agreement(array, found)
        return {
            "dies": len(rows) - 1,
            "failed": dict(Counter(r["status"] for r in rows if r["status"] != "DONE")),
            "core_s_per_die": float(np.mean([r["core_seconds"] for r in rows])),
            "quantities": figures,
        }, pairs


def agreement(array: Array, found: Array) -> dict[str, float]:
    """Regress ngspice's deviations on the array's.

    The extremes are in ngspice's sigma, from its own mean.
    """
    read = np.isfinite(found)
    array, found = array[read], found[read]
    slope, level = np.polyfit(array, found, 1)
    sigma, mean = float(np.std(found)), float(np.mean(found))
    left = found - slope * array - level
    return {
        "not_read": int(np.sum(~read)),
        "sigma": sigma,
        "mean": mean,
        "mean_array": float(np.mean(array)),
        "r": float(np.corrcoef(array, found)[0, 1]),
        "slope": float(slope),
        "residual_over_spread": float(np.std(left)) / sigma,
        "largest_residual_over_spread": float(np.max(np.abs(left))) / sigma,
        "lowest": (float(np.min(found)) - mean) / sigma,
        "lowest_array": (float(np.min(array)) - mean) / sigma,
        "highest": (float(np.max(found)) - mean) / sigma,
        "highest_array": (float(np.max(array)) - mean) / sigma,
    }


def draw(path: Path, title: str, cells: dict[str, Pairs]) -> None:
    """Write a panel a quantity: ngspice's deviation against the array's."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": "mru_hw", "svg.fonttype": "none", "font.size": 8})
    from matplotlib import pyplot as plt

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
    with whole_file(path) as part:
        form = path.suffix.removeprefix(".")
        metadata = {"Date": None} if form == "svg" else None
        figure.savefig(part, format=form, dpi=150, metadata=metadata)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tech", default="generic180")
    parser.add_argument("--dies", type=int, default=200)
    parser.add_argument("--cell", choices=("ladder", "loop"), help="one of both")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--figure", type=Path, help="SVG or PNG to write")
    given = parser.parse_args()
    if given.work is not None:
        given.work.mkdir(parents=True, exist_ok=True)
    start, technology = time.monotonic(), load_technology(given.tech)
    bench = Bench(technology, given.work)
    cells = [c for c in (bench.loop, bench.ladder) if given.cell in (None, c.name)]
    result: dict[str, Any] = {"machine": machine(), "technology": technology.name}
    pairs = {}
    for cell in cells:
        result[cell.name], pairs[cell.name] = bench.compare(cell, given.dies)
    result["wall_seconds"] = time.monotonic() - start
    print(json.dumps(result, indent=2))
    if given.figure is not None:
        draw(given.figure, technology.name, pairs)


if __name__ == "__main__":
    main()
