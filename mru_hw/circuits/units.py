"""What a circuit of memory units says of itself (`mru_hw.circuits.base` has the words)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import (
    Array,
    Carried,
    DeviceView,
    IntArray,
    Line,
    NodeView,
    named,
)
from mru_hw.circuits.cell.law import cumulative
from mru_hw.circuits.statements import Cell, Element, wide_label, widened
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration


class UnitView(Protocol):
    """A row of like memory units as a circuit sees it; arrays are (n_units,)."""

    @property
    def name(self) -> str:
        """Of the row."""

    @property
    def circuit(self) -> UnitCircuit:
        """What its units are."""

    @property
    def layer(self) -> int:
        """Number of its layer."""

    @property
    def levels(self) -> int:
        """K of a ladder; 1 of units of one cell."""

    @property
    def initial(self) -> IntArray:
        """Initial state in levels."""

    @property
    def candidate(self) -> str:
        """Name of the row of nodes that its units compare."""

    @property
    def state(self) -> str:
        """Name of the row of nodes that they feed."""

    @property
    def threshold(self) -> str | None:
        """Name of the row of nodes that their thresholds come from, if they do."""

    @property
    def clocked(self) -> bool:
        """Whether a strobe moves them."""

    @property
    def n_units(self) -> int:
        """How many units."""

    @property
    def n_cells(self) -> int:
        """Hysteretic cells of each."""

    @property
    def up_units(self) -> IntArray:
        """Unit devices of the leg that sets the rising threshold."""

    @property
    def down_units(self) -> IntArray:
        """Unit devices of the leg that sets the falling one."""

    @property
    def gain_units(self) -> IntArray:
        """Unit devices of a set cell's output leg."""

    @property
    def cell_width(self) -> IntArray:
        """Unit devices of each cell's width leg."""

    @property
    def loop_width(self) -> IntArray:
        """Unit devices of a loop's width leg."""

    @property
    def hold_units(self) -> int:
        """Unit devices of each ladder cell's hold leg."""

    @property
    def width_units(self) -> int:
        """Unit devices of each ladder cell's width leg."""

    @property
    def window(self) -> Mapping[str, int] | None:
        """Unit devices of a window comparator's copies, by role."""

    def times(self, role: str) -> int:
        """Return how many times its unit devices a device has (`area` of the options)."""


class PlacedView(Protocol):
    """Rows of nodes and the bias unit, without mismatch."""

    @property
    def technology(self) -> Technology:
        """The process."""

    @property
    def i_lsb(self) -> float:
        """Current [A] of one unit device of the bias rail."""

    @property
    def bias(self) -> NodeView:
        """The bias rail."""

    def node(self, name: str) -> NodeView:
        """Return a row of nodes."""


class SettingsView(Protocol):
    """What unit devices make of a unit's settings, in the network's own units, (n_units,)."""

    @property
    def up(self) -> Array:
        """Rising threshold."""

    @property
    def down(self) -> Array:
        """Falling threshold."""

    @property
    def alpha(self) -> Array:
        """Size of one level."""


def _nothing(settings: SettingsView) -> Array:
    return np.full(len(settings.up), np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRole:
    """A device of each memory unit of a row, or of each of its cells.

    Attributes
    ----------
    name, about, device
        As of a `NodeRole`.
    path
        Instance inside the unit's subcircuit; ``{cell}`` counts its cells from 1.
    units
        Its unit devices, (n_units,) or (n_units, n_cells), from the units and their candidates.
    carried
        The current at which its mismatch counts.
    line
        Line of the bias tree that its gate is on; none for a copy of a node's rail.
    reads
        For a copy of a node's rail, the role that a mirror leg on that rail would have, such as
        ``sink_plus``; empty for a device whose gate is on a line or inside the unit.
    of_threshold
        Whether the node that it copies is the threshold's (a window comparator's) and not the
        candidate's.
    gates, drains
        Names in `UnitCircuit.inner` of the nets that its gate and its drain are on.
    output
        Whether its drain current reaches the state node.
    signed
        Whether it exists only where candidates are signed: a rectified one has no minus rail.
    beside
        For a device outside the unit's subcircuit, the prefix of its own instance in the chip, as
        ``xum`` of ``xum0_3``; empty for all others.
    parameter
        Last word of the tensor that its current realises (``beta``, ``delta``, ``alpha``); empty
        where there is none.
    realised
        The value (n_units,) that its unit devices realise of that tensor, in the network's own
        units, from the unit's settings; NaN where `parameter` is empty.
    """

    name: str
    about: str = field(repr=False)
    device: str
    path: str
    units: Callable[[UnitView, NodeView], IntArray]
    carried: Carried = Carried.TAIL
    line: Line = Line.NONE
    reads: str = ""
    of_threshold: bool = False
    gates: tuple[str, ...] = ()
    drains: tuple[str, ...] = ()
    output: bool = False
    signed: bool = False
    beside: str = ""
    parameter: str = ""
    realised: Callable[[SettingsView], Array] = field(default=_nothing)

    @property
    def polarity(self) -> str:
        """``n`` or ``p``: what the name of its device class begins with."""
        return self.device[0]


def wide_unit(units: UnitView, *, signed: bool) -> dict[str, int]:
    """Return by role how many times their unit devices the devices inside a row's units have."""
    inside = (part for part in units.circuit.placed(signed=signed) if not part.beside)
    times = {part.name: units.times(part.name) for part in inside}
    return {role: factor for role, factor in times.items() if factor > 1}


def wide_cells(
    units: UnitView, cells: Mapping[str, Cell], names: Iterable[str], *, signed: bool
) -> Iterator[Cell]:
    """Yield variants of a row's subcircuits whose devices are multiplied; none where none are."""
    wide = wide_unit(units, signed=signed)
    paths = {
        units.circuit.role(role).path.format(cell=cell + 1): factor
        for role, factor in wide.items()
        for cell in range(units.n_cells)
    }
    for name in names if wide else ():
        yield from widened(cells, name, paths, wide_label(wide))


def unit_device(units: UnitView, k: int, part: UnitRole, cell: int = 0) -> str:
    """Name a device of unit `k` of a row, in one of its cells, by instances below the chip."""
    if part.beside:
        return f"{part.beside}{units.layer}_{k}"
    return f"xu{units.layer}_{k}.{part.path.format(cell=cell + 1)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Devices without a role on a net inside a unit: their gates or drains load it."""

    device: str
    part: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckPart:
    """A transistor of a cell whose failure, with that of others, keeps the cell as it is.

    Attributes
    ----------
    path
        Its instance inside the unit's subcircuit, ``{cell}`` for the cell's number from 1 on.
    device
        Device class of the technology.
    conducts
        Whether it always conducts in a cell that is stuck reset, and in one that is stuck set; it
        never does where not.
    """

    path: str
    device: str
    conducts: tuple[bool, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLaw:
    """A bank on one die; currents in A.

    Attributes
    ----------
    up, down
        (n_units,) rail current at which the comparator decides.
    output
        (n_units, n_cells) output current of each cell while it is set.
    level_gains
        (n_units, n_cells + 1) what the drains of all output legs make of their currents, by the
        number of set cells.
    drawn
        (n_units, n_cells) supply current of each cell while it is set.
    up_copy, down_copy
        (n_units,) for the comparators' supply: current of the copy of the candidate's plus and
        minus rail, per ampere of that rail, with the whole supply across the copy.
    up_leg, down_leg
        (n_units,) current [A] of the bias leg that works against each copy, with the whole supply
        across it: the comparator draws the smaller of the two. Of a window comparator, which has
        no such leg, the factor (A per A) on the sum of its threshold's copies; 0 of a loop.
    copies
        By role, (n_units,): how many amperes of the candidate one ampere of the copied rail weighs
        at a window comparator (equations in `mru_hw.circuits.window.law`). `up` and `down` are NaN
        then. Empty where a bias leg sets the threshold.

    Arrays of many dies at once have a leading axis of dies.
    """

    up: Array
    down: Array
    output: Array
    level_gains: Array
    drawn: Array
    up_copy: Array
    down_copy: Array
    up_leg: Array
    down_leg: Array
    copies: Mapping[str, Array] = field(default_factory=dict)

    @property
    def level(self) -> Array:
        """Output current by the number of set cells, the lowest first, (n_units, n_cells + 1)."""
        level: Array = cumulative(self.output) * self.level_gains
        return level

    @property
    def held(self) -> Array:
        """Supply current of the cells by the same number, (n_units, n_cells + 1)."""
        return cumulative(self.drawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCircuit:
    """A circuit of memory units.

    Attributes
    ----------
    name
        Of the circuit.
    views
        Folders of ``circuits/`` that its deck takes beside those of nodes.
    clocked
        Whether a strobe moves its units; else they follow their candidates.
    roles
        Its devices.
    thresholds
        Roles that set the rising and the falling threshold.
    inner
        Nets inside that timing laws know, with the devices without a role on them.
    wired
        Those of them that leave the unit's subcircuit, and so may have wires.
    cells
        Subcircuits that a row's units need beside the views, which come by name.
    elements
        The chip's elements of a row of units.
    nets
        Nets below the chip of the cells of one unit, in thermometer order: high where set.
    falls
        Whether candidates ask set cells to clear, from them and the falling threshold; they ask
        for a cell to be set from the rising threshold on (`mru_hw.circuits.cell.law.asked`).
    law
        What a bank's units do on a die.
    nominal_thresholds
        Rail currents [A] (n_units,) of the rising and falling threshold that unit devices make;
        NaN where the network's currents make them.
    stuck
        Transistors that fail in a cell that is stuck: those that force it at power-up hold it, and
        those that move it do nothing.
    """

    name: str
    views: tuple[str, ...]
    clocked: bool
    roles: tuple[UnitRole, ...]
    thresholds: tuple[str, str]
    inner: Mapping[str, tuple[Load, ...]]
    wired: tuple[str, ...] = ()
    cells: Callable[[PlacedView, UnitView, Mapping[str, Cell]], Iterable[Cell]]
    elements: Callable[[PlacedView, UnitView], Iterator[Element]]
    nets: Callable[[UnitView, int], tuple[str, ...]]
    falls: Callable[[NDArray[Any], NDArray[Any]], NDArray[np.bool_]]
    law: Callable[[DeviceView, UnitView], UnitLaw]
    nominal_thresholds: Callable[[PlacedView, UnitView, Calibration], tuple[Array, Array]]
    stuck: tuple[StuckPart, ...] = field(repr=False)

    def placed(self, *, signed: bool) -> tuple[UnitRole, ...]:
        """List the devices that there are, for candidates that are signed or not."""
        return tuple(role for role in self.roles if signed or not role.signed)

    def role(self, name: str) -> UnitRole:
        """Return a device by its part."""
        return named(self.roles, name, self.name)
