"""Mutated files at the commands that read them: ``python -m tests.fuzz --help``."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

# Before numpy and torch load, as in the tests: one thread of arithmetic.
os.environ |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
os.environ["MPLBACKEND"] = "Agg"

import numpy as np

from tests.fuzz.calls import Outcome
from tests.fuzz.cases import KINDS, SLOW
from tests.fuzz.judge import run_case
from tests.fuzz.template import make_template

APART = 20
"""One case in so many runs in a process of its own."""


def shares(cases: int) -> dict[str, int]:
    """Return how many cases of each kind make so many in all, or hardly more."""
    total = sum(weight for weight, _ in KINDS.values())
    return {kind: -(-cases * weight // total) for kind, (weight, _) in (KINDS | SLOW).items()}


def run_cases(
    kinds: Sequence[str], cases: int, first: int, template: Path, place: Path
) -> Iterator[Outcome]:
    """Run cases of some kinds, so many as if all kinds were run."""
    for kind, share in shares(cases).items():
        if kind not in kinds:
            continue
        for number in range(first, first + share):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            yield run_case(kind, number, template, place, apart=number % APART == APART - 1)


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the kinds of cases by status, and how many different sentences there were."""
    statuses = sorted({one.status for one in outcomes})
    head = f"{'kind':22}{'cases':>7}" + "".join(f"{status:>7}" for status in statuses)
    rows = [head + f"{'kinds of sentences':>20}{'slowest':>10}{'faults':>8}"]
    kinds = list(dict.fromkeys(one.kind for one in outcomes))
    for kind in (*kinds, "all"):
        some = [one for one in outcomes if kind in {one.kind, "all"}]
        count = Counter(one.status for one in some)
        sentences = {one.sentence for one in some if one.status == 2}
        rows.append(
            f"{kind:22}{len(some):>7}"
            + "".join(f"{count[status]:>7}" for status in statuses)
            + f"{len(sentences):>20}{max(one.seconds for one in some):>8.1f} s"
            + f"{sum(bool(one.faults) for one in some):>8}"
        )
    return "\n".join(rows)


def main() -> int:
    """Run cases, print one JSON line each or a table, and end with 1 where any has a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--kind", action="append", choices=[*KINDS, *SLOW], help="all but slow ones else"
    )
    parser.add_argument("--cases", type=int, default=1000, help="of all kinds together")
    parser.add_argument("--first", type=int, default=0, help="number of the first of each kind")
    parser.add_argument("--only", type=int, help="run this one number of one kind, and keep it")
    parser.add_argument("--folder", type=Path, help="for files; a temporary one else")
    parser.add_argument("--json", action="store_true", help="one line a case, no table")
    asked = parser.parse_args()
    np.seterr(all="raise", under="ignore")
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "invalid escape sequence")  # PySpice 1.5, compiled afresh
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        template = folder / "template"
        if not template.exists():
            make_template(template)
        kinds, cases, first = asked.kind or [*KINDS], asked.cases, asked.first
        if asked.only is not None:
            cases, first = 1, asked.only
        outcomes = []
        for one in run_cases(kinds, cases, first, template, folder / "place"):
            outcomes.append(one)
            shown = {**asdict(one), "sentence": one.sentence}
            if asked.json or asked.only is not None:
                sys.stdout.write(json.dumps(shown) + "\n")
                sys.stdout.flush()
            elif one.faults:
                said = f"{one.call.said}\n    {' '.join(one.call.arguments)}\n    {one.said}"
                sys.stdout.write(f"{one.kind} {one.number}: {one.faults}\n    {said[:900]}\n")
                sys.stdout.flush()
    if not asked.json:
        sys.stdout.write(table(outcomes) + "\n")
    return int(any(one.faults for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
