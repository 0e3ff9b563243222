"""README's first lines in ALE's games: in a sample of them, in all with ``--every-game``."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from stable_baselines3.common import env_checker as sb3_checker
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

import slotenv
from slotenv import ObjectSlotObservation
from slotenv.environments import atari_games
from slotenv.sb3 import VecObjectSlotObservation, make_slot_vec_env
from slotenv.vector import ObjectSlotObservation as VectorSlots

pytestmark = pytest.mark.ale

SAMPLE = (
    "Backgammon",  # three actions, none of them a no-op
    "Carnival",  # 214 rows
    "Klax",  # 250 rows
    "Surround",  # two players
)
ROUNDING = 1e-3  # sums over thousands of pixels, in another order when frames come in a batch
README = Path(__file__).parents[1] / "README.md"
OF_EVERY_WRAPPER = (  # what Gymnasium's own are warned of, too
    "ignore:.*different from the unwrapped version",
    "ignore:.*Box observation space (minimum|maximum) value is",
)


def pytest_generate_tests(metafunc):
    if "game" in metafunc.fixturenames:
        every = metafunc.config.getoption("--every-game")
        metafunc.parametrize("game", atari_games() if every else SAMPLE)


def with_slots(game, **kwargs):
    return ObjectSlotObservation(gym.make(f"ALE/{game}-v5"), **kwargs)


def play(env, steps, seed):
    """Yield what a random player sees and whether that was an end; the seed is the game's, too."""
    rng = np.random.default_rng(seed)
    yield env.reset(seed=seed)[0], False
    for _ in range(steps):
        seen, _, terminated, truncated, _ = env.step(int(rng.integers(env.action_space.n)))
        yield seen, terminated or truncated
        if terminated or truncated:
            yield env.reset()[0], False


def first_lines():
    return re.findall(r"^```python\n(.*?)```", README.read_text(), re.DOTALL | re.MULTILINE)[0]


def test_the_first_lines_of_the_readme_run_as_printed(game):
    lines = first_lines()
    assert "ALE/Pong-v5" in lines
    names = {}
    exec(lines.replace("ALE/Pong-v5", f"ALE/{game}-v5"), names)
    env = names["env"]
    assert env.spec.id == f"ALE/{game}-v5"
    encoder = slotenv.SlotEncoder.from_pretrained(game)
    assert env.observation_space.shape == (encoder.num_slots, encoder.slot_dim)
    assert names["slots"] in env.observation_space


def test_the_first_lines_of_the_readme_print_what_stands_below_them():
    command = [sys.executable, "-W", "error", "-c", first_lines()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"\n```text\n{done.stdout}```\n" in README.read_text()


def test_slots_are_numbers_and_boxes_lie_on_the_frame(game):
    env = with_slots(game, keep_pixels=True)
    seen = [shown for shown, _ in play(env, 250, seed=0)]
    slots = np.stack([shown["slots"] for shown in seen])
    frames = np.stack([shown["pixels"] for shown in seen])
    assert slots.dtype == np.float32
    assert np.isfinite(slots).all()
    assert all(shown in env.observation_space for shown in seen)
    encoder = slotenv.SlotEncoder.from_pretrained(game)
    np.testing.assert_allclose(slots[::10], encoder.encode(frames[::10]), atol=ROUNDING)
    boxes = encoder.boxes(frames[::10])
    presence, x, y, width, height = np.moveaxis(boxes[boxes[..., 0] > 0.5], -1, 0)
    rows, columns = frames.shape[1:3]
    assert len(presence)
    # Pixel 0 reaches from -0.5 to 0.5; the rest is rounding.
    for middle, size, pixels in ((x, width, columns), (y, height, rows)):
        assert (size > 0.99).all()
        assert (middle - size / 2 > -0.501).all()
        assert (middle + size / 2 < pixels - 0.499).all()


@pytest.mark.parametrize("steps", [0, 60])
def test_a_seed_begins_the_same_game_also_in_the_middle_of_one(game, steps):
    env = with_slots(game, motion=True)
    fresh = list(play(env, 80, seed=3))
    list(play(env, steps, seed=4))
    for (ours, ended), (theirs, also) in zip(play(env, 80, seed=3), fresh, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ended == also


@pytest.mark.filterwarnings(*OF_EVERY_WRAPPER)
def test_gymnasium_and_stable_baselines_accept_it(game):
    check_env(with_slots(game), skip_render_check=True)
    sb3_checker.check_env(with_slots(game, flatten=True))


KLAX = partial(gym.make, "ale_py:ALE/Klax-v5")  # a new process knows the id by the module


@pytest.mark.parametrize(
    "build",
    [
        lambda: VectorSlots(SyncVectorEnv([KLAX] * 2)),
        lambda: VectorSlots(AsyncVectorEnv([KLAX] * 2)),
        lambda: VectorSlots(gym.make_vec("ALE/Klax-v5", 2, vectorization_mode="sync")),
        lambda: VecObjectSlotObservation(DummyVecEnv([KLAX] * 2)),
        lambda: VecObjectSlotObservation(SubprocVecEnv([KLAX] * 2)),
        lambda: make_slot_vec_env(
            "ALE/Klax-v5", n_envs=2, backend="dummy", motion=False, flatten=False, seed=7
        ),
    ],
    ids=["sync", "async", "make_vec", "dummy", "subproc", "stack"],
)
def test_vectors_of_a_game_of_250_rows_give_the_slots_of_single_ones(build):
    envs = build()
    singles = [with_slots("Klax") for _ in range(2)]
    expected = [env.reset(seed=7 + i)[0] for i, env in enumerate(singles)]
    if isinstance(envs, VecObjectSlotObservation):
        envs.seed(7)
        slots = envs.reset()
    else:
        slots, _ = envs.reset(seed=7)
    for i in range(10):
        np.testing.assert_allclose(slots, np.stack(expected), atol=ROUNDING)
        actions = np.array([i % 5, 3])
        slots = envs.step(actions)[0]
        expected = [env.step(a)[0] for env, a in zip(singles, actions.tolist(), strict=True)]
    envs.close()


@pytest.mark.parametrize(
    "build",
    [
        lambda: VectorSlots(
            gym.make_vec(
                "ALE/Klax-v5",
                2,
                img_height=250,
                img_width=160,
                grayscale=False,
                stack_num=1,
                maxpool=False,
            ),
        ),
        lambda: make_slot_vec_env("Klax", n_envs=2, flatten=False),
    ],
    ids=["make_vec", "stack"],
)
def test_ales_own_vectors_give_slots_in_a_game_of_250_rows(build):
    envs = build()
    first = envs.reset()
    slots = first if isinstance(envs, VecObjectSlotObservation) else first[0]
    assert slots.shape[0] == 2
    for i in range(10):
        slots = envs.step(np.array([i % 5, 3]))[0]
        assert np.isfinite(slots).all()
    envs.close()


def test_a_game_of_another_height_is_refused_by_its_size():
    with pytest.raises(ValueError, match=r"needs .*\(210, 160, 3\).*got shape \(250, 160, 3\)"):
        ObjectSlotObservation(KLAX(), "pong")
