"""Marks on frames: they are where the objects are, hide nothing of them, and can be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pretrain.drawing.marked_frame import COLOURS, MARGIN, draw_marks, outlines_of, place_names
from pretrain.drawing.marks import TRAIL, Mark, fullness, label_marks, slot_marks
from slotenv.labels import ByteWithin, GameLabels, Label

ZOOM, GREY = 3, 77
HEIGHT, WIDTH = SHAPE = (90, 80)


def label(name: str, axis: str, byte: int) -> Label:
    """A coordinate that is its byte, and absent while that is 0."""
    return Label(
        name=f"{name}_{axis}", object=name, axis=axis, byte=byte, presence=ByteWithin(byte, 1, 255)
    )


LABELS = GameLabels(
    game="made_up",
    view="pixel",
    labels=(
        label("ball", "x", 0),
        label("ball", "y", 1),
        label("car", "x", 2),
        label("paddle", "y", 3),
        label("far_away", "x", 4),
    ),
    num_objects=4,
)


@pytest.fixture
def ram() -> NDArray[np.uint8]:
    content = np.zeros(128, np.uint8)
    content[:4] = 20, 40, 60, 10
    return content


@pytest.fixture
def frame() -> NDArray[np.uint8]:
    return np.full((*SHAPE, 3), GREY, np.uint8)


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written on pictures during a test, in place of writing it."""
    written: list[str] = []

    def record(self: ImageDraw.ImageDraw, where: object, text: str, **how: object) -> None:
        written.append(text)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", record)
    return written


def coloured(picture: Image.Image, colour: tuple[int, int, int]) -> tuple[int, ...]:
    """Left, top, right and bottom of a colour, in pixels of the game; the frame begins at 0."""
    rows, columns = np.nonzero((np.array(picture) == colour).all(axis=-1))
    first = [n // ZOOM - MARGIN for n in (columns.min(), rows.min())]
    return *first, *(n // ZOOM + 1 - MARGIN for n in (columns.max(), rows.max()))


def boxes_at(*places: tuple[float, ...]) -> NDArray[np.float64]:
    return np.array(places, np.float64)


def check_places(
    places: NDArray[np.int64], objects: NDArray[np.int64], page: tuple[int, int]
) -> None:
    """Each name is on the page, and off the names before it and the objects."""
    for i, (left, top, right, bottom) in enumerate(places.tolist()):
        assert 0 <= left < right <= page[0]
        assert 0 <= top < bottom <= page[1]
        for other in [*places[:i].tolist(), *objects.tolist()]:
            apart = right <= other[0] or left >= other[2] or bottom <= other[1] or top >= other[3]
            assert apart, (places[i], other)


def test_marks_are_what_the_labels_say(ram: NDArray[np.uint8]) -> None:
    assert label_marks(LABELS, ram) == [
        Mark("ball", 20, 40, colour=0),
        Mark("car", 60, None, colour=1),
        Mark("paddle", None, 10, colour=2),
        Mark("far away", None, None, colour=3),
    ]


def test_a_mark_lies_at_the_edges_and_hides_nothing_of_the_object(
    frame: NDArray[np.uint8], words: list[str]
) -> None:
    frame[40:43, 20:22] = 250  # the object
    picture = draw_marks(frame, [Mark("ball", 20, 40)], zoom=ZOOM)
    assert coloured(picture, COLOURS[0])[:2] == (19, 39)
    content = np.array(picture)[MARGIN * ZOOM :, MARGIN * ZOOM :]
    assert (content[40 * ZOOM :, 20 * ZOOM :][: 50 * ZOOM, : 60 * ZOOM] >= GREY).all()
    assert (content[40 * ZOOM : 43 * ZOOM, 20 * ZOOM : 22 * ZOOM] == 250).all()
    # A line runs through the pixels of the game beside the left edge and above the top edge.
    line = (content == COLOURS[0]).all(axis=-1)
    assert line[40 * ZOOM : 43 * ZOOM, 19 * ZOOM : 20 * ZOOM].any(axis=1).all()
    assert line[39 * ZOOM : 40 * ZOOM, 20 * ZOOM : 22 * ZOOM].any(axis=0).all()


def test_one_axis_is_a_line_on_it(frame: NDArray[np.uint8], words: list[str]) -> None:
    marks = [Mark("car", 60, None), Mark("paddle", None, 10, colour=1)]
    picture = draw_marks(frame, marks, zoom=ZOOM)
    car, paddle = (coloured(picture, colour) for colour in COLOURS[:2])
    assert car[::2] == (59, 60)
    assert car[3] - car[1] >= HEIGHT
    assert paddle[1::2] == (9, 10)
    assert paddle[2] - paddle[0] >= WIDTH


def test_lines_in_the_same_place_are_all_seen(frame: NDArray[np.uint8], words: list[str]) -> None:
    marks = [Mark(name, 30, None, colour=i) for i, name in enumerate("abc")]
    picture = np.array(draw_marks(frame, marks, zoom=ZOOM))
    counts = [(picture == colour).all(axis=-1).sum() for colour in COLOURS[:3]]
    assert min(counts) > 0.7 * max(counts)


def test_marks_beyond_the_frame_are_drawn_at_its_border(frame: NDArray[np.uint8]) -> None:
    marks = [Mark("left", -40, 30), Mark("below", 30, 500, colour=1)]
    assert draw_marks(frame, marks).size == draw_marks(frame, marks[:1]).size
    assert coloured(draw_marks(frame, marks[:1], zoom=ZOOM), COLOURS[0])[0] == -1


def test_all_objects_are_named_and_absent_ones_listed_below(
    frame: NDArray[np.uint8], ram: NDArray[np.uint8], words: list[str]
) -> None:
    marks = label_marks(LABELS, ram)
    picture = draw_marks(frame, marks, zoom=ZOOM)
    assert words == ["ball", "car", "paddle", "absent: far away"]
    assert picture.height > draw_marks(frame, marks[:3], zoom=ZOOM).height


def test_names_avoid_each_other_and_the_objects() -> None:
    shape, page = (202, 152, 3), (480, 630)
    marks = [Mark(str(i), 70 + 3 * (i % 2), 60 + 4 * i) for i in range(5)]
    marks += [Mark("a", 80, None), Mark("b", 80, None), Mark("c", None, 60)]
    outlines = outlines_of(marks, shape, ZOOM)
    places = place_names(outlines, np.full((len(marks), 2), (90, 16)), page)
    check_places(places, outlines[:5], page)


def test_the_fullest_moment_has_most_objects_in_plain_view() -> None:
    shape = (210, 160, 3)
    one = [Mark("a", 80, 100), Mark("b", None, None)]
    close = [Mark("a", 80, 100), Mark("b", 82, 101)]
    spread = [Mark("a", 50, 100), Mark("b", 110, 100)]
    clipped = [Mark("a", 80, 100), Mark("b", 158, 100)]
    ordered = sorted([spread, close, one, clipped], key=lambda marks: fullness(marks, shape))
    assert ordered[2:] == [close, spread]
    assert fullness([], shape) == (0, 0.0)


def test_a_box_holds_the_very_pixels_of_a_rectangle() -> None:
    for first, after in ((20, 21), (20, 22), (33, 40)):
        columns = np.arange(first, after)
        extent = columns.std() * 12**0.5  # as encoders measure it
        boxes = boxes_at((1, columns.mean(), 45, extent, 4))
        (box,) = slot_marks([boxes], SHAPE)
        assert (box.left, box.right) == (first, after)


def test_boxes_stay_in_the_frame_and_absent_slots_have_none() -> None:
    boxes = boxes_at((1, -3, 95, 4, 4), (0.4, 40, 40, 5, 5), (0.6, 79, 0, 9, 9))
    found = slot_marks([boxes], SHAPE)
    assert [(box.name, box.colour) for box in found] == [("0", 0), ("2", 2)]
    for box in found:
        assert 0 <= box.left < box.right <= 80
        assert 0 <= box.top < box.bottom <= 90


def test_a_trail_goes_back_to_where_the_object_came_from() -> None:
    def trail(*steps: tuple[float, ...]) -> Sequence[tuple[float, float]]:
        return slot_marks([boxes_at(step) for step in steps], SHAPE)[0].trail

    here, before = (1, 40, 50, 4, 4), (1, 37, 48, 4, 4)
    assert trail(before, here) == [(37, 48), (40, 50)]
    assert trail(before, (0, 38, 49, 4, 4), here) == [(40, 50)]  # it was gone
    assert trail((1, 4, 8, 4, 4), before, here) == [(37, 48), (40, 50)]  # another object
    assert len(trail(*[here] * 40)) == TRAIL + 1


def test_lines_lie_around_the_object_and_hide_nothing_of_it(
    frame: NDArray[np.uint8], words: list[str]
) -> None:
    frame[40:46, 20:28] = 250
    trail = ((60.0, 42.5), (40.0, 42.5), (23.5, 42.5))
    picture = np.array(draw_marks(frame, [Mark("3", 20, 40, 28, 46, trail, 3)], zoom=ZOOM))
    assert words == ["3"]
    content = picture[MARGIN * ZOOM : -MARGIN * ZOOM, MARGIN * ZOOM : -MARGIN * ZOOM]
    assert (content[40 * ZOOM : 46 * ZOOM, 20 * ZOOM : 28 * ZOOM] == 250).all()
    line = (content == COLOURS[3]).all(axis=-1)
    rows, columns = np.nonzero(line[:, : 30 * ZOOM])
    assert (rows.min() // ZOOM, rows.max() // ZOOM) == (39, 46)
    assert columns.min() // ZOOM == 19
    assert np.nonzero(line)[1].max() // ZOOM == 60  # the trail


def test_lines_of_slots_on_one_object_are_all_seen(
    frame: NDArray[np.uint8], words: list[str]
) -> None:
    boxes = [Mark(str(slot), 20, 40, 28, 46, colour=slot) for slot in (0, 1, 2)]
    picture = np.array(draw_marks(frame, boxes, zoom=ZOOM))
    counts = [(picture == colour).all(axis=-1).sum() for colour in COLOURS[:3]]
    assert 0 < counts[0] < counts[1] < counts[2]
    apart = outlines_of([Mark("0", 20, 40, 28, 46), Mark("1", 30, 40, 38, 46)], SHAPE, ZOOM)
    assert len({bottom - top for _, top, _, bottom in apart.tolist()}) == 1


def test_numbers_avoid_each_other_and_the_boxes() -> None:
    corners = [(x, y) for x in (0, 60, 456) for y in (0, 100, 132, 510)]
    outlines = np.array([(x, y, x + 24, y + 30) for x, y in corners])
    places = place_names(outlines, np.full((len(outlines), 2), (18, 16)), (480, 540))
    check_places(places, outlines, (480, 540))


def test_colours_differ() -> None:
    assert len(set(COLOURS)) == len(COLOURS) == 24
