"""Encoder folders: what is saved comes back, and nothing else is accepted."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from fake_envs import SPRITES, random_frames

from slotenv import SlotEncoder, atomic, checkpoint, records
from slotenv.encoders import ENCODERS, SlotMapEncoder
from slotenv.encoders.saving import model_card


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
    assert f'slotenv.make_env("{SPRITES}", encoder.preprocess)' in card
    assert "84 x 84" in card
    assert "Contrastive" not in card


def test_the_card_names_the_method(tiny_encoder):
    tiny_encoder.provenance = {"title": "C-SWM", "settings": {"a|b": "c\nd"}}
    card = model_card(tiny_encoder)
    assert "C-SWM, architecture `slot_maps`" in card
    assert "| settings | {'a\\|b': 'c\\nd'} |" in card


@pytest.fixture
def fresh_encoders(monkeypatch):
    """Forget after the test which classes it has defined."""
    known = dict(ENCODERS)
    yield
    ENCODERS.clear()
    ENCODERS.update(known)


def define(name, **more):
    """Define a class of this name as a script or a notebook cell would."""
    namespace = {"architecture": name, "__module__": "__main__", **more}
    return type(SlotMapEncoder)("Mine", (SlotMapEncoder,), namespace)


def test_a_class_from_outside_is_saved_and_loaded(tiny_encoder, tmp_path, fresh_encoders):
    kind = define("mine")
    kind(**tiny_encoder.architecture_kwargs()).save_pretrained(tmp_path / "mine")
    again = SlotEncoder.from_pretrained(tmp_path / "mine")
    assert type(again) is kind
    again.save_pretrained(tmp_path / "mine")
    assert json.loads((tmp_path / "mine" / checkpoint.CONFIG).read_text())["module"] == "__main__"
    redefined = define("mine")  # a cell that runs twice
    assert type(SlotEncoder.from_pretrained(tmp_path / "mine")) is redefined
    del ENCODERS["mine"]
    with pytest.raises(
        ValueError, match=r"no encoder named 'mine'; .*: first import .*, the module __main__"
    ):
        SlotEncoder.from_pretrained(tmp_path / "mine")


def test_encoders_of_the_package_name_no_module(tiny_encoder_folder):
    assert "module" not in checkpoint.read_config(tiny_encoder_folder)


def test_a_name_that_is_taken_is_refused(fresh_encoders):
    taken_by = r"slotenv\.encoders\.slot_maps\.SlotMapEncoder"
    with pytest.raises(ValueError, match=f"Mine cannot be named 'slot_maps', as {taken_by} is"):
        define("slot_maps")
    assert ENCODERS["slot_maps"] is SlotMapEncoder


def test_a_class_without_a_name_of_its_own_is_not_saved_as_another(tiny_encoder, tmp_path):
    class Nameless(SlotMapEncoder):
        pass

    nameless = Nameless(**tiny_encoder.architecture_kwargs())
    with pytest.raises(TypeError, match="Nameless has no name to be loaded by: give the class an"):
        nameless.save_pretrained(tmp_path / "encoder")


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


class Killed(BaseException):
    """Ends a save where a kill would; temporary files stay, as nobody is there to delete them."""


@pytest.mark.parametrize("calls", range(5))
@pytest.mark.parametrize("first", [True, False])
def test_a_kill_in_a_save_leaves_a_whole_encoder(tiny_encoder, tmp_path, monkeypatch, calls, first):
    """Before each of the renames of a save, the old encoder or the new one can be loaded."""
    folder = tmp_path / "encoder"
    if not first:
        tiny_encoder.save_pretrained(folder)
    old = tiny_encoder.state_dict()[NAME].clone()
    left = iter(range(calls))

    def replace(source, target):
        if next(left, None) is None:
            raise Killed
        shutil.move(source, target)

    with torch.no_grad():
        tiny_encoder.head_linear.bias += 1
    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "replace", replace)
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        if calls < 4:
            with pytest.raises(Killed):
                tiny_encoder.save_pretrained(folder)
        else:
            tiny_encoder.save_pretrained(folder)
    if first and calls < 2:
        with pytest.raises(FileNotFoundError):
            SlotEncoder.from_pretrained(folder)
    else:
        found = SlotEncoder.from_pretrained(folder)
        assert torch.equal(found.state_dict()[NAME], old + (calls >= 2))
        sha = checkpoint.read_config(folder)["weights_sha256"]
        content = (folder / checkpoint.WEIGHTS).read_bytes()
        assert sha == hashlib.sha256(content).hexdigest()
    tiny_encoder.save_pretrained(folder)
    assert torch.equal(SlotEncoder.from_pretrained(folder).state_dict()[NAME], old + 1)
    names = {checkpoint.WEIGHTS, checkpoint.CONFIG, checkpoint.CARD}
    assert {path.name for path in folder.iterdir()} == names


def test_loading_touches_nothing_beside_the_encoder(tiny_encoder_folder):
    neighbours = [".encoder.old", ".encoder.tmp", "encoder.bak"]
    for name in neighbours:
        (tiny_encoder_folder.parent / name).mkdir()
        (tiny_encoder_folder.parent / name / "thesis.tex").write_text("years of work")
    SlotEncoder.from_pretrained(tiny_encoder_folder).save_pretrained(tiny_encoder_folder)
    with pytest.raises(FileNotFoundError):
        SlotEncoder.from_pretrained(tiny_encoder_folder.parent / "bencoder")
    for name in neighbours:
        assert (tiny_encoder_folder.parent / name / "thesis.tex").read_text() == "years of work"


def test_a_folder_that_cannot_be_renamed_is_written_into(tiny_encoder, tmp_path, monkeypatch):
    """The working folder, a link: the folder itself stays what it was."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.mkdir()
    link.symlink_to(target)
    tiny_encoder.save_pretrained(link)
    assert link.is_symlink()
    assert SlotEncoder.from_pretrained(target).num_slots == 3
    monkeypatch.chdir(target)
    number = target.stat().st_ino
    tiny_encoder.save_pretrained(".")
    assert (target.stat().st_ino, Path.cwd()) == (number, target)


def test_savers_and_readers_of_one_folder_do_not_harm_each_other(tiny_encoder, tmp_path):
    """Two processes save 15 times each while this one loads; every load finds a whole encoder."""
    folder = tmp_path / "encoder"
    tiny_encoder.save_pretrained(folder)
    script = (
        "import sys, torch; from slotenv import SlotEncoder\n"
        "encoder = SlotEncoder.from_pretrained(sys.argv[1])\n"
        "encoder.provenance['seed'] = int(sys.argv[2])\n"
        "torch.nn.init.constant_(encoder.head_linear.bias, float(sys.argv[2]))\n"
        "for _ in range(15): encoder.save_pretrained(sys.argv[1])"
    )
    savers = [
        subprocess.Popen([sys.executable, "-c", script, str(folder), str(number)])
        for number in (7, 8)
    ]
    loads = 0
    while any(saver.poll() is None for saver in savers):
        found = SlotEncoder.from_pretrained(folder)
        seed = found.provenance.get("seed")
        assert seed is None or (found.state_dict()[NAME] == seed).all()
        loads += 1
    assert [saver.returncode for saver in savers] == [0, 0]
    assert SlotEncoder.from_pretrained(folder).provenance["seed"] in (7, 8)
    assert loads > 10


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


@pytest.mark.parametrize("name", ["/", "x" * 5000, "a\0b", "", ".."])
def test_odd_names_are_refused_in_one_line(name):
    with pytest.raises(FileNotFoundError) as caught:
        SlotEncoder.from_pretrained(name)
    assert len(str(caught.value)) < 1500
    assert "\n" not in str(caught.value)


def test_a_wrong_device_is_named(tiny_encoder_folder):
    with pytest.raises(ValueError, match="no device 'gpu': use 'cpu', 'cuda'"):
        SlotEncoder.from_pretrained(tiny_encoder_folder, device="gpu")
