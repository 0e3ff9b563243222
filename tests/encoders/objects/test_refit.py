"""Going on with other frames: old slots keep their things, new ones come behind."""

import numpy as np
import pytest
from drawn_things import HEIGHT, WIDTH, Box, draw
from numpy.typing import NDArray

from slotenv.encoders.objects import ObjectEncoder
from slotenv.frames import plain

RED, GREEN, BLUE, WHITE = 1, 2, 3, 4


def bounce(steps: int, start: float, speed: float, room: int) -> NDArray[np.int64]:
    """Return where something is that goes to and fro between 0 and ``room``."""
    way = (start + speed * np.arange(steps)) % (2 * room)
    return np.rint(np.minimum(way, 2 * room - way)).astype(int)


def play(*more: Box, steps: int = 120) -> NDArray[np.uint8]:
    """Return frames of a ball and a bat, and what stands for more moving things."""
    x, y, bat = bounce(steps, 0, 3, 90), bounce(steps, 9, 2, 30), bounce(steps, 40, 4, 80)
    frames: list[list[Box]] = []
    for n in range(steps):
        boxes = [(int(y[n]), int(x[n]), 4, 4, WHITE), (76, int(bat[n]), 4, 14, RED)]
        for top, left, height, width, colour in more:
            boxes.append((top, (left + 2 * n) % 80, height, width, colour))
        frames.append(boxes)
    return draw(*frames)


def test_known_slots_stay_and_new_things_come_behind() -> None:
    known, other = play(), play((50, 5, 8, 8, GREEN))
    preset = plain(HEIGHT, WIDTH)
    before = ObjectEncoder.from_frames(known, preprocess=preset, next_frames=known[1:])
    after = before.refit(other, next_frames=other[1:])
    assert (before.num_slots, after.num_slots) == (2, 3)
    old, new = before.encode(other), after.encode(other)
    np.testing.assert_array_equal(new[:, :2], old)
    assert (new[:, 2, 0] == 1).all()
    assert after.refit(known, next_frames=known[1:]).num_slots == 3
    assert before.refit(other, num_slots=2).num_slots == 2


def test_what_is_made_is_saved_and_loaded(tmp_path) -> None:
    frames = play((50, 5, 8, 8, GREEN))
    encoder = ObjectEncoder.from_frames(
        frames, preprocess=plain(HEIGHT, WIDTH), next_frames=frames[1:]
    ).eval()
    encoder.save_pretrained(tmp_path / "e")
    again = ObjectEncoder.from_pretrained(tmp_path / "e")
    np.testing.assert_array_equal(again.encode(frames), encoder.encode(frames))
    np.testing.assert_array_equal(again.boxes(frames), encoder.boxes(frames))


def test_nothing_is_one_empty_slot() -> None:
    frames = draw(*[[] for _ in range(40)])
    with pytest.warns(UserWarning, match="Nothing differs from the background"):
        encoder = ObjectEncoder.from_frames(frames, preprocess=plain(HEIGHT, WIDTH))
    assert encoder.num_slots == 1
    assert not encoder.encode(play()).any()
