"""How power and area grow with width, layers and inputs: measured on mapped designs, fitted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, StrMethodFormatter

from mru_hw.errors import LawError, UserError
from mru_hw.mapping import Design, map_model
from mru_hw.model.network import Array, Model
from mru_hw.model.structure import ModelSpec
from mru_hw.report.chip import ChipFacts, square
from mru_hw.report.colours import DIES, FAINT
from mru_hw.report.drawing import Drawing, drawn
from mru_hw.report.parts import Picture, Section, Table
from mru_hw.simulate.ledger import ledger
from mru_hw.spice.area import signal_area
from mru_hw.stimulus import Inputs
from mru_hw.sweeps.told import Told, quantity
from mru_hw.sweeps.words import many

_SEQUENCES = 20
"""Sequences that each design is priced on."""
_LARGEST = 20_000
"""Transistors of a chip whose kin are mapped: larger ones would take minutes."""
_WIDTHS, _INPUTS = (0.25, 0.5, 2.0), (0.5, 2.0)
"""Factors on widths and inputs; layers are one, two, … up to one more than the network has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """A network of the same kind and another size.

    Attributes
    ----------
    way
        What was changed: width, layers or inputs.
    size
        How many of it there are.
    power
        Of the nominal die, mean over sequences [W].
    area
        Gate area of the signal and bias devices [m^2].
    own
        Whether it is the network itself.
    """

    way: str
    size: int
    power: float
    area: float
    own: bool


def resized(model: Model, *, width: float, layers: int, n_in: int) -> Model:
    """Return a network of the same kind and another size.

    Rows and columns of its tensors are repeated or left out; weights are multiplied by the old
    number of summands over the new one, so that sums keep their size.

    Parameters
    ----------
    width
        Factor on the units of each layer and on the widths between layers.
    layers
        How many; further ones are copies of the last.
    n_in
        Its inputs.
    """
    spec = model.spec
    of = [min(k, len(spec.layers) - 1) for k in range(layers)]

    def wide(n: int) -> int:
        return max(1, round(n * width))

    data = spec.model_dump(mode="json", exclude={"metrics", "provenance"}, exclude_none=True)
    data |= {"n_in": n_in, "n_hidden": wide(spec.n_hidden)}
    data["layers"] = [
        data["layers"][k]
        | {
            "name": "",
            "n_units": wide(spec.layers[k].n_units),
            "n_out": wide(spec.layers[k].n_out),
        }
        for k in of
    ]
    if spec.normalisation is not None:
        own = {name: getattr(spec.normalisation, name) for name in ("mean", "scale")}
        data["normalisation"] = {
            name: np.resize(np.asarray(values), n_in).tolist() for name, values in own.items()
        }
    new = ModelSpec.model_validate(data)
    tensors = {}
    for name, shape in new.tensor_shapes().items():
        head, _, rest = name.partition(".")
        number, _, last = rest.partition(".")
        source = f"layers.{of[int(number)]}.{last}" if head == "layers" else name
        tensors[name] = _fitted(np.asarray(model.tensors[source], np.float64), shape)
    return Model(spec=new, tensors=tensors)


def _fitted(old: Array, shape: tuple[int, ...]) -> Array:
    rows = [np.arange(n) % m for n, m in zip(shape, old.shape, strict=True)]
    factor = old.shape[1] / shape[1] if len(shape) == 2 else 1.0
    found: Array = old[np.ix_(*rows)] * factor
    return found


def sizes(found: ChipFacts) -> list[Sized]:
    """Map and price networks of other widths, layers and inputs at the point at the head.

    One that has no circuit or no law is left out.
    """
    own = found.model.spec
    inputs = found.subject.inputs.take(slice(0, _SEQUENCES))
    n_units, depth = own.layers[0].n_units, len(own.layers)
    self_priced = _priced(found, found.design, inputs)
    result = [
        Sized(way=way, size=size, power=self_priced[0], area=self_priced[1], own=True)
        for way, size in (("width", n_units), ("layers", depth), ("inputs", own.n_in))
    ]
    n_in, deeper = own.n_in, {*range(1, depth), *range(depth + 1, max(3, depth + 1) + 1)}
    asked = [("width", max(1, round(n_units * f)), f, depth, n_in) for f in _WIDTHS]
    asked += [("layers", k, 1.0, k, n_in) for k in sorted(deeper)]
    asked += [("inputs", n, 1.0, depth, n) for n in {max(1, round(n_in * f)) for f in _INPUTS}]
    for way, size, width, layers, n in asked:
        try:
            model = resized(found.model, width=width, layers=layers, n_in=n)
            design = map_model(
                model, found.design.technology, found.calibration, found.design.options
            )
            priced = _priced(found, design, _shaped(inputs, model.spec.n_in))
        except (UserError, LawError):
            continue
        result.append(Sized(way=way, size=size, power=priced[0], area=priced[1], own=False))
    return sorted(result, key=lambda one: (one.way, one.size))


def _shaped(inputs: Inputs, n_in: int) -> Inputs:
    columns = np.arange(n_in) % inputs.x.shape[-1]
    return dataclasses.replace(inputs, x=np.ascontiguousarray(inputs.x[..., columns]))


def _priced(found: ChipFacts, design: Design, inputs: Inputs) -> tuple[float, float]:
    at = found.conditions
    own = found.calibration.at(
        at.v_dd, temperature=at.temperature, corner=at.corner, loops_only=design.loops_only
    )
    entries = ledger(design, own, inputs, temperature=at.temperature, v_dd=at.v_dd)
    seconds = float(inputs.lengths.mean()) * design.timing.frame
    return sum(entry.total for entry in entries) / seconds, signal_area(design)


def exponent(sized: Sequence[Sized], figure: str) -> float | None:
    """Return p of ``figure ~ size^p`` by least squares of the logarithms.

    None of one size, and of figures that go up and down: no power of the size tells of those.
    """
    found = fitted(sized, figure)
    return None if found is None else found[0]


def fitted(sized: Sequence[Sized], figure: str) -> tuple[float, float] | None:
    """Return p as of `exponent`, and by which share a figure lies off the line at most."""
    ranked = sorted(sized, key=lambda one: one.size)
    if len({one.size for one in ranked}) < 2:
        return None
    x = np.log([one.size for one in ranked])
    y = np.log([getattr(one, figure) for one in ranked])
    steps = np.sign(np.diff(y)[np.diff(x) > 0])
    if steps.min() < 0 < steps.max():
        return None
    p, y0 = np.polyfit(x, y, 1)
    return float(p), float(np.expm1(np.abs(y - (y0 + p * x)).max()))


def growth_section(found: ChipFacts) -> Section | None:
    """Return how power and area grow; None of a chip that is too large for its kin to be mapped."""
    if found.transistors > _LARGEST:
        return None
    measured = sizes(found)
    n, whole = min(_SEQUENCES, found.subject.inputs.n_seq), found.subject.inputs.n_seq
    which = (
        f"all {many(whole, 'sequence')} of this sweep"
        if n == whole
        else f"the first {n} of this sweep's {many(whole, 'sequence')}, in the order of their "
        "file: a sample, so that this network's power here may differ from that under “Power and "
        "energy”"
    )
    return Section(
        key="growth",
        title="How power and area grow",
        paragraphs=[
            "Networks of the same kind and another size, mapped as this one is and priced by the "
            f"array's own laws: the nominal die on {which}, at the point at the head. Rows and "
            "columns of its weights are repeated or left out, and weights scaled so that sums keep "
            "their size; none of them was trained, so that they say what a chip costs and not what "
            "it decides. Width: units of each layer, and outputs between layers. Fits are straight "
            "lines in the logarithms, for these sizes alone.",
            "No law of growth is published for these circuits that this page could quote; the "
            "published first-quadrant network of 2 x 4 units states 768 transistors and about "
            "100 nW (arXiv 2605.15216).",
            *(
                [
                    "Where a power goes up and down with a size it has no exponent; what makes it "
                    "do so was not taken apart here."
                ]
                if any(
                    len(some) > 1 and fitted(some, "power") is None
                    for some in _ways(measured).values()
                )
                else []
            ),
        ],
        pictures=[_picture(measured)],
        tables=[_table(measured)],
    )


def _ways(measured: Sequence[Sized]) -> dict[str, list[Sized]]:
    names = ("width", "layers", "inputs")
    return {name: [one for one in measured if one.way == name] for name in names}


def _table(measured: Sequence[Sized]) -> Table:
    return Table(
        name="growth",
        caption=(
            "Power and gate area (signal and bias devices) of networks of other sizes; p is the "
            "fitted exponent, size to the p, with the share by which a figure lies off the line at "
            "most: between single sizes the exponent may be another."
        ),
        head=(
            "what",
            "how many",
            "power",
            "gate area",
            "p of the power",
            "p of the area",
        ),
        rows=[row for way, some in _ways(measured).items() for row in _rows(way, some)],
        numbers=range(1, 6),
    )


def _rows(way: str, some: Sequence[Sized]) -> Iterator[list[str]]:
    for k, one in enumerate(some):
        fits = (_fit(some, figure) if k == 0 else Told("") for figure in ("power", "area"))
        yield [
            f"{way}, this network" if one.own else way,
            Told(str(one.size), one.size),
            quantity(one.power, "W"),
            square(one.area),
            *fits,
        ]


def _fit(some: Sequence[Sized], figure: str) -> Told:
    """Write an exponent with how far the figures lie off its line."""
    found = fitted(some, figure)
    if found is None:
        return Told("none: up and down" if len(some) > 1 else "")
    p, off = found
    return Told(f"{p:.2f} (off by up to {100 * off:.0f} %)", p)


def _picture(measured: Sequence[Sized]) -> Picture:
    return Picture(
        name="growth",
        svg=_draw(measured),
        alternative="Power and area against width, layers and inputs, with fitted lines.",
        caption=(
            "Growth by width (units a layer), layers and inputs, both axes logarithmic, with the "
            "fitted exponent p. Filled: this network."
        ),
        data={
            "what": [one.way for one in measured],
            "size": [one.size for one in measured],
            "power [W]": [one.power for one in measured],
            "area [m^2]": [one.area for one in measured],
        },
    )


def _draw(measured: Sequence[Sized]) -> Drawing:
    def draw(figure: Figure) -> None:
        places = figure.subplots(2, 3, sharey="row")
        for column, (way, some) in enumerate(_ways(measured).items()):
            for row, name in enumerate(("power", "area")):
                _curve(places[row][column], some, name)
            places[1][column].set_xlabel({"width": "units a layer"}.get(way, way))
        places[0][0].set_ylabel("power")
        places[1][0].set_ylabel("gate area [µm²]")

    return drawn(draw, (8.4, 4.8))


def _curve(axes: Axes, some: Sequence[Sized], figure: str) -> None:
    scale = 1.0 if figure == "power" else 1e12
    x = np.array([one.size for one in some], dtype=float)
    y = scale * np.array([getattr(one, figure) for one in some])
    p = exponent(some, figure)
    if p is not None:
        middle = np.exp(np.log(y).mean() - p * np.log(x).mean())
        axes.plot(x, middle * x**p, color=FAINT, linewidth=1)
        axes.text(0.05, 0.9, f"p = {p:.2f}", transform=axes.transAxes, fontsize=8, va="top")
    for at, value, one in zip(x, y, some, strict=True):
        axes.plot([at], [value], "o", color=DIES, markerfacecolor=DIES if one.own else "none")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(x, [f"{value:g}" for value in x])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    write = EngFormatter(unit="W") if figure == "power" else StrMethodFormatter("{x:,.0f}")
    axes.yaxis.set_major_formatter(write)
    axes.yaxis.set_minor_formatter(NullFormatter())
