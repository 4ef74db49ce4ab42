"""The border between text with units and SI floats (SI inside, text outside)."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer
from quantiphy import InvalidNumber, Quantity

from mru_hw.errors import UserError


def parse(text: float | str, unit: str, field: str) -> float:
    """Read a quantity such as ``12.5 nA`` into an SI float.

    A bare number is taken to be in `unit`. A wrong or missing scale or unit is a `UserError`.
    """
    wrong = UserError(field, text, f"a finite number with the unit {unit}")
    if isinstance(text, bool):
        raise wrong
    try:
        quantity = Quantity(text, model="")
    except (InvalidNumber, TypeError, ValueError):
        raise wrong from None
    if quantity.units not in ("", unit) or not math.isfinite(quantity.real):
        raise wrong
    return float(quantity.real)


def render(value: float, unit: str, digits: int = 4) -> str:
    """Write an SI float as a person reads it: ``render(1.25e-8, "A") == "12.5 nA"``."""
    return Quantity(value, units=unit).render(prec=digits - 1)


def render_exact(value: float, unit: str) -> str:
    """Write an SI float in as few digits as read back to the same float."""
    for digits in (3, 6, 9, 12, 15, 17):
        text = render(value, unit, digits)
        if parse(text, unit, "value") == value:
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
Amperes = Annotated[float, *_field("A")]
Volts = Annotated[float, *_field("V")]
