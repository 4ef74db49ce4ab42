"""What errors of fitted constants do to a chip: its nominal die with each constant off by its own.

The design stays as it was mapped: a constant that is off is off in the circuits alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import LawError, UserError
from mru_hw.report.chip import ChipFacts
from mru_hw.report.nominal import Place, place_of, work
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.energy import energy
from mru_hw.sweeps.held import Held
from mru_hw.sweeps.told import Told
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.grid import CURVES
from mru_hw.variation.die import nominal_die

_WORK = 1_000_000_000
"""The `work` of all runs, at most."""
SPREADS = tuple(name for name in CURVES if name != "rest")
"""Constants that say how dies differ: a nominal die has none of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The nominal die with one constant off by its largest error, either way.

    Attributes
    ----------
    otherwise
        Sequences that it decides otherwise than with the constant as it is: the more of both ways.
    low, high
        Change of its mean energy, as a share.
    """

    otherwise: int
    low: float
    high: float

    def with_other(self, other: Moved) -> Moved:
        """Return the worse of both."""
        return Moved(
            otherwise=max(self.otherwise, other.otherwise),
            low=min(self.low, other.low),
            high=max(self.high, other.high),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AllMoved:
    """Every constant that has an error, one at a time, at one condition.

    Attributes
    ----------
    by_name
        By the name of the constant; those of `SPREADS` and those without an error are missing.
    sequences
        How many each run has.
    dies, of_dies
        Dies with mismatch at the same point, and how many sequences are right on one and wrong on
        the nominal die, or the other way, on average of them.
    said
        The condition, in words.
    """

    by_name: Mapping[str, Moved]
    sequences: int
    dies: int
    of_dies: float
    said: str


def all_moved(
    run: RunView, found: ChipFacts | str, binding: Held | None, errors: Mapping[str, Told]
) -> AllMoved | None:
    """Run the nominal die with each constant off by its error, where what binds is worst.

    Parameters
    ----------
    errors
        The largest error of each constant: relative, or in the constant's unit.

    Returns
    -------
    None where the network is not at hand, or that condition is none of a nominal die, and where it
    would take long.
    """
    if isinstance(found, str):
        return None
    number = run.base.number if binding is None else binding.point
    point = next(one for one in run.points if one.number == number)
    known = {name: error for name, error in errors.items() if error.numbers}
    place = place_of(run, found, point)
    if place is None or 2 * len(known) * work(run, found) > _WORK:
        return None
    try:
        decision, joules = _ran(found, place, place.own)
        moved = {
            name: _either_way(found, place, (name, error), (decision, joules))
            for name, error in known.items()
            if name not in SPREADS and error.numbers[0]
        }
    except (UserError, LawError):
        return None
    return AllMoved(
        by_name=moved,
        sequences=len(decision),
        dies=len(point.accuracy),
        of_dies=_of_dies(run, point, decision == found.subject.inputs.y),
        said=place.said,
    )


def _either_way(
    found: ChipFacts,
    place: Place,
    constant: tuple[str, Told],
    as_is: tuple[NDArray[np.int64], float],
) -> Moved:
    name, error = constant
    decision, joules = as_is
    worst = Moved(otherwise=0, low=0.0, high=0.0)
    for sign in (1.0, -1.0):
        own = moved_by(place.own, name, sign * error.numbers[0], relative=_is_share(error))
        there, energies = _ran(found, place, own)
        change = energies / joules - 1
        worst = worst.with_other(
            Moved(otherwise=int(np.sum(there != decision)), low=change, high=change)
        )
    return worst


def moved_by(own: Calibration, name: str, error: float, *, relative: bool) -> Calibration:
    """Return constants of which one is off by `error`, a share of it or in its unit."""

    def off(value: float) -> float:
        return value * (1 + error) if relative else value + error

    polarity, _, field = name.rpartition(".")
    if polarity:
        side = getattr(own, polarity)
        changed = side.model_copy(update={field: off(getattr(side, field))})
        return own.model_copy(update={polarity: changed})
    value = getattr(own, name)
    new = tuple(map(off, value)) if isinstance(value, tuple) else off(value)
    return own.model_copy(update={name: new})


def _is_share(error: Told) -> bool:
    return str(error).endswith("%")


def _ran(found: ChipFacts, place: Place, own: Calibration) -> tuple[NDArray[np.int64], float]:
    """Return decisions, (n_seq,), and the mean energy [J] of the nominal die."""
    at = place.conditions
    ran = simulate_behavioral(
        place.design,
        own,
        found.subject.inputs,
        [nominal_die(place.design)],
        temperature=at.temperature,
        v_dd=at.v_dd,
        keep_all=False,
    )
    return ran.trace.decision[0], float(energy(ran.supply).total[0].mean())


def _of_dies(run: RunView, point: PointView, right: NDArray[np.bool_]) -> float:
    counts = list(_unlike(run, point, right))
    return float(np.mean(np.concatenate(counts))) if counts else 0.0


def _unlike(
    run: RunView, point: PointView, right: NDArray[np.bool_]
) -> Iterator[NDArray[np.int64]]:
    for block in run.right(point):
        yield (block != right).sum(axis=1)
