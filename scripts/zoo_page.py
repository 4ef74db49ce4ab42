"""Make docs/zoo.md of what ``mru-hw zoo cells --out DIR`` has found: ``scripts/zoo_page.py DIR``.

The results go to docs/zoo/ beside the figures, so that a test can make the page again.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from mru_hw.zoo.page import write_page
from mru_hw.zoo.plan import read_zoo, shipped_zoo
from mru_hw.zoo.records import RESULTS_FILE, read_results

DOCS = Path(__file__).parents[1] / "docs"
FIGURES = "zoo"


def main() -> None:
    """Write the page, the table, the figures and the results."""
    found = Path(sys.argv[1]) / RESULTS_FILE
    results = read_results(found)
    write_page(read_zoo(shipped_zoo("cells")), results, DOCS, figures=FIGURES)
    (DOCS / "zoo.csv").replace(DOCS / FIGURES / "zoo.csv")
    shutil.copyfile(found, DOCS / FIGURES / RESULTS_FILE)


if __name__ == "__main__":
    main()
