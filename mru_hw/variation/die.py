"""What is fixed at manufacture: the mismatch of every device of one die, and what they share."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import LawError
from mru_hw.mapping.design import Design, DeviceGroup
from mru_hw.technology import Technology
from mru_hw.variation.spread import Spread, draw_spread
from mru_hw.variation.stuck import Stuck

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Die:
    """One manufactured chip.

    Attributes
    ----------
    seed
        Which die; a die is the same wherever and with whatever others it is drawn.
    dvt
        Per `DeviceGroup.key`: threshold shift [V] of every device; positive is a larger
        magnitude, so less current, for both polarities.
    dbeta
        The same for the relative current factor.
    spread
        What all devices share, which `dvt` and `dbeta` contain; None where dies do not differ by
        it.
    reference
        Relative error of the current into the chip's reference pin, from which all bias currents
        come; (n_die, 1) of several dies.
    stuck
        By layer, which memory cells are stuck; nothing where none is.
    """

    seed: int
    dvt: Mapping[tuple[str, str], Array]
    dbeta: Mapping[tuple[str, str], Array]
    spread: Spread | None = None
    reference: float | Array = 0.0
    stuck: Mapping[int, Stuck] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Say in one line which die it is, and of how many devices."""
        return f"<Die: seed {self.seed}, {sum(shift.size for shift in self.dvt.values())} devices>"


def draw_die(
    design: Design,
    seed: int,
    *,
    scale: float = 1.0,
    process: float = 0.0,
    gradient: float = 0.0,
) -> Die:
    """Draw a die from the Pelgrom constants and the placed geometry.

    Parameters
    ----------
    design
        Which devices there are and how large each is.
    seed
        Which die.
    scale
        Factor on every sigma of mismatch; 0 is the nominal die.
    process, gradient
        Factors on the sigmas of what all devices of a die share, and of its slope across the chip
        (`mru_hw.variation.spread`).

    Raises
    ------
    LawError
        A device's current factor would be zero or negative.

    Notes
    -----
    sigma = a / sqrt(W L m), a per device (Pelgrom et al., JSSC 24(5), 1989). Each group has a
    random stream of its own, named by the group, and draws for absent devices too: leaving out
    one leg changes no other device.
    """
    dvt: dict[tuple[str, str], Array] = {}
    dbeta: dict[tuple[str, str], Array] = {}
    shared = bool(process or gradient)
    spread = draw_spread(design, seed, process=process, gradient=gradient) if shared else None
    for group in design.device_groups():
        own, factor = draw_group(design.technology, group, seed, scale=scale)
        if spread is not None:
            shift, beta = spread.of_group(group)
            own, factor = own + shift, factor + beta * (1 + factor)
        if factor.size and float(factor.min()) <= -1:
            raise LawError(
                f"Die {seed} has devices in {'/'.join(group.key)} that carry no current."
            )
        dvt[group.key], dbeta[group.key] = own, factor
    return Die(seed=seed, dvt=dvt, dbeta=dbeta, spread=spread)


def draw_group(
    technology: Technology, group: DeviceGroup, seed: int, *, scale: float = 1.0
) -> tuple[Array, Array]:
    """Draw one group of a die: threshold shifts [V] and relative current factors."""
    stream = zlib.crc32("/".join(group.key).encode())
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(stream,))))
    draws = rng.standard_normal((2, *group.units.shape))
    sigma_vt, sigma_beta = technology.sigma(group.device)
    root = np.sqrt(np.maximum(group.units, 1))
    return scale * sigma_vt * draws[0] / root, scale * sigma_beta * draws[1] / root


def nominal_die(design: Design) -> Die:
    """Return the die without mismatch."""
    return draw_die(design, 0, scale=0.0)
