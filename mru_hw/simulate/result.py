"""What a run of a chip comes back as: a trace, its price, and how it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus, UserError
from mru_hw.simulate.supply import SupplyRecord
from mru_hw.simulate.trace import Trace
from mru_hw.technology.conditions import Conditions
from mru_hw.units import render

if TYPE_CHECKING:
    from mru_hw.simulate.causes import Disagreement
    from mru_hw.simulate.endings import Ending
    from mru_hw.simulate.verify import Verification

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class RunEnergy:
    """What each sequence of a run took from the supply.

    NaN stands for a sequence whose run in ngspice failed, and nowhere else.

    Attributes
    ----------
    total
        (n_seq,) energy [J].
    blocks
        (n_seq,) energy [J] by supply block: ``mirror``, ``memory``, ``clock``, ``bias``.
    switching
        Of these what moving charge took, (n_seq,) [J] by block; None at the level ``spice``, whose
        transients do not tell it from static current.
    power
        (n_seq,) mean power [W].
    inputs
        (n_seq,) what the sources of the input currents deliver [J], as if from the supply's
        voltage; no part of `total`.
    """

    total: Array
    blocks: Mapping[str, Array]
    switching: Mapping[str, Array] | None
    power: Array
    inputs: Array

    def __repr__(self) -> str:
        """Say in one line what a sequence took on average, by block."""
        parts = {"total": self.total, **self.blocks}
        said = (f"{name} {render(float(joules.mean()), 'J')}" for name, joules in parts.items())
        return f"<RunEnergy: per sequence {', '.join(said)}>"


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Run:
    """A run of a chip at a level of truth.

    Attributes
    ----------
    level, timing
        At which level of truth, and with which timing at the level ``behavioral``.
    conditions
        Corner, temperature, supply.
    die, noise
        Seeds; None for the nominal die and for no noise.
    seconds
        (n_seq,) length of each sequence [s].
    labels
        (n_seq,) class indices, None where they are unknown.
    trace
        What is simulated, with ``energy_J`` priced at every level but ``ideal``.
    input_energy
        (n_seq,) what the sources of the input currents deliver [J], as if from the supply's
        voltage; NaN at the level ``ideal`` and where a run failed. ``trace.energy_J`` is without.
    supply
        What the supply gave, at the level ``behavioral``.
    energy_by_block, switching_by_block
        (n_seq,) energy [J] by supply block, and what of it is switching, where that is known.
    unresolved
        The blocks among them whose energy ngspice's tolerances give within 10 % only.
    disagreements
        Wrong steps with their causes: against the level ``ideal`` at the level ``spice``, of
        single units where some were verified.
    endings
        How each run of ngspice ended.
    verification
        What single units did in ngspice, where some were verified (`Chip.verify`).
    kernel
        What computed a run at the level ``ideal`` or a settled one at the level ``behavioral``;
        None for every other.
    warning
        What makes the result doubtful, a sentence or two; empty where nothing does.
    """

    level: str
    timing: str
    conditions: Conditions
    die: int | None
    noise: int | None
    seconds: Array
    labels: NDArray[np.int64] | None
    trace: Trace
    input_energy: Array
    supply: SupplyRecord | None = None
    energy_by_block: Mapping[str, Array] = field(default_factory=dict)
    switching_by_block: Mapping[str, Array] | None = None
    unresolved: tuple[str, ...] = ()
    disagreements: tuple[Disagreement, ...] | None = None
    endings: tuple[Ending, ...] | None = None
    verification: Verification | None = None
    kernel: str | None = None
    warning: str = ""

    @property
    def decision(self) -> NDArray[np.int64]:
        """Class index of each sequence, (n_seq,); -1 where its run failed."""
        return self.trace.decision

    @property
    def output(self) -> NDArray[Any]:
        """The head's outputs, (n_seq, n_time, n_out), in the network's units; NaN in padding."""
        assert self.trace.output is not None  # a chip's run keeps all
        return self.trace.output

    @property
    def candidates(self) -> tuple[NDArray[Any], ...]:
        """Per layer what drives the memory units, (n_seq, n_time, n_units), network's units."""
        return self.trace.candidates

    @property
    def states(self) -> tuple[NDArray[Any], ...]:
        """Per layer h, alpha times the level, (n_seq, n_time, n_units), in the network's units."""
        return self.trace.states

    @property
    def status(self) -> RunStatus:
        """Why the run ended."""
        return self.trace.status

    @property
    def finished(self) -> NDArray[np.bool_]:
        """Which sequences ended with a decision, (n_seq,)."""
        return self.decision >= 0

    @property
    def accuracy(self) -> float | None:
        """Share of right decisions among the finished ones; None without labels."""
        done = self.finished
        if self.labels is None or not done.any():
            return None
        return float(np.mean((self.decision == self.labels)[done]))

    @property
    def energy(self) -> RunEnergy:
        """What each sequence took from the supply.

        Raises
        ------
        UserError
            The level is ``ideal``: numbers without a circuit have no price.
        """
        if self.level == "ideal":
            raise UserError("level", self.level, "behavioral or spice, which price a run")
        total = self.trace.energy_J
        return RunEnergy(
            total=total,
            blocks=self.energy_by_block,
            switching=self.switching_by_block,
            power=total / self.seconds,
            inputs=self.input_energy,
        )

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield what there is to say of the run, a name and a text each."""
        settled = "" if self.level != "behavioral" else f", {self.timing}"
        yield "level", self.level + settled
        if self.level != "ideal":
            yield "conditions", str(self.conditions)
            yield "die", "nominal" if self.die is None else str(self.die)
        if self.noise is not None:
            yield "noise", str(self.noise)
        n_done, n_seq = int(self.finished.sum()), len(self.decision)
        yield "sequences", str(n_seq) if n_done == n_seq else f"{n_done} of {n_seq}"
        if self.accuracy is not None:
            yield "accuracy", f"{100 * self.accuracy:.2f} %"
        if self.level != "ideal" and n_done:
            done = self.finished
            yield "energy per sequence", render(float(np.mean(self.energy.total[done])), "J")
            yield "power", render(float(np.mean(self.energy.power[done])), "W")
            for name, joules in self.energy.blocks.items():
                coarse = ", within 10 %" if name in self.unresolved else ""
                yield f"energy: {name}", render(float(np.mean(joules[done])), "J") + coarse
        if self.verification is not None:
            yield "single units", self.verification.sentence()
        if self.warning:
            yield "warning", self.warning

    def __repr__(self) -> str:
        """Say in one line what ran and what it came to."""
        shown = {"level", "die", "noise", "sequences", "accuracy", "energy per sequence", "power"}
        said = (f"{name} {text}" for name, text in self.rows() if name in shown)
        return f"<Run: {'; '.join(said)}>"

    def _repr_html_(self) -> str:
        """Return the rows as a table, which Jupyter shows."""
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in self.rows()
        )
        return f"<table>{rows}</table>"
