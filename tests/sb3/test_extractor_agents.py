"""Agents keep their encoder: while they are built, learn, are saved and loaded."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from pixel_agents import ALGORITHMS, PIXELS, agent, images_of, plain_kwargs
from stable_baselines3 import DQN, PPO
from torch import nn

import slotenv.extractor
from slotenv import SlotExtractor, checkpoint
from slotenv.encoders import SlotMapEncoder
from slotenv.frames import plain
from slotenv.sb3.pretrained import PretrainedEncoder


class SavedBy010:
    """What version 0.1.0 left of the extractor's class in an agent: the encoders that it named."""

    def __init__(self, configs):
        self.configs = configs

    def __call__(self, *args, **kwargs):
        return SlotExtractor(*args, **kwargs)

    def __reduce__(self):
        where = ("slotenv.extractor", "SlotExtractor")
        return slotenv.extractor._restore, (*where, self.configs)


def kwargs_of_0_1_0(folder, **kwargs):
    """Arguments by name, in the form in which that version saved them."""
    config = checkpoint.read_config(folder)
    saved = SavedBy010({str(folder): config})
    return {**plain_kwargs(folder, **kwargs), "features_extractor_class": saved}


def extractors(model):
    return [m for m in model.policy.modules() if isinstance(m, SlotExtractor)]


def same_weights(module, encoder):
    state = module.state_dict()
    return all(torch.equal(state[name], tensor) for name, tensor in encoder.state_dict().items())


@pytest.mark.parametrize("name", ALGORITHMS)
def test_frozen_weights_survive_building_and_learning(name, tiny_encoder, tiny_encoder_folder):
    model = agent(name, plain_kwargs(tiny_encoder_folder))
    assert len(extractors(model)) == (2 if name == "dqn" else 1)
    assert all(same_weights(e.encoder.encoder, tiny_encoder) for e in extractors(model))
    model.learn(64)
    for extractor in extractors(model):
        assert same_weights(extractor.encoder.encoder, tiny_encoder)
        assert not any(module.training for module in extractor.encoder.modules())
        assert not any(p.requires_grad for p in extractor.encoder.parameters())


@pytest.mark.parametrize("name", ALGORITHMS)
def test_unfrozen_weights_are_kept_by_building_and_changed_by_learning(
    name, tiny_encoder, tiny_encoder_folder
):
    model = agent(name, SlotExtractor.policy_kwargs(tiny_encoder_folder, frozen=False))
    assert all(same_weights(e.encoder.encoder, tiny_encoder) for e in extractors(model))
    model.learn(64)
    assert not same_weights(extractors(model)[0].encoder.encoder, tiny_encoder)


def test_separate_extractors_for_policy_and_value_both_keep_the_weights(
    tiny_encoder, tiny_encoder_folder
):
    kwargs = SlotExtractor.policy_kwargs(tiny_encoder_folder, share_features_extractor=False)
    found = extractors(agent("ppo", kwargs))
    assert len(found) == 2
    assert all(same_weights(e.encoder.encoder, tiny_encoder) for e in found)


def test_a_head_after_the_extractor_is_initialised_by_the_host():
    host = nn.Sequential(PretrainedEncoder(nn.Linear(2, 2), frozen=True), nn.Linear(2, 2))
    before = copy.deepcopy(host.state_dict())
    host.apply(lambda m: nn.init.zeros_(m.weight) if isinstance(m, nn.Linear) else None)
    assert torch.equal(host[0].encoder.weight, before["0.encoder.weight"])
    assert not host[1].weight.any()


def scores_of(model, frames):
    observations, _ = model.policy.obs_to_tensor(frames)
    with torch.no_grad():
        if hasattr(model, "q_net"):
            return model.q_net(observations)
        return model.policy.get_distribution(observations).distribution.logits


LOAD = """
import sys
import numpy as np, stable_baselines3, torch
torch.set_num_threads(1)
frames = np.load("frames.npy")
for path in sys.argv[1:]:
    algorithm = getattr(stable_baselines3, path.split("-")[0])
    model = algorithm.load(path, device="cpu")
    actions, _ = model.predict(frames, deterministic=True)
    np.savez(path + ".npz", actions=actions, scores=scores_of(model, frames).numpy())
"""


def test_agents_load_in_a_new_process_after_the_encoder_has_gone(
    tiny_encoder_folder, frames, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    forms = [
        SlotExtractor.policy_kwargs("encoder"),  # a relative path, as people write it
        SlotExtractor.policy_kwargs(tiny_encoder_folder, frozen=False),
        plain_kwargs("encoder"),
        plain_kwargs(tiny_encoder_folder, frozen=False),
        kwargs_of_0_1_0("encoder"),
        kwargs_of_0_1_0(tiny_encoder_folder, frozen=False),
    ]
    models = {}
    for algorithm in (PPO, DQN):
        for i, policy_kwargs in enumerate(forms):
            path = f"{algorithm.__name__}-{i}.zip"
            models[path] = agent(algorithm.__name__.lower(), policy_kwargs).learn(32)
            models[path].save(path)
    tiny_encoder_folder.rename(tmp_path / "moved")
    np.save("frames.npy", frames)
    subprocess.run(
        [sys.executable, "-c", inspect.getsource(scores_of) + LOAD, *models],
        timeout=120,
        check=True,
    )
    for path, model in models.items():
        loaded = np.load(path + ".npz")
        actions, _ = model.predict(frames, deterministic=True)
        np.testing.assert_array_equal(loaded["actions"], actions)
        np.testing.assert_array_equal(loaded["scores"], scores_of(model, frames).numpy())


def test_an_agent_loads_where_another_encoder_lies_at_the_same_place(
    tiny_encoder_folder, tiny_encoder, frames, tmp_path
):
    model = agent("ppo", SlotExtractor.policy_kwargs(tiny_encoder_folder))
    model.save(tmp_path / "agent.zip")
    other = SlotMapEncoder(num_slots=5, slot_dim=2, preprocess=plain(84, 84))
    other.save_pretrained(tiny_encoder_folder)
    loaded = PPO.load(tmp_path / "agent.zip", device="cpu")
    assert same_weights(extractors(loaded)[0].encoder.encoder, tiny_encoder)
    assert len(extractors(loaded)[0](images_of(frames))) == len(frames)


def test_an_agent_with_a_name_is_loaded_and_saved_again_without_its_encoder(
    tiny_encoder_folder, frames, tmp_path
):
    model = agent("ppo", plain_kwargs(tiny_encoder_folder))
    model.save(tmp_path / "agent.zip")
    expected = model.predict(frames, deterministic=True)[0]
    tiny_encoder_folder.rename(tmp_path / "moved")
    for _ in range(2):
        model = PPO.load(tmp_path / "agent.zip", env=model.get_env(), device="cpu")
        np.testing.assert_array_equal(model.predict(frames, deterministic=True)[0], expected)
        model.save(tmp_path / "agent.zip")


def test_a_new_agent_gets_what_the_name_means_now(tiny_encoder_folder, tiny_encoder):
    first = agent("ppo", plain_kwargs(tiny_encoder_folder))
    other = SlotMapEncoder(num_slots=5, slot_dim=2, preprocess=plain(84, 84))
    other.save_pretrained(tiny_encoder_folder)
    kwargs = plain_kwargs(tiny_encoder_folder)["features_extractor_kwargs"]
    second = SlotExtractor(first.observation_space, **kwargs)
    assert same_weights(second.encoder.encoder, other)
    assert same_weights(extractors(first)[0].encoder.encoder, tiny_encoder)


def test_an_agent_of_version_0_1_0_may_be_saved_again(tiny_encoder_folder, frames, tmp_path):
    model = agent("ppo", kwargs_of_0_1_0(tiny_encoder_folder))
    expected = model.predict(frames, deterministic=True)[0]
    model.save(tmp_path / "agent.zip")
    tiny_encoder_folder.rename(tmp_path / "moved")
    for _ in range(2):
        model = PPO.load(tmp_path / "agent.zip", device="cpu")
        model.save(tmp_path / "agent.zip")
    np.testing.assert_array_equal(model.predict(frames, deterministic=True)[0], expected)
    assert all(isinstance(e, SlotExtractor) for e in extractors(model))


def test_a_policy_alone_is_saved_and_loaded_too(tiny_encoder_folder, frames, tmp_path):
    model = agent("ppo", SlotExtractor.policy_kwargs(tiny_encoder_folder))
    model.policy.save(tmp_path / "policy.pt")
    tiny_encoder_folder.rename(tmp_path / "moved")
    loaded = type(model.policy).load(tmp_path / "policy.pt", device="cpu")
    expected = model.predict(frames, deterministic=True)[0]
    np.testing.assert_array_equal(loaded.predict(frames, deterministic=True)[0], expected)


def test_policy_kwargs_of_users_are_not_touched(tiny_encoder_folder):
    kwargs = plain_kwargs(tiny_encoder_folder)
    before = copy.copy(kwargs["features_extractor_kwargs"])
    agent("ppo", kwargs)
    assert kwargs["features_extractor_kwargs"] == before


def test_the_class_is_pickled_by_its_name():
    assert pickle.loads(pickle.dumps(SlotExtractor)) is SlotExtractor
    assert slotenv.extractor._restore("slotenv.extractor", "SlotExtractor", {}) is SlotExtractor


def test_an_encoder_without_weights_refuses_to_encode(tiny_encoder_folder, frames):
    kwargs = SlotExtractor.policy_kwargs(tiny_encoder_folder)["features_extractor_kwargs"]
    (tiny_encoder_folder / checkpoint.WEIGHTS).unlink()
    extractor = SlotExtractor(PIXELS, **kwargs)
    with pytest.raises(RuntimeError, match=r"no weights: .*model\.safetensors"):
        extractor(images_of(frames))
