"""What the error budget advises: which mirrors to enlarge, and what that gains."""

from __future__ import annotations

from collections.abc import Iterator

from mru_hw.budget.table import ADDED, Budget, make_budget
from mru_hw.errors import UserError
from mru_hw.report import figures
from mru_hw.report.again import Again
from mru_hw.report.chip import ChipFacts, square
from mru_hw.report.names import names_table
from mru_hw.report.parts import Picture, Section, Table
from mru_hw.report.remedy import FOLLOWED, Remedy
from mru_hw.sweeps.told import percent
from mru_hw.sweeps.view import RunView

_ENLARGED = 12
"""Mirrors that are listed."""


def budget_of(found: ChipFacts | str) -> Budget | str:
    """Return the error budget of a chip, or a sentence that says why there is none."""
    if isinstance(found, str):
        return found
    try:
        return make_budget(found.model, found.design, found.calibration)
    except UserError as error:
        return f"The error budget has no answer: {error}"


def enlarge_section(
    found: ChipFacts | str,
    run: RunView,
    budget: Budget | str,
    helps: Remedy | None,
    remedies: Table | None,
    again: Again,
) -> Section:
    """Return what the error budget advises: which mirrors to enlarge, and what that gains.

    Parameters
    ----------
    helps
        What would help against what binds.
    remedies
        All that may help, as a table.
    """
    title, key = "What to enlarge", "enlarge"
    binds = [] if helps is None else [helps.short, *helps.more]
    if isinstance(found, str) or isinstance(budget, str):
        return Section(
            key=key,
            title=title,
            paragraphs=[str(budget), *binds],
            tables=[] if remedies is None else [remedies],
        )
    rows = list(_enlarged(budget, found.gate_area))
    shares = {mirror.name: 100 * mirror.share for mirror in budget.mirrors[:8]}
    return Section(
        key=key,
        title=title,
        paragraphs=[
            f"Mismatch moves a threshold by {percent(budget.sigma_threshold)} of itself (standard "
            "deviation, root mean square over all thresholds), by the error budget at the "
            "technology's own condition. Mirrors are ranked by what one small area, 1 % of the "
            "chip's gates, removes of that variance. Doubling a mirror halves its own share: area "
            "in DESIGN.yaml does it by the name in the first column, and the sweep says what the "
            "yield gains. mru-hw sensitivity measures the same by switching mismatch off, part "
            "by part.",
            *_gain(budget, found.gate_area),
            *(["Against what binds: " + binds[0]] if binds else []),
            *binds[1:],
            "Energy follows the currents: static power is nearly proportional to i_unit, and "
            "smaller currents cost accuracy by leakage, noise and short frames, larger ones give "
            "it back. An axis of the design in the plan, such as {axis: i_unit, values: [300 pA, "
            "1 nA, 3 nA]}, shows both on the same dies; the page of that sweep has them under "
            "“Trade-offs between designs”.",
            "A mirror is every device whose gate is on one rail, wherever its drain goes, so that "
            "one of bias/… may add more than the supply block bias, which is the bias tree alone; "
            "the table “names” says what each name means.",
        ],
        tables=[
            *([] if remedies is None else [remedies]),
            Table(
                name="enlarge",
                caption=(
                    "What to enlarge first. Doubling adds the mirror's own gate area and takes "
                    "half of its share off the variance of thresholds. All gates are those of "
                    f"“Area”, {square(found.gate_area)}, in both columns that name them."
                ),
                head=(
                    *("mirror", "share of variance", "doubling removes", "adds area"),
                    *("of all gates", "1 % of all gates here removes"),
                ),
                rows=rows,
                numbers=range(1, 6),
            ),
            *([names_table(found.design, _keys(budget))] if rows else []),
        ],
        lines=list(_steps(run, budget, again)),
        pictures=[
            Picture(
                name="variance_by_mirror",
                svg=figures.ranked(shares, "share of the variance of thresholds [%]"),
                alternative="Bars: the share of each mirror in the variance of thresholds.",
                caption=(
                    "Mirrors in the order of the table, with their share of the variance of a "
                    "threshold's error; a small mirror that costs little area may stand before a "
                    "larger share."
                ),
                data={"mirror": list(shares), "share [%]": list(shares.values())},
            )
        ]
        if shares
        else [],
    )


def _steps(run: RunView, budget: Budget, again: Again) -> Iterator[tuple[str, str]]:
    """Yield what to write in a plan to follow the first rows, and what runs it."""
    names = [mirror.name for mirror in budget.mirrors[:FOLLOWED]]
    if not names:
        return
    area = "".join(f"    {name}: 2\n" for name in names)
    yield (
        "The first of them at twice the area: in PLAN.yaml, area goes under the key design (the "
        "one that is there, if there is one); in DESIGN.yaml it stands alone",
        f"design:\n  area:\n{area}",
    )
    yield again.enlarged(run)


def _gain(budget: Budget, gates: float) -> Iterator[str]:
    """Say what following the first rows of the table would gain, and at which price."""
    some = budget.mirrors[:FOLLOWED]
    if not some:
        return
    left = 1 - sum(mirror.share for mirror in some) / 2
    area = sum(mirror.area for mirror in some)
    yield (
        f"Following the first {len(some)}: mismatch would move a threshold by "
        f"{percent(budget.sigma_threshold * left**0.5)} in place of "
        f"{percent(budget.sigma_threshold)}, for {square(area)} more gates "
        f"({percent(area / gates)} of the chip's), by the budget; what the yield gains "
        "a sweep says."
    )


def _keys(budget: Budget) -> Iterator[tuple[str, str]]:
    """Yield owner and role that each listed mirror is named by."""
    for mirror in budget.mirrors[:_ENLARGED]:
        yield mirror.keys[0]


def _enlarged(budget: Budget, gates: float) -> Iterator[list[str]]:
    for mirror in budget.mirrors[:_ENLARGED]:
        yield [
            mirror.name,
            percent(mirror.share),
            percent(mirror.share / 2),
            square(mirror.area),
            percent(mirror.area / gates),
            percent(mirror.spared(ADDED * gates)),
        ]
