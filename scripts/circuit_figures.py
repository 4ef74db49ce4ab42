"""Waveforms of the cells for docs/circuits: their benches, run in ngspice, as figures.

``python -m scripts.circuit_figures`` renews every figure in some ten seconds. Technology
generic180, tt, 27 degC and 1.8 V unless a figure says otherwise.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mru_hw.data import circuits_dir
from mru_hw.lab.figures import plotting, saved
from mru_hw.model.network import Array
from mru_hw.spice.cells import cell_views
from mru_hw.spice.chip import unit_name, unit_subckt
from mru_hw.spice.options import OPTIONS

Waves = Mapping[str, Array]
FIGURES = Path(__file__).parents[1] / "docs/circuits/figures"
NANO, MILLI, MICRO = 1e-9, 1e-3, 1e-6
BETA = 1e-9  # A, threshold of the unit's bench: 64 unit devices of 15.6 pA

plt = plotting(9)
plt.rcParams.update({"axes.grid": True, "grid.alpha": 0.3, "legend.frameon": False})


def run(bench: Path) -> dict[str, Array]:
    """Return the saved vectors of a bench, by name."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "bench.raw"
        command = ["ngspice", "-b", "-r", str(raw), bench.name]
        subprocess.run(command, cwd=bench.parent, check=True, capture_output=True, timeout=300)
        head, _, body = raw.read_bytes().partition(b"Binary:\n")
    names = [
        line.split()[1]
        for line in head.decode().partition("Variables:\n")[2].splitlines()
        if line.strip()
    ]
    table = np.frombuffer(body, dtype=np.float64).reshape(-1, len(names))
    return dict(zip(names, table.T, strict=True))


def run_cell(name: str) -> dict[str, Array]:
    """Run the bench of a cell, in its folder."""
    return run(circuits_dir() / name / "bench.cir")


def save(name: str) -> None:
    """Write the open figure; the same data gives the same bytes."""
    plt.tight_layout()
    saved(plt.gcf(), FIGURES / f"{name}.svg")
    plt.close()


# -------------------------------------------------------------------------------------- cells


def ladder_loop() -> None:
    """Draw the hysteresis of the ladder cell under a slow current."""
    loop("ladder_cell", run_cell("ladder_cell"), "i(vin)", 1.15)


def hysteretic_loop() -> None:
    """Draw the same of the nine-transistor cell, against its candidate."""
    waves = run_cell("hysteretic_cell")
    early = waves["time"] < 2.2
    loop("hysteretic_cell", {k: v[early] for k, v in waves.items()}, "i(@m.xin.xd.m0[id])", 1.15)


def loop(name: str, waves: Waves, current: str, top: float) -> None:
    """Draw v against an input current that rises until `top` [s] and falls after it."""
    settled = waves["time"] > 0.1
    rising = settled & (waves["time"] < top)
    falling = settled & (waves["time"] >= top)
    plt.figure(figsize=(5, 2.8))
    plt.plot(waves[current][rising] / NANO, waves["v(v)"][rising], label="rising")
    plt.plot(waves[current][falling] / NANO, waves["v(v)"][falling], "--", label="falling")
    plt.xlabel("input current [nA]")
    plt.ylabel("v [V]")
    plt.legend(loc="upper left")
    save(f"{name}_loop")


def signed_rails() -> None:
    """Draw both rails of the signed node against its input, and the two laws."""
    waves = run_cell("signed_node")
    ramp = (waves["time"] > 0.2) & (waves["time"] < 1.2)
    i_in = -2 * NANO + 4 * NANO * (waves["time"][ramp] - 0.2)
    plus, minus = -waves["i(va)"][ramp], waves["i(vb)"][ramp]
    _, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8))
    left.plot(i_in / NANO, plus / NANO, label="i_plus")
    left.plot(i_in / NANO, minus / NANO, label="i_minus")
    left.plot(i_in / NANO, (plus - minus) / NANO, ":", color="black", label="difference")
    left.set_ylabel("current [nA]")
    left.legend()
    right.semilogy(i_in / NANO, plus / NANO)
    right.semilogy(i_in / NANO, minus / NANO)
    i_q = np.sqrt(np.interp(0, i_in, plus) * np.interp(0, i_in, minus))
    print(f"  i_q is {i_q * 1e12:.1f} pA")
    right.axhline(i_q / NANO, color="grey", lw=0.8, ls="--")
    right.annotate("i_q", (-1.9, i_q / NANO * 1.2), color="grey")
    right.set_ylim(1e-4, 5)
    for axes in (left, right):
        axes.set_xlabel("i_in [nA]")
    save("signed_node_rails")


def relu_copy() -> None:
    """Draw what a rectifying node's copies carry while its input passes zero."""
    waves = run_cell("relu_node")
    ramp = waves["time"] > 0.3
    i_in = -0.02 * NANO + 2.02 * NANO * (waves["time"][ramp] - 0.3)
    plt.figure(figsize=(5, 2.8))
    plt.plot(i_in / NANO, -waves["i(von)"][ramp] / NANO, label="sunk, m = n")
    plt.plot(i_in / NANO, waves["i(vop)"][ramp] / NANO, label="sourced, m = n / 2")
    plt.plot(i_in / NANO, np.maximum(i_in, 0) / NANO, ":", color="black", label="max(i, 0)")
    plt.xlabel("i_in [nA]")
    plt.ylabel("leg [nA]")
    plt.legend()
    save("relu_node_copies")


def strobes() -> None:
    """Draw gs and gr during the four strobes of the step control's bench."""
    waves = run_cell("step_control")
    cases = ("1.5 nA", "0.5 nA", "-1.5 nA", "-0.5 nA")
    _, panels = plt.subplots(1, 4, figsize=(9, 2.5), sharey=True)
    for k, (axes, candidate) in enumerate(zip(panels, cases, strict=True)):
        start = 4 * MILLI + 5 * MILLI * k
        span = (waves["time"] > start - 30 * NANO) & (waves["time"] < start + 200 * NANO)
        nano = (waves["time"][span] - start) / NANO
        axes.axvspan(0, 150, color="0.92")
        axes.plot(nano, waves["v(gs)"][span], label="gs")
        axes.plot(nano, waves["v(gr)"][span], label="gr")
        axes.set_title(f"c = {candidate}", fontsize=9)
        axes.set_xlabel("after st rises [ns]")
    panels[0].set_ylabel("V")
    panels[0].legend(loc="lower left")
    save("step_control_strobes")


# --------------------------------------------------------------------------------------- unit

# Candidates of eight frames, in thresholds: up, hold, up, up (saturated), down, hold, down, down.
CANDIDATES = (1.5, 0.5, 1.5, 1.5, -1.5, -0.5, -1.5, -1.5)
FRAME, PULSE, STROBE, PRE_ROLL, EDGE = 25e-3, 0.1e-3, 0.8, 5e-3, 1e-7  # s; STROBE of a frame
# Nodes of a few fF share charge here: the bench options' chgtol of 1 fC moves gs by 0.2 V.
TOLERANCES = OPTIONS.replace("trtol=5 reltol=1e-3", "trtol=4 reltol=1e-4").replace(
    "chgtol=1e-15", "chgtol=1e-16"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRun:
    """A run of one unit.

    Attributes
    ----------
    candidates
        One a frame, in thresholds.
    load
        Capacitance on each of the layer's two lines [F], for its other units.
    """

    candidates: tuple[float, ...] = CANDIDATES
    load: float = 0.0

    def text(self) -> str:
        """Write the bench of a unit with K = 2 between its candidate node and its state node."""
        process = circuits_dir() / "technology/generic180"
        points = [(0.0, self.candidates[0])]
        for k in range(1, len(self.candidates)):
            at = PRE_ROLL + k * FRAME
            points += [(at, self.candidates[k - 1]), (at + 1e-5, self.candidates[k])]
        stimulus = " ".join(f"{t:.9g} {c * BETA:.9g}" for t, c in points)
        clock = f"{PRE_ROLL + STROBE * FRAME:.9g} {EDGE} {EDGE} {PULSE:.9g}"
        saves = [f"v(xunit.{name}{k})" for k in range(1, 5) for name in "vh"]
        last = PRE_ROLL + (len(self.candidates) - 1 + STROBE) * FRAME
        stop = last + (1 - STROBE) * FRAME
        lines = [
            "* A CMRU unit with K = 2 between its candidate node and its state node",
            f".lib '{process}/models.lib' tt",
            f".include '{process}/devices.sp'",
            cell_views(),
            unit_subckt(2, 0),
            f".options temp=27 {TOLERANCES}",
            "vdd vdd 0 1.8",
            f"ibias vdd n {BETA}",
            "xbias n p q_n vdd 0 bias_tree units=64",
            f"ic 0 c pwl({stimulus})",
            "xsplit c np pm q_n vdd 0 signed_split units=32 split=4",
            f"vrst rst 0 pwl(0 0 {EDGE} 1.8 2m 1.8 {2e-3 + EDGE} 0)",
            "xrst rst rst_b vdd 0 inverter",
            f"vphi phi 0 pulse(0 1.8 {clock} {FRAME:.9g})",
            "xphi phi rst_b hd st vdd 0 strobe_driver",
            f"chd hd 0 {self.load}",
            f"cst st 0 {self.load}",
            f"xunit np pm out n p hd st rst rst_b vdd 0 {unit_name(2, 0)}",
            "xstate out out_n vdd 0 state_node units=32",
            "xleg y out vdd vdd p_mirror units=32",
            "vy y 0 0.9",
            f".save v(hd) v(st) v(xunit.gs) v(xunit.gr) i(vy) {' '.join(saves)}",
            f".tran 1m {stop:.9g} uic",
            ".end",
        ]
        return "\n".join(lines)

    def waves(self) -> Waves:
        """Run it."""
        with tempfile.TemporaryDirectory() as folder:
            bench = Path(folder) / "bench.cir"
            bench.write_text(self.text(), encoding="utf-8")
            return run(bench)


def strobe_start(waves: Waves, frame: int) -> float:
    """Return when the hold line passes half the supply in a frame [s]."""
    late = waves["time"] > PRE_ROLL + (frame + STROBE) * FRAME
    return float(waves["time"][late & (waves["v(hd)"] > 0.9)][0])


def unit_frames() -> None:
    """Draw eight frames of a unit, candidate, cells and output, and two strobes from near."""
    waves = UnitRun().waves()
    time = (waves["time"] - PRE_ROLL) / MILLI
    after = time > 0  # at power-up the output's mirror is wide open for a moment
    frames = np.arange(len(CANDIDATES) + 1) * FRAME / MILLI
    strobe_at = (np.arange(len(CANDIDATES)) + STROBE) * FRAME / MILLI
    _, (top, middle, bottom) = plt.subplots(3, 1, figsize=(8, 5.2), sharex=True)
    top.stairs(CANDIDATES, frames, baseline=None)
    for limit in (1, -1):
        top.axhline(limit, color="grey", lw=0.8, ls="--")
    top.set_ylabel("candidate\n[thresholds]")
    for k in range(1, 5):
        middle.plot(time[after], waves[f"v(xunit.v{k})"][after] + 2.4 * (k - 1))
    middle.set_yticks([2.4 * k + 0.9 for k in range(4)], [f"v{k}" for k in range(1, 5)])
    middle.set_ylim(-0.4, 9.4)
    middle.set_ylabel("cells, 1.8 V each")
    bottom.plot(time[after], waves["i(vy)"][after] / NANO)
    bottom.set_ylim(0, 3.5)  # the strobes' spikes are cut
    bottom.set_ylabel("copy of the\noutput [nA]")
    bottom.set_xlabel("time [ms]")
    for axes in (top, middle, bottom):
        for at in strobe_at:
            axes.axvline(at, color="tab:red", lw=0.7, alpha=0.6)
        axes.set_xlim(0, frames[-1])
    save("cmru_unit_frames")
    step_up_and_down(waves)


def step_up_and_down(waves: Waves) -> None:
    """Draw one strobe that sets a cell and one that resets it."""
    _, panels = plt.subplots(3, 2, figsize=(8, 5.2), sharex=True, sharey=True)
    columns = ((0, "up: cell 3 is set", (3, 4)), (4, "down: cell 4 is reset", (4, 3)))
    for column, (frame, title, (mover, neighbour)) in enumerate(columns):
        start = strobe_start(waves, frame)
        span = (waves["time"] > start - 40 * NANO) & (waves["time"] < start + 300 * NANO)
        nano = (waves["time"][span] - start) / NANO
        rows = (
            (panels[0, column], ("hd", "st")),
            (panels[1, column], ("xunit.gs", "xunit.gr")),
            (panels[2, column], tuple(f"xunit.{x}{k}" for k in (mover, neighbour) for x in "vh")),
        )
        for axes, names in rows:
            for name in names:
                style = "--" if ".h" in name else "-"
                axes.plot(nano, waves[f"v({name})"][span], style, label=name.rpartition(".")[2])
            axes.legend(loc="center right", fontsize=8)
        panels[0, column].set_title(title, fontsize=9)
        panels[2, column].set_xlabel("after hd rises [ns]")
    for axes in panels[:, 0]:
        axes.set_ylabel("V")
    save("cmru_unit_strobe")


def edges() -> None:
    """Draw the first step with light and with heavy lines."""
    _, panels = plt.subplots(1, 2, figsize=(8, 2.8), sharey=True)
    for axes, load in zip(panels, (0.05e-12, 2e-12), strict=True):
        waves = UnitRun(candidates=(1.5,), load=load).waves()
        start = strobe_start(waves, 0)
        span = (waves["time"] > start - 50 * NANO) & (waves["time"] < start + 600 * NANO)
        nano = (waves["time"][span] - start) / NANO
        for name, style in (("hd", "-"), ("st", "-"), ("xunit.v3", "-"), ("xunit.h3", "--")):
            label = name.rpartition(".")[2]
            axes.plot(nano, waves[f"v({name})"][span], style, label=label)
        step = nano[waves["v(st)"][span] > 0.9]
        hold = nano[waves["v(hd)"][span] > 0.9]
        print(
            f"  {load * 1e12:g} pF: hold {hold[0]:.0f} to {hold[-1]:.0f} ns, step {step[0]:.0f} to "
            f"{step[-1]:.0f} ns"
        )
        axes.set_title(f"{load * 1e12:g} pF on each line", fontsize=9)
        axes.set_xlabel("after hd rises [ns]")
    panels[0].set_ylabel("V")
    panels[1].legend(loc="center right")
    save("cmru_unit_edges")


DRAWN: tuple[Callable[[], None], ...] = (
    ladder_loop,
    hysteretic_loop,
    signed_rails,
    relu_copy,
    strobes,
    unit_frames,
    edges,
)

if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    for draw in DRAWN:
        draw()
        print(draw.__name__)
