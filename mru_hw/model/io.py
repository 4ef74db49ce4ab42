"""Models on disk: a folder with ``model.yaml`` and ``model.safetensors``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import numpy as st

from mru_hw import core_yaml
from mru_hw.errors import MISSING, UserError
from mru_hw.files import read_document, refuse_foreign, usable, whole_folder
from mru_hw.model.check import checked_tensors
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.model.weights import read_safetensors

STRUCTURE = "model.yaml"
WEIGHTS = "model.safetensors"


def save_model(model: Model, path: Path) -> None:
    """Write a model folder; it appears whole or not at all.

    Parameters
    ----------
    model
        The network; its tensors are checked first and written in float64.
    path
        The folder. An earlier model there is replaced, anything else is left alone.

    Raises
    ------
    UserError
        A tensor is not what the structure asks for, or `path` holds something else.
    """
    tensors = checked_tensors(model.spec, model.tensors, "model: ")
    refuse_foreign(path, marker=STRUCTURE, what="model", allowed=(STRUCTURE, WEIGHTS))
    text = core_yaml.dump(model.spec.model_dump(mode="json"))
    packed = st.save({name: np.ascontiguousarray(array) for name, array in tensors.items()})
    with whole_folder(path) as part:
        (part / STRUCTURE).write_text(text, encoding="utf-8")
        (part / WEIGHTS).write_bytes(packed)


def load_model(path: str | Path) -> Model:
    """Read a model folder.

    Parameters
    ----------
    path
        The folder that `save_model` wrote.

    Returns
    -------
    Model
        Tensors in float64, in the order of ``spec.tensor_shapes()``.

    Raises
    ------
    UserError
        No model is there, ``model.yaml`` is not a structure, or a tensor is missing, wrongly
        shaped, not finite or not part of the structure.
    """
    path = Path(path)
    expected = f"a folder with {STRUCTURE} and {WEIGHTS}"
    with usable(path, "model", expected):
        if not path.is_dir():
            more = " (a file of weights goes through mru-hw import-weights)"
            raise UserError("model", str(path), expected + more)
        for name in (STRUCTURE, WEIGHTS):
            if not (path / name).is_file():
                raise UserError(f"model: {name}", MISSING, f"a file in {path}")
    spec = read_document(path / STRUCTURE, ModelSpec)
    tensors = checked_tensors(spec, read_safetensors(path / WEIGHTS), f"{WEIGHTS}: ")
    return Model(spec=spec, tensors=tensors)
