"""Where ngspice's shared library lies."""

from __future__ import annotations

import ctypes
import os
from ctypes.util import find_library

from mru_hw.errors import UserError

VARIABLE = "NGSPICE_LIBRARY_PATH"


def ngspice_library() -> str:
    """Return what to load as ngspice's shared library.

    PySpice opens ``libngspice.so``, which Debian ships in its development package only; the
    runtime package has ``libngspice.so.0``, which the system's own search finds.
    ``NGSPICE_LIBRARY_PATH`` overrides it.

    Raises
    ------
    UserError
        When no such library is there, or it does not load.
    """
    expected = "an installed ngspice: apt-get install ngspice libngspice0 (Debian, Ubuntu)"
    name = os.environ.get(VARIABLE) or find_library("ngspice")
    if not name:
        raise UserError("spice", "without libngspice", expected)
    try:
        ctypes.CDLL(name)
    except OSError:
        raise UserError("spice", name, expected) from None
    return name
