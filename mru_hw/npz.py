"""``.npz`` files, read with suspicion: arrays of plain numbers, one by one, and no pickle."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections import Counter
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib.format import read_array_header_1_0, read_array_header_2_0, read_magic
from numpy.typing import NDArray

from mru_hw.arrays import Arrays, UnreadableError
from mru_hw.errors import Bare, UserError
from mru_hw.files import refuse_no_file


def read_npz(path: Path, field: str, *, limit: int) -> Arrays:
    """Open a ``.npz`` of at most `limit` unpacked bytes; nothing in it is unpickled.

    Raises
    ------
    UserError
        `field` (what the user calls the file) is no such file, or larger.
    """
    expected = "an .npz file of plain arrays"
    refuse_no_file(path, field, expected)
    try:
        with zipfile.ZipFile(path) as packed:
            entries = packed.infolist()
    except (*_ZIP_FAULTS, OSError):
        raise UserError(field, str(path), f"{expected}, no pickle and not damaged") from None
    size = sum(entry.file_size for entry in entries)
    if size > limit:
        raise UserError(field, Bare(f"{size} bytes unpacked"), f"at most {limit} bytes")
    names = Counter(e.filename.removesuffix(".npy") for e in entries if e.filename.endswith(".npy"))
    return Arrays(
        path.name, {name: partial(_unpack, path, name, count) for name, count in names.items()}
    )


def _unpack(path: Path, name: str, count: int) -> NDArray[Any]:
    expected = "plain numbers, no pickle and not damaged"
    if count > 1:
        raise UnreadableError(f"{count} arrays of one name", "one")
    try:
        with zipfile.ZipFile(path) as packed, packed.open(f"{name}.npy") as stream:
            if _has_objects(stream):
                raise UnreadableError("an array of Python objects", expected)
        with np.load(path, allow_pickle=False) as arrays:
            return np.asarray(arrays[f"{name}.npy"])
    except (*_ZIP_FAULTS, OSError, EOFError, KeyError, MemoryError):
        raise UnreadableError("unreadable", expected) from None


def _has_objects(stream: IO[bytes]) -> bool:
    """Whether an ``.npy`` says that it holds a pickle; damaged ones raise ValueError."""
    read = {(1, 0): read_array_header_1_0, (2, 0): read_array_header_2_0}
    version = read_magic(stream)
    return version in read and bool(read[version](stream)[2].hasobject)


# What reading a damaged, encrypted or oddly packed zip raises.
_ZIP_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ValueError,
    RuntimeError,
    NotImplementedError,
)
