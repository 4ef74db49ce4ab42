"""Runs networks at the level ``ideal`` through the compiled kernel.

It takes cells whose recurrence is `climbed` by one of `STEP_LAWS`: CMRU, BMRU and FQ-BMRU. Their
text is that of `mru_hw.model.memory.recurrence`, which numpy runs too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.model.memory import LevelCell
from mru_hw.model.memory.recurrence import FAR_LEVEL, Floats
from mru_hw.model.structure import LayerSpec, ModelSpec, ReadoutKind, normalised
from mru_hw.simulate.blocks import group_sequences
from mru_hw.simulate.fast import ideal_loops as loops
from mru_hw.simulate.fast.source import STEP_LAWS, ideal_kernel
from mru_hw.simulate.fast.tables import workspace
from mru_hw.simulate.kept import Kept
from mru_hw.simulate.readout import Tally, largest
from mru_hw.stimulus.inputs import Inputs

LANES = 16
"""Sequences of a group are a multiple of it: some vectors of a processor."""
BLOCK_BYTES = 4 << 20
"""What the inputs of a block of frames have at most [bytes]."""


def fits(spec: ModelSpec) -> bool:
    """Tell whether the kernel has the recurrences of all layers."""
    return all(
        isinstance(layer.cell, LevelCell) and layer.cell.step_law() in STEP_LAWS
        for layer in spec.layers
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The tables of a network, and each die's numbers.

    Attributes
    ----------
    net, lines, layers
        Columns `NET`, `LINES` and, a row a layer, `LAYER` of the loops.
    weights
        (die, number).
    n_lines
        Of the workspace.
    levels
        Before the first frame, (die, unit).
    """

    net: NDArray[np.int64]
    lines: NDArray[np.int64]
    layers: NDArray[np.int64]
    weights: Floats
    n_lines: int
    levels: Floats

    @classmethod
    def of(cls, spec: ModelSpec, tensors: Mapping[str, Floats]) -> Layers:
        """Lay out a network, its tensors with an axis of dies."""
        pieces: list[Floats] = []
        at = 0

        def place(*tensor: Floats) -> int:
            nonlocal at
            begin = at
            for values in tensor:
                pieces.append(values.reshape(len(values), -1))
                at += pieces[-1].shape[1]
            return begin

        def linear(name: str) -> int:
            return place(tensors[f"{name}.bias"], tensors[f"{name}.weight"])

        net = [spec.n_in, spec.n_hidden, spec.n_classes, linear("input"), linear("head")]
        layers = np.zeros((len(spec.layers), len(loops.LAYER)), np.int64)
        first, width = 0, spec.n_hidden
        for i, (row, layer) in enumerate(zip(layers, spec.layers, strict=True)):
            _fill(row, layer, first, width)
            name = f"layers.{i}."
            row[loops.AT_CANDIDATE] = linear(f"{name}candidate")
            if layer.threshold == "input":
                row[loops.AT_THRESHOLD] = linear(f"{name}threshold")
            row[loops.AT_UNITS] = place(*_settings(layer, tensors, name))
            row[loops.AT_OUTPUT] = linear(f"{name}output")
            if layer.skip == "matrix":
                row[loops.AT_SKIP] = place(tensors[f"{name}skip.weight"])
            first, width = first + layer.n_units, layer.n_out
        widest = max(spec.n_hidden, *(layer.n_out for layer in spec.layers))
        units = max(layer.n_units for layer in spec.layers)
        sizes = (spec.n_in, *(widest,) * 3, *(units,) * 3, spec.n_classes, 1)
        begins = np.cumsum(sizes)
        starts = [tensors[f"layers.{i}.initial_state"] for i in range(len(spec.layers))]
        return cls(
            net=np.array(net),
            lines=begins[:-1],
            layers=layers,
            weights=np.concatenate(pieces, axis=1),
            n_lines=int(begins[-1]),
            levels=np.concatenate(starts, axis=1),
        )


def _fill(row: NDArray[np.int64], layer: LayerSpec, first: int, width: int) -> None:
    """Write what a layer is, but where its numbers begin."""
    cell = layer.cell
    assert isinstance(cell, LevelCell)
    low, high = np.clip(cell.span(layer.levels), -FAR_LEVEL, FAR_LEVEL)
    row[[loops.UNITS, loops.FIRST]] = layer.n_units, first
    row[[loops.WIDTH_IN, loops.WIDTH_OUT]] = width, layer.n_out
    row[[loops.LAW, loops.SPACING]] = STEP_LAWS.index(cell.step_law()), cell.spacing
    row[[loops.LOW, loops.HIGH]] = low, high
    row[loops.RELU_INPUT] = layer.rectify_input
    row[loops.RELU_CANDIDATE] = layer.rectify_candidate
    row[loops.RELU_OUTPUT] = layer.rectify_output
    row[loops.BY_INPUT] = layer.threshold == "input"
    row[loops.SKIP] = 2 if layer.skip == "matrix" else layer.skip


def _settings(layer: LayerSpec, tensors: Mapping[str, Floats], name: str) -> tuple[Floats, ...]:
    """Return thresholds up and down, (die, unit), and what one level is of h.

    Of thresholds from the input, what they have beyond beta.
    """
    cell = layer.cell
    assert isinstance(cell, LevelCell)
    alpha = tensors[f"{name}alpha"]
    by_input = layer.threshold == "input"
    beta = np.zeros_like(alpha) if by_input else np.abs(tensors[f"{name}beta"])
    up, down = cell.edges(beta, lambda tensor: tensors[name + tensor])
    return up, down, cell.gain(alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdealRun:
    """A network on sequences.

    Attributes
    ----------
    kept
        Filled with what is kept.
    decided
        Filled with decisions, (die, sequence).
    """

    spec: ModelSpec
    tables: Layers
    inputs: Inputs
    kept: Kept
    decided: NDArray[np.int64]

    def run(self, memory_bytes: int) -> None:
        """Run all dies on all sequences; beside the inputs no more than `memory_bytes` are held."""
        dtype, n_die = self.tables.weights.dtype, len(self.decided)
        ws = workspace(self.tables.n_lines, loops.TILE, dtype)
        for group in group_sequences(self.inputs.lengths, filled=False):
            lengths = np.ones(-(-len(group.rows) // LANES) * LANES, np.int64)
            lengths[: len(group.rows)] = group.lengths
            step, n_frames = self._cut(len(lengths), memory_bytes)
            for begin in range(0, n_die, step):
                dies = slice(begin, min(begin + step, n_die))
                self._dies(dies, group.rows, lengths, ws, n_frames)

    def _cut(self, lanes: int, memory_bytes: int) -> tuple[int, int]:
        """Return how many dies run together, and how many frames a block has."""
        spec, tables = self.spec, self.tables
        itemsize, units = tables.weights.itemsize, tables.levels.shape[1]
        # What a die holds between blocks, and what of it is kept of a frame.
        held = lanes * (units + spec.layers[-1].n_out + spec.n_classes) * itemsize
        frame = lanes * (spec.n_classes + 2 * units) * itemsize if self.kept.arrays else 0
        if spec.readout is not ReadoutKind.MEAN:
            frame += lanes * spec.n_classes * itemsize
        some = min(self.inputs.x.shape[1], loops.TILE)
        dies = max(1, min(len(self.decided), memory_bytes // 2 // (held + some * frame)))
        # Inputs are float64 until they are normalised.
        read = lanes * spec.n_in * 24
        room = max(1, memory_bytes // 4 // (read + dies * frame))
        return dies, min(room, max(some, BLOCK_BYTES // read))

    def _dies(
        self,
        dies: slice,
        rows: NDArray[np.int64],
        lengths: NDArray[np.int64],
        ws: Floats,
        n_frames: int,
    ) -> None:
        """Run some dies on a group of sequences, block of frames after block."""
        spec, tables = self.spec, self.tables
        weights = tables.weights[dies]
        module, dtype = ideal_kernel(weights.dtype.name), weights.dtype
        n_die, lanes = len(weights), len(lengths)
        levels = np.repeat(tables.levels[dies][:, :, None], lanes, axis=2)
        sums = np.zeros((n_die, spec.layers[-1].n_out, lanes), dtype)
        means, everything = spec.readout is ReadoutKind.MEAN, bool(self.kept.arrays)
        keep = np.array([everything or not means, everything], np.int64)
        tally = Tally(spec.readout, lengths)
        for start, x in self._blocks(rows, lanes, n_frames):
            n_time = len(x) * int(keep[0])
            output = np.empty((n_die, spec.n_classes, n_time, lanes), dtype)
            shape = n_die, levels.shape[1], n_time * int(keep[1]), lanes
            candidates, states = np.empty(shape, dtype), np.empty(shape, dtype)
            module.run_dies(
                tables.net,
                tables.lines,
                tables.layers,
                weights,
                x,
                lengths - start,
                levels,
                sums,
                ws,
                keep,
                output,
                candidates,
                states,
            )
            if not means:
                tally.add(output)
            if everything:
                frames = slice(start, start + len(x))
                self._keep(dies, rows, frames, output, candidates, states)
        if means:
            out = np.empty((n_die, spec.n_classes, lanes), dtype)
            module.mean_outputs(tables.net, weights, sums, lengths, ws, out)
            self.decided[dies, rows] = largest(out)[:, : len(rows)]
        else:
            self.decided[dies, rows] = tally.decide()[:, : len(rows)]

    def _blocks(
        self, rows: NDArray[np.int64], lanes: int, n_frames: int
    ) -> Iterator[tuple[int, Floats]]:
        """Return normalised inputs, (time, feature, lane), block of frames after block."""
        stop, dtype = int(self.inputs.lengths[rows].max()), self.tables.weights.dtype
        for start in range(0, stop, n_frames):
            part = normalised(self.spec, self.inputs.x[rows, start : min(start + n_frames, stop)])
            x = np.zeros((part.shape[1], self.spec.n_in, lanes), dtype)
            x[:, :, : len(rows)] = part.transpose(1, 2, 0)
            yield start, x

    def _keep(
        self,
        dies: slice,
        rows: NDArray[np.int64],
        frames: slice,
        output: Floats,
        candidates: Floats,
        states: Floats,
    ) -> None:
        """Store a block's (die, feature, time, lane); what is no valid frame stays NaN."""
        arrays = self.kept.arrays
        valid = np.arange(frames.start, frames.stop) < self.inputs.lengths[rows, None]

        def store(into: Floats, values: Floats) -> None:
            shown = values[..., : len(rows)].transpose(0, 3, 2, 1)
            into[dies, rows, frames] = np.where(valid[None, :, :, None], shown, np.nan)

        store(arrays["output"][0], output)
        for i, row in enumerate(self.tables.layers):
            units = slice(row[loops.FIRST], row[loops.FIRST] + row[loops.UNITS])
            store(arrays["candidate"][i], candidates[:, units])
            store(arrays["state"][i], states[:, units])
