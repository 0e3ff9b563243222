"""Frame presets and their checks."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

from slotenv.frames import SCN, V5, FramePreset, plain

TINY = plain(84, 80)


@pytest.mark.parametrize("preset", [SCN, V5, TINY])
def test_presets_survive_json(preset):
    assert FramePreset.from_dict(json.loads(json.dumps(preset.to_dict()))) == preset


def test_the_papers_preset_is_its_stack():
    assert SCN.shape == V5.shape == (210, 160, 3)
    assert (SCN.frame_skip, SCN.max_pool, SCN.noop_max) == (4, True, 30)
    assert SCN.terminal_on_life_loss
    assert (V5.frame_skip, V5.max_pool, V5.repeat_action_probability) == (4, False, 0.25)


@pytest.mark.parametrize(
    "fields",
    [{}, {"name": "plain"}, {**TINY.to_dict(), "colour": "rgb"}, {"height": 1, "width": 1}],
)
def test_other_fields_are_refused(fields):
    with pytest.raises(ValueError, match="not a frame preset"):
        FramePreset.from_dict(fields)


def test_other_names_and_sizes_are_refused():
    with pytest.raises(ValueError, match=r"preset must be one of scn, v5, plain, got 'v4'"):
        FramePreset(name="v4", height=84, width=84)
    with pytest.raises(ValueError, match="at least 1 x 1 pixels, got 0 x 84"):
        plain(0, 84)


def test_the_right_space_passes():
    TINY.check_space(Box(0, 255, (84, 80, 3), np.uint8), user="Me")


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
        (np.zeros((84, 80, 3), np.uint8), ValueError, r"batch axis: frames\[None\]"),
        (np.zeros((2, 3, 84, 80), np.uint8), ValueError, "transpose"),
        (np.zeros((2, 84, 84, 3), np.uint8), ValueError, r"\(B, 84, 80, 3\), got \(2, 84, 84, 3\)"),
    ],
)
def test_other_frames_are_refused_with_a_hint(frames, error, words):
    with pytest.raises(error, match=words):
        TINY.check_frames(frames)
