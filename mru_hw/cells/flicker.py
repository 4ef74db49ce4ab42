"""Flicker noise of a unit device's current; what counts it differs in the band, not in this."""

from __future__ import annotations

from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration


def relative_flicker(technology: Technology, calibration: Calibration, temperature: float) -> float:
    """Return the relative variance of one unit device's current per factor e of bandwidth.

    ``k / (c_ox W L (n kT/q)^2)``, from ``S_Vg = k / (c_ox W L f)`` and ``g_m = I / (n kT/q)``: the
    NMOS mirror device's, with the larger constant of both polarities, each times what the
    technology's cards have over it.

    Parameters
    ----------
    temperature
        [degC].
    """
    device, constants = technology.devices["n_mirror"], technology.flicker
    cards = technology.noise
    gate = max(constants.k_n * cards.flicker_n, constants.k_p * cards.flicker_p)
    gate /= constants.c_ox * device.w * device.l
    return gate / calibration.thermal("n", temperature) ** 2
