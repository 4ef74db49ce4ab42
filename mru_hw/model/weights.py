"""Weights in safetensors files, read from their bytes: no tensor is decoded that nobody asks for.

The format: eight bytes with the length of a header (little-endian), the header in JSON, then the
numbers of all tensors, end to end. Every kind of number that float64 holds exactly is read, bf16
and the 8-bit floats too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.arrays import Arrays, UnreadableError
from mru_hw.errors import Bare, UserError
from mru_hw.files import read_bytes

WEIGHT_BYTES = 1 << 30
"""The largest file of weights that is read, and the largest tensor in float64."""
_HEADER_BYTES = 100_000_000  # as the format has it

_Decode = Callable[[NDArray[Any]], NDArray[Any]]


def read_safetensors(path: Path, field: str | None = None) -> Arrays:
    """Open a safetensors file.

    Parameters
    ----------
    path
        The file.
    field
        What the user calls it; its name if left out.

    Returns
    -------
    Arrays
        Numbers in their own formats, those that numpy does not have in float64.

    Raises
    ------
    UserError
        The file is a pickle, a zip (so a torch file) or no safetensors.
    """
    field = path.name if field is None else field
    data = read_bytes(path, field, limit=WEIGHT_BYTES, what="a safetensors file")
    if not is_safetensors(data[:9], len(data)) and (data[:1] == b"\x80" or data[:2] == b"PK"):
        raise UserError(field, Bare("a pickle or a zip"), "safetensors; pickles are not read")
    try:
        header, start = _header(data)
        readers = {name: _reader(entry, memoryview(data)[start:]) for name, entry in header.items()}
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UserError(
            field, Bare("damaged or no safetensors"), "a safetensors file of plain numbers"
        ) from None
    return Arrays(path.name, readers)


def is_safetensors(head: bytes, size: int) -> bool:
    """Whether the first nine bytes of a file of `size` bytes begin a safetensors file."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    """Return the entries by name and where the numbers begin; ValueError where there are none."""
    length = int.from_bytes(data[:8], "little")
    if not is_safetensors(data[:9], len(data)) or length > _HEADER_BYTES:
        raise ValueError("no header")
    header = json.loads(data[8 : 8 + length].decode("utf-8"), object_pairs_hook=_once)
    header.pop("__metadata__", None)
    at = 0
    for begin, end in sorted(entry["data_offsets"] for entry in header.values()):
        if begin != at or end < begin:
            raise ValueError("holes or overlaps")
        at = end
    if at != len(data) - 8 - length:
        raise ValueError("cut off")
    return header, 8 + length


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _reader(entry: dict[str, Any], numbers: memoryview) -> Callable[[], NDArray[Any]]:
    kind, shape = str(entry["dtype"]), tuple(entry["shape"])
    begin, end = entry["data_offsets"]
    if any(type(n) is not int or n < 0 for n in (begin, end, *shape)):
        raise ValueError("a size that is none")
    if kind not in _KINDS:
        return partial(_refuse, kind)
    stored, decode = _KINDS[kind]
    if math.prod(shape) * np.dtype(stored).itemsize != end - begin:
        raise ValueError("a shape that the numbers do not fill")
    return lambda: decode(np.frombuffer(numbers[begin:end], stored).reshape(shape))


def _refuse(kind: str) -> NDArray[Any]:
    raise UnreadableError(f"of the kind {kind}", "one of " + ", ".join(_KINDS))


def _as_it_is(stored: NDArray[Any]) -> NDArray[Any]:
    return stored


def _bf16(stored: NDArray[Any]) -> NDArray[Any]:
    """Decode the upper halves of float32."""
    return (stored.astype("<u4") << 16).view("<f4")


def _float8(
    stored: NDArray[Any], *, mantissa: int, bias: int, nan: tuple[int, ...], inf: tuple[int, ...]
) -> NDArray[Any]:
    """Decode one sign bit, an exponent and `mantissa` bits, by a table of all 256 values."""
    code = np.arange(256)
    exponent, fraction = (code & 0x7F) >> mantissa, code & ((1 << mantissa) - 1)
    normal = exponent > 0
    size = np.ldexp(
        (fraction + normal * (1 << mantissa)).astype(np.float64),
        np.where(normal, exponent, 1) - bias - mantissa,
    )
    table = np.where(code & 0x80, -size, size)
    table[list(inf)] = [math.copysign(math.inf, table[k]) for k in inf]
    table[list(nan)] = np.nan
    return np.asarray(table[stored])


def _powers_of_two(stored: NDArray[Any]) -> NDArray[Any]:
    """Decode exponents alone, as scales of blocks have."""
    table = np.ldexp(1.0, np.arange(256) - 127)
    table[255] = np.nan
    return np.asarray(table[stored])


_E5M2_NAN = (0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF)
_KINDS: dict[str, tuple[str, _Decode]] = {
    "F64": ("<f8", _as_it_is),
    "F32": ("<f4", _as_it_is),
    "F16": ("<f2", _as_it_is),
    "BF16": ("<u2", _bf16),
    "F8_E4M3": ("u1", partial(_float8, mantissa=3, bias=7, nan=(0x7F, 0xFF), inf=())),
    "F8_E5M2": ("u1", partial(_float8, mantissa=2, bias=15, nan=_E5M2_NAN, inf=(0x7C, 0xFC))),
    "F8_E4M3FNUZ": ("u1", partial(_float8, mantissa=3, bias=8, nan=(0x80,), inf=())),
    "F8_E5M2FNUZ": ("u1", partial(_float8, mantissa=2, bias=16, nan=(0x80,), inf=())),
    "F8_E8M0": ("u1", _powers_of_two),
    **{f"{sign}{8 * n}": (f"<{sign.lower()}{n}", _as_it_is) for sign in "IU" for n in (1, 2, 4, 8)},
    "BOOL": ("?", _as_it_is),
    "C64": ("<c8", _as_it_is),
}
"""Per kind of the format, the numpy type of its bytes, and what makes numbers of them."""
