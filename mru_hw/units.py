"""The border between text with units and SI floats (SI inside, text outside)."""

from __future__ import annotations

import math
import numbers
import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer
from quantiphy import Quantity

from mru_hw.errors import UserError

SCALES = {
    "T": 12,
    "G": 9,
    "M": 6,
    "k": 3,
    "K": 3,
    "m": -3,
    "u": -6,
    "µ": -6,
    "μ": -6,
    "n": -9,
    "p": -12,
    "f": -15,
    "a": -18,
}
"""Powers of ten by the letter before a unit: the SI's, both Unicode signs for micro, and K."""

_QUANTITY = re.compile(
    r"(?P<sign>[-+−]?)(?P<digits>[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE](?P<power>[-+−]?[0-9]{1,4}))?"
    r"\s*(?P<unit>[^\W\d_]*)"
)
_GROUPED = re.compile(r"\d\s*[,_'’`٫٬\s]\s*\d")  # 2,5 and 1,000 and 1_000 and 1 000 and 1'000


def parse(text: float | str, unit: str, field: str) -> float:
    """Read a quantity such as ``12.5 nA`` into an SI float.

    A bare number is taken to be in `unit`, which is empty where there is none. One of `SCALES`
    needs the unit behind it, for what ``25 m`` is, metres or thousandths, a person cannot tell.
    Text that people read in two ways, as the comma of ``2,5 ms`` and ``1,000 s``, is refused.

    Raises
    ------
    UserError
        It is no finite number, its unit is another, or it can be read in two ways.
    """
    if isinstance(text, str):
        value, problem = _read(text.strip(), unit)
    else:
        value, problem = _real(text), ""
    if not math.isfinite(value):
        of_unit = f" with the unit {unit}" if unit else ""
        raise UserError(field, text, f"a finite number{of_unit}{problem}")
    return value


def _real(number: object) -> float:
    """Return a number as a float; NaN where it is none, or lies beyond all floats."""
    if isinstance(number, bool) or not isinstance(number, numbers.Real):
        return math.nan
    try:
        return float(number)
    except OverflowError:
        return math.nan


def _read(text: str, unit: str) -> tuple[float, str]:
    """Return the value of a text, or NaN and what stands in the way, where there is more to say."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        if _GROUPED.search(text):
            return math.nan, ", with a point before the decimals and nothing between thousands"
        return math.nan, ""
    scale = found["unit"].removesuffix(unit)
    if scale and (scale not in SCALES or scale == found["unit"]):
        return math.nan, _other_unit(text, scale, unit)
    power = SCALES.get(scale, 0) + int((found["power"] or "0").replace("−", "-"))
    sign = found["sign"].replace("−", "-")
    value = float(f"{sign}{found['digits']}e{power}")
    lost = value == 0 and float(found["digits"]) != 0
    return (math.nan if lost else value), ""


def _other_unit(text: str, written: str, unit: str) -> str:
    if not unit:
        return ""
    if written.lower().endswith(unit.lower()):
        return f", {'a capital' if unit.isupper() else 'a small'} letter"
    if written in SCALES:
        return f" behind its scale, such as {text.removesuffix(written).rstrip()} {written}{unit}"
    return ""


_MICRO = re.compile(r"(\d |/|% |[mnpf]?[FV] )u(?=(?:A|C|F|Hz|J|V|W|m|s)(?:[²2]?)(?!\w|\.\w))")
_SQUARE = re.compile(r"(?<=[ /µmnc]m)2(?!\w|\.\w)")
_OHM = re.compile(r"(?<=\d )([GMkmµ]?)[Oo]hm(?!\w)")


def in_symbols(text: str) -> str:
    """Return a text with the symbols of units in place of their ASCII: ``1 uA``, ``27 degC``.

    For what people read; commands, files and messages keep ASCII, which reads back.
    """
    text = _MICRO.sub("\\1µ", text).replace(" degC", " °C")
    return _OHM.sub("\\1Ω", _SQUARE.sub("²", text))


def render(value: float, unit: str, digits: int = 4) -> str:
    """Write an SI float as a person reads it: ``render(1.25e-8, "A") == "12.5 nA"``."""
    return Quantity(value, units=unit).render(prec=digits - 1)


def render_exact(value: float, unit: str) -> str:
    """Write an SI float in as few digits as read back to the same float."""
    for digits in (3, 6, 9, 12, 15, 17):
        text = render(value, unit, digits)
        if _read(text, unit)[0] == value:
            return text
    return f"{value!r} {unit}"


def _validator(unit: str) -> BeforeValidator:
    def read(value: float | str) -> float:
        try:
            return parse(value, unit, "value")
        except UserError as error:
            raise ValueError(f"expected {error.expected}") from None

    return BeforeValidator(read, json_schema_input_type=float | str)


def _field(unit: str) -> tuple[BeforeValidator, PlainSerializer]:
    return _validator(unit), PlainSerializer(lambda v: render_exact(v, unit), return_type=str)


Seconds = Annotated[float, *_field("s")]
SHORTEST_FRAME, LONGEST_FRAME = 1e-12, 1e6
"""From frame to frame [s]; far beyond, energies and powers of sequences leave all floats."""
Amperes = Annotated[float, *_field("A")]
Volts = Annotated[float, *_field("V")]
Joules = Annotated[float, *_field("J")]
Watts = Annotated[float, *_field("W")]
