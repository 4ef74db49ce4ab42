"""The axes of a sweep: one entry of a table each, and all that is known of an axis stands in it.

Plans, points, the store, its view, the runs, reports and the JSON schema are loops over `AXES`;
docs/extend/sweep_axis.md shows how to add an entry.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from pydantic import Field

from mru_hw.mapping.options import LARGEST_LADDER, Compensated
from mru_hw.sweeps.axis import (
    NO_DIES,
    UNSET,
    Axis,
    Ground,
    Noted,
    bits_axis,
    condition,
    factor,
    none,
    option_axis,
)
from mru_hw.sweeps.axis_notes import (
    assumed_places,
    cold_and_hot,
    large_mismatch,
    protocol,
    trimmed,
)
from mru_hw.sweeps.setup import Setup, perturbed, with_frame, with_levels
from mru_hw.technology import load_technology
from mru_hw.trim.dac import BITS_MOST
from mru_hw.units import LONGEST_FRAME, SHORTEST_FRAME, Seconds, Volts, render
from mru_hw.variation.spread import GRADIENT_MOST, MISMATCH_MOST, PROCESS_MOST

__all__ = ["AXES", "NO_DIES", "UNSET", "Axis", "Ground", "Noted", "known"]

REFERENCE = (-50.0, 100.0)
"""Errors of a reference current [%] that a sweep takes: what lies beyond is no error."""


def _known_technology(_ground: Ground, value: Any) -> None:
    if value is not None:
        load_technology(value)


def _compensated(name: str, **more: Any) -> Axis:
    """Return an axis of one of the conditions that mirrors' gains are compensated at."""
    part = Compensated.model_fields[name]

    def apply(setup: Setup, value: Any) -> Setup:
        if value is None:
            return setup
        at = setup.options.compensated.model_copy(update={name: value})
        options = setup.options.model_copy(update={"compensated": at})
        return dataclasses.replace(setup, options=options)

    return Axis(
        name=f"compensated_{name}",
        option=f"compensated.{name}",
        description=f"of the design, at which ratios undo the gains of mirrors: {part.description}",
        default=lambda ground: getattr(ground.options.compensated, name),
        apply=apply,
        tacit=None,
        not_at={},
        **more,
    )


def _perturb(setup: Setup, percent: float) -> Setup:
    model = perturbed(setup.model, percent, setup.seed, setup.trial)
    return dataclasses.replace(setup, model=model)


_TABLE = (
    Axis(
        name="model",
        kind=Annotated[str, Field(min_length=1)],
        example=("net", "other"),
        description="model folders, relative to the plan, of the same inputs and classes",
        label="network",
        render=lambda value: str(value or "the network of the plan")[-40:],
        default=lambda _: None,
        apply=lambda setup, value: (
            setup if value is None else dataclasses.replace(setup, model=setup.models[value])
        ),
        tacit=None,
        not_at={},
    ),
    Axis(
        name="tech",
        kind=Annotated[str, Field(min_length=1)],
        example=("generic180", "sky130"),
        description="technologies, each with its own constants; corner, temperature and supply "
        "that no axis names are its own",
        label="technology",
        render=lambda value: value or "the technology of the plan",
        default=lambda _: None,
        apply=lambda setup, value: dataclasses.replace(setup, tech=value),
        tacit=None,
        not_at={},
        check=_known_technology,
    ),
    factor(
        "mismatch_scale",
        changes="mismatch",
        most=MISMATCH_MOST,
        of="mismatch",
        label="mismatch, times the process's sigma",
        description="factors on every mismatch sigma; 0 is the nominal die",
        default=lambda ground: 0.0 if ground.level == "ideal" else 1.0,
        nominal=1.0,
        note=large_mismatch,
    ),
    factor(
        "process_scale",
        changes="process",
        most=PROCESS_MOST,
        of="die-to-die spread",
        label="die-to-die spread, over its sigma",
        description="factors on the sigmas of what all devices of a die share; 0 is a die of the "
        "corner",
        tacit=0.0,
    ),
    factor(
        "gradient_scale",
        changes="gradient",
        most=GRADIENT_MOST,
        of="gradient",
        label="gradient across a die, over its sigma",
        description="factors on the sigma of the threshold's slope across a die; 0 is none",
        tacit=0.0,
        note=assumed_places,
    ),
    Axis(
        name="noise_scale",
        kind=Annotated[float, Field(ge=0, le=1000)],
        example=(0, 1),
        description="factors on every noise amplitude; 0 is no noise",
        label="noise, times the devices' own",
        render=lambda value: f"{value:g} × device noise" if value else "no device noise",
        default=none,
        apply=lambda setup, value: dataclasses.replace(setup, noise=value),
        nominal=0.0,
        not_at={**NO_DIES, "spice": "whose transient analysis has no noise"},
    ),
    condition(
        "corner",
        kind=Annotated[str, Field(min_length=1)],
        example=("tt", "ff"),
        description="process corners of the technology",
        label="process corner",
        render=lambda value: f"corner {value[:20]}",
    ),
    condition(
        "temperature",
        kind=Annotated[float, Field(gt=-273.15)],
        example=(-40, 27.5),
        description="junction temperatures [degrees Celsius]",
        label="temperature [°C]",
        render=lambda value: f"{value:g} °C",
        note=cold_and_hot,
    ),
    condition(
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
        default=none,
        apply=_perturb,
        nominal=0.0,
        tacit=0.0,
        trials=10,
        not_at={},
        note=protocol,
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
        note=trimmed,
    ),
    option_axis(
        "i_unit",
        example=("1 nA", 3e-10),
        label="current that stands for 1.0",
        unit="A",
        render=lambda value: f"{render(value, 'A')} for 1.0",
    ),
    *(
        option_axis(
            name,
            example=(1.0, 2.0),
            label=f"{name.removesuffix('_current')}s' current [i_unit]",
            render=lambda value, name=name: f"{name.replace('_', ' ')} {value:g}",
        )
        for name in ("signal_current", "candidate_current", "state_current")
    ),
    option_axis(
        "diode_units",
        example=([16, 32], [16, 32, 64]),
        label="unit devices of diodes",
        render=lambda value: f"diodes of {', '.join(map(str, value))}",
    ),
    *(
        option_axis(
            name,
            example=example,
            label=f"unit devices: {name.removesuffix('_units').replace('_', ' ')}",
            render=lambda value, name=name: f"{name.replace('_', ' ')} {value}",
        )
        for name, example in (
            ("largest_leg", (64, 128)),
            ("bias_units", (32, 64)),
            ("window_units", (32, 64)),
            ("candidate_split", (2, 4)),
            ("split_units", (1, 2)),
            ("hold", (12, 16)),
            ("width", (32, 40)),
        )
    ),
    option_axis(
        "levels",
        kind=Annotated[int, Field(ge=1, le=LARGEST_LADDER)],
        example=(2, 3),
        label="K where the network leaves it open",
        render=lambda value: f"K = {value} where it is open" if value else "K of the network",
    ),
    option_axis(
        "area",
        example=({}, {"v0/diode_plus": 2}),
        label="area by role",
        render=lambda value: (
            "area of " + ", ".join(f"{role} × {times}" for role, times in value)
            if value
            else "no role's area multiplied"
        ),
    ),
    _compensated(
        "corner",
        kind=Annotated[str, Field(min_length=1)],
        example=("tt", "ss"),
        label="corner of compensation",
        render=lambda value: f"compensated at {value or 'the usual corner'}",
    ),
    _compensated(
        "temperature",
        kind=Annotated[float, Field(gt=-273.15)],
        example=(27, 50),
        label="temperature of compensation [°C]",
        render=lambda value: (
            "usual compensation" if value is None else f"compensated at {value:g} °C"
        ),
    ),
    _compensated(
        "v_dd",
        kind=Annotated[Volts, Field(gt=0)],
        example=("1.8 V", 1.7),
        label="supply of compensation",
        unit="V",
        render=lambda value: (
            f"compensated at {render(value, 'V') if value else 'the usual supply'}"
        ),
    ),
    Axis(
        name="frame_period",
        kind=Annotated[Seconds, Field(ge=SHORTEST_FRAME, le=LONGEST_FRAME)],
        example=("25 ms", 0.01),
        description="time from frame to frame, such as 10 ms; a bare number is in seconds",
        label="time from frame to frame",
        unit="s",
        render=lambda value: f"frames of {render(value, 's') if value else 'the network'}",
        default=lambda _: None,
        apply=lambda setup, value: dataclasses.replace(setup, model=with_frame(setup.model, value)),
        tacit=None,
        not_at={},
    ),
    Axis(
        name="k",
        kind=Annotated[int, Field(ge=1, le=64)],
        example=(1, 2),
        description="K of every CMRU layer, in place of the network's: levels -K to K",
        label="K",
        render=lambda value: f"K = {value or 'as trained'}",
        default=lambda _: None,
        apply=lambda setup, value: dataclasses.replace(
            setup, model=with_levels(setup.model, value)
        ),
        tacit=None,
        not_at={},
    ),
    bits_axis("weight_bits", ".weight", "a weight"),
    bits_axis("bias_bits", ".bias", "a bias"),
    Axis(
        name="level",
        kind=Literal["behavioral", "spice"],
        example=("behavioral", "spice"),
        description="levels of truth, with the same dies and sequences at each",
        label="level of truth",
        render=lambda value: f"level {value}",
        default=lambda ground: ground.level,
        apply=lambda setup, value: dataclasses.replace(setup, level=value),
        tacit="behavioral",
        not_at={**NO_DIES, "spice": "which the key names for all points"},
    ),
    Axis(
        name="timing",
        kind=Literal["settled", "timed"],
        example=("settled", "timed"),
        description="settled, one solution a phase, or timed: states move with their delays",
        label="timing",
        render=lambda value: value,
        default=lambda ground: ground.timing,
        apply=lambda setup, value: dataclasses.replace(setup, timing=value),
        tacit="settled",
        not_at={**NO_DIES, "spice": "whose circuits move anyway"},
    ),
    Axis(
        name="reference_error",
        kind=Annotated[float, Field(ge=REFERENCE[0], le=REFERENCE[1])],
        example=(-5, 0, 5),
        description="errors [%] of the current into the chip's reference pin, from which all its "
        "bias currents come",
        label="error of the reference current [%]",
        render=lambda value: f"reference {value:+g} %" if value else "reference right",
        default=none,
        apply=lambda setup, value: dataclasses.replace(setup, reference=value / 100),
        nominal=0.0,
        tacit=0.0,
    ),
    Axis(
        name="stuck_cells",
        kind=Annotated[float, Field(ge=0, le=1)],
        example=(0, 0.01),
        description="shares of the memory cells that are stuck, set or reset",
        label="share of stuck cells",
        render=lambda value: f"{100 * value:g} % of the cells stuck",
        default=none,
        apply=lambda setup, value: dataclasses.replace(setup, stuck=value),
        nominal=0.0,
        tacit=0.0,
    ),
)

AXES: dict[str, Axis] = {axis.name: axis for axis in _TABLE}
"""By name, in the order of a plan's points, of what is told of one, and of `Axis.apply`."""


def known(level: str) -> list[Axis]:
    """Return the axes that a level of truth knows."""
    return [axis for axis in AXES.values() if level not in axis.not_at]
