"""A torch tensor on which numpy's functions work, so that laws written for arrays run on it.

numpy hands a function over to an operand that says how to run it: elementary functions by
``__array_ufunc__`` (NEP 13), others by ``__array_function__`` (NEP 18). Here they become torch's,
which keeps the way back to the gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.lib.mixins import NDArrayOperatorsMixin
from torch import Tensor


def _maximum(a: Any, b: Any) -> Tensor:
    if isinstance(b, Tensor) and isinstance(a, Tensor):
        return torch.maximum(a, b)
    return torch.clamp(a, min=b) if isinstance(a, Tensor) else torch.clamp(b, min=a)


def _minimum(a: Any, b: Any) -> Tensor:
    if isinstance(b, Tensor) and isinstance(a, Tensor):
        return torch.minimum(a, b)
    return torch.clamp(a, max=b) if isinstance(a, Tensor) else torch.clamp(b, max=a)


_ELEMENTARY: Mapping[np.ufunc, Callable[..., Tensor]] = {
    np.add: torch.add,
    np.subtract: lambda a, b: a - b,
    np.multiply: torch.mul,
    np.true_divide: lambda a, b: a / b,
    np.negative: torch.neg,
    np.sqrt: torch.sqrt,
    np.log: torch.log,
    np.exp: torch.exp,
    np.absolute: torch.abs,
    np.maximum: _maximum,
    np.minimum: _minimum,
}
_OTHERS: Mapping[Callable[..., Any], Callable[..., Tensor]] = {
    np.full_like: torch.full_like,
    np.zeros_like: torch.zeros_like,
}


class TensorArray(NDArrayOperatorsMixin):
    """A tensor that numpy's functions and operators take for an array.

    Only what laws use is there: what is not raises TypeError, and nothing becomes a numpy array
    behind the gradients' back.

    Parameters
    ----------
    tensor
        Its values; the result of a function is another `TensorArray`.
    """

    __slots__ = ("tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the tensor."""
        return tuple(self.tensor.shape)

    def __len__(self) -> int:
        return len(self.tensor)

    def __getitem__(self, at: Any) -> TensorArray:
        return TensorArray(self.tensor[at])

    def sum(self, axis: int) -> TensorArray:
        """Sum along an axis."""
        return TensorArray(self.tensor.sum(axis))

    def _own(self, value: Any) -> Any:
        """Return an operand as torch takes it; numpy's numbers in the tensor's type."""
        if isinstance(value, TensorArray):
            return value.tensor
        if isinstance(value, np.ndarray):
            return torch.as_tensor(value, dtype=self.tensor.dtype)
        return float(value) if isinstance(value, np.number) else value

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Run an elementary function; ``a += b`` makes another array and leaves the old one."""
        if method != "__call__" or ufunc not in _ELEMENTARY or options.keys() - {"out"}:
            return NotImplemented
        return TensorArray(_ELEMENTARY[ufunc](*(self._own(value) for value in inputs)))

    def __array_function__(
        self, function: Callable[..., Any], _types: Any, args: Any, options: Any
    ) -> Any:
        """Run another function of numpy."""
        if function not in _OTHERS:
            return NotImplemented
        return TensorArray(_OTHERS[function](*(self._own(value) for value in args), **options))
