"""The section on yields: which dies pass, what the dies differ by, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator

from mru_hw.report import bands
from mru_hw.report.limits import all_ran, limits_said
from mru_hw.report.montecarlo import matrices, refused
from mru_hw.report.parts import Section, Table
from mru_hw.report.uncovered import lots
from mru_hw.sweeps.statistics.answers import Statistics
from mru_hw.sweeps.verdict import Verdict
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import doubted


def yield_section(run: RunView, told: Statistics, judged: Verdict) -> Section:
    """Return the section on the yields of a sweep."""
    return Section(
        key="yield",
        title="Yield",
        paragraphs=[
            "A die passes if it keeps, at every temperature and supply asked for: "
            f"{limits_said(run)}. The first interval is Clopper's and Pearson's, given these "
            "sequences. Behind the sequences: the share of dies whose accuracy on other sequences "
            "would keep the limit, at the hardest condition alone, from a beta-binomial fit; it is "
            "not told where dies differ no more than the sequences make them: more sequences tell "
            "it.",
            "A yield and a mean accuracy may say different things: the yield counts dies on either "
            "side of a limit, so that many may fail though their mean lies well inside, or few "
            "though it lies near; and the interval of a yield is for these sequences, that of a "
            "mean accuracy for other sequences too.",
            *([] if run.level == "ideal" else lots(run)),
            *_doubts(run, told),
            all_ran(run),
        ],
        tables=[
            Table(
                name="yield",
                caption="One row a population of dies; populations are never pooled.",
                head=bands.YIELD_HEAD,
                rows=bands.yield_rows(run, told),
                numbers=(2, 4, 5, 6, 8, 9),
            ),
            *matrices(run, judged),
            *filter(None, [refused(run)]),
        ],
    )


def _doubts(run: RunView, told: Statistics) -> Iterator[str]:
    """Say that yields rest on doubtful points, where they do."""
    asked = {number for one in told.yields for number in one.points}
    found = doubted(run, asked)
    if found:
        yield (
            f"Doubts beside these yields: {found}, for the reason in the box under the verdict. "
            "The table counts those of each population; cells of the matrices that are of such a "
            "point say so."
        )
