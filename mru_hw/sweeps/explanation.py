"""Why a die decides otherwise than the level ideal: its units, its sequences, its netlist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import numpy as np

from mru_hw.errors import UserError
from mru_hw.model.structure import normalised
from mru_hw.simulate.causes import Disagreement, meanings, table
from mru_hw.simulate.disagreement import explain as explain_steps
from mru_hw.simulate.disagreement import step_rules
from mru_hw.simulate.doubts import warning
from mru_hw.simulate.expected import expected_figures
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.settled_steps import blamed_on_stuck
from mru_hw.simulate.spice_level import simulate_spice
from mru_hw.simulate.spice_size import refuse_long
from mru_hw.spice.folder import refuse_netlist, write_netlist
from mru_hw.sweeps.explain import Rerun, rerun
from mru_hw.sweeps.failed import Beside, failed_sequences, failed_units
from mru_hw.sweeps.ready import in_plan_words, point_doubts
from mru_hw.sweeps.told import percent
from mru_hw.words import many

SHOWN = 20
"""Wrong steps of a sequence, and lost sequences, that are written for a person."""


@final
class Explanation:
    """One die of a sweep: which sequences, units and frames failed on it, and why.

    Wrong steps are told against the network that the chip amounts to, at the level ``ideal``.

    Attributes
    ----------
    die, point, trial
        Seed of the die, number of the point, and which of the networks drawn at it.
    why
        At which condition that is, and why this point and this die, in a sentence.
    accuracy, ideal, nominal
        Shares of right decisions of the die, of the network that the chip amounts to, and of the
        nominal die at the same condition.
    steps
        Every wrong step with its cause, as they are due; sequences as the inputs' file counts them.
    n_steps
        Units times frames, right and wrong.
    units
        Those with wrong steps, the one with most first.
    sequences
        Those that the die decides wrongly; first those that it loses against the nominal die at the
        same condition, then the others that `ideal` decides rightly.
    lost
        Numbers of those that the nominal die at the same condition decides rightly.
    chosen
        The sequence that netlists play: the shortest that the nominal die decides rightly, else the
        shortest that `ideal` does, else the one with most wrong steps.
    warning
        What makes the figures doubtful, in sentences; empty where nothing does.
    """

    def __init__(self, found: Rerun) -> None:
        self._found, subject = found, found.subject
        self.die, self.trial = found.chosen.seed, found.chosen.trial
        self.point, self.why = found.chosen.point.number, found.chosen.why
        self._first = subject.first_sequence
        labels = np.asarray(subject.inputs.y)
        self.accuracy = float(np.mean(found.decision == labels))
        self.ideal = float(np.mean(found.reference == labels))
        self.nominal = float(np.mean(found.nominal == labels))
        rows = sorted(found.steps, key=_due)
        self.steps = tuple(replace(one, sequence=one.sequence + self._first) for one in rows)
        self.n_steps = int(subject.inputs.lengths.sum()) * sum(
            bank.n_units for bank in found.design.banks
        )
        self.units = tuple(failed_units(self.steps))
        self.sequences = tuple(failed_sequences(found, self.steps))
        self.lost = tuple(one.sequence for one in self.sequences if one.nominal == one.label)
        self.chosen = self._choose()
        doubts = point_doubts(subject, found.design, found.chip.setup)
        self.warning = in_plan_words(warning([doubts]))

    def _choose(self) -> int:
        stepped = [one for one in self.sequences if one.steps]
        for lost in (
            [one for one in stepped if one.nominal == one.label],
            [one for one in stepped if one.ideal == one.label],
        ):
            if lost:
                return min(lost, key=lambda one: (one.frames, one.sequence)).sequence
        counts = Counter(one.sequence for one in self.steps)
        return counts.most_common(1)[0][0] if counts else self._first

    def of_sequence(self, sequence: int | None = None) -> tuple[Disagreement, ...]:
        """Return the wrong steps of a sequence, by its number in the inputs' file.

        Raises
        ------
        UserError
            The sweep did not run it.
        """
        number = self._first + self._row(sequence)
        return tuple(one for one in self.steps if one.sequence == number)

    def netlist(
        self, folder: str | Path, sequence: int | None = None, *, dialect: str = "ngspice"
    ) -> tuple[str, ...]:
        """Write the die as a netlist whose bench plays a sequence; `chosen` when None.

        Of the dialect ngspice, ``ngspice -b bench.cir`` in the folder runs it. Noise is no part.

        Parameters
        ----------
        folder, dialect
            As of `Chip.netlist`.
        sequence
            By its number in the inputs' file.

        Returns
        -------
        tuple
            The names of the files.

        Raises
        ------
        UserError
            The sweep did not run the sequence, `folder` holds something else, there is no such
            dialect or none but ngspice takes a die of the technology, or a part of the network has
            no transistors yet.
        """
        found, row = self._found, self._row(sequence)
        refuse_netlist(Path(folder), found.design, dialect, drawn=True)
        inputs, conditions = found.subject.inputs, found.chip.setup.conditions
        frames = normalised(found.design.spec, inputs.x[row, : inputs.lengths[row]])
        constants = found.subject.constants(found.design)
        return write_netlist(
            Path(folder),
            found.chip.setup.model,
            found.design,
            constants,
            conditions=conditions,
            frames=frames,
            expected=expected_figures(
                found.design, constants, frames, conditions=conditions, die=found.die
            ),
            die=found.die,
            dialect=dialect,
        )

    def ngspice(self, sequence: int | None = None, *, time_limit_s: float = 7200.0) -> Beside:
        """Run a sequence of the die in ngspice, beside the array; `chosen` when None.

        Parameters
        ----------
        sequence
            By its number in the inputs' file.
        time_limit_s
            Limit of ngspice's processor time [s].

        Raises
        ------
        UserError
            The sweep did not run the sequence, it takes more memory than there is, or ngspice is
            not installed.
        """
        found, row = self._found, self._row(sequence)
        conditions = found.chip.setup.conditions
        inputs = found.subject.inputs.take(slice(row, row + 1))
        refuse_long(found.design, inputs)
        result = simulate_spice(
            found.design,
            found.subject.constants(found.design),
            inputs,
            conditions=conditions,
            die=found.die,
            workers=1,
            time_limit_s=time_limit_s,
        )
        rules = step_rules(
            found.mapped, found.design, found.subject.constants(found.design), found.die, conditions
        )
        reference = simulate_ideal(found.mapped, inputs)
        told = explain_steps(result, found.mapped, found.design, rules, inputs, reference)
        wrong = blamed_on_stuck(told, found.die)
        number = self._first + row
        theirs = {_what(one): replace(one, sequence=number) for one in wrong}
        ours = {_what(one): one for one in self.of_sequence(number)}
        return Beside(
            sequence=number,
            status=result.status[0],
            decision=int(result.trace.decision[0]),
            steps=int(inputs.lengths[0]) * sum(bank.n_units for bank in found.design.banks),
            alike=tuple(ours[key] for key in ours if key in theirs),
            array=tuple(ours[key] for key in ours if key not in theirs),
            ngspice=tuple(theirs[key] for key in theirs if key not in ours),
            core_seconds=float(result.core_seconds[0]),
        )

    def _row(self, sequence: int | None) -> int:
        number = self.chosen if sequence is None else sequence
        last = self._first + self._found.subject.inputs.n_seq - 1
        if not self._first <= number <= last:
            raise UserError("sequence", number, f"{self._first} to {last}, which the sweep ran")
        return number - self._first

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        causes = Counter(one.cause.value for one in self.steps)
        return {
            "die": self.die,
            "point": self.point,
            "trial": self.trial,
            "why": self.why,
            "settings": dict(self._found.chosen.point.settings),
            "design": self._found.design.digest(),
            "accuracy": self.accuracy,
            "ideal": self.ideal,
            "nominal": self.nominal,
            "lost": list(self.lost),
            "steps": self.n_steps,
            "wrong_steps": len(self.steps),
            "causes": dict(causes.most_common()),
            "chosen": self.chosen,
            "units": [one.as_data() for one in self.units],
            "sequences": [one.as_data() for one in self.sequences],
            "warning": self.warning or None,
        }

    def __repr__(self) -> str:
        """Say in one line which die it is, and how it fares."""
        return (
            f"<Explanation: die {self.die} of point {self.point}, {100 * self.accuracy:.2f} % "
            f"right, {many(len(self.steps), 'wrong step')}>"
        )

    def __str__(self) -> str:
        """Return the lines for a person."""
        return "\n".join(self.lines())

    def lines(self, n_rows: int = 10, sequence: int | None = None) -> Iterator[str]:
        """Write it for a person.

        Parameters
        ----------
        n_rows
            Of units and of sequences, at most.
        sequence
            The one whose steps are listed; `chosen` when None.
        """
        n = self._found.subject.inputs.n_seq
        lost = sum(one.ideal == one.label for one in self.sequences)
        yield (
            f"Die {self.die} of point {self.point}: {100 * self.accuracy:.2f} % right, ideal "
            f"{100 * self.ideal:.2f} %. Decided wrongly: {len(self.sequences)} of "
            f"{many(n, 'sequence')}, {lost} of them rightly by the level ideal."
        )
        named = ", ".join(map(str, self.lost[:SHOWN])) + (", …" if len(self.lost) > SHOWN else "")
        yield (
            f"The nominal die there: {100 * self.nominal:.2f} % right. Lost against it: "
            f"{many(len(self.lost), 'sequence')}{f' ({named})' if named else ''}."
        )
        yield self.why
        causes = Counter(one.cause.value for one in self.steps).most_common()
        told = ", ".join(f"{count} {name}" for name, count in causes)
        share = percent(len(self.steps) / self.n_steps)
        yield (
            f"Wrong steps: {len(self.steps)} of {self.n_steps} ({share})"
            f"{f': {told}' if told else ''}."
        )
        yield from self._tables(n_rows)
        steps = self.of_sequence(sequence)
        if steps:
            more = f", the first {SHOWN}" if len(steps) > SHOWN else ""
            yield f"Wrong steps of sequence {steps[0].sequence}{more}:"
            yield from table(steps[:SHOWN], self.steps)
        else:
            yield from meanings(one.cause for one in self.steps)

    def _tables(self, n_rows: int) -> Iterator[str]:
        head = ("sequence", "frames", "label", "ideal", "nominal", "die", "wrong steps")
        shown = [
            (s.sequence, s.frames, s.label, s.ideal, s.nominal, s.die, s.steps, *_told(s.first))
            for s in self.sequences[:n_rows]
        ]
        yield from _rows((*head, "first at", "cause"), shown)
        columns = ("layer", "unit", "wrong steps", "sequences", "first in")
        there = [
            (u.layer, u.unit, u.steps, u.sequences, u.first.sequence, *_told(u.first))
            for u in self.units[:n_rows]
        ]
        yield from _rows((*columns, "first at", "cause"), there)


def explain(
    path: str | Path,
    die: int | None = None,
    *,
    point: int | None = None,
    trial: int | None = None,
    model: str | Path | None = None,
    inputs: str | Path | None = None,
) -> Explanation:
    """Run one die of a sweep again and say what failed on it; parameters are those of `rerun`."""
    return Explanation(
        rerun(Path(path), die=die, point=point, trial=trial, model=model, inputs=inputs)
    )


def _due(step: Disagreement) -> tuple[int, int, int, int]:
    """Return when a step is due: within a frame layers step one after the other."""
    return step.sequence, step.frame, step.layer, step.unit


def _what(step: Disagreement) -> tuple[int, int, int, int]:
    """Return what is alike in two runs of a sequence that make the same wrong step."""
    return step.layer, step.unit, step.frame, step.found


def _told(step: Disagreement | None) -> tuple[str, str]:
    if step is None:
        return "", ""
    return f"{step.layer}/{step.unit}, frame {step.frame}", step.cause.value


def _rows(head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> Iterator[str]:
    """Write a table; nothing without rows."""
    if not rows:
        return
    texts = [head, *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(row[k]) for row in texts) for k in range(len(head))]
    for row in texts:
        yield "  ".join(word.rjust(width) for word, width in zip(row, widths, strict=True))
