"""The recurrence ``s_t = clip(a_t s_{t-1} + u_t, -K, K)``, as a loop and as a log-depth scan.

Both return the states of all frames and have the same gradients. The derivative of clip is 1 on
the closed interval, so a step that ends exactly on a bound passes its gradient on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def recur_loop(a: Tensor | None, u: Tensor, s0: Tensor, bound: float | None) -> Tensor:
    """Run the recurrence frame by frame: the reference for `recur_scan`.

    Parameters
    ----------
    a
        Retention, (sequence, time, unit), not negative; None stands for 1 everywhere.
    u
        Increment, (sequence, time, unit).
    s0
        State before the first frame, (unit,).
    bound
        K, the limit of |s|; None for no limit.

    Returns
    -------
    Tensor
        The states s_t, (sequence, time, unit).
    """
    s = s0.expand(u.shape[0], u.shape[2])
    states = []
    for t in range(u.shape[1]):
        s = (s if a is None else a[:, t] * s) + u[:, t]
        if bound is not None:
            s = s.clamp(-bound, bound)
        states.append(s)
    return torch.stack(states, dim=1)


def recur_scan(a: Tensor | None, u: Tensor, s0: Tensor, bound: float | None) -> Tensor:
    """Run the recurrence as an associative scan of depth log2(time); see `recur_loop`."""
    if a is None:
        return _scan_sum(u, s0, bound)
    return _scan_gated(a, u, s0, bound)


def _clipped_prefix(a: Tensor | None, u: Tensor, s0: Tensor, bound: float | None) -> Tensor:
    """All prefixes of ``s -> min(max(a s + u, lo), hi)``, applied to s0.

    Two such maps compose into one of the same form (a2 >= 0):
    ``A = a2 a1``, ``U = a2 u1 + u2``, ``LO = clip2(a2 lo1 + u2)``, ``HI = clip2(a2 hi1 + u2)``.
    """
    total = u.clone()
    gain = None if a is None else a.clone()
    low = high = None
    if bound is not None:
        low, high = torch.full_like(u, -bound), torch.full_like(u, bound)
    reach = 1
    while reach < u.shape[1]:
        later, earlier = slice(reach, None), slice(None, -reach)
        slope = None if gain is None else gain[:, later]
        step = total[:, later]

        def shifted(
            x: Tensor, slope: Tensor | None = slope, step: Tensor = step, past: slice = earlier
        ) -> Tensor:
            return step + (x[:, past] if slope is None else slope * x[:, past])

        if low is not None and high is not None:
            floor, ceiling = low[:, later], high[:, later]
            new_low = torch.minimum(torch.maximum(shifted(low), floor), ceiling)
            new_high = torch.minimum(torch.maximum(shifted(high), floor), ceiling)
            low = torch.cat((low[:, :reach], new_low), dim=1)
            high = torch.cat((high[:, :reach], new_high), dim=1)
        total = torch.cat((total[:, :reach], shifted(total)), dim=1)
        if gain is not None and slope is not None:
            gain = torch.cat((gain[:, :reach], slope * gain[:, earlier]), dim=1)
        reach *= 2
    states = total + (s0 if gain is None else gain * s0)
    if low is not None and high is not None:
        states = torch.minimum(torch.maximum(states, low), high)
    return states


def _reverse_sum(gate: Tensor | None, grad: Tensor) -> Tensor:
    """``g_t = grad_t + gate_{t+1} g_{t+1}`` for all t, as a scan from the end."""
    if gate is None:
        return grad.flip(1).cumsum(1).flip(1)
    gates = torch.cat((gate[:, 1:], torch.zeros_like(gate[:, :1])), dim=1)
    total, reach = grad, 1
    while reach < grad.shape[1]:
        head = total[:, :-reach] + gates[:, :-reach] * total[:, reach:]
        total = torch.cat((head, total[:, -reach:]), dim=1)
        product = gates[:, :-reach] * gates[:, reach:]
        gates = torch.cat((product, gates[:, -reach:]), dim=1)
        reach *= 2
    return total


def _previous(states: Tensor, s0: Tensor) -> Tensor:
    first = s0.expand(states.shape[0], 1, states.shape[2])
    return torch.cat((first, states[:, :-1]), dim=1)


def _inside(unclipped: Tensor, bound: float | None) -> Tensor | None:
    return None if bound is None else (unclipped.abs() <= bound).to(unclipped.dtype)


class _ScanSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, s0: Tensor, bound: float | None) -> Tensor:
        states = _clipped_prefix(None, u, s0, bound)
        ctx.bound = bound
        ctx.save_for_backward(u, s0, states)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, Tensor, None]:
        u, s0, states = ctx.saved_tensors
        grad: Tensor = grad_outputs[0]
        inside = _inside(_previous(states, s0) + u, ctx.bound)
        total = _reverse_sum(inside, grad)
        grad_u = total if inside is None else inside * total
        return grad_u, grad_u[:, 0].sum(0), None


class _ScanGated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, u: Tensor, s0: Tensor, bound: float | None) -> Tensor:
        states = _clipped_prefix(a, u, s0, bound)
        ctx.bound = bound
        ctx.save_for_backward(a, u, s0, states)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, Tensor, Tensor, None]:
        a, u, s0, states = ctx.saved_tensors
        grad: Tensor = grad_outputs[0]
        past = _previous(states, s0)
        inside = _inside(a * past + u, ctx.bound)
        total = _reverse_sum(a if inside is None else a * inside, grad)
        grad_u = total if inside is None else inside * total
        return grad_u * past, grad_u, (grad_u[:, 0] * a[:, 0]).sum(0), None


_scan_sum: Callable[[Tensor, Tensor, float | None], Tensor] = _ScanSum.apply
_scan_gated: Callable[[Tensor, Tensor, Tensor, float | None], Tensor] = _ScanGated.apply
