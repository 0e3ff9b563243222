"""Encoder folders: what is saved comes back, and nothing else is accepted."""

from __future__ import annotations

import hashlib
import json
import os

import numpy as np
import pytest
import safetensors.torch
import torch
from fake_envs import SPRITES, random_frames

from slotenv import SlotEncoder, atomic, checkpoint
from slotenv.atomic import atomic_folder, recover_folder, write_atomic
from slotenv.encoders import SlotMapEncoder


def rewrite_weights(folder, change):
    """Change the weights and sign them anew, as somebody who edits a checkpoint would."""
    state = safetensors.torch.load_file(folder / checkpoint.WEIGHTS)
    change(state)
    content = safetensors.torch.save(state)
    (folder / checkpoint.WEIGHTS).write_bytes(content)
    rewrite_config(folder, weights_sha256=hashlib.sha256(content).hexdigest())


def rewrite_config(folder, **fields):
    path = folder / checkpoint.CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


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


def test_a_run_folder_stands_for_the_encoder_in_it(tiny_encoder, tmp_path):
    tiny_encoder.save_pretrained(tmp_path / "encoder")
    (tmp_path / "config.json").write_text('{"seed": 1}')
    assert SlotEncoder.from_pretrained(tmp_path).num_slots == 3
    (tmp_path / "encoder").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"holds no encoder.*training has ended"):
        SlotEncoder.from_pretrained(tmp_path)


def test_the_current_folder_can_be_named_by_a_dot(tiny_encoder_folder, monkeypatch):
    monkeypatch.chdir(tiny_encoder_folder)
    assert SlotEncoder.from_pretrained(".").num_slots == 3


def test_the_card_tells_how_to_use_it(tiny_encoder, tmp_path):
    tiny_encoder.provenance = {"env_id": SPRITES}
    tiny_encoder.save_pretrained(tmp_path / "encoder")
    card = (tmp_path / "encoder" / checkpoint.CARD).read_text()
    assert f'gym.make("{SPRITES}")' in card
    assert "84 x 84" in card


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
        ({"format": 2, "slotenv_version": "9.9"}, "has format 2, written by slotenv 9.9"),
        ({"architecture": "transformer"}, "no encoder named 'transformer'.*slot_maps"),
        ({"kwargs": {"num_slots": 3}}, "'slot_maps' does not fit"),
        ({"kwargs": {"num_slots": 3, "preprocess": {"name": "plain"}}}, "not a frame preset"),
    ],
)
def test_configs_that_do_not_fit_are_refused(tiny_encoder_folder, fields, words):
    rewrite_config(tiny_encoder_folder, **fields)
    with pytest.raises(ValueError, match=words):
        SlotEncoder.from_pretrained(tiny_encoder_folder)


@pytest.mark.parametrize("text", ["{", '"word"', '{"architecture": "slot_maps"}', "\xff"])
def test_configs_that_are_none_are_refused(tiny_encoder_folder, text):
    (tiny_encoder_folder / checkpoint.CONFIG).write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"not valid JSON|no slot encoder's config: it lacks"):
        SlotEncoder.from_pretrained(tiny_encoder_folder)


@pytest.mark.parametrize("missing", [checkpoint.WEIGHTS, checkpoint.CONFIG])
def test_missing_files_are_named(tiny_encoder_folder, missing):
    (tiny_encoder_folder / missing).unlink()
    with pytest.raises(FileNotFoundError, match=missing):
        SlotEncoder.from_pretrained(tiny_encoder_folder)


def test_a_card_is_not_needed(tiny_encoder_folder):
    (tiny_encoder_folder / checkpoint.CARD).unlink()
    assert SlotEncoder.from_pretrained(tiny_encoder_folder).num_slots == 3


def test_a_name_that_means_nothing_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such folder here.*python -m pretrain run"):
        SlotEncoder.from_pretrained(tmp_path / "nowhere")


def test_another_class_than_asked_for_is_refused(tiny_encoder_folder):
    class OtherEncoder(SlotMapEncoder):
        pass

    with pytest.raises(TypeError, match="holds a SlotMapEncoder, asked for a OtherEncoder"):
        OtherEncoder.from_pretrained(tiny_encoder_folder)


@pytest.mark.parametrize(
    "files",
    [
        {"thesis.tex": "years of work"},
        {"README.md": "# A project"},
        {"README.md": "# A run", "config.json": '{"seed": 1}'},
    ],
)
def test_a_foreign_folder_is_not_overwritten(tiny_encoder, tmp_path, files):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(FileExistsError, match="choose an empty or new folder"):
        tiny_encoder.save_pretrained(tmp_path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == files


def test_a_file_is_not_overwritten(tiny_encoder, tmp_path):
    (tmp_path / "notes").write_text("years of work")
    with pytest.raises(FileExistsError, match="is a file"):
        tiny_encoder.save_pretrained(tmp_path / "notes")
    assert (tmp_path / "notes").read_text() == "years of work"


def test_an_encoder_is_replaced_whole(tiny_encoder, tiny_encoder_folder):
    (tiny_encoder_folder / checkpoint.WEIGHTS).write_bytes(b"damaged")
    tiny_encoder.save_pretrained(tiny_encoder_folder)
    assert SlotEncoder.from_pretrained(tiny_encoder_folder).num_slots == 3
    assert [p.name for p in tiny_encoder_folder.parent.iterdir()] == ["encoder"]


@pytest.mark.parametrize("killed_at", [1, 2])
@pytest.mark.parametrize("reader", ["load", "save"])
def test_a_kill_between_the_renames_loses_nothing(
    tiny_encoder, tiny_encoder_folder, monkeypatch, killed_at, reader
):
    old = SlotEncoder.from_pretrained(tiny_encoder_folder).state_dict()[NAME]
    calls = []

    def rename(source, target):
        calls.append(target)
        if len(calls) == killed_at:
            raise KeyboardInterrupt
        os.replace(source, target)

    with torch.no_grad():
        tiny_encoder.head_linear.bias += 1
    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "rename", rename)
        patch.setattr(atomic.shutil, "rmtree", lambda *_, **__: None)  # a kill leaves no time
        with pytest.raises(KeyboardInterrupt):
            tiny_encoder.save_pretrained(tiny_encoder_folder)
    assert tiny_encoder_folder.exists() == (killed_at == 1)
    if reader == "save":
        tiny_encoder.save_pretrained(tiny_encoder_folder)
        old = old + 1
    assert torch.equal(SlotEncoder.from_pretrained(tiny_encoder_folder).state_dict()[NAME], old)
    assert not list(tiny_encoder_folder.parent.glob(".*.old"))


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write_atomic(path, "old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_failing_block_leaves_the_old_folder(tmp_path):
    folder = tmp_path / "folder"
    with atomic_folder(folder) as temporary:
        (temporary / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_folder(folder) as temporary:
        (temporary / "a").write_text(str(1 / 0))
    assert (folder / "a").read_text() == "old"
    recover_folder(folder)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_wrong_device_is_named(tiny_encoder_folder):
    with pytest.raises(ValueError, match="no device 'gpu': use 'cpu', 'cuda'"):
        SlotEncoder.from_pretrained(tiny_encoder_folder, device="gpu")
