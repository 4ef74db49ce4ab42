"""The command `mru-hw netlist`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mru_hw.cli.conditions import told_as_options
from mru_hw.cli.design import (
    CalibrationFile,
    DesignFile,
    IUnit,
    chosen_calibration,
    chosen_options,
    told_of_design,
)
from mru_hw.cli.numbers import SEEDS, real, whole
from mru_hw.cli.output import Json, emit, say
from mru_hw.cli.wires import WirePerLeg, WirePerUm, chosen_wires, wire_lines
from mru_hw.errors import Bare, UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mru_hw.mapping import Design


def netlist(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model folder.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write.")],
    tech: Annotated[str, typer.Option("--tech", help="The technology.")] = "generic180",
    dialect: Annotated[
        str,
        typer.Option(
            "--dialect", help="The simulator to write for: ngspice, hspice, spectre or xyce."
        ),
    ] = "ngspice",
    die: Annotated[
        int | None,
        typer.Option(
            "--die",
            metavar="SEED",
            help="A die; nominal without it.",
            parser=whole("--die", 0, SEEDS),
        ),
    ] = None,
    corner: Annotated[
        str | None,
        typer.Option("--corner", help="The bench's process corner; tt without it."),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature",
            metavar="DEGC",
            help="The bench's temperature [degC]; 27 without it.",
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

    The folder stands alone: ngspice -b bench.cir in it runs the bench and prints power and outputs;
    bench.sp, bench.scs and the other bench.cir are for HSPICE, Spectre and Xyce. Corner,
    temperature and supply stand in the bench, and the decoupling is sized for them; the error
    budget is a nominal chip's.
    """
    from mru_hw.budget.table import make_budget
    from mru_hw.mapping import map_model
    from mru_hw.model.io import load_model
    from mru_hw.spice.area import block_areas
    from mru_hw.spice.chip import chip_deck, refuse_without_circuit
    from mru_hw.spice.decoupling import (
        DROOP,
        DROOP_LEAST,
        RESISTANCE,
        RESISTANCES,
        decoupling,
    )
    from mru_hw.spice.flatten import flatten
    from mru_hw.spice.folder import dialect_named, write_netlist
    from mru_hw.technology import load_technology
    from mru_hw.technology.conditions import checked_conditions, nominal_conditions
    from mru_hw.units import parse
    from mru_hw.variation import draw_die

    if sequence is not None and inputs is None:
        raise UserError("--sequence", sequence, "none without --inputs, whose sequences it counts")
    language = dialect_named(dialect)
    wires = chosen_wires(wire_per_leg, wire_per_um)
    options = chosen_options(design, i_unit)
    technology = load_technology(tech)
    constants = chosen_calibration(calibration, technology)
    nominal = nominal_conditions(technology)
    with told_as_options():
        conditions = checked_conditions(
            technology,
            corner=nominal.corner if corner is None else corner,
            temperature=nominal.temperature if temperature is None else temperature,
            v_dd=nominal.v_dd if vdd is None else parse(vdd, "V", "--vdd"),
        )
    half = conditions.v_dd / 2
    supply = {
        "resistance": _within(
            "--supply-resistance", supply_resistance, "ohm", RESISTANCE, *RESISTANCES
        ),
        "droop": _within("--droop", droop, "V", DROOP, DROOP_LEAST, half),
    }
    network = load_model(model)
    with told_of_design(design, i_unit):
        placed = map_model(network, technology, constants, options, wires=wires)
    frames = None if inputs is None else _frames(placed, inputs, sequence or 0)
    refuse_without_circuit(placed)
    budget = make_budget(network, placed, constants)
    files = write_netlist(
        out,
        network,
        placed,
        constants,
        conditions=conditions,
        frames=frames,
        die=None if die is None else draw_die(placed, die),
        dialect=dialect,
        budget=budget,
    )
    devices = list(flatten(chip_deck(placed), "mru_chip", technology))
    transistors = sum(device.kind == "m" for device in devices)
    areas = {block: area * 1e12 for block, area in block_areas(placed, devices).items()}
    stored = decoupling(placed, constants, conditions, **supply)
    result = {
        "out": out,
        "design": placed.digest(),
        "dialect": dialect,
        "technology": technology.name,
        "die": die,
        "conditions": conditions.as_data(),
        "wires": wires.as_data(),
        "options": options.as_data(),
        "transistors": transistors,
        "gate_area_um2": areas,
        "decoupling": None if stored is None else stored.summary(),
        "budget": budget.summary(),
        "files": list(files),
    }
    lines = [f"{out}: {transistors} transistors in {technology.name}.", *wire_lines(wires)]
    if missing := language.missing_models(technology):
        lines.append(f"To run it, {missing}.")
    for line in (*budget.lines(), f"Gate area in um2: {_listed(areas)}."):
        say(line)
    if stored is not None:
        say(stored.line())
    emit(result, as_json=json, lines=lines)


def _frames(design: Design, inputs: Path, sequence: int) -> NDArray[np.float64]:
    """Return one sequence of an input file, normalised, (n_time, n_in)."""
    from mru_hw.simulate.run import refuse_currents
    from mru_hw.spice.bench import normalised
    from mru_hw.stimulus import load_inputs

    data, spec = load_inputs(inputs), design.spec
    if data.x.shape[2] != spec.n_in:
        raise UserError("inputs: n_in", int(data.x.shape[2]), f"{spec.n_in}, as the model has")
    if sequence >= data.n_seq:
        raise UserError("--sequence", sequence, f"0 to {data.n_seq - 1}")
    refuse_currents(design, data)
    return normalised(spec, data.x[sequence, : data.lengths[sequence]])


def _within(
    option: str, text: str | None, unit: str, usual: float, least: float, most: float
) -> float:
    """Return what an option of the supply says, or else what is usual."""
    from mru_hw.units import parse, render, render_exact

    value = usual if text is None else parse(text, unit, option)
    if not least <= value <= most:
        expected = f"{render(least, unit)} to {render(most, unit)}"
        raise UserError(option, Bare(render_exact(value, unit)), expected)
    return value


def _listed(areas: dict[str, float]) -> str:
    return ", ".join(f"{block} {area:.0f}" for block, area in areas.items())
