"""The top of a page: the stamp, the verdict in a few sentences, and the cards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mru_hw.errors import printable
from mru_hw.report.chip import ChipFacts, about_task, task_of
from mru_hw.report.cross import off_cross_said
from mru_hw.report.frames import ShortFrame
from mru_hw.report.near import near_said
from mru_hw.report.parts import Card
from mru_hw.report.remedy import Remedy
from mru_hw.statistics.shares import clopper_pearson
from mru_hw.sweeps.kept import broken_said
from mru_hw.sweeps.told import Told, ends, percent, quantity
from mru_hw.sweeps.verdict import Verdict, bound, conditions, interval_of, share_of
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import OWN_CONDITION, condition, counted, described, doubted, many
from mru_hw.units import render

_CLASSES, _NAME = 12, 24
"""Classes that a sentence names, and characters of each name."""
_SOFTWARE = "in software, at no condition"
STAMP = "Pre-layout, models only, no silicon"


def paragraph(
    run: RunView,
    told: Verdict,
    chip: ChipFacts | None,
    helps: Remedy | None,
    short: ShortFrame | None,
) -> list[str]:
    """Return the verdict: what stands alone, then an entry for each figure.

    The first entry has three sentences at most: whether the specification is kept, whether that
    hangs on few sequences, and what is doubtful at worst.

    Parameters
    ----------
    short
        By how much frames are too short, where they are and it is known.
    """
    entries = (
        [*_kept(run, told), *near_said(run, told), *_doubts(run, short)],
        _where(run, told, chip),
        _settled(run, short),
        _does(run, told, chip),
        _yield(run, told),
        _costs(run, told),
        _size(chip),
        [*_binds(run, told), *_helps(helps)],
        _cards(chip),
    )
    return [text for entry in entries if (text := " ".join(entry))]


def _kept(run: RunView, told: Verdict) -> Iterator[str]:
    word, why = told.kept(run, most=1)
    yield f"The specification is {word}: {why}."


def _where(run: RunView, told: Verdict, chip: ChipFacts | None) -> Iterator[str]:
    """Say at which conditions it is not kept, where these are several, and which are off the fits.

    The first of them stands in the first entry.
    """
    broken = [one for one in told.kept_at if one.dies and not one.kept]
    share = run.spec(run.base.study).share
    if len(broken) > 1 or (broken and share is not None):
        what = "It is not kept at" if share is None else "Not every die keeps its limits at"
        yield f"{what} {broken_said(run, broken, told.worst)}."
    yield from off_cross_said(run, [one.point for one in broken], chip)


def _does(run: RunView, told: Verdict, chip: ChipFacts | None) -> Iterator[str]:
    classes = len(set(np.asarray(run.labels).tolist()))
    what, names = "The chip", ""
    if chip is not None:
        classes, what = chip.model.spec.n_classes, f"The chip ({chip.network})"
        names = _named(chip)
    length = render(float(run.duration.mean()), "s")
    yield (
        f"{what} sorts sequences of {length} on average into "
        + ("1 class" if classes == 1 else f"{classes} classes")
        + names
        + _read(chip)
        + (
            f"; the network is right in {percent(told.software)} of "
            f"{many(run.n_sequences, 'sequence')} as trained ({_interval(run, told.software)})."
            if told.software is not None
            else "."
        )
    )


def _read(chip: ChipFacts | None) -> str:
    """Say how outputs become a decision."""
    if chip is None:
        return ""
    return (
        f", by the {chip.model.spec.readout.value} of its outputs over frames, which is taken "
        f"outside the chip; {_sorted(chip)}"
    )


def _sorted(chip: ChipFacts) -> str:
    """Say what the sequences are, as far as the model says."""
    about = about_task(chip.model)
    if about is None:
        return "what its inputs measure the model does not say"
    return f"its sequences, as its training said: “{about}”"


def _interval(run: RunView, software: float) -> str:
    """Say how sure the accuracy of the software is, and what one sequence is."""
    n = run.n_sequences
    band = clopper_pearson(round(software * n), n)
    return f"{ends(band)} for other sequences; one sequence is {100 / n:.2f} points"


def _named(chip: ChipFacts) -> str:
    """Name what a network was trained on, and its classes, as far as its model says."""
    task = task_of(chip.model)
    classes = list(chip.model.spec.classes or ())
    few = classes if len(classes) <= _CLASSES else [*classes[: _CLASSES - 2], "…", classes[-1]]
    said = [
        *([f"the task {task}"] if task is not None else []),
        *([", ".join(name[:_NAME] for name in few)] if few else []),
    ]
    return f" ({': '.join(said)})" if said else ""


def _yield(run: RunView, told: Verdict) -> Iterator[str]:
    if told.judged is None or not told.judged.dies:
        yield "No die has run yet at all conditions of the specification, so no yield is known."
        return
    spec, one = run.spec(told.judged.study), told.judged
    by = "" if spec.share is None else f", by at least {100 * spec.share:g} % of dies"
    yield (
        f"Specification: {spec.said()}, {conditions(run, one)}{by}. "
        f"Yield, {one.drawn}: {share_of(one)} pass"
        + (f" (95 % interval {interval_of(one)})." if one.band is not None else ", no interval.")
    )
    if one.lost:
        yield f"Dies that do not pass because the circuit failed a run of theirs: {one.lost}."
    if len(told.corners) > 1:
        yield _corners(told)


def _corners(told: Verdict) -> str:
    """Say what each corner yields, and which yield least: all of those that yield as little."""
    known = [other for other in told.corners if other.dies]
    shares = ", ".join(
        f"{other.settings['corner']} {percent(other.passed / other.dies, 1)}" for other in known
    )
    bottom = min(other.passed / other.dies for other in known)
    lowest = [other for other in known if other.passed / other.dies == bottom]
    least = "all yield alike"
    if len(lowest) < len(known):
        names = " and ".join(str(other.settings["corner"]) for other in lowest)
        intervals = ", ".join(
            dict.fromkeys(interval_of(other) for other in lowest if other.band is not None)
        )
        word = f"corner {names} yields" if len(lowest) == 1 else f"corners {names} yield"
        least = f"{word} least" + (f", {intervals}" if intervals else "")
    return f"Each corner is a population of its own ({shares}); {least}."


def _doubts(run: RunView, short: ShortFrame | None) -> Iterator[str]:
    """Say how many points are doubtful, and by how much."""
    if not run.doubtful:
        return
    found = doubted(run, [point.number for point in run.points])
    why = "for the reason in the box below"
    if short is not None:
        why = f"{short.worst_said()} (“Doubtful points” below has more)"
    yield f"Of the whole sweep: {found}: {why}."


def _settled(run: RunView, short: ShortFrame | None) -> Iterator[str]:
    """Say what would tell whether a doubt holds, and which frames remove it."""
    settled = any(point.settings["timing"] == "settled" for point in run.points)
    if not run.doubtful or run.level != "behavioral" or not settled:
        return
    yield (
        "Timing was settled, which does not see how fast nodes move; the same plan with "
        "“{axis: timing, values: [settled, timed]}” among its axes runs the same dies both ways, "
        "and tells which share of decisions is alike."
    )
    if short is not None:
        frames = " and ".join(
            f"{quantity(late.enough, 's')} for {what} ({late.price})"
            for what, late in short.enough().items()
        )
        yield f"Frames that are long enough: {frames}."


def _costs(run: RunView, told: Verdict) -> Iterator[str]:
    if told.energy is None and not len(run.base.energy):
        yield "Nothing is priced at this level."
        return
    base = run.base
    joules, watts = float(base.energy.mean()), float(base.power.mean())
    yield (
        f"A sequence, which is one decision, takes {quantity(joules, 'J')} on average, "
        f"{quantity(watts, 'W')}, at {condition(run, base)}"
        + (
            f"; the input sources deliver {quantity(told.inputs, 'J')} beside it."
            if told.inputs is not None
            else "."
        )
    )


def _size(chip: ChipFacts | None) -> Iterator[str]:
    if chip is None:
        yield "Area: not known here, for the network is not at hand (see “Area”)."
        return
    yield (
        f"{chip.transistors:,} transistors with {chip.gate_area * 1e12:,.0f} µm² of gates; a "
        f"layout is estimated at {chip.estimate * 1e12:,.0f} µm² (see “Area”)."
    )


def _cards(chip: ChipFacts | None) -> Iterator[str]:
    """Say which models stand behind every figure, and what they leave open."""
    if chip is not None:
        technology = chip.subject.technology
        source = technology.sources.get("cards", "")
        of = f": {printable(source)}" if source else " (see “Fitted constants”)"
        yield (
            f"Models of {technology.name}{of}. A layout's extraction, timing, noise, lots and "
            "silicon may each move every figure."
        )


def _binds(run: RunView, told: Verdict) -> Iterator[str]:
    if told.binding is not None:
        one = told.binding
        yield f"What binds is {one.said()} ({one.population.drawn}): {bound(run, one)}."


def _helps(helps: Remedy | None) -> Iterator[str]:
    if helps is not None:
        yield helps.short
        if helps.more:
            yield "More stands under “What to enlarge”."


# --------------------------------------------------------------------------------------- cards


def cards(run: RunView, told: Verdict, chip: ChipFacts | None) -> Iterator[Card]:
    """Yield the figures at the head of the page, each with how sure it is."""
    base = run.base
    at = f"at {condition(run, base)}"
    doubts = doubted(run, [base.number])
    corners = [one for one in told.corners if one is not told.judged]
    for one in (told.judged, *corners):
        if one is None or not one.dies:
            continue
        share = run.spec(one.study).share
        asked = "" if share is None else f"at least {100 * share:g} % asked for"
        yield Card(
            value=percent(one.passed / one.dies),
            label=f"yield, {one.drawn}",
            confidence=_sure(
                f"{interval_of(one)}; {one.passed} of {many(one.dies, 'die')} "
                f"{conditions(run, one)}",
                asked,
                doubted(run, one.points),
            ),
        )
    if told.accuracy is not None:
        yield Card(
            value=percent(told.accuracy.value),
            label=f"accuracy, mean of {counted(base)}",
            confidence=_sure(f"{ends(told.accuracy)} for other dies and sequences; {at}", doubts),
        )
    elif len(base.accuracy):
        yield Card(
            value=percent(float(base.accuracy.mean())),
            label=f"accuracy, mean of {counted(base)}",
            confidence=_sure(f"{many(run.n_sequences, 'sequence')}; {at}", doubts),
        )
    if told.software is not None:
        steps = [
            f"{percent(share)} {word}"
            for share, word in (
                (told.ideal, "mapped and rounded, at none either"),
                (told.nominal, f"nominal die {OWN_CONDITION}"),
            )
            if share is not None
        ]
        yield Card(
            value=percent(told.software),
            label="accuracy as trained",
            confidence="; ".join((f"{many(run.n_sequences, 'sequence')}; {_SOFTWARE}", *steps)),
        )
    yield from _priced(run, told)
    if chip is not None:
        yield Card(
            value=f"{chip.gate_area * 1e12:,.0f} µm²",
            label="gate area",
            confidence=(
                f"counted on the netlist, {chip.transistors:,} transistors; no layout; the same at "
                "every condition"
            ),
        )


def _sure(*said: str) -> str:
    return "; ".join(filter(None, said))


def _priced(run: RunView, told: Verdict) -> Iterator[Card]:
    base = run.base
    if not len(base.energy):
        return
    for name, values, band, unit in (
        ("energy of a sequence", base.energy, told.energy, "J"),
        ("supply power", base.power, told.power, "W"),
    ):
        spread = f"{quantity(float(values.min()), unit)} to {quantity(float(values.max()), unit)}"
        sure = f"mean {ends(band, unit)}; dies {spread}" if band is not None else f"dies {spread}"
        yield Card(
            value=quantity(float(values.mean()), unit),
            label=f"{name}, mean of {counted(base)}",
            confidence=f"{sure}; at {condition(run, base)}; level {base.level}",
        )
    if told.inputs is not None:
        yield Card(
            value=quantity(told.inputs, "J"),
            label="delivered by the input sources in a sequence",
            confidence=(
                f"beside the energy, no part of it; the same for every die; at "
                f"{condition(run, base)}"
            ),
        )


def lead(run: RunView, technologies: str) -> Told:
    """Return the line under the title."""
    return Told(
        f"{many(run.n_sequences, 'sequence')} on {technologies}, level {run.level}, "
        f"{many(sum(point.n_runs for point in run.points), 'run')}. "
        f"The figures at the head are at: {described(run, run.base)}."
    )


def network_name(run: RunView) -> str:
    """Return what the file of a run's network is called."""
    name = str(next(iter(run.plans.values()))["model"])
    return printable(name.replace("\\", "/").rstrip("/").rpartition("/")[2], _NAME) or "A network"
