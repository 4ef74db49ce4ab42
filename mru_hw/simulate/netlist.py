"""A chip's netlist as it is asked for: which die, which sequence, at which conditions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mru_hw.simulate.asked import asked_frames
from mru_hw.simulate.doubts import doubts, warning
from mru_hw.simulate.expected import expected_figures
from mru_hw.spice.export import Netlist, export, supply_of
from mru_hw.spice.folder import declared_frames, refuse_netlist
from mru_hw.technology.conditions import Conditions

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mru_hw.simulate.run import Chip
    from mru_hw.stimulus import Inputs


def written_netlist(
    chip: Chip,
    folder: Path,
    dialect: str,
    *,
    conditions: Conditions,
    die: int | None,
    inputs: Inputs | ArrayLike | str | Path | None,
    sequence: int,
    supply_resistance: float | str | None,
    droop: float | str | None,
) -> Netlist:
    """Write a chip's netlist; parameters and errors are those of `Chip.netlist`."""
    # What costs nothing to see comes before the array's figures.
    refuse_netlist(folder, chip.design, dialect, drawn=die is not None)
    there = chip.calibration.at(**asdict(conditions), loops_only=chip.design.loops_only)
    supply = supply_of(conditions, resistance=supply_resistance, droop=droop)
    asked = asked_frames(chip.design, inputs, sequence)
    frames = declared_frames(chip.design.spec.n_in) if asked is None else asked
    drawn = None if die is None else chip.die(die)
    expected = expected_figures(
        chip.design, chip.calibration, frames, conditions=conditions, die=drawn
    )
    return export(
        folder,
        chip.model,
        chip.design,
        chip.calibration,
        conditions=conditions,
        supply=supply,
        dialect=dialect,
        die=drawn,
        process=chip.process,
        gradient=chip.gradient,
        frames=frames,
        expected=expected,
        warning="" if isinstance(expected, str) else warning([doubts(chip.design, there)]),
    )
