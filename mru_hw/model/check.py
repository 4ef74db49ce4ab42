"""Whether tensors are what a structure asks for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import MISSING, Bare, UserError
from mru_hw.model.network import Array
from mru_hw.model.structure import LayerSpec, ModelSpec


def checked_tensors(
    spec: ModelSpec, tensors: Mapping[str, NDArray[Any]], prefix: str
) -> dict[str, Array]:
    """Return the tensors in float64, in the order of the structure.

    Parameters
    ----------
    spec
        The structure.
    tensors
        Arrays of real numbers by the names of the contract.
    prefix
        What a sentence puts before a tensor's name: ``model.safetensors: ``.

    Raises
    ------
    UserError
        A tensor is missing, has another shape, is not real or not finite, or has no place in the
        structure; or an initial state is none of its cell's levels.
    """
    shapes = spec.tensor_shapes()
    checked = {}
    for name, shape in shapes.items():
        field = f"{prefix}{name}"
        if name not in tensors:
            raise UserError(field, MISSING, f"a tensor of shape {_shape(shape)}")
        checked[name] = as_float64(tensors[name], field)
        if checked[name].shape != shape:
            found = Bare(f"of shape {_shape(checked[name].shape)}")
            raise UserError(field, found, f"shape {_shape(shape)}")
    for name in tensors:
        if name not in shapes:
            near = difflib.get_close_matches(name, shapes, n=1)
            hint = f", perhaps {near[0]}" if near else ""
            raise UserError(f"{prefix}{name}", Bare("an extra tensor"), f"only its own{hint}")
    for i, layer in enumerate(spec.layers):
        if layer.cell.starts:
            name = f"layers.{i}.initial_state"
            check_levels(checked[name], layer, f"{prefix}{name}")
    return checked


def as_float64(values: NDArray[Any], field: str) -> Array:
    """Return real, finite numbers in float64.

    Raises
    ------
    UserError
        The numbers are complex, text or objects, NaN or infinite, or lose digits in float64.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise UserError(field, Bare(f"of type {array.dtype}"), "real numbers")
    with np.errstate(over="ignore"):  # of a long float; what overflows is refused below
        wide = array.astype(np.float64)
    bad = ~np.isfinite(wide)
    if bad.any():
        at = [int(k) for k in np.argwhere(bad)[0]]
        raise UserError(f"{field}{at}", Bare(str(wide[bad][0])), "a finite number")
    exactly = "numbers that float64 holds exactly"
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and _beyond(array):
        raise UserError(field, Bare("an integer beyond 2^53"), exactly)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8 and (wide != array).any():
        raise UserError(field, Bare(f"of type {array.dtype}"), exactly)
    return wide


def _beyond(integers: NDArray[Any]) -> bool:
    return bool(((integers > 2**53) | (integers < -(2**53))).any())


def check_levels(states: Array, layer: LayerSpec, field: str) -> None:
    """Refuse an initial state that is none of the cell's levels.

    Parameters
    ----------
    states
        (n_units,) initial states, in levels.
    layer
        Whose they are.
    field
        What a sentence calls them.

    Raises
    ------
    UserError
        One is none.
    """
    low, high = layer.cell.span(layer.levels)
    allowed = (low <= states) & (states <= high)
    if layer.cell.whole:
        allowed &= states == np.rint(states)
    if not allowed.all():
        unit = int(np.flatnonzero(~allowed)[0])
        expected = f"{layer.cell.start_words(layer.levels)} in levels"
        raise UserError(f"{field}[{unit}]", Bare(f"{states[unit]:g}"), expected)


def _shape(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(str(n) for n in shape) + ")"
