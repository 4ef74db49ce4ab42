"""Which run of a sweep is explained: the one that is asked for, or else the worst one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus, UserError
from mru_hw.sweeps.stored_runs import STATUSES, StoredRuns
from mru_hw.sweeps.verdict import what_binds
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A run of a sweep.

    Attributes
    ----------
    point, trial
        Its point, and which of the networks drawn at it.
    number, seed
        Of its die.
    right
        (n_seq,) whether each decision that the sweep stored is right.
    why
        At which condition it is, and why it was chosen, in a sentence.
    """

    point: PointView
    trial: int
    number: int
    seed: int
    right: NDArray[np.bool_]
    why: str


def choose(
    view: RunView, die: int | None = None, point: int | None = None, trial: int | None = None
) -> Chosen:
    """Return the run that is asked for; parameters are those of `mru_hw.sweeps.explain.rerun`.

    Raises
    ------
    UserError
        No such run is in the sweep, it failed, or it cannot be explained.
    """
    if view.level != "behavioral":
        raise UserError("run", str(view.path), f"a sweep at the level behavioral, not {view.level}")
    number, why, which = point, "as asked", "the die is as asked"
    if number is None:
        number, why = view.base.number, "the one that speaks for the sweep"
        asked = view.plans[view.base.study].get("spec") is not None
        worst = what_binds(view) if asked else None
        if worst is not None:
            number, why = worst.point, f"that of the worst run of what binds, {worst.said()}"
            if die is None and trial in {None, worst.trial}:
                die, trial = worst.seed, worst.trial
                which = f"the die is that of this run, which has {worst.write(worst.worst)}"
    at = {one.number: one for one in view.points}.get(number)
    trial = trial or 0
    if at is None:
        raise UserError("point", number, f"0 to {len(view.points) - 1}")
    if not 0 <= trial < at.trials:
        raise UserError("trial", trial, f"0 to {at.trials - 1}")
    runs = view.runs.of_point(number)
    runs = runs.taken(runs.trial == trial)
    if die is None:
        run, which = _least(runs, number), "the die is the one of the least accuracy there"
    else:
        run = _of_die(runs, die, number)
    for name, only in (("level", "behavioral"), ("timing", "settled")):
        if at.settings[name] != only:
            raise UserError(
                "point", number, f"a point with the {name} {only}, not {at.settings[name]}"
            )
    bits = np.unpackbits(runs.right[run], count=view.n_sequences).view(np.bool_)
    return Chosen(
        point=at,
        trial=trial,
        number=int(runs.die[run]),
        seed=int(runs.seed[run]),
        right=bits,
        why=f"At {condition(view, at)}. The point is {why}; {which}.",
    )


def _least(runs: StoredRuns, point: int) -> int:
    """Return the row of the die of the least accuracy, the first of several."""
    if not runs.done.any():
        raise UserError("point", point, "a point with a run that is done")
    return int(np.lexsort((runs.die, np.where(runs.done, runs.accuracy, np.inf)))[0])


def _of_die(runs: StoredRuns, die: int, point: int) -> int:
    """Return the row of a die, by its seed."""
    asked = np.flatnonzero(runs.seed == die)
    if not len(asked):
        seeds = runs.seed
        there = f"{seeds.min()} to {seeds.max()}" if len(seeds) else "none that is stored"
        raise UserError("die", die, f"a seed of point {point}: {there}")
    run = int(asked[0])
    status = STATUSES[runs.status[run]]
    if status is not RunStatus.DONE:
        why = status.value.rstrip(".")
        raise UserError("die", die, f"one whose run is done, and of this one: {why}")
    return run
