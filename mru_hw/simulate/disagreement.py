"""Why a unit stepped otherwise than the reference: every wrong step with its cause.

A step is judged from the unit's own level before it, so one wrong step is counted once
(design section 1). The causes are looked for in a fixed order, what the cells show before what the
candidate does; each rests on something that the run itself has (`mru_hw.simulate.evidence`), and
a step that none of them fits stays `Cause.UNEXPLAINED`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design
from mru_hw.model.network import Model
from mru_hw.simulate.array import compile_die
from mru_hw.simulate.causes import REACH, Cause, Disagreement
from mru_hw.simulate.evidence import Evidence
from mru_hw.simulate.loop_steps import wrong_bits
from mru_hw.simulate.spice_level import SpiceResult
from mru_hw.simulate.trace import Trace
from mru_hw.spice.bench import normalised
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die

MOVING = 0.2
"""Of what a candidate still lacks: it is unsettled where it made more than this in one `LOOK`."""

LATE = 0.5
"""Of the strobe: a second cell that moves later followed a held node that leaked."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """What a layer's units should do.

    Attributes
    ----------
    layer, levels, size
        Which one, its K, and how many levels one cell stands for.
    start
        (n_units,) initial levels.
    up, down
        (n_units,) thresholds of the reference, both as magnitudes.
    own_up, own_down
        The same of the circuit as far as they are known: a die's.
    """

    layer: int
    levels: int
    start: NDArray[Any]
    up: Array
    down: Array
    own_up: Array
    own_down: Array
    size: int = 1

    def level(self, set_cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the level that a number of set cells stands for."""
        return self.size * set_cells - self.levels


def ladder_of(
    design: Design, calibration: Calibration, die: Die, layer: int, conditions: Conditions
) -> Ladder:
    """Return what a layer's units should do: the behavioral level's thresholds of a die."""
    at_supply, temperature = calibration.at(conditions.v_dd), conditions.temperature
    array = compile_die(design, at_supply, die, temperature=temperature)
    up, down = (np.asarray(x)[:, 0, 0] for x in array.memories[layer].thresholds())
    bank = design.banks[layer]
    return Ladder(
        layer=layer,
        levels=bank.levels,
        start=bank.initial,
        up=up,
        down=down,
        own_up=up,
        own_down=down,
        size=bank.cell_levels,
    )


def network_ladders(
    mapped: Model, design: Design, calibration: Calibration, die: Die, conditions: Conditions
) -> dict[int, Ladder]:
    """Return by layer what a network's ladders should do: software's thresholds, the die's own."""
    found = {}
    for bank in design.banks:
        if bank.clocked and bank.threshold is None:
            own = ladder_of(design, calibration, die, bank.layer, conditions)
            beta = np.abs(mapped.tensors[f"layers.{bank.layer}.beta"])
            found[bank.layer] = dataclasses.replace(own, up=beta, down=beta)
    return found


def of_unit(ladder: Ladder, k: int) -> Ladder:
    """Return the ladder of one unit of a layer."""
    one = slice(k, k + 1)
    return Ladder(
        layer=ladder.layer,
        levels=ladder.levels,
        start=ladder.start[one],
        up=ladder.up[one],
        down=ladder.down[one],
        own_up=ladder.own_up[one],
        own_down=ladder.own_down[one],
        size=ladder.size,
    )


def step_of(c: Array, up: Array, down: Array) -> NDArray[np.int64]:
    """Return the step that a candidate asks for: -1, 0 or 1."""
    step: NDArray[np.int64] = (c >= up).astype(np.int64) - ((c <= -down) & (c < up))
    return step


def own_levels(ladder: Ladder, evidence: Evidence) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the levels before and after each frame, (n_time, n_units)."""
    after = ladder.level(evidence.end.sum(2))
    start = np.asarray(ladder.start, dtype=np.int64)[None]
    return np.concatenate([start, after[:-1]]), after


def wrong_steps(
    ladder: Ladder,
    evidence: Evidence,
    reference: Array,
    *,
    local: Array | None = None,
    sequence: int = 0,
    units: Sequence[int] | None = None,
) -> Iterator[Disagreement]:
    """List the wrong steps of a layer's units in one run, with their causes.

    Parameters
    ----------
    ladder, evidence
        The units and what their run shows.
    reference
        (n_time, n_units) the reference's candidates.
    local
        The candidates that the reference would have had with the circuit's own earlier layers;
        None where there is nothing before.
    sequence
        Named in the records.
    units
        Indices of the units in their layer; 0, 1, … when None.
    """
    before, after = own_levels(ladder, evidence)
    wanted = _moved(ladder, before, reference)
    reached = np.isfinite(evidence.candidate)
    for t, u in np.argwhere((after != wanted) & reached):
        cause = _cause(ladder, evidence, reference, local, int(t), int(u))
        yield Disagreement(
            sequence=sequence,
            layer=ladder.layer,
            unit=int(u) if units is None else units[u],
            frame=int(t),
            before=int(before[t, u]),
            wanted=int(wanted[t, u]),
            found=int(after[t, u]),
            distance=_distance(reference[t, u], ladder.up[u], ladder.down[u]),
            distance_own=_distance(evidence.candidate[t, u], ladder.own_up[u], ladder.own_down[u]),
            cause=cause,
        )


def _moved(ladder: Ladder, before: NDArray[np.int64], c: Array) -> NDArray[np.int64]:
    step = step_of(np.nan_to_num(c), ladder.up, ladder.down)
    moved: NDArray[np.int64] = np.clip(before + ladder.size * step, -ladder.levels, ladder.levels)
    return moved


def _distance(c: float, up: float, down: float) -> float:
    beta = up if c >= 0 else down
    return float((abs(c) - beta) / beta) if beta > 0 else float("inf")


def _cause(
    ladder: Ladder, evidence: Evidence, reference: Array, local: Array | None, t: int, u: int
) -> Cause:
    """Find the first cause that the evidence of one step shows."""
    own = float(evidence.candidate[t, u])
    near = abs(_distance(own, ladder.own_up[u], ladder.own_down[u])) <= REACH
    found = _by_cells(ladder, evidence, t, u, near=near)
    if found is not None:
        return found
    local_c = None if local is None else float(local[t, u])
    return _by_candidate(ladder, evidence, float(reference[t, u]), local_c, t, u, near=near)


def _by_cells(ladder: Ladder, evidence: Evidence, t: int, u: int, *, near: bool) -> Cause | None:
    """Find what the cells show by themselves: when they moved, and which."""
    at, after, end = evidence.before[t, u], evidence.after[t, u], evidence.end[t, u]
    started = np.arange(len(at)) < (ladder.levels + ladder.start[u]) // ladder.size
    last = evidence.end[t - 1, u] if t else started
    if np.any(at != last) or (np.any(after != end) and not near):
        # Near its threshold a cell may finish after the strobe what it began within it.
        return Cause.CROWBAR
    lost = evidence.lost is not None and bool(evidence.lost[t, u])
    if np.sum(at != end) > 1 or not np.all(end[:-1] >= end[1:]):
        late = evidence.lost is None and evidence.last_move[t, u] > LATE
        return Cause.DROOP if lost or late else Cause.RACE
    return Cause.DROOP if lost else None


def _by_candidate(
    ladder: Ladder,
    evidence: Evidence,
    reference: float,
    local: float | None,
    t: int,
    u: int,
    *,
    near: bool,
) -> Cause:
    """Find what the circuit's own candidate shows where at most one cell moved, in its turn."""
    own, was = float(evidence.candidate[t, u]), float(evidence.earlier[t, u])
    k, at = ladder.levels, int(ladder.level(evidence.before[t, u].sum()))
    found = int(ladder.level(evidence.end[t, u].sum()))

    def asked(c: float, up: float, down: float) -> int:
        step = int(step_of(np.array(c), np.array(up), np.array(down)))
        return min(max(at + ladder.size * step, -k), k)

    up, down = ladder.own_up[u], ladder.own_down[u]
    if found != asked(own, up, down):
        if near:
            return Cause.THRESHOLD
        return Cause.UNSETTLED if found == asked(was, up, down) else Cause.UNEXPLAINED
    if local is not None and found == asked(local, ladder.up[u], ladder.down[u]):
        return Cause.EARLIER
    expected = reference if local is None else local
    if found == asked(expected, up, down):
        # The circuit's own threshold is another one and is known.
        return Cause.THRESHOLD
    lacking = expected - own
    if (own - was) * np.sign(lacking) > MOVING * abs(lacking):
        return Cause.UNSETTLED
    within = near and abs(_distance(expected, up, down)) <= REACH
    return Cause.THRESHOLD if within else Cause.CANDIDATE


# ------------------------------------------------------------------------------ whole networks


def local_candidates(mapped: Model, frames: Array, states: Sequence[Array]) -> list[Array]:
    """Return each layer's candidates as software has them from the circuit's own earlier states.

    Parameters
    ----------
    mapped
        The network that the design amounts to.
    frames
        (n_time, n_in) normalised inputs.
    states
        Per layer the circuit's h, (n_time, n_units).
    """
    t: Mapping[str, NDArray[Any]] = mapped.tensors
    v: Array = frames @ t["input.weight"].T + t["input.bias"]
    found = []
    for i, (layer, h) in enumerate(zip(mapped.spec.layers, states, strict=True)):
        p = f"layers.{i}."
        u = np.maximum(v, 0) if layer.rectify_input else v
        c: Array = u @ t[p + "candidate.weight"].T + t[p + "candidate.bias"]
        found.append(np.maximum(c, 0) if layer.rectify_candidate else c)
        o: Array = h @ t[p + "output.weight"].T + t[p + "output.bias"]
        o = np.maximum(o, 0) if layer.rectify_output else o
        if layer.skip == "matrix":
            o = o + v @ t[p + "skip.weight"].T
        elif layer.skip == 1:
            o = o + v
        v = o
    return found


def explain(
    result: SpiceResult,
    mapped: Model,
    design: Design,
    ladders: Mapping[int, Ladder],
    inputs: Inputs,
    reference: Trace,
) -> tuple[Disagreement, ...]:
    """List the wrong steps of a whole network, with their causes.

    Parameters
    ----------
    result
        What ngspice gave.
    mapped, design
        The network that the design amounts to, and the design.
    ladders
        By layer of ladders what its units should do.
    inputs, reference
        Raw sequences, and what the reference makes of them.
    """
    found: list[Disagreement] = []
    for row, layers in enumerate(result.evidence):
        n = int(inputs.lengths[row])
        frames = normalised(design.spec, inputs.x[row, :n])
        states = [np.nan_to_num(state[row, :n]) for state in result.trace.states]
        local = local_candidates(mapped, frames, states)
        for bank in design.banks:
            i = bank.layer
            evidence, wanted = layers[i], reference.candidates[i][row, :n]
            before = local[i] if i else None
            if i in ladders and evidence is not None:
                found += wrong_steps(ladders[i], evidence, wanted, local=before, sequence=row)
            elif not bank.clocked:
                h, own = result.trace.states[i][row, :n], result.trace.candidates[i][row, :n]
                found += wrong_bits(mapped, bank, h, own, wanted, local=before, sequence=row)
    return tuple(found)
