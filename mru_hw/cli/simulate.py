"""The command `mru-hw simulate`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.output import Json, emit, progress
from mru_hw.errors import RunStatus, SimulationError, UserError

SEEDS = 2**63 - 1


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
        typer.Option("--die", metavar="SEED", help="A die; nominal without it.", min=0, max=SEEDS),
    ] = None,
    noise: Annotated[
        int | None,
        typer.Option(
            "--noise", metavar="SEED", help="Device noise; none without it.", min=0, max=SEEDS
        ),
    ] = None,
    corner: Annotated[str, typer.Option("--corner", help="Process corner.")] = "tt",
    temperature: Annotated[float, typer.Option("--temperature", help="Temperature [degC].")] = 27.0,
    vdd: Annotated[
        str | None, typer.Option("--vdd", metavar="V", help="Supply; the technology's without it.")
    ] = None,
    timing: Annotated[str, typer.Option("--timing", help="settled (timed is to come).")] = (
        "settled"
    ),
    sequences: Annotated[
        str, typer.Option("--sequences", metavar="0:10", help="Which sequences, start:stop.")
    ] = ":",
    raw: Annotated[
        Path | None,
        typer.Option(
            "--raw", metavar="DIR", help="At the level spice: each run's waves, for a viewer."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Run a model on sequences: decisions, energy, outputs, candidates and states."""
    import numpy as np

    from mru_hw.energy import energy
    from mru_hw.model.io import load_model
    from mru_hw.simulate.run import LEVELS, Chip, run_level
    from mru_hw.simulate.trace import refuse_other_content
    from mru_hw.stimulus import load_inputs, sequence_range
    from mru_hw.technology import load_technology
    from mru_hw.technology.conditions import checked_conditions
    from mru_hw.units import parse

    if level not in LEVELS:
        raise UserError("--level", level, "one of " + ", ".join(LEVELS))
    if timing != "settled":
        raise UserError("--timing", timing, "settled: timed cell models are not made yet")
    if raw is not None and level != "spice":
        raise UserError("--raw", str(raw), "--level spice, whole networks: others have no waves")
    technology = load_technology(tech)
    v_dd = technology.v_dd if vdd is None else parse(vdd, "V", "--vdd")
    conditions = checked_conditions(technology, corner=corner, temperature=temperature, v_dd=v_dd)
    refuse_other_content(out)
    network = load_model(model)
    data = load_inputs(inputs)
    first, stop = sequence_range(sequences, data.n_seq, "--sequences")
    data = data.take(slice(first, stop))
    chip = Chip.of(network, technology)
    with progress(level, data.n_seq) as advance:
        run = run_level(
            chip,
            data,
            level=level,
            conditions=conditions,
            die=die,
            noise=noise,
            first_sequence=first,
            progress=advance,
            raw=raw,
        )
    trace = run.trace
    if run.supply is not None:
        trace = dataclasses.replace(trace, energy_J=energy(run.supply).total)
    trace.save(out)
    finished = trace.decision >= 0
    accuracy = None
    if data.y is not None and finished.any():
        accuracy = float(np.mean((trace.decision == data.y)[finished]))
    joules = float(np.mean(trace.energy_J[finished])) if finished.any() else float("nan")
    lines = [f"{out}: {int(finished.sum())} of {data.n_seq} sequences at the level {level}."]
    if accuracy is not None:
        lines.append(f"Accuracy: {100 * accuracy:.2f} %.")
    if np.isfinite(joules):
        lines.append(f"Energy per sequence: {joules * 1e9:.4g} nJ on average.")
    emit(
        {
            "out": out,
            "level": level,
            "sequences": data.n_seq,
            "accuracy": accuracy,
            "energy_per_sequence_J": joules,
            "finished": int(finished.sum()),
            "status": trace.status.name.lower(),
        },
        as_json=json,
        lines=lines,
    )
    if trace.status is not RunStatus.DONE:
        raise SimulationError(f"{data.n_seq - int(finished.sum())} failed. {trace.status.value}")
