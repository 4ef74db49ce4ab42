"""Clocked units: ladders of 2K cells, and single cells."""
