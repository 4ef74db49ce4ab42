"""The level ``spice``: the netlist in ngspice, read back as the trace of every other level."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus, UserError
from mru_hw.mapping import Design, unmap
from mru_hw.mapping.design import Bank
from mru_hw.model.network import Model
from mru_hw.simulate.endings import Ending, last_line
from mru_hw.simulate.evidence import Evidence, read_evidence
from mru_hw.simulate.readout import decide
from mru_hw.simulate.supply import BLOCKS
from mru_hw.simulate.trace import Trace
from mru_hw.spice.bench import Bench, candidate_vectors, make_bench, normalised, state_vectors
from mru_hw.spice.chip import refuse_without_circuit
from mru_hw.spice.deck import Waves
from mru_hw.spice.runner import Limits, Runner
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die

Array = NDArray[np.float64]

ON_MARGIN = 0.1  # V above a unit device's gate voltage; the two folds of a loop lie on either side


@dataclass(frozen=True, slots=True, kw_only=True)
class SpiceResult:
    """A trace and what ngspice tells beyond it, sequence by sequence.

    Attributes
    ----------
    trace
        As at every level; frames that a failed run did not reach are NaN and its decision is -1.
    energy_by_block
        (n_seq,) energy [J] of each of `BLOCKS`; the reference current counts to ``bias``. They
        add up to ``trace.energy_J``, the integral of the supply's voltage times its current.
    status
        Why each run ended.
    core_seconds
        (n_seq,) processor time of ngspice [s].
    time_points
        (n_seq,) internal time points.
    messages
        ngspice's last words of each run that failed, empty for the others.
    helpers
        The options that each run needed beyond its deck's own to converge; mostly none.
    evidence
        By sequence and layer, what explains a wrong step; None for layers without a strobe.
    """

    trace: Trace
    energy_by_block: dict[str, Array]
    status: tuple[RunStatus, ...]
    core_seconds: Array
    time_points: NDArray[np.int64]
    messages: tuple[str, ...]
    helpers: tuple[str, ...]
    evidence: tuple[tuple[Evidence | None, ...], ...] = ()

    def endings(self) -> tuple[Ending, ...]:
        """Return how each run ended."""
        runs = zip(self.status, self.helpers, self.messages, self.core_seconds, strict=True)
        return tuple(
            Ending(
                sequence=row,
                status=status,
                helper=helper,
                said=last_line(message),
                core_seconds=float(seconds),
            )
            for row, (status, helper, message, seconds) in enumerate(runs)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sequence:
    """What was read from one run."""

    output: Array
    candidates: tuple[Array, ...]
    levels: tuple[Array, ...]
    energy: dict[str, float]
    waves: Waves
    evidence: tuple[Evidence | None, ...]


def simulate_spice(
    model: Model,
    design: Design,
    calibration: Calibration,
    inputs: Inputs,
    *,
    conditions: Conditions,
    die: Die | None = None,
    workers: int = 2,
    time_limit_s: float = 1800.0,
    progress: Callable[[int], None] | None = None,
    keep: Callable[[int, Waves], None] | None = None,
) -> SpiceResult:
    """Run a chip's netlist on sequences, each in an ngspice process of its own.

    Parameters
    ----------
    model
        The network as it was trained: its normalisation and its readout count.
    design, calibration
        The chip, and what its currents amount to in the network's own units.
    inputs
        Raw sequences.
    conditions
        Corner, temperature, supply.
    die
        Mismatch; the nominal chip when None.
    workers
        Processes at a time.
    time_limit_s
        Wall-clock limit of one sequence [s].
    progress
        Told after each sequence how many more are done.
    keep
        Given each sequence's number and what its run gave back, complete or not.

    Raises
    ------
    UserError
        ngspice is not installed, the inputs do not fit the model, or a part of the Design has no
        transistor circuit yet.
    """
    spec = model.spec
    if inputs.x.shape[2] != spec.n_in:
        raise UserError("inputs: n_in", int(inputs.x.shape[2]), f"{spec.n_in}, as the model has")
    refuse_without_circuit(design)
    runner = Runner(Limits(time_s=time_limit_s))

    def one(row: int) -> _Sequence:
        frames = normalised(spec, inputs.x[row, : inputs.lengths[row]])
        bench = make_bench(design, frames, conditions, die=die)
        waves = runner.run(bench.deck)
        if keep is not None:
            keep(row, waves)
        return _read(design, bench, waves, conditions.v_dd, calibration)

    runs = _in_threads(one, inputs.n_seq, workers, runner, progress)
    mapped = unmap(design, calibration)
    alphas = [mapped.tensors[f"layers.{bank.layer}.alpha"] for bank in design.banks]
    return _collect(model, inputs, runs, alphas)


def _in_threads(
    one: Callable[[int], _Sequence],
    n_seq: int,
    workers: int,
    runner: Runner,
    progress: Callable[[int], None] | None,
) -> list[_Sequence]:
    pool = ThreadPoolExecutor(max(1, workers))
    futures: dict[Future[_Sequence], int] = {}
    try:
        futures = {pool.submit(one, row): row for row in range(n_seq)}
        for future in as_completed(futures):
            future.result()
            if progress is not None:
                progress(1)
    finally:
        # Interrupted or failed: no process stays behind.
        runner.stop()
        pool.shutdown(cancel_futures=True)
    done = {row: future.result() for future, row in futures.items()}
    return [done[row] for row in range(n_seq)]


# ------------------------------------------------------------------------------------- reading


def _read(
    design: Design, bench: Bench, waves: Waves, v_dd: float, calibration: Calibration
) -> _Sequence:
    n_time = len(bench.read_at)
    y, x_scales = design.buses["y"], design.buses
    read = _Reader(waves, n_time)
    output = np.stack([read(f"i(vy{k})", bench.read_at) for k in range(y.size)], axis=1) / y.scale
    candidates, levels = [], []
    for bank, decided in zip(design.banks, bench.decided_at, strict=True):
        scale = x_scales[bank.candidate].scale
        rails = [candidate_vectors(design, bank.layer, k) for k in range(bank.n_units)]
        candidates.append(
            np.stack(
                [
                    read(plus, decided) - sum(read(name, decided) for name in minus)
                    for plus, *minus in rails
                ],
                axis=1,
            )
            / scale
        )
        cells = (state_vectors(design, bank.layer, k) for k in range(bank.n_units))
        # A loop is set as long as its followers conduct, however far its node has sagged.
        ladder = bank.clocked
        on = v_dd / 2 if ladder else calibration.n.v_gate + ON_MARGIN
        counts = [sum(read(v, bench.read_at, above=on) for v in unit) for unit in cells]
        levels.append(_level(bank, np.stack(counts, axis=1)))
    energy = dict.fromkeys(("total", *BLOCKS), np.nan)
    if waves.status is RunStatus.DONE:
        span = bench.t_start, bench.deck.t_stop
        energy = {name: v_dd * _integral(waves, f"i(vvdd_{name})", span) for name in BLOCKS}
        energy["bias"] += v_dd * _integral(waves, "i(vref)", span)
        energy["total"] = -v_dd * _integral(waves, "i(vdd)", span)
    return _Sequence(
        output=output,
        candidates=tuple(candidates),
        levels=tuple(levels),
        energy=energy,
        waves=replace(waves, vectors={"time": waves.time}),
        evidence=tuple(
            read_evidence(
                design,
                bank.layer,
                range(bank.n_units),
                waves,
                timing=design.timing,
                strobe_at=strobes,
                read_at=bench.read_at,
                v_dd=v_dd,
            )
            if bank.clocked
            else None
            for bank, strobes in zip(design.banks, bench.decided_at, strict=True)
        ),
    )


def _level(bank: Bank, set_cells: Array) -> Array:
    """Return the level that a number of set cells stands for."""
    lowest = bank.levels if bank.clocked else 0
    return bank.cell_levels * set_cells - lowest


class _Reader:
    """Reads vectors at instants, NaN beyond what the run reached."""

    def __init__(self, waves: Waves, n_time: int) -> None:
        self._waves = waves
        self._nothing = np.full(n_time, np.nan)

    def __call__(self, name: str, at: Array, *, above: float | None = None) -> Array:
        times, vector = self._waves.time, self._waves.vectors.get(name)
        if vector is None or len(times) < 2 or len(vector) != len(times):
            return self._nothing
        values: Array = np.interp(at, times, vector)
        if above is not None:
            values = (values > above).astype(np.float64)
        return np.where(at <= times[-1] * (1 + 1e-9), values, np.nan)


def _integral(waves: Waves, name: str, span: tuple[float, float]) -> float:
    """Integrate a vector over a span, trapezoid by trapezoid on the internal time points.

    A linearised grid would step over the current spikes of the phases.
    """
    times, values = waves.time, waves.vectors[name]
    inside = (times > span[0]) & (times < span[1])
    ends = np.interp(span, times, values)
    t = np.concatenate([[span[0]], times[inside], [span[1]]])
    v = np.concatenate([[ends[0]], values[inside], [ends[1]]])
    return float(np.sum(np.diff(t) * (v[1:] + v[:-1])) / 2)


# ---------------------------------------------------------------------------------- collecting


def _collect(
    model: Model, inputs: Inputs, runs: list[_Sequence], alphas: list[Array]
) -> SpiceResult:
    n_time = inputs.x.shape[1]

    def padded(rows: list[Array]) -> Array:
        full = np.full((len(rows), n_time, rows[0].shape[1]), np.nan)
        for target, row in zip(full, rows, strict=True):
            target[: len(row)] = row
        return full

    status = tuple(run.waves.status for run in runs)
    done = np.array([s is RunStatus.DONE for s in status])
    output = padded([run.output for run in runs])
    decision = decide(np.nan_to_num(output), inputs.lengths, model.spec.readout)
    trace = Trace(
        decision=np.where(done, decision, -1),
        energy_J=np.array([run.energy["total"] for run in runs]),
        output=output,
        candidates=tuple(padded([run.candidates[i] for run in runs]) for i in range(len(alphas))),
        states=tuple(
            padded([run.levels[i] for run in runs]) * alpha for i, alpha in enumerate(alphas)
        ),
        status=next((s for s in status if s is not RunStatus.DONE), RunStatus.DONE),
    )
    return SpiceResult(
        trace=trace,
        energy_by_block={name: np.array([run.energy[name] for run in runs]) for name in BLOCKS},
        status=status,
        core_seconds=np.array([run.waves.core_seconds for run in runs]),
        time_points=np.array([len(run.waves.time) for run in runs], dtype=np.int64),
        messages=tuple("" if ok else run.waves.message for ok, run in zip(done, runs, strict=True)),
        helpers=tuple(run.waves.helper for run in runs),
        evidence=tuple(run.evidence for run in runs),
    )
