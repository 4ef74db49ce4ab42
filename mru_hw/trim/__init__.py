"""Trim: bias DACs at the thresholds, set by what a tester reads from a chip's pins."""

from mru_hw.trim.plan import TrimPlan
from mru_hw.trim.search import Trimmed, trim_die

__all__ = ["TrimPlan", "Trimmed", "trim_die"]
