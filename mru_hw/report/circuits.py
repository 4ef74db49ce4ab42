"""The circuits of a chip and its classes of devices, counted on the netlist."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from mru_hw.circuits.catalogue import NODE_VIEWS
from mru_hw.report.chip import ChipFacts, Counted
from mru_hw.report.parts import Table
from mru_hw.report.schematic import source, subcircuits, what_it_is
from mru_hw.sweeps.told import Told, quantity
from mru_hw.technology.classes import CLASS_USES

_BIAS_VIEW = "bias_tree"
LEGS = "legs of mirrors"
"""The row of the chip's own transistors."""


def views_of(found: ChipFacts) -> list[str]:
    """Return the cell views that the chip's deck has instances of, each once."""
    views = [*NODE_VIEWS, _BIAS_VIEW]
    views += [view for bank in found.design.banks for view in bank.circuit.views]
    return [view for view in dict.fromkeys(views) if any(_instances(found, view).values())]


def circuits_table(found: ChipFacts) -> Table:
    """Return the circuits of the chip; their own transistors sum to the chip's."""
    rows: list[list[str]] = []
    counted: set[str] = set()
    for view in views_of(found):
        for part, some in _instances(found, view).items():
            if some:
                counted |= set(some)
                rows.append(_row(view, part, list(some.values())))
    rest = sum(one.owned for name, one in found.cells.items() if name not in counted)
    none = Told("")
    rows.append(
        [LEGS, "single transistors between circuits: weights, biases", none, none, _n(rest), ""]
    )
    rows.append(["in all", "", none, none, _n(found.transistors), ""])
    return Table(
        name="circuits",
        caption=(
            "Circuits of the chip. A circuit may hold others of this table (a strobe driver has "
            "inverters and a Schmitt trigger): transistors in each count those too, its own in the "
            "chip do not, so that these sum to the chip's. No circuit of a CMRU is published: the "
            "ladder is this project's own."
        ),
        head=(
            *("circuit", "what it is", "in the chip", "transistors in each"),
            *("its own in the chip", "source"),
        ),
        rows=rows,
        numbers=(2, 3, 4),
        total=True,
    )


def _instances(found: ChipFacts, view: str) -> dict[str, dict[str, Counted]]:
    """Return what the chip has of each subcircuit of a view, the view's own first.

    A subcircuit may have variants, whose names begin with its own.
    """
    parts = sorted(subcircuits(view), key=lambda part: part != view)
    return {
        part: {
            name: one
            for name, one in found.cells.items()
            if name == part or name.startswith(f"{part}_")
        }
        for part in parts
    }


def _row(view: str, part: str, some: Sequence[Counted]) -> list[str]:
    count = sum(one.instances for one in some)
    each = sum(one.instances * one.transistors for one in some) / count
    return [
        part,
        what_it_is(view) if part == view else f"part of {view}: {_devices_said(some[0].own)}",
        _n(count),
        Told(f"{each:,.0f}", each),
        _n(sum(one.owned for one in some)),
        (source(view) or "this project") if part == view else f"as {view}",
    ]


def _devices_said(own: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in own.items())


def _n(count: int) -> Told:
    return Told(f"{count:,}", count)


def devices_table(found: ChipFacts) -> Table:
    """Return the unit devices of the technology, with the sigma of their thresholds."""
    technology = found.design.technology
    return Table(
        name="unit_devices",
        caption=(
            f"Unit devices of {technology.name}, by the class that schematics name (n_… are NMOS, "
            "p_… PMOS), with the "
            "standard deviation of one device's threshold voltage, and that times the root of W L: "
            "Pelgrom's constant A_VT of one device; of the difference of a pair, as publications "
            "mostly state it, it is larger by the root of 2. The technology's factor for narrow or "
            "short devices is in both where its technology.yaml has one (mismatch), so that "
            "classes may differ."
        ),
        head=(
            *("class", "what it is for", "model", "W", "L", "gate area", "sigma of V_t"),
            *("A_VT of one", "of a pair"),
        ),
        rows=list(_devices(found)),
        numbers=range(3, 9),
    )


def _devices(found: ChipFacts) -> Iterator[list[str]]:
    technology = found.design.technology
    for name, device in technology.devices.items():
        sigma, _ = technology.sigma(name)
        slope = sigma * math.sqrt(device.w * device.l)
        yield [
            name,
            CLASS_USES.get(name, ""),
            device.model,
            quantity(device.w, "m"),
            quantity(device.l, "m"),
            Told(f"{1e12 * device.w * device.l:.3g} µm²", device.w * device.l, unit="m^2"),
            quantity(sigma, "V"),
            *(Told(f"{1e9 * a:.3g} mV µm", a, unit="V m") for a in (slope, math.sqrt(2) * slope)),
        ]
