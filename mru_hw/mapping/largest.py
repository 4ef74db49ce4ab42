"""The largest mirror leg of a memory unit: what a technology's rules allow, and what to change."""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.units import UnitRole
from mru_hw.errors import UserError
from mru_hw.mapping.design import Bank
from mru_hw.mapping.draft import Draft


def refuse_large(draft: Draft, bank: Bank) -> None:
    """Refuse units of which a device is larger than a mirror's leg may be.

    Raises
    ------
    UserError
        It is the first of them in the circuit's order.
    """
    candidate, limit = draft.buses[bank.candidate], draft.technology.rules.units_max
    for part in bank.circuit.placed(signed=candidate.circuit.splits):
        units, wide = part.units(bank, candidate), bank.times(part.name)
        at = np.unravel_index(int(np.argmax(units)), units.shape)
        needed = int(units[at])
        if needed * wide <= limit:
            continue
        field, value, wanted = _cause(draft, bank, part, int(at[0]), limit / (needed * wide))
        raise UserError(
            field,
            value,
            f"{wanted}: {part.name} of layers.{bank.layer} would need {needed} and has at most "
            f"{limit} unit devices of {draft.technology.name}"
            f"{f', {wide} times each (area)' if wide > 1 else ''}",
        )


def _cause(
    draft: Draft, bank: Bank, part: UnitRole, unit: int, share: float
) -> tuple[str, object, str]:
    """Return what makes a device so large, its value, and what of it to ask for.

    Parameters
    ----------
    share
        What is allowed of what it would need.
    """
    options = draft.options
    if bank.times(part.name) * share >= 1:
        return "area", bank.times(part.name), "less"
    if part.reads:
        option = "window_units" if part.of_threshold else "diode_units"
        value = getattr(options, option)
        return option, value if part.of_threshold else list(value), "fewer"
    if part.name in ("hold", "width") and bank.clocked:
        return part.name, getattr(options, part.name), "fewer"
    name = f"layers.{bank.layer}.{part.parameter}"
    size = abs(float(draft.tensor(name)[unit]))
    return f"{name}[{unit}]", size, f"at most {size * share:.4g} in size, or fewer bias_units"
