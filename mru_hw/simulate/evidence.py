"""What a run of a ladder shows beside its levels: when its cells moved, and what they were told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design, Timing
from mru_hw.spice.bench import candidate_vectors, state_vectors
from mru_hw.spice.deck import Waves

LOOK = 0.02  # of a frame, back from the strobe: far enough to see a candidate that still moves

Array = NDArray[np.float64]
Bits = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One layer of one run, in the network's own units; frames that it did not reach are NaN.

    Attributes
    ----------
    candidate
        (n_time, n_units) at the strobe's rising edge.
    earlier
        The same, `LOOK` of a frame before.
    before, after, end
        (n_time, n_units, n_cells) set cells: at the strobe's rising edge, one strobe's length after
        its end, and at the frame's end.
    """

    candidate: Array
    earlier: Array
    before: Bits
    after: Bits
    end: Bits


def read_evidence(
    design: Design,
    layer: int,
    units: Sequence[int],
    waves: Waves,
    *,
    timing: Timing,
    strobe_at: Array,
    read_at: Array,
    v_dd: float,
) -> Evidence:
    """Read the evidence of some units of a layer from a run.

    Parameters
    ----------
    design, layer, units
        Whose it is.
    waves
        The run, with the vectors of the candidates and cells.
    timing
        Length of frame and strobe in that run.
    strobe_at, read_at
        (n_time,) rising edges and frames' ends [s].
    v_dd
        Supply [V]; half of it parts set cells from others.
    """
    times = waves.time
    scale = design.buses[design.banks[layer].candidate].scale
    reached = read_at <= (times[-1] if len(times) else 0.0) * (1 + 1e-9)

    def at(name: str, when: Array) -> Array:
        values: Array = np.where(reached, np.interp(when, times, waves.vectors[name]), np.nan)
        return values

    def candidates(when: Array) -> Array:
        rails = [candidate_vectors(design, layer, k) for k in units]
        read = [at(plus, when) - sum(at(minus, when) for minus in rest) for plus, *rest in rails]
        return np.stack(read, 1) / scale

    names = [state_vectors(design, layer, k) for k in units]

    def cells(when: Array) -> Bits:
        rows = [np.stack([at(name, when) > v_dd / 2 for name in unit], 1) for unit in names]
        return np.stack(rows, 1)

    if not reached.any():
        return _nothing(len(read_at), len(units), design.banks[layer].n_cells)
    before, after = cells(strobe_at), cells(strobe_at + 2 * timing.pulse)
    return Evidence(
        candidate=candidates(strobe_at),
        earlier=candidates(strobe_at - LOOK * timing.frame),
        before=before,
        after=after,
        end=cells(read_at),
    )


def _nothing(n_time: int, n_units: int, n_cells: int) -> Evidence:
    nan, no = np.full((n_time, n_units), np.nan), np.zeros((n_time, n_units, n_cells), np.bool_)
    return Evidence(candidate=nan, earlier=nan, before=no, after=no, end=no)
