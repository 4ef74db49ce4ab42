"""Nodes: signed, of one diode, of the bias tree, and the output pin."""
