"""Lanes, on places whose lanes are known."""

import numpy as np
import pytest

from slotenv.encoders.objects.lanes import find_lanes, is_narrow, that_are_left


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("count", [2, 4, 7])
def test_lanes_are_found_however_many(count: int, axis: int) -> None:
    rng = np.random.default_rng(count)
    true = rng.integers(0, count, 600)
    middle = rng.uniform(-1, 1, (600, 2))
    middle[:, axis] = np.linspace(-0.8, 0.8, count)[true] + rng.normal(0, 0.01, 600)
    lane, across = find_lanes(middle.astype(np.float32), 0)
    assert across == axis
    assert (lane == true).all()


@pytest.mark.parametrize("shape", ["square", "ball", "line", "point", "few"])
def test_what_goes_anywhere_has_no_lanes(shape: str) -> None:
    rng = np.random.default_rng(0)
    middle = {
        "square": rng.uniform(-1, 1, (900, 2)),
        "ball": rng.normal(0, 0.3, (900, 2)),
        "line": np.stack([np.linspace(-1, 1, 900)] * 2, 1),
        "point": np.zeros((50, 2)),
        "few": np.array([[0.5, 0.1], [-0.5, 0.2]]),
    }[shape]
    lane, across = find_lanes(middle.astype(np.float32), 0)
    assert across is None
    assert not lane.any()


def test_the_seed_decides_and_order_does_not() -> None:
    rng = np.random.default_rng(3)
    middle = np.stack([rng.choice([-0.5, 0.0, 0.6], 300), rng.uniform(-1, 1, 300)], 1)
    lane, _ = find_lanes(middle, 5)
    np.testing.assert_array_equal(find_lanes(middle, 5)[0], lane)
    order = rng.permutation(300)
    np.testing.assert_array_equal(find_lanes(middle[order], 5)[0], lane[order])


def test_what_keeps_to_a_row_is_narrow_there() -> None:
    middle = np.stack([np.full(40, 0.3), np.linspace(-1, 1, 40)], 1)
    assert is_narrow(middle).tolist() == [True, False]


def test_lanes_that_things_leave_are_none() -> None:
    """A car stays in the first lane, a ship goes from the third to the second and back."""
    lines = np.array([-0.5, 0.0, 0.4])
    step = np.repeat(np.arange(20), 2)
    ship = np.where(np.arange(20) % 2, 0.38, 0.03)
    before = np.stack([np.full(20, -0.52), ship], 1).ravel()
    after = np.stack([np.full(20, -0.47), ship[::-1]], 1).ravel()
    assert that_are_left(lines, (step, before), (step, after)).tolist() == [False, True, True]
    assert not that_are_left(lines, (step, before), (step, before)).any()
    few = step < 9  # nine steps tell nothing
    assert not that_are_left(lines, (step[few], before[few]), (step[few], after[few])).any()
    nothing = np.zeros(0, np.int64), np.zeros(0, np.float32)
    assert not that_are_left(lines, nothing, nothing).any()


def test_what_vanishes_does_not_leave_its_lane() -> None:
    """Of two things in lanes that flicker, one is seen at a time."""
    lines = np.array([-0.5, 0.5])
    both = np.repeat(np.arange(30), 2), np.tile([-0.5, 0.5], 30)
    one = np.arange(30), np.where(np.arange(30) % 2, 0.5, -0.5)
    assert not that_are_left(lines, both, one).any()
    other = np.arange(30), -one[1]
    assert that_are_left(lines, one, other).all()  # for all that can be known, it moved
