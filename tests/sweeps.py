"""A small sweep on disk that several tests share."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mru_hw.model.io import save_model
from mru_hw.model.network import Model
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.stimulus import Inputs, make_inputs, save_inputs
from tests.networks import draw_inputs, draw_model, make_spec


def small_model(seed: int = 1) -> Model:
    """Two layers of 6 CMRU units with gains and thresholds that a circuit can have."""
    spec = make_spec(levels=2, rectify_input=True, rectify_output=True)
    model = draw_model(spec, seed)
    tensors = dict(model.tensors)
    for i in range(len(spec.layers)):
        for name in ("alpha", "beta"):
            key = f"layers.{i}.{name}"
            tensors[key] = 0.4 + np.abs(tensors[key])
    return Model(spec=spec, tensors=tensors)


def small_inputs(model: Model, n_seq: int = 20, seed: int = 2) -> Inputs:
    """Sequences labelled by the network itself, every fifth one wrongly."""
    drawn = draw_inputs(model.spec.n_in, seed, n_seq=n_seq)
    label = simulate_ideal(model, drawn).decision
    label[::5] = (label[::5] + 1) % model.spec.n_classes
    return make_inputs(drawn.x, drawn.lengths, label)


def write_case(folder: Path, n_seq: int = 20, **plan: Any) -> Path:
    """Write model, inputs and PLAN.yaml; return the plan's path."""
    model = small_model()
    save_model(model, folder / "model")
    save_inputs(small_inputs(model, n_seq), folder / "inputs.npz")
    path = folder / "plan.yaml"
    keys = {"model": "model", "inputs": "inputs.npz", "keep": "all"}
    path.write_text(yaml.safe_dump(keys | plan))
    return path


BLOCKS = ("bias", "clock", "memory", "mirror")
"""The order in which a store has the energies of supply blocks, static and switching."""


def parts_of(stored: bytes) -> dict[str, list[float]]:
    """Static and switching energy [J] by supply block, of those that a run resolves."""
    pairs = np.frombuffer(stored, "<f8").reshape(len(BLOCKS), 2)
    return {
        name: pair.tolist()
        for name, pair in zip(BLOCKS, pairs, strict=True)
        if not np.isnan(pair).all()
    }


def rows(store: Path, columns: str) -> list[tuple[Any, ...]]:
    """Return columns of every result, in order."""
    db = sqlite3.connect(store)
    try:
        order = "ORDER BY point, trial, die"
        return db.execute(f"SELECT {columns} FROM result {order}").fetchall()
    finally:
        db.close()
