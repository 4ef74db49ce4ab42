"""How far this network's own netlist agrees with the array: dies of a sweep at the level spice.

Each run of such a sweep is run again at the level behavioral, the same die at the same conditions
on the same sequences, and compared decision by decision and joule by joule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import UserError
from mru_hw.report import figures
from mru_hw.report.again import Again, why_not
from mru_hw.report.other_networks import others_table
from mru_hw.report.parts import Picture, Section, Table
from mru_hw.report.sections import technologies
from mru_hw.simulate.energy import energy
from mru_hw.sweeps.explain import plans_of, subject_of
from mru_hw.sweeps.held import Held
from mru_hw.sweeps.points import Job, points
from mru_hw.sweeps.told import Told, percent, quantity
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import condition, many
from mru_hw.sweeps.work import made_chip, made_die, run_die

_LISTED = 6
"""Conditions that a sentence names, at most."""
TITLE, KEY = "Agreement with ngspice", "ngspice"
_COMPARED = "compared here"
_OTHERS = "on other networks: the table of them"
_CELLS = "on single cells, which constants are fitted to, and on other networks"
_NEVER = (
    (
        "noise while a sequence runs",
        "never: ngspice's transient analysis has none",
        "spectra of single cells by its .noise analysis (“Noise” in the documentation)",
    ),
    (
        "yield",
        "never: ngspice runs fewer dies than a yield takes",
        "follows from decisions and energies of dies",
    ),
    ("area", "not simulated", "counted on the netlist that ngspice runs"),
)
"""Kinds of figure that no run in ngspice can check: what, here, elsewhere."""


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
    blocks
        By supply block, mean energy [J] of the array and of ngspice; blocks that ngspice's
        tolerances do not resolve are missing.
    """

    point: PointView
    alike: NDArray[np.bool_]
    energy: NDArray[np.float64]
    blocks: Mapping[str, tuple[float, float]]


def agreement_section(
    run: RunView,
    others: Sequence[RunView],
    model: Path | None,
    inputs: Path | None,
    again: Again,
    binding: Held | None = None,
) -> Section:
    """Return what ngspice says of the network of `run`.

    Parameters
    ----------
    others
        Further runs; those at the level spice of the same network count, and `run` itself.
    model, inputs
        Where they lie, if not where the plans say.
    again
        In whose words to say how ngspice runs this network.
    binding
        The limit that binds, at whose condition ngspice had best run.
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
        return _none(run, paragraphs, again, binding)
    return _section(run, pairs, paragraphs)


def _hardest(run: RunView, point: PointView, binding: Held, again: Again) -> str:
    """Say at which condition the plan runs ngspice, and which die is worst there."""
    return (
        f"The plan below is at {condition(run, point)}, where what binds is worst. The worst die "
        f"there has the seed {binding.seed} (point {point.number}); one sequence of it runs in "
        f"ngspice beside the array by {again.die(run, point, binding.seed, 0, spice=True)}."
    )


def _none(run: RunView, paragraphs: Sequence[str], again: Again, binding: Held | None) -> Section:
    others = list(others_table(technologies(run).split(", ")))
    trust = (
        "single cells and on the other networks of the first table" if others else "single cells"
    )
    said = (
        "This network did not run in ngspice in the runs that this page was made from, so nothing "
        "on this page was checked against ngspice for this network: trust in the array rests on "
        f"{trust}. The commands below run some of its sequences on two of its dies in ngspice; "
        "given to the report beside this run, they are compared with the array die by die here."
    )
    point, hardest, lines = run.base, list[str](), list[tuple[str, str]]()
    if run.level != "ideal":
        if binding is not None:
            point = next(one for one in run.points if one.number == binding.point)
            hardest.append(_hardest(run, point, binding, again))
        lines += again.spice(run, point)
    return Section(
        key=KEY,
        title=TITLE,
        paragraphs=[*paragraphs, said, *hardest],
        tables=[*others, _checked(run, [])],
        lines=lines,
    )


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
        alike, error, blocks = [], [], []
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
            found = run_die(subject, chip, made_die(chip, int(seed)), keep_all=False)
            right = found.trace.decision[0] == subject.inputs.y
            priced = energy(found.supply.single_die())
            joules = priced.total
            alike.append(right == theirs[k])
            blocks.append(priced.blocks)
            error.append((joules if run.keeps_all else joules.mean()[None]) / stored[k] - 1)
        pairs.append(
            Pair(
                point=point,
                alike=np.array(alike),
                energy=np.array(error),
                blocks={
                    name: (float(np.mean([np.add(*one[name]).mean() for one in blocks])), sum(own))
                    for name, own in point.blocks.items()
                },
            )
        )
    return pairs


def _section(
    run: RunView, pairs: Sequence[tuple[RunView, Pair]], paragraphs: Sequence[str]
) -> Section:
    error = np.concatenate([pair.energy.ravel() for _, pair in pairs])
    conditions = sorted({condition(one, pair.point) for one, pair in pairs})
    return Section(
        key=KEY,
        title=TITLE,
        paragraphs=[_said(pairs, error), *paragraphs, *_elsewhere(run, conditions)],
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
                rows=[_row(one, pair) for one, pair in pairs],
                numbers=range(2, 9),
            ),
            *_blocks(pairs),
            *others_table(technologies(run).split(", ")),
            _checked(run, pairs),
        ],
        pictures=[
            Picture(
                name="energy_error",
                svg=figures.errors(error, "energy of the array over ngspice's, less 1"),
                alternative="Histogram of the energy error of the array against ngspice.",
                caption=(
                    "Energy of the array against ngspice, "
                    f"{many(len(error), 'value')} of {many(len(conditions), 'condition')}."
                ),
                data={"error": error.tolist()},
            )
        ],
    )


def _said(pairs: Sequence[tuple[RunView, Pair]], error: NDArray[np.float64]) -> str:
    same = sum(int(pair.alike.sum()) for _, pair in pairs)
    total = sum(pair.alike.size for _, pair in pairs)
    frames = sum(int(run.frames.sum()) * len(pair.alike) for run, pair in pairs)
    runs = sum(len(pair.alike) for _, pair in pairs)
    return (
        f"This network in ngspice: {many(total, 'sequence')} on dies "
        f"({many(runs, 'run')} of a die, "
        f"{many(len(pairs), 'condition')}, {frames:,} frames in all). "
        f"The array judges {same} of {total} alike; its energy is off by "
        f"{100 * error.mean():+.2f} % "
        f"on average, {100 * error.min():+.2f} to {100 * error.max():+.2f} %."
    )


def _elsewhere(run: RunView, conditions: Sequence[str]) -> Iterator[str]:
    """Say at which conditions of the page ngspice did not run."""
    there = dict.fromkeys(condition(run, point) for point in run.points if point.level != "spice")
    left = [one for one in there if one not in conditions]
    if left:
        some = "; ".join(left[:_LISTED]) + ("; …" if len(left) > _LISTED else "")
        yield (
            f"At {len(left)} of the {many(len(there), 'condition')} of this page ngspice did not "
            f"run: {some}. Figures there rest on the array alone."
        )


def _blocks(pairs: Sequence[tuple[RunView, Pair]]) -> Iterator[Table]:
    """Yield the blocks' energies beside each other, where ngspice resolves some."""
    rows: list[list[str]] = [
        [
            f"{name}, {condition(run, pair.point)}",
            quantity(array, "J"),
            quantity(theirs, "J"),
            _signed(array / theirs - 1) if theirs else Told("no energy"),
        ]
        for run, pair in pairs
        for name, (array, theirs) in pair.blocks.items()
    ]
    if rows:
        yield Table(
            name="ngspice_blocks",
            caption=(
                "Mean energy of a sequence by supply block, array and ngspice on the same dies "
                "and sequences. A block that ngspice's tolerances do not resolve is not listed."
            ),
            head=("block and condition", "array", "ngspice", "difference"),
            rows=rows,
            numbers=(1, 2, 3),
        )


def _checked(run: RunView, pairs: Sequence[tuple[RunView, Pair]]) -> Table:
    """Return which kinds of figure were compared with ngspice for this network, and which not."""
    here = _COMPARED if pairs else "not compared"
    blocks = sorted({name for _, pair in pairs for name in pair.blocks})
    by_block = f"{_COMPARED}: {', '.join(blocks)}" if blocks else "not compared"
    at = {condition(one, pair.point) for one, pair in pairs}
    there = {condition(run, point) for point in run.points if point.level != "spice"} or at
    rows = [
        ("decisions", here, _OTHERS),
        ("energy and power, in all", here, _OTHERS),
        ("energy by block", by_block, _OTHERS),
        (
            "corners, temperatures, supplies",
            f"{len(at & there)} of {many(len(there), 'condition')}",
            _CELLS,
        ),
        (
            "single steps and states",
            "not in a sweep: the command explain compares a die's",
            _OTHERS,
        ),
        ("energy by layer and circuit", "not compared: ngspice tells blocks alone", _CELLS),
        ("thresholds and their mismatch", "not compared in a network", _CELLS),
        *_NEVER,
    ]
    return Table(
        name="checked",
        caption="Which kinds of figure of this page were checked against ngspice, and where.",
        head=("figure", "for this network", "elsewhere"),
        rows=rows,
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
