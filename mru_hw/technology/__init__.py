"""Processes: geometry, mismatch, model cards."""

from mru_hw.technology.technology import Technology, load_technology, technology_names

__all__ = ["Technology", "load_technology", "technology_names"]
