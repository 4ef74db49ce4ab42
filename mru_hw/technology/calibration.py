"""Fitted constants of a technology and the mirror law that uses them.

The constants stand in ``calibration/<technology>.yaml`` and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mru_hw.data import calibration_dir
from mru_hw.errors import MruHwError
from mru_hw.files import read_document, refuse_foreign, whole_file
from mru_hw.technology.technology import Technology

BOLTZMANN_OVER_CHARGE = 8.617333262e-5  # V/K, CODATA 2018
REFERENCE = 27.0  # degC, of the fitted constants


class Mirror(BaseModel):
    """Weak-inversion mirror constants of one polarity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    slope: float = Field(gt=1, description="subthreshold slope factor n")
    conductance: float = Field(ge=0, description="lambda [1/V] of I = I_sat (1 + lambda V_DS)")
    v_gate: float = Field(gt=0, description="|V_GS| of a unit device at i_usual [V]")


class Calibration(BaseModel):
    """All of ``calibration/<technology>.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    technology: str
    models_hash: str
    devices_hash: str
    i_usual: float = Field(gt=0, description="current of a unit device at v_gate [A]")
    n: Mirror
    p: Mirror
    v_dd: float = Field(gt=0, description="supply that the gains below are taken at [V]")
    v_signed: float = Field(gt=0, description="usual voltage of a signed node [V]")
    v_trip_up: float = Field(gt=0, description="comparator node below which a unit steps up [V]")
    v_trip_down: float = Field(gt=0, description="node above which it steps down [V]")
    c_trip: float = Field(gt=0, description="capacitance of a comparator node [F]")
    c_step: float = Field(ge=0, description="capacitance that one ladder step charges [F]")
    c_driver: float = Field(ge=0, description="what a layer's phase driver charges by itself [F]")
    c_clock: float = Field(ge=0, description="what it charges for every ladder cell [F]")
    provenance: dict[str, Any]

    def v_gate(self, polarity: str, current: float) -> float:
        """``|V_GS|`` [V] of a unit device that carries `current` [A], in weak inversion."""
        m = self.n if polarity == "n" else self.p
        return m.v_gate + self.thermal(polarity, REFERENCE) * math.log(current / self.i_usual)

    def gain(self, polarity: str, v_ds: float, current: float) -> float:
        """Systematic gain of a 1:1 mirror whose leg sees `v_ds` [V] across it.

        ``(1 + lambda v_ds) / (1 + lambda v_gate)``: first-order output conductance, e.g. Gray,
        Hurst, Lewis and Meyer, Analysis and Design of Analog Integrated Circuits, section 4.2.
        `current` [A] is that of one unit device of the diode.
        """
        m = self.n if polarity == "n" else self.p
        return (1 + m.conductance * v_ds) / (1 + m.conductance * self.v_gate(polarity, current))

    def at(self, v_dd: float) -> Calibration:
        """Return the same constants at another supply [V]."""
        return self.model_copy(update={"v_dd": v_dd})

    def thermal(self, polarity: str, temperature: float) -> float:
        """``n kT/q`` [V] at `temperature` [degC]."""
        m = self.n if polarity == "n" else self.p
        return m.slope * BOLTZMANN_OVER_CHARGE * (temperature + 273.15)

    def current_factor(
        self, polarity: str, dvt: np.ndarray, dbeta: np.ndarray, temperature: float
    ) -> np.ndarray:
        """Relative current of a device in weak inversion: ``exp(-dVt/(n kT/q)) (1 + dbeta)``."""
        factor: np.ndarray = np.exp(-dvt / self.thermal(polarity, temperature)) * (1 + dbeta)
        return factor


def load_calibration(technology: Technology) -> Calibration:
    """Read the calibration that ships for `technology`.

    Raises
    ------
    UserError
        The file is no calibration.
    MruHwError
        It is missing, or it was made with other model cards or device sizes.
    """
    path = calibration_dir() / f"{technology.name}.yaml"
    if not path.is_file():
        raise MruHwError(
            f"The calibration of {technology.name} is missing: run mru-hw characterize "
            f"--tech {technology.name} --out {path.parent.name}/{path.name}."
        )
    calibration = read_document(path, Calibration)
    for made_with, now, what in (
        (calibration.models_hash, technology.models_hash(), "model cards"),
        (calibration.devices_hash, technology.devices_hash(), "device sizes"),
    ):
        if made_with != now:
            raise MruHwError(
                f"The calibration of {technology.name} was made with other {what}: "
                "run characterize again."
            )
    return calibration


def write_calibration(
    constants: Mapping[str, Any], raw: Mapping[str, NDArray[np.float64]], path: Path
) -> None:
    """Write a calibration and, beside it, the sampled runs that it was fitted to.

    Parameters
    ----------
    constants
        Fields of `Calibration`.
    raw
        Samples by name; they go to ``raw/<name of the calibration>.csv``.
    path
        The calibration's file.
    """
    checked = Calibration.model_validate(constants)
    header = "# Made by: mru-hw characterize. Samples of the runs: raw/\n"
    refuse_foreign(path, marker=header[:10], what="calibration")
    table = path.parent / "raw" / f"{path.stem}.csv"
    columns = "sample,index,value\n"
    refuse_foreign(table, marker=columns, what="table of samples")
    with whole_file(table) as part, part.open("w", encoding="utf-8") as stream:
        stream.write(columns)
        for name, values in raw.items():
            stream.writelines(f"{name},{k},{value:.6g}\n" for k, value in enumerate(values))
    text = yaml.safe_dump(checked.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    with whole_file(path) as part:
        part.write_text(header + text, encoding="utf-8")
