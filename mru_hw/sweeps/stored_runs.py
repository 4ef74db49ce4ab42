"""The runs that a store holds as arrays, checked while they are read: each of them once."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import compress, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus
from mru_hw.sweeps.points import Asked, Point
from mru_hw.sweeps.results import ResultsHash, results
from mru_hw.sweeps.store import BLOCK_NAMES, QUANTILES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Packed = NDArray[np.uint8]

STATUSES = tuple(RunStatus)
"""What the numbers of `StoredRuns.status` stand for."""
MOST = 1e60
"""The largest number: squares of ratios of such numbers, and sums of those, are floats."""
CLOSE = 1e-9
"""Relative, of a mean that is stored beside its numbers."""
_CODES = {status.name: code for code, status in enumerate(STATUSES)}
_DONE = STATUSES.index(RunStatus.DONE)
_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint16)
"""How many bits of a byte are set."""
_FIGURES = ("accuracy", "right", "energy_mean", "quantiles", "blocks", "decision", "energy")
"""Columns of what runs that are done left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRuns:
    """All runs of a store in the order of point, trial and die, each attribute (run, ...).

    Attributes
    ----------
    point, trial, die, seed
        What names a run, and the seed of its die.
    status, design
        Places in `STATUSES` and in `designs`.
    designs
        Digests.
    seconds
        Wall time of a run [s].
    accuracy, energy
        Share of right decisions, and the mean energy of a sequence [J]; NaN of what a run has not.
    blocks
        (run, block, 2) mean static and switching energy of a sequence [J] by `BLOCK_NAMES`; NaN of
        blocks that a run does not resolve.
    right
        (run, byte) bits as `numpy.packbits` puts them, whether each decision is right; 0 of what a
        run has not.
    """

    point: Ints
    trial: Ints
    die: Ints
    seed: Ints
    status: Ints
    design: Ints
    designs: tuple[str, ...]
    seconds: Floats
    accuracy: Floats
    energy: Floats
    blocks: Floats
    right: Packed

    @property
    def done(self) -> NDArray[np.bool_]:
        """Whether each run is done."""
        done: NDArray[np.bool_] = self.status == _DONE
        return done

    def of_point(self, number: int) -> StoredRuns:
        """Return the runs of one point."""
        low, high = np.searchsorted(self.point, [number, number + 1])
        return self.taken(slice(int(low), int(high)))

    def taken(self, rows: slice | Ints | NDArray[np.bool_]) -> StoredRuns:
        """Return some of the runs."""
        each = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "designs"}
        taken: dict[str, Any] = {name: values[rows] for name, values in each.items()}
        return StoredRuns(designs=self.designs, **taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a store says of itself, which its runs are held against.

    Attributes
    ----------
    points
        By number.
    asked
        The runs that the store is for.
    designs
        By number, the digest of the design of each point that draws no networks.
    labels
        (n_seq,) class indices; -1 where they are not known.
    priced, whole, complete
        Whether its level prices energies, every decision and energy is kept, and all runs that it
        is for are there.
    """

    points: Mapping[int, Point]
    asked: Asked
    designs: Mapping[int, str]
    labels: Ints
    priced: bool
    whole: bool
    complete: bool


def require(so: object) -> None:
    """Raise ValueError unless something is so."""
    if not so:
        raise ValueError("a claim that cannot be")


def read_runs(db: sqlite3.Connection, claims: Claims) -> tuple[StoredRuns, str]:
    """Return the runs of a store, and their `ResultsHash`.

    Each has numbers that can be, means and blocks that are those of what stands beside them, and
    belongs to one of its points, once.

    Raises
    ------
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError
        Something is not so.
    """
    designs: dict[str, int] = {}
    # Of the table itself: the rows are read by its index, which may be damaged where it is not.
    (n,) = db.execute("SELECT count(*) FROM result NOT INDEXED").fetchone()
    # Whole columns at once: parts that are put together in the end take twice the memory.
    columns = _empty(n, len(claims.labels))
    hashed, end = ResultsHash(), 0
    for chunk in results(db):
        part = _part(chunk, claims, designs)
        start, end = end, end + len(part["die"])
        require(end <= n)
        for name, column in columns.items():
            column[start:end] = part[name]
        hashed.add(chunk)
    require(end == n)
    found = StoredRuns(designs=tuple(designs), **columns)
    _placed(found, claims)
    return found, hashed.hexdigest()


def _empty(n: int, n_sequences: int) -> dict[str, Any]:
    """Return the columns of `n` runs, without their values."""
    whole = ("point", "trial", "die", "seed", "status", "design")
    columns: dict[str, Any] = {name: np.empty(n, np.int64) for name in whole}
    columns |= {name: np.empty(n) for name in ("seconds", "accuracy", "energy")}
    columns["blocks"] = np.empty((n, len(BLOCK_NAMES), 2))
    return columns | {"right": np.empty((n, _bytes(n_sequences)), np.uint8)}


def _bytes(n_sequences: int) -> int:
    """Return how many bytes have a bit for each sequence."""
    return -(-n_sequences // 8)


def _part(
    columns: Mapping[str, Sequence[Any]], claims: Claims, designs: dict[str, int]
) -> dict[str, NDArray[Any]]:
    """Check some rows and return them as arrays; `designs` grows by those that are new."""
    found: dict[str, NDArray[Any]] = {}
    for name in ("point", "trial", "die", "seed"):
        require(set(map(type, columns[name])) <= {int})
        found[name] = np.array(columns[name], np.int64)
    require(set(map(type, columns["design"])) <= {str})
    found["status"] = _places(columns["status"], _CODES)
    for one in dict.fromkeys(columns["design"]):
        designs.setdefault(one, len(designs))
    found["design"] = _places(columns["design"], designs)
    found["seconds"] = _numbers(columns["seconds"], 0, MOST)
    done = found["status"] == _DONE
    # What stands beside a run that failed is nothing that it left.
    kept, rows = columns, slice(None)
    if not done.all():
        kept = {name: tuple(compress(columns[name], done)) for name in _FIGURES}
        rows = done
    n = len(done)
    found |= {"accuracy": np.full(n, np.nan), "energy": np.full(n, np.nan)}
    found["blocks"] = np.full((n, len(BLOCK_NAMES), 2), np.nan)
    found["right"] = np.zeros((n, _bytes(len(claims.labels))), np.uint8)
    if done.any():
        found["accuracy"][rows], found["right"][rows] = _decided(kept, claims)
    if done.any() and claims.priced:
        found["energy"][rows] = means = _priced(kept, claims)
        found["blocks"][rows] = _blocks(kept["blocks"], means)
    elif done.any():
        _nothing(kept, "energy", "energy_mean", "quantiles", "blocks")
    return found


def _places(words: Sequence[str], places: Mapping[str, int]) -> Ints:
    """Return the places of words, which most often are all alike."""
    if len(set(words)) == 1:
        return np.full(len(words), places[words[0]], np.int64)
    return np.array([places[word] for word in words], np.int64)


def _nothing(columns: Mapping[str, Sequence[Any]], *names: str) -> None:
    require(all(set(columns[name]) <= {None} for name in names))


def _decided(columns: Mapping[str, Sequence[Any]], claims: Claims) -> tuple[Floats, Packed]:
    """Return shares of right decisions, which are those of the bits of each run, and the bits."""
    n = len(claims.labels)
    share = _numbers(columns["accuracy"], 0, 1)
    packed = blobs(columns["right"], "u1", _bytes(n))
    # Bits behind the last sequence are 0.
    require(not n % 8 or not (packed[:, -1] & (0xFF >> n % 8)).any())
    require((np.abs(share - _ONES[packed].sum(axis=1) / n) <= CLOSE).all())
    if claims.whole:
        chosen = blobs(columns["decision"], "<i2", n)
        right = np.packbits(chosen == claims.labels, axis=1)
        require((chosen >= 0).all() and np.array_equal(packed, right))
    else:
        _nothing(columns, "decision", "energy")
    return share, packed


def _priced(columns: Mapping[str, Sequence[Any]], claims: Claims) -> Floats:
    """Return mean energies [J], which lie among the quantiles and are those of the sequences."""
    mean = _numbers(columns["energy_mean"], 0, MOST)
    ends = joules(columns["quantiles"], len(QUANTILES))
    room = CLOSE * ends[:, -1]
    require((np.diff(ends, axis=1) >= 0).all())
    require((ends[:, 0] - room <= mean).all() and (mean <= ends[:, -1] + room).all())
    if claims.whole:
        each = joules(columns["energy"], len(claims.labels))
        require(np.allclose(mean, each.mean(axis=1), rtol=CLOSE, atol=0))
        same = np.percentile(each, QUANTILES, axis=1).T
        require(np.allclose(ends, same, rtol=CLOSE, atol=0))
    return mean


def _blocks(stored: Sequence[Any], means: Floats) -> Floats:
    """Return (run, block, 2) energies [J] that add up to the mean energies of the runs."""
    found = blobs(stored, "<f8", 2 * len(BLOCK_NAMES)).reshape(-1, len(BLOCK_NAMES), 2)
    left_out = np.isnan(found)
    require((left_out[:, :, 0] == left_out[:, :, 1]).all())
    known = np.where(left_out, 0, found)
    require((np.abs(known) <= MOST).all())
    total = known.sum(axis=(1, 2))
    # A block that ngspice does not resolve is left out, and counts in the whole.
    missing = left_out.any(axis=(1, 2)) & (total < means)
    close = np.abs(total - means) <= CLOSE * np.maximum(np.abs(total), means)
    require((missing | close).all())
    return found


def _placed(found: StoredRuns, claims: Claims) -> None:
    """Every run is one of those that the store is for, stands there once, and is of its design."""
    point, trial, die = (np.diff(one) for one in (found.point, found.trial, found.die))
    same = point == 0
    require(((point > 0) | (same & (trial > 0)) | (same & (trial == 0) & (die > 0))).all())
    left = dict(claims.asked)
    starts = np.flatnonzero(np.diff(found.point, prepend=-1) | np.diff(found.trial, prepend=-1))
    for low, high in pairwise((*starts.tolist(), len(found.point))):
        number, rows = int(found.point[low]), slice(low, high)
        key, there = (number, int(found.trial[low])), found.die[rows]
        dies = left.pop(key)
        require(dies.start <= there[0] and there[-1] < dies.stop)
        require(len(there) == len(dies) or not claims.complete)
        seeds = claims.points[number].dies
        every = np.arange(seeds.start, seeds.stop) if isinstance(seeds, range) else np.array(seeds)
        require(np.array_equal(every[there], found.seed[rows]))
        own = claims.designs.get(number)
        if own is not None:
            ran = found.design[rows][found.done[rows]]
            require(not len(ran) or (ran == found.designs.index(own)).all())
    require(not claims.complete or not any(left.values()))


def _numbers(values: Sequence[Any], low: float, high: float) -> Floats:
    """Return numbers that lie within some limits."""
    require(set(map(type, values)) <= {int, float})
    found = np.array(values, np.float64)
    require(((found >= low) & (found <= high)).all())
    return found


def joules(stored: Sequence[Any], length: int) -> Floats:
    """Return (row, number) energies [J]."""
    found = blobs(stored, "<f8", length)
    require(((found >= 0) & (found <= MOST)).all())
    return found


def blobs(stored: Sequence[Any], kind: str, length: int) -> NDArray[Any]:
    """Return (row, number) what blobs hold."""
    size = length * np.dtype(kind).itemsize
    require(set(map(type, stored)) <= {bytes} and set(map(len, stored)) <= {size})
    return np.frombuffer(b"".join(stored), kind).reshape(len(stored), length)
