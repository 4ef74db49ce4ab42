"""ZOO.yaml: which cells are trained on which tasks, under one budget, and on which chip."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mru_hw.documents import Document, Several, Word
from mru_hw.errors import UserError
from mru_hw.files import read_document, validated
from mru_hw.model.memory import CELLS
from mru_hw.model.structure import ReadoutKind
from mru_hw.training.config import ChipConfig, TrainConfig
from mru_hw.training.tasks import NamedTask
from mru_hw.training.tasks.base import WIDEST
from mru_hw.training.tasks.synthetic import Synthetic
from mru_hw.units import Seconds

SHIPPED = ("cells", "quick")
"""Names of the plans that come with the package."""
BUDGET = ("epochs", "batch_size", "checkpoint_epochs")
"""Keys of a training that are the same for every cell."""
_OF_DATA = ("task", "data", "frame_period", "classes")
Overrides = dict[str, Any]


class CellPlan(Document):
    """A cell as it stands in the networks."""

    cell: str | None = Field(default=None, description="its name, if not this key")
    layer: Overrides = Field(default={}, description="keys of its layers beside the plan's")
    training: Overrides = Field(
        default={}, description="keys of its training beside the plan's, none of the budget"
    )


class Persistence(Document):
    """How long a state lasts: test sequences longer than those that were trained."""

    lengths: Several[int] = Field(min_length=1, description="of test sequences [frames]")
    n_test: int = Field(default=200, ge=1, le=100_000, description="sequences of each length")
    n_dies: int = Field(default=0, ge=0, le=10_000, description="with noise, where the cell maps")
    temperature: Several[float] = Field(
        default=(27.0,), min_length=1, description="of the dies [degC]"
    )


class TaskPlan(Document):
    """A task with its readout; the keys that say where sequences come from are CONFIG.yaml's."""

    title: str = Field(default="", description="what the table calls it")
    task: NamedTask | None = Field(default=None, description="a task by name, and its options")
    data: str | None = Field(default=None, min_length=1, description="or a file of inputs")
    frame_period: Seconds | None = Field(default=None, description="of a file of inputs [s]")
    classes: Several[str] | None = Field(default=None, description="of a file of inputs")
    readout: Word[ReadoutKind] = ReadoutKind.MEAN
    layer: Overrides = Field(default={}, description="keys of every layer beside the plan's")
    training: Overrides = Field(default={}, description="keys of training beside the plan's")
    choose: Several[Overrides] | None = Field(
        default=None, min_length=1, description="in place of the plan's"
    )
    persistence: Persistence | None = Field(default=None, description="of a drawn task")

    @property
    def source(self) -> dict[str, Any]:
        """The keys of CONFIG.yaml that say where the sequences come from."""
        return self.model_dump(mode="json", include=set(_OF_DATA), exclude_none=True)


class ChipPlan(Document):
    """The chip that mapped networks are judged on, and trained for."""

    chip: ChipConfig = Field(
        default=ChipConfig(), description="as in CONFIG.yaml: dies are judged at each condition"
    )
    n_dies: int = Field(default=50, ge=1, le=1 << 20, description="dies a condition")
    training: Overrides | None = Field(
        default=None,
        description="keys of the training with that chip in its loop, beside the plan's; "
        "without it networks are judged as they were trained",
    )


class Study(Document):
    """A part of the plan: the product of its lists, seed after seed."""

    tasks: Several[str] = Field(min_length=1, description="keys of `tasks`")
    cells: Several[str] = Field(min_length=1, description="keys of `cells`")
    widths: Several[Annotated[int, Field(ge=1, le=WIDEST)]] = Field(
        min_length=1, description="units a layer"
    )
    seeds: Several[Annotated[int, Field(ge=0, lt=2**63)]] = Field(
        min_length=1, description="of trainings, each a network"
    )
    chip: bool = Field(default=False, description="whether mapped networks go on the plan's chip")


class Published(Document):
    """A figure of somebody else, which stands under the tables with its source."""

    what: str = Field(description="system or method, and on which data")
    figures: str = Field(description="as published, with their units")
    source: str = Field(description="where they stand: authors, journal or arXiv number, year")


class ZooPlan(Document):
    """All of ZOO.yaml."""

    format_version: Literal[1] = Field(default=1, description="of this file")
    title: str = Field(default="", description="of the page")
    n_layers: int = Field(default=2, ge=1, le=64, description="of every network")
    layer: Overrides = Field(default={}, description="keys of every layer, as in model.yaml")
    training: Overrides = Field(description="keys of training, as in CONFIG.yaml: the budget")
    choose: Several[Overrides] = Field(
        default=({},),
        min_length=1,
        description="keys of training, each tried with the first seed; the best on validation "
        "serves all seeds",
    )
    cells: dict[str, CellPlan] = Field(
        min_length=1, description="what is trained, by the name that studies use"
    )
    tasks: dict[str, TaskPlan] = Field(min_length=1, description="on what, by the same")
    chip: ChipPlan | None = Field(default=None, description="dies that mapped networks run on")
    reference: str | None = Field(
        default=None, description="a cell that the page compares with the others, task by task"
    )
    head: Several[str] = Field(default=(), description="first paragraphs of the page")
    notes: Several[str] = Field(default=(), description="paragraphs below how it was made")
    studies: Several[Study] = Field(min_length=1, description="in the order in which they run")
    published: Several[Published] = Field(
        default=(), description="figures of others, told under the tables"
    )

    @model_validator(mode="after")
    def _names(self) -> Self:
        for key, group in (("cells", self.cells), ("tasks", self.tasks)):
            for name in group:
                if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,39}", name):
                    expected = "a name of small letters, digits, _, . and -, at most 40"
                    raise UserError(key, name, expected)
        for name, cell in self.cells.items():
            if (cell.cell or name) not in CELLS:
                raise UserError(f"cells.{name}.cell", cell.cell or name, f"one of {words(CELLS)}")
        if self.reference is not None and self.reference not in self.cells:
            expected = f"one of the plan's cells: {words(self.cells)}"
            raise UserError("reference", self.reference, expected)
        for i, study in enumerate(self.studies):
            for key, group in (("cells", self.cells), ("tasks", self.tasks)):
                for name in getattr(study, key):
                    if name not in group:
                        field = f"studies.{i}.{key}"
                        raise UserError(field, name, f"one of the plan's {key}: {words(group)}")
            if study.chip and self.chip is None:
                raise UserError(f"studies.{i}.chip", value=True, expected="the plan's key chip too")
        return self

    @model_validator(mode="after")
    def _drawn_where_longer(self) -> Self:
        for name, task in self.tasks.items():
            if task.persistence is not None and not isinstance(task.task, Synthetic):
                field, found = f"tasks.{name}.persistence", list(task.persistence.lengths)
                expected = "no such key, for only drawn tasks have sequences of any length"
                raise UserError(field, found, expected)
        return self

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        places = {f"cells.{name}.training": cell.training for name, cell in self.cells.items()}
        lists = {"choose": self.choose}
        lists |= {f"tasks.{name}.choose": task.choose or () for name, task in self.tasks.items()}
        places |= {
            f"{at}.{i}": one for at, several in lists.items() for i, one in enumerate(several)
        }
        for place, keys in places.items():
            for key in BUDGET:
                if key in keys:
                    expected = "no such key, for the budget is one for all cells of a task"
                    raise UserError(f"{place}.{key}", keys[key], expected)
        return self

    def choices(self, task: str) -> tuple[Overrides, ...]:
        """Return what is tried with the first seed of a task."""
        return self.tasks[task].choose or self.choose

    def config(self, task: str, cell: str, width: int, seed: int, choice: int) -> TrainConfig:
        """Return the configuration of one training.

        Raises
        ------
        UserError
            What the plan says does not make one; the field begins with the task and the cell.
        """
        of_task, of_cell = self.tasks[task], self.cells[cell]
        layer = {
            "cell": of_cell.cell or cell,
            "n_units": width,
            "n_out": width,
            **_fitting(self.layer | of_task.layer, of_cell.cell or cell),
            **of_cell.layer,
        }
        data = of_task.source | {
            "seed": seed,
            "network": {
                "n_hidden": width,
                "readout": of_task.readout.value,
                "layers": [layer] * self.n_layers,
            },
            "training": merged(
                self.training, of_task.training, of_cell.training, self.choices(task)[choice]
            ),
        }
        return validated(TrainConfig, data, f"task {task} with cell {cell}")

    def chip_config(self, config: TrainConfig) -> TrainConfig | None:
        """Return the training that goes on from `config` on the plan's chip; None without one."""
        if self.chip is None or self.chip.training is None:
            return None
        data = config.as_data()
        # What a chip has of its own is not drawn a second time.
        own = {"activity": 0.0, "anneal": 0.0, "noise": {"weight": 0.0, "rounding": 0.0}}
        data["training"] = merged(data["training"], own, self.chip.training)
        data["chip"] = self.chip.chip.model_dump(mode="json")
        return validated(TrainConfig, data, "chip")


def words(names: Mapping[str, object]) -> str:
    """Return names as a list in a sentence."""
    return ", ".join(names)


def merged(*several: Mapping[str, Any]) -> dict[str, Any]:
    """Return mappings one over the other; a mapping in them, such as ``noise``, likewise."""
    found: dict[str, Any] = {}
    for one in several:
        for key, value in one.items():
            both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
            found[key] = merged(found[key], value) if both else value
    return found


def _fitting(layer: Overrides, cell: str) -> Overrides:
    """Return the keys of every layer that this cell can take: not every one has levels."""
    takes = CELLS[cell].takes_levels
    return {key: value for key, value in layer.items() if key != "levels" or takes}


def read_zoo(path: Path) -> ZooPlan:
    """Read ZOO.yaml.

    Raises
    ------
    UserError
        The file is not plain YAML, or a key is missing, unknown or out of range.
    """
    return read_document(path, ZooPlan, "plan")


def shipped_zoo(name: str) -> Path:
    """Return the file of a plan that comes with the package.

    Raises
    ------
    UserError
        None has this name.
    """
    if name not in SHIPPED:
        raise UserError("plan", name, f"a file, or one of {', '.join(SHIPPED)}")
    place = importlib.resources.files("mru_hw.zoo") / "plans" / f"{name}.yaml"
    with importlib.resources.as_file(place) as path:
        return path
