"""A Design in the making: what the passes read and complete."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import NodeKind
from mru_hw.mapping.cells import CellKind
from mru_hw.mapping.design import Bank, Bus, Connection
from mru_hw.mapping.options import DesignOptions
from mru_hw.model.network import Model
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration

Array = NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class Wire:
    """A connection before its ratios are realised: real weights in the network's own units."""

    parameter: str
    source: str
    target: str
    weight: Array
    rectified: bool = False  # copies the plus rail of a signed source only


@dataclass(slots=True, kw_only=True)
class Draft:
    """A Design in the making."""

    model: Model
    technology: Technology
    calibration: Calibration
    options: DesignOptions
    kinds: dict[str, tuple[NodeKind, int]] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    levels: dict[int, int] = field(default_factory=dict)
    scales: dict[str, float] = field(default_factory=dict)
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

    def node(self, name: str) -> Bus:
        """Return a bus by its name."""
        return self.buses[name]
