"""What a report says of a sweep: figures with their captions, tables with their rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mru_hw.report import figures
from mru_hw.report.figures import Array, Series
from mru_hw.report.parts import Picture
from mru_hw.sweeps.axes import AXES, Noted
from mru_hw.sweeps.held import Held
from mru_hw.sweeps.spec import CONDITIONS
from mru_hw.sweeps.statistics.answers import Statistics
from mru_hw.sweeps.subject import ARITHMETIC
from mru_hw.sweeps.told import Told, ends, percent, quantity
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import counted, described, differing, doubted, many, said
from mru_hw.units import in_symbols, render

_SHOWN = 6
"""Curves of a figure, at most; the other combinations stand in the table of points."""

_FEW = 5
"""Runs that make a distribution."""
_NONE = np.empty(0)


def over_axes(run: RunView) -> list[Picture]:
    """Return accuracy and power over every axis that was swept."""
    found = []
    for points in run.studies().values():
        over = _over if run.is_grid(points[0].study) else _over_sample
        found += [over(run, points, axis) for axis in differing(points)]
    return found


def distributions(
    run: RunView, limits: Sequence[Held], binding: Held | None = None
) -> list[Picture]:
    """Return how accuracy, energy and power lie over dies at the head and where a limit binds."""
    base, found = run.base, []
    if len(base.accuracy) >= _FEW:
        found.append(_accuracies(run, base, limits, "accuracy_of_dies", run.references))
    if binding is not None and binding.figure in {"accuracy", "loss"}:
        worst = next(point for point in run.points if point.number == binding.point)
        if worst.number != base.number and len(worst.accuracy) >= _FEW:
            # The nominal die has run at the head's condition alone.
            levels = {name: x for name, x in run.references.items() if name != "nominal"}
            found.append(_accuracies(run, worst, limits, "accuracy_where_it_binds", levels))
    energies = run.energies(base)
    if len(energies) >= _FEW:
        found.append(_energies(run, base, energies, limits))
    return found


def _accuracies(
    run: RunView,
    point: PointView,
    limits: Sequence[Held],
    name: str,
    references: Mapping[str, float],
) -> Picture:
    """Return how the accuracy lies over the dies of a point."""
    software, n = run.software(point), run.n_sequences
    mean, worst = float(point.accuracy.mean()), float(point.accuracy.min())
    least = [one.limit for one in limits if one.figure == "accuracy" and one.side == "at_least"]
    least += [
        software - one.limit for one in limits if one.figure == "loss" and one.side == "at_most"
    ]
    limit = max((limit for limit in least if not np.isnan(limit)), default=None)
    below = (
        "."
        if limit is None
        else f"; its limits ask a die for {percent(limit)}. Accuracies are counts of {n} "
        "sequences, a bar each where there is room, and no test of a normal distribution fits "
        "them: the table of this section counts the dies past the limit."
    )
    return Picture(
        name=name,
        svg=figures.accuracy_histogram(point.accuracy, references, n, limit),
        alternative="Histogram of the accuracy over dies, with lines for the references"
        + ("." if limit is None else " and the least that the specification allows."),
        caption=(
            f"Accuracy over {counted(point)} at {described(run, point)}: "
            f"{percent(mean)} on average, {percent(worst)} at worst{below}"
        ),
        data={"die": point.seeds, "accuracy": point.accuracy},
    )


def _energies(run: RunView, base: PointView, energies: Array, limits: Sequence[Held]) -> Picture:
    bounds: dict[str, dict[str, float]] = {"energy": {}, "power": {}}
    for one in limits:
        if one.figure in bounds:
            bounds[one.figure][one.side.replace("_", " ")] = one.limit
    low, high = np.percentile(energies, [10, 90])
    panels = [
        ("energy of a sequence", "sequences on dies [%]", "J", energies, {}),
        ("mean energy of a die's sequences", "dies", "J", base.energy, bounds["energy"]),
        ("mean power of a die", "dies", "W", base.power, bounds["power"]),
    ]
    return Picture(
        name="energy_of_dies",
        svg=figures.spread(panels),
        alternative="Histograms of the energy of a sequence and of the power of a die.",
        caption=(
            f"Left: energy of each sequence in {many(len(energies), 'run')}, "
            f"{render(float(base.energy.mean()), 'J')} on average, from "
            f"{render(float(low), 'J')} (P10) to {render(float(high), 'J')} (P90)"
            f"{_from_sequences(run, energies)} Middle: the mean over the sequences of each run, "
            "which is what a limit on energy binds: single sequences may lie past it. "
            f"Right: mean power of each run, {render(float(base.power.mean()), 'W')} on average."
        ),
        data={
            "die": base.seeds,
            "energy [J]": base.energy,
            "power [W]": base.power,
        },
    )


def _from_sequences(run: RunView, energies: Array) -> str:
    """Say how much of the variance of energies (run, sequence) lies between sequences."""
    if not run.keeps_all:
        return ", from the quantiles that are kept of each run."
    relative = energies / (float(energies.max()) or 1.0)
    total, between = float(np.var(relative)), float(np.var(relative.mean(axis=0)))
    share = 100 * between / total if total else 0.0
    return f"; {share:.4g} % of their variance lies between sequences, the rest between runs."


def _over(run: RunView, points: Sequence[PointView], axis: str) -> Picture:
    title, unit = AXES[axis].label, AXES[axis].unit
    values = list(dict.fromkeys(point.settings[axis] for point in points))
    if all(isinstance(value, (int, float)) for value in values):
        values.sort()
    others = [name for name in differing(points) if name != axis]
    combinations = list(
        itertools.product(*(dict.fromkeys(p.settings[n] for p in points) for n in others))
    )
    accuracy, power, energy = [], [], []
    for combination in combinations[:_SHOWN]:
        fixed = dict(zip(others, combination, strict=True))
        label = in_symbols(", ".join(AXES[name].render(v) for name, v in fixed.items())) or "mean"
        row = [_at(points, fixed | {axis: value}) for value in values]
        accuracy.append(_series(label, [_NONE if p is None else 100 * p.accuracy for p in row]))
        power.append(_series(label, [_NONE if p is None else p.power for p in row]))
        energy.append(_series(label, [_NONE if p is None else p.energy for p in row]))
    data = dict(_columns(title, values, accuracy, "accuracy [%]"))
    panels: list[tuple[str, str, Sequence[Series]]] = [("accuracy", "%", accuracy)]
    if any(len(point.power) for point in points):
        panels.append(("energy", "J", energy))
        data |= dict(_columns(title, values, energy, "energy [J]"))
        data |= dict(_columns(title, values, power, "power [W]"))
    runs = sorted({len(point.accuracy) for point in points})
    counted = many(runs[0], "run") if len(runs) == 1 else f"{runs[0]} to {runs[-1]} runs"
    per_time = (
        " Energy is that of a sequence, power times how long it lasts; the table of points "
        "has both."
        if len(panels) > 1
        else ""
    )
    left = len(combinations) - _SHOWN
    more = (
        f" Not drawn, but in the table of points: {many(left, 'combination')} more."
        if left > 0
        else ""
    )
    return Picture(
        name=f"over_{axis}_{points[0].number}",
        data=data,
        svg=figures.over_axis(title, values, panels, _references(run, points), unit=unit),
        alternative=f"Accuracy and energy over {title}.",
        caption=(
            f"Over {title}: the mean of {counted} at each point, with the range from "
            f"P10 to P90.{per_time}{more}"
        ),
    )


def _over_sample(run: RunView, points: Sequence[PointView], axis: str) -> Picture:
    title, unit = AXES[axis].label, AXES[axis].unit
    done = [point for point in points if len(point.accuracy)]
    values = [point.settings[axis] for point in done]
    if not all(isinstance(value, (int, float)) for value in values):
        values, unit = [in_symbols(AXES[axis].render(value)) for value in values], ""
    panels = [("accuracy", "%", np.array([100 * point.accuracy.mean() for point in done]))]
    if done and all(len(point.power) for point in done):
        panels.append(("mean power", "W", np.array([point.power.mean() for point in done])))
    return Picture(
        name=f"sample_over_{axis}_{points[0].number}",
        data={title: values} | {f"{name} [{kind}]": m.tolist() for name, kind, m in panels},
        svg=figures.over_sample(title, values, panels, _references(run, points), unit=unit),
        alternative=f"Accuracy and power of a sample of points over {title}.",
        caption=(
            f"Over {title}: the mean of each of {many(len(done), 'point')}, which differ in all "
            "axes."
        ),
    )


def _references(run: RunView, points: Sequence[PointView]) -> dict[str, float]:
    """Return what the dies of all these points are compared with.

    The nominal die is known at one condition; over several a flat line of it would be wrong.
    """
    conditions = {tuple(p.settings[name] for name in ("corner", *CONDITIONS)) for p in points}
    found = run.compared(points)
    return {k: share for k, share in found.items() if k != "nominal" or len(conditions) == 1}


def _at(points: Sequence[PointView], settings: dict[str, Any]) -> PointView | None:
    """Return the point with these settings; a store from elsewhere may lack one."""
    found = (p for p in points if all(p.settings[n] == v for n, v in settings.items()))
    return next(found, None)


def _series(label: str, values: Sequence[Array]) -> Series:
    def each(summary: Callable[[Array], Any]) -> Array:
        return np.array([summary(v) if len(v) else np.nan for v in values], dtype=np.float64)

    return Series(
        label=label,
        mean=each(np.mean),
        low=each(lambda v: np.percentile(v, 10)),
        high=each(lambda v: np.percentile(v, 90)),
    )


def _columns(
    title: str, values: Sequence[Any], series: Sequence[Series], what: str
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the columns that a figure over an axis was drawn from."""
    yield title, list(values)
    for one in series:
        for name in ("mean", "low", "high"):
            end = {"mean": "mean", "low": "P10", "high": "P90"}[name]
            yield f"{what}, {one.label}: {end}", getattr(one, name).tolist()


def point_rows(run: RunView, told: Statistics, nominal: Mapping[int, float]) -> list[list[str]]:
    """Return the table of points; `nominal` are accuracies of nominal dies, by number."""
    rows = []
    names = differing(run.points)
    for point, statistics in zip(run.points, told.points, strict=True):
        a = point.accuracy
        shares = [percent(None)] * 6
        if len(a):
            low, high = np.percentile(a, [10, 90])
            shares = [percent(float(a.mean())), ends(statistics.accuracy)]
            shares += [percent(float(v)) for v in (low, high)]
            software = run.software(point)
            known = not np.isnan(software)
            passed = point.passed(run.spec(point.study), software)[1] if known else None
            shares.append(percent(None if passed is None else float(passed.mean())))
            shares.append(ends(statistics.passing))
        priced = len(point.energy)
        joules = quantity(float(point.energy.mean()), "J") if priced else "not priced"
        watts = quantity(float(point.power.mean()), "W") if priced else "not priced"
        failed = str(sum(point.failed.values()))
        done = f"{point.n_runs} of {point.n_wanted}"
        at = ", ".join(said(point, name) for name in names) or described(run, point)
        alone = percent(nominal.get(point.number))
        doubts = ", doubtful" if doubted(run, [point.number]) else ""
        number = Told(f"{point.number}{doubts}", point.number)
        rows.append([point.study, at, done, *shares, joules, watts, failed, alone, number])
    return rows


def technology_of(run: RunView, point: PointView) -> str:
    """Name the technology of a point: its own, else that of the plan."""
    return str(point.settings["tech"] or next(iter(run.plans.values()))["tech"])


def technologies(run: RunView) -> str:
    """Name the technologies of a run."""
    return ", ".join(dict.fromkeys(technology_of(run, point) for point in run.points))


def condition_rows(run: RunView) -> list[tuple[str, str]]:
    """Return the table of what was run, with versions and hashes."""
    facts, plans = run.facts, run.plans
    first = next(iter(plans.values()))
    rows = [
        ("level of truth", run.level),
        ("technology", technologies(run)),
        ("network", str(first["model"])),
        (
            "sequences",
            f"{run.n_sequences} of {first['inputs']}, "
            f"{many(int(run.frames.sum()), 'frame')} in all",
        ),
        ("mean length", render(float(run.duration.mean()), "s")),
        (
            "seeds",
            ", ".join(f"{name}: {plan['seed']}" for name, plan in plans.items())
            + "; die k of a plan with seed s has the seed 2^20 s + k, and noise has s",
        ),
        ("started", facts.get("started", "")),
        ("wall time", render(float(facts.get("seconds", "0")), "s")),
        (
            "time of a run",
            f"{render(_run_time(run), 's')}, mean of all runs on a worker; the first ones load the "
            "kernel, and workers run at once",
        ),
    ]
    rows += [(name.replace("_", " "), facts[name]) for name in ARITHMETIC]
    for prefix in ("machine", "version", "hash"):
        for name, value in facts.items():
            if name.startswith(f"{prefix}."):
                shown = name.removeprefix(f"{prefix}.")
                label = {"hash": f"hash of the {shown}", "version": f"version of {shown}"}
                rows.append((label.get(prefix, shown.replace("_", " ")), value))
    for k, (digest, options) in enumerate(run.designs.items()):
        which = "the design" if len(run.designs) == 1 else f"design {k}"
        chosen = ", ".join(f"{name}: {value}" for name, value in options.items())
        rows.append((f"hash of {which}", digest))
        if digest != run.base.design:  # those at the head have a table of their own
            rows.append((f"options of {which}", chosen))
    rows.append(("hash of all results", run.digest()))
    return rows


def _run_time(run: RunView) -> float:
    """Return the mean wall time of a run [s]."""
    return sum(p.seconds for p in run.points) / max(1, sum(p.n_runs for p in run.points))


def notes(run: RunView) -> list[str]:
    """Return what a reader of this sweep must know beyond the boundary."""
    found = []
    for name, axis in AXES.items():
        values = [point.settings[name] for point in run.points]
        found.append(axis.note(Noted(level=run.level, values=values, facts=run.facts)))
    if run.level == "spice" and run.base.blocks and "clock" not in run.base.blocks:
        found.append(
            "The tolerances of these runs give the clock's own energy within 10 % only, so its "
            "block is left out; the total has it (documentation, Decisions: tolerances of ngspice)."
        )
    return [note for note in found if note]
