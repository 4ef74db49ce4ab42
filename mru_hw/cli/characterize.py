"""The command `mru-hw characterize`."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mru_hw.cli.design import Tech
from mru_hw.cli.numbers import WORKERS, whole
from mru_hw.cli.output import Advance, Json, emit, progress, say
from mru_hw.errors import Bare, UserError
from mru_hw.words import many

if TYPE_CHECKING:
    from mru_hw.technology import Technology


def characterize(
    out: Annotated[
        Path, typer.Option("--out", metavar="calibration/T.yaml", help="The file to write.")
    ],
    tech: Tech = "generic180",
    corner: Annotated[
        list[str] | None,
        typer.Option("--corner", help="One corner, again for each; all without it."),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            metavar="N",
            help="Runs at a time.",
            parser=whole("--workers", 1, WORKERS),
        ),
    ] = 2,
    work: Annotated[
        Path | None,
        typer.Option(
            "--work",
            metavar="DIR",
            help="Folder that keeps every finished run; without it one beside the file, which goes "
            "when the file is there.",
        ),
    ] = None,
    measurements: Annotated[
        Path | None,
        typer.Option(
            "--measurements",
            metavar="FILE.csv",
            help="Run nothing: refit the shipped constants that this table of measured currents "
            "has rows for.",
        ),
    ] = None,
    currents: Annotated[
        bool,
        typer.Option(
            "--currents",
            help="Fit nothing: measure which currents are valid, as raw/T_currents.csv beside the "
            "file, in some minutes.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Run a technology's benches in ngspice and fit the behavioral constants to them.

    Beside the file, raw/T.csv holds the samples that they were fitted to, and raw/T_lengths.csv
    mirrors over their length, for the error budget of a netlist. A call that was interrupted
    resumes when it is repeated.
    """
    from mru_hw.files import refuse_no_folder
    from mru_hw.spice import characterize as benches
    from mru_hw.technology import load_technology
    from mru_hw.technology.calibration import refuse_other_files, write_calibration
    from mru_hw.technology.mirror_table import refuse_other_table, table_beside, write_table

    technology = load_technology(tech)
    if currents:
        if measurements is not None:
            raise UserError("--currents", Bare("given"), "no such option beside --measurements")
        _map_currents(technology, corner or (), out, json=json)
        return
    refuse_other_files(out)
    if measurements is not None:
        _refit(technology, measurements, out, json=json)
        return
    lengths = table_beside(out)
    refuse_other_table(lengths)
    folder = out.with_name(f".{out.stem}.runs") if work is None else work
    refuse_no_folder(folder, "--out" if work is None else "--work")
    with contextlib.ExitStack() as stack:

        def bar(total: int) -> Advance:
            say(f"characterize {tech}: {many(total, 'run')} of ngspice.")
            return stack.enter_context(progress(f"characterize {tech}", total))

        result = benches.characterize(
            technology, work=folder, corners=corner or (), workers=workers, progress=bar
        )
    write_table(lengths, technology, result.lengths)
    samples = write_calibration(result.constants, result.raw, out)
    if work is None:
        shutil.rmtree(folder)
    emit(
        {
            "calibration": out,
            "samples": samples,
            "lengths": lengths,
            "runs": result.runs,
            "core_seconds": result.core_seconds,
            "constants": result.constants,
        },
        as_json=json,
        lines=[
            f"{out}: constants of {tech} from {many(result.runs, 'run')} of "
            f"{result.core_seconds:.0f} core-seconds, samples in {samples}, mirrors "
            f"over their length in {lengths}."
        ],
    )


def _map_currents(technology: Technology, corners: Sequence[str], out: Path, *, json: bool) -> None:
    from mru_hw.files import refuse_foreign
    from mru_hw.spice.characterize.base import write_rows
    from mru_hw.spice.characterize.currents import COLUMNS, TEMPERATURES, measured_currents
    from mru_hw.spice.characterize.points import chosen_corners

    wanted = chosen_corners(technology, corners)
    table = out.parent / "raw" / f"{out.stem}_currents.csv"
    refuse_foreign(table, marker=",".join(COLUMNS), what="table of valid currents")
    total = len(wanted) * len(TEMPERATURES)
    say(f"characterize {technology.name}: {many(total, 'run')} of ngspice.")
    with progress(f"characterize {technology.name}", total) as advance:
        rows = measured_currents(technology, wanted, advance)
    write_rows(table, COLUMNS, rows)
    emit(
        {"currents": table, "runs": total, "rows": rows},
        as_json=json,
        lines=[f"{table}: which currents a unit device of {technology.name} may carry."],
    )


def _refit(technology: Technology, measurements: Path, out: Path, *, json: bool) -> None:
    from mru_hw.technology.calibration import load_calibration, write_calibration
    from mru_hw.technology.measurements import read_measurements, refit

    measured = read_measurements(measurements)
    constants = refit(load_calibration(technology), measured)
    raw = {
        f"measured_{quantity}_{polarity}_{what}": values
        for (quantity, polarity), curve in measured.curves.items()
        for what, values in zip(("volts", "current"), curve, strict=True)
    }
    samples = write_calibration(constants, raw, out)
    changed = constants["provenance"]["measured"]["constants"]
    emit(
        {"calibration": out, "samples": samples, "measured": changed, "constants": constants},
        as_json=json,
        lines=[
            f"{out}: {', '.join(changed)} of {technology.name} from {measured.name}; its currents "
            f"are in {samples}."
        ],
    )
