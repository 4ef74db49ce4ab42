"""How long states last: networks on sequences longer than those of their training, seed by seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mru_hw.zoo.records import Results
from mru_hw.zoo.steps import name_of
from mru_hw.zoo.table import Row, words_of

Shares = dict[int, list[float]]
"""Accuracies of the seeds by the length of the sequences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """One entry.

    Attributes
    ----------
    software, ideal
        A seed each.
    dies
        By condition, mean over the dies of a seed each; empty where no circuit holds the cell.
    n_dies
        Dies of a seed.
    """

    task: str
    cell: str
    width: int
    software: Shares
    ideal: Shares
    dies: dict[str, Shares]
    n_dies: int


def lasting(found: Sequence[Row], results: Results) -> list[Lasting]:
    """Return what is known of every row whose networks were judged on longer sequences."""
    known = (_of_row(row, results) for row in found)
    return [one for one in known if one.software]


def _of_row(row: Row, results: Results) -> Lasting:
    software, ideal = Shares(), Shares()
    dies: dict[str, Shares] = {}
    n_dies = 0
    for run in row.runs:
        record = results.persistence.get(name_of(row.entry, run.seed, run.choice))
        for one in () if record is None else record.lengths:
            software.setdefault(one.length, []).append(one.software)
            if one.ideal is not None:
                ideal.setdefault(one.length, []).append(one.ideal)
            for figure in one.dies:
                of = dies.setdefault(words_of(figure.settings), {})
                of.setdefault(one.length, []).append(figure.accuracy)
                n_dies = figure.n_dies
    at = row.entry
    return Lasting(
        task=at.task,
        cell=at.cell,
        width=at.width,
        software=software,
        ideal=ideal,
        dies=dies,
        n_dies=n_dies,
    )
