"""The encoder as a whole, on blocks whose places are known."""

import copy
import pickle
from functools import cache

import numpy as np
import pytest
import torch
from fake_envs import random_frames
from moving_blocks import BLOCKS, HEIGHT, WIDTH, background, scene, to_half_screens
from numpy.typing import NDArray

from slotenv.encoders import SLOT_FIELDS, ObjectEncoder
from slotenv.encoders.objects.encoder import Things
from slotenv.frames import plain

PRESET = plain(HEIGHT, WIDTH)
TEST = scene(60, seed=1)


def from_frames(frames: NDArray[np.uint8], **options: int) -> ObjectEncoder:
    return ObjectEncoder.from_frames(
        frames[:-1], preprocess=PRESET, next_frames=frames[1:], **options
    ).eval()


@cache
def fitted() -> ObjectEncoder:
    return from_frames(scene(150).frames)


@pytest.fixture
def encoder() -> ObjectEncoder:
    return copy.deepcopy(fitted())


def test_shapes(encoder: ObjectEncoder) -> None:
    slots, boxes = encoder.encode_with_boxes(TEST.frames)
    assert slots.shape == (60, encoder.num_slots, len(SLOT_FIELDS))
    assert boxes.shape == (60, encoder.num_slots, 5)
    assert len(BLOCKS) - 1 <= encoder.num_slots <= len(BLOCKS) + 1
    np.testing.assert_array_equal(boxes[..., 0], slots[..., 0])
    assert set(np.unique(slots[..., 0])) == {0, 1}  # a piece is there, or it is not
    seen = boxes[..., 1:][boxes[..., 0] > 0.5]
    reach = seen[:, :2] - seen[:, 2:] / 2, seen[:, :2] + seen[:, 2:] / 2
    assert (reach[0] > -0.51).all()
    assert (reach[1] < np.array([WIDTH, HEIGHT]) - 0.49).all()


def test_places_are_read_off_without_any_regression(encoder: ObjectEncoder) -> None:
    slots = encoder.encode(TEST.frames)
    places = slots[..., [2, 1]] / 5 + encoder.home.detach().numpy() * (slots[..., :1] > 0)
    centres = to_half_screens(TEST.centres)
    for j in range(len(BLOCKS)):
        there = TEST.there[:, j]
        away = np.abs(places[there] - centres[there, None, j]) * (HEIGHT / 2, WIDTH / 2)
        assert np.quantile(away.max(-1), 0.9, 0).min() < 1, j


def test_a_fit_is_the_same_every_time_and_frames_stay_as_they_were() -> None:
    frames = scene(80).frames
    before = frames.copy()
    one, two = from_frames(frames), from_frames(frames)
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, two.state_dict()[name]), name
    np.testing.assert_array_equal(frames, before)


def test_no_more_slots_than_are_asked_for() -> None:
    one = from_frames(scene(80).frames, num_slots=1)
    assert one.encode(TEST.frames).shape == (60, 1, 6)


def test_frames_without_anything_have_empty_slots(encoder: ObjectEncoder) -> None:
    slots, boxes = encoder.encode_with_boxes(background(3))
    assert not slots.any()
    assert not boxes[..., 0].any()


def test_noise_is_too_much_for_slots_and_not_for_memory() -> None:
    noise = random_frames(60, HEIGHT, WIDTH)
    with pytest.warns(UserWarning, match="of the screen differs"):
        encoder = from_frames(noise)
    assert np.isfinite(encoder.encode(noise)).all()


def test_textured_frames_are_looked_at_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    from slotenv.encoders.objects import fit

    expected = from_frames(scene(150).frames[::2]).num_slots
    runs = len(fitted().background.foreground(scene(150).frames).frame)
    monkeypatch.setattr(fit, "_MOST_RUNS", int(0.6 * runs))
    looked = []
    find_things = fit.find_things
    monkeypatch.setattr(
        fit, "find_things", lambda *a, **k: looked.append(k["num_frames"]) or find_things(*a, **k)
    )
    found = from_frames(scene(150).frames)
    assert 70 <= looked[0] <= 75
    assert abs(found.num_slots - expected) <= 1


def test_other_weights_are_other_slots(encoder: ObjectEncoder) -> None:
    """What is made of weights is not kept when others are loaded."""
    before = encoder.encode(TEST.frames)
    state = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    changed = {**state, "look_colours": state["look_colours"] - 100.0}
    encoder.load_state_dict(changed)
    assert not encoder.encode(TEST.frames).any()
    encoder.load_state_dict(state)
    np.testing.assert_array_equal(encoder.encode(TEST.frames), before)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoder)).encode(TEST.frames), before)


def test_things_survive_the_way_through_weights(encoder: ObjectEncoder) -> None:
    things = encoder.things
    again = Things.of_state(things.state())
    for one, other in zip(things[1:], again[1:], strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(things.looks, again.looks, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("first", 1, "first must ascend from 0"),
        ("look_group", 99, "look_group"),
        ("look_size", 50.0, "look_size"),
        ("look_weight", 1.0, "look_weight"),
        ("look_colours", 0.5, "look_colours"),
        ("spread", -30.0, "spread"),
        ("usual_mass", 0.0, "usual_mass"),
        ("usual_colours", 254, "usual_colours holds 254"),
    ],
)
def test_weights_that_mean_nothing_are_named(
    encoder: ObjectEncoder, name: str, value: float, text: str
) -> None:
    encoder.check_weights()
    encoder.state_dict()[name].view(-1)[0] = value
    with pytest.raises(ValueError, match=text):
        encoder.check_weights()


@pytest.mark.parametrize(
    ("which", "bad", "text"),
    [
        ("frames", np.zeros((0, HEIGHT, WIDTH, 3), np.uint8), "needs frames to find them in"),
        ("next_frames", np.zeros((9, HEIGHT, WIDTH, 3), np.uint8), "after the first of 3 frames"),
        ("next_frames", np.zeros((2, WIDTH, WIDTH, 3), np.uint8), "frames must"),
    ],
)
def test_frames_that_do_not_fit_are_named(which: str, bad: NDArray[np.uint8], text: str) -> None:
    given = {"frames": background(3), "next_frames": background(2)} | {which: bad}
    with pytest.raises(ValueError, match=text):
        ObjectEncoder.from_frames(preprocess=PRESET, **given)
