"""A chip's netlist as a designer takes it away: the folder, and what to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mru_hw.budget.table import Budget, make_budget
from mru_hw.errors import Bare, UserError
from mru_hw.mapping.design import Design
from mru_hw.model.network import Model
from mru_hw.spice.area import block_areas
from mru_hw.spice.chip import CHIP_CELL, chip_netlist
from mru_hw.spice.decoupling import (
    DROOP,
    DROOP_LEAST,
    RESISTANCE,
    RESISTANCES,
    Decoupling,
    decoupling,
)
from mru_hw.spice.dialects import dialect_named
from mru_hw.spice.expected import Expected
from mru_hw.spice.flatten import flatten
from mru_hw.spice.folder import write_netlist
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.units import parse, render, render_exact
from mru_hw.variation import Die
from mru_hw.words import many


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What the decoupling is sized for: resistance [ohm], and the fall that is allowed [V]."""

    resistance: float
    droop: float


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Netlist:
    """A netlist that was written.

    Attributes
    ----------
    folder, files
        Where it is, and the names of its files.
    design
        Digest of the design.
    technology, dialect
        By name.
    conditions
        Of the bench.
    die
        Seed of the die; None for the nominal one.
    process, gradient
        Factors on the sigmas of what the die's devices share, and of its slope across the chip.
    transistors
        How many the chip has, unit devices of one leg as one.
    areas
        Gate area [m^2] by supply block.
    budget
        The error budget of the nominal chip.
    decoupling
        The capacitor that strobes ask for; None of a chip without strobes.
    lacks
        What has to be there to run it, a sentence; empty where nothing has.
    unexpected
        Why there is no ``expected.csv``, a sentence; empty where there is one.
    warning
        What makes its figures doubtful, in sentences; empty where nothing does.
    """

    folder: Path
    files: tuple[str, ...]
    design: str
    technology: str
    dialect: str
    conditions: Conditions
    die: int | None
    process: float
    gradient: float
    transistors: int
    areas: Mapping[str, float]
    budget: Budget
    decoupling: Decoupling | None
    lacks: str
    unexpected: str
    warning: str

    def __repr__(self) -> str:
        """Say in one line what was written, and where."""
        return (
            f"<Netlist: {self.folder}, {many(self.transistors, 'transistor')} in {self.technology}>"
        )

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON; areas in um2."""
        stored = self.decoupling
        return {
            "out": self.folder,
            "design": self.design,
            "dialect": self.dialect,
            "technology": self.technology,
            "die": self.die,
            "process_scale": self.process,
            "gradient_scale": self.gradient,
            "conditions": self.conditions.as_data(),
            "transistors": self.transistors,
            "gate_area_um2": {block: area * 1e12 for block, area in self.areas.items()},
            "decoupling": None if stored is None else stored.summary(),
            "budget": self.budget.summary(),
            "no_expected": self.unexpected or None,
            "warning": self.warning or None,
            "files": list(self.files),
        }


def supply_of(
    conditions: Conditions, *, resistance: float | str | None, droop: float | str | None
) -> Supply:
    """Return the supply that the decoupling is sized for; what is None is as usual.

    Raises
    ------
    UserError
        A value is out of range.
    """
    half = conditions.v_dd / 2
    return Supply(
        resistance=_within("supply_resistance", resistance, "ohm", RESISTANCE, *RESISTANCES),
        droop=_within("droop", droop, "V", DROOP, DROOP_LEAST, half),
    )


def export(
    out: Path,
    model: Model,
    design: Design,
    calibration: Calibration,
    *,
    conditions: Conditions,
    supply: Supply,
    dialect: str,
    die: Die | None,
    process: float,
    gradient: float,
    frames: NDArray[np.float64],
    expected: Expected | str,
    warning: str,
) -> Netlist:
    """Write a netlist's folder (`write_netlist`) and say what is in it.

    Parameters
    ----------
    supply
        What the decoupling is sized for.
    die, process, gradient
        The die, and the factors that it was drawn with.
    warning
        What makes the expected figures doubtful; empty where nothing does.
    out, model, design, calibration, conditions, dialect, frames, expected
        As of `write_netlist`.

    Raises
    ------
    UserError
        As `write_netlist` says.
    """
    language = dialect_named(dialect)
    budget = make_budget(model, design, calibration)
    files = write_netlist(
        out,
        model,
        design,
        calibration,
        conditions=conditions,
        frames=frames,
        expected=expected,
        die=die,
        dialect=dialect,
        budget=budget,
    )
    devices = list(flatten(chip_netlist(design), CHIP_CELL, design.technology))
    return Netlist(
        folder=out,
        files=files,
        design=design.digest(),
        technology=design.technology.name,
        dialect=dialect,
        conditions=conditions,
        die=None if die is None else die.seed,
        process=process,
        gradient=gradient,
        transistors=sum(device.kind == "m" for device in devices),
        areas=block_areas(devices),
        budget=budget,
        decoupling=decoupling(
            design, calibration, conditions, droop=supply.droop, resistance=supply.resistance
        ),
        lacks=language.missing_models(design.technology),
        unexpected=expected if isinstance(expected, str) else "",
        warning=warning,
    )


def _within(
    field: str, value: float | str | None, unit: str, usual: float, least: float, most: float
) -> float:
    """Return what was asked of the supply, or else what is usual."""
    number = usual if value is None else parse(value, unit, field)
    if not least <= number <= most:
        expected = f"{render(least, unit)} to {render(most, unit)}"
        raise UserError(field, Bare(render_exact(number, unit)), expected)
    return number
