"""The recurrence ``s_t = clip(a_t s_{t-1} + u_t, -K, K)``, as a loop and as an associative scan.

Both return the states of all frames and have the same gradients. The derivative of clip is 1 on
the closed interval, so a step that ends exactly on a bound passes its gradient on. Without a bound
all may be complex.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
    """Run the recurrence as an associative scan in chunks of time; see `recur_loop`."""
    if a is None:
        return _scan_sum(u, s0, bound)
    if bound is None:
        return _scan_linear(a, u, s0)
    return _scan_gated(a, u, s0, bound)


def _chunked(a: Tensor | None, u: Tensor, s0: Tensor, bound: float | None) -> Tensor:
    """All states, by chunks of some sqrt(time) frames that run side by side.

    A frame maps the state by ``s -> min(max(a s + u, lo), hi)``, and two such maps compose into one
    of the same form (a2 >= 0): ``A = a2 a1``, ``U = a2 u1 + u2``, ``LO = clip2(a2 lo1 + u2)``,
    ``HI = clip2(a2 hi1 + u2)``. First each chunk's own map is composed, frame by frame; then the
    state goes from chunk to chunk; then all chunks run frame by frame from where they begin. So the
    work does not grow faster than time, and within a chunk the states are those of the loop.
    """
    n_seq, n_time, n_unit = u.shape
    length = max(1, math.isqrt(n_time))
    count = n_time // length

    def in_chunks(x: Tensor) -> Tensor:
        return x[:, : count * length].view(len(x), count, length, n_unit)

    states = torch.empty_like(u, memory_format=torch.contiguous_format)
    inner, steps = in_chunks(states), in_chunks(u).unbind(2)
    gates = [None] * length if a is None else in_chunks(a).unbind(2)
    state, first = s0.expand(n_seq, n_unit), []
    for gain, total, low, high in _maps(gates, steps, bound):
        first.append(state)
        state = total + (state if gain is None else gain * state)
        if low is not None and high is not None:
            state = torch.minimum(torch.maximum(state, low), high)
    running = torch.stack(first, dim=1)
    for j, (gate, step) in enumerate(zip(gates, steps, strict=True)):
        running = _moved(gate, running, step, bound)
        inner[:, :, j] = running
    for t in range(count * length, n_time):
        state = _moved(None if a is None else a[:, t], state, u[:, t], bound)
        states[:, t] = state
    return states


_Map = tuple[Tensor | None, Tensor, Tensor | None, Tensor | None]


def _maps(
    gates: Sequence[Tensor | None], steps: Sequence[Tensor], bound: float | None
) -> list[_Map]:
    """Return (A, U, LO, HI) of each chunk as a whole, each (sequence, unit).

    A is None where it is 1; LO and HI are where there is no bound.
    """
    gain, total = gates[0], steps[0]
    low = high = None
    if bound is not None:
        low, high = torch.full_like(total, -bound), torch.full_like(total, bound)
    for gate, step in zip(gates[1:], steps[1:], strict=True):
        total = _moved(gate, total, step, None)
        if gate is not None and gain is not None:
            gain = gate * gain
        if low is not None and high is not None:
            low, high = _moved(gate, low, step, bound), _moved(gate, high, step, bound)
    n_chunk = total.shape[1]
    columns = [[None] * n_chunk if x is None else x.unbind(1) for x in (gain, low, high)]
    return list(zip(columns[0], total.unbind(1), columns[1], columns[2], strict=True))


def _moved(gate: Tensor | None, state: Tensor, step: Tensor, bound: float | None) -> Tensor:
    """Return ``clip(gate state + step)``."""
    moved = state + step if gate is None else torch.addcmul(step, gate, state)
    return moved if bound is None else moved.clamp_(-bound, bound)


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
        states = _chunked(None, u, s0, bound)
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
        states = _chunked(a, u, s0, bound)
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
        states = _chunked(a, u, s0, None)
        ctx.save_for_backward(a, s0, states)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, Tensor, Tensor]:
        a, s0, states = ctx.saved_tensors
        grad: Tensor = grad_outputs[0]
        # g_t = grad_t + conj(a_{t+1}) g_{t+1}, from the end; what stands before it is 0.
        back = a.conj().flip(1).roll(1, 1)
        grad_u = _chunked(back, grad.flip(1), torch.zeros_like(s0), None).flip(1)
        grad_a = None
        if ctx.needs_input_grad[0]:
            grad_a = (grad_u * _previous(states, s0).conj()).sum_to_size(a.shape)
        return grad_a, grad_u, (grad_u[:, 0] * a[:, 0].conj()).sum(0)


_scan_sum: Callable[[Tensor, Tensor, float | None], Tensor] = _ScanSum.apply
_scan_linear: Callable[[Tensor, Tensor, Tensor], Tensor] = _ScanLinear.apply
_scan_gated: Callable[[Tensor, Tensor, Tensor, float], Tensor] = _ScanGated.apply
