"""A placed design on one die: its devices' currents, the capacitances of its nets, retention.

The laws of the circuits themselves stand in `mru_hw.circuits`.
"""
