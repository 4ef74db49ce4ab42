"""Runs and designs side by side, and beside them what has been published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

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
    yield "specification", each(lambda run, _: run.spec(run.base.study).said())
    yield "conditions", each(_conditions)
    yield "yield", each(_yield)
    yield "interval of the yield", each(_interval)
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


def _interval(_: RunView, told: Verdict) -> str:
    return Told("not told") if told.judged is None else interval_of(told.judged)


PUBLISHED = (
    (
        "First-quadrant BMRU network, 2 x 4 units, 180 nm",
        "“yes” in Speech Commands, over 90 %",
        "about 100 nW",
        "simulated in Spectre; 13 MFCC from outside; 768 transistors",
        "arXiv 2605.15216",
    ),
    (
        "Keyword spotting, 28 nm (Shan)",
        "1 word, 97.3 %",
        "510 nW",
        "measured; MFCC on the chip",
        "JSSC 2021",
    ),
    (
        "DeltaKWS, 65 nm",
        "12 classes, 89.5 to 90.5 %",
        "36 nJ a decision",
        "measured; a decision there need not be a whole sequence, as it is here",
        "arXiv 2405.03905",
    ),
    (
        "Skip-RNN SoC, 28 nm",
        "7 classes, 92.8 %",
        "1.48 µW",
        "measured; front end on the chip",
        "JSSC 2024",
    ),
    (
        "M2RU, memristive RNN",
        "15 GOPS",
        "48.62 mW",
        "as published",
        "arXiv 2512.17299",
    ),
)
"""System, task and accuracy, power or energy, what that includes, source."""


def published(run: RunView, told: Verdict) -> Section:
    """Return this network beside published systems."""
    mine = [
        "this network",
        f"{percent(told.accuracy.value)} mean of dies" if told.accuracy else "no accuracy yet",
        f"{quantity(_mean(run.base.power), 'W')}, {quantity(_mean(run.base.energy), 'J')} a "
        "sequence"
        if len(run.base.power)
        else "not priced",
        f"simulated, level {run.base.level}; no features, no readout after the head",
        "this page",
    ]
    return Section(
        key="published",
        title="Beside published systems",
        paragraphs=[
            "Rows compare only where tasks, classes and what is included are alike, and here they "
            "are not: the features before the chip are in some rows alone, a decision is a frame "
            "in "
            "some and a sequence here, and a simulated figure is not a measured one."
        ],
        tables=[
            Table(
                name="published",
                caption="As their authors state them; the source of each stands in its row.",
                head=("system", "task, accuracy", "power or energy", "includes", "source"),
                rows=[mine, *PUBLISHED],
            )
        ],
    )
