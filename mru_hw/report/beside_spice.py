"""How far this network's own netlist agrees with the array: dies of a sweep at the level spice.

Each run of such a sweep is run again at the level behavioral, the same die at the same conditions
on the same sequences, and compared decision by decision and joule by joule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import UserError
from mru_hw.report import figures
from mru_hw.report.again import why_not
from mru_hw.report.parts import Picture, Section, Table
from mru_hw.simulate.energy import energy
from mru_hw.sweeps.explain import plans_of, subject_of
from mru_hw.sweeps.points import Job, points
from mru_hw.sweeps.told import Told, percent
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import condition, many
from mru_hw.sweeps.work import made_chip, made_die, run_die

TITLE, KEY = "Agreement with ngspice", "ngspice"
_NEVER = (
    "Never compared in ngspice by any run: noise while a sequence runs (its transient analysis has "
    "none), and yields, which are counts over more dies than ngspice runs."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The runs of one point of a sweep at the level spice, beside the array.

    Attributes
    ----------
    point
        Of the sweep.
    alike
        (run, sequence) whether the array finds the same decisions right.
    energy
        (run, sequence) energy of the array over ngspice's, less 1; of the means of each run alone
        where the sweep keeps no more.
    """

    point: PointView
    alike: NDArray[np.bool_]
    energy: NDArray[np.float64]


def agreement_section(
    run: RunView, others: Sequence[RunView], model: Path | None, inputs: Path | None
) -> Section:
    """Return what ngspice says of the network of `run`.

    Parameters
    ----------
    others
        Further runs; those at the level spice of the same network count, and `run` itself.
    model, inputs
        Where they lie, if not where the plans say.
    """
    own = [one for one in (run, *others) if any(p.level == "spice" for p in one.points)]
    same = [one for one in own if one.facts.get("hash.model") == run.facts.get("hash.model")]
    paragraphs, pairs = [], []
    for one in same:
        try:
            pairs += [(one, pair) for pair in compared(one, model, inputs)]
        except UserError as error:
            why = why_not(error)
            paragraphs.append(f"{one.path.name} could not be run again at the array. {why}")
    if len(own) > len(same):
        paragraphs.append("Runs at the level spice of another network count in nothing here.")
    if not pairs:
        return Section(key=KEY, title=TITLE, paragraphs=[*paragraphs, *_none()])
    return _section(pairs, paragraphs)


def _none() -> list[str]:
    return [
        "This network did not run in ngspice in the runs that this page was made from: trust in "
        "the array rests on other networks (docs/validation/agreement.md). A plan with "
        "level: spice, some sequences and dies, given to the report beside this run, compares "
        "this network die by die here.",
        _NEVER,
    ]


def compared(run: RunView, model: Path | None = None, inputs: Path | None = None) -> list[Pair]:
    """Run the dies of a sweep's points at the level spice again at the level behavioral.

    Raises
    ------
    UserError
        The network is not at hand, or the array knows no such condition.
    """
    plans = plans_of(run)
    subject = subject_of(run.path, plans, run.facts, model, inputs)
    all_points = points(plans, subject.technology)
    pairs = []
    for point in run.points:
        if point.level != "spice" or not len(point.accuracy):
            continue
        theirs = np.concatenate(list(run.right(point)))
        alike, error = [], []
        stored = run.energies(point) if run.keeps_all else point.energy[:, None]
        for k, (key, seed) in enumerate(zip(point.keys, point.seeds, strict=True)):
            job = Job(
                point=all_points[point.number],
                trial=int(key[0]),
                first=int(key[1]),
                seeds=(int(seed),),
            )
            chip = made_chip(subject, job)
            assert chip is not None  # ngspice ran it
            again = run_die(subject, chip, made_die(chip, int(seed)), keep_all=False)
            right = again.trace.decision[0] == subject.inputs.y
            joules = energy(again.supply.single_die()).total
            alike.append(right == theirs[k])
            error.append((joules if run.keeps_all else joules.mean()[None]) / stored[k] - 1)
        pairs.append(Pair(point=point, alike=np.array(alike), energy=np.array(error)))
    return pairs


def _section(pairs: Sequence[tuple[RunView, Pair]], paragraphs: Sequence[str]) -> Section:
    rows: list[list[str]] = []
    for run, pair in pairs:
        rows.append(_row(run, pair))
    error = np.concatenate([pair.energy.ravel() for _, pair in pairs])
    same = sum(int(pair.alike.sum()) for _, pair in pairs)
    total = sum(pair.alike.size for _, pair in pairs)
    frames = sum(int(run.frames.sum()) * len(pair.alike) for run, pair in pairs)
    runs = sum(len(pair.alike) for _, pair in pairs)
    mean = float(error.mean())
    said = (
        f"This network in ngspice: {many(total, 'sequence')} on dies "
        f"({many(runs, 'run')} of a die, "
        f"{many(len(pairs), 'condition')}, {frames:,} frames in all). "
        f"The array judges {same} of {total} alike; its energy is off by {100 * mean:+.2f} % "
        f"on average, {100 * error.min():+.2f} to {100 * error.max():+.2f} %."
    )
    return Section(
        key=KEY,
        title=TITLE,
        paragraphs=[said, *paragraphs, _NEVER],
        tables=[
            Table(
                name="ngspice",
                caption=(
                    "The array on the same dies, sequences and conditions as ngspice. Alike: both "
                    "decide rightly or both wrongly. Energy: the array's over ngspice's, less 1."
                ),
                head=(
                    *("run", "condition", "dies", "sequences", "alike", "energy, mean", "sigma"),
                    *("least", "most"),
                ),
                rows=rows,
                numbers=range(2, 9),
            )
        ],
        pictures=[
            Picture(
                name="energy_error",
                svg=figures.errors(error, "energy of the array over ngspice's, less 1"),
                alternative="Histogram of the energy error of the array against ngspice.",
                caption=f"Energy of the array against ngspice, {len(error)} values.",
                data={"error": error.tolist()},
            )
        ],
    )


def _row(run: RunView, pair: Pair) -> list[str]:
    same, total, error = int(pair.alike.sum()), pair.alike.size, pair.energy
    spread = float(error.std(ddof=1)) if error.size > 1 else float("nan")
    return [
        run.path.name,
        condition(run, pair.point),
        Told(str(len(pair.alike)), len(pair.alike)),
        Told(str(run.n_sequences), run.n_sequences),
        Told(f"{same} of {total}", same),
        _signed(float(error.mean())),
        Told("one value") if np.isnan(spread) else percent(spread),
        _signed(float(error.min())),
        _signed(float(error.max())),
    ]


def _signed(share: float) -> Told:
    return Told(f"{100 * share:+.2f} %", share)
