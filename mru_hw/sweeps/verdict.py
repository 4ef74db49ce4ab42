"""What a sweep amounts to: whether its dies keep the specification, how surely, and what binds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mru_hw.statistics.crossed import mean_band
from mru_hw.statistics.shares import Band
from mru_hw.sweeps.held import Held, binding_of, held_limits
from mru_hw.sweeps.kept import KeptAt, kept_at, kept_said
from mru_hw.sweeps.spec import CONDITIONS
from mru_hw.sweeps.statistics.answers import (
    Statistics,
    Yield,
    independent,
    yields,
)
from mru_hw.sweeps.told import Told, ends, percent, quantity
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import OWN_CONDITION, condition, doubted, many


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The figures that a sweep is defended with; every interval is of 95 %.

    Attributes
    ----------
    point
        Number of the point that speaks for the sweep: its accuracy, energy and power stand here.
    judged
        The yield of the dies of that point at every condition of the specification; None where the
        specification asks for none of its conditions. Of a sweep that its yield stopped, that of
        the dies up to there, with the interval that holds then.
    corners
        The yields of it and of the populations that differ from it by their corner alone.
    kept_at
        The conditions at which these populations have to pass, with the dies that do.
    limits
        Every limit on each of these populations.
    binding
        The limit that most dies break; where none does, the one that is nearest in sigmas. None
        without dies.
    software, ideal, nominal
        Accuracies of the network as trained, as mapped and rounded, and of the nominal die at the
        technology's own condition.
    accuracy
        Mean over the dies of the point, for other dies and other sequences.
    energy, power
        Means over its dies [J], [W], with Student's interval: for other dies and these sequences.
    inputs
        What the input sources deliver in a sequence [J], beside `energy`.
    dies
        That are done at the point.
    """

    point: int
    judged: Yield | None
    corners: tuple[Yield, ...]
    kept_at: tuple[KeptAt, ...]
    limits: tuple[Held, ...]
    binding: Held | None
    software: float | None
    ideal: float | None
    nominal: float | None
    accuracy: Band | None
    energy: Band | None
    power: Band | None
    inputs: float | None
    dies: int

    @property
    def worst(self) -> int | None:
        """Number of the point of the worst run of what binds."""
        return None if self.binding is None else self.binding.point

    @property
    def lowest(self) -> Yield | None:
        """The corner whose dies pass least."""
        told = [one for one in self.corners if one.dies]
        return min(told, key=lambda one: one.passed / one.dies, default=None)

    def kept(self, run: RunView, **named: int) -> tuple[str, str]:
        """Say whether the specification is kept and what that rests on, as `kept_said` does."""
        return kept_said(run, self.kept_at, self.corners, self.worst, **named)

    def rows(self, run: RunView) -> Iterator[tuple[str, Told, str]]:
        """Yield name, figure and what it rests on, for a terminal or a notebook."""
        base = next(point for point in run.points if point.number == self.point)
        at = condition(run, base)
        word, why = self.kept(run)
        yield "specification is", Told(word), why
        if self.judged is not None and self.judged.dies:
            spec = run.spec(self.judged.study)
            yield "it asks for", Told(spec.said()), self.conditions(run)
            if spec.share is not None:
                yield "of dies", Told(f"at least {100 * spec.share:g} %", spec.share), "by interval"
        for one in self.corners:
            sure = _joined(interval_of(one), doubted(run, one.points))
            yield f"yield, {one.drawn}", share_of(one), sure
        if self.accuracy is not None:
            sure = _joined(f"{ends(self.accuracy)}, {at}", doubted(run, [self.point]))
            yield "accuracy of dies", percent(self.accuracy.value), sure
        for name, share in (
            ("accuracy as trained", self.software),
            ("mapped and rounded", self.ideal),
        ):
            if share is not None:
                yield name, percent(share), many(run.n_sequences, "sequence")
        if self.nominal is not None:
            yield "nominal die", percent(self.nominal), OWN_CONDITION
        for name, band, unit in (
            ("energy of a sequence", self.energy, "J"),
            ("supply power", self.power, "W"),
        ):
            if band is not None:
                yield name, quantity(band.value, unit), f"{ends(band, unit)}, {at}"
        if self.inputs is not None:
            yield "inputs deliver", quantity(self.inputs, "J"), "a sequence, beside the energy"
        if self.binding is not None:
            yield "what binds", Told(self.binding.said()), bound(run, self.binding)

    def as_data(self, run: RunView) -> dict[str, Any]:
        """Return plain data, fit for JSON: SI units and shares."""
        data = dataclasses.asdict(self)
        data["lowest"] = None if self.lowest is None else self.lowest.settings["corner"]
        spec = run.spec(run.base.study)
        data["specification"], data["yield_asked"] = spec.asked(), spec.share
        data["kept"], data["kept_why"] = self.kept(run)
        return data

    def conditions(self, run: RunView) -> str:
        """Say at which conditions a die has to pass."""
        if self.judged is None:
            return "at none of the conditions that were run"
        return conditions(run, self.judged)


def verdict(run: RunView, told: Statistics) -> Verdict:
    """Return what a sweep amounts to, from the statistics of it."""
    base = run.base
    own = base.shared_settings
    corners = _corners(run, told.yields)
    judged = next((one for one in corners if one.settings == own), None)
    limits = [held for one in corners for held in held_limits(run, one)]
    of_point = next(one for one in told.points if one.point == base.number)
    alone = independent(base.settings, base.trials, base.n_wanted)
    return Verdict(
        point=base.number,
        judged=judged,
        corners=tuple(corners),
        kept_at=kept_at(run, corners),
        limits=tuple(limits),
        binding=binding_of(limits),
        software=run.references.get("software"),
        ideal=run.references.get("ideal"),
        nominal=run.references.get("nominal"),
        accuracy=of_point.accuracy,
        energy=mean_band(base.energy) if alone else None,
        power=mean_band(base.power) if alone else None,
        inputs=base.input_energy if len(base.energy) else None,
        dies=len(base.accuracy),
    )


def whether_kept(run: RunView, known: Sequence[Yield]) -> tuple[str, str]:
    """Return what `Verdict.kept` says, from the yields of a sweep alone."""
    found = _corners(run, known)
    return kept_said(run, kept_at(run, found), found)


def what_binds(run: RunView) -> Held | None:
    """Return the limit that binds, as `verdict` has it, without any other figure."""
    found = _corners(run, tuple(yields(run)))
    return binding_of([held for one in found for held in held_limits(run, one)])


def _corners(run: RunView, known: Sequence[Yield]) -> list[Yield]:
    """Return the populations of dies that differ from the one at the head by their corner alone."""
    own, study = _but_corner(run.base.shared_settings), run.base.study
    same = [_at_its_end(run, one) for one in known if one.study == study]
    return [one for one in same if _but_corner(one.settings) == own]


def _at_its_end(run: RunView, one: Yield) -> Yield:
    """Return a yield of the dies up to the end of its population, where a sweep was stopped by it.

    The usual interval covers too little after a stop, and the one that was told then holds.
    """
    told = run.until
    if told is None or told["figure"] != "yield":
        return one
    for own in told["populations"]:
        if tuple(own["points"]) == one.points:
            band = Band(value=own["value"], low=own["low"], high=own["high"])
            passed = round(own["value"] * own["dies"])
            keys = np.concatenate([p.lost for p in run.points if p.number in set(one.points)])
            lost = len(np.unique(keys[keys[:, 1] < own["dies"]], axis=0))
            kept = {"dies": own["dies"], "passed": passed, "lost": lost}
            return dataclasses.replace(one, **kept, band=band)
    return one


def _but_corner(settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in {"corner", *CONDITIONS}}


# --------------------------------------------------------------------------------------- words


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def share_of(one: Yield) -> Told:
    """Write a yield."""
    if not one.dies:
        return Told("no die has run at all conditions")
    share = one.passed / one.dies
    return Told(f"{percent(share)}, {one.passed} of {many(one.dies, 'die')}", share)


def interval_of(one: Yield) -> Told:
    """Write the interval of a yield, or why it has none."""
    if one.band is not None:
        return ends(one.band)
    return Told("no interval: runs share dies" if one.dies else "nothing to tell")


def conditions(run: RunView, one: Yield) -> str:
    """Say at which conditions the dies of a population, which is of one corner, have to pass."""
    points = [point for point in run.points if point.number in set(one.points)]
    if len(points) == 1 or run.level == "ideal":
        return f"at {condition(run, points[0])}"
    found = []
    for name, unit in (("temperature", "°C"), ("v_dd", "V")):
        values = sorted({float(point.settings[name]) for point in points})
        listed = [f"{value:g} {unit}" for value in values]
        first = f"{', '.join(listed[:-1])} and " if len(listed) > 1 else ""
        found.append(f"{first}{listed[-1]}")
    corners = {point.settings["corner"] for point in run.points if point.study == one.study}
    of = " of the corner" if len(corners) > 1 else ""
    return f"at all {len(points)} conditions{of}: {' with '.join(found)}"


def bound(run: RunView, held: Held) -> str:
    """Say how a limit binds."""
    point = next(point for point in run.points if point.number == held.point)
    at = condition(run, point)
    worst = f"the worst run has {held.write(held.worst)} at {at}, die {held.seed}"
    breaks = (
        f"{held.broken} of {many(held.dies, 'die')} {'breaks' if held.broken == 1 else 'break'} it"
    )
    if held.broken and len(held.broken_at) == 1:
        return f"{breaks}; {worst}"
    if held.broken:
        hard = next(one for one in run.points if one.number == held.hardest)
        share = held.broken_at[held.hardest]
        some = "" if held.broken == 1 else "all " if share == held.broken else f"{share} of them "
        there = f"{some}at "
        return f"{breaks}, {there}{condition(run, hard)}; {worst}"
    near = "" if np.isnan(held.sigmas) else f", {held.sigmas:.1f} sigma from the mean die there"
    return f"no die breaks it; {worst}{near}"
