"""What the error budget says of wrong steps: the chance that a threshold's error passes a margin.

At every frame a unit's candidate has a margin: how far the nominal chip's is from the threshold at
which the unit would step otherwise than software asks, negative where it does so already. A random
error of the threshold that is normal, with the variance that the budget gives it, exceeds the
margin with the probability ``Phi(-margin / sigma)``. The variance is
taken at the frames whose candidates come nearest to that threshold, for there it decides: what a
device adds goes with the current that it carries. States are held: steps that are wrong because
an earlier layer's were are no part of it, nor is the nominal error of the node that carries a
threshold from the input.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mru_hw.budget.mismatch import mismatch_spread
from mru_hw.budget.nominal import Nominal, threshold_signs
from mru_hw.budget.signals import Signals, solve_signals
from mru_hw.budget.table import points_for
from mru_hw.model.memory import by_name
from mru_hw.simulate.disagreement import step_rule
from mru_hw.simulate.sensitivity.judge import Judge, Layer
from mru_hw.simulate.sensitivity.parts import Key
from mru_hw.simulate.sensitivity.study import Study
from mru_hw.variation import nominal_die

Array = NDArray[np.float64]
FEWEST = 4
"""Frames that a threshold's variance is averaged over, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Margins of some sequences, and the variances of the thresholds' errors.

    Attributes
    ----------
    margin
        Of every frame at which a threshold decides, relative to its unit's rising threshold.
    threshold
        Number of the threshold of each margin, as of `variances`.
    variances
        Per device group, (n_thresholds,), in units of the same threshold squared.
    n_steps
        Units times frames.
    """

    margin: Array
    threshold: NDArray[np.int64]
    variances: dict[Key, Array]
    n_steps: int

    def variance(self, keys: Collection[Key]) -> Array:
        """Return the variance (n_thresholds,) that groups add; 0 where nothing is meant by it."""
        n = len(next(iter(self.variances.values())))
        total: Array = np.sum([self.variances[key] for key in keys], axis=0, initial=0.0)
        return np.nan_to_num(np.broadcast_to(total, n))

    def share(self, keys: Collection[Key]) -> float:
        """Return which part of the variance of all thresholds groups add, as the budget tells."""
        whole = float(self.variance(self.variances.keys()).mean())
        return float(self.variance(keys).mean()) / whole if whole else 0.0

    def wrong(self, keys: Collection[Key]) -> float:
        """Return the share of steps that are wrong by these groups' mismatch alone."""
        sigma = np.sqrt(self.variance(keys))[self.threshold]
        far = np.where(self.margin < 0, -np.inf, np.inf)
        np.divide(self.margin, sigma, out=far, where=sigma > 0)
        return float(special.ndtr(-far).sum()) / self.n_steps


def predict(study: Study, judge: Judge) -> Prediction:
    """Return what the error budget says of a study's sequences.

    Raises
    ------
    UserError
        The thresholds of loops come from the input.
    """
    temperature = study.conditions.temperature
    nominal = Nominal.of(study.design, study.calibration, temperature)
    margins = [_margins(study, layer) for layer in judge.layers]
    near = [_nearest(judge, one) for one in margins]
    rows = np.unique(np.concatenate([one.ravel() for one in near]))
    spread = mismatch_spread(
        study.design,
        study.calibration,
        temperature=temperature,
        signals=_signals(judge, nominal, rows),
        weights={
            layer.bank.layer: _weights(one, rows)
            for layer, one in zip(judge.layers, near, strict=True)
        },
    )
    each = []
    for layer, margin, offset in zip(judge.layers, margins, _offsets(study, judge), strict=True):
        scale = np.sqrt(
            np.mean(np.broadcast_to(layer.up, layer.candidate.shape)[rows] ** 2, axis=0)
        )
        known = np.isfinite(margin) & (scale > 0)
        own = (margin + offset[:, : margin.shape[1]]) * np.where(margin < 0, -1.0, 1.0)
        each += [
            own[known[:, kind, k], kind, k] / scale[k] for kind, k in np.ndindex(*margin.shape[1:])
        ]
    return Prediction(
        margin=np.concatenate(each),
        threshold=np.repeat(np.arange(len(each)), [len(one) for one in each]),
        variances={key: study.mismatch**2 * values for key, values in spread.at_thresholds.items()},
        n_steps=int(judge.n_steps.sum()),
    )


def _margins(study: Study, layer: Layer) -> Array:
    """Return how far software's candidates lie beyond each threshold, (frame, kind, unit).

    In the network's own units, in the budget's order of kinds; infinite where a unit's level is one
    at which the threshold decides nothing.
    """
    up, down = (np.broadcast_to(edge, layer.candidate.shape) for edge in (layer.up, layer.down))
    c, signed = layer.candidate, layer.bank.memory.signed
    held = layer.step(layer.before, np.zeros_like(c) if signed else (up + down) / 2)
    kinds = ((c - up, np.inf), (-c - down if signed else c - down, -np.inf))
    found = []
    for (beyond, far), _ in zip(kinds, threshold_signs(study.design, layer.bank), strict=False):
        decides = layer.step(layer.before, np.full_like(c, far)) != held
        found.append(np.where(decides, beyond, np.inf))
    return np.stack(found, axis=1)


def _offsets(study: Study, judge: Judge) -> Iterator[Array]:
    """Yield by layer what the nominal chip adds to `_margins`, both kinds of them.

    Its own candidate less software's that reads the same states, and its own thresholds.
    """
    die = nominal_die(study.design)
    trace, (tables,) = study.run([die]), study.tables([die])
    levels = judge.levels([state[0] for state in trace.states], tables)
    for layer, local in zip(judge.layers, judge.local(levels), strict=True):
        rule = step_rule(
            study.design, study.calibration, die, layer.bank.layer, study.conditions
        ).in_run(local, local)
        c = trace.candidates[layer.bank.layer][0][judge.valid] - local.candidate
        own = by_name(judge.mapped.tensors, f"layers.{layer.bank.layer}.")
        up, down = layer.bank.memory.edges(local.beta, own)
        falls = -c if layer.bank.memory.signed else c
        yield np.stack([c - (rule.own_up - up), falls - (rule.own_down - down)], axis=1)


def _nearest(judge: Judge, margins: Array) -> NDArray[np.int64]:
    """Return for each threshold the frames of the smallest margins, (rank, kind, unit)."""
    thresholds = sum(layer.bank.n_units for layer in judge.layers) * margins.shape[1]
    n = min(len(margins), max(FEWEST, points_for(judge.design) // thresholds))
    return np.argpartition(np.abs(margins), n - 1, axis=0)[:n]


def _weights(near: NDArray[np.int64], rows: NDArray[np.int64]) -> Array:
    """Return how much each of some frames counts at each threshold, (kind, frame, unit)."""
    found = np.zeros((near.shape[1], len(rows), near.shape[2]))
    kinds, units = np.indices(near.shape[1:])
    for at in np.searchsorted(rows, near):
        found[kinds, at, units] += 1 / len(near)
    return found


def _signals(judge: Judge, nominal: Nominal, rows: NDArray[np.int64]) -> Signals:
    """Solve the nominal chip at frames of the sequences."""
    cells = {
        layer.bank.layer: layer.bank.memory.rank(layer.after[rows], layer.bank.levels)
        for layer in judge.layers
    }
    return solve_signals(nominal, judge.frames[rows], cells)
