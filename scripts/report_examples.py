"""Reports of four runs, as examples: ``python -m scripts.report_examples DIR [NAME …]``.

``cmru_generic180`` and ``cmru_sky130`` are the demo's network of 2 x 16 CMRU units in each
technology, ``first_quadrant`` is one of the published size, 2 x 4 FQ-BMRU units; ``three`` compares
them. Networks are trained where DIR has none, sweeps go on where they were, and every step is a
command of mru-hw that the script prints.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

import yaml

from mru_hw.cli.app import run as command

ROOT = Path(__file__).parents[1]
CONFIGURATIONS = {
    "cmru": ROOT / "mru_hw/training/configs/digits-2x16.yaml",
    "first_quadrant": ROOT / "docs/examples/first_quadrant.yaml",
}
"""What each network is trained by."""
_CORNERS = {"axis": "corner", "values": ["tt", "ff", "ss"]}
_PLACES = [
    _CORNERS,
    {"axis": "temperature", "values": [27, 85]},
    {"axis": "v_dd", "values": ["1.8 V", "1.62 V"]},
]
_SPEC = {
    "loss": {"at_most": 0.02},
    "energy": {"at_most": "450 nJ"},
    "yield": {"at_least": 0.95},
}
PLANS: dict[str, dict[str, Any]] = {
    "cmru_generic180": {
        "model": "cmru",
        "inputs": "cmru.npz",
        "tech": "generic180",
        "n_dies": 100,
        "seed": 1,
        "axes": _PLACES,
        "spec": _SPEC,
    },
    "cmru_sky130": {
        "model": "cmru",
        "inputs": "cmru.npz",
        "tech": "sky130",
        "n_dies": 100,
        "seed": 1,
        "axes": _PLACES,
        "spec": _SPEC,
    },
    "first_quadrant": {
        "model": "first_quadrant",
        "inputs": "first_quadrant.npz",
        "tech": "generic180",
        "n_dies": 100,
        "seed": 1,
        "axes": [{"axis": "i_unit", "values": ["1 nA", "300 pA", "3 nA"]}, *_PLACES[1:]],
        "spec": {"loss": {"at_most": 0.02}},
    },
}
"""What each example sweeps."""
THREE = "three"


def made(folder: Path, name: str) -> None:
    """Train, sweep and report one example; what stands there already is taken.

    Raises
    ------
    SystemExit
        A command failed.
    """
    plan = PLANS[name]
    network, inputs = str(plan["model"]), str(plan["inputs"])
    config = str(CONFIGURATIONS[network])
    if not (folder / network / "model.yaml").is_file():
        ran("train", config, "--out", str(folder / network))
    if not (folder / inputs).is_file():
        ran("inputs", config, "--out", str(folder / inputs))
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(plan, sort_keys=False), encoding="utf-8")
    ran("sweep", str(folder / f"{name}.yaml"), "--out", str(folder / f"{name}.sqlite"))
    ran("report", str(folder / f"{name}.sqlite"), "--out", str(folder / f"{name}.html"))


def compared(folder: Path) -> None:
    """Write the page that has the three runs side by side."""
    stores = [str(folder / f"{name}.sqlite") for name in PLANS]
    ran("report", *stores, "--out", str(folder / f"{THREE}.html"))


def ran(*arguments: str) -> None:
    """Run a command of mru-hw, and show it."""
    print("$", shlex.join(["mru-hw", *arguments]), flush=True)
    status = command(list(arguments))
    if status:
        raise SystemExit(status)


def main() -> None:
    """Make the examples that are named; all four where none is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    every = [*PLANS, THREE]
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(every))
    given = parser.parse_args()
    folder, asked = given.folder, given.names or every
    if unknown := set(asked) - set(every):
        parser.error(f"no such example: {', '.join(sorted(unknown))}")
    folder.mkdir(parents=True, exist_ok=True)
    for name in PLANS:
        if name in asked or THREE in asked:
            made(folder, name)
    if THREE in asked:
        compared(folder)


if __name__ == "__main__":
    main()
