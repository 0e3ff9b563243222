"""Minari data sets as data folders, against the steps as they were played."""

from __future__ import annotations

import warnings

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SPRITES

pytest.importorskip("minari", reason="make test-hosts installs minari")

import minari
from minari.data_collector import EpisodeBuffer

from pretrain.cli import main
from pretrain.data import from_minari
from pretrain.data.from_minari import collect_minari
from pretrain.data.store import DataDescription, FrameStore
from pretrain.probe import probe_encoder
from slotenv import SlotEncoder
from slotenv.records import Damaged

EPISODE = 7  # steps
NAME = "test/sprites-v0"


@pytest.fixture(autouse=True)
def own_data_sets(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


def record(env, steps, *, name=NAME, jpeg=False, look=lambda frame: frame, **more):
    """Let random actions play, make a data set of it, and return what was seen and done."""
    rng = np.random.default_rng(0)
    rows, episodes, ended = [], [], True
    for _ in range(steps):
        if ended:
            frame, _ = env.reset(seed=len(episodes))
            shown = [look(frame)]
            episodes.append({"observations": shown, "actions": [], "rewards": []})
        action = int(rng.integers(4))
        after, reward, terminated, truncated, _ = env.step(action)
        rows.append((frame, action, reward, len(episodes) - 1))
        shown.append(look(after))
        episodes[-1]["actions"].append(action)
        episodes[-1]["rewards"].append(reward)
        frame, ended = after, terminated or truncated
    buffers = [
        EpisodeBuffer(
            id=i,
            **{**episode, "observations": joined(episode["observations"])},
            terminations=[False] * len(episode["rewards"]),
            truncations=[*[False] * (len(episode["rewards"]) - 1), True],
        )
        for i, episode in enumerate(episodes)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for an author, a link to the code and the like
        minari.create_dataset_from_buffers(name, buffers, env=env, jpeg_encoding=jpeg, **more)
    return [np.array(column) for column in zip(*rows, strict=True)]


def joined(observations):
    """Return observations as one array, or a dict of arrays if they are dicts."""
    if isinstance(observations[0], dict):
        return {key: np.stack([one[key] for one in observations]) for key in observations[0]}
    return np.stack(observations)


def sprites(**more):
    return gym.make(SPRITES, episode_steps=EPISODE, **more)


@pytest.mark.parametrize("data_format", ["arrow", "hdf5"])
def test_steps_are_those_that_were_played(tmp_path, data_format):
    frames, actions, rewards, episodes = record(sprites(), 30, data_format=data_format)
    checksum = collect_minari(tmp_path / "data", NAME, env=SPRITES, frames=1_000)
    store = FrameStore(tmp_path / "data")
    assert store.checksum == checksum
    assert len(store) == 30
    np.testing.assert_array_equal(store.frames(range(30)), frames)
    np.testing.assert_array_equal(store.actions, actions)
    np.testing.assert_array_equal(store.rewards, rewards)
    np.testing.assert_array_equal(store.episode, episodes)
    assert store.ram.shape == (30, 0)
    assert store.description.player == "minari:test/sprites-v0"


def small_shards(monkeypatch, steps):
    monkeypatch.setattr(
        from_minari, "DataDescription", lambda **kw: DataDescription(shard_steps=steps, **kw)
    )


@pytest.mark.parametrize("shard_steps", [4, 7, 16])
def test_shards_and_a_limit_cut_the_stream_anywhere(tmp_path, monkeypatch, shard_steps):
    frames, actions, _, episodes = record(sprites(), 30)
    small_shards(monkeypatch, shard_steps)
    folder = str(tmp_path / "minari" / "test" / "sprites-v0")  # by its folder
    collect_minari(tmp_path / "data", folder, env=SPRITES, frames=25)
    store = FrameStore(tmp_path / "data")
    np.testing.assert_array_equal(store.frames(range(25)), frames[:25])
    np.testing.assert_array_equal(store.actions, actions[:25])
    starts = np.flatnonzero(np.diff(store.episode)) + 1
    ends = np.flatnonzero(np.diff(episodes[:25])) + 1
    assert set(starts) == set(ends) | set(range(shard_steps, 25, shard_steps))


def test_a_missing_shard_is_made_again_to_the_same_bytes(tmp_path, monkeypatch):
    record(sprites(), 30)
    small_shards(monkeypatch, 8)
    given = {"env": SPRITES, "frames": 30}
    checksum = collect_minari(tmp_path / "data", NAME, **given)
    lost = tmp_path / "data" / "shard-00002.npz"
    before = lost.read_bytes()
    lost.unlink()
    assert collect_minari(tmp_path / "data", NAME, **given) == checksum
    assert lost.read_bytes() == before
    with pytest.raises(Damaged, match="another data set"):
        collect_minari(tmp_path / "data", NAME, env=SPRITES, frames=29)


def test_the_command_writes_what_training_reads(tmp_path, capsys):
    record(sprites(), 40)
    data = tmp_path / "data"
    words = ["collect", "--minari", NAME, "--env", f"fake_envs:{SPRITES}"]
    main([*words, "--out", str(data), "--frames", "40"])
    assert "40 frames of test/sprites-v0" in capsys.readouterr().out
    main(["train", "--data", str(data), "--out", str(tmp_path / "run"), "--method", "random"])
    assert (tmp_path / "run" / "encoder" / "config.json").is_file()


def test_frames_in_a_dict_are_found(tmp_path):
    env = sprites()
    time = gym.spaces.Box(0, 100, (1,), np.float32)
    space = gym.spaces.Dict({"time": time, "view": env.observation_space})
    frames, *_ = record(
        env,
        10,
        look=lambda frame: {"time": np.zeros(1, np.float32), "view": frame},
        observation_space=space,
    )
    collect_minari(tmp_path / "data", NAME, env=SPRITES, frames=100)
    np.testing.assert_array_equal(FrameStore(tmp_path / "data").frames(range(10)), frames)


def test_jpeg_is_warned_of_and_really_changes_frames(tmp_path):
    pytest.importorskip("PIL")
    frames, *_ = record(sprites(), 10, jpeg=True)
    with pytest.warns(UserWarning, match="jpeg_encoding=False"):
        collect_minari(tmp_path / "data", NAME, env=SPRITES, frames=10)
    assert (FrameStore(tmp_path / "data").frames(range(10)) != frames).any()


def test_what_is_no_data_set_of_the_environment_is_refused(tmp_path):
    record(sprites(), 10)
    asked = {"env": SPRITES, "frames": 10}
    with pytest.raises(FileNotFoundError, match="minari download none/such-v0"):
        collect_minari(tmp_path / "data", "none/such-v0", **asked)
    with pytest.raises(ValueError, match=r"frames \(84, 84, 3\), those of .* \(210, 160, 3\)"):
        collect_minari(tmp_path / "data", NAME, env="ALE/Pong-v5", frames=10)
    record(sprites(), 10, name="test/few-v0", action_space=gym.spaces.Discrete(5))
    with pytest.raises(ValueError, match=r"actions Discrete\(5\), those of .* are Discrete\(4\)"):
        collect_minari(tmp_path / "data", "test/few-v0", **asked)
    blind = gym.spaces.Box(0, 1, (2,), np.float32)
    record(
        sprites(),
        10,
        name="test/blind-v0",
        observation_space=blind,
        look=lambda frame: np.zeros(2, np.float32),
    )
    with pytest.raises(ValueError, match="exactly one such image"):
        collect_minari(tmp_path / "data", "test/blind-v0", **asked)
    assert not (tmp_path / "data").exists()


@pytest.mark.ale
def test_a_data_set_of_another_game_is_refused(tmp_path):
    env = gym.make("ALE/Pong-v5")
    record(env, 5, name="test/pong-v0")
    with pytest.raises(ValueError, match="is of Pong, env is ALE/Boxing-v5"):
        collect_minari(tmp_path / "data", "test/pong-v0", env="ALE/Boxing-v5", frames=5)
    collect_minari(tmp_path / "data", "test/pong-v0", env="ALE/Pong-v5", frames=5)
    store = FrameStore(tmp_path / "data")
    assert store.preset.name == "v5"
    with pytest.raises(ValueError, match="no RAM, where labels are: probe on frames of"):
        probe_encoder(SlotEncoder.from_pretrained("pong"), store, view="scn")


def test_nobody_plays_a_data_set(capsys):
    words = ["collect", "--env", SPRITES, "--out", "x", "--minari", NAME]
    with pytest.raises(SystemExit):
        main([*words, "--seed", "1"])
    assert "leave out player and seed" in capsys.readouterr().err
