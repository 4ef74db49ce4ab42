"""Laws of device noise, node by node and unit by unit: plain arithmetic of currents in amperes.

numpy runs them on arrays, and the compiled kernel takes their text (`mru_hw.simulate.fast.source`).
Variances are without their constants, as `mru_hw.simulate.noise_walk` says.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def passed(total: Any, corner: Any) -> Any:
    """Return which part of white noise a node's pole passes: none where nothing flows.

    Parameters
    ----------
    total, corner
        The node's current, and that at which its pole lies at the comparator's.
    """
    return total / np.maximum(total + corner, 1e-37)


def sigma(white: Any, flicker: Any, white_band: Any, flicker_band: Any) -> Any:
    """Return the sigma [A] of two variances, each times its constants."""
    return np.sqrt(white * white_band + flicker * flicker_band)


def meeting(threshold: Any, rest: Any) -> tuple[Any, Any, Any]:
    """Return the plus rail, the sum of both rails and their ratio squared at a threshold.

    Parameters
    ----------
    threshold, rest
        The signed candidate's current there, and its splitters' quiescent current.
    """
    root = np.sqrt(threshold * threshold + 4 * rest * rest)
    rail = (threshold + root) / 2
    ratio = root / rail
    return rail, root, ratio * ratio


def own_devices(
    rail: Any, root: Any, rest: Any, devices: Any, legs: Any, wide: Any, device: Any
) -> tuple[Any, Any]:
    """Return white and flicker variance of a unit's own devices, referred to the copied rail.

    Parameters
    ----------
    rail, root, rest
        Current that the comparator copies, the sum of the candidate's rails and its splitters'
        quiescent current, where it decides; 1 and 0 of a candidate with one rail.
    devices, wide
        How many devices carry `rail`, and of how many unit devices each is.
    legs, device
        Legs off the bias rail that carry `rail` too, and the current of its unit devices.
    """
    white = devices * rail + rest * rest / root + legs * rail
    flicker = rail * rail * (devices / wide) + legs * device * rail
    return white, flicker
