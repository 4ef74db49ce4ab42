"""Trained network to hardware design and back."""

from mru_hw.mapping.design import Bank, Bus, Connection, Design, NodeKind, Timing
from mru_hw.mapping.inverse import unmap
from mru_hw.mapping.options import DesignOptions
from mru_hw.mapping.passes import map_model

__all__ = [
    "Bank",
    "Bus",
    "Connection",
    "Design",
    "DesignOptions",
    "NodeKind",
    "Timing",
    "map_model",
    "unmap",
]
