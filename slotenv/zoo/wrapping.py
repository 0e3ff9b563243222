"""The wrapper that the zoo's configs name: the encoder's frames, then slots, then clipped rewards.

The zoo makes an environment by its id, puts a ``Monitor`` around it and then what ``env_wrapper``
names. So the frames have to be made with wrappers around that, not with an environment of our own.
"""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym

from slotenv.environments import atari_game
from slotenv.frames import FramePreset
from slotenv.wrapper import LazyEncoder, ObjectSlotObservation

VARIABLE = "SLOTENV_ENCODER"


def encoder_from_environment() -> str:
    """Return what the environment variable ``SLOTENV_ENCODER`` names.

    Raises:
        ValueError: If it is not set.
    """
    name = os.environ.get(VARIABLE, "").strip()
    if not name:
        raise ValueError(
            f"the environment variable {VARIABLE} must name the slot encoder (a folder or a hub "
            f"id), and is not set: export {VARIABLE}=runs/pong"
        )
    # From anywhere: the zoo saves this, and its enjoy script may be started in another folder.
    return os.path.abspath(name) if os.path.exists(name) else name


def with_slots(
    env: gym.Env[Any, Any],
    encoder: str | os.PathLike[str] | None = None,
    *,
    flatten: bool = False,
    motion: bool = False,
    hold: bool | None = None,
    clip_reward: bool = True,
    device: str = "cpu",
) -> gym.Env[Any, Any]:
    """Turn an environment that the zoo made into one whose observations are slots.

    Args:
        env: A pixel environment; of Atari's, ``<Game>NoFrameskip-v4`` for an encoder pretrained on
            frames ``scn``, ``ALE/<Game>-v5`` for ``v5``.
        encoder: A ready-made encoder (``"pong"``), a folder or a hub id. Default: what
            ``SLOTENV_ENCODER`` names.
        flatten: Whether slots are one vector.
        motion: Whether each slot is followed by its change since the last step.
        hold: Whether a hidden object's numbers stay as they were last seen; by default they do for
            encoders whose slots say when their object is hidden (``slot_fields``).
        clip_reward: Whether an Atari game's rewards become their sign. The zoo's ``Monitor`` is
            inside and reports the game's own score.
        device: Where the encoder's weights are put.

    Raises:
        TypeError: If this is no single environment, or a switch is neither True nor False.
        ValueError: If no encoder is named, or the environment makes its frames in another way.
        FileNotFoundError: If there is no such encoder.
    """
    if not isinstance(env, gym.Env):
        raise TypeError(f"with_slots wraps one gymnasium.Env, got {type(env).__name__}")
    if not isinstance(clip_reward, bool):
        raise TypeError(f"clip_reward must be True or False, got {clip_reward!r}")
    name = encoder_from_environment() if encoder is None else encoder
    lazy = LazyEncoder(name, device=device, user="slotenv.zoo.with_slots")
    preset = lazy.preprocess
    if hold is None:
        hold = lazy.slot_fields is not None
    atari = getattr(env.unwrapped, "ale", None) is not None
    if atari and preset.name != "plain":
        _check_emulator(env, preset)
        if preset.name == "scn":
            env = _scn_frames(env, preset)
    env = ObjectSlotObservation(env, name, flatten=flatten, motion=motion, hold=hold, device=device)
    return gym.wrappers.TransformReward(env, _sign) if atari and clip_reward else env


def _check_emulator(env: gym.Env[Any, Any], preset: FramePreset) -> None:
    """Raise unless the bare environment is the one that the preset starts from."""
    base: Any = env.unwrapped
    name = env.spec.id if env.spec is not None else "this environment"
    skip, sticky = base._frameskip, base.ale.getFloat("repeat_action_probability")
    needed = 1 if preset.name == "scn" else preset.frame_skip
    if (skip, round(sticky, 6)) != (needed, preset.repeat_action_probability):
        game = atari_game(name) if env.spec is not None else "<Game>"
        form = f"{game}NoFrameskip-v4" if preset.name == "scn" else f"ALE/{game}-v5"
        raise ValueError(
            f"this encoder was pretrained on frames of preset {preset.name!r}: use --env {form} "
            f"({name} skips {skip} frames and repeats actions with probability {sticky:g})"
        )


def _scn_frames(env: gym.Env[Any, Any], preset: FramePreset) -> gym.Env[Any, Any]:
    """Add what :func:`slotenv.make_env` adds for the preset, in the same order.

    Stable-Baselines3's skip in place of ours, which acts on the emulator past the Monitor.
    """
    from stable_baselines3.common.atari_wrappers import (
        EpisodicLifeEnv,
        FireResetEnv,
        MaxAndSkipEnv,
        NoopResetEnv,
    )

    meanings = env.unwrapped.get_action_meanings()  # type: ignore[attr-defined]
    if preset.noop_max:
        env = NoopResetEnv(env, noop_max=preset.noop_max)
    if preset.fire_on_reset and len(meanings) >= 3 and meanings[1] == "FIRE":
        env = FireResetEnv(env)
    env = MaxAndSkipEnv(env, skip=preset.frame_skip)
    return EpisodicLifeEnv(env) if preset.terminal_on_life_loss else env


def _sign(reward: Any) -> float:
    return float((reward > 0) - (reward < 0))
