"""PLAN.yaml: what a sweep runs, as a closed union of axes."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic.functional_validators import AfterValidator

from mru_hw.documents import Document, Several
from mru_hw.errors import MISSING, Bare, UserError
from mru_hw.files import read_document
from mru_hw.trim.dac import BITS_MOST
from mru_hw.units import Volts
from mru_hw.variation.spread import GRADIENT_MOST, MISMATCH_MOST, PROCESS_MOST

DIES_LIMIT = 1 << 20
"""Dies of a point: die k has the seed ``(seed << 20) + k``, so that no two seeds share one."""
SEED_LIMIT = 1 << 42
DIE_SEED_LIMIT = 1 << 62
RUNS_LIMIT = 10_000_000

_Item = TypeVar("_Item", bound=Hashable)


def _different(values: tuple[_Item, ...]) -> tuple[_Item, ...]:
    if len(set(values)) < len(values):
        raise ValueError("expected values that differ from each other")
    return values


_Some = (Field(min_length=1), AfterValidator(_different))
_Seed = Annotated[int, Field(ge=0, lt=DIE_SEED_LIMIT)]
_Factor = Annotated[float, Field(ge=0, le=1000)]
_Mismatch = Annotated[float, Field(ge=0, le=MISMATCH_MOST)]
_Process = Annotated[float, Field(ge=0, le=PROCESS_MOST)]
_Gradient = Annotated[float, Field(ge=0, le=GRADIENT_MOST)]
_Celsius = Annotated[float, Field(gt=-273.15)]
_Percent = Annotated[float, Field(ge=0, le=1000)]
_Supply = Annotated[Volts, Field(gt=0)]
_Count = Annotated[int, Field(ge=1)]
_Bits = Annotated[int, Field(ge=0, le=BITS_MOST)]


class DieAxis(Document):
    """Seeds of single dies, as `Chip.run` takes them."""

    axis: Literal["die"]
    values: Annotated[Several[_Seed], *_Some]


class MismatchAxis(Document):
    """Factors on every mismatch sigma; 0 is the nominal die."""

    axis: Literal["mismatch_scale"]
    values: Annotated[Several[_Mismatch], *_Some]


class ProcessAxis(Document):
    """Factors on the sigmas of what all devices of a die share; 0 is a die of the corner."""

    axis: Literal["process_scale"]
    values: Annotated[Several[_Process], *_Some]


class GradientAxis(Document):
    """Factors on the sigma of the threshold's slope across a die; 0 is none."""

    axis: Literal["gradient_scale"]
    values: Annotated[Several[_Gradient], *_Some]


class NoiseAxis(Document):
    """Factors on every noise amplitude; 0 is no noise."""

    axis: Literal["noise_scale"]
    values: Annotated[Several[_Factor], *_Some]


class CornerAxis(Document):
    """Process corners of the technology."""

    axis: Literal["corner"]
    values: Annotated[Several[Annotated[str, Field(min_length=1)]], *_Some]


class TemperatureAxis(Document):
    """Junction temperatures [degC]."""

    axis: Literal["temperature"]
    values: Annotated[Several[_Celsius], *_Some]


class SupplyAxis(Document):
    """Supply voltages [V]."""

    axis: Literal["v_dd"]
    values: Annotated[Several[_Supply], *_Some]


class PerturbationAxis(Document):
    """p [%]: every parameter times 1 + N(0, (p/300)^2), the protocol of arXiv 2605.15216."""

    axis: Literal["perturbation"]
    values: Annotated[Several[_Percent], *_Some]
    trials: _Count = 10


class TrimAxis(Document):
    """Bits of the thresholds' trim DACs; 0 is a chip without them."""

    axis: Literal["trim_bits"]
    values: Annotated[Several[_Bits], *_Some]


Axis = (
    DieAxis
    | MismatchAxis
    | ProcessAxis
    | GradientAxis
    | NoiseAxis
    | CornerAxis
    | TemperatureAxis
    | SupplyAxis
    | PerturbationAxis
    | TrimAxis
)
AXES: tuple[str, ...] = tuple(
    get_args(kind.model_fields["axis"].annotation)[0] for kind in get_args(Axis)
)


def _known(axes: object) -> object:
    """Name an axis that there is not; pydantic's own words for it are long."""
    for k, one in enumerate(axes if isinstance(axes, list) else ()):
        if isinstance(one, dict) and one.get("axis", MISSING) not in AXES:
            axis = one.get("axis", MISSING)
            raise UserError(f"axes.{k}.axis", axis, "one of " + ", ".join(AXES))
    return axes


class Plan(Document):
    """All of PLAN.yaml. The points are the product of the axes, each run on `n_dies` dies."""

    format_version: Literal[1] = 1
    model: str = Field(min_length=1, description="the model folder, relative to the plan")
    inputs: str = Field(min_length=1, description="the input file, relative to the plan")
    tech: str = "generic180"
    level: Literal["ideal", "behavioral", "spice"] = "behavioral"
    timing: Literal["settled", "timed"] = "settled"
    sequences: str = ":"
    axes: Annotated[
        Several[Annotated[Axis, Field(discriminator="axis")]], BeforeValidator(_known)
    ] = Field(default=(), max_length=len(AXES))
    n_dies: Annotated[int, Field(ge=1, le=DIES_LIMIT)] = 1
    seed: Annotated[int, Field(ge=0, lt=SEED_LIMIT)] = 0
    chunk: _Count = 8

    @field_validator("timing")
    @classmethod
    def _settled(cls, value: str) -> str:
        if value == "timed":
            raise ValueError("expected settled, for only mru-hw simulate has timed runs")
        return value

    @field_validator("sequences", mode="before")
    @classmethod
    def _range(cls, value: object) -> object:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]*:[0-9]*", value):
            raise ValueError('expected start:stop, either end left out, such as "10:"')
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [axis.axis for axis in self.axes]
        for name in names:
            if names.count(name) > 1:
                raise UserError("axes", name, "each axis at most once")
        if "die" in names and self.n_dies != 1:
            raise UserError("n_dies", self.n_dies, "1, for the axis die names the dies")
        if self.level == "ideal":
            hardware = sorted(set(names) - {"perturbation"})
            if hardware:
                raise UserError(
                    "axes", hardware[0], "perturbation only, for level ideal has no die"
                )
            if self.n_dies != 1:
                raise UserError("n_dies", self.n_dies, "1, for the level ideal has no dies")
        if self.level == "spice" and "noise_scale" in names:
            expected = "no such axis at the level spice, whose transient analysis has no noise"
            raise UserError("axes", "noise_scale", expected)
        if self.level == "spice" and "trim_bits" in names:
            expected = "no such axis at the level spice, whose netlists have no trim DACs"
            raise UserError("axes", "trim_bits", expected)
        runs = self.n_dies
        for axis in self.axes:
            runs *= len(axis.values) * getattr(axis, "trials", 1)
        if runs > RUNS_LIMIT:
            raise UserError("axes", Bare(f"{runs} runs in all"), f"at most {RUNS_LIMIT}")
        return self

    @property
    def dies(self) -> Sequence[int]:
        """Seeds of the dies, in order."""
        return self.values("die") or range(self.seed << 20, (self.seed << 20) + self.n_dies)

    @property
    def trials(self) -> int:
        """Perturbed networks a die, at points that perturb."""
        return next((axis.trials for axis in self.axes if axis.axis == "perturbation"), 1)

    def place(self, error: UserError, source: str) -> UserError:
        """Return an error about what the plan says as one about its own field, in a file."""
        places = {f"{one.axis}": f"axes.{k}.values" for k, one in enumerate(self.axes)}
        own = ("tech", "inputs", "model", "sequences", "conditions")
        places |= {name: name for name in own}
        if error.field not in places:
            return error
        return error.renamed(places).inside(source)

    def values(self, axis: str) -> tuple[Any, ...] | None:
        """Return the values of an axis, None where the plan has no such axis."""
        for one in self.axes:
            if one.axis == axis:
                return tuple(one.values)
        return None

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
