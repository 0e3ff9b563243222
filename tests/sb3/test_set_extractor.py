"""The extractor for slot observations: invariance, wiring into algorithms, errors."""

from __future__ import annotations

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
import torch
from fake_envs import SPRITES
from gymnasium.spaces import Box, Dict
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

from slotenv import ObjectSlotObservation
from slotenv.sb3 import SlotSetExtractor

SLOTS = Box(-np.inf, np.inf, (5, 4), np.float32)
ALGORITHMS = {
    "ppo": (PPO, {"n_steps": 32, "batch_size": 32, "n_epochs": 2}),
    "a2c": (A2C, {"n_steps": 8}),
    "dqn": (DQN, {"buffer_size": 100, "learning_starts": 8, "target_update_interval": 20}),
}


def extractor(**kwargs):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SlotSetExtractor(kwargs.pop("space", SLOTS), **kwargs)


def slots(batch=6, shape=SLOTS.shape):
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(1))


def agent(name, env, **kwargs):
    algorithm, settings = ALGORITHMS[name]
    return algorithm(
        "MlpPolicy",
        env,
        policy_kwargs=SlotSetExtractor.policy_kwargs(**kwargs),
        seed=0,
        device="cpu",
        **settings,
    )


def test_without_identity_the_order_of_slots_does_not_matter():
    module, observations = extractor(identity=False), slots()
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(module(observations[:, order]), module(observations))


def test_with_identity_the_order_of_slots_matters():
    module, observations = extractor(), slots()
    changed = module(observations[:, [3, 0, 4, 2, 1]])
    assert (changed - module(observations)).abs().max() > 1e-3


def test_identity_works_inside_the_shared_network():
    # The same numbers in another slot are another thing, even without other slots to compare with.
    module = extractor(space=Box(-1, 1, (2, 4), np.float32))
    same = slots(1, (1, 4)).expand(1, 2, 4)
    hidden = module.slot_network(module.lift(same) + module.slot_identity)
    assert not torch.allclose(hidden[:, 0], hidden[:, 1])


def test_features_follow_the_definition():
    module, observations = extractor(), slots(1)
    tokens = [
        module.slot_network(module.lift(slot) + identity)
        for slot, identity in zip(observations[0], module.slot_identity, strict=True)
    ]
    normed = torch.stack([module.norm(token) for token in tokens])[None]
    attended, _ = module.attention(normed, normed, normed)
    out = torch.stack(tokens) + attended[0]
    expected = module.head(torch.cat([out.mean(0), out.max(0).values]))
    torch.testing.assert_close(module(observations)[0], expected)


def test_a_frame_alone_has_the_features_it_has_in_a_batch():
    module, observations = extractor(), slots()
    torch.testing.assert_close(module(observations[2:3])[0], module(observations)[2])


@pytest.mark.parametrize("identity", [True, False])
def test_every_parameter_gets_a_gradient(identity):
    module = extractor(identity=identity)
    module(slots()).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in module.parameters())


@pytest.mark.parametrize("shape", [(1, 1), (8, 64), (30, 3)])
def test_any_number_of_slots_and_numbers(shape):
    module = extractor(space=Box(-1, 1, shape, np.float32), features_dim=10)
    assert module(slots(3, shape)).shape == (3, 10)
    assert module.features_dim == 10


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("motion", [False, True])
def test_algorithms_learn_with_it(name, motion, tiny_encoder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder, motion=motion)
    model = agent(name, env)
    found = [m for m in model.policy.modules() if isinstance(m, SlotSetExtractor)]
    before = copy.deepcopy(found[0].state_dict())
    model.learn(64)
    after = found[0].state_dict()
    assert any(not torch.equal(before[key], after[key]) for key in before)


def test_stacked_slots_are_wider_slots(tiny_encoder):
    env = DummyVecEnv([lambda: ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)])
    model = agent("ppo", VecFrameStack(env, 4), identity=False)
    assert model.observation_space.shape == (3, 16)
    model.learn(32)


def test_a_saved_agent_acts_the_same(tiny_encoder, tmp_path):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)
    model = agent("ppo", env, width=32, heads=2, net_arch=[16])
    model.save(tmp_path / "agent.zip")
    loaded = PPO.load(tmp_path / "agent.zip", device="cpu")
    observation, _ = env.reset(seed=0)
    expected, _ = model.predict(observation, deterministic=True)
    assert loaded.predict(observation, deterministic=True)[0] == expected
    with torch.no_grad():
        tensor = torch.from_numpy(observation)[None]
        torch.testing.assert_close(
            loaded.policy.predict_values(tensor), model.policy.predict_values(tensor)
        )


def test_agents_of_version_0_1_0_find_the_class_where_it_was():
    assert pickle.loads(b"cslotenv.set_extractor\nSlotSetExtractor\n.") is SlotSetExtractor


def test_contrib_algorithms_learn_with_it(tiny_encoder):
    contrib = pytest.importorskip("sb3_contrib")
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)
    kwargs = {"policy_kwargs": SlotSetExtractor.policy_kwargs(), "seed": 0, "device": "cpu"}
    contrib.QRDQN("MlpPolicy", env, buffer_size=100, learning_starts=8, **kwargs).learn(40)
    recurrent = contrib.RecurrentPPO("MlpLstmPolicy", env, n_steps=32, batch_size=32, **kwargs)
    recurrent.learn(32)


@pytest.mark.parametrize(
    ("space", "error", "words"),
    [
        (Box(-1, 1, (20,), np.float32), ValueError, r"\(20,\), float32.*flatten=False"),
        (Box(0, 255, (84, 84, 3), np.uint8), TypeError, "uint8.*slotenv.SlotExtractor for pixels"),
        (Box(0, 255, (84, 84), np.uint8), TypeError, "uint8.*slotenv.SlotExtractor for pixels"),
        (Dict({"slots": SLOTS}), TypeError, "got Dict"),
        (Box(-1, 1, (0, 4), np.float32), ValueError, "positive"),
    ],
)
def test_other_observations_are_refused_in_words(space, error, words):
    with pytest.raises(error, match=words):
        SlotSetExtractor(space)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"width that heads divide, got .* width=30, heads=4"):
        SlotSetExtractor(SLOTS, width=30)
