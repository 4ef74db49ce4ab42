"""Yield as views of a Monte Carlo have it: corner by temperature by supply, and the worst dies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.report.again import Again, explained
from mru_hw.report.parts import Table
from mru_hw.sweeps.held import TIES, written
from mru_hw.sweeps.spec import Spec
from mru_hw.sweeps.statistics.answers import Yield
from mru_hw.sweeps.told import Told, percent, points_of, quantity
from mru_hw.sweeps.verdict import Verdict
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import condition, doubted, many

WORST = 10
"""Dies that are listed of each corner."""
_MARKS = {"all": "●", "most": "◕", "some": "◔", "none": "○", "not run": "–"}
_MOST = 0.9
"""Share of passing dies from which a condition is marked as one that most pass."""


_BITS = 32
"""Of a die's number, in one number with its trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstDie:
    """A die of a population, over all the conditions at which it has to pass.

    Attributes
    ----------
    trial, seed
        Which perturbed network, and the die's seed.
    failed
        Conditions at which it breaks the specification.
    lost
        Of them those at which its run failed by the circuit.
    point
        At which its accuracy is least.
    accuracy, loss, energy
        There; the energy [J] is None where the level prices nothing.
    """

    trial: int
    seed: int
    failed: int
    lost: int
    point: PointView
    accuracy: float
    loss: float
    energy: float | None


def matrices(run: RunView, told: Verdict) -> Iterator[Table]:
    """Yield a matrix of passing dies for each corner: temperature downward, supply across."""
    if run.level == "ideal":
        return
    for one in told.corners:
        points = points_of_yield(run, one)
        temperatures = sorted({float(point.settings["temperature"]) for point in points})
        supplies = sorted({float(point.settings["v_dd"]) for point in points})
        rows, shades = [], {}
        for r, temperature in enumerate(temperatures):
            row = [f"{temperature:g} °C"]
            for c, supply in enumerate(supplies):
                text, mark = _cell(run, points, temperature, supply)
                row.append(text)
                shades[r, c + 1] = mark
            rows.append(row)
        yield Table(
            name=f"conditions_{one.settings['corner']}",
            caption=(
                f"Dies that keep the specification at each condition alone, {one.drawn}: "
                "temperature downward, supply across. ● all pass, ◕ 90 % and more, ◔ fewer, "
                "○ none, – not run. The yield asks for all of them at once."
            ),
            head=["temperature", *(f"{supply:g} V" for supply in supplies)],
            rows=rows,
            numbers=range(1, len(supplies) + 1),
            shades=shades,
        )


def _cell(
    run: RunView, points: Sequence[PointView], temperature: float, supply: float
) -> tuple[Told, str]:
    point = next(
        (
            one
            for one in points
            if (one.settings["temperature"], one.settings["v_dd"]) == (temperature, supply)
        ),
        None,
    )
    if point is None or not point.n_runs:
        return Told(f"{_MARKS['not run']} not run"), "not run"
    _, kept = point.passed(run.spec(point.study), run.software(point))
    passed, dies = int(kept.sum()), len(kept)
    cut = point.n_runs - dies
    more = f", {cut} cut off" if cut else ""
    if not dies:
        return Told(f"{_MARKS['not run']} no result{more}"), "not run"
    more += ", doubtful" if doubted(run, [point.number]) else ""
    share = passed / dies
    mark = "all" if passed == dies else "none" if not passed else "some"
    mark = "most" if mark == "some" and share >= _MOST else mark
    return Told(f"{_MARKS[mark]} {passed} of {dies} ({percent(share, 1)}){more}", share), mark


def points_of_yield(run: RunView, one: Yield) -> list[PointView]:
    """Return the points at which the dies of a population have to pass."""
    numbers = set(one.points)
    return [point for point in run.points if point.number in numbers]


def spread_table(run: RunView, told: Verdict) -> Table | None:
    """Return mean, sigma and distance to the limit of each limited figure at each condition."""
    rows: list[list[str]] = []
    for one in told.limits:
        for point in points_of_yield(run, one.population):
            values = point.figures(run.software(point))[one.figure]
            if len(values) < 2:
                continue
            mean, sigma = float(values.mean()), float(values.std(ddof=1))
            room = one.limit - mean if one.side == "at_most" else mean - one.limit
            far = Told("all alike") if sigma == 0 else Told(f"{room / sigma:.2f}", room / sigma)
            kind = "loss" if one.figure == "accuracy" else one.figure
            rows.append(
                [
                    f"{one.said()}, {condition(run, point)}",
                    Told(str(len(values)), len(values)),
                    written(one.figure, mean),
                    Told(written(kind, sigma).lstrip("+"), sigma, unit=written(kind, sigma).unit),
                    far,
                    Told(str(one.broken_at[point.number]), one.broken_at[point.number]),
                ]
            )
    if not rows:
        return None
    return Table(
        name="sigma_to_limit",
        caption=(
            "Each limited figure over the dies of each condition. Sigma to the limit counts "
            "standard deviations from the mean to the limit, below 0 beyond it; it is no yield "
            "where the dies are not normal, and accuracies, which are counts, often are not."
        ),
        head=("limit and condition", "runs", "mean", "sigma", "sigma to the limit", "break it"),
        rows=rows,
        numbers=range(1, 6),
    )


def refused(run: RunView) -> Table | None:
    """Return the runs that came to no result, by point and reason; None without any."""
    rows = [
        [condition(run, point), point.study, status.value, Told(str(count), count)]
        for point in run.points
        for status, count in point.failed.items()
    ]
    if not rows:
        return None
    return Table(
        name="failed_runs",
        caption=(
            "Runs without a result. What the circuit failed counts as a die that does not pass; "
            "what the machine cut off counts in nothing."
        ),
        head=("condition", "study", "reason", "runs"),
        rows=rows,
        numbers=(3,),
    )


# ---------------------------------------------------------------------------------- worst dies


def worst_dies(run: RunView, one: Yield, count: int = WORST) -> list[WorstDie]:
    """Return the dies of a population that fail at most conditions, then lose most accuracy."""
    spec, points = run.spec(one.study), points_of_yield(run, one)
    table = _Dies(run, spec, points)
    found = []
    for row in table.order()[:count]:
        point, run_number = table.worst_run(int(row))
        found.append(
            WorstDie(
                trial=int(table.keys[row, 0]),
                seed=int(point.seeds[run_number]),
                failed=int(table.failed[row] + table.lost[row]),
                lost=int(table.lost[row]),
                point=point,
                accuracy=float(point.accuracy[run_number]),
                loss=float(run.software(point) - point.accuracy[run_number]),
                energy=float(point.energy[run_number]) if len(point.energy) else None,
            )
        )
    return found


def _codes(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return trial and die of each row as one number, which sorts as both do."""
    found: NDArray[np.int64] = keys[:, 0] << _BITS | keys[:, 1]
    return found


class _Dies:
    """The dies of some points, each once, with what they came to at the worst of them."""

    def __init__(self, run: RunView, spec: Spec, points: Sequence[PointView]) -> None:
        # Without the software's accuracy the die's own says as much as its loss.
        own = [
            (point, point.accuracy - float(np.nan_to_num(run.software(point))))
            for point in points
            if len(point.accuracy)
        ]
        # Of conditions at which a die is equally bad the first one stays: the one of `TIES`.
        own.sort(key=lambda one: float(one[1].mean()))
        self._points = [point for point, _ in own]
        every = [_codes(point.keys) for point in self._points]
        self._codes = np.unique(np.concatenate([np.empty(0, np.int64), *every]))
        self.keys = np.stack([self._codes >> _BITS, self._codes & ((1 << _BITS) - 1)], axis=1)
        n = len(self.keys)
        self.failed, self.lost = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._least, self._at = np.full(n, np.inf), np.zeros((n, 2), np.int64)
        for k, (point, below) in enumerate(own):
            rows = self._rows(point.keys)
            self.failed[rows] += ~point.passing(spec, run.software(point))
            less = below < self._least[rows]
            self._least[rows[less]] = below[less]
            self._at[rows[less]] = np.stack([np.full(less.sum(), k), np.flatnonzero(less)], axis=1)

        for point in points:
            self.lost[self._rows(point.lost)] += 1

    def order(self) -> NDArray[np.int64]:
        """Return the rows of `keys`, the worst die first."""
        return np.lexsort((self._least, -(self.failed + self.lost)))

    def worst_run(self, row: int) -> tuple[PointView, int]:
        """Return the point at which a die's accuracy is least, and its run there."""
        k, number = (int(value) for value in self._at[row])
        return self._points[k], number

    def _rows(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where dies stand in `keys`, of those that stand there."""
        wanted = _codes(keys)
        wanted = wanted[np.isin(wanted, self._codes)]
        return np.searchsorted(self._codes, wanted)


def worst_table(run: RunView, one: Yield, again: Again) -> Table | None:
    """Return the worst dies of a population with a command that runs each again."""
    dies = worst_dies(run, one)
    if not dies:
        return None
    drawn = any(die.trial for die in dies)
    rows: list[list[str]] = []
    for die in dies:
        seed = f"{die.seed}, network {die.trial}" if drawn else str(die.seed)
        rows.append(
            [
                Told(seed, die.seed),
                Told(f"{die.failed} of {len(one.points)}", die.failed),
                condition(run, die.point),
                percent(die.accuracy),
                points_of(die.loss) if die.loss == die.loss else Told("not known"),
                "not priced" if die.energy is None else quantity(die.energy, "J"),
                again.die(run, die.point, die.seed, die.trial)
                if explained(die.point)
                else f"not told at the level {die.point.level}",
            ]
        )
    return Table(
        name=f"worst_dies_{one.settings['corner']}",
        caption=(
            f"The worst {len(dies)} of {many(one.dies, 'die')}, {one.drawn}: "
            "those that fail at most conditions first, then those that lose most accuracy. "
            f"{TIES} The command runs the die again to the same decisions and says which "
            "sequences, units and frames failed, and why."
        ),
        head=(
            *("die (seed)", "fails at", "least accuracy at", "accuracy there", "loss there"),
            *("energy there", "run again"),
        ),
        rows=rows,
        numbers=(0, 1, 3, 4, 5),
        code=(6,),
    )
