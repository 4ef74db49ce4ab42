"""What the dies of a sweep are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping import Design, unmap
from mru_hw.model.network import Model
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.energy import energy
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.timed import simulate_timed
from mru_hw.sweeps.subject import Subject
from mru_hw.sweeps.work import judged
from mru_hw.variation import nominal_die


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the dies are compared with: ``software``, ``ideal`` or ``nominal``.

    Attributes
    ----------
    design
        Digest of the design; empty for ``software`` of the plan's own network, which needs none.
    energy
        (n_seq,) [J]; None where nothing is priced.
    """

    name: str
    design: str = ""
    accuracy: float
    decision: NDArray[np.int16]
    energy: NDArray[np.float64] | None = None


def references(
    subject: Subject, designs: Mapping[str, Design], trained: Mapping[str, Model] | None = None
) -> list[Reference]:
    """Run the network as trained, and of each design what it amounts to and its nominal die.

    Parameters
    ----------
    designs
        By digest.
    trained
        By digest, the network as trained, where that is another one than the plan's.
    """
    kernel = next(iter(subject.kernels.values()), None)

    def ideal(network: Model) -> NDArray[np.int64]:
        run = simulate_ideal(network, subject.inputs, keep="decisions", kernel=kernel)
        return run.decision

    found = [Reference(name="software", **judged(subject, ideal(subject.model)))]
    for digest, network in (trained or {}).items():
        software = judged(subject, ideal(network))
        found.append(Reference(name="software", design=digest, **software))
    for digest, design in designs.items():
        mapped = unmap(design, subject.constants(design))
        found.append(Reference(name="ideal", design=digest, **judged(subject, ideal(mapped))))
        if subject.level == "ideal":
            continue
        what = design, subject.constants(design), subject.inputs, [nominal_die(design)]
        if subject.timing == "timed":
            run = simulate_timed(*what, keep_all=False)
        else:
            run = simulate_behavioral(*what, keep_all=False, kernel=kernel)
        priced = energy(run.supply.single_die()).total
        known = judged(subject, run.trace.decision[0])
        found.append(Reference(name="nominal", design=digest, energy=priced, **known))
    return found
