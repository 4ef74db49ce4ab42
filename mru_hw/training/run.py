"""Training itself: from a configuration to a model folder, resumable at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from mru_hw.arrays import digest as arrays_digest
from mru_hw.errors import Bare, UserError
from mru_hw.files import WRITABLE, refuse_foreign, usable
from mru_hw.model.io import STRUCTURE, WEIGHTS, load_model
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.training.batches import as_batch
from mru_hw.training.checkpoint import Checkpoint
from mru_hw.training.chip import ChipMaker
from mru_hw.training.config import TrainConfig
from mru_hw.training.digits import Split
from mru_hw.training.fit import (
    DivergedError,
    Epoch,
    begin,
    fit,
    one_thread,
    own_tensors,
    share_right,
)
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
    warning
        What makes runs of the chip in the loop doubtful, in sentences; empty where nothing does.
    """

    model: Model
    accuracy: dict[str, float]
    resumed_at: int
    seconds: float
    warning: str = ""


def train(
    config: TrainConfig,
    out: Path,
    progress: Callable[[Epoch], None] | None = None,
    *,
    folder: Path = Path(),
    start: Model | None = None,
    chips: ChipMaker | None = None,
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
    start
        The trained network to go on from; a fresh one is drawn when None.
    chips
        Makes the chip of a configuration that has one.

    Raises
    ------
    UserError
        The data do not fit, `start` has another structure, the network has no such chip, or `out`
        holds something else or another training.
    """
    began = time.monotonic()
    data = config.source.load(folder)
    data.refuse_gaps()
    split = data.split
    origin = None if start is None else _origin(start)
    digest = config.digest(data.digest, origin)
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
    if start is not None:
        spec = _structure_of(start, spec)
    network = MemoryNetwork(spec)
    begin(config, network, start)
    chip = None
    if config.chip is not None:
        assert chips is not None
        chip = chips(config.chip, spec)
        chip.check(own_tensors(network))
    saved = checkpoint.open()
    with one_thread():
        try:
            fit(config, network, split, checkpoint, saved, progress, chip)
        except DivergedError:
            _keep_good(checkpoint, network, {"training": digest})
            raise
        model = network.export()
        accuracy = evaluate(model, split)
        doubts = "" if chip is None else chip.doubts(own_tensors(network))
    provenance = {
        "training": digest,
        "config": config.as_data(),
        "data_about": config.source.about,
        "data_sha256": data.digest,
        "torch": torch.__version__,
    }
    if origin is not None:
        provenance["start"] = origin
    whole = spec.model_copy(update={"provenance": provenance, "metrics": {"accuracy": accuracy}})
    model = Model(spec=whole, tensors=model.tensors)
    checkpoint.finish(model)
    return Trained(
        model=model,
        accuracy=accuracy,
        resumed_at=0 if saved is None else saved.epochs_done,
        seconds=time.monotonic() - began,
        warning=doubts,
    )


def _keep_good(checkpoint: Checkpoint, network: MemoryNetwork, whose: dict[str, object]) -> None:
    """Write the network of the last checkpoint, if there is one, for another training."""
    saved = checkpoint.open()
    if saved is None or not saved.epochs_done:
        return
    network.load_state_dict(saved.weights)
    model = network.export()
    told = {"provenance": whose | {"epochs": saved.epochs_done}}
    checkpoint.keep(Model(spec=model.spec.model_copy(update=told), tensors=model.tensors))


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


def _origin(start: Model) -> str:
    """Return a hash of the network to go on from, without what is only told of it."""
    told = start.spec.model_dump_json(exclude={"provenance", "metrics"})
    return arrays_digest(start.tensors, told)


def _structure_of(start: Model, asked: ModelSpec) -> ModelSpec:
    """Return the structure of the network to go on from, which has to be the one asked for.

    Normalisation and names of classes are its own.
    """
    told: dict[str, tuple[object, object]] = {
        name: (getattr(start.spec, name), getattr(asked, name))
        for name in ("n_in", "n_hidden", "n_classes", "readout", "frame_period")
    }
    told["number of layers"] = (len(start.spec.layers), len(asked.layers))
    for i, layers in enumerate(zip(start.spec.layers, asked.layers, strict=False)):
        found, wanted = (layer.model_dump(mode="json", exclude={"name"}) for layer in layers)
        told |= {f"layers.{i}.{key}": (found[key], wanted[key]) for key in found}
    for name, (known, wanted_here) in told.items():
        if known != wanted_here:
            expected = f"one with {wanted_here} there, as the configuration and its data have it"
            raise UserError("start", Bare(f"a model whose {name} is {known}"), expected)
    return start.spec.model_copy(update={"metrics": {}})


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
