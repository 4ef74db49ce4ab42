"""Quantities as text: the value that a person reads, or a sentence."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mru_hw.errors import UserError
from mru_hw.units import SCALES, in_symbols, parse, render_exact
from tests.mistakes import sentence

READ = [
    ("25 ms", "s", 25e-3),
    ("25ms", "s", 25e-3),
    ("25\u00a0ms", "s", 25e-3),
    ("  25 \t ms ", "s", 25e-3),
    ("1.8 V", "V", 1.8),
    ("1.8V", "V", 1.8),
    ("1.8", "V", 1.8),
    (".5 V", "V", 0.5),
    ("5. V", "V", 5.0),
    ("010 V", "V", 10.0),
    ("+1 kV", "V", 1e3),
    ("1 KV", "V", 1e3),
    ("-5 mV", "V", -5e-3),
    ("−5 mV", "V", -5e-3),  # the sign of typesetting
    ("25 us", "s", 25e-6),
    ("25 µs", "s", 25e-6),  # micro sign
    ("25 μs", "s", 25e-6),  # Greek mu
    ("1e-3 A", "A", 1e-3),
    ("1E-3A", "A", 1e-3),
    ("1e−3 A", "A", 1e-3),
    ("2.5e-3 nA", "A", 2.5e-12),
    ("1 MA", "A", 1e6),
    ("1 mA", "A", 1e-3),
    ("1 aA", "A", 1e-18),
    ("3 TV", "V", 3e12),
]


@pytest.mark.parametrize(("text", "unit", "value"), READ)
def test_what_a_person_reads(text: str, unit: str, value: float) -> None:
    assert parse(text, unit, "x") == value


GROUPS = ", with a point before the decimals and nothing between thousands."
REFUSED = [
    # a comma is a decimal point to some and stands between thousands to others
    ("2,5 ms", "s", GROUPS),
    ("1,8", "s", GROUPS),
    ("1,000 s", "s", GROUPS),
    ("1.000,5 s", "s", GROUPS),
    ("1_000 s", "s", GROUPS),
    ("1 000 s", "s", GROUPS),
    ("1'000 s", "s", GROUPS),
    ("1’000 s", "s", GROUPS),
    ("1٫5 s", "s", GROUPS),
    # a scale, or a metre, a minute and an erg
    ("1m", "s", " behind its scale, such as 1 ms."),
    ("2.5 k", "V", " behind its scale, such as 2.5 kV."),
    ("25 u", "s", " behind its scale, such as 25 us."),
    ("5E", "s", "."),
    ("1 Es", "s", "."),
    # capitals count
    ("1.8 v", "V", ", a capital letter."),
    ("5 mv", "V", ", a capital letter."),
    ("12 na", "A", ", a capital letter."),
    ("1 S", "s", ", a small letter."),
    # another unit, or none of ours
    ("10 mV", "s", "."),
    ("1 min", "s", "."),
    ("25 msec", "s", "."),
    ("10 %", "s", "."),
    ("1 ppm", "s", "."),
    ("$1.8", "V", "."),
    ("1 V/s", "V", "."),
    ("1 s²", "s", "."),
    ("1 ㎲", "s", "."),
    ("1V8", "V", "."),
    # more than one quantity, or less
    ("1:30 s", "s", "."),
    ("1/2 s", "s", "."),
    ("1 ms=2", "s", "."),
    ("t = 25 ms", "s", "."),
    ("25 ms # the hop", "s", "."),
    ("25 ms // the hop", "s", "."),
    ("1 m s", "s", "."),
    ("1 s s", "s", "."),
    ("1 _s", "s", "."),
    ("1.2.3 s", "s", "."),
    ("--5 s", "s", "."),
    ("1e s", "s", "."),
    ("1e1_0 s", "s", GROUPS),
    (".", "s", "."),
    ("s", "s", "."),
    ("", "s", "."),
    # other digits, other bases
    ("１ s", "s", "."),
    ("١ s", "s", "."),
    ("0x10", "s", "."),
    ("0b1 s", "s", "."),
    # no number of finite size
    ("inf", "s", "."),
    ("∞ s", "s", "."),
    ("nan s", "s", "."),
    ("1e400 s", "s", "."),
    ("1e-400 s", "s", "."),
    ("1e" + "9" * 5000, "s", "."),
]


@pytest.mark.parametrize(("text", "unit", "more"), REFUSED)
def test_what_can_be_read_in_two_ways_or_in_none(text: str, unit: str, more: str) -> None:
    found = sentence(lambda: parse(text, unit, "x"))
    assert found.startswith('x is "')
    assert found.endswith(f", expected a finite number with the unit {unit}{more}")


@pytest.mark.parametrize("value", [True, None, [1], math.nan, math.inf, 10**400, 1j])
def test_what_is_no_number_at_all(value: object) -> None:
    found = sentence(lambda: parse(value, "V", "x"))  # type: ignore[arg-type]
    assert found.endswith("expected a finite number with the unit V.")


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from("sAV"))
def test_what_is_written_reads_back_to_the_same_float(value: float, unit: str) -> None:
    assert parse(render_exact(value, unit), unit, "x") == value


@given(st.integers(1, 999), st.sampled_from(sorted(SCALES)))
def test_a_scale_is_a_power_of_ten(number: int, scale: str) -> None:
    assert parse(f"{number} {scale}V", "V", "x") == float(f"{number}e{SCALES[scale]}")


@given(st.text())
def test_any_text_is_a_number_or_a_sentence(text: str) -> None:
    with contextlib.suppress(UserError):
        assert math.isfinite(parse(text, "V", "x"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1.5 uA, 2 um. 0.42 um2", "1.5 µA, 2 µm. 0.42 µm²"),
        ("4 uV/um at 27 degC", "4 µV/µm at 27 °C"),
        ("5 mV um and 1 % um; 2 fF/um2; 300 cm2/Vs", "5 mV µm and 1 % µm; 2 fF/µm²; 300 cm²/Vs"),
        ("10 kohm, 3 Ohm, 1 MOhm", "10 kΩ, 3 Ω, 1 MΩ"),
        ("tells us; run2uA.sqlite, 3 um.npz, u0, 2 units", None),
    ],
)
def test_people_read_symbols(text: str, shown: str | None) -> None:
    assert in_symbols(text) == (text if shown is None else shown)
