"""A sweep as a table in a file: one row a run, for spreadsheets and data frames."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from mru_hw.errors import MISSING, UserError
from mru_hw.files import refuse_foreign, whole_file

if TYPE_CHECKING:
    from mru_hw.sweeps.face import Sweep

_CSV, _PARQUET = "study,point,trial,die,", "PAR1"
"""How such a file begins."""


def export(sweep: Sweep, out: Path) -> None:
    """Write the rows of a sweep; the file appears whole or not at all.

    Parameters
    ----------
    out
        A path that ends in ``.csv`` (text, what a run has not is empty) or ``.parquet``.

    Raises
    ------
    UserError
        It ends otherwise, something else stands there, or what writes Parquet is not installed.
    """
    kind = out.suffix.lower()
    if kind not in {".csv", ".parquet"}:
        raise UserError("out", str(out), "a path that ends in .csv or .parquet")
    refuse_foreign(out, marker=_CSV if kind == ".csv" else _PARQUET, what="table of a sweep")
    if kind == ".parquet":
        _write_parquet(sweep, out)
        return
    names = list(dict.fromkeys(name for row in sweep.rows for name in row)) or ["study"]
    with whole_file(out) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(sweep.rows)


def _write_parquet(sweep: Sweep, out: Path) -> None:
    frame = sweep.frame()
    try:
        import pyarrow as pa  # noqa: F401 (what pandas writes Parquet with)
    except ModuleNotFoundError:
        expected = 'pip install "mru-hw[table]", or a path that ends in .csv'
        raise UserError("pyarrow", MISSING, expected) from None
    with whole_file(out) as part:
        frame.to_parquet(part, engine="pyarrow", index=False)
