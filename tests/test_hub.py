"""Pushing to and loading from the Hugging Face hub, with the hub replaced by a folder."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import numpy as np
import pytest
from fake_envs import random_frames
from huggingface_hub import hub_mixin

from slotenv import SlotEncoder
from slotenv.encoders import SlotMapEncoder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "hub"

    class FakeApi:
        def __init__(self, **_: Any) -> None: ...

        def create_repo(self, repo_id: str, **_: Any) -> SimpleNamespace:
            return SimpleNamespace(repo_id=repo_id)

        def upload_folder(self, *, repo_id: str, folder_path: Path, **_: Any) -> str:
            shutil.copytree(folder_path, root / repo_id)
            return f"https://hub/{repo_id}/commit/1"

    def download(repo_id: str, *, allow_patterns: list[str], **_: Any) -> str:
        if not (root / repo_id).exists():
            raise huggingface_hub.errors.LocalEntryNotFoundError(f"no {repo_id}")
        assert {p.name for p in (root / repo_id).iterdir()} <= set(allow_patterns)
        return str(root / repo_id)

    monkeypatch.setattr(hub_mixin, "HfApi", FakeApi)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return root


def test_what_is_pushed_loads_and_encodes_the_same(hub: Path, tiny_encoder: SlotMapEncoder) -> None:
    assert tiny_encoder.push_to_hub("me/pong-slots") == "https://hub/me/pong-slots/commit/1"
    again = SlotEncoder.from_pretrained("me/pong-slots")
    frames = random_frames(2, 84, 84)
    np.testing.assert_array_equal(again.encode(frames), tiny_encoder.encode(frames))


def test_saving_can_push_as_well(hub: Path, tiny_encoder: SlotMapEncoder, tmp_path: Path) -> None:
    url = tiny_encoder.save_pretrained(tmp_path / "slots", repo_id="me/slots", push_to_hub=True)
    assert url == "https://hub/me/slots/commit/1"
    local, remote = tmp_path / "slots", hub / "me" / "slots"
    for name in ("model.safetensors", "config.json", "README.md"):
        assert (local / name).read_bytes() == (remote / name).read_bytes()


@pytest.mark.parametrize("name", ["num_slots", "local_file_only", "trust_remote_code"])
def test_unknown_arguments_are_named(hub: Path, name: str) -> None:
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
        SlotEncoder.from_pretrained("me/nothing", **{name: True})


def test_known_arguments_reach_the_hub(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def download(repo_id: str, **kwargs: Any) -> str:
        seen.update(kwargs)
        raise huggingface_hub.errors.LocalEntryNotFoundError("none")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    given = {"token": "t", "cache_dir": "c", "local_files_only": True, "force_download": True}
    with pytest.raises(FileNotFoundError):
        SlotEncoder.from_pretrained("me/nothing", revision="r", **given)  # type: ignore[arg-type]
    assert {**given, "revision": "r"}.items() <= seen.items()


def test_an_id_that_the_hub_does_not_know_is_named(hub: Path) -> None:
    says = r"no encoder 'me/nothing': there is no such folder.* run --env .* --out me/nothing"
    with pytest.raises(FileNotFoundError, match=says):
        SlotEncoder.from_pretrained("me/nothing")
