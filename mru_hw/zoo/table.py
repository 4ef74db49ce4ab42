"""The table of a zoo: a row for each cell and width on a task, as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev
from typing import Any

from mru_hw.statistics.shares import clopper_pearson
from mru_hw.zoo.plan import ZooPlan
from mru_hw.zoo.records import DieFigures, Results, TrainingRecord
from mru_hw.zoo.steps import Entry, chosen, entries, name_of

ERRORS_OF_CHANCE = 2.0
"""Standard errors above chance within which a network is no better than chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Dies of one entry at one condition, all seeds together.

    Attributes
    ----------
    settings
        The condition.
    n_dies, failed, within
        Dies that ran, those that did not, and those within a point of the software before the chip.
    accuracy
        Mean over dies.
    energy
        Mean of a sequence [J].
    """

    settings: dict[str, Any]
    n_dies: int
    failed: int
    within: int
    accuracy: float
    energy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChipRow:
    """An entry on the plan's chip.

    Attributes
    ----------
    n
        Networks that were mapped and judged.
    refused
        Those that the mapping refused, and why the first was.
    transistors
        Least and most.
    before, after
        Conditions before and after the training for the chip; the latter is empty where there was
        none.
    software, software_after
        Mean accuracy of the same networks in software.
    """

    n: int
    refused: tuple[int, str]
    transistors: tuple[int, int] | None
    before: tuple[Condition, ...]
    after: tuple[Condition, ...]
    software: float | None
    software_after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An entry of the table.

    Attributes
    ----------
    runs
        A training a seed, with the choice that was made.
    planned
        Seeds that the plan asks for.
    choice
        Which was made, and what it comes to: the keys of training that the plan's choices name.
    core_seconds
        Of all its trainings, those of other choices too.
    diverged, at_chance
        Seeds whose loss was no number, and whose validation is no better than chance.
    """

    entry: Entry
    runs: tuple[TrainingRecord, ...]
    planned: int
    choice: tuple[int, dict[str, Any]] | None
    core_seconds: float
    diverged: int
    at_chance: int
    chip: OnChipRow | None

    @property
    def tests(self) -> list[float]:
        """Accuracies on the test part, a seed each."""
        return [run.test for run in self.runs if run.test is not None]

    @property
    def validation(self) -> float | None:
        """Mean accuracy on the validation part."""
        found = [run.validation for run in self.runs if run.validation is not None]
        return mean(found) if found else None

    @property
    def spread(self) -> float | None:
        """Standard deviation of the test over seeds; None of fewer than two."""
        return stdev(self.tests) if len(self.tests) > 1 else None

    @property
    def seconds_epoch(self) -> float | None:
        """Median processor time of an epoch [s]."""
        found = [run.seconds_epoch for run in self.runs if run.seconds_epoch is not None]
        return median(found) if found else None


def rows(plan: ZooPlan, results: Results) -> list[Row]:
    """Return the rows of all entries of which a training has ended, in the plan's order."""
    planned: dict[tuple[str, str, int], set[int]] = {}
    for study in plan.studies:
        for task in study.tasks:
            for cell in study.cells:
                for width in study.widths:
                    planned.setdefault((task, cell, width), set()).update(study.seeds)
    tasks, cells = list(plan.tasks), list(plan.cells)
    order = sorted(
        entries(plan).values(), key=lambda e: (tasks.index(e.task), e.width, cells.index(e.cell))
    )
    found = (_row(plan, results, e, sorted(planned[e.task, e.cell, e.width])) for e in order)
    return [row for row in found if row.core_seconds]


def _row(plan: ZooPlan, results: Results, entry: Entry, seeds: Sequence[int]) -> Row:
    choice = chosen(plan, entry, results)
    names = [
        name_of(entry, seed, k) for seed in seeds for k in range(len(plan.choices(entry.task)))
    ]
    every = [results.trainings[name] for name in names if name in results.trainings]
    runs = tuple(run for run in every if run.choice == choice)
    facts = results.tasks[entry.task]
    p = facts.chance
    bar = p + ERRORS_OF_CHANCE * math.sqrt(p * (1 - p) / facts.n_validation)
    return Row(
        entry=entry,
        runs=runs,
        planned=len(seeds),
        choice=None if choice is None else (choice, _meant(plan, entry, choice)),
        core_seconds=sum(run.core_seconds for run in every),
        diverged=sum(run.status == "diverged" for run in runs),
        at_chance=sum(run.validation is not None and run.validation <= bar for run in runs),
        chip=_on_chip(results, entry, runs),
    )


def _meant(plan: ZooPlan, entry: Entry, choice: int) -> dict[str, Any]:
    """Return what the keys that the plan's choices name are with one of them."""
    config = plan.config(entry.task, entry.cell, entry.width, entry.first, choice)
    training = config.training.model_dump(mode="json")
    return {key: training[key] for one in plan.choices(entry.task) for key in one}


def _on_chip(results: Results, entry: Entry, runs: Sequence[TrainingRecord]) -> OnChipRow | None:
    pairs = [
        (run, results.chips[name])
        for run in runs
        if (name := name_of(entry, run.seed, run.choice)) in results.chips
    ]
    if not pairs:
        return None
    done = [(run, chip) for run, chip in pairs if chip.status == "done"]
    refused = [chip.reason for _, chip in pairs if chip.reason]
    counts = [chip.transistors for _, chip in done if chip.transistors is not None]
    after = [chip.software_after for _, chip in done if chip.software_after is not None]
    software = [run.test for run, _ in done if run.test is not None]
    return OnChipRow(
        n=len(done),
        refused=(len(refused), refused[0] if refused else ""),
        transistors=(min(counts), max(counts)) if counts else None,
        before=_conditions([chip.before for _, chip in done]),
        after=_conditions([chip.after for _, chip in done]),
        software=mean(software) if software else None,
        software_after=mean(after) if after else None,
    )


def _conditions(several: Sequence[Sequence[DieFigures]]) -> tuple[Condition, ...]:
    """Put the dies of several networks together, condition by condition."""
    groups: dict[str, list[DieFigures]] = {}
    for one in several:
        for figure in one:
            groups.setdefault(repr(sorted(figure.settings.items())), []).append(figure)
    return tuple(_together(group) for group in groups.values())


def _together(group: Sequence[DieFigures]) -> Condition:
    n = sum(one.n_dies for one in group)
    joules = [one.energy for one in group if one.energy is not None]
    return Condition(
        settings=group[0].settings,
        n_dies=n,
        failed=sum(one.failed for one in group),
        within=sum(one.within for one in group),
        accuracy=sum(one.accuracy * one.n_dies for one in group) / n if n else 0.0,
        energy=mean(joules) if joules else None,
    )


CSV_COLUMNS = (
    *("task", "cell", "width", "seeds", "seeds_planned", "test_mean", "test_deviation"),
    *("test_each", "validation_mean", "chance", "choice", "parameters", "seconds_epoch"),
    *("core_seconds", "diverged", "at_chance", "networks_on_chip", "refused", "transistors"),
    *("condition", "stage", "software", "dies", "dies_within_a_point", "dies_failed"),
    *("dies_accuracy", "energy_J"),
)


def csv_text(found: Sequence[Row], results: Results) -> str:
    """Return the table as CSV: a line an entry, or one for each of its conditions and stages."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, CSV_COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for row in found:
        for line in _lines(row, results):
            writer.writerow(line)
    return stream.getvalue()


def _lines(row: Row, results: Results) -> Iterator[dict[str, Any]]:
    tests = row.tests
    common: dict[str, Any] = {
        "task": row.entry.task,
        "cell": row.entry.cell,
        "width": row.entry.width,
        "seeds": len(row.runs),
        "seeds_planned": row.planned,
        "test_mean": mean(tests) if tests else "",
        "test_deviation": "" if row.spread is None else row.spread,
        "test_each": " ".join(f"{share:.6g}" for share in tests),
        "validation_mean": "" if row.validation is None else row.validation,
        "chance": results.tasks[row.entry.task].chance,
        "choice": "" if row.choice is None else row.choice[0],
        "parameters": row.runs[0].parameters if row.runs else "",
        "seconds_epoch": "" if row.seconds_epoch is None else row.seconds_epoch,
        "core_seconds": row.core_seconds,
        "diverged": row.diverged,
        "at_chance": row.at_chance,
    }
    chip = row.chip
    if chip is None:
        yield common
        return
    common |= {"networks_on_chip": chip.n, "refused": chip.refused[0]}
    if chip.transistors is not None:
        common["transistors"] = " ".join(map(str, sorted(set(chip.transistors))))
    stages = (("before", chip.before, chip.software), ("after", chip.after, chip.software_after))
    if not chip.n:
        yield common
    for stage, conditions, software in stages:
        for one in conditions:
            yield common | {
                "stage": stage,
                "condition": words_of(one.settings),
                "software": "" if software is None else software,
                "dies": one.n_dies,
                "dies_within_a_point": one.within,
                "dies_failed": one.failed,
                "dies_accuracy": one.accuracy,
                "energy_J": "" if one.energy is None else one.energy,
            }


def words_of(settings: dict[str, Any]) -> str:
    """Return a condition in words."""
    parts = [f"{settings['temperature']:g} °C"]
    if settings.get("mismatch_scale", 1) != 1:
        parts.append(f"{settings['mismatch_scale']:g} × mismatch")
    parts += [str(settings["corner"]), f"{settings['v_dd']:g} V"]
    if settings.get("noise_scale"):
        parts.append("with noise")
    return ", ".join(parts)


def share_within(one: Condition) -> str:
    """Return the share of dies within a point, with its interval of 95 %."""
    if not one.n_dies:
        return "none ran"
    band = clopper_pearson(one.within, one.n_dies)
    low, high = 100 * band.low, 100 * band.high
    return f"{100 * band.value:.0f} ({low:.0f} to {high:.0f})"


def summary(row: Row) -> dict[str, Any]:
    """Return what the command tells of a row."""
    return {
        "task": row.entry.task,
        "cell": row.entry.cell,
        "width": row.entry.width,
        "test": row.tests,
        "validation": row.validation,
        "parameters": row.runs[0].parameters if row.runs else None,
        "diverged": row.diverged,
        "at_chance": row.at_chance,
    }
