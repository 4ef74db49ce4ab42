"""The commands that are killed: what each reads, what it leaves, and when it is killed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jsonschema import Draft202012Validator

from mru_hw.cli.demo_folder import MODEL, MODEL_SPICE, NETLIST, STORE, SUMMARY
from mru_hw.model.io import save_model
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.sweeps.view import open_run
from tests.agreement.networks import one_unit
from tests.networks import draw_inputs, draw_model, draw_tensors, make_spec
from tests.sweeps import write_case

# Whoever runs the tests in the background has interrupts ignored; Python then leaves them so.
_CODE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from mru_hw.cli.app import main
main()
"""
DOCS = Path(__file__).parents[1] / "docs"
COMMAND = (sys.executable, "-c", _CODE)
Result = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command to kill.

    Attributes
    ----------
    prepare
        Writes what it reads into a folder, and what stands where its output goes.
    arguments
        What follows ``mru-hw``, relative to that folder.
    result
        Reads its output: what has the same bits whenever the call comes to its end.
    moments
        What to wait for before a kill, beside random moments: names in `MOMENTS`.
    over
        Whether an earlier output stands there: a kill leaves that, or the new one.
    left
        Checks what a kill has left.
    """

    name: str
    prepare: Callable[[Path], object]
    arguments: tuple[str, ...]
    result: Callable[[Path], Result]
    moments: tuple[str, ...] = ("start", "part")
    over: bool = False
    left: Callable[[Path], object] = field(default=lambda _: None)


def _bytes(*names: str) -> Callable[[Path], Result]:
    """Return a reader of files' bytes, and of all files in folders."""

    def read(folder: Path) -> Result:
        paths = [p for name in names for p in (folder / name, *sorted((folder / name).rglob("*")))]
        return {str(p.relative_to(folder)): p.read_bytes() for p in paths if p.is_file()}

    return read


def _swept(folder: Path) -> Result:
    with open_run(folder / "out") as run:
        return {"digest": run.digest(), "complete": run.complete}


def _sweep_left(folder: Path) -> None:
    """A store that a kill left is none, or one that says how far it is."""
    if (folder / "out").exists():
        with open_run(folder / "out") as run:
            stored = sum(point.n_runs for point in run.points)
            wanted = sum(point.n_wanted for point in run.points)
            assert stored == wanted or not run.complete, (stored, wanted)


def _train_left(folder: Path) -> None:
    mark = folder / "out.part" / "checkpoint.json"
    if mark.exists() and not (folder / "out").exists():
        assert json.loads(mark.read_text())["complete"] is False


_TIMED = {"rows", "core_seconds", "sha256"}
"""Of a demo's run of ngspice, what has its seconds in it."""


def _demo(folder: Path) -> Result:
    out = folder / "out"
    summary = json.loads((out / SUMMARY).read_text())
    assert (out / "report.html").read_text().rstrip().endswith("</html>")
    spice = {k: v for k, v in summary["spice"].items() if k not in _TIMED}
    with open_run(out / STORE) as run:
        digest = run.digest()
    kept = ("accuracy", "networks", "energy_per_sequence_J", "power_W", "complete", "transistors")
    return {
        "summary": {name: summary[name] for name in kept},
        "spice": spice,
        "sweep": digest,
        **_bytes(f"out/{MODEL}", f"out/{MODEL_SPICE}", f"out/{NETLIST}", "out/inputs.npz")(folder),
    }


def _demo_left(folder: Path) -> None:
    summary = folder / "out" / SUMMARY
    if summary.exists():
        schema = json.loads((DOCS / "schemas" / "summary.schema.json").read_text())
        Draft202012Validator(schema).validate(json.loads(summary.read_text()))


def _write_network(folder: Path, *, n_seq: int) -> None:
    save_model(draw_model(make_spec("cmru", levels=2), 3), folder / "model")
    save_inputs(draw_inputs(4, 1, n_seq=n_seq, n_time=60), folder / "x.npz")


def _write_unit(folder: Path) -> None:
    """A network of one unit, for ngspice."""
    save_model(one_unit(), folder / "model")
    x = np.random.default_rng(1).normal(size=(4, 4, 1))
    save_inputs(make_inputs(2 * x, y=np.zeros(4, np.int64)), folder / "x.npz")


def _write_earlier(write: Callable[[Path], object], *earlier: str) -> Callable[[Path], None]:
    """Return a preparation that leaves an earlier output where the new one goes."""

    def prepare(folder: Path) -> None:
        write(folder)
        subprocess.run([*COMMAND, *earlier], cwd=folder, check=True, capture_output=True)

    return prepare


def _write_training(folder: Path) -> None:
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 60)
    x = rng.normal(size=(60, 12, 2)) + y[:, None, None]
    save_inputs(make_inputs(x, rng.integers(5, 13, 60), y), folder / "inputs.npz")
    layer = {"cell": "cmru", "n_units": 3, "n_out": 4, "levels": 2, "rectify_input": True}
    config = {
        "data": "inputs.npz",
        "frame_period": "10 ms",
        "network": {"n_hidden": 4, "layers": [layer]},
        "training": {"epochs": 30, "batch_size": 8, "checkpoint_epochs": 1},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def _write_weights(folder: Path) -> None:
    spec = make_spec("cmru", levels=2)
    np.savez(folder / "weights.npz", **draw_tensors(spec, 1))  # type: ignore[arg-type]
    document = spec.model_dump(mode="json", exclude={"provenance", "metrics"})
    tensors: dict[str, Any] = {name: name for name in spec.tensor_shapes()}
    (folder / "MAP.yaml").write_text(yaml.safe_dump(document | {"tensors": tensors}))
    tensors["head.bias"] = {"constant": 0}
    (folder / "OTHER.yaml").write_text(yaml.safe_dump(document | {"tensors": tensors}))


def _write_plan(folder: Path) -> None:
    axes = [{"axis": "noise_scale", "values": [0, 1]}]
    write_case(folder, n_dies=60, chunk=3, axes=axes)


def _write_spice_plan(folder: Path) -> None:
    _write_unit(folder)
    plan = {"model": "model", "inputs": "x.npz", "level": "spice", "n_dies": 4}
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan))


def _write_store(folder: Path) -> None:
    write_case(folder, n_dies=4)
    for name in ("run", "other"):
        _write_earlier(lambda _: None, "sweep", "plan.yaml", "--out", f"{name}.sqlite")(folder)


def _write_shards(folder: Path) -> None:
    write_case(folder, n_dies=6)
    for k in (1, 2):
        out = ("--out", f"{k}.sqlite", "--shard", f"{k}/2")
        _write_earlier(lambda _: None, "sweep", "plan.yaml", *out)(folder)


def _write_runs(folder: Path) -> None:
    """Leave a characterisation that lacks eight of its runs: all of them take a minute."""
    _write_earlier(lambda _: None, *_CHARACTERIZE)(folder)
    (folder / "out").unlink()
    shutil.rmtree(folder / "raw")
    for path in sorted((folder / "work").iterdir())[:8]:
        path.unlink()


_CHARACTERIZE = ("characterize", "--corner", "tt", "--work", "work", "--out", "out")
_SIMULATE = ("simulate", "model", "--inputs", "x.npz", "--out", "out")
_NETLIST = ("netlist", "model", "--out", "out")
_IMPORT = ("import-weights", "weights.npz", "--out", "out", "--map")
_SWEEP = ("sweep", "plan.yaml", "--out", "out", "--workers")
_REPORT = ("report", "--out", "out")
COMMANDS = {
    command.name: command
    for command in (
        Command(
            name="train",
            prepare=_write_training,
            arguments=("train", "config.yaml", "--out", "out"),
            result=_bytes("out"),
            moments=("start", "checkpoint", "part"),
            left=_train_left,
        ),
        Command(
            name="import-weights",
            prepare=_write_earlier(_write_weights, *_IMPORT, "OTHER.yaml"),
            arguments=(*_IMPORT, "MAP.yaml"),
            result=_bytes("out"),
            over=True,
        ),
        *(
            Command(
                name=f"simulate {level}",
                prepare=_write_earlier(
                    partial(_write_network, n_seq=n_seq), *_SIMULATE, "--sequences", ":9"
                ),
                arguments=(*_SIMULATE, *options),
                result=_bytes("out"),
                over=True,
            )
            for level, n_seq, options in (
                ("ideal", 2000, ("--level", "ideal")),
                ("behavioral", 1000, ("--die", "2")),
            )
        ),
        Command(
            name="simulate spice",
            prepare=_write_earlier(_write_unit, *_SIMULATE),
            arguments=(*_SIMULATE, "--level", "spice"),
            result=_bytes("out"),
            moments=("start", "ngspice worker", "temporary folder", "part"),
            over=True,
        ),
        Command(
            name="netlist",
            prepare=_write_earlier(lambda f: _write_network(f, n_seq=5), *_NETLIST),
            arguments=(*_NETLIST, "--die", "3"),
            result=_bytes("out"),
            over=True,
        ),
        *(
            Command(
                name=f"sweep {level}, {workers}",
                prepare=prepare,
                arguments=(*_SWEEP, str(workers)),
                result=_swept,
                moments=("start", *moments),
                left=_sweep_left,
            )
            for level, prepare, moments in (
                ("behavioral", _write_plan, ("worker", "part", "output")),
                ("spice", _write_spice_plan, ("ngspice worker", "output", "temporary folder")),
            )
            for workers in (1, 2)
        ),
        Command(
            name="report",
            prepare=_write_earlier(_write_store, *_REPORT, "other.sqlite"),
            arguments=(*_REPORT, "run.sqlite"),
            result=_bytes("out"),
            over=True,
        ),
        Command(
            name="merge",
            prepare=_write_shards,
            arguments=("merge", "1.sqlite", "2.sqlite", "--out", "out"),
            result=_swept,
            left=_sweep_left,
        ),
        Command(
            name="export",
            prepare=_write_store,
            arguments=("export", "run.sqlite", "--out", "out.csv"),
            result=_bytes("out.csv"),
        ),
        Command(
            name="characterize",
            prepare=_write_runs,
            arguments=_CHARACTERIZE,
            result=_bytes("out", "raw"),
            moments=("start", "ngspice worker", "kept run"),
        ),
        Command(
            name="demo",
            prepare=lambda _: None,
            arguments=("demo", "--quick", "--out", "out"),
            result=_demo,
            moments=("start", "worker", "checkpoint", "store", "ngspice worker"),
            left=_demo_left,
        ),
    )
}
"""Every command that writes, by name."""
