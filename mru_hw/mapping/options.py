"""DesignOptions: what a designer may choose of a mapping, each with its unit, range and effect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from mru_hw.circuits.catalogue import ROLE_NAMES
from mru_hw.documents import Document, Several, mistake
from mru_hw.errors import UserError
from mru_hw.files import read_document
from mru_hw.technology.grid import ZERO_CELSIUS
from mru_hw.units import Amperes, Volts, render

LARGEST_LADDER = 1000
"""K: far beyond what currents allow, and still no burden to memory."""

UNITS_MOST = 512
"""Unit devices side by side; a technology's rules may allow fewer."""


def _between(least: float, most: float, unit: str, why: str) -> AfterValidator:
    """Return a validator of a quantity between two bounds in SI units, which says why they are."""

    def check(value: float) -> float:
        if not least <= value <= most:
            bounds = f"{render(least, unit)} to {render(most, unit)}" if unit else ""
            raise ValueError(f"expected {bounds or f'{least:g} to {most:g}'}, for {why}")
        return value

    return AfterValidator(check)


_Share = Annotated[
    float,
    _between(
        0.01,
        100.0,
        "",
        "less is lost in what devices leak, and more leaves weak inversion",
    ),
    Field(json_schema_extra={"minimum": 0.01, "maximum": 100}),
]
_Units = Annotated[
    int,
    _between(1, UNITS_MOST, "", "a mirror is made of whole devices, and no leg is wider than that"),
    Field(json_schema_extra={"minimum": 1, "maximum": UNITS_MOST}),
]


def _roles(area: dict[str, int]) -> dict[str, int]:
    """Refuse what no circuit has; sort, for a design is hashed."""
    for name in area:
        role = name.rpartition("/")[2]
        if role not in ROLE_NAMES:
            raise UserError("area", name, f"a role of a device: {', '.join(ROLE_NAMES)}")
    return dict(sorted(area.items()))


class Compensated(Document):
    """Conditions at which ratios undo the gains of mirrors; what is left out is the calibration's.

    Weights drift away from there, and what devices leak there no ratio undoes.
    """

    corner: str | None = Field(default=None, description="process corner, one of the technology's")
    temperature: float | None = Field(
        default=None,
        gt=-ZERO_CELSIUS,
        description="[degC], within the temperatures that the calibration was measured at",
    )
    v_dd: Annotated[Volts, Field(gt=0)] | None = Field(
        default=None, description="supply [V], within those of the calibration"
    )


class DesignOptions(Document):
    """The choices of a mapping; the defaults are those that the project's figures are taken with.

    Lengths and shapes of devices belong to the technology; supply, corner and temperature of a run
    are conditions.

    Raises
    ------
    UserError
        A field is unknown, of another kind or out of range; the sentence names it.
    """

    i_unit: Annotated[
        Amperes,
        _between(
            1e-12,
            1e-6,
            "A",
            "below, a unit device carries what it leaks, and above, it leaves weak inversion",
        ),
    ] = Field(
        default=1e-9,
        description="current that stands for 1.0 of the network [A], 1 pA to 1 uA. Static power "
        "and speed grow with it, and leakage weighs less; mismatch hardly depends on it",
    )
    signal_current: _Share = Field(
        default=1.0,
        description="root mean square of a layer's signals [i_unit], 0.01 to 100. More of it is "
        "power in the nodes and legs of linear layers, and what leaks and rests there weighs less",
    )
    candidate_current: _Share = Field(
        default=1.0,
        description="mean threshold of a layer's units, as a current of its candidates [i_unit], "
        "0.01 to 100. More of it makes thresholds finer steps of the bias rail's unit device, and "
        "costs power in candidates and comparators",
    )
    state_current: _Share = Field(
        default=0.5,
        description="one level of a CMRU's state, in the mean of a layer's units [i_unit], 0.01 to "
        "100; alpha of a BMRU or FQ-BMRU, which has no ladder, is twice that. More of it is power "
        "in states and in the legs that set them",
    )
    levels: Annotated[int, Field(ge=1, le=LARGEST_LADDER)] | None = Field(
        default=None,
        description="K of the CMRU layers whose model leaves it open (levels: null), 1 to 1000; "
        "what a model states stays. A level more costs each unit two ladder cells, one less clips "
        "states that software reaches. Without it such a model is refused",
    )
    diode_units: Annotated[Several[_Units], Field(min_length=1)] = Field(
        default=(16, 32, 64, 128),
        description="unit devices that a node's diode may have, ascending, each 1 to 512: the most "
        "are taken that largest_leg allows. More of them make weights finer and mismatch smaller, "
        "cost area, and leave each device less current",
    )
    largest_leg: _Units = Field(
        default=128,
        description="unit devices of a node's largest leg, where one of diode_units allows it; 1 "
        "to 512",
    )
    bias_units: _Units = Field(
        default=64,
        description="unit devices of the bias rail's diode, which carries one i_unit; 1 to 512. "
        "More of them make thresholds, levels and biases finer, and leave each device less current",
    )
    window_units: _Units = Field(
        default=64,
        description="unit devices of the diodes of thresholds that come from the input; 1 to 512. "
        "More of them round a window comparator's copies less",
    )
    candidate_split: _Units = Field(
        default=4,
        description="unit devices of each splitter of a candidate's node; 1 to 512. The more rests "
        "in its rails, the less the node moves with its current, at the price of that rest",
    )
    split_units: _Units = Field(
        default=2,
        description="unit devices of the bias rail whose current each unit device of a splitter "
        "carries at rest, in every node with two rails; 1 to 512, and within a factor of two of 2, "
        "which calibrations are measured with. Fewer save power at rest, and near zero such a node "
        "is slower and weights bend more",
    )
    hold: _Units = Field(
        default=16,
        description="unit devices of the bias rail that empty a ladder cell's node (I_thresh), "
        "1 to 512 and below width, for else nothing holds a set cell",
    )
    width: _Units = Field(
        default=32,
        description="unit devices of the bias rail that feed a set ladder cell's node (I_width); "
        "twice hold gives both states the same margin. hold and width together are a set cell's "
        "power",
    )
    area: Annotated[dict[str, _Units], AfterValidator(_roles)] = Field(
        default={},
        description="whole multiples of unit devices by the role of a device, alone (every such "
        "device) or behind its owner, as the error budget names them (`v0/diode_plus`); 1 to 512. "
        "Every device of the same mirror is multiplied alike, so that no current changes; where "
        "several are named, the largest counts. Mismatch falls with the square root, gate area "
        "and capacitance grow, and each device carries less",
    )
    compensated: Compensated = Field(
        default=Compensated(),
        description="corner, temperature and supply at which ratios undo the gains of mirrors",
    )

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise mistake(error.errors(include_url=False)[0], fields) from None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if list(self.diode_units) != sorted(set(self.diode_units)):
            raise UserError("diode_units", list(self.diode_units), "ascending numbers")
        if self.width <= self.hold:
            expected = f"more than hold, {self.hold}, for else nothing holds a cell that is set"
            raise UserError("width", self.width, expected)
        return self

    def checked(self) -> DesignOptions:
        """Return the same options, of which some were put in without a check.

        Raises
        ------
        UserError
            They do not go together.
        """
        return DesignOptions(**{name: getattr(self, name) for name in DesignOptions.model_fields})

    @property
    def i_lsb(self) -> float:
        """Current of one unit device of the bias rail [A]."""
        return self.i_unit / self.bias_units

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON, quantities as text; what is left to others is left out."""
        return self.model_dump(mode="json", exclude_none=True)

    def chosen(self) -> str:
        """Return what differs from the defaults, `i_unit` apart, as a JSON object.

        An empty text where nothing does.
        """
        chosen = self.model_dump_json(exclude_defaults=True, exclude={"i_unit"})
        return "" if chosen == "{}" else chosen


DEFAULTS = DesignOptions()


def read_options(path: Path, option: str | None = None) -> DesignOptions:
    """Read DESIGN.yaml.

    Parameters
    ----------
    option
        Where the user named the file (`design`), for errors about its absence.

    Raises
    ------
    UserError
        The file is not plain YAML, or a field is unknown or out of range.
    """
    return read_document(path, DesignOptions, option)
