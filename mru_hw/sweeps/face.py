"""Sweeps as Python has them: run a plan, and read what a sweep left as a table."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from mru_hw.errors import MISSING, UserError
from mru_hw.files import validated
from mru_hw.sweeps.columns import as_list, columns_of, parts_of
from mru_hw.sweeps.plan import Plan, read_plan
from mru_hw.sweeps.points import read_shard
from mru_hw.sweeps.run import STUDY, Outcome, run_sweep
from mru_hw.sweeps.statistics.stopping import read_until
from mru_hw.sweeps.view import RunView, open_run
from mru_hw.units import render

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from mru_hw.sweeps.check import PlanCheck
    from mru_hw.sweeps.explanation import Explanation
    from mru_hw.sweeps.statistics.answers import Statistics
    from mru_hw.sweeps.verdict import Verdict


@final
class Sweep:
    """A sweep on disk, as it was when it was read.

    Attributes
    ----------
    path
        The file.
    complete
        Whether all runs that its plan asks for are stored.
    level
        Level of truth.
    references
        Accuracies by name: ``software``, ``ideal``, ``nominal``.
    warning
        What makes some runs doubtful, in sentences; empty where nothing does.
    rows
        One mapping a run, in the plan's order: its ``study``, ``point``, ``trial`` and ``die``; the
        settings of its point; ``seed``, ``status`` (``done`` or why it failed), ``accuracy`` (the
        share of right decisions), ``energy_J`` and ``power_W`` (mean of a sequence),
        ``energy_J.<block>`` where the level prices blocks, ``seconds`` of computing and ``design``,
        the digest. What a failed run has not is None. Made when asked for: of many runs a `frame`
        takes less.
    """

    def __init__(self, view: RunView) -> None:
        self.path, self.complete, self.level = view.path, view.complete, view.level
        self.references = dict(view.references)
        self.warning = view.doubtful
        self._parts = parts_of(view)

    @functools.cached_property
    def rows(self) -> tuple[dict[str, Any], ...]:
        """One mapping a run."""
        columns = columns_of(self._parts)
        values = zip(*map(as_list, columns.values()), strict=True)
        return tuple(dict(zip(columns, row, strict=True)) for row in values)

    def frame(self) -> pd.DataFrame:
        """Return the rows as a pandas table, one row a run; what a run has not is NaN.

        Raises
        ------
        UserError
            pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError:
            raise UserError("pandas", MISSING, 'pip install "mru-hw[table]", or `rows`') from None
        return pd.DataFrame(columns_of(self._parts), copy=False)

    def statistics(self) -> Statistics:
        """Return yields, intervals, percentiles, capabilities and comparisons of the file now.

        ``.as_data()`` of it is what the command ``report`` prints as JSON.

        Raises
        ------
        UserError
            The sweep is gone, or it is damaged.
        """
        from mru_hw.sweeps.statistics.answers import statistics

        with open_run(self.path) as view:
            return statistics(view)

    def verdict(self) -> Verdict:
        """Return whether the dies of the file now keep the specification, and what binds.

        Raises
        ------
        UserError
            The sweep is gone, or it is damaged.
        """
        from mru_hw.sweeps.statistics.answers import statistics
        from mru_hw.sweeps.verdict import verdict

        with open_run(self.path) as view:
            return verdict(view, statistics(view))

    def explain(
        self,
        die: int | None = None,
        *,
        point: int | None = None,
        trial: int | None = None,
        model: str | Path | None = None,
        inputs: str | Path | None = None,
    ) -> Explanation:
        """Run a die of the sweep again and say which sequences, units and frames failed on it.

        Parameters
        ----------
        die
            Its seed. When None and no point is asked for either, that of the worst run of what
            binds; else the die of the least accuracy at the point.
        point
            Number of its point; when None that of the worst run of what binds, and of a sweep
            without a specification the one that speaks for it.
        trial
            Which of the networks that the point draws; the first when None, or that of the worst
            run.
        model, inputs
            Where they lie, if neither beside the sweep nor in the working folder.

        Raises
        ------
        UserError
            No such run is there, it failed, what it was made of is missing or has changed, or this
            version makes other decisions.
        """
        from mru_hw.sweeps.explanation import explain

        return explain(self.path, die, point=point, trial=trial, model=model, inputs=inputs)

    def __len__(self) -> int:
        """Return how many runs are stored."""
        return sum(len(runs.die) for _, runs in self._parts)

    def export(self, out: str | Path) -> None:
        """Write the rows as a table, to a path that ends in ``.csv`` or ``.parquet``.

        Raises
        ------
        UserError
            It ends otherwise, something else stands there, or what writes Parquet is missing.
        """
        from mru_hw.sweeps.export import export

        export(self, Path(out))

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what there is to say of the sweep, a name and a text each."""
        done = [runs.taken(runs.done) for _, runs in self._parts]
        yield "level", self.level
        failed = len(self) - sum(len(runs.die) for runs in done)
        yield "runs", f"{len(self)}{f', {failed} failed' if failed else ''}"
        yield "complete", "yes" if self.complete else "no"
        for name, share in self.references.items():
            yield f"accuracy: {name}", f"{100 * share:.2f} %"
        if len(self) > failed:
            mean = float(np.concatenate([runs.accuracy for runs in done]).mean())
            yield "accuracy: runs", f"{100 * mean:.2f} %"
            joules = np.concatenate([runs.energy for runs in done])
            if not np.isnan(joules).all():
                yield "energy per sequence", render(float(np.nanmean(joules)), "J")
        if self.warning:
            yield "warning", self.warning

    def __repr__(self) -> str:
        """Say in one line what is there."""
        said = "; ".join(f"{name} {text}" for name, text in self.facts())
        return f"<Sweep {self.path.name}: {said}>"

    def _repr_html_(self) -> str:
        """Return the verdict and the facts as a table, which Jupyter shows.

        The facts alone where the file is gone since.
        """
        rows = [*self._verdict_rows(), *((name, text, "") for name, text in self.facts())]
        cells = "".join(
            f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td>'
            f"<td>{escape(more)}</td></tr>"
            for name, text, more in rows
        )
        return f"<table>{cells}</table>"

    def _verdict_rows(self) -> list[tuple[str, str, str]]:
        from mru_hw.sweeps.statistics.answers import statistics
        from mru_hw.sweeps.verdict import verdict

        try:
            with open_run(self.path) as view:
                return list(verdict(view, statistics(view)).rows(view))
        except UserError:
            return []


def sweep(
    plan: str | Path | Mapping[str, Any] | Plan,
    out: str | Path | None = None,
    *,
    workers: int | None = None,
    shard: str | None = None,
    until: str | None = None,
    dask: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sweep:
    """Run a sweep, or go on with one that was interrupted.

    Parameters
    ----------
    plan
        PLAN.yaml, whose paths are relative to its folder, or what would stand in it, whose paths
        are relative to the working folder.
    out
        The store to write; beside PLAN.yaml, with its stem and ``.sqlite``, when None.
    workers
        Processes; one a core when None. No result depends on it.
    shard
        Which part of the runs, such as ``3/16``; all when None.
    until
        What to know of the dies before it ends, such as ``yield ±1 %`` or ``accuracy ±0.5 %``.
    dask
        Address of a dask scheduler, such as ``tcp://10.0.0.1:8786``, to compute on its cluster
        instead of on this machine (extra ``cluster``). No result depends on it.
    progress
        Called with the runs stored and the runs in all, at the start and after every job.

    Raises
    ------
    UserError
        Something that the plan names does not fit, or `out` holds something else.
    SimulationError
        The machine cut runs off; the same call tries them again.
    """
    outcome = sweep_plan(
        plan, out, workers=workers, shard=shard, until=until, dask=dask, progress=progress
    )
    outcome.refuse_cut_off()
    return read_sweep(outcome.path)


def sweep_plan(
    plan: str | Path | Mapping[str, Any] | Plan,
    out: str | Path | None = None,
    *,
    source: Path | None = None,
    said: Mapping[str, str] | None = None,
    workers: int | None = None,
    shard: str | None = None,
    until: str | None = None,
    dask: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Run a sweep as `sweep` does, and say how it ended.

    Parameters
    ----------
    plan, out, workers, shard, until, dask, progress
        As `sweep` has them.
    source
        PLAN.yaml of a `Plan` that was read from it: its paths are relative to that folder, and
        mistakes are told as that file's.
    said
        What of such a plan the file does not say, by field, and what it is called where it was
        said: mistakes are told as there.
    """
    asked = _asked(plan, out, source)
    with asked.told(said):
        return run_sweep(
            {STUDY: asked.plan},
            asked.folder,
            asked.out,
            workers=workers,
            shard=None if shard is None else read_shard(shard),
            until=None if until is None else read_until(until),
            dask=dask,
            progress=progress,
        )


def check_sweep(
    plan: str | Path | Mapping[str, Any] | Plan,
    out: str | Path | None = None,
    *,
    source: Path | None = None,
    said: Mapping[str, str] | None = None,
    workers: int | None = None,
    shard: str | None = None,
    until: str | None = None,
) -> PlanCheck:
    """Say what a call of `sweep_plan` would take, which has the same parameters."""
    from mru_hw.sweeps.check import check_plan

    asked = _asked(plan, out, source)
    with asked.told(said):
        return check_plan(
            {STUDY: asked.plan},
            asked.folder,
            asked.out,
            workers=workers,
            shard=None if shard is None else read_shard(shard),
            until=None if until is None else read_until(until),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A plan, the folder that its paths begin in, what its mistakes call it, and its store."""

    plan: Plan
    folder: Path
    name: str
    out: Path

    @contextlib.contextmanager
    def told(self, said: Mapping[str, str] | None) -> Iterator[None]:
        """Say where a mistake stands: in the plan, or where `said` has it."""
        try:
            yield
        except UserError as error:
            raise self.plan.place(error, self.name, said) from None


def _asked(
    plan: str | Path | Mapping[str, Any] | Plan, out: str | Path | None, source: Path | None
) -> _Asked:
    folder, name = Path(), "plan"
    path = Path(plan) if isinstance(plan, str | Path) else source
    if path is not None:
        folder, name = path.parent, path.name
        out = path.with_suffix(".sqlite") if out is None else out
    if isinstance(plan, str | Path):
        plan = read_plan(Path(plan))
    elif not isinstance(plan, Plan):
        plan = validated(Plan, plan, name)
    if out is None:
        raise UserError("out", MISSING, "the file to write, for a plan that is no file")
    return _Asked(plan=plan, folder=folder, name=name, out=Path(out))


def read_sweep(path: str | Path) -> Sweep:
    """Read what a sweep has left so far.

    Raises
    ------
    UserError
        No sweep is there, or it is damaged.
    """
    with open_run(Path(path)) as view:
        return Sweep(view)
