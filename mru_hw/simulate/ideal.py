"""The level ``ideal``: the network on a model's own numbers, and no circuit.

The equations: docs/reference/models.md.

A layer's memory depends on nothing but its own past, so all matrix products of a layer run over
many frames at once and only the memory runs frame after frame. Sequences and frames go in blocks
of fixed size (the last sequences are filled up) and each matrix product is one call a die, so that
the bits of a die do not depend on which dies stand beside it.

They do depend on a block's size: how a product adds up may change with the number of its columns,
frames times sequences (`block_shape`). So a sequence is one piece as long as it fits into the
working memory, whatever its length; one that does not is cut, and its outputs and candidates may
differ by rounding from what more memory would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mru_hw.errors import Bare, MruHwError, UserError
from mru_hw.model.memory import Drive, State
from mru_hw.model.memory.recurrence import Floats
from mru_hw.model.network import Model
from mru_hw.model.structure import LayerSpec, ModelSpec, normalised
from mru_hw.simulate.kept import Kept
from mru_hw.simulate.kernels import NUMBA, NUMPY, asked_kernel
from mru_hw.simulate.readout import Tally
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus.inputs import Inputs

Keep = Literal["all", "decisions"]

MEMORY_BYTES = 1 << 30
"""The default limit of a run's working memory, beside its inputs and what it returns."""
_ARRAYS = 8
"""Arrays of a block's size that a run holds at a time, at most."""
_CACHED = 1 << 20
"""The size of a block's array that still lies in a core's cache [bytes]."""
_TOGETHER = 64
"""Sequences of a block, where their length leaves a choice."""


def simulate_ideal(
    model: Model,
    inputs: Inputs,
    *,
    dtype: DTypeLike = np.float64,
    keep: Keep = "all",
    memory_bytes: int = MEMORY_BYTES,
    kernel: str | None = None,
) -> Trace:
    """Run a network on sequences.

    Parameters
    ----------
    model
        The network. Each tensor has the shape of ``spec.tensor_shapes()``, shared by all dies, or
        a leading axis with the values of each die.
    inputs
        Raw sequences.
    dtype
        float64, or float32 for speed.
    keep
        ``"all"`` returns outputs, candidates and states; ``"decisions"`` the decisions alone.
    memory_bytes
        Limit of the working memory [bytes]; what every die's memory holds between two blocks of
        frames comes on top, some bytes a unit and sequence.
    kernel
        One of `mru_hw.simulate.kernels.KERNELS`; when None numba's where it is installed. Cells
        whose recurrence it does not have run in numpy.

    Returns
    -------
    Trace
        With a leading die axis where a tensor has one. ``energy_J`` is NaN: nothing is priced.

    Raises
    ------
    UserError
        The inputs have another number of features than the model, the trace is too large, or there
        is no such kernel.
    MruHwError
        Tensors disagree about the number of dies, or numpy's memory limit is too small.
    """
    spec = model.spec
    if inputs.x.shape[2] != spec.n_in:
        raise UserError("inputs: n_in", int(inputs.x.shape[2]), f"{spec.n_in}, as the model has")
    precision = np.dtype(dtype)
    tensors, n_die, shared = _per_die(spec, model.tensors, precision)
    n_seq, n_time = inputs.x.shape[:2]
    kept = Kept.nothing()
    if keep == "all":
        kept = Kept.empty(spec, (n_die, n_seq, n_time), precision)
    decided = np.zeros((n_die, n_seq), np.int64)
    if kernel_of(spec, kernel) == NUMBA:
        from mru_hw.simulate.fast.ideal import IdealRun, Layers

        tables = Layers.of(spec, tensors)
        run = IdealRun(spec=spec, tables=tables, inputs=inputs, kept=kept, decided=decided)
        run.run(memory_bytes)
    else:
        _run_numpy(spec, tensors, inputs, kept, decided, memory_bytes)
    trace = kept.trace(decided)
    return trace.single_die() if shared else trace


def kernel_of(spec: ModelSpec, kernel: str | None) -> str:
    """Return which kernel runs a network: the one that is asked for, where it has the cells.

    Raises
    ------
    UserError
        There is no such kernel, or it is not installed.
    """
    from mru_hw.simulate.fast.ideal import fits

    return asked_kernel(kernel) if fits(spec) else NUMPY


def _run_numpy(
    spec: ModelSpec,
    tensors: Mapping[str, Floats],
    inputs: Inputs,
    kept: Kept,
    decided: NDArray[np.int64],
    memory_bytes: int,
) -> None:
    """Run all dies on all sequences; fills what is kept, and the decisions (die, sequence)."""
    (n_die, n_seq), n_time = decided.shape, inputs.x.shape[1]
    precision = tensors["head.bias"].dtype
    block = block_shape(spec, n_die, n_seq, n_time, precision.itemsize, memory_bytes)
    scratch = _Scratch(dtype=precision)
    for sequences in _ranges(n_seq, block[1]):
        part = inputs.take(sequences)
        lengths = np.ones(block[1], np.int64)
        lengths[: part.n_seq] = part.lengths
        runs = [
            _Run(
                weights={name: values[dies] for name, values in tensors.items()},
                dies=dies,
                tally=Tally(spec.readout, lengths),
            )
            for dies in _ranges(n_die, block[0])
        ]
        for frames in _ranges(n_time, block[2]):
            x = _columns(spec, part.x[:, frames], block[1], precision)
            valid = part.valid(frames)
            for run in runs:
                record = _recorder(kept, (run.dies, sequences, frames), valid)
                run.tally.add(_network(spec, run, x, scratch, record))
        for run in runs:
            decided[run.dies, sequences] = run.tally.decide()[:, : part.n_seq]


def block_shape(
    spec: ModelSpec, n_die: int, n_seq: int, n_time: int, itemsize: int, memory_bytes: int
) -> tuple[int, int, int]:
    """Return how many dies, sequences and frames one block holds.

    The number of sequences and frames does not depend on the number of dies, so a sweep that is
    cut into chunks of dies leaves the same bits as one that is not.
    """
    value = _widest(spec) * itemsize
    room = memory_bytes // _ARRAYS // value
    if room < 1:
        raise MruHwError(
            f"One frame needs {_ARRAYS * value} bytes of working memory, more than the limit of "
            f"{memory_bytes}."
        )
    if n_time <= room:
        frames = n_time
        sequences = min(n_seq, room // frames, max(_TOGETHER, 4 * _CACHED // (frames * value)))
    else:
        sequences = min(n_seq, room, _TOGETHER)
        frames = min(room // sequences, max(1, 4 * _CACHED // (sequences * value)))
    size = frames * sequences
    dies = min(n_die, room // size, max(1, _CACHED // (value * size)))
    return dies, sequences, frames


# ----------------------------------------------------------------------------- the equations


Record = Callable[[int, str, Floats], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Some dies on some sequences, block of frames after block.

    Attributes
    ----------
    weights
        Tensors of the dies.
    dies
        Which of the run's.
    tally
        What the readout knows so far.
    before
        By layer, what its memory holds before the next frame; empty until the first.
    """

    weights: Mapping[str, Floats]
    dies: slice
    tally: Tally
    before: dict[int, State] = field(default_factory=dict)


def _network(spec: ModelSpec, run: _Run, x: Floats, scratch: _Scratch, record: Record) -> Floats:
    """Return the outputs (die, class, time, sequence) of one block."""
    w = run.weights
    v = _affine(w["input.weight"], w["input.bias"], x, scratch, "h0")
    for i, layer in enumerate(spec.layers):
        prefix = f"layers.{i}."
        own = {k.removeprefix(prefix): a for k, a in w.items() if k.startswith(prefix)}
        before = run.before.get(i)
        v, run.before[i] = _layer(layer, own, before, v, scratch, partial(record, i))
    output = _affine(w["head.weight"], w["head.bias"], v, scratch, "head")
    record(0, "output", output)
    return output


def _layer(
    layer: LayerSpec,
    w: Mapping[str, Floats],
    before: State | None,
    v: Floats,
    scratch: _Scratch,
    record: Callable[[str, Floats], None],
) -> tuple[Floats, State]:
    """Return a layer's output and what its memory ends with; `before` is None at the start."""
    u = v
    if layer.rectify_input:
        u = np.maximum(v, 0, out=scratch.like("u", v))
    c = u[:, :0]
    if layer.n_candidates:
        c = _affine(w["candidate.weight"], w["candidate.bias"], u, scratch, "c")
    if layer.rectify_candidate:
        np.maximum(c, 0, out=c)
    record("candidate", c)
    h, after = _memory(layer, w, before, u, c, scratch)
    record("state", h)
    out = _affine(w["output.weight"], w["output.bias"], h, scratch, f"out{scratch.flip()}")
    if layer.rectify_output:
        np.maximum(out, 0, out=out)
    if layer.skip == "matrix":
        np.add(out, _product(w["skip.weight"], v, scratch, "skip"), out=out)
    elif layer.skip == 1:
        np.add(out, v, out=out)
    return out, after


def _memory(
    layer: LayerSpec,
    w: Mapping[str, Floats],
    before: State | None,
    u: Floats,
    c: Floats,
    scratch: _Scratch,
) -> tuple[Floats, State]:
    """Return the states h, (die, state, time, sequence), and what the memory ends with."""

    def unit(name: str) -> Floats:
        return w[name][:, :, None, None]

    def tensor(name: str) -> Floats:
        return w[name]

    def linear(name: str) -> Floats:
        return _affine(w[f"{name}.weight"], w[f"{name}.bias"], u, scratch, f"{name} of u")

    beta = None
    if layer.threshold == "input":
        beta = linear("threshold")
        np.abs(beta, out=beta)
    elif layer.cell.threshold_names:
        beta = np.abs(unit("beta"))
    h = scratch.array("h", (len(u), layer.n_states, *u.shape[2:]))
    drive = Drive(
        input=u,
        candidate=c,
        limit=layer.levels,
        beta=beta,
        unit=unit,
        tensor=tensor,
        linear=linear,
    )
    start = layer.cell.initial(drive) if before is None else before
    return h, layer.cell.remember(drive, start, h)


def _affine(weight: Floats, bias: Floats, v: Floats, scratch: _Scratch, name: str) -> Floats:
    out = _product(weight, v, scratch, name)
    return np.add(out, bias[:, :, None, None], out=out)


def _product(weight: Floats, v: Floats, scratch: _Scratch, name: str) -> Floats:
    """Return ``weight @ v``, (die, out, time, sequence); v may be one for all dies."""
    n_die, n_out, n_in = weight.shape
    n_time, n_seq = v.shape[-2:]
    out = scratch.array(name, (n_die, n_out, n_time, n_seq))
    for die in range(n_die):
        columns = v[die if len(v) > 1 else 0].reshape(n_in, n_time * n_seq)
        np.matmul(weight[die], columns, out=out[die].reshape(n_out, n_time * n_seq))
    return out


# --------------------------------------------------------------------------------- the blocks


@dataclass(slots=True, kw_only=True)
class _Scratch:
    """Working arrays that are used again: fresh memory would cost more than the arithmetic."""

    dtype: np.dtype[Any]
    held: dict[str, Floats] = field(default_factory=dict)
    flipped: bool = False

    def array(self, name: str, shape: tuple[int, ...]) -> Floats:
        size = int(np.prod(shape))
        if name not in self.held or self.held[name].size < size:
            self.held[name] = np.empty(size, self.dtype)
        return self.held[name][:size].reshape(shape)

    def like(self, name: str, other: Floats) -> Floats:
        return self.array(name, other.shape)

    def flip(self) -> int:
        """Return 0 and 1 in turn: a layer's output must not lie where its input does."""
        self.flipped = not self.flipped
        return int(self.flipped)


def _per_die(
    spec: ModelSpec, tensors: Mapping[str, NDArray[Any]], dtype: np.dtype[Any]
) -> tuple[dict[str, Floats], int, bool]:
    """Give every tensor a die axis; also the number of dies and whether no tensor had one."""
    counts = {}
    for name, shape in spec.tensor_shapes().items():
        found = tensors[name].shape
        if found[len(found) - len(shape) :] != shape or len(found) > len(shape) + 1:
            raise UserError(name, Bare(f"of shape {found}"), f"{shape}, or a die axis before it")
        if len(found) > len(shape):
            counts[name] = found[0]
    if len(set(counts.values())) > 1 or 0 in counts.values():
        raise MruHwError(f"Tensors disagree about the number of dies: {counts}.")
    n_die = next(iter(counts.values()), 1)
    spread = {
        name: np.broadcast_to(tensors[name].astype(dtype, copy=False), (n_die, *shape))
        for name, shape in spec.tensor_shapes().items()
    }
    return spread, n_die, not counts


def _recorder(kept: Kept, at: tuple[slice, slice, slice], valid: NDArray[np.bool_]) -> Record:
    """Return what stores a block's (die, feature, time, sequence) at its dies, sequences, frames.

    `valid` is (sequence, time); what is not stays NaN.
    """

    def record(index: int, kind: str, values: Floats) -> None:
        if kept.arrays:
            rows = values[..., : len(valid)].transpose(0, 3, 2, 1)
            np.copyto(kept.arrays[kind][index][at], rows, where=valid[None, :, :, None])

    return record


def _columns(spec: ModelSpec, x: NDArray[np.float64], n_seq: int, dtype: np.dtype[Any]) -> Floats:
    """Return normalised data as (1, feature, time, sequence), filled up with empty sequences."""
    x = normalised(spec, x)
    columns = np.zeros((1, spec.n_in, x.shape[1], n_seq), dtype)
    columns[0, :, :, : len(x)] = x.transpose(2, 1, 0)
    return columns


def _ranges(total: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, total)) for start in range(0, total, step))


def _widest(spec: ModelSpec) -> int:
    own = [spec.n_in, spec.n_hidden, spec.n_classes]
    return max(own + [max(layer.n_states, layer.n_out) for layer in spec.layers])
