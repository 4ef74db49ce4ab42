"""Elementary functions that a compiler turns into vector arithmetic, by number type.

The laws call numpy's; the compiled kernel has these in their place, good to a unit or two of the
last digit over the range that currents have. They are plain arithmetic without a branch, so each
lane's bits depend on its number alone. Source of the polynomials: Moshier's Cephes library
(float32) and the series of ``atanh`` and ``exp`` (float64).
"""

from __future__ import annotations

from typing import Any

import numpy as np

F: Any = np.float64


def maximum(a: Any, b: Any) -> Any:
    """Return the larger number; one that is none stays so where it stands first."""
    return max(a, b)


def minimum(a: Any, b: Any) -> Any:
    """Return the smaller number; one that is none stays so where it stands first."""
    return min(a, b)


def log_float32(x: Any) -> Any:
    """Return ln of a positive float32."""
    bits = np.float32(x).view(np.int32)
    e = (bits - np.int32(0x3F3504F3)) >> np.int32(23)
    f = np.int32(bits - (e << np.int32(23))).view(np.float32) - F(1.0)
    z = f * f
    y = F(7.0376836292e-2)
    y = y * f + F(-1.1514610310e-1)
    y = y * f + F(1.1676998740e-1)
    y = y * f + F(-1.2420140846e-1)
    y = y * f + F(1.4249322787e-1)
    y = y * f + F(-1.6668057665e-1)
    y = y * f + F(2.0000714765e-1)
    y = y * f + F(-2.4999993993e-1)
    y = y * f + F(3.3333331174e-1)
    y = y * f * z
    power = F(e)
    y = y + power * F(-2.12194440e-4)
    y = y - F(0.5) * z
    return f + y + power * F(0.693359375)


def exp_float32(x: Any) -> Any:
    """Return e^x of a float32, of -87 below -87 and of 88 above 88."""
    x = minimum(maximum(x, F(-87.0)), F(88.0))
    k = np.floor(x * F(1.44269504088896341) + F(0.5))
    r = x - k * F(0.693359375) + k * F(2.12194440e-4)
    y = F(1.9875691500e-4)
    y = y * r + F(1.3981999507e-3)
    y = y * r + F(8.3334519073e-3)
    y = y * r + F(4.1665795894e-2)
    y = y * r + F(1.6666665459e-1)
    y = y * r + F(5.0000001201e-1)
    y = y * (r * r) + r + F(1.0)
    power = np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)
    return y * power


def log_float64(x: Any) -> Any:
    """Return ln of a positive float64."""
    bits = np.float64(x).view(np.int64)
    e = (bits - np.int64(0x3FE6A09E667F3BCD)) >> np.int64(52)
    m = np.int64(bits - (e << np.int64(52))).view(np.float64)
    s = (m - F(1.0)) / (m + F(1.0))
    z = s * s
    p = F(1 / 21)
    p = p * z + F(1 / 19)
    p = p * z + F(1 / 17)
    p = p * z + F(1 / 15)
    p = p * z + F(1 / 13)
    p = p * z + F(1 / 11)
    p = p * z + F(1 / 9)
    p = p * z + F(1 / 7)
    p = p * z + F(1 / 5)
    p = p * z + F(1 / 3)
    p = p * z * s
    return F(e) * F(0.6931471805599453) + F(2.0) * (s + p)


def exp_float64(x: Any) -> Any:
    """Return e^x of a float64, of -700 below -700 and of 700 above 700."""
    x = minimum(maximum(x, F(-700.0)), F(700.0))
    k = np.floor(x * F(1.4426950408889634) + F(0.5))
    r = x - k * F(0.693145751953125) - k * F(1.4286068203094173e-06)
    p = F(1 / 6227020800)
    p = p * r + F(1 / 479001600)
    p = p * r + F(1 / 39916800)
    p = p * r + F(1 / 3628800)
    p = p * r + F(1 / 362880)
    p = p * r + F(1 / 40320)
    p = p * r + F(1 / 5040)
    p = p * r + F(1 / 720)
    p = p * r + F(1 / 120)
    p = p * r + F(1 / 24)
    p = p * r + F(1 / 6)
    p = p * r + F(0.5)
    p = p * (r * r) + r + F(1.0)
    power = np.int64((np.int64(k) + np.int64(1023)) << np.int64(52)).view(np.float64)
    return p * power
