"""A netlist on disk: chip, bench, model cards and table, which open in plain ngspice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import UserError
from mru_hw.files import refuse_foreign, whole_folder
from mru_hw.mapping.design import Design
from mru_hw.model.network import Model
from mru_hw.spice.bench import make_bench
from mru_hw.spice.deck import BENCH, CHIP
from mru_hw.spice.elements import write_elements
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die

ELEMENTS = "elements.csv"
DIALECTS = ("ngspice",)
DECLARED_FRAMES = 4


def netlist_files(technology: Technology) -> tuple[str, ...]:
    """Name the files of a netlist's folder."""
    return (CHIP, BENCH, *technology.model_files(), ELEMENTS)


def refuse_dialect(dialect: str) -> None:
    """Raise `UserError` for a dialect that is not written yet."""
    if dialect not in DIALECTS:
        raise UserError("--dialect", dialect, "ngspice, the only one that is written yet")


def declared_frames(n_in: int) -> NDArray[np.float64]:
    """Return a short stimulus for a bench without inputs: every feature walks through -1, 0, 1."""
    t, k = np.meshgrid(np.arange(DECLARED_FRAMES), np.arange(n_in), indexing="ij")
    frames: NDArray[np.float64] = ((t + k) % 3 - 1).astype(np.float64)
    return frames


def write_netlist(
    out: Path,
    model: Model,
    design: Design,
    calibration: Calibration,
    *,
    conditions: Conditions,
    frames: NDArray[np.float64] | None = None,
    die: Die | None = None,
) -> None:
    """Write a netlist's folder; it appears whole or not at all, over an earlier netlist only.

    Parameters
    ----------
    out
        The folder.
    model, design, calibration
        The trained network, the chip, and what its currents amount to.
    conditions
        Corner, temperature, supply of the bench.
    frames
        (n_time, n_in) normalised inputs; `declared_frames` when None.
    die
        Mismatch, as commands in the bench; the nominal chip when None.

    Raises
    ------
    UserError
        `out` holds something else, or a part of the Design has no transistor circuit yet.
    """
    names = netlist_files(design.technology)
    refuse_foreign(out, marker=CHIP, what="netlist", allowed=names)
    played = declared_frames(design.spec.n_in) if frames is None else frames
    bench = make_bench(design, played, conditions, die=die, measures=True)
    with whole_folder(out) as part:
        bench.deck.write(part)
        write_elements(part / ELEMENTS, model, design, calibration, bench.deck.files[CHIP])
