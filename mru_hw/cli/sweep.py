"""The command `mru-hw sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mru_hw.cli.design import (
    CalibrationFile,
    DesignFile,
    IUnit,
    Kernel,
    chosen_options,
    names_of_design,
    with_i_unit,
)
from mru_hw.cli.meter import meter
from mru_hw.cli.numbers import WORKERS, whole
from mru_hw.cli.output import Json, emit, say
from mru_hw.errors import MISSING, UserError

if TYPE_CHECKING:
    from mru_hw.sweeps.plan import Plan


def sweep(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.yaml", help="What to run.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="RUN.sqlite", help="The store to write.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            help="Processes; one a core without it.",
            parser=whole("--workers", 1, WORKERS),
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="3/16", help="Run one part of several; merge joins them."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar='"yield ±1 %"',
            help="Stop when a yield or an accuracy is known so well; n_dies is the most.",
        ),
    ] = None,
    plan_check: Annotated[
        bool,
        typer.Option("--plan-check", help="Run nothing; say what it takes in time and room."),
    ] = False,
    dask: Annotated[
        str | None,
        typer.Option(
            "--dask",
            metavar="ADDRESS",
            help="Compute on the dask cluster of this scheduler, such as tcp://10.0.0.1:8786.",
        ),
    ] = None,
    design: DesignFile = None,
    i_unit: IUnit = None,
    calibration: CalibrationFile = None,
    kernel: Kernel = None,
    json: Json = False,
) -> None:
    """Run a network on many dies and conditions.

    A call that was interrupted resumes when it is repeated, to the same bits. Runs that the machine
    cut off (killed, no memory, no room, too slow) are tried again then, and end this call with 1.
    """
    from mru_hw.report.check import check_lines
    from mru_hw.report.summary import sweep_lines, sweep_summary
    from mru_hw.sweeps.face import check_sweep, sweep_plan
    from mru_hw.sweeps.plan import read_plan
    from mru_hw.sweeps.statistics.answers import statistics
    from mru_hw.sweeps.view import open_run

    document = _with_options(read_plan(plan), plan, design, i_unit, calibration, kernel)
    said = names_of_design(design, i_unit)
    if calibration is not None:
        said["calibration"] = "--calibration"
    asked: Any = {"source": plan, "said": said, "workers": workers, "shard": shard, "until": until}
    if plan_check:
        if dask is not None:
            raise UserError("--dask", dask, "no such option beside --plan-check")
        found = check_sweep(document, out, **asked)
        if found.warning:
            say(found.warning)
        emit(found.as_data(), as_json=json, lines=check_lines(found))
        return
    if out is None:
        raise UserError("out", MISSING, "the file to write")
    with meter("sweep") as show:
        outcome = sweep_plan(document, out, **asked, dask=dask, progress=show)
    with open_run(out) as run:
        summary = sweep_summary(run) | {
            "run": out,
            "point": run.base.settings,
            "runs": outcome.runs,
            "computed": outcome.computed,
            "failed": outcome.failed,
            "digest": outcome.digest,
            "seconds": outcome.seconds,
        }
        if json:
            summary["statistics"] = statistics(run).as_data()
        if run.doubtful:
            say(run.doubtful)
        emit(summary, as_json=json, lines=sweep_lines(run, summary))
    outcome.refuse_cut_off()


def _with_options(
    document: Plan,
    plan: Path,
    design: Path | None,
    i_unit: str | None,
    calibration: Path | None,
    kernel: str | None,
) -> Plan:
    """Return a plan with what the command line says of its design, calibration and kernel.

    Raises
    ------
    UserError
        The plan says it already.
    """
    given = {"design": design, "calibration": calibration, "kernel": kernel}
    for key, value in given.items():
        if value is not None and key in document.model_fields_set:
            expected = f"no such option, for {plan.name} has the key {key}"
            raise UserError(f"--{key}", str(value), expected)
    if i_unit is not None and document.varies("i_unit"):
        expected = f"no such option, for i_unit is an axis of {plan.name}"
        raise UserError("--i-unit", i_unit, expected)
    from mru_hw.simulate.kernels import refuse_kernel

    changed: dict[str, Any] = {}
    if kernel is not None:
        refuse_kernel(kernel, document.level, document.timing)
        changed["kernel"] = kernel
    if calibration is not None:
        changed["calibration"] = str(calibration.absolute())
    if design is not None:
        changed["design"] = chosen_options(design, i_unit)
    elif i_unit is not None:
        there = document.resolved(plan.parent).options
        changed["design"] = with_i_unit(there, i_unit, plan.name)
    return document.model_copy(update=changed)
