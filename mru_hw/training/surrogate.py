"""Step functions with surrogate derivatives.

The step's is ``a / (1 + (pi a x)^2)`` with a = 1, the sign's twice that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

SHARPNESS = 1.0
"""a of the surrogate derivative ``a / (1 + (pi a x)^2)``, per unit of x."""


def _bell(x: Tensor) -> Tensor:
    return SHARPNESS / (1.0 + (math.pi * SHARPNESS * x).square_())


class _Heaviside(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        (x,) = ctx.saved_tensors
        grad: Tensor = grad_outputs[0]
        return grad * _bell(x)


class _Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype).mul_(2.0).sub_(1.0)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        (x,) = ctx.saved_tensors
        grad: Tensor = grad_outputs[0]
        return grad * _bell(x).mul_(2.0)


_heaviside: Callable[[Tensor], Tensor] = _Heaviside.apply
_sign: Callable[[Tensor], Tensor] = _Sign.apply


def heaviside(x: Tensor) -> Tensor:
    """H(x), with H(0) = 1 and the derivative ``a / (1 + (pi a x)^2)``."""
    return _heaviside(x)


def sign(x: Tensor) -> Tensor:
    """Sign of x, with sign(0) = +1 and twice the derivative of `heaviside`."""
    return _sign(x)
