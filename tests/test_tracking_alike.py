"""Things that are alike keep their slots in recordings and wrappers; only some slots are held."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import encoder, recording
from spots import FIELDS

from slotenv.observations import SlotObservations
from slotenv.tracking import slot_order, track_recording

SWITCHES = [{"hold": True}, {"motion": True}, {"hold": True, "motion": True}]
XY = ("presence", "x", "y")


def moving(*paths):
    """Slots (N, K, 3) of things at places (x, y) or None, all of them there in full."""
    return np.array(
        [
            [(0, 0, 0) if place is None else (1, *place) for place in step]
            for step in zip(*paths, strict=True)
        ],
        np.float32,
    )


def test_things_that_pass_each_other_keep_their_slots():
    """Encoded by place, from left to right: where they pass they change slots.

    Where they pass, each is where the other was: only their velocities tell them apart.
    """
    ways = np.array([[(0.4 * t - 1.8, 0), (1.8 - 0.4 * t, 0)] for t in range(10)])
    encoded = np.array([sorted(step.tolist()) for step in ways])
    slots = np.concatenate([np.ones((10, 2, 1)), encoded], axis=2).astype(np.float32)
    alone = track_recording(slots, np.zeros(10), fields=XY)
    followed = track_recording(slots, np.zeros(10), fields=XY, alike=((0, 1),))
    np.testing.assert_array_equal(alone, slots)
    np.testing.assert_allclose(followed[..., 1:], ways, atol=1e-6)


def test_what_is_hidden_comes_back_to_its_slot_and_later_anywhere():
    here, there = (0.0, 0.0), (3.0, 0.0)
    for steps, slot in ((16, 1), (17, 0)):
        first = [here, *[None] * steps, (0.2, 0.0)]  # encoded in the first slot, alone
        second = [there, *[None] * (steps + 1)]
        slots = moving(first, second)
        slots[0] = slots[0, ::-1]  # but at first it was encoded in the second
        shown = track_recording(slots, np.zeros(len(slots)), fields=XY, alike=((0, 1),))
        assert shown[-1, :, 0].tolist() == [float(slot == 0), float(slot == 1)]


def test_a_new_thing_gets_a_slot_that_nobody_has():
    old = [(0.0, 0.0)] * 3
    new = [None, None, (-3.0, 0.0)]
    slots = moving(old, new, [None] * 3)
    slots[2, :2] = slots[2, 1::-1]  # encoded from left to right: the new one comes first
    shown = track_recording(slots, np.zeros(3), fields=XY, alike=((0, 1, 2),))
    np.testing.assert_allclose(shown[2], [[1, 0, 0], [1, -3, 0], [0, 0, 0]])


def test_a_scene_cut_and_a_new_episode_start_anew():
    one, other = [(0.0, 0.0), (2.0, 0.0)], [(2.2, 0.0), (0.2, 0.0)]
    swapped = moving(*zip(one, other, strict=True))
    cases = {(0, 0): [0.2, 2.2], (0, 1): [2.2, 0.2]}
    for episode, columns in cases.items():
        shown = track_recording(swapped, np.array(episode), fields=XY, alike=((0, 1),))
        np.testing.assert_allclose(shown[1, :, 1], columns)
    room = moving(*zip(one, [(-4.0, 3.0), (5.0, 3.0)], strict=True))  # nothing of it is near
    shown = track_recording(room, np.zeros(2), fields=XY, alike=((0, 1),))
    np.testing.assert_array_equal(shown, room)


def test_slots_that_are_not_alike_stay_where_they_are():
    slots, episode = recording()
    order = slot_order(slots, episode, fields=FIELDS, alike=((0, 2),))
    assert (order[:, 1] == 1).all()
    assert (np.sort(order, axis=1) == [0, 1, 2]).all()
    assert (order[:, 0] == 2).any()
    np.testing.assert_array_equal(
        slot_order(slots, episode, fields=FIELDS, alike=()), np.tile([0, 1, 2], (60, 1))
    )


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_a_followed_recording_equals_what_a_wrapper_shows_step_by_step(switches):
    slots, episode = recording()
    recorded = encoder(lambda frames: slots[frames[:, 0, 0, 0]])
    recorded.alike_slots = ((0, 1), (2,))
    observations = SlotObservations(recorded, **switches)
    shown = []
    for t in range(60):
        frame = np.full((1, 1, 1, 3), t, np.uint8)
        first = t == 0 or episode[t] != episode[t - 1]
        shown.append(observations.step(frame, restarted=np.array([first]))[0][0])
    expected = track_recording(
        slots, episode, fields=FIELDS, alike=recorded.alike_slots, **{"hold": False, **switches}
    )
    np.testing.assert_array_equal(shown, expected)


def test_only_some_are_held():
    slots, episode = recording()
    every = track_recording(slots, episode, fields=FIELDS, motion=True)
    some = track_recording(slots, episode, fields=FIELDS, held=(1,), motion=True)
    none = track_recording(slots, episode, fields=FIELDS, hold=False, motion=True)
    np.testing.assert_array_equal(some[:, 1], every[:, 1])
    np.testing.assert_array_equal(some[:, [0, 2]], none[:, [0, 2]])
    assert (every != none).any((0, 2)).all()
    recorded = encoder(lambda frames: slots[frames[:, 0, 0, 0]])
    recorded.held_slots = (1,)
    observations = SlotObservations(recorded, hold=True, motion=True)
    for t in range(60):
        first = t == 0 or episode[t] != episode[t - 1]
        frame = np.full((1, 1, 1, 3), t, np.uint8)
        shown = observations.step(frame, restarted=np.array([first]))[0][0]
        np.testing.assert_array_equal(shown, some[t])
