"""Without a second argument, an Atari game's own encoder is taken: in every form of environment."""

from __future__ import annotations

import copy
import json
import pickle
import re
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from atari_games import atari_encoder, bare_pong
from fake_envs import SPRITES, SpritesEnv
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import GrayscaleObservation, ResizeObservation
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

import slotenv
from slotenv import ObjectSlotObservation, SlotEncoder, ready
from slotenv.encoders import SlotMapEncoder
from slotenv.environments import UnknownEnvironment
from slotenv.frames import V5
from slotenv.sb3 import AtariVecEnv, VecObjectSlotObservation, make_slot_vec_env
from slotenv.vector import ObjectSlotObservation as VectorSlots
from slotenv.zoo import VARIABLE, with_slots

COLOUR = {"img_height": 210, "img_width": 160, "grayscale": False, "stack_num": 1, "maxpool": False}
PONG = "ALE/Pong-v5"
SB3 = VecObjectSlotObservation
Processes = partial(SubprocVecEnv, start_method="fork")  # the fastest


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with two encoders of different K."""
    encoders = {
        "Pong": atari_encoder(),
        "Breakout": SlotMapEncoder(num_slots=4, slot_dim=3, preprocess=V5),
    }
    for game, encoder in encoders.items():
        encoder.provenance = {"env_id": f"ALE/{game}-v5"}
        encoder.save_pretrained(tmp_path / "package" / game.lower())
    monkeypatch.setattr(ready, "_HERE", tmp_path / "package")
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path / "package"


def play(env):
    first = env.reset(seed=4)[0]
    return np.stack([first, *[env.step(i % 4)[0] for i in range(30)]])


def play_many(envs):
    def obs(made):
        return made[0] if isinstance(made, tuple) else made

    if isinstance(envs, VectorSlots):
        seen = [obs(envs.reset(seed=4))]
    else:
        envs.seed(4)
        seen = [envs.reset()]
    seen += [obs(envs.step(np.array([2, 3]))) for _ in range(6)]
    envs.close()
    return np.stack(seen)


@pytest.mark.ale
def test_the_line_itself_shows_the_slots_of_its_frames():
    env, raw = ObjectSlotObservation(gym.make(PONG)), gym.make(PONG)
    assert env.observation_space.shape == (2, 3)
    np.testing.assert_allclose(play(env), atari_encoder().encode(play(raw)), atol=1e-5)
    assert ObjectSlotObservation(gym.make("ALE/Breakout-v5")).observation_space.shape == (4, 3)


@pytest.mark.ale
@pytest.mark.parametrize(
    "build",
    [
        lambda *own: VectorSlots(SyncVectorEnv([bare_pong] * 2), *own),
        lambda *own: VectorSlots(AsyncVectorEnv([bare_pong] * 2), *own),
        lambda *own: VectorSlots(gym.make_vec(PONG, 2, vectorization_mode="async"), *own),
        lambda *own: VectorSlots(gym.make_vec(PONG, 2, **COLOUR), *own),
        lambda *own: SB3(DummyVecEnv([bare_pong] * 2), *own),
        lambda *own: SB3(Processes([bare_pong] * 2), *own),
        lambda *own: SB3(AtariVecEnv("Pong", 2, preset=V5), *own),
        lambda *own: make_slot_vec_env("pong", *own, n_envs=2),
        lambda *own: make_slot_vec_env(PONG, *own, n_envs=2, backend="dummy"),
    ],
)
def test_every_vector_form_gives_what_it_gives_with_that_encoder(build):
    np.testing.assert_array_equal(play_many(build()), play_many(build(atari_encoder())))


@pytest.mark.ale
def test_a_spec_finds_it_again_also_where_the_package_is_elsewhere(package, monkeypatch):
    env = ObjectSlotObservation(gym.make(PONG), motion=True)
    text = env.spec.to_json()
    assert json.loads(text)["additional_wrappers"][-1]["kwargs"]["encoder"] is None
    expected = play(env)
    monkeypatch.setattr(ready, "_HERE", package.rename(package.with_name("moved")))
    for again in (gym.make(env.spec), gym.make(EnvSpec.from_json(text))):
        np.testing.assert_array_equal(play(again), expected)


@pytest.mark.ale
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_see_the_same(duplicate):
    env = ObjectSlotObservation(gym.make(PONG))
    np.testing.assert_array_equal(play(duplicate(env)), play(env))


def slots_of_pong():
    preset = SlotEncoder.from_pretrained("pong").preprocess
    return ObjectSlotObservation(slotenv.make_env("Pong", preset))


@pytest.mark.ale
@pytest.mark.parametrize("kind", [AsyncVectorEnv, Processes])
def test_it_is_found_inside_processes_too(kind, monkeypatch):
    monkeypatch.undo()  # they have the package's own
    envs, one = kind([slots_of_pong] * 2), slots_of_pong()
    obs = envs.reset(seed=4)[0] if kind is AsyncVectorEnv else (envs.seed(4), envs.reset())[1]
    np.testing.assert_array_equal(obs[0], one.reset(seed=4)[0])
    envs.close()


@pytest.mark.ale
def test_a_folder_here_of_the_games_name_is_not_taken_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    SlotMapEncoder(num_slots=5, slot_dim=3, preprocess=V5).save_pretrained("pong")
    assert ObjectSlotObservation(gym.make(PONG)).observation_space.shape == (2, 3)
    assert ObjectSlotObservation(gym.make(PONG), "pong").observation_space.shape == (5, 3)


@pytest.mark.ale
@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: gym.make("Pong-v4"), r"2 to 4 \(random\) apart.*slotenv\.make_env\("),
        (lambda: gym.make("PongNoFrameskip-v4"), r"are 1 apart.*slotenv\.make_env\("),
        (lambda: GrayscaleObservation(bare_pong()), "grey frames"),
        (lambda: ResizeObservation(bare_pong(), (84, 84)), "Leave out wrappers that resize"),
    ],
)
def test_frames_of_another_kind_are_refused_as_with_a_named_encoder(build, words):
    with pytest.raises(ValueError, match=words) as told:
        ObjectSlotObservation(build())
    with pytest.raises(ValueError, match=re.escape(str(told.value))):
        ObjectSlotObservation(build(), "pong")


@pytest.mark.parametrize(
    "names", [["Pong"], ["pong", PONG], ["PongNoFrameskip-v4", "Pong-v4"], ["ale_py:ALE/Pong-v5"]]
)
def test_a_game_is_known_by_every_usual_name(names, package):
    assert ready.for_environments(names, user="me") == package / "pong"


def test_every_shipped_encoder_is_its_games_own(monkeypatch):
    monkeypatch.undo()
    for name in ready.names():
        assert ready.for_environments([name], user="me") == ready.folder(name)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            [None],
            r'me cannot tell which game .* gymnasium\.make\("ALE/Pong-v5"\), .*encoder="pong"',
        ),
        ([PONG, None], "me cannot tell"),
        ([SPRITES], f"{SPRITES} is none: .*--env {SPRITES} --out runs/mine, .*encoder=.runs/mine"),
        (
            ["Carnival"],
            'me: no encoder of Carnival .*--env ALE/Carnival-v5 --out runs/carnival, .*"',
        ),
        (
            [PONG, "Breakout"],
            "me takes .* one game, .* show Breakout and Pong: .* apart, or .*encoder=",
        ),
        ([PONG, SPRITES], f"{SPRITES} is none"),
    ],
)
def test_what_has_none_is_told_in_a_sentence_what_to_type(names, words):
    with pytest.raises(ValueError, match=words) as told:
        ready.for_environments(names, user="me")
    assert "\n" not in str(told.value)


def test_an_environment_of_the_name_of_a_game_is_not_that_game():
    gym.register("Pong-v9", entry_point=SpritesEnv)
    try:
        with pytest.raises(ValueError, match=r"Pong-v9 is none"):
            ObjectSlotObservation(gym.make("Pong-v9"))
    finally:
        del gym.registry["Pong-v9"]


@pytest.mark.parametrize(
    "build",
    [
        lambda: ObjectSlotObservation(gym.make(SPRITES)),
        lambda: VectorSlots(gym.make_vec(SPRITES, 2)),
        lambda: SB3(DummyVecEnv([partial(gym.make, SPRITES)])),
        lambda: make_slot_vec_env(SPRITES),
        lambda: with_slots(gym.make(SPRITES)),
    ],
)
def test_every_form_says_who_asks(build):
    users = "(slotenv.vector.|Vec|)ObjectSlotObservation|make_slot_vec_env|with_slots"
    with pytest.raises(ValueError, match=f"^({users}) has .*{SPRITES} is none"):
        build()


def test_a_misspelt_name_gets_close_ones():
    with pytest.raises(UnknownEnvironment, match="Closest: Pong"):
        make_slot_vec_env("Pnog")


@pytest.mark.ale
@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv, DummyVecEnv, Processes])
def test_two_games_in_one_vector_are_refused(kind):
    makers = [partial(gym.make, f"ALE/{g}-v5", full_action_space=True) for g in ("Pong", "Enduro")]
    wrap = SB3 if kind in (DummyVecEnv, Processes) else VectorSlots
    envs = kind(makers)
    with pytest.raises(ValueError, match="these environments show Enduro and Pong"):
        wrap(envs)
    envs.close()


def test_a_closed_one_is_not_asked():
    for wrap, kind in ((VectorSlots, AsyncVectorEnv), (SB3, Processes)):
        envs = kind([SpritesEnv])
        envs.close()
        with pytest.raises(gym.error.ClosedEnvironmentError, match="was closed"):
            wrap(envs)
