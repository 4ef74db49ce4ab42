"""A Design in the making: what the passes read and complete."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import NodeKind
from mru_hw.circuits.catalogue import unit_circuit
from mru_hw.circuits.units import UnitCircuit
from mru_hw.mapping.cells import CLOCKED, CellKind
from mru_hw.mapping.design import Bank, Bus, Connection
from mru_hw.mapping.options import DesignOptions
from mru_hw.mapping.rows import BIAS, RowName
from mru_hw.model.network import Model
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration

Array = NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class Wire:
    """A connection before its ratios are realised: real weights in the network's own units."""

    parameter: str
    source: RowName
    target: RowName
    weight: Array
    rectified: bool = False  # copies the plus rail of a signed source only


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRows:
    """The rows of one layer.

    Attributes
    ----------
    kind
        Its memory cell.
    candidate, state
        Names of the rows that its units read and drive.
    threshold
        Name of the row that its thresholds come from; None where they are fixed.
    units
        Name of the row of its units.
    """

    kind: CellKind
    candidate: RowName
    state: RowName
    threshold: RowName | None
    units: RowName

    @property
    def window(self) -> RowName | None:
        """Name of the row that window comparators take thresholds from; None without them."""
        return self.threshold if self.kind in CLOCKED else None

    @property
    def circuit(self) -> UnitCircuit:
        """What its units are."""
        return unit_circuit(clocked=self.kind in CLOCKED, window=self.window is not None)


@dataclass(slots=True, kw_only=True)
class Draft:
    """A Design in the making."""

    model: Model
    technology: Technology
    calibration: Calibration
    options: DesignOptions
    kinds: dict[RowName, tuple[NodeKind, int]] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    layers: list[LayerRows] = field(default_factory=list)
    levels: dict[int, int] = field(default_factory=dict)
    scales: dict[RowName, float] = field(default_factory=dict)
    buses: dict[str, Bus] = field(default_factory=dict)
    connections: list[Connection] = field(default_factory=list)
    banks: list[Bank] = field(default_factory=list)
    areas: dict[str, dict[str, int]] = field(default_factory=dict)

    def kind(self, layer: int) -> CellKind:
        """Return which cell a layer has; one without a circuit is refused before."""
        return CellKind(self.model.spec.layers[layer].cell.name)

    def tensor(self, name: str) -> Array:
        """Return a tensor of the model."""
        return self.model.tensors[name]

    @property
    def i_unit(self) -> float:
        """Current [A] that stands for 1.0."""
        return self.options.i_unit

    @property
    def i_lsb(self) -> float:
        """Current of one unit device of the bias rail [A]."""
        return self.options.i_lsb

    @property
    def bias(self) -> Bus:
        """The bias rail."""
        return self.buses[BIAS]

    def node(self, name: str) -> Bus:
        """Return a bus by its name."""
        return self.buses[name]
