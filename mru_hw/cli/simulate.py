"""The command `mru-hw simulate`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mru_hw.cli.conditions import asked_conditions, told_as_options
from mru_hw.cli.design import (
    CalibrationFile,
    DesignFile,
    IUnit,
    chosen_calibration,
    chosen_options,
    told_of_design,
)
from mru_hw.cli.numbers import SEEDS, real, whole
from mru_hw.cli.output import Json, emit, progress, say
from mru_hw.cli.wires import WirePerLeg, WirePerUm, chosen_wires, wire_lines
from mru_hw.errors import SimulationError, UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mru_hw.mapping import Design
    from mru_hw.simulate.run import Chip, LevelRun
    from mru_hw.simulate.trace import Trace
    from mru_hw.simulate.verify import Choice, Verification
    from mru_hw.spice.options import Tolerances
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
    tolerances: Annotated[
        str,
        typer.Option(
            "--tolerances",
            help="At the level spice: default, or tight, which takes up to nine times as long and "
            "resolves the clock's energy.",
        ),
    ] = "default",
    wire_per_leg: WirePerLeg = "0 F",
    wire_per_um: WirePerUm = "0 F",
    design: DesignFile = None,
    i_unit: IUnit = None,
    calibration: CalibrationFile = None,
    json: Json = False,
) -> None:
    """Run a model on sequences: decisions, energy, outputs, candidates and states.

    Y.npz is written when all sequences have ended. Where ngspice fails on some, the others stand in
    Y.incomplete.npz, an earlier Y.npz stays as it was, and the status is 1.
    """
    from mru_hw.model.io import load_model
    from mru_hw.simulate.run import Chip, run_level
    from mru_hw.simulate.trace import refuse_other_content
    from mru_hw.spice.rawfile import refuse_raw
    from mru_hw.stimulus import load_inputs, refuse_labels, sequence_range
    from mru_hw.technology import load_technology
    from mru_hw.variation.spread import GRADIENT_MOST, PROCESS_MOST

    choice, closely = _how(level, timing, noise, verify, tolerances)
    wires = chosen_wires(wire_per_leg, wire_per_um, level)
    _refuse_scale("--process-scale", process_scale, PROCESS_MOST, die)
    _refuse_scale("--gradient-scale", gradient_scale, GRADIENT_MOST, die)
    if raw is not None and (level != "spice" or choice is not None):
        raise UserError("--raw", str(raw), "--level spice, whole networks: others have no waves")
    options = chosen_options(design, i_unit)
    technology = load_technology(tech)
    constants = chosen_calibration(calibration, technology)
    with told_as_options():
        conditions = asked_conditions(technology, level, corner, temperature, vdd)
    refuse_other_content(out)
    if level == "spice":
        refuse_other_content(_beside(out))
    network = load_model(model)
    data = load_inputs(inputs)
    refuse_labels(data, network.spec.n_classes)
    first, stop = sequence_range(sequences, data.n_seq, "--sequences")
    data = data.take(slice(first, stop))
    if raw is not None:
        refuse_raw(raw, range(first, stop))
    with told_of_design(design, i_unit):
        chip = Chip.of(network, technology, wires, options=options, calibration=constants)
    chip = dataclasses.replace(chip, process=process_scale, gradient=gradient_scale)
    if level == "spice":
        _refuse_size(chip, data, choice, conditions)
    traced = level if choice is None else "behavioral"
    with progress(traced, data.n_seq) as advance, told_as_options():
        run = run_level(
            chip,
            data,
            level=traced,
            conditions=conditions,
            die=die,
            noise=noise,
            timing=timing,
            first_sequence=first,
            tolerances=closely,
            progress=advance,
            raw=raw,
        )
    run = _priced(run)
    checked = None
    if choice is not None:
        checked = _verified(chip, data, run.trace, choice, conditions, die, first, closely)
    written = _written(run, out)
    if run.warning:
        say(run.warning)
    about = {
        "out": out if written == out else None,
        "incomplete": None if written == out else written,
        "level": level,
        "trace_level": traced,
        "timing": timing,
        "tolerances": tolerances if level == "spice" else None,
        "wires": wires.as_data(),
        "options": options.as_data(),
    }
    _tell(data, run, about, checked, chip.design, json=json)


def _how(
    level: str, timing: str, noise: int | None, verify: str | None, tolerances: str
) -> tuple[Choice | None, Tolerances]:
    """Check the options that say how to run, against the level and each other."""
    from mru_hw.simulate.run import LEVELS, refuse_timing
    from mru_hw.simulate.verify import parse_choice
    from mru_hw.spice.options import Tolerances

    if level not in LEVELS:
        raise UserError("--level", level, "one of " + ", ".join(LEVELS))
    refuse_timing(timing, level, noise)
    if tolerances not in list(Tolerances):
        raise UserError("--tolerances", tolerances, "one of " + ", ".join(Tolerances))
    closely = Tolerances(tolerances)
    if closely is not Tolerances.DEFAULT and level != "spice":
        raise UserError("--tolerances", tolerances, f"default at the level {level}: spice has it")
    choice = None if verify is None else parse_choice(verify)
    if choice is not None and level != "spice":
        raise UserError("--level", level, "spice, where --verify runs single units in ngspice")
    return choice, closely


def _refuse_size(chip: Chip, data: Inputs, choice: Choice | None, conditions: Conditions) -> None:
    """Refuse what ngspice would not finish: before the behavioral run, not after."""
    from mru_hw.simulate.verify import refuse_large, refuse_verification

    if choice is None:
        refuse_large(chip.design)
    else:
        refuse_verification(choice, chip.design, data, conditions)


def _refuse_scale(option: str, value: float, most: float, die: int | None) -> None:
    if not 0 <= value <= most:
        raise UserError(option, value, f"0 to {most:g}")
    if value and die is None:
        raise UserError(option, value, "0 without --die, for the nominal die has no spread")


def _priced(run: LevelRun) -> LevelRun:
    """Return the run with the energies that its supply currents amount to."""
    from mru_hw.energy import energy

    if run.supply is None:
        return run
    priced = energy(run.supply)
    blocks = {name: static + switching for name, (static, switching) in priced.blocks.items()}
    trace = dataclasses.replace(run.trace, energy_J=priced.total)
    return dataclasses.replace(run, trace=trace, energy_by_block=blocks)


def _beside(out: Path) -> Path:
    """Return where a trace goes that lacks sequences."""
    return out.with_name(f"{out.stem}.incomplete.npz")


def _written(run: LevelRun, out: Path) -> Path | None:
    """Write the trace where it belongs; return where that was."""
    ended = run.trace.decision >= 0
    if ended.all():
        run.trace.save(out)
        if run.endings is not None:
            _beside(out).unlink(missing_ok=True)  # of an earlier call
        return out
    if ended.any():
        run.trace.save(_beside(out))
        return _beside(out)
    return None


def _verified(
    chip: Chip,
    data: Inputs,
    trace: Trace,
    choice: Choice,
    conditions: Conditions,
    die: int | None,
    first_sequence: int,
    tolerances: Tolerances,
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
            tolerances=tolerances,
            progress=advance,
        )


def _tell(
    data: Inputs,
    run: LevelRun,
    about: dict[str, Any],
    checked: Verification | None,
    design: Design,
    *,
    json: bool,
) -> None:
    """Print the result; where runs of ngspice failed, end with their reason."""
    import numpy as np

    from mru_hw.simulate.causes import table
    from mru_hw.simulate.endings import failure, helped_lines

    trace = run.trace
    disagreements = run.disagreements if checked is None else checked.disagreements
    endings = run.endings if checked is None else checked.endings
    finished = trace.decision >= 0
    n_done = int(finished.sum())
    accuracy = None
    if data.y is not None and n_done:
        accuracy = float(np.mean((trace.decision == data.y)[finished]))
    figures = _figures(run, data.lengths.astype(np.float64) * design.timing.frame, finished)
    level, place = about["trace_level"], about["out"] or about["incomplete"] or "Nothing written"
    lines = [f"{place}: {n_done} of {data.n_seq} sequences at the level {level}."]
    if accuracy is not None:
        lines.append(f"Accuracy: {100 * accuracy:.2f} %.")
    lines += [*_energy_lines(figures), *wire_lines(design.wires)]
    if checked is not None:
        lines.append(checked.sentence())
    lines += helped_lines(endings or ())
    lines += table(disagreements or ())
    emit(
        {
            **about,
            "sequences": data.n_seq,
            "accuracy": accuracy,
            **figures,
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


def _figures(
    run: LevelRun, seconds: NDArray[np.float64], finished: NDArray[np.bool_]
) -> dict[str, Any]:
    """Return energies and powers over the sequences that ended; None where nothing is priced."""
    import numpy as np

    names = ("energy_per_sequence_J", "power_W", "input_energy_J", "input_power_W")
    if not finished.any() or not np.isfinite(run.trace.energy_J[finished]).all():
        return dict.fromkeys((*names, "blocks_W"))
    time = float(np.mean(seconds[finished]))
    joules, delivered = (
        float(np.mean(e[finished])) for e in (run.trace.energy_J, run.input_energy)
    )
    blocks = {
        name: None if name in run.unresolved else float(np.mean(e[finished])) / time
        for name, e in run.energy_by_block.items()
    }
    powers = (joules, joules / time, delivered, delivered / time)
    return dict(zip(names, powers, strict=True)) | {"blocks_W": blocks}


def _energy_lines(figures: dict[str, Any]) -> list[str]:
    from mru_hw.units import render

    joules, delivered = figures["energy_per_sequence_J"], figures["input_energy_J"]
    if joules is None:
        return []
    blocks = (
        f"{name} {'not resolved' if watts is None else render(watts, 'W')}"
        for name, watts in figures["blocks_W"].items()
    )
    share = delivered / joules if joules else 0.0
    return [
        f"Energy per sequence: {render(joules, 'J')} on average, {render(figures['power_W'], 'W')}"
        f" ({', '.join(blocks)}).",
        f"The inputs deliver {render(delivered, 'J')} beside it, as if from the supply "
        f"({100 * share:.1f} % of it).",
    ]
