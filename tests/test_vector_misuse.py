"""Misuse of the vector wrapper is told in words."""

from __future__ import annotations

from functools import partial

import gymnasium as gym
import numpy as np
import pytest
import torch
from fake_envs import SpritesEnv
from gymnasium.error import ClosedEnvironmentError
from gymnasium.vector import SyncVectorEnv
from sprite_vectors import makers

from slotenv.vector import ObjectSlotObservation


class Silent(SyncVectorEnv):
    """Does not say when it starts anew."""

    def __init__(self, fns):
        super().__init__(fns)
        del self.autoreset_mode
        del self.metadata["autoreset_mode"]


def closed():
    envs = SyncVectorEnv(makers())
    envs.close()
    return envs


def sprites(**kwargs):
    return SyncVectorEnv([lambda: SpritesEnv(**kwargs)])


def grey():
    return SyncVectorEnv([lambda: gym.wrappers.GrayscaleObservation(SpritesEnv())])


def scaled():
    return SyncVectorEnv([lambda: gym.wrappers.DtypeObservation(SpritesEnv(), np.float32)])


MISUSES = [
    (
        SpritesEnv,
        {},
        TypeError,
        r"wraps one gymnasium\.VectorEnv, got SpritesEnv.*slotenv\.O",
    ),
    (lambda: None, {}, TypeError, "got NoneType"),
    (lambda: [SpritesEnv()], {}, TypeError, "got list"),
    (sprites, {"encoder": 3}, TypeError, "an encoder folder or a hub id, got int"),
    (sprites, {"encoder": None}, ValueError, "cannot tell which game"),
    (sprites, {"encoder": torch.nn.Linear(1, 1)}, TypeError, "got Linear"),
    (sprites, {"encoder": "no/such/folder"}, FileNotFoundError, "no encoder 'no/such/folder'"),
    (sprites, {"flatten": 1}, TypeError, "flatten must be True or False, got 1"),
    (sprites, {"motion": "yes"}, TypeError, "motion must be True or False, got 'yes'"),
    (sprites, {"hold": 1}, TypeError, "hold must be True or False, got 1"),
    (sprites, {"hold": True}, ValueError, "hold=True needs an encoder .*objects"),
    (sprites, {"keep_pixels": None}, TypeError, "keep_pixels must be True or False, got None"),
    (partial(sprites, size=96), {}, ValueError, r"\(84, 84, 3\).*got shape \(96, 96, 3\)"),
    (partial(sprites, channels_first=True), {}, ValueError, r"got shape \(3, 84, 84\)"),
    (grey, {}, ValueError, "grey frames"),
    (scaled, {}, TypeError, "got dtype float32"),
    (closed, {}, ClosedEnvironmentError, "was closed"),
    (lambda: Silent([SpritesEnv]), {}, ValueError, r"metadata\['autoreset_mode'\] of Silent"),
]


@pytest.mark.parametrize(("build", "changes", "error", "words"), MISUSES)
def test_misuse_is_told_in_words(tiny_encoder, build, changes, error, words):
    kwargs = {"encoder": tiny_encoder, **changes}
    with pytest.raises(error, match=words):
        ObjectSlotObservation(build(), **kwargs)


def test_a_closed_environment_says_so(tiny_encoder):
    envs = ObjectSlotObservation(SyncVectorEnv(makers()), tiny_encoder)
    envs.reset(seed=0)
    envs.close()
    assert envs.closed
    with pytest.raises(ClosedEnvironmentError, match="was closed"):
        envs.step(np.array([0, 0, 0]))
    with pytest.raises(ClosedEnvironmentError, match="was closed"):
        envs.reset()
