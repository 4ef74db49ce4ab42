"""From readings to codes: successive approximation, one threshold after the other.

A unit's threshold rises with its code. For each stimulus the largest code at which the unit still
steps is found bit by bit. A step shows as a change of the pins' currents against the reading at the
largest code. What other units do is the same in both readings; where noise flips one of them the
change fits neither a step nor none, and the stimulus is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import IntArray
from mru_hw.mapping.design import Design
from mru_hw.trim.dac import SIDES, Array, Legs, Side
from mru_hw.trim.plan import Stimuli, TrimPlan, one_unit
from mru_hw.trim.tester import RESOLUTION, Probe
from mru_hw.variation import Die, draw_die

ALIKE = 0.5
"""A step's change of the currents may differ from the nominal chip's by so much of it."""
CLEAR = 0.2
"""A reading may be so far, in steps of its own die, from no step or a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """A trimmed die.

    Attributes
    ----------
    design, die
        The chip as its codes make it: legs of their lengths, with their mismatch.
    codes
        By layer and side, (n_units,).
    missed
        Thresholds that no stimulus showed, or that lie outside their DAC's range: left in the
        middle.
    readings, seconds
        Measurements, and the frames that they took [s].
    """

    design: Design
    die: Die
    codes: Mapping[Side, IntArray]
    missed: int
    readings: int
    seconds: float


def trim_die(
    plan: TrimPlan,
    seed: int,
    *,
    corner: str | None = None,
    process: float = 0.0,
    gradient: float = 0.0,
    resolution: float = RESOLUTION,
) -> Trimmed:
    """Draw a die, measure it and set its DACs.

    Parameters
    ----------
    seed
        Of the die, as `draw_die` takes it.
    corner
        The die's process corner, the technology's first unless given. The tester knows of it
        nothing; it measures at the technology's temperature and supply.
    process, gradient
        As `draw_die` takes them.
    resolution
        Standard deviation of a current reading over i_unit.
    """
    scale = plan.mismatch_scale
    die = draw_die(plan.design, seed, scale=scale, process=process, gradient=gradient)
    legs = Legs.draw(plan.design, die, plan.dacs, scale=scale)
    probe = Probe(
        legs,
        plan.calibration.at(corner=corner),
        noise=plan.noise,
        resolution=resolution,
    )
    codes, missed = search(plan, probe)
    design, trimmed = legs.chip(codes)
    return Trimmed(
        design=design,
        die=trimmed,
        codes=codes,
        missed=missed,
        readings=probe.readings,
        seconds=probe.frames * plan.design.timing.frame,
    )


def search(plan: TrimPlan, probe: Probe) -> tuple[dict[Side, IntArray], int]:
    """Find the codes; return them and how many thresholds were missed."""
    codes, missed = dict(probe.start), 0
    for stimuli in plan.stimuli:
        bits = plan.dacs[0].bits
        flip, seen = _flips(probe, stimuli, codes, bits)
        for dac in plan.dacs:
            if dac.layer != stimuli.layer:
                continue
            found = codes[dac.at].copy()
            for unit in range(len(found)):
                mine = seen & (stimuli.unit == unit) & (stimuli.side == SIDES.index(dac.side))
                if mine.any():
                    away = stimuli.shift[mine] * dac.placed[unit] / dac.lsb
                    wanted = np.rint(np.median(flip[mine] + away))
                    found[unit] = int(np.clip(wanted, 0, dac.top))
                else:
                    missed += 1
            codes[dac.at] = found
    return codes, missed


def _flips(
    probe: Probe, stimuli: Stimuli, codes: Mapping[Side, IntArray], bits: int
) -> tuple[Array, NDArray[np.bool_]]:
    """Return between which codes each stimulus flips its unit, (n,), and whether that is sure."""
    n = len(stimuli.unit)

    def read(tried: IntArray) -> Array:
        return probe.read(stimuli.layer, stimuli.x, one_unit(stimuli, codes, tried))

    rest = read(np.full(n, (1 << bits) - 1))
    found = np.zeros(n, dtype=np.int64)
    # At code 0 the unit should step as it does on the nominal chip; then it is its own measure.
    own = read(found) - rest
    sure = np.abs(_part(own, stimuli.seen) - 1) < ALIKE
    for bit in reversed(range(bits)):
        tried = found | (1 << bit)
        part = _part(read(tried) - rest, own)
        sure &= np.abs(part - (part > 0.5)) < CLEAR
        found = np.where(part > 0.5, tried, found)
    return found + np.float64(0.5), sure


def _part(change: Array, whole: Array) -> Array:
    """Return ``change . whole / whole . whole`` over the pins, (n,).

    0 where the pins' currents did not change, 1 where they changed by all of `whole`; both are
    (n, n_pins) [A].
    """
    size: Array = (whole**2).sum(axis=1)
    part: Array = np.zeros_like(size)
    np.divide((change * whole).sum(axis=1), size, out=part, where=size > 0)
    return part
