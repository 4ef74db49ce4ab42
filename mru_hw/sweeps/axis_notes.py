"""What a reader of a sweep must know of an axis's values: the sentences of `Axis.note`."""

from __future__ import annotations

from mru_hw.sweeps.axis import Noted

LARGEST_MISMATCH = 2.0
"""Times the process's, up to which cells hold their states: 3.5 sigma."""


def cold_and_hot(noted: Noted) -> str:
    """Say what follows the temperature."""
    if noted.level != "behavioral" or len(set(noted.values)) == 1:
        return ""
    return (
        "At the behavioral level gate voltages, slopes, conductances, trips, charges and what "
        "legs off resting rails leak are those of the temperature, as ngspice has them "
        "(documentation, Characterisation). They were fitted at several temperatures and are "
        "interpolated between. Currents: what of them lies outside, the tables under “Calibrated "
        "range” say."
    )


def large_mismatch(noted: Noted) -> str:
    """Say that cells lose their states, which the array does not know."""
    if noted.level != "behavioral" or max(noted.values) <= LARGEST_MISMATCH:
        return ""
    return (
        f"Beyond {LARGEST_MISMATCH:g} times the mismatch a ladder's cells begin to lose their "
        "states (documentation, Decisions), which the behavioral level does not know: the "
        "accuracy there is too good."
    )


def assumed_places(noted: Noted) -> str:
    """Say that slopes and places of a gradient are no measurements."""
    if not any(noted.values):
        return ""
    return (
        "A gradient's slope is one of the literature, and where devices stand is assumed, for "
        "there is no layout (documentation, Technologies)."
    )


def trimmed(noted: Noted) -> str:
    """Say how dies are trimmed, and which thresholds are not."""
    if not any(noted.values):
        return ""
    try:
        shown, thresholds = (int(noted.facts[f"trim.{n}"]) for n in ("shown", "thresholds"))
    except (KeyError, ValueError):
        shown = thresholds = 0
    untrimmed = ""
    if shown != thresholds:
        untrimmed = (
            f" The inputs bring units near {shown} of {thresholds} thresholds; the others are not "
            "trimmed."
        )
    return (
        "Trimmed dies have DACs at their thresholds, set by readings of supply currents at the "
        "technology's temperature and supply (documentation, Trim); their energy leaves out "
        f"the DACs' leakage and registers.{untrimmed}"
    )


def protocol(noted: Noted) -> str:
    """Say whose protocol a perturbation is."""
    if not any(noted.values):
        return ""
    return (
        "Perturbation follows arXiv 2605.15216: every parameter of the trained network times "
        "1 + N(0, (p/300)²), drawn anew in every trial, before the network is mapped."
    )
