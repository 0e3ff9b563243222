"""From an environment's name and an encoder to a ``VecEnv`` of slots, in one call."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecMonitor

from slotenv.compatibility import check_game
from slotenv.encoders import SlotEncoder
from slotenv.environments import make_env
from slotenv.frames import FramePreset
from slotenv.sb3.atari import AtariVecEnv, check_count
from slotenv.sb3.rewards import VecClipReward, VecEpisodicLives
from slotenv.sb3.wrapper import VecObjectSlotObservation
from slotenv.wrapper import LazyEncoder

_USER = "make_slot_vec_env"


def make_slot_vec_env(
    env_id: str,
    encoder: str | os.PathLike[str] | SlotEncoder,
    *,
    n_envs: int = 8,
    seed: int | None = 0,
    motion: bool = True,
    hold: bool = False,
    flatten: bool = True,
    keep_pixels: bool = False,
    training: bool = True,
    fast: bool | None = None,
    subprocesses: bool = False,
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
        fast: Whether games run in ale-py's C++ threads, see :class:`AtariVecEnv` for what differs.
            By default they do for Atari presets.
        subprocesses: Whether environments in Python (``fast=False``) run in processes of their own.
        monitor_file: Where ``VecMonitor`` writes its CSV, if anywhere.
        render_mode: For environments in Python, passed to :func:`gymnasium.make`.
        device: Where the weights are put.

    Raises:
        TypeError: If an argument is of the wrong kind.
        ValueError: If environment and encoder do not fit, ``fast`` is asked for what has no fast
            path, or slots cannot be held.
        FileNotFoundError: If there is no such encoder.

    Warns:
        UserWarning: If the encoder was trained on another game.

    Example:
        >>> venv = make_slot_vec_env("ALE/Pong-v5", "runs/pong")  # doctest: +SKIP
        >>> PPO("MlpPolicy", venv).learn(1_000_000)  # doctest: +SKIP
    """
    n_envs = check_count(n_envs)
    _check_kinds(env_id, seed, training=training, fast=fast, subprocesses=subprocesses)
    lazy = LazyEncoder(encoder, device=device, user=_USER)
    shown = {"flatten": flatten, "keep_pixels": keep_pixels, "motion": motion, "hold": hold}
    lazy.layout(**shown)  # raises if they are odd
    preset = lazy.preprocess
    atari = preset.is_atari
    if fast and (subprocesses or not atari):
        raise ValueError(
            f"{_USER}: the fast path is for Atari presets, in threads of this process; this "
            f"encoder's preset is {preset.name!r} and subprocesses={subprocesses}. Leave fast out."
        )
    if fast and render_mode not in (None, "rgb_array"):
        raise ValueError(
            f"{_USER}: games in C++ have no render_mode {render_mode!r}, only 'rgb_array': leave "
            "fast out"
        )
    if fast is None:
        fast = atari and not subprocesses and render_mode in (None, "rgb_array")
    if subprocesses:  # a VecEnv of processes does not say what is in them
        check_game(env_id, lazy.trained_on, user=_USER)
    whole_games = replace(preset, terminal_on_life_loss=False)
    venv: VecEnv = (
        AtariVecEnv(env_id, n_envs, preset=whole_games)
        if fast
        else _in_python(env_id, whole_games, n_envs, subprocesses, render_mode)
    )
    venv.seed(None if seed is None else int(seed))
    venv = VecMonitor(venv, None if monitor_file is None else os.fspath(monitor_file))
    if training and preset.terminal_on_life_loss:
        venv = VecEpisodicLives(venv)
    if training and atari:
        venv = VecClipReward(venv)
    return VecObjectSlotObservation(venv, encoder, **shown, device=device)


def _in_python(
    env_id: str, preset: FramePreset, n_envs: int, subprocesses: bool, render_mode: str | None
) -> VecEnv:
    makers: list[Callable[[], gym.Env[Any, Any]]] = [
        partial(make_env, env_id, preset, render_mode=render_mode)
    ] * n_envs
    return SubprocVecEnv(makers) if subprocesses else DummyVecEnv(makers)


def _check_kinds(env_id: object, seed: object, **switches: object) -> None:
    if not isinstance(env_id, str):
        raise TypeError(f"{_USER} needs the name of an environment, got {type(env_id).__name__}")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer)):
        raise TypeError(f"seed must be a whole number or None, got {seed!r}")
    for name, value in switches.items():
        if not isinstance(value, bool | np.bool_) and not (name == "fast" and value is None):
            raise TypeError(f"{name} must be True or False, got {value!r}")
