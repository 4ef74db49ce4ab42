"""The scan equals the loop, in states and gradients (issue 2, Shows line 5)."""

import itertools

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from mru_hw.model.memory import CELLS
from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory import MemoryLayer, memory_layer
from mru_hw.training.scan import recur_loop, recur_scan

FORWARD, GRADIENT = 1e-6, 1e-5


def _close(found: Tensor, wanted: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance)


def _both(a: Tensor | None, u: Tensor, s0: Tensor, bound: float | None, pull: Tensor) -> None:
    grads = []
    states = []
    for recur in (recur_loop, recur_scan):
        leaves = [x.clone().requires_grad_() for x in (u, s0) + (() if a is None else (a,))]
        s = recur(leaves[2] if a is not None else None, leaves[0], leaves[1], bound)
        states.append(s)
        grads.append(torch.autograd.grad((s * pull).sum(), leaves))
    _close(states[1], states[0], FORWARD)
    for loop, scan in zip(*grads, strict=True):
        _close(scan, loop, GRADIENT)


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_time=st.integers(1, 70),
    bound=st.sampled_from([None, 1.0, 2.0, 3.0, 0.75]),
    epsilon=st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]),
    share=st.floats(0, 1),
    whole=st.booleans(),
)
@example(seed=0, n_time=64, bound=1.0, epsilon=1.0, share=1.0, whole=True)
@example(seed=0, n_time=33, bound=2.0, epsilon=0.5, share=1.0, whole=True)
def test_scan_equals_loop(
    seed: int, n_time: int, bound: float | None, epsilon: float, share: float, whole: bool
) -> None:
    g = torch.Generator().manual_seed(seed)
    shape = (3, n_time, 4)
    z = (torch.rand(shape, generator=g, dtype=torch.float64) < share).double()
    step = torch.randn(shape, generator=g, dtype=torch.float64)
    u = z * (torch.sign(step) if whole else step)
    s0 = torch.randint(-1, 2, (4,), generator=g).double() * min(1.0, bound or 1.0)
    a = None if epsilon == 1.0 else 1.0 - z * (1.0 - epsilon)
    _both(a, u, s0, bound, torch.randn(shape, generator=g, dtype=torch.float64))


@pytest.mark.parametrize("steps", list(itertools.product([-1.0, 0.0, 1.0], repeat=5)))
def test_ties_at_saturation(steps: tuple[float, ...]) -> None:
    # Whole steps against K = 1 and 2 end exactly on the bound, inside it, and beyond it.
    u = torch.tensor(steps, dtype=torch.float64)[None, :, None]
    pull = torch.arange(1.0, 6.0, dtype=torch.float64)[None, :, None]
    for bound in (1.0, 2.0):
        for first in (-1.0, 0.0, 1.0):
            _both(None, u, torch.tensor([first], dtype=torch.float64), bound, pull)


def test_clip_passes_its_gradient_on_the_closed_interval() -> None:
    # By hand, K = 1: 0 -> 1 (on the bound), 1 + 1 = 2 (beyond), 1 - 1 = 0 (inside).
    for recur in (recur_loop, recur_scan):
        u = torch.tensor([[[1.0], [1.0], [-1.0]]], dtype=torch.float64, requires_grad=True)
        s = recur(None, u, torch.zeros(1, dtype=torch.float64), 1.0)
        assert s.flatten().tolist() == [1.0, 1.0, 0.0]
        (on_bound,) = torch.autograd.grad(s[0, 0, 0], u, retain_graph=True)
        assert on_bound.flatten().tolist() == [1.0, 0.0, 0.0]
        (after,) = torch.autograd.grad(s[0, 2, 0], u)
        assert after.flatten().tolist() == [0.0, 0.0, 1.0]


def _layer(cell: str, levels: int | None, threshold: str, seed: int) -> MemoryLayer:
    spec = LayerSpec.model_validate(
        {"cell": cell, "n_units": 3, "n_out": 3, "levels": levels, "threshold": threshold}
    )
    layer = memory_layer(spec, 3).double()
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            drawn = torch.randn(parameter.shape, generator=g, dtype=torch.float64)
            parameter.copy_(drawn)
    return layer


@settings(deadline=None, max_examples=80)
@given(
    cell=st.sampled_from(sorted(CELLS)),
    levels=st.sampled_from([None, 1, 2, 5]),
    threshold=st.sampled_from(["fixed", "input"]),
    epsilon=st.sampled_from([None, 0.0, 0.3, 1.0]),
    n_time=st.integers(1, 50),
    seed=st.integers(0, 2**32 - 1),
)
def test_layers_agree(
    cell: str,
    levels: int | None,
    threshold: str,
    epsilon: float | None,
    n_time: int,
    seed: int,
) -> None:
    layer = _layer(cell, levels, threshold, seed)
    if epsilon is not None:
        layer.epsilon = epsilon
    g = torch.Generator().manual_seed(seed)
    v = 2.0 * torch.randn((2, n_time, 3), generator=g, dtype=torch.float64)
    found = []
    for recur in (recur_loop, recur_scan):
        layer.recurrence = recur
        x = v.clone().requires_grad_()
        trace = layer(x)
        leaves = [x, *layer.parameters()]
        pull = torch.linspace(-1, 1, trace.out.numel(), dtype=torch.float64).view_as(trace.out)
        grads = torch.autograd.grad((trace.out * pull).sum(), leaves, materialize_grads=True)
        found.append((trace.state, grads))
    _close(found[1][0], found[0][0], FORWARD)
    for loop, scan in zip(found[0][1], found[1][1], strict=True):
        _close(scan, loop, GRADIENT)
