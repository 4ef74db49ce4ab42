"""The level ``behavioral``, settled: calibrated cell laws, one solution a phase.

Within frame t, layer i's strobe comes at ``timing.strobes[i]``: before it the layer's state is
that of frame t-1, after it that of frame t. A candidate counts at its own layer's strobe, so it
sees the new states of the layers before it. The supply is the mean over these phases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mru_hw.mapping.design import Design
from mru_hw.mapping.realised import realised_bank
from mru_hw.model.structure import CellKind
from mru_hw.simulate import levels
from mru_hw.simulate.array import DieArray, Memory, Rails, compile_die
from mru_hw.simulate.decision_noise import NoiseLaw, decision_noise
from mru_hw.simulate.levels import Floats
from mru_hw.simulate.readout import decide_columns
from mru_hw.simulate.supply import BLOCKS, SupplyRecord
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.variation import Die

BLOCK_SEQUENCES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseRun:
    """Device noise of a run: its seed and a factor on every sigma."""

    seed: int
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BehavioralRun:
    """Result of a behavioral run over several dies; every array has a leading die axis.

    Attributes
    ----------
    trace
        Decisions and, unless decisions alone were asked for, outputs, candidates and states.
        Energy is not priced here: it is NaN.
    supply
        What was drawn.
    """

    trace: Trace
    supply: SupplyRecord


def simulate_behavioral(
    design: Design,
    calibration: Calibration,
    inputs: Inputs,
    dies: Sequence[Die],
    *,
    temperature: float = 27.0,
    v_dd: float | None = None,
    noise: NoiseRun | None = None,
    sequence_offset: int = 0,
    dtype: DTypeLike = np.float64,
    keep_all: bool = True,
) -> BehavioralRun:
    """Run dies on sequences.

    Parameters
    ----------
    design, calibration
        The chip and its technology's constants.
    inputs
        Raw sequences; normalisation is the design's.
    dies
        Which dies; each is computed alone, so its bits do not depend on the others.
    temperature, v_dd
        [degC], [V]; the technology's own supply unless given.
    noise
        Device noise, or none.
    sequence_offset
        Index of the first sequence in its file: it names the noise draws.
    dtype
        float64, or float32 for speed.
    keep_all
        Whether to return outputs, candidates and states too.
    """
    spec = design.spec
    supply_v = design.technology.v_dd if v_dd is None else v_dd
    at_supply = calibration.at(supply_v)
    order = np.argsort(inputs.lengths, kind="stable")
    n_die, (n_seq, n_time) = len(dies), inputs.x.shape[:2]
    decision = np.zeros((n_die, n_seq), dtype=np.int64)
    static = np.zeros((n_die, n_seq, len(BLOCKS)))
    switching = np.zeros_like(static)
    kept = _Kept.empty(design, (n_die, n_seq, n_time), dtype) if keep_all else None
    blocks = [_block(inputs, rows, design, dtype) for rows in _rows(order)]
    for d, die in enumerate(dies):
        array = compile_die(design, at_supply, die, temperature=temperature, dtype=dtype)
        law = None if noise is None else NoiseLaw.of(design, at_supply, temperature, noise.scale)
        for block in blocks:
            run = _Run(array=array, block=block, v_dd=supply_v, calibration=at_supply)
            if law is not None and noise is not None:
                run.noise = (law, noise.seed, die.seed, sequence_offset)
            run.all_layers()
            n = len(block.rows)
            decision[d, block.rows] = decide_columns(run.output, block.lengths, spec.readout)[:n]
            static[d, block.rows] = run.mean(run.static)[:n]
            switching[d, block.rows] = run.mean(run.switching)[:n]
            if kept is not None:
                kept.store(d, block, run)
    trace = Trace(
        decision=decision,
        energy_J=np.full((n_die, n_seq), np.nan),
        output=None if kept is None else kept.output,
        candidates=() if kept is None else tuple(kept.candidates),
        states=() if kept is None else tuple(kept.states),
    )
    duration = inputs.lengths * design.timing.frame
    return BehavioralRun(
        trace=trace,
        supply=SupplyRecord(static=static, switching=switching, duration=duration, v_dd=supply_v),
    )


# --------------------------------------------------------------------------------- the blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Sequences of like length, as (feature, time, sequence); rows may be fewer than columns."""

    rows: NDArray[np.int64]
    x: Floats
    lengths: NDArray[np.int64]
    valid: NDArray[np.bool_]


def _rows(order: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(order), BLOCK_SEQUENCES):
        yield order[start : start + BLOCK_SEQUENCES]


def _block(inputs: Inputs, rows: NDArray[np.int64], design: Design, dtype: DTypeLike) -> _Block:
    """Cut out sequences, normalise them and fill the block up with one-frame sequences."""
    n_time = int(inputs.lengths[rows].max())
    x = inputs.x[rows, :n_time]
    normal = design.spec.normalisation
    if normal is not None:
        x = (x - np.array(normal.mean)) / np.array(normal.scale)
    n_block = BLOCK_SEQUENCES if len(inputs.lengths) >= BLOCK_SEQUENCES else len(rows)
    columns = np.zeros((x.shape[2], n_time, n_block), dtype=dtype)
    columns[:, :, : len(rows)] = x.transpose(2, 1, 0)
    lengths = np.ones(n_block, dtype=np.int64)
    lengths[: len(rows)] = inputs.lengths[rows]
    valid = np.arange(n_time)[:, None] < lengths
    return _Block(rows=rows, x=columns, lengths=lengths, valid=valid)


class _Kept:
    """Arrays of the trace, filled block by block."""

    def __init__(self, design: Design, shape: tuple[int, int, int], dtype: DTypeLike) -> None:
        spec = design.spec
        self.output = np.full((*shape, spec.n_classes), np.nan, dtype=dtype)
        self.candidates = [np.full((*shape, b.n_units), np.nan, dtype=dtype) for b in design.banks]
        self.states = [np.full((*shape, b.n_units), np.nan, dtype=dtype) for b in design.banks]

    @classmethod
    def empty(cls, design: Design, shape: tuple[int, int, int], dtype: DTypeLike) -> _Kept:
        return cls(design, shape, dtype)

    def store(self, die: int, block: _Block, run: _Run) -> None:
        pairs = [(self.output, run.output)]
        pairs += list(zip(self.candidates, run.candidates, strict=True))
        pairs += list(zip(self.states, run.states, strict=True))
        n, n_time = len(block.rows), block.x.shape[1]
        for target, values in pairs:
            rows = values[..., :n].transpose(2, 1, 0)
            rows = np.where(block.valid[:, :n].T[:, :, None], rows, np.nan)
            target[die, block.rows, :n_time] = rows


# ------------------------------------------------------------------------------ one die, one block


class _Run:
    """One die on one block: walks the layers and adds up the supply.

    A *version* of a signal is its course for one choice of which layers already stepped in a
    frame; versions come with the share of the frame for which they hold.
    """

    noise: tuple[NoiseLaw, int, int, int] | None = None

    def __init__(
        self, *, array: DieArray, block: _Block, v_dd: float, calibration: Calibration
    ) -> None:
        self.array, self.block, self.v_dd, self.calibration = array, block, v_dd, calibration
        shape = (block.x.shape[1], block.x.shape[2], len(BLOCKS))
        self.static = np.zeros(shape)
        self.switching = np.zeros(shape)
        self.candidates: list[Floats] = []
        self.states: list[Floats] = []
        self.output: Floats = block.x[:0]

    def mean(self, current: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over the valid frames of each sequence, (sequence, block)."""
        total = np.einsum("tsb,ts->sb", current, self.block.valid.astype(np.float64))
        mean: NDArray[np.float64] = total / self.block.lengths[:, None]
        return mean

    def all_layers(self) -> None:
        """Run the network; fills candidates, states, output and the supply."""
        array = self.array
        timing = array.design.timing
        self.static[:, :, BLOCKS.index("bias")] = array.bias_supply
        x = array.nodes["x"].rails(self.block.x)
        self._draw("mirror", array.nodes["x"].supply(x), 1.0)
        shares = [1.0]
        versions = [{"v0": array.nodes["v0"].rails(array.value("v0", {"x": x}))}]
        self._draw_node("v0", versions, shares)
        for i, memory in enumerate(array.memories):
            levels_ = self._memory(i, memory, versions, shares)
            late = 1 - timing.strobes[i] / timing.frame
            if self._skips(i):
                shares = [*shares[:-1], shares[-1] - late, late]
            else:
                # What follows depends on this layer's state alone, which has two versions.
                shares, versions = [1 - late, late], versions[-1:]
            versions = self._outputs(i, memory, levels_, versions, shares)
        rails = versions[-1]
        self.output = array.value("y", rails)

    def _skips(self, i: int) -> bool:
        """Whether the signal after layer `i` takes its input along."""
        wirings = self.array.nodes[f"v{i + 1}"].wirings
        return any(wiring.source == f"v{i}" for wiring in wirings)

    def _draw(self, block: str, current: Floats, share: float) -> None:
        self.static[:, :, BLOCKS.index(block)] += share * current

    def _draw_node(
        self, name: str, versions: list[dict[str, Rails]], shares: list[float]
    ) -> None:
        node = self.array.nodes[name]
        for version, share in zip(versions, shares, strict=True):
            self._draw("mirror", node.supply(version[name]), share)

    def _memory(
        self, i: int, memory: Memory, versions: list[dict[str, Rails]], shares: list[float]
    ) -> levels.Levels:
        """Step the units of layer `i`; return their set cells, (time, 1, unit, sequence)."""
        array, bank = self.array, memory.bank
        node = array.nodes[bank.candidate]
        for version, share in zip(versions, shares, strict=True):
            c = array.value(bank.candidate, version)
            rails = node.rails(c)
            self._draw("mirror", node.supply(rails), share)
            if bank.cell is CellKind.CMRU:
                self._draw("memory", self._comparators(memory, rails), share)
        up, down = memory.up, memory.down
        if bank.threshold is not None:
            up, down = self._carried_thresholds(bank.threshold, memory, versions, shares)
        if self.noise is not None:
            law, seed, die, offset = self.noise
            rows = self.block.rows + offset
            c = c + decision_noise(law, array, bank, versions[-1], c, seed, die, rows)
        if node.i_q is None:
            c = np.maximum(c, 0)
        self.candidates.append(c)
        return step_memory(memory, c, up, down)

    def _comparators(self, memory: Memory, rails: Rails) -> Floats:
        """Supply current [A] of the branches that weigh candidate against threshold.

        Two current sources in series carry the smaller current.
        """
        scale = self.array.design.buses[memory.bank.candidate].scale
        plus, minus = rails
        total = np.minimum(plus, memory.up_leg).sum(axis=0)
        if minus is not None:
            total += np.minimum(minus, memory.down_leg).sum(axis=0)
        current: Floats = total * scale
        return current

    def _carried_thresholds(
        self, name: str, memory: Memory, versions: list[dict[str, Rails]], shares: list[float]
    ) -> tuple[Floats, Floats]:
        """Input-dependent thresholds: both rails of the threshold node summed, ``|i|``."""
        array = self.array
        node = array.nodes[name]
        for version, share in zip(versions, shares, strict=True):
            rails = node.rails(array.value(name, version))
            self._draw("mirror", node.supply(rails), share)
        plus, minus = rails
        size = plus if minus is None else plus + minus
        # The mirrors' errors of the fixed threshold's legs stand for those of its copies.
        nominal = self.array.design.i_lsb / array.design.buses[memory.bank.candidate].scale
        return size * (memory.up / nominal), size * (memory.down / nominal)

    def _outputs(
        self,
        i: int,
        memory: Memory,
        cells: levels.Levels,
        versions: list[dict[str, Rails]],
        shares: list[float],
    ) -> list[dict[str, Rails]]:
        """From set cells to the rails of the next signal, for every version."""
        array, bank = self.array, memory.bank
        start = np.broadcast_to(
            initial_cells(memory)[None, None, :, None], (1, *cells.shape[1:])
        ).astype(cells.dtype)
        before = np.concatenate([start, cells[:-1]])
        steps = np.abs(cells - before).sum(axis=(1, 2))
        self._charge("memory", steps * self.calibration.c_step)
        self._charge("clock", bank.n_units * bank.n_cells * self.calibration.c_clock)
        courses = {"old": self._course(memory, before), "new": self._course(memory, cells)}
        at = shares[-1]
        for key, share in (("old", 1 - at), ("new", at)):
            h, held = courses[key]
            self._draw("memory", held, share)
            self._draw("mirror", array.nodes[bank.state].supply((h, None)), share)
        self.states.append(self._signed_state(memory, courses["new"][0]))
        following = []
        out = f"v{i + 1}"
        last = len(versions)
        for k in range(last + 1):
            rails: dict[str, Rails] = dict(versions[min(k, last - 1)])
            rails[bank.state] = (courses["new" if k == last else "old"][0], None)
            if f"o{i}" in array.nodes:
                o = array.nodes[f"o{i}"]
                rails[f"o{i}"] = o.rails(array.value(f"o{i}", rails))
                self._draw("mirror", o.supply(rails[f"o{i}"]), shares[k])
            node = array.nodes[out]
            following.append({out: node.rails(array.value(out, rails))})
        self._draw_node(out, following, shares)
        return following

    def _charge(self, block: str, capacitance: Any) -> None:
        """Add a capacitance [F] charged once a frame: mean current C V / T."""
        self.switching[:, :, BLOCKS.index(block)] += (
            capacitance * self.v_dd / self.array.design.timing.frame
        )

    @staticmethod
    def _course(memory: Memory, cells: levels.Levels) -> tuple[Floats, Floats]:
        """Output (unit, time, sequence) and the cells' supply (time, sequence) [A]."""
        index = cells[:, 0].astype(np.intp)
        unit = np.arange(memory.bank.n_units)[None, :, None]
        h = memory.level[unit, index].transpose(1, 0, 2)
        return np.ascontiguousarray(h), memory.held[unit, index].sum(axis=1)

    def _signed_state(self, memory: Memory, h: Floats) -> Floats:
        """What the network calls h: the output less the constant that the bias folds in."""
        if memory.bank.cell is CellKind.FQ_BMRU:
            return h
        nominal = nominal_step(self.array.design, self.calibration, memory)
        low: Floats = (memory.bank.n_cells / 2 * nominal)[:, None, None].astype(h.dtype)
        return h - low


def nominal_step(
    design: Design, calibration: Calibration, memory: Memory
) -> NDArray[np.float64]:
    """Nominal output (n_units,) of one set cell, in units of the state."""
    real = realised_bank(memory.bank, design.buses, design.i_lsb, calibration)
    return real.alpha * (2.0 if memory.bank.cell is CellKind.BMRU else 1.0)


def initial_cells(memory: Memory) -> NDArray[np.int64]:
    """Set cells (n_units,) of the initial state."""
    bank = memory.bank
    if bank.cell is CellKind.CMRU:
        return bank.initial + bank.levels
    return (bank.initial > 0).astype(np.int64)


def step_memory(memory: Memory, c: Floats, up: Floats, down: Floats) -> levels.Levels:
    """Return the set cells (time, 1, unit, sequence) that candidates (unit, time, sequence) leave."""
    bank = memory.bank
    start = initial_cells(memory)[None, :]
    if bank.cell is CellKind.FQ_BMRU:
        return levels.latch(c[None], down[None], up[None], start).astype(np.int8)
    steps = levels.signed_steps(c[None], up[None], down[None])
    if bank.cell is CellKind.BMRU:
        bits = levels.ladder(steps, 2 * start - 1, 1, size=2)
        return (bits + 1) // 2
    return levels.ladder(steps, start - bank.levels, bank.levels) + bank.levels
