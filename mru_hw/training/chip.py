"""What training needs of a chip in its loop; the hardware stands behind it (`mru_hw.twin`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mru_hw.model.structure import ModelSpec
    from mru_hw.training.config import ChipConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipRun:
    """What a die made of a batch.

    Attributes
    ----------
    output
        (sequence, time, class), in the network's own units.
    current
        Supply current of each frame, (sequence, time), in currents that stand for 1.0 of the
        network; None where it was not asked for.
    near
        By how much of the margin candidates lie closer to a threshold in each frame, the mean over
        units, (sequence, time); None where it was not asked for.
    """

    output: Tensor
    current: Tensor | None
    near: Tensor | None = None


class Chip(Protocol):
    """A network on dies that are drawn anew for every batch, as a function of its tensors."""

    def check(self, tensors: Mapping[str, Tensor]) -> None:
        """Refuse a network that it cannot hold.

        Raises
        ------
        UserError
            As said.
        """

    def doubts(self, tensors: Mapping[str, Tensor]) -> str:
        """Say what makes runs of a network at its conditions doubtful; empty where nothing does."""

    def begin(self) -> None:
        """Forget earlier batches: an epoch begins, and its bits depend on nothing before it."""

    def run(
        self,
        tensors: Mapping[str, Tensor],
        x: Tensor,
        *,
        generator: torch.Generator,
        candidate_noise: float,
        supply: bool,
        margin: float | None = None,
    ) -> ChipRun:
        """Run a batch on a die and at conditions that `generator` draws.

        Parameters
        ----------
        tensors
            Of the network, by the names of the contract.
        x
            Normalised, (sequence, time, feature).
        candidate_noise
            Standard deviation of what is added to every candidate.
        supply
            Whether to work out the supply current.
        margin
            Distance of candidates to thresholds below which they count as near, in the network's
            own units; None where that is not asked for.
        """

    def outputs(self, tensors: Mapping[str, Tensor], x: Tensor) -> Iterator[Tensor]:
        """Run a batch at each of the conditions, each on one die that stays the same."""


ChipMaker = Callable[["ChipConfig", "ModelSpec"], Chip]
"""Makes the chip of a configuration, for a network."""
