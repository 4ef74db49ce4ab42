"""What the command line calls the parameters of the package: flags are named here and nowhere else.

An error of the package names its field as Python has it, ``v_dd``; a person at the command line
typed ``--vdd``. `mru_hw.cli.app` renames fields by these tables before it prints a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mru_hw.errors import renamed_fields

_OUT = {"out": "--out"}
_CHIP = {
    "model": "MODEL",
    "tech": "--tech",
    "calibration": "--calibration",
    "die": "--die",
    "corner": "--corner",
    "temperature": "--temperature",
    "v_dd": "--vdd",
    "inputs": "--inputs",
    "wire_per_leg": "--wire-per-leg",
    "wire_per_um": "--wire-per-um",
}
FLAGS: Mapping[str, Mapping[str, str]] = {
    "train": _OUT | {"config": "CONFIG", "start": "--from"},
    "import-weights": _OUT | {"file": "FILE", "map": "--map"},
    "zoo": _OUT | {"plan": "ZOO", "workers": "--workers"},
    "quantise": _OUT | {"model": "MODEL", "inputs": "--inputs", "levels": "--levels"},
    "simulate": _OUT
    | _CHIP
    | {
        "level": "--level",
        "noise": "--noise",
        "timing": "--timing",
        "kernel": "--kernel",
        "sequences": "--sequences",
        "process_scale": "--process-scale",
        "gradient_scale": "--gradient-scale",
        "verify": "--verify",
        "raw": "--raw",
        "tolerances": "--tolerances",
    },
    "netlist": _OUT
    | _CHIP
    | {
        "dialect": "--dialect",
        "process_scale": "--process-scale",
        "gradient_scale": "--gradient-scale",
        "sequence": "--sequence",
        "supply_resistance": "--supply-resistance",
        "droop": "--droop",
    },
    "sensitivity": {name: flag for name, flag in _CHIP.items() if "wire" not in name}
    | {
        "by": "--by",
        "dies": "--dies",
        "mismatch": "--mismatch-scale",
        "kernel": "--kernel",
        "sequences": "--sequences",
        "workers": "--workers",
    },
    "sweep": _OUT
    | {
        "plan": "PLAN",
        "workers": "--workers",
        "kernel": "--kernel",
        "shard": "--shard",
        "until": "--until",
        "dask": "--dask",
    },
    "merge": _OUT | {"run": "RUN"},
    "export": _OUT | {"run": "RUN"},
    "explain": _OUT
    | {
        "run": "RUN",
        "die": "--die",
        "point": "--point",
        "trial": "--trial",
        "sequence": "--sequence",
        "dialect": "--dialect",
        "model": "--model",
        "inputs": "--inputs",
    },
    "report": _OUT
    | {"run": "RUN", "model": "--chip", "inputs": "--inputs", "data": "--data", "pdf": "--pdf"},
    "demo": _OUT,
    "characterize": _OUT
    | {
        "tech": "--tech",
        "corner": "--corner",
        "workers": "--workers",
        "measurements": "--measurements",
    },
}
"""By command, the flag or argument of each field that an error may name."""


_OF_TECHNOLOGY = ("corner", "temperature", "v_dd")
"""What the technology says where no option does."""


def names_of(command: str | None, arguments: Sequence[str]) -> Mapping[str, str]:
    """Return what whoever wrote a command line calls the package's parameters.

    A condition that no option gave stands in the technology's document.
    """
    names = dict(FLAGS.get(command or "", {}))
    written = {argument.partition("=")[0] for argument in arguments}
    for name in _OF_TECHNOLOGY:
        if name in names and names[name] not in written:
            names[name] = f"technology.yaml: {name}"
    return names


def in_flags(text: str, command: str) -> str:
    """Return a sentence of the package with its parameters as a command's flags."""
    return renamed_fields(text, FLAGS[command])
