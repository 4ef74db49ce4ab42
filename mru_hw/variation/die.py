"""What is fixed at manufacture: the mismatch of every device of one die, and what they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import LawError
from mru_hw.mapping.design import Design, DeviceGroup
from mru_hw.technology import Technology
from mru_hw.variation.placement import Placement
from mru_hw.variation.spread import Spread, draw_spread
from mru_hw.variation.streams import Normals, stream_keys, stream_of
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
    (die,) = draw_dies(design, [seed], scale=scale, process=process, gradient=gradient)
    return die


def draw_dies(
    design: Design,
    seeds: Sequence[int],
    *,
    scale: float = 1.0,
    process: float = 0.0,
    gradient: float = 0.0,
) -> list[Die]:
    """Draw several dies, each as `draw_die` draws it: its bits do not depend on the others.

    Parameters
    ----------
    seeds
        Which dies.
    design, scale, process, gradient
        As of `draw_die`.

    Raises
    ------
    LawError
        A device's current factor would be zero or negative.
    """
    placement = Placement.of(design) if process or gradient else None
    spreads = [
        None
        if placement is None
        else draw_spread(design, seed, process=process, gradient=gradient, placement=placement)
        for seed in seeds
    ]
    groups = list(design.device_groups())
    drawn = _mismatch(design.technology, groups, seeds, scale)
    dvt: dict[tuple[str, str], Array] = {}
    dbeta: dict[tuple[str, str], Array] = {}
    for group, (own, factor) in zip(groups, drawn, strict=True):
        for d, spread in enumerate(spreads):
            if spread is not None:
                shift, beta = spread.of_group(group)
                own[d], factor[d] = own[d] + shift, factor[d] + beta * (1 + factor[d])
        if factor.size and float(factor.min()) <= -1:
            least = factor.reshape(len(seeds), -1).min(axis=1)
            raise LawError(
                f"Die {seeds[int(np.argmax(least <= -1))]} has devices in {'/'.join(group.key)} "
                "that carry no current."
            )
        dvt[group.key], dbeta[group.key] = own, factor
    return [
        Die(
            seed=seed,
            dvt={key: values[d] for key, values in dvt.items()},
            dbeta={key: values[d] for key, values in dbeta.items()},
            spread=spreads[d],
        )
        for d, seed in enumerate(seeds)
    ]


def draw_group(
    technology: Technology, group: DeviceGroup, seed: int, *, scale: float = 1.0
) -> tuple[Array, Array]:
    """Draw one group of a die: threshold shifts [V] and relative current factors."""
    ((own, factor),) = _mismatch(technology, [group], [seed], scale)
    return own[0], factor[0]


def _mismatch(
    technology: Technology, groups: Sequence[DeviceGroup], seeds: Sequence[int], scale: float
) -> Iterator[tuple[Array, Array]]:
    """Draw groups of dies, one after the other: shifts [V] and factors, (die, ...) each."""
    keys = stream_keys(seeds, [stream_of(group.key) for group in groups])
    normals = Normals()
    for k, group in enumerate(groups):
        draws = normals.draw(keys[:, k], (2, *group.units.shape))
        sigma_vt, sigma_beta = technology.sigma(group.device)
        root = np.sqrt(np.maximum(group.units, 1))
        yield scale * sigma_vt * draws[:, 0] / root, scale * sigma_beta * draws[:, 1] / root


def nominal_die(design: Design) -> Die:
    """Return the die without mismatch."""
    return draw_die(design, 0, scale=0.0)
