"""Make docs/validation/zoo.md of the folder that ``mru-hw zoo cells --out DIR`` has made.

    python scripts/zoo_page.py DIR

The results go to docs/validation/zoo/ beside the figures, so that a test can make the page again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mru_hw.zoo.page import write_page
from mru_hw.zoo.plan import read_zoo, shipped_zoo
from mru_hw.zoo.records import RESULTS_FILE, read_results, save_results

PAGES = Path(__file__).parents[1] / "docs" / "validation"
FIGURES = "zoo"


def main() -> None:
    """Write the page, the table, the figures and the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    plan = read_zoo(shipped_zoo("cells"))
    # Its words may have changed since it ran; what it trains is told by the records' digests.
    said = {"plan": plan.model_dump(mode="json")}
    results = read_results(folder / RESULTS_FILE).model_copy(update=said)
    write_page(plan, results, PAGES, figures=FIGURES)
    (PAGES / "zoo.csv").replace(PAGES / FIGURES / "zoo.csv")
    save_results(results, PAGES / FIGURES / RESULTS_FILE)


if __name__ == "__main__":
    main()
