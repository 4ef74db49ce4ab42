"""First characterisation of a technology: three ngspice runs and what is fitted to them.

Run 1, ``mirrors``: a mirror of each polarity at the usual current while its leg's drain sweeps
the supply, and over two decades of current at a fixed drain.
Run 2, ``unit``: one CMRU unit that climbs and descends its ladder, for the charge of a step and
of a phase, and a signed node over its range of currents.
Run 3, ``trips``: the same unit with candidates that pass each of its thresholds in small steps,
for the voltage of a comparator's node at which the strobed gate behind it begins to step.
Constants that no run gives yet are stated with their source in `ASSUMED`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mru_hw
from mru_hw.errors import RunStatus, SimulationError
from mru_hw.mapping.design import CANDIDATE_SPLIT
from mru_hw.spice.bench import OPTIONS
from mru_hw.spice.cells import cell_views
from mru_hw.spice.chip import unit_subckt
from mru_hw.spice.deck import BENCH, TOKEN, Deck, Waves, token_line, token_of
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.session import Session
from mru_hw.technology import MODELS, Technology
from mru_hw.technology.calibration import BOLTZMANN_OVER_CHARGE

UNITS = 32
I_USUAL = 1e-9  # A through a diode of UNITS
FRAME = 25e-3  # s
STROBE = 0.8  # of a frame
ASSUMED: dict[str, str] = {
    "c_trip": "10 fF: four drains and one gate on the comparator's node, from the placed geometry",
}

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Characterisation:
    """What the runs gave.

    Attributes
    ----------
    constants
        Fields of `mru_hw.technology.calibration.Calibration`, ready to be written.
    raw
        Sampled currents and voltages of the runs, by name, for ``calibration/raw``.
    """

    constants: dict[str, Any]
    raw: dict[str, Array]


def characterize(technology: Technology, *, limits: Limits | None = None) -> Characterisation:
    """Run the benches and fit the constants.

    Raises
    ------
    SimulationError
        A run ended without a result.
    """
    runner = Runner(limits or Limits(time_s=300))
    raw: dict[str, Array] = {}
    mirrors = _run(runner, _mirror_deck(technology), "mirrors")
    sides = {}
    for polarity in ("n", "p"):
        sides[polarity], samples = _fit_mirror(technology, mirrors, polarity)
        raw |= {f"mirror_{polarity}_{name}": values for name, values in samples.items()}
    unit = _run(runner, _unit_deck(technology), "unit")
    charges, samples = _fit_unit(technology, unit)
    raw |= {f"unit_{name}": values for name, values in samples.items()}
    trips, samples = _fit_trips(_run(runner, _trips_deck(technology), "trips"))
    raw |= {f"trips_{name}": values for name, values in samples.items()}
    constants = {
        "technology": technology.name,
        "models_hash": technology.models_hash(),
        "devices_hash": technology.devices_hash(),
        "i_usual": I_USUAL / UNITS,
        **sides,
        "v_dd": technology.v_dd,
        **charges,
        **trips,
        "c_trip": 1e-14,
        "provenance": {
            "mru_hw": mru_hw.__version__,
            "simulator": f"ngspice {Session().version}",
            "corner": technology.corners[0],
            "temperature": technology.temperature,
            "assumed": ASSUMED,
        },
    }
    return Characterisation(constants=constants, raw=raw)


def _run(runner: Runner, deck: Deck, name: str) -> Waves:
    waves = runner.run(deck)
    if waves.status is not RunStatus.DONE:
        raise SimulationError(f"The run {name} failed: {waves.status.value} {waves.message}")
    return waves


def _deck(
    technology: Technology, lines: list[str], saves: tuple[str, ...], t_stop: float, step: float
) -> Deck:
    text = [
        f".lib '{MODELS}' {technology.corners[0]}",
        f".options temp={technology.temperature} {OPTIONS}",
        technology.devices_spice(),
        cell_views(),
        f"vdd vdd 0 {technology.v_dd}",
        *lines,
        f".tran {step} {t_stop} uic",
        ".save " + " ".join((*saves, TOKEN)),
    ]
    token = token_of(text)
    bench = "\n".join(["* mru_hw characterisation", *text, token_line(token), ".end", ""])
    return Deck(
        files={BENCH: bench, **technology.model_files()}, saves=saves, token=token, t_stop=t_stop
    )


# ------------------------------------------------------------------------------------- mirrors

# Slow against every node, so each point is a solution at rest.
SWEEP = 4.0  # s, drain from ground to supply
DECADES = 4.0  # s, current from a tenth to ten times the usual


def _mirror_deck(technology: Technology) -> Deck:
    v_dd, steps = technology.v_dd, 41
    start, stop = np.log(I_USUAL / 10), np.log(I_USUAL * 10)
    times = SWEEP + np.linspace(0, DECADES, steps)
    currents = np.exp(np.linspace(start, stop, steps))
    stairs = " ".join(f"{t:.6g} {i:.6g}" for t, i in zip(times, currents, strict=True))
    course = f"pwl(0 {I_USUAL} {SWEEP - 0.1} {I_USUAL} {stairs})"
    drain = f"pwl(0 0 {SWEEP - 0.2} {v_dd} {SWEEP - 0.1} {v_dd / 2})"
    lines = [
        f"in 0 gn {course}",
        f"xnd gn gn 0 0 n_mirror units={UNITS}",
        f"xnl dn gn 0 0 n_mirror units={UNITS}",
        f"vn dn 0 {drain}",
        f"ip gp 0 {course}",
        f"xpd gp gp vdd vdd p_mirror units={UNITS}",
        f"xpl dp gp vdd vdd p_mirror units={UNITS}",
        f"vp vdd dp {drain}",
    ]
    saves = ("v(gn)", "v(gp)", "i(vn)", "i(vp)", "v(dn)", "v(dp)")
    return _deck(technology, lines, saves, SWEEP + DECADES, 0.01)


def _fit_mirror(
    technology: Technology, waves: Waves, polarity: str
) -> tuple[dict[str, float], dict[str, Array]]:
    """Fit slope, output conductance and gate voltage."""
    time = waves.time
    current = -waves.vectors[f"i(v{polarity})"]
    gate = waves.vectors[f"v(g{polarity})"]
    drain = waves.vectors[f"v(d{polarity})"]
    if polarity == "p":
        gate, drain = technology.v_dd - gate, technology.v_dd - drain
    sweep = (time > 0.2) & (time < SWEEP - 0.25) & (drain > 0.2)
    v_ds = np.linspace(0.25, technology.v_dd - 0.05, 32)
    ratio = np.interp(v_ds, drain[sweep], current[sweep]) / I_USUAL
    v_gate = float(np.median(gate[sweep]))
    # ratio = a (1 + lambda v): a straight line.
    slope, offset = np.polyfit(v_ds, ratio, 1)
    at = SWEEP + np.linspace(0.1, DECADES - 0.05, 32)
    logs = np.linspace(0, 1, 32)
    logs = np.interp(at, time, np.log(np.maximum(current, 1e-15)))
    volts = np.interp(at, time, gate)
    per_log = float(np.polyfit(logs, volts, 1)[0])
    thermal = BOLTZMANN_OVER_CHARGE * (technology.temperature + 273.15)
    constants = {
        "slope": _round(per_log / thermal),
        "conductance": _round(slope / offset),
        "v_gate": _round(v_gate),
    }
    return constants, {"v_ds": v_ds, "ratio": ratio, "v_gs": volts, "i": np.exp(logs)}


# ---------------------------------------------------------------------------------------- unit


def _unit_deck(technology: Technology) -> Deck:
    frames = [2, 2, 2, -2, -2, -2, -2, 0.1, -0.1, 0.1, 0.5, -0.5, 1, -1, 3, -3]
    saves = ("v(c)", "i(vunit)", "i(vclock)", "i(vidle)", *(f"v(xu.v{k})" for k in range(1, 5)))
    return _cmru_deck(technology, frames, saves)


def _cmru_deck(technology: Technology, frames: Sequence[float], saves: tuple[str, ...]) -> Deck:
    """One CMRU unit of K = 2 under candidates given in `I_USUAL`, one a frame."""
    v_dd = technology.v_dd
    points = " ".join(
        f"{(k + 0.2) * FRAME:.6g} {frames[max(k - 1, 0)] * I_USUAL:.6g}"
        f" {(k + 0.2) * FRAME + 1e-5:.6g} {f * I_USUAL:.6g}"
        for k, f in enumerate(frames)
    )
    first, width = STROBE * FRAME, FRAME / 250
    lines = [
        unit_subckt(2, 0),
        *(f"v{name} vdd vdd_{name} 0" for name in ("unit", "clock", "idle", "rest")),
        f"ibias vdd iref {I_USUAL}",
        "xbias iref bias_p q_n q_p vdd_rest 0 bias_tree units=64",
        f"ic 0 c pwl(0 {frames[0] * I_USUAL} {points})",
        f"xc c c_np c_pm q_n q_p vdd_rest 0 signed_split units={UNITS} split={CANDIDATE_SPLIT}",
        "xphib phi phi_b vdd_clock 0 inverter",
        "xphi phi_b phi_t vdd_clock 0 inverter",
        # The same driver without a load: what a layer's phase costs whatever its size.
        "xidle phi idle_b vdd_idle 0 inverter",
        "xidle2 idle_b idle_t vdd_idle 0 inverter",
        "xrst rst rst_b vdd_rest 0 inverter",
        "xu c_np c_pm h iref bias_p phi_t phi_b rst rst_b vdd_unit 0 cmru_unit_k2_s0"
        f" units={UNITS} up=64 down=64 tail=32 hold=20 width=32 gain=32",
        f"xh h h_n vdd_rest 0 state_node units={UNITS}",
        f"vrst rst 0 pwl(0 0 1e-7 {v_dd} 2e-3 {v_dd} 2.0001e-3 0)",
        f"vphi phi 0 pulse(0 {v_dd} {first} 1e-7 1e-7 {width} {FRAME})",
    ]
    return _deck(technology, lines, saves, len(frames) * FRAME, FRAME / 50)


def _fit_unit(technology: Technology, waves: Waves) -> tuple[dict[str, float], dict[str, Array]]:
    """Take the charge of a step, of a phase and the usual voltage of a signed node."""
    time, v_dd = waves.time, technology.v_dd
    unit, clock = waves.vectors["i(vunit)"], waves.vectors["i(vclock)"]
    n_frames = round(time[-1] / FRAME)
    edges = (np.arange(n_frames) + STROBE) * FRAME
    before, after = edges - 0.02 * FRAME, edges + 0.08 * FRAME
    levels = np.array(
        [sum(np.interp(before, time, waves.vectors[f"v(xu.v{k})"]) > v_dd / 2 for k in range(1, 5))]
    )[0]
    ends = np.array(
        [sum(np.interp(after, time, waves.vectors[f"v(xu.v{k})"]) > v_dd / 2 for k in range(1, 5))]
    )[0]
    charge = np.zeros(n_frames)
    ticks, idle = np.zeros(n_frames), np.zeros(n_frames)
    for k in range(n_frames):
        inside = (time >= before[k]) & (time <= after[k])
        t, i = time[inside], unit[inside]
        rest = np.where(t < edges[k], i[0], i[-1])
        charge[k] = np.trapezoid(i - rest, t)
        ticks[k] = np.trapezoid(clock[inside], t)
        idle[k] = np.trapezoid(waves.vectors["i(vidle)"][inside], t)
    moved = np.abs(ends - levels) == 1
    still = ~moved
    step = float(np.median(charge[moved]) - np.median(charge[still]))
    node = np.interp((np.arange(n_frames) + 0.75) * FRAME, time, waves.vectors["v(c)"])
    constants = {
        "v_signed": _round(float(np.mean(node))),
        "c_step": _round(max(step, 0.0) / v_dd),
        "c_driver": _round(float(np.median(idle)) / v_dd),
        "c_clock": _round(float(np.median(ticks - idle)) / v_dd / 4),
    }
    samples = {
        "node": node,
        "step_charge": charge,
        "phase_charge": ticks,
        "idle_charge": idle,
        "level": levels,
    }
    return constants, samples


# --------------------------------------------------------------------------------------- trips

PASSING = np.round(np.arange(0.9, 1.1201, 0.0025), 4)  # over I_USUAL, the wanted threshold
OPPOSITE = 3.0  # over I_USUAL: takes the unit back to its ladder's end


def _trips_deck(technology: Technology) -> Deck:
    frames = [-OPPOSITE] * 4
    for c in PASSING:
        frames += [float(c), -OPPOSITE]
    frames += [OPPOSITE] * 4
    for c in PASSING:
        frames += [-float(c), OPPOSITE]
    saves = ("v(xu.xstep.u)", "v(xu.xstep.d)", *(f"v(xu.v{k})" for k in range(1, 5)))
    return _cmru_deck(technology, frames, saves)


def _fit_trips(waves: Waves) -> tuple[dict[str, float], dict[str, Array]]:
    """Take the comparators' voltages just before the first strobe that steps."""
    time, n = waves.time, len(PASSING)
    constants, samples = {}, {"candidate": PASSING}
    for side, node, first, cell in (("up", "u", 4, 1), ("down", "d", 8 + 2 * n, 4)):
        edges = (first + 2 * np.arange(n) + STROBE) * FRAME
        at = edges - FRAME / 1000
        volts = np.interp(at, time, waves.vectors[f"v(xu.xstep.{node})"])
        bit = waves.vectors[f"v(xu.v{cell})"]
        before, after = (np.interp(t, time, bit) for t in (at, edges + 0.1 * FRAME))
        stepped = np.abs(after - before) > np.ptp(bit) / 2
        k = int(np.argmax(stepped))
        if k == 0 or not stepped[k:].all():
            raise SimulationError(f"The run trips found no threshold {side}.")
        constants[f"v_trip_{side}"] = _round(float(volts[k - 1] + volts[k]) / 2)
        samples |= {f"{node}": volts, f"steps_{side}": stepped.astype(np.float64)}
    return constants, samples


def _round(value: float) -> float:
    """Keep four digits: the file must come out the same on another machine."""
    return float(f"{value:.4g}")
