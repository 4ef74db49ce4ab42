"""Behavioral laws of the circuits, one file each: currents in, currents and supply out."""
