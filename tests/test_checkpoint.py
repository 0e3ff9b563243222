"""Encoder folders: what is saved comes back, and its card tells of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from boxed_spots import BoxedSpotEncoder
from fake_envs import SPRITES, random_frames

from slotenv import SlotEncoder, checkpoint
from slotenv.encoders import SlotMapEncoder
from slotenv.encoders.saving import model_card


def test_an_encoder_comes_back_as_it_was(tiny_encoder, tmp_path):
    tiny_encoder.provenance = {"env_id": SPRITES, "updates": 3}
    tiny_encoder.train()
    tiny_encoder.save_pretrained(tmp_path / "a" / "b")
    loaded = SlotEncoder.from_pretrained(tmp_path / "a" / "b")
    assert type(loaded) is SlotMapEncoder
    assert (loaded.num_slots, loaded.slot_dim) == (3, 4)
    assert loaded.preprocess == tiny_encoder.preprocess
    assert loaded.provenance == tiny_encoder.provenance
    assert not loaded.training
    for name, tensor in tiny_encoder.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
    frames = random_frames(3, 84, 84)
    np.testing.assert_array_equal(loaded.encode(frames), tiny_encoder.encode(frames))


def test_saving_twice_gives_the_same_bytes(tiny_encoder, tmp_path):
    for name in ("a", "b"):
        tiny_encoder.save_pretrained(tmp_path / name)
    for file in (checkpoint.WEIGHTS, checkpoint.CONFIG, checkpoint.CARD):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_card_tells_how_to_use_it(tiny_encoder, tmp_path):
    tiny_encoder.provenance = {"env_id": SPRITES}
    tiny_encoder.save_pretrained(tmp_path / "encoder")
    card = (tmp_path / "encoder" / checkpoint.CARD).read_text()
    assert f'slotenv.make_env("{SPRITES}", encoder.preprocess)' in card
    assert "84 x 84" in card
    assert "Contrastive" not in card
    assert "describe" not in card  # its slots have no boxes
    boxed = BoxedSpotEncoder(preprocess=tiny_encoder.preprocess)
    assert "encoder.boxes(frames), encoder.describe(frames)" in model_card(boxed)


def test_the_card_names_the_method(tiny_encoder):
    tiny_encoder.provenance = {"title": "C-SWM", "settings": {"a|b": "c\nd"}}
    card = model_card(tiny_encoder)
    assert "C-SWM, architecture `slot_maps`" in card
    assert "| settings | {'a\\|b': 'c\\nd'} |" in card


def test_a_card_is_not_needed(tiny_encoder_folder):
    (tiny_encoder_folder / checkpoint.CARD).unlink()
    assert SlotEncoder.from_pretrained(tiny_encoder_folder).num_slots == 3


def test_provenance_that_could_not_be_read_again_is_refused_when_it_is_saved(
    tiny_encoder, tmp_path
):
    for wrong in ({"env_id": 3}, {"loss": float("nan")}, {"made by": object()}):
        tiny_encoder.provenance = wrong
        with pytest.raises(ValueError, match=r"provenance|cannot be written as JSON"):
            tiny_encoder.save_pretrained(tmp_path / "encoder")
    tiny_encoder.provenance = {"updates": np.int64(3), "score": np.float32(0.5), "shape": (1, 2)}
    tiny_encoder.save_pretrained(tmp_path / "encoder")
    found = SlotEncoder.from_pretrained(tmp_path / "encoder").provenance
    assert found == {"updates": 3, "score": 0.5, "shape": [1, 2]}


def test_a_wrong_device_is_named(tiny_encoder_folder):
    with pytest.raises(ValueError, match="no device 'gpu': use 'cpu', 'cuda'"):
        SlotEncoder.from_pretrained(tiny_encoder_folder, device="gpu")
