"""Decks of 1e4 to 1e6 transistors: seconds and memory, beside PySpice's netlist objects.

``python benchmarks/bench_emitter.py`` prints JSON. A network of one CMRU layer, as wide as the
count of transistors asks (random weights; counted as everywhere: the ``m`` devices of the flat
deck, whatever their number of unit devices), is mapped and written as chip and bench of each
dialect. ``flat`` is a die of the HSPICE dialect, whose hierarchy is written out. ``elements`` is
the table ``elements.csv`` alone; ``folder`` is all that ``mru-hw netlist`` writes. ``pyspice``
builds the same hierarchical chip of PySpice's ``Circuit`` and ``SubCircuit`` objects from the
statements of the deck and turns it to text. Each runs in a process of its own, and its peak of
memory is that process's; ``base`` is what Python and the packages take of it. ``seconds`` and
``core_seconds`` begin before the mapping; the first hangs on what else the machine does.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study import parsed, show, study
from mru_hw.circuits.statements import Element, Netlist, Statement, Subckt
from mru_hw.mapping import map_model
from mru_hw.mapping.design import Design
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.spice.bench import make_bench
from mru_hw.spice.chip import chip_netlist
from mru_hw.spice.deck import BENCH, CHIP
from mru_hw.spice.dialects import DIALECTS
from mru_hw.spice.dialects.flat import flat_chip
from mru_hw.spice.dies import die_changes
from mru_hw.spice.elements import write_elements
from mru_hw.spice.flatten import flatten
from mru_hw.spice.folder import declared_frames, write_netlist
from mru_hw.sweeps.versions import machine, versions
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.variation import draw_die

N_IN, N_CLASSES = 16, 10
TASKS = ("ngspice", "hspice", "spectre", "xyce", "flat", "elements", "folder", "pyspice")


def wide_model(n_units: int) -> Model:
    """A layer of `n_units` CMRU units between square matrices of random weights."""
    layer = {"cell": "cmru", "n_units": n_units, "n_out": n_units, "levels": 2}
    spec = ModelSpec.model_validate(
        {
            "frame_period": "25 ms",
            "n_in": N_IN,
            "n_hidden": n_units,
            "n_classes": N_CLASSES,
            "layers": [layer],
        }
    )
    rng = np.random.default_rng(n_units)
    # As large as training leaves them: a node's sum is as large as what it adds.
    tensors = {
        name: rng.normal(size=shape) / np.sqrt(shape[-1])
        for name, shape in spec.tensor_shapes().items()
    }
    tensors["layers.0.beta"] = np.ones(n_units)
    tensors["layers.0.alpha"] = np.full(n_units, 0.5)
    tensors["layers.0.initial_state"] = np.zeros(n_units)
    return Model(spec=spec, tensors=tensors)


def count_transistors(chip: Netlist, technology: Technology) -> int:
    return sum(device.kind == "m" for device in flatten(chip, "mru_chip", technology))


def emit(design: Design, task: str, folder: Path) -> int:
    """Write chip and bench; return their bytes."""
    bench = make_bench(
        design, declared_frames(N_IN), nominal_conditions(design.technology), measures=True
    )
    language = DIALECTS["hspice" if task == "flat" else task]
    chip: Iterable[Statement] = bench.chip.statements()
    if task == "flat":
        chip = flat_chip(bench.chip, die_changes(design, draw_die(design, 1)))
    for name, statements in ((CHIP, chip), (BENCH, bench.player)):
        with (folder / language.file(name)).open("w") as stream:
            stream.writelines(f"{line}\n" for line in language.lines(statements))
    return sum(path.stat().st_size for path in folder.iterdir())


def with_pyspice(chip: Netlist, folder: Path) -> int:
    """Build the chip of PySpice's objects, write its text and return the bytes."""
    from PySpice.Spice.Netlist import Circuit, SubCircuit

    circuit = Circuit("chip")
    open_cell: Any = circuit
    for statement in chip.statements():
        match statement:
            case Subckt(name=name, pins=pins, values=values):
                open_cell = SubCircuit(name, *pins, **values)
                circuit.subcircuit(open_cell)
            case Element(name=name, nets=nets, model=model, values=values):
                if name[0] == "x":
                    open_cell.X(name[1:], model, *nets, **values)
                elif name[0] == "m":
                    # PySpice's own names where it has some; the rest has no place in its class.
                    named = {new: values[old] for old, new in _MOSFET.items()}
                    open_cell.MOSFET(name[1:], *nets, model=model, **named)
                else:
                    open_cell.SemiconductorCapacitor(name[1:], *nets, model=model)
            case _:
                pass
    path = folder / CHIP
    path.write_text(str(circuit))
    return path.stat().st_size


_MOSFET = {
    "w": "width",
    "l": "length",
    "m": "multiplier",
    "ad": "drain_area",
    "as": "source_area",
    "pd": "drain_perimeter",
    "ps": "source_perimeter",
}


def one(task: str, n_units: int) -> dict[str, float]:
    """Run one task and say what it took."""
    technology = load_technology("generic180")
    calibration = load_calibration(technology)
    model = wide_model(n_units)
    base = _peak()
    start, began = time.perf_counter(), time.process_time()
    design = map_model(model, technology, calibration)
    with tempfile.TemporaryDirectory() as name:
        size = _run(task, model, design, calibration, Path(name))
    result = {
        "seconds": time.perf_counter() - start,
        "core_seconds": time.process_time() - began,
        "peak_MiB": _peak(),
        "base_MiB": base,
        "bytes": size,
    }
    if task == "ngspice":
        result["transistors"] = count_transistors(chip_netlist(design), technology)
    return result


def _run(task: str, model: Model, design: Design, calibration: Calibration, folder: Path) -> int:
    if task == "elements":
        path = folder / "elements.csv"
        write_elements(path, model, design, calibration)
        return path.stat().st_size
    if task == "pyspice":
        return with_pyspice(chip_netlist(design), folder)
    if task == "folder":
        out = folder / "n"
        conditions = nominal_conditions(design.technology)
        written: Any = {"frames": declared_frames(N_IN), "expected": "The array was not run."}
        write_netlist(out, model, design, calibration, conditions=conditions, **written)
        return sum(path.stat().st_size for path in out.iterdir())
    return emit(design, task, folder)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(units: list[int], tasks: list[str], limit_s: float) -> dict[str, Any]:
    rows = []
    for n_units in units:
        row: dict[str, Any] = {"units": n_units}
        for task in tasks:
            command = [sys.executable, __file__, "--one", task, "--units", str(n_units)]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, check=True, timeout=limit_s
                )
            except subprocess.TimeoutExpired:
                row[task] = {"stopped_after_s": limit_s}
                continue
            row[task] = json.loads(done.stdout)
            print(f"{n_units} {task}: {row[task]}", file=sys.stderr, flush=True)
        rows.append(row)
    return {"rows": rows, "machine": machine(), "versions": versions()}


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("--units", type=int, nargs="+", default=[38, 160, 560])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--limit", type=float, default=600.0, help="seconds of one task")
    parser.add_argument("--one", choices=TASKS, help="one task in this process")
    given = parsed(parser)
    if given.one:
        show(one(given.one, given.units[0]))
        return
    show(measure(given.units, given.tasks, given.limit))


if __name__ == "__main__":
    main()
