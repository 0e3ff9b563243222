"""By which names encoders are found: of a class, of a folder, of nothing."""

from __future__ import annotations

import json

import pytest

from slotenv import SlotEncoder, checkpoint
from slotenv.encoders import ENCODERS, SlotMapEncoder


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


def test_a_name_that_means_nothing_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such folder here.*python -m pretrain run"):
        SlotEncoder.from_pretrained(tmp_path / "nowhere")


def test_another_class_than_asked_for_is_refused(tiny_encoder_folder):
    class OtherEncoder(SlotMapEncoder):
        pass

    with pytest.raises(TypeError, match="holds a SlotMapEncoder, asked for a OtherEncoder"):
        OtherEncoder.from_pretrained(tiny_encoder_folder)


@pytest.mark.parametrize("name", ["/", "x" * 5000, "a\0b", "", ".."])
def test_odd_names_are_refused_in_one_line(name):
    with pytest.raises(FileNotFoundError) as caught:
        SlotEncoder.from_pretrained(name)
    assert len(str(caught.value)) < 1500
    assert "\n" not in str(caught.value)
