"""Why a unit stepped otherwise than the reference: every wrong step with its cause.

A step is judged from the unit's own level before it, so a wrong step is counted once, although in
a ladder its effect stays. The causes are looked for in a fixed order, what the cells show before
what the candidate does; each rests on something that the run itself has
(`mru_hw.simulate.evidence`), and a step that none of them fits stays `Cause.UNEXPLAINED`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design
from mru_hw.model.memory import CMRU, LevelCell
from mru_hw.model.network import Model
from mru_hw.model.structure import normalised
from mru_hw.simulate.array import Memory, Node
from mru_hw.simulate.causes import REACH, Cause, Disagreement
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.evidence import Evidence
from mru_hw.simulate.local import LocalLayer, local_layers
from mru_hw.simulate.loop_steps import wrong_bits
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus import Inputs
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die

MOVING = 0.2
"""Of what a candidate still lacks: it is unsettled where it made more than this in one `LOOK`."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Thresholds that come from the input, on a die.

    Attributes
    ----------
    node
        What carries them; the signal that reaches it is taken to be the mapped network's.
    memory
        The units that weigh them.
    """

    node: Node
    memory: Memory

    def thresholds(self, b: Array) -> tuple[Array, Array]:
        """Return both thresholds (n_time, n_units) by what the node carries, ``b = W_b u + b_b``.

        A nominal unit's are ``sqrt(b^2 + 4 i_q^2)``.
        """
        up, down = self.memory.thresholds(self.node.rails(b.T[:, :, None]))
        return up[:, :, 0].T, down[:, :, 0].T


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRule:
    """What a layer's clocked units should do at a strobe.

    Attributes
    ----------
    layer, levels, memory
        Which one, its K, and what its cell does in software.
    start
        (n_units,) initial levels.
    up, down
        (n_units,) thresholds of the reference, both as magnitudes; (n_time, n_units) in a run
        whose thresholds come from the input.
    own_up, own_down
        The same of the circuit as far as they are known: a die's.
    window
        What makes them where they come from the input; without a run they are NaN then.
    """

    layer: int
    levels: int
    start: NDArray[Any]
    up: Array
    down: Array
    own_up: Array
    own_down: Array
    memory: LevelCell = CMRU
    window: Window | None = None

    def level(self, set_cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the level that a number of set cells stands for."""
        return self.memory.level(set_cells, self.levels)

    def in_run(self, reference: LocalLayer, local: LocalLayer) -> StepRule:
        """Return the rule with a run's thresholds: software's, and what the circuit weighs.

        Parameters
        ----------
        reference, local
            What software has with its own earlier layers, and with the circuit's.
        """
        if self.window is None or local.threshold is None:
            return self
        up, down = self.window.thresholds(local.threshold)
        beta = reference.beta
        return dataclasses.replace(self, up=beta, down=beta, own_up=up, own_down=down)


def step_rule(
    design: Design, calibration: Calibration, die: Die, layer: int, conditions: Conditions
) -> StepRule:
    """Return what a layer's units should do: the behavioral level's thresholds of a die."""
    temperature = conditions.temperature
    here = calibration.at_or_nominal(
        conditions.v_dd, temperature=temperature, corner=conditions.corner
    )
    array = compile_die(design, here, die, temperature=temperature)
    bank, memory = design.banks[layer], array.memories[layer]
    window = None
    if bank.threshold is not None:
        window = Window(node=array.nodes[bank.threshold], memory=memory)
    up, down = (np.asarray(x)[:, 0, 0] for x in memory.thresholds())
    return StepRule(
        layer=layer,
        levels=bank.levels,
        start=bank.initial,
        up=up,
        down=down,
        own_up=up,
        own_down=down,
        memory=bank.memory,
        window=window,
    )


def step_rules(
    mapped: Model, design: Design, calibration: Calibration, die: Die, conditions: Conditions
) -> dict[int, StepRule]:
    """Return by layer what a network's ladders should do: software's thresholds, the die's own.

    Thresholds that come from the input follow in a run (`StepRule.in_run`).
    """
    found = {}
    for bank in design.banks:
        if not bank.clocked:
            continue
        own = step_rule(design, calibration, die, bank.layer, conditions)
        if own.window is None:
            beta = np.abs(mapped.tensors[f"layers.{bank.layer}.beta"])
            own = dataclasses.replace(own, up=beta, down=beta)
        found[bank.layer] = own
    return found


def of_unit(rule: StepRule, k: int) -> StepRule:
    """Return the rule of one unit of a layer with fixed thresholds."""
    one = slice(k, k + 1)
    return StepRule(
        layer=rule.layer,
        levels=rule.levels,
        start=rule.start[one],
        up=rule.up[one],
        down=rule.down[one],
        own_up=rule.own_up[one],
        own_down=rule.own_down[one],
        memory=rule.memory,
    )


def own_levels(rule: StepRule, evidence: Evidence) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the levels before and after each frame, (n_time, n_units)."""
    after = rule.level(evidence.end.sum(2))
    start = np.asarray(rule.start, dtype=np.int64)[None]
    return np.concatenate([start, after[:-1]]), after


def wrong_steps(
    rule: StepRule,
    evidence: Evidence,
    reference: Array,
    *,
    local: LocalLayer | None = None,
    sequence: int = 0,
    units: Sequence[int] | None = None,
) -> Iterator[Disagreement]:
    """List the wrong steps of a layer's units in one run, with their causes.

    Parameters
    ----------
    rule, evidence
        The units and what their run shows.
    reference
        (n_time, n_units) the reference's candidates.
    local
        What the reference would have had with the circuit's own earlier layers; None where there
        is nothing before.
    sequence
        Named in the records.
    units
        Indices of the units in their layer; 0, 1, … when None.
    """
    before, after = own_levels(rule, evidence)
    rule = _by_frame(rule, reference.shape)
    seen = np.nan_to_num(reference)
    wanted = rule.memory.step(before, seen, rule.up, rule.down, rule.levels)
    reached = np.isfinite(evidence.candidate)
    for t, u in np.argwhere((after != wanted) & reached):
        cause = _cause(rule, evidence, reference, local, int(t), int(u))
        yield Disagreement(
            sequence=sequence,
            layer=rule.layer,
            unit=int(u) if units is None else units[u],
            frame=int(t),
            before=int(before[t, u]),
            wanted=int(wanted[t, u]),
            found=int(after[t, u]),
            distance=_distance(rule, reference[t, u], rule.up[t, u], rule.down[t, u]),
            distance_own=_distance(
                rule, evidence.candidate[t, u], rule.own_up[t, u], rule.own_down[t, u]
            ),
            cause=cause,
        )


def _by_frame(rule: StepRule, shape: tuple[int, ...]) -> StepRule:
    """Return the rule with every threshold as (n_time, n_units)."""
    return dataclasses.replace(
        rule,
        up=np.broadcast_to(rule.up, shape),
        down=np.broadcast_to(rule.down, shape),
        own_up=np.broadcast_to(rule.own_up, shape),
        own_down=np.broadcast_to(rule.own_down, shape),
    )


def _distance(rule: StepRule, c: float, up: float, down: float) -> float:
    return float(rule.memory.distance(np.array(c), np.array(up), np.array(down)))


def _cause(
    rule: StepRule, evidence: Evidence, reference: Array, local: LocalLayer | None, t: int, u: int
) -> Cause:
    """Find the first cause that the evidence of one step shows."""
    own = float(evidence.candidate[t, u])
    near = abs(_distance(rule, own, rule.own_up[t, u], rule.own_down[t, u])) <= REACH
    found = _by_cells(rule, evidence, t, u, near=near)
    if found is not None:
        return found
    before = None
    if local is not None:
        beta = np.broadcast_to(local.beta, reference.shape)
        before = float(local.candidate[t, u]), float(beta[t, u])
    return _by_candidate(rule, evidence, float(reference[t, u]), before, t, u, near=near)


def _by_cells(rule: StepRule, evidence: Evidence, t: int, u: int, *, near: bool) -> Cause | None:
    """Find what the cells show by themselves: when they moved, and which."""
    at, after, end = evidence.before[t, u], evidence.after[t, u], evidence.end[t, u]
    started = np.arange(len(at)) < rule.memory.rank(rule.start[u], rule.levels)
    last = evidence.end[t - 1, u] if t else started
    if np.any(at != last) or (np.any(after != end) and not near):
        # Near its threshold a cell may finish after the strobe what it began within it.
        return Cause.CROWBAR
    if np.sum(at != end) > 1 or not np.all(end[:-1] >= end[1:]):
        return Cause.RACE
    return None


def _by_candidate(
    rule: StepRule,
    evidence: Evidence,
    reference: float,
    local: tuple[float, float] | None,
    t: int,
    u: int,
    *,
    near: bool,
) -> Cause:
    """Find what the circuit's own candidate shows where at most one cell moved, in its turn.

    `local` is software's candidate and threshold with the circuit's own earlier layers.
    """
    own, was = float(evidence.candidate[t, u]), float(evidence.earlier[t, u])
    at = rule.level(evidence.before[t, u].sum())
    found = int(rule.level(evidence.end[t, u].sum()))

    def asked(c: float, up: float, down: float) -> int:
        edges = np.array(c), np.array(up), np.array(down)
        return int(rule.memory.step(at, *edges, rule.levels))

    up, down = float(rule.own_up[t, u]), float(rule.own_down[t, u])
    if found != asked(own, up, down):
        if near:
            return Cause.THRESHOLD
        return Cause.UNSETTLED if found == asked(was, up, down) else Cause.UNEXPLAINED
    if local is not None and found == asked(local[0], local[1], local[1]):
        return Cause.EARLIER
    expected = reference if local is None else local[0]
    if found == asked(expected, up, down):
        # The circuit's own threshold is another one and is known.
        return Cause.THRESHOLD
    lacking = expected - own
    if (own - was) * np.sign(lacking) > MOVING * abs(lacking):
        return Cause.UNSETTLED
    within = near and abs(_distance(rule, expected, up, down)) <= REACH
    return Cause.THRESHOLD if within else Cause.CANDIDATE


# ------------------------------------------------------------------------------ whole networks


class Shown(Protocol):
    """What a run shows of its units, at the level ``spice`` or ``behavioral``."""

    @property
    def trace(self) -> Trace:
        """Its candidates."""

    @property
    def evidence(self) -> Sequence[Sequence[Evidence | None]]:
        """By sequence and layer, what explains a step; None for layers without a strobe."""

    def quantised(self, mapped: Model) -> tuple[Array, ...]:
        """Return per layer h without the circuit's errors, (n_seq, n_time, n_units)."""


def explain(
    result: Shown,
    mapped: Model,
    design: Design,
    rules: Mapping[int, StepRule],
    inputs: Inputs,
    reference: Trace,
) -> tuple[Disagreement, ...]:
    """List the wrong steps of a whole network, with their causes.

    Parameters
    ----------
    result
        What ngspice or the array gave.
    mapped, design
        The network that the design amounts to, and the design.
    rules
        By layer of ladders what its units should do.
    inputs, reference
        Raw sequences, and what the reference makes of them.
    """
    found: list[Disagreement] = []
    quantised = result.quantised(mapped)
    for row, layers in enumerate(result.evidence):
        n = int(inputs.lengths[row])
        frames = normalised(design.spec, inputs.x[row, :n])
        states = [np.nan_to_num(state[row, :n]) for state in quantised]
        local = local_layers(mapped, frames, states)
        software = local_layers(mapped, frames, [h[row, :n] for h in reference.states])
        for bank in design.banks:
            i = bank.layer
            evidence, wanted = layers[i], reference.candidates[i][row, :n]
            before = local[i] if i else None
            if i in rules and evidence is not None:
                rule = rules[i].in_run(software[i], local[i])
                found += wrong_steps(rule, evidence, wanted, local=before, sequence=row)
            elif not bank.clocked:
                h, own = quantised[i][row, :n], result.trace.candidates[i][row, :n]
                seen = None if before is None else before.candidate
                found += wrong_bits(mapped, bank, h, own, wanted, local=seen, sequence=row)
    return tuple(found)
