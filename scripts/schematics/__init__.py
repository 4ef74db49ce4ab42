"""Schematics of circuits/: placed by hand, connected and named by the deck.

``python -m scripts.schematics`` draws every sheet again. A sheet (``schematic.yaml``) says where
devices, wires and labels stand; which devices there are, their nets and their classes come from
the deck. `scripts.schematics.trace` reads the netlist back out of the drawing's geometry, and a
test compares it with the deck.
"""
