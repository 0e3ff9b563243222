"""The wrapper that the zoo's configs name: the encoder's frames, then slots, then clipped rewards.

The zoo makes an environment by its id, puts a ``Monitor`` around it and then what ``env_wrapper``
names. So the frames have to be made with wrappers around that, not with an environment of our own.
"""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym

from slotenv.checks import switch
from slotenv.compatibility import check_wrapped
from slotenv.environments import atari_game
from slotenv.frames import FramePreset
from slotenv.lazy_encoder import LazyEncoder, from_anywhere
from slotenv.wrapper import ObjectSlotObservation

VARIABLE = "SLOTENV_ENCODER"


def encoder_from_environment() -> str | None:
    """Return what the environment variable ``SLOTENV_ENCODER`` names, None if it is not set."""
    name = os.environ.get(VARIABLE, "").strip()
    # From anywhere: the zoo saves this, and its enjoy script may be started in another folder.
    return from_anywhere(name) if name else None


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
            ``SLOTENV_ENCODER`` names, or the ready-made encoder of the environment's game.
        flatten: Whether slots are one vector.
        motion: Whether each slot is followed by its change since the last step.
        hold: Whether a hidden object's numbers stay as they were last seen; by default they do for
            encoders whose slots say when their object is hidden (``slot_fields``).
        clip_reward: Whether an Atari game's rewards become their sign. The zoo's ``Monitor`` is
            inside and reports the game's own score.
        device: Where the encoder's weights are put.

    Raises:
        TypeError: If this is no single environment, or a switch is neither True nor False.
        ValueError: If no encoder is named and there is none of the game, or the environment makes
            its frames in another way.
        FileNotFoundError: If there is no such encoder.
    """
    check_wrapped(env, gym.Env, user="with_slots")
    clip_reward = switch("clip_reward", clip_reward)
    name = encoder or encoder_from_environment() or _ready_made(env)
    lazy = LazyEncoder(name, device=device, user="slotenv.zoo.with_slots")
    preset = lazy.preprocess
    if hold is None:
        hold = lazy.slot_fields is not None
    atari = getattr(env.unwrapped, "ale", None) is not None
    if atari and preset.is_atari:
        _check_emulator(env, preset)
        if preset.name == "scn":
            env = _scn_frames(env, preset)
    env = ObjectSlotObservation(env, name, flatten=flatten, motion=motion, hold=hold, device=device)
    return gym.wrappers.TransformReward(env, _sign) if atari and clip_reward else env


def _ready_made(env: gym.Env[Any, Any]) -> str:
    """Return the name of the ready-made encoder of an environment's game."""
    from slotenv import ready

    env_id = "an environment without a name" if env.spec is None else env.spec.id
    name = None if env.spec is None else ready.find(env_id)
    if name is None:
        raise ValueError(
            f"no slot encoder is named, and there is no ready-made one of {env_id}; "
            f"{ready.listing()}. Name one, a folder or a hub id: export {VARIABLE}=runs/mine"
        )
    return name


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
    return _SeedBeginsGame(EpisodicLifeEnv(env)) if preset.terminal_on_life_loss else env


class _SeedBeginsGame(gym.Wrapper[Any, Any, Any, Any]):
    """Around an ``EpisodicLifeEnv``, which would go on with the next life: a seed begins a game."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        if seed is not None or options:
            self.env.was_real_done = True  # type: ignore[attr-defined]
        return self.env.reset(seed=seed, options=options)


def _sign(reward: Any) -> float:
    return float((reward > 0) - (reward < 0))
