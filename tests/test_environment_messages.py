"""Environments that slotenv cannot use as they are: what is done, or said, about them."""

from __future__ import annotations

import sys
import types

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SPRITES, SpritesEnv
from gymnasium.spaces import Box, Dict, Discrete
from gymnasium.utils.env_checker import check_env

from slotenv.environments import PixelObservation, UnknownEnvironment, make_env, preset_for
from slotenv.frames import plain

IMAGE = Box(0, 255, (84, 84, 3), np.uint8)


@pytest.fixture
def register():
    """Register environments for one test."""
    before = set(gym.registry)
    yield gym.register
    for name in gym.registry.keys() - before:
        del gym.registry[name]


class Shows(SpritesEnv):
    """Shows what a function makes of the frame, and says that it is in a space."""

    def __init__(self, space, view):
        super().__init__()
        self.observation_space, self.view = space, view

    def _observe(self):
        return self.view(super()._observe())


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
def test_the_only_image_of_a_dict_is_taken(register):
    space = Dict(mission=Discrete(4), image=IMAGE, mask=Box(0, 1, (84, 84), np.uint8))

    def build():
        return Shows(space, lambda f: {"mission": 1, "image": f, "mask": f[..., 0] // 255})

    register("tests/Mission-v0", entry_point=build)
    assert preset_for("tests/Mission-v0") == plain(84, 84)
    env, raw = make_env("tests/Mission-v0", plain(84, 84)), gym.make(SPRITES)
    assert env.observation_space == IMAGE
    np.testing.assert_array_equal(env.reset(seed=2)[0], raw.reset(seed=2)[0])
    np.testing.assert_array_equal(env.step(1)[0], raw.step(1)[0])
    check_env(env, skip_render_check=True)


@pytest.mark.parametrize(
    "space", [Dict(a=IMAGE, b=IMAGE), Dict(a=Discrete(3)), Box(0, 255, (84, 84, 1), np.uint8)]
)
def test_none_or_several_images_are_refused(register, space):
    register("tests/Several-v0", entry_point=lambda: Shows(space, lambda f: f))
    for act in (preset_for, lambda name: make_env(name, plain(84, 84))):
        with pytest.raises(TypeError, match=r"tests/Several-v0 gives .*exactly one such image"):
            act("tests/Several-v0")
    with pytest.raises(TypeError, match="exactly one such"):
        PixelObservation(Shows(space, lambda f: f))


@pytest.mark.parametrize(
    ("view", "error", "words"),
    [
        (lambda f: f[:80], ValueError, r"uint8 \(80, 84, 3\), .*says uint8 \(84, 84, 3\)"),
        (lambda f: np.tile(f, (2, 2, 1)), ValueError, r"uint8 \(168, 168, 3\)"),
        (lambda f: f[..., :1], ValueError, r"uint8 \(84, 84, 1\)"),
        (lambda f: f / 255, TypeError, r"float64 \(84, 84, 3\)"),
        (lambda f: f.astype(np.int64), TypeError, "int64"),
        (lambda f: f.tolist(), TypeError, "a list"),
        (lambda f: None, TypeError, "a NoneType"),
    ],
)
def test_frames_are_what_the_space_says_or_an_error(register, view, error, words):
    views = [lambda f: f]
    register("tests/Lies-v0", entry_point=lambda: Shows(IMAGE, lambda f: views[-1](f)))
    env = make_env("tests/Lies-v0", plain(84, 84))
    env.reset(seed=0)
    views.append(view)
    for act in (lambda: env.step(0), env.reset):
        with pytest.raises(error, match=rf"tests/Lies-v0 gave a frame that is .*{words}"):
            act()


def test_what_can_draw_itself_is_told_how():
    with pytest.raises(TypeError, match="AddRenderObservation") as told:
        preset_for("CartPole-v1")
    code = str(told.value).partition("my_envs:drawn/CartPole-v1': ")[2]
    module = types.ModuleType("my_envs")
    exec(code, module.__dict__)
    name = "drawn/CartPole-v1"
    try:
        frame, _ = make_env(name, preset_for(name)).reset(seed=0)
        assert frame.dtype == np.uint8
        assert frame.min() < frame.max()
    finally:
        del gym.registry[name]


def test_what_cannot_draw_itself_is_not_told_to(register, monkeypatch):
    monkeypatch.setattr(Shows, "metadata", {"render_modes": []})
    register("tests/Blind-v0", entry_point=lambda: Shows(Discrete(3), int))
    with pytest.raises(TypeError, match="exactly one such image") as told:
        preset_for("tests/Blind-v0")
    assert "AddRender" not in str(told.value)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("lowway_env", "lowway-fast-v0"),
        ("minifield", "MiniField-Empty-5x5-v0"),
        ("gym_sokol", "Sokol/Easy-v1"),
    ],
)
def test_a_module_that_may_register_the_id_is_named(tmp_path, monkeypatch, module, name):
    monkeypatch.syspath_prepend(tmp_path)
    general = "named with its module: 'highway_env:highway-fast-v0'"
    with pytest.raises(UnknownEnvironment, match=general) as told:
        preset_for(name)
    assert module not in str(told.value)
    (tmp_path / f"{module}.py").write_text("")
    words = f"The module {module} may register it: use '{module}:{name}'"
    with pytest.raises(UnknownEnvironment, match=words):
        preset_for(name)
    monkeypatch.setitem(sys.modules, module, types.ModuleType(module))  # it has registered its own
    with pytest.raises(UnknownEnvironment, match=general) as told:
        preset_for(name)
    assert "may register" not in str(told.value)


@pytest.mark.parametrize("attribute", ["env_specs", None])
def test_ids_of_the_old_gym_are_told_of_shimmy(monkeypatch, attribute):
    ids = {"OldWorld-v1": 1}
    registry = types.SimpleNamespace(env_specs=ids) if attribute else ids
    gym_module = types.SimpleNamespace(envs=types.SimpleNamespace(registry=registry))
    monkeypatch.setitem(sys.modules, "gym", gym_module)
    monkeypatch.setitem(sys.modules, "oldworld", types.ModuleType("oldworld"))
    with pytest.raises(UnknownEnvironment, match=r"old gym, not with Gymnasium.*shimmy\.GymV21"):
        preset_for("oldworld:OldWorld-v1")


class Old(SpritesEnv):
    """Answers as environments did before Gymnasium."""

    def reset(self):
        return super().reset()[0]


class OldReset(SpritesEnv):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0]


class OldStep(SpritesEnv):
    def step(self, action):
        frame, reward, terminated, _, info = super().step(action)
        return frame, reward, terminated, info


class NoEnv:
    def __init__(self, **_): ...


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Old, "unexpected keyword argument"),
        (OldReset, r"reset of tests/Old-v0 returned uint8 \(84, 84, 3\)\. .* returns \(obs"),
        (OldStep, r"step of tests/Old-v0 returned a tuple of 4\. .*\(observation, reward"),
        (NoEnv, r"tests/Old-v0 is no gymnasium\.Env"),
    ],
)
def test_environments_with_the_old_methods_are_told_of_shimmy(register, cls, words):
    register("tests/Old-v0", entry_point=cls)

    def act():
        env = make_env("tests/Old-v0", plain(84, 84))
        env.reset(seed=1)
        env.step(0)

    with pytest.raises(TypeError, match=rf"(?s){words}.*shimmy\.GymV21CompatibilityV0"):
        act()
