"""What a sweep says of its dies: yields, intervals, percentiles, capabilities, comparisons."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.statistics.crossed import CrossedMean, mean_band, two_way_band
from mru_hw.statistics.shares import CONFIDENCE, Band, beta_binomial, clopper_pearson, paired_shares
from mru_hw.sweeps.point_view import coded
from mru_hw.sweeps.spec import FIGURES, Spec
from mru_hw.sweeps.statistics.differences import common, differences
from mru_hw.sweeps.statistics.hardest import hardest
from mru_hw.sweeps.statistics.spread import (
    Capability,
    capability,
    percentile_bands,
    percentiles,
)
from mru_hw.sweeps.view import PointView, RunView

_DRAWN = {"process_scale": "process", "gradient_scale": "gradient", "mismatch_scale": "mismatch"}
_DRAWN |= {"stuck_cells": "stuck cells"}
"""Axes that say what a die is drawn from."""
_MEASURED = ("accuracy", "energy", "power")
"""Figures whose percentiles are told; a loss is an accuracy."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Yield:
    """How many dies keep the specification at every one of its temperatures and supplies.

    Attributes
    ----------
    settings
        What these dies share: a value of every axis but temperature and supply.
    drawn
        What the dies differ by: mismatch alone at a corner is another population of dies than
        process, gradient and mismatch drawn together.
    points
        Numbers of the points at which a die has to pass.
    dies, passed, lost
        Dies that were run at all of them; those that pass; and those that do not because a run of
        theirs failed by the circuit.
    band
        The share that passes with its exact interval, given these sequences; None without dies and
        where runs share dies and perturbed networks, so that they are not independent.
    hardest
        Number of the point that the fewest dies pass, and of several the one with the least room
        (`hardest.hardest`).
    estimate
        There, the share of dies whose accuracy on other sequences keeps the limit
        (`beta_binomial`); None without a limit on accuracy, and where that estimate has none.
    """

    study: str
    settings: Mapping[str, Any]
    drawn: str
    points: tuple[int, ...]
    dies: int
    passed: int
    lost: int
    band: Band | None
    hardest: int
    estimate: Band | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointStatistics:
    """What the dies of one point come to.

    Attributes
    ----------
    runs
        Runs that are done.
    judged
        Those and the runs that failed by the circuit: what `passing` is a share of.
    accuracy
        The mean with its interval for other dies and other sequences.
    accuracy_of_dies
        The mean with its interval for other dies and these sequences.
    passing, estimate
        The share of dies that pass here, by `PointView.passed`, and what `beta_binomial` makes of
        it.
    percentiles
        By figure, P1 to P99 over dies.
    percentile_bands
        By figure, the same with intervals, where there are dies enough for one.
    capability
        By figure; of energy and power alone, where the specification limits them.
    """

    point: int
    study: str
    runs: int
    judged: int
    accuracy: Band | None
    accuracy_of_dies: Band | None
    passing: Band | None
    estimate: Band | None
    percentiles: Mapping[str, Mapping[str, float]]
    percentile_bands: Mapping[str, Mapping[str, Band]]
    capability: Mapping[str, Capability]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A point less the one that speaks for the sweep, on the dies and sequences of both.

    Attributes
    ----------
    dies
        That are done at both.
    judged
        Those and the dies whose run failed by the circuit at one of them or both, which do not pass
        there: what `passing` and `p` are of.
    accuracy
        Difference of the means, with its interval for other dies and sequences.
    alike
        Share of decisions that are right at both or wrong at both, with its interval for other
        dies and sequences.
    energy
        Difference of the mean energies [J], with Student's interval over dies; None where the
        level prices nothing.
    passing, p
        Difference of the shares of dies that pass, by `PointView.passed`, and the probability of a
        split as uneven were there none (`paired_shares`).
    """

    point: int
    base: int
    dies: int
    judged: int
    accuracy: Band | None
    alike: Band | None
    energy: Band | None
    passing: Band
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """All of it; every interval is of 95 %."""

    yields: tuple[Yield, ...]
    points: tuple[PointStatistics, ...]
    comparisons: tuple[Comparison, ...]

    def as_data(self) -> dict[str, Any]:
        """Return plain data, fit for JSON."""
        return dataclasses.asdict(self)


def statistics(run: RunView) -> Statistics:
    """Return what a sweep says of its dies."""
    return Statistics(
        yields=tuple(yields(run)),
        points=tuple(_of_point(run, point) for point in run.points),
        comparisons=tuple(_comparisons(run)),
    )


# -------------------------------------------------------------------------------------- yields


def yields(run: RunView) -> Iterator[Yield]:
    """Yield the yields: one for each combination of the axes but temperature and supply."""
    for group in asked_points(run):
        yield _yield(run, run.spec(group[0].study), group)


def asked_points(run: RunView) -> Iterator[list[PointView]]:
    """Yield the points at which a die has to pass, one list for each population of dies."""
    for study, points in run.studies().items():
        groups: dict[str, list[PointView]] = {}
        for point in points:
            if run.spec(study).asks(point.settings):
                groups.setdefault(repr(point.shared_settings), []).append(point)
        yield from groups.values()


def passing_dies(
    run: RunView, spec: Spec, group: Sequence[PointView]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return what a group of points says of each die that has been run at all of them.

    Returns
    -------
    codes
        (die,) trial and number of the die, as `point_view.coded` has them, in order.
    passed
        (die,) whether it passes at every one of the points, by `PointView.passed`.
    """
    found = [point.passed(spec, run.software(point)) for point in group]
    codes, at = np.unique(np.concatenate([codes for codes, _ in found]), return_inverse=True)
    passes = np.bincount(at, np.concatenate([passed for _, passed in found]), len(codes))
    everywhere = np.bincount(at, minlength=len(codes)) == len(group)
    return codes[everywhere], passes[everywhere] == len(group)


def _yield(run: RunView, spec: Spec, group: Sequence[PointView]) -> Yield:
    codes, passed = passing_dies(run, spec, group)
    worst = hardest(run, spec, group)
    lost = np.unique(np.concatenate([coded(point.lost) for point in group]))
    settings = group[0].shared_settings
    n, count = len(passed), int(passed.sum())
    return Yield(
        study=group[0].study,
        settings=settings,
        drawn=drawn(settings),
        points=tuple(point.number for point in group),
        dies=n,
        passed=count,
        lost=int(np.isin(lost, codes).sum()),
        band=clopper_pearson(count, n) if n and _independent(group[0]) else None,
        hardest=worst.number,
        estimate=_estimate(run, spec, worst),
    )


def drawn(settings: Mapping[str, Any]) -> str:
    """Say what the dies of a point differ by."""
    found = [word for name, word in _DRAWN.items() if settings[name]]
    corner = settings["corner"]
    networks = "perturbed networks, " if settings["perturbation"] else ""
    match found:
        case []:
            return f"{networks}one die at corner {corner}"
        case ["mismatch"]:
            return f"{networks}mismatch alone at corner {corner}"
        case [one]:
            return f"{networks}{one} alone at corner {corner}"
    words = f"{', '.join(found[:-1])} and {found[-1]} drawn together"
    return f"{networks}{words} {'around' if 'process' in found else 'at'} corner {corner}"


def independent(settings: Mapping[str, Any], trials: int, runs: int) -> bool:
    """Whether no two runs of a point share a die or a perturbed network."""
    if trials > 1:
        return trials == runs
    return runs == 1 or any(settings[name] for name in _DRAWN)


def _independent(point: PointView) -> bool:
    return independent(point.settings, point.trials, point.n_wanted)


def _estimate(run: RunView, spec: Spec, point: PointView) -> Band | None:
    limits = [
        *(limit.at_least for name, limit in spec.limits.items() if name == "accuracy"),
        *(
            run.software(point) - limit.at_most
            for name, limit in spec.limits.items()
            if name == "loss" and limit.at_most is not None
        ),
    ]
    limit = max((one for one in limits if one is not None), default=float("nan"))
    if np.isnan(limit) or not len(point.accuracy) or not _independent(point):
        return None
    right = np.rint(point.accuracy * run.n_sequences).astype(np.int64)
    limit, done, lost = float(np.clip(limit, 0, 1)), len(right), len(point.lost)
    if not lost:
        return beta_binomial(right, run.n_sequences, limit)
    # Dies that the circuit failed keep no limit: both shares, each at half of what may be missed.
    confidence = (1 + CONFIDENCE) / 2
    kept = beta_binomial(right, run.n_sequences, limit, confidence)
    ran = clopper_pearson(done, done + lost, confidence)
    if kept is None:
        return None
    return Band(value=kept.value * ran.value, low=kept.low * ran.low, high=kept.high * ran.high)


# -------------------------------------------------------------------------------------- points


def _of_point(run: RunView, point: PointView) -> PointStatistics:
    spec = run.spec(point.study)
    software = run.software(point)
    figures = {
        name: values
        for name, values in point.figures(software).items()
        if len(values) and not np.isnan(values).all()
    }
    n, alone = len(point.accuracy), _independent(point)
    _, passed = point.passed(spec, software)
    limits = {name: limit for name, limit in spec.limits.items() if name in figures}
    capable = {
        name: capability(figures[name], limit.at_least, limit.at_most)
        for name, limit in limits.items()
        if FIGURES[name].gaussian and alone
    }
    return PointStatistics(
        point=point.number,
        study=point.study,
        runs=n,
        accuracy=two_way_band(run.right(point), seed=point.number) if alone else None,
        accuracy_of_dies=mean_band(point.accuracy) if alone else None,
        judged=len(passed),
        passing=clopper_pearson(int(passed.sum()), len(passed)) if len(passed) and alone else None,
        estimate=_estimate(run, spec, point),
        percentiles={n: percentiles(v) for n, v in figures.items() if n in _MEASURED},
        percentile_bands={
            name: percentile_bands(values)
            for name, values in figures.items()
            if name in _MEASURED and alone
        },
        capability={name: found for name, found in capable.items() if found is not None},
    )


# --------------------------------------------------------------------------------- comparisons


def _comparisons(run: RunView) -> Iterator[Comparison]:
    base = run.base
    for point in run.studies().get(base.study, ()):
        if point.number == base.number or not _independent(point) or not _independent(base):
            continue
        ours, theirs = common(base.codes, point.codes)
        if not len(ours):
            continue
        spec = run.spec(base.study)
        (all_ours, kept), (all_theirs, kept_there) = (
            one.passed(spec, run.software(one)) for one in (base, point)
        )
        rows, rows_there = common(all_ours, all_theirs)
        passing, p = paired_shares(kept[rows], kept_there[rows_there])
        priced = len(base.energy) and len(point.energy)
        change, alike = CrossedMean(), CrossedMean()
        for apart in differences(run, (base, ours), (point, theirs)):
            change.add(apart)
            alike.add(apart == 0)
        yield Comparison(
            point=point.number,
            base=base.number,
            dies=len(ours),
            judged=len(rows),
            accuracy=change.band(seed=point.number, differences=True),
            alike=alike.band(seed=point.number),
            energy=mean_band(point.energy[theirs] - base.energy[ours]) if priced else None,
            passing=passing,
            p=p,
        )
