"""Sequences as tensors: padded batches and their augmentation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mru_hw.stimulus import Inputs
from mru_hw.training.network import MemoryNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some labelled sequences.

    Attributes
    ----------
    x
        Normalised, (sequence, time, feature), padded at the end.
    lengths
        Valid frames of each sequence.
    y
        Class of each sequence.
    """

    x: Tensor
    lengths: Tensor
    y: Tensor


def as_batch(data: Inputs, network: MemoryNetwork) -> Batch:
    """Return all sequences as one batch, normalised as the network asks."""
    assert data.y is not None
    return Batch(
        x=network.normalise(torch.from_numpy(data.x)),
        lengths=torch.from_numpy(data.lengths),
        y=torch.from_numpy(data.y),
    )


def shuffled(data: Batch, size: int, generator: torch.Generator) -> list[Batch]:
    """Shuffle into batches of sequences of like length, so that little is padding."""
    order = torch.randperm(len(data.y), generator=generator)
    rows: list[Tensor] = []
    for window in torch.split(order, 8 * size):
        rows.extend(torch.split(window[data.lengths[window].argsort(stable=True)], size))
    turns = torch.randperm(len(rows), generator=generator).tolist()
    return [
        Batch(x=data.x[r, : int(data.lengths[r].max())], lengths=data.lengths[r], y=data.y[r])
        for r in (rows[turn] for turn in turns)
    ]


def augment(
    batch: Batch, *, warp: float, offset: float, noise: float, generator: torch.Generator
) -> Batch:
    """Vary a batch: speed, a constant offset of each feature, and white noise.

    Parameters
    ----------
    batch
        Normalised sequences.
    warp
        Largest relative change of a sequence's duration.
    offset
        Standard deviation of each sequence's offset of each normalised feature.
    noise
        Standard deviation of the noise on each normalised feature of each frame.
    generator
        Where the draws come from.
    """
    x, lengths = batch.x, batch.lengths
    if warp > 0.0:
        rate = 1.0 + warp * (2.0 * torch.rand(len(lengths), generator=generator) - 1.0)
        longer = (lengths * rate).round().long().clamp(min=1)
        last = (lengths - 1)[:, None]
        places = (torch.arange(int(longer.max())) / rate[:, None]).minimum(last)
        low = places.floor().long()
        share = (places - low)[:, :, None].to(x.dtype)
        rows = torch.arange(len(lengths))[:, None]
        x = x[rows, low].lerp(x[rows, (low + 1).minimum(last)], share)
        lengths = longer
    if offset > 0.0:
        shape = (x.shape[0], 1, x.shape[2])
        x = x + offset * torch.randn(shape, generator=generator, dtype=x.dtype)
    if noise > 0.0:
        x = x + noise * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return Batch(x=x, lengths=lengths, y=batch.y)
