"""TorchRL's transform: specs, memory over resets of some environments, replay buffers, errors."""

from __future__ import annotations

from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SPRITES, SpritesEnv

pytest.importorskip("torchrl", reason="make test-hosts installs torchrl")

import torch
from tensordict import TensorDict
from torch.nn.functional import one_hot
from torchrl.data import LazyTensorStorage, ReplayBuffer
from torchrl.envs import (
    Compose,
    GymEnv,
    GymWrapper,
    ParallelEnv,
    SerialEnv,
    ToTensorImage,
    TransformedEnv,
    check_env_specs,
)

from slotenv import ObjectSlotObservation, SlotEncoder
from slotenv.torchrl import SlotTransform
from slotenv.tracking import track_recording


def sprites(episode_steps=5):
    return GymWrapper(SpritesEnv(episode_steps=episode_steps))


@pytest.mark.parametrize("shown", [{}, {"flatten": True}, {"motion": True}], ids=str)
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("count", [None, 2])
def test_specs_are_right(tiny_encoder, shown, kept, count):
    env = sprites() if count is None else SerialEnv(count, sprites)
    env = TransformedEnv(env, SlotTransform(tiny_encoder, del_keys=not kept, **shown))
    check_env_specs(env)
    wrapped = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder, **shown)
    batch = () if count is None else (count,)
    assert env.observation_spec["slots"].shape == (*batch, *wrapped.observation_space.shape)
    seen = env.reset()
    assert ("pixels" in env.observation_spec.keys()) == ("pixels" in seen) == kept  # noqa: SIM118
    assert seen["slots"].dtype == torch.float32


def test_each_environment_of_a_batch_has_a_memory_that_starts_anew_when_it_is_reset(tiny_encoder):
    lengths = [3, 5, 4]  # of an episode, in each of the environments
    batched = SerialEnv(len(lengths), [partial(sprites, length) for length in lengths])
    env = TransformedEnv(batched, SlotTransform(tiny_encoder, motion=True))
    rng, resets = np.random.default_rng(0), 0
    seen = env.reset()
    before = [None] * len(lengths)
    for _ in range(14):
        frames = np.stack([one._env.unwrapped.render() for one in batched._envs])
        now = tiny_encoder.encode(frames)
        pairs = zip(now, before, strict=True)
        change = np.stack([0 * new if old is None else new - old for new, old in pairs])
        expected = np.concatenate([now, change], axis=2)
        np.testing.assert_allclose(seen["slots"].numpy(), expected, atol=1e-5)
        action = one_hot(torch.from_numpy(rng.integers(0, 4, len(lengths))), 4)
        stepped, seen = env.step_and_maybe_reset(seen.set("action", action))
        done = stepped["next", "done"].squeeze(-1).tolist()
        resets += sum(done)
        before = [None if ended else new for ended, new in zip(done, now, strict=True)]
    assert resets == 4 + 2 + 3


def test_a_clone_has_a_memory_of_its_own(tiny_encoder):
    first = TransformedEnv(sprites(), SlotTransform(tiny_encoder, motion=True))
    second = TransformedEnv(sprites(), Compose(first.transform.clone()))
    first.set_seed(0), second.set_seed(0)
    expected = first.rollout(3, policy=lambda td: td.set("action", one_hot(torch.tensor(1), 4)))
    first.set_seed(0), second.set_seed(0)
    ours = first.reset()
    for i in range(3):
        torch.testing.assert_close(ours["slots"], expected["slots"][i])
        second.reset()  # in between
        ours = first.step(ours.set("action", one_hot(torch.tensor(1), 4)))["next"]


@pytest.mark.ale
def test_slots_of_a_game_are_held_and_followed():
    shown = {"motion": True, "hold": True, "flatten": True}
    env = TransformedEnv(GymEnv("ALE/Pong-v5"), SlotTransform("pong", del_keys=False, **shown))
    played = env.rollout(60)
    encoder = SlotEncoder.from_pretrained("pong")
    slots = encoder.encode(played["pixels"].numpy())
    over_time = {"fields": encoder.slot_fields, "hold": True, "motion": True}
    expected = track_recording(slots, np.zeros(60, int), **over_time).reshape(60, -1)
    np.testing.assert_allclose(played["slots"].numpy(), expected, atol=1e-3)


def test_environments_in_processes_are_encoded_in_one_batch(tiny_encoder):
    envs = ParallelEnv(2, sprites)
    env = TransformedEnv(envs, SlotTransform(tiny_encoder, motion=True))
    try:
        rollout = env.rollout(7, break_when_any_done=False)
        assert rollout["slots"].shape == (2, 7, 3, 8)
        assert not rollout["slots"][:, [0, 5], :, 4:].any()  # the first steps of two episodes
        assert rollout["slots"][:, [1, 2, 3, 4, 6], :, 4:].any(dim=(0, 2, 3)).all()
    finally:
        env.close()


def test_frames_of_a_replay_buffer_are_encoded_each_for_itself(tiny_encoder):
    transform = SlotTransform(tiny_encoder, out_keys=["objects"], del_keys=False)
    buffer = ReplayBuffer(storage=LazyTensorStorage(20), transform=transform, batch_size=4)
    frames = torch.randint(0, 256, (20, 84, 84, 3), dtype=torch.uint8)
    buffer.extend(TensorDict({"pixels": frames}, [20]))
    sample = buffer.sample()
    expected = tiny_encoder.encode(sample["pixels"])
    torch.testing.assert_close(sample["objects"], expected)
    empty = transform(TensorDict({"pixels": frames[:0]}, [0]))
    assert empty["objects"].shape == (0, 3, 4)
    over_time = SlotTransform(tiny_encoder, motion=True)
    with pytest.raises(RuntimeError, match="put it into a TransformedEnv"):
        over_time(TensorDict({"pixels": frames}, [20]))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"in_keys": ["observation"]}, KeyError, r"has \['pixels'\]: name their key"),
        ({"in_keys": ["pixels", "more"]}, ValueError, "one key of frames"),
        ({"hold": True}, ValueError, "Leave hold out"),
        ({"encoder": "no/such"}, FileNotFoundError, "no/such"),
        ({"encoder": "pong"}, ValueError, r"\(210, 160, 3\), 'pixels' is \(84, 84, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused(tiny_encoder, change, error, message):
    given = {"encoder": tiny_encoder, **change}
    with pytest.raises(error, match=message):
        TransformedEnv(sprites(), SlotTransform(**given)).observation_spec  # noqa: B018


def test_floats_are_refused(tiny_encoder):
    env = TransformedEnv(sprites(), Compose(ToTensorImage(), SlotTransform(tiny_encoder)))
    with pytest.raises(TypeError, match=r"uint8 frames \(H, W, 3\), 'pixels' is torch.float32"):
        env.observation_spec  # noqa: B018
