"""The version of this package, which files record."""

__version__ = "0.1.0"
