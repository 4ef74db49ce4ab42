"""Write the golden netlists again, after a change that is meant to change decks.

    python -m tests.golden.regenerate

The networks are two of `tests.agreement.networks`, with fixed thresholds and with thresholds from
the input: no training, so that nothing but the mapping, the cells and the emitter can change them;
the other dialects are those of the first one, without its tables. Look at the difference before
committing.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from mru_hw.spice.dialects import DIALECTS
from tests.agreement.networks import chip_of, two_units, two_windows, write_chip

GOLDEN = Path(__file__).parents[2] / "netlists" / "golden" / "two-units"
NETWORKS = {GOLDEN.name: two_units, "two-windows": two_windows}
TRANSLATED = tuple(name for name in DIALECTS if name != "ngspice")


def write(out: Path, network: str = GOLDEN.name, dialect: str = "ngspice") -> None:
    chip = chip_of(NETWORKS[network]())
    write_chip(out, chip, dialect=dialect)


def decks(dialect: str) -> dict[str, str]:
    """Chip, bench and cards of the first network in another dialect, by file name."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / dialect, dialect=dialect)
        paths = sorted((Path(folder) / dialect).iterdir())
        return {path.name: path.read_text() for path in paths if path.suffix != ".csv"}


def golden(dialect: str) -> Path:
    return GOLDEN.with_name(f"{GOLDEN.name}-{dialect}")


if __name__ == "__main__":
    for name in NETWORKS:
        shutil.rmtree(GOLDEN.with_name(name), ignore_errors=True)
        write(GOLDEN.with_name(name), name)
    for other in TRANSLATED:
        golden(other).mkdir(exist_ok=True)
        for file, text in decks(other).items():
            (golden(other) / file).write_text(text)
