"""`--timing timed` beside ngspice on frames that are too short for settled states.

Each part runs one network at ever shorter frames in ngspice, `settled` and `timed`, on the same
inputs, and counts bits at the frames' ends, or a ladder's steps: `differs` where ngspice is unlike
settled, `reproduced` where timed then says what ngspice does, `missed` where it does not,
`invented` where ngspice is like settled and timed is not.

* loops: the first-quadrant network of the published size (bench_first_quadrant.py), sequences of
  101 frames; it has no clock.
* ladder: one CMRU unit (K = 2, beta = 1, alpha = 0.5) as a chip of its own, random inputs none
  nearer than 5 % to a threshold, at tt, 27 degC, at ff, 85 degC and at ss, -40 degC. Beside the
  counts the fastest usable frame: the shortest of those before which no step is unlike settled.
* overlap: of loops, how many bits of the first layer timed has wrong, and how many once an ideal
  buffer lies between each loop's copy M1 and the rail that its swing pulls along.
* network: the trained 2 x 8 CMRU of --model, test rows of the digits.

    python benchmarks/bench_timed.py --work DIR [--model MODEL] [--parts loops,overlap,...]

--load multiplies the capacitances that timed uses at the nominal condition, to see what they weigh;
--wire-per-leg gives wires to all parts but overlap.

DIR keeps every finished run of ngspice and the trained network, so that a call which was cut off
goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import answer, needs_model, parsed, store_of, study
from mru_hw.cells.settling import settling_times
from mru_hw.errors import RunStatus
from mru_hw.lab.agreement import run_sequence, test_rows
from mru_hw.lab.first_quadrant import strung, trained
from mru_hw.lab.levels import at_frame, steps_of
from mru_hw.lab.networks import unit_model
from mru_hw.lab.store import Arrays, Store
from mru_hw.mapping.wire_load import asked_wires
from mru_hw.model.io import load_model
from mru_hw.model.network import Array, Model
from mru_hw.model.structure import normalised
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip, Run, run_level
from mru_hw.simulate.timed_units import ON_MARGIN
from mru_hw.spice.bench import make_bench, state_vectors
from mru_hw.spice.deck import CHIP
from mru_hw.spice.runner import Limits, Runner
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import Conditions, checked_conditions

LOOPS = ("10 ms", "5 ms", "2 ms", "1 ms", "0.5 ms")
LADDER = (
    *("10 ms", "5 ms", "4 ms", "3.3 ms", "2.8 ms", "2.3 ms", "2 ms"),
    *("1.8 ms", "1.6 ms", "1.4 ms", "1.2 ms", "1 ms", "0.5 ms", "0.25 ms"),
)
NETWORK = ("5 ms", "2 ms", "1 ms")
OVERLAP = ("10 ms", "2 ms")
COPY = "xm1 v p vdd vdd p_mirror units={units}"  # of hysteretic_cell
LADDER_AT = (("tt", 27.0), ("ff", 85.0), ("ss", -40.0))
MARGIN = 0.05  # of a threshold, that no input of the ladder comes nearer than


def counts(chip: Chip, layer: int, runs: Sequence[tuple[Array, Array, Array]]) -> dict[str, int]:
    """Count over a layer's frames: per run ngspice's, settled's and timed's states."""
    found = dict.fromkeys(("steps", "differs", "reproduced", "missed", "invented"), 0)
    for states in runs:
        spice, settled, timed = (steps_of(chip, layer, h) for h in states)
        differs, like = spice != settled, spice == timed
        found["steps"] += spice.size
        found["differs"] += int(differs.sum())
        found["reproduced"] += int((differs & like).sum())
        found["missed"] += int((differs & ~like).sum())
        found["invented"] += int((~differs & ~like).sum())
    return found


def watts(run: Run, inputs: Inputs, frame: float) -> float:
    assert run.supply is not None
    return float(energy(run.supply).total.sum() / (inputs.lengths.sum() * frame))


def loaded(chip: Chip, load: float) -> Chip:
    """The same chip with its nominal capacitances times `load`."""
    constants = ("c_gate_n", "c_gate_p", "c_drain_n", "c_drain_p")
    update = {name: load * getattr(chip.calibration, name) for name in constants}
    return replace(chip, calibration=chip.calibration.model_copy(update=update))


def compare(
    given: argparse.Namespace, model: Model, frame: str, inputs: Inputs, conditions: Conditions
) -> dict[str, Any]:
    """Run a network at one frame in all three ways."""
    store = store_of(given)
    wires = asked_wires(given.wire_per_leg, "0 F")
    whole = Chip(at_frame(model, frame), load_technology(given.tech), wires=wires)
    chip = loaded(whole, given.load)
    period = chip.design.timing.frame
    spice = [run_sequence(chip, inputs, k, store, conditions) for k in range(inputs.n_seq)]
    done = [k for k, run in enumerate(spice) if str(run["status"][0]) == "DONE"]
    seconds, levels = {}, {}
    for timing in ("settled", "timed"):
        start = time.process_time()
        levels[timing] = run_level(
            chip, inputs, level="behavioral", conditions=conditions, timing=timing
        )
        seconds[timing] = time.process_time() - start
    calibration = chip.calibration.at(
        conditions.v_dd, temperature=conditions.temperature, corner=conditions.corner
    )
    layers = []
    for i in range(len(chip.design.banks)):
        runs: list[tuple[Array, Array, Array]] = []
        errors = []
        for k in done:
            n = int(inputs.lengths[k])
            found = [levels[name].trace for name in ("settled", "timed")]
            settled, timed = (t.states[i][k, :n] for t in found)
            runs.append((spice[k][f"layer{i}.state"][0, :n], settled, timed))
            c = spice[k][f"layer{i}.candidate"][0, :n]
            errors.append([np.mean((t.candidates[i][k, :n] - c) ** 2) for t in found])
        rms = np.sqrt(np.mean(errors, axis=0))
        error = {f"candidate_error_{name}": float(r) for name, r in zip(levels, rms, strict=True)}
        layers.append(counts(chip, i, runs) | error)
        print(frame, conditions.corner, f"layer {i}", layers[-1], file=sys.stderr)
    joules = sum(float(spice[k]["energy_J"][0]) for k in done)
    return {
        "frame_s": period,
        "settling_time_s": max(
            settling_times(chip.design, calibration, conditions.temperature).values()
        ),
        "sequences": inputs.n_seq,
        "complete": len(done),
        "layers": layers,
        "power_W": {
            "spice": joules / (period * float(inputs.lengths[done].sum())),
            **{name: watts(run, inputs, period) for name, run in levels.items()},
        },
        "core_seconds": {"spice": sum(float(run["core_seconds"][0]) for run in spice), **seconds},
    }


# ----------------------------------------------------------------------------------- the parts


def first_quadrant(given: argparse.Namespace) -> tuple[Model, Inputs]:
    network = trained(given.work)
    return network.model, strung(network.test, given.sequences)


def loops(given: argparse.Namespace) -> list[dict[str, Any]]:
    model, inputs = first_quadrant(given)
    conditions = conditions_of(given.tech, "tt", 27.0)
    return [compare(given, model, f, inputs, conditions) for f in LOOPS]


def ladder(given: argparse.Namespace) -> dict[str, Any]:
    model = unit_model(2)
    rng = np.random.default_rng(0)
    x: list[float] = []
    while len(x) < given.frames:
        value = rng.uniform(-2.5, 2.5)
        if abs(abs(value) - 1) > MARGIN:
            x.append(value)
    inputs = make_inputs(np.array(x)[None, :, None])
    found = {}
    for corner, temperature in LADDER_AT:
        conditions = conditions_of(given.tech, corner, temperature)
        frames = given.ladder_frames.split(",")
        rows = [compare(given, model, f, inputs, conditions) for f in frames]
        found[f"{corner}, {temperature:g} degC"] = {
            "rows": rows,
            "fastest_usable_s": {
                "spice": fastest(rows, ("differs",)),
                "timed": fastest(rows, ("reproduced", "invented")),
            },
        }
    return found


def fastest(rows: Sequence[dict[str, Any]], wrong: Sequence[str]) -> float | None:
    """The shortest frame before which nothing is unlike settled; None where the first one is."""
    found = None
    for row in rows:
        if any(layer[name] for layer in row["layers"] for name in wrong):
            break
        found = row["frame_s"]
    return found


def network(given: argparse.Namespace) -> list[dict[str, Any]]:
    needs_model(given.model)
    model, inputs = load_model(given.model), test_rows(given.rows)
    conditions = conditions_of(given.tech, "tt", 27.0)
    frames = given.network_frames.split(",")
    return [compare(given, model, f, inputs, conditions) for f in frames]


def conditions_of(tech: str, corner: str, temperature: float) -> Conditions:
    technology = load_technology(tech)
    return checked_conditions(
        technology, corner=corner, temperature=temperature, v_dd=technology.v_dd
    )


def overlap(given: argparse.Namespace) -> list[dict[str, Any]]:
    model, inputs = first_quadrant(given)
    conditions, store = conditions_of(given.tech, "tt", 27.0), store_of(given)
    found = []
    for frame in OVERLAP:
        chip = Chip(at_frame(model, frame), load_technology(given.tech))
        timed = run_level(
            chip, inputs, level="behavioral", conditions=conditions, timing="timed"
        ).trace.states[0]
        row: dict[str, Any] = {"frame": frame, "changed": 0, "wrong": 0, "wrong_buffered": 0}
        for k in range(inputs.n_seq):
            whole = run_sequence(chip, inputs, k, store, conditions)["layer0.state"][0]
            apart = buffered_bits(chip, inputs.take(slice(k, k + 1)), store, conditions)
            bits, wanted = (steps_of(chip, 0, h[: len(apart)]) for h in (whole, timed[k]))
            row["changed"] += int((apart != bits).sum())
            row["wrong"] += int((wanted != bits).sum())
            row["wrong_buffered"] += int((wanted != apart).sum())
        print(row, file=sys.stderr)
        found.append(row)
    return found


def buffered_bits(
    chip: Chip, one: Inputs, store: Store, conditions: Conditions
) -> NDArray[np.int64]:
    """The first layer's bits where no loop pulls at the rail that it copies."""
    frames = normalised(chip.model.spec, one.x[0, : one.lengths[0]])
    bench = make_bench(chip.design, frames, conditions)
    text = bench.deck.files[CHIP]
    if COPY not in text:
        sys.exit("The loop has no M1 as it is known here.")
    # A copy at rest takes the gate's charge in M1's place.
    apart = f"eb pb 0 p 0 1\n{COPY.replace(' p ', ' pb ')}\n{COPY.replace('xm1 v', 'xload vdd')}"
    files = {**bench.deck.files, CHIP: text.replace(COPY, apart)}

    def run() -> Arrays:
        waves = Runner(Limits(time_s=3600)).run(replace(bench.deck, files=files))
        if waves.status is not RunStatus.DONE:
            sys.exit(f"ngspice: {waves.status.name}")
        on = chip.calibration.n.v_gate + ON_MARGIN
        bits = [
            np.interp(bench.read_at, waves.time, waves.vectors[name]) > on
            for k in range(chip.design.banks[0].n_units)
            for name in state_vectors(chip.design, 0, k)
        ]
        return {"bits": np.array(bits).T.astype(np.int64)}

    return store.arrays(f"buffered-{bench.deck.token:.9f}", run)["bits"]


PARTS = {"loops": loops, "overlap": overlap, "ladder": ladder, "network": network}


def main() -> None:
    parser = study(__doc__, required=True)
    parser.add_argument("--model", type=Path, default=Path("demo-out/model-spice"))
    parser.add_argument("--parts", default="loops,ladder,network")
    parser.add_argument("--sequences", type=int, default=3)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--load", type=float, default=1.0)
    parser.add_argument("--wire-per-leg", default="0 F")
    parser.add_argument("--ladder-frames", default=",".join(LADDER), help="from the longest on")
    parser.add_argument("--network-frames", default=",".join(NETWORK))
    given = parsed(parser)
    result = {"tech": given.tech, "load": given.load}
    result["wire_per_leg"] = given.wire_per_leg
    result |= {name: PARTS[name](given) for name in given.parts.split(",")}
    answer(result)


if __name__ == "__main__":
    main()
