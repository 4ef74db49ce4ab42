"""How a comparator's node slews.

``C dV/dt = i_up (1 + lambda_p (V_dd - V)) - i_down (1 + lambda_n V)``: linear in V, so exact while
both currents are constant.
"""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.base import Array


def comparator_step(
    v: Array,
    source: Array,
    sink: Array,
    slopes: tuple[float, float],
    c: Array,
    dt: float,
    v_dd: float,
) -> Array:
    """Move comparators' nodes for `dt` [s]: ``C dV/dt = source(V) - sink(V)``, between rails.

    Parameters
    ----------
    source, sink
        Currents at 0 V.
    slopes
        What each changes by per volt, relative to itself: ``source (1 - s V)``, ``sink (1 + t V)``.
    c
        Capacitance [F over the currents' unit].
    """
    falling, rising = slopes
    conductance = source * falling + sink * rising
    end = (source - sink) / conductance
    moved: Array = end + (v - end) * np.exp(-np.minimum(conductance * (dt / c), 600.0))
    return np.clip(moved, 0.0, v_dd)
