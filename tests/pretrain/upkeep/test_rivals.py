"""The simple rivals, on frames of a few rectangles and places worked by hand."""

from __future__ import annotations

import numpy as np
import recorded_frames

from pretrain.upkeep.rivals import MOST_BOXES, difference_boxes, mean_boxes, tracked
from slotenv.probe import TrueObjects


def at(*places: tuple[float, float] | None) -> np.ndarray:
    """Pieces (N, 2, 5) of one object of 4 x 4 pixels; None where it is missing."""
    pieces = np.zeros((len(places), 2, 5), np.float32)
    for row, place in zip(pieces[:, 0], places, strict=True):
        if place is not None:
            row[:] = 1, *place, 4, 4
    return pieces


def test_pieces_are_what_differs_from_the_background_the_largest_first() -> None:
    frames = np.full((8, 20, 30, 3), 50, np.uint8)
    frames[7, 2:6, 3:5] = 200  # 4 rows, 2 columns
    frames[7, 10:15, 20:26, 0] = 0  # 5 rows, 6 columns, in one channel
    frames[7, 19, 0] = 0  # a single pixel is no piece
    boxes = difference_boxes(recorded_frames.Recorded(frames))
    assert boxes.shape == (8, MOST_BOXES, 5)
    assert (boxes[:7] == 0).all()
    np.testing.assert_array_equal(boxes[7, :2], [[1, 22.5, 12, 6, 5], [1, 3.5, 3.5, 2, 4]])
    assert (boxes[7, 2:] == 0).all()


def test_parts_with_a_small_gap_are_one_piece_and_there_are_24_at_most() -> None:
    frames = np.zeros((4, 80, 80, 3), np.uint8)
    frames[2, 4:8, 4:20] = 9
    frames[2, 4:8, 10:12] = 0
    frames[3, 2::10, 2::10] = frames[3, 3::10, 2::10] = 9  # 64 pieces of two pixels
    boxes = difference_boxes(recorded_frames.Recorded(frames))
    np.testing.assert_array_equal(boxes[2, :2], [[1, 11.5, 5.5, 16, 4], [0] * 5])
    assert boxes[3, :, 0].sum() == 24


def test_a_missing_object_goes_on_for_two_frames() -> None:
    places = [(10, 50), (13, 50), (16, 50), None, None, (25, 50), None, None, None, (60, 50)]
    shown = tracked(at(*places), np.zeros(10, int))
    assert (shown[:, 1] == 0).all()
    np.testing.assert_allclose(shown[:8, 0, 1], [10, 13, 16, 19, 22, 25, 28, 31])
    assert (shown[:8, 0, 0] == 1).all()
    assert (shown[8] == 0).all()  # gone in the third frame
    np.testing.assert_allclose(shown[9, 0], [1, 60, 50, 4, 4])


def test_an_object_that_comes_back_elsewhere_has_gone_there_in_all_the_steps() -> None:
    places = [(10, 50), (13, 50), None, None, (28, 50), None]  # expected at 22
    shown = tracked(at(*places), np.zeros(6, int))
    np.testing.assert_allclose(shown[:, 0, 1], [10, 13, 16, 19, 28, 33])


def test_objects_keep_their_rows_whatever_the_order_of_pieces() -> None:
    pieces = np.zeros((6, 2, 5), np.float32)
    for t in range(6):
        both = [[1, 10 + 2 * t, 20, 4, 4], [1, 60 - 3 * t, 40, 6, 6]]
        pieces[t] = both if t % 2 else both[::-1]
    shown = tracked(pieces, np.zeros(6, int))
    np.testing.assert_allclose(shown[:, 1, 1], 10 + 2 * np.arange(6))
    np.testing.assert_allclose(shown[:, 0, 1], 60 - 3 * np.arange(6))


def test_nothing_is_followed_into_the_next_episode_nor_across_the_screen() -> None:
    shown = tracked(at((10, 10), (12, 10), None), np.array([0, 0, 1]))
    assert (shown[2] == 0).all()
    far = tracked(at((10, 10), (40, 10)), np.zeros(2, int))
    np.testing.assert_allclose(far[1, :, 1], [10, 40])  # another object; the first one coasts


def test_the_mean_box_is_of_counted_objects_that_are_there_more_often_than_not() -> None:
    rows = np.array(
        [
            # frame, kind, number, x, y, width, height
            (0, 0, 5, 10, 20, 4, 4),
            (0, 1, 6, 1, 1, 1, 1),  # not counted
            (1, 0, 5, 14, 26, 6, 4),
            (1, 0, 7, 50, 50, 2, 2),  # in one frame of three
            (2, 2, 8, 30, 30, 1, 1),
            (0, 2, 8, 32, 30, 1, 1),
        ]
    )
    counted = np.array([True, False, True])
    true = TrueObjects(
        rows[:, 0].astype(int), rows[:, 1].astype(int), rows[:, 3:], ("a", "b", "c"), counted
    )
    boxes = mean_boxes(true, rows[:, 2].astype(int), frames=3)
    np.testing.assert_allclose(boxes, [[1, 12, 23, 5, 4], [1, 31, 30, 1, 1]])
    none = true._replace(counted=np.zeros(3, bool))
    assert mean_boxes(none, rows[:, 2].astype(int), frames=3).shape == (0, 5)
