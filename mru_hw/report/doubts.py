"""The box that says why points are doubtful: at the condition where each reason is worst."""

from __future__ import annotations

from collections.abc import Iterator

from mru_hw.errors import UserError
from mru_hw.report.chip import ChipFacts
from mru_hw.report.frames import ShortFrame
from mru_hw.report.nominal import place_of, plain
from mru_hw.simulate.lost_signal import leaking_node, lost_signal
from mru_hw.sweeps.view import RunView

_SETTLED = (
    "To settle is to come down to 1 % of the usual current after losing it; settled states do not "
    "know of it, timing: timed does."
)


def doubts_box(run: RunView, found: ChipFacts | str, short: ShortFrame | None) -> Iterator[str]:
    """Yield what makes points doubtful, where anything does.

    Where the network is not at hand, figures are those that the store has, of the first point.

    Parameters
    ----------
    short
        By how much frames are too short at worst, where they are and it is known.
    """
    if not run.doubtful:
        return
    reasons = [*_lost(run, found), *_late(short)]
    if not reasons:
        yield f"{run.doubtful} Figures in it are of the first such point, in the order of the plan."
        return
    known = run.doubtful_points
    count = "" if known is None else f": {len(known)} of {len(run.points)}"
    yield f"Doubtful points{count}. {' '.join(reasons)} Each reason stands where it is worst."


def _late(short: ShortFrame | None) -> Iterator[str]:
    if short is not None:
        said = short.said()
        yield f"{said[0].upper()}{said[1:]}. {short.phases_said()} {_SETTLED}"


def _lost(run: RunView, found: ChipFacts | str) -> Iterator[str]:
    """Yield that signals are lost in leakage, at the condition where a node leaks most."""
    if isinstance(found, str):
        return
    shares: dict[float, str] = {}
    for point in run.points:
        place = place_of(run, found, point) if plain(run, point) else None
        if place is None:
            continue
        try:
            own = place.own
        except UserError:
            continue
        node, said = leaking_node(place.design, own), lost_signal(place.design, own)
        if node is not None and said:
            shares.setdefault(node.share, said)
    if shares:
        yield shares[max(shares)]
