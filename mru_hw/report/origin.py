"""How the figures of a page are made again: commands, versions, hashes, range, assumptions."""

from __future__ import annotations

from collections.abc import Iterator

from mru_hw.arrays import digest
from mru_hw.errors import UserError
from mru_hw.report.again import Again
from mru_hw.report.chip import ChipFacts, currents
from mru_hw.report.parts import Section, Table
from mru_hw.report.sections import condition_rows, technologies
from mru_hw.sweeps.view import RunView
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.units import render

ASSUMPTIONS = (
    "Ideal: the reference current, the clock's waveform, the supply and its wires, the sources of "
    "the inputs, and fixed voltages at the output pins.",
    "No layout: no extraction, no coupling between wires, no stress; "
    "no ESD structures, pads, rings or dummies.",
    "Mismatch is drawn for each device, independently, from the Pelgrom constants in the "
    "technology's folder. Corners are the process's own cards.",
    "Aging, temperature differences on the chip and supply noise are in no figure.",
)


def reproduction(run: RunView, found: ChipFacts | str, again: Again) -> Section:
    """Return the section that says how to make every figure again."""
    return Section(
        key="reproduction",
        title="Conditions, versions, hashes",
        paragraphs=[*_range(run, found), *ASSUMPTIONS],
        tables=[
            Table(
                name="conditions",
                caption="What was run, by which version and on which machine.",
                head=("what", "value"),
                rows=condition_rows(run),
                code=(1,),
            )
        ],
        lines=list(again.whole(run)),
    )


def _range(run: RunView, found: ChipFacts | str) -> Iterator[str]:
    """Say over which range the constants were fitted, and whether the sweep stays inside."""
    if run.level != "behavioral":
        return
    for name in technologies(run).split(", "):
        try:
            technology = load_technology(name)
            constants = load_calibration(technology)
        except UserError:
            yield f"The constants of {name} are not at hand here."
            continue
        grid = constants.grid
        same = run.facts.get("hash.calibration") == digest({}, constants.model_dump_json())
        low, high = (render(constants.i_curve[k], "A") for k in (0, -1))
        yield (
            f"Constants of {name}: fitted to ngspice runs of single cells from {low} to {high} a "
            f"unit device, {grid.temperatures[0]:g} to {grid.temperatures[-1]:g} °C, "
            f"{grid.supplies[0]:g} to {grid.supplies[-1]:g} V, corners "
            f"{', '.join(grid.corners)}. A sweep at a condition outside is refused, so every "
            "condition here lies inside."
            + ("" if same else " The sweep had other constants than those that ship now.")
        )
    if isinstance(found, ChipFacts):
        yield currents(found)
