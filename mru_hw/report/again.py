"""How a reader makes the figures of a page again: in Python; the command line has its own words."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import yaml

from mru_hw.errors import UserError
from mru_hw.mapping.options import DEFAULTS, DesignOptions
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.held import Held
from mru_hw.sweeps.point_view import PointView
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import condition, said
from mru_hw.units import render_exact

_MADE_OF = {
    "model": "Its network",
    "inputs": "The file of its sequences",
    "calibration": "Its calibration",
}
SPICE = "SPICE.yaml: three sequences on two dies, at the level spice; more in place of 3 and 2"
_PLAIN = {
    name: found[1]
    for name, axis in AXES.items()
    if (found := re.search(r"\[(.+)\]", axis.label)) is not None
} | {"loss": "shares", "accuracy": "shares"}
"""What plain numbers of a plan are in, by the axis or the key that has them."""
_CARRIED = frozenset({"tech", "corner", "temperature", "v_dd"})
"""Axes that every command and call of a point has, beside the design."""
_OF_RUNS = frozenset(
    {
        *("mismatch_scale", "process_scale", "gradient_scale", "noise_scale", "trim_bits"),
        *("stuck_cells", "level", "timing"),
    }
)
"""Axes of dies, of noise and of how they run: the nominal die's netlist is the same at each."""
_LONGEST = 20_000
"""Characters of a plan that a page shows."""


class Again(Protocol):
    """What a page says of how to make it again, in the words of whoever asked for it."""

    def die(
        self, run: RunView, point: PointView, seed: int, trial: int, *, spice: bool = False
    ) -> str:
        """Return what runs a die again and says what failed on it, with `spice` in ngspice too."""

    def cause(self, run: RunView, point: PointView) -> str:
        """Return what tells, at a point's condition, what mismatch costs and what stays without."""

    def wave(self, run: RunView, point: PointView, name: str) -> str:
        """Return what writes the netlist of a point to a folder and runs it there, wave and all.

        Of a point whose chip the command or call cannot make, a comment says why.
        """

    def whole(self, run: RunView, worst: Held | None) -> Iterator[tuple[str, str]]:
        """Yield what each step is for, and the step; `worst` is the limit that binds."""

    def spice(self, run: RunView, point: PointView) -> Iterator[tuple[str, str]]:
        """Yield what runs this network at a point in ngspice beside the array."""

    def enlarged(self, run: RunView) -> tuple[str, str]:
        """Return what runs a plan with larger mirrors, and how its yield is compared."""

    def numbers(self, run: RunView) -> str:
        """Return where the numbers behind every table and figure are, in a sentence."""

    def trained(self, *, onward: bool) -> str:
        """Return what trains a network by its configuration, `onward` from another one."""

    @property
    def network(self) -> str:
        """What names the network and the sequences of a sweep."""


class InPython:
    """By the public face."""

    network = "With model and inputs"

    def die(
        self, run: RunView, point: PointView, seed: int, trial: int, *, spice: bool = False
    ) -> str:
        """Return the call that runs a die again."""
        more = f", trial={trial}" if trial else ""
        call = f"read_sweep({run.path.name!r}).explain({seed}, point={point.number}{more})"
        return f"{call}.ngspice()" if spice else call

    def cause(self, run: RunView, point: PointView) -> str:
        """Return the call that switches mismatch off, part by part."""
        return self._call(run, point, "sensitivity({inputs}, {at})")

    def wave(self, run: RunView, point: PointView, name: str) -> str:
        """Return the call that writes the netlist of a point, and the command that runs it."""
        first = next(iter(run.plans.values()))
        if lacks := lacking(run, point, options_of(first, point)):
            return f"# {lacks}"
        netlist = self._call(run, point, f"netlist({name!r}, inputs={{inputs}}, {{at}})")
        return f"{netlist}\n{in_ngspice(name)}"

    def _call(self, run: RunView, point: PointView, call: str) -> str:
        """Return a call of a method of the chip of a point, on its sequences at its condition."""
        first, at = next(iter(run.plans.values())), point.settings
        usual = DesignOptions().as_data()
        chosen = options_of(first, point).as_data().items()
        own = ", ".join(f"{name}={value!r}" for name, value in chosen if value != usual[name])
        options = f", DesignOptions({own})" if own else ""
        place = (
            f"corner={str(at['corner'])!r}, temperature={at['temperature']:g}, v_dd={at['v_dd']:g}"
        )
        return (
            f"Chip({str(first['model'])!r}, {str(at['tech'] or first['tech'])!r}{options})."
            + call.format(inputs=repr(str(first["inputs"])), at=place)
        )

    def whole(self, run: RunView, worst: Held | None) -> Iterator[tuple[str, str]]:
        """Yield the plans, and the calls that run them."""
        yield from plan_texts(run)
        yield from design_text(run)
        yield "The sweep", f"mru_hw.sweep('PLAN.yaml', {run.path.name!r})"
        if run.level == "ideal":
            return
        yield waves(run, self, worst)
        if worst is None:
            return
        point, at = worst_point(run, worst)
        if explained(point):
            yield (
                f"The worst die, at {at}, in ngspice beside the array",
                self.die(run, point, worst.seed, worst.trial, spice=True),
            )
            yield (
                "The worst die as a deck for Spectre; or for hspice, xyce or ngspice, of sky130 "
                "for ngspice alone",
                f"{self.die(run, point, worst.seed, worst.trial)}.netlist('die', "
                "dialect='spectre')",
            )

    def spice(self, run: RunView, point: PointView) -> Iterator[tuple[str, str]]:
        """Yield the plan, and the call that runs it."""
        yield SPICE, spice_plan(run, point)
        yield (
            "The sweep in ngspice; the command report makes a page of both",
            "mru_hw.sweep('SPICE.yaml', 'spice.sqlite')",
        )

    def enlarged(self, run: RunView) -> tuple[str, str]:
        """Return the calls that run both and tell their yields."""
        return (
            "What the yield gains on the same dies",
            "mru_hw.sweep('PLAN.yaml', 'enlarged.sqlite')\n"
            f"[read_sweep(name).verdict() for name in ({run.path.name!r}, 'enlarged.sqlite')]",
        )

    def numbers(self, run: RunView) -> str:
        """Name what has the points with their figures, and the command that writes all."""
        return (
            f"Numbers: read_sweep({run.path.name!r}).frame() has every point; the command "
            "report writes each table and each figure's numbers as files, into a folder for data."
        )

    def trained(self, *, onward: bool) -> str:
        """Return the call of a training."""
        return f"mru_hw.train('CONFIG.yaml', 'MODEL'{', start=...' if onward else ''})"


def worst_point(run: RunView, worst: Held) -> tuple[PointView, str]:
    """Return the point of the worst run of what binds, and its condition in words."""
    point = next(one for one in run.points if one.number == worst.point)
    return point, condition(run, point)


def explained(point: PointView) -> bool:
    """Whether a die of a point can be run again and explained step by step."""
    return point.level == "behavioral" and point.settings["timing"] == "settled"


def lacking(run: RunView, point: PointView, carried: DesignOptions) -> str:
    """Say in what the nominal chip of a point is another than a command makes, a sentence.

    Empty where in nothing. `carried` are the options of the design that the command has.
    """
    own = DesignOptions.model_validate(run.designs[point.design])
    names = [
        name
        for name, axis in AXES.items()
        if name not in _CARRIED | _OF_RUNS
        and (
            _option(own, axis.option) != _option(carried, axis.option)
            if axis.option
            else point.settings[name] != axis.tacit
        )
    ]
    if not names:
        return ""
    parts = "; ".join(said(point, name) for name in names)
    text = f"No command here makes the chip at {condition(run, point)}, for it has: {parts}."
    # It stands behind a comment's mark, and a name from elsewhere may have line breaks.
    return " ".join(text.split())


def _option(options: DesignOptions, name: str) -> Any:
    """Return an option by its name, with a dot before a part of one."""
    return functools.reduce(getattr, name.split("."), options)


def waves(run: RunView, again: Again, worst: Held | None) -> tuple[str, str]:
    """Return what tells the chip's own peak current, at the head and where what binds is worst."""
    places = {condition(run, run.base): run.base}
    if worst is not None:
        point, at = worst_point(run, worst)
        places.setdefault(at, point)
    calls = (again.wave(run, one, f"wave{k}") for k, one in enumerate(places.values()))
    return (
        f"The wave of the supply current in ngspice at {' and at '.join(places)}: the first "
        "sequence on the nominal die, without decoupling. The largest -i(vdd) in its frames is the "
        "chip's own peak",
        "\n".join(calls),
    )


def in_ngspice(folder: str) -> str:
    """Return the command that runs a netlist in its folder and keeps its wave."""
    return f"(cd {folder} && ngspice -b -r wave.raw bench.cir)"


def has_design(plan: Mapping[str, Any]) -> bool:
    """Whether a plan chooses anything of the mapping; its key ``design`` is DESIGN.yaml then."""
    return DesignOptions.model_validate(plan.get("design") or {}) != DesignOptions()


def in_file(run: RunView, point: PointView) -> DesignOptions:
    """Return the choices of the mapping at a point, as far as DESIGN.yaml and its i_unit say them.

    A command takes no other i_unit than the file's, where it has one.
    """
    first, usual = next(iter(run.plans.values())), DesignOptions()
    head = DesignOptions.model_validate(run.designs[run.base.design])
    options = head if has_design(first) else usual
    if options.i_unit != usual.i_unit:
        return options
    return options.model_copy(update={"i_unit": point.settings["i_unit"]})


def options_of(plan: Mapping[str, Any], point: PointView) -> DesignOptions:
    """Return the choices of the mapping at a point, as far as its plan and its i_unit say them."""
    options = DesignOptions.model_validate(plan.get("design") or {})
    return options.model_copy(update={"i_unit": point.settings["i_unit"]})


def why_not(error: UserError) -> str:
    """Say why something of a sweep could not be run again, without a word of what was read.

    A store from elsewhere names files of this machine, and a page is handed on.
    """
    if error.field in {"run", "point"}:
        return f"It would take {error.expected}."
    what = _MADE_OF.get(error.field)
    if what is None:
        return "What it was made of could not be read, or has changed since."
    return f"{what} neither lies where the plan says nor beside the sweep, or has changed since."


def spice_plan(run: RunView, point: PointView) -> str:
    """Return a plan that runs a few sequences at a point in ngspice, on two of its dies."""
    first = next(iter(run.plans.values()))
    kept = {name: first[name] for name in ("model", "inputs", "tech", "design") if first.get(name)}
    names = [str(axis["axis"]) for axis in first["axes"]]
    axes = [
        {"axis": name, "values": [_stated(name, point.settings[name])]}
        for name in names
        if name not in {"die", "level"} and "spice" not in AXES[name].not_at
    ]
    plan = kept | {"level": "spice", "keep": "all", "sequences": "0:3", "n_dies": 2}
    return written(plan | {"seed": first["seed"], "axes": axes})


def plan_texts(run: RunView) -> Iterator[tuple[str, str]]:
    """Yield what each plan is, and its text."""
    for study, plan in run.plans.items():
        name = "the plan" if len(run.plans) == 1 else f"the plan of the study {study}"
        yield f"PLAN.yaml: {name}, paths as they were given", written(plan)


def chosen(run: RunView) -> dict[str, Any] | None:
    """Return the options of the design at the head that are not the defaults; None if unknown."""
    options = run.designs.get(run.base.design)
    if options is None:
        return None
    usual = DEFAULTS.as_data()
    return {name: value for name, value in options.items() if value != usual.get(name)}


def design_text(run: RunView) -> Iterator[tuple[str, str]]:
    """Yield what DESIGN.yaml of the design at the head is, and its text; nothing of defaults."""
    if own := chosen(run):
        yield "DESIGN.yaml: the design at the head; all else is the default", written(own)


def _stated(axis: str, value: Any) -> Any:
    """Return a value of an axis as a plan states it: a quantity with its unit."""
    unit = AXES[axis].unit
    return render_exact(value, unit) if unit and value is not None else value


def written(plan: dict[str, Any]) -> str:
    """Write a document without what it leaves open; read again it is the same.

    Plain numbers, which have no unit as values, have it in a comment.
    """
    said = _said(plan)
    bare = yaml.safe_dump(said, sort_keys=False, allow_unicode=True)
    text = "".join(_commented(bare.splitlines(keepends=True)))
    if yaml.safe_load(text) != said:
        # A name with a line break in it may look like a key.
        text = bare
    return (
        text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n# … cut here: the store has it all"
    )


def _commented(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines of YAML; behind each key of plain numbers stands their unit."""
    axis = ""
    for line in lines:
        key, _, value = line.strip().removeprefix("- ").partition(":")
        if key == "axis":
            axis = value.strip()
        unit = _PLAIN.get(axis if key in {"values", "between"} else key)
        yield line if unit is None else f"{line.rstrip()}  # {unit}\n"


def _said(value: Any) -> Any:
    """Return data without what is left open, at any depth."""
    if isinstance(value, dict):
        found = {name: _said(item) for name, item in value.items()}
        kept = {name: item for name, item in found.items() if item not in (None, {}, [])}
        if "between" not in kept and "axis" in kept:
            kept.pop("scale", None)  # of an axis without ends
        return kept
    return [_said(item) for item in value] if isinstance(value, list) else value
