"""Why the worst die fails: its units that step otherwise than the network asks, and the causes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mru_hw.errors import UserError
from mru_hw.report.again import explained, why_not
from mru_hw.report.chip import ChipFacts
from mru_hw.report.montecarlo import WorstDie, worst_dies
from mru_hw.report.parts import Table
from mru_hw.simulate.causes import Cause
from mru_hw.sweeps.choice import choose
from mru_hw.sweeps.explain import plans_of, run_again, subject_of
from mru_hw.sweeps.explanation import Explanation
from mru_hw.sweeps.failed import FailedUnit
from mru_hw.sweeps.told import Told
from mru_hw.sweeps.verdict import Verdict
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import condition, many

_UNITS = 8
"""Units that are listed."""


def failing_units(
    run: RunView, told: Verdict, chip: ChipFacts | None, model: Path | None, inputs: Path | None
) -> Table | str | None:
    """Return the units of the worst die that make most wrong steps.

    The die is run again, on what `chip` was made of; it is the worst of the corner that yields
    least. Without a chip it is looked for, to say why it is not at hand.

    Returns
    -------
    A sentence where it cannot be run again; None where no die fails.
    """
    if told.lowest is None:
        return None
    worst = next((die for die in worst_dies(run, told.lowest, 1) if die.failed), None)
    if worst is None or not explained(worst.point):
        return None
    try:
        chosen = choose(run, worst.seed, worst.point.number, worst.trial)
        plans = plans_of(run)
        subject = (
            subject_of(run.path, plans, run.facts, model, inputs) if chip is None else chip.subject
        )
        found = Explanation(run_again(run.path, chosen, plans, subject))
    except UserError as error:
        return f"The worst die was not run again here. {why_not(error)}"
    return _table(run, worst, found) if found.units else None


def _meant(units: Iterable[FailedUnit]) -> str:
    """Define the words for causes that some units have."""
    words = dict.fromkeys(cause for one in units for cause in one.causes)
    return "; ".join(f"“{word}” is that {Cause(word).meant}" for word in words)


def _table(run: RunView, worst: WorstDie, found: Explanation) -> Table:
    lowest = min(one.layer for one in found.units)
    own = [one for one in found.units if one.layer == lowest]  # no other unit's steps are a cause
    others = [one for one in found.units if one not in own[: _UNITS // 2]]
    shown = [*own[: _UNITS // 2], *others][:_UNITS]
    rows = [
        [
            f"layer {one.layer}, unit {one.unit}",
            Told(f"{one.steps:,}", one.steps),
            Told(str(one.sequences), one.sequences),
            "; ".join(f"{count} × {cause}" for cause, count in one.causes.items()),
        ]
        for one in shown
    ]
    total = len(found.steps)
    left = len(found.units) - len(rows)
    more = (
        f" {many(left, 'further unit')} {'makes' if left == 1 else 'make'} wrong steps."
        if left
        else ""
    )
    return Table(
        name="failing_units",
        caption=(
            f"Die {worst.seed} at {condition(run, worst.point)}, run again: {total:,} of "
            f"{found.n_steps:,} steps go otherwise than the network as mapped asks. First stand "
            f"units of layer {lowest}, the lowest with wrong steps ({len(own)} of its units make "
            f"some), then those of all others that make most.{more} {_meant(shown)}."
        ),
        head=("unit", "wrong steps", "in sequences", "why"),
        rows=rows,
        numbers=(1, 2),
    )
