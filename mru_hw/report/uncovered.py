"""What no figure of a page covers: what lies outside the chip, and what the sweep did not run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mru_hw.errors import UserError
from mru_hw.report.sections import technologies
from mru_hw.sweeps.view import RunView
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration

BOUNDARY = (
    "The chip ends at its head's output currents. The features before it and the mean, vote and "
    "argmax after it are outside: they are neither simulated as circuits nor priced.",
    "Nothing here was measured on silicon, and no silicon data backs these models at picoamperes.",
    "Currents of the behavioral level come from constants fitted to ngspice runs of single cells "
    "(calibration/<technology>.yaml, with its raw runs), mismatch from the Pelgrom constants in "
    "the technology's folder, each with its source. They are as good as those.",
    "The reference current is counted (in the block bias); the circuits that make it, the clock's "
    "waveform and the supply, and the pads, are outside too. Input currents come from ideal "
    "sources: what they deliver is told beside the chip's own energy, as if it came from the "
    "supply, and is no part of it. Output pins are held at a fixed voltage.",
)
_HELD_OUT = (
    "Whether the sequences of the sweep were held out of the training no store and no model says: "
    "an accuracy here is of the file of sequences that the plan names."
)
_DRAWN = (
    ("process_scale", "lot", "shifts from lot to lot and from die to die about the corner"),
    ("gradient_scale", "gradient", "slopes of the threshold across a die"),
)
"""Axis, what it draws, and what that is."""


def boundary(run: RunView) -> list[str]:
    """Return what the figures of a sweep leave out, in sentences."""
    if run.level == "ideal":
        return [*BOUNDARY, _HELD_OUT]
    return [*BOUNDARY, _HELD_OUT, *_timing(run), *_noise(run), *_undrawn(run), *_conditions(run)]


def _timing(run: RunView) -> Iterator[str]:
    if run.level == "behavioral" and any(p.settings["timing"] == "settled" for p in run.points):
        yield (
            "Timing is settled: each frame is solved as if every node had come to rest, and "
            "nothing "
            "here was checked against how fast nodes move. timing: timed in PLAN.yaml runs the "
            "same dies so."
        )


def _noise(run: RunView) -> Iterator[str]:
    if run.level == "behavioral" and not any(p.settings["noise_scale"] for p in run.points):
        yield (
            "Device noise is off at every point; {axis: noise_scale, values: [0, 1]} among the "
            "axes of PLAN.yaml turns it on."
        )


def lots(run: RunView) -> list[str]:
    """Say whether dies were drawn with what a process moves from lot to lot and across a die."""
    return [*_undrawn(run), *_drawn(run)]


def _undrawn(run: RunView) -> Iterator[str]:
    for axis, what, meant in _DRAWN:
        if not any(point.settings[axis] for point in run.points):
            yield (
                f"No {what} was drawn: {meant} are outside every yield here. {{axis: {axis}, "
                "values: [1]} among the axes of PLAN.yaml adds them."
            )


def _drawn(run: RunView) -> Iterator[str]:
    for axis, what, meant in _DRAWN:
        n, drawn = len(run.points), sum(bool(point.settings[axis]) for point in run.points)
        if drawn == n:
            yield f"A {what} was drawn with every die: {meant} are inside the yields."
        elif drawn:
            yield (
                f"A {what} was drawn at {drawn} of {n} points: {meant} are inside the yields of "
                "those populations alone that name them."
            )


def _conditions(run: RunView) -> Iterator[str]:
    """Say which conditions the constants hold at and the sweep did not run."""
    for name in technologies(run).split(", "):
        try:
            grid = load_calibration(load_technology(name)).grid
        except UserError:
            continue
        left = [
            *_corners(run, list(grid.corners)),
            *_beyond(run, "temperature", grid.temperatures, "°C"),
            *_beyond(run, "v_dd", grid.supplies, "V"),
        ]
        if left:
            yield (
                f"Not run, though the constants of {name} hold there: {'; '.join(left)}. No yield "
                "and no worst case says anything of them."
            )


def _corners(run: RunView, known: Sequence[str]) -> Iterator[str]:
    ran = {str(point.settings["corner"]) for point in run.points}
    left = [corner for corner in known if corner not in ran]
    if left:
        yield f"corner{'s' if len(left) > 1 else ''} {', '.join(left)}"


def _beyond(run: RunView, axis: str, grid: Sequence[float], unit: str) -> Iterator[str]:
    """Yield what lies below and above all values that an axis had."""
    ran = [float(point.settings[axis]) for point in run.points]
    what = "supplies" if axis == "v_dd" else "temperatures"
    if min(grid) < min(ran):
        yield f"{what} below {min(ran):g} {unit}, down to {min(grid):g} {unit}"
    if max(grid) > max(ran):
        yield f"{what} above {max(ran):g} {unit}, up to {max(grid):g} {unit}"
