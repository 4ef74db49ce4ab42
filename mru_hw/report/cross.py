"""How the constants of a condition are made of the conditions that were fitted."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator

from mru_hw.report.chip import ChipFacts
from mru_hw.report.sections import technology_of
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import condition, many
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.grid import EXPONENTIAL

_LISTED = 4


def off_cross(constants: Calibration, temperature: float, v_dd: float) -> bool:
    """Whether both temperature [degC] and supply [V] differ from those of the cross's middle."""
    return temperature != constants.temperature and not math.isclose(v_dd, constants.grid.v_dd)


def cross_said(run: RunView, constants: Calibration) -> str:
    """Say what was fitted together, how other conditions are made, and what was run of these."""
    middle = f"{constants.temperature:g} °C"
    _, off = _places(run, constants)
    made = (
        "So the fits are a cross: temperatures at the nominal supply, supplies at the nominal "
        f"temperature. {covered_said(run, constants)} Off the arms of the cross a constant is the "
        "one at the temperature and the nominal "
        f"supply, plus what the supply changes at {middle} (of {', '.join(EXPONENTIAL)} the "
        "logarithm): that the supply does the same at every temperature is an assumption. Leakage "
        "follows the temperature alone."
    )
    return f"{made} {_checked(constants, off)}" if off else made


def covered_said(run: RunView, constants: Calibration) -> str:
    """Say that points are inside the fits axis by axis, and at how many the combination is not."""
    points, off = _places(run, constants)
    which = list(dict.fromkeys(f"{t:g} °C with {v:.4g} V" for t, v in off))
    more = f" and {len(which) - _LISTED} more" if len(which) > _LISTED else ""
    together = (
        f"at {len(off)} of {many(len(points), 'point')} temperature and supply are two that no "
        f"fit had together ({', '.join(which[:_LISTED])}{more})"
        if off
        else "no point has a temperature and a supply that no fit had together"
    )
    return (
        f"Corner, temperature and supply of every point in {constants.technology} lie each inside "
        f"what was fitted, for others are refused; {together}."
    )


def covered_box(run: RunView, known: Iterable[Calibration]) -> Iterator[str]:
    """Yield what the head of a page says of points and fits, where a point is off a cross."""
    for constants in known:
        if _places(run, constants)[1]:
            yield (
                f"{covered_said(run, constants)} Constants there are put together of two fits "
                "(“Fitted constants”)."
            )


def _places(
    run: RunView, constants: Calibration
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return temperature and supply of all points of a technology, and of those off the cross."""
    points = [
        (float(point.settings["temperature"]), float(point.settings["v_dd"]))
        for point in run.points
        if point.level == "behavioral" and technology_of(run, point) == constants.technology
    ]
    return points, [at for at in points if off_cross(constants, *at)]


def off_cross_said(run: RunView, numbers: Collection[int], chip: ChipFacts | None) -> Iterator[str]:
    """Say which of some points are off the cross of the fits, where the network is at hand.

    Parameters
    ----------
    numbers
        Of points at which the specification is not kept.
    """
    if chip is None or run.level != "behavioral":
        return
    own = chip.subject.technology, chip.subject.calibration
    known = {own[0].name: own, **chip.subject.processes}
    off = [
        condition(run, point)
        for point in run.points
        if point.number in numbers
        and off_cross(
            known[technology_of(run, point)][1],
            float(point.settings["temperature"]),
            float(point.settings["v_dd"]),
        )
    ]
    if off:
        which = "; ".join(dict.fromkeys(off[:_LISTED])) + ("; …" if len(off) > _LISTED else "")
        yield (
            f"Of these, {which} {'has' if len(off) == 1 else 'have'} a temperature and a supply "
            "that were fitted each, and not together: constants there are put together of two fits "
            "(“Fitted constants”)."
        )


def _checked(constants: Calibration, off: list[tuple[float, float]]) -> str:
    """Say what was run in ngspice off the arms, and how many points lie further out."""
    ran = [
        (check.temperature, check.v_dd)
        for check in constants.grid.checks
        if off_cross(constants, check.temperature, check.v_dd)
    ]
    if not ran:
        return "No run in ngspice off the arms is recorded."
    hot, fed = ([at[k] for at in ran] for k in (0, 1))
    beyond = sum(not (min(hot) <= t <= max(hot) and min(fed) <= v <= max(fed)) for t, v in off)
    return (
        f"ngspice ran off them at {many(len(ran), 'condition')}, from {min(hot):g} to "
        f"{max(hot):g} °C and {min(fed):g} to {max(fed):g} V, and {beyond} of those points "
        f"{'lies' if beyond == 1 else 'lie'} further out than that, where the sum was not checked."
    )
