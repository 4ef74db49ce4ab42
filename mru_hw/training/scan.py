"""The recurrence ``s_t = clip(a_t s_{t-1} + u_t, -K, K)``, as a loop and as an associative scan.

Both return the states of all frames and have the same gradients. The derivative of clip is 1 on
the closed interval, so a step that ends exactly on a bound passes its gradient on. Without a bound
all may be complex.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def recur_loop(a: Tensor | None, u: Tensor, s0: Tensor, bound: float | None) -> Tensor:
    """Run the recurrence frame by frame: the reference for `recur_scan`.

    Parameters
    ----------
    a
        Retention, (sequence, time, unit), or (1, time, unit) for all sequences; with a bound it is
        not negative. None stands for 1 everywhere.
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
    """Run the recurrence as an associative scan; see `recur_loop`.

    Of depth log2(time) where it is clipped or a sum; else in chunks, of depth sqrt(time).
    """
    if a is None:
        return _scan_sum(u, s0, bound)
    if bound is None:
        return _scan_linear(a, u, s0)
    return _scan_gated(a, u, s0, bound)


def _chunked(a: Tensor, u: Tensor, s0: Tensor) -> Tensor:
    """All states of ``s_t = a_t s_{t-1} + u_t``: chunks side by side, then what each begins with.

    A chunk of some sqrt(time) frames runs from 0 frame by frame, all chunks at once, and so do the
    products of its retentions; a chunk's first state then goes through the chunks one by one. So
    every number is touched four times, whatever the length; a scan of depth log2(time) touches it
    as often as the length has bits.
    """
    n_seq, n_time, n_unit = u.shape
    length = max(1, math.isqrt(n_time))
    count = n_time // length
    states = torch.empty_like(u, memory_format=torch.contiguous_format)
    inner, steps, gates = (
        x[:, : count * length].view(len(x), count, length, n_unit) for x in (states, u, a)
    )
    gains = torch.empty(gates.shape, dtype=gates.dtype)
    inner[:, :, 0], gains[:, :, 0] = steps[:, :, 0], gates[:, :, 0]
    for j in range(1, length):
        gate = gates[:, :, j]
        torch.addcmul(steps[:, :, j], gate, inner[:, :, j - 1], out=inner[:, :, j])
        torch.mul(gate, gains[:, :, j - 1], out=gains[:, :, j])
    first = torch.empty((n_seq, count, n_unit), dtype=u.dtype)
    state = s0.expand(n_seq, n_unit)
    for chunk in range(count):
        first[:, chunk] = state
        state = torch.addcmul(inner[:, chunk, -1], gains[:, chunk, -1], state)
    inner.addcmul_(gains, first[:, :, None])
    for t in range(count * length, n_time):
        state = torch.addcmul(u[:, t], a[:, t], state)
        states[:, t] = state
    return states


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


def _inside(unclipped: Tensor, bound: float) -> Tensor:
    return (unclipped.abs() <= bound).to(unclipped.dtype)


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
        bound = ctx.bound
        inside = None if bound is None else _inside(_previous(states, s0) + u, bound)
        total = _reverse_sum(inside, grad)
        grad_u = total if inside is None else inside * total
        return grad_u, grad_u[:, 0].sum(0), None


class _ScanGated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, u: Tensor, s0: Tensor, bound: float) -> Tensor:
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
        grad_u = inside * _reverse_sum(a * inside, grad)
        return grad_u * past, grad_u, (grad_u[:, 0] * a[:, 0]).sum(0), None


class _ScanLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, u: Tensor, s0: Tensor) -> Tensor:
        states = _chunked(a, u, s0)
        ctx.save_for_backward(a, s0, states)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, Tensor, Tensor]:
        a, s0, states = ctx.saved_tensors
        grad: Tensor = grad_outputs[0]
        # g_t = grad_t + conj(a_{t+1}) g_{t+1}, from the end; what stands before it is 0.
        back = a.conj().flip(1).roll(1, 1)
        grad_u = _chunked(back, grad.flip(1), torch.zeros_like(s0)).flip(1)
        grad_a = None
        if ctx.needs_input_grad[0]:
            grad_a = (grad_u * _previous(states, s0).conj()).sum_to_size(a.shape)
        return grad_a, grad_u, (grad_u[:, 0] * a[:, 0].conj()).sum(0)


_scan_sum: Callable[[Tensor, Tensor, float | None], Tensor] = _ScanSum.apply
_scan_linear: Callable[[Tensor, Tensor, Tensor], Tensor] = _ScanLinear.apply
_scan_gated: Callable[[Tensor, Tensor, Tensor, float], Tensor] = _ScanGated.apply
