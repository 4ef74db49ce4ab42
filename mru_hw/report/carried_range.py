"""The currents of the chip's unit devices, class by class, beside the range that was calibrated."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from mru_hw.cells.base import Devices
from mru_hw.circuits.base import Carried
from mru_hw.mapping.parts import Bank, Bus, Connection
from mru_hw.report.chip import ChipFacts
from mru_hw.report.parts import Section, Table
from mru_hw.simulate.carried import Span, carried
from mru_hw.sweeps.told import Told, quantity
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import many
from mru_hw.units import render
from mru_hw.variation.die import nominal_die

_SEQUENCES = 300
"""Sequences that the nominal die runs, at most."""
_INSIDE = "inside"
_WHERE = {
    Carried.REST: "splitters",
    Carried.TAIL: "bias legs",
    Carried.FEEDBACK: "feedback pairs",
    Carried.RISING: "comparators at their thresholds",
    Carried.FALLING: "comparators at their thresholds",
    Carried.CANDIDATE: "copies of the candidate",
    Carried.THRESHOLD: "copies of the threshold",
}
"""Parts of nodes and units by the current that their devices carry; a node's diodes are none."""


def range_section(run: RunView, found: ChipFacts | str, said: str) -> Section | None:
    """Return the section on the calibrated range; None of a sweep that the laws did not run.

    Parameters
    ----------
    said
        The condition of the point at the head, in words.
    """
    if isinstance(found, str) or run.level != "behavioral":
        return None
    low, high = (render(found.calibration.i_curve[k], "A") for k in (0, -1))
    inputs = found.subject.inputs.take(slice(0, _SEQUENCES))
    which = many(inputs.n_seq, "sequence")
    which = which if inputs.n_seq == found.subject.inputs.n_seq else f"the first {which}"
    return Section(
        key="range",
        title="Calibrated range",
        paragraphs=[
            "Calibrated means: the constants of the laws were fitted to ngspice at this corner, "
            "and this temperature and supply lie between points of the fits. Every condition of "
            "the sweep does, for one outside is refused. Currents have a range too, from "
            f"{low} to {high} a unit device. The laws take their constants at the usual current of "
            "each device, which the mapping keeps inside this range or refuses the design.",
            "While sequences run, currents leave it: towards 0 wherever no signal flows, which is "
            "no loss where leakage is small beside the usual current, and upwards at peaks. There "
            "the constants of the usual current go on to count; how far a mirror's law is off at "
            "larger currents stands under “Fitted constants”, of splitters it is not recorded.",
        ],
        tables=[
            Table(
                name="currents_by_class",
                caption=(
                    f"Currents of one unit device by class, beside {low} to {high}: the usual ones "
                    f"of the design, and the least and the greatest on the nominal die at {said} "
                    f"over {which}, every node and every frame; a leg has the current of its "
                    "diode in each unit device. Feedback pairs have another geometry: "
                    "told is what a mirror's unit device would carry, as strongly inverted."
                ),
                head=("unit devices", "usual", "while sequences run", "against the range"),
                rows=list(_rows(found)),
                numbers=(1, 2),
            )
        ],
    )


def _rows(found: ChipFacts) -> Iterator[list[str]]:
    design, at = found.design, found.conditions
    limits = found.calibration.i_curve[0], found.calibration.i_curve[-1]
    own = found.calibration.at(
        at.v_dd, temperature=at.temperature, corner=at.corner, loops_only=design.loops_only
    )
    inputs = found.subject.inputs.take(slice(0, _SEQUENCES))
    book = carried(design, own, inputs, temperature=at.temperature, v_dd=at.v_dd, limits=limits)
    devices = Devices(
        design=design, calibration=own, die=nominal_die(design), temperature=at.temperature
    )
    usual: dict[str, list[float]] = {}
    rows: dict[str, set[tuple[str, bool]]] = {}
    for group in design.device_groups():
        if not group.units.any():
            continue
        name, row = _classed(found, *group.key)
        usual.setdefault(name, []).extend(np.ravel(devices.current(*group.key)).tolist())
        rows.setdefault(name, set()).update({row} if row in book else ())
    for name, values in usual.items():
        spans = [book[row] for row in sorted(rows[name])]
        seen = functools.reduce(Span.with_others, spans) if spans else None
        yield [name, _ends(min(values), max(values)), *_judged(values, seen, limits)]


def _classed(found: ChipFacts, owner: str, role: str) -> tuple[str, tuple[str, bool] | None]:
    """Return the class of a group of devices, and the row of nodes whose currents they carry."""
    part, kind = found.design.owner(owner), found.design.carried(owner, role)
    if isinstance(part, Connection):
        part = found.design.buses[part.source]
    if isinstance(part, Bus):
        if part.name == found.design.bias.name:
            return "bias tree and its legs", None
        if kind is Carried.REST:
            return f"splitters of {part.kind.value} nodes", (part.name, True)
        return f"diodes, copies and legs of {part.kind.value} nodes", (part.name, False)
    return f"{part.cell.value} units: {_WHERE[kind]}", _read(part, kind)


def _read(bank: Bank, kind: Carried) -> tuple[str, bool] | None:
    """Return the row of nodes that devices of a unit copy; None of those on bias lines."""
    if kind is Carried.THRESHOLD and bank.threshold is not None:
        return bank.threshold, False
    if kind in (Carried.RISING, Carried.FALLING, Carried.CANDIDATE):
        return bank.candidate, False
    return None


def _ends(low: float, high: float) -> Told:
    least, most = (quantity(value, "A", digits=3) for value in (low, high))
    same = str(least) == str(most)
    return Told(str(least) if same else f"{least} to {most}", low, high, unit="A")


def _judged(usual: list[float], seen: Span | None, limits: tuple[float, float]) -> Iterator[str]:
    """Yield what was seen, and what of it lies outside."""
    yield _ends(seen.least, seen.most) if seen is not None else Told("as usual, or off")
    low, high = limits
    found = []
    # A usual current at an end of the range is inside but for rounding.
    if min(usual) < low * (1 - 1e-9) or max(usual) > high * (1 + 1e-9):
        found.append("its usual current")
    if seen is not None and seen.above:
        times = f"{seen.most / high:.3g} times its end"
        found.append(f"above in {_share(seen.above, seen.count)}, up to {times}")
    if seen is not None and seen.below:
        found.append(f"below, towards 0, in {_share(seen.below, seen.count)}")
    yield f"outside: {'; '.join(found)}" if found else _INSIDE


def _share(count: int, whole: int) -> str:
    return f"{100 * count / whole:.2g} % of values"
