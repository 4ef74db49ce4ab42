"""The command `mru-hw simulate`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mru_hw.cli.numbers import SEEDS, real, whole
from mru_hw.cli.output import Json, emit, progress
from mru_hw.errors import SimulationError, UserError

if TYPE_CHECKING:
    from mru_hw.simulate.run import Chip, LevelRun
    from mru_hw.simulate.trace import Trace
    from mru_hw.simulate.verify import Choice, Verification
    from mru_hw.stimulus import Inputs
    from mru_hw.technology.conditions import Conditions


def simulate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model folder.")],
    inputs: Annotated[
        Path, typer.Option("--inputs", metavar="X.npz", help="Sequences: x, lengths, y.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="Y.npz", help="The trace to write.")],
    level: Annotated[
        str, typer.Option("--level", help="Level of truth: ideal, behavioral or spice.")
    ] = "behavioral",
    tech: Annotated[str, typer.Option("--tech", help="The technology.")] = "generic180",
    die: Annotated[
        int | None,
        typer.Option(
            "--die",
            metavar="SEED",
            help="A die; nominal without it.",
            parser=whole("--die", 0, SEEDS),
        ),
    ] = None,
    process_scale: Annotated[
        float,
        typer.Option(
            "--process-scale",
            metavar="FACTOR",
            help="With --die: die-to-die spread over its sigma.",
            parser=real("--process-scale"),
        ),
    ] = 0.0,
    gradient_scale: Annotated[
        float,
        typer.Option(
            "--gradient-scale",
            metavar="FACTOR",
            help="With --die: gradient over its sigma.",
            parser=real("--gradient-scale"),
        ),
    ] = 0.0,
    noise: Annotated[
        int | None,
        typer.Option(
            "--noise",
            metavar="SEED",
            help="Device noise; none without it.",
            parser=whole("--noise", 0, SEEDS),
        ),
    ] = None,
    corner: Annotated[str, typer.Option("--corner", help="Process corner.")] = "tt",
    temperature: Annotated[
        float,
        typer.Option(
            "--temperature",
            metavar="DEGC",
            help="Temperature [degC].",
            parser=real("--temperature", "degC"),
        ),
    ] = 27.0,
    vdd: Annotated[
        str | None, typer.Option("--vdd", metavar="V", help="Supply; the technology's without it.")
    ] = None,
    timing: Annotated[
        str,
        typer.Option(
            "--timing",
            help="settled, one solution a phase; or timed, at the level behavioral: states move "
            "with their delays.",
        ),
    ] = "settled",
    sequences: Annotated[
        str, typer.Option("--sequences", metavar="0:10", help="Which sequences, start:stop.")
    ] = ":",
    verify: Annotated[
        str | None,
        typer.Option(
            "--verify",
            metavar="units:N",
            help="At the level spice: run N units (or layer:I) singly under the behavioral level's "
            "candidates; the trace is the behavioral one.",
        ),
    ] = None,
    raw: Annotated[
        Path | None,
        typer.Option(
            "--raw", metavar="DIR", help="At the level spice: each run's waves, for a viewer."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Run a model on sequences: decisions, energy, outputs, candidates and states."""
    from mru_hw.energy import energy
    from mru_hw.model.io import load_model
    from mru_hw.simulate.run import LEVELS, Chip, refuse_timing, run_level
    from mru_hw.simulate.trace import refuse_other_content
    from mru_hw.simulate.verify import parse_choice, refuse_large
    from mru_hw.stimulus import load_inputs, refuse_labels, sequence_range
    from mru_hw.technology import load_technology
    from mru_hw.technology.conditions import checked_conditions, nominal_conditions
    from mru_hw.units import parse, render

    if level not in LEVELS:
        raise UserError("--level", level, "one of " + ", ".join(LEVELS))
    refuse_timing(timing, level, noise)
    _refuse_scales({"--process-scale": process_scale, "--gradient-scale": gradient_scale}, die)
    choice = None if verify is None else parse_choice(verify)
    if choice is not None and level != "spice":
        raise UserError("--level", level, "spice, where --verify runs single units in ngspice")
    if raw is not None:
        _refuse_raw(raw, waves=level == "spice" and choice is None)
    technology = load_technology(tech)
    v_dd = technology.v_dd if vdd is None else parse(vdd, "V", "--vdd")
    conditions = checked_conditions(technology, corner=corner, temperature=temperature, v_dd=v_dd)
    nominal = nominal_conditions(technology)
    if level == "ideal" and (temperature, v_dd) != (nominal.temperature, nominal.v_dd):
        found = f"{temperature:g} degC and {render(v_dd, 'V')}"
        raise UserError("conditions", found, "none at the level ideal, whose numbers have none")
    refuse_other_content(out)
    network = load_model(model)
    data = load_inputs(inputs)
    refuse_labels(data, network.spec.n_classes)
    first, stop = sequence_range(sequences, data.n_seq, "--sequences")
    data = data.take(slice(first, stop))
    chip = dataclasses.replace(
        Chip.of(network, technology), process=process_scale, gradient=gradient_scale
    )
    if level == "spice" and choice is None:
        refuse_large(chip.design)
    traced = level if choice is None else "behavioral"
    with progress(traced, data.n_seq) as advance:
        run = run_level(
            chip,
            data,
            level=traced,
            conditions=conditions,
            die=die,
            noise=noise,
            timing=timing,
            first_sequence=first,
            progress=advance,
            raw=raw,
        )
    trace = run.trace
    if run.supply is not None:
        trace = dataclasses.replace(trace, energy_J=energy(run.supply).total)
    checked = None
    if choice is not None:
        checked = _verified(chip, data, trace, choice, conditions, die, first)
    trace.save(out)
    if run.warning:
        typer.echo(run.warning, err=True)
    _tell(
        data,
        trace,
        {"out": out, "level": level, "trace_level": traced, "timing": timing},
        checked,
        run,
        json=json,
    )


def _refuse_scales(scales: dict[str, float], die: int | None) -> None:
    for option, value in scales.items():
        if not 0 <= value <= 1000:
            raise UserError(option, value, "0 to 1000")
        if value and die is None:
            raise UserError(option, value, "0 without --die, for the nominal die has no spread")


def _refuse_raw(raw: Path, *, waves: bool) -> None:
    from mru_hw.files import refuse_no_folder

    if not waves:
        raise UserError("--raw", str(raw), "--level spice, whole networks: others have no waves")
    refuse_no_folder(raw, "--raw")


def _verified(
    chip: Chip,
    data: Inputs,
    trace: Trace,
    choice: Choice,
    conditions: Conditions,
    die: int | None,
    first_sequence: int,
) -> Verification:
    from mru_hw.simulate.verify import verify_units

    with progress("spice", choice.size(chip.design) * data.n_seq) as advance:
        return verify_units(
            chip.design,
            chip.calibration,
            data,
            trace,
            choice,
            conditions=conditions,
            die=None if die is None else chip.die(die),
            first_sequence=first_sequence,
            progress=advance,
        )


def _tell(
    data: Inputs,
    trace: Trace,
    about: dict[str, Any],
    checked: Verification | None,
    run: LevelRun,
    *,
    json: bool,
) -> None:
    import numpy as np

    from mru_hw.simulate.causes import table
    from mru_hw.simulate.endings import failure, helped_lines

    disagreements = run.disagreements if checked is None else checked.disagreements
    endings = run.endings if checked is None else checked.endings
    finished = trace.decision >= 0
    n_done = int(finished.sum())
    accuracy = None
    if data.y is not None and n_done:
        accuracy = float(np.mean((trace.decision == data.y)[finished]))
    joules = float(np.mean(trace.energy_J[finished])) if n_done else float("nan")
    level = about["trace_level"]
    lines = [f"{about['out']}: {n_done} of {data.n_seq} sequences at the level {level}."]
    if accuracy is not None:
        lines.append(f"Accuracy: {100 * accuracy:.2f} %.")
    if np.isfinite(joules):
        lines.append(f"Energy per sequence: {joules * 1e9:.4g} nJ on average.")
    if checked is not None:
        lines.append(checked.sentence())
    lines += helped_lines(endings or ())
    lines += table(disagreements or ())
    emit(
        {
            **about,
            "sequences": data.n_seq,
            "accuracy": accuracy,
            "energy_per_sequence_J": joules,
            "finished": n_done,
            "status": trace.status.name.lower(),
            "warning": run.warning or None,
            "runs": None if run.endings is None else [ending.row() for ending in run.endings],
            "verify": None if checked is None else checked.summary(),
            "disagreements": None if disagreements is None else [d.row() for d in disagreements],
        },
        as_json=json,
        lines=lines,
    )
    failed = failure(endings or ())
    if failed is not None:
        raise SimulationError(failed)
