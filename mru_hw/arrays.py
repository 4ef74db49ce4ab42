"""Arrays by name: read one by one, when they are asked for, and told apart by a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import Bare, UserError


def digest(arrays: Mapping[str, NDArray[Any]], text: str = "") -> str:
    """Return the SHA-256 of a text and of arrays: their names, types, shapes and numbers."""
    sha = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {array.dtype.str} {array.shape}".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


class UnreadableError(Exception):
    """An array that is there and cannot be read: what it is, and what was expected."""

    def __init__(self, found: str, expected: str) -> None:
        self.found, self.expected = found, expected
        super().__init__(f"{found}, expected {expected}")


@final
class Arrays(Mapping[str, NDArray[Any]]):
    """Arrays of somebody's file by name, each read when it is asked for and not before.

    So what nobody asks for may be anything: an unknown number format, an object, damaged.

    Parameters
    ----------
    source
        What the user calls the file.
    readers
        Per name, what reads the array, or raises `UnreadableError`.
    """

    def __init__(self, source: str, readers: Mapping[str, Callable[[], NDArray[Any]]]) -> None:
        self._source, self._readers = source, readers

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.read(name, f"{self._source}: {name}")

    def __contains__(self, name: object) -> bool:
        return name in self._readers  # a Mapping would read it to know

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)

    def read(self, name: str, field: str) -> NDArray[Any]:
        """Read an array.

        Raises
        ------
        KeyError
            There is none of this name.
        UserError
            It cannot be read; `field` is what the user calls it.
        """
        try:
            return self._readers[name]()
        except UnreadableError as error:
            raise UserError(field, Bare(error.found), error.expected) from None
