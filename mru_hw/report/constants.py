"""The fitted constants of a technology: each with what it was fitted to, where, and its error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mru_hw.arrays import digest
from mru_hw.errors import UserError
from mru_hw.report.acts import acts_table, unheld
from mru_hw.report.benches import bench_of, benches_table
from mru_hw.report.chip import ChipFacts
from mru_hw.report.cross import cross_said
from mru_hw.report.moved import all_moved
from mru_hw.report.parts import Section, Table
from mru_hw.report.sections import technologies, technology_of
from mru_hw.spice.characterize import laws
from mru_hw.sweeps.held import Held
from mru_hw.sweeps.told import Told, percent, quantity
from mru_hw.sweeps.view import PointView, RunView
from mru_hw.sweeps.words import many
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import (
    Calibration,
    Law,
    Mirror,
    load_calibration,
    temperature_voltage,
)
from mru_hw.technology.grid import CONSTANTS, CURVES
from mru_hw.units import render

_NONE = "none recorded"
_NAMES = (*CONSTANTS, *CURVES, "leak_n", "leak_p")

_UNITS = {
    "conductance": "1/V",
    "i_driver": "A",
    **dict.fromkeys(("v_gate", "v_signed", "signed_rest", "v_trip_up", "v_trip_down"), "V"),
    **dict.fromkeys(("c_step", "c_unit", "c_driver", "c_clock"), "F"),
    **dict.fromkeys(("c_gate_n", "c_gate_p", "c_drain_n", "c_drain_p"), "F"),
}
"""Of a constant; those without one are ratios."""
_ABSOLUTE = ("v_gate", "v_signed", "signed_rest", "signed_skew", "v_trip_up", "v_trip_down")
"""Constants whose error is told as a difference: they may be near 0, or enter exponents."""


def calibrations(run: RunView, found: ChipFacts | str) -> Iterator[tuple[Technology, Calibration]]:
    """Yield the technologies of a sweep with the constants that it had.

    A sweep whose network is not at hand has those that ship, where their hash is the sweep's.
    """
    for name in technologies(run).split(", "):
        if isinstance(found, ChipFacts):
            subject = found.subject
            own = {subject.technology.name: (subject.technology, subject.calibration)}
            yield (own | {one.name: (one, of) for one, of in subject.processes.values()})[name]
            continue
        try:
            technology = load_technology(name)
            constants = load_calibration(technology)
        except UserError:
            continue
        if run.facts.get("hash.calibration") == digest({}, constants.model_dump_json()):
            yield technology, constants


def constants_section(run: RunView, found: ChipFacts | str, binding: Held | None) -> Section | None:
    """Return the section on fitted constants; None of a sweep that the laws did not run.

    Parameters
    ----------
    binding
        The limit that binds: where it is worst the nominal die runs with constants off.
    """
    if "behavioral" not in {point.level for point in run.points}:
        return None
    tables, paragraphs = list[Table](), list[str]()
    for technology, constants in calibrations(run, found):
        paragraphs += [_said(constants), cross_said(run, constants)]
        errors = {name: _error(constants, name) for name in _NAMES}
        moved = None
        if technology.name == technology_of(run, _worst(run, binding)):
            moved = all_moved(run, found, binding, errors)
        paragraphs.append(unheld(moved))
        tables += [_constants(constants, errors), acts_table(constants, errors, moved)]
        tables.append(benches_table(constants))
        tables += [_laws(constants)] if constants.laws else []
        tables.append(_taken(technology))
    if not tables:
        paragraphs = [
            "The constants of this sweep are not at hand: they are not those that ship now, and "
            "the network beside the sweep, which leads to them, was not found."
        ]
    return Section(key="constants", title="Fitted constants", paragraphs=paragraphs, tables=tables)


def _worst(run: RunView, binding: Held | None) -> PointView:
    """Return the point where what binds is worst; that at the head where nothing binds."""
    if binding is None:
        return run.base
    return next(one for one in run.points if one.number == binding.point)


def _said(constants: Calibration) -> str:
    grid, made = constants.grid, constants.provenance
    places = "; ".join(_place(one.corner, one.temperature, one.v_dd) for one in grid.checks)
    judged = (
        "The error of each is the largest difference from what ngspice gave at "
        f"{many(len(grid.checks), 'condition')} that no fit saw ({places}); no other uncertainty "
        "of a constant is recorded."
        if grid.checks
        else "No runs beside the fits are recorded, so no constant has an error here."
    )
    return (
        f"Constants of {constants.technology}: {len(CONSTANTS)} numbers, {len(CURVES)} curves over "
        "current and 2 of leakage over drain voltage, fitted to runs of single cells in "
        f"{made.get('simulator', 'ngspice')} with the technology's model cards, and to nothing "
        "measured on silicon"
        f"{_measured(made)}. Each was fitted at {_list(grid.temperatures)} °C with "
        f"{grid.v_dd:g} V and at {_list(grid.supplies)} V with {constants.temperature:g} °C, in "
        f"the corners {', '.join(grid.corners)}; leakage at {_list(grid.leak_temperatures)} °C. "
        "Between these points they are interpolated, and outside a sweep is refused. "
        f"{judged}"
    )


def _measured(made: Mapping[str, object]) -> str:
    """Say which constants a laboratory's own table moved."""
    own = made.get("measured")
    if not isinstance(own, Mapping):
        return ""
    return f", but for {', '.join(own['constants'])}, which the table {own['file']} moved"


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _place(corner: str, temperature: float, v_dd: float) -> str:
    return f"{corner}, {temperature:g} °C, {v_dd:g} V"


# -------------------------------------------------------------------------------- the constants


def _constants(constants: Calibration, errors: Mapping[str, Told]) -> Table:
    usual = render(constants.i_usual, "A")
    at = _place(constants.corner, constants.temperature, constants.v_dd)
    return Table(
        name="fitted_constants",
        caption=(
            f"Every fitted constant of {constants.technology}, with its value at {at}; of a curve "
            f"its value at {usual} a unit device, of a leakage at half the supply. A name that "
            "begins or ends with n or p is of NMOS or PMOS devices. Errors are relative where a "
            "percentage stands; of a curve they are its worst over all currents, of a leakage over "
            "all drain voltages."
        ),
        head=("constant", "what it is", "value", "fitted to", "largest error"),
        rows=[
            [name, _what(name), _value(constants, name), bench_of(name), error]
            for name, error in errors.items()
        ],
        numbers=(2, 4),
    )


def _what(name: str) -> str:
    """Return what a constant is, as its field says; of a PMOS's, as that of the NMOS says."""
    polarity, _, field = name.rpartition(".")
    fields = Mirror.model_fields if polarity else Calibration.model_fields
    said = fields[field].description
    return said or f"{fields[field.removesuffix('_p') + '_n'].description} (PMOS)"


def _value(constants: Calibration, name: str) -> Told:
    polarity, _, field = name.rpartition(".")
    usual = constants.i_usual
    if name == "rest":
        return Told(f"{constants.rest_gain(usual):.4g}", constants.rest_gain(usual))
    if name in CURVES:
        found = float(constants.mismatch(name.removeprefix("mismatch_"), usual))
        return Told(f"{found:.4g}", found)
    if name.startswith("leak_"):
        return quantity(constants.leakage(name[-1], constants.v_dd / 2), "A")
    value = float(getattr(getattr(constants, polarity) if polarity else constants, field))
    made_of = _UNITS.get(field, "")
    if made_of == "1/V":
        return Told(f"{value:.4g} /V", value, unit=made_of)
    return quantity(value, made_of) if made_of else Told(f"{value:.4g}", value)


def _error(constants: Calibration, name: str) -> Told:
    """Write the largest error of a constant at the conditions that no fit saw."""
    field = name.rpartition(".")[2]
    own = constants.provenance.get("measured")
    if not constants.grid.checks or (isinstance(own, Mapping) and name in own["constants"]):
        return Told(_NONE)
    checks = constants.grid.checks
    if name in CURVES:
        return percent(max(check.curves[name] for check in checks))
    if name.startswith("leak_"):
        return percent(max(check.leakage[name[-1]] for check in checks))
    pairs = [(check.interpolated[name], check.measured[name]) for check in checks]
    known = [(told, seen) for told, seen in pairs if told is not None and seen is not None]
    if not known:
        return Told(_NONE)
    if field not in _ABSOLUTE:
        return percent(max(abs(told / seen - 1) for told, seen in known))
    off = max(abs(told - seen) for told, seen in known)
    made_of = _UNITS.get(field, "")
    return quantity(off, made_of) if made_of else Told(f"{off:.4g}", off)


# ------------------------------------------------------------------------- laws, and what is taken


def _laws(constants: Calibration) -> Table:
    """Return how far the laws are off where nothing was fitted."""
    used = [law for law in constants.laws if not law.parameters]
    kinds = list(dict.fromkeys((law.law, law.polarity) for law in used))
    low, weak, high = (render(i, "A") for i in (laws.CURRENTS[0], laws.WEAK, laws.CURRENTS[-1]))
    return Table(
        name="laws",
        caption=(
            "How far the laws of a mirror are off ngspice at currents and drain voltages that no "
            f"constant was fitted at, from {low} to {weak} a unit device, or to {high} where "
            "the column says so. Elsewhere: the worst of the other conditions that were judged, "
            f"to {weak}, and which condition it is.{_at_least(constants)}"
        ),
        head=(
            *("law", "devices", "median", "worst", f"worst to {high}", "worst elsewhere", "there"),
        ),
        rows=[
            list(_law([law for law in used if (law.law, law.polarity) == kind], constants))
            for kind in kinds
        ],
        numbers=range(2, 6),
    )


def _at_least(constants: Calibration) -> str:
    """Say what the law of a mirror's gain leaves out at the least current, where it is worst."""
    gains = [law for law in constants.laws if law.law == "mirror gain"]
    hardest = max(gains, key=lambda law: law.worst_weak, default=None)
    if hardest is None:
        return ""
    try:
        own = constants.at(
            hardest.v_dd,
            temperature=hardest.temperature,
            corner=hardest.corner,
            loops_only=True,
        )
    except UserError:
        return ""
    least, side = float(laws.CURRENTS[0]), hardest.polarity
    gate = own.v_gate(side, least) / temperature_voltage(own.temperature)
    off = own.leakage(side, own.v_dd / 2) / least
    return (
        f" The worst mirror gain in weak inversion, {percent(hardest.worst_weak)}, is of currents "
        f"down to {render(least, 'A')}, where that diode's gate is at {gate:.2g} kT/q and an off "
        f"device carries {percent(off)} of it: this law has neither saturation nor leakage in it, "
        "the array has leakage apart. A gain that is off moves a weight or a threshold by its "
        "share; at the currents that unit devices of this chip usually carry (“Calibrated range”) "
        "the median says more than the worst."
    )


def _law(some: Sequence[Law], constants: Calibration) -> Iterator[str]:
    here = (constants.corner, constants.temperature, constants.v_dd)
    at_home = [law for law in some if (law.corner, law.temperature, law.v_dd) == here]
    others = [law for law in some if law not in at_home]

    def off(values: Sequence[float]) -> Told:
        if not values:
            return Told(_NONE)
        return quantity(max(values), "V") if some[0].unit == "V" else percent(max(values))

    yield some[0].law
    yield "NMOS" if some[0].polarity == "n" else "PMOS"
    yield off([law.median_weak for law in at_home])
    yield off([law.worst_weak for law in at_home])
    yield off([law.worst for law in at_home])
    yield off([law.worst_weak for law in others])
    hardest = max(others, key=lambda law: law.worst_weak, default=None)
    yield _place(hardest.corner, hardest.temperature, hardest.v_dd) if hardest else ""


def _taken(technology: Technology) -> Table:
    return Table(
        name="taken_constants",
        caption=(
            f"What of {technology.name} was taken from elsewhere and fitted to nothing here, with "
            "its source as its technology.yaml states it; none has a recorded uncertainty."
        ),
        head=("what", "source"),
        rows=list(technology.sources.items()),
    )
