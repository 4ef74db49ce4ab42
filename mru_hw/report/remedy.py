"""What would help against what binds: whether mismatch is its cause, and what shows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mru_hw.budget.table import Budget
from mru_hw.report.again import Again
from mru_hw.report.chip import ChipFacts
from mru_hw.report.larger import DIES, Larger, run_larger
from mru_hw.report.nominal import ONE_SAMPLE
from mru_hw.statistics.shares import CONFIDENCE
from mru_hw.sweeps.held import Held
from mru_hw.sweeps.kept import KEPT
from mru_hw.sweeps.told import Told, percent, points_of, quantity
from mru_hw.sweeps.verdict import Verdict
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import condition, many

FOLLOWED = 3
"""Mirrors whose enlargement together is told: the first ones of the error budget."""
_SLOWER = (
    "A larger mirror is a slower one: twice its area is twice the gate capacitance on its rail. "
    "Settled timing does not see that; timing: timed in PLAN.yaml does."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What would help.

    Attributes
    ----------
    short
        One or two sentences, for the verdict.
    more
        What they rest on, and the commands that show it.
    gained
        What larger mirrors gain, where dies were run with them.
    """

    short: str
    more: tuple[str, ...]
    gained: Larger | None = None


def remedy(
    run: RunView,
    told: Verdict,
    nominal: Mapping[int, float],
    found: ChipFacts | str,
    budget: Budget | None,
    again: Again,
) -> Remedy | None:
    """Return what would help against the limit that binds; None where none is known.

    Parameters
    ----------
    nominal
        Accuracies of the nominal die by number of the point.
    found, budget
        The chip and its error budget, where they are at hand.
    """
    held = told.binding
    if held is None:
        return None
    number = held.hardest if held.broken else held.point
    point = next(one for one in run.points if one.number == number)
    if not held.broken:
        return Remedy(short=_unbroken(run, told), more=())
    if held.figure in {"energy", "power"}:
        return _price(run, held, point)
    own = nominal.get(point.number)
    if own is None:
        return _unknown(run, point, again)
    value = np.array([run.software(point) - own if held.figure == "loss" else own])
    if not run.spec(point.study).limits[held.figure].holds(value)[0]:
        return _not_mismatch(run, held, point, own, again)
    mirrors = [] if budget is None else budget.mirrors[:FOLLOWED]
    gained = None
    if not isinstance(found, str) and mirrors:
        gained = run_larger(run, found, held, point, [one.name for one in mirrors])
    area = sum(one.area for one in mirrors)
    share = 0.0 if isinstance(found, str) else area / found.gate_area
    main = _mismatch(run, held, point, own, again, (gained, len(mirrors), share))
    return dataclasses.replace(main, more=(*main.more, *_elsewhere(run, told, nominal, number)))


def _elsewhere(
    run: RunView, told: Verdict, nominal: Mapping[int, float], number: int
) -> Iterator[str]:
    """Yield the shares of the loss at the other conditions at which dies fail."""
    failing = {one.point for one in told.kept_at if one.dies and not one.kept} - {number}
    for point in run.points:
        if point.number in failing and point.number in nominal:
            yield _shares(run, point, nominal[point.number])


def _unbroken(run: RunView, told: Verdict) -> str:
    if all(one.kept for one in told.kept_at):
        word, _ = told.kept(run)
        if word != KEPT:
            return "No die that ran breaks it: more dies would tell, and nothing mended."
        return "Nothing has to be mended for this specification."
    return (
        "No run that came to a result breaks it: dies that do not pass failed by their circuit, "
        "for the reasons in the last table under “Yield”."
    )


def _price(run: RunView, held: Held, point: PointView) -> Remedy:
    """Say what lowers energy and power: smaller currents, and by how much."""
    static, moving = (sum(pair[k] for pair in point.blocks.values()) for k in (0, 1))
    total = static + moving
    cause = _past(run, held, point)
    if held.side != "at_most" or not total or run.level != "behavioral":
        return Remedy(short=cause, more=())
    still, i_unit = static / total, point.settings["i_unit"]
    wanted = (held.limit / held.worst - (1 - still)) / still
    if wanted <= 0:
        return Remedy(
            short=f"{cause} Its switching part alone is past the limit, so that no smaller i_unit "
            "keeps it: shorter or rarer frames, or fewer units, would.",
            more=(),
        )
    short = (
        f"{cause} With i_unit at {quantity(wanted * i_unit, 'A', 3)} in place of "
        f"{quantity(i_unit, 'A', 3)} the worst run would come to the limit, were its static part "
        f"({percent(still)} there) proportional to i_unit; the axis i_unit of PLAN.yaml tells, and "
        "what accuracy it costs."
    )
    return Remedy(short=short, more=())


def _past(run: RunView, held: Held, point: PointView) -> str:
    """Say whether all dies are past a limit on energy or power, or some by their mismatch."""
    values = point.figures(run.software(point))[held.figure]
    mean = f"the mean of the dies, {held.write(float(values.mean()))} at {condition(run, point)},"
    if run.spec(point.study).limits[held.figure].holds(values.mean(keepdims=True))[0]:
        return (
            f"Mismatch takes dies past it: {mean} keeps it. Larger mirrors narrow the spread, "
            "which the sweep under “What to enlarge” tells; smaller currents move all dies."
        )
    return f"Mismatch alone is not the cause: {mean} breaks it already."


def _unknown(run: RunView, point: PointView, again: Again) -> Remedy:
    if point.level != "behavioral":
        return Remedy(
            short=f"At the level {point.level} no nominal die runs beside the dies of each "
            "condition: the same plan at the level behavioral tells whether mismatch is the cause.",
            more=(),
        )
    return Remedy(
        short="Whether mismatch is the cause is not known here, for no nominal die was run at that "
        f"point; {again.cause(run, point)} tells what stays wrong without mismatch.",
        more=(),
    )


def _not_mismatch(run: RunView, held: Held, point: PointView, own: float, again: Again) -> Remedy:
    """Say that the condition itself costs what the limit has not, and what tells why."""
    return Remedy(
        short=f"Mismatch alone is not the cause: at {condition(run, point)} the nominal die, which "
        f"has none, breaks it already ({_has(run, held, point, own)}). "
        f"{_units(run, held, point, again)} names the units that step wrongly there and why.",
        more=(
            f"{_shares(run, point, own)} {ONE_SAMPLE}",
            f"What stays wrong there without any mismatch: {again.cause(run, point)}.",
            _against_condition(point),
            _SLOWER,
        ),
    )


def _mismatch(
    run: RunView,
    held: Held,
    point: PointView,
    own: float,
    again: Again,
    enlarged: tuple[Larger | None, int, float],
) -> Remedy:
    """Say that mismatch moves dies past a limit that the nominal die keeps, and what is gained."""
    gained, n, share = enlarged
    cause = (
        f"Mismatch takes dies past it: at {condition(run, point)} the nominal die, which has none, "
        f"keeps it ({_has(run, held, point, own)}).{_taken(run, held, point, own)}"
    )
    more = [f"{_shares(run, point, own)} {ONE_SAMPLE}"]
    if gained is None:
        helps = "Larger mirrors may help; by how much was not run here."
    else:
        word = _word(gained)
        change, low, high = map(points_of, (gained.gain.value, gained.gain.low, gained.gain.high))
        helps = (
            f"Doubling the area of the first {many(n, 'mirror')} under “What to enlarge” {word}: "
            f"of the first {many(gained.dies, 'die')} there {gained.kept_larger} keep it with them "
            f"and {gained.kept} without ({change}, 95 % interval {low} to {high}, McNemar's p = "
            f"{gained.p:.2g}), for {percent(share)} more gate area."
        )
        more.append(
            f"A page runs the first {DIES} dies of a point at most, fewer where network and "
            "sequences are large, on any machine the same ones; a smaller gain than the interval "
            "it may miss. They were run here, at that condition alone: their mean accuracy moves "
            f"by {points_of(gained.accuracy_larger - gained.accuracy)}, from "
            f"{percent(gained.accuracy)} to {percent(gained.accuracy_larger)}. What the yield over "
            "all conditions gains the sweep below says."
        )
    more.append(f"Which mirrors cost steps there, measured: {again.cause(run, point)}.")
    if own < float(point.accuracy.mean()) or (gained and gained.kept_larger <= gained.kept):
        more += [
            f"{_units(run, held, point, again)} names the units that step wrongly there and why.",
            _against_condition(point),
        ]
    return Remedy(short=f"{cause} {helps}", more=(*more, _SLOWER), gained=gained)


def _word(gained: Larger) -> str:
    """Say what dies with larger mirrors show; too few that fail cannot show a sure gain."""
    if gained.p < 1 - CONFIDENCE:
        return "helps" if gained.kept_larger > gained.kept else "harms"
    if not gained.tells:
        failing = many(gained.dies - gained.kept, "die")
        return f"was run on too few failing dies to tell a gain ({failing})"
    return "may help" if gained.kept_larger > gained.kept else "shows no gain"


def _taken(run: RunView, held: Held, point: PointView, own: float) -> str:
    """Say which part of an allowed loss is gone before mismatch; empty where none is."""
    software, mean = run.software(point), float(point.accuracy.mean())
    if held.figure != "loss" or held.side != "at_most" or not software > own:
        return ""
    ideal = run.references.get("ideal")
    before = "" if ideal is None else f" (mapping and rounding alone {points_of(software - ideal)})"
    return (
        f" Of the {points_of(held.limit)} that are allowed it loses {points_of(software - own)}"
        f"{before}; mismatch changes the mean loss by {points_of(own - mean)}."
    )


def _units(run: RunView, held: Held, point: PointView, again: Again) -> str:
    """Return what names the wrong units of the worst die of a point."""
    at_point = int(point.seeds[int(np.argmin(point.accuracy))])
    return again.die(run, point, held.seed if held.point == point.number else at_point, 0)


def _against_condition(point: PointView) -> str:
    """Say what may help where a condition costs accuracy without any mismatch."""
    at = point.settings
    chosen = f"corner: {at['corner']}, temperature: {at['temperature']:g}, v_dd: {at['v_dd']:g}"
    return (
        "What may help against the condition: larger currents where leakage takes the signal (the "
        "axis i_unit of PLAN.yaml shows it on the same dies), a product that leaves the condition "
        f"out, or training for the chip there: the key chip in the training's configuration, "
        f"with {{{chosen}}} among its values."
    )


def _has(run: RunView, held: Held, point: PointView, own: float) -> str:
    """Write the figure of the nominal die that a limit binds, beside the limit."""
    if held.figure == "loss":
        return f"a loss of {points_of(run.software(point) - own)}"
    return f"an accuracy of {percent(own)}"


def _shares(run: RunView, point: PointView, own: float) -> str:
    """Say how much of the loss at a point is the nominal die's, and how much mismatch adds."""
    software, mean = run.software(point), float(point.accuracy.mean())
    loss = Told("not known") if np.isnan(software) else points_of(software - own)
    beyond = f"loses {points_of(own - mean)} beyond it"
    if mean >= own:
        beyond = f"lies above it by {points_of(mean - own)}"
    return (
        f"At {condition(run, point)} the nominal die has {percent(own)}, a loss of {loss}; the "
        f"mean of the dies, {percent(mean)}, {beyond}."
    )
