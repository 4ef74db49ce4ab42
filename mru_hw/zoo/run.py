"""A zoo from plan to results: begun, resumed or found complete."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from mru_hw.errors import MISSING, SimulationError, UserError
from mru_hw.files import refuse_foreign, refuse_no_folder
from mru_hw.stimulus import Inputs, save_inputs
from mru_hw.sweeps.crew import Crew
from mru_hw.sweeps.versions import machine
from mru_hw.training.digits import Split
from mru_hw.training.tasks.base import Labelled, labels
from mru_hw.workers import WorkerDied
from mru_hw.zoo.plan import ZooPlan, read_zoo, shipped_zoo
from mru_hw.zoo.records import (
    RESULTS_FILE,
    Results,
    TaskFacts,
    read_results,
    save_results,
)
from mru_hw.zoo.steps import Setting, Step, entries, inputs_of, steps

WRITTEN: Final = (RESULTS_FILE, "zoo.csv", "zoo.md", "models", "inputs", "dies", "figures")
"""What stands in the folder of a zoo."""


PARTS: Final = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call ended.

    Attributes
    ----------
    results
        All that is known.
    steps, computed
        Steps of the plan that have ended, and those of them that this call did.
    seconds
        Wall time of this call [s].
    """

    plan: ZooPlan
    results: Results
    steps: int
    computed: int
    seconds: float


def run_zoo(
    plan: str | Path,
    out: str | Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Train and judge all networks of a plan, or go on with it.

    A call that was interrupted resumes when it is repeated. A plan that has grown keeps what
    it has.

    Parameters
    ----------
    plan
        ZOO.yaml, or the name of a plan that ships.
    out
        The folder of results.
    workers
        Processes. No result but seconds depends on it.
    progress
        Called with the steps that have ended and those of the plan, at the start and after each.

    Raises
    ------
    UserError
        What the plan says does not fit, a package is missing, or `out` holds something else.
    SimulationError
        A process ended before its work; the same call goes on.
    """
    began = time.monotonic()
    path = Path(plan)
    if not path.suffix and not path.exists():
        path = shipped_zoo(str(plan))
    known = read_zoo(path)
    place = Path(out)
    refuse_no_folder(place, "out")
    refuse_foreign(place, marker=RESULTS_FILE, what="zoo", allowed=WRITTEN)
    if importlib.util.find_spec("torch") is None:
        raise UserError("torch", MISSING, 'pip install "mru-hw[train]"')
    _refuse_unfit(known)
    facts, tests = _loaded(known, path.parent)
    setting = Setting(
        plan=known,
        folder=path.parent.absolute(),
        out=place.absolute(),
        data={name: fact.digest for name, fact in facts.items()},
    )
    todo = list(steps(setting))
    results = _begun(setting, todo, facts, tests)
    run = _Run(setting=setting, results=results, todo=todo, progress=progress)
    run.all(workers)
    return Outcome(
        plan=known,
        results=run.results,
        steps=run.ended,
        computed=run.computed,
        seconds=time.monotonic() - began,
    )


def _refuse_unfit(plan: ZooPlan) -> None:
    """Refuse what cannot be trained before hours of work, not after."""
    for entry in entries(plan).values():
        for choice in range(len(plan.choices(entry.task))):
            config = plan.config(entry.task, entry.cell, entry.width, entry.first, choice)
            plan.chip_config(config)


def _loaded(plan: ZooPlan, folder: Path) -> tuple[dict[str, TaskFacts], dict[str, Inputs]]:
    """Load every task that the plan trains; return what its sequences are, and its test part.

    Raises
    ------
    UserError
        A task cannot be loaded, or has sequences that a cell's network does not fit.
    """
    from mru_hw.training.run import structure

    facts: dict[str, TaskFacts] = {}
    tests: dict[str, Inputs] = {}
    for name in dict.fromkeys(entry.task for entry in entries(plan).values()):
        rows = [entry for entry in entries(plan).values() if entry.task == name]
        first = rows[0]
        data = plan.config(name, first.cell, first.width, first.first, 0).source.load(folder)
        data.refuse_gaps()
        few = Split(**{part: getattr(data.split, part).take(slice(1)) for part in PARTS})
        for row in rows:
            config = plan.config(name, row.cell, row.width, row.first, 0)
            try:
                structure(config, replace(data, split=few))
            except UserError as error:
                raise error.inside(f"task {name} with cell {row.cell}") from None
        facts[name] = _facts(data)
        tests[name] = data.split.test
    return facts, tests


def _facts(data: Labelled) -> TaskFacts:
    split = data.split
    counts = np.bincount(labels(split.validation))
    return TaskFacts(
        n_train=split.train.n_seq,
        n_validation=split.validation.n_seq,
        n_test=split.test.n_seq,
        chance=float(counts.max() / counts.sum()),
        frame_period=data.frame_period,
        digest=data.digest,
    )


def _begun(
    setting: Setting,
    todo: list[Step],
    facts: dict[str, TaskFacts],
    tests: dict[str, Inputs],
) -> Results:
    """Return what is known of the plan, nothing at its beginning; write that and what dies read.

    Raises
    ------
    UserError
        A step of another plan has ended there; nothing is written then.
    """
    path = setting.out / RESULTS_FILE
    said = setting.plan.model_dump(mode="json")
    if not path.exists():
        results = Results(plan=said, machine=machine()["processor"], tasks=facts)
    else:
        results = read_results(path).model_copy(update={"plan": said, "tasks": facts})
    for step in todo:
        if step.ready(results) and not step.vain(results):
            step.done(results)
    save_results(results, path)
    for name, rows in tests.items():
        inputs = inputs_of(setting.out, name)
        inputs.parent.mkdir(parents=True, exist_ok=True)
        save_inputs(rows, inputs)
    return results


class _Run:
    """The steps of one call, as processes become free for them."""

    def __init__(
        self,
        *,
        setting: Setting,
        results: Results,
        todo: list[Step],
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.setting = setting
        self.results = results
        self.todo = todo
        self.total = len(todo)
        self.computed = 0
        self.ended = 0
        self.progress = progress

    def all(self, workers: int) -> None:
        """Do all steps."""
        running: dict[Future[Any], tuple[str, str]] = {}
        with Crew(workers) as crew:
            while True:
                room = workers - len(running)
                for step in self._next(room, set(running.values())):
                    work, *arguments = step.call(self.results)
                    future = crew.submit(work, *arguments)
                    running[future] = (step.of, step.key(self.results))
                if self.progress is not None:
                    self.progress(self.ended, self.total)
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    group, key = running.pop(future)
                    self._store(group, key, future)

    def _next(self, room: int, running: set[tuple[str, str]]) -> list[Step]:
        """Take steps that are ready, in order; those that are done or vain go too."""
        taken: list[Step] = []
        left: list[Step] = []
        for step in self.todo:
            if not step.ready(self.results):
                left.append(step)
            elif step.vain(self.results) or step.done(self.results):
                self.ended += 1
            elif len(taken) == room or (step.of, step.key(self.results)) in running:
                left.append(step)
            else:
                taken.append(step)
                running = running | {(step.of, step.key(self.results))}
        self.todo = left
        return taken

    def _store(self, group: str, key: str, future: Future[Any]) -> None:
        try:
            record = future.result()
        except WorkerDied:
            text = f"The process that worked on {key} ended; the same call goes on."
            raise SimulationError(text) from None
        records = getattr(self.results, group) | {key: record}
        self.results = self.results.model_copy(update={group: records})
        save_results(self.results, self.setting.out / RESULTS_FILE)
        self.ended += 1
        self.computed += 1
