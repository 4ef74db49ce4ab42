"""What a sensitivity comes back as: a chip's parts, the one first whose mismatch costs most."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from mru_hw.errors import UserError
from mru_hw.mapping.design import Design
from mru_hw.simulate.asked import SEEDS, asked_seed
from mru_hw.simulate.doubts import doubts, warning
from mru_hw.simulate.sensitivity.judge import MEASURES, Judge
from mru_hw.simulate.sensitivity.parts import Key
from mru_hw.simulate.sensitivity.prediction import predict
from mru_hw.simulate.sensitivity.study import Counts, Study, run_study
from mru_hw.statistics.crossed import two_way_band
from mru_hw.statistics.shares import Band
from mru_hw.words import many

Bands = Mapping[str, Band]
"""By measure (`MEASURES`), a share or a difference of shares with its interval of 95 %, for other
dies and other sequences."""

DIES_LEAST, DIES_MOST = 2, 10_000


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What the mismatch of one part does.

    Attributes
    ----------
    name, keys
        The part, and the device groups that are in it.
    devices
        How many there are.
    area
        Gate area of all of them [m^2].
    share
        Of the variance of the thresholds' errors, by the error budget, where thresholds decide.
    gone
        What goes where the part alone has no mismatch: all mismatch less all but the part's.
    alone
        What the part's mismatch alone adds to the chip without any.
    predicted_gone, predicted_alone
        The same of ``own_steps``, by the error budget.
    """

    name: str
    keys: tuple[Key, ...]
    devices: int
    area: float
    share: float
    gone: Bands
    alone: Bands
    predicted_gone: float
    predicted_alone: float


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sensitivity:
    """What mismatch does to a chip, part by part.

    Attributes
    ----------
    by
        How the chip was cut into parts.
    first_die, dies
        Seed of the first die, and how many there are, one after the other.
    sequences, steps
        That each die was run on: sequences, and units times frames.
    labelled
        Whether there are labels; without them ``errors`` are 0.
    nominal
        By measure, what the chip without mismatch does otherwise than software.
    whole
        The same with all mismatch.
    predicted_nominal, predicted_whole
        Of ``own_steps``, by the error budget.
    parts
        The one first without which most wrong steps go.
    warning
        What makes the figures doubtful, in sentences; empty where nothing does.
    """

    by: str
    first_die: int
    dies: int
    sequences: int
    steps: int
    labelled: bool
    nominal: Bands
    whole: Bands
    predicted_nominal: float
    predicted_whole: float
    parts: tuple[Effect, ...]
    warning: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON; keys of groups as ``owner/role``, areas in um2."""
        data = dataclasses.asdict(self) | {"warning": self.warning or None}
        for part in data["parts"]:
            part["keys"] = ["/".join(key) for key in part["keys"]]
            part["area_um2"] = part.pop("area") * 1e12
        return data

    def __repr__(self) -> str:
        """Say in one line what mismatch does, and which part costs most."""
        first = self.parts[0].name if self.parts else "nothing"
        return (
            f"<Sensitivity: {many(self.dies, 'die')}, "
            f"{_percent(self.whole['steps'].value)} of steps wrong; {first} costs most>"
        )

    def __str__(self) -> str:
        """Return the totals and the first parts."""
        return "\n".join(self.lines())

    def lines(self, n_rows: int = 20) -> Iterator[str]:
        """Write the totals and the first parts for a person."""
        own, told = self.whole["own_steps"], self.nominal
        yield (
            f"Steps wrong by themselves: {_banded(own)}, without mismatch "
            f"{_percent(told['own_steps'].value)}; the error budget predicts "
            f"{_percent(self.predicted_whole)} and {_percent(self.predicted_nominal)}."
        )
        yield (
            f"All wrong steps: {_banded(self.whole['steps'])}, without mismatch "
            f"{_percent(told['steps'].value)}. Decisions unlike software's: "
            f"{_banded(self.whole['decisions'], 2)}, without mismatch "
            f"{_percent(told['decisions'].value, 2)}."
        )
        if self.labelled:
            yield (
                f"Accuracy: {_percent(1 - self.whole['errors'].value, 2)}, without mismatch "
                f"{_percent(1 - told['errors'].value, 2)}."
            )
        yield (
            f"Of each {self.by}: the wrong steps, in % of all, that go without its mismatch, with "
            "the interval;"
        )
        yield (
            "those of them that are wrong by themselves, beside the budget; what it adds alone, "
            "beside the budget; decisions."
        )
        shown = self.parts[:n_rows]
        width = max([len(self.by), *(len(part.name) for part in shown)])
        yield (
            f"  {self.by:<{width}}{'gone':>8}{'95 %':>17}{'own':>9}{'budget':>8}"
            f"{'alone':>9}{'budget':>8}{'decisions':>11}"
        )
        for part in shown:
            gone, own, alone = part.gone["steps"], part.gone["own_steps"], part.alone["own_steps"]
            band = f"{100 * gone.low:.3f} to {100 * gone.high:.3f}"
            yield (
                f"  {part.name:<{width}}{100 * gone.value:>8.3f}{band:>17}"
                f"{100 * own.value:>9.3f}{100 * part.predicted_gone:>8.3f}"
                f"{100 * alone.value:>9.3f}{100 * part.predicted_alone:>8.3f}"
                f"{100 * part.gone['decisions'].value:>11.2f}"
            )
        left = len(self.parts) - len(shown)
        if left:
            yield f"  and {left} more, which cost less."


def make_sensitivity(
    study: Study,
    by: str,
    *,
    dies: int,
    first_die: int,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Sensitivity:
    """Run a study and say what each of its parts costs.

    Parameters
    ----------
    by
        How its parts were cut.
    dies, first_die
        How many, and the seed of the first.
    workers, progress
        As of `run_study`.

    Raises
    ------
    UserError
        There are not as many dies, or too few for an interval.
    LawError
        A die lies beyond what the laws of the circuits describe.
    """
    first = asked_seed("die", first_die)
    most = min(DIES_MOST, SEEDS - first + 1)
    if not DIES_LEAST <= dies <= most:
        raise UserError("dies", dies, f"a whole number from {DIES_LEAST} to {most}")
    judge = study.judge()
    prediction = predict(study, judge)
    seeds = range(first, first + dies)
    counts = run_study(study, seeds, workers=workers, progress=progress)
    none, full, *switched = (counts[:, k] for k in range(counts.shape[1]))
    groups = _groups(study.design)
    every = tuple(groups)
    n, at_rest = len(study.parts), prediction.wrong(())
    whole = prediction.wrong(every)
    found = []
    for part, alone, without in zip(study.parts, switched[:n], switched[n:], strict=True):
        others = [key for key in every if key not in part.keys]
        found.append(
            Effect(
                name=part.name,
                keys=part.keys,
                devices=sum(groups[key][0] for key in part.keys),
                area=sum(groups[key][1] for key in part.keys),
                share=prediction.share(part.keys),
                gone=_bands(full - without, judge, paired=True),
                alone=_bands(alone - none, judge, paired=True),
                predicted_gone=whole - prediction.wrong(others),
                predicted_alone=prediction.wrong(part.keys) - at_rest,
            )
        )
    found.sort(key=lambda one: (-one.gone["steps"].value, -one.share, one.name))
    return Sensitivity(
        by=by,
        first_die=first_die,
        dies=dies,
        sequences=len(judge.n_steps),
        steps=int(judge.n_steps.sum()),
        labelled=judge.labels is not None,
        nominal=_bands(none, judge),
        whole=_bands(full, judge),
        predicted_nominal=at_rest,
        predicted_whole=whole,
        parts=tuple(found),
        warning=warning([doubts(study.design, study.calibration)]),
    )


def _groups(design: Design) -> dict[Key, tuple[int, float]]:
    """Return devices and gate area [m^2] by device group."""
    gates = {name: d.w * d.l for name, d in design.technology.devices.items()}
    return {
        g.key: (int(np.count_nonzero(g.units)), float(g.units.sum()) * gates[g.device])
        for g in design.device_groups()
    }


def _bands(counts: Counts, judge: Judge, *, paired: bool = False) -> dict[str, Band]:
    """Return shares of (die, measure, sequence) counts: of all steps, and of all sequences.

    Parameters
    ----------
    paired
        Whether the counts are differences. Where no decision differs at all the interval has both
        sides; where no step does, on any die in any sequence, it is nothing.
    """
    of_steps = len(judge.n_steps) / float(judge.n_steps.sum())
    found = {}
    for k, name in enumerate(MEASURES):
        values = counts[:, k].astype(np.float64)
        band = two_way_band([values * (of_steps if "steps" in name else 1.0)])
        assert band is not None  # there are dies
        if not values.any():
            most = 0.0 if "steps" in name else band.high
            band = Band(value=0.0, low=-most if paired else 0.0, high=most)
        found[name] = band
    return found


def _percent(share: float, digits: int = 3) -> str:
    return f"{100 * share:.{digits}f} %"


def _banded(band: Band, digits: int = 3) -> str:
    ends = f"{100 * band.low:.{digits}f} to {100 * band.high:.{digits}f}"
    return f"{_percent(band.value, digits)} ({ends})"
