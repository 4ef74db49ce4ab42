"""Memory layers as modules: CMRU, BMRU, FQ-BMRU and alphaCMRU (docs/models.md).

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

from mru_hw.model.structure import CellKind, LayerSpec
from mru_hw.training.scan import recur_scan
from mru_hw.training.surrogate import heaviside, sign

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
    """One memory layer; a subclass gives the memory.

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
        else:
            self.beta = nn.Parameter(torch.ones(spec.n_units))
        self.output = Linear(spec.n_units, spec.n_out)
        if spec.skip == "matrix":
            self.skip = Linear(width_in, spec.n_out, bias=False)
        self.initial_state: Tensor
        self.register_buffer("initial_state", torch.zeros(spec.n_units))

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


class _Gated(MemoryLayer):
    """``s_t = clip((1 - z_t) s_{t-1} + z_t (epsilon s_{t-1} + step_t sign c_t), -K, K)``."""

    def levels_of(self, u: Tensor, c: Tensor, step: Tensor | None) -> Tensor:
        z = heaviside(c.abs() - self.beta_of(u))
        increment = z * sign(c)
        if step is not None:
            increment = increment * step
        retained = None if self.epsilon == 1.0 else 1.0 - z * (1.0 - self.epsilon)
        return self.recurrence(retained, increment, self.initial_state, self.bound)


class _Quantised(_Gated):
    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.alpha = nn.Parameter(torch.ones(spec.n_units))

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        return self.alpha * self.levels_of(u, c, None)


@final
class CMRU(_Quantised):
    """Cumulative unit: an update adds the candidate's sign to the level (epsilon = 1)."""

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.epsilon = 1.0


@final
class BMRU(_Quantised):
    """Bistable unit: an update replaces the state by the candidate's sign (epsilon = 0)."""

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.initial_state.fill_(-1.0)


@final
class AlphaCMRU(_Gated):
    """Relaxed CMRU: an update adds ``|W_a u_t + b_a| sign c_t``, so the states are not quantised.

    This is our reading: the published equation was not available. It trains and simulates only.
    """

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.epsilon = 1.0
        self.alpha = Linear(width_in, spec.n_units)

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return the states: clipped sums of steps of any size."""
        return self.levels_of(u, c, self.alpha(u).abs())


@final
class FQBMRU(MemoryLayer):
    """First-quadrant unit: set at ``c >= beta + delta``, held down to beta, cleared below.

    beta, delta and alpha count by their absolute values.
    """

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.delta = nn.Parameter(torch.full((spec.n_units,), 0.5))
        self.alpha = nn.Parameter(torch.ones(spec.n_units))

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return alpha times the bits: ``bit_t = set_t + kept_t bit_{t-1}``."""
        low = self.beta_of(u)
        above = heaviside(c - (low + self.delta.abs()))
        kept = heaviside(c - low) * (1.0 - above)
        return self.alpha.abs() * self.recurrence(kept, above, self.initial_state, None)


CELLS: dict[CellKind, type[CMRU] | type[BMRU] | type[FQBMRU] | type[AlphaCMRU]] = {
    CellKind.CMRU: CMRU,
    CellKind.BMRU: BMRU,
    CellKind.FQ_BMRU: FQBMRU,
    CellKind.ALPHA_CMRU: AlphaCMRU,
}
