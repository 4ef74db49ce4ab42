"""What ngspice's tolerances do to the clock's constants: one unit's bench, solved four ways.

    python -m benchmarks.bench_clock_tolerances [--tech T]

The deck is the characterisation's: one CMRU unit that climbs and descends, its driver, and another
driver without a load. tt, 27 degC, 1.8 V.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.study import answer, parsed, study
from mru_hw.errors import RunStatus
from mru_hw.spice.characterize.unit import CELLS, FRAMES, cmru_deck, fit_unit
from mru_hw.spice.options import NETWORK_OPTIONS, OPTIONS, TIGHT_OPTIONS
from mru_hw.spice.runner import Limits, Runner
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.conditions import nominal_conditions

SAVES = ("v(c)", "i(vunit)", "i(vclock)", "i(vidle)", *CELLS)
SETS = {
    "tight": TIGHT_OPTIONS,
    "unit": OPTIONS,
    "network": NETWORK_OPTIONS,
    "network, bypass": NETWORK_OPTIONS + " bypass=1",
}


def solved(technology: Technology, options: str) -> dict[str, Any]:
    """Return the constants [F, A], time points and seconds of one run."""
    at = nominal_conditions(technology)
    start = time.monotonic()
    waves = Runner(Limits(time_s=900)).run(
        cmru_deck(technology, at, FRAMES, SAVES, options=options)
    )
    found: dict[str, Any] = {"options": options, "status": waves.status.name}
    if waves.status is RunStatus.DONE:
        found |= fit_unit(at, waves)[0]
    return found | {"points": len(waves.time), "seconds": round(time.monotonic() - start, 1)}


def main() -> None:
    """Run all sets and print what they give."""
    parser = study(__doc__, work=False)
    given = parsed(parser)
    technology = load_technology(given.tech)
    rows = {name: solved(technology, options) for name, options in SETS.items()}
    answer({"technology": given.tech, "sets": rows})


if __name__ == "__main__":
    main()
