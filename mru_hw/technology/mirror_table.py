"""The table of mirrors over their length: where it lies, and which cards it was measured with.

It stands beside the constants, ``raw/<technology>_lengths.csv``, one row a number with its
conditions. Rows of the bench `MADE_WITH` have the hashes of the model cards and of the device
classes, as a calibration has them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from mru_hw.errors import MISSING, UserError
from mru_hw.files import refuse_foreign, whole_file
from mru_hw.technology.calibration import refuse_other_devices
from mru_hw.technology.folders import constants_folder
from mru_hw.technology.technology import Technology

COLUMNS = (
    "bench",
    "polarity",
    "l_um",
    "cascode",
    "corner",
    "temperature_degC",
    "units",
    "i_in_A",
    "v_ds_V",
    "value",
    "unit",
)
MADE_WITH = "made_with"
_HASHES = ("models_hash", "devices_hash")


def table_beside(constants: Path) -> Path:
    """Return where the table lies of a file of constants."""
    return constants.parent / "raw" / f"{constants.stem}_lengths.csv"


def refuse_other_table(path: Path) -> None:
    """Raise `UserError` where the table would replace somebody's own file."""
    refuse_foreign(path, marker=",".join(COLUMNS), what="table of mirrors over their length")


def write_table(path: Path, technology: Technology, rows: Iterable[Mapping[str, str]]) -> None:
    """Write what was measured, and the hashes of what it was measured with."""
    refuse_other_table(path)
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        made = (technology.models_hash(), technology.devices_hash())
        for name, value in zip(_HASHES, made, strict=True):
            writer.writerow({"bench": MADE_WITH, "value": value, "unit": name})


def read_table(technology: Technology) -> list[dict[str, str]]:
    """Read what was measured of a technology.

    Raises
    ------
    UserError
        There is no table, or it was made with other model cards or device sizes.
    """
    path = table_beside(constants_folder(technology.name) / f"{technology.name}.yaml")
    if not path.is_file():
        expected = f"a technology with the table {path.name}: mru-hw characterize makes it, as "
        raise UserError("tech", technology.name, f"{expected}{path}")
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    made = {row["unit"]: row["value"] for row in rows if row["bench"] == MADE_WITH}
    for name in _HASHES:
        if name not in made:
            expected = f"that of {technology.name}'s cards and sizes: characterize again"
            raise UserError(f"{path.name}: {name}", MISSING, expected)
    refuse_other_devices(made["models_hash"], made["devices_hash"], technology, path.name)
    return [row for row in rows if row["bench"] != MADE_WITH]
