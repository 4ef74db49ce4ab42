"""What a die must do to pass, and how many dies have to: limits on figures, and on the yield.

A figure is an entry of the table `FIGURES`; the specification of a plan, its schema, yields,
capabilities and reports are loops over it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, create_model, model_validator

from mru_hw.documents import Document, Several, mistake
from mru_hw.errors import Bare, UserError
from mru_hw.units import Joules, Volts, Watts, render

NEAR_SOFTWARE = 0.01
"""A die passes, where a plan has no specification, if its accuracy lies no further below that of
the software."""
CONDITIONS = ("temperature", "v_dd")
"""The axes at whose values one and the same die has to pass."""
YIELD = "yield"
"""The key of the share of dies that have to."""
_HAIR = 1e-9
"""Room at a limit, as a share of it, so that three of 300 sequences are one point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of a die that a specification may limit.

    Attributes
    ----------
    name
        In PLAN.yaml.
    kind
        Type of a limit, as pydantic reads it.
    example
        A limit as PLAN.yaml may have it.
    description
        For the JSON schema.
    binds
        What of a die a limit is held against, in words.
    render
        A limit in words.
    priced
        Whether the level ``ideal``, which prices nothing, lacks it.
    gaussian
        Whether dies are near enough to a normal distribution for a capability to be told.
    """

    name: str
    kind: Any
    example: Mapping[str, Any]
    description: str
    binds: str
    render: Callable[[float], str]
    priced: bool = False
    gaussian: bool = False


_Share = Annotated[float, Field(ge=0, le=1)]
_TABLE = (
    Figure(
        name="accuracy",
        kind=_Share,
        example={"at_least": 0.9},
        description="share of right decisions, 0 to 1",
        binds="the share of its sequences that it decides rightly",
        render=lambda value: f"{100 * value:g} %",
    ),
    Figure(
        name="loss",
        kind=Annotated[float, Field(ge=-1, le=1)],
        example={"at_most": 0.01},
        description="accuracy of the network in software less that of the die, as a share",
        binds="the accuracy of the network in software less its own, on the same sequences",
        render=lambda value: f"{100 * value:g} point{'s' * (abs(value) != NEAR_SOFTWARE)}",
    ),
    Figure(
        name="energy",
        kind=Annotated[Joules, Field(ge=0)],
        example={"at_most": "400 nJ"},
        description="energy of a sequence, the mean over sequences [J]",
        binds="its mean over all sequences, so that a single sequence may take more or less",
        render=lambda value: render(value, "J"),
        priced=True,
        gaussian=True,
    ),
    Figure(
        name="power",
        kind=Annotated[Watts, Field(ge=0)],
        example={"at_most": "1 uW"},
        description="mean supply power [W]",
        binds="its mean energy of a sequence over a sequence's mean length, so that a single "
        "sequence or moment may draw more or less",
        render=lambda value: render(value, "W"),
        priced=True,
        gaussian=True,
    ),
)
FIGURES: dict[str, Figure] = {figure.name: figure for figure in _TABLE}


class Limit(Document):
    """The limits of a figure; what is just at one is within."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("expected at_least, at_most or both")
        if None not in {self.at_least, self.at_most} and self.at_least > self.at_most:  # type: ignore[operator]
            raise ValueError("expected at_least no larger than at_most")
        return self

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return whether each value lies within; one that is NaN does not."""
        within: NDArray[np.bool_] = ~np.isnan(values)
        if self.at_least is not None:
            within &= values >= self.at_least - _HAIR * abs(self.at_least)
        if self.at_most is not None:
            within &= values <= self.at_most + _HAIR * abs(self.at_most)
        return within

    def said(self, figure: Figure) -> str:
        """Return the limits in words."""
        ends = {"at least": self.at_least, "at most": self.at_most}
        parts = [f"{word} {figure.render(end)}" for word, end in ends.items() if end is not None]
        return f"{figure.name} {' and '.join(parts)}"


def _field(figure: Figure) -> Any:
    ends: dict[str, Any] = {
        f"at_{end}": (
            figure.kind | None,
            Field(default=None, description=f"{end} that passes: {figure.description}"),
        )
        for end in ("least", "most")
    }
    kind = create_model(f"{figure.name}_limit", __base__=Limit, **ends)
    about = Field(
        default=None,
        description=f"limits of the figure: {figure.description}",
        examples=[dict(figure.example)],
    )
    return (Annotated[kind | None, about], None)


class _Spec(Document):
    temperature: Annotated[
        Several[float] | None,
        Field(description="at which a die has to pass [degC]; all of the plan if left out"),
    ] = None
    v_dd: Annotated[
        Several[Volts] | None,
        Field(description="supplies at which it has to; all of the plan if left out"),
    ] = None

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if not self.limits:
            raise UserError("", Bare("without limits"), "at least one of " + ", ".join(FIGURES))
        return self

    @property
    def share(self) -> float | None:
        """The share of dies that have to pass; None where none is asked for."""
        asked = getattr(self, YIELD)
        return None if asked is None else float(asked.at_least)

    @property
    def limits(self) -> dict[str, Limit]:
        """The limits that a die has to keep, by the name of their figure."""
        found = {name: getattr(self, name) for name in FIGURES}
        return {name: limit for name, limit in found.items() if limit is not None}

    def said(self) -> str:
        """Return what a die must keep, in words."""
        return "; ".join(limit.said(FIGURES[name]) for name, limit in self.limits.items())

    def asked(self) -> str:
        """Return what a die must keep and how many dies have to, in words."""
        return self.said() + (
            "" if self.share is None else f"; yield at least {100 * self.share:g} %"
        )

    def asks(self, settings: Mapping[str, Any]) -> bool:
        """Return whether a die has to pass at the condition of some settings of axes."""
        wanted = ((getattr(self, name), settings[name]) for name in CONDITIONS)
        return all(values is None or value in values for values, value in wanted)

    def difference(self, other: _Spec) -> str | None:
        """Say what a die must do otherwise than `other` says, the first of it; None if nothing."""
        ours, theirs = (one.model_dump(exclude_none=True) for one in (self, other))
        for one in (ours, theirs):  # in which order conditions are named tells nothing
            one |= {name: sorted(set(one[name])) for name in CONDITIONS if name in one}
        for name in (*CONDITIONS, *FIGURES, YIELD):
            here, there = (json.dumps(one.get(name)) for one in (ours, theirs))
            if here != there:
                return f"spec.{name} is {here}, and not {there}"
        return None


_yield_limit = create_model(
    "yield_limit",
    __base__=Document,
    at_least=(
        float,
        Field(
            gt=0,
            lt=1,
            description="share of dies that have to pass, by the interval of those that ran: kept "
            "if it begins there or above, not kept if it ends below, else undecided",
        ),
    ),
)
_YIELD = Annotated[
    _yield_limit | None,
    Field(
        default=None,
        description="the share of dies that have to keep every limit at every condition; without "
        "it each that ran",
        examples=[{"at_least": 0.95}],
    ),
]
_FIELDS = {f.name: _field(f) for f in _TABLE} | {YIELD: (_YIELD, None)}


class Spec(create_model("Spec", __base__=_Spec, **_FIELDS)):  # type: ignore[misc]
    """What a die must do to pass, at every one of these temperatures and supplies."""


DEFAULT = Spec(loss={"at_most": NEAR_SOFTWARE})
"""Of a plan that has none."""


def read_spec(spec: object) -> object:
    """Read the key ``spec`` of a plan; the sentence for a mistake in it begins at the plan."""
    if spec is None or isinstance(spec, Spec):
        return spec
    if not isinstance(spec, dict):
        raise UserError("spec", spec, "a mapping of figures to their limits")
    try:
        return Spec.model_validate(spec)
    except UserError as error:
        raise UserError(_below(error.field), error.value, error.expected) from None
    except ValidationError as error:
        told = mistake(error.errors(include_url=False)[0], spec)
        raise UserError(_below(told.field), told.value, told.expected) from None


def _below(field: str) -> str:
    return f"spec.{field}" if field else "spec"
