"""From die to die: shifts that all devices of a die share, and a slope of them across it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design, DeviceGroup
from mru_hw.technology import Technology
from mru_hw.variation.placement import Placement

Array = NDArray[np.float64]

MISMATCH_MOST = 20.0
"""Largest factor on the sigmas of mismatch. Beyond it devices four sigma off carry hundreds of
times their current, far outside weak inversion, and seven sigma of the current factor leave none.
"""
PROCESS_MOST = 10.0
"""Largest factor on the sigmas of what a die's devices share. Beyond it five sigma of the current
factor leave none, and gate voltages move by half the supply.
"""
GRADIENT_MOST = 100.0
"""Largest factor on the sigma of the gradient. It then moves thresholds across a chip by as much as
`PROCESS_MOST` moves them all.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What a die's devices have in common, by polarity.

    Attributes
    ----------
    technology, placement
        Which process, and where the devices stand.
    vt
        Threshold shift [V] of a large device; positive is a larger magnitude.
    beta
        Relative current factor.
    slope
        Of the threshold shift along x and y [V/m]; it is nothing in the chip's middle.
    """

    technology: Technology
    placement: Placement
    vt: Mapping[str, float]
    beta: Mapping[str, float]
    slope: Mapping[str, tuple[float, float]]

    @property
    def shifts(self) -> bool:
        """Whether the die's devices share anything beside the slope."""
        return any(self.vt.values()) or any(self.beta.values())

    def common(self, device: str) -> float:
        """Return the threshold shift [V] of a device class in the chip's middle."""
        placed = self.technology.devices[device]
        return self.vt[placed.polarity] * self.technology.process.shift_factor(placed)

    def shift(self, device: str, at: tuple[Array, Array]) -> Array:
        """Return the threshold shift [V] of devices of one class at places x and y [m]."""
        along_x, along_y = self.slope[self.technology.devices[device].polarity]
        shift: Array = self.common(device) + along_x * at[0] + along_y * at[1]
        return shift

    def of_group(self, group: DeviceGroup) -> tuple[Array, float]:
        """Return the threshold shifts [V] of a group, and its relative current factor."""
        found = self.shift(group.device, self.placement.group(group))
        return found, self.beta[self.technology.devices[group.device].polarity]


def draw_spread(
    design: Design, seed: int, *, process: float, gradient: float, placement: Placement
) -> Spread:
    """Draw what a die's devices have in common.

    Parameters
    ----------
    seed
        Of the die.
    process
        Factor on the sigmas of what is the same across the die.
    gradient
        Factor on the sigma of the slope.
    placement
        Of the design.

    Notes
    -----
    A plane of independent normal slopes along both sides has the same sigma of the difference of
    two devices at a distance D, S D, whatever their direction: the last term of
    ``sigma^2 = A^2 / (W L) + S^2 D^2`` (Pelgrom, Duinmaijer and Welbers, JSSC 24(5), 1989). Each
    polarity has streams of its own, beside those of mismatch.
    """
    known = design.technology.process
    vt, beta = {}, {}
    slope: dict[str, tuple[float, float]] = {}
    for polarity in "np":
        sigmas = [getattr(known, f"{name}_{polarity}") for name in ("vt", "beta", "gradient")]
        draws = _normal(seed, "process", polarity)
        vt[polarity], beta[polarity] = (
            float(process * s * z) for s, z in zip(sigmas, draws, strict=False)
        )
        x, y = gradient * sigmas[2] * _normal(seed, "gradient", polarity)
        slope[polarity] = float(x), float(y)
    return Spread(
        technology=design.technology,
        placement=placement,
        vt=vt,
        beta=beta,
        slope=slope,
    )


def _normal(seed: int, *name: str) -> Array:
    # Two words: a group of devices has one, so no stream is shared with mismatch.
    stream = tuple(zlib.crc32(word.encode()) for word in name)
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=stream)))
    return rng.standard_normal(2)
