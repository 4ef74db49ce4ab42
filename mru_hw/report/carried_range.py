"""The currents of the chip's unit devices, class by class, beside the ranges of the benches."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from mru_hw.cells.base import Devices
from mru_hw.circuits.base import Carried
from mru_hw.mapping.design import Design
from mru_hw.mapping.parts import Bank, Bus, Connection
from mru_hw.report.benches import ranges, span
from mru_hw.report.chip import ChipFacts
from mru_hw.report.nominal import Place, place_of
from mru_hw.report.parts import Section, Table
from mru_hw.report.splitter import BENCH, splitter_bench
from mru_hw.simulate.carried import Book, Span, carried
from mru_hw.stimulus import Inputs
from mru_hw.sweeps.held import Held
from mru_hw.sweeps.told import Told, quantity
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import condition, many
from mru_hw.units import render
from mru_hw.variation.die import nominal_die

_SEQUENCES = 300
"""Sequences that the nominal die runs, at most."""
_TABLES = ("currents_by_class", "currents_by_class_at_worst")
"""Names of the tables at the head's condition and at that of the worst run."""
_INSIDE = "inside"
_DECIDING = (Told("at thresholds alone"), "", "")
"""What stands beside the bench of the trips, whose constants count nowhere else."""
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


def range_section(run: RunView, found: ChipFacts | str, binding: Held | None) -> Section | None:
    """Return the section on the calibrated range; None of a sweep that the laws did not run.

    Parameters
    ----------
    binding
        The limit that binds: currents stand for the condition of its worst run too.
    """
    if isinstance(found, str) or run.level != "behavioral":
        return None
    low, high = (render(found.calibration.i_curve[k], "A") for k in (0, -1))
    inputs = found.subject.inputs.take(slice(0, _SEQUENCES))
    which = many(inputs.n_seq, "sequence")
    which = which if inputs.n_seq == found.subject.inputs.n_seq else f"the first {which}"
    head, worst, said = _places(run, found, binding)
    places = [head, *([] if worst is None else [worst])]
    books = [_book(place, inputs) for place in places]
    bench = _splitters(places, books)
    return Section(
        key="range",
        title="Calibrated range",
        paragraphs=[
            "This section is of currents; which corners, temperatures and supplies were fitted, "
            "and which combinations of them, stands under “Fitted constants”. Each bench that "
            "constants were fitted in had a range of its own, and the table has each class of unit "
            "devices beside every bench whose constants its laws take: mirrors (slopes, gate "
            "voltages, conductances), mismatch (what a shifted threshold "
            "does, what a splitter carries at rest), unit (the voltage of a signed node), trips "
            "(the voltage at which a comparator decides, taken at the thresholds alone).",
            said,
            "The laws take their constants at the usual current of each device, which the mapping "
            f"keeps within {low} to {high} or refuses the design. While sequences run, currents "
            "go below their benches' wherever little signal flows, which is no loss where leakage, "
            "fitted by itself, is small beside the usual current; and above at peaks. There the "
            "constants of the usual current go on to count; how far a mirror's law is off at "
            "larger currents stands under “Fitted constants”."
            + ("" if bench is None else " Of splitters the last table and its bench tell it."),
        ],
        tables=[
            *(
                _table(place, book, name=name, which=which)
                for place, book, name in zip(places, books, _TABLES, strict=False)
            ),
            *([] if bench is None else [bench[0]]),
        ],
        lines=[]
        if bench is None
        else [
            (
                f"{BENCH}: a splitter of this chip by itself, to be put into the folder that the "
                f"command netlist writes for this network and run there by ngspice -b {BENCH}",
                bench[1],
            )
        ],
    )


def _places(
    run: RunView, found: ChipFacts, binding: Held | None
) -> tuple[Place, Place | None, str]:
    """Return the place at the head, that of the worst run where it is another, and which it is."""
    head = Place(
        design=found.design,
        constants=found.calibration,
        conditions=found.conditions,
        said=condition(run, run.base),
    )
    if binding is None:
        return head, None, f"Told is the condition at the head, {head.said}."
    point = next(one for one in run.points if one.number == binding.point)
    there = condition(run, point)
    if point.design == run.base.design and there == head.said:
        return head, None, f"What binds is worst at the condition at the head, {head.said}."
    worst = place_of(run, found, point)
    if worst is None:
        return (
            head,
            None,
            f"Told is the condition at the head, {head.said}, alone: at {there}, where what binds "
            "is worst, no nominal die of this network was run for this page.",
        )
    return (
        head,
        worst,
        f"The first table is of the condition at the head, {head.said}, the second of {there}, "
        "where what binds is worst.",
    )


def _book(place: Place, inputs: Inputs) -> Book:
    at = place.conditions
    return carried(
        place.design,
        place.own,
        inputs,
        temperature=at.temperature,
        v_dd=at.v_dd,
        ranges=list(ranges(place.constants).values()),
    )


def _table(place: Place, book: Book, *, name: str, which: str) -> Table:
    return Table(
        name=name,
        caption=(
            "Currents of one unit device by class, beside the range of each bench: the "
            "usual ones of the design, and the least and the greatest on the nominal die "
            f"at {place.said} over {which}, every node and every frame, with the share of these "
            "values that lies above or below. A leg has the current of its "
            "diode in each unit device. Feedback pairs have another geometry: "
            "told is what a mirror's unit device would carry, as strongly inverted."
        ),
        head=(
            *("unit devices", "bench", "its range", "usual", "usual against it"),
            *("while sequences run", "above it", "below it"),
        ),
        rows=list(_rows(place, book)),
        numbers=(2, 3, 5),
    )


def _splitters(places: Sequence[Place], books: Sequence[Book]) -> tuple[Table, str] | None:
    """Return the bench of the splitter whose current goes furthest beyond its fits'; None if none.

    It runs at the last of the places.
    """
    place = places[-1]
    fitted = ranges(place.constants)["unit"][1]
    seen = {
        name: max(book[name, True].most for book in books if (name, True) in book)
        for name, splitters in books[-1]
        if splitters
    }
    name = max(seen, key=lambda one: seen[one], default=None)
    if name is None or seen[name] <= fitted:
        return None
    bus = next(one for one in place.design.buses.values() if one.name == name)
    return splitter_bench(place.design, place.own, place.conditions, bus, fitted, seen[name])


def _rows(place: Place, book: Book) -> Iterator[list[str]]:
    design, own = place.design, place.own
    known = ranges(place.constants)
    devices = Devices(
        design=design,
        calibration=own,
        die=nominal_die(design),
        temperature=place.conditions.temperature,
    )
    usual: dict[str, list[float]] = {}
    rows: dict[str, set[tuple[str, bool]]] = {}
    benches: dict[str, tuple[str, ...]] = {}
    for group in design.device_groups():
        if not group.units.any():
            continue
        name, row = _classed(design, *group.key)
        usual.setdefault(name, []).extend(np.ravel(devices.current(*group.key)).tolist())
        rows.setdefault(name, set()).update({row} if row in book else ())
        benches[name] = _benches(design, *group.key)
    for name, values in usual.items():
        spans = [book[row] for row in sorted(rows[name])]
        seen = functools.reduce(Span.with_others, spans) if spans else None
        least, most = min(values), max(values)
        for bench in benches[name]:
            low, high = known[bench]
            yield [
                *(name, bench, Told(span(low, high), low, high, unit="A"), _ends(least, most)),
                _usual(least, most, known[bench]),
                *(
                    _DECIDING
                    if bench == "trips"
                    else _judged(seen, list(known).index(bench), low, high)
                ),
            ]


def _benches(design: Design, owner: str, role: str) -> tuple[str, ...]:
    """Return the benches whose constants the laws of a group of devices take."""
    part, kind = design.owner(owner), design.carried(owner, role)
    if kind is Carried.REST:
        return "mismatch", "unit"
    if kind is Carried.FEEDBACK:
        return ("mismatch",)
    if isinstance(part, Bank) and part.clocked and kind in (Carried.RISING, Carried.FALLING):
        return "mirrors", "mismatch", "trips"
    return "mirrors", "mismatch"


def _classed(design: Design, owner: str, role: str) -> tuple[str, tuple[str, bool] | None]:
    """Return the class of a group of devices, and the row of nodes whose currents they carry."""
    part, kind = design.owner(owner), design.carried(owner, role)
    if isinstance(part, Connection):
        part = design.buses[part.source]
    if isinstance(part, Bus):
        if part.name == design.bias.name:
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


def _usual(least: float, most: float, limits: tuple[float, float]) -> str:
    """Say where usual currents lie; at an end of the range they are inside but for rounding."""
    low, high = limits
    found = []
    if most > high * (1 + 1e-9):
        found.append(f"above, up to {_times(most, high)} its end")
    if least < low * (1 - 1e-9):
        found.append(f"below, down to {_times(least, low)} its start")
    return "; ".join(found) or _INSIDE


def _judged(seen: Span | None, bench: int, low: float, high: float) -> Iterator[str]:
    """Yield what was seen, and how much of it lies above and below a range."""
    if seen is None:
        yield from (Told("as usual"), "", "")
        return
    above, below = (100 * count[bench] / seen.count for count in (seen.above, seen.below))
    yield _ends(seen.least, seen.most)
    yield f"{above:.2g} %, up to {_times(seen.most, high)} its end" if above else "none"
    yield f"{below:.2g} %, down to {_times(seen.least, low)} its start" if below else "none"


def _times(current: float, end: float) -> str:
    return f"{current / end:.2g} ×"
