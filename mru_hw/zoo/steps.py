"""The steps of a plan, in their order, and what each waits for."""

from __future__ import annotations

import abc
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mru_hw.errors import UserError
from mru_hw.mapping.cells import CellKind
from mru_hw.training.config import TrainConfig
from mru_hw.zoo.plan import ZooPlan
from mru_hw.zoo.records import Results, TrainingRecord
from mru_hw.zoo.work import judge_on_chip, judge_persistence, train_one


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of the table: a cell of one width on one task.

    Attributes
    ----------
    first
        The seed that the plan's choices are tried with.
    """

    task: str
    cell: str
    width: int
    first: int

    @property
    def key(self) -> str:
        """Its name in files."""
        return f"{self.task}/{self.cell}-{self.width}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What steps share: the plan, and where its files lie.

    Attributes
    ----------
    folder
        Of the plan, where paths in it begin.
    out
        Of the results.
    data
        SHA-256 of each task's sequences.
    """

    plan: ZooPlan
    folder: Path
    out: Path
    data: Mapping[str, str]

    def digest(self, task: str, *known: Any) -> str:
        """Return what tells a step from another that has its name."""
        text = json.dumps([self.data[task], *known], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(abc.ABC):
    """One thing that a worker does.

    Attributes
    ----------
    of
        The records of `Results` that its own stands among.
    """

    of: ClassVar[str]
    setting: Setting
    entry: Entry
    seed: int

    @abc.abstractmethod
    def ready(self, results: Results) -> bool:
        """Whether what it goes on from has ended."""

    @abc.abstractmethod
    def key(self, results: Results) -> str:
        """Return the name of its record, of a step that is ready."""

    @abc.abstractmethod
    def call(self, results: Results) -> tuple[Any, ...]:
        """Return the function and its arguments that a worker runs, of a step that is ready."""

    @abc.abstractmethod
    def digest(self, results: Results) -> str:
        """Return what its record has to say it is of."""

    def vain(self, _results: Results) -> bool:
        """Whether there is nothing to do, of a step that is ready: its network diverged."""
        return False

    def done(self, results: Results) -> bool:
        """Whether its record stands, of a step that is ready.

        Raises
        ------
        UserError
            One of another plan does.
        """
        found = getattr(results, self.of).get(self.key(results))
        if found is None:
            return False
        if found.digest != self.digest(results):
            expected = f"a new folder, for {self.key(results)} in it is of another plan or data"
            raise UserError("out", str(self.setting.out), expected)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Train(Step):
    """Train one network; with the first seed one for each choice.

    Attributes
    ----------
    choice
        Place among the plan's choices; None is the one that the first seed chose.
    """

    of: ClassVar[str] = "trainings"
    choice: int | None = None

    def ready(self, results: Results) -> bool:
        """Whether the choice is made."""
        return self.choice is not None or chosen(self.setting.plan, self.entry, results) is not None

    def _choice(self, results: Results) -> int:
        if self.choice is not None:
            return self.choice
        found = chosen(self.setting.plan, self.entry, results)
        assert found is not None
        return found

    def key(self, results: Results) -> str:
        """Return the name of its record and of its model."""
        return name_of(self.entry, self.seed, self._choice(results))

    def config(self, results: Results) -> TrainConfig:
        """Return what is trained."""
        at = self.entry
        plan = self.setting.plan
        return plan.config(at.task, at.cell, at.width, self.seed, self._choice(results))

    def digest(self, results: Results) -> str:
        """Return the hash of its configuration and data."""
        return self.setting.digest(self.entry.task, self.config(results).as_data())

    def call(self, results: Results) -> tuple[Any, ...]:
        """Return the training."""
        at, key = self.entry, self.key(results)
        about = {
            "digest": self.digest(results),
            "task": at.task,
            "cell": at.cell,
            "width": at.width,
            "seed": self.seed,
            "choice": self._choice(results),
        }
        place = self.setting.out / "models" / key
        return train_one, self.config(results), place, self.setting.folder, about


@dataclass(frozen=True, slots=True, kw_only=True)
class _After(Step, abc.ABC):
    """What goes on from a trained network."""

    def ready(self, results: Results) -> bool:
        """Whether it is trained."""
        return self.trained(results) is not None

    def trained(self, results: Results) -> TrainingRecord | None:
        """Return the training of this seed with the choice that was made."""
        choice = chosen(self.setting.plan, self.entry, results)
        if choice is None:
            return None
        return results.trainings.get(name_of(self.entry, self.seed, choice))

    def vain(self, results: Results) -> bool:
        """Whether it diverged."""
        found = self.trained(results)
        return found is None or found.status != "done"

    def key(self, results: Results) -> str:
        """Return the name of the network."""
        found = self.trained(results)
        assert found is not None
        return name_of(self.entry, self.seed, found.choice)

    def _known(self, results: Results) -> tuple[TrainConfig, TrainingRecord, Path]:
        found = self.trained(results)
        assert found is not None
        at, plan = self.entry, self.setting.plan
        config = plan.config(at.task, at.cell, at.width, self.seed, found.choice)
        return config, found, self.setting.out / "models" / self.key(results)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChip(_After):
    """Judge a network on dies, train it for them, judge it again."""

    of: ClassVar[str] = "chips"

    def digest(self, results: Results) -> str:
        """Return the hash of the network's training and of the chip."""
        config, found, _ = self._known(results)
        plan = self.setting.plan
        assert plan.chip is not None
        tuned = plan.chip_config(config)
        chip = plan.chip.model_dump(mode="json")
        known = None if tuned is None else tuned.as_data()
        return self.setting.digest(self.entry.task, found.digest, chip, known)

    def call(self, results: Results) -> tuple[Any, ...]:
        """Return the judgement."""
        config, found, model = self._known(results)
        chip = self.setting.plan.chip
        assert chip is not None
        tuned = self.setting.plan.chip_config(config)
        inputs = inputs_of(self.setting.out, self.entry.task)
        places = (model, inputs, self.setting.out / "dies" / self.key(results), self.setting.folder)
        return judge_on_chip, chip, tuned, places, found.test, self.digest(results)


@dataclass(frozen=True, slots=True, kw_only=True)
class Persist(_After):
    """Judge a network on longer sequences."""

    of: ClassVar[str] = "persistence"

    def digest(self, results: Results) -> str:
        """Return the hash of the network's training and of what is asked."""
        _, found, _ = self._known(results)
        plan = self.setting.plan
        asked = plan.tasks[self.entry.task].persistence
        assert asked is not None
        chip = None if plan.chip is None else plan.chip.chip.model_dump(mode="json")
        return self.setting.digest(
            self.entry.task, found.digest, asked.model_dump(mode="json"), chip
        )

    def call(self, results: Results) -> tuple[Any, ...]:
        """Return the judgement."""
        _, _, model = self._known(results)
        plan, out = self.setting.plan, self.setting.out
        task = plan.tasks[self.entry.task]
        places = (model, out / "inputs" / self.entry.task, out / "dies" / self.key(results))
        return judge_persistence, task, plan.chip, places, self.digest(results)


def name_of(entry: Entry, seed: int, choice: int) -> str:
    """Return the name of a trained network."""
    return f"{entry.key}-seed{seed}-choice{choice}"


def inputs_of(out: Path, task: str) -> Path:
    """Return where the test part of a task lies."""
    return out / "inputs" / f"{task}.npz"


def chosen(plan: ZooPlan, entry: Entry, results: Results) -> int | None:
    """Return the choice of the best validation with the first seed; None before all are known.

    Of equal ones, the first; where all diverged, the first too.
    """
    names = [name_of(entry, entry.first, k) for k in range(len(plan.choices(entry.task)))]
    found = [results.trainings.get(name) for name in names]
    if None in found:
        return None
    shares = [-1.0 if one is None or one.validation is None else one.validation for one in found]
    return shares.index(max(shares))


def entries(plan: ZooPlan) -> dict[tuple[str, str, int], Entry]:
    """Return the rows of the table, in the order in which the plan comes to them."""
    found: dict[tuple[str, str, int], Entry] = {}
    for study in plan.studies:
        for seed in study.seeds:
            for task in study.tasks:
                for width in study.widths:
                    for cell in study.cells:
                        one = Entry(task=task, cell=cell, width=width, first=seed)
                        found.setdefault((task, cell, width), one)
    return found


def steps(setting: Setting) -> Iterator[Step]:
    """Yield all steps in the plan's order, each once."""
    plan, rows = setting.plan, entries(setting.plan)
    met: set[tuple[str, Entry, int, int | None]] = set()
    for study in plan.studies:
        for seed in study.seeds:
            for task in study.tasks:
                for width in study.widths:
                    for cell in study.cells:
                        entry = rows[task, cell, width]
                        for step in _of_entry(setting, entry, seed, chip=study.chip):
                            choice = step.choice if isinstance(step, Train) else None
                            mark = (step.of, entry, seed, choice)
                            if mark not in met:
                                yield step
                            met.add(mark)


def _of_entry(setting: Setting, entry: Entry, seed: int, *, chip: bool) -> Iterator[Step]:
    plan = setting.plan
    many = range(len(plan.choices(entry.task))) if seed == entry.first else (None,)
    for choice in many:
        yield Train(setting=setting, entry=entry, seed=seed, choice=choice)
    held = (plan.cells[entry.cell].cell or entry.cell) in set(CellKind)
    if chip and held:
        yield OnChip(setting=setting, entry=entry, seed=seed)
    if plan.tasks[entry.task].persistence is not None:
        yield Persist(setting=setting, entry=entry, seed=seed)
