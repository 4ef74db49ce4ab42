"""The axes of a sweep: one entry of a table each, and all that is known of an axis stands in it.

Plans, points, the store, its view, the runs, reports and the JSON schema are loops over `AXES`;
docs/extend/sweep_axis.md shows how to add an entry.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from mru_hw.mapping.options import DEFAULTS, DesignOptions
from mru_hw.sweeps.setup import Setup, perturbed
from mru_hw.technology import Technology
from mru_hw.technology.conditions import checked_conditions, nominal_conditions
from mru_hw.trim.dac import BITS_MOST
from mru_hw.units import Volts, render
from mru_hw.variation.spread import GRADIENT_MOST, MISMATCH_MOST, PROCESS_MOST

NO_DIES: Mapping[str, str] = {"ideal": "which has no dies"}
LARGEST_MISMATCH = 2.0
"""Times the process's, up to which cells hold their states: 3.5 sigma."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a plan says outside its axes, and what their defaults and limits rest on."""

    level: str
    technology: Technology
    options: DesignOptions


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
        Type of a value with its limits, as pydantic reads it; a value is a number or a text, for
        the settings of a point are kept as JSON.
    example
        Values as PLAN.yaml may have them: they stand in the JSON schema, and the tests try them.
    description
        Of the values, for the JSON schema.
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
    trials: int | None = None
    not_at: Mapping[str, str] = field(default_factory=lambda: NO_DIES)
    check: Callable[[Ground, Any], None] = lambda _ground, _value: None
    note: Callable[[Noted], str] = lambda _noted: ""


def _none(_ground: Ground) -> float:
    return 0.0


def _factor(
    name: str,
    *,
    changes: str,
    most: float,
    of: str,
    default: Callable[[Ground], float] = _none,
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


def _condition(name: str, **more: Any) -> Axis:
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


def option_axis(name: str, **more: Any) -> Axis:
    """Return an axis of one of the design's options: its type, its limits and its default are its.

    `more` says how it is written: ``example``, ``label``, ``unit``, ``render``.
    """
    option = DesignOptions.model_fields[name]

    def apply(setup: Setup, value: Any) -> Setup:
        options = setup.options.model_copy(update={name: value})
        return dataclasses.replace(setup, options=options)

    return Axis(
        name=name,
        kind=Annotated[option.annotation, *option.metadata],
        description=f"of the design, in place of the key design's: {option.description}",
        default=lambda ground: getattr(ground.options, name),
        apply=apply,
        tacit=getattr(DEFAULTS, name),
        not_at={},
        **more,
    )


def _cold_and_hot(noted: Noted) -> str:
    if noted.level != "behavioral" or len(set(noted.values)) == 1:
        return ""
    return (
        "At the behavioral level gate voltages, slopes, conductances, trips, charges and what "
        "legs off resting rails leak are those of the temperature, as ngspice has them "
        "(docs/characterisation.md)."
    )


def _large_mismatch(noted: Noted) -> str:
    if noted.level != "behavioral" or max(noted.values) <= LARGEST_MISMATCH:
        return ""
    return (
        f"Beyond {LARGEST_MISMATCH:g} times the mismatch a ladder's cells begin to lose their "
        "states (docs/decisions/0004), which the behavioral level does not know: the accuracy "
        "there is too good."
    )


def _assumed_places(noted: Noted) -> str:
    if not any(noted.values):
        return ""
    return (
        "A gradient's slope is one of the literature, and where devices stand is assumed, for "
        "there is no layout (docs/technologies.md)."
    )


def _trimmed(noted: Noted) -> str:
    if not any(noted.values):
        return ""
    try:
        shown, thresholds = (int(noted.facts[f"trim.{n}"]) for n in ("shown", "thresholds"))
    except (KeyError, ValueError):
        shown = thresholds = 0
    untrimmed = ""
    if shown != thresholds:
        untrimmed = (
            f" The inputs bring units near {shown} of {thresholds} thresholds; the others are not "
            "trimmed."
        )
    return (
        "Trimmed dies have DACs at their thresholds, set by readings of supply currents at the "
        "technology's temperature and supply (docs/trim.md); their energy leaves out the DACs' "
        f"leakage and registers.{untrimmed}"
    )


def _protocol(noted: Noted) -> str:
    if not any(noted.values):
        return ""
    return (
        "Perturbation follows arXiv 2605.15216: every parameter of the trained network times "
        "1 + N(0, (p/300)²), drawn anew in every trial, before the network is mapped."
    )


def _perturb(setup: Setup, percent: float) -> Setup:
    model = perturbed(setup.model, percent, setup.seed, setup.trial)
    return dataclasses.replace(setup, model=model)


_TABLE = (
    _factor(
        "mismatch_scale",
        changes="mismatch",
        most=MISMATCH_MOST,
        of="mismatch",
        label="mismatch, times the process's sigma",
        description="factors on every mismatch sigma; 0 is the nominal die",
        default=lambda ground: 0.0 if ground.level == "ideal" else 1.0,
        nominal=1.0,
        note=_large_mismatch,
    ),
    _factor(
        "process_scale",
        changes="process",
        most=PROCESS_MOST,
        of="die-to-die spread",
        label="die-to-die spread, over its sigma",
        description="factors on the sigmas of what all devices of a die share; 0 is a die of the "
        "corner",
        tacit=0.0,
    ),
    _factor(
        "gradient_scale",
        changes="gradient",
        most=GRADIENT_MOST,
        of="gradient",
        label="gradient across a die, over its sigma",
        description="factors on the sigma of the threshold's slope across a die; 0 is none",
        tacit=0.0,
        note=_assumed_places,
    ),
    Axis(
        name="noise_scale",
        kind=Annotated[float, Field(ge=0, le=1000)],
        example=(0, 1),
        description="factors on every noise amplitude; 0 is no noise",
        label="noise, times the devices' own",
        render=lambda value: f"{value:g} × device noise" if value else "no device noise",
        default=_none,
        apply=lambda setup, value: dataclasses.replace(setup, noise=value),
        nominal=0.0,
        not_at={**NO_DIES, "spice": "whose transient analysis has no noise"},
    ),
    _condition(
        "corner",
        kind=Annotated[str, Field(min_length=1)],
        example=("tt", "ff"),
        description="process corners of the technology",
        label="process corner",
        render=lambda value: f"corner {value[:20]}",
    ),
    _condition(
        "temperature",
        kind=Annotated[float, Field(gt=-273.15)],
        example=(-40, 27.5),
        description="junction temperatures [degrees Celsius]",
        label="temperature [°C]",
        render=lambda value: f"{value:g} °C",
        note=_cold_and_hot,
    ),
    _condition(
        "v_dd",
        kind=Annotated[Volts, Field(gt=0)],
        example=("1.8 V", 1.7),
        description="supply voltages, such as 1.8 V; a bare number is in volts",
        label="supply",
        unit="V",
        render=lambda value: render(value, "V"),
    ),
    Axis(
        name="perturbation",
        kind=Annotated[float, Field(ge=0, le=1000)],
        example=(5, 10, 15),
        description="p [%]: every parameter times 1 + N(0, (p/300)^2), the robustness protocol of "
        "arXiv 2605.15216",
        label="perturbation p [%]",
        render=lambda value: f"p = {value:g} %",
        default=_none,
        apply=_perturb,
        nominal=0.0,
        tacit=0.0,
        trials=10,
        not_at={},
        note=_protocol,
    ),
    Axis(
        name="trim_bits",
        kind=Annotated[int, Field(ge=0, le=BITS_MOST)],
        example=(0, 3, 8),
        description="bits of the thresholds' trim DACs; 0 is a chip without them",
        label="bits of the trim DACs",
        render=lambda value: f"{value or 'no'} trim bits",
        default=lambda _: 0,
        apply=lambda setup, value: dataclasses.replace(setup, trim_bits=value),
        nominal=0,
        tacit=0,
        not_at={**NO_DIES, "spice": "whose netlists have no trim DACs"},
        note=_trimmed,
    ),
    option_axis(
        "i_unit",
        example=("1 nA", 3e-10),
        label="current that stands for 1.0",
        unit="A",
        render=lambda value: f"{render(value, 'A')} for 1.0",
    ),
)

AXES: dict[str, Axis] = {axis.name: axis for axis in _TABLE}
"""By name, in the order of a plan's points, of what is told of one, and of `Axis.apply`."""


def known(level: str) -> list[Axis]:
    """Return the axes that a level of truth knows."""
    return [axis for axis in AXES.values() if level not in axis.not_at]
