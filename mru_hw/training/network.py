"""A whole network as a module: built from a `ModelSpec`, exported as a `Model`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec, ReadoutKind
from mru_hw.training.memory import LayerTrace, Linear, MemoryLayer, memory_layer


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTrace:
    """What a network did: each layer, and the head's output (sequence, time, class)."""

    layers: tuple[LayerTrace, ...]
    output: Tensor


class MemoryNetwork(nn.Module):
    """Input projection, memory layers and head (docs/reference/models.md, The network).

    Its state dict holds exactly the tensors of the contract. Weights are zero until `draw` or
    `load` sets them.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.input = Linear(spec.n_in, spec.n_hidden)
        self.layers = nn.ModuleList(
            memory_layer(layer, spec.width_in(i), f"layers.{i}.cell")
            for i, layer in enumerate(spec.layers)
        )
        self.head = Linear(spec.width_head, spec.n_classes)
        given = spec.normalisation
        mean = [0.0] * spec.n_in if given is None else list(given.mean)
        scale = [1.0] * spec.n_in if given is None else list(given.scale)
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float64), persistent=False)
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float64), persistent=False)

    @property
    def memories(self) -> tuple[MemoryLayer, ...]:
        """The memory layers, first to last."""
        return tuple(layer for layer in self.layers if isinstance(layer, MemoryLayer))

    @property
    def exact(self) -> frozenset[str]:
        """Names of the parameters that a training leaves without noise, decay and limit."""
        return frozenset(
            f"layers.{i}.{name}" for i, memory in enumerate(self.memories) for name in memory.exact
        )

    def normalise(self, x: Tensor) -> Tensor:
        """Map raw data to network input, ``(x - mean) / scale``, in the network's precision."""
        return ((x.double() - self.mean) / self.scale).to(self.input.weight.dtype)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> NetworkTrace:
        """Run the network on normalised x, (sequence, time, feature)."""
        v: Tensor = self.input(x)
        traces: list[LayerTrace] = []
        for layer in self.layers:
            trace: LayerTrace = layer(v, generator)
            traces.append(trace)
            v = trace.out
        return NetworkTrace(layers=tuple(traces), output=self.head(v))

    @torch.no_grad()
    def draw(self, generator: torch.Generator) -> None:
        """Draw all weights and biases anew, first to last layer."""
        self.input.draw(generator)
        for memory in self.memories:
            memory.draw(generator)
        self.head.draw(generator)

    def load(
        self, tensors: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]
    ) -> None:
        """Take the tensors of a `Model`, by the names of the contract."""
        self.load_state_dict({name: torch.from_numpy(v.copy()) for name, v in tensors.items()})

    def export(self, spec: ModelSpec | None = None) -> Model:
        """Return the network as a `Model` in float64, thresholds as absolute values."""
        thresholds = {
            f"layers.{i}.{name}"
            for i, layer in enumerate(self.spec.layers)
            for name in layer.cell.threshold_names
        }
        tensors = {}
        for name, value in self.state_dict().items():
            array = value.detach().cpu().double().numpy().copy()
            tensors[name] = np.abs(array) if name in thresholds else array
        return Model(spec=self.spec if spec is None else spec, tensors=tensors)


def from_model(model: Model) -> MemoryNetwork:
    """Return the float64 network of a `Model`: the reference that `ideal` has to equal."""
    network = MemoryNetwork(model.spec).double()
    network.load(model.tensors)
    return network


def valid_frames(lengths: Tensor, n_time: int) -> Tensor:
    """Return a boolean mask (sequence, time), False in the padding at the end."""
    return torch.arange(n_time, device=lengths.device) < lengths[:, None]


def score(output: Tensor, lengths: Tensor, readout: ReadoutKind) -> Tensor:
    """Reduce outputs (sequence, time, class) to scores (sequence, class), padding left out.

    The largest score is the decision. ``vote`` counts the frames that each class wins.
    """
    if readout is ReadoutKind.LAST:
        rows = torch.arange(output.shape[0], device=output.device)
        return output[rows, lengths - 1]
    valid = valid_frames(lengths, output.shape[1])[:, :, None]
    if readout is ReadoutKind.VOTE:
        winners = nn.functional.one_hot(output.argmax(-1), output.shape[-1])
        return (winners * valid).sum(1).to(output.dtype)
    return torch.where(valid, output, 0.0).sum(1) / lengths[:, None]


def decide(output: Tensor, lengths: Tensor, readout: ReadoutKind) -> Tensor:
    """Return the decision of each sequence; ties go to the lowest index."""
    scores = score(output, lengths, readout)
    best = scores.max(dim=1, keepdim=True).values
    return (scores == best).int().argmax(dim=1)
