"""Systematic gains of the mirror chains between nodes: what a ratio m/n is multiplied with.

A leg's gain follows from the drain voltage it sees (`Calibration.gain`). The table of node
voltages stands here alone; the mapping compensates these gains and the behavioral array applies
them.
"""

from __future__ import annotations

from mru_hw.mapping.design import Bus, NodeKind
from mru_hw.technology.calibration import Calibration

V_PIN = 0.9  # V, at which the bench holds the output pins


def node_voltage(calibration: Calibration, kind: NodeKind) -> float:
    """Return the usual voltage [V] of a node that legs drive."""
    return {
        NodeKind.SIGNED: calibration.v_signed,
        NodeKind.CANDIDATE: calibration.v_signed,
        NodeKind.RECTIFIED: calibration.n.v_gate,
        NodeKind.PIN: V_PIN,
    }[kind]


def leg_gain(calibration: Calibration, polarity: str, voltage: float) -> float:
    """Gain of a leg whose drain sits at `voltage` [V]."""
    return calibration.gain(polarity, voltage if polarity == "n" else calibration.v_dd - voltage)


def flip_gain(calibration: Calibration, polarity: str) -> float:
    """Gain of a copy into the diode of the other polarity: the copy's `polarity` is given."""
    other = calibration.p if polarity == "n" else calibration.n
    return calibration.gain(polarity, calibration.v_dd - other.v_gate)


def path_gains(calibration: Calibration, source: Bus, target: Bus) -> dict[str, float]:
    """Gain of each kind of leg, by its role, from the source's diode to the target's node.

    What a diode carries directly passes one mirror; what needs the other polarity passes two.
    """
    voltage = node_voltage(calibration, target.kind)
    n, p = (leg_gain(calibration, polarity, voltage) for polarity in ("n", "p"))
    flipped_n, flipped_p = flip_gain(calibration, "n") * p, flip_gain(calibration, "p") * n
    if source.kind is NodeKind.STATE:
        return {"source_plus": p, "sink_plus": flipped_p}
    gains = {"source_plus": flipped_n, "sink_plus": n}
    if source.kind is NodeKind.SIGNED:
        gains |= {"sink_minus": flipped_p, "source_minus": p}
    return gains


def switched_voltage(calibration: Calibration) -> float:
    """Drain voltage [V] of a bias leg under a set cell's switch: a follower, its gate at v_dd."""
    follower = (calibration.v_dd - calibration.n.v_gate) / calibration.n.slope
    return min(follower, calibration.v_dd - calibration.p.v_gate)


def level_gain(calibration: Calibration) -> float:
    """Effective current over nominal of a set cell's output leg."""
    return leg_gain(calibration, "n", switched_voltage(calibration))


def comparator_gains(calibration: Calibration) -> tuple[float, float]:
    """Effective current over nominal of a ladder's threshold up and of the one down.

    A comparator weighs a bias leg against a copy of the candidate's diode at one node, so the
    ratio of two gains counts. A loop's edges: `mru_hw.mapping.edges`.
    """
    n, p = (leg_gain(calibration, polarity, calibration.v_trip) for polarity in ("n", "p"))
    return flip_gain(calibration, "n") * p / n, n / p
