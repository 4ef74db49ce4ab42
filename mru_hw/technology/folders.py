"""Where technologies lie: those that ship, and a user's own below the folder that a variable names.

Decks, plans and stores know a technology by its name; where the name leads to is said here alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from mru_hw.data import calibration_dir, circuits_dir
from mru_hw.errors import UserError

VARIABLE: Final = "MRU_HW_TECHNOLOGIES"
"""The variable of the environment that names the folder of a user's own technologies."""
FILE: Final = "technology.yaml"


def technology_names() -> tuple[str, ...]:
    """Name the technologies that ship and the user's own: each is one folder and no code.

    Raises
    ------
    UserError
        The variable names no folder, or one that has a technology of a name that ships.
    """
    own = _own_root()
    ships = _names(_shipped_root())
    theirs = () if own is None else _names(own)
    if own is not None and (twice := sorted(set(ships) & set(theirs))):
        raise UserError(f"{own / twice[0]}", twice[0], "a name that no shipped technology has")
    return tuple(sorted((*ships, *theirs)))


def technology_folder(name: str) -> Path:
    """Return the folder of a technology's document and cards, which need not be there."""
    return _own_folder(name) or _shipped_root() / name


def constants_folder(name: str) -> Path:
    """Return the folder of a technology's constants; a user's own has them beside its document."""
    return _own_folder(name) or calibration_dir()


def place_of(name: str) -> str:
    """Say where a technology's document lies, without the folders of this machine."""
    if _own_folder(name) is None:
        return f"circuits/technology/{name}/{FILE} of mru_hw"
    return f"{name}/{FILE} in {VARIABLE}"


def others() -> str:
    """Say where a technology that is not among the known ones can be put."""
    return "" if os.environ.get(VARIABLE) else f"; {VARIABLE} can name a folder of others"


def _shipped_root() -> Path:
    return circuits_dir() / "technology"


def _own_root() -> Path | None:
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    root = Path(named)
    if not root.is_absolute() or not root.is_dir():  # workers have folders of their own
        raise UserError(VARIABLE, named, "the absolute path of a folder of technologies")
    return root


def _own_folder(name: str) -> Path | None:
    root = _own_root()
    return root / name if root is not None and name in _names(root) else None


def _names(root: Path) -> tuple[str, ...]:
    return tuple(path.parent.name for path in root.glob(f"*/{FILE}"))
