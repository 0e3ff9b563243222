"""From an environment's name and an encoder to a ``VecEnv`` of slots, in one call."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import Literal, SupportsIndex, get_args

import torch
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecMonitor

from slotenv.checks import switch, whole_number
from slotenv.compatibility import check_game
from slotenv.encoders import SlotEncoder
from slotenv.environments import make_env
from slotenv.frames import FramePreset
from slotenv.lazy_encoder import LazyEncoder
from slotenv.observations import SlotObservations
from slotenv.sb3.atari import AtariVecEnv
from slotenv.sb3.rewards import VecClipReward, VecEpisodicLives
from slotenv.sb3.wrapper import VecObjectSlotObservation

Backend = Literal["ale", "dummy", "subproc"]
"""Where environments run: ale-py's C++ threads, this process, or processes of their own."""

_USER = "make_slot_vec_env"


def make_slot_vec_env(
    env_id: str,
    encoder: str | os.PathLike[str] | SlotEncoder,
    *,
    n_envs: SupportsIndex = 8,
    seed: SupportsIndex | None = 0,
    motion: bool = True,
    hold: bool = False,
    flatten: bool = True,
    keep_pixels: bool = False,
    training: bool = True,
    backend: Backend | None = None,
    monitor_file: str | os.PathLike[str] | None = None,
    render_mode: str | None = None,
    device: str | torch.device = "cpu",
) -> VecObjectSlotObservation:
    """Build environments whose frames are made as the encoder's were, and their slots.

    From the inside out: the games under ``encoder.preprocess`` (frame skip, pooling, sticky
    actions, no-ops, FIRE); ``VecMonitor``, which records the true returns of whole games; for
    training on Atari, a life as an episode if the preset says so, and rewards clipped to their
    sign; the slots. For evaluation, ``training=False``: whole games and the game's own rewards. The
    outermost class is the same, as ``EvalCallback`` wants it.

    Args:
        env_id: Atari name in any form, or an id for :func:`gymnasium.make`.
        encoder: A ready-made encoder (``"pong"``), a folder, a hub id, or one in memory.
        n_envs: Number of environments.
        seed: Seed of the first; the others count on. None for a random one.
        motion: Whether each slot is followed by its change since the last step.
        hold: Whether a hidden object's numbers stay as they were last seen; only for encoders with
            ``slot_fields``.
        flatten: Whether slots are one vector per environment, for ``"MlpPolicy"``.
        keep_pixels: Whether observations are dicts with the frames as well.
        training: Whether an agent learns from these environments, or is evaluated.
        backend: Where the environments run. ``"ale"``: in ale-py's C++ threads, see
            :class:`AtariVecEnv` for what differs; ``"dummy"``: one after the other in this process;
            ``"subproc"``: each in a process of its own. By default ``"ale"`` where it can be, for
            Atari presets without another ``render_mode`` than ``"rgb_array"``, else ``"dummy"``.
        monitor_file: Where ``VecMonitor`` writes its CSV, if anywhere.
        render_mode: Passed to :func:`gymnasium.make`.
        device: Where the weights are put.

    Raises:
        TypeError: If an argument is of the wrong kind.
        ValueError: If environment and encoder do not fit, there is no such backend or it cannot
            run these environments, or slots cannot be held.
        FileNotFoundError: If there is no such encoder.

    Warns:
        UserWarning: If the encoder was trained on another game.

    Example:
        >>> venv = make_slot_vec_env("ALE/Pong-v5", "runs/pong")  # doctest: +SKIP
        >>> PPO("MlpPolicy", venv).learn(1_000_000)  # doctest: +SKIP
    """
    if not isinstance(env_id, str):
        raise TypeError(f"{_USER} needs the name of an environment, got {type(env_id).__name__}")
    count = whole_number("n_envs", n_envs, low=1)
    first_seed = None if seed is None else whole_number("seed", seed)
    training = switch("training", training)
    lazy = LazyEncoder(encoder, device=device, user=_USER)
    shown = {"flatten": flatten, "keep_pixels": keep_pixels, "motion": motion, "hold": hold}
    SlotObservations(lazy, **shown)  # raises if they are odd, before environments are made
    preset = lazy.preprocess
    backend = _backend(backend, preset, render_mode)
    if backend == "subproc":  # a VecEnv of processes does not say what is in them
        check_game(env_id, lazy.trained_on, user=_USER)
    whole_games = replace(preset, terminal_on_life_loss=False)
    venv: VecEnv
    if backend == "ale":
        venv = AtariVecEnv(env_id, count, preset=whole_games)
    else:
        make = partial(make_env, env_id, whole_games, render_mode=render_mode)
        venv = (SubprocVecEnv if backend == "subproc" else DummyVecEnv)([make] * count)
    venv.seed(first_seed)
    venv = VecMonitor(venv, None if monitor_file is None else os.fspath(monitor_file))
    if training and preset.terminal_on_life_loss:
        venv = VecEpisodicLives(venv)
    if training and preset.is_atari:
        venv = VecClipReward(venv)
    return VecObjectSlotObservation(venv, encoder, **shown, device=device)


def _backend(asked: Backend | None, preset: FramePreset, render_mode: str | None) -> Backend:
    """Return where environments are to run; raise if they cannot."""
    can_be_ale = preset.is_atari and render_mode in (None, "rgb_array")
    if asked is None:
        return "ale" if can_be_ale else "dummy"
    if asked not in get_args(Backend):
        raise ValueError(f"backend must be one of {', '.join(get_args(Backend))}, got {asked!r}")
    if asked == "ale" and not can_be_ale:
        raise ValueError(
            f"{_USER}: backend 'ale' is for Atari presets and shows them as 'rgb_array' only, got "
            f"preset {preset.name!r} and render_mode={render_mode!r}. Leave backend out."
        )
    return asked
