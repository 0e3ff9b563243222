"""The check of a label, on an emulator of one sprite: where it is found, and when it passes."""

from __future__ import annotations

import numpy as np
import pytest

from pretrain.upkeep.poke import Box, Look, Verdict, box_of, judge, poke
from slotenv.labels import Affine, ByteWithin, Label

BALL = Label(name="ball_x", object="ball", axis="x", byte=5, presence=ByteWithin(9, 1, 1))


class Console:  # its methods have the names that ale-py gives them
    """A sprite of 6 rows and 4 columns at row 20, its column in byte 5, drawn while byte 9 is 1.

    Args:
        delay: Frames until a changed byte is drawn.
        keeps: Whether a changed byte outlives the frame.
    """

    def __init__(self, delay=1, keeps=True):
        self.delay, self.keeps = delay, keeps

    def restoreState(self, state):
        self.ram = np.array(state, np.uint8)
        self.drawn, self.waited = int(self.ram[5]), 0

    def getRAM(self):
        return self.ram

    def setRAM(self, byte, value):
        self.before, self.ram[byte] = int(self.ram[byte]), value

    def act(self, action):
        assert action == 0
        self.waited += 1
        if self.waited >= self.delay:
            self.drawn = int(self.ram[5])
            if not self.keeps and hasattr(self, "before"):
                self.ram[5] = self.before

    def getScreen(self):
        screen = np.zeros((210, 160), np.uint8)
        if self.ram[9] == 1:
            screen[20:26, self.drawn : self.drawn + 4] = 7
        return screen


def state(column, there=1):
    ram = np.zeros(128, np.uint8)
    ram[5], ram[9] = column, there
    return ram


@pytest.mark.parametrize("column", [0, 70, 150])
@pytest.mark.parametrize("delay", [1, 4])
def test_an_object_is_found_by_moving_it(column, delay):
    look = poke(Console(delay), state(column), BALL, 0, 150)
    assert look.box == Box(20, 25, column, column + 3, 24)
    ram, box = look.moved
    moved = int(ram[5])
    assert box == Box(20, 25, moved, moved + 3, 24)
    assert abs(moved - column) == 28
    assert look.ram.tolist() == state(column).tolist()


def test_an_object_that_is_drawn_too_late_or_not_at_all_is_not_found():
    assert poke(Console(delay=5), state(70), BALL, 0, 150).box is None
    assert poke(Console(), state(70, there=0), BALL, 0, 150).box is None


def test_a_byte_that_the_game_writes_again_moves_nothing():
    look = poke(Console(keeps=False), state(70), BALL, 0, 150)
    assert look.box == Box(20, 25, 70, 73, 24)
    assert look.moved is None


@pytest.mark.parametrize(
    ("low", "high", "movable"), [(60, 80, False), (50, 98, True), (70, 70, False)]
)
def test_an_object_without_room_to_be_moved_twice_is_not_looked_for(low, high, movable):
    look = poke(Console(), state(70), BALL, low, high)
    assert (look.moved is not None) == (look.box is not None) == movable
    if movable:
        assert low <= look.moved[0][5] <= high


def test_the_byte_that_counts_is_found_where_it_is_not_the_labels():
    """Byte 3 is the label's, but only byte 5 changes its value."""
    elsewhere = Label(
        name="ball_x", object="ball", axis="x", byte=3, decode=lambda ram, byte: ram[:, 5] * 1.0
    )
    assert poke(Console(), state(70), elsewhere, 0, 150).box == Box(20, 25, 70, 73, 24)


def test_bounds_include_both_ends_and_one_pixel_is_none():
    mask = np.zeros((9, 9), bool)
    assert box_of(mask) is None
    mask[2, 3] = True
    assert box_of(mask) is None
    mask[5, 7] = True
    box = box_of(mask)
    assert box == Box(top=2, bottom=5, left=3, right=7, pixels=2)
    assert (box.edges("x"), box.edges("y")) == ((3, 7), (2, 5))


FINE = Verdict(BALL, "poke", 6, 0.85, 2, 2, 0.85, 0.1, True)


def test_a_label_passes_at_the_limits_and_not_beyond():
    assert FINE.outcome == "ok"
    assert FINE._replace(offset=-2).outcome == "ok"
    beyond = {"checked": 5, "within": 0.84, "seen": 0.84, "unannounced": 0.11, "varied": False}
    for field, value in beyond.items():
        assert FINE._replace(**{field: value}).outcome != "ok", field
    for offset in (2.5, -2.5, np.inf):
        assert FINE._replace(offset=offset).outcome == "FAIL"


def look_at(value, left, width=4, there=1, **moved):
    return Look(state(value, there), Box(20, 25, left, left + width - 1, 6 * width), **moved)


def test_a_label_that_is_right_is_right_to_the_pixel():
    verdict = judge(BALL, "poke", [look_at(x, x) for x in range(10, 20)])
    assert verdict == Verdict(BALL, "poke", 10, 1.0, 0.0, 0.0, 1.0, 0.0, True)


@pytest.mark.parametrize(("error", "within"), [(2, 1.0), (3, 0.7)])
def test_two_pixels_are_within_the_tolerance(error, within):
    """Ten sprites, three of them to the left of where the label says, with both edges."""
    looks = [look_at(x, x - (error if x < 13 else 0)) for x in range(10, 20)]
    verdict = judge(BALL, "poke", looks)
    assert verdict.within == pytest.approx(within)
    assert verdict.worst == error
    assert verdict.offset == 0


def test_one_edge_is_enough():
    """A wall hides the left half of some; the right edges still tell."""
    looks = [look_at(x, x) for x in range(10, 20)]
    looks += [look_at(x, x + 3, width=1) for x in range(10, 13)]
    assert judge(BALL, "poke", looks).within == 1


def test_a_label_that_is_off_by_a_constant_says_by_how_much():
    verdict = judge(BALL, "poke", [look_at(x, x + 5) for x in range(10, 20)])
    assert verdict.offset == 5
    assert verdict.outcome == "FAIL"


def test_sightings_are_counted_apart_for_present_and_absent():
    looks = [look_at(x, x) for x in range(10, 17)] + [Look(state(50))] * 3
    looks += [look_at(x, x, there=0) for x in range(10, 12)] + [Look(state(50, 0))] * 6
    verdict = judge(BALL, "poke", looks)
    assert (verdict.checked, verdict.seen, verdict.unannounced) == (7, 0.7, 0.25)


def test_nothing_seen_is_a_verdict_too():
    verdict = judge(BALL, "poke", [Look(state(50))] * 4)
    assert verdict == Verdict(BALL, "poke", 0, 0.0, np.inf, np.inf, 0.0, 0.0, False)
    assert judge(BALL, "poke", []).checked == 0


def test_only_whole_sprites_count():
    wrapped = [look_at(x, 0, width=141) for x in range(3)]
    wide = [look_at(x, x, width=140) for x in range(3)]
    assert judge(BALL, "poke", wrapped + wide).checked == 3
    some = [look_at(x, x, width=w) for x, w in ((10, 4), (20, 4), (30, 5))]
    assert judge(BALL, "poke", some).checked == 3
    assert judge(BALL, "poke", some, (6, 4)).checked == 2
    assert judge(BALL, "poke", some, (6, 5)).checked == 1
    assert judge(BALL, "poke", some, (5, 4)).checked == 0


@pytest.mark.parametrize(("spread", "varied"), [(3, False), (4, True)])
def test_an_object_must_be_seen_in_different_places(spread, varied):
    looks = [look_at(50, 50)] * 8 + [look_at(50 + spread, 50 + spread)]
    assert judge(BALL, "poke", looks).varied == varied


def moved_look(*, by=28, found=None, pixels=24):
    """At 50 in the frame, told to be at 50 + by, found at 50 + found."""
    left = 50 + (by if found is None else found)
    box = Box(20, 25, left, left + 3, pixels)
    return look_at(50, 57, moved=(state(50 + by), box))


@pytest.mark.parametrize(("count", "varied"), [(5, False), (6, True)])
def test_moving_it_six_times_is_enough_where_it_stands_still(count, varied):
    looks = [moved_look(found=35)] * count + [look_at(50, 57)] * 4
    assert judge(BALL, "poke", looks).varied == varied


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"pixels": 24}, True),
        ({"pixels": 30}, True),  # a quarter larger
        ({"pixels": 18}, True),
        ({"pixels": 31}, False),
        ({"pixels": 17}, False),
    ],
)
def test_a_move_counts_if_the_object_is_as_large(changes, counts):
    """Found 7 pixels off, but it moves as promised: right by the move alone.

    Right edges differ so that they tell nothing.
    """
    looks = [
        moved_look(found=35, **changes)._replace(box=Box(20, 25, 57, 60 + 9 * i, 24))
        for i in range(6)
    ]
    verdict = judge(BALL, "poke", looks)
    assert (verdict.within == 1) == counts


@pytest.mark.parametrize(("found", "within"), [(35, 1), (37, 1), (33, 1), (38, 0), (32, 0)])
def test_a_move_may_miss_by_two_pixels(found, within):
    looks = [moved_look(found=found)._replace(box=Box(20, 25, 57, 60 + 9 * i, 24)) for i in (0, 9)]
    assert judge(BALL, "poke", looks).within == within


def test_rows_are_judged_by_top_and_bottom():
    high = Label(name="ball_y", object="ball", axis="y", byte=5, decode=Affine(offset=1))
    looks = [Look(state(y), Box(y + 1, y + 6, 80, 83, 24)) for y in range(10, 20)]
    assert judge(high, "poke", looks).offset == 0
    assert judge(high, "poke", looks).within == 1
