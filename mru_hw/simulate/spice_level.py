"""The level ``spice``: the netlist in ngspice, read back as the trace of every other level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus
from mru_hw.mapping import Design
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec, normalised
from mru_hw.simulate.endings import Ending, last_line
from mru_hw.simulate.evidence import Evidence
from mru_hw.simulate.readout import decide
from mru_hw.simulate.spice_read import SequenceRead, read_sequence
from mru_hw.simulate.supply import BLOCKS
from mru_hw.simulate.trace import Trace
from mru_hw.spice.bench import make_bench
from mru_hw.spice.chip import refuse_without_circuit
from mru_hw.spice.deck import Waves
from mru_hw.spice.options import Tolerances, unresolved_blocks
from mru_hw.spice.runner import Limits, Runner
from mru_hw.stimulus import Inputs, refuse_width
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die
from mru_hw.workers import side_by_side

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpiceResult:
    """A trace and what ngspice tells beyond it, sequence by sequence.

    Attributes
    ----------
    trace
        As at every level; frames that a failed run did not reach are NaN and its decision is -1.
        States are the currents that the units' outputs were measured to carry.
    levels
        Per layer the level of each unit, (n_seq, n_time, n_units); NaN like the states. A level is
        read from the cells' voltages, whatever current they give.
    input_energy
        (n_seq,) what the sources of the input currents deliver [J], as if from the supply's
        voltage; no part of ``trace.energy_J``.
    energy_by_block
        (n_seq,) energy [J] of each of `BLOCKS`; the reference current counts to ``bias``. They
        add up to ``trace.energy_J``, the integral of the supply's voltage times its current.
    unresolved
        The blocks among them whose energy the run's tolerances give within 10 % only, mostly too
        large.
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
    levels: tuple[Array, ...]
    input_energy: Array
    energy_by_block: dict[str, Array]
    status: tuple[RunStatus, ...]
    core_seconds: Array
    time_points: NDArray[np.int64]
    messages: tuple[str, ...]
    helpers: tuple[str, ...]
    evidence: tuple[tuple[Evidence | None, ...], ...] = ()
    unresolved: tuple[str, ...] = ()

    def quantised(self, mapped: Model) -> tuple[Array, ...]:
        """Return per layer h without the circuit's errors: the level times the mapped alpha.

        What steps are judged by, (n_seq, n_time, n_units).
        """
        alphas = (mapped.tensors[f"layers.{i}.alpha"] for i in range(len(self.levels)))
        return tuple(level * alpha for level, alpha in zip(self.levels, alphas, strict=True))

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


def simulate_spice(
    design: Design,
    calibration: Calibration,
    inputs: Inputs,
    *,
    conditions: Conditions,
    die: Die | None = None,
    tolerances: Tolerances = Tolerances.DEFAULT,
    workers: int = 2,
    time_limit_s: float = 1800.0,
    progress: Callable[[int], None] | None = None,
    keep: Callable[[int, Waves], None] | None = None,
) -> SpiceResult:
    """Run a chip's netlist on sequences, each in an ngspice process of its own.

    Parameters
    ----------
    design, calibration
        The chip, and what its currents amount to in the network's own units.
    inputs
        Raw sequences; normalisation and readout are the design's.
    conditions
        Corner, temperature, supply.
    die
        Mismatch; the nominal chip when None.
    tolerances
        How closely ngspice solves.
    workers
        Processes at a time.
    time_limit_s
        Limit of one sequence's processor time [s].
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
    spec = design.spec
    refuse_width(inputs, spec.n_in)
    refuse_without_circuit(design)
    runner = Runner(Limits(time_s=time_limit_s))

    def one(row: int) -> SequenceRead:
        frames = normalised(spec, inputs.x[row, : inputs.lengths[row]])
        bench = make_bench(design, frames, conditions, die=die, tolerances=tolerances)
        waves = runner.run(bench.deck)
        if keep is not None:
            keep(row, waves)
        return read_sequence(design, bench, waves, conditions.v_dd, calibration)

    runs = side_by_side(one, range(inputs.n_seq), workers, stop=runner.stop, progress=progress)
    return _collect(spec, inputs, runs, unresolved_blocks(design, tolerances))


# ---------------------------------------------------------------------------------- collecting


def _collect(
    spec: ModelSpec, inputs: Inputs, runs: list[SequenceRead], unresolved: tuple[str, ...]
) -> SpiceResult:
    n_time = inputs.x.shape[1]

    def padded(rows: Sequence[Array]) -> Array:
        full = np.full((len(rows), n_time, rows[0].shape[1]), np.nan)
        for target, row in zip(full, rows, strict=True):
            target[: len(row)] = row
        return full

    def by_layer(rows: Sequence[tuple[Array, ...]]) -> tuple[Array, ...]:
        return tuple(padded(layer) for layer in zip(*rows, strict=True))

    status = tuple(run.waves.status for run in runs)
    done = np.array([s is RunStatus.DONE for s in status])
    output = padded([run.output for run in runs])
    trace = Trace(
        decision=_decisions(spec, inputs, output, done),
        energy_J=np.array([run.energy["total"] for run in runs]),
        output=output,
        candidates=by_layer([run.candidates for run in runs]),
        states=by_layer([run.states for run in runs]),
        status=next((s for s in status if s is not RunStatus.DONE), RunStatus.DONE),
    )
    return SpiceResult(
        trace=trace,
        levels=by_layer([run.levels for run in runs]),
        input_energy=np.array([run.energy["input"] for run in runs]),
        energy_by_block={name: np.array([run.energy[name] for run in runs]) for name in BLOCKS},
        unresolved=unresolved,
        status=status,
        core_seconds=np.array([run.waves.core_seconds for run in runs]),
        time_points=np.array([len(run.waves.time) for run in runs], dtype=np.int64),
        messages=tuple("" if ok else run.waves.message for ok, run in zip(done, runs, strict=True)),
        helpers=tuple(run.waves.helper for run in runs),
        evidence=tuple(run.evidence for run in runs),
    )


def _decisions(
    spec: ModelSpec, inputs: Inputs, output: Array, done: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Decide the sequences whose runs are done; no others, for they lack frames."""
    decision = np.full(inputs.n_seq, -1, dtype=np.int64)
    if done.any():
        own = inputs.take(np.flatnonzero(done))
        frames = np.where(own.valid()[:, :, None], output[done], 0.0)
        decision[done] = decide(frames, own.lengths, spec.readout)
    return decision
