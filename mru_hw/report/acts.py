"""What the fitted constants act on, and what their errors amount to there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mru_hw.report.parts import Table
from mru_hw.sweeps.told import Told
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.grid import CURVES

UNHELD = (
    "No interval of this page holds the errors of constants: intervals are for other dies and "
    "other sequences with these constants as they are."
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
        names=tuple(name for name in CURVES if name != "rest"),
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


def acts_table(constants: Calibration, errors: Mapping[str, Told]) -> Table:
    """Return the table of what each kind of constant acts on.

    Parameters
    ----------
    errors
        The largest error of each constant.
    """
    return Table(
        name="constants_act_on",
        caption=(
            "What each kind of constant acts on, and what the largest error of its kind amounts "
            "to there: at first order, with the conductances above, one error at a time."
        ),
        head=("constants", "act on", "the largest error amounts to"),
        rows=[[", ".join(one.names), one.acts, _amount(constants, one, errors)] for one in _KINDS],
    )


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
