"""Other networks that ran in ngspice beside the array: what trust rests on until one's own ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mru_hw.report.parts import Table
from mru_hw.sweeps.told import Told
from mru_hw.sweeps.words import many

DOCUMENT = "How far ngspice agrees"
"""Title of the documentation's page that has these runs; a test holds the two together."""


class Ran(NamedTuple):
    """Runs of one network on the same dies and sequences in ngspice and in the array.

    Attributes
    ----------
    at
        Corner, temperature and supply.
    dies, sequences
        How many dies, 0 where it was the nominal one; sequences on each.
    alike
        Sequences on dies whose decision is the same.
    steps
        Steps of either layer that ngspice makes otherwise than the network as mapped; on dies,
        with how many of them the array makes too.
    energy
        Error of the array's mean energy [%].
    left, spread
        Standard deviations over sequences and dies of what the array is off beyond that, and of
        the energies themselves [% of the mean]; None where none was told.
    """

    technology: str
    network: str
    at: str
    dies: int
    sequences: int
    alike: int
    steps: str
    energy: float
    left: float | None = None
    spread: float | None = None


_DEMO, _RANDOM = "2 x 8 CMRU units of the demo", "random, 2 x 8 CMRU units"
_PUBLISHED = "first-quadrant, 2 x 4 FQ-BMRU units"
_NOMINAL = "tt, 27 °C, 1.8 V"
_G, _S = "generic180", "sky130"
RAN = (
    Ran(_G, _DEMO, _NOMINAL, 0, 20, 20, "4 and 3 of 2,464 each", -0.25, 0.12, 32),
    Ran(_G, _DEMO, "ff, 125 °C, 1.8 V", 0, 3, 3, "42 and 42 of 424 each", -3.8, 0.98),
    Ran(_G, _DEMO, "ss, -40 °C, 1.8 V", 0, 3, 3, "2 and 1 of 424 each", -0.06, 0.04),
    Ran(_G, _DEMO, "sf, 85 °C, 1.62 V", 0, 3, 3, "3 and 2 of 424 each", -0.7, 0.09),
    Ran(
        *(_G, _DEMO, _NOMINAL, 10, 5, 50),
        *("105 and 227 of 6,880 each; 89 and 211 in the array too", -0.20, 0.29, 17),
    ),
    Ran(
        *(_G, _DEMO, "ff, 85 °C, 1.8 V", 2, 2, 4),
        *("19 and 34 of 480 each; 17 and 33 in the array too", -1.89, 0.70, 9),
    ),
    Ran(_G, _RANDOM, _NOMINAL, 0, 3, 3, "4 and 7 of 1,440 each", 0.06),
    Ran(_G, _RANDOM, _NOMINAL, 0, 3, 3, "5 and 1 of 1,440 each", 0.1),
    Ran(_G, _PUBLISHED, _NOMINAL, 0, 6, 6, "1 and 0 of 356 each", -0.4),
    Ran(
        *(_G, _PUBLISHED, _NOMINAL, 20, 10, 200),
        *("251 and 142 of 12,800 each; 206 and 98 in the array too", -0.29, 0.55, 29),
    ),
    Ran(
        *(_G, _PUBLISHED, "ff, 85 °C, 1.8 V", 10, 5, 50),
        *("66 and 68 of 3,120 each; 42 and 41 in the array too", -1.93, 1.66, 24),
    ),
    Ran(_S, _DEMO, _NOMINAL, 0, 3, 3, "2 and 0 of 424 each", -0.29, 0.27, 22),
    Ran(_S, _DEMO, "ff, 85 °C, 1.8 V", 0, 3, 3, "22 and 22 of 424 each", -3.4),
    Ran(_S, _DEMO, "ss, -40 °C, 1.8 V", 0, 3, 3, "3 and 3 of 424 each", 0.0),
    Ran(_S, _DEMO, "sf, 85 °C, 1.62 V", 0, 2, 2, "23 and 7 of 240 each", -1.5),
    Ran(
        *(_S, _DEMO, _NOMINAL, 2, 2, 4),
        *("6 and 14 of 480 each; 6 and 14 in the array too", -0.21, 0.19, 9),
    ),
    Ran(_S, _PUBLISHED, _NOMINAL, 0, 6, 6, "0 and 0 of 356 each", -0.3),
    Ran(
        *(_S, _PUBLISHED, _NOMINAL, 5, 3, 15),
        *("18 and 10 of 940 each; 14 and 8 in the array too", -0.32, 0.94, 17),
    ),
)
"""The page's runs of whole networks, those of steps on mismatch dies with the dies' own."""


def others_table(technologies: Iterable[str]) -> Iterator[Table]:
    """Yield the table of other networks in some technologies, where any ran."""
    rows = [
        [
            one.network,
            f"{one.technology}, {one.at}",
            "the nominal one" if not one.dies else many(one.dies, "die"),
            Told(str(one.sequences), one.sequences),
            Told(f"{one.alike} of {max(1, one.dies) * one.sequences}", one.alike),
            one.steps,
            Told(f"{one.energy:+.2f} %", one.energy / 100),
            _share(one.left),
            _share(one.spread),
        ]
        for one in RAN
        if one.technology in technologies
    ]
    if rows:
        yield Table(
            name="ngspice_others",
            caption=(
                "Other networks in ngspice and in the array, on the same dies and sequences: runs "
                f"of this project, under “{DOCUMENT}” in its documentation with the commands that "
                "repeat them. Steps: of layer 0 and of layer 1 (given ngspice's own layer 0 where "
                "the die is nominal) that go otherwise in ngspice than in the network as mapped. "
                "Energy: the array's over ngspice's, less 1, of the means; sigma: standard "
                "deviation of what single sequences are off beyond that, beside that of their "
                "energies. How far figures of this network are off, only its own run tells."
            ),
            head=(
                *("network", "condition", "dies", "sequences on each", "decisions alike"),
                *("steps unlike as mapped", "energy, mean", "sigma", "sigma of energies"),
            ),
            rows=rows,
            numbers=(3, 4, 6, 7, 8),
        )


def _share(percents: float | None) -> Told:
    return Told("not told") if percents is None else Told(f"{percents:g} %", percents / 100)
