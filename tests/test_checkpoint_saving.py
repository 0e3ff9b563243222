"""A save replaces an encoder whole, and touches nothing else."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from slotenv import SlotEncoder, atomic, checkpoint
from slotenv.encoders.saving import save

NAME = "head_linear.bias"


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


def test_a_picture_goes_with_the_encoder_that_it_shows(tiny_encoder, tmp_path):
    for content in (b"one", b"two"):
        save(tiny_encoder, tmp_path, picture=content)
        assert (tmp_path / checkpoint.PICTURE).read_bytes() == content
    tiny_encoder.save_pretrained(tmp_path)
    assert not (tmp_path / checkpoint.PICTURE).exists()
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / checkpoint.PICTURE).write_bytes(b"a picture of somebody")
    with pytest.raises(FileExistsError, match=r"holds slots\.png, which"):
        save(tiny_encoder, alone, picture=b"one")
    assert (alone / checkpoint.PICTURE).read_bytes() == b"a picture of somebody"


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
