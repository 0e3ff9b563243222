"""Encoder folders that are damaged, incomplete or changed by hand are refused."""

from __future__ import annotations

import hashlib
import json

import pytest
import safetensors.torch
import torch
from fake_envs import SPRITES

from slotenv import SlotEncoder, checkpoint, records


def rewrite_weights(folder, change):
    """Change the weights and sign them anew, as somebody who edits a checkpoint would."""
    state = safetensors.torch.load_file(folder / checkpoint.WEIGHTS)
    change(state)
    content = safetensors.torch.save(state)
    (folder / checkpoint.WEIGHTS).write_bytes(content)
    rewrite_config(folder, weights_sha256=hashlib.sha256(content).hexdigest())


def rewrite_config(folder, **fields):
    path = folder / checkpoint.CONFIG
    path.write_text(records.dumps({**json.loads(path.read_text()), **fields}))


NAME = "head_linear.bias"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop(NAME), rf"missing weights \['{NAME}'\]"),
        (lambda state: state.update(more=torch.zeros(1)), r"unknown weights \['more'\]"),
        (lambda state: state.update({"renamed": state.pop(NAME)}), "missing.*unknown.*renamed"),
        (lambda state: state.update({NAME: state[NAME].half()}), "is torch.float16.*float32"),
        (lambda state: state.update({NAME: torch.zeros(5)}), r"\(5,\).*needs torch.float32 \(4,\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tiny_encoder_folder, change, words):
    rewrite_weights(tiny_encoder_folder, change)
    with pytest.raises(ValueError, match=words):
        SlotEncoder.from_pretrained(tiny_encoder_folder)


def test_damaged_weights_are_refused(tiny_encoder_folder):
    weights = tiny_encoder_folder / checkpoint.WEIGHTS
    content = weights.read_bytes()
    flipped = bytes([content[-1] ^ 1])
    for damaged in (content[:-100], content[:-1] + flipped, b""):
        weights.write_bytes(damaged)
        with pytest.raises(ValueError, match="checksum differs"):
            SlotEncoder.from_pretrained(tiny_encoder_folder)
    rewrite_config(tiny_encoder_folder, weights_sha256=hashlib.sha256(b"").hexdigest())
    with pytest.raises(ValueError, match="no safetensors file"):
        SlotEncoder.from_pretrained(tiny_encoder_folder)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"format": 9}, "has format 9, written by a newer slotenv"),
        ({"architecture": "transformer"}, "no encoder named 'transformer'.*slot_maps"),
        ({"kwargs": {"num_slots": 3}}, "field 'kwargs.slot_dim' is missing"),
        (
            {"kwargs": {"num_slots": 3, "slot_dim": 4, "preprocess": {"name": "plain"}}},
            "not a frame preset",
        ),
        ({"kwargs": {"num_slots": True}}, "'kwargs.num_slots' is True, should be a valid integer"),
        ({"weights_sha256": "no"}, "'weights_sha256' is 'no'"),
        ({"colour": 1}, "there is no field 'colour'"),
    ],
)
def test_configs_that_do_not_fit_are_refused(tiny_encoder_folder, fields, words):
    rewrite_config(tiny_encoder_folder, **fields)
    with pytest.raises(ValueError, match=words):
        SlotEncoder.from_pretrained(tiny_encoder_folder)


@pytest.mark.parametrize("text", ["{", '"word"', '{"architecture": "slot_maps"}', "\xff"])
def test_configs_that_are_none_are_refused(tiny_encoder_folder, text):
    (tiny_encoder_folder / checkpoint.CONFIG).write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"not valid JSON|must be a JSON object|is missing"):
        SlotEncoder.from_pretrained(tiny_encoder_folder)


@pytest.mark.parametrize("missing", [checkpoint.WEIGHTS, checkpoint.CONFIG])
def test_missing_files_are_named(tiny_encoder_folder, missing):
    (tiny_encoder_folder / missing).unlink()
    with pytest.raises(FileNotFoundError, match=missing):
        SlotEncoder.from_pretrained(tiny_encoder_folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config["kwargs"]["preprocess"].update(max_pool=True),
        lambda config: config["kwargs"]["preprocess"].update(frame_skip=4),
        lambda config: config["provenance"].update(env_id="ALE/Breakout-v5"),
        lambda config: config.pop("digest"),
        lambda config: config.update(digest="0" * 32),
    ],
)
def test_a_config_that_was_changed_is_refused(tiny_encoder, tmp_path, change):
    tiny_encoder.provenance = {"env_id": SPRITES}
    tiny_encoder.save_pretrained(tmp_path / "encoder")
    path = tmp_path / "encoder" / checkpoint.CONFIG
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"config\.json (was changed|has no 'digest')"):
        SlotEncoder.from_pretrained(tmp_path / "encoder")


def test_weights_that_are_not_finite_are_refused(tiny_encoder_folder):
    rewrite_weights(tiny_encoder_folder, lambda state: state[NAME].fill_(float("nan")))
    with pytest.raises(ValueError, match=rf"model\.safetensors.*{NAME}.*copy the whole"):
        SlotEncoder.from_pretrained(tiny_encoder_folder)
