"""The command `mru-hw explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mru_hw.cli.dialect import InDialect
from mru_hw.cli.numbers import SEEDS, whole
from mru_hw.cli.output import Json, emit, say
from mru_hw.errors import RunStatus, SimulationError, UserError


def explain(
    run: Annotated[Path, typer.Argument(metavar="RUN.sqlite", help="What sweep wrote.")],
    die: Annotated[
        int | None,
        typer.Option(
            "--die",
            metavar="SEED",
            help="The die; without it and --point that of the worst run of what binds, else the "
            "one of the least accuracy at the point.",
            parser=whole("--die", 0, SEEDS),
        ),
    ] = None,
    point: Annotated[
        int | None,
        typer.Option(
            "--point",
            metavar="N",
            help="The point of the sweep, as export counts them; without it that of the worst run "
            "of what binds, and of a sweep without a specification the nominal one, or the first.",
            parser=whole("--point", 0),
        ),
    ] = None,
    trial: Annotated[
        int | None,
        typer.Option(
            "--trial",
            metavar="N",
            help="Which of the networks that the point draws; the first without it, or that of "
            "the worst run.",
            parser=whole("--trial", 0),
        ),
    ] = None,
    sequence: Annotated[
        int | None,
        typer.Option(
            "--sequence",
            metavar="K",
            help="The sequence that --out and --spice play; without it the shortest that the die "
            "decides wrongly and the nominal die there does not, or else the level ideal, or that "
            "with most wrong steps.",
            parser=whole("--sequence", 0),
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="The die as a netlist; of ngspice's, ngspice -b bench.cir runs it.",
        ),
    ] = None,
    dialect: InDialect = "ngspice",
    spice: Annotated[
        bool, typer.Option("--spice", help="Run the sequence in ngspice, beside the array.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="The sweep's model, if it lies neither beside it nor here.",
        ),
    ] = None,
    inputs: Annotated[
        Path | None, typer.Option("--inputs", metavar="X.npz", help="Its inputs, likewise.")
    ] = None,
    rows: Annotated[
        int,
        typer.Option(
            "--rows",
            metavar="N",
            help="Lines of each table; --json has all.",
            parser=whole("--rows", 1, 10_000),
        ),
    ] = 10,
    json: Json = False,
) -> None:
    """Say which sequences, units and frames failed on a die of a sweep, and why.

    The die is run again, to the decisions that the sweep stored; wrong steps are those that the
    network as mapped would have made otherwise.
    """
    from mru_hw.spice.deck import BENCH
    from mru_hw.spice.dialects import dialect_named
    from mru_hw.sweeps.explanation import explain as explained

    language = dialect_named(dialect)
    if out is None and dialect != "ngspice":
        raise UserError("--dialect", dialect, "none without --out, which writes the netlist")
    found = explained(run, die, point=point, trial=trial, model=model, inputs=inputs)
    steps = found.of_sequence(sequence)
    data: dict[str, Any] = {"run": run} | found.as_data()
    data["played"] = found.chosen if sequence is None else sequence
    data["steps_of_played"] = [one.row() for one in steps]
    lines = list(found.lines(rows, sequence))
    if out is not None:
        files = found.netlist(out, sequence, dialect=dialect)
        data |= {"out": out, "dialect": dialect, "files": list(files)}
        bench = language.file(BENCH)
        lines.append(f"{out}: sequence {data['played']} on this die, {bench} for {dialect}.")
    beside = found.ngspice(sequence) if spice else None
    if beside is not None:
        data["spice"] = beside.as_data()
        lines += beside.lines()
    if found.warning:
        say(found.warning)
    emit(data, as_json=json, lines=lines)
    if beside is not None and beside.status is not RunStatus.DONE:
        raise SimulationError(beside.status.value)
