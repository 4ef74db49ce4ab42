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
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.stats import norm

from benchmarks.study import answer, parsed, store_of, study
from mru_hw.errors import UserError
from mru_hw.lab.figures import plotting, saved
from mru_hw.lab.ladder import I_UNIT
from mru_hw.lab.noise import NODE, Batch, Unit, conditions_of, decided, named, spectra, unit_at
from mru_hw.lab.store import Store
from mru_hw.model.network import Array
from mru_hw.spice.bench import as_written, bench_deck, edge_and_step
from mru_hw.spice.deck import CHIP, TOKEN, Deck, Waves, pwl
from mru_hw.spice.options import network_options
from mru_hw.spice.unit_bench import unit_deck
from mru_hw.technology import MODELS, load_technology, technology_names
from mru_hw.technology.calibration import CHARGE
from mru_hw.technology.conditions import nominal_conditions

SHOWN = 2  # of them, in the figure: what a unit device of a mapped network carries
RESET = 5e-3  # s, of the first one
READ = 0.88  # of the frame, after the strobe; the next reset follows
RELEASED = 0.9  # of the frame without reset
STEP = 4e-5  # s, between samples of TRNOISE: a tenth of that time constant
SIGMA = 0.02  # of i_unit, by the law: what the node's noise is amplified to
AMPLIFIED = 400.0
AT = (-1.6, -0.8, 0.0, 0.8, 1.6)  # sigmas of the law
QUIET = np.linspace(-0.06, 0.06, 121)  # of i_unit, around the threshold at rest
SEED = 7


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
        *pwl(f"ic 0 {unit.node}", points, digits=9),
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
        "node": ({NODE: node}, SIGMA * I_UNIT, math.sqrt(node * bench) / found["mirror_gain"]),
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
    plt = plotting()
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
    saved(figure, path)


def measure(given: argparse.Namespace) -> dict[str, Any]:
    store, batch = store_of(given), Batch(store_of(given))
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
    parser = study(__doc__, tech=False, required=True)
    parser.add_argument("--tech", nargs="+", default=list(technology_names()))
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--figure", type=Path)
    given = parsed(parser)
    answer(measure(given))


if __name__ == "__main__":
    main()
