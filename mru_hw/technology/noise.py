"""What a technology says of its devices' noise."""

from __future__ import annotations

from pydantic import Field

from mru_hw.documents import Document


class Flicker(Document):
    """Flicker noise of the gate voltage: ``S_Vg = k / (c_ox W L f)``."""

    k_n: float = Field(ge=0, description="NMOS [V^2 F]")
    k_p: float = Field(ge=0, description="PMOS [V^2 F]")
    c_ox: float = Field(gt=0, description="gate capacitance per area [F/m^2]")


class CardNoise(Document):
    """What the cards have over the laws of noise, where that is more; and a drain's overlap."""

    white_n: float = Field(ge=1, description="white level over 2 q I of NMOS, 1 where less")
    white_p: float = Field(ge=1, description="of PMOS")
    flicker_n: float = Field(ge=1, description="flicker over that of k_n, 1 where less")
    flicker_p: float = Field(ge=1, description="over that of k_p")
    overlap_n: float = Field(ge=0, description="gate to drain, per width [F/m]")
    overlap_p: float = Field(ge=0, description="of PMOS")
