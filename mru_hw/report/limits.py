"""The specification as a table: each limit, how near the worst run comes, on how many dies."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mru_hw.report import bands
from mru_hw.report.parts import Section, Table
from mru_hw.sweeps.held import TIES, Held, written
from mru_hw.sweeps.spec import CONDITIONS, FIGURES, Figure
from mru_hw.sweeps.statistics.answers import Statistics
from mru_hw.sweeps.statistics.spread import FEWEST
from mru_hw.sweeps.told import Told
from mru_hw.sweeps.verdict import Verdict, conditions
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import condition, many

HEAD = (
    *("limit", "population", "worst run", "margin", "sigma to limit", "at", "die (seed)"),
    *("broken by", "behind it"),
)


def specification(run: RunView, told: Verdict) -> Section:
    """Return the section on the specification."""
    paragraphs = [*_asked(run, told), *_never_ran(run)]
    if not told.limits:
        paragraphs.append(
            "No run of the dies that the specification asks for is stored, so that no margin is "
            "known."
        )
    table = Table(
        name="specification",
        caption=(
            "Limits of the specification, one row for each and each corner. The margin is the "
            "distance of the worst run from its limit, below 0 where it is broken; sigma to the "
            "limit is that of the mean die at the same condition, in standard deviations of the "
            f"dies there. {TIES}"
        ),
        head=HEAD,
        rows=[list(_row(run, one)) for one in told.limits],
        numbers=(2, 3, 4, 6, 7),
    )
    return Section(
        key="specification",
        title="The specification",
        paragraphs=paragraphs,
        tables=[table] if told.limits else [],
    )


def _asked(run: RunView, told: Verdict) -> Iterator[str]:
    study = run.base.study
    own = run.plans[study].get("spec") is not None
    said = run.spec(study).said()
    if not own:
        yield (
            f"The plan states no specification, so the usual one stands in: {said}. The key spec "
            "in PLAN.yaml states another; no run has to be made again for it."
        )
    if told.judged is not None:
        yield f"A die passes if it keeps, {conditions(run, told.judged)}: {said}."
    yield from _counted(run, told)
    word, why = told.kept(run)
    yield f"The specification is {word}: {why}. {_means(run.spec(study).share)}"
    limits = [FIGURES[name] for name in run.spec(study).limits]
    yield "What each limit binds, of each die and at each condition by itself: " + (
        "; ".join(f"{figure.name}, {figure.binds}" for figure in limits) + "."
    )


def _means(share: float | None) -> str:
    """Say what kept means."""
    if share is None:
        return (
            "Kept means every die that ran: the specification asks for no share of dies, as its "
            "key yield would."
        )
    asked = f"{100 * share:g} %"
    return (
        f"Kept means that the interval of each corner's yield begins at {asked} or above, not kept "
        f"that the interval of one ends below, and undecided that {asked} lies between."
    )


def _counted(run: RunView, told: Verdict) -> Iterator[str]:
    """Say how many conditions were swept, how many are asked for, and how many of one die."""
    if run.level == "ideal" or not told.corners:
        return
    names = ("corner", *CONDITIONS)
    own = [point for point in run.points if point.study == run.base.study]
    swept = {tuple(point.settings[name] for name in names) for point in own}
    each = {str(one.settings["corner"]): len(one.points) for one in told.corners}
    asked = sum(each.values())
    of = f"{asked} of {many(len(swept), 'condition')}"
    if asked == len(swept):
        of = "the one condition" if asked == 1 else f"all {asked} conditions"
    more = ""
    if len(each) > 1:
        parts = ", ".join(f"{count} of corner {corner}" for corner, count in each.items())
        more = (
            f": {parts}. A die is of one corner and has to pass at the conditions of that corner; "
            f"whether the specification is kept is told of all {asked}"
        )
    points = ""
    if len(own) > len(swept):
        points = (
            f" The {len(own)} points of the sweep are these conditions with each value of "
            "what else it varies."
        )
    yield (
        "A condition is a corner, a temperature and a supply; a limit is what a figure has to "
        f"keep. The specification asks for {of} of the sweep{more}.{points}"
    )


def _never_ran(run: RunView) -> Iterator[str]:
    """Say which conditions a die should pass at that no point of the sweep has."""
    spec = run.spec(run.base.study)
    for name, unit in zip(CONDITIONS, ("°C", "V"), strict=True):
        there = {point.settings[name] for point in run.points}
        left = [value for value in getattr(spec, name) or () if value not in there]
        if left:
            said = ", ".join(f"{value:g} {unit}" for value in left)
            yield f"The specification asks for {said}, which the sweep never ran."


def _row(run: RunView, one: Held) -> Iterator[str]:
    point = next(point for point in run.points if point.number == one.point)
    yield one.said()
    yield one.population.drawn
    yield one.write(one.worst)
    yield margin(one)
    yield Told("all alike") if one.sigmas != one.sigmas else Told(f"{one.sigmas:.2f}", one.sigmas)
    yield condition(run, point)
    yield Told(str(one.seed), one.seed)
    yield Told(f"{one.broken} of {one.dies}", one.broken)
    yield (
        f"{many(one.dies, 'die')}, {many(len(one.population.points), 'condition')}, "
        f"{many(run.n_sequences, 'sequence')} each"
    )


def margin(one: Held) -> Told:
    """Write a margin; that of an accuracy is in points."""
    kind = "loss" if one.figure in {"accuracy", "loss"} else one.figure
    least = 1e-9 * abs(one.limit)
    return written(kind, 0.0 if abs(one.margin) <= least else one.margin)


def limits_said(run: RunView) -> str:
    """Name every specification of a run, once each."""
    return "; ".join(dict.fromkeys(run.spec(study).said() for study in run.plans))


def capability(run: RunView, told: Statistics) -> Iterator[Section]:
    """Yield the section on capability: the indices, or why a figure has none."""
    if run.level == "ideal":
        return
    limits = run.spec(run.base.study).limits
    rows = bands.capability_rows(run, told)
    known = {name for one in told.points for name in one.capability}
    yield Section(
        key="capability",
        title="Capability",
        paragraphs=[
            " ".join(
                _index(figure, limited=figure.name in limits, told=known)
                for figure in FIGURES.values()
            ),
            *(
                [
                    "The interval is Bissell's. Where the p of the test is small, the dies are not "
                    "normal and the index says nothing of the yield."
                ]
                if rows
                else []
            ),
        ],
        tables=[
            Table(
                name="capability",
                caption="Cpk of each limited figure at each point.",
                head=bands.CAPABILITY_HEAD,
                rows=rows,
                numbers=range(2, 5),
            )
        ]
        if rows
        else [],
    )


def _index(figure: Figure, *, limited: bool, told: Collection[str]) -> str:
    """Say whether a figure has a Cpk, and why not."""
    name = figure.name
    if not limited:
        return f"Cpk of {name}: none, for the specification sets no limit on it."
    if not figure.gaussian:
        return (
            f"Cpk of {name}: none, for it goes in steps of one sequence and is not tested for "
            "normality; its yield is counted."
        )
    if name not in told:
        return (
            f"Cpk of {name}: none, for no point has {FEWEST} independent dies whose {name} differs."
        )
    return f"Cpk of {name}: in the table."


def all_ran(run: RunView) -> str:
    """Say whether each condition that was asked for ran, and came to a result."""
    stored, wanted = (sum(getattr(p, n) for p in run.points) for n in ("n_runs", "n_wanted"))
    failed = sum(run.failed().values())
    of = "all" if stored == wanted else f"{stored} of"
    said = "none of them failed" if not failed else f"{failed} of them failed (the last table)"
    return (
        f"Asked for: {many(wanted, 'run')} at {many(len(run.points), 'point')}; {of} "
        f"{wanted} are stored, and {said}."
    )
