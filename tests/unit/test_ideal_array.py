"""Many dies, blocks, precision and limits of the level ideal."""

from __future__ import annotations

import numpy as np
import pytest

from mru_hw.errors import MruHwError, UserError
from mru_hw.model.network import Array, Model
from mru_hw.simulate import ideal
from mru_hw.simulate.ideal import block_shape, simulate_ideal
from mru_hw.simulate.kernels import KERNELS
from mru_hw.stimulus import Inputs
from tests.networks import draw_inputs, draw_model, draw_tensors, make_spec

SPEC = make_spec("cmru", levels=2, skip=1)


def stacked(n_die: int) -> Model:
    dies = [draw_tensors(SPEC, seed) for seed in range(n_die)]
    tensors: dict[str, Array] = {name: np.stack([die[name] for die in dies]) for name in dies[0]}
    return Model(spec=SPEC, tensors=tensors)


@pytest.mark.parametrize("kernel", KERNELS)
def test_dies_equal_the_same_networks_alone(kernel: str) -> None:
    inputs = draw_inputs(4, 1)
    together = simulate_ideal(stacked(5), inputs, kernel=kernel)
    assert together.decision.shape == together.energy_J.shape == (5, 9)
    assert np.isnan(together.energy_J).all()
    for die in range(5):
        alone = simulate_ideal(draw_model(SPEC, die), inputs, kernel=kernel)
        assert np.array_equal(together.decision[die], alone.decision)
        for one, other in zip(together.states, alone.states, strict=True):
            assert np.array_equal(one[die], other, equal_nan=True)
        assert together.output is not None
        assert np.array_equal(together.output[die], alone.output, equal_nan=True)  # type: ignore[arg-type]


def test_one_tensor_per_die_and_the_rest_shared() -> None:
    model, inputs = draw_model(SPEC, 0), draw_inputs(4, 1)
    scales = np.array([1.0, 0.5, 3.0])
    beta = model.tensors["layers.0.beta"] * scales[:, None]
    trace = simulate_ideal(
        Model(spec=SPEC, tensors={**model.tensors, "layers.0.beta": beta}), inputs
    )
    assert trace.decision.shape == (3, 9)
    for die in range(3):
        single = Model(spec=SPEC, tensors={**model.tensors, "layers.0.beta": beta[die]})
        alone = simulate_ideal(single, inputs)
        assert np.array_equal(trace.states[1][die], alone.states[1], equal_nan=True)


@pytest.mark.parametrize("kernel", KERNELS)
def test_chunks_of_dies_leave_the_same_bits(kernel: str) -> None:
    model, inputs = stacked(7), draw_inputs(4, 1, n_seq=30)
    whole = simulate_ideal(model, inputs, dtype=np.float32, kernel=kernel)
    for size in (1, 2, 3):
        for start in range(0, 7, size):
            part = {name: values[start : start + size] for name, values in model.tensors.items()}
            single = Model(spec=SPEC, tensors=part)
            chunk = simulate_ideal(single, inputs, dtype=np.float32, kernel=kernel)
            expected = whole.candidates[1][start : start + size]
            assert chunk.candidates[1].dtype == np.float32
            assert np.array_equal(chunk.candidates[1], expected, equal_nan=True)


@pytest.mark.parametrize("per_block", [1, 4, 7, 64])
def test_blocks_of_sequences_fit_together(per_block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = draw_model(SPEC, 3, grid=True), draw_inputs(4, 1, n_seq=30, grid=True)
    whole = simulate_ideal(model, inputs, kernel="numpy")
    monkeypatch.setattr(ideal, "block_shape", lambda *_: (1, per_block, 12))
    cut = simulate_ideal(model, inputs, kernel="numpy")
    assert np.array_equal(cut.decision, whole.decision)
    assert np.array_equal(cut.output, whole.output, equal_nan=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("kernel", KERNELS)
def test_decisions_alone_equal_those_of_the_trace(kernel: str) -> None:
    inputs = draw_inputs(4, 1)
    short = simulate_ideal(stacked(3), inputs, keep="decisions", kernel=kernel)
    whole = simulate_ideal(stacked(3), inputs, kernel=kernel)
    assert np.array_equal(short.decision, whole.decision)
    assert short.output is None
    assert short.states == short.candidates == ()
    with pytest.raises(MruHwError, match="kept its decisions only"):
        short.arrays()


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_stands_in_the_padding_does_not_matter(kernel: str) -> None:
    model, inputs = draw_model(SPEC, 2), draw_inputs(4, 1)
    x = inputs.x.copy()
    x[~inputs.valid()] = 1e6
    loud = simulate_ideal(model, Inputs(x=x, lengths=inputs.lengths), kernel=kernel)
    quiet = simulate_ideal(model, inputs, kernel=kernel)
    assert np.array_equal(loud.decision, quiet.decision)
    assert np.array_equal(loud.output, quiet.output, equal_nan=True)  # type: ignore[arg-type]


def test_states_are_whole_multiples_of_alpha_within_the_ladder() -> None:
    model, inputs = draw_model(SPEC, 2), draw_inputs(4, 1)
    trace = simulate_ideal(model, inputs)
    levels = trace.states[0][inputs.valid()] / model.tensors["layers.0.alpha"]
    np.testing.assert_allclose(levels, np.rint(levels), rtol=0, atol=1e-12)
    assert np.abs(levels).max() <= 2 + 1e-12


def test_number_of_sequences_in_a_block_does_not_depend_on_the_dies() -> None:
    shapes = [block_shape(SPEC, n_die, 3000, 101, 4, 1 << 26) for n_die in (1, 10, 1000)]
    assert len({(sequences, frames) for _, sequences, frames in shapes}) == 1
    dies, sequences, frames = shapes[-1]
    assert frames == 101
    assert dies * sequences * frames * 6 * 4 * 8 <= 1 << 26


def test_a_sequence_is_one_piece_as_long_as_it_fits_and_else_cut() -> None:
    frame = 6 * 8 * 8
    for n_time in (1, 1000, 100_000):
        assert block_shape(SPEC, 3, 1, n_time, 8, n_time * frame)[1:] == (1, n_time)
        dies, sequences, frames = block_shape(SPEC, 3, 5, n_time + 1, 8, n_time * frame)
        assert sequences == min(5, n_time)
        assert frames <= n_time
        assert dies * sequences * frames * frame <= n_time * frame
    # However long: no more than a cache holds.
    assert block_shape(SPEC, 3, 5, 10**9, 8, 1 << 30)[2] < 30_000


def test_other_number_of_features_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match=r"inputs: n_in is 5, expected 4, as the model has\."):
        simulate_ideal(draw_model(SPEC, 0), draw_inputs(5, 1))


def test_too_little_memory_for_one_frame_is_refused() -> None:
    with pytest.raises(MruHwError, match=r"One frame needs 384 bytes of working memory"):
        simulate_ideal(draw_model(SPEC, 0), draw_inputs(4, 1), memory_bytes=383, kernel="numpy")


def test_tensors_with_different_numbers_of_dies_are_refused() -> None:
    tensors = dict(stacked(3).tensors)
    tensors["head.bias"] = tensors["head.bias"][:2]
    with pytest.raises(MruHwError, match="disagree about the number of dies"):
        simulate_ideal(Model(spec=SPEC, tensors=tensors), draw_inputs(4, 1))


def test_tensor_of_another_shape_is_refused() -> None:
    tensors = dict(stacked(3).tensors)
    tensors["head.bias"] = np.zeros((2, 3, 3))
    with pytest.raises(UserError, match=r"head.bias is of shape \(2, 3, 3\), expected \(3,\)"):
        simulate_ideal(Model(spec=SPEC, tensors=tensors), draw_inputs(4, 1))
