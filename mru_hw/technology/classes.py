"""The device classes that the cells are drawn with, and what each is for."""

from __future__ import annotations

_USES = {
    "mirror": "mirrors: diodes, copies and legs of nodes, the bias rail and its legs",
    "cell": "hysteretic cells: the pair that holds a state, and what its node switches",
    "switch": "switches of hysteretic cells",
    "logic": "gates: step control, inverters, what a strobe driver decides by",
    "guard": "switches whose channel is on a state's own node: longer ones leak less",
    "medium": "strobe driver: gates behind a slow edge",
    "slow": "strobe driver: what paces its phases",
    "delay": "strobe driver: the load that delays a step",
    "driver": "strobe driver: what drives its two lines",
}
CLASS_USES = {
    **{f"{polarity}_{use}": what for use, what in _USES.items() for polarity in "np"},
    "p_split": "PMOS of splitters, whose NMOS are mirror devices",
}
"""By device class, what it is for; one that begins with n is NMOS, one with p PMOS."""
CLASSES = tuple(CLASS_USES)
