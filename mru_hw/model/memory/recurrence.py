"""The memory of each cell as a recurrence over time, in plain numpy.

The equations: docs/reference/models.md, The network.

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

ONE: Any = np.int8(1)
"""A step: a byte in numpy; the compiled kernel has its own number type in its place."""

_BYTE_LEVELS = 63
FAR_LEVEL = 2**30
"""Where levels without a limit end."""


# --------------------------------------------- laws of an element: numpy's, and the kernel's text


def signed_step(c: Any, up: Any, down: Any) -> Any:
    """Return the signed update ``z_t sign(c_t)`` of a CMRU or BMRU: -1, 0 or 1.

    ``z_t = H(|c_t| - beta)`` with H(0) = 1 and sign(0) = 1, so a candidate of 0 at beta = 0 is a
    step upwards.

    Parameters
    ----------
    c
        Candidate.
    up, down
        Thresholds of the steps up and down, both as magnitudes: beta twice, or what a die's
        comparators have.
    """
    rise = c >= up
    return rise * ONE - ((c <= -down) > rise) * ONE


def held_step(c: Any, up: Any, down: Any) -> Any:
    """Return the update of an FQ-BMRU's bit: 1 from `up` on, 0 from `down` on, -1 below.

    Parameters
    ----------
    c
        Candidate.
    up, down
        ``beta_hi`` and ``beta_lo``, ``0 <= down <= up``.
    """
    return (c >= up) * ONE + (c >= down) * ONE - ONE


def climbed(level: Any, step: Any, low: Any, high: Any) -> Any:
    """Return the level after a step: ``s_t = clip(s_{t-1} + step_t, low, high)``.

    With steps of one level this is the CMRU. With steps of two from -1 to 1 it is the BMRU: two up
    from -1, or from 0, end at 1 whatever was there. With steps of one from 0 to 1 it is a bit.
    """
    return np.maximum(np.minimum(level + step, high), low)


# ---------------------------------------------------------------------------- over time, in numpy


def ladder(
    steps: NDArray[np.int8], before: Floats, span: tuple[float, float], spacing: int = 1
) -> Levels:
    """Climb frame after frame: `climbed` by ``spacing steps_t``.

    Parameters
    ----------
    steps
        -1, 0 or 1, (die, unit, time, sequence).
    before
        Levels before the first frame, broadcast against (die, unit, sequence).
    span
        The lowest and the highest level, infinite where there is no limit.
    spacing
        Levels of a step.

    Returns
    -------
    Levels
        s, (time, die, unit, sequence).
    """
    low, high = span
    within = max(-low, high)
    dtype: type[np.int8 | np.int32] = np.int8 if within <= _BYTE_LEVELS else np.int32
    n_die, n_unit, n_time, n_seq = steps.shape
    levels: Levels = np.empty((n_time, n_die, n_unit, n_seq), dtype)
    np.multiply(steps, spacing, out=levels.transpose(1, 2, 0, 3))
    previous = np.empty(levels.shape[1:], dtype)
    previous[...] = before
    # Whole arrays as bounds: numpy's vectorised minimum takes no scalar operand.
    bottom, top = (np.full_like(previous, np.clip(bound, -FAR_LEVEL, FAR_LEVEL)) for bound in span)
    for level in levels:
        level[...] = climbed(previous, level, bottom, top)
        previous = level
    return levels


def relaxed_ladder(
    steps: NDArray[np.int8], size: Floats, before: Floats, limit: int | None
) -> Floats:
    """Climb by learned sizes (alphaCMRU): ``s_t = clip(s_{t-1} + size_t steps_t, -limit, limit)``.

    Parameters
    ----------
    steps
        -1, 0 or 1, (die, unit, time, sequence).
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
    states: Floats = np.multiply(steps, size, dtype=size.dtype).transpose(2, 0, 1, 3).copy()
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
