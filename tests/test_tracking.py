"""Held slots and velocities: against a loop, a recording against single steps, and the errors."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from spots import FIELDS, TrackedByHand

from slotenv.encoders import SlotOutput
from slotenv.observations import SlotObservations
from slotenv.probe import Features, probe_features
from slotenv.tracking import Tracking, slot_order, track_recording

SWITCHES = [{"hold": hold, "motion": motion} for hold in (False, True) for motion in (False, True)]
CASES = {"known", "appears", "half held", "held", "never seen", "forgotten"}


def recording(count=60, seed=0):
    """Slots multiplied by presence, of episodes of 1, 2, ... 20 frames."""
    rng = np.random.default_rng(seed)
    slots = rng.normal(size=(count, 3, 4)).astype(np.float32)
    presence = rng.choice([0, 0, 0.2, 0.5, 0.6, 1, 1], size=(count, 3)).astype(np.float32)
    presence[40:60, 0] = [1, *[0] * 19]  # hidden for longer than anything is remembered
    slots *= presence[..., None]
    slots[..., 1] = presence
    return slots, np.repeat(np.arange(9), [1, 2, 3, 4, 5, 6, 7, 12, 20])[:count] * 3


def encoder(encode, fields=FIELDS):
    """Stand in for a LazyEncoder."""

    def output(frames):
        return SlotOutput(torch.from_numpy(encode(frames)))

    return SimpleNamespace(
        num_slots=3,
        slot_dim=4,
        slot_fields=fields,
        alike_slots=(),
        held_slots=(0, 1, 2),
        encode=output,
    )


def by_hand(slots, episode, **switches):
    hand, rows = TrackedByHand(**switches), []
    for t, now in enumerate(slots):
        rows.append(hand.observe(now, first=t == 0 or episode[t] != episode[t - 1]))
    assert hand.cases == CASES
    return np.stack(rows)


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_a_recording_matches_a_loop(switches):
    slots, episode = recording()
    kept = slots.copy()
    tracked = track_recording(slots, episode, fields=FIELDS, **switches)
    np.testing.assert_allclose(tracked, by_hand(slots, episode, **switches), atol=1e-6)
    assert tracked.dtype == np.float32
    assert tracked.shape == (60, 3, 6 if switches["motion"] else 4)
    assert not np.shares_memory(tracked, slots)
    np.testing.assert_array_equal(slots, kept)


@pytest.mark.parametrize(
    ("fields", "switches"), [(FIELDS, s) for s in SWITCHES] + [(None, s) for s in SWITCHES[:2]]
)
def test_a_recording_equals_what_a_wrapper_shows_step_by_step(fields, switches):
    """Bit by bit, with a reset or an autoreset between episodes."""
    slots, episode = recording()
    recorded = encoder(lambda frames: slots[frames[:, 0, 0, 0]], fields)
    observations = SlotObservations(recorded, **switches)
    shown = []
    for t in range(60):
        frame = np.full((1, 1, 1, 3), t, np.uint8)
        first = t == 0 or episode[t] != episode[t - 1]
        if first and episode[t] % 2 == 0:
            shown.append(observations.reset(frame)[0])
        else:
            shown.append(observations.step(frame, restarted=np.array([first]))[0][0])
    expected = track_recording(slots, episode, fields=fields, **switches)
    np.testing.assert_array_equal(shown, expected)


def test_held_numbers_by_hand():
    """Numbers are (shade, presence, y, x), stored times presence."""
    steps = [
        [0.2, 0.4, 0.4, 0.8],  # not enough of it to be seen: nothing is known yet
        [0.5, 0.5, 0.5, 1.0],  # exactly half is not enough
        [3.0, 0.75, 0.75, 1.5],  # y = 1, x = 2
        [4.0, 1.0, 2.0, 5.0],  # y = 2, x = 5
        [1.0, 0.25, 2.0, 2.0],  # nearly gone
        [0.0, 0.0, 0.0, 0.0],
        [4.0, 1.0, 9.0, 9.0],  # back
    ]
    slots = np.array(steps, np.float32)[:, None]
    held = track_recording(slots, np.zeros(7, int), fields=FIELDS, motion=True)[:, 0]
    expected = [
        [0, 0.4, 0, 0, 0, 0],
        [0, 0.5, 0, 0, 0, 0],
        [4, 0.75, 1, 2, 0, 0],  # appears: does not come from home
        [4, 1, 2, 5, 12, 4],  # the whole object moved by 3 and 1: in 4 steps by 12 and 4
        [4, 0.25, 2, 5, 0, 0],
        [4, 0, 2, 5, 0, 0],
        [4, 1, 9, 9, 0, 0],  # when it moved while it was hidden is not known
    ]
    np.testing.assert_array_equal(held, np.array(expected, np.float32))
    bare = track_recording(slots, np.zeros(7, int), fields=FIELDS, hold=False, motion=True)[:, 0]
    np.testing.assert_array_equal(bare[:, :4], slots[:, 0])
    np.testing.assert_array_equal(bare[:, 4:], held[:, 4:])


def test_objects_that_are_always_there_are_not_changed_by_holding():
    slots, episode = recording()
    slots[..., 1] = 1
    np.testing.assert_array_equal(track_recording(slots, episode, fields=FIELDS), slots)


def test_objects_that_are_never_seen_are_zero():
    slots, episode = recording()
    slots[..., 1] = 0.5
    held = track_recording(slots, episode, fields=FIELDS, motion=True)
    np.testing.assert_array_equal(held[..., 1], slots[..., 1])
    assert not np.delete(held, 1, axis=2).any()


def test_slots_do_not_know_of_each_other():
    slots, episode = recording()
    held = track_recording(slots, episode, fields=FIELDS, motion=True)
    order = [2, 0, 1]
    again = track_recording(slots[:, order], episode, fields=FIELDS, motion=True)
    np.testing.assert_array_equal(again, held[:, order])


def test_episodes_do_not_know_of_each_other():
    slots, episode = recording()
    held = track_recording(slots, episode, fields=FIELDS, motion=True)
    for number in np.unique(episode):
        part = episode == number
        alone = track_recording(slots[part], episode[part], fields=FIELDS, motion=True)
        np.testing.assert_array_equal(held[part], alone)


def test_numbers_without_names_change_all_of_them():
    slots, episode = recording()
    tracked = track_recording(slots, episode, fields=None, hold=False, motion=True)
    change = np.zeros_like(slots)
    same = episode[1:] == episode[:-1]
    change[1:][same] = np.diff(slots, axis=0)[same]
    np.testing.assert_array_equal(tracked, np.concatenate([slots, change], axis=2))


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_no_frames_no_slots(switches):
    empty = track_recording(np.zeros((0, 3, 4)), np.zeros(0, int), fields=FIELDS, **switches)
    assert empty.shape == (0, 3, 6 if switches["motion"] else 4)


@pytest.mark.parametrize("motion", [False, True])
def test_a_step_without_a_reset_is_a_first_step(motion):
    slots, _ = recording()
    fresh = SlotObservations(encoder(lambda _: slots[:2]), hold=True, motion=motion)
    frames = np.zeros((2, 1, 1, 3), np.uint8)
    stepped, _ = fresh.step(frames, restarted=np.zeros(2, bool))
    again = SlotObservations(encoder(lambda _: slots[:2]), hold=True, motion=motion)
    np.testing.assert_array_equal(stepped, again.reset(frames))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"fields": None}, ValueError, "hold=True needs an encoder whose slots say"),
        ({"fields": FIELDS[:3]}, ValueError, "slots of 4 numbers need as many fields.*got 3"),
        ({"fields": (*FIELDS[:3], "z")}, ValueError, "among them presence, x, y; got 4"),
        ({"slots": np.zeros((2, 4))}, ValueError, r"got shapes \(2, 4\) and \(2,\)"),
        ({"episode": np.zeros(3, int)}, ValueError, r"got shapes \(2, 3, 4\) and \(3,\)"),
        ({"slots": np.zeros((2, 3, 4), int)}, TypeError, "array of floats, got int64"),
        ({"slots": [[0.0]]}, TypeError, "array of floats, got list"),
    ],
)
def test_wrong_inputs_are_named(changes, error, words):
    kwargs = {"slots": np.zeros((2, 3, 4)), "episode": np.zeros(2, int), "fields": FIELDS}
    with pytest.raises(error, match=words):
        track_recording(**{**kwargs, **changes})


def test_the_width_is_known_without_slots():
    for switches in SWITCHES:
        named = Tracking(slot_dim=4, fields=FIELDS, **switches)
        assert named.width == (6 if switches["motion"] else 4)
    assert Tracking(slot_dim=4, motion=True).width == 8
    assert Tracking(slot_dim=4).width == 4


def test_a_probe_reads_hidden_objects_from_held_slots():
    """A ball that walks slowly and blinks, its place in RAM bytes 49 and 54 of Pong."""
    rng = np.random.default_rng(0)
    ram = rng.integers(30, 226, (2000, 128)).astype(np.uint8)
    ram[:, [49, 54]] = 120 + 50 * np.sin(np.arange(2000)[:, None] / [31, 47])
    slots = np.ones((2000, 1, 4), np.float32)
    slots[:, 0, 2:] = ram[:, [54, 49]]
    slots *= (rng.random(2000) < 0.5)[:, None, None]
    data = SimpleNamespace(ram=ram, episode=np.zeros(2000, int))
    digests = [bytes(row) for row in ram]
    held = track_recording(slots, data.episode, fields=FIELDS)
    raw, kept = (
        probe_features(Features(features, digests), data, game="pong").accuracy_by_label
        for features in (slots, held)
    )
    assert kept["ball_x"] > 0.95 > 0.8 > raw["ball_x"]
    assert kept["ball_y"] > 0.95 > 0.8 > raw["ball_y"]


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
    """Encoded by place, from left to right: where they pass they change slots."""
    ways = np.array([[(0.4 * t - 2, 0), (2 - 0.4 * t, 0.3)] for t in range(11)])
    encoded = np.array([sorted(step.tolist()) for step in ways])
    slots = np.concatenate([np.ones((11, 2, 1)), encoded], axis=2).astype(np.float32)
    alone = track_recording(slots, np.zeros(11), fields=XY)
    followed = track_recording(slots, np.zeros(11), fields=XY, alike=((0, 1),))
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


@pytest.mark.parametrize("switches", SWITCHES[1:], ids=str)
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
        slots, episode, fields=FIELDS, alike=recorded.alike_slots, **switches
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
