"""What a memory cell is in software: its tensors, its options and its recurrence in numpy.

A cell is one module beside this one and one entry of `mru_hw.model.memory.CELLS`; everything else
asks the entry. What training needs of the same cell, in torch, stands under the same name in
`mru_hw.training.memory`, and a test runs every cell through both.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from mru_hw.model.memory.recurrence import Floats, Levels, ladder, scaled

Array = NDArray[np.float64]
Shapes = dict[str, tuple[int, ...]]
"""Shapes of a layer's tensors by their names."""
State = Any
"""What the units of a layer hold between two frames. Only the cell looks inside: an array
(die, ..., sequence) of levels or of numbers, real or complex, or a tuple of several arrays."""


StepLaw = Callable[[Any, Any, Any], Any]
"""An elementwise law of a candidate and its thresholds up and down: -1, 0 or 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """What drives the memory of a layer in one block of frames, for some dies and sequences.

    Attributes
    ----------
    input
        u, the layer's (rectified) input, (die, width_in, time, sequence).
    candidate
        c, (die, unit, time, sequence); without units for a cell that has no candidates.
    limit
        K, the limit of the level's size, or None.
    beta
        Thresholds >= 0 that broadcast against the candidate; None for a cell without thresholds.
    unit
        Returns one of the layer's tensors (n_units,) by its name, as (die, unit, 1, 1).
    tensor
        Returns one of the layer's tensors of any shape by its name, as (die, ...): a map of its
        own state, ``hidden.weight``, is (die, unit, unit).
    linear
        Returns ``W u + b``, (die, unit, time, sequence), of the layer's (rectified) input u, by
        the name of a linear map: ``alpha`` for the tensors ``alpha.weight`` and ``alpha.bias``.
    """

    input: Floats
    candidate: Floats
    limit: int | None
    beta: Floats | None
    unit: Callable[[str], Floats]
    tensor: Callable[[str], Floats]
    linear: Callable[[str], Floats]


class MemoryCell(abc.ABC):
    """One kind of memory unit, as software runs it; a subclass is final and has no state.

    Attributes
    ----------
    name
        What ``model.yaml`` calls it.
    threshold_names
        The tensors (n_units,) that its thresholds are made of, each counted by its absolute
        value. The first is ``beta``, which may come from the layer's input instead. Empty for a
        cell without thresholds, whose layer has no choice of ``threshold``.
    candidates
        Candidates a unit, 1 or 0: with 0 its layer has no tensors ``candidate``, and the cell makes
        what it needs of the layer's input.
    outputs
        Numbers of h that a unit gives, which the layer's output map reads.
    starts
        Whether its layer has the tensor ``initial_state``; else `span` holds 0 alone.
    takes_levels
        Whether a layer may state K, ``levels``.
    whole
        Whether its states are whole levels.
    start
        Its initial state where a training is not told another.
    anneals
        Whether training can begin with states that add up and end with states that are replaced
        (``training.anneal``).
    no_circuit
        Why the mapping refuses it, as the end of a sentence; of use where no circuit holds it.
    """

    __slots__ = ()

    name: ClassVar[str]
    threshold_names: ClassVar[tuple[str, ...]] = ("beta",)
    candidates: ClassVar[int] = 1
    outputs: ClassVar[int] = 1
    starts: ClassVar[bool] = True
    takes_levels: ClassVar[bool] = False
    whole: ClassVar[bool] = True
    start: ClassVar[float] = 0.0
    anneals: ClassVar[bool] = False
    no_circuit: ClassVar[str] = "the cell runs in software only, no circuit of the library holds it"

    @abc.abstractmethod
    def own_tensors(self, n_units: int, width_in: int) -> Shapes:
        """Return the shapes of its tensors beside ``beta`` and ``initial_state``.

        Parameters
        ----------
        n_units, width_in
            Units of the layer, and the width of its input.
        """

    def tensors(self, n_units: int, width_in: int, *, by_input: bool) -> Shapes:
        """Return the shapes of all tensors of its memory, in the order of the contract.

        Parameters
        ----------
        n_units, width_in
            Units of the layer, and the width of its input.
        by_input
            Whether beta comes from the input: ``|W_b u_t + b_b|``.
        """
        shapes: Shapes = {}
        if self.threshold_names:
            fixed: Shapes = {"beta": (n_units,)}
            shapes = linear_map("threshold", n_units, width_in) if by_input else fixed
        shapes |= self.own_tensors(n_units, width_in)
        return shapes | {"initial_state": (n_units,)} if self.starts else shapes

    @abc.abstractmethod
    def span(self, limit: int | None) -> tuple[float, float]:
        """Return the lowest and the highest state, in levels, at K or without a limit."""

    @abc.abstractmethod
    def start_words(self, limit: int | None) -> str:
        """Say which initial states there are, for a refusal: ``0 or 1``."""

    def initial(self, drive: Drive) -> State:
        """Return what its units hold before the first frame: the model's initial state."""
        return drive.tensor("initial_state")[:, :, None]

    @abc.abstractmethod
    def remember(self, drive: Drive, before: State, out: Floats) -> State:
        """Run the memory over a block of frames.

        Parameters
        ----------
        drive
            What drives it.
        before
            What the units hold before the first frame: `initial`, or what the block before
            returned.
        out
            Filled with the states h, (die, n_units * outputs, time, sequence).

        Returns
        -------
        State
            What they hold after the last frame.
        """


class LevelCell(MemoryCell):
    """A cell whose states are whole levels that two thresholds decide: what a circuit can hold.

    ``h = alpha s``, and s after a frame follows from s before it, the candidate and the two
    thresholds: `step_law` says which step these ask for, and the levels climb by it within their
    span (`mru_hw.model.memory.recurrence`). The level ``ideal`` runs that text, in numpy (`follow`)
    or compiled (`mru_hw.simulate.fast.ideal`); judges of right and wrong steps run `follow`. The
    array
    moves the cells of its circuit instead (`mru_hw.circuits.cell.law.step_cells`), and the compiled
    kernel counts of set cells (`mru_hw.simulate.fast.loops`); tests hold them to `follow`
    (``test_program.py``) and to each other (``test_kernel.py``).

    Attributes
    ----------
    signed
        Whether it steps down at minus a threshold as it steps up at plus a threshold, so that only
        c / beta counts. Else both thresholds are positive (first quadrant).
    spacing
        How far apart its levels lie.
    """

    __slots__ = ()

    signed: ClassVar[bool] = True
    spacing: ClassVar[int] = 1

    def own_tensors(self, n_units: int, width_in: int) -> Shapes:  # noqa: ARG002 (others need it)
        """Return the shapes: what its thresholds have beside beta, and alpha."""
        return dict.fromkeys((*self.threshold_names[1:], "alpha"), (n_units,))

    @abc.abstractmethod
    def edges(self, beta: Floats, unit: Callable[[str], Floats]) -> tuple[Floats, Floats]:
        """Return the thresholds of the steps up and down, both as magnitudes.

        Parameters
        ----------
        beta
            ``|beta|``, or what comes from the input: both thresholds are beta plus what only
            `unit` tells.
        unit
            Returns another of the layer's tensors by its name, to broadcast against beta.
        """

    @abc.abstractmethod
    def settings(self, up: Array, down: Array) -> dict[str, Array]:
        """Return the tensors whose `edges` are these: the inverse, as near as there is one."""

    def gain(self, alpha: Floats) -> Floats:
        """Return what one level is of h, by the tensor alpha."""
        return alpha

    @abc.abstractmethod
    def step_law(self) -> StepLaw:
        """Return what a candidate asks for: a function of `mru_hw.model.memory.recurrence`."""

    @final
    def follow(
        self, c: Floats, up: Floats, down: Floats, before: Levels, limit: int | None
    ) -> Levels:
        """Return the levels after each frame, (time, die, unit, sequence).

        Parameters
        ----------
        c
            Candidates, (die, unit, time, sequence).
        up, down
            Thresholds as magnitudes, broadcast against c.
        before
            Levels before the first frame, broadcast against (die, unit, sequence).
        limit
            K, or None.
        """
        return ladder(self.step_law()(c, up, down), before, self.span(limit), self.spacing)

    @abc.abstractmethod
    def distance(self, c: Array, up: Array, down: Array) -> Array:
        """Return by how much candidates lie beyond the threshold that they are nearest to.

        As a share of a threshold; positive where the candidate asks for a step. All broadcast.
        """

    def remember(self, drive: Drive, before: Levels, out: Floats) -> Levels:
        """Run `follow` by the layer's own tensors; ``h = alpha s``."""
        assert drive.beta is not None
        up, down = self.edges(drive.beta, drive.unit)
        levels = self.follow(drive.candidate, up, down, before, drive.limit)
        scaled(levels, self.gain(drive.unit("alpha")), out)
        last: Levels = levels[-1].copy()
        return last

    def step(
        self, before: Levels, c: Array, up: Array, down: Array, limit: int | None
    ) -> NDArray[np.int64]:
        """Return the level that each unit should have one frame on, from its own level before.

        Parameters
        ----------
        before, c, up, down
            Levels, candidates and thresholds of any shapes that broadcast; every element is a unit
            at a frame by itself.
        limit
            K, or None.
        """
        whole = np.broadcast_arrays(before, c, up, down)
        start, c, up, down = (x.reshape(1, 1, 1, -1) for x in whole)
        after = self.follow(c, up, down, start[:, :, 0], limit)
        return after.astype(np.int64).reshape(whole[0].shape)

    def lowest(self, limit: int | None) -> int:
        """Return the lowest level."""
        return int(self.span(limit)[0])

    def n_levels(self, limit: int | None) -> int:
        """Return how many levels a unit has."""
        low, high = self.span(limit)
        return int(high - low) // self.spacing + 1

    def level(self, rank: Levels, limit: int | None) -> Levels:
        """Return the level by its rank, counted from 0 for the lowest one."""
        return self.spacing * rank + self.lowest(limit)

    def rank(self, level: Levels, limit: int | None) -> Levels:
        """Return the rank of a level: 0 for the lowest one."""
        low = self.lowest(limit)
        above = level - low if low else level
        return above // self.spacing if self.spacing > 1 else above

    def usual(self, limit: int | None) -> tuple[float, float]:
        """Return mean and deviation of a level where all of them are as likely."""
        n = self.n_levels(limit)
        low, high = self.span(limit)
        return (low + high) / 2, self.spacing * float(np.sqrt((n * n - 1) / 12))


def linear_map(name: str, n_units: int, width_in: int) -> Shapes:
    """Return the shapes of the tensors of a linear map of the layer's input."""
    return {f"{name}.weight": (n_units, width_in), f"{name}.bias": (n_units,)}


def by_name(tensors: Mapping[str, Array], prefix: str) -> Callable[[str], Array]:
    """Return what finds a layer's tensors by their own names, as `LevelCell.edges` asks."""
    return lambda name: tensors[prefix + name]
