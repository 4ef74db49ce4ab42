"""Training as Python and the command line have it: with the twin for a chip in the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mru_hw.training import face

if TYPE_CHECKING:
    from mru_hw.model.network import Model
    from mru_hw.model.structure import ModelSpec
    from mru_hw.training.chip import Chip
    from mru_hw.training.config import ChipConfig, TrainConfig
    from mru_hw.training.fit import Epoch
    from mru_hw.training.run import Trained


def train(
    config: str | Path | Mapping[str, Any] | TrainConfig,
    out: str | Path | None = None,
    progress: Callable[[Epoch], None] | None = None,
    *,
    start: str | Path | Model | None = None,
) -> Trained:
    """Train a network and write its model folder, or go on with a training that was interrupted.

    Parameters
    ----------
    config
        CONFIG.yaml, whose data file is relative to its folder, or what would stand in it.
    out
        The model folder to write; beside CONFIG.yaml, with its stem, when None.
    progress
        Called after each epoch.
    start
        A trained network, or its folder, to go on from; a fresh one is drawn when None.

    Raises
    ------
    UserError
        The configuration or its data are not what they should be, `start` is of another structure,
        the chip that is asked for cannot hold the network, `out` holds something else, or torch is
        not installed.
    """
    return face.train(config, out, progress, start=start, chips=_chip)


def _chip(config: ChipConfig, spec: ModelSpec) -> Chip:
    from mru_hw.twin.chip import TwinChip

    return TwinChip(config, spec)
