"""Write the golden netlist again, after a change that is meant to change decks.

    python -m tests.golden.regenerate

The network is `tests.agreement.networks.two_units`: random weights, no training, so that nothing
but the mapping, the cells and the emitter can change it. Look at the difference before committing.
"""

from __future__ import annotations

from pathlib import Path

from mru_hw.spice.folder import write_netlist
from mru_hw.technology.conditions import nominal_conditions
from tests.agreement.networks import chip_of, two_units

GOLDEN = Path(__file__).parents[2] / "netlists" / "golden" / "two-units"


def write(out: Path) -> None:
    chip = chip_of(two_units())
    write_netlist(
        out,
        chip.model,
        chip.design,
        chip.calibration,
        conditions=nominal_conditions(chip.design.technology),
    )


if __name__ == "__main__":
    write(GOLDEN)
