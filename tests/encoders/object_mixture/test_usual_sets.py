"""Usual colours are kept as sets that places share, and encoders of before are read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from moving_blocks import HEIGHT, WIDTH, scene

from slotenv.encoders import SlotEncoder
from slotenv.encoders.object_mixture import ObjectMixtureEncoder
from slotenv.frames import plain

TEST = scene(60, seed=1)


@pytest.fixture(scope="module")
def encoder() -> ObjectMixtureEncoder:
    frames = scene(150).frames
    return ObjectMixtureEncoder.from_frames(frames, preprocess=plain(HEIGHT, WIDTH))


def test_places_share_sets_of_usual_colours(encoder: ObjectMixtureEncoder, tmp_path: Path) -> None:
    assert encoder.num_usual == 2  # sky and ground
    encoder.save_pretrained(tmp_path / "small")
    again = SlotEncoder.from_pretrained(tmp_path / "small")
    before = as_saved_before(encoder)
    expected = before.encode(TEST.frames)
    for one in (encoder, again):
        np.testing.assert_array_equal(one.encode(TEST.frames), expected)
    np.testing.assert_array_equal(
        encoder.refit(TEST.frames).encode(TEST.frames),
        before.refit(TEST.frames).encode(TEST.frames),
    )


def as_saved_before(encoder: ObjectMixtureEncoder) -> ObjectMixtureEncoder:
    """The encoder in the form of version 0.1.0: each place with its own usual colours."""
    kwargs = {**encoder.architecture_kwargs(), "num_usual": None}
    state = encoder.state_dict()
    places = state.pop("usual_places").long()
    state["usual_colours"] = state["usual_colours"][places]  # (H, W, 3)
    assert (state["usual_colours"].numpy() == encoder.background.usual).all()
    before = ObjectMixtureEncoder(**kwargs)
    before.load_state_dict(state)
    return before.eval()


def test_many_sets_need_larger_numbers() -> None:
    kwargs = {"num_slots": 2, "num_colours": 4, "preprocess": plain(6, 8)}
    dtypes = [ObjectMixtureEncoder(**kwargs, num_usual=n).usual_places.dtype for n in (256, 257)]
    assert dtypes == [torch.uint8, torch.int32]
    with pytest.raises(ValueError, match=r"num_usual.* got 0"):
        ObjectMixtureEncoder(**kwargs, num_usual=0)
