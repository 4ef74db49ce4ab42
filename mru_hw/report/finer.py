"""What legs of more unit devices give back of the accuracy that mapping and rounding take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mru_hw.errors import UserError
from mru_hw.mapping import map_model, unmap
from mru_hw.mapping.options import UNITS_MOST
from mru_hw.report.chip import ChipFacts
from mru_hw.report.nominal import plain, work
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.spice.area import block_areas
from mru_hw.spice.chip import CHIP_CELL, chip_netlist
from mru_hw.spice.flatten import flatten
from mru_hw.sweeps.view import RunView

_WORK = 500_000_000
"""`work` of the network in software, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finer:
    """The network of a sweep, mapped to legs of up to twice as many unit devices.

    Attributes
    ----------
    diode_units, largest_leg
        The options of it; all others are those of the design at the head.
    accuracy
        Of the network as mapped and rounded with these.
    gate_area
        Of the chip with these [m^2].
    """

    diode_units: tuple[int, ...]
    largest_leg: int
    accuracy: float
    gate_area: float


def finer_legs(run: RunView, found: ChipFacts | str) -> Finer | None:
    """Map the network to legs of up to twice as many unit devices, and run it in software.

    Returns
    -------
    None where mapping and rounding take nothing, where no such design can be made or its run would
    take long, and where the point at the head is no function of the network and the design.
    """
    software, before = (run.references.get(name) for name in ("software", "ideal"))
    if isinstance(found, str) or software is None or before is None or before >= software:
        return None
    return finer_of(found) if plain(run, run.base) and work(run, found) <= _WORK else None


def finer_of(found: ChipFacts) -> Finer | None:
    """Return what legs of up to twice as many unit devices give; None if no such design is made."""
    options, inputs = found.design.options, found.subject.inputs
    largest = 2 * options.largest_leg
    most = 2 * max(options.diode_units)
    if max(largest, most) > UNITS_MOST:
        return None
    units = (*options.diode_units, most)
    more = options.model_copy(update={"diode_units": units, "largest_leg": largest})
    try:
        design = map_model(found.model, found.design.technology, found.calibration, more)
    except UserError:
        return None
    decision = simulate_ideal(unmap(design, found.calibration), inputs, keep="decisions").decision
    devices = list(flatten(chip_netlist(design), CHIP_CELL, design.technology))
    return Finer(
        diode_units=units,
        largest_leg=largest,
        accuracy=float(np.mean(decision == np.asarray(inputs.y))),
        gate_area=sum(block_areas(devices).values()),
    )
