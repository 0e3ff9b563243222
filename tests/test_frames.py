"""Frame presets and their checks."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

from slotenv.frames import SCN, V5, FramePreset, plain

TINY = plain(84, 80)


@pytest.mark.parametrize("preset", [SCN, V5, TINY, dataclasses.replace(V5, max_pool=None)])
def test_presets_survive_json(preset):
    assert FramePreset.from_dict(json.loads(json.dumps(preset.to_dict()))) == preset


def test_the_atari_presets_are_their_stacks():
    assert SCN.to_dict() == {
        "name": "scn",
        "height": 210,
        "width": 160,
        "frame_skip": 4,
        "max_pool": True,
        "repeat_action_probability": 0.0,
        "noop_max": 30,
        "fire_on_reset": True,
        "terminal_on_life_loss": True,
    }
    bare = {"max_pool": False, "noop_max": 0, "fire_on_reset": False}
    assert V5.to_dict() == SCN.to_dict() | bare | {
        "name": "v5",
        "repeat_action_probability": 0.25,
        "terminal_on_life_loss": False,
    }
    assert SCN.shape == V5.shape == (210, 160, 3)


def test_presets_are_compared_by_what_they_say_and_stay_as_they_are():
    assert plain(84, 80) == TINY
    assert {TINY: 1}[plain(84, 80)] == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        TINY.height = 3
    with pytest.raises(TypeError):
        FramePreset("plain", 84, 80)


@pytest.mark.parametrize(
    "fields",
    [{}, {"name": "plain"}, {**TINY.to_dict(), "colour": "rgb"}, {"height": 1, "width": 1}],
)
def test_other_fields_are_refused(fields):
    with pytest.raises(ValueError, match="not a frame preset"):
        FramePreset.from_dict(fields)


@pytest.mark.parametrize("name", ["plain", "mine", "x", "x" * 100])
def test_a_preset_may_have_any_name_and_two_are_atari(name):
    assert not FramePreset(name=name, height=84, width=84).is_atari
    assert SCN.is_atari
    assert V5.is_atari


@pytest.mark.parametrize(
    "fields",
    [
        {"height": 1, "width": 4096},
        {"height": 4096, "width": 1},
        {"frame_skip": 1, "noop_max": 0},
        {"frame_skip": 10_000, "noop_max": 10_000},
        {"repeat_action_probability": 0},
        {"repeat_action_probability": 1},
    ],
)
def test_bounds_belong_to_what_is_allowed(fields):
    changed = dataclasses.replace(TINY, **fields)
    assert {name: getattr(changed, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, r"characters of a preset's name must lie in 1\.\.100, got 0"),
        ({"name": "x" * 101}, r"must lie in 1\.\.100, got 101"),
        ({"height": 0}, r"height of a preset must lie in 1\.\.4096, got 0"),
        ({"height": 4097}, r"height of a preset must lie in 1\.\.4096, got 4097"),
        ({"width": 0}, "width of a preset"),
        ({"width": 10**9}, "width of a preset"),
        ({"frame_skip": 0}, r"frame_skip of a preset must lie in 1\.\.10000, got 0"),
        ({"frame_skip": 10_001}, "frame_skip of a preset"),
        ({"noop_max": -1}, r"noop_max of a preset must lie in 0\.\.10000, got -1"),
        ({"noop_max": 10_001}, "noop_max of a preset"),
        ({"repeat_action_probability": -0.01}, r"must lie in 0\.\.1, got -0\.01"),
        ({"repeat_action_probability": 1.01}, r"must lie in 0\.\.1, got 1\.01"),
        ({"repeat_action_probability": float("nan")}, r"must lie in 0\.\.1, got nan"),
    ],
    ids=str,
)
def test_fields_out_of_bounds_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(TINY, **fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": 3}, "a preset's name is text, got 3"),
        ({"height": 84.0}, "height of a preset must be a whole number, got 84.0"),
        ({"width": True}, "width of a preset must be a whole number, got True"),
        ({"width": np.True_}, "width of a preset must be a whole number"),
        ({"frame_skip": ""}, "frame_skip of a preset must be a whole number, got ''"),
        ({"max_pool": 1}, "max_pool of a preset must be True or False, got 1"),
        ({"fire_on_reset": "no"}, "fire_on_reset of a preset must be True or False, got 'no'"),
        ({"terminal_on_life_loss": None}, "must be True or False, got None"),
        ({"repeat_action_probability": "0"}, "must be a number, got '0'"),
        ({"repeat_action_probability": False}, "must be a number, got False"),
    ],
    ids=str,
)
def test_fields_of_another_type_are_refused(fields, words):
    with pytest.raises(TypeError, match=words):
        dataclasses.replace(TINY, **fields)
    with pytest.raises(ValueError, match=f"not a frame preset: .*{re.escape(next(iter(fields)))}"):
        FramePreset.from_dict({**TINY.to_dict(), **fields})


def test_numbers_of_numpy_become_plain_ones():
    preset = FramePreset(
        name="plain",
        height=np.int64(84),
        width=np.uint8(80),
        max_pool=np.bool_(False),
        repeat_action_probability=np.float32(0.25),
    )
    assert preset.repeat_action_probability == 0.25
    assert json.loads(json.dumps(preset.to_dict())) == preset.to_dict()


def test_frames_as_they_come_have_nothing_done_to_them():
    assert TINY.to_dict() == {
        "name": "plain",
        "height": 84,
        "width": 80,
        "frame_skip": 1,
        "max_pool": False,
        "repeat_action_probability": None,
        "noop_max": 0,
        "fire_on_reset": False,
        "terminal_on_life_loss": False,
    }


def test_the_right_space_passes():
    TINY.check_space(Box(0, 255, (84, 80, 3), np.uint8), user="Me")
    TINY.check_space(Box(0, 2, (84, 80, 3), np.uint8), user="Me")


@pytest.mark.parametrize(
    ("space", "error", "words"),
    [
        (Discrete(3), TypeError, "Me needs uint8 RGB frames.*got Discrete"),
        (Box(0, 1, (84, 80, 3), np.float32), TypeError, "got dtype float32.*scales"),
        (Box(0, 1, (84, 80, 3), np.uint8), ValueError, r"0\.\.255, got values 0\.\.1\. .*scales"),
        (Box(0, 255, (84, 80), np.uint8), ValueError, "grey"),
        (Box(0, 255, (84, 80, 1), np.uint8), ValueError, "grey"),
        (Box(0, 255, (84, 80, 12), np.uint8), ValueError, "stack slots"),
        (Box(0, 255, (4, 84, 80, 3), np.uint8), ValueError, "stack slots"),
        (Box(0, 255, (3, 84, 80), np.uint8), ValueError, "leave out the transpose"),
        (Box(0, 255, (16, 84, 80, 3), np.uint8), ValueError, "stack slots"),
        (Box(0, 255, (17, 84, 80, 3), np.uint8), ValueError, "Leave out wrappers that resize"),
        (Box(0, 255, (84, 80, 4), np.uint8), ValueError, "Leave out wrappers that resize"),
        (Box(0, 255, (3, 84, 3), np.uint8), ValueError, "Leave out wrappers that resize"),
        (Box(0, 255, (3, 84, 4), np.uint8), ValueError, "leave out the transpose"),
        (Box(0, 255, (84,), np.uint8), ValueError, "Leave out wrappers that resize"),
        (Box(0, 255, (2, 84, 80, 1), np.uint8), ValueError, "grey"),
        (Box(0, 255, (80, 84, 3), np.uint8), ValueError, r"got shape \(80, 84, 3\).*resize"),
    ],
)
def test_other_spaces_are_refused_with_a_hint(space, error, words):
    with pytest.raises(error, match=words):
        TINY.check_space(space, user="Me")


@pytest.mark.parametrize("batch", [0, 1, 5])
def test_the_right_frames_pass(batch):
    frames = np.zeros((batch, 84, 80, 3), np.uint8)
    TINY.check_frames(frames)
    TINY.check_frames(torch.from_numpy(frames))


@pytest.mark.parametrize(
    ("frames", "error", "words"),
    [
        (np.zeros((1, 84, 80, 3), np.float32), TypeError, "got ndarray of dtype float32"),
        (torch.zeros(1, 84, 80, 3), TypeError, r"got Tensor of dtype torch\.float32"),
        ([[1]], TypeError, "got list"),
        (np.zeros((2, 84, 80), np.uint8), ValueError, r"got \(2, 84, 80\)"),
        (np.zeros((2, 1, 84, 80, 3), np.uint8), ValueError, "frames must have shape"),
        (np.zeros((84, 80, 3), np.uint8), ValueError, r"batch axis: frames\[None\]"),
        (np.zeros((2, 3, 84, 80), np.uint8), ValueError, "transpose"),
        (np.zeros((2, 84, 84, 3), np.uint8), ValueError, r"\(B, 84, 80, 3\), got \(2, 84, 84, 3\)"),
    ],
)
def test_other_frames_are_refused_with_a_hint(frames, error, words):
    with pytest.raises(error, match=words):
        TINY.check_frames(frames)


def test_what_looks_like_stacked_frames_is_told_so():
    for shape in ((84, 84, 6), (4, 84, 84, 3)):
        with pytest.raises(ValueError, match="These look like stacked frames"):
            plain(84, 84).check_space(Box(0, 255, shape, np.uint8), user="this")
    with pytest.raises(ValueError, match="Leave out wrappers that resize"):
        plain(84, 84).check_space(Box(0, 255, (80, 84, 3), np.uint8), user="this")


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 84, 84, 3), "wrappers that resize"),
        ((2, 4, 210, 160, 3), "stacked frames"),
        ((2, 210, 160, 12), "stacked frames"),
        ((2, 3, 210, 160), "channels-first"),
        ((2, 210, 160, 1), "grey frames"),
        ((210, 160, 3), "Add a batch axis"),
    ],
)
def test_a_batch_of_another_shape_is_told_why(shape, words):
    with pytest.raises(ValueError, match=words):
        SCN.check_frames(np.zeros(shape, np.uint8))


def test_numbers_that_are_no_pixels_are_called_so():
    with pytest.raises(TypeError, match=r"no pixels: gymnasium\.wrappers\.AddRenderObservation"):
        SCN.check_space(Box(-1, 1, (4,)), user="Wrapper")


def test_a_preset_that_leaves_pooling_open_covers_both_kinds():
    either = dataclasses.replace(V5, max_pool=None)
    for covered in (either, V5, SCN):
        assert either.covers(covered)
    for other in (
        dataclasses.replace(SCN, frame_skip=5),
        dataclasses.replace(SCN, height=250),
        plain(210, 160),
    ):
        assert not either.covers(other)
        assert not dataclasses.replace(plain(210, 160), max_pool=None).covers(V5)
    assert V5.covers(V5)
    assert not V5.covers(either)
    assert not V5.covers(SCN)
