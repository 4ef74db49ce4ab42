"""Training itself: from a configuration to a model folder, resumable at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from mru_hw.errors import UserError
from mru_hw.files import WRITABLE, refuse_foreign, usable
from mru_hw.model.io import STRUCTURE, WEIGHTS, load_model
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.training.batches import as_batch
from mru_hw.training.checkpoint import Checkpoint
from mru_hw.training.config import TrainConfig
from mru_hw.training.digits import Split
from mru_hw.training.fit import Epoch, fit, one_thread, share_right
from mru_hw.training.network import MemoryNetwork, from_model
from mru_hw.training.tasks import Labelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A finished training.

    Attributes
    ----------
    model
        The network, as written.
    accuracy
        Shares of correct decisions in float64: train, validation, test.
    resumed_at
        Epochs that an earlier, interrupted call had done; all of them if the model stood already.
    seconds
        Wall time of this call [s].
    """

    model: Model
    accuracy: dict[str, float]
    resumed_at: int
    seconds: float


def train(
    config: TrainConfig,
    out: Path,
    progress: Callable[[Epoch], None] | None = None,
    *,
    folder: Path = Path(),
) -> Trained:
    """Train a network and write its model folder.

    A call that was interrupted resumes when it is repeated, and ends with the same bits. Where
    the model of this same configuration stands already, it is returned as it is.

    Parameters
    ----------
    config
        What to train.
    out
        The model folder; ``<out>.part`` beside it holds the unfinished training.
    progress
        Called after each epoch.
    folder
        Where a relative ``data`` file is sought.

    Raises
    ------
    UserError
        The data do not fit, or `out` holds something else or another training.
    """
    began = time.monotonic()
    data = config.source.load(folder)
    data.refuse_gaps()
    split = data.split
    digest = config.digest(data.digest)
    checkpoint = Checkpoint(out, digest)
    done = _finished(out, digest)
    if done is not None:
        checkpoint.close()
        return Trained(
            model=done,
            accuracy=evaluate(done, split),
            resumed_at=config.training.epochs,
            seconds=time.monotonic() - began,
        )
    spec = structure(config, data)
    saved = checkpoint.open()
    with one_thread():
        network = fit(config, MemoryNetwork(spec), split, checkpoint, saved, progress)
        model = network.export()
        accuracy = evaluate(model, split)
    provenance = {
        "training": digest,
        "config": config.as_data(),
        "data_sha256": data.digest,
        "torch": torch.__version__,
    }
    whole = spec.model_copy(update={"provenance": provenance, "metrics": {"accuracy": accuracy}})
    model = Model(spec=whole, tensors=model.tensors)
    checkpoint.finish(model)
    return Trained(
        model=model,
        accuracy=accuracy,
        resumed_at=0 if saved is None else saved.epochs_done,
        seconds=time.monotonic() - began,
    )


def structure(config: TrainConfig, data: Labelled) -> ModelSpec:
    """Return the structure that the configuration and the training rows ask for."""
    network = config.network
    try:
        return ModelSpec(
            frame_period=data.frame_period,
            n_in=data.split.train.x.shape[2],
            n_hidden=network.n_hidden,
            n_classes=data.n_classes,
            layers=network.layers,
            readout=network.readout,
            normalisation=data.normalisation(),
            classes=data.classes,
        )
    except UserError as error:
        raise error.inside("network") from None


def evaluate(model: Model, split: Split) -> dict[str, float]:
    """Return the shares of correct decisions of a model, in float64."""
    network = from_model(model)
    return {
        "train": share_right(network, as_batch(split.train, network)),
        "validation": share_right(network, as_batch(split.validation, network)),
        "test": share_right(network, as_batch(split.test, network)),
    }


def _finished(out: Path, digest: str) -> Model | None:
    with usable(out, "out", WRITABLE):
        stands = (out / STRUCTURE).is_file() and (out / WEIGHTS).is_file()
    if stands:
        found = load_model(out)
        if found.spec.provenance.get("training") == digest:
            return found
        expected = "a new path, for the model there is of another configuration"
        raise UserError("out", str(out), expected)
    # A model appears whole, so a folder with half of one is somebody's own.
    refuse_foreign(out, marker=STRUCTURE, what="model", allowed=())
    return None
