"""The error budget against ngspice: what it says of mirrors and thresholds, and what dies do.

    python benchmarks/bench_budget.py [--tech generic180|sky130] [--dies 200]

prints JSON. A die is the loaded deck with its devices' parameters changed (``alter``). Measured are

mirrors     standard deviation of ln(current) of 1:1 legs, plain and with cascodes, beside the
            budget's (a cascode's own mismatch is left out of it) and the sizing law's
thresholds  a chip of one CMRU layer, its inputs swept slowly along the line on which all
            candidates pass -beta and beta together: standard deviation of where the comparators
            decide, in units of beta, beside the budget's at that very point; and by how much the
            nominal chip is off, beside its curvature
leakage     by how much the same chip's candidates move from tt and 27 degC to the worst condition,
            beside the budget's leakage; everything else that the condition moves is in it too
v_ds        a mirror's gain over its drain voltage beside the law, at lengths and currents that the
            table behind the law does not hold, with and without cascodes
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

import mru_hw
from benchmarks.study import answer, parsed, study
from mru_hw.budget.mismatch import mismatch_spread
from mru_hw.budget.nominal import Nominal
from mru_hw.budget.nominal import thresholds as threshold_currents
from mru_hw.budget.signals import Signals, identity, solve_signals
from mru_hw.budget.systematic import residuals, systematic_errors
from mru_hw.lab.threshold_line import (
    REACH,
    SWEEP,
    done,
    line_deck,
    line_of_inputs,
    network,
    steepness,
    sweep_deck,
    trips,
)
from mru_hw.mapping import map_model, unmap
from mru_hw.mapping.design import Design
from mru_hw.mapping.rows import Part
from mru_hw.mapping.sizing import load_lengths, mirror_errors
from mru_hw.model.network import Array
from mru_hw.simulate.compile import compile_die
from mru_hw.spice.bench import candidate_vectors
from mru_hw.spice.characterize.base import I_USUAL, UNITS
from mru_hw.spice.characterize.lengths import currents, mirror, solve
from mru_hw.spice.deck import Change
from mru_hw.spice.dies import device_changes, die_changes
from mru_hw.spice.runner import Limits, Runner
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.variation import Die, draw_die, nominal_die


def spread_error(n_dies: int) -> float:
    """Relative standard error of a standard deviation."""
    return float(1 / np.sqrt(2 * n_dies))


# --------------------------------------------------------------------------------------- mirrors


def mirrors(technology: Technology, calibration: Calibration, n_dies: int) -> dict[str, Any]:
    half = technology.v_dd / 2
    lines, devices = [f"vh h 0 {half}"], []
    for p in "np":
        rail = "0" if p == "n" else "vdd"
        name = f"{p}_mirror units={UNITS}"
        for kind in ("plain", "cascode"):
            k = f"{p}{kind[0]}"
            into = f"vdd g{k}" if p == "n" else f"g{k} 0"
            lines += [f"i{k} {into} {I_USUAL}", f"vs{k} h o{k} 0"]
            g, m, s, o = f"g{k}", f"m{k}", f"s{k}", f"o{k}"
            if kind == "plain":
                pairs = [("d", g, g, rail), ("l", o, g, rail)]
            else:
                pairs = [("d", m, m, rail), ("l", s, m, rail), ("e", g, g, m), ("k", o, g, s)]
            for role, drain, control, source in pairs:
                lines.append(f"x{role}{k} {drain} {control} {source} {rail} {name}")
                devices.append((p, k, role))
    saves = tuple(f"i(vs{p}{kind})" for p in "np" for kind in "pc")
    deck = line_deck(technology, lines, saves, 1.0)
    rng = np.random.default_rng(1)
    drawn = rng.standard_normal((n_dies, len(devices), 2))
    dies = [list(changes(technology, devices, z)) for z in drawn]
    found = np.zeros((n_dies, len(saves)))
    for place, waves in Runner(Limits(time_s=300)).run_dies(deck, dies, workers=1):
        found[place] = [abs(done(waves).vectors[save][-1]) for save in saves]
    sigma = np.log(found).std(axis=0)
    lengths = load_lengths(technology)
    result: dict[str, Any] = {}
    for p in "np":
        vt, beta = technology.sigma(f"{p}_mirror", UNITS)
        budget = np.sqrt(2 * ((vt / calibration.thermal(p, 27.0)) ** 2 + beta**2))
        for kind in ("plain", "cascode"):
            sized = mirror_errors(
                lengths,
                p,
                length=technology.devices[f"{p}_mirror"].l,
                units=UNITS,
                current=I_USUAL,
                swing=0.0,
                cascode=kind == "cascode",
            )
            measured = float(sigma[saves.index(f"i(vs{p}{kind[0]})")])
            result[f"{p} {kind}"] = {
                "ngspice": measured,
                "budget": float(budget),
                "sizing": sized.random,
                "budget_over_ngspice": float(budget) / measured,
            }
    return result


def changes(
    technology: Technology, devices: list[tuple[str, str, str]], drawn: Array
) -> list[Change]:
    found: list[Change] = []
    for (p, k, role), z in zip(devices, drawn, strict=True):
        device = f"{p}_mirror"
        dvt, dbeta = technology.sigma(device, UNITS) * z
        path = f"x{role}{k}.{technology.transistor_path(device)}"
        found += device_changes(technology, device, path, dvt, dbeta)
    return found


# ------------------------------------------------------------------------------------ thresholds


def thresholds(technology: Technology, calibration: Calibration, n_dies: int) -> dict[str, Any]:
    model = network()
    design = map_model(model, technology, calibration)
    mapped = unmap(design, calibration)
    offset, slope = line_of_inputs(mapped)
    n = design.banks[0].n_units
    deck = sweep_deck(design, offset, slope)
    runner = Runner(Limits(time_s=600))
    dies = [list(die_changes(design, draw_die(design, seed))) for seed in range(n_dies)]
    found = np.zeros((n_dies + 1, n, 2))
    grows = np.ones((n, 2))
    for place, waves in runner.run_dies(deck, [[], *dies], workers=1):
        found[place] = trips(done(waves), calibration, n)
        if place == 0:
            grows = steepness(waves, design, found[0])
    nominal, drawn = found[0], found[0] + (found[1:] - found[0]) * grows
    law = behavioral(design, calibration, (offset, slope), n_dies)
    chip = Nominal.of(design, calibration, technology.temperature)

    def at(s: float) -> Signals:
        cells = {0: np.ones((1, n), dtype=np.int64)}
        return solve_signals(chip, (offset + s * slope)[None], cells)

    sides = [at(1.0), at(-1.0)]
    lengths = load_lengths(technology)
    budget, bent = np.zeros((n, 2)), np.zeros((n, 2))
    for j, signals in enumerate(sides):
        spread = mismatch_spread(design, calibration, signals=signals)
        budget[:, j] = spread.sigma_thresholds.reshape(2, n)[j]
        left = systematic_errors(residuals(model, design, calibration, lengths, signals=signals))
        bent[:, j] = left.total_thresholds["curvature"].reshape(2, n)[j]
    ratio = budget / drawn.std(axis=0)
    # Positive where the candidate seems larger, so the comparator decides at less.
    moved = -(drawn - nominal) * np.array([1.0, -1.0])
    return {
        "sigma_ngspice": drawn.std(axis=0).tolist(),
        "sigma_budget": budget.tolist(),
        "budget_over_ngspice": ratio.tolist(),
        "rms_budget_over_ngspice": float(
            np.sqrt(np.mean(budget**2) / np.mean(drawn.std(axis=0) ** 2))
        ),
        "behavioral_over_ngspice_same_dies": (law.std(axis=0) / drawn.std(axis=0)).tolist(),
        "correlation_with_behavioral": [
            [float(np.corrcoef(law[:, k, j], moved[:, k, j])[0, 1]) for j in (0, 1)]
            for k in range(n)
        ],
        "rms_behavioral_over_ngspice_same_dies": float(
            np.sqrt(np.mean(law.var(axis=0)) / np.mean(drawn.var(axis=0)))
        ),
        "candidate_growth_ngspice": grows.tolist(),
        "nominal_offset_ngspice": (nominal - np.array([1.0, -1.0])).tolist(),
        "curvature_budget": bent.tolist(),
    }


def leakage(technology: Technology, calibration: Calibration) -> dict[str, Any]:
    model, lengths = network(), load_lengths(technology)
    design = map_model(model, technology, calibration)
    offset, slope = line_of_inputs(unmap(design, calibration))
    n = design.banks[0].n_units
    corner, temperature = lengths.worst
    worst = technology.model_copy(update={"corners": (corner,), "temperature": temperature})
    at, found = np.array([1.0, 0.5, 0.0, -0.5, -1.0]), []
    chip = Nominal.of(design, calibration, technology.temperature)
    beta = threshold_currents(chip.devices, design.banks[0])[0, 0]
    for process in (technology, worst):
        deck = sweep_deck(dataclasses.replace(design, technology=process), offset, slope)
        waves = done(Runner(Limits(time_s=600)).run(deck))
        s = REACH * (2 * (waves.time - 1) / SWEEP - 1)
        rails = [
            [np.abs(waves.vectors[v]) for v in candidate_vectors(design, 0, k)] for k in range(n)
        ]
        found.append([np.interp(at, s, p - m) / beta[k] for k, (p, m) in enumerate(rails)])
    cells = {0: np.ones((len(at), n), dtype=np.int64)}
    signals = solve_signals(chip, offset + at[:, None] * slope, cells)
    read = residuals(model, design, calibration, lengths, signals=signals)
    seeds: dict[str, Array] = {design.banks[0].candidate: identity(len(at), n)}
    budget = np.sum(list(read.carried(read.played, seeds)["leakage"].values()), axis=0) / beta
    moved = (np.array(found[1]) - np.array(found[0])).T
    return {
        "at_s": at.tolist(),
        "ngspice": moved.tolist(),
        "budget": budget.tolist(),
        "correlation": float(np.corrcoef(moved.ravel(), budget.ravel())[0, 1]),
        "rms_ngspice": float(np.sqrt(np.mean(moved**2))),
        "rms_budget": float(np.sqrt(np.mean(budget**2))),
        "rms_difference": float(np.sqrt(np.mean((moved - budget) ** 2))),
    }


def behavioral(
    design: Design, calibration: Calibration, line: tuple[Array, Array], n_dies: int
) -> Array:
    """Errors of the same dies by the behavioral level, in beta: (n_dies, n_units, up and down)."""
    offset, slope = line
    bank = design.banks[0]
    x = np.stack([offset + slope, offset - slope], axis=1)[:, :, None]

    def read(die: Die) -> Array:
        array = compile_die(design, calibration, die, temperature=design.technology.temperature)
        rails = {"x": array.nodes["x"].rails(x)}
        rails[Part.SIGNAL.of(0)] = array.arrive(Part.SIGNAL.of(0), rails)[1]
        c = array.arrive(bank.candidate, rails)[0][:, :, 0]
        up, down = (t[:, 0, 0] for t in array.memories[0].thresholds())
        return np.stack([c[:, 0] - up, -c[:, 1] - down], axis=1)

    rest = read(nominal_die(design))
    up = compile_die(design, calibration, nominal_die(design), temperature=27.0).memories[0]
    scale = up.thresholds()[0][:, 0]
    return np.array([(read(draw_die(design, k)) - rest) / scale for k in range(n_dies)])


# ------------------------------------------------------------------------------------------ V_DS


def drains(technology: Technology, calibration: Calibration) -> dict[str, Any]:
    lengths = load_lengths(technology)
    sizes = (3e-6, 6e-6, 12e-6)
    cases = [
        (p, at, i, cascode)
        for p in "np"
        for at in sizes
        for i in (0.2e-9, 3e-9)
        for cascode in (False, True)
    ]
    lines = ["vd dn 0 1", "ed dp 0 0 dn 1"]
    for k, (p, at, i, cascode) in enumerate(cases):
        lines += mirror(k, p, at, i, f"d{p}", cascode=cascode)
    found = np.abs(
        solve(technology, lines, currents(len(cases)), "dc vd 0.9 1.5 0.05", sizes=sizes)
    )
    result = {}
    for k, (p, at, i, cascode) in enumerate(cases):
        change = found[:, k] / found[0, k] - 1
        conductance = lengths.conductance(p, at, cascode=cascode)
        law = conductance * 0.6 / (1 + conductance * 0.9)
        kind = "cascode" if cascode else "plain"
        result[f"{p} {at * 1e6:.0f} um {i * 1e9:g} nA {kind}"] = {
            "ngspice": float(change[-1]),
            "law": law,
        }
    placed = {
        p: (
            getattr(calibration, p).conductance,
            lengths.conductance(p, technology.devices[f"{p}_mirror"].l),
        )
        for p in "np"
    }
    return {"gain_change_0.9_to_1.5_V": result, "conductance_calibration_and_table": placed}


def main() -> None:
    parser = study(__doc__, work=False)
    parser.add_argument("--dies", type=int, default=200)
    given = parsed(parser)
    technology = load_technology(given.tech)
    calibration = load_calibration(technology)
    start = time.monotonic()
    result = {
        "mru_hw": mru_hw.__version__,
        "technology": technology.name,
        "dies": given.dies,
        "standard_error_of_sigma": spread_error(given.dies),
        "v_ds": drains(technology, calibration),
        "mirrors": mirrors(technology, calibration, given.dies),
        "leakage": leakage(technology, calibration),
        "thresholds": thresholds(technology, calibration, given.dies),
    }
    answer(result | {"seconds": round(time.monotonic() - start, 1)})


if __name__ == "__main__":
    main()
