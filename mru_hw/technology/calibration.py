"""Fitted constants of a technology and the mirror law that uses them.

The constants stand in ``calibration/<technology>.yaml`` and nowhere else.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mru_hw import core_yaml
from mru_hw.documents import Document, Several
from mru_hw.errors import UserError
from mru_hw.files import (
    parse_yaml,
    refuse_foreign,
    validated,
    whole_file,
    yaml_bytes,
)
from mru_hw.technology.folders import constants_folder
from mru_hw.technology.grid import CURVES, ZERO_CELSIUS, Grid
from mru_hw.technology.technology import Technology

BOLTZMANN_OVER_CHARGE = 8.617333262e-5  # V/K, CODATA 2018
CHARGE = 1.602176634e-19  # C, SI 2019
_HEADER = "# Made by: mru-hw characterize. Samples of the runs: raw/\n"
_COLUMNS = "sample,index,value\n"


def temperature_voltage(temperature: float) -> float:
    """``kT/q`` [V] at `temperature` [degC]."""
    return BOLTZMANN_OVER_CHARGE * (temperature + ZERO_CELSIUS)


class Mirror(Document):
    """Weak-inversion mirror constants of one polarity."""

    slope: float = Field(gt=1, description="subthreshold slope factor n")
    conductance: float = Field(ge=0, description="lambda [1/V] of I = I_sat (1 + lambda V_DS)")
    v_gate: float = Field(gt=0, description="|V_GS| of a unit device at i_usual [V]")
    body: float = Field(
        ge=1,
        lt=2,
        description="by how much a gate moves with its source at i_usual; up to two thirds of "
        "the supply from the bulk",
    )


class Law(Document):
    """What a law leaves on runs that it was not fitted to (docs/validation/characterisation.md)."""

    corner: str = Field(description="process corner of the runs")
    temperature: float = Field(description="of the runs [degC]")
    v_dd: float = Field(description="of the runs [V]")
    law: str = Field(description="what it gives, and which law")
    polarity: str = Field(description="of its devices, n or p")
    parameters: dict[str, float] = Field(description="of its own, beside the calibration's")
    unit: str = Field(description="of the residuals: V, or 1 for relative ones")
    points: int = Field(description="runs that the residuals are of")
    median: float = Field(description="of the residuals' sizes, 1 pA to 10 nA a unit device")
    worst: float = Field(description="of the same")
    median_weak: float = Field(description="up to 1 nA a unit device")
    worst_weak: float = Field(description="of the same")


class Measured(Document):
    """The unit devices of the clocked unit that constants were measured with (`DesignOptions`)."""

    bias_units: int = Field(gt=0, description="of the bias rail's diode")
    candidate_split: int = Field(gt=0, description="of each splitter of its candidate")
    hold: int = Field(gt=0, description="of the bias rail, in a ladder cell's I_thresh")
    width: int = Field(gt=0, description="of the bias rail, in a ladder cell's I_width")


class Calibration(Document):
    """All of ``calibration/<technology>.yaml``."""

    technology: str = Field(description="its name")
    models_hash: str = Field(description="SHA-256 of the model cards")
    devices_hash: str = Field(description="SHA-256 of the device classes, so of their sizes")
    corner: str = Field(description="process corner of the constants below")
    temperature: float = Field(gt=-ZERO_CELSIUS, description="their temperature [degC]")
    v_dd: float = Field(gt=0, description="their supply [V]")
    measured: Measured = Field(description="options of the unit that they were measured with")
    i_usual: float = Field(gt=0, description="current of a unit device at v_gate [A]")
    n: Mirror = Field(description="mirrors of n-channel devices")
    p: Mirror = Field(description="mirrors of p-channel devices")
    v_signed: float = Field(gt=0, description="usual voltage of a signed node [V]")
    signed_slope: float = Field(
        gt=0,
        description="movement of a signed node over kT/q asinh(i / 2 i_q); 1 of a follower in weak "
        "inversion",
    )
    signed_skew: float = Field(
        description="share by which a signed node moves more upwards, less downwards"
    )
    signed_rest: float = Field(
        description="voltage of a signed node at no current less v_signed [V]"
    )
    v_trip_up: float = Field(gt=0, description="comparator node below which a unit steps up [V]")
    v_trip_down: float = Field(
        gt=0, description="comparator node above which a unit steps down [V]"
    )
    c_step: float = Field(ge=0, description="capacitance that one ladder step charges [F]")
    c_unit: float = Field(ge=0, description="what a strobe charges in a unit that stays [F]")
    c_driver: float = Field(ge=0, description="what a layer's phase driver charges by itself [F]")
    i_driver: float = Field(
        gt=0, description="what a layer's phase driver leaks between strobes [A]"
    )
    c_clock: float = Field(
        ge=0,
        description="what a phase driver charges for a unit of four ladder cells, over four [F]",
    )
    c_gate_n: float = Field(gt=0, description="gate of an n_mirror unit device at v_gate [F]")
    c_gate_p: float = Field(gt=0, description="gate of a p_mirror unit device at v_gate [F]")
    c_drain_n: float = Field(gt=0, description="drain of an n_mirror unit device [F]")
    c_drain_p: float = Field(gt=0, description="drain of a p_mirror unit device [F]")
    i_curve: Several[float] = Field(
        min_length=2,
        description="currents of a unit device that the curves were measured at, ascending [A]; "
        "no design's devices lie outside them",
    )
    mismatch_n: Several[float] = Field(
        description="slope factor n by which a shifted threshold moves the current of a unit device"
    )
    mismatch_p: Several[float] = Field(description="the same of p-channel devices")
    mismatch_split_n: Several[float] = Field(
        description="slope factor n of mismatch with the source at half the supply, as a splitter's"
    )
    mismatch_split_p: Several[float] = Field(description="the same of p-channel devices")
    rest: Several[float] = Field(
        description="what a splitter carries at rest over what its unit devices would, at the "
        "current of a unit device of the bias rail"
    )
    v_leak: Several[float] = Field(description="|V_DS| of the leakages, ascending [V]")
    leak_n: Several[float] = Field(description="drain current of a unit device at V_GS = 0 [A]")
    leak_p: Several[float] = Field(description="the same of p-channel devices")
    grid: Grid = Field(description="the constants at other conditions")
    laws: Several[Law] = Field(default=(), description="how far the laws hold")
    provenance: dict[str, Any] = Field(description="versions of what made the file")

    @model_validator(mode="after")
    def _leakages_are_whole(self) -> Calibration:
        for name in ("leak_n", "leak_p"):
            values: tuple[float, ...] = getattr(self, name)
            if len(values) != len(self.v_leak) or min(values, default=0.0) <= 0:
                raise UserError(name, list(values), "a current above 0 for each of v_leak")
        return self

    @model_validator(mode="after")
    def _curves_are_whole(self) -> Calibration:
        for name in CURVES:
            values: tuple[float, ...] = getattr(self, name)
            if len(values) != len(self.i_curve) or min(values, default=0.0) <= 0:
                raise UserError(name, list(values), "a number above 0 for each of i_curve")
        return self

    def v_gate(self, polarity: str, current: float) -> float:
        """``|V_GS|`` [V] of a unit device that carries `current` [A], in weak inversion."""
        m = self.n if polarity == "n" else self.p
        return m.v_gate + self.thermal(polarity, self.temperature) * math.log(
            current / self.i_usual
        )

    def leakage(self, polarity: str, v_ds: float) -> float:
        """Drain current [A] of a unit device at V_GS = 0 with `v_ds` [V], at least 0, across it.

        Between the measured voltages its logarithm is linear; below the first it goes to nothing
        as ``1 - exp(-q V_DS / kT)`` does.
        """
        known = self.leak_n if polarity == "n" else self.leak_p
        first, u_t = self.v_leak[0], temperature_voltage(self.temperature)
        if v_ds < first:
            return known[0] * math.expm1(-v_ds / u_t) / math.expm1(-first / u_t)
        return math.exp(float(np.interp(v_ds, self.v_leak, np.log(known))))

    def gain(self, polarity: str, v_ds: float, current: float) -> float:
        """Systematic gain of a 1:1 mirror whose leg sees `v_ds` [V] across it.

        ``(1 + lambda v_ds) / (1 + lambda v_gate)``: first-order output conductance, e.g. Gray,
        Hurst, Lewis and Meyer, Analysis and Design of Analog Integrated Circuits, section 4.2.
        `current` [A] is that of one unit device of the diode.
        """
        m = self.n if polarity == "n" else self.p
        return (1 + m.conductance * v_ds) / (1 + m.conductance * self.v_gate(polarity, current))

    def at(
        self,
        v_dd: float | None = None,
        *,
        temperature: float | None = None,
        corner: str | None = None,
        loops_only: bool = False,
    ) -> Calibration:
        """Return the constants at other conditions; what is None stays as it is here.

        Parameters
        ----------
        v_dd, temperature
            [V], [degC].
        corner
            One of the technology's.
        loops_only
            Whether only the laws of unclocked loops will use them: then conditions at which a
            ladder fails are none to refuse, and a design with one is (`Devices`).

        Raises
        ------
        UserError
            The conditions lie outside what was measured.
        """
        wanted: dict[str, Any] = {
            "corner": self.corner if corner is None else corner,
            "temperature": self.temperature if temperature is None else temperature,
            "v_dd": self.v_dd if v_dd is None else v_dd,
        }
        if all(value == getattr(self, name) for name, value in wanted.items()):
            return self
        found = self.grid.at(**wanted, loops_only=loops_only)
        sides = {p: getattr(self, p).model_copy(update=found[p]) for p in "np"}
        return self.model_copy(update=wanted | found | sides)

    def at_or_nominal(self, v_dd: float, *, temperature: float, corner: str) -> Calibration:
        """Return the constants at other conditions, or these where nothing was measured.

        For what a run in ngspice is compared with, which itself knows no such limits.
        """
        if self.known_at(v_dd, temperature=temperature, corner=corner):
            return self.at(v_dd, temperature=temperature, corner=corner)
        return self.model_copy(update={"v_dd": v_dd, "temperature": temperature, "corner": corner})

    def known_at(self, v_dd: float, *, temperature: float, corner: str) -> bool:
        """Whether the constants were measured around these conditions, a ladder's too."""
        try:
            self.at(v_dd, temperature=temperature, corner=corner)
        except UserError:
            return False
        return True

    def thermal(self, polarity: str, temperature: float) -> float:
        """``n kT/q`` [V] at `temperature` [degC]."""
        m = self.n if polarity == "n" else self.p
        return m.slope * temperature_voltage(temperature)

    def mismatch(self, kind: str, current: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the slope factor n by which a shift of a threshold counts.

        Measured by ngspice's own `delvto`. It is some 2 % below the slope over the gate voltage,
        and grows with the current: strong inversion comes near.

        Parameters
        ----------
        kind
            ``n``, ``p``, or those of a splitter, ``split_n`` and ``split_p``.
        current
            [A] of a unit device of the mirrors; outside `i_curve` the nearest counts.
        """
        known: tuple[float, ...] = getattr(self, f"mismatch_{kind}")
        found: NDArray[np.float64] = np.interp(np.log(current), np.log(self.i_curve), known)
        return found

    def rest_gain(self, current: float) -> float:
        """Return `rest` with `current` [A] in a unit device of the bias rail."""
        return math.exp(np.interp(np.log(current), np.log(self.i_curve), np.log(self.rest)))

    def current_factor(
        self,
        kind: str,
        dvt: np.ndarray,
        dbeta: np.ndarray,
        temperature: float,
        current: NDArray[np.float64] | float,
    ) -> np.ndarray:
        """Relative current of devices: ``exp(-dVt / (n kT/q)) (1 + dbeta)``, n of `mismatch`."""
        thermal = self.mismatch(kind, current) * temperature_voltage(temperature)
        factor: np.ndarray = np.exp(-dvt / thermal) * (1 + dbeta)
        return factor


def read_calibration(path: Path, technology: Technology, field: str) -> Calibration:
    """Read a calibration of one's own, such as a laboratory's refit.

    Parameters
    ----------
    field
        What the user calls the path.

    Raises
    ------
    UserError
        The file is no calibration, is another technology's, or was made with other model cards or
        device sizes.
    """
    calibration = _parsed(yaml_bytes(path, field), path.name)
    if calibration.technology != technology.name:
        expected = f"{technology.name}, the technology that is asked for"
        raise UserError(f"{path.name}: technology", calibration.technology, expected)
    refuse_other_devices(calibration.models_hash, calibration.devices_hash, technology, path.name)
    return calibration


@functools.lru_cache(maxsize=8)
def _parsed(data: bytes, source: str) -> Calibration:
    """Return what the bytes of a file say, read once: a page and a sweep ask for them again."""
    return validated(Calibration, parse_yaml(data, source), source)


def refuse_other_devices(
    models_hash: str, devices_hash: str, technology: Technology, source: str
) -> None:
    """Refuse what was measured with other model cards or device sizes than a technology has.

    Parameters
    ----------
    models_hash, devices_hash
        Of the cards and of the device classes that `source`, a file, was made with.

    Raises
    ------
    UserError
        One of them is not the technology's.
    """
    made_with = {
        "models_hash": (models_hash, technology.models_hash()),
        "devices_hash": (devices_hash, technology.devices_hash()),
    }
    for name, (found, now) in made_with.items():
        if found != now:
            expected = f"{now[:16]}…, those of {technology.name} today: characterize again"
            raise UserError(f"{source}: {name}", f"{found[:16]}…", expected)


def load_calibration(technology: Technology) -> Calibration:
    """Read the calibration of `technology`.

    Raises
    ------
    UserError
        It is missing, no calibration, another technology's, or was made with other model cards or
        device sizes.
    """
    path = constants_folder(technology.name) / f"{technology.name}.yaml"
    if not path.is_file():
        expected = f"a technology with constants: mru-hw characterize makes them, as {path}"
        raise UserError("tech", technology.name, expected)
    return read_calibration(path, technology, "tech")


def write_calibration(
    constants: Mapping[str, Any], raw: Mapping[str, NDArray[np.float64]], path: Path
) -> Path:
    """Write a calibration and, beside it, the samples that it was fitted to; return their path.

    Parameters
    ----------
    constants
        Fields of `Calibration`.
    raw
        Samples by name; they go to ``raw/<name of the calibration>.csv`` beside the calibration.
    path
        The calibration's file.
    """
    checked = validated(Calibration, constants, path.name)
    refuse_other_files(path)
    with whole_file(_table(path)) as part, part.open("w", encoding="utf-8") as stream:
        stream.write(_COLUMNS)
        for name, values in raw.items():
            stream.writelines(f"{name},{k},{value:.6g}\n" for k, value in enumerate(values))
    text = core_yaml.dump(checked.model_dump(mode="json"), width=100, default_flow_style=None)
    with whole_file(path) as part:
        part.write_text(_HEADER + text, encoding="utf-8")
    return _table(path)


def refuse_other_files(path: Path) -> None:
    """Raise `UserError` where a calibration or its table would replace somebody's own file."""
    refuse_foreign(path, marker=_HEADER[:10], what="calibration")
    refuse_foreign(_table(path), marker=_COLUMNS, what="table of samples")


def _table(path: Path) -> Path:
    return path.parent / "raw" / f"{path.stem}.csv"
