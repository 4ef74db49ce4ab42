"""What a sweep would take, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from mru_hw.sweeps.check import SHARE, PlanCheck
from mru_hw.sweeps.room import size
from mru_hw.sweeps.words import many, percent
from mru_hw.units import render


def check_lines(found: PlanCheck) -> list[str]:
    """Return the lines that the command line prints of a plan that was checked."""
    each = f"{found.points} points" if found.points > 1 else "1 point"
    if found.seconds is None or found.seconds_a_run is None:
        time = "Time: not measured, for a run is one of ngspice."
    else:
        time = (
            f"Time: {_duration(found.seconds)} on {found.workers} "
            f"{_plural(found.workers, 'worker')}, "
            f"{render(found.seconds_a_run, 's', 3)} a run."
        )
    free = "" if found.disk_free is None else f", {size(found.disk_free)} are free"
    return [
        f"Runs: {found.runs} ({each}, {many(found.dies, 'die')} each), "
        f"{many(found.sequences, 'sequence')} each.",
        time,
        f"Memory: {size(found.memory)} in all. Disk: {size(found.disk)}{free}.",
        f"A yield of {percent(SHARE)} at 95 % confidence (one-sided) takes "
        f"{many(found.dies_without_failure, 'die')} "
        f"without a failure; within {100 * found.half:g} "
        f"{_plural(100 * found.half, 'point')} near it takes "
        f"{found.dies_for_width}. {many(found.dies, 'die')} without a failure show "
        f"{percent(found.shown_without_failure)}, one-sided; the interval of 95 % that a sweep "
        f"tells is two-sided and begins at {percent(found.low_without_failure)} then.",
        *_asked(found),
    ]


def _asked(found: PlanCheck) -> Iterator[str]:
    """Say whether the plans' dies can show the yields that their specifications ask for."""
    for one in found.asked:
        which = f" of {one.study}" if len(found.asked) > 1 else ""
        asks = f"The specification{which} asks for a yield of {percent(one.share)}"
        if one.runs is None:
            yield f"{asks}, which no interval will show, for runs share dies."
            continue
        few = "" if one.runs >= one.runs_wanted else f", so that {many(one.runs, 'run')} cannot"
        yield f"{asks}: that interval shows it from {one.runs_wanted} without a failure{few}."


def _duration(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"


def _plural(count: float, word: str) -> str:
    return word if count == 1 else f"{word}s"
