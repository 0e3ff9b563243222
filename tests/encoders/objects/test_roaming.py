"""Things that are alike and roam: found as such, and followed through a whole encoder."""

from functools import cache

import numpy as np
import pytest
from drawn_things import HEIGHT, WIDTH, Box, draw
from numpy.typing import NDArray

from slotenv.encoders import ObjectEncoder
from slotenv.frames import plain
from slotenv.lazy_encoder import LazyEncoder
from slotenv.observations import SlotObservations
from slotenv.tracking import slot_order, track_recording

RED, GREEN, BLUE = 1, 2, 3
SIZE = 5
STEPS = 600
THINGS = 3


def ways() -> NDArray[np.int64]:
    """Return where three things are that fly through each other's places, (600, 3, 2)."""
    rng = np.random.default_rng(4)
    place = np.array([[20.0, 20], [40, 60], [60, 40]])
    speed = rng.uniform(1, 2.5, (THINGS, 2)) * rng.choice([-1, 1], (THINGS, 2))
    way = np.empty((STEPS, THINGS, 2))
    room = np.array([HEIGHT - 22, WIDTH - 10 - SIZE])
    for step in range(STEPS):
        place += speed
        beyond = (place < [12, 5]) | (place > room)
        speed = np.where(beyond, -speed, speed)
        place += 2 * speed * beyond
        way[step] = place
    return way.astype(int)


@cache
def played() -> tuple[ObjectEncoder, NDArray[np.uint8], NDArray[np.int64]]:
    """Return an encoder, frames, and where the things are; a lamp goes on and off."""
    way = ways()
    lamp: Box = (2, 2, 3, 3, GREEN)
    play = [
        [*((int(y), int(x), SIZE, SIZE, RED) for y, x in step), *[lamp] * (n % 9 < 3)]
        for n, step in enumerate(way)
    ]
    frames = draw(*play)
    encoder = ObjectEncoder.from_frames(
        frames[:-1], next_frames=frames[1:], preprocess=plain(HEIGHT, WIDTH)
    ).eval()
    return encoder, frames, way


def test_they_are_one_group_whose_numbers_mean_the_same() -> None:
    encoder, frames, _ = played()
    ((*group,),) = encoder.alike_slots
    assert len(group) == THINGS
    assert encoder.things.display.any(1).sum() == 1  # the lamp
    for name in ("home", "moves", "look", "look_range"):
        own = encoder.get_parameter(name) if name == "home" else encoder.get_buffer(name)
        assert (own[group] == own[group[0]]).all(), name
    slots, boxes = encoder.encode_with_boxes(frames)
    there = slots[..., 0] > 0
    empty, vanishes = (~there[:-1]).sum(0), (there[:-1] & ~there[1:]).sum(0)
    soonest = (empty / np.maximum(vanishes, 1))[group].min()
    np.testing.assert_allclose(encoder.absence.numpy()[group], soonest, rtol=1e-5)
    x = (slots[..., 1] / 5 + encoder.home.detach().numpy()[:, 1] + 1) * WIDTH / 2 - 0.5
    own = there & np.isin(np.arange(encoder.num_slots), group)
    np.testing.assert_allclose(x[own], boxes[own][:, 1], atol=1e-3)


def changes(boxes: NDArray[np.float32], way: NDArray[np.int64]) -> int:
    """Count how often the slot changes that each thing is in from one frame to the next.

    Where two touch they are one piece, which is neither of them.
    """
    middle = way[..., ::-1] + (SIZE - 1) / 2
    away = np.abs(boxes[:, None, :, 1:3] - middle[:, :, None]).max(-1)
    away[np.broadcast_to(boxes[:, None, :, 0] == 0, away.shape)] = np.inf
    holder = np.where(away.min(-1) < 1, away.argmin(-1), -1)
    return int(((holder[1:] != holder[:-1]) & (holder[1:] >= 0) & (holder[:-1] >= 0)).sum())


def test_each_keeps_its_slot() -> None:
    encoder, frames, way = played()
    slots, boxes = encoder.encode_with_boxes(frames)
    order = slot_order(
        slots, np.zeros(STEPS, int), fields=encoder.slot_fields, alike=encoder.alike_slots
    )
    followed = np.take_along_axis(boxes, order[..., None], axis=1)
    assert changes(boxes, way) > 10
    assert changes(followed, way) == 0


@pytest.mark.parametrize("switch", ["hold", "motion"])
def test_slots_and_boxes_of_a_wrapper_are_in_the_same_order(switch: str) -> None:
    encoder, frames, _ = played()
    lazy = LazyEncoder(encoder, device="cpu", user="test")
    observations = SlotObservations(lazy, **{switch: True})
    shown, boxes = [], []
    for t in range(200):
        shown.append(observations.step(frames[t : t + 1], restarted=np.array([t == 0]))[0][0])
        boxes.append(observations.boxes[0])
    slots, alone = encoder.encode_with_boxes(frames[:200])
    expected = track_recording(
        slots,
        np.zeros(200, int),
        fields=encoder.slot_fields,
        alike=encoder.alike_slots,
        held=encoder.held_slots,
        hold=switch == "hold",
        motion=switch == "motion",
    )
    np.testing.assert_allclose(shown, expected, atol=1e-5)
    order = slot_order(
        slots, np.zeros(200, int), fields=encoder.slot_fields, alike=encoder.alike_slots
    )
    assert (order != np.arange(encoder.num_slots)).any()
    np.testing.assert_allclose(boxes, np.take_along_axis(alone, order[..., None], 1), atol=1e-4)


def test_what_flickers_is_held_and_what_is_gone_is_not() -> None:
    """A thing that is drawn in every third frame, one that is there for 20 of 60, one always."""
    way = ways()[:, 0]
    play = []
    for n in range(STEPS):
        boxes: list[Box] = [(2 + n % 5, 4 + (2 * n) % 80, 4, 9, BLUE)]
        if n % 3 == 0:
            boxes.append((int(way[n, 0]), int(way[n, 1]), SIZE, SIZE, RED))
        if n % 60 < 20:
            boxes.append((72, 4 * (n % 60), 3, 3, GREEN))
        play.append(boxes)
    frames = draw(*play)
    encoder = ObjectEncoder.from_frames(
        frames[:-1], next_frames=frames[1:], preprocess=plain(HEIGHT, WIDTH)
    ).eval()
    assert [len(group) for group in encoder.alike_slots] == []
    share = encoder.encode(frames)[..., 0].mean(0)
    absence = encoder.absence.numpy()
    blinks, passes = (
        int(np.flatnonzero(np.isclose(absence, steps, rtol=0.1))[0]) for steps in (2, 40)
    )
    np.testing.assert_allclose(share[[blinks, passes]], 1 / 3, atol=0.01)
    always = 3 - blinks - passes
    assert set(encoder.held_slots) == {blinks, always}
    without = ObjectEncoder.from_frames(frames, preprocess=plain(HEIGHT, WIDTH))
    assert without.held_slots == tuple(range(without.num_slots))
