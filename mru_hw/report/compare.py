"""Runs and designs side by side, and beside them what has been published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mru_hw.model.network import Model
from mru_hw.report.chip import ChipFacts, task_of
from mru_hw.report.limits import limits_said
from mru_hw.report.parts import Section, Table
from mru_hw.report.sections import technologies
from mru_hw.sweeps.point_view import Array
from mru_hw.sweeps.told import Told, ends, percent, quantity
from mru_hw.sweeps.verdict import Verdict, conditions, interval_of, share_of
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import described

_HASH = 16
"""Characters of a hash in a column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A run and its verdict."""

    run: RunView
    verdict: Verdict


def side_by_side(runs: Sequence[Compared]) -> Section:
    """Return two or more runs beside each other."""
    return Section(
        key="comparison",
        title="Runs side by side",
        paragraphs=[*_ground(runs)],
        tables=[
            Table(
                name="comparison",
                caption="One column a run; the intervals are of 95 %.",
                head=("", *(_name(runs, k) for k in range(len(runs)))),
                rows=[[name, *cells] for name, cells in _rows(runs)],
            )
        ],
    )


def _name(runs: Sequence[Compared], k: int) -> str:
    names = [one.run.path.name for one in runs]
    return f"{names[k]} ({k + 1})" if names.count(names[k]) > 1 else names[k]


def _ground(runs: Sequence[Compared]) -> Iterator[str]:
    """Say what the runs have in common, and what not."""
    kinds = (
        ("network", "hash.model"),
        ("sequences", "hash.inputs"),
        ("technology's cards", "hash.technology"),
        ("constants", "hash.calibration"),
        ("version of results", "version.results"),
    )
    differ = [what for what, name in kinds if len({one.run.facts.get(name) for one in runs}) > 1]
    if differ:
        yield f"They differ in {', '.join(differ)}: a difference below may come from that alone."
    specs = {limits_said(one.run) for one in runs}
    if len(specs) > 1:
        yield "They are judged by different specifications, so their yields do not compare."


def _rows(runs: Sequence[Compared]) -> Iterator[tuple[str, list[str]]]:
    def each(write: Callable[[RunView, Verdict], str]) -> list[str]:
        return [write(one.run, one.verdict) for one in runs]

    yield "network", each(lambda run, _: str(next(iter(run.plans.values()))["model"]))
    yield "technology", each(lambda run, _: technologies(run))
    yield "level of truth", each(lambda run, _: run.base.level)
    yield "point", each(lambda run, _: described(run, run.base))
    yield "dies, sequences", each(lambda run, told: f"{told.dies}, {run.n_sequences}")
    yield "seed", each(lambda run, _: str(next(iter(run.plans.values()))["seed"]))
    yield "specification", each(lambda run, _: run.spec(run.base.study).asked())
    yield "specification is", each(lambda run, told: told.kept(run)[0])
    yield "conditions", each(_conditions)
    yield "yield", each(_yield)
    yield "interval of the yield", each(_interval)
    yield "least yield of a corner", each(_least)
    yield "accuracy as trained", each(lambda _, told: percent(told.software))
    yield "mapped and rounded", each(lambda _, told: percent(told.ideal))
    yield "mean accuracy of dies", each(lambda run, _: percent(_mean(run.base.accuracy)))
    yield "its interval", each(lambda _, told: ends(told.accuracy))
    yield "energy of a sequence", each(lambda run, _: quantity(_mean(run.base.energy), "J"))
    yield "its interval over dies", each(lambda _, told: ends(told.energy, "J"))
    yield "supply power", each(lambda run, _: quantity(_mean(run.base.power), "W"))
    yield "inputs deliver", each(lambda _, told: quantity(told.inputs, "J"))
    yield "what binds", each(lambda _, told: told.binding.said() if told.binding else "not known")
    yield "version", each(lambda run, _: run.facts.get("version.mru_hw", ""))
    yield "hash of all results", each(lambda run, _: f"{run.digest()[:_HASH]}…")


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None


def _conditions(run: RunView, told: Verdict) -> str:
    return "none" if told.judged is None else conditions(run, told.judged)


def _yield(_: RunView, told: Verdict) -> str:
    return Told("not known") if told.judged is None else share_of(told.judged)


def _least(_: RunView, told: Verdict) -> str:
    one = told.lowest
    return Told("not known") if one is None else f"{share_of(one)}, corner {one.settings['corner']}"


def _interval(_: RunView, told: Verdict) -> str:
    return Told("not told") if told.judged is None else interval_of(told.judged)


class _System(NamedTuple):
    """A published system, as its authors state it.

    Attributes
    ----------
    task
        What it decides.
    data
        The task of `mru_hw.training` that has the same data; empty where none has.
    includes
        What the power or energy includes, and whether it was measured.
    """

    name: str
    task: str
    data: str
    accuracy: str
    figure: str
    includes: str
    source: str


PUBLISHED = (
    _System(
        name="First-quadrant BMRU network, 2 x 4 units, 180 nm",
        task="“yes” in Speech Commands",
        data="speech_commands",
        accuracy="over 90 %",
        figure="about 100 nW",
        includes="simulated in Spectre, 768 transistors; 13 MFCC from outside are not in it",
        source="arXiv 2605.15216",
    ),
    _System(
        name="Keyword spotting, 28 nm (Shan)",
        task="keyword spotting, 1 word",
        data="",
        accuracy="97.3 %",
        figure="510 nW",
        includes="measured; MFCC on the chip are in it",
        source="JSSC 2021",
    ),
    _System(
        name="DeltaKWS, 65 nm",
        task="keyword spotting, 12 classes",
        data="",
        accuracy="89.5 to 90.5 %",
        figure="36 nJ a decision",
        includes="measured; a decision there need not be a whole sequence, as it is here",
        source="arXiv 2405.03905",
    ),
    _System(
        name="Skip-RNN SoC, 28 nm",
        task="keyword spotting, 7 classes",
        data="",
        accuracy="92.8 %",
        figure="1.48 µW",
        includes="measured; the front end on the chip is in it",
        source="JSSC 2024",
    ),
    _System(
        name="M2RU, memristive RNN",
        task="none: operations a second",
        data="",
        accuracy="none stated",
        figure="48.62 mW at 15 GOPS",
        includes="as published",
        source="arXiv 2512.17299",
    ),
)


def published(run: RunView, told: Verdict, chip: ChipFacts | None) -> Section:
    """Return this network beside published systems.

    Parameters
    ----------
    chip
        The network, where it is at hand: its model may say what it was trained on.
    """
    task = None if chip is None else task_of(chip.model)
    mine = [
        "this network" if chip is None else f"this network, {chip.network}",
        "not known here" if chip is None or task is None else f"{task}: {_classes(chip.model)}",
        f"{percent(told.accuracy.value)}, mean of dies" if told.accuracy else "not known yet",
        f"{quantity(_mean(run.base.power), 'W')}, {quantity(_mean(run.base.energy), 'J')} a "
        "sequence"
        if len(run.base.power)
        else "not priced",
        f"simulated, level {run.base.level}, {technologies(run)}; the whole chip with its "
        "reference current and the drivers of its clock; features before it, the readout after it, "
        "the clock's source and pads are not in it",
        "this page",
    ]
    return Section(
        key="published",
        title="Beside published systems",
        paragraphs=[
            _same_task(task),
            "Rows compare only where tasks, classes and what is included are alike: the features "
            "before the chip are in some rows alone, a decision is a frame in some and a sequence "
            "here, and a simulated figure is not a measured one.",
        ],
        tables=[
            Table(
                name="published",
                caption="As their authors state them; the source of each stands in its row.",
                head=(
                    *("system", "task", "accuracy", "power or energy", "what that includes"),
                    "source",
                ),
                rows=[
                    mine,
                    *(
                        [one.name, one.task, one.accuracy, one.figure, one.includes, one.source]
                        for one in PUBLISHED
                    ),
                ],
            )
        ],
    )


def _classes(model: Model) -> str:
    n = model.spec.n_classes
    return "1 class" if n == 1 else f"{n} classes"


def _same_task(task: str | None) -> str:
    """Say which published systems have the task of this network."""
    if task is None:
        return (
            "Which task this network has is not known here, so no published system of this table "
            "is known to have the same."
        )
    same = [one.name for one in PUBLISHED if one.data == task]
    if not same:
        return (
            f"No published system of this table has the task of this network ({task}), so that "
            "its row shows orders of size and no comparison; this project has a record of none "
            "that has."
        )
    return (
        f"Of the same data ({task}): {'; '.join(same)}. Its words and classes may still be others."
    )
