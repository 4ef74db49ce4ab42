"""How a reader makes the figures of a page again: in Python; the command line has its own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import yaml

from mru_hw.errors import UserError
from mru_hw.sweeps.point_view import PointView
from mru_hw.sweeps.view import RunView


class Again(Protocol):
    """What a page says of how to make it again, in the words of whoever asked for it."""

    def die(self, run: RunView, point: PointView, seed: int, trial: int) -> str:
        """Return what runs a die again and says what failed on it."""

    def whole(self, run: RunView) -> Iterator[tuple[str, str]]:
        """Yield what each step is for, and the step."""

    def mistake(self, error: UserError) -> str:
        """Return a mistake in these words."""

    @property
    def network(self) -> str:
        """What names the network and the sequences of a sweep."""


class InPython:
    """By the public face."""

    network = "With model and inputs"

    def die(self, run: RunView, point: PointView, seed: int, trial: int) -> str:
        """Return the call that runs a die again."""
        more = f", trial={trial}" if trial else ""
        return f"read_sweep({run.path.name!r}).explain({seed}, point={point.number}{more})"

    def whole(self, run: RunView) -> Iterator[tuple[str, str]]:
        """Yield the plans, and the calls that run them."""
        yield from plan_texts(run)
        yield "The sweep", f"mru_hw.sweep('PLAN.yaml', {run.path.name!r})"

    def mistake(self, error: UserError) -> str:
        """Return a mistake as it is."""
        return str(error)


def plan_texts(run: RunView) -> Iterator[tuple[str, str]]:
    """Yield what each plan is, and its text."""
    for study, plan in run.plans.items():
        name = "the plan" if len(run.plans) == 1 else f"the plan of the study {study}"
        yield f"PLAN.yaml: {name}, paths as they were given", _written(plan)


def _written(plan: dict[str, Any]) -> str:
    """Write a plan without what it leaves open."""
    said = {name: value for name, value in plan.items() if value not in (None, {}, [])}
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True)
