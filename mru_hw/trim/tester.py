"""The tester: constant inputs, a reset, strobes and codes; it reads two supply currents.

A chip's pins are its inputs, its outputs, a strobe a layer, reset, the bias reference and one
supply for each block. A set cell draws its hold and its width current from the memory cells'
supply, and what its output leg brings flows through the mirrors' supply: a unit that steps shows
on both.
Nothing but these readings leaves this file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import IntArray
from mru_hw.circuits.legs.roles import SINK_PLUS, SOURCE_PLUS
from mru_hw.simulate.array import DieArray, Memory
from mru_hw.simulate.blocks import SequenceBlock
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.die_run import DieRun
from mru_hw.simulate.supply import BLOCKS
from mru_hw.technology.calibration import Calibration
from mru_hw.trim.dac import SIDES, Array, Legs, Side

RESOLUTION = 0.01
"""Of i_unit: standard deviation of a reading over a frame, our assumption of a meter."""
PINS = ("memory", "mirror")
_READ = [BLOCKS.index(pin) for pin in PINS]


class Probe:
    """One die on the tester.

    Parameters
    ----------
    legs
        The die's devices; hidden from who asks for readings.
    calibration
        At the corner, temperature and supply at which the die is measured.
    noise
        By layer, sigma of a decision's noise over the threshold; drawn anew for every reading.
    resolution
        Standard deviation of a current reading over i_unit.

    Attributes
    ----------
    start
        Codes nearest to the placed legs.
    readings, frames
        How many were taken, and how many frames of time they took.
    """

    def __init__(
        self,
        legs: Legs,
        calibration: Calibration,
        *,
        noise: Mapping[int, float],
        resolution: float = RESOLUTION,
    ) -> None:
        self._legs, self._calibration = legs, calibration
        self._resolution = resolution * legs.design.options.i_unit
        self._noise = noise
        self.start = legs.middle()
        design, die = legs.chip(self.start)
        self._array = compile_die(design, calibration, die, temperature=calibration.temperature)
        # A stream that no group of devices has: those are named by 32 bits.
        seed = np.random.SeedSequence(die.seed, spawn_key=(1 << 32,))
        self._random = np.random.Generator(np.random.Philox(seed))
        self.readings = self.frames = 0

    def read(self, layer: int, x: Array, codes: Mapping[Side, IntArray]) -> Array:
        """Return the currents of `PINS` after strobes [A], (n, n_pins), one reading an input.

        Each reading begins with a reset of one frame; the input stands for ``layer + 1`` frames, in
        which the layers before are strobed every time and `layer` in the last. All strobes then
        rest, the DACs go to their start, and the currents are read over one more frame.

        Parameters
        ----------
        x
            (n, n_in) normalised inputs.
        codes
            By layer and side, (n_units, n).
        """
        n, n_time = len(x), layer + 2
        block = SequenceBlock(
            rows=np.arange(n),
            x=np.repeat(x.T[:, None, :], n_time, axis=1),
            lengths=np.full(n, n_time),
            valid=np.ones((n_time, n), dtype=np.bool_),
        )
        memories = tuple(self._strobed(m, layer, n_time, codes) for m in self._array.memories)
        array: DieArray = dataclasses.replace(self._array, memories=memories)
        run = DieRun(array=array, block=block, calibration=self._calibration, noise=None)
        run.all_layers()
        self.readings += n
        self.frames += n * (1 + n_time)
        currents: Array = run.static[-1][:, _READ]
        return currents + self._resolution * self._random.standard_normal(currents.shape)

    def _strobed(
        self, memory: Memory, layer: int, n_time: int, codes: Mapping[Side, IntArray]
    ) -> Memory:
        """Give a memory each reading's codes; without a strobe nothing passes its thresholds."""
        at, frame = memory.bank.layer, np.arange(n_time)
        strobed = frame <= layer if at < layer else frame == layer
        strobed &= at <= layer
        up, down = (
            np.where(strobed[None, :, None], self._threshold(memory, side, codes), np.inf)
            for side in SIDES
        )
        return dataclasses.replace(memory, up=up, down=down)

    def _threshold(self, memory: Memory, side: str, codes: Mapping[Side, IntArray]) -> Array:
        """Return what a comparator reads where its unit steps, (n_units, 1, n)."""
        at = (memory.bank.layer, side)
        placed: Array = getattr(memory, side)
        if at not in codes:
            return placed
        ratio = self._leg(at, codes[at]) / self._leg(at, self.start[at])[:, None]
        sigma = self._noise.get(at[0], 0.0)
        if sigma:
            ratio = ratio * (1 + sigma * self._random.standard_normal(ratio.shape))
        return placed * ratio[:, None, :]

    def _leg(self, at: Side, codes: IntArray) -> NDArray[np.float64]:
        """Return the current of legs over that of one nominal unit device."""
        units, dvt, dbeta = self._legs.leg(at, codes)
        leg = SOURCE_PLUS if at[1] == "up" else SINK_PLUS
        at_test = self._calibration
        i_lsb = self._legs.design.i_lsb
        device = i_lsb / self._legs.design.bias.times(leg.role)
        factor = at_test.current_factor(leg.polarity, dvt, dbeta, at_test.temperature, device)
        current: Array = units * factor
        return current
