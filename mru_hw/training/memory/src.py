"""The SRC in torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor, nn

from mru_hw.model.memory.src import (
    FADE,
    FAST,
    FIRES,
    LARGEST_INPUT,
    LEAST_BIAS,
    SLOW,
    SLOW_FADE,
)
from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory.base import MemoryLayer

START = 1.0
"""The size of a new unit's bias, so b = -5: it rests at 0 and fires from a steady c of 0.3 on."""


@final
class SrcLayer(MemoryLayer):
    """Spiking recurrent cell; its gradient goes through the output's ReLU as if there were none."""

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.cell = nn.ParameterDict({"bias": torch.full((spec.n_units,), START)})

    def draw(self, generator: torch.Generator) -> None:
        """Set all biases to -5."""
        super().draw(generator)
        self.cell["bias"].fill_(START)

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return the spikes."""
        del u
        faded = c.new_full((1, 1, 1), FADE).expand(1, *c.shape[1:])
        current = self.recurrence(faded, c, c.new_zeros(c.shape[2]), None)
        pushed = LARGEST_INPUT * (current / LARGEST_INPUT).tanh()
        fast = _excitable(pushed + (LEAST_BIAS - self.cell["bias"].abs()))
        return _straight_relu(fast)


class _Excitable(torch.autograd.Function):
    """``f_t = tanh(p_t + 2 f_{t-1} - 7 s_{t-1})``, ``s_t = z_t s_{t-1} + (1 - z_t) f_t``.

    Frame by frame, with the gradient of z, a step, left out: it is 0 where it exists.
    """

    @staticmethod
    def forward(ctx: Any, pushed: Tensor) -> Tensor:
        fast = torch.empty_like(pushed)
        state, slow = torch.zeros_like(pushed[:, 0]), torch.zeros_like(pushed[:, 0])
        for t in range(pushed.shape[1]):
            state = torch.add(pushed[:, t], state, alpha=FAST).add_(slow, alpha=SLOW).tanh_()
            # s + (1 - z) (f - s), where 1 - z is 0.1 or 1.
            slow = torch.lerp(slow, state, _follows(state))
            fast[:, t] = state
        ctx.save_for_backward(fast)
        return fast

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        (fast,) = ctx.saved_tensors
        grad: Tensor = grad_outputs[0]
        back = torch.empty_like(fast)
        slope, follows = 1.0 - fast.square(), _follows(fast)
        of_fast, of_slow = torch.zeros_like(fast[:, 0]), torch.zeros_like(fast[:, 0])
        for t in range(fast.shape[1] - 1, -1, -1):
            share = follows[:, t]
            of_fast = torch.addcmul(grad[:, t] + of_fast, share, of_slow)
            pushed = torch.mul(of_fast, slope[:, t], out=back[:, t])
            of_slow = torch.addcmul(of_slow, share, of_slow, value=-1.0).add_(pushed, alpha=SLOW)
            of_fast = FAST * pushed
        return back


def _follows(state: Tensor) -> Tensor:
    """Return 1 - z, the share by which the slow state follows: at once while a unit fires."""
    return (state > FIRES).to(state.dtype).mul_(SLOW_FADE).add_(1.0 - SLOW_FADE)


class _StraightRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        return x.relu()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        del ctx
        grad: Tensor = grad_outputs[0]
        return grad


_excitable: Callable[[Tensor], Tensor] = _Excitable.apply
_straight_relu: Callable[[Tensor], Tensor] = _StraightRelu.apply
