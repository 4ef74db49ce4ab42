"""What RUN.sqlite claims, against itself: a file from anybody may say anything.

Each check raises ValueError or TypeError; the reader has one sentence for all of them, for nobody
can mend a store by hand.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import UserError
from mru_hw.files import validated
from mru_hw.mapping.options import DesignOptions
from mru_hw.sweeps.axes import AXES
from mru_hw.sweeps.plan import Plan
from mru_hw.sweeps.points import Point, Shard, points, read_shard
from mru_hw.sweeps.ready import DOUBTFUL_POINTS
from mru_hw.sweeps.statistics.stopping import read_until
from mru_hw.sweeps.store import FRAME, plain
from mru_hw.sweeps.stored_runs import (
    CLOSE,
    MOST,
    Claims,
    StoredRuns,
    blobs,
    joules,
    read_runs,
    require,
)
from mru_hw.sweeps.subject import ARITHMETIC
from mru_hw.technology import Technology, load_technology

LEVELS = ("ideal", "behavioral", "spice")
_LEAST = 1 / MOST
"""The smallest number that others are divided by."""


def check_claims(
    db: sqlite3.Connection, facts: Mapping[str, str]
) -> tuple[dict[int, Point], StoredRuns, str]:
    """Refuse a store whose numbers cannot be; return its points by number, its runs and their hash.

    Shares lie within 0 and 1 and are those of the stored decisions, energies and times are finite
    and not negative, means and blocks are those of the stored numbers, points and dies are those of
    the plans, every result belongs to a point, once, and a store that calls itself complete has
    them all.

    Raises
    ------
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError
        Something is not so.
    UserError
        A technology that the plans name is not there, or has no such corner any more.
    """
    complete, level = facts["complete"], facts["level"]
    require(complete in {"true", "false"} and level in LEVELS)
    require(set(ARITHMETIC) <= facts.keys())
    _number(float(facts.get("seconds", "0")), 0)
    labels = _sequences(db, float(facts.get(FRAME, "nan")))
    plans = json.loads(facts["plans"])
    wanted, own = _planned(db, plans, priced=level != "ideal")
    _references(db, labels)
    shard = read_shard(facts["shard"]) if "shard" in facts else Shard(number=1, count=1)
    _ended(json.loads(facts.get("until", "null")), len(wanted))
    require(set(json.loads(facts.get(DOUBTFUL_POINTS, "[]"))) <= wanted.keys())
    claims = Claims(
        points=wanted,
        asked=shard.asked(list(wanted.values())),
        designs=own,
        labels=labels,
        priced=level != "ideal",
        whole=any(plan["keep"] == "all" for plan in plans.values()),
        complete=complete == "true",
    )
    return wanted, *read_runs(db, claims)


def _number(value: object, low: float, high: float = MOST) -> None:
    require(type(value) in {int, float} and low <= value <= high)  # type: ignore[operator]


def _whole(value: object, low: int) -> None:
    require(type(value) is int and value >= low)


def _sequences(db: sqlite3.Connection, frame: float) -> NDArray[np.int64]:
    labels = []
    for label, frames, seconds in db.execute(
        "SELECT label, frames, seconds FROM sequence ORDER BY number"
    ):
        _whole(label, -1)
        _whole(frames, 1)
        _number(seconds, _LEAST)
        require(math.isnan(frame) or math.isclose(seconds, frames * frame, rel_tol=CLOSE))
        labels.append(label)
    require(labels)
    return np.array(labels, np.int64)


def _references(db: sqlite3.Connection, labels: NDArray[np.int64]) -> None:
    designs = {digest for (digest,) in db.execute("SELECT digest FROM design")}
    rows = db.execute("SELECT name, design, accuracy, decision, energy FROM reference").fetchall()
    require(any(name == "software" and not design for name, design, *_ in rows))
    for _name, design, accuracy, decision, energy in rows:
        require(not design or design in designs)
        _number(accuracy, 0, 1)
        _judged(accuracy, blobs([decision], "<i2", len(labels)), labels)
        if energy is not None:
            joules([energy], len(labels))


def _planned(
    db: sqlite3.Connection, documents: Mapping[str, object], *, priced: bool
) -> tuple[dict[int, Point], dict[int, str]]:
    """Points and dies are what the plans ask for, and what a point runs on is a known design.

    Returns
    -------
    The points by number, and the designs of those that draw no networks.
    """
    require(documents)
    try:
        plans = {name: validated(Plan, data, name) for name, data in documents.items()}
        designs = dict(db.execute("SELECT digest, options FROM design"))
        for options in designs.values():
            validated(DesignOptions, json.loads(options), "design")
    except UserError as error:
        raise ValueError(str(error)) from None
    # What a plan refers to may be gone or changed since: that is no damage of the store.
    technology = load_technology(next(iter(plans.values())).tech)
    wanted = {point.index: point for point in points(plans, technology)}
    query = "SELECT number, study, trials, dies, settings, design, input_energy FROM point"
    rows = db.execute(query).fetchall()
    require(len(rows) == len(wanted))
    for number, study, trials, n_dies, settings, design, delivered in rows:
        point = wanted[number]
        require((study, trials, n_dies) == (point.study, point.trials, len(point.dies)))
        require(settings == plain(_known_then(point, plans[study], technology, settings)))
        require(design in designs)
        require((delivered is not None) == priced)
        _number(delivered or 0, 0)
    return wanted, {row[0]: row[5] for row in rows if not wanted[row[0]].drawn}


def _known_then(
    point: Point, plan: Plan, technology: Technology, settings: str
) -> dict[str, object]:
    """Return a point's settings without the axes that the version that stored it did not have.

    Those stand at their defaults.
    """
    stored, ground = json.loads(settings), plan.ground(technology)
    return {
        name: value
        for name, value in point.settings.items()
        if name in stored or value != AXES[name].default(ground)
    }


def _ended(until: Any, n_points: int) -> None:
    """Refuse an end of the sweep that is not of shares with their intervals."""
    if until is None:
        return
    require(str(read_until(until["asked"])) == until["asked"])
    for one in until["populations"]:
        require(set(one["points"]) <= set(range(n_points)) and type(one["reached"]) is bool)
        _whole(one["dies"], 1)
        for name in ("low", "value", "high"):
            _number(one[name], 0, 1)
        require(one["low"] <= one["value"] <= one["high"])


def _judged(accuracy: float, decision: NDArray[Any], labels: NDArray[np.int64]) -> None:
    """Require a share that is that of the decisions, where the labels are known."""
    require((decision >= 0).all())
    if (labels >= 0).all():
        require(math.isclose(accuracy, (decision == labels).mean(), rel_tol=0, abs_tol=CLOSE))
