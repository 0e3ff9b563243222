"""Probing an encoder: which data sets are accepted, and what is read of them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from pretrain.cli import main
from pretrain.data.collect import collect
from pretrain.data.store import DataDescription, FrameStore
from pretrain.probe import probe_encoder, read_slots
from slotenv import ObjectSlotObservation, SlotEncoder
from slotenv.encoders import SlotMapEncoder
from slotenv.frames import SCN, V5, FramePreset
from slotenv.probe import run_probe

pytestmark = pytest.mark.ale


class Replay(gym.Env[Any, Any]):
    """Shows recorded frames, episode by episode, whatever is done."""

    def __init__(self, store: FrameStore) -> None:
        self.observation_space = Box(0, 255, store.preset.shape, np.uint8)
        self.action_space = Discrete(2)
        self._store, self._row = store, -1

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        return self._next(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._next(), 0.0, False, False, {}

    def _next(self) -> Any:
        self._row += 1
        return self._store.frames([self._row])[0]


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """Pong, single emulator frames."""
    folder = tmp_path_factory.mktemp("single")
    description = DataDescription(
        env_id="Pong", preset=V5.to_dict(), seed=5, num_steps=1200, shard_steps=600
    )
    collect(folder, description, workers=1)
    return FrameStore(folder)


def test_frames_pooled_otherwise_are_probed_with_a_warning(single: FrameStore) -> None:
    pong = SlotEncoder.from_pretrained("pong")  # of both kinds
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = probe_encoder(pong, single, view="pixel")
    pong.preprocess = SCN
    with pytest.warns(UserWarning, match=r"maximum of two .*'scn'.* these are single .*--preset"):
        assert probe_encoder(pong, single, view="pixel") == report
    plain = run_probe(pong.encode_with_boxes, single, game="pong", view="pixel")
    assert report.to_dict() == plain.to_dict()
    assert report.accuracy is not None
    assert report.accuracy > 0.9


def test_held_slots_are_those_of_the_wrapper(
    single: FrameStore, capsys: pytest.CaptureFixture[str]
) -> None:
    pong = SlotEncoder.from_pretrained("pong")
    env = ObjectSlotObservation(Replay(single), pong, hold=True)
    shown = []
    for row, episode in enumerate(single.episode):
        new = row == 0 or episode != single.episode[row - 1]
        shown.append((env.reset() if new else env.step(0))[0])
    held = read_slots(pong, single, hold=True).slots
    np.testing.assert_allclose(held, np.stack(shown), atol=1e-3)
    assert np.abs(held - read_slots(pong, single, hold=False).slots).max() > 0.1
    reports = [probe_encoder(pong, single, view="scn", hold=hold) for hold in (False, True)]
    assert reports[0].accuracy != reports[1].accuracy
    main(["probe", "--encoder", "pong", "--data", str(single.folder), "--hold"])
    assert f"slot accuracy {reports[1].accuracy:.3f}, " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        (replace(V5, frame_skip=2), "2 emulator frames apart .*these are 4 apart"),
        (replace(V5, height=84, width=84), r"preset 'v5' \(84, 84, 3\), the data set has 'v5'"),
        (FramePreset(name="plain", height=210, width=160), "preset 'plain'.*has 'v5'"),
    ],
)
def test_other_frames_are_refused(single: FrameStore, preset: FramePreset, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        probe_encoder(
            SlotMapEncoder(num_slots=2, slot_dim=2, preprocess=preset), single, view="scn"
        )


def test_only_slots_that_name_their_numbers_are_held(
    single: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FrameStore, "frames", None)  # it is told before frames are read
    encoder = SlotMapEncoder(num_slots=2, slot_dim=2, preprocess=replace(V5, noop_max=SCN.noop_max))
    with pytest.raises(ValueError, match="slot_fields"):
        probe_encoder(encoder, single, view="scn", hold=True)


def test_a_game_without_labels_is_told_before_frames_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = DataDescription(env_id="Enduro", preset=V5.to_dict(), seed=5, num_steps=10)
    collect(tmp_path, description, workers=1)
    store = FrameStore(tmp_path)
    monkeypatch.setattr(FrameStore, "frames", None)
    with pytest.raises(ValueError, match=r"(?i)no labels for .*enduro"):
        probe_encoder(SlotMapEncoder(num_slots=2, slot_dim=2, preprocess=V5), store, view="scn")
