"""Whether the game is the one that the encoder was trained on."""

from __future__ import annotations

import re
import warnings
from functools import partial

import gymnasium as gym
import pytest
from atari_games import atari_encoder, bare_pong
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from stable_baselines3.common.vec_env import DummyVecEnv

from slotenv import ObjectSlotObservation, make_env
from slotenv.compatibility import check_game
from slotenv.frames import SCN, V5
from slotenv.sb3 import VecObjectSlotObservation, make_slot_vec_env
from slotenv.vector import ObjectSlotObservation as VectorSlots

COLOUR = {"img_height": 210, "img_width": 160, "grayscale": False, "stack_num": 1, "maxpool": False}


@pytest.mark.ale
@pytest.mark.parametrize("cls", [SyncVectorEnv, DummyVecEnv])
def test_each_game_of_a_vector_is_looked_at(cls):
    encoder = atari_encoder(V5)
    encoder.provenance = {"env_id": "ALE/Pong-v5"}
    wrap = VectorSlots if cls is SyncVectorEnv else VecObjectSlotObservation

    def other(game):
        return gym.make(f"ALE/{game}-v5", disable_env_checker=True, full_action_space=True)

    games = ("Pong", "Breakout", "Enduro", "Enduro")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        wrap(cls([partial(other, game) for game in games]), encoder)
    shown = [re.findall(r"frames of (\w+):", str(warning.message)) for warning in told]
    assert shown == [["Breakout"], ["Enduro"]]
    with pytest.raises(ValueError, match="are 2 apart"):
        wrap(cls([bare_pong, partial(bare_pong, frameskip=2)]), encoder)


@pytest.mark.ale
def test_an_id_of_ones_own_for_a_mode_of_a_game_is_itself():
    own = {"game": "pong", "mode": 1, "obs_type": "rgb", "frameskip": 4}
    gym.register("PongMode1-v0", entry_point="ale_py.env:AtariEnv", kwargs=own)
    encoder = atari_encoder(V5)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for trained_on in ("my_games:PongMode1-v0", "PongMode1-v1", "ALE/Pong-v5"):
                encoder.provenance = {"env_id": trained_on}
                ObjectSlotObservation(gym.make("PongMode1-v0"), encoder)
        encoder.provenance = {"env_id": "my_games:PongMode2-v0"}
        with pytest.warns(UserWarning, match="trained on PongMode2, these are frames of Pong"):
            ObjectSlotObservation(gym.make("PongMode1-v0"), encoder)
    finally:
        del gym.registry["PongMode1-v0"]


@pytest.mark.parametrize(
    ("env_id", "trained_on"),
    [
        ("ALE/MsPacman-v5", "ms_pacman"),
        ("PongNoFrameskip-v4", "ALE/Pong-v5"),
        ("Dots-v1", "envs.dots:Dots-v0"),
        ("dots", "dots"),
        (None, "Pong"),
        ("Pong", None),
    ],
)
def test_one_game_by_two_names_is_the_same(env_id, trained_on):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_game(env_id, trained_on, user="me")


@pytest.mark.parametrize(
    ("env_id", "trained_on", "words"),
    [
        ("ALE/Pong-v5", "Breakout", "me: .* trained on Breakout, these are frames of Pong"),
        ("envs:Dots-v0", "Lines-v0", "trained on Lines, these are frames of Dots"),
        ("ALE/Pong-v5", "Pongs-v0", "trained on Pongs, these are frames of Pong"),
        ("Blackjack-v1", "ALE/Blackjack-v5", "on ALE/Blackjack-v5, .* frames of Blackjack-v1"),
    ],
)
def test_another_game_warns(env_id, trained_on, words):
    with pytest.warns(UserWarning, match=words):
        check_game(env_id, trained_on, user="me")


@pytest.mark.ale
@pytest.mark.parametrize(
    "build",
    [
        lambda encoder: ObjectSlotObservation(bare_pong(), encoder),
        lambda encoder: VectorSlots(gym.make_vec("ALE/Pong-v5", 2, **COLOUR), encoder),
        lambda encoder: VectorSlots(SyncVectorEnv([bare_pong]), encoder),
        lambda encoder: VectorSlots(AsyncVectorEnv([bare_pong]), encoder),
        lambda encoder: VecObjectSlotObservation(DummyVecEnv([bare_pong]), encoder),
        lambda encoder: make_slot_vec_env("Pong", encoder, n_envs=1),
        lambda encoder: make_slot_vec_env("Pong", encoder, n_envs=1, backend="subproc"),
    ],
)
def test_every_wrapper_warns_of_another_game(build):
    encoder = atari_encoder(V5)
    encoder.provenance = {"env_id": "ALE/Pong-v5"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(encoder).close()
    encoder.provenance = {"env_id": "ALE/Breakout-v5"}
    with pytest.warns(UserWarning, match="trained on Breakout, these are frames of Pong"):
        build(encoder).close()


@pytest.mark.ale
def test_a_saved_encoder_is_known_by_its_game():
    with pytest.warns(UserWarning, match="trained on Breakout, these are frames of Pong"):
        ObjectSlotObservation(make_env("Pong", SCN), "breakout")
