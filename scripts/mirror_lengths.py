"""Mirrors against channel length, in ngspice: what sizing and the error budget stand on.

    python -m scripts.mirror_lengths [--tech sky130]

writes ``raw/<technology>_lengths.csv`` beside its constants, one row a number with its conditions
(`mru_hw.spice.characterize.lengths`).
"""

from __future__ import annotations

import argparse

from mru_hw.mapping.sizing import COLUMNS
from mru_hw.spice.characterize.base import write_rows
from mru_hw.spice.characterize.lengths import measured_lengths
from mru_hw.technology import load_technology
from mru_hw.technology.folders import constants_folder


def main() -> None:
    """Run the benches and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tech", default="generic180")
    technology = load_technology(parser.parse_args().tech)
    path = constants_folder(technology.name) / "raw" / f"{technology.name}_lengths.csv"
    write_rows(path, COLUMNS, measured_lengths(technology))


if __name__ == "__main__":
    main()
