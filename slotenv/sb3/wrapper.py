"""The ``VecEnv`` wrapper, which encodes the frames of all environments in one batch.

:func:`make_slot_vec_env` builds it with all that is around and inside it.
"""

import operator
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, SupportsIndex, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecEnv,
    VecEnvWrapper,
    VecMonitor,
)
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from slotenv import compatibility, ready
from slotenv.checks import switch, whole_number
from slotenv.encoders import SlotEncoder
from slotenv.environments import make_env, own_settings, resolve_preset
from slotenv.games import names_of
from slotenv.lazy_encoder import LazyEncoder
from slotenv.observations import SlotObservations
from slotenv.sb3.atari import AtariVecEnv, VecClipReward, VecEpisodicLives

Backend = Literal["ale", "dummy", "subproc"]
"""Where environments run: ale-py's C++ threads, this process, or processes of their own."""

_USER = "VecObjectSlotObservation"
_LAST = "terminal_observation"


class VecObjectSlotObservation(VecEnvWrapper):
    """Replaces the frames of a ``VecEnv`` by their slots, with one forward pass per step.

    The last observations of ended episodes, ``infos[i]["terminal_observation"]``, are encoded in
    the same batch; their motion is the change since the step before. Put the wrapper directly
    around the pixels, and ``VecNormalize``, ``VecFrameStack`` around it; ``VecMonitor`` goes on
    either side, ``VecTransposeImage`` may be inside. Slots are for ``"MlpPolicy"``, dicts with
    pixels for ``"MultiInputPolicy"``.

    The other arguments, errors and warnings are those of :class:`slotenv.ObjectSlotObservation`.
    Without an encoder, all environments must show one game. The frame skip of environments in
    processes, and of wrappers from elsewhere, is checked with the second step only.

    Args:
        venv: Environments whose observations are the encoder's frames, channels last or first.

    Example:
        >>> venv = make_vec_env("ALE/Pong-v5", n_envs=8)  # doctest: +SKIP
        >>> PPO("MlpPolicy", VecObjectSlotObservation(venv))  # doctest: +SKIP
        >>> PPO("MlpPolicy", VecObjectSlotObservation(venv, "runs/pong"))  # doctest: +SKIP
    """

    def __init__(
        self,
        venv: VecEnv,
        encoder: str | os.PathLike[str] | SlotEncoder | None = None,
        *,
        flatten: bool = False,
        keep_pixels: bool = False,
        motion: bool = False,
        hold: bool = False,
        device: str | torch.device = "cpu",
    ) -> None:
        compatibility.check_wrapped(venv, VecEnv, user=_USER)
        compatibility.check_open(getattr(venv.unwrapped, "closed", False), user=_USER)
        if encoder is None:
            encoder = ready.for_environments(names_of(venv.unwrapped), user=_USER)
        self._encoder = LazyEncoder(encoder, device=device, user=_USER)
        self._slots = SlotObservations(
            self._encoder, flatten=flatten, keep_pixels=keep_pixels, motion=motion, hold=hold
        )
        preset, space = self._encoder.preprocess, venv.observation_space
        first = (3, preset.height, preset.width)
        self._channels_first = space.dtype == np.uint8 and space.shape == first != preset.shape
        if not self._channels_first:
            preset.check_space(space, user=_USER)
        compatibility.check_vector(venv.unwrapped, preset, self._encoder.trained_on, user=_USER)
        super().__init__(venv, observation_space=self._slots.space(space))
        self._frame_numbers = compatibility.FrameNumberCheck(preset, user=_USER)
        self._closed, self._stepping = False, False

    def seed(self, seed: SupportsIndex | None = None) -> Sequence[int | None]:
        """Seed the environments: the first with this number, the others count on."""
        return self.venv.seed(None if seed is None else operator.index(seed))

    def reset(self) -> Any:
        """Reset all environments."""
        compatibility.check_open(self._closed, user=_USER)
        if self._stepping:  # what is under way would be taken for the first frames
            self.venv.step_wait()
            self._stepping = False
        pixels: Any = self.venv.reset()
        self._frame_numbers.reset()
        return self._slots.with_pixels(self._slots.reset(self._frames(pixels)), pixels)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Let the environments act."""
        compatibility.check_open(self._closed, user=_USER)
        compatibility.check_actions(actions, self.num_envs, self.action_space, user=_USER)
        self.venv.step_async(actions)
        self._stepping = True

    def step_wait(self) -> VecEnvStepReturn:
        """Encode the frames that follow the actions."""
        compatibility.check_open(self._closed, user=_USER)
        if not self._stepping:  # environments in processes would never answer
            raise RuntimeError(f"{_USER} has no step to wait for: call step_async() first")
        self._stepping = False
        pixels: Any
        pixels, rewards, dones, infos = self.venv.step_wait()
        numbers = np.array([info.get("episode_frame_number", -1) for info in infos])
        self._frame_numbers.step(numbers, dones)
        last = {i: infos[i][_LAST] for i in np.flatnonzero(dones).tolist() if _LAST in infos[i]}
        slots, ends = self._slots.step(
            self._frames(pixels),
            restarted=dones,
            final_frames={i: self._frames(frame[None])[0] for i, frame in last.items()},
        )
        infos = list(infos)
        for i, end in ends.items():
            infos[i] = {**infos[i], _LAST: self._slots.with_pixels(end, last[i])}
        return self._slots.with_pixels(slots, pixels), rewards, dones, infos

    @property
    def boxes(self) -> NDArray[np.float32]:
        """Where slots are in the frames of the last observations, float32 (n, K, 5).

        Presence from 0 to 1, x and y of the middle, width and height in pixels, inside the frame;
        what was seen in this very frame, also with ``hold``. Of an environment that has started
        anew it is the first frame. Nothing is encoded again.

        Raises:
            TypeError: If the encoder does not say where its slots are (``has_boxes``).
            RuntimeError: Before the first reset.
        """
        return self._slots.boxes

    def close(self) -> None:
        """Close the environments."""
        self._closed = True
        self.venv.close()

    def _frames(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.moveaxis(pixels, 1, -1) if self._channels_first else pixels


def make_slot_vec_env(
    env_id: str,
    encoder: str | os.PathLike[str] | SlotEncoder | None = None,
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
    env_kwargs: Mapping[str, Any] | None = None,
    device: str | torch.device = "cpu",
) -> VecObjectSlotObservation:
    """Build environments whose frames are made as the encoder's were, and their slots.

    From the inside out: the games under ``encoder.preprocess`` (frame skip, pooling, sticky
    actions, no-ops, FIRE); ``VecMonitor``, which records the true returns of whole games; for
    training on Atari, a life as an episode if the preset says so, and rewards clipped to their
    sign; :class:`VecObjectSlotObservation`. For evaluation, ``training=False``: whole games and the
    game's own rewards, in the same outermost class, as ``EvalCallback`` wants it.

    Args:
        env_id: Atari name in any form, or an id for :func:`gymnasium.make`.
        encoder: As for the wrapper, like ``motion``, ``hold``, ``keep_pixels`` and ``device``;
            None for the ready-made one of the game.
        n_envs: Number of environments.
        seed: Seed of the first; the others count on. None for a random one.
        motion: Whether each slot is followed by its change since the last step.
        hold: Whether the numbers of a hidden object that flickers stay as they were last seen.
        flatten: Whether slots are one vector per environment, for ``"MlpPolicy"``.
        keep_pixels: Whether observations are dicts with the frames as well.
        training: Whether an agent learns from these environments, or is evaluated.
        backend: Where the environments run. ``"ale"``: in ale-py's C++ threads, see
            :class:`AtariVecEnv` for what differs; ``"dummy"``: one after the other in this process;
            ``"subproc"``: each in a process of its own. By default ``"ale"`` where it can be, for
            Atari presets without another ``render_mode`` than ``"rgb_array"`` and without
            ``env_kwargs``, else ``"dummy"``.
        monitor_file: Where ``VecMonitor`` writes its CSV, if anywhere.
        render_mode: Passed to :func:`gymnasium.make`.
        env_kwargs: Settings of the environments, as :func:`slotenv.make_env` takes them:
            ``{"mode": 1, "difficulty": 3}``. ale-py's threads cannot have them.
        device: Where the weights are put.

    Raises:
        ValueError: If there is no such backend or it cannot run these environments; the other
            errors and warnings are those of :class:`slotenv.ObjectSlotObservation`.

    Example:
        >>> venv = make_slot_vec_env("ALE/Pong-v5")  # doctest: +SKIP
        >>> PPO("MlpPolicy", venv).learn(1_000_000)  # doctest: +SKIP
    """
    user = "make_slot_vec_env"
    if not isinstance(env_id, str):
        raise TypeError(f"{user} needs the name of an environment, got {type(env_id).__name__}")
    count = whole_number("n_envs", n_envs, low=1)
    first_seed = None if seed is None else whole_number("seed", seed)
    training = switch("training", training)
    if encoder is None:
        encoder = ready.for_environments([env_id], user=user)
    lazy = LazyEncoder(encoder, device=device, user=user)
    shown = {"flatten": flatten, "keep_pixels": keep_pixels, "motion": motion, "hold": hold}
    SlotObservations(lazy, **shown)  # raises if they are odd, before environments are made
    preset = resolve_preset(env_id, lazy.preprocess)
    as_it_is = not env_kwargs and not own_settings(env_id)
    can_be_ale = preset.is_atari and render_mode in (None, "rgb_array") and as_it_is
    if backend is None:
        backend = "ale" if can_be_ale else "dummy"
    if backend not in get_args(Backend):
        raise ValueError(f"backend must be one of {', '.join(get_args(Backend))}, got {backend!r}")
    if backend == "ale" and not can_be_ale:
        raise ValueError(
            f"{user}: backend 'ale' is for Atari presets and shows them as 'rgb_array' only, "
            f"without env_kwargs, got {env_id} with preset {preset.name!r}, "
            f"render_mode={render_mode!r} and env_kwargs={env_kwargs!r}. Leave backend out."
        )
    if backend == "subproc":  # a VecEnv of processes does not say what is in them
        compatibility.check_game(env_id, lazy.trained_on, user=user)
    whole_games = replace(preset, terminal_on_life_loss=False)
    venv: VecEnv
    if backend == "ale":
        venv = AtariVecEnv(env_id, count, preset=whole_games)
    else:
        settings = env_kwargs or {}
        make = partial(make_env, env_id, whole_games, render_mode=render_mode, **settings)
        venv = (SubprocVecEnv if backend == "subproc" else DummyVecEnv)([make] * count)
    venv.seed(first_seed)
    venv = VecMonitor(venv, None if monitor_file is None else os.fspath(monitor_file))
    if training and preset.terminal_on_life_loss:
        venv = VecEpisodicLives(venv)
    if training and preset.is_atari:
        venv = VecClipReward(venv)
    return VecObjectSlotObservation(venv, encoder, **shown, device=device)
