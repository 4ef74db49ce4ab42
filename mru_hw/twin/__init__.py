"""A differentiable twin of the settled array in torch, for training with the chip in the loop.

The laws have one statement, in `mru_hw.circuits`: they are plain arithmetic that calls numpy's
functions, and numpy hands these over to `mru_hw.twin.arrays.TensorArray` (NEP 13 and 18), which
runs them on tensors. What is written here is the walk along the flow, the quantised step with its
surrogate derivative, and how the network's own tensors reach the numbers of a `Program`.
"""
