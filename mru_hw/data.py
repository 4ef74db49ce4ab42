"""Where the data that ships with the package lies: cell views, model cards, calibration.

In a source checkout, and so in an editable install, ``circuits/`` and ``calibration/`` stand
beside the package; in a wheel they lie inside it, under ``_data``.
"""

from __future__ import annotations

import importlib.resources
from importlib.resources.abc import Traversable
from pathlib import Path

from mru_hw.errors import MruHwError


def circuits_dir() -> Path:
    """Return the folder of the cell views and of ``technology/``, the model cards.

    Raises
    ------
    MruHwError
        When the installation lacks the folder.
    """
    return _data_dir("circuits", importlib.resources.files("mru_hw"))


def calibration_dir() -> Path:
    """Return the folder of the calibration files that ship with the package.

    Raises
    ------
    MruHwError
        When the installation lacks the folder.
    """
    return _data_dir("calibration", importlib.resources.files("mru_hw"))


def bibliography_file() -> Path:
    """Return where the bibliography lies, ``references.bib``.

    Raises
    ------
    MruHwError
        When the installation lacks its folder.
    """
    return _data_dir("docs", importlib.resources.files("mru_hw")) / "references.bib"


def _data_dir(name: str, package: Traversable) -> Path:
    if not isinstance(package, Path):
        # A simulator opens these files by path, so an archive will not do.
        raise MruHwError(f"mru_hw is imported from {package}, expected a folder on disk.")
    candidates = (package / "_data" / name, package.parent / name)
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise MruHwError(f"The data folder {name} is missing, expected it at {candidates[0]}.")
