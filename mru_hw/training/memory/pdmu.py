"""The PDMU in torch: its memory as a convolution in chunks, its delays as a banded product."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import expm
from torch import Tensor, nn
from torch.nn.functional import pad

from mru_hw.model.memory.pdmu import DELAYS, ORDER
from mru_hw.model.structure import LayerSpec
from mru_hw.training.memory.base import Linear, MemoryLayer

LOOKS_BACK = 20.0
"""Frames that the Legendre memory of a new network looks back on."""
CHUNK = 20
"""Frames that one matrix product takes at a time."""


@final
class PdmuLayer(MemoryLayer):
    """Parallel delayed memory unit (`mru_hw.model.memory.pdmu`)."""

    def __init__(self, spec: LayerSpec, width_in: int) -> None:
        super().__init__(spec, width_in)
        self.cell = Pdmu(spec.n_units, width_in)

    def remember(self, u: Tensor, c: Tensor) -> Tensor:
        """Return the states."""
        states: Tensor = self.cell(u, c)
        return states


@final
class Pdmu(nn.Module):
    """The memory, the gate and the maps about them.

    Parameters
    ----------
    n_units, width_in
        Memories, and the width of u.
    """

    def __init__(self, n_units: int, width_in: int) -> None:
        super().__init__()
        self.A: Tensor
        self.B: Tensor
        step, put = legendre(ORDER, LOOKS_BACK)
        self.register_buffer("A", torch.tensor(step, dtype=torch.get_default_dtype()))
        self.register_buffer("B", torch.tensor(put, dtype=torch.get_default_dtype()))
        self.project = Linear(n_units * ORDER, n_units, bias=False)
        self.gate = Linear(width_in, DELAYS)
        self.direct = Linear(width_in, n_units)

    def forward(self, u: Tensor, c: Tensor) -> Tensor:
        """Return h, (sequence, time, unit), of u and of the candidates c."""
        n_time, n_unit = c.shape[1:]
        spare = -n_time % CHUNK  # up to a whole chunk
        memory = _memory(self.A, self.B, pad(c, (0, 0, 0, spare)))
        # The columns of the map go by unit and order, those of the memory by order and unit.
        columns = self.project.weight.view(n_unit, n_unit, ORDER).transpose(1, 2).flatten(1)
        given = memory.flatten(3).flatten(1, 2) @ columns.T
        shares = pad(self.gate(u).softmax(-1), (0, 0, 0, spare))
        coming = _delayed(shares, given)[:, :n_time]
        h: Tensor = (self.direct(u) + coming).tanh()
        return h


def _memory(step: Tensor, put: Tensor, c: Tensor) -> Tensor:
    """Return ``m_t = step m_{t-1} + put c_t`` as (sequence, chunk, frame, order, unit).

    Within a chunk as a convolution, a matrix of (frame, order) by frame; what a chunk begins with
    goes from chunk to chunk.
    """
    n_seq, n_time, n_unit = c.shape
    powers = [torch.eye(ORDER, dtype=step.dtype)]
    for _ in range(CHUNK):
        powers.append(step @ powers[-1])
    impulse = torch.stack([power @ put for power in powers[:CHUNK]], dim=1)  # (order, lag)
    lag = torch.arange(CHUNK)[:, None] - torch.arange(CHUNK)
    kernel = torch.where(lag >= 0, impulse[:, lag.clamp(min=0)], 0.0)  # (order, frame, frame)
    chunks = c.view(n_seq, n_time // CHUNK, CHUNK, n_unit)
    split = (n_seq, n_time // CHUNK, CHUNK, ORDER, n_unit)
    inner = (kernel.transpose(0, 1).flatten(0, 1) @ chunks).view(split)
    held, before = torch.zeros_like(inner[:, 0, 0]), []
    for end in inner[:, :, -1].unbind(1):  # one slice: the gradient of each would be as large
        before.append(held)
        held = powers[CHUNK] @ held + end
    fade = torch.cat(powers[1:])  # (frame and order, order)
    return inner + (fade @ torch.stack(before, dim=1)).view(split)


def _delayed(shares: Tensor, given: Tensor) -> Tensor:
    """Return ``sum_k shares_{t-k,k} given_{t-k}``, (sequence, time, unit), in whole chunks.

    A product by a banded matrix a chunk: its row t has the shares that arrive at t, in the columns
    of the frames that they left.
    """
    n_seq, n_time, _ = given.shape
    count, width = n_time // CHUNK, CHUNK + DELAYS - 1
    arriving = [pad(shares[:, : n_time - k, k], (k, 0)) for k in range(DELAYS - 1, -1, -1)]
    rows = torch.stack(arriving, dim=2).view(n_seq, count, CHUNK, DELAYS)
    # Rows one longer than the matrix is wide, end to end: each begins one column later.
    skewed = pad(rows, (0, width + 1 - DELAYS)).flatten(2)[:, :, : CHUNK * width]
    band = skewed.view(n_seq, count, CHUNK, width)
    past = pad(given, (0, 0, DELAYS - 1, 0)).unfold(1, width, CHUNK).transpose(2, 3)
    return (band @ past).flatten(1, 2)


def legendre(order: int, window: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return A, (order, order), and B, (order,), of a Legendre memory by zero-order hold.

    The memory of Voelker, Kajic and Eliasmith (NeurIPS 2019): ``window`` dm/dt = a m + b c with
    ``a[i, j] = (2 i + 1) (-1 where i < j, else (-1)^(i - j + 1))`` and ``b[i] = (2 i + 1) (-1)^i``,
    whose states are the shares of Legendre polynomials in the last `window` frames.
    """
    i, j = np.meshgrid(np.arange(order), np.arange(order), indexing="ij")
    rate = (2 * np.arange(order) + 1) / window
    a = rate[:, None] * np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    b = rate * (-1.0) ** np.arange(order)
    held = expm(np.block([[a, b[:, None]], [np.zeros((1, order + 1))]]))
    return held[:order, :order], held[:order, order]
