"""Frames that are too short for the nodes of a chip to settle."""

from __future__ import annotations

import math

from mru_hw.cells.settling import settling_times
from mru_hw.mapping import Design
from mru_hw.technology.calibration import Calibration
from mru_hw.units import render

_DIGITS = 3
"""Of a frame that is long enough, rounded up."""


def short_frame(
    design: Design, calibration: Calibration, temperature: float, reference: float = 0.0
) -> str:
    """Say that nodes have too little time before a strobe, or in a frame; nothing if not.

    What changes at the frame's start, or at a layer's strobe, has to settle before the next strobe,
    and after the last one before the frame's end, where outputs are read. Loops have a frame.
    `reference` is the relative error of the current into the reference pin.
    """
    times = settling_times(design, calibration, temperature, reference)
    windows = settling_windows(design)
    late = [name for name, needed in times.items() if needed > windows[name][0]]
    if not late:
        return ""
    # What a strobe reads comes first: a wrong step stays, an output that lags does not.
    name = max(late, key=lambda bus: (windows[bus][1] is not None, times[bus] / windows[bus][0]))
    window, layer = windows[name]
    until = "until outputs are read" if layer is None else f"before the strobe of layer {layer}"
    enough = render(settled_frame(design, calibration, temperature, reference), "s")
    return (
        f"The frame of {render(design.timing.frame, 's')} is short: a node that loses its current "
        f"needs {render(times[name], 's')} to come down to 1 % of the usual one, and it has "
        f"{render(window, 's')} {until}; settled states do not know it, `timing` timed does. "
        f"In frames of {enough} every node settles."
    )


def settled_frame(
    design: Design, calibration: Calibration, temperature: float, reference: float = 0.0
) -> float:
    """Return the shortest frame [s] in which every node settles at a condition, rounded up."""
    times = settling_times(design, calibration, temperature, reference)
    windows = settling_windows(design)
    return max(long_enough(design, times[name], windows[name][0]) for name in times)


def long_enough(design: Design, needed: float, window: float) -> float:
    """Return the frame [s] in which a node has the time that it needs, rounded up.

    `window` is what it has in the design's own frame [s]; strobes, and so windows, follow the
    frame.
    """
    seconds = design.timing.frame * needed / window
    unit = 10.0 ** (math.floor(math.log10(seconds)) + 1 - _DIGITS)
    return math.ceil(seconds / unit) * unit


def settling_windows(design: Design) -> dict[str, tuple[float, int | None]]:
    """Return by bus how long [s] its nodes have to settle, and the layer whose strobe ends it.

    None where no strobe does: what the last one moves is read at the frame's end.
    """
    frame, strobes = design.timing.frame, design.timing.strobes
    clocked = design.strobed
    starts = [0.0, *(strobes[bank.layer] for bank in clocked)]
    windows: list[tuple[float, int | None]] = [
        (strobes[bank.layer] - start, bank.layer)
        for start, bank in zip(starts, clocked, strict=False)
    ]
    windows.append((frame - starts[-1], None))
    found, phase = dict[str, tuple[float, int | None]](), 0
    states = {bank.state for bank in clocked}
    compared: dict[str | None, int] = {
        b: k for k, bank in enumerate(clocked) for b in (bank.candidate, bank.threshold)
    }
    for name in design.buses:  # in the order in which the signal passes them
        phase += name in states
        found[name] = windows[compared.get(name, phase)]
    return found
