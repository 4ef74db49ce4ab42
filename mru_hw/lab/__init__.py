"""Benches: circuits by themselves and whole networks, in ngspice beside the behavioral array.

What studies (``benchmarks/``), tests and figures share: decks of one circuit, how their runs are
read, the same quantities by the array's laws, and how the two worlds are compared.
"""
