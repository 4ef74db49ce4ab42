"""From readings to codes: successive approximation, one threshold after the other.

A unit's threshold rises with its code. For each stimulus the largest code at which the unit still
steps is found bit by bit. A step shows as a change of the pins' currents against the reading at the
largest code; it is weighed with the change that the nominal chip shows. What other units do is the
same in both readings, but for noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Design, IntArray
from mru_hw.trim.dac import SIDES, Array, Legs, Side
from mru_hw.trim.plan import Stimuli, TrimPlan, one_unit
from mru_hw.trim.tester import RESOLUTION, Tester
from mru_hw.variation import Die, draw_die


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
    plan: TrimPlan, seed: int, *, corner: str | None = None, resolution: float = RESOLUTION
) -> Trimmed:
    """Draw a die, measure it and set its DACs.

    Parameters
    ----------
    seed
        Of the die, as `draw_die` takes it.
    corner
        The die's process corner, the technology's first unless given. The tester knows of it
        nothing; it measures at the technology's temperature and supply.
    resolution
        Standard deviation of a current reading [A].
    """
    scale = plan.mismatch_scale
    die = draw_die(plan.design, seed, scale=scale)
    legs = Legs.draw(plan.design, die, plan.dacs, scale=scale)
    tester = Tester(
        legs,
        plan.calibration.at(corner=corner),
        noise=plan.noise,
        resolution=resolution,
    )
    codes, missed = search(plan, tester)
    design, trimmed = legs.chip(codes)
    return Trimmed(
        design=design,
        die=trimmed,
        codes=codes,
        missed=missed,
        readings=tester.readings,
        seconds=tester.frames * plan.design.timing.frame,
    )


def search(plan: TrimPlan, tester: Tester) -> tuple[dict[Side, IntArray], int]:
    """Find the codes; return them and how many thresholds were missed."""
    codes, missed = dict(tester.start), 0
    for stimuli in plan.stimuli:
        bits = plan.dacs[0].bits
        flip, seen = _flips(tester, stimuli, codes, bits)
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
    tester: Tester, stimuli: Stimuli, codes: Mapping[Side, IntArray], bits: int
) -> tuple[Array, NDArray[np.bool_]]:
    """Return between which codes each stimulus flips its unit, (n,), and whether it does."""
    n = len(stimuli.unit)
    weights = stimuli.seen / (stimuli.seen**2).sum(axis=1, keepdims=True)

    def read(tried: IntArray) -> Array:
        return tester.read(stimuli.layer, stimuli.x, one_unit(stimuli, codes, tried))

    rest = read(np.full(n, (1 << bits) - 1))

    def stepped(tried: IntArray) -> NDArray[np.bool_]:
        part: NDArray[np.bool_] = ((read(tried) - rest) * weights).sum(axis=1) > 0.5
        return part

    found = np.zeros(n, dtype=np.int64)
    seen = stepped(found)
    for bit in reversed(range(bits)):
        tried = found | (1 << bit)
        found = np.where(stepped(tried), tried, found)
    return found + np.float64(0.5), seen
