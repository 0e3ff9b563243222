"""Names of environments, presets by name, and the emulator's stack."""

from __future__ import annotations

import copy
import itertools
import pickle

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SPRITES
from stable_baselines3.common.atari_wrappers import MaxAndSkipEnv

from slotenv.environments import (
    MaxAndSkip,
    UnknownEnvironment,
    atari_game,
    game_key,
    make_env,
    preset_for,
    read_ram,
)
from slotenv.frames import SCN, V5, plain


@pytest.mark.parametrize(
    ("name", "game"),
    [
        ("ALE/Pong-v5", "Pong"),
        ("PongNoFrameskip-v4", "Pong"),
        ("PongDeterministic-v4", "Pong"),
        ("Pong-v4", "Pong"),
        ("Pong", "Pong"),
        ("pong", "Pong"),
        ("ms_pacman", "MsPacman"),
        ("MsPacman", "MsPacman"),
        ("ALE/MontezumaRevenge-v5", "MontezumaRevenge"),
        ("montezuma_revengeNoFrameskip-v4", "MontezumaRevenge"),
        ("CarRacing-v3", None),
        (SPRITES, None),
        ("module:Pong-v5", None),
        ("MinAtar/Breakout-v0", None),
    ],
)
def test_names_are_understood_in_the_forms_people_write(name, game):
    assert atari_game(name) == game
    assert game_key(name) == (game and game.lower())


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("ALE/Pnog-v5", "Pong"),
        ("PingNoFrameskip-v4", "Pong"),
        ("mspacmn", "MsPacman"),
        ("ALE/Montezuma-v5", "MontezumaRevenge"),
    ],
)
def test_misspelt_games_get_the_closest_names(name, closest):
    with pytest.raises(UnknownEnvironment, match=f"no Atari game .*Closest: .*{closest}"):
        atari_game(name)


def test_hopeless_names_get_an_example():
    with pytest.raises(UnknownEnvironment, match=r"Try ALE/Pong-v5\."):
        atari_game("zzzzqqqq")


def test_misspelt_ids_get_the_closest_ids():
    with pytest.raises(UnknownEnvironment, match=f"Closest: .*{SPRITES}"):
        make_env("slotenv_tests/Sprite-v0", plain(84, 84))
    with pytest.raises(UnknownEnvironment, match="cannot make"):
        make_env("no_such_module:Thing-v0", plain(84, 84))


@pytest.mark.parametrize(
    ("name", "preset"),
    [("ALE/Pong-v5", V5), ("PongNoFrameskip-v4", SCN), ("Pong", SCN), (SPRITES, plain(84, 84))],
)
def test_the_form_of_the_name_chooses_the_preset(name, preset):
    assert preset_for(name) == preset


def test_a_preset_can_be_asked_for():
    assert preset_for("ALE/Pong-v5", "scn") == SCN
    assert preset_for("Pong", "v5") == V5
    with pytest.raises(ValueError, match="is for Atari games"):
        preset_for(SPRITES, "scn")
    with pytest.raises(ValueError, match="must be scn, v5 or plain, got 'dqn'"):
        preset_for("Pong", "dqn")


def test_plain_environments_are_made_and_checked():
    assert make_env(SPRITES, plain(84, 84)).observation_space.shape == (84, 84, 3)
    with pytest.raises(ValueError, match=r"\(84, 84, 3\), the preset \(96, 96, 3\)"):
        make_env(SPRITES, plain(96, 96))
    with pytest.raises(ValueError, match="is for Atari games"):
        make_env(SPRITES, SCN)
    with pytest.raises(TypeError, match=r"needs uint8 frames.*AddRenderObservation"):
        preset_for("CartPole-v1")
    assert read_ram(gym.make(SPRITES)) is None


def emulator(game="Pong", **kwargs):
    settings = {"frameskip": 1, "repeat_action_probability": 0.0, **kwargs}
    return gym.make(f"ALE/{game}-v5", disable_env_checker=True, **settings)


def play(env, steps, seed):
    """Yield frame, reward, end and RAM of a random game, starting again after each end."""
    rng = np.random.default_rng(seed)
    frame, _ = env.reset(seed=seed)
    yield frame, 0.0, False, read_ram(env)
    for _ in range(steps):
        frame, reward, terminated, truncated, _ = env.step(int(rng.integers(env.action_space.n)))
        yield frame, reward, terminated or truncated, read_ram(env)
        if terminated or truncated:
            frame, _ = env.reset()
            yield frame, 0.0, False, read_ram(env)


def assert_equal_play(first, second, steps, seed=0):
    ends = 0
    for ours, theirs in zip(play(first, steps, seed), play(second, steps, seed), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert ours[1:3] == theirs[1:3]
        np.testing.assert_array_equal(ours[3], theirs[3])
        ends += ours[2]
    return ends


@pytest.mark.ale
def test_max_and_skip_equals_stable_baselines():
    steps = 600  # a random game of Pong lasts longer, so no skip is cut short
    assert assert_equal_play(MaxAndSkip(emulator(), 4), MaxAndSkipEnv(emulator(), 4), steps) == 0


@pytest.mark.ale
@pytest.mark.parametrize(("game", "skip"), [("Pong", 1), ("Pong", 2), ("Pong", 3), ("Seaquest", 4)])
def test_other_skips_and_games_equal_stable_baselines(game, skip):
    ours, theirs = MaxAndSkip(emulator(game), skip), MaxAndSkipEnv(emulator(game), skip)
    if skip == 1:  # theirs never fills the second frame of its buffer
        theirs = emulator(game)
    assert_equal_play(ours, theirs, 100)


@pytest.mark.ale
def test_a_skip_cut_short_shows_the_frame_on_the_screen():
    found = 0
    for seed in itertools.count():
        env = MaxAndSkip(emulator("Breakout"), 4)
        rng = np.random.default_rng(seed)
        env.reset(seed=seed)
        before, ended = 0, False
        while not ended:
            before = env.unwrapped.ale.getEpisodeFrameNumber()
            frame, _, terminated, truncated, info = env.step(int(rng.integers(4)))
            ended = terminated or truncated
        assert info["lives"] == 0
        if info["episode_frame_number"] - before < 4:
            np.testing.assert_array_equal(frame, env.unwrapped.ale.getScreenRGB())
            found += 1
        if found == 2:
            break
        assert seed < 30, "no game ended inside a skip"


@pytest.mark.ale
@pytest.mark.parametrize("game", ["Pong", "Breakout"])
def test_the_papers_stack_is_the_same_for_the_same_seed(game):
    first, second = (make_env(f"{game}NoFrameskip-v4", SCN) for _ in range(2))
    assert first.observation_space.shape == SCN.shape
    ends = assert_equal_play(first, second, 300, seed=7)
    assert (ends > 1) == (game == "Breakout")  # lives end episodes


@pytest.mark.ale
def test_gymnasiums_own_environment_is_the_same_for_the_same_seed():
    assert_equal_play(make_env("Pong", V5), gym.make("ALE/Pong-v5"), 100, seed=3)


@pytest.mark.ale
def test_ram_changes_and_is_a_copy():
    env = make_env("Pong", SCN)
    env.reset(seed=0)
    first = read_ram(env)
    kept = first.copy()
    for _ in range(20):
        env.step(0)
    np.testing.assert_array_equal(first, kept)
    assert first.shape == (128,)
    assert (read_ram(env) != first).any()


@pytest.mark.ale
def test_copies_of_the_papers_stack_play_the_same_game():
    env = make_env("Pong", SCN)
    env.reset(seed=5)
    for duplicate in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert_equal_play(duplicate, make_env("Pong", SCN), 20, seed=7)
