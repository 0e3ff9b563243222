"""Names of environments, presets by name, and environments made by them."""

from __future__ import annotations

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SPRITES, SpritesEnv

from slotenv.environments import (
    UnknownEnvironment,
    atari_game,
    game_key,
    make_env,
    preset_for,
    read_ram,
    resolve_preset,
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
        ("ale/pong-V5", "Pong"),
        ("PONGNOFRAMESKIP-V4", "Pong"),
        ("ale_py:ALE/Pong-v5", "Pong"),
        ("ale_py:pong", "Pong"),
        ("Blackjack", "Blackjack"),
        ("ALE/Blackjack-v5", "Blackjack"),
        ("Blackjack-v1", None),
        ("blackjack-v1", None),
        ("Blackjack-v0", None),
        ("CartPole", None),
        ("my/Pong-v3", None),
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
    with pytest.raises(UnknownEnvironment) as refused:  # ids of slots give no frames
        make_env("Dots-v0", plain(84, 84))
    assert "-slots-v0" not in str(refused.value)
    with pytest.raises(UnknownEnvironment, match="cannot make"):
        make_env("no_such_module:Thing-v0", plain(84, 84))


@pytest.fixture
def register():
    """Register environments for one test."""
    before = dict(gym.registry)
    yield gym.register
    for name in gym.registry.keys() - before.keys():
        del gym.registry[name]
    gym.registry.update(before)


@pytest.mark.parametrize("name", ["Pong-v7", "my/Pong-v3", "PongNoFrameskip-v9", "ALE/Pong-v9"])
@pytest.mark.parametrize("entry_point", ["fake_envs:SpritesEnv", SpritesEnv])
def test_an_id_that_is_registered_is_that_environment(register, name, entry_point):
    register(name, entry_point=entry_point)
    assert atari_game(name) is game_key(name) is None
    assert preset_for(name) == plain(84, 84)
    assert isinstance(make_env(name, plain(84, 84)).unwrapped, SpritesEnv)
    assert atari_game("Pong") == atari_game("PongNoFrameskip-v4") == "Pong"


@pytest.mark.parametrize(
    "name", ["ALE/Pong-v6", "ale/ms_pacman-v4", "PongNoFrameskip-v1", "Pong-v9"]
)
def test_a_version_that_ale_never_had_is_unknown(name):
    with pytest.raises(
        UnknownEnvironment, match=r"no version v\d of .*: use ALE/(Pong|MsPacman)-v5"
    ):
        atari_game(name)
    assert atari_game("pong-v0") == atari_game("ale/pong-V5") == "Pong"


def test_an_id_of_ales_that_is_registered_anew_is_not_ales(register):
    with pytest.warns(UserWarning, match="Overriding environment"):
        register("Pong-v0", entry_point="fake_envs:SpritesEnv")
    assert atari_game("Pong-v0") is atari_game("pong-v0") is None
    assert atari_game("Pong-v4") == "Pong"


@pytest.mark.ale
@pytest.mark.parametrize(
    ("name", "preset"),
    [("ALE/Pong-v5", V5), ("PongNoFrameskip-v4", SCN), ("Pong", SCN), (SPRITES, plain(84, 84))],
)
def test_the_form_of_the_name_chooses_the_preset(name, preset):
    assert preset_for(name) == preset


@pytest.mark.ale
@pytest.mark.parametrize(
    ("game", "rows"),
    [("Carnival", 214), ("JourneyEscape", 230), ("Pooyan", 220), ("Klax", 250), ("Seaquest", 210)],
)
@pytest.mark.parametrize("name", ["scn", "v5", "plain"])
def test_frames_have_the_size_that_the_game_gives(game, rows, name):
    preset = preset_for(game, name)
    assert preset.shape == (rows, 160, 3)
    with make_env(game, preset) as env:
        assert env.reset(seed=0)[0].shape == env.step(0)[0].shape == preset.shape


@pytest.mark.ale
@pytest.mark.parametrize("preset", [SCN, V5], ids=lambda preset: preset.name)
def test_a_preset_of_another_size_is_refused(preset):
    words = (
        r"Carnival gives frames \(214, 160, 3\), the preset \(210, 160, 3\): .*preset_for\('Carn"
    )
    with pytest.raises(ValueError, match=words):
        make_env("Carnival", preset)


@pytest.mark.ale
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
    with pytest.raises(TypeError, match=r"needs a FramePreset, such as .*got str"):
        make_env("Pong", "v5")
    assert make_env(SPRITES, replace(plain(84, 84), name="mine")).reset()[0].shape == (84, 84, 3)


@pytest.mark.ale
@pytest.mark.parametrize("name", ["Pong", SPRITES])
def test_a_seed_may_be_numpys(name):
    env = make_env(name, preset_for(name))
    np.testing.assert_array_equal(env.reset(seed=np.int64(3))[0], env.reset(seed=3)[0])
    with pytest.raises(TypeError, match="integer"):
        env.reset(seed=1.5)


@pytest.mark.ale
def test_an_environments_name_says_which_frames_an_encoder_of_both_gets():
    either = replace(V5, max_pool=None)
    for name, preset in {
        "ALE/Pong-v5": V5,
        "PongNoFrameskip-v4": SCN,
        "pong": SCN,
        "ALE/AirRaid-v5": replace(V5, height=250),
        SPRITES: either,
    }.items():
        assert resolve_preset(name, either) == preset
        assert resolve_preset(name, V5) == V5
    open_size = plain(84, 80)
    assert resolve_preset("Pong", open_size) == open_size
    single, pooled = (make_env(name, either) for name in ("ALE/Pong-v5", "Pong"))
    assert single.unwrapped._frameskip == 4
    assert pooled.unwrapped._frameskip == 1
    for env in (single, pooled):
        env.close()
