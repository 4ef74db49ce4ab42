"""Files of weights that somebody else wrote: torch state_dicts, safetensors, ``.npz``."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.arrays import Arrays, UnreadableError
from mru_hw.errors import Bare, UserError
from mru_hw.files import refuse_no_file
from mru_hw.model.weights import WEIGHT_BYTES, is_safetensors, read_safetensors
from mru_hw.npz import read_npz

_FILES = "a torch state_dict, safetensors or .npz"
_NAMES = 1 << 26
"""Characters of all names of a state_dict; one that holds itself has no end of them."""


def read_foreign(path: Path, field: str = "file") -> Arrays:
    """Open a file of tensors; what the file is, its first bytes tell, and not its name.

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
    Arrays
        Tensors by name, each read when it is asked for. The names of nested state_dicts are joined
        by dots.

    Raises
    ------
    UserError
        No such file, one that is too large, damaged or of no known kind, a pickle of anything but
        tensors, or a state_dict where torch is missing.
    """
    size = refuse_no_file(path, field, _FILES)
    if size > WEIGHT_BYTES:
        raise UserError(field, Bare(f"{size} bytes long"), f"{_FILES} of at most {WEIGHT_BYTES}")
    with path.open("rb") as stream:
        head = stream.read(9)
    if is_safetensors(head, size):
        return read_safetensors(path, field)
    if head[:2] == b"PK":
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
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def _read_torch(path: Path, field: str) -> Arrays:
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
        # From a stream: of a path torch would take the name's ending for what the file is.
        with warnings.catch_warnings(), path.open("rb") as stream:
            warnings.simplefilter("ignore")
            loaded = torch.load(stream, map_location="cpu", weights_only=True)
    except Exception:  # noqa: BLE001 (a damaged pickle may end in any of them)
        plain = "a state_dict of plain tensors; other pickles are not read"
        raise UserError(field, str(path), plain) from None
    found = _flatten(loaded, torch.Tensor, path, field)
    if not found or isinstance(loaded, torch.Tensor):
        raise UserError(field, str(path), "a state_dict that holds tensors by name")
    readers: dict[str, Callable[[], NDArray[Any]]] = {
        name: partial(_convert, *places[0][1:]) if len(places) == 1 else partial(_refuse, places)
        for name, places in found.items()
    }
    return Arrays(path.name, readers)


_Place = tuple[str, Any]
"""Where in a state_dict a tensor stands, as torch's users write it, and the tensor."""


def _flatten(loaded: Any, tensor: type, path: Path, field: str) -> dict[str, list[_Place]]:
    """Return the tensors by their joined names; more than one where names meet."""
    found: dict[str, list[_Place]] = {}
    todo: list[tuple[str, str, Any]] = [("", "", loaded)]
    length = 0
    while todo:
        name, place, value = todo.pop()
        length += 1 + len(name)
        if length > _NAMES:
            expected = f"a state_dict whose names have at most {_NAMES} characters in all"
            raise UserError(field, str(path), expected)
        if isinstance(value, tensor):
            found.setdefault(name, []).append((place, value))
        elif isinstance(value, Mapping):
            todo += [
                (f"{name}.{key}" if name else str(key), f"{place}[{key!r}]", item)
                for key, item in reversed(list(value.items()))
            ]
    return found


def _refuse(places: list[_Place]) -> NDArray[Any]:
    where = " and ".join(place for place, _ in places)
    raise UnreadableError(f"the name of {len(places)} tensors, {where}", "one tensor of this name")


def _convert(tensor: Any) -> NDArray[Any]:
    """Return a tensor as numpy has it, floats of any size in float64."""
    import torch

    for is_so, what in (
        (tensor.is_quantized, "a quantised tensor"),
        (tensor.is_meta, "a meta tensor, which has no numbers"),
        (tensor.is_nested, "a nested tensor"),
        (tensor.is_complex(), f"of complex numbers ({tensor.dtype})"),
    ):
        if is_so:
            raise UnreadableError(what, "real numbers")
    if 8 * tensor.numel() > WEIGHT_BYTES:
        raise UnreadableError(f"of {tensor.numel()} numbers", f"at most {WEIGHT_BYTES // 8}")
    try:
        dense = _dense(tensor.detach()).resolve_neg()
        if dense.is_floating_point():
            dense = dense.to(torch.float64)
        return np.asarray(dense.numpy())
    except (RuntimeError, TypeError, ValueError):
        found = f"a tensor of {tensor.dtype}, {tensor.layout}"
        raise UnreadableError(found, "plain real numbers") from None


def _dense(tensor: Any) -> Any:
    import torch

    if tensor.layout is torch.sparse_coo:
        # Its indices are from the file: unchecked, one beyond the shape would write anywhere.
        indices, values = tensor._indices(), tensor._values()  # noqa: SLF001 (no public one)
        checked = torch.sparse_coo_tensor(indices, values, tensor.shape, check_invariants=True)
        return checked.to_dense()
    if tensor.layout is not torch.strided:
        raise TypeError(tensor.layout)
    return tensor
