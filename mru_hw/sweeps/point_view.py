"""One point of a sweep and its runs, as a report reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus
from mru_hw.sweeps.spec import CONDITIONS, Spec

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointView:
    """A point and what its dies came to.

    Attributes
    ----------
    duration
        Length of a sequence at the point [s], on average.
    settings
        The value of every axis, by name.
    design
        Digest of the design that it runs on, before any perturbed network is drawn from it.
    input_energy
        What the input sources deliver in a sequence [J], on average, as if from the supply; None
        where the level prices nothing.
    n_wanted, trials
        Runs that the plan asks for; perturbed networks on each die.
    keys
        (run, 2) trial and number of the die of each run that is done, in order.
    seeds
        (run,) seed of the die of each of them.
    lost
        (run, 2) the same of runs that failed by the circuit and not by the machine.
    accuracy, energy, power
        One a run that is done: share of right decisions, mean energy of a sequence [J] and
        mean power [W]; energy and power are empty at the level ``ideal``.
    blocks
        Mean static and switching energy of a sequence [J] by supply block.
    failed
        Number of runs by status, of those that are not done.
    """

    number: int
    study: str
    duration: float
    settings: Mapping[str, Any]
    design: str
    input_energy: float | None
    n_wanted: int
    trials: int
    keys: NDArray[np.int64]
    seeds: NDArray[np.int64]
    lost: NDArray[np.int64]
    accuracy: Array
    energy: Array
    power: Array
    blocks: Mapping[str, tuple[float, float]]
    failed: Mapping[RunStatus, int]
    seconds: float

    def figures(self, software: float) -> dict[str, Array]:
        """Return what a specification may limit, by name, one a run that is done."""
        nothing = np.full(len(self.accuracy), np.nan)
        return {
            "accuracy": self.accuracy,
            "loss": software - self.accuracy,
            "energy": self.energy if len(self.energy) else nothing,
            "power": self.power if len(self.power) else nothing,
        }

    def passing(self, spec: Spec, software: float) -> NDArray[np.bool_]:
        """Return whether each run that is done keeps the limits; `passed` counts others too."""
        values = self.figures(software)
        kept = [limit.holds(values[name]) for name, limit in spec.limits.items()]
        passed: NDArray[np.bool_] = np.all(kept, axis=0)
        return passed

    @property
    def codes(self) -> NDArray[np.int64]:
        """(run,) one number for each of `keys`, alike at every point."""
        return coded(self.keys)

    def passed(self, spec: Spec, software: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return which dies pass here, which is what every yield and comparison counts.

        A die passes at a point where its run is done and keeps every limit. One whose run failed by
        the circuit does not pass. One that the machine cut off says nothing, and is left out.

        Returns
        -------
        codes
            (die,) as `coded` has them, in order.
        passed
            (die,) whether each passes.
        """
        codes, passed = self.codes, self.passing(spec, software)
        if len(self.lost):
            codes = np.concatenate([codes, coded(self.lost)])
            passed = np.concatenate([passed, np.zeros(len(self.lost), np.bool_)])
            order = np.argsort(codes)
            codes, passed = codes[order], passed[order]
        return codes, passed

    @property
    def shared_settings(self) -> dict[str, Any]:
        """The settings that it shares with all points of its dies: not its condition."""
        return {name: v for name, v in self.settings.items() if name not in CONDITIONS}

    @property
    def level(self) -> str:
        """Level of truth of its runs."""
        return str(self.settings["level"])

    @property
    def n_runs(self) -> int:
        """Runs that are stored, failed ones included."""
        return len(self.accuracy) + sum(self.failed.values())


def coded(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one number for each trial and number of a die, (run, 2), in the same order."""
    codes: NDArray[np.int64] = keys[:, 0] << 32 | keys[:, 1]
    return codes
