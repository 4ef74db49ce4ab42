"""PLAN.yaml: what a sweep runs. Its axes are those of the table in `mru_hw.sweeps.axes`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)

from mru_hw.documents import Document, Several, mistake
from mru_hw.errors import Bare, UserError
from mru_hw.files import read_document
from mru_hw.mapping.options import DEFAULTS, DesignOptions, read_options
from mru_hw.simulate.asked import refuse_timing
from mru_hw.simulate.kernels import NUMBA, NUMPY, asked_kernel
from mru_hw.sweeps.axes import AXES, NO_DIES, Ground
from mru_hw.sweeps.axis_values import DIE, AxisValues, Count, below, mistaken, read_axes
from mru_hw.sweeps.spec import CONDITIONS, DEFAULT, FIGURES, Spec, read_spec
from mru_hw.technology import Technology

DIES_LIMIT = 1 << 20
"""Dies of a point: die k has the seed ``(seed << 20) + k``, so that no two seeds share one."""
SEED_LIMIT = 1 << 42
RUNS_LIMIT = 10_000_000
_KEPT = (
    *("tech", "inputs", "model", "sequences", "conditions", "design", "calibration", "kernel"),
    *("level", "timing"),
)
"""Keys that mistakes name as the plan does."""


def _read_design(design: object) -> object:
    """Read a mapping of options; the sentence for a mistake in it begins at the plan."""
    if isinstance(design, (str, DesignOptions)):
        return design
    if not isinstance(design, dict):
        wanted = "the path of a DESIGN.yaml, or a mapping of what stands in one"
        raise UserError("design", design, wanted)
    for key in design:
        if not isinstance(key, str):
            raise UserError(f"design.{key}", key, "text as the key, in quotes")
    try:
        return DesignOptions.model_validate(design)
    except UserError as error:
        raise below("design", error) from None
    except ValidationError as error:
        raise below("design", mistake(error.errors(include_url=False)[0], design)) from None


class Sample(Document):
    """Some combinations of the axes' values in place of all."""

    method: Literal["random", "sobol"] = Field(
        description="drawn each on its own, or Sobol's sequence, which fills the space evenly"
    )
    points: Annotated[int, Field(ge=1, le=1 << 20, description="combinations")]


class Plan(Document):
    """A sweep: which network, on what, over which axes.

    The points are the product of the axes, or a sample; each is run on n_dies dies.
    """

    format_version: Annotated[Literal[1], Field(description="of this file")] = 1
    model: str = Field(min_length=1, description="the model folder, relative to the plan")
    inputs: str = Field(
        min_length=1,
        description="the input file (.npz) with labels y, relative to the plan",
    )
    tech: str = Field(default="generic180", description="the technology")
    design: Annotated[
        str | DesignOptions,
        BeforeValidator(_read_design),
        Field(
            description="the choices of the mapping: the path of a DESIGN.yaml, relative to the "
            "plan, or a mapping of what stands in one"
        ),
    ] = DEFAULTS
    calibration: str | None = Field(
        default=None,
        min_length=1,
        description="constants of one's own, as mru-hw characterize writes them: a file, relative "
        "to the plan; those that ship if left out",
    )
    level: Literal["ideal", "behavioral", "spice"] = Field(
        default="behavioral", description="the level of truth"
    )
    timing: Literal["settled", "timed"] = Field(
        default="settled",
        description="of the level behavioral: settled, or timed, where states move with their "
        "delays",
    )
    kernel: Literal["numba", "numpy"] | None = Field(
        default=None,
        description="what computes the levels ideal and behavioral, settled: numba, or numpy, "
        "the reference; if left out numba where it is installed",
    )
    sequences: str = Field(
        default=":",
        description="which sequences of the inputs, start:stop from 0",
        json_schema_extra={"pattern": "^[0-9]*:[0-9]*$"},
    )
    axes: Annotated[
        Several[SerializeAsAny[AxisValues]],
        BeforeValidator(read_axes),
        Field(description="what varies; each axis at most once"),
    ] = ()
    sample: Sample | None = Field(
        default=None,
        description="some combinations in place of the product of the axes, drawn from seed",
    )
    n_dies: Annotated[
        int,
        Field(
            ge=1,
            le=DIES_LIMIT,
            description="dies at each point, drawn from seed; 1 with an axis die",
        ),
    ] = 1
    seed: Annotated[
        int,
        Field(
            ge=0,
            lt=SEED_LIMIT,
            description="the root of all draws: dies, noise, perturbations",
        ),
    ] = 0
    chunk: Annotated[
        Count,
        Field(
            description="dies that one job computes and stores at a time, at most: every worker "
            "has several; no result depends on it"
        ),
    ] = 32
    keep: Literal["summary", "all"] = Field(
        default="summary",
        description="of each run: which sequences it decided rightly and quantiles of their "
        "energies; or every decision and every energy as well",
    )
    spec: Annotated[
        Spec | None,
        BeforeValidator(read_spec),
        Field(description="what a die must do to pass; no run depends on it"),
    ] = None

    @field_validator("sequences", mode="before")
    @classmethod
    def _range(cls, value: object) -> object:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]*:[0-9]*", value):
            raise ValueError('expected start:stop, either end left out, such as "10:"')
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [one.axis for one in self.axes]
        for name in names:
            if names.count(name) > 1:
                raise UserError("axes", name, "each axis at most once")
        if DIE in names and self.n_dies != 1:
            raise UserError("n_dies", self.n_dies, "1, for the axis die names the dies")
        for level in self.levels:
            for name in names:
                why = _not_at(name, self.level if name == "level" else level)
                if why:
                    raise UserError("axes", name, f"no such axis at the level {level}, {why}")
        refuse_timing(self.timing, self.level)
        if self.kernel == NUMBA and not self.settles:
            expected = "no such key, for no point is at the level ideal, or behavioral and settled"
            raise UserError("kernel", self.kernel, expected)
        if self.level == "ideal" and self.n_dies != 1:
            raise UserError("n_dies", self.n_dies, "1, for the level ideal has no dies")
        self._refuse_no_sample()
        if self.spec is not None:
            self._refuse_beyond(self.spec)
        if self.runs > RUNS_LIMIT:
            raise UserError("axes", Bare(f"{self.runs} runs in all"), f"at most {RUNS_LIMIT}")
        return self

    def _refuse_no_sample(self) -> None:
        """Refuse a sample of nothing, and ends of values that nothing is drawn between."""
        for k, one in enumerate(self.axes):
            if one.between is not None and self.sample is None:
                expected = "values, for only a plan with the key sample draws between two"
                raise UserError(f"axes.{k}.between", list(one.between), expected)
        if self.sample is not None and all(one.axis == DIE for one in self.axes):
            expected = "no such key, for the plan has no axes to draw values of"
            raise UserError("sample", self.sample.method, expected)

    def _refuse_beyond(self, spec: Spec) -> None:
        """Refuse a specification of what the plan does not run."""
        for name in CONDITIONS:
            for value in getattr(spec, name) or ():
                if value not in (self.values(name) or ()):
                    expected = f"a value of the axis {name} of the plan"
                    raise UserError(f"spec.{name}", value, expected)
        if spec.share is not None and self.level == "ideal":
            expected = "no such key at the level ideal, which has no dies"
            raise UserError("spec.yield", Bare("there"), expected)
        for name in spec.limits:
            if FIGURES[name].priced and self.level == "ideal":
                raise UserError(f"spec.{name}", name, "no such figure at the level ideal")

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels of truth of its points."""
        return self.values("level") or (self.level,)

    @property
    def settles(self) -> bool:
        """Whether there are points whose runs a kernel computes: ideal, or behavioral, settled."""
        settled = "settled" in (self.values("timing") or (self.timing,))
        return "ideal" in self.levels or ("behavioral" in self.levels and settled)

    @property
    def judged_by(self) -> Spec:
        """What a die must do to pass: the plan's, else near the software's accuracy."""
        return DEFAULT if self.spec is None else self.spec

    @property
    def runs(self) -> int:
        """Runs that the plan asks for, at most: what an axis does not draw is run once."""
        dies = len(self.dies) * math.prod(one.draws for one in self.axes)
        if self.sample is not None:
            return dies * self.sample.points
        return dies * math.prod(len(one.values or ()) for one in self.axes if one.axis != DIE)

    @property
    def dies(self) -> Sequence[int]:
        """Seeds of the dies, in order."""
        return self.values(DIE) or range(self.seed << 20, (self.seed << 20) + self.n_dies)

    def trials(self, settings: Mapping[str, Any]) -> int:
        """Return how many networks are drawn for each die of a point; 1 where none is drawn."""
        drawn = (one.draws for one in self.axes if is_drawn(one.axis, settings))
        return max(drawn, default=1)

    def ground(self, technology: Technology) -> Ground:
        """Return what the defaults and limits of the axes rest on, of a plan that is `resolved`."""
        return Ground(
            level=self.level, technology=technology, options=self.options, timing=self.timing
        )

    @property
    def options(self) -> DesignOptions:
        """The choices of the mapping, of a plan that is `resolved`."""
        if not isinstance(self.design, DesignOptions):
            raise TypeError("The design of the plan was not read.")
        return self.design

    def resolved(self, folder: Path) -> Plan:
        """Return the plan with what its files and its defaults stand for in their place.

        That is the options of the design, and the kernel.

        Raises
        ------
        UserError
            There is no such file in `folder`, it has a mistake, or the kernel is not installed.
        """
        kernel = asked_kernel(self.kernel) if self.settles else NUMPY
        options = self.design
        if not isinstance(options, DesignOptions):
            options = read_options(folder / options, "design")
        return self.model_copy(update={"design": options, "kernel": kernel})

    def place(
        self, error: UserError, source: str, said: Mapping[str, str] | None = None
    ) -> UserError:
        """Return an error about what the plan says as one about its own field, in a file.

        Parameters
        ----------
        source
            The file.
        said
            What stands elsewhere, by field, and what it is called there.
        """
        said = {} if said is None else said
        if error.field.startswith("axes."):
            return error.inside(source)
        axes = {
            mistaken(one.axis): f"axes.{k}.values"
            for k, one in enumerate(self.axes)
            if one.axis not in _KEPT
        }
        name, dot, rest = error.field.partition(".")
        if error.field not in axes:  # what an axis says is the plan's, whatever else does
            if name in said:
                return error.renamed({error.field: f"{said[name]}{dot}{rest}"})
            if name in DesignOptions.model_fields and rest:
                return error.renamed({error.field: f"design.{error.field}"}).inside(source)
        places = {name: f"design.{name}" for name in DesignOptions.model_fields}
        places |= {name: name for name in _KEPT} | axes
        if error.field not in places:
            return error
        return error.renamed(places).inside(source)

    def of_axis(self, axis: str, error: UserError, at: str) -> UserError:
        """Return an error about a value of an axis as one about its place in the plan.

        `place` could not tell which value it is about, nor whether a key of the same name is meant.

        Parameters
        ----------
        at
            Where it stands in the axis: ``values.0``.
        """
        head, colon, rest = error.field.partition(": ")
        if head not in {axis, mistaken(axis)}:
            return error
        place = next(f"axes.{k}.{at}" for k, one in enumerate(self.axes) if one.axis == axis)
        return error.renamed({error.field: f"{place}{colon}{rest}"})

    def at_point(self, settings: Mapping[str, Any], error: UserError) -> UserError:
        """Return an error about what a point is made of, with its place if an axis's value is."""
        head = error.field.partition(": ")[0]
        for one in self.axes:
            if one.axis != DIE and head in {one.axis, mistaken(one.axis)}:
                values, value = one.values or (), settings[one.axis]
                at = f"values.{values.index(value)}" if value in values else "between"
                return self.of_axis(one.axis, error, at)
        return error

    def values(self, axis: str) -> tuple[Any, ...] | None:
        """Return the values of an axis, None where the plan lists none."""
        for one in self.axes:
            if one.axis == axis:
                return one.values
        return None

    def varies(self, axis: str) -> bool:
        """Whether the plan has an axis."""
        return any(one.axis == axis for one in self.axes)

    def as_data(self) -> dict[str, Any]:
        """Return plain data, fit for JSON."""
        return self.model_dump(mode="json")


def read_plan(path: Path) -> Plan:
    """Read PLAN.yaml.

    Raises
    ------
    UserError
        The file is not plain YAML, or a key is missing, unknown or out of range.
    """
    return read_document(path, Plan, "plan")


def is_drawn(name: str, settings: Mapping[str, Any]) -> bool:
    """Whether an axis draws networks at a point."""
    return name != DIE and AXES[name].trials is not None and settings[name] != AXES[name].nominal


def _not_at(name: str, level: str) -> str:
    """Say why a level does not know an axis; nothing where it does."""
    return (NO_DIES if name == DIE else AXES[name].not_at).get(level, "")
