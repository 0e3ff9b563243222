"""What is background, and what has the colour of the scenery nearby."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from slotenv.encoders.objects.background import (
    Background,
    _goes_past,
    extend_background,
    fit_background,
)
from slotenv.encoders.palette import fit_palette
from slotenv.encoders.usual_colours import NO_COLOUR

HEIGHT, WIDTH = 60, 80
BLACK, WALL, RED = (0, 0, 0), (40, 160, 40), (220, 30, 30)


def black(count: int) -> NDArray[np.uint8]:
    return np.zeros((count, HEIGHT, WIDTH, 3), np.uint8)


def fitted(frames: NDArray[np.uint8]) -> Background:
    return fit_background(frames, fit_palette(frames))


def test_a_wall_that_is_there_now_and_then_is_background_a_thing_of_its_colour_is_not() -> None:
    frames = black(100)
    frames[::10, :20] = WALL  # a room: a third of the screen, in a tenth of the frames
    for i, frame in enumerate(frames):
        frame[50:54, 2 * (i % 30) : 2 * (i % 30) + 8] = WALL  # 32 pixels of 4,800: no region
    mask = fitted(frames).mask(frames)
    assert not mask[:, :20].any()
    thing = (frames[:, 50:54] == WALL).all(-1)
    np.testing.assert_array_equal(mask[:, 50:54], thing)


def test_what_covers_little_of_all_frames_is_no_wall() -> None:
    frames = black(200)
    frames[:2, :20] = WALL  # in a hundredth of the frames
    assert fitted(frames).mask(frames[:2])[:, :20].all()


def test_a_colour_of_two_in_five_frames_is_usual() -> None:
    frames = black(100)
    frames[:41, 10:12, 10:12] = RED
    frames[:39, 30:32, 10:12] = RED
    mask = fitted(frames).mask(frames[:1])[0]
    assert not mask[10:12, 10:12].any()
    assert mask[30:32, 10:12].all()


def test_what_goes_past_often_is_no_background_and_what_stays_is() -> None:
    frames = black(100)
    for n, frame in enumerate(frames):
        left = 10 + 7 * n % 25
        frame[20:24, left : left + 14] = RED  # columns 23 to 34 are red in 56 frames
    frames[:60, 40:48, 10:18] = RED  # ice that is there in 60, and melts
    mask = fitted(frames).mask(frames)
    np.testing.assert_array_equal(mask[:, 20:24], (frames[:, 20:24] == RED).all(-1))
    assert not mask[:, 40:48].any()


def test_what_goes_past_is_asked_only_over_a_large_region() -> None:
    """Nothing is known of what is behind a lamp that flickers among others."""
    frames = np.random.default_rng(0).integers(0, 256, (100, HEIGHT, WIDTH, 3), np.uint8)
    frames[:50, 20:26, 10:40] = RED
    frames[30:60, 20:26, 5:10] = RED
    assert not fitted(frames).mask(frames[:1])[0, 20:26, 10:40].any()


def test_what_goes_past_is_told_by_how_often_it_is_just_outside() -> None:
    """Against a loop over places."""
    rng = np.random.default_rng(1)
    share = np.round(rng.random((2, 12 * 15)), 2).astype(np.float32)
    usual, asked = share > 0.5, share > 0.6
    found = _goes_past(share, usual, asked, (12, 15)).reshape(2, 12, 15)
    for colour in range(2):
        often, is_usual = share[colour].reshape(12, 15), usual[colour].reshape(12, 15)
        part, count = ndimage.label(asked[colour].reshape(12, 15))
        for number in range(1, count + 1):
            own = part == number
            beside: dict[bool, list[float]] = {True: [], False: []}
            for y, x in np.argwhere(own):
                for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                    if 0 <= y + down < 12 and 0 <= x + right < 15:
                        there = y + down, x + right
                        if not is_usual[there]:
                            beside[bool(down)].append(float(often[there]))
            expected = any(v and np.mean(v) > 0.4 * often[own].mean() for v in beside.values())
            assert (found[colour][own] == expected).all()


def test_scenery_is_told_by_the_colours_nearby() -> None:
    frames = black(60)
    frames[:, 40:] = WALL
    frames[:, 20:24, 10:14] = RED  # a thing that stands still is no scenery
    found = frames[:1].copy()
    found[0, 36, 5] = WALL  # 4 rows above the wall
    found[0, 30, 5] = WALL  # 10 rows above it
    found[0, 26, 12] = RED  # beside where red is usual
    runs = fitted(frames).foreground(found)
    assert list(zip(runs.row.tolist(), runs.scenery.tolist(), strict=True)) == [
        (26, False),
        (30, False),
        (36, True),
    ]


def test_a_new_room_is_added_where_there_is_room() -> None:
    frames = black(60)
    before = fitted(frames)
    other = frames.copy()
    other[:, :30] = WALL
    other[:, 50:54, 50:54] = RED  # stays at a place, and is small
    palette = fit_palette(other, known=before.palette)
    after = extend_background(before, other, palette)
    mask = after.mask(other)
    assert not mask[:, :30].any()
    assert mask[:, 50:54, 50:54].all()
    assert (after.usual[30:, :, 1:] == NO_COLOUR).all()
    assert not after.mask(frames).any()
