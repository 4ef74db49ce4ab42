"""What a circuit says of itself: its devices as roles, its nets, its place in a deck.

A *role* is a device's part in its circuit, such as the diode of a node's plus rail. What follows
from it (how large the device is, where it sits in the deck, what hangs on which net, which current
decides its mismatch) is said here once; the array, the timing laws, the netlist, the energy, the
budget and the trim read it by `mru_hw.circuits.catalogue`.

A circuit knows rows of like nodes and units by `NodeView` and `UnitView` alone, and a die by
`DeviceView`: neither a Design nor how mismatch is drawn.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.legs.roles import Leg, leg_named, leg_on
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

Rail = tuple[str, str]
"""``plus`` or ``minus``, and the polarity of the transistors whose gates it drives."""

NODE = "node"
"""The net that legs into a node drive, where it is none of its rails."""


class NodeKind(enum.StrEnum):
    """Circuit of a bus's nodes."""

    SIGNED = "signed"  # class-AB splitter, both rails, copies of both signs
    RECTIFIED = "rectified"  # diode: max(i, 0)
    CANDIDATE = "candidate"  # class-AB splitter, read by the comparators only
    STATE = "state"  # collects the output legs of a memory unit's cells
    BIAS = "bias"  # the reference rail
    PIN = "pin"  # an output current of the chip


class Line(enum.StrEnum):
    """Line of the bias tree that a device's gate hangs on."""

    NONE = "none"
    RAIL = "rail"  # that of its own polarity
    SPLITTERS = "splitters"  # the NMOS splitters' gate line


class Carried(enum.StrEnum):
    """Which current a unit device of a role usually carries, at which its mismatch counts."""

    DIODE = "diode"  # the usual one of the node's own diodes
    REST = "rest"  # a splitter's, at rest
    TAIL = "tail"  # the bias rail's unit device
    FEEDBACK = "feedback"  # the width current, through a cell's feedback pair
    RISING = "rising"  # the candidate where the unit steps up
    FALLING = "falling"  # and where it steps down
    CANDIDATE = "candidate"  # the candidate's usual one
    THRESHOLD = "threshold"  # the usual one of the node that a threshold comes from


class Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """Its name."""


R = TypeVar("R", bound=Named)


class NodeView(Protocol):
    """A row of like nodes as a circuit sees it."""

    @property
    def name(self) -> str:
        """Of the row."""

    @property
    def kind(self) -> NodeKind:
        """Their circuit."""

    @property
    def size(self) -> int:
        """How many nodes."""

    @property
    def at_pins(self) -> bool:
        """Whether the nodes are pins of the chip."""

    @property
    def units(self) -> int:
        """Unit devices of each diode."""

    @property
    def split(self) -> int:
        """Unit devices of each splitter."""

    @property
    def rest_units(self) -> int:
        """Unit devices of the bias rail whose current a splitter's unit device carries at rest."""

    @property
    def scale(self) -> float:
        """Current [A] that stands for 1.0 of the network's own units."""

    @property
    def usual(self) -> float:
        """Current [A] that its diodes usually carry."""

    @property
    def i_device(self) -> float:
        """Current [A] of one unit device of a diode at the usual current."""

    @property
    def circuit(self) -> NodeCircuit:
        """What its nodes are."""

    def times(self, role: str) -> int:
        """Return how many times its unit devices a device has, or every leg of a role has."""

    def i_rail(self, rail: Rail) -> float:
        """Return the usual current [A] of each device of a rail's diode, multiplied ones too."""


class LegsView(Protocol):
    """A matrix of mirror legs between two rows of nodes."""

    @property
    def parameter(self) -> str:
        """Tensor that it realises."""

    @property
    def ends(self) -> tuple[str, str]:
        """Names of the rows that it reads and drives."""

    def times(self, role: str) -> int:
        """Return how many times their unit devices the legs of a role have."""

    def legs(self) -> Iterator[tuple[Leg, IntArray]]:
        """List every kind of leg with its unit devices (n_target, n_source)."""


class DeviceView(Protocol):
    """The devices of one die as a circuit sees them, at one temperature."""

    @property
    def calibration(self) -> Calibration:
        """Constants at the conditions, with what the die's devices share."""

    @property
    def technology(self) -> Technology:
        """The process."""

    @property
    def temperature(self) -> float:
        """Of the die [degC]."""

    @property
    def i_lsb(self) -> float:
        """Current [A] of one unit device of the bias rail."""

    @property
    def bias(self) -> NodeView:
        """The bias rail."""

    @property
    def reference(self) -> Array | float:
        """Relative error of the current into the reference pin; (n_die, 1) of several dies."""

    def node(self, name: str) -> NodeView:
        """Return a row of nodes."""

    def factor(
        self, owner: str, role: str, polarity: str, *, current: Array | float | None = None
    ) -> Array:
        """Return the relative current of each device of a group: 1 is nominal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRole:
    """A device of each node of a row.

    Attributes
    ----------
    name
        Its part, unique in the circuit.
    about
        What it does, in words.
    device
        Device class of the technology.
    path
        Instance inside the node's subcircuit, as ``xsplit.xsn``.
    units
        Its unit devices.
    gate
        The rail of its node that its gate is on; None where its gate is on a line or a supply.
    drains
        The rails of its node, or `NODE`, that its drain and its source are on, and load; supplies
        are left out.
    line
        Line of the bias tree that its gate is on.
    carried
        The current at which its mismatch counts.
    """

    name: str
    about: str = field(repr=False)
    device: str
    path: str
    units: Callable[[NodeView], int]
    gate: Rail | None = None
    drains: tuple[Rail | str, ...] = ()
    line: Line = Line.NONE
    carried: Carried = Carried.DIODE

    @property
    def polarity(self) -> str:
        """``n`` or ``p``: what the name of its device class begins with."""
        return self.device[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCircuit:
    """A circuit of nodes.

    Attributes
    ----------
    kind
        Its name in a Design.
    subckt, view
        Its subcircuit, and the folder of ``circuits/`` that has it; empty where it has none.
    roles
        Its devices.
    rails
        Gate nets that currents are copied from; behind each diode of the node comes the copy of
        the other polarity.
    into
        The net that legs into the node drive: `NODE` where it is a net of its own, else (a diode
        hangs on it directly) the rail that it is, told by the role of the legs that read it.
    nets
        By role of the legs that read it, the name of each rail's net in a deck, with ``{node}`` for
        the node's instance, as ``{node}_p``.
    ports
        Which of `nets` the subcircuit has as ports, in its order, after the node's own net.
    parameters
        Names of the subcircuit's parameters, each an attribute of `NodeView`.
    own_net
        Whether the subcircuit's first port is the node's own net.
    copied
        Whether legs copy its rails; else comparators alone read them, or nothing does.
    moves
        Whether its currents move with the signal.
    """

    kind: NodeKind
    subckt: str = ""
    view: str = ""
    roles: tuple[NodeRole, ...] = ()
    rails: tuple[Rail, ...] = ()
    into: str = NODE
    nets: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ("units",)
    own_net: bool = True
    copied: bool = True
    moves: bool = True

    @property
    def splits(self) -> bool:
        """Whether a splitter makes two rails of either sign."""
        return len(self.signs) == len(("plus", "minus"))

    @property
    def compared(self) -> bool:
        """Whether comparators alone read its two rails."""
        return self.splits and not self.copied

    @property
    def rectifies(self) -> bool:
        """Whether what legs bring flows into an NMOS diode alone, which passes nothing negative.

        A PMOS diode collects what cells sink, and that is never negative.
        """
        return self.into != NODE and rail_of(self.into)[1] == "n"

    @property
    def outside(self) -> bool:
        """Whether what flows into it leaves the chip."""
        return not self.roles

    @property
    def signs(self) -> tuple[str, ...]:
        """Signs that it has rails of."""
        return tuple(dict.fromkeys(sign for sign, _ in self.rails))

    @property
    def on_split_line(self) -> bool:
        """Whether the splitters' gate line is one of its subcircuit's ports."""
        return any(role.line is Line.SPLITTERS for role in self.roles)

    def direct(self, sign: str) -> str:
        """Return the polarity of a sign's own diode; the other rail copies it."""
        return next(polarity for s, polarity in self.rails if s == sign)

    def own(self, sign: str) -> Rail:
        """Return the rail of a sign whose diode the node's current itself flows through."""
        return sign, self.direct(sign)

    def diodes(self, rail: Rail) -> tuple[NodeRole, ...]:
        """Return the devices that make a rail's voltage of its current: drain and gate are one."""
        return tuple(part for part in self.roles if part.gate == rail in part.drains)

    def copies(self, sign: str) -> tuple[NodeRole, ...]:
        """Return the devices that copy a sign's own rail into the diodes of its other one."""
        own = self.own(sign)
        other = [rail for rail in self.rails if rail[0] == sign and rail != own]
        return tuple(part for part in self.roles if part.gate == own and {*other} & {*part.drains})

    @property
    def splitters(self) -> tuple[NodeRole, ...]:
        """The devices whose sources meet at the node, or at the splitters' reference."""
        return tuple(part for part in self.roles if part.carried is Carried.REST)

    def flipped(self, role: str) -> bool:
        """Whether legs of a role read a copy of the diode, in the other polarity."""
        sign, polarity = rail_of(role)
        return self.direct(sign) != polarity

    def role(self, name: str) -> NodeRole:
        """Return a device by its part."""
        return named(self.roles, name, self.kind.value)


def mirror_of(part: NodeRole) -> str:
    """Return which mirror of its node a device belongs to: those whose gates are on one net.

    The role of the legs that read that net; of a splitter, whose mirror all splitters of its
    polarity are, its own.
    """
    if part.carried is Carried.REST:
        return part.name
    return leg_of(part.gate or ("plus", part.polarity))


def named(roles: tuple[R, ...], name: str, circuit: str) -> R:
    """Return the role of a circuit by its name.

    Raises
    ------
    KeyError
        The circuit has no such role.
    """
    for role in roles:
        if role.name == name:
            return role
    raise KeyError(f"{circuit} has no {name}")


def rail_of(role: str) -> Rail:
    """Return the rail that legs of a role copy."""
    return leg_named(role).copies


def leg_of(rail: Rail) -> str:
    """Return the role of the legs that copy a rail."""
    return leg_on(rail).role
