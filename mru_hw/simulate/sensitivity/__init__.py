"""Which part of a chip costs most by its mismatch: dies that have it in some devices alone.

`parts` cuts a design's device groups into parts, `judge` counts what a die does otherwise than
software, `study` runs the dies, `prediction` says the same from the error budget, and `result` is
what comes back.
"""
