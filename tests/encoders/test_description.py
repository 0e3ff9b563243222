"""What a slot holds, in words and numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fake_envs import random_frames
from numpy.typing import NDArray

import slotenv
from slotenv.encoders import SlotMapEncoder
from slotenv.encoders.description import MOVES, colour_name, describe_slots
from slotenv.frames import plain

HEIGHT, WIDTH = 20, 30
WHITE, BLUE, SKY = (236, 236, 236), (66, 72, 200), (10, 90, 10)


def painted(places: list[tuple[int, int] | None]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Draw a white block of 2 columns and 4 rows, with a blue corner, at (left, top) each frame.

    Returns the frames (T, 20, 30, 3) and its boxes (T, 1, 5); it is absent where its place is None.
    """
    frames = np.full((len(places), HEIGHT, WIDTH, 3), SKY, np.uint8)
    boxes = np.zeros((len(places), 1, 5), np.float32)
    boxes[:, :, 1:] = 7.0, 7.0, 1.0, 1.0  # means nothing while it is absent
    for t, place in enumerate(places):
        if place is not None:
            left, top = place
            frames[t, top : top + 4, left : left + 2] = WHITE
            frames[t, top, left] = BLUE
            boxes[t, 0] = 1, left + 0.5, top + 1.5, 2, 4
    return frames, boxes


def describe(places: list[tuple[int, int] | None]) -> slotenv.SlotDescription:
    frames, boxes = painted(places)
    (slot,) = describe_slots(frames, boxes, (frames != SKY).any(-1))
    return slot


def test_each_number_is_as_worked_out_by_hand() -> None:
    # Steps of (3, 4) and (0, 1) in frames that follow each other; the one after the gap is none.
    slot = describe([(4, 4), (7, 8), (7, 9), None, (20, 9)])
    assert (slot.index, slot.present) == (0, 0.8)
    assert (slot.x, slot.y, slot.width, slot.height) == (7.5, 10.0, 2.0, 4.0)
    assert slot.speed == pytest.approx((5 + 1) / 2)
    assert (slot.moves, slot.colour) == (True, WHITE)
    assert slot.name == "white, 2 x 4, moves"
    said = "slot 0: white, 2 x 4, moves: seen in 80% of frames, around (8, 10), 3.0 pixels a step"
    assert str(slot) == said


def test_the_picture_is_what_is_around_the_box_of_the_most_usual_frame() -> None:
    places: list[tuple[int, int] | None] = [(1, 0), (10, 10), (11, 10), (28, 16)]
    frames, boxes = painted(places)
    boxes[1, 0, 0] = 0.7  # nearest to the median, and not wholly there
    (slot,) = describe_slots(frames, boxes, (frames != SKY).any(-1))
    np.testing.assert_array_equal(slot.picture, frames[2, 6:18, 7:17])
    slot.picture[:] = 0
    assert (frames[2, 10, 11] == BLUE).all()
    assert describe([(0, 0)]).picture.shape == (8, 6, 3)  # cut off at the frame


def test_what_hardly_moves_stands_still() -> None:
    places: list[tuple[int, int] | None] = [(4, 4)] * 50
    slot = describe(places)
    assert (slot.speed, slot.moves, slot.name) == (0.0, False, "white, 2 x 4, stands still")
    assert str(slot).endswith("around (4, 6)")  # 4.5 and 5.5, and no speed
    once = describe([*places, (5, 4)])
    assert once.speed == pytest.approx(1 / 50)
    assert not once.moves
    assert MOVES > 1 / 50


def test_a_slot_in_a_single_frame_has_no_speed() -> None:
    for places in ([(4, 4)], [(4, 4), None, (8, 4)]):
        assert describe(places).speed == 0


def test_a_slot_that_is_never_seen_is_described_as_such() -> None:
    slot = describe([None, None])
    assert (slot.present, slot.speed, slot.moves, slot.name) == (0, 0, False, "never seen")
    assert all(math.isnan(number) for number in (slot.x, slot.y, slot.width, slot.height))
    assert slot.picture.shape == (0, 0, 3)
    assert str(slot) == "slot 0: never seen"


def test_the_colour_is_that_of_the_foreground_if_there_is_any() -> None:
    frames, boxes = painted([(4, 4)])
    boxes[0, 0, 1:] = 6.5, 6.5, 10, 10  # the sky is commoner in this box
    for mask, colour in (
        ((frames != SKY).any(-1), WHITE),
        ((frames == BLUE).all(-1), BLUE),
        (np.zeros((1, HEIGHT, WIDTH), np.bool_), SKY),
    ):
        (slot,) = describe_slots(frames, boxes, mask)
        assert slot.colour == colour


def test_names_are_unique() -> None:
    frames, boxes = painted([(4, 4), (9, 4)])
    blue = np.array([[[1, 20.5, 10.5, 4, 4]]] * 2, np.float32)
    frames[:, 9:13, 19:23] = BLUE
    twice = np.concatenate([boxes, blue, boxes], axis=1)
    slots = describe_slots(frames, twice, (frames != SKY).any(-1))
    assert [slot.name for slot in slots] == [
        "white, 2 x 4, moves (slot 0)",
        "blue, 4 x 4, stands still",
        "white, 2 x 4, moves (slot 2)",
    ]


@pytest.mark.parametrize(
    ("colour", "word"),
    [
        ((0, 0, 0), "black"),
        ((40, 10, 10), "black"),
        ((142, 142, 142), "grey"),
        ((236, 236, 236), "white"),
        ((200, 72, 72), "red"),
        ((255, 0, 20), "red"),
        ((213, 130, 74), "orange"),
        ((105, 77, 20), "brown"),
        ((187, 187, 53), "yellow"),
        ((92, 186, 92), "green"),
        ((84, 184, 200), "light blue"),
        ((66, 72, 200), "blue"),
        ((146, 70, 192), "purple"),
        ((184, 70, 162), "pink"),
    ],
)
def test_colours_have_their_usual_words(colour: tuple[int, int, int], word: str) -> None:
    assert colour_name(colour) == word


def test_encoders_without_boxes_cannot_describe() -> None:
    encoder = SlotMapEncoder(num_slots=2, slot_dim=4, preprocess=plain(84, 84))
    for call in (encoder.describe, encoder.boxes, encoder.encode_with_boxes):
        with pytest.raises(TypeError, match="SlotMapEncoder does not say where its slots are"):
            call(random_frames(2, 84, 84))
