"""Dies per second in ngspice: a deck loaded once and changed, against one rebuilt for every die.

Two Monte Carlos: the nine-transistor cell (a slow triangle of input current; the currents at which
it rises and falls are read of each die), and the first frames of one sequence through a trained
network (the output currents at each frame's end). Both contenders get the same draws, the same
analysis and one thread a process; ours has --workers processes, plain PySpice is one, as PySpice
is: it writes the deck through `Circuit`, loads it, alters, runs and converts its vectors, die by
die. Memory is that of one worker after 20 and after --runs dies.

    python benchmarks/bench_spice_dies.py [--tech generic180|sky130] [--model MODEL]

Without --model the network is left out: `mru-hw demo` trains one (demo-out/model-spice).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import chdir
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study import answer, parsed, study, tell
from mru_hw.errors import RunStatus
from mru_hw.lab.cell_dies import RAMP_S, cell_deck, cell_dies, switching
from mru_hw.model.io import load_model
from mru_hw.model.network import Array
from mru_hw.simulate.run import Chip
from mru_hw.spice.bench import make_bench
from mru_hw.spice.deck import BENCH, Change, Deck, Waves
from mru_hw.spice.dies import die_changes
from mru_hw.spice.library import VARIABLE, ngspice_library
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.session import Session
from mru_hw.spice.worker import memory
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.variation import draw_die

Read = Callable[[Waves], Array]

FINE = "gmin=1e-17 abstol=1e-16 vntol=1e-6 chgtol=1e-18 trtol=1 reltol=1e-5 method=gear"


# ----------------------------------------------------------------------------------- the network


def network(
    technology: Technology, model: Path, frames: int, count: int
) -> tuple[Deck, list[list[Change]], Read]:
    """The first frames of a random sequence through a trained network."""
    chip = Chip(load_model(model), technology)
    spec = chip.model.spec
    x = np.random.default_rng(0).normal(size=(frames, spec.n_in))
    bench = make_bench(chip.design, x, nominal_conditions(technology))
    dies = [list(die_changes(chip.design, draw_die(chip.design, k))) for k in range(count)]
    names = [f"i(vy{k})" for k in range(spec.n_classes)]

    def read(waves: Waves) -> Array:
        if waves.status is not RunStatus.DONE:
            return np.full(len(names) * frames, np.nan)
        return np.concatenate(
            [np.interp(bench.read_at, waves.time, waves.vectors[name]) for name in names]
        )

    return bench.deck, dies, read


# ---------------------------------------------------------------------------------- contenders


def ours(deck: Deck, dies: Sequence[Sequence[Change]], read: Read, workers: int) -> dict[str, Any]:
    start, seconds, helped = time.perf_counter(), 0.0, 0
    values = [np.empty(0)] * len(dies)
    for k, waves in Runner(Limits()).run_dies(deck, dies, workers=workers):
        values[k] = read(waves)
        seconds += waves.core_seconds
        helped += bool(waves.helper)
    wall = time.perf_counter() - start
    return _row(values, wall, seconds) | {"workers": workers, "helped": helped}


def plain(deck: Deck, dies: Sequence[Sequence[Change]], read: Read) -> dict[str, Any]:
    """One PySpice process that rebuilds and reloads the deck for every die."""
    start = time.perf_counter()
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_plain_process, args=(there,))
    process.start()
    there.close()
    here.send((dict(deck.files), deck.saves, [[c.command for c in die] for die in dies]))
    values = [read(_waves(deck, here.recv())) for _ in dies]
    wall = time.perf_counter() - start
    seconds, used = here.recv()
    process.join()
    return _row(values, wall, seconds) | {"memory_at_end_MB": used / 1e6}


def _plain_process(pipe: Connection) -> None:
    os.environ[VARIABLE] = ngspice_library()
    from PySpice.Logging import Logging

    Logging.setup_logging(logging_level="CRITICAL")
    from PySpice.Spice.Netlist import Circuit
    from PySpice.Spice.NgSpice.Shared import NgSpiceShared

    files, saves, dies = pipe.recv()
    start = time.process_time()
    with tempfile.TemporaryDirectory(prefix="mru-hw-") as folder, chdir(folder):
        for name, text in files.items():
            Path(name).write_text(text, encoding="utf-8")
        ngspice = NgSpiceShared.new_instance()
        ngspice.exec_command("set num_threads=1")
        for commands in dies:
            circuit = Circuit("die")
            circuit.raw_spice = files[BENCH].removesuffix(".end\n")
            ngspice.destroy()
            ngspice.load_circuit(f"{circuit}\n.end\n")
            for command in commands:
                ngspice.exec_command(command)
            ngspice.run()
            analysis = ngspice.plot(None, ngspice.last_plot)
            pipe.send({name: np.array(_found(analysis, name)) for name in ("time", *saves)})
            ngspice.remove_circuit()
        pipe.send((time.process_time() - start, memory()))


def _found(plot: Any, name: str) -> Any:
    stored = name[2:-1] if name.startswith("v(") else name
    stored = f"{name[2:-1]}#branch" if name.startswith("i(") else stored
    return plot[stored].to_waveform(to_float=True)


def _waves(deck: Deck, vectors: dict[str, Array]) -> Waves:
    whole = vectors["time"][-1] >= deck.t_stop * (1 - 1e-9)
    status = RunStatus.DONE if whole else RunStatus.DID_NOT_CONVERGE
    return Waves(status=status, vectors=vectors, core_seconds=0.0, message="")


def _row(values: list[Array], wall: float, seconds: float) -> dict[str, Any]:
    return {
        "values": np.array(values),
        "dies": len(values),
        "wall_s": wall,
        "dies_per_s": len(values) / wall,
        "core_s_per_die": seconds / len(values),
    }


# ------------------------------------------------------------------------------------ measuring


def contest(
    deck: Deck, dies: list[list[Change]], read: Read, workers: int, plain_dies: int
) -> dict[str, Any]:
    mine = ours(deck, dies, read, workers)
    theirs = plain(deck, dies[:plain_dies], read)
    a, b = mine.pop("values"), theirs.pop("values")
    both = a[:plain_dies]
    finite = np.isfinite(both) & np.isfinite(b)
    return {
        "ours": mine,
        "plain": theirs,
        "speedup": mine["dies_per_s"] / theirs["dies_per_s"],
        "read_of_both": int(finite.sum()),
        "read_of_one_only": int((np.isfinite(both) != np.isfinite(b)).sum()),
        "largest_difference": float(np.max(np.abs(both - b)[finite] / np.abs(b[finite]))),
        "mean_A": np.nanmean(a, axis=0),
        "std_A": np.nanstd(a, axis=0),
    }


def edge_errors(
    technology: Technology, deck: Deck, dies: Sequence[Sequence[Change]]
) -> dict[str, Any]:
    """Relative error of the cell's edges against steps a hundred times as short."""
    session, found = Session(), []
    for each in (deck, cell_deck(technology, options=FINE, step=RAMP_S / 7500)):
        session.load(each)
        found.append(np.array([switching(session.run_die(die)) for die in dies]))
    return {"dies": len(dies), "largest": np.max(np.abs(found[0] / found[1] - 1))}


def memory_after(deck: Deck, dies: Sequence[Sequence[Change]], runs: int) -> dict[str, Any]:
    """Memory of one session after 20 dies and after `runs`, without the runner's recycling."""
    session, used = Session(), dict[int, float]()
    session.load(deck)
    for k in range(runs):
        waves = session.run_die(dies[k % len(dies)])
        assert waves.status is RunStatus.DONE, waves.message
        if k + 1 in {20, runs}:
            used[k + 1] = memory() / 1e6
    return {"runs": runs, "after_20_MB": used[20], "after_all_MB": used[runs]}


def main() -> None:
    parser = study(__doc__, work=False)
    parser.add_argument("--model", type=Path, default=Path("demo-out/model-spice"))
    parser.add_argument("--dies", type=int, default=200)
    parser.add_argument("--plain-dies", type=int, help="fewer, where each takes long")
    parser.add_argument("--network-dies", type=int, default=8)
    parser.add_argument("--frames", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=2000)
    given = parsed(parser)
    technology = load_technology(given.tech)
    result: dict[str, Any] = {"technology": given.tech}
    deck, dies = cell_deck(technology), cell_dies(technology, given.dies)
    result["edges_against_fine_steps"] = edge_errors(technology, deck, dies[:5])
    result["cell"] = contest(deck, dies, switching, given.workers, given.plain_dies or given.dies)
    if given.model.is_dir() and given.network_dies:
        parts = network(technology, given.model, given.frames, given.network_dies)
        result["network"] = {"frames": given.frames, "changes": len(parts[1][0])}
        result["network"] |= contest(*parts, given.workers, given.network_dies)
    else:
        tell("No trained network: that part is left out.")
    if given.runs:
        result["memory"] = memory_after(deck, dies, given.runs)
    answer(result)


if __name__ == "__main__":
    main()
