"""Fixtures for all tests: a tiny encoder for tiny frames."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As shells start what runs in the background; the programs under test would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Not tests/ itself: there, tests/pretrain would pass for the package.
sys.path.insert(0, str(Path(__file__).parent / "support"))

import fake_envs  # noqa: F401 (registers)
import torch

from slotenv.encoders import SlotMapEncoder
from slotenv.frames import FramePreset, plain

torch.set_num_threads(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-game",
        action="store_true",
        help="run tests/test_every_game.py over all of ALE's games, not over a sample",
    )


@pytest.fixture(scope="session")
def tiny_preset() -> FramePreset:
    """The frames of the registered sprites environment."""
    return plain(84, 84)


@pytest.fixture
def tiny_encoder(tiny_preset: FramePreset) -> SlotMapEncoder:
    """Three slots of four numbers, always the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SlotMapEncoder(num_slots=3, slot_dim=4, preprocess=tiny_preset).eval()


@pytest.fixture
def tiny_encoder_folder(tiny_encoder: SlotMapEncoder, tmp_path: Path) -> Path:
    """The tiny encoder on disk."""
    folder = tmp_path / "encoder"
    tiny_encoder.save_pretrained(folder)
    return folder
