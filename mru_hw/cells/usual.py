"""What a chip's nodes usually carry where the current into its reference pin is off."""

from __future__ import annotations

from mru_hw.mapping.design import Design


def usual_currents(design: Design, reference: float = 0.0) -> dict[str, float]:
    """Return by bus what its nodes usually carry [A].

    The bias rail sets the states, so all that comes from them alone is off by what the reference
    is off by; what comes from the inputs alone is not. Where both meet, as behind a skip matrix,
    the smaller current counts: it settles later, and leakage hides it sooner. Biases beside
    signals count for neither.

    Parameters
    ----------
    reference
        Relative error of the current into the chip's reference pin.
    """
    states = {bank.state for bank in design.banks}
    into: dict[str, list[str]] = {name: [] for name in design.buses}
    for connection in design.connections:
        source, target = connection.ends
        into[target].append(source)
    set_by: dict[str, set[str]] = {}
    found = {}
    for name, bus in design.buses.items():  # in the order in which the signal passes them
        signals = [source for source in into[name] if source != design.bias.name]
        if name in states or name == design.bias.name or (into[name] and not signals):
            set_by[name] = {"bias"}
        else:
            set_by[name] = set().union(*(set_by[one] for one in signals)) or {"inputs"}
        factors = [1.0 + reference if one == "bias" else 1.0 for one in set_by[name]]
        found[name] = bus.usual * min(factors)
    return found
