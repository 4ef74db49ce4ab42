"""Processes: geometry, mismatch, model cards."""

from mru_hw.technology.folders import technology_names
from mru_hw.technology.technology import MODELS, Technology, load_technology

__all__ = ["MODELS", "Technology", "load_technology", "technology_names"]
