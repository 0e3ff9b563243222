"""Held slots and velocities: against a loop, a recording against single steps, and the errors."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from recordings import encoder, recording
from spots import FIELDS, TrackedByHand

from slotenv.observations import SlotObservations
from slotenv.probe import Features, probe_features
from slotenv.tracking import Tracking, slot_order, track_recording

SWITCHES = [{"hold": hold, "motion": motion} for hold in (False, True) for motion in (False, True)]
CASES = {"known", "appears", "half held", "held", "never seen", "forgotten"}


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
    with pytest.raises(error, match=words):
        slot_order(**{**kwargs, **changes}, alike=((0, 1),))


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
