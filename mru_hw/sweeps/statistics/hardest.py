"""At which of its conditions a population of dies has the least room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mru_hw.sweeps.point_view import Array
from mru_hw.sweeps.spec import Spec
from mru_hw.sweeps.view import PointView, RunView


def hardest(run: RunView, spec: Spec, group: Sequence[PointView]) -> PointView:
    """Return the point that the fewest dies pass; of several, the one with the least room.

    Shares of dies that pass tie where all pass. Then the run that comes nearest to a limit decides,
    and after it the mean of the runs: distances are counted in standard deviations of all runs of
    the group, so that limits of several figures have one scale. Points without runs come last.
    """
    values = [point.figures(run.software(point)) for point in group]
    shares = [point.passed(spec, run.software(point))[1] for point in group]
    ranked = [
        (float(share.mean()) if len(share) else 1.0, *room)
        for share, room in zip(shares, rooms(spec, values), strict=True)
    ]
    return group[min(range(len(group)), key=lambda k: ranked[k])]


def rooms(spec: Spec, values: Sequence[Mapping[str, Array]]) -> list[tuple[float, float]]:
    """Return the room of each point: of its worst run, and of the mean of its runs.

    Parameters
    ----------
    values
        (point,) figures by name, one number a run.

    Returns
    -------
    (point,) two distances from the nearest limit, in standard deviations over all runs of all
    points, below 0 outside; infinite where no run has a figure that is limited.
    """
    found = [(np.inf, np.inf)] * len(values)
    for name, limit in spec.limits.items():
        every = np.concatenate([one[name] for one in values])
        scale = float(every.std()) if len(every) and not np.isnan(every).any() else 0.0
        if not scale:
            continue  # all alike, or a level that prices nothing: it tells no point from another
        for sign, bound in ((1.0, limit.at_least), (-1.0, limit.at_most)):
            if bound is None:
                continue
            for k, one in enumerate(values):
                inside = sign * (one[name] - bound) / scale
                if len(inside):
                    worst, mean = found[k]
                    found[k] = min(worst, float(inside.min())), min(mean, float(inside.mean()))
    return found
