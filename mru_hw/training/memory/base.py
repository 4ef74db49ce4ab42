"""A memory layer as a module: all but the memory itself, which a subclass gives.

A module's parameters and buffers carry the names of the contract, so that its state dict is the
layer's part of ``model.safetensors``.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from mru_hw.model.structure import LayerSpec
from mru_hw.training.scan import recur_scan

Recurrence = Callable[[Tensor | None, Tensor, Tensor, float | None], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTrace:
    """What one layer did, each (sequence, time, feature).

    Attributes
    ----------
    candidate
        c, what drives the memory units.
    state
        h, alpha times the level.
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
    """

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__()
        self.spec = spec
        self.epsilon = 0.0
        self.candidate_noise = 0.0
        self.recurrence: Recurrence = recur_scan
        self.candidate = Linear(width_in, spec.n_units)
        if spec.threshold == "input":
            self.threshold = Linear(width_in, spec.n_units)
        elif spec.cell.threshold_names:
            self.beta = nn.Parameter(torch.ones(spec.n_units))
        self.output = Linear(spec.n_units, spec.n_out)
        if spec.skip == "matrix":
            self.skip = Linear(width_in, spec.n_out, bias=False)
        self.initial_state: Tensor
        start = torch.full((spec.n_units,), spec.cell.start)
        self.register_buffer("initial_state", start)

    @property
    def bound(self) -> float | None:
        """K, the limit of the level's size, or None."""
        return None if self.spec.levels is None else float(self.spec.levels)

    def beta_of(self, u: Tensor) -> Tensor:
        """Return the thresholds, >= 0: (unit,), or (sequence, time, unit) from the input."""
        return (self.threshold(u) if self.spec.threshold == "input" else self.beta).abs()

    @abc.abstractmethod
    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return the states h from the layer's (rectified) input u and the candidates c."""

    def forward(self, v: Tensor, generator: torch.Generator | None = None) -> LayerTrace:
        """Run the layer on its signed input v, (sequence, time, width_in)."""
        u = v.relu() if self.spec.rectify_input else v
        c: Tensor = self.candidate(u)
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
