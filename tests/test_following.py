"""Which slot a thing keeps, against a search over all ways, and by hand."""

from itertools import permutations

import numpy as np
import pytest

from slotenv.following import REACH, keep_slots

FAR = 10.0


def best(places, expected):
    """Return the least sum of distances, cut off at the reach, over all ways to pair."""
    small, large = sorted((places, expected), key=len)
    distance = np.hypot(*(small[:, None] - large[None]).transpose(2, 0, 1))
    cost = np.minimum(distance, REACH)
    rows = range(len(small))
    # Who is not paired counts as much as one at the reach.
    ways = permutations(range(len(large)), len(small))
    return min(cost[rows, list(way)].sum() for way in ways)


@pytest.mark.parametrize("seed", range(6))
def test_the_sum_of_distances_is_the_smallest(seed):
    rng = np.random.default_rng(seed)
    for _ in range(30):
        count = int(rng.integers(1, 5))
        expected = rng.uniform(-1, 1, (count, 2))
        places = expected[rng.permutation(count)] + rng.normal(0, 0.2, (count, 2))
        order = keep_slots(places, np.ones(count, bool), expected, np.ones(count, bool))
        assert sorted(order) == list(range(count))
        away = np.hypot(*(places[order] - expected).T)
        if (away < REACH).sum() >= count / 2:  # else the scene was cut
            assert np.minimum(away, REACH).sum() == pytest.approx(best(places, expected))


def test_what_is_alone_and_known_of_nothing_stays():
    nothing = np.zeros(3, bool)
    order = keep_slots(np.zeros((3, 2)), np.array([0, 1, 0], bool), np.zeros((3, 2)), nothing)
    assert order.tolist() == [0, 1, 2]
    order = keep_slots(np.zeros((3, 2)), nothing, np.zeros((3, 2)), np.ones(3, bool))
    assert sorted(order) == [0, 1, 2]


def test_a_slot_that_somebody_hidden_has_is_taken_last():
    """The first is found, the second hidden: a new thing, encoded in the second, gets the third."""
    places = np.array([[0.0, 0.0], [FAR, 0.0], [0.0, 0.0]])
    expected = np.array([[0.1, 0.0], [-FAR, 0.0], [0.0, 0.0]])
    seen, known = np.array([1, 1, 0], bool), np.array([1, 1, 0], bool)
    assert keep_slots(places, seen, expected, known).tolist() == [0, 2, 1]
    full = keep_slots(np.array([[0, 0], [FAR, 0]]), seen[:2], expected[:2], known[:2])
    assert full.tolist() == [0, 1]  # none is free: it goes where the hidden one was


def test_if_most_are_gone_the_scene_was_cut():
    places = np.array([[0.0, 0.0], [FAR, 0.0], [2 * FAR, 0.0]])
    expected = places + np.array([[0, 0], [5, 5], [5, 5]])
    all_ = np.ones(3, bool)
    assert keep_slots(places[::-1], all_, expected, all_).tolist() == [0, 1, 2]
    expected[1] = places[1]
    assert keep_slots(places[::-1], all_, expected, all_).tolist() == [2, 1, 0]


def test_the_reach_is_not_reached():
    """The only thing was in the second slot, and is encoded in the first."""
    places, seen, known = np.zeros((2, 2)), np.array([1, 0], bool), np.array([0, 1], bool)
    for away, order in ((REACH - 1e-6, [1, 0]), (REACH, [0, 1])):
        assert keep_slots(places, seen, np.array([[9, 9], [away, 0]]), known).tolist() == order
