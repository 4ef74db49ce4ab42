"""Which kernel computes the level ideal and the settled level behavioral: numba's, or numpy."""

from __future__ import annotations

import importlib.metadata
import importlib.util

from mru_hw.errors import Bare, UserError

NUMBA, NUMPY = "numba", "numpy"
KERNELS = (NUMBA, NUMPY)
"""``numba``: one fused loop over all that a die has, fast. ``numpy``: the reference."""
_CHOICE = ("ideal", "settled"), ("behavioral", "settled")


def has_numba() -> bool:
    """Tell whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


def numba_version() -> dict[str, str]:
    """Return numba's version by its name; nothing where it is not installed."""
    return {NUMBA: importlib.metadata.version(NUMBA)} if has_numba() else {}


def refuse_kernel(name: str | None, level: str, timing: str) -> None:
    """Refuse the choice of a kernel where there is none.

    Raises
    ------
    UserError
        There is no such kernel, or no choice of one at this level.
    """
    if name is not None and (level, timing) not in _CHOICE:
        expected = "`level` ideal or behavioral, settled: others have no choice of it"
        raise UserError("kernel", name, expected)
    asked_kernel(name)


def asked_kernel(name: str | None) -> str:
    """Return the kernel that is asked for; without a name numba's where it is installed.

    Parameters
    ----------
    name
        One of `KERNELS`, or None.

    Raises
    ------
    UserError
        There is no such kernel, or it is not installed.
    """
    if name is None:
        return NUMBA if has_numba() else NUMPY
    if name not in KERNELS:
        raise UserError("kernel", name, f"one of {', '.join(KERNELS)}")
    if name == NUMBA and not has_numba():
        raise UserError("kernel", Bare("numba, which is not installed"), "numpy, or the extra fast")
    return name
