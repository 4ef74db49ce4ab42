"""Words that the reports of a sweep share."""

from mru_hw.sweeps.words import many


def test_one_of_a_kind_is_in_the_singular() -> None:
    assert [many(n, "die") for n in (0, 1, 2)] == ["0 dies", "1 die", "2 dies"]
