"""A memory layer as a module: all but the memory itself, which a subclass gives.

A module's parameters and buffers carry the names of the contract, so that its state dict is the
layer's part of ``model.safetensors``.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from mru_hw.model.structure import LayerSpec
from mru_hw.training.scan import recur_scan

Recurrence = Callable[[Tensor | None, Tensor, Tensor, float | None], Tensor]

BETA = 1.0
"""Thresholds, and gains that follow the input, lie around this at the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTrace:
    """What one layer did, each (sequence, time, feature).

    Attributes
    ----------
    candidate
        c, what drives the memory units; without units for a cell that has no candidates.
    state
        h, what the output map reads: alpha times the level, in a cell of levels.
    out
        The layer's output, skip included.
    """

    candidate: Tensor
    state: Tensor
    out: Tensor


@final
class Linear(nn.Linear):
    """A linear map that begins with zeros: constructing a network draws no random numbers."""

    def reset_parameters(self) -> None:
        """Set all to zero."""
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def draw(self, generator: torch.Generator) -> None:
        """Draw weights and biases, uniform within ``1/sqrt(inputs)``."""
        limit = self.in_features**-0.5
        self.weight.uniform_(-limit, limit, generator=generator)
        if self.bias is not None:
            self.bias.uniform_(-limit, limit, generator=generator)


class MemoryLayer(nn.Module, abc.ABC):
    """One memory layer; a subclass gives the memory, and beside beta the tensors that it needs.

    Parameters
    ----------
    spec
        The structure of the layer.
    width_in
        Width of the signed input v.

    Attributes
    ----------
    epsilon
        Share of the old state that an update keeps: 1 in a CMRU, 0 in a BMRU.
    candidate_noise
        Standard deviation of the noise added to the candidates; 0 outside training.
    recurrence
        `recur_scan`, or `recur_loop` to compare.
    exact
        Names of parameters that are no weights of a chip, such as the logarithm of a rate: a
        training leaves them without noise, decay and limit.
    """

    exact: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__()
        self.spec = spec
        self.epsilon = 0.0
        self.candidate_noise = 0.0
        self.recurrence: Recurrence = recur_scan
        self.candidate = Linear(width_in, spec.n_candidates) if spec.n_candidates else None
        if spec.threshold == "input":
            self.threshold = Linear(width_in, spec.n_units)
        elif spec.cell.threshold_names:
            self.beta = nn.Parameter(torch.full((spec.n_units,), BETA))
        self.output = Linear(spec.n_states, spec.n_out)
        if spec.skip == "matrix":
            self.skip = Linear(width_in, spec.n_out, bias=False)
        self.initial_state: Tensor
        if spec.cell.starts:
            start = torch.full((spec.n_units,), spec.cell.start)
            self.register_buffer("initial_state", start)

    @property
    def bound(self) -> float | None:
        """K, the limit of the level's size, or None."""
        return None if self.spec.levels is None else float(self.spec.levels)

    def draw(self, generator: torch.Generator) -> None:
        """Draw its linear maps anew; a cell that has more than these extends it.

        The biases of input-dependent thresholds and gains lie around 1 instead of 0.
        """
        for module in self.modules():
            if isinstance(module, Linear):
                module.draw(generator)
        for name, module in self.named_children():
            if name in {"threshold", "alpha"} and isinstance(module, Linear):
                module.bias.add_(BETA)

    def amplify(self, gain: float) -> None:
        """Multiply the weights of the candidates and of the output."""
        for linear in (self.candidate, self.output):
            if linear is not None:
                linear.weight.mul_(gain)

    def beta_of(self, u: Tensor) -> Tensor:
        """Return the thresholds, >= 0: (unit,), or (sequence, time, unit) from the input."""
        return (self.threshold(u) if self.spec.threshold == "input" else self.beta).abs()

    @abc.abstractmethod
    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return the states h from the layer's (rectified) input u and the candidates c."""

    def forward(self, v: Tensor, generator: torch.Generator | None = None) -> LayerTrace:
        """Run the layer on its signed input v, (sequence, time, width_in)."""
        u = v.relu() if self.spec.rectify_input else v
        c: Tensor = u[..., :0] if self.candidate is None else self.candidate(u)
        if self.spec.rectify_candidate:
            c = c.relu()
        if self.candidate_noise > 0.0:
            drawn = torch.randn(c.shape, generator=generator, dtype=c.dtype, device=c.device)
            c = c + self.candidate_noise * drawn
        h = self.remember(u, c)
        out: Tensor = self.output(h)
        if self.spec.rectify_output:
            out = out.relu()
        if self.spec.skip == "matrix":
            out = out + self.skip(v)
        elif self.spec.skip == 1:
            out = out + v
        return LayerTrace(candidate=c, state=h, out=out)
