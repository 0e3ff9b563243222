"""Which slot each piece gets, against a search over all ways."""

from itertools import permutations

import numpy as np
import pytest

from slotenv.encoders.objects.looks import Looks, fit_of
from slotenv.encoders.objects.pieces import Pieces
from slotenv.encoders.objects.sharing import Things, reading_order, share_out

SIZE = 0.05


def alike(*places: tuple[int, float, float]) -> Pieces:
    """Pieces of one look: frame, row and column."""
    table = np.array(places, np.float32).reshape(-1, 3)
    middle = table[:, 1:]
    ones = np.ones((len(table), 1), np.float32)
    moments = np.hstack([ones, middle, SIZE**2 + middle**2, ones])
    nothing = np.zeros((len(table), 2), bool)
    return Pieces(table[:, 0].astype(np.int64), moments, ones, nothing[:, 0], nothing)


def shared(model: Things, pieces: Pieces) -> np.ndarray:
    return share_out(model, pieces, fit_of(model.looks, pieces))


def things(home: np.ndarray, *, in_order: bool) -> Things:
    """One group with a slot for each home (K, 2)."""
    count = len(home)
    zeros = np.zeros((1, 2), np.float32)
    looks = Looks(zeros[:, :1], zeros + np.log(SIZE), zeros, zeros, zeros[0, :1])
    return Things(
        looks,
        group=np.zeros(1, np.int64),
        first=np.array([0, count]),
        in_order=np.array([in_order]),
        roams=np.zeros(1, bool),
        home=np.zeros((count, 2), np.float32),
        place=home.astype(np.float32),
        size=np.zeros((count, 2), np.float32),
        spread=np.full((count, 4), np.log(0.3), np.float32),
        display=np.zeros((1, 4), np.int64),
        field=np.array([0, 0, 210, 160]),
        absence=np.zeros(count, np.float32),
    )


def test_reading_order_is_row_by_row_and_from_left_to_right() -> None:
    middle = np.array([[0.5, 0.1], [0.02, 0.9], [0.0, -0.5], [0.01, 0.3], [0.52, -0.9]])
    nowhere = np.zeros(5, np.int64)
    assert reading_order(nowhere, middle, np.zeros(5, bool)).tolist() == [2, 3, 1, 4, 0]
    assert reading_order(nowhere, middle, np.ones(5, bool)).tolist() == [4, 2, 0, 3, 1]
    cells = np.array([1, 0, 1, 0, 0])
    assert reading_order(cells, middle, np.zeros(5, bool)).tolist() == [3, 1, 4, 2, 0]


def test_in_a_lane_the_leftmost_is_the_first_whatever_the_homes() -> None:
    model = things(np.array([[0, 0.8], [0, -0.8], [0, 0.0]]), in_order=True)
    pieces = alike((0, 0, 0.4), (0, 0, -0.2), (1, 0, 0.9), (2, 0, 0.1), (2, 0, -0.7), (2, 0, 0.3))
    assert shared(model, pieces).tolist() == [1, 0, 0, 1, 0, 2]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_elsewhere_homes_decide_so_that_all_are_near_theirs(count: int) -> None:
    rng = np.random.default_rng(count)
    model = things(rng.uniform(-0.9, 0.9, (4, 2)), in_order=False)
    for _ in range(20):
        places = rng.uniform(-0.9, 0.9, (count, 2))
        slots = shared(model, alike(*((0, *place) for place in places)))
        ways = permutations(range(4), count)
        away = {way: ((places - model.place[list(way)]) ** 2).sum() for way in ways}
        assert tuple(slots) == min(away, key=lambda way: away[way])


def test_frames_and_the_order_of_pieces_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    model = things(rng.uniform(-0.9, 0.9, (3, 2)), in_order=False)
    pieces = alike(*((frame, *rng.uniform(-0.9, 0.9, 2)) for frame in range(9) for _ in range(3)))
    slots = shared(model, pieces)
    order = rng.permutation(27)
    np.testing.assert_array_equal(shared(model, pieces.select(order)), slots[order])
    for frame in range(9):
        own = pieces.frame == frame
        np.testing.assert_array_equal(shared(model, pieces.select(own)), slots[own])


def test_of_too_many_the_best_fitting_have_a_slot() -> None:
    model = things(np.zeros((1, 2)), in_order=False)
    assert shared(model, alike((0, 0.9, 0.9), (0, 0.1, 0.1), (0, -0.5, 0))).tolist() == [
        -1,
        0,
        -1,
    ]


def test_nothing_has_no_slot() -> None:
    model = things(np.zeros((1, 2)), in_order=False)
    assert shared(model, alike()).shape == (0,)
