"""How closely ngspice solves: its options for networks and for single units."""

from __future__ import annotations

import enum

from mru_hw.mapping.design import Design
from mru_hw.technology import Technology

# pA flow in these circuits, so the usual 1e-12 of gmin and abstol would drown them.
# A single cell: with trtol=20 a strobe's phases, of 100 ns, are stepped over now and then.
OPTIONS = "gmin=1e-17 abstol=1e-15 vntol=1e-5 chgtol=1e-15 trtol=5 reltol=1e-3 method=gear"
# A whole network: reltol is small because it also says what rest is, where devices at rest are not
# evaluated again (docs/decisions/0005-ngspice-options.md).
NETWORK_OPTIONS = (
    "gmin=1e-17 abstol=1e-15 vntol=1e-5 chgtol=5e-15 trtol=250 reltol=2e-4 method=gear"
)
TIGHT_OPTIONS = "gmin=1e-17 abstol=1e-16 vntol=1e-6 chgtol=1e-16 trtol=7 reltol=1e-4 method=gear"


class Tolerances(enum.StrEnum):
    """How closely ngspice solves a whole network (docs/decisions/0005-ngspice-options.md)."""

    DEFAULT = "default"
    TIGHT = "tight"


def network_options(design: Design, tolerances: Tolerances = Tolerances.DEFAULT) -> str:
    """Return ngspice's tolerances for a network of a technology."""
    if tolerances is Tolerances.TIGHT:
        return TIGHT_OPTIONS
    clocked = design.all_strobed
    # A loop has no clock that waits until the candidates have settled: what the second-order
    # formula overshoots at an input's edge would set it. The first-order one does not overshoot
    # (docs/decisions/0008-unclocked-loops.md).
    first_order = not (clocked and design.technology.transistor.bypass)
    bypass = design.technology.transistor.bypass
    return NETWORK_OPTIONS + bypass * " bypass=1" + first_order * " maxord=1"


def unresolved_blocks(design: Design, tolerances: Tolerances) -> tuple[str, ...]:
    """Name the supply blocks whose energy a network's tolerances give within 10 % only.

    The default ones are coarse in the edges of the phase drivers: the clock's energy comes out
    some percent too large (docs/decisions/0005-ngspice-options.md).
    """
    cheap = tolerances is Tolerances.DEFAULT and bool(design.strobed)
    return ("clock",) if cheap else ()


def ramp_options(technology: Technology) -> str:
    """Return ngspice's tolerances for a unit in a hundred frames, of which thresholds are read.

    They find the same thresholds as a unit's own at a third of the time.
    """
    return (
        NETWORK_OPTIONS.replace("trtol=250", "trtol=50")
        + technology.transistor.bypass * " bypass=1"
    )
