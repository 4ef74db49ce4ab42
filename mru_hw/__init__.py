"""Trained memory-recurrent networks on their way to analog silicon.

The public names are those of `__all__` (docs/reference/api.md); each loads what it needs when it is
first used, so that importing the package is quick and loads neither numpy nor torch. What stands
behind them, in the packages below, may change from version to version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mru_hw.errors import UserError
from mru_hw.version import __version__

if TYPE_CHECKING:
    from mru_hw.mapping.options import DesignOptions
    from mru_hw.model.importer import import_weights
    from mru_hw.model.io import load_model
    from mru_hw.simulate.run import Chip
    from mru_hw.stimulus.inputs import load_inputs
    from mru_hw.sweeps.face import read_sweep, sweep
    from mru_hw.technology.technology import load_technology
    from mru_hw.twin.face import train

__all__ = [
    "Chip",
    "DesignOptions",
    "UserError",
    "__version__",
    "import_weights",
    "load_inputs",
    "load_model",
    "load_technology",
    "read_sweep",
    "sweep",
    "train",
]

_PLACES = {
    "Chip": "mru_hw.simulate.run",
    "DesignOptions": "mru_hw.mapping.options",
    "import_weights": "mru_hw.model.importer",
    "load_inputs": "mru_hw.stimulus.inputs",
    "load_model": "mru_hw.model.io",
    "load_technology": "mru_hw.technology.technology",
    "read_sweep": "mru_hw.sweeps.face",
    "sweep": "mru_hw.sweeps.face",
    "train": "mru_hw.twin.face",
}
"""The module of each name that is loaded when it is first asked for."""


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(_PLACES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
