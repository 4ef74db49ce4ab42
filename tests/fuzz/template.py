"""One good file of every kind that a command reads or writes; cases copy and damage them."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mru_hw.cli.app import run
from mru_hw.model.io import save_model
from mru_hw.model.network import Model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.stimulus import make_inputs, save_inputs
from tests.fuzz.arrays import pack_safetensors, read_safetensors
from tests.networks import draw_inputs, draw_model, make_spec

MEASURED = Path(__file__).parents[2] / "docs" / "examples" / "measurements.csv"
RECTIFIED = {"rectify_input": True, "rectify_candidate": True, "rectify_output": True}
NETWORKS: dict[str, dict[str, Any]] = {
    "ladders": {"cell": "cmru", "levels": 2, "rectify_input": True, "classes": ["a", "b", "c"]},
    "bits": {"cell": "bmru", "readout": "last", "skip": 1},
    "loops": {"cell": "fq_bmru", "readout": "vote", **RECTIFIED},
    "windows": {"cell": "cmru", "levels": 1, "threshold": "input", "skip": "matrix"},
    "relaxed": {"cell": "alpha_cmru"},
}
"""Networks of every cell, by the name of their folder; ``tiny`` is one for ngspice."""
NORMAL = {"mean": [0.0, 0.1, 0.2, 0.3], "scale": [1.0, 1.0, 2.0, 0.5]}


def make_template(folder: Path) -> None:
    """Write everything; the commands themselves make what they write."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, keys in NETWORKS.items():
        spec = make_spec(normalisation=NORMAL, **keys)
        _write_network(folder, name, _sensible(draw_model(spec, 3)), n_seq=5, n_time=12)
    spec = make_spec(levels=1, n_layers=1, n_units=1, n_out=1, rectify_input=True)
    spec = spec.model_copy(update={"n_in": 1, "n_hidden": 1, "n_classes": 2})
    _write_network(folder, "tiny", _sensible(draw_model(spec, 1)), n_seq=2, n_time=2)
    _write_weights(folder)
    shutil.copy(MEASURED, folder / "measured.csv")
    layer = {"cell": "cmru", "n_units": 2, "n_out": 2, "levels": 2}
    config = {
        "data": "bits.npz",
        "frame_period": "1 ms",
        "classes": ["a", "b", "c"],
        "network": {"n_hidden": 2, "layers": [layer | {"cell": "bmru", "levels": None}, layer]},
        "training": {"epochs": 2, "batch_size": 4, "checkpoint_epochs": 1, "noise": {"warp": 0.1}},
    }
    config["network"]["initial_levels"] = [-1, 0]  # type: ignore[index]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    with contextlib.chdir(folder):
        for arguments in _OUTPUTS:
            _done(arguments)
    _half_train(folder)


def _write_network(folder: Path, name: str, model: Model, *, n_seq: int, n_time: int) -> None:
    """Write a model, inputs labelled by itself and plans of it."""
    save_model(model, folder / name)
    drawn = draw_inputs(model.spec.n_in, 2, n_seq=n_seq, n_time=n_time)
    label = simulate_ideal(model, drawn).decision
    label[0] = (label[0] + 1) % model.spec.n_classes
    save_inputs(make_inputs(drawn.x, drawn.lengths, label), folder / f"{name}.npz")
    plan: dict[str, Any] = {"model": name, "inputs": f"{name}.npz", "sequences": ":4", "seed": 1}
    axes: list[dict[str, Any]] = [
        {"axis": "noise_scale", "values": [0, 1.5]},
        {"axis": "temperature", "values": [27.0]},
        {"axis": "v_dd", "values": ["1.8 V"]},
        {"axis": "corner", "values": ["tt"]},
    ]
    if name == "tiny":
        plan |= {"level": "spice", "sequences": ":1"}
        axes = axes[1:]
    if name == "bits":
        axes = [{"axis": "perturbation", "values": [5, 10], "trials": 2}]
        plan |= {"level": "ideal"}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(plan | {"axes": axes}, sort_keys=False))


def _sensible(model: Model) -> Model:
    """Gains and thresholds that a circuit can have."""
    sizes = {
        name: 0.4 + np.abs(values)
        for name, values in model.tensors.items()
        if name.endswith(("alpha", "beta", "delta"))
    }
    return Model(spec=model.spec, tensors=dict(model.tensors) | sizes)


def _write_weights(folder: Path) -> None:
    """Write MAP.yaml and weights under foreign names, as .npz and safetensors."""
    from mru_hw.model.io import load_model

    model = load_model(folder / "ladders")
    document = model.spec.model_dump(mode="json", exclude={"provenance", "metrics"})
    document["tensors"] = {name: f"net.{name}" for name in model.tensors}
    document["tensors"] |= {
        "head.bias": {"constant": [0, 0.5, 1]},
        "head.weight": {"from": "net.head.weight", "transpose": True},
        "input.weight": {"from": "net.input.weight", "select": [[0, 5], None], "reshape": [5, 4]},
        "layers.0.beta": {"from": "net.layers.0.beta", "abs": True},
        "layers.1.output.weight": {"constant": 0.25},
    }
    (folder / "MAP.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    arrays = {f"net.{name}": values for name, values in model.tensors.items()}
    arrays["net.head.weight"] = np.ascontiguousarray(arrays["net.head.weight"].T)
    np.savez(folder / "weights.npz", **arrays)  # type: ignore[arg-type]
    (folder / "weights.safetensors").write_bytes(pack_safetensors(arrays))


def slow_part(template: Path, name: str) -> Path:
    """Return a folder of the template that takes a while to make: made when it is asked for.

    ``work`` holds the finished runs of a characterisation, ``demo`` a finished quick demo.
    """
    place = template / name
    if not place.exists():
        made = template / f"{name}.making"
        shutil.rmtree(made, ignore_errors=True)
        calls = {
            "work": ("characterize", "--corner", "tt", "--out", "all.yaml", "--work", str(made)),
            "demo": ("demo", "--quick", "--out", str(made)),
        }
        with contextlib.chdir(template):
            _done(calls[name])
        made.rename(place)
    return place


def foreign_arrays(folder: Path) -> dict[str, Any]:
    """Return the tensors of the template's weights."""
    return read_safetensors((folder / "weights.safetensors").read_bytes())


def _half_train(folder: Path) -> None:
    """Leave ``half.part``, a training that was interrupted after its first epoch."""
    from mru_hw.training.config import read_config
    from mru_hw.training.fit import Epoch
    from mru_hw.training.run import train

    def interrupt(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        train(read_config(folder / "config.yaml"), folder / "half", interrupt, folder=folder)
    if not (folder / "half.part" / "state.safetensors").is_file():
        raise RuntimeError("no unfinished training was left")


_OUTPUTS: tuple[tuple[str, ...], ...] = (
    *(
        ("sweep", f"{name}.yaml", "--out", f"{name}.sqlite", "--workers", "1")
        for name in ("ladders", "bits", "tiny")
    ),
    ("simulate", "ladders", "--inputs", "ladders.npz", "--out", "trace.npz"),
    (
        *("simulate", "tiny", "--inputs", "tiny.npz", "--level", "spice"),
        *("--raw", "waves", "--out", "spice.npz"),
    ),
    ("netlist", "ladders", "--out", "netlist"),
    ("report", "ladders.sqlite", "--out", "page.html"),
    ("import-weights", "weights.npz", "--map", "MAP.yaml", "--out", "imported"),
    ("train", "config.yaml", "--out", "trained"),
    ("characterize", "--measurements", "measured.csv", "--out", "constants.yaml"),
)


def _done(arguments: Sequence[str]) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = run(arguments)
    if status:
        raise RuntimeError(f"{' '.join(arguments)} in {os.getcwd()}: {said.getvalue()}")  # noqa: PTH109


def copy(template: Path, folder: Path, *names: str) -> None:
    """Copy files and folders of the template; ``a=b`` gives the copy the name b."""
    for name in names:
        source, _, target = name.partition("=")
        if (template / source).is_dir():
            shutil.copytree(template / source, folder / (target or source))
        else:
            shutil.copy(template / source, folder / (target or source))
