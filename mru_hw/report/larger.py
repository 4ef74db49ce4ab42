"""What larger mirrors gain where dies fail: some dies of the sweep, run again with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mru_hw.errors import LawError, UserError
from mru_hw.report.chip import ChipFacts
from mru_hw.report.nominal import plain, work
from mru_hw.statistics.shares import CONFIDENCE, Band, paired_shares
from mru_hw.sweeps.explain import plans_of
from mru_hw.sweeps.held import Held
from mru_hw.sweeps.points import Job, points
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.work import drawn_dies, made_chip, run_dies

DIES, _WORK = 64, 1_000_000_000
"""Dies that are run again, and the `work` of all of them, at most."""
_FEWEST = 8
"""Dies below which nothing is run: so few tell nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Larger:
    """The same dies at one point, with mirrors as they are and at twice their area.

    Attributes
    ----------
    dies
        How many were run: the first ones of the point.
    kept, kept_larger
        Of them those that keep the limit.
    gain, p
        Change of the share that keeps it, with its interval; and the probability of a split as
        uneven of the dies that one alone of both keeps (McNemar's test).
    accuracy, accuracy_larger
        Their mean accuracies.
    """

    dies: int
    kept: int
    kept_larger: int
    gain: Band
    p: float
    accuracy: float
    accuracy_larger: float

    @property
    def tells(self) -> bool:
        """Whether so many dies break the limit as they are that mending all is a sure gain."""
        return 2 * 0.5 ** (self.dies - self.kept) < 1 - CONFIDENCE


def run_larger(
    run: RunView, found: ChipFacts, held: Held, point: PointView, mirrors: Sequence[str]
) -> Larger | None:
    """Run dies of a point with some mirrors at twice their area.

    Returns
    -------
    None where a run is no function of design and condition alone, where the plan enlarges mirrors
    already, where it would take long, and where the larger design cannot be made.
    """
    n = min(DIES, len(point.accuracy), _WORK // work(run, found))
    asked = points(plans_of(run), found.subject.technology)[point.number]
    if n < _FEWEST or not plain(run, point) or asked.settings["area"]:
        return None
    area = tuple((name, 2) for name in mirrors)
    larger = dataclasses.replace(asked, settings={**asked.settings, "area": area})
    seeds = tuple(int(seed) for seed in point.seeds[:n])
    try:
        chip = made_chip(found.subject, Job(point=larger, trial=0, first=0, seeds=seeds))
        if chip is None or chip.trim is not None:
            return None
        made = chip.design, drawn_dies(chip, seeds)
        decisions = run_dies(found.subject, chip, made, keep_all=False).trace.decision
    except (UserError, LawError):
        return None
    before = point.accuracy[:n]
    after = np.mean(decisions == np.asarray(found.subject.inputs.y), axis=1)
    own, software = run.spec(point.study).limits[held.figure], run.software(point)
    keep, keep_larger = (
        own.holds(software - one if held.figure == "loss" else one) for one in (before, after)
    )
    gain, p = paired_shares(keep, keep_larger)
    return Larger(
        dies=n,
        kept=int(keep.sum()),
        kept_larger=int(keep_larger.sum()),
        gain=gain,
        p=p,
        accuracy=float(before.mean()),
        accuracy_larger=float(after.mean()),
    )
