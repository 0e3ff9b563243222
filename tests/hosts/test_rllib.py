"""RLlib's connector piece against the wrapper, and an iteration of PPO with it."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SpritesEnv

pytest.importorskip("tree", reason="make test-hosts installs ray[rllib]")

from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.env.single_agent_episode import SingleAgentEpisode

from slotenv import ObjectSlotObservation
from slotenv.rllib import SlotConnector

SPACES = {
    "input_observation_space": SpritesEnv().observation_space,
    "input_action_space": SpritesEnv().action_space,
}


@pytest.mark.parametrize("shown", [{}, {"flatten": True}, {"motion": True}], ids=str)
def test_episodes_get_the_slots_that_the_wrapper_shows(tiny_encoder, shown):
    connector = SlotConnector(tiny_encoder, **{"flatten": False, **shown}, **SPACES)
    lengths = [3, 5]
    envs = [SpritesEnv(episode_steps=length) for length in lengths]
    wrapped = [
        ObjectSlotObservation(SpritesEnv(episode_steps=n), tiny_encoder, **shown) for n in lengths
    ]
    assert connector.observation_space == wrapped[0].observation_space
    episodes = [SingleAgentEpisode() for _ in envs]
    expected = [None, None]
    for step in range(12):
        for i, env in enumerate(envs):
            if not episodes[i].is_reset:
                episodes[i].add_env_reset(env.reset(seed=step)[0])
                expected[i] = wrapped[i].reset(seed=step)[0]
            else:
                frame, reward, terminated, *_ = env.step(1)
                episodes[i].add_env_step(frame, 1, reward, terminated=terminated)
                expected[i] = wrapped[i].step(1)[0]
        assert connector(batch={"kept": 1}, episodes=episodes) == {"kept": 1}
        for i in range(len(envs)):
            np.testing.assert_allclose(episodes[i].get_observations(-1), expected[i], atol=1e-5)
            if step == 6:
                episodes[i] = episodes[i].cut()  # as a runner does between two samples
            if episodes[i].is_done:
                episodes[i] = SingleAgentEpisode()


def test_wrong_frames_are_refused(tiny_encoder):
    small = gym.spaces.Box(0, 255, (64, 64, 3), np.uint8)
    with pytest.raises(ValueError, match="64"):
        SlotConnector(tiny_encoder, **{**SPACES, "input_observation_space": small})
    with pytest.raises(ValueError, match="Leave hold out"):
        SlotConnector(tiny_encoder, hold=True, **SPACES)


def test_ppo_trains_on_it(tiny_encoder_folder):
    gym.register("slotenv_tests/Again-v0", SpritesEnv, kwargs={"episode_steps": 9})
    config = (
        PPOConfig()
        .environment("slotenv_tests/Again-v0")
        .env_runners(
            num_env_runners=0,
            num_envs_per_env_runner=2,
            env_to_module_connector=lambda *_, **__: SlotConnector(
                tiny_encoder_folder, motion=True
            ),
        )
        .training(train_batch_size_per_learner=64, minibatch_size=32, num_epochs=1)
    )
    algorithm = config.build_algo()
    try:
        result = algorithm.train()
        assert result["env_runners"]["num_env_steps_sampled"] >= 64
        assert algorithm.get_module().observation_space.shape == (3 * 8,)
    finally:
        algorithm.stop()
