"""What a die does otherwise than software, counted by sequence.

A step is wrong where a unit's level changes otherwise than software's candidate asks from the
unit's own level before it, so it is counted once although a ladder carries it on. It is wrong *by
itself* where it is so too for software that reads the die's own earlier layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Bank, Design
from mru_hw.model.memory import by_name
from mru_hw.model.network import Model
from mru_hw.model.structure import normalised
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.local import LocalLayer, local_layers
from mru_hw.simulate.settled_steps import cells_set
from mru_hw.stimulus import Inputs

Array = NDArray[np.float64]
Levels = NDArray[np.int64]

MEASURES = ("steps", "own_steps", "decisions", "errors")
"""Shares of: wrong steps; those that are wrong by themselves; decisions that are not software's;
decisions that are not the label's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer of the network that a design amounts to, and what software makes of it.

    Frames are the valid ones of all sequences, one after the other.

    Attributes
    ----------
    candidate
        (n_frames, n_units).
    up, down
        Thresholds as magnitudes, broadcast against the candidate.
    before, after
        (n_frames, n_units) software's own levels before and after each frame.
    gain
        (n_units,) what a level is of h.
    """

    bank: Bank
    candidate: Array
    up: Array
    down: Array
    before: Levels
    after: Levels
    gain: Array

    def step(self, before: Levels, candidate: Array | None = None) -> Levels:
        """Return the levels after each frame, from levels before it."""
        c = self.candidate if candidate is None else candidate
        return self.bank.memory.step(before, c, self.up, self.down, self.bank.levels)


@final
class Judge:
    """Software's run of some sequences, as what dies are counted against.

    Parameters
    ----------
    mapped, design
        The network that the design amounts to, and the design.
    inputs
        The sequences.
    kernel
        Of software's run, as `simulate_ideal` has it.

    Attributes
    ----------
    layers
        What software makes of each layer.
    n_steps
        (n_seq,) units times frames.
    """

    def __init__(
        self, mapped: Model, design: Design, inputs: Inputs, kernel: str | None = None
    ) -> None:
        self.mapped, self.design, self.labels = mapped, design, inputs.y
        trace = simulate_ideal(mapped, inputs, kernel=kernel)
        self.decision = trace.decision
        self.valid = inputs.valid()
        self.frames = normalised(design.spec, inputs.x[self.valid])
        self.starts = np.cumsum(inputs.lengths) - inputs.lengths
        software = local_layers(mapped, self.frames, [state[self.valid] for state in trace.states])
        self.layers = tuple(
            self._layer(bank, trace.candidates[i][self.valid], trace.states[i], software[i])
            for i, bank in enumerate(design.banks)
        )
        self.n_steps = inputs.lengths * sum(bank.n_units for bank in design.banks)

    def _layer(self, bank: Bank, candidate: Array, states: Array, local: LocalLayer) -> Layer:
        own = by_name(self.mapped.tensors, f"layers.{bank.layer}.")
        gain = bank.memory.gain(own("alpha"))
        up, down = bank.memory.edges(local.beta, own)
        level = np.rint(states[self.valid] / gain).astype(np.int64)
        return Layer(
            bank=bank,
            candidate=candidate,
            up=up,
            down=down,
            before=self.delayed(bank, level),
            after=level,
            gain=gain,
        )

    def delayed(self, bank: Bank, level: Levels) -> Levels:
        """Return the levels (n_frames, n_units) before each frame, by those after it."""
        before = np.empty_like(level)
        before[1:] = level[:-1]
        before[self.starts] = bank.initial
        return before

    def count(
        self, states: Sequence[Array], tables: Sequence[Array], decision: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Count what a die does otherwise.

        Parameters
        ----------
        states
            By layer h of the die, (n_seq, n_time, n_units).
        tables
            By layer the die's own h with 0, 1, … cells set, (n_units, n_cells + 1).
        decision
            (n_seq,).

        Returns
        -------
        (measure, sequence) of `MEASURES`; errors are 0 without labels.
        """
        found = np.zeros((len(MEASURES), len(decision)), np.int32)
        levels = self.levels(states, tables)
        for layer, level, seen in zip(self.layers, levels, self.local(levels), strict=True):
            before = self.delayed(layer.bank, level)
            wrong = level != layer.step(before)
            found[0] += self._by_sequence(wrong)
            found[1] += self._by_sequence(wrong & (level != self._seen(layer, seen, before)))
        found[2] = decision != self.decision
        if self.labels is not None:
            found[3] = decision != self.labels
        return found

    def levels(self, states: Sequence[Array], tables: Sequence[Array]) -> list[Levels]:
        """Return by layer the levels after each frame, (n_frames, n_units), as of `count`."""
        return [
            layer.bank.memory.level(cells_set(h[self.valid], table), layer.bank.levels)
            for layer, h, table in zip(self.layers, states, tables, strict=True)
        ]

    def local(self, levels: Sequence[Levels]) -> list[LocalLayer]:
        """Return what each layer would see if software read these levels of the layers before."""
        h = [level * layer.gain for level, layer in zip(levels, self.layers, strict=True)]
        return local_layers(self.mapped, self.frames, h)

    def _seen(self, layer: Layer, seen: LocalLayer, before: Levels) -> Levels:
        """Return what software asks for that reads the die's own earlier layers."""
        own = by_name(self.mapped.tensors, f"layers.{layer.bank.layer}.")
        up, down = layer.bank.memory.edges(seen.beta, own)
        return layer.bank.memory.step(before, seen.candidate, up, down, layer.bank.levels)

    def _by_sequence(self, wrong: NDArray[np.bool_]) -> NDArray[np.int64]:
        counted: NDArray[np.int64] = np.add.reduceat(wrong.sum(axis=1), self.starts)
        return counted
