"""What ``train`` is asked for: CONFIG.yaml."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mru_hw.documents import Document, Several, Word
from mru_hw.errors import UserError
from mru_hw.files import read_document
from mru_hw.model.memory import CELLS
from mru_hw.model.structure import LayerSpec, ReadoutKind
from mru_hw.training.tasks import Digits, InputFile, NamedTask, Task
from mru_hw.training.tasks.base import WIDEST
from mru_hw.units import LONGEST_FRAME, SHORTEST_FRAME, Seconds, Volts

SHIPPED = ("digits-2x16", "digits-2x8", "digits-1x2")
"""Names of the configurations that come with the package."""


_OF_DATA = ("data", "frame_period", "classes")
"""Keys of a file of inputs, which no task has."""


class NetworkConfig(Document):
    """The structure that is trained; the data gives the rest."""

    n_hidden: int = Field(gt=0, le=WIDEST, description="width of the input projection")
    layers: Several[LayerSpec] = Field(
        min_length=1, max_length=64, description="the memory layers, first to last"
    )
    readout: Word[ReadoutKind] = Field(
        default=ReadoutKind.MEAN,
        description="how outputs become a decision; vote is trained as a mean",
    )
    initial_levels: Several[int] | None = Field(
        default=None, description="one a layer; else 0, and -1 for a BMRU"
    )

    @model_validator(mode="after")
    def _fits_in_memory(self) -> NetworkConfig:
        for i, layer in enumerate(self.layers):
            for name in ("n_units", "n_out"):
                if getattr(layer, name) > WIDEST:
                    field = f"network.layers.{i}.{name}"
                    raise UserError(field, getattr(layer, name), f"at most {WIDEST}")
        return self

    @model_validator(mode="after")
    def _levels_exist(self) -> NetworkConfig:
        if self.initial_levels is None:
            return self
        field = "network.initial_levels"
        if len(self.initial_levels) != len(self.layers):
            expected = f"{len(self.layers)} numbers, one a layer"
            raise UserError(field, list(self.initial_levels), expected)
        for i, (level, layer) in enumerate(zip(self.initial_levels, self.layers, strict=True)):
            low, high = layer.cell.span(layer.levels)
            if not low <= level <= high:
                raise UserError(f"{field}[{i}]", level, f"a level from {low:g} to {high:g}")
        return self


class NoiseConfig(Document):
    """What is drawn anew at every step, so that the network learns to bear it."""

    weight: float = Field(default=0.05, ge=0, le=1, description="relative, of every weight")
    rounding: float = Field(
        default=1 / 32, ge=0, le=1, description="half a step of the weight grid"
    )
    candidate: float = Field(default=0.1, ge=0, le=10, description="of every candidate")
    warp: float = Field(default=0.0, ge=0, lt=1, description="largest relative change of duration")
    offset: float = Field(
        default=0.0, ge=0, le=10, description="of a normalised feature, a sequence"
    )
    feature: float = Field(default=0.0, ge=0, le=10, description="of a normalised feature, a frame")


class TrainingConfig(Document):
    """How it is trained: AdamW, a warm-up, then half a cosine down to zero."""

    epochs: int = Field(gt=0, le=100_000, description="passes over the training sequences")
    batch_size: int = Field(default=64, gt=0, le=1_000_000, description="sequences of one step")
    learning_rate: float = Field(
        default=0.01, gt=0, le=10, description="the largest, between warm-up and decay"
    )
    weight_decay: float = Field(default=0.01, ge=0, le=10, description="of AdamW")
    warm_up: float = Field(default=0.05, ge=0, lt=1, description="share of all steps")
    gradient_limit: float = Field(
        default=1.0, ge=1e-12, le=1e12, description="largest norm of the gradient"
    )
    weight_limit: float = Field(default=4.0, gt=0, le=1e9, description="largest size of a weight")
    activity: float = Field(
        default=0.0,
        ge=0,
        le=1e12,
        description="price of the mean square of all candidates and outputs",
    )
    initial_gain: float = Field(default=2.0, gt=0, le=100, description="of all but the head")
    learn_beta: bool = Field(default=False, description="thresholds and widths, else fixed at 1")
    learn_alpha: bool = Field(default=False, description="gains, else fixed at 1")
    anneal: float = Field(
        default=0.0, ge=0, le=1, description="share of the epochs in which a BMRU's epsilon falls"
    )
    noise: NoiseConfig = Field(
        default=NoiseConfig(), description="what is drawn anew at every step"
    )
    checkpoint_epochs: int = Field(
        default=5, gt=0, le=100_000, description="epochs from one checkpoint to the next"
    )


class ChipConfig(Document):
    """The chip to train for: the network runs on its circuits, dies and conditions while it learns.

    Of several values each batch draws one.
    """

    tech: str = Field(default="generic180", min_length=1, description="technology")
    design: dict[str, Any] = Field(
        default={}, description="choices of the mapping, as they stand in DESIGN.yaml"
    )
    corner: Several[str] | None = Field(
        default=None, min_length=1, description="process corners; else the technology's first"
    )
    temperature: Several[float] | None = Field(
        default=None, min_length=1, description="[degC]; else the technology's"
    )
    v_dd: Several[Volts] | None = Field(
        default=None, min_length=1, description="supplies [V]; else the technology's"
    )
    mismatch: Several[Annotated[float, Field(ge=0)]] = Field(
        default=(1.0,), min_length=1, description="factors on every sigma of mismatch"
    )
    process: float = Field(default=0.0, ge=0, description="factor on what a die's devices share")
    gradient: float = Field(default=0.0, ge=0, description="factor on its slope across the chip")
    noise: float = Field(
        default=0.0, ge=0, le=1e3, description="factor on every sigma of device noise"
    )
    dies: int | None = Field(
        default=None, ge=1, le=1_000_000, description="how many; else a new one for every batch"
    )
    supply_price: float = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description="price of the mean supply current, in currents that stand for 1.0",
    )
    margin_price: float = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description="price of candidates that lie nearer to a threshold than margin",
    )
    margin: float = Field(
        default=0.2,
        gt=0,
        le=1e6,
        description="distance to a threshold, in the network's own units, that costs nothing",
    )
    remap: int = Field(
        default=8,
        ge=1,
        le=1_000_000,
        description="batches from one rounding of the weights to the next",
    )


class TrainConfig(Document):
    """All of CONFIG.yaml."""

    data: str = Field(
        default="digits",
        min_length=1,
        description="digits, or a file of inputs, sought beside CONFIG.yaml",
    )
    task: NamedTask | None = Field(
        default=None, description="in place of data: a task by name, and its options"
    )
    frame_period: Seconds | None = Field(
        default=None, ge=SHORTEST_FRAME, le=LONGEST_FRAME, description="of a file of inputs [s]"
    )
    classes: Several[str] | None = Field(default=None, description="names, of a file of inputs")
    seed: int = Field(
        default=0, ge=0, lt=2**63, description="of first weights, order of sequences and noise"
    )
    precision: Literal["float32", "float64"] = Field(
        default="float32", description="of the training; the model is stored in float64"
    )
    network: NetworkConfig = Field(description="the structure that is trained")
    training: TrainingConfig = Field(description="how it is trained")
    chip: ChipConfig | None = Field(
        default=None, description="the chip to train for; in software if left out"
    )

    @model_validator(mode="after")
    def _anneals(self) -> TrainConfig:
        if self.training.anneal and not any(layer.cell.anneals for layer in self.network.layers):
            cells = " or ".join(cell.name for cell in CELLS.values() if cell.anneals)
            expected = f"0 where no layer is a {cells}"
            raise UserError("training.anneal", self.training.anneal, expected)
        for name in ("activity", "anneal") if self.chip is not None else ():
            if value := getattr(self.training, name):
                expected = "0 with a chip, whose units switch and whose price is chip.supply_price"
                raise UserError(f"training.{name}", value, expected)
        return self

    @model_validator(mode="after")
    def _one_source(self) -> TrainConfig:
        given = self.frame_period is not None
        if self.task is not None:
            for key in _OF_DATA:
                if key in self.model_fields_set:
                    expected = "no such key beside task, which brings its own"
                    raise UserError(key, getattr(self, key), expected)
        elif self.data == "digits" and (given or self.classes is not None):
            key = "frame_period" if given else "classes"
            raise UserError(key, getattr(self, key), "no such key, for the digits bring their own")
        elif self.data != "digits" and not given:
            raise UserError("frame_period", None, "the seconds from frame to frame of the data")
        self.source.refuse_readout(self.network.readout)
        return self

    @property
    def source(self) -> Task:
        """Where the sequences come from."""
        if self.task is not None:
            return self.task
        if self.data == "digits":
            return Digits()
        period = 0.0 if self.frame_period is None else self.frame_period
        return InputFile(data=self.data, frame_period=period, classes=self.classes)

    def as_data(self) -> dict[str, Any]:
        """Return plain data, fit for JSON and YAML: the keys that say where sequences come from.

        Without a chip none is named.
        """
        beside = {"task"} if self.task is None else set(_OF_DATA)
        if self.chip is None:
            beside.add("chip")
        data: dict[str, Any] = json.loads(self.model_dump_json(exclude=beside))
        return data

    def digest(self, data_digest: str, start: str | None = None) -> str:
        """Return what tells this training from another.

        SHA-256 of the configuration, the data and, where there is one, the network that it starts
        from.
        """
        known = [self.as_data(), data_digest, *(() if start is None else (start,))]
        text = json.dumps(known, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def read_config(path: Path) -> TrainConfig:
    """Read CONFIG.yaml.

    Raises
    ------
    UserError
        The file is not plain YAML, or a key is missing, unknown or out of range.
    """
    return read_document(path, TrainConfig, "config")


def shipped_config(name: str, seed: int = 0) -> TrainConfig:
    """Return one of the configurations of `SHIPPED`, with the seed asked for."""
    if name not in SHIPPED:
        raise UserError("configuration", name, f"one of {', '.join(SHIPPED)}")
    place = importlib.resources.files("mru_hw.training") / "configs" / f"{name}.yaml"
    with importlib.resources.as_file(place) as path:
        return read_config(path).model_copy(update={"seed": seed})
