"""The output pin: legs drive it, and what it carries leaves the chip."""

from __future__ import annotations

from mru_hw.circuits.base import NodeCircuit, NodeKind

PIN = NodeCircuit(kind=NodeKind.PIN, copied=False)
