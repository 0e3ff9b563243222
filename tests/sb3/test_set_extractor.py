"""The older name of attention over slots, and the agents that were saved with it."""

from __future__ import annotations

import pickle

import gymnasium as gym
import numpy as np
import pytest
import torch
from fake_envs import SPRITES
from gymnasium.spaces import Box, Dict
from pixel_agents import ALGORITHMS

from slotenv import ObjectSlotObservation
from slotenv.sb3 import SlotExtractor, SlotSetExtractor

SLOTS = Box(-np.inf, np.inf, (5, 4), np.float32)
SIZES = {"width": 32, "heads": 2, "identity": False}
WEIGHTS_OF_0_1_0 = {  # width 64, 128 features, 5 slots of 4 numbers
    "slot_identity": (5, 64),
    "lift.weight": (64, 4),
    "lift.bias": (64,),
    "slot_network.1.weight": (64, 64),
    "slot_network.1.bias": (64,),
    "norm.weight": (64,),
    "norm.bias": (64,),
    "attention.in_proj_weight": (192, 64),
    "attention.in_proj_bias": (192,),
    "attention.out_proj.weight": (64, 64),
    "attention.out_proj.bias": (64,),
    "head.0.weight": (128, 128),
    "head.0.bias": (128,),
}


def test_it_is_the_extractor_with_attention():
    modules = []
    for make in (
        lambda: SlotSetExtractor(SLOTS, **SIZES),
        lambda: SlotExtractor(SLOTS, attention=SIZES),
    ):
        torch.manual_seed(0)
        modules.append(make())
    slots = torch.randn(6, 5, 4)
    assert torch.equal(modules[0](slots), modules[1](slots))


def test_its_policy_kwargs_are_its_arguments_and_the_policy_s():
    kwargs = SlotSetExtractor.policy_kwargs(width=32, net_arch=[16])
    assert kwargs["features_extractor_class"] is SlotSetExtractor
    assert kwargs["features_extractor_kwargs"] == {"width": 32}
    assert kwargs["net_arch"] == [16]


def test_weights_are_found_under_the_names_of_version_0_1_0():
    module = SlotSetExtractor(SLOTS)
    old = {name: torch.randn(shape) for name, shape in WEIGHTS_OF_0_1_0.items()}
    module.load_state_dict(old)  # strictly
    now = module.state_dict()
    assert len(now) == len(old)
    for name, weight in old.items():
        assert torch.equal(now[f"pooling.{name}"], weight)


def test_weights_in_a_policy_keep_those_beside_them():
    host = torch.nn.ModuleDict({"a": SlotSetExtractor(SLOTS), "lift": torch.nn.Linear(2, 2)})
    state = {name.replace("pooling.", ""): weight for name, weight in host.state_dict().items()}
    host.load_state_dict(state)
    host.load_state_dict(host.state_dict())


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_saved_agent_acts_the_same(name, tiny_encoder, tmp_path):
    algorithm, settings = ALGORITHMS[name]
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)
    kwargs = SlotSetExtractor.policy_kwargs(**SIZES, net_arch=[16])
    model = algorithm("MlpPolicy", env, policy_kwargs=kwargs, device="cpu", **settings).learn(64)
    model.save(tmp_path / "agent.zip")
    loaded = algorithm.load(tmp_path / "agent.zip", device="cpu")
    slots = np.random.default_rng(0).normal(size=(64, 3, 4)).astype(np.float32)
    expected, _ = model.predict(slots, deterministic=True)
    np.testing.assert_array_equal(loaded.predict(slots, deterministic=True)[0], expected)
    for weight, again in zip(model.policy.parameters(), loaded.policy.parameters(), strict=True):
        assert torch.equal(weight, again)


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
        (Box(-1, 1, (20,), np.float32), ValueError, r"flat slots \(20,\).*flatten=False"),
        (Box(0, 255, (84, 84, 3), np.uint8), TypeError, "uint8.*ObjectSlotObservation around"),
        (Dict({"slots": Box(0, 255, (5, 4), np.uint8)}), TypeError, "Box of floats.*got Box"),
        (Box(-1, 1, (0, 4), np.float32), ValueError, "positive"),
    ],
)
def test_other_observations_are_refused_in_words(space, error, words):
    with pytest.raises(error, match=f"SlotSetExtractor.*{words}"):
        SlotSetExtractor(space)
