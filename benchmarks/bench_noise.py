"""Noise of devices and of decisions in ngspice, beside the law (mru_hw/simulate/decision_noise.py).

    python -m benchmarks.bench_noise --work DIR [--tech T ...] [--frames 500] [--figure FILE.svg]

* spectra: `.noise` of the drain current of one unit device, half the supply across it, source and
  bulk on one node: white level (the cards' part `id`) over 2 q I, flicker (`1overf`) over the
  technology's constants, where both are equal, the slope; and the white level at V_DS = 0 over
  4 k T g, which Nyquist's theorem says is 1.
* unit: `.noise` at the comparator's node of one CMRU unit (bench_ladder's, by itself, its candidate
  from a source) at the candidate at which the node passes the calibrated trip voltage: density
  and noise bandwidth of each device, referred to the candidate (`white_of_2qI` with 2 q I in place
  of the cards' level); the node's conductance and
  capacitance from `.ac` with a current into it; sigma from 1 mHz, beside the law's.
* decisions: the same unit in time, reset in every frame, one strobe a frame. Without noise, ever
  larger candidates find its threshold; then fixed ones at given distances from it, and TRNOISE
  currents: `node`, one of known density into the comparator's node; `branches`, at each node of the
  threshold's and the candidate's path `AMPLIFIED` times 2 q I of the devices there. Sigma (and what
  the noise moves the threshold by) is fitted to the shares of steps: probit, maximum likelihood.

Results are kept in --work by the decks' own texts, so a call that was cut off goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_ladder import I_UNIT, Store, unit_model
from benchmarks.machine import machine
from mru_hw.errors import MruHwError, UserError
from mru_hw.files import whole_file
from mru_hw.mapping import map_model
from mru_hw.mapping.design import Design
from mru_hw.simulate.decision_noise import LOW_CORNER, NoiseLaw, decision_capacitance
from mru_hw.spice.bench import as_written, bench_deck, edge_and_step
from mru_hw.spice.chip import SUPPLIES, node_net
from mru_hw.spice.deck import CHIP, TOKEN, Deck, Waves, token_of
from mru_hw.spice.options import network_options
from mru_hw.spice.unit_bench import UNIT, unit_deck
from mru_hw.technology import MODELS, Technology, load_technology, technology_names
from mru_hw.technology.calibration import CHARGE, Calibration, load_calibration, temperature_voltage
from mru_hw.technology.conditions import Conditions, nominal_conditions

Array = NDArray[np.float64]

CURRENTS = (1e-12, 1e-11, 3.1e-11, 1e-10, 1e-9)  # A, of a unit device
SHOWN = 2  # of them, in the figure: what a unit device of a mapped network carries
HOT = ("ff", 85.0)
OPTIONS = "gmin=1e-18 abstol=1e-18 vntol=1e-9 reltol=1e-6"
UNIT_OPTIONS = "gmin=1e-17 abstol=1e-16 vntol=1e-8 reltol=1e-5"
"""A whole unit's operating point is found by these, and with tighter ones not always."""
OHMS = 1e9  # of the ideal element that makes a voltage of a current: densities stay printable
BAND = "dec 5 1e-5 1e6"
ABOVE = 3e4  # Hz, beyond the poles of the rails that the comparator's legs read
LEVELS = 2
FRAME = 4e-3  # s: eight time constants of a comparator's node
RESET = 5e-3  # s, of the first one
READ = 0.88  # of the frame, after the strobe; the next reset follows
RELEASED = 0.9  # of the frame without reset
STEP = 4e-5  # s, between samples of TRNOISE: a tenth of that time constant
SIGMA = 0.02  # of i_unit, by the law: what the node's noise is amplified to
AMPLIFIED = 400.0
AT = (-1.6, -0.8, 0.0, 0.8, 1.6)  # sigmas of the law
QUIET = np.linspace(-0.06, 0.06, 121)  # of i_unit, around the threshold at rest
SEED = 7
NODE = "xchip.xu0_0.xstep.u"
PATH = {
    "xbias.xd": "n",
    "xbias.xf": "n",
    "xbias.xfd": "p",
    "xc0_0.xdn": "n",
    "xu0_0.xstep.xu2": "n",
    "xu0_0.xstep.xu1": "p",
}
"""Devices between the reference, the candidate and the comparator's node, and their polarity."""


class Batch:
    """ngspice in a process of its own for each deck; what it wrote is kept by the deck's text."""

    def __init__(self, work: Path) -> None:
        self._work = work

    def __call__(self, technology: Technology, lines: Sequence[str], chip: str = "") -> list[Array]:
        """Run a deck whose control lines write 0.data, 1.data, ...; return their tables."""
        text = "\n".join(["* noise", *lines, "quit", ".endc", ".end", ""])
        files = {"bench.cir": text, CHIP: chip, **technology.model_files()}
        kept = self._work / f"noise-{token_of(files.values()):.9f}.json"
        if not kept.is_file():
            with tempfile.TemporaryDirectory(prefix="noise-") as name:
                folder = Path(name)
                for file, content in files.items():
                    (folder / file).write_text(content, encoding="utf-8")
                command = ["ngspice", "-b", "bench.cir"]
                done = subprocess.run(
                    command, cwd=folder, capture_output=True, text=True, check=False, timeout=300
                )
                if not (folder / "0.data").is_file():
                    raise MruHwError(f"ngspice wrote nothing: {(done.stdout + done.stderr)[-500:]}")
                count = len(list(folder.glob("*.data")))
                tables = [np.loadtxt(folder / f"{k}.data", ndmin=2).tolist() for k in range(count)]
            with whole_file(kept) as part:
                part.write_text(json.dumps(tables))
        return [np.array(t) for t in json.loads(kept.read_text())]


def header(conditions: Conditions, options: str = OPTIONS) -> list[str]:
    return [
        f".lib '{MODELS}' {conditions.corner}",
        f".options temp={conditions.temperature:.9g} {options}",
    ]


def conditions_of(technology: Technology) -> list[Conditions]:
    corner, temperature = HOT
    hot = Conditions(corner=corner, temperature=temperature, v_dd=technology.v_dd)
    return [nominal_conditions(technology), hot]


def named(conditions: Conditions) -> str:
    return f"{conditions.corner}, {conditions.temperature:g} degC"


# ------------------------------------------------------------------------------------- spectra


def spectra(
    batch: Batch, technology: Technology, conditions: Conditions, polarity: str
) -> dict[str, Any]:
    """Noise of one unit device at all currents."""
    sign = 1 if polarity == "n" else -1
    device = f"{polarity}_mirror"
    at = f"onoise.m.xm.{technology.transistor_path(device)}"
    lines = [
        *header(conditions),
        technology.devices_spice(),
        f"ir 0 r {sign * CURRENTS[0]}",
        f"xr r r 0 0 {device}",
        "vg g 0 0",
        "vd s 0 dc 0 ac 1",
        "vs s d 0",
        f"xm d g 0 0 {device}",
        f"hout out 0 vs {OHMS:g}",
        ".control",
        "set num_threads=1",
        "set numdgt=10",
    ]
    for k, current in enumerate(CURRENTS):
        lines += [
            f"alter vd dc={sign * conditions.v_dd / 2:.9g}",
            f"alter ir dc={sign * current:.9g}",
            "op",
            "let gate=v(r)",
            "alter vg dc=$&gate",
        ]
        for place, v_ds in enumerate((conditions.v_dd / 2, 0.0)):
            lines += [
                f"alter vd dc={sign * v_ds:.9g}",
                "op",
                f"wrdata {6 * k + 3 * place}.data i(vs)",
                "ac lin 1 1 1",
                f"wrdata {6 * k + 3 * place + 1}.data mag(i(vs))",
                f"noise v(out) vd {BAND} 1",
                "setplot previous",
                f"wrdata {6 * k + 3 * place + 2}.data onoise_spectrum {at}.id {at}.1overf",
            ]
    tables = batch(technology, lines)
    constants, size = technology.flicker, technology.devices[device]
    gate = getattr(constants, f"k_{polarity}") / (constants.c_ox * size.w * size.l)
    calibration = load_calibration(technology)
    thermal = calibration.thermal(polarity, conditions.temperature)
    rows = []
    for k in range(len(CURRENTS)):
        current = abs(float(tables[6 * k][0, 1]))
        noise = tables[6 * k + 2]
        f, (total, white, flicker) = noise[:, 0], (noise[:, 1::2] / OHMS).T ** 2
        g, rest = float(tables[6 * k + 4][0, 1]), tables[6 * k + 5]
        level = float((rest[0, 3] / OHMS) ** 2)
        thermal_level = 4 * CHARGE * temperature_voltage(conditions.temperature) * g
        law = gate / thermal**2 * current**2
        over = np.interp(np.log((1e-3, 1.0, 1e2)), np.log(f), flicker * f) / law
        corner = math.exp(float(np.interp(0.0, np.log(white / flicker), np.log(f))))
        rows.append(
            {
                "current_A": current,
                "white_over_2qI": float(white[0]) / (2 * CHARGE * current),
                "flicker_over_law_at_1mHz_1Hz_100Hz": over,
                "corner_Hz": corner,
                "corner_of_the_law_Hz": law / (2 * CHARGE * current),
                "white_at_zero_over_4kTg": level / thermal_level,
                "spectrum_over_2qI": total / (2 * CHARGE * current),
                "frequency_Hz": f,
                "law_over_2qI": 1 + law / (2 * CHARGE * current) / f,
            }
        )
    return {"rows": rows}


# ---------------------------------------------------------------------------------------- unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One unit, its law at the conditions, currents in A."""

    design: Design
    calibration: Calibration
    conditions: Conditions

    @property
    def threshold(self) -> float:
        return float(self.design.banks[0].up_units[0]) * self.design.i_lsb

    @property
    def reference(self) -> float:
        return self.design.i_lsb * self.design.buses["bias"].units

    @property
    def node(self) -> str:
        return node_net(self.design.buses[self.design.banks[0].candidate], 0)

    def law(self) -> NoiseLaw:
        return NoiseLaw.of(self.design, self.calibration, self.conditions.temperature, 1.0)

    def variances(self, candidate: float) -> tuple[float, float]:
        """White and flicker variance [A^2] of `DecisionNoise`, for a candidate without legs."""
        law, bank = self.law(), self.design.banks[0]
        units = self.design.buses[bank.candidate].units
        white = 2 * float(law.shot[0][0, 0, 0]) * (candidate + self.threshold)
        squares = candidate**2 / units + self.threshold * self.design.i_lsb
        return white, 2 * law.flicker * squares * (law.slow + float(law.fast[0][0, 0, 0]))

    def instance(self) -> list[str]:
        pins = f"{self.node} phi0 rst iref {' '.join(SUPPLIES)} 0"
        return [
            f"vdd vdd 0 {self.conditions.v_dd:.9g}",
            *(f"v{name} vdd {name} 0" for name in SUPPLIES),
            "vref vdd vref 0",
            f"ibias vref iref {self.reference:.9g}",
            f"xchip {pins} {UNIT}",
        ]


def unit_at(technology: Technology, conditions: Conditions) -> Unit:
    """The unit of bench_ladder.

    Raises
    ------
    UserError
        There are no constants at the conditions.
    """
    calibration = load_calibration(technology)
    design = map_model(unit_model(LEVELS, f"{FRAME * 1e3:g} ms"), technology, calibration)
    there = calibration.at(corner=conditions.corner, temperature=conditions.temperature)
    return Unit(design=design, calibration=there, conditions=conditions)


def decided(batch: Batch, unit: Unit) -> dict[str, Any]:
    """`.noise` of the unit at its decision."""
    technology, chip = unit.design.technology, unit_deck(unit.design, 0, 0)
    lines = [
        *header(unit.conditions, UNIT_OPTIONS),
        f".include '{CHIP}'",
        *unit.instance(),
        "vrst rst 0 0",
        "vphi phi0 0 0",
        f"ic 0 {unit.node} dc {I_UNIT:g} ac 1",
        f"iu 0 {NODE} dc 0",
        ".control",
        "set num_threads=1",
        "set numdgt=10",
    ]
    sweep = f"dc ic {0.8 * I_UNIT:g} {1.2 * I_UNIT:g} {2e-3 * I_UNIT:g}"
    (course,) = batch(technology, [*lines, sweep, f"wrdata 0.data v({NODE})"], chip)
    c = float(np.interp(-unit.calibration.v_trip_up, -course[:, 1], course[:, 0]))
    parts = [
        f"onoise.m.xchip.{name}.{technology.transistor_path(f'{side}_mirror')}.{part}"
        for name, side in PATH.items()
        for part in ("id", "1overf")
    ]
    lines += [
        f"alter ic dc={c:.12g}",
        "ac dec 20 1e-5 1e7",
        f"wrdata 0.data vm({NODE})",
        f"noise v({NODE}) ic dec 20 1e-5 1e7 1",
        "setplot previous",
        f"wrdata 1.data onoise_spectrum {' '.join(parts)}",
        "alter ic acmag=0",
        "alter iu acmag=1",
        "ac dec 20 1e-5 1e7",
        f"wrdata 2.data vm({NODE})",
    ]
    gain, noise, impedance = batch(technology, lines, chip)
    f, slope = gain[:, 0], float(gain[0, 1])
    resistance = float(impedance[0, 1])
    fast = float(np.interp(ABOVE, f, impedance[:, 1]))
    pole = float(np.interp(-resistance / math.sqrt(2), -impedance[:, 1], f))
    density = (noise[:, 1::2] / slope).T ** 2
    counted = f >= LOW_CORNER
    total = float(np.trapezoid(density[0, counted], f[counted]))
    devices: dict[str, Any] = {}
    white = shots = 0.0
    carried = (*3 * (unit.reference,), c, c, unit.threshold)
    for k, (name, current) in enumerate(zip(PATH, carried, strict=True)):
        shot, flicker = density[1 + 2 * k], density[2 + 2 * k]
        variance = float(np.trapezoid(shot, f))
        white += variance
        shots += 2 * CHARGE * current * variance / float(shot[0])
        devices[name] = {
            "white_over_2q_i_unit": float(shot[0]) / (2 * CHARGE * I_UNIT),
            "bandwidth_Hz": variance / float(shot[0]),
            "flicker_sigma_A": math.sqrt(np.trapezoid(flicker[counted], f[counted])),
        }
    law_white, law_flicker = unit.variances(c)
    load = decision_capacitance(unit.design, unit.calibration, unit.design.banks[0])
    conductance = (unit.calibration.n.conductance + unit.calibration.p.conductance) * I_UNIT
    return {
        "candidate_A": c,
        "mirror_gain": slope / resistance,
        "conductance_S": 1 / resistance,
        "capacitance_F": 1 / (2 * math.pi * pole * resistance),
        "capacitance_above_the_mirrors_poles_F": 1 / (2 * math.pi * ABOVE * fast),
        "bandwidth_Hz": math.pi / 2 * pole,
        "law_conductance_S": conductance,
        "law_capacitance_F": float(load[0]),
        "law_bandwidth_Hz": conductance / (4 * float(load[0])),
        "devices": devices,
        "sigma_A": {
            "white": math.sqrt(white),
            "white_of_2qI": math.sqrt(shots),
            "flicker": math.sqrt(total - white),
            "all": math.sqrt(total),
        },
        "law_sigma_A": {
            "white": math.sqrt(law_white),
            "flicker": math.sqrt(law_flicker),
            "all": math.sqrt(law_white + law_flicker),
        },
    }


# ----------------------------------------------------------------------------------- decisions


def noisy_deck(unit: Unit, candidates: Array, noise: dict[str, float]) -> tuple[Deck, Array]:
    """One strobe and one reset a frame; the deck, and when its states are read [s].

    Parameters
    ----------
    candidates
        (n_frames,) [A].
    noise
        Density [A^2/Hz] of the white current into each node.
    """
    design, v_dd = unit.design, unit.conditions.v_dd
    timing, period = design.timing, design.timing.frame
    starts: Array = RESET + period * np.arange(len(candidates), dtype=np.float64)
    t_stop = as_written(float(starts[-1]) + period)
    edge, step = edge_and_step(period)
    points = [(0.0, candidates[0])]
    for at, last, value in zip(starts[1:], candidates, candidates[1:], strict=False):
        points += [(at, last), (at + 1e-5, value)]
    words = [f"{t:.9g} {i:.9g}" for t, i in points]
    shape = f"{edge:.9g} {edge:.9g}"
    saves = ("v(xchip.xu0_0.v3)",)
    # White noise of a density S, linear between samples dt apart: rms = sqrt(S / 2 dt).
    sources = [
        f"inoise{k} 0 {node} trnoise({math.sqrt(density / (2 * STEP)):.6g} {STEP:g} 0 0)"
        for k, (node, density) in enumerate(noise.items())
    ]
    body = [
        f".lib '{MODELS}' {unit.conditions.corner}",
        f".include '{CHIP}'",
        f".options temp={unit.conditions.temperature:.9g} seed={SEED} {network_options(design)}",
        *unit.instance(),
        f"vrst rst 0 pulse({v_dd:.9g} 0 {RESET:.9g} {shape} {RELEASED * period:.9g} {period:.9g})",
        f"vphi phi0 0 pulse(0 {v_dd:.9g} {RESET + timing.strobes[0]:.9g} {shape}"
        f" {timing.pulse:.9g} {period:.9g})",
        f"ic 0 {unit.node} pwl(",
        *("+ " + " ".join(words[k : k + 4]) for k in range(0, len(words), 4)),
        "+ )",
        *sources,
        f".save {' '.join(saves)} {TOKEN}",
        f".tran {step:.9g} {t_stop:.9g} uic",
    ]
    head = ["* One unit under noise"]
    deck = bench_deck(design, unit_deck(design, 0, 0), head, body, saves, t_stop, ())
    return deck, starts + READ * period


def fitted(distance: Array, steps: Array, frames: int) -> dict[str, Any]:
    """Threshold's offset and sigma of a probit, in the unit of `distance`, with their errors."""

    def lost(about: Array) -> float:
        z = (distance - about[0]) * math.exp(-about[1])
        likely = steps * norm.logcdf(z) + (frames - steps) * norm.logsf(z)
        return -float(likely.sum())

    best = minimize(lost, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-6}).x
    sigma = math.exp(best[1])
    z = (distance - best[0]) / sigma
    # Fisher's information of a binomial share Phi(z), in offset and in sigma.
    weight = frames * norm.pdf(z) ** 2 / (norm.cdf(z) * norm.sf(z)) / sigma**2
    rows = np.stack([np.ones_like(z), z])
    errors = np.sqrt(np.diag(np.linalg.inv((weight * rows) @ rows.T)))
    return {"offset": best[0], "sigma": sigma, "offset_error": errors[0], "sigma_error": errors[1]}


def decisions(
    store: Store, unit: Unit, found: dict[str, Any], given: argparse.Namespace
) -> dict[str, Any]:
    """Shares of steps under noise at the node and at all branches."""
    conditions, name = unit.conditions, unit.design.technology.name

    def steps_of(label: str, candidates: Array, noise: dict[str, float]) -> tuple[Array, float]:
        deck, at = noisy_deck(unit, candidates, noise)

        def stepped(waves: Waves) -> dict[str, Any]:
            v = np.interp(at, waves.time, waves.vectors["v(xchip.xu0_0.v3)"])
            return {"up": v > conditions.v_dd / 2}

        run = store(f"{name}-{conditions.corner}-{label}", deck, stepped)
        return np.array(run["up"]), run["core_seconds"]

    rest = found["candidate_A"] + I_UNIT * QUIET
    up, _ = steps_of("quiet", rest, {})
    c = float(rest[np.argmax(up)]) - I_UNIT * (QUIET[1] - QUIET[0]) / 2
    law, bench = found["law_bandwidth_Hz"], found["bandwidth_Hz"]
    shot = 2 * CHARGE * AMPLIFIED
    branches = {
        NODE: shot * (c + unit.threshold),
        f"xchip.{unit.node}_np": shot * c,
        "xchip.bias_p": shot * 2 * unit.reference,
        "iref": shot * unit.reference,
    }
    node = (SIGMA * I_UNIT) ** 2 / law
    runs = {
        "node": (
            {NODE: node},
            SIGMA * I_UNIT,
            math.sqrt(node * bench) / found["mirror_gain"],
        ),
        "branches": (
            branches,
            math.sqrt(AMPLIFIED) * found["law_sigma_A"]["white"],
            math.sqrt(AMPLIFIED) * found["sigma_A"]["white_of_2qI"],
        ),
    }
    rows: dict[str, Any] = {"threshold_over_rest": c / found["candidate_A"]}
    for label, (noise, sigma, expected) in runs.items():
        count = given.frames // len(AT)
        up, seconds = steps_of(label, c + sigma * np.tile(AT, count), noise)
        steps = up.reshape(-1, len(AT)).sum(axis=0)
        fit = fitted(np.array(AT), steps, count)
        share = steps / count
        rows[label] = {
            "law_sigma_A": sigma,
            "over_law": fit["sigma"],
            "over_law_error": fit["sigma_error"],
            "noise_over_law": expected / sigma,
            "threshold_moved": fit["offset"],
            "threshold_moved_error": fit["offset_error"],
            "frames": count,
            "distance_sigmas": AT,
            "share": share,
            "share_error": np.sqrt(share * (1 - share) / count),
            "law_share": norm.cdf(AT),
            "core_seconds": seconds,
        }
    return rows


# -------------------------------------------------------------------------------------- figure


def draw(found: dict[str, Any], path: Path) -> None:
    """Spectra, white levels and shares of steps."""
    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": "mru_hw", "svg.fonttype": "none", "font.size": 8})
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9.5, 3.0), layout="constrained")
    for color, (name, result) in zip(("C0", "C1"), found.items(), strict=False):
        nominal = next(iter(result["spectra"].values()))
        for polarity, dash in (("n", "-"), ("p", "--")):
            rows = nominal[polarity]["rows"]
            label = f"{name}, {polarity.upper()}MOS"
            row = rows[SHOWN]
            left.loglog(row["frequency_Hz"], row["spectrum_over_2qI"], color + dash, label=label)
            middle.loglog(
                [r["current_A"] for r in rows],
                [r["white_over_2qI"] for r in rows],
                color + dash,
                marker="o",
                ms=3,
                label=label,
            )
        law = nominal["n"]["rows"][SHOWN]
        left.loglog(law["frequency_Hz"], law["law_over_2qI"], color + ":", lw=1)
        for marker, run in (("o", "node"), ("s", "branches")):
            row = result["decisions"][run]
            right.errorbar(
                row["distance_sigmas"],
                row["share"],
                row["share_error"],
                fmt=color + marker,
                ms=3,
                lw=1,
                label=f"{name}, {run}",
            )
    x = np.linspace(-2, 2, 101)
    right.plot(x, norm.cdf(x), "k-", lw=0.8, label="law")
    middle.axhline(1, color="k", lw=0.8)
    left.set(xlabel="frequency [Hz]", ylabel="S / 2 q I at 31 pA", xlim=(1e-3, 1e5))
    left.set_ylim(0.1, 1e5)
    middle.set(xlabel="current of a unit device [A]", ylabel="white level / 2 q I")
    right.set(xlabel="distance from the threshold / sigma of the law", ylabel="share of steps")
    left.legend(fontsize=6)
    right.legend(fontsize=6)
    for panel in (left, middle, right):
        panel.grid(alpha=0.3)
    with whole_file(path) as part:
        figure.savefig(part, format="svg", metadata={"Date": None})


def measure(given: argparse.Namespace) -> dict[str, Any]:
    store, batch = Store(given.work), Batch(given.work)
    result: dict[str, Any] = {}
    for name in given.tech:
        technology = load_technology(name)
        rows: dict[str, Any] = {"spectra": {}}
        for conditions in conditions_of(technology):
            rows["spectra"][named(conditions)] = {
                side: spectra(batch, technology, conditions, side) for side in "np"
            }
        rows["unit"] = {}
        for conditions in conditions_of(technology):
            try:
                unit = unit_at(technology, conditions)
            except UserError as error:
                rows["unit"][named(conditions)] = str(error)
                continue
            rows["unit"][named(conditions)] = decided(batch, unit)
        unit = unit_at(technology, nominal_conditions(technology))
        at_rest = rows["unit"][named(unit.conditions)]
        rows["decisions"] = decisions(store, unit, at_rest, given)
        result[name] = rows
    if given.figure is not None:
        draw(result, given.figure)
    for rows in result.values():
        for sides in rows["spectra"].values():
            for side in sides.values():
                for row in side["rows"]:
                    for name in ("spectrum_over_2qI", "frequency_Hz", "law_over_2qI"):
                        del row[name]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--tech", nargs="+", default=list(technology_names()))
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    result = {"machine": machine()} | measure(given)
    print(json.dumps(result, indent=2, default=np.ndarray.tolist))


if __name__ == "__main__":
    main()
