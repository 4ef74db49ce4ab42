"""Wrong steps of loops, which have no strobe: what their bits at the frames' ends tell.

A loop follows its candidate all the time, so nothing says when a bit changed within a frame, and
race and crowbar do not exist for it. A bit that its own candidate at the frame's end does
not explain, but the one at the end of the frame before does, was still on its way; where neither
does, it stays unexplained.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.design import Bank
from mru_hw.model.memory import by_name
from mru_hw.model.network import Model
from mru_hw.simulate.causes import REACH, Cause, Disagreement

Array = NDArray[np.float64]


def wrong_bits(
    mapped: Model,
    bank: Bank,
    states: Array,
    own: Array,
    reference: Array,
    *,
    local: Array | None = None,
    sequence: int = 0,
) -> Iterator[Disagreement]:
    """List the wrong steps of a layer of loops in one run, with their causes.

    Parameters
    ----------
    mapped, bank
        The network that the design amounts to, and the layer's units.
    states, own
        (n_time, n_units) the circuit's h and its candidates at the frames' ends; NaN where the run
        did not come.
    reference, local
        The reference's candidates, and those that it would have had with the circuit's own earlier
        layers; None where there is nothing before.
    sequence
        Named in the records.
    """
    tensor = by_name(mapped.tensors, f"layers.{bank.layer}.")
    up, down = bank.memory.edges(np.abs(tensor("beta")), tensor)
    after = np.rint(np.nan_to_num(states) / tensor("alpha"))
    before = np.concatenate([tensor("initial_state")[None], after[:-1]])

    def asked(c: Array) -> NDArray[np.int64]:
        """Return the level that candidates ask for."""
        return bank.memory.step(before, c, up, down, bank.levels)

    def distance(c: Array) -> Array:
        """Return how far candidates lie beyond the threshold that they are nearest to."""
        return bank.memory.distance(c, up, down)

    reached = np.isfinite(states) & np.isfinite(own)
    seen = np.where(reached, own, 0.0)
    wanted, by_own, far = asked(reference), asked(seen), distance(seen)
    expected = reference if local is None else local
    by_expected, away = asked(expected), distance(reference)
    # Within the errors of candidate and threshold.
    near, within = np.abs(far) <= REACH, np.abs(distance(expected)) <= REACH
    lagging = np.zeros_like(reached)
    lagging[1:] = reached[:-1] & (asked(np.roll(seen, 1, axis=0)) == after)[1:]
    for t, u in np.argwhere((after != wanted) & reached):
        if after[t, u] != by_own[t, u] and not near[t, u]:
            cause = Cause.UNSETTLED if lagging[t, u] else Cause.UNEXPLAINED
        elif by_expected[t, u] == after[t, u]:
            cause = Cause.EARLIER
        elif after[t, u] != by_own[t, u] or (near[t, u] and within[t, u]):
            cause = Cause.THRESHOLD
        else:
            cause = Cause.CANDIDATE
        yield Disagreement(
            sequence=sequence,
            layer=bank.layer,
            unit=int(u),
            frame=int(t),
            before=int(before[t, u]),
            wanted=int(wanted[t, u]),
            found=int(after[t, u]),
            distance=float(away[t, u]),
            distance_own=float(far[t, u]),
            cause=cause,
        )
