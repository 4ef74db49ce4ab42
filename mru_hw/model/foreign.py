"""Files of weights that somebody else wrote: torch state_dicts, safetensors, ``.npz``."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import Bare, UserError
from mru_hw.files import read_npz
from mru_hw.model.io import WEIGHT_BYTES, read_safetensors

_KINDS = "a torch state_dict, safetensors or .npz"
_TORCH_FAULTS = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    OSError,
)


def read_foreign(path: Path, field: str = "FILE") -> dict[str, NDArray[Any]]:
    """Read all tensors of a file; what the file is, its first bytes tell.

    Nothing in the file is run: torch files are read with ``weights_only``, ``.npz`` without
    pickles. torch is imported for a state_dict and for nothing else.

    Parameters
    ----------
    path
        The file.
    field
        What the user calls it, for the sentence.

    Returns
    -------
    dict
        Arrays by name. The names of nested state_dicts are joined by dots.

    Raises
    ------
    UserError
        No such file, one that is too large, damaged or of no known kind, a pickle of anything but
        tensors, or a state_dict where torch is missing.
    """
    if not path.is_file():
        raise UserError(field, str(path), f"{_KINDS} (no such file)")
    size = path.stat().st_size
    if size > WEIGHT_BYTES:
        raise UserError(field, Bare(f"{size} bytes long"), f"{_KINDS} of at most {WEIGHT_BYTES}")
    with path.open("rb") as stream:
        head = stream.read(2)
    if head == b"PK":
        if _is_npz(path):
            return read_npz(path, field, limit=WEIGHT_BYTES)
        return _read_torch(path, field)
    if head[:1] == b"\x80":
        return _read_torch(path, field)
    return read_safetensors(path, field)


def _is_npz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as packed:
            return any(name.endswith(".npy") for name in packed.namelist())
    except zipfile.BadZipFile:
        return False


def _read_torch(path: Path, field: str) -> dict[str, NDArray[Any]]:
    try:
        import torch
    except ModuleNotFoundError:
        raise UserError(
            field,
            str(path),
            "safetensors or .npz, because torch, which reads a state_dict, is not installed (pip "
            'install "mru-hw[train]")',
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except _TORCH_FAULTS:
        plain = "a state_dict of plain tensors; other pickles are not read"
        raise UserError(field, str(path), plain) from None
    found: dict[str, NDArray[Any]] = {}
    _flatten(loaded, "", found, torch.Tensor)
    if not found:
        raise UserError(field, str(path), "a state_dict that holds tensors by name")
    return found


def _flatten(value: Any, name: str, found: dict[str, NDArray[Any]], tensor: type) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _flatten(item, f"{name}.{key}" if name else str(key), found, tensor)
    elif isinstance(value, tensor):
        dense: Any = value
        dense = dense.detach().to_dense()
        array = dense.double() if dense.is_floating_point() else dense
        found[name] = np.asarray(array.numpy())
