"""A netlist on disk: chip, bench, model cards and tables, for one simulator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.budget.elements import write_element_errors
from mru_hw.budget.table import Budget, make_budget, write_budget
from mru_hw.circuits.statements import Comment, Include, Measure, Source, Statement
from mru_hw.files import refuse_foreign, whole_folder
from mru_hw.mapping.design import Design
from mru_hw.model.network import Model
from mru_hw.spice.bench import Bench, make_bench
from mru_hw.spice.chip import refuse_without_circuit
from mru_hw.spice.deck import BENCH, CHIP
from mru_hw.spice.dialects import DIALECTS, Dialect, dialect_named
from mru_hw.spice.dialects.base import MEASURES, STIMULUS
from mru_hw.spice.dialects.flat import flat_bench, flat_chip, refuse_kit
from mru_hw.spice.dies import die_changes
from mru_hw.spice.elements import write_elements
from mru_hw.spice.expected import Expected, write_expected
from mru_hw.spice.measures import is_of_frames
from mru_hw.spice.options import Tolerances
from mru_hw.spice.text import deck_lines
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions
from mru_hw.variation import Die

ELEMENTS = "elements.csv"
BUDGET = "budget.csv"
ERRORS = "errors.csv"
EXPECTED = "expected.csv"
_EARLIER = ".spiceinit"
"""What an earlier version wrote beside the rest; such a folder may be replaced."""
DECLARED_FRAMES = 4
PART_LINES = 200
"""Of input currents, or of measures of frames and parts of sums; more stand in their own file."""


def netlist_files(technology: Technology, dialect: str = "ngspice") -> tuple[str, ...]:
    """Name the files of a netlist's folder.

    A long stimulus and many measures stand beside them; `EXPECTED` is there where the array has
    figures.
    """
    language = dialect_named(dialect)
    decks = (language.file(CHIP), language.file(BENCH))
    return (*decks, *language.model_files(technology), ELEMENTS, BUDGET, ERRORS, EXPECTED)


def declared_frames(n_in: int) -> NDArray[np.float64]:
    """Return a short stimulus for a bench without inputs: every feature walks through -1, 0, 1."""
    t, k = np.meshgrid(np.arange(DECLARED_FRAMES), np.arange(n_in), indexing="ij")
    frames: NDArray[np.float64] = ((t + k) % 3 - 1).astype(np.float64)
    return frames


def refuse_netlist(out: Path, design: Design, dialect: str, *, drawn: bool) -> None:
    """Refuse what `write_netlist` would, before anything is computed for it.

    Parameters
    ----------
    out, design, dialect
        As of `write_netlist`.
    drawn
        Whether it is of a die.

    Raises
    ------
    UserError
        There is no such dialect or it takes no die of the technology, a part of the Design has no
        transistor circuit yet, or `out` holds something else.
    """
    dialect_named(dialect)
    refuse_without_circuit(design)
    if drawn and dialect != "ngspice":
        refuse_kit(design.technology, dialect)
    refuse_foreign(out, marker=ELEMENTS, what="netlist", allowed=_all_files(design.technology))


def write_netlist(
    out: Path,
    model: Model,
    design: Design,
    calibration: Calibration,
    *,
    conditions: Conditions,
    frames: NDArray[np.float64],
    expected: Expected | str,
    die: Die | None = None,
    dialect: str = "ngspice",
    tolerances: Tolerances = Tolerances.DEFAULT,
    budget: Budget | None = None,
) -> tuple[str, ...]:
    """Write a netlist's folder; it appears whole or not at all, over an earlier netlist only.

    Parameters
    ----------
    out
        The folder.
    model, design, calibration
        The trained network, the chip, and what its currents amount to.
    conditions
        Corner, temperature, supply of the bench.
    frames
        (n_time, n_in) normalised inputs.
    expected
        What the array has for this bench, or a sentence that says why it has nothing.
    die
        Mismatch; the nominal chip when None. ngspice has it as commands in the bench, the other
        dialects as parameters of a flat chip's devices.
    dialect
        Which simulator the folder is for.
    tolerances
        How closely the bench asks it to solve.
    budget
        The chip's error budget; computed when None.

    Returns
    -------
    tuple
        The names of the files.

    Raises
    ------
    UserError
        As `refuse_netlist` says.
    """
    refuse_netlist(out, design, dialect, drawn=die is not None)
    language = dialect_named(dialect)
    bench = make_bench(design, frames, conditions, die=die, tolerances=tolerances, measures=True)
    with whole_folder(out) as part:
        for name, statements in _decks(bench, design, die, expected, language):
            _write(part / language.file(name), language.lines(statements))
        for name, text in language.model_files(design.technology).items():
            (part / name).write_text(text, encoding="utf-8")
        write_elements(part / ELEMENTS, model, design, calibration, bench.chip)
        counted = budget or make_budget(model, design, calibration)
        write_budget(part / BUDGET, counted)
        write_element_errors(part / ERRORS, counted.chip)
        if not isinstance(expected, str):
            write_expected(part / EXPECTED, expected, design)
        return tuple(sorted(path.name for path in part.iterdir()))


def _decks(
    bench: Bench, design: Design, die: Die | None, expected: Expected | str, language: Dialect
) -> Iterator[tuple[str, Iterable[Statement]]]:
    """Yield name and statements of chip, bench and, where they are long, parts of the bench."""
    player = bench.player
    if die is not None and language.name != "ngspice":
        yield CHIP, flat_chip(bench.chip, die_changes(design, die))
        player = tuple(flat_bench(player))
    else:
        yield CHIP, bench.chip.statements()
    said = [Comment(text=text) for text in (language.missing_models(design.technology),) if text]
    if isinstance(expected, str):
        said.append(Comment(text=f"no {EXPECTED}: {expected}"))
    kept: list[Statement] = [player[0], *said, *player[1:]]
    for name, title, belongs in _PARTS:
        part = [statement for statement in kept if belongs(statement)]
        if len(list(deck_lines(part))) > PART_LINES:
            at = kept.index(part[0])
            kept = [statement for statement in kept if not belongs(statement)]
            kept.insert(at, Include(file=name))
            yield name, (Comment(text=title), *part)
    yield BENCH, kept


def _is_input(statement: Statement) -> bool:
    return isinstance(statement, Source) and statement.name.startswith("ix")


def _is_of_frames(statement: Statement) -> bool:
    return isinstance(statement, Measure) and is_of_frames(statement)


_PARTS = (
    (STIMULUS, "the input currents of the bench", _is_input),
    (MEASURES, "the measures of single frames, and parts of their sums", _is_of_frames),
)
"""What stands in a file of its own where it is long: its name, its first line, what belongs."""


def _all_files(technology: Technology) -> set[str]:
    """Name what a netlist in any dialect may hold: one may replace another."""
    parts = (STIMULUS, MEASURES)
    known = {language.file(name) for language in DIALECTS.values() for name in parts}
    return known.union({_EARLIER}, *(netlist_files(technology, name) for name in DIALECTS))


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(f"{line}\n" for line in lines)
