"""Frames of moving sprites to train on."""

from pathlib import Path

import pytest
from fake_envs import SPRITES

from pretrain.data.collect import collect
from pretrain.data.store import DataDescription, FrameStore
from slotenv.frames import plain


@pytest.fixture(scope="session")
def sprites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sprites")
    description = DataDescription(
        env_id=f"fake_envs:{SPRITES}", preset=plain(84, 84).to_dict(), seed=0, num_steps=400
    )
    collect(folder, description, workers=1)
    return folder


@pytest.fixture
def store(sprites: Path) -> FrameStore:
    return FrameStore(sprites)
