"""The command `mru-hw simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mru_hw.cli.conditions import Corner, GradientScale, ProcessScale, Supply, Temperature
from mru_hw.cli.design import (
    CalibrationFile,
    DesignFile,
    IUnit,
    Kernel,
    Tech,
    chosen_options,
    told_of_design,
)
from mru_hw.cli.flags import in_flags
from mru_hw.cli.numbers import SEEDS, whole
from mru_hw.cli.output import Json, emit, progress, say
from mru_hw.cli.wires import WirePerLeg, WirePerUm, chosen_wires, wire_lines
from mru_hw.errors import SimulationError, UserError
from mru_hw.words import many

if TYPE_CHECKING:
    from mru_hw.mapping.wire_load import WireLoad
    from mru_hw.simulate.result import Run


def simulate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model folder.")],
    inputs: Annotated[
        Path, typer.Option("--inputs", metavar="X.npz", help="Sequences: x, lengths, y.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="Y.npz", help="The trace to write.")],
    level: Annotated[
        str, typer.Option("--level", help="Level of truth: ideal, behavioral or spice.")
    ] = "behavioral",
    tech: Tech = "generic180",
    die: Annotated[
        int | None,
        typer.Option(
            "--die",
            metavar="SEED",
            help="A die; nominal without it.",
            parser=whole("--die", 0, SEEDS),
        ),
    ] = None,
    process_scale: ProcessScale = 0.0,
    gradient_scale: GradientScale = 0.0,
    noise: Annotated[
        int | None,
        typer.Option(
            "--noise",
            metavar="SEED",
            help="Device noise; none without it.",
            parser=whole("--noise", 0, SEEDS),
        ),
    ] = None,
    corner: Corner = None,
    temperature: Temperature = None,
    vdd: Supply = None,
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
            "--raw",
            metavar="DIR",
            help="At the level spice, with --verify too: each run's waves, for a viewer.",
        ),
    ] = None,
    tolerances: Annotated[
        str,
        typer.Option(
            "--tolerances",
            help="At the level spice: default, or tight, which takes up to nine times as long and "
            "resolves the clock's energy, which default has within 10 %.",
        ),
    ] = "default",
    kernel: Kernel = None,
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
    from mru_hw.mapping.cells import without_circuit
    from mru_hw.model.io import load_model
    from mru_hw.simulate.asked import refuse_level, refuse_spread, refuse_timing
    from mru_hw.simulate.kernels import refuse_kernel
    from mru_hw.simulate.run import Chip
    from mru_hw.simulate.software import run_software
    from mru_hw.simulate.trace import refuse_other_content
    from mru_hw.simulate.verify import parse_choice
    from mru_hw.stimulus import load_inputs, sequence_range
    from mru_hw.technology import load_technology
    from mru_hw.variation.spread import GRADIENT_MOST, PROCESS_MOST

    # What costs nothing to see comes before the mapping.
    refuse_level(level)
    refuse_timing(timing, level)
    refuse_kernel(kernel, level, timing)
    refuse_spread("process_scale", process_scale, PROCESS_MOST, die)
    refuse_spread("gradient_scale", gradient_scale, GRADIENT_MOST, die)
    choice = None if verify is None else parse_choice(verify)
    if choice is not None:
        _refuse_beside_verify(level)
    wires = chosen_wires(wire_per_leg, wire_per_um, level)
    options = chosen_options(design, i_unit)
    refuse_other_content(out)
    if level == "spice":
        refuse_other_content(_beside(out))
    network, data = load_model(model), load_inputs(inputs)
    first, stop = sequence_range(sequences, data.n_seq)
    conditions: Any = {"corner": corner, "temperature": temperature, "v_dd": vdd}
    common: Any = {"die": die, "sequences": slice(first, stop), "tolerances": tolerances}
    traced = level if choice is None else "behavioral"
    # At the level ideal a network that no circuit holds runs as it is; at others it is refused.
    mapped = level != "ideal" or not without_circuit(network.spec)
    if mapped:
        with told_of_design(design, i_unit):
            chip = Chip(
                network,
                tech,
                options,
                calibration,
                wires=wires,
                process=process_scale,
                gradient=gradient_scale,
            )
    if not mapped:
        _refuse_choices({"--design": design, "--i-unit": i_unit, "--calibration": calibration})
        technology = load_technology(tech)
        run = run_software(
            network, data, technology, noise=noise, raw=raw, kernel=kernel, **conditions, **common
        )
    elif choice is None:
        with progress(traced, stop - first) as advance:
            run = chip.run(
                data,
                level,
                noise=noise,
                timing=timing,
                raw=raw,
                progress=advance,
                kernel=kernel,
                **conditions,
                **common,
            )
    else:
        with progress("spice", choice.size(chip.design) * (stop - first)) as advance:
            run = chip.verify(data, choice, raw=raw, progress=advance, **conditions, **common)
    written = _written(run, out)
    if run.warning:
        say(in_flags(run.warning, "simulate"))
    about = {
        "out": out if written == out else None,
        "incomplete": None if written == out else written,
        "level": level,
        "trace_level": traced,
        "timing": timing,
        "kernel": run.kernel,
        "tolerances": tolerances if level == "spice" else None,
        "wires": wires.as_data(),
        "options": options.as_data() if mapped else None,
        "mapped": mapped,
    }
    _tell(run, about, wires, json=json)


def _refuse_beside_verify(level: str) -> None:
    """Refuse a level that runs no single units in ngspice."""
    if level != "spice":
        raise UserError("--level", level, "spice, where --verify runs single units in ngspice")


def _refuse_choices(choices: dict[str, Path | str | None]) -> None:
    """Refuse what is asked of a mapping where nothing is mapped."""
    for field, value in choices.items():
        if value is not None:
            expected = "no such option, for no circuit holds the network's memory cells"
            raise UserError(field, str(value), expected)


def _beside(out: Path) -> Path:
    """Return where a trace goes that lacks sequences."""
    return out.with_name(f"{out.stem}.incomplete.npz")


def _written(run: Run, out: Path) -> Path | None:
    """Write the trace where it belongs; return where that was."""
    ended = run.finished
    if ended.all():
        run.trace.save(out)
        if run.endings is not None and run.verification is None:
            _beside(out).unlink(missing_ok=True)  # of an earlier call
        return out
    if ended.any():
        run.trace.save(_beside(out))
        return _beside(out)
    return None


def _tell(run: Run, about: dict[str, Any], wires: WireLoad, *, json: bool) -> None:
    """Print the result; where runs of ngspice failed, end with their reason."""
    from mru_hw.simulate.causes import table
    from mru_hw.simulate.endings import failure, helped_lines

    checked, disagreements = run.verification, run.disagreements
    n_done, n_seq = int(run.finished.sum()), len(run.decision)
    figures = _figures(run)
    level, place = about["trace_level"], about["out"] or about["incomplete"] or "Nothing written"
    lines = [f"{place}: {n_done} of {many(n_seq, 'sequence')} at the level {level}."]
    if run.accuracy is not None:
        lines.append(f"Accuracy: {100 * run.accuracy:.2f} %.")
    lines += [*_energy_lines(figures, run.unresolved), *wire_lines(wires)]
    if checked is not None:
        lines.append(checked.sentence())
    lines += helped_lines(run.endings or ())
    lines += table(disagreements or ())
    whole = run.endings if checked is None else None
    emit(
        {
            **about,
            "sequences": n_seq,
            "accuracy": run.accuracy,
            **figures,
            "within_10_percent": list(run.unresolved),
            "finished": n_done,
            "status": run.status.name.lower(),
            "warning": in_flags(run.warning, "simulate") or None,
            "runs": None if whole is None else [ending.row() for ending in whole],
            "verify": None if checked is None else checked.summary(),
            "disagreements": None if disagreements is None else [d.row() for d in disagreements],
        },
        as_json=json,
        lines=lines,
    )
    failed = failure(run.endings or ())
    if failed is not None:
        raise SimulationError(failed)


def _figures(run: Run) -> dict[str, Any]:
    """Return energies and powers over the sequences that ended; None where nothing is priced."""
    import numpy as np

    names = ("energy_per_sequence_J", "power_W", "input_energy_J", "input_power_W")
    done = run.finished
    if run.level == "ideal" or not done.any():
        return dict.fromkeys((*names, "blocks_W"))
    priced, time = run.energy, float(np.mean(run.seconds[done]))
    joules, delivered = (float(np.mean(e[done])) for e in (priced.total, priced.inputs))
    blocks = {name: float(np.mean(e[done])) / time for name, e in priced.blocks.items()}
    powers = (joules, joules / time, delivered, delivered / time)
    return dict(zip(names, powers, strict=True)) | {"blocks_W": blocks}


def _energy_lines(figures: dict[str, Any], unresolved: tuple[str, ...]) -> list[str]:
    from mru_hw.sweeps.told import percent
    from mru_hw.units import render

    joules, delivered = figures["energy_per_sequence_J"], figures["input_energy_J"]
    if joules is None:
        return []
    blocks = (
        f"{name} {render(watts, 'W')}{', within 10 %' if name in unresolved else ''}"
        for name, watts in figures["blocks_W"].items()
    )
    share = delivered / joules if joules else 0.0
    return [
        f"Energy per sequence: {render(joules, 'J')} on average, {render(figures['power_W'], 'W')}"
        f" ({', '.join(blocks)}).",
        f"The inputs deliver {render(delivered, 'J')} beside it, as if from the supply "
        f"({percent(share, 1)} of it).",
    ]
