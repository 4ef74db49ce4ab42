"""What one long sequence takes: memory and time at every level, and where the limits come from.

``python benchmarks/bench_long_sequence.py`` prints JSON. Each row is `mru-hw simulate` of one
sequence in a process of its own: its peak resident memory as the system tells it, and what of it
is beyond a run of one frame, the inputs and the trace. The network has 2 CMRU units, 2 inputs and
2 outputs, unless --model names another.

    --frames N ...   lengths at the levels ideal and behavioral, with and without noise
    --timed N ...    lengths with --timing timed
    --blocks         time of a frame over the frames of a block, by width: where `BLOCK_FRAMES`
                     comes from
    --networks       memory of the blocks of wide and deep networks: what `WORKING_BYTES` bounds
    --spice N ...    ngspice: time points, time and memory of sequences, in one worker's session:
                     where the constants of `mru_hw.simulate.spice_size` come from
"""

from __future__ import annotations

import os

from benchmarks.study import answer, parsed, study

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from mru_hw.model.io import load_model, save_model
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate import blocks
from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.blocks import WORKING_BYTES, block_frames
from mru_hw.simulate.kept import trace_bytes
from mru_hw.simulate.run import Chip
from mru_hw.simulate.spice_size import transistors
from mru_hw.spice.bench import edge_and_step, make_bench
from mru_hw.spice.session import Session
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions

LEVELS = {
    "ideal": ["--level", "ideal"],
    "behavioral": [],
    "noise": ["--noise", "1"],
    "timed": ["--timing", "timed"],
}
CASES: dict[str, dict[str, Any]] = {
    "cmru 1 unit": {"units": 1, "layers": 1, "levels": 1},
    "bmru 1 unit": {"units": 1, "layers": 1, "cell": "bmru"},
    "cmru 2 units": {"units": 2, "layers": 1, "levels": 2},
    "fq_bmru 2 x 4": {
        "units": 4,
        "layers": 2,
        "cell": "fq_bmru",
        "rectify_input": True,
        "rectify_candidate": True,
        "rectify_output": True,
        "frame_period": "10 ms",
    },
    "cmru 2 x 8": {"units": 8, "layers": 2, "levels": 2, "skip": 1, "n_in": 13},
}


def make_model(
    units: int, layers: int, *, cell: str = "cmru", n_in: int | None = None, **keys: Any
) -> Model:
    """Draw a network that a technology holds: thresholds and levels near 1, weights below."""
    n_in = units if n_in is None else n_in
    top = {"frame_period": keys.pop("frame_period", "25 ms"), "n_in": n_in, "n_hidden": units}
    layer = {"cell": cell, "n_units": units, "n_out": units} | keys
    spec = ModelSpec.model_validate(top | {"n_classes": 2, "layers": [layer] * layers})
    rng = np.random.default_rng(3)
    tensors = {}
    for name, shape in spec.tensor_shapes().items():
        drawn = rng.normal(size=shape) / np.sqrt(shape[-1])
        if name.endswith((".alpha", ".beta", ".delta")):
            drawn = rng.uniform(0.5, 1.0, shape)
        if name.endswith("initial_state"):
            drawn = np.full(shape, float(cell == "bmru"))
        tensors[name] = drawn
    return Model(spec=spec, tensors=tensors)


# ----------------------------------------------------------------------------- long sequences


COMMAND = r"""
import contextlib, pathlib, re, sys
from mru_hw.cli.app import run
with contextlib.redirect_stdout(sys.stderr):
    status = run(sys.argv[1:])
found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path("/proc/self/status").read_text())
print(status, found[1])
"""
"""The command, and then its peak: what a parent hears of a child has the parent's own in it."""


def simulate(model: Path, folder: Path, frames: int, options: list[str]) -> tuple[float, int]:
    """Run the command on one sequence; return its wall time [s] and its peak memory [bytes]."""
    n_in = load_model(model).spec.n_in
    x = np.random.default_rng(0).normal(size=(1, frames, n_in))
    save_inputs(make_inputs(x), folder / "x.npz")
    files = ["--inputs", str(folder / "x.npz"), "--out", str(folder / "y.npz")]
    command = [sys.executable, "-c", COMMAND, "simulate", str(model), *files, *options]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    status, peak = done.stdout.split()
    if status != "0":
        raise RuntimeError(f"{command} ended with {status}: {done.stderr}")
    return seconds, int(peak) * 1024


def long_sequences(model: Path, lengths: dict[str, list[int]]) -> list[dict[str, Any]]:
    spec, rows = load_model(model).spec, []
    with tempfile.TemporaryDirectory() as name:
        for level, options in LEVELS.items():
            if not lengths[level]:
                continue
            _, alone = simulate(model, Path(name), 1, options)
            for frames in lengths[level]:
                seconds, peak = simulate(model, Path(name), frames, options)
                inputs, trace = 8 * frames * spec.n_in, trace_bytes(spec, (1, 1, frames), 8)
                rows.append(
                    {
                        "level": level,
                        "frames": frames,
                        "seconds": round(seconds, 2),
                        "peak_MB": round(peak / 1e6, 1),
                        "one_frame_MB": round(alone / 1e6, 1),
                        "inputs_MB": round(inputs / 1e6, 1),
                        "trace_MB": round(trace / 1e6, 1),
                        "beyond_MB": round((peak - alone - inputs - trace) / 1e6, 1),
                    }
                )
                print(rows[-1], file=sys.stderr)
    return rows


# -------------------------------------------------------------------------------- the blocks


def frame_times(repeats: int) -> list[dict[str, Any]]:
    """Time a frame of 64 sequences in blocks of so many frames, in turns; medians in us."""
    rows = []
    for units in (2, 8, 16, 64):
        chip = Chip(make_model(units, 2, levels=2, skip=1), load_technology("generic180"))
        n_time = 1024 if units <= 16 else 256
        inputs = make_inputs(np.random.default_rng(1).normal(size=(64, n_time, units)))
        sizes = [n for n in (8, 16, 32, 64, 128, 256, 512, 1024) if n <= n_time]
        found: dict[int, list[float]] = {n: [] for n in sizes}
        usual = block_frames(chip.design, np.float64)
        for _ in range(repeats):
            for n in sizes:
                blocks.block_frames = lambda *_, n=n: n
                start = time.process_time()
                simulate_behavioral(
                    chip.design, chip.calibration, inputs, [chip.die(1)], keep_all=False
                )
                found[n].append((time.process_time() - start) / n_time * 1e6)
        blocks.block_frames = block_frames
        medians = {n: round(statistics.median(times), 1) for n, times in found.items()}
        rows.append({"units": units, "layers": 2, "us_by_frames": medians, "chosen": usual})
        print(rows[-1], file=sys.stderr)
    return rows


def grown(units: int, layers: int, cell: str) -> None:
    """Print by how much a run of many frames grows this process beyond one of one frame."""
    more: dict[str, Any] = {"threshold": "input", "levels": 2} if cell == "cmru" else {}
    model = make_model(units, layers, cell=cell, skip="matrix", **more)
    chip = Chip(model, load_technology("generic180"))
    # Hot: with leakage every node has half as many rows again.
    hot = chip.calibration.at(1.8, temperature=85.0, corner="ff")
    frames = block_frames(chip.design, np.float64)
    x = np.random.default_rng(0).normal(size=(64, 4 * frames, units))

    def peak(inputs: Any) -> int:
        simulate_behavioral(
            chip.design,
            hot,
            inputs,
            [chip.die(1)],
            temperature=85.0,
            noise=NoiseRun(seed=1),
            keep_all=False,
        )
        return status_bytes("VmHWM")

    alone = peak(make_inputs(x[:, :1]))
    found = {"units": units, "layers": layers, "cell": cell, "block_frames": frames}
    print(json.dumps(found | {"grown_MiB": round((peak(make_inputs(x)) - alone) / 2**20, 1)}))


def networks() -> list[dict[str, Any]]:
    sizes = [(2, 1, "cmru"), (16, 2, "cmru"), (16, 4, "cmru"), (16, 8, "cmru"), (16, 12, "cmru")]
    sizes += [(64, 2, "cmru"), (64, 4, "cmru"), (128, 2, "cmru"), (256, 2, "bmru")]
    return [child("--grown", *map(str, size)) for size in sizes]


# ----------------------------------------------------------------------------------- ngspice


def spice(name: str, technology: str, frames: int) -> None:
    """Print what one sequence costs in the session of a worker."""
    chip = Chip(make_model(**CASES[name]), load_technology(technology))
    design = chip.design
    x = np.random.default_rng(0).normal(size=(frames, design.spec.n_in))
    deck = make_bench(design, x, nominal_conditions(design.technology)).deck
    session = Session()
    session.load(deck)
    before = status_bytes("VmPeak")
    waves = session.run_die(None)
    values = sum(len(vector) for vector in waves.vectors.values())
    count = transistors(design)
    period, step = design.timing.frame, edge_and_step(design.timing.frame)[1]
    points = len(waves.time) / frames
    row = {
        "network": name,
        "technology": technology,
        "frames": frames,
        "status": waves.status.name.lower(),
        "transistors": count,
        "vectors": len(waves.vectors),
        "points_per_frame": round(points, 1),
        "points_over_least": round(points * step / period, 2),
        "core_seconds": round(waves.core_seconds, 2),
        "core_seconds_per_frame_and_transistor": waves.core_seconds / frames / count,
        "bytes_per_value": round((status_bytes("VmPeak") - before) / values, 1),
    }
    print(json.dumps(row))


def spice_runs(lengths: list[int]) -> list[dict[str, Any]]:
    cases = [("generic180", name) for name in CASES] + [("sky130", "cmru 2 units")]
    return [
        child("--one-spice", name, technology, str(frames))
        for technology, name in cases
        for frames in lengths
    ]


# ------------------------------------------------------------------------------ the processes


def status_bytes(name: str) -> int:
    """Return a size that Linux tells of this process [bytes]."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"{name}:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) * 1024


def child(*arguments: str) -> dict[str, Any]:
    """Run this file in a process of its own and read what it prints."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, capture_output=True, text=True
    )
    row: dict[str, Any] = json.loads(done.stdout)
    print(row, file=sys.stderr)
    return row


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--frames", type=int, nargs="*", default=[20_000, 200_000])
    parser.add_argument("--timed", type=int, nargs="*", default=[200, 1_000])
    parser.add_argument("--blocks", action="store_true")
    parser.add_argument("--networks", action="store_true")
    parser.add_argument("--spice", type=int, nargs="*", default=[])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--grown", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--one-spice", nargs=3, help=argparse.SUPPRESS)
    given = parsed(parser)
    if given.grown:
        grown(int(given.grown[0]), int(given.grown[1]), given.grown[2])
        return
    if given.one_spice:
        spice(given.one_spice[0], given.one_spice[1], int(given.one_spice[2]))
        return
    lengths = dict.fromkeys(LEVELS, given.frames) | {"timed": given.timed}
    with tempfile.TemporaryDirectory() as name:
        model = given.model or Path(name) / "model"
        if given.model is None:
            save_model(make_model(2, 1, levels=2), model)
        found: dict[str, Any] = {
            "working_MB": WORKING_BYTES / 1e6,
            "long_sequences": long_sequences(model, lengths),
        }
    if given.blocks:
        found["blocks"] = frame_times(given.repeats)
    if given.networks:
        found["networks"] = networks()
    if given.spice:
        found["spice"] = spice_runs(given.spice)
    answer(found)


if __name__ == "__main__":
    main()
