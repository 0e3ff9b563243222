"""Which of several alike things has which slot, and how that is chosen."""

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from slotenv.encoders.objects.kinds import Steps
from slotenv.encoders.objects.names import (
    Names,
    Passing,
    features,
    find_names,
    name,
    nearest,
    passing_of,
)
from slotenv.encoders.objects.pieces import Pieces, position_within

SMALL, LARGE = np.log(0.02), np.log(0.1)


def pieces_of(*rows: tuple[int, float, float, float, float]) -> Pieces:
    """Pieces of frame, row, column, height and width (standard deviations)."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    ones = np.ones((len(table), 1), np.float32)
    squares = table[:, 3:] ** 2 + table[:, 1:3] ** 2
    moments = np.hstack([ones, table[:, 1:3], squares, ones])
    none = np.zeros((len(table), 2), bool)
    return Pieces(table[:, 0].astype(np.int64), moments, ones, none[:, 0], none)


def test_features_are_place_and_log_size() -> None:
    found = features(pieces_of((0, 0.3, -0.2, 0.05, 0.1)))
    np.testing.assert_allclose(found, [[0.3, -0.2, np.log(0.05), np.log(0.1)]], rtol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_nearest_is_the_best_of_all_ways(count: int) -> None:
    rng = np.random.default_rng(count)
    mean, spread = rng.normal(size=(4, 4)), rng.normal(size=(4, 4)) * 0.3
    for _ in range(20):
        z = rng.normal(size=(count, 4))

        def cost(way: tuple[int, ...], z: NDArray[np.float64] = z) -> float:
            return sum(
                ((z[i] - mean[k]) ** 2 / np.exp(spread[k]) ** 2 + 2 * spread[k]).sum()
                for i, k in enumerate(way)
            )

        assert tuple(nearest(z, mean, spread)) == min(permutations(range(4), count), key=cost)


def play(
    ship: NDArray[np.float64], shot: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float32], list[Passing]]:
    """A large thing and a small one at places (n, 2), and what passes from each to the next."""
    n = len(ship)
    z = np.zeros((n, 2, 4), np.float32)
    z[:, 0, :2], z[:, 1, :2] = ship, shot
    z[:, 0, 2:], z[:, 1, 2:] = LARGE, SMALL
    pair = np.arange(2)
    steps = [Passing(z[i], z[i + 1], pair, pair) for i in range(n - 1)]
    return np.repeat(np.arange(n), 2), z.reshape(-1, 4), steps


def by_column(frame: NDArray[np.int64], z: NDArray[np.float32]) -> NDArray[np.int64]:
    order = np.lexsort((z[:, 1], frame))
    rank = np.empty(len(frame), np.int64)
    rank[order] = position_within(frame)
    return rank


def slots(names: Names, z: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.stack([name(names, pair) for pair in z.reshape(-1, 2, 4)])


def test_a_ship_and_its_shots_are_told_apart_by_size() -> None:
    rng = np.random.default_rng(0)
    frame, z, steps = play(rng.uniform(-0.8, 0.8, (200, 2)), rng.uniform(-0.8, 0.8, (200, 2)))
    names = find_names(frame, z, by_column(frame, z), 2, steps, in_order=False)
    found = slots(names, z)
    assert (found == found[0]).all()
    assert not names.in_order


def test_things_that_keep_to_their_places_are_told_apart_by_them() -> None:
    rng = np.random.default_rng(1)
    away = rng.normal(0, 0.05, (200, 2, 2))
    frame, z, steps = play([-0.5, 0.0] + away[:, 0], [0.5, 0.1] + away[:, 1])
    z[:, 2:] = rng.normal(0, 0.5, (400, 2))  # sizes say nothing
    steps = [s._replace(before=z[2 * i : 2 * i + 2]) for i, s in enumerate(steps)]
    steps = [s._replace(after=z[2 * i + 2 : 2 * i + 4]) for i, s in enumerate(steps)]
    names = find_names(frame, z, by_column(frame, z), 2, steps, in_order=False)
    assert (names.spread[:, 2:] > 5).all()  # of any size
    assert (slots(names, z) == [0, 1] if names.mean[0, 0] < 0 else [1, 0]).all()


def test_things_that_wander_side_by_side_keep_their_order() -> None:
    rng = np.random.default_rng(2)
    left = np.clip(np.cumsum(rng.normal(0, 0.08, 400)), -0.9, 0.6)
    places = np.stack([np.zeros(400), left], 1)
    frame, z, steps = play(places, places + np.array([0.0, 0.1]))
    z[:, 2:] = LARGE
    for step in steps:
        step.before[:, 2:] = step.after[:, 2:] = LARGE
    names = find_names(frame, z, by_column(frame, z), 2, steps, in_order=False)
    assert (slots(names, z) == [0, 1]).all()


def test_without_steps_or_alone_the_place_decides() -> None:
    rng = np.random.default_rng(3)
    frame, z, steps = play(rng.uniform(-0.8, 0.8, (50, 2)), rng.uniform(-0.8, 0.8, (50, 2)))
    rank = by_column(frame, z)
    for names in (
        find_names(frame, z, rank, 2, [], in_order=False),
        find_names(frame, z, np.zeros_like(rank), 1, steps, in_order=False),
    ):
        assert not names.in_order
        assert (names.spread[:, 2:] > 5).all()
    lane = find_names(frame, z, rank, 2, steps, in_order=True)
    assert lane.in_order


def test_more_things_than_slots_have_none() -> None:
    names = Names(True, np.zeros((2, 4), np.float32), np.zeros((2, 4), np.float32))
    z = np.zeros((3, 4), np.float32)
    z[:, 1] = [0.5, -0.5, 0.1]
    assert name(names, z).tolist() == [-1, 0, 1]
    assert name(names._replace(in_order=False), z).tolist() == [-1, -1, -1]
    assert name(names, z[:0]).tolist() == []


def test_what_passes_is_of_the_looks_asked_for() -> None:
    before = pieces_of((0, 0, 0, 0.05, 0.05), (0, 0.5, 0.5, 0.05, 0.05), (1, 0, 0.3, 0.05, 0.05))
    after = pieces_of(
        (0, 0.5, 0.52, 0.05, 0.05), (0, 0, 0.02, 0.05, 0.05), (1, 0.9, 0.9, 0.05, 0.05)
    )
    steps = Steps(before, np.array([1, 2, 1]), after, np.array([2, 1, 1]))
    (one,) = passing_of(steps, np.array([1, 2]))  # in step 1 nothing is near
    assert sorted(zip(one.rows.tolist(), one.columns.tolist(), strict=True)) == [(0, 1), (1, 0)]
    (of_two,) = passing_of(steps, np.array([2]))
    assert (len(of_two.before), len(of_two.after)) == (1, 1)
    assert (of_two.rows.tolist(), of_two.columns.tolist()) == ([0], [0])
    assert passing_of(steps, np.array([7])) == []
