"""Somebody else's weights as a model: MAP.yaml gives the structure and where each tensor is."""

from __future__ import annotations

import difflib
import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from mru_hw.arrays import Arrays
from mru_hw.documents import Document, Several
from mru_hw.errors import MISSING, Bare, UserError, printable
from mru_hw.files import read_document, refuse_foreign
from mru_hw.model.check import as_float64, checked_tensors
from mru_hw.model.foreign import read_foreign
from mru_hw.model.io import STRUCTURE, WEIGHTS, save_model
from mru_hw.model.network import Array, Model
from mru_hw.model.structure import Count, ModelSpec, Structure
from mru_hw.model.weights import WEIGHT_BYTES
from mru_hw.words import many

_Numbers = float | list[float] | list[list[float]] | Literal["identity"] | None
_Picks = list[int | tuple[int, int] | None] | None


def _numbers(value: object) -> object:
    """Accept a finite number, equally long lists of them, at most two deep, or ``identity``."""
    wrong = ValueError("expected a finite number, a list of them, equally long lists or identity")
    if value == "identity":
        return value
    rows = value if isinstance(value, list) else [value]
    flat = [item for row in rows for item in (row if isinstance(row, list) else [row])]
    if any(isinstance(item, bool) or not isinstance(item, int | float) for item in flat):
        raise wrong
    try:
        array = np.array(value, np.float64)
    except (ValueError, OverflowError):
        raise wrong from None
    if not np.isfinite(array).all():
        raise wrong
    return value


def _picks(value: object) -> object:
    """Accept, per axis, an index, a ``[start, stop]`` or null for all of it."""
    for item in value if isinstance(value, list) else [value]:
        ends = item if isinstance(item, list) and len(item) == 2 else [item]
        if item is not None and not all(type(end) is int and end >= 0 for end in ends):
            raise ValueError("expected a list with an index, [start, stop] or null for each axis")
    if not isinstance(value, list):
        raise ValueError("expected a list with an index, [start, stop] or null for each axis")  # noqa: TRY004
    return value


def _named(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


class Source(Document):
    """Where a tensor comes from: a foreign tensor, changed in this order, or a constant."""

    from_: str | None = Field(default=None, alias="from", description="name of the foreign tensor")
    select: Annotated[Any, BeforeValidator(_picks, json_schema_input_type=_Picks)] = Field(
        default=None,
        description="first: per axis an index, [start, stop] or null for all of it",
    )
    reshape: Several[Count] | None = Field(default=None, description="second: the new shape")
    transpose: bool = Field(default=False, description="third: turn the order of the axes round")
    abs: bool = Field(default=False, description="last: absolute values")
    constant: Annotated[Any, BeforeValidator(_numbers, json_schema_input_type=_Numbers)] = Field(
        default=None,
        description="instead of all this: one number for all entries, the entries, or identity",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        changed = self.select is not None or self.reshape is not None or self.transpose or self.abs
        if (self.from_ is None) == (self.constant is None):
            raise ValueError("expected exactly one of from and constant")
        if self.constant is not None and changed:
            raise ValueError("expected a constant without select, reshape, transpose and abs")
        return self


class MapSpec(Structure):
    """MAP.yaml: the structure of a network, as in ``model.yaml``, and where its tensors are."""

    tensors: dict[
        str, Annotated[Source, BeforeValidator(_named, json_schema_input_type=str | Source)]
    ] = Field(description="per tensor of the model: the foreign name, or a source")

    @model_validator(mode="after")
    def _all_tensors(self) -> Self:
        shapes = self.tensor_shapes()
        for name, shape in shapes.items():
            if name not in self.tensors:
                raise UserError(f"tensors.{name}", MISSING, f"a source for a tensor {shape}")
        for name in self.tensors:
            if name not in shapes:
                expected = f"one of the contract{_nearest(name, shapes)}"
                raise UserError(f"tensors.{name}", Bare("no tensor of this structure"), expected)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An imported network.

    Attributes
    ----------
    model
        The network.
    unused
        Names of foreign tensors that no tensor of the model comes from.
    warning
        What of it may not mean what it meant elsewhere: thresholds below 0. Empty for none.
    """

    model: Model
    unused: tuple[str, ...]
    warning: str


def import_model(file: Path, map_file: Path) -> Import:
    """Make a model of foreign weights; every number is taken over exactly, in float64.

    Parameters
    ----------
    file
        A torch state_dict, safetensors or ``.npz``.
    map_file
        MAP.yaml.

    Raises
    ------
    UserError
        A file is not what it should be, a foreign tensor is missing or does not fit, or an
        initial state is none of its cell's levels.
    """
    given = read_document(map_file, MapSpec, "map")
    foreign = read_foreign(file)
    shapes = given.tensor_shapes()
    size = 8 * sum(math.prod(shape) for shape in shapes.values())
    if size > WEIGHT_BYTES:
        found = Bare(f"a structure of {size} bytes of weights")
        raise UserError(map_file.name, found, f"at most {WEIGHT_BYTES}")
    where = f"{map_file.name}: tensors."
    tensors = {
        name: _resolve(given.tensors[name], foreign, shape, f"{where}{name}")
        for name, shape in shapes.items()
    }
    structure = given.model_dump(exclude={"tensors"})
    spec = ModelSpec.model_validate(
        structure
        | {
            "provenance": {
                "imported_from": printable(file.name),
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                "map": printable(map_file.name),
            }
        }
    )
    used = {source.from_ for source in given.tensors.values()}
    return Import(
        model=Model(spec=spec, tensors=checked_tensors(spec, tensors, where)),
        unused=tuple(name for name in foreign if name not in used),
        warning=" ".join(_signed_thresholds(given, tensors)),
    )


def _signed_thresholds(given: MapSpec, tensors: Mapping[str, Array]) -> Iterator[str]:
    """Name the thresholds that have a sign, which no cell knows: they may be logarithms."""
    for i, layer in enumerate(given.layers):
        for name in (f"layers.{i}.{own}" for own in layer.cell.threshold_names):
            values = tensors.get(name)  # none where it comes from the layer's input
            below = 0 if values is None else int(np.count_nonzero(values < 0))
            if values is not None and below:
                source = given.tensors[name].from_
                origin = "" if source is None else f" (from {printable(source, 200)})"
                yield (
                    f"{name}{origin} is below 0 for {below} of {many(values.size, 'unit')}, where "
                    "its absolute value counts: if it is a logarithm, save its exponential."
                )


def save_import(imported: Import, path: Path) -> None:
    """Write an imported network as a model folder, over an earlier import of the same file only.

    A model that was trained, or made of another file, may be the only one of its kind.

    Raises
    ------
    UserError
        `path` holds another model, or something else.
    """
    refuse_foreign(path, marker=STRUCTURE, what="model", allowed=(STRUCTURE, WEIGHTS))
    if (path / STRUCTURE).is_file():
        try:
            there = read_document(path / STRUCTURE, ModelSpec).provenance.get("sha256")
        except UserError:
            there = None
        if there != imported.model.spec.provenance["sha256"]:
            expected = "a new path, for the model there was not made of this file"
            raise UserError("out", str(path), expected)
    save_model(imported.model, path)


def import_weights(file: str | Path, map_file: str | Path, out: str | Path | None = None) -> Import:
    """Make a model of somebody else's weights, number for number.

    Parameters
    ----------
    file
        A torch state_dict, safetensors or ``.npz``.
    map_file
        MAP.yaml: the structure, and where each tensor is.
    out
        A model folder to write; an earlier import of the same file is replaced, no other model.

    Returns
    -------
    Import
        ``.model``, which `Chip` takes, the names of foreign tensors that are ``.unused``, and a
        ``.warning`` where thresholds are below 0.

    Raises
    ------
    UserError
        As `import_model` and `save_import`.
    """
    imported = import_model(Path(file), Path(map_file))
    if out is not None:
        save_import(imported, Path(out))
    return imported


def _resolve(source: Source, foreign: Arrays, shape: tuple[int, ...], field: str) -> Array:
    if source.constant == "identity":
        return np.eye(*shape) if len(shape) == 2 else np.eye(shape[0])
    if source.constant is not None:
        constant = np.array(source.constant, np.float64)
        return np.full(shape, constant) if constant.ndim == 0 else constant
    name = str(source.from_)
    if name not in foreign:
        raise UserError(f"{field}.from", name, f"a tensor of the file{_nearest(name, foreign)}")
    origin = f"{field} (from {name})"
    array = as_float64(foreign.read(name, origin), origin)
    if source.select is not None:
        array = _select(array, source.select, f"{field}.select")
    if source.reshape is not None:
        if array.size != math.prod(source.reshape):
            shown = Bare(str(list(source.reshape)))
            raise UserError(f"{field}.reshape", shown, f"a shape of {array.size} numbers")
        array = array.reshape(source.reshape)
    if source.transpose:
        array = array.T
    return np.abs(array) if source.abs else array


def _select(array: Array, picks: list[int | list[int] | None], field: str) -> Array:
    if len(picks) > array.ndim:
        raise UserError(field, Bare(f"{len(picks)} long"), f"at most {array.ndim}, one an axis")
    for axis, pick in enumerate(picks):
        end = 0 if pick is None else pick + 1 if isinstance(pick, int) else pick[1]
        empty = isinstance(pick, list) and pick[0] >= pick[1]
        if end > array.shape[axis] or empty:
            raise UserError(f"{field}[{axis}]", pick, f"a part of 0 to {array.shape[axis]}")
    index = tuple(
        slice(None) if pick is None else pick if isinstance(pick, int) else slice(*pick)
        for pick in picks
    )
    return array[index]


def _nearest(name: str, names: Mapping[str, object]) -> str:
    ends = [other for other in names if other.endswith(f".{name}")]
    near = ends[:3] or difflib.get_close_matches(name, names, n=3) or list(names)[:3]
    return f", such as {', '.join(near)}" if near else ", which has none"
