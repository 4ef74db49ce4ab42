"""What a Design is made of: rows of nodes, matrices of mirror legs, rows of memory units."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from mru_hw.circuits.base import Carried, IntArray, Line, NodeCircuit, NodeKind, Rail, leg_of
from mru_hw.circuits.catalogue import NODES, unit_circuit
from mru_hw.circuits.legs.roles import LEGS, Leg
from mru_hw.circuits.units import UnitCircuit, UnitRole
from mru_hw.mapping.cells import CLOCKED, CellKind
from mru_hw.mapping.options import DEFAULTS
from mru_hw.mapping.rows import Part, RowName
from mru_hw.model.memory import LevelCell


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """A row of like nodes.

    Attributes
    ----------
    scale
        Current [A] that stands for 1.0 of the network's own units.
    units
        Unit devices of each node's diode; a leg of m units copies m/units of its current.
    usual
        Current [A] that these diodes usually carry: gains and node voltages are taken there.
    split
        Unit devices of each of a class-AB node's two splitters.
    rest_units
        Unit devices of the bias rail whose current each of those carries at rest; the bias rail's
        source as much into the splitters' reference.
    mean, deviation
        Of what usually flows into each node, in the network's own units: where weights are read.
    area
        By role, and by the role of legs that read a rail, how many times their unit devices its
        devices have; 1 where it says nothing (`mru_hw.mapping.areas`).
    """

    name: RowName
    kind: NodeKind
    size: int
    scale: float
    units: int
    usual: float
    split: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    rest_units: int = field(default=DEFAULTS.split_units, repr=False)
    area: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def circuit(self) -> NodeCircuit:
        """What its nodes are."""
        return NODES[self.kind]

    @property
    def at_pins(self) -> bool:
        """Whether its nodes are pins of the chip."""
        return self.name.part in (Part.INPUT, Part.OUTPUT)

    @property
    def i_device(self) -> float:
        """Current [A] of one unit device of a diode at the usual current."""
        return self.usual / self.units

    def times(self, role: str) -> int:
        """Return how many times its unit devices a device has, or every leg of a role has."""
        return self.area.get(role, 1)

    def carried(self, role: str) -> Carried:
        """Return which current a unit device usually carries."""
        return self.circuit.role(role).carried

    def line(self, role: str) -> Line:
        """Return the line of the bias tree that a device's gate hangs on."""
        return self.circuit.role(role).line

    @property
    def narrowest(self) -> int:
        """Least multiple of the devices on any of its rails: what of it is noisiest."""
        return min((self.times(leg_of(rail)) for rail in self.circuit.rails), default=1)

    def i_rail(self, rail: Rail) -> float:
        """Return the usual current [A] of each device of a rail's diode, multiplied ones too."""
        return self.i_device / self.times(leg_of(rail))


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A matrix of mirror legs.

    Attributes
    ----------
    parameter
        Tensor of the model that it realises (``layers.0.candidate.weight``).
    plus, minus
        Unit devices (n_target, n_source) of the legs that copy the source's plus and minus rail;
        the sign is the weight's. 0 is no leg. The two differ where their mirror chains' gains do.
    both
        Whether signed values are multiplied, so that legs copy both rails; else minus has zeros.
    area
        By role of legs, how many times these unit devices they have, as the diodes that they copy.
    """

    parameter: str
    source: RowName
    target: RowName
    plus: IntArray
    minus: IntArray
    both: bool
    area: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def ends(self) -> tuple[RowName, RowName]:
        """Names of the buses that it reads and drives."""
        return self.source, self.target

    def times(self, role: str) -> int:
        """Return how many times their unit devices the legs of a role have."""
        return self.area.get(role, 1)

    def carried(self, _: str) -> Carried:
        """Return which current a unit device of its legs usually carries."""
        return Carried.DIODE

    def line(self, _: str) -> Line:
        """Return the line of the bias tree that its legs' gates hang on."""
        return Line.RAIL if self.source.part is Part.BIAS else Line.NONE

    def legs(self) -> Iterator[tuple[Leg, IntArray]]:
        """List every kind of leg with its unit devices (n_target, n_source), without their sign."""
        for leg in LEGS:
            yield leg, np.maximum(leg.sign * getattr(self, leg.rail), 0)

    def without(self, row: int, column: int) -> Connection:
        """Return the connection with the legs of one element left out."""
        plus, minus = self.plus.copy(), self.minus.copy()
        plus[row, column] = minus[row, column] = 0
        return dataclasses.replace(self, plus=plus, minus=minus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """The memory units of one layer; all currents in units of the bias rail's unit device.

    Attributes
    ----------
    candidate, state
        Names of the buses that it reads and drives.
    threshold
        Name of the bus that carries an input-dependent threshold, or none.
    levels
        K of a CMRU; 1 for the bits of BMRU and FQ-BMRU.
    up_units, down_units
        Thresholds (n_units,) of a step up and down; zeros of a window comparator. In a loop
        I_thresh, and what I_width leaves of it: its edges but for `mru_hw.circuits.loop.edges`.
    gain_units
        Output current of one set cell (n_units,).
    initial
        Initial state in levels (n_units,), as the model gives it.
    hold_units, width_units
        Inside every ladder cell.
    window
        Unit devices of a window comparator's copies, by role (`mru_hw.circuits.window.roles`),
        of clocked units whose threshold comes from the input.
    area
        By role, how many times its unit devices a device has.
    """

    layer: int
    cell: CellKind
    candidate: RowName
    state: RowName
    threshold: RowName | None
    levels: int
    up_units: IntArray
    down_units: IntArray
    gain_units: IntArray
    initial: IntArray
    hold_units: int
    width_units: int
    window: Mapping[str, int] | None = None
    area: Mapping[str, int] = field(default_factory=dict, repr=False)

    def times(self, role: str) -> int:
        """Return how many times its unit devices a device has."""
        return self.area.get(role, 1)

    def carried(self, role: str) -> Carried:
        """Return which current a unit device usually carries."""
        return self.circuit.role(role).carried

    def line(self, role: str) -> Line:
        """Return the line of the bias tree that a device's gate hangs on."""
        return self.circuit.role(role).line

    @property
    def name(self) -> RowName:
        """Of its devices' groups."""
        return Part.UNITS.of(self.layer)

    @property
    def circuit(self) -> UnitCircuit:
        """What its units are."""
        return unit_circuit(clocked=self.cell in CLOCKED, window=self.window is not None)

    def read_by(self, part: UnitRole) -> RowName:
        """Return the name of the bus that a device of its units copies."""
        return self.threshold if part.of_threshold and self.threshold else self.candidate

    @property
    def n_cells(self) -> int:
        """Hysteretic cells of one unit."""
        return self.memory.n_levels(self.levels) - 1

    @property
    def memory(self) -> LevelCell:
        """What its units do, in software."""
        return self.cell.memory

    @property
    def clocked(self) -> bool:
        """Whether a strobe moves its units."""
        return self.circuit.clocked

    @property
    def lowest(self) -> int:
        """Level of a unit whose cells are all clear."""
        return self.memory.lowest(self.levels)

    @property
    def loop_width(self) -> IntArray:
        """I_width (n_units,) of a nine-transistor loop."""
        return self.up_units - self.down_units

    @property
    def cell_width(self) -> IntArray:
        """I_width (n_units,) of each cell, of a ladder's or a loop."""
        return np.full(self.n_units, self.width_units) if self.clocked else self.loop_width

    @property
    def n_units(self) -> int:
        """Memory units."""
        return len(self.gain_units)
