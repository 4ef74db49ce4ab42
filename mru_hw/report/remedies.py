"""Ways to a better chip as a table: what each gains, what it costs, and whether it was run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mru_hw.budget.table import Budget
from mru_hw.report.chip import ChipFacts
from mru_hw.report.finer import Finer, finer_legs
from mru_hw.report.frames import ShortFrame, past_limit
from mru_hw.report.parts import Table
from mru_hw.report.remedy import FOLLOWED, Remedy
from mru_hw.sweeps.told import percent, points_of, quantity
from mru_hw.sweeps.view import RunView
from mru_hw.sweeps.words import differing, many

_LARGER = 2
"""By what i_unit is multiplied in the example of a price."""


def remedies_table(
    run: RunView,
    found: ChipFacts | str,
    budget: Budget | str,
    helps: Remedy | None,
    short: ShortFrame | None,
) -> Table | None:
    """Return the remedies; None where the chip is not at hand, or runs are not behavioral."""
    if isinstance(found, str) or helps is None or run.level != "behavioral":
        return None
    rows = [
        *([] if isinstance(budget, str) else _mirrors(budget, found, helps)),
        *_currents(run),
        *_frames(run, short, found),
        *_rounding(run, found, finer_legs(run, found)),
        _training(found),
    ]
    return Table(
        name="remedies",
        caption=(
            "What may make the chip better. Prices are by the static and switching energy at the "
            "head and by gate areas; a gain that was not run is not known."
        ),
        head=("remedy", "gain", "price", "run or not"),
        rows=rows,
    )


def _mirrors(budget: Budget, found: ChipFacts, helps: Remedy) -> Iterator[list[str]]:
    some = budget.mirrors[:FOLLOWED]
    if not some:
        return
    gain, ran = "not known", "not run: the lines and the commands below"
    if (gained := helps.gained) is not None:
        gain = (
            f"{gained.kept_larger} of {many(gained.dies, 'die')} keep the limit in place of "
            f"{gained.kept} (95 % interval {points_of(gained.gain.low)} to "
            f"{points_of(gained.gain.high)})"
            + ("" if gained.tells else "; too few dies fail to tell a gain")
        )
        ran = "run for this page, at the hardest condition; the commands below run all"
    yield [
        f"the first {many(len(some), 'mirror')} below at twice the area",
        gain,
        f"{percent(sum(one.area for one in some) / found.gate_area)} more gate area; slower nodes",
        ran,
    ]


def _currents(run: RunView) -> Iterator[list[str]]:
    base = run.base
    static, moving = (sum(pair[k] for pair in base.blocks.values()) for k in (0, 1))
    if not static or not len(base.energy):
        return
    joules, i_unit = float(base.energy.mean()), base.settings["i_unit"]
    more, less = (
        f"{quantity(joules * factor, 'J')}{past_limit(run, factor)}"
        for factor in ((static * by + moving) / (static + moving) for by in (_LARGER, 1 / _LARGER))
    )
    ran = "run: “Trade-offs between designs”"
    if "i_unit" not in differing(run.points):
        values = ", ".join(str(quantity(i_unit * by, "A")) for by in (1 / _LARGER, 1, _LARGER))
        ran = f"not run: {{axis: i_unit, values: [{values}]}} in PLAN.yaml"
    yield [
        "another i_unit",
        "larger: signals farther above leakage and noise, faster nodes; by how much is not known",
        f"a sequence takes {more} at {_LARGER} times the current; {less} at 1/{_LARGER} of it",
        ran,
    ]


def _frames(run: RunView, short: ShortFrame | None, found: ChipFacts) -> Iterator[list[str]]:
    if short is None:
        return
    swept = "frame_period" in differing(run.points)
    enough = short.enough()
    longest = max(late.enough for late in enough.values())
    readout = found.model.spec.readout.value
    left = (
        f"; outputs still lag, and the decision is their {readout} over frames: how many decisions "
        "that moves is not known, timing: timed tells"
        if short.output is not None and short.output.enough == longest
        else "; what strobes read is late still, and steps may be wrong"
    )
    for what, late in enough.items():
        frame = quantity(late.enough, "s")
        rest = left if late.enough < longest else "; the accuracy is that of settled timing"
        yield [
            f"frames of {frame}",
            f"{what} settle{rest}",
            late.price,
            "frames of other lengths are run: “Every point”"
            if swept
            else f"not run: {{axis: frame_period, values: [{frame}]}} in PLAN.yaml",
        ]


def _rounding(run: RunView, found: ChipFacts, finer: Finer | None) -> Iterator[list[str]]:
    """Yield what legs of more unit devices give back of what mapping and rounding take."""
    if finer is None:
        return
    units = ", ".join(map(str, finer.diode_units))
    yield [
        f"legs of up to {finer.largest_leg} unit devices, against mapping and rounding",
        f"mapped and rounded, {percent(finer.accuracy)} in place of "
        f"{percent(run.references['ideal'])}; of dies not known",
        f"{percent(finer.gate_area / found.gate_area - 1)} more gate area; slower nodes, and less "
        "current in each unit device",
        "run for this page in software; of dies not run: design: {diode_units: "
        f"[{units}], largest_leg: {finer.largest_leg}}} in PLAN.yaml",
    ]


def _training(found: ChipFacts) -> list[str]:
    config = found.model.spec.provenance.get("config")
    done = isinstance(config, Mapping) and config.get("chip") is not None
    return [
        "training for the chip",
        "not known",
        "a training; no area and no current by itself",
        "done: this network was trained so"
        if done
        else "not run: the key chip in the training's configuration, mru-hw train",
    ]
