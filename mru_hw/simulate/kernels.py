"""Which kernel computes the settled behavioral level: compiled by numba, or numpy."""

from __future__ import annotations

import importlib.util

from mru_hw.errors import Bare, UserError

NUMBA, NUMPY = "numba", "numpy"
KERNELS = (NUMBA, NUMPY)
"""``numba``: one fused loop over a `Program`, fast. ``numpy``: the reference."""


def has_numba() -> bool:
    """Tell whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


def refuse_kernel(name: str | None, level: str, timing: str, *, noise: bool) -> None:
    """Refuse the choice of a kernel where there is none.

    Raises
    ------
    UserError
        There is no such kernel, or none but numpy at this level or with noise.
    """
    if name is not None and (level, timing) != ("behavioral", "settled"):
        raise UserError("kernel", name, "`level` behavioral, settled: others have no choice of it")
    asked_kernel(name, noise=noise)


def asked_kernel(name: str | None, *, noise: bool = False) -> str:
    """Return the kernel that is asked for; without a name numba's where it is installed.

    Parameters
    ----------
    name
        One of `KERNELS`, or None.
    noise
        Whether runs have device noise, which numpy alone draws.

    Raises
    ------
    UserError
        There is no such kernel, it is not installed, or it draws no noise.
    """
    if name is None:
        return NUMBA if has_numba() and not noise else NUMPY
    if name not in KERNELS:
        raise UserError("kernel", name, f"one of {', '.join(KERNELS)}")
    if name == NUMBA and not has_numba():
        raise UserError("kernel", Bare("numba, which is not installed"), "numpy, or the extra fast")
    if name == NUMBA and noise:
        raise UserError("kernel", name, "numpy with noise, which the compiled kernel does not draw")
    return name
