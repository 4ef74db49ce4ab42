"""What the fitted constants act on, and what their errors amount to there."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from mru_hw.report.moved import SPREADS, AllMoved, Moved
from mru_hw.report.parts import Table
from mru_hw.sweeps.told import Told
from mru_hw.sweeps.words import many
from mru_hw.technology.calibration import Calibration

UNHELD = (
    "No interval of this page holds the errors of constants: intervals are for other dies and "
    "other sequences with these constants as they are. "
)
_ROUNDING = 1e-6
_NOT_RUN = (
    "What they do to decisions and to the energy of this chip was not run here; that an error is "
    "small at first order, as below, does not say that no decision near its border moves."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Constants that act on the same.

    Attributes
    ----------
    acts
        What they act on in the laws of the circuits.
    times
        What their largest error is multiplied by there: nothing, a name of `_factors`.
    amounts
        What the product is a share of.
    """

    names: tuple[str, ...]
    acts: str
    times: str = ""
    amounts: str


_KINDS = (
    _Kind(
        names=("n.v_gate", "p.v_gate"),
        acts="voltages of rails, and by them gains of mirrors: decisions and energy",
        times="larger conductance",
        amounts="of a leg's current",
    ),
    _Kind(
        names=("n.slope", "p.slope"),
        acts="how rails move with their currents, how fast nodes are, how noise counts",
        amounts="of that movement",
    ),
    _Kind(
        names=("n.body", "p.body"),
        acts="gates of devices whose source is not at the bulk, as in ladder cells",
        amounts="of the source's voltage",
    ),
    _Kind(
        names=("n.conductance", "p.conductance"),
        acts="gains of mirrors, so weights, thresholds and supply currents: decisions and energy",
        times="conductance and supply",
        amounts="of the current of a leg with the supply across it",
    ),
    _Kind(
        names=("v_signed", "signed_rest"),
        acts="voltages of signed nodes, and by them gains of legs: decisions",
        times="larger conductance",
        amounts="of a leg's current",
    ),
    _Kind(
        names=("signed_slope",),
        acts="how far signed nodes move with their currents, and by it gains of legs: decisions",
        amounts="of that movement",
    ),
    _Kind(
        names=("signed_skew",),
        acts="how unlike signed nodes move up and down: decisions",
        amounts="of that movement",
    ),
    _Kind(
        names=("v_trip_up", "v_trip_down"),
        acts="thresholds of clocked units: decisions",
        times="both conductances",
        amounts="of a threshold",
    ),
    _Kind(
        names=("c_step", "c_unit"),
        acts="switching energy of the block memory; no decision",
        amounts="of that energy",
    ),
    _Kind(
        names=("c_driver", "c_clock"),
        acts="switching energy of the block clock; no decision",
        amounts="of that energy",
    ),
    _Kind(
        names=("i_driver",),
        acts="static power of the block clock; no decision",
        amounts="of that power",
    ),
    _Kind(
        names=("c_gate_n", "c_gate_p", "c_drain_n", "c_drain_p"),
        acts="how fast nodes move: timed runs, noise, the doubt that a frame is short; the clock",
        amounts="of a node's time",
    ),
    _Kind(
        names=SPREADS,
        acts="how far dies differ: yields, and the spread of accuracy and energy",
        amounts="of a standard deviation",
    ),
    _Kind(
        names=("rest",),
        acts="what splitters carry at rest: small signals of signed nodes, and power",
        amounts="of that current, at the current where it is worst",
    ),
    _Kind(
        names=("leak_n", "leak_p"),
        acts="what devices that are off carry: decisions and power, most when hot",
        amounts="of that current",
    ),
)


def unheld(moved: AllMoved | None) -> str:
    """Say that no interval holds the errors of constants, and what they do to this chip."""
    if moved is None:
        return UNHELD + _NOT_RUN
    if not moved.by_name:
        return f"{UNHELD}No constant has an error above 0 on record."
    most = max(one.otherwise for one in moved.by_name.values())
    worst = ", ".join(name for name, one in moved.by_name.items() if one.otherwise == most)
    widest = max(
        moved.by_name, key=lambda name: max(-moved.by_name[name].low, moved.by_name[name].high)
    )
    low, high = moved.by_name[widest].low, moved.by_name[widest].high
    decided = (
        f"it decides {most} of {many(moved.sequences, 'sequence')} otherwise at most ({worst})"
        if most
        else f"it decides none of {many(moved.sequences, 'sequence')} otherwise"
    )
    return (
        f"{UNHELD}What they do was run for this page: the nominal die at {moved.said}, with each "
        "constant off either way by its largest error where it was checked, one at a time: "
        f"{decided}, and its energy moves by {_ends(low, high)} at most ({widest}). Beside that, "
        "a die with mismatch there is right or wrong otherwise than the nominal one in "
        f"{moved.of_dies:.3g} sequences, on average of {many(moved.dies, 'die')}. Errors of "
        "several constants at once, and of models against silicon, are not in this."
    )


def acts_table(constants: Calibration, errors: Mapping[str, Told], moved: AllMoved | None) -> Table:
    """Return the table of what each kind of constant acts on.

    Parameters
    ----------
    errors
        The largest error of each constant.
    moved
        What they do to the chip, where it was run.
    """
    does = (
        ""
        if moved is None
        else (
            f" What it does: the nominal die at {moved.said} on all sequences, settled, with a "
            "constant of the kind off by its own largest error, either way: the most sequences "
            "that it decides otherwise, and the range of its mean energy."
        )
    )
    return Table(
        name="constants_act_on",
        caption=(
            "What each kind of constant acts on, and what the largest error of its kind amounts "
            "to there: at first order, with the conductances above, one error at a time."
            f"{does}"
        ),
        head=(
            *("constants", "act on", "the largest error amounts to"),
            *(() if moved is None else ("decide otherwise", "energy moves by")),
        ),
        rows=[
            [
                *(", ".join(one.names), one.acts, _amount(constants, one, errors)),
                *(() if moved is None else _does(one, moved)),
            ]
            for one in _KINDS
        ],
    )


def _does(kind: _Kind, moved: AllMoved) -> tuple[Told, Told]:
    """Write what the errors of a kind do to the nominal die, the worst of them."""
    if set(kind.names) <= set(SPREADS):
        return Told("none: the nominal die has no mismatch"), Told("as much")
    known = [moved.by_name[name] for name in kind.names if name in moved.by_name]
    if not known:
        return Told("none: no error above 0 on record"), Told("as much")
    worst = functools.reduce(Moved.with_other, known)
    return (
        Told(f"{worst.otherwise} of {moved.sequences}", worst.otherwise),
        Told(_ends(worst.low, worst.high), worst.low, worst.high),
    )


def _ends(low: float, high: float) -> str:
    """Write by how much an energy moves; what is less than `_ROUNDING` may be rounding."""
    if max(-low, high) < _ROUNDING:
        return f"less than {100 * _ROUNDING:g} %"
    return f"{100 * low:+.2g} to {100 * high:+.2g} %"


def _amount(constants: Calibration, kind: _Kind, errors: Mapping[str, Told]) -> str:
    known = [number for name in kind.names for number in errors[name].numbers]
    if not known:
        return "none recorded"
    amount = max(known) * _factors(constants)[kind.times]
    return Told(f"{100 * amount:.2g} % {kind.amounts}", amount)


def _factors(constants: Calibration) -> Mapping[str, float]:
    n, p = constants.n.conductance, constants.p.conductance
    return {
        "": 1.0,
        "larger conductance": max(n, p),
        "both conductances": n + p,
        "conductance and supply": max(n, p) * constants.v_dd,
    }
