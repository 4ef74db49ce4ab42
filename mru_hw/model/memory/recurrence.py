"""The memory of each cell as a recurrence over time (docs/models.md, The network), in plain numpy.

Candidates come as (die, unit, time, sequence), so that the sequence, the longest axis, lies
innermost and a layer's matrix product is one call a die. The recurrences run time first,
(time, die, unit, sequence): one time step is then one contiguous piece of memory, and a level is
one byte. Each goes on from what stands before its first frame, a model's initial state or the last
frame of an earlier piece: time may be cut anywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
"""float64 or float32."""
Levels = NDArray[Any]
"""int8, or int32 where a level may pass what a byte holds."""

_BYTE_LEVELS = 63


def signed_steps(c: Floats, beta: Floats, beta_down: Floats | None = None) -> NDArray[np.int8]:
    """Return the signed update ``z_t sign(c_t)`` of a CMRU or BMRU: -1, 0 or 1.

    ``z_t = H(|c_t| - beta)`` with H(0) = 1 and sign(0) = 1, so a candidate of 0 at beta = 0 is a
    step upwards.

    Parameters
    ----------
    c
        Candidates (die, unit, time, sequence).
    beta
        Thresholds >= 0, broadcast against c.
    beta_down
        Thresholds of the step downwards where they are others: a die's comparators differ.

    Returns
    -------
    NDArray[np.int8]
        (time, die, unit, sequence).
    """
    up = _time_first(np.greater_equal, c, beta)
    down = _time_first(np.less_equal, c, -(beta if beta_down is None else beta_down))
    np.greater(down, up, out=down)
    steps = up.view(np.int8)
    return np.subtract(steps, down.view(np.int8), out=steps)


def ladder(steps: NDArray[np.int8], before: Floats, limit: int | None, size: int = 1) -> Levels:
    """Climb: ``s_t = clip(s_{t-1} + size steps_t, -limit, limit)``.

    With size 1 this is the CMRU. With size 2 and limit 1 it is the BMRU: two levels up from -1, or
    from 0, end at 1 whatever was there.

    Parameters
    ----------
    steps
        (time, die, unit, sequence); used as working space.
    before
        Levels before the first frame, broadcast against (die, unit, sequence).
    limit
        K, or None for no limit.

    Returns
    -------
    Levels
        s, (time, die, unit, sequence).
    """
    if limit is not None and limit <= _BYTE_LEVELS:
        levels: Levels = steps
    else:
        levels = steps.astype(np.int32)
    if size != 1:
        np.multiply(levels, levels.dtype.type(size), out=levels)
    previous = np.empty(levels.shape[1:], levels.dtype)
    previous[...] = before
    if limit is None:
        for level in levels:
            previous = np.add(previous, level, out=level)
        return levels
    # Whole arrays as bounds: numpy's vectorised minimum takes no scalar operand.
    top = np.full_like(previous, limit)
    bottom = -top
    for level in levels:
        np.add(previous, level, out=level)
        np.minimum(level, top, out=level)
        previous = np.maximum(level, bottom, out=level)
    return levels


def latch(c: Floats, beta_lo: Floats, beta_hi: Floats, before: Floats) -> NDArray[np.bool_]:
    """Return the bit of an FQ-BMRU: 1 from beta_hi on, held from beta_lo on, 0 below.

    Parameters
    ----------
    c
        Candidates (die, unit, time, sequence).
    beta_lo, beta_hi
        Thresholds, ``0 <= beta_lo <= beta_hi``, broadcast against c.
    before
        Bits before the first frame, 0 or 1, broadcast against (die, unit, sequence).

    Returns
    -------
    NDArray[np.bool_]
        (time, die, unit, sequence).
    """
    bits = _time_first(np.greater_equal, c, beta_hi)
    kept = _time_first(np.greater_equal, c, beta_lo)
    previous = np.empty(bits.shape[1:], np.bool_)
    previous[...] = before > 0
    for bit, hold in zip(bits, kept, strict=True):
        np.logical_and(previous, hold, out=hold)
        previous = np.logical_or(bit, hold, out=bit)
    return bits


def relaxed_ladder(
    steps: NDArray[np.int8], size: Floats, before: Floats, limit: int | None
) -> Floats:
    """Climb by learned sizes (alphaCMRU): ``s_t = clip(s_{t-1} + size_t steps_t, -limit, limit)``.

    Parameters
    ----------
    steps
        (time, die, unit, sequence).
    size
        ``alpha_t >= 0``, (die, unit, time, sequence).
    before
        States before the first frame, broadcast against (die, unit, sequence).
    limit
        K, or None for no limit.

    Returns
    -------
    Floats
        s, (time, die, unit, sequence).
    """
    states: Floats = np.multiply(steps, size.transpose(2, 0, 1, 3), dtype=size.dtype)
    bound = np.inf if limit is None else float(limit)
    previous = np.broadcast_to(before, states.shape[1:])
    for state in states:
        np.add(previous, state, out=state)
        previous = np.clip(state, -bound, bound, out=state)
    return states


def scaled(levels: Levels, alpha: Floats, out: Floats) -> Floats:
    """Write ``h = alpha s`` into `out`, (die, unit, time, sequence); alpha is (die, unit, 1, 1)."""
    np.copyto(out, levels.transpose(1, 2, 0, 3), casting="unsafe")
    return np.multiply(out, alpha, out=out)


def _time_first(compare: np.ufunc, c: Floats, threshold: Floats) -> NDArray[np.bool_]:
    n_die, n_unit, n_time, n_seq = c.shape
    found = np.empty((n_time, n_die, n_unit, n_seq), np.bool_)
    compare(c, threshold, out=found.transpose(1, 2, 0, 3))
    return found
