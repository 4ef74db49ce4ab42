"""A process: device classes, geometry rules, mismatch constants and model cards, as data."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from mru_hw.data import circuits_dir
from mru_hw.errors import UserError
from mru_hw.units import Volts


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Device(_Frozen):
    """A device class of the cells: one transistor geometry. Lengths in m."""

    polarity: Literal["n", "p"]
    model: str
    w: float = Field(gt=0, description="channel width [m]")
    l: float = Field(gt=0, description="channel length [m]")  # noqa: E741 - SPICE's own name


class Capacitor(_Frozen):
    """The process's linear capacitor."""

    model: str
    area_capacitance: float = Field(gt=0, description="[F/m^2]")
    side: float = Field(gt=0, description="side of the ladder cell's square capacitor [m]")


class Rules(_Frozen):
    """Limits of geometry and current."""

    w_min: float = Field(gt=0, description="[m]")
    l_min: float = Field(gt=0, description="[m]")
    grid: float = Field(gt=0, description="[m]")
    diffusion: float = Field(gt=0, description="length of a source or drain [m]")
    units_max: int = Field(gt=0, description="unit devices of one mirror leg")
    i_min: float = Field(gt=0, description="smallest bias current [A]")
    i_max: float = Field(gt=0, description="largest bias current [A]")


class Mismatch(_Frozen):
    """Pelgrom constants *per device*: sigma = a / sqrt(W L m)."""

    a_vt_n: float = Field(ge=0, description="threshold voltage, NMOS [V m]")
    a_vt_p: float = Field(ge=0, description="threshold voltage, PMOS [V m]")
    a_beta_n: float = Field(ge=0, description="current factor, NMOS [m]")
    a_beta_p: float = Field(ge=0, description="current factor, PMOS [m]")


class Flicker(_Frozen):
    """Flicker noise of the gate voltage: ``S_Vg = k / (c_ox W L f)``."""

    k_n: float = Field(ge=0, description="NMOS [V^2 F]")
    k_p: float = Field(ge=0, description="PMOS [V^2 F]")
    c_ox: float = Field(gt=0, description="gate capacitance per area [F/m^2]")


class Technology(_Frozen):
    """All of ``circuits/technology/<name>/technology.yaml``."""

    name: str
    models: str
    corners: tuple[str, ...]
    v_dd: Volts = Field(gt=0, description="nominal supply [V]")
    temperature: float = Field(description="nominal temperature [degC]")
    devices: dict[str, Device]
    capacitor: Capacitor
    rules: Rules
    mismatch: Mismatch
    flicker: Flicker
    sources: dict[str, str]

    @property
    def models_path(self) -> Path:
        """Where the model cards lie."""
        return circuits_dir() / "technology" / self.name / self.models

    def models_hash(self) -> str:
        """SHA-256 of the model cards: a result belongs to the cards that made it."""
        return hashlib.sha256(self.models_path.read_bytes()).hexdigest()

    def sigma(self, device: str, units: float = 1.0) -> tuple[float, float]:
        """Return sigma of the threshold voltage [V] and of the relative current factor.

        sigma = a / sqrt(W L units): Pelgrom et al., JSSC 24(5), 1989.
        """
        d = self.devices[device]
        root = math.sqrt(d.w * d.l * units)
        m = self.mismatch
        a_vt, a_beta = (m.a_vt_n, m.a_beta_n) if d.polarity == "n" else (m.a_vt_p, m.a_beta_p)
        return a_vt / root, a_beta / root

    def devices_spice(self) -> str:
        """Return the device classes as SPICE subcircuits: the compile step from cell to process."""
        lines = [f"* Device classes of {self.name}, made from technology.yaml"]
        diff = self.rules.diffusion
        for name, d in self.devices.items():
            area, edge = d.w * diff, 2 * (d.w + diff)
            lines += [
                f".subckt {name} d g s b units=1",
                f"m0 d g s b {d.model} w={d.w:.6g} l={d.l:.6g} ad={area:.6g} as={area:.6g}"
                f" pd={edge:.6g} ps={edge:.6g} m={{units}}",
                ".ends",
            ]
        side = self.capacitor.side
        lines += [
            ".subckt c_state a b",
            f"c0 a b {self.capacitor.model} w={side:.6g} l={side:.6g}",
            ".ends",
        ]
        return "\n".join(lines) + "\n"


def technology_names() -> tuple[str, ...]:
    """Name the technologies that ship: each is one folder and no code."""
    root = circuits_dir() / "technology"
    return tuple(sorted(p.parent.name for p in root.glob("*/technology.yaml")))


def load_technology(name: str) -> Technology:
    """Read a technology by name.

    Raises
    ------
    UserError
        When no technology has that name.
    """
    known = technology_names()
    if name not in known:
        raise UserError("--tech", name, "one of " + ", ".join(known))
    path = circuits_dir() / "technology" / name / "technology.yaml"
    return Technology.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
