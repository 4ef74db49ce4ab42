"""The command `mru-hw netlist`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.conditions import GradientScale, ProcessScale
from mru_hw.cli.design import (
    CalibrationFile,
    DesignFile,
    IUnit,
    Tech,
    chosen_options,
    told_of_design,
)
from mru_hw.cli.dialect import InDialect
from mru_hw.cli.flags import in_flags
from mru_hw.cli.numbers import SEEDS, real, whole
from mru_hw.cli.output import Json, emit, say
from mru_hw.cli.wires import WirePerLeg, WirePerUm, chosen_wires, wire_lines
from mru_hw.errors import UserError
from mru_hw.words import many


def netlist(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model folder.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write.")],
    tech: Tech = "generic180",
    dialect: InDialect = "ngspice",
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
    corner: Annotated[
        str | None,
        typer.Option(
            "--corner", help="The bench's process corner; the technology's first without it."
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature",
            metavar="DEGC",
            help="The bench's temperature [degC]; the technology's without it.",
            parser=real("--temperature", "degC"),
        ),
    ] = None,
    vdd: Annotated[
        str | None,
        typer.Option("--vdd", metavar="V", help="The bench's supply; the technology's without it."),
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(
            "--inputs", metavar="X.npz", help="What the bench plays; a few steps without it."
        ),
    ] = None,
    sequence: Annotated[
        int | None,
        typer.Option(
            "--sequence",
            metavar="N",
            help="Which sequence of the inputs; 0 without it.",
            parser=whole("--sequence", 0),
        ),
    ] = None,
    supply_resistance: Annotated[
        str | None,
        typer.Option(
            "--supply-resistance",
            metavar="OHM",
            help="Of the supply that the decoupling is sized for, 0.1 ohm to 10 Mohm; 10 kohm "
            "without it.",
        ),
    ] = None,
    droop: Annotated[
        str | None,
        typer.Option(
            "--droop",
            metavar="V",
            help="By how much a strobe may pull that supply down, 1 mV to half the supply; 50 mV "
            "without it.",
        ),
    ] = None,
    wire_per_leg: WirePerLeg = "0 F",
    wire_per_um: WirePerUm = "0 F",
    design: DesignFile = None,
    i_unit: IUnit = None,
    calibration: CalibrationFile = None,
    json: Json = False,
) -> None:
    """Write a model as a netlist: chip, test bench, model cards, elements and error budget.

    The folder stands alone: ngspice -b bench.cir in it runs the bench and prints power, outputs by
    frame and what the decision is read from; expected.csv has what the array finds for the same.
    bench.sp, bench.scs and the other bench.cir are for HSPICE, Spectre and Xyce, none of which has
    run them: other readers checked chip and cards, nobody Spectre's and Xyce's benches. Corner,
    temperature and supply stand in the bench, and the decoupling is sized for them; the error
    budget is a nominal chip's.
    """
    from mru_hw.simulate.asked import refuse_spread
    from mru_hw.simulate.run import Chip
    from mru_hw.variation.spread import GRADIENT_MOST, PROCESS_MOST

    # What costs nothing to see comes before the mapping.
    refuse_spread("process_scale", process_scale, PROCESS_MOST, die)
    refuse_spread("gradient_scale", gradient_scale, GRADIENT_MOST, die)
    if sequence is not None and inputs is None:
        raise UserError("--sequence", sequence, "none without --inputs, whose sequences it counts")
    wires = chosen_wires(wire_per_leg, wire_per_um)
    options = chosen_options(design, i_unit)
    with told_of_design(design, i_unit):
        chip = Chip(
            model,
            tech,
            options,
            calibration,
            wires=wires,
            process=process_scale,
            gradient=gradient_scale,
        )
    written = chip.netlist(
        out,
        dialect,
        die=die,
        inputs=inputs,
        sequence=sequence or 0,
        corner=corner,
        temperature=temperature,
        v_dd=vdd,
        supply_resistance=supply_resistance,
        droop=droop,
    )
    doubtful = in_flags(written.warning, "simulate")
    result = written.as_data() | {
        "warning": doubtful or None,
        "wires": wires.as_data(),
        "options": options.as_data(),
    }
    lines = [
        f"{out}: {many(written.transistors, 'transistor')} in {written.technology}.",
        *wire_lines(wires),
    ]
    if written.lacks:
        lines.append(f"To run it, {written.lacks}.")
    if written.unexpected:
        lines.append(f"No expected.csv: {written.unexpected}")
    areas = result["gate_area_um2"]
    for line in (*written.budget.lines(), f"Gate area in um2: {_listed(areas)}."):
        say(line)
    if written.decoupling is not None:
        say(in_flags(written.decoupling.line(), "netlist"))
    if doubtful:
        say(f"Of expected.csv, as of simulate: {doubtful}")
    emit(result, as_json=json, lines=lines)


def _listed(areas: dict[str, float]) -> str:
    return ", ".join(f"{block} {area:.0f}" for block, area in areas.items())
