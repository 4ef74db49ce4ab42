"""What the command lines of all studies have in common."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mru_hw.lab.store import Store
from mru_hw.spice.session import Session
from mru_hw.sweeps.versions import machine as host
from mru_hw.sweeps.versions import versions
from mru_hw.technology import Technology
from mru_hw.technology.conditions import Conditions, checked_conditions, nominal_conditions


def study(
    doc: str | None,
    *,
    tech: bool = True,
    work: bool = True,
    required: bool = False,
    conditions: bool = False,
) -> argparse.ArgumentParser:
    """A parser with ``--tech``, ``--work`` (`required` or not) and the options of `conditions`.

    What was run stands in ``--work`` by the decks' own tokens: a call that was cut off goes on.
    """
    parser = argparse.ArgumentParser(description=(doc or "").split("\n\n", maxsplit=1)[0])
    if tech:
        parser.add_argument("--tech", default="generic180")
    if work:
        parser.add_argument(
            "--work", type=Path, required=required, help="folder that keeps what is done"
        )
    if conditions:
        parser.add_argument("--corner")
        parser.add_argument("--temperature", type=float, help="[degC]")
        parser.add_argument("--vdd", type=float, help="[V]")
    return parser


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What was asked for; the folder of ``--work`` is there."""
    given = parser.parse_args()
    if getattr(given, "work", None) is not None:
        given.work.mkdir(parents=True, exist_ok=True)
    return given


def store_of(given: argparse.Namespace) -> Store:
    """What is done, in the folder of ``--work``."""
    return Store(given.work, tell)


def needs_model(path: Path) -> None:
    """End in a sentence where a trained network is missing."""
    if not path.is_dir():
        sys.exit(f"{path} is not there: make demo trains it, or name another with --model.")


def asked_conditions(given: argparse.Namespace, technology: Technology) -> Conditions:
    """The nominal conditions, but for what the options name."""
    nominal = nominal_conditions(technology)
    return checked_conditions(
        technology,
        corner=nominal.corner if given.corner is None else given.corner,
        temperature=nominal.temperature if given.temperature is None else given.temperature,
        v_dd=nominal.v_dd if given.vdd is None else given.vdd,
    )


def relative(technology: Technology, at: tuple[str, float, float]) -> Conditions:
    """A corner, a temperature [degC] and a supply over the technology's."""
    corner, temperature, share = at
    return Conditions(corner=corner, temperature=temperature, v_dd=share * technology.v_dd)


def label(at: Conditions) -> str:
    """Corner and temperature, as the names of kept runs have them."""
    return f"{at.corner}{at.temperature:g}"


def computer() -> dict[str, str]:
    """What seconds depend on, and the versions that figures depend on."""
    return host() | versions()


def machine() -> dict[str, str]:
    """The same and ngspice's version."""
    return computer() | {"ngspice": str(Session().version)}


def told(given: argparse.Namespace) -> dict[str, str]:
    """What was asked for, for the answer."""
    return {name: str(value) for name, value in vars(given).items()}


def tell(text: str) -> None:
    """Say how far it is."""
    print(text, file=sys.stderr)


def answer(result: dict[str, Any]) -> None:
    """Print the answer, and what it was found with."""
    show({"machine": machine()} | result)


def show(result: Any) -> None:
    """Print an answer."""
    print(json.dumps(result, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else float(value)
