"""What every test runs under: no display, loud arithmetic, repeatable property tests."""

from __future__ import annotations

import math
import os

# Before numpy and torch load: one thread each, so that timings and sums do not depend on cores.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["MPLBACKEND"] = "Agg"
os.environ.pop("MRU_HW_TECHNOLOGIES", None)  # those that ship are tested

import matplotlib as mpl
import numpy as np
from hypothesis import HealthCheck, settings

from mru_hw.cli import output

mpl.use("Agg")

# No line on progress: what is printed does not depend on how long it took.
output.SECONDS_A_LINE = math.inf

# Division by zero, overflow and invalid operations raise; underflow alone may pass.
np.seterr(all="raise", under="ignore")

# The same examples on every run, no clock, no file left behind.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# For hunting: new examples on every run.
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
