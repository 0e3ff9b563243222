"""Games under a preset, against the emulator and the wrappers of Stable-Baselines3."""

from __future__ import annotations

import copy
import itertools
import pickle
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common import env_checker as sb3_checker
from stable_baselines3.common.atari_wrappers import (
    EpisodicLifeEnv,
    FireResetEnv,
    MaxAndSkipEnv,
    NoopResetEnv,
)

from slotenv.environments import (
    AtariStack,
    make_env,
    read_ram,
)
from slotenv.frames import SCN, V5

pytestmark = pytest.mark.ale


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


def papers_stack_of_stable_baselines(game, skip=4, noop_max=30):
    env = NoopResetEnv(emulator(game), noop_max=noop_max)
    if env.unwrapped.get_action_meanings()[1] == "FIRE":
        env = FireResetEnv(env)
    return EpisodicLifeEnv(MaxAndSkipEnv(env, skip))


@pytest.mark.parametrize("game", ["Pong", "Seaquest", "MsPacman"])
def test_the_stack_equals_that_of_stable_baselines(game):
    """As long as no game ends, whose last frame theirs takes from the step before."""
    options = {"noop_max": 30, "fire_on_reset": True, "terminal_on_life_loss": True}
    ours, steps = AtariStack(emulator(game), **options), 250
    theirs = papers_stack_of_stable_baselines(game)
    assert_equal_play(ours, theirs, steps, seed=2)


def test_lost_lives_end_episodes_as_in_stable_baselines():
    ours = AtariStack(
        emulator("Breakout"), noop_max=30, fire_on_reset=True, terminal_on_life_loss=True
    )
    theirs = papers_stack_of_stable_baselines("Breakout")
    assert assert_equal_play(ours, theirs, 100, seed=4) >= 2


@pytest.mark.parametrize("skip", [1, 2, 3])
def test_other_skips_equal_stable_baselines(skip):
    ours, theirs = AtariStack(emulator(), frame_skip=skip), MaxAndSkipEnv(emulator(), skip)
    if skip == 1:  # theirs never fills the second frame of its buffer
        theirs = emulator()
    assert_equal_play(ours, theirs, 100)


def test_fields_of_a_preset_are_kept_to():
    for changed in (replace(V5, frame_skip=2), replace(SCN, max_pool=False, noop_max=0)):
        env = make_env("Pong", replace(changed, repeat_action_probability=0.0))
        env.reset(seed=1)
        before = env.unwrapped.ale.getEpisodeFrameNumber()
        for _ in range(20):
            frame, *_, info = env.step(2)
        assert info["episode_frame_number"] == before + 20 * changed.frame_skip
        np.testing.assert_array_equal(frame, env.unwrapped.ale.getScreenRGB())
        assert env.unwrapped.ale.getFloat("repeat_action_probability") == 0.0


@pytest.mark.parametrize("steps", [10, "a life"])
@pytest.mark.parametrize("duplicate", [lambda env: env, copy.deepcopy], ids=["itself", "copy"])
def test_a_seed_begins_the_same_game_at_any_time(steps, duplicate):
    env = make_env("Breakout", SCN)
    fresh = list(play(make_env("Breakout", SCN), 40, seed=3))
    env.reset(seed=9)
    env.step(1)
    for _ in range(10 if steps == 10 else 1000):
        *_, ended, _, info = env.step(3)
        if ended:
            break
    assert ended == (steps != 10)
    assert info["lives"] == (4 if ended else 5)
    for ours, theirs in zip(play(duplicate(env), 40, seed=3), fresh, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[3], theirs[3])


def test_without_a_seed_a_game_goes_on_after_a_life_and_only_then():
    env = make_env("Breakout", SCN)
    env.reset(seed=0)
    ended = False
    while not ended:
        *_, ended, _, info = env.step(1)
    _, after = env.reset()
    assert after["lives"] == info["lives"] == 4
    assert after["episode_frame_number"] == info["episode_frame_number"] + 4
    for reset in (lambda: env.reset(), lambda: env.reset(options={"a": 1})):
        assert reset()[1]["lives"] == 5
    with copy.deepcopy(env) as other:
        assert other.reset()[1]["lives"] == 5


def test_a_copy_begins_a_game_where_ale_starts_it():
    """Berzerk's first frame is its 20th, so that a game which has not begun looks like one."""
    env = AtariStack(emulator("Berzerk"), terminal_on_life_loss=True)
    _, begun = env.reset(seed=0)
    rng, ended = np.random.default_rng(0), False
    while not ended:
        *_, ended, _, info = env.step(int(rng.integers(env.action_space.n)))
    assert info["lives"] == begun["lives"] - 1
    for other in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert other.reset()[1]["episode_frame_number"] == begun["episode_frame_number"] == 20
    assert env.reset()[1]["episode_frame_number"] == info["episode_frame_number"] + 4


@pytest.mark.parametrize("preset", [SCN, V5], ids=lambda preset: preset.name)
def test_a_spec_rebuilds_the_stack(preset):
    env = make_env("Breakout", preset)
    for again in (env.spec.make(), gym.make(type(env.spec).from_json(env.spec.to_json()))):
        assert_equal_play(again, env, 30, seed=1)


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
@pytest.mark.parametrize("preset", [SCN, V5], ids=lambda preset: preset.name)
def test_gymnasium_and_stable_baselines_accept_it(preset):
    check_env(make_env("Breakout", preset), skip_render_check=True)
    sb3_checker.check_env(make_env("Breakout", preset))


def test_a_skip_cut_short_shows_the_frame_on_the_screen():
    found = 0
    for seed in itertools.count():
        env = AtariStack(emulator("Breakout"))
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


@pytest.mark.parametrize("game", ["Pong", "Breakout"])
def test_the_papers_stack_is_the_same_for_the_same_seed(game):
    first, second = (make_env(f"{game}NoFrameskip-v4", SCN) for _ in range(2))
    assert first.observation_space.shape == SCN.shape
    ends = assert_equal_play(first, second, 300, seed=7)
    assert (ends > 1) == (game == "Breakout")  # lives end episodes


def test_gymnasiums_own_environment_is_the_same_for_the_same_seed():
    assert_equal_play(make_env("Pong", V5), gym.make("ALE/Pong-v5"), 100, seed=3)


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


def test_copies_of_the_papers_stack_play_the_same_game():
    env = make_env("Pong", SCN)
    env.reset(seed=5)
    for duplicate in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert_equal_play(duplicate, make_env("Pong", SCN), 20, seed=7)
