"""The command `mru-hw netlist`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mru_hw.cli.output import SEEDS, Json, emit, say
from mru_hw.errors import UserError


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
        typer.Option("--die", metavar="SEED", help="A die; nominal without it.", min=0, max=SEEDS),
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(
            "--inputs", metavar="X.npz", help="What the bench plays; a few steps without it."
        ),
    ] = None,
    sequence: Annotated[
        int, typer.Option("--sequence", help="Which sequence of the inputs.", min=0)
    ] = 0,
    json: Json = False,
) -> None:
    """Write a model as a netlist: chip, test bench, model cards, elements and error budget.

    The folder stands alone: ngspice -b bench.cir in it runs the bench and prints power and outputs;
    bench.sp, bench.scs and the other bench.cir are for HSPICE, Spectre and Xyce.
    """
    from mru_hw.budget.table import make_budget
    from mru_hw.mapping import map_model
    from mru_hw.model.io import load_model
    from mru_hw.spice.area import block_areas
    from mru_hw.spice.bench import normalised
    from mru_hw.spice.chip import chip_deck, refuse_without_circuit
    from mru_hw.spice.flatten import flatten
    from mru_hw.spice.folder import dialect_named, write_netlist
    from mru_hw.stimulus import load_inputs
    from mru_hw.technology import load_technology
    from mru_hw.technology.calibration import load_calibration
    from mru_hw.technology.conditions import nominal_conditions
    from mru_hw.variation import draw_die

    language = dialect_named(dialect)
    technology = load_technology(tech)
    network = load_model(model)
    calibration = load_calibration(technology)
    design = map_model(network, technology, calibration)
    frames = None
    if inputs is not None:
        data = load_inputs(inputs)
        n_in = network.spec.n_in
        if data.x.shape[2] != n_in:
            raise UserError("inputs: n_in", int(data.x.shape[2]), f"{n_in}, as the model has")
        if sequence >= data.n_seq:
            raise UserError("--sequence", sequence, f"0 to {data.n_seq - 1}")
        frames = normalised(network.spec, data.x[sequence, : data.lengths[sequence]])
    refuse_without_circuit(design)
    budget = make_budget(network, design, calibration)
    files = write_netlist(
        out,
        network,
        design,
        calibration,
        conditions=nominal_conditions(technology),
        frames=frames,
        die=None if die is None else draw_die(design, die),
        dialect=dialect,
        budget=budget,
    )
    devices = list(flatten(chip_deck(design), "mru_chip", technology))
    transistors = sum(device.kind == "m" for device in devices)
    areas = {block: area * 1e12 for block, area in block_areas(design, devices).items()}
    result = {
        "out": out,
        "design": design.digest(),
        "dialect": dialect,
        "technology": technology.name,
        "die": die,
        "transistors": transistors,
        "gate_area_um2": areas,
        "budget": budget.summary(),
        "files": list(files),
    }
    lines = [f"{out}: {transistors} transistors in {technology.name}."]
    if missing := language.missing_models(technology):
        lines.append(f"To run it, {missing}.")
    for line in (*budget.lines(), f"Gate area in um2: {_listed(areas)}."):
        say(line)
    emit(result, as_json=json, lines=lines)


def _listed(areas: dict[str, float]) -> str:
    return ", ".join(f"{block} {area:.0f}" for block, area in areas.items())
