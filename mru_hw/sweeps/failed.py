"""Records of what failed on a die: units, sequences, and a sequence in ngspice beside the array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from mru_hw.errors import RunStatus
from mru_hw.simulate.causes import Disagreement, table
from mru_hw.sweeps.explain import Rerun


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FailedUnit:
    """A unit that made wrong steps.

    Attributes
    ----------
    steps, sequences
        How many wrong steps, and in how many sequences.
    causes
        Of them, by `mru_hw.simulate.causes.Cause`'s words.
    first
        The first of them.
    """

    layer: int
    unit: int
    steps: int
    sequences: int
    causes: dict[str, int]
    first: Disagreement

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return _data(self)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FailedSequence:
    """A sequence that the die decides wrongly.

    Attributes
    ----------
    sequence
        Its number in the inputs' file.
    label, ideal, nominal, die
        The classes: what it is, and what the level ideal, the nominal die at the same condition and
        the die take it for.
    steps
        Wrong steps of the die in it.
    first
        The first of them; None where there is none.
    """

    sequence: int
    frames: int
    label: int
    ideal: int
    nominal: int
    die: int
    steps: int
    first: Disagreement | None

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return _data(self)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One sequence of the die in ngspice.

    Attributes
    ----------
    status
        How ngspice ended.
    decision
        Its class; -1 where it did not end.
    alike
        Wrong steps that the array makes too, alike to the level.
    array, ngspice
        Wrong steps of one of them alone.
    steps
        Units times frames.
    """

    sequence: int
    status: RunStatus
    decision: int
    steps: int
    alike: tuple[Disagreement, ...]
    array: tuple[Disagreement, ...]
    ngspice: tuple[Disagreement, ...]
    core_seconds: float

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "sequence": self.sequence,
            "status": self.status.name.lower(),
            "decision": self.decision,
            "steps": self.steps,
            **{
                name: [one.row() for one in getattr(self, name)]
                for name in ("alike", "array", "ngspice")
            },
            "core_seconds": self.core_seconds,
        }

    def lines(self) -> Iterator[str]:
        """Write it for a person."""
        if self.status is not RunStatus.DONE:
            yield f"ngspice, sequence {self.sequence}: {self.status.value}"
            return
        yield (
            f"ngspice, sequence {self.sequence}: decides {self.decision}; of {self.steps} steps "
            f"{len(self.alike)} are wrong alike, {len(self.array)} in the array alone, "
            f"{len(self.ngspice)} in ngspice alone ({self.core_seconds:.0f} s)."
        )
        yield from table((*self.array, *self.ngspice))


def failed_units(steps: Sequence[Disagreement]) -> Iterator[FailedUnit]:
    """Yield the units that made wrong steps, which are in order; the one with most first."""
    by_unit: dict[tuple[int, int], list[Disagreement]] = {}
    for one in steps:
        by_unit.setdefault((one.layer, one.unit), []).append(one)
    for (layer, unit), own in sorted(by_unit.items(), key=lambda item: (-len(item[1]), item[0])):
        yield FailedUnit(
            layer=layer,
            unit=unit,
            steps=len(own),
            sequences=len({one.sequence for one in own}),
            causes=dict(Counter(one.cause.value for one in own).most_common()),
            first=own[0],
        )


def failed_sequences(found: Rerun, steps: Sequence[Disagreement]) -> Iterator[FailedSequence]:
    """Yield what a die decides wrongly.

    First stands what the nominal die at the same condition decides rightly, then what the level
    ideal does.
    """
    inputs, first = found.subject.inputs, found.subject.first_sequence
    own: dict[int, list[Disagreement]] = {}
    for one in steps:
        own.setdefault(one.sequence, []).append(one)
    labels = np.asarray(inputs.y)
    wrong = np.flatnonzero(found.decision != labels)
    by_nominal, by_ideal = found.nominal != labels, found.reference != labels
    for row in sorted(wrong, key=lambda k: (by_nominal[k], by_ideal[k], k)):
        there = own.get(first + int(row), [])
        yield FailedSequence(
            sequence=first + int(row),
            frames=int(inputs.lengths[row]),
            label=int(labels[row]),
            ideal=int(found.reference[row]),
            nominal=int(found.nominal[row]),
            die=int(found.decision[row]),
            steps=len(there),
            first=there[0] if there else None,
        )


def _data(one: FailedUnit | FailedSequence) -> dict[str, Any]:
    data = {name: getattr(one, name) for name in one.__slots__}
    return data | {"first": None if one.first is None else one.first.row()}
