"""Energy and power, from recorded supply currents."""

from mru_hw.energy.census import Energy, energy

__all__ = ["Energy", "energy"]
