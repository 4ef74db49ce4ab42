"""What is known of an axis, and axes that are made alike: factors, conditions, options.

The table itself is `mru_hw.sweeps.axes`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainSerializer

from mru_hw.errors import UserError
from mru_hw.mapping.options import DEFAULTS, DesignOptions
from mru_hw.sweeps.setup import Setup, rounded
from mru_hw.technology import Technology
from mru_hw.technology.conditions import checked_conditions, nominal_conditions

BITS = (2, 24)
"""Bits of a rounded weight or bias; one bit has no 0 and one sign only."""
NO_DIES: Mapping[str, str] = {"ideal": "which has no dies"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a plan says outside its axes, and what their defaults and limits rest on."""

    level: str
    technology: Technology
    options: DesignOptions
    timing: str = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What a note on an axis is made from.

    Attributes
    ----------
    values
        The axis's value at each point of the sweep.
    facts
        What the sweep states of itself, by name.
    """

    level: str
    values: Sequence[Any]
    facts: Mapping[str, str]


class _Unset:
    """No value at all, where None might be one."""


UNSET = _Unset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Axis:
    """All that is known of one axis.

    Attributes
    ----------
    name
        In PLAN.yaml, and in the settings of a point.
    kind
        Type of a value with its limits, as pydantic reads it; a value is a number, a text or a
        tuple of them, for the settings of a point are kept as JSON and told apart by their
        hashes. A mapping is a tuple of pairs.
    example
        Values as PLAN.yaml may have them: they stand in the JSON schema, and the tests try them.
    description
        Of the values, for the JSON schema.
    option
        The option of the design that it sets, as mistakes name it; empty where it sets none.
    label
        Of the axis in a figure; with the unit where the ticks do not have it.
    unit
        SI unit that a figure writes behind each tick, with its prefix; empty for plain numbers.
    render
        A value in words, as a legend has it.
    default
        The value of the points of a plan that leaves the axis out.
    apply
        What a value changes of a run; axes are applied in the order of the table.
    nominal
        The value at the point that speaks for the whole sweep; the plan's first value if unset.
    tacit
        The value that a point's description leaves out.
    trials
        For an axis whose values draw networks, other than `nominal`: how many at each, unless the
        plan says so. A network that cannot be mapped is then the outcome of a run.
    not_at
        Levels of truth that do not know the axis, with the reason.
    check
        Refuse a value that the technology or the level does not take.
    note
        What a reader of the sweep must know of these values, a sentence; empty for nothing.
    """

    name: str
    kind: Any
    example: tuple[Any, ...]
    description: str
    label: str
    render: Callable[[Any], str]
    default: Callable[[Ground], Any]
    apply: Callable[[Setup, Any], Setup]
    nominal: Any = UNSET
    tacit: Any = UNSET
    unit: str = ""
    option: str = ""
    trials: int | None = None
    not_at: Mapping[str, str] = field(default_factory=lambda: NO_DIES)
    check: Callable[[Ground, Any], None] = lambda _ground, _value: None
    note: Callable[[Noted], str] = lambda _noted: ""


def none(_ground: Ground) -> float:
    """Return the default of an axis of which there is none."""
    return 0.0


def factor(
    name: str,
    *,
    changes: str,
    most: float,
    of: str,
    default: Callable[[Ground], float] = none,
    nominal: float = 0.0,
    **more: Any,
) -> Axis:
    """Return an axis of factors on sigmas, told as ``0.5 ×`` of something.

    `changes` names the field of the setup.
    """
    return Axis(
        name=name,
        kind=Annotated[float, Field(ge=0, le=most)],
        example=(0, 0.5),
        render=lambda value: f"{value:g} × {of}",
        default=default,
        apply=lambda setup, value: dataclasses.replace(setup, **{changes: value}),
        nominal=nominal,
        **more,
    )


def condition(name: str, **more: Any) -> Axis:
    """Return an axis of one of the conditions: the technology's own where a plan has none."""

    def check(ground: Ground, value: Any) -> None:
        others = dataclasses.asdict(nominal_conditions(ground.technology))
        constants = ground.level == "behavioral"
        checked_conditions(ground.technology, constants=constants, **others | {name: value})

    def apply(setup: Setup, value: Any) -> Setup:
        conditions = dataclasses.replace(setup.conditions, **{name: value})
        return dataclasses.replace(setup, conditions=conditions)

    return Axis(
        name=name,
        default=lambda ground: getattr(nominal_conditions(ground.technology), name),
        apply=apply,
        check=check,
        **more,
    )


def option_axis(name: str, *, kind: Any = None, **more: Any) -> Axis:
    """Return an axis of one of the design's options: its type, its limits and its default are its.

    Parameters
    ----------
    kind
        Of an option that may be left to others, which no value of an axis is.
    more
        How it is written: ``example``, ``label``, ``unit``, ``render``.
    """
    option = DesignOptions.model_fields[name]
    mapping = isinstance(getattr(DEFAULTS, name), dict)
    if kind is None:
        pairs = (AfterValidator(lambda found: tuple(found.items())), PlainSerializer(dict))
        kind = Annotated[option.annotation, *option.metadata, *(pairs if mapping else ())]

    def settled(options: DesignOptions) -> Any:
        value = getattr(options, name)
        return tuple(value.items()) if mapping else value

    def apply(setup: Setup, value: Any) -> Setup:
        options = setup.options.model_copy(update={name: dict(value) if mapping else value})
        return dataclasses.replace(setup, options=options)

    return Axis(
        name=name,
        option=name,
        kind=kind,
        description=f"of the design, in place of the key design's: {option.description}",
        default=lambda ground: settled(ground.options),
        apply=apply,
        tacit=settled(DEFAULTS),
        not_at={},
        **more,
    )


def _refuse_bits(_ground: Ground, value: Any) -> None:
    if 0 < value < BITS[0]:
        raise UserError("bits", value, f"0, for as trained, or {BITS[0]} to {BITS[1]}")


def bits_axis(name: str, kind: str, described: str) -> Axis:
    """Return an axis that rounds one kind of tensor before the network is mapped."""

    def check(ground: Ground, value: Any) -> None:
        try:
            _refuse_bits(ground, value)
        except UserError as error:
            raise UserError(name, error.value, error.expected) from None

    def apply(setup: Setup, bits: int) -> Setup:
        return dataclasses.replace(setup, model=rounded(setup.model, kind, bits))

    return Axis(
        name=name,
        kind=Annotated[int, Field(ge=0, le=BITS[1])],
        example=(3, 0),
        description=f"bits of {described}, the sign among them, 2 to 24: each tensor in whole "
        "multiples of its largest, rounded before the network is mapped; 0 leaves it as trained",
        label=f"bits of {described}",
        render=lambda bits: f"{bits or 'all'} bits of {described}",
        default=lambda _: 0,
        apply=apply,
        nominal=0,
        tacit=0,
        not_at={},
        check=check,
    )
