"""Configs for RL Baselines3 Zoo: its algorithms on slots, without a line of code.

A game's ready-made encoder is taken unless the environment variable ``SLOTENV_ENCODER`` names
another::

    pip install "slotenv[zoo]"
    export SLOTENV_ENCODER=runs/pong  # may be left out
    python -m rl_zoo3.train --algo ppo --env PongNoFrameskip-v4 -conf slotenv.zoo.ppo

``slotenv.zoo.dqn`` is the one for DQN. :data:`PPO_YAML` is the path of a YAML file with the same
settings as ``slotenv.zoo.ppo``, to copy and change. An encoder that was pretrained on
``ALE/Pong-v5`` goes with ``--env ALE/Pong-v5``, one pretrained on ``Pong`` with
``--env PongNoFrameskip-v4``.
"""

import os
from pathlib import Path
from typing import Any

import gymnasium as gym

from slotenv import ready
from slotenv.checks import switch
from slotenv.compatibility import check_wrapped
from slotenv.environments import atari_game, resolve_preset
from slotenv.frames import FramePreset
from slotenv.games import name_of
from slotenv.lazy_encoder import LazyEncoder, from_anywhere
from slotenv.wrapper import ObjectSlotObservation

__all__ = ["PPO_YAML", "VARIABLE", "encoder_from_environment", "with_slots"]

PPO_YAML = str(Path(__file__).with_name("ppo.yml"))
"""Path of a YAML file with the settings of :mod:`slotenv.zoo.ppo`, to copy and change."""

VARIABLE = "SLOTENV_ENCODER"
"""The environment variable that names the encoder, if not the game's own."""

_USER = "with_slots"


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

    Frames are made by wrappers around the zoo's ``Monitor``, which reports the game's own score.

    Args:
        env: A pixel environment; of Atari's, ``<Game>NoFrameskip-v4`` for an encoder pretrained on
            frames ``scn``, ``ALE/<Game>-v5`` for ``v5``.
        encoder: A ready-made encoder (``"pong"``), a folder or a hub id. Default: what
            ``SLOTENV_ENCODER`` names, or the ready-made encoder of the environment's game.
        flatten: Whether slots are one vector.
        motion: Whether each slot is followed by its change since the last step.
        hold: Whether a hidden object's numbers stay as they were last seen; by default they do for
            encoders whose slots say when their object is hidden (``slot_fields``).
        clip_reward: Whether an Atari game's rewards become their sign.
        device: Where the encoder's weights are put.

    Raises:
        TypeError: If this is no single environment, or a switch is neither True nor False.
        ValueError: If no encoder is named and there is none of the game, or the environment makes
            its frames in another way.
        FileNotFoundError: If there is no such encoder.
    """
    check_wrapped(env, gym.Env, user=_USER)
    clip_reward = switch("clip_reward", clip_reward)
    given = encoder or encoder_from_environment()
    try:
        found = given or ready.for_environments([name_of(env)], user=_USER)
    except ValueError as error:
        raise ValueError(f"{error}, or its name in a variable: export {VARIABLE}=...") from error
    lazy = LazyEncoder(found, device=device, user=_USER)
    preset = lazy.preprocess
    if hold is None:
        hold = lazy.slot_fields is not None
    atari = getattr(env.unwrapped, "ale", None) is not None
    if atari and preset.is_atari:
        env = _frames(env, preset if env.spec is None else resolve_preset(env.spec.id, preset))
    env = ObjectSlotObservation(
        env, given or None, flatten=flatten, motion=motion, hold=hold, device=device
    )
    return gym.wrappers.TransformReward(env, _sign) if atari and clip_reward else env


def _frames(env: gym.Env[Any, Any], preset: FramePreset) -> gym.Env[Any, Any]:
    """Add what :func:`slotenv.make_env` adds for an Atari preset, in the same order.

    Stable-Baselines3's skip in place of ours, which acts on the emulator past the Monitor.

    Raises:
        ValueError: If the bare environment is not the one that the preset starts from.
    """
    from stable_baselines3.common import atari_wrappers as sb3

    base: Any = env.unwrapped
    skip, sticky = base._frameskip, base.ale.getFloat("repeat_action_probability")
    is_scn = preset.name == "scn"
    needed = 1 if is_scn else preset.frame_skip
    if (skip, round(sticky, 6)) != (needed, preset.repeat_action_probability):
        name, game = ("this environment", "<Game>")
        if env.spec is not None:
            name, game = env.spec.id, str(atari_game(env.spec.id))
        form = f"{game}NoFrameskip-v4" if is_scn else f"ALE/{game}-v5"
        raise ValueError(
            f"this encoder was pretrained on frames of preset {preset.name!r}: use --env {form} "
            f"({name} skips {skip} frames and repeats actions with probability {sticky:g})"
        )
    if not is_scn:
        return env
    meanings = base.get_action_meanings()
    if preset.noop_max and meanings[0] == "NOOP":  # not in Backgammon and VideoCheckers
        env = sb3.NoopResetEnv(env, noop_max=preset.noop_max)
    if preset.fire_on_reset and len(meanings) >= 3 and meanings[1] == "FIRE":
        env = sb3.FireResetEnv(env)
    env = sb3.MaxAndSkipEnv(env, skip=preset.frame_skip)
    return _SeedBeginsGame(sb3.EpisodicLifeEnv(env)) if preset.terminal_on_life_loss else env


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
