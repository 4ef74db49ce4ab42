"""Intervals of shares and means, on numpy and scipy alone: sweeps and sensitivities use them."""
