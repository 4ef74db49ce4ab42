"""Window comparator: the threshold that it makes of a current, against the current's size.

One deck holds a threshold node, a candidate's splitter and a window comparator for every b, with
the unit devices that the mapping gives them. The candidate passes +beta and then -beta so slowly
that every point is at rest; the thresholds are the candidates at which the comparators' nodes pass
the voltages where the strobed gate begins to step (calibration). Beside them stands the behavioral
law. ``--figure`` draws both technologies for docs/circuits/window_comparator.md.

    python benchmarks/bench_window.py [--figure]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import mru_hw
from benchmarks.study import parsed, show, study
from mru_hw.circuits.catalogue import NODE_VIEWS
from mru_hw.circuits.window.circuit import WINDOW
from mru_hw.errors import RunStatus
from mru_hw.lab.figures import plotting, saved
from mru_hw.lab.networks import unit_model
from mru_hw.mapping.design import Design
from mru_hw.mapping.rows import Part
from mru_hw.model.network import Array, Model
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.run import Chip
from mru_hw.spice.cells import cell_views
from mru_hw.spice.deck import TOKEN, Deck, make_deck
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.runner import Limits, Runner
from mru_hw.technology import MODELS, load_technology

SIZES = np.array([0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0])  # nA
CURRENTS = 1e-9 * np.concatenate([-SIZES[:0:-1], SIZES])  # A, b
REACH = 0.4  # of a threshold, on either side
PASS = 8.0  # s, of a ramp
FIGURE = Path(__file__).parents[1] / "docs/circuits/figures/window_comparator_threshold.svg"


def one_unit() -> Model:
    """Return a network of one unit: c is its first input, b its second, one i_unit each."""
    model = unit_model(1, "25 ms", threshold="input")
    return Model(spec=model.spec, tensors={**model.tensors, "layers.0.alpha": np.ones(1)})


def law(chip: Chip, b: Array) -> tuple[Array, Array]:
    """Return the behavioral level's candidates (b,) [A] at which a unit steps up and down."""
    array = compile_die(chip.design, chip.calibration, chip.die(None), temperature=27.0)
    node, scale = array.nodes[Part.THRESHOLD.of(0)], chip.design.node(Part.THRESHOLD.of(0)).scale
    up, down = array.memories[0].thresholds(node.rails((b / scale)[None, :, None]))
    c = chip.design.node(Part.CANDIDATE.of(0)).scale
    return up[0, :, 0] * c, down[0, :, 0] * c


def deck(design: Design, b: Array, expected: Array) -> Deck:
    """Return a deck with one comparator for each b."""
    technology, bank = design.technology, design.banks[0]
    c_bus, b_bus = design.node(Part.CANDIDATE.of(0)), design.node(Part.THRESHOLD.of(0))
    assert bank.window is not None
    sizes = " ".join(f"{role}={units}" for role, units in bank.window.items())
    lines = [
        f".lib '{MODELS}' {technology.corners[0]}",
        f".options temp={technology.temperature} {OPTIONS}",
        technology.devices_spice(),
        cell_views((*NODE_VIEWS, *WINDOW.views)),
        f"vdd vdd 0 {technology.v_dd}",
        f"ibias vdd n {design.i_lsb * design.buses['bias'].units}",
        f"xbias n p q_n vdd 0 bias_tree units={design.buses['bias'].units}",
    ]
    for k, (current, size) in enumerate(zip(b, expected, strict=True)):
        low, high = (1 - REACH) * size, (1 + REACH) * size
        ramp = f"0 {low} {PASS} {high} {PASS + 0.1} {-low} {2 * PASS + 0.1} {-high}"
        lines += [
            f"ib{k} 0 b{k} {current}",
            f"xb{k} b{k} b{k}_np b{k}_pp b{k}_nm b{k}_pm q_n vdd 0 signed_node units={b_bus.units}",
            f"ic{k} 0 c{k} pwl({ramp})",
            f"xc{k} c{k} c{k}_np c{k}_pm q_n vdd 0 signed_split"
            f" units={c_bus.units} split={c_bus.split}",
            f"xw{k} c{k}_np c{k}_pm b{k}_np b{k}_pp b{k}_nm b{k}_pm 0 vdd gs{k} gr{k} vdd 0"
            f" window_comparator units={c_bus.units} {sizes}",
        ]
    saves = tuple(f"v(xw{k}.{node})" for k in range(len(b)) for node in "ud")
    t_stop = 2 * PASS + 0.1
    lines += [f".tran {PASS / 200} {t_stop} 0 {PASS / 200} uic", f".save {' '.join(saves)} {TOKEN}"]
    models = technology.model_files()
    return make_deck(lines, models, saves, t_stop=t_stop, title="window comparators")


def measure(name: str) -> dict[str, Any]:
    chip = Chip(one_unit(), load_technology(name))
    design, cal = chip.design, chip.calibration
    expected_up, expected_down = law(chip, CURRENTS)
    expected = (expected_up + expected_down) / 2
    waves = Runner(Limits(time_s=600)).run(deck(design, CURRENTS, expected))
    if waves.status is not RunStatus.DONE:
        raise SystemExit(f"{name}: {waves.status.value} {waves.message}")

    def candidate(k: int, node: str, start: float, level: float) -> float:
        """Return the candidate at which a node last passes a voltage within its ramp."""
        part = (waves.time > start) & (waves.time < start + PASS)
        volts, time = waves.vectors[f"v(xw{k}.{node})"][part] - level, waves.time[part]
        before = int(np.flatnonzero(volts[1:] * volts[:-1] < 0)[-1])
        (v0, v1), (t0, t1) = volts[before : before + 2], time[before : before + 2]
        at = t0 + (t1 - t0) * v0 / (v0 - v1) - start
        return float(expected[k] * (1 - REACH + 2 * REACH * at / PASS))

    found = [
        (candidate(k, "u", 0.0, cal.v_trip_up), candidate(k, "d", PASS + 0.1, cal.v_trip_down))
        for k in range(len(CURRENTS))
    ]
    up, down = np.array(found).T
    wanted = (
        np.abs(CURRENTS)
        * design.node(Part.CANDIDATE.of(0)).scale
        / design.node(Part.THRESHOLD.of(0)).scale
    )
    nano = {
        "b_nA": CURRENTS,
        "wanted_nA": wanted,
        "up_nA": up,
        "down_nA": down,
        "law_up_nA": expected_up,
        "law_down_nA": expected_down,
    }
    return {
        "units": dict(design.banks[0].window or {}),
        **{key: [float(f"{v * 1e9:.4g}") for v in values] for key, values in nano.items()},
        "worst_against_law": float(
            np.max(np.abs(np.array([up / expected_up, down / expected_down]) - 1))
        ),
        "core_seconds": round(waves.core_seconds, 1),
    }


def draw(results: dict[str, Any]) -> None:
    """Draw the thresholds of both technologies."""
    plt = plotting(9)
    figure, panels = plt.subplots(1, 2, figsize=(8, 3), sharey=True)
    for axes, (name, found) in zip(panels, results.items(), strict=True):
        b = np.array(found["b_nA"])
        axes.plot(b, np.abs(b), ":", color="black", label="|b|")
        axes.plot(b, found["law_up_nA"], color="0.6", label="law")
        axes.plot(b, found["up_nA"], "^", ms=4, label="up, ngspice")
        axes.plot(b, found["down_nA"], "v", ms=4, label="down, ngspice")
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("b [nA]")
        axes.grid(alpha=0.3)
        inset = axes.inset_axes((0.33, 0.5, 0.36, 0.45))
        for values, style in ((np.abs(b), "k:"), (found["up_nA"], "^"), (found["down_nA"], "v")):
            inset.plot(b, values, style, ms=3)
        inset.plot(b, found["law_up_nA"], color="0.6")
        inset.set_xlim(-0.25, 0.25)
        inset.set_ylim(0, 0.25)
        inset.tick_params(labelsize=7)
    panels[0].set_ylabel("threshold [nA]")
    panels[0].legend(frameon=False, loc="lower left", fontsize=7)
    figure.tight_layout()
    saved(figure, FIGURE)


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("--figure", action="store_true", help="draw the page's figure too")
    given = parsed(parser)
    results = {name: measure(name) for name in ("generic180", "sky130")}
    if given.figure:
        draw(results)
    show({"mru_hw": mru_hw.__version__, **results})


if __name__ == "__main__":
    main()
