"""Fitting a network: noise, schedule and the epochs between two checkpoints."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from mru_hw.errors import UserError
from mru_hw.leftovers import temporary_place
from mru_hw.model.network import Model
from mru_hw.model.structure import ReadoutKind
from mru_hw.training.batches import Batch, as_batch, augment, shuffled
from mru_hw.training.checkpoint import Checkpoint, Progress
from mru_hw.training.chip import Chip
from mru_hw.training.config import NoiseConfig, TrainConfig
from mru_hw.training.digits import Split
from mru_hw.training.network import MemoryNetwork, NetworkTrace, decide, score, valid_frames

PIECE = 1 << 18
"""Frames that decisions are taken of at a time, so that long sequences fit into memory."""


class DivergedError(UserError):
    """The loss of a training is no finite number any more."""


class _NoNumberError(Exception):
    """A loss that is no finite number, inside an epoch.

    Attributes
    ----------
    loss
        What it was.
    """

    def __init__(self, loss: float) -> None:
        self.loss = loss
        super().__init__(f"a loss of {loss}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """What is reported after each epoch; accuracies are shares of 1."""

    number: int
    of: int
    loss: float
    validation: float


def fit(
    config: TrainConfig,
    network: MemoryNetwork,
    split: Split,
    checkpoint: Checkpoint,
    saved: Progress | None,
    progress: Callable[[Epoch], None] | None,
    chip: Chip | None = None,
) -> MemoryNetwork:
    """Train a network from its beginning, or from where the checkpoint stands; return the same.

    Parameters
    ----------
    network
        As `begin` has left it.
    chip
        What it runs on while it learns; software when None.
    """
    settings = config.training
    _load_compiler()
    learned = {name: p for name, p in network.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(
        parameter_groups(network, learned),
        lr=settings.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=settings.weight_decay,
    )
    first = kept = 0
    if saved is not None:
        first = kept = saved.epochs_done
        network.load_state_dict(saved.weights)
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": saved.optimizer, "param_groups": groups})
    train_rows, validation = as_batch(split.train, network), as_batch(split.validation, network)
    for epoch in range(first, settings.epochs):
        _anneal(network, settings.anneal, epoch / settings.epochs)
        try:
            loss = _epoch(config, network, optimizer, learned, train_rows, epoch, chip)
        except _NoNumberError as error:
            raise _diverged(error.loss, epoch + 1, kept, checkpoint) from None
        if (epoch + 1) % settings.checkpoint_epochs == 0 or epoch + 1 == settings.epochs:
            if not all(bool(torch.isfinite(p).all()) for p in learned.values()):
                raise _diverged(math.nan, epoch + 1, kept, checkpoint)
            state = optimizer.state_dict()["state"]
            checkpoint.save(
                Progress(epochs_done=epoch + 1, weights=network.state_dict(), optimizer=state)
            )
            kept = epoch + 1
        if progress is not None:
            right = share_right(network, validation, chip)
            progress(Epoch(number=epoch + 1, of=settings.epochs, loss=loss, validation=right))
    _anneal(network, settings.anneal, 1.0)
    return network


def parameter_groups(
    network: MemoryNetwork, learned: dict[str, nn.Parameter]
) -> list[dict[str, Any]]:
    """Return what the optimiser learns: weights, and after them what does not decay."""
    weights = [p for name, p in learned.items() if name not in network.exact]
    others = [p for name, p in learned.items() if name in network.exact]
    return [{"params": weights}] + ([{"params": others, "weight_decay": 0.0}] if others else [])


_COMPILED = "TORCHINDUCTOR_CACHE_DIR"


def _load_compiler() -> None:
    """Import torch's compiler, as its optimisers do on first use.

    The import makes a folder for compiled code and leaves it there. Nothing is compiled here, so
    it is sent to a folder that stands.
    """
    before = os.environ.get(_COMPILED)
    os.environ.setdefault(_COMPILED, str(temporary_place()))
    try:
        importlib.import_module("torch._dynamo")
    finally:
        if before is None:
            os.environ.pop(_COMPILED, None)


def _epoch(
    config: TrainConfig,
    network: MemoryNetwork,
    optimizer: torch.optim.Optimizer,
    learned: dict[str, nn.Parameter],
    rows: Batch,
    epoch: int,
    chip: Chip | None,
) -> float:
    """Train for one epoch, with random numbers that depend on the seed and the epoch only."""
    settings = config.training
    noise = settings.noise
    generator = _generator(config.seed, epoch + 1)
    some = shuffled(rows, settings.batch_size, generator)
    for memory in network.memories:
        memory.candidate_noise = noise.candidate
    weights = {name: p for name, p in learned.items() if name not in network.exact}
    if chip is not None:
        chip.begin()
    total = 0.0
    for turn, plain in enumerate(some):
        share = (epoch + turn / len(some)) / settings.epochs
        warm = min(1.0, share / settings.warm_up) if settings.warm_up else 1.0
        rate = settings.learning_rate * warm * 0.5 * (1.0 + math.cos(math.pi * share))
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = augment(
            plain, warp=noise.warp, offset=noise.offset, noise=noise.feature, generator=generator
        )
        perturbed = {k: _perturbed(k, p, noise, generator) for k, p in weights.items()}
        if chip is None:
            loss = _software_loss(config, network, perturbed, batch, generator)
        else:
            loss = _chip_loss(config, network, chip, perturbed, batch, generator)
        if not bool(torch.isfinite(loss)):
            raise _NoNumberError(loss.item())
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(learned.values(), settings.gradient_limit)
        optimizer.step()
        with torch.no_grad():
            for parameter in weights.values():
                parameter.clamp_(-settings.weight_limit, settings.weight_limit)
        total += loss.item() * len(batch.y)
    for memory in network.memories:
        memory.candidate_noise = 0.0
    return total / len(rows.y)


def _diverged(loss: float, epoch: int, kept: int, checkpoint: Checkpoint) -> DivergedError:
    """Return what the user reads.

    Parameters
    ----------
    kept
        The epoch after which the last checkpoint was saved; 0 when there is none.
    """
    there = "there is no checkpoint yet"
    if kept:
        there = f"the last good checkpoint is of epoch {kept}, a model at {checkpoint.good}"
    expected = f"a finite number: epoch {epoch} diverges, {there}; lower learning_rate"
    return DivergedError("training: the loss", loss, expected)


def _software_loss(
    config: TrainConfig,
    network: MemoryNetwork,
    tensors: dict[str, Tensor],
    batch: Batch,
    generator: torch.Generator,
) -> Tensor:
    trace: NetworkTrace = functional_call(network, tensors, (batch.x, generator))
    loss = nn.functional.cross_entropy(_soft(trace.output, batch, network), batch.y)
    if config.training.activity > 0.0:
        loss = loss + config.training.activity * _activity(trace, batch)
    return loss


def _chip_loss(
    config: TrainConfig,
    network: MemoryNetwork,
    chip: Chip,
    tensors: dict[str, Tensor],
    batch: Batch,
    generator: torch.Generator,
) -> Tensor:
    asked = config.chip
    assert asked is not None
    run = chip.run(
        own_tensors(network) | tensors,
        batch.x,
        generator=generator,
        candidate_noise=config.training.noise.candidate,
        supply=asked.supply_price > 0.0,
        margin=asked.margin if asked.margin_price > 0.0 else None,
    )
    loss = nn.functional.cross_entropy(_soft(run.output, batch, network), batch.y)
    valid = valid_frames(batch.lengths, batch.x.shape[1])
    for price, paid in ((asked.supply_price, run.current), (asked.margin_price, run.near)):
        if paid is not None:
            loss = loss + price * paid[valid].mean()
    return loss


def own_tensors(network: MemoryNetwork) -> dict[str, Tensor]:
    """Return a network's tensors by the names of the contract."""
    return network.state_dict(keep_vars=True)


def _soft(output: Tensor, batch: Batch, network: MemoryNetwork) -> Tensor:
    """Scores with a gradient: a vote is trained as a mean."""
    readout = network.spec.readout
    return score(
        output, batch.lengths, ReadoutKind.MEAN if readout is ReadoutKind.VOTE else readout
    )


def _activity(trace: NetworkTrace, batch: Batch) -> Tensor:
    """Mean squares of candidates and outputs, summed over layers: what currents will cost."""
    valid = valid_frames(batch.lengths, batch.x.shape[1])
    signals = [signal for layer in trace.layers for signal in (layer.candidate, layer.out)]
    return torch.stack([s[valid].square().mean() for s in signals if s.shape[-1]]).sum()


def _perturbed(
    name: str, value: nn.Parameter, noise: NoiseConfig, generator: torch.Generator
) -> Tensor:
    seen: Tensor = value
    if noise.weight > 0.0:
        drawn = torch.randn(value.shape, generator=generator, dtype=value.dtype)
        seen = seen * (1.0 + noise.weight * drawn)
    if noise.rounding > 0.0 and name.endswith((".weight", ".bias")):
        drawn = torch.rand(value.shape, generator=generator, dtype=value.dtype)
        seen = seen + noise.rounding * (2.0 * drawn - 1.0)
    return seen


@torch.no_grad()
def begin(config: TrainConfig, network: MemoryNetwork, start: Model | None = None) -> None:
    """Give a network its precision and the weights that it begins with.

    Parameters
    ----------
    start
        The trained network that has them; they are drawn when None.
    """
    network.to(torch.float64 if config.precision == "float64" else torch.float32)
    if start is None:
        _fresh(config, network)
    else:
        network.load(start.tensors)
    for memory in network.memories:
        for name, parameter in memory.named_parameters():
            if name in memory.spec.cell.threshold_names:
                parameter.requires_grad_(config.training.learn_beta)
            elif name == "alpha":
                parameter.requires_grad_(config.training.learn_alpha)


def _fresh(config: TrainConfig, network: MemoryNetwork) -> None:
    network.draw(_generator(config.seed, 0))
    gain = config.training.initial_gain
    network.input.weight.mul_(gain)
    levels = config.network.initial_levels
    for i, memory in enumerate(network.memories):
        memory.amplify(gain)
        if levels is not None and memory.spec.cell.starts:
            memory.initial_state.fill_(float(levels[i]))


def _anneal(network: MemoryNetwork, span: float, share: float) -> None:
    for memory in network.memories:
        if memory.spec.cell.anneals:
            memory.epsilon = max(0.0, 1.0 - share / span) if span else 0.0


def _generator(seed: int, child: int) -> torch.Generator:
    state = np.random.SeedSequence(seed, spawn_key=(child,)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))


@torch.no_grad()
def share_right(network: MemoryNetwork, rows: Batch, chip: Chip | None = None) -> float:
    """Return the share of sequences that are decided right; on a chip the mean of its conditions.

    Parameters
    ----------
    chip
        What decides; software when None.
    """
    size = max(1, PIECE // rows.x.shape[1])
    right = 0.0
    for start in range(0, len(rows.y), size):
        some = slice(start, start + size)
        outputs = (
            [network(rows.x[some]).output]
            if chip is None
            else list(chip.outputs(own_tensors(network), rows.x[some]))
        )
        for output in outputs:
            decisions = decide(output, rows.lengths[some], network.spec.readout)
            right += float((decisions == rows.y[some]).sum()) / len(outputs)
    return right / len(rows.y)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch to one thread: sums then run in one order, with the same bits each time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
